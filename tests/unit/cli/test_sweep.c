/* What is told of a sweep while it goes on and at its end, by trials that are made up. */
#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/host/terminal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../../src/cli/sweep_private.h"
#include "support/unit.h"

struct fixture {
    struct arena arena;
    struct context context;
    struct sweep_row row;
    struct trial *trials;
    size_t count;
    struct sweep_result result;
    struct sweep_narrator *narrator;
};

static void fixture_drop(struct fixture *fixture)
{
    sweep_narrator_drop(&fixture->narrator);
    buf_drop(&fixture->context.out);
    arena_drop(&fixture->arena);
}

static void add_dimension(struct fixture *fixture, const char *word)
{
    struct dimension dimension;
    struct override fixed;
    bool is_fixed;
    assert_null(dimension_parse(&fixture->arena, str_of(word), &dimension, &fixed, &is_fixed));
    if (is_fixed)
        *vec_push(&fixture->arena, &fixture->row.sweep.fixed) = fixed;
    else
        *vec_push(&fixture->arena, &fixture->row.sweep.dimensions) = dimension;
}

static void open(struct fixture *fixture, size_t count)
{
    fixture->context.arena = &fixture->arena;
    fixture->context.common.no_colour = true;
    fixture->row = (struct sweep_row){
        .ulid = STR("01KB8QK2M1VDAAAAAASWEEP123"),
        .sweep = {.method = SWEEP_RANDOM,
                  .metric_key = STR("f1"),
                  .direction = HIGHER_IS_BETTER,
                  .repeat = 1,
                  .seed = 7,
                  .trials_most = (int64_t)count},
        .status = SWEEP_DONE,
        .spent_ns = 90 * NS_PER_S,
    };
    add_dimension(fixture, "train.lr=loguniform(1e-4,1e-1)");
    add_dimension(fixture, "train.optimizer=choice(adam,sgd)");
    add_dimension(fixture, "train.epochs=5");
    fixture->trials = arena_new_array(&fixture->arena, struct trial, count);
    fixture->count = count;
}

static void set(struct fixture *fixture, struct trial *trial, const char *key, struct str text)
{
    *vec_push(&fixture->arena, &trial->overrides) = (struct override){
        .file = STR("params.yaml"), .key = str_of(key), .text = text, .action = EDIT_SET};
}

/* Every ninth fails, every eleventh is stopped. */
static void fill(struct fixture *fixture)
{
    struct arena *arena = &fixture->arena;
    for (size_t i = 0; i < fixture->count; i++) {
        struct trial *trial = &fixture->trials[i];
        double lr = pow(10, -1 - 3 * (double)(i * 37 % 101) / 101);
        *trial = (struct trial){
            .number = (int64_t)i,
            .status = TRIAL_SUCCEEDED,
            .run = str_print(arena, "01KB8QK2M1VDAAAAAA%08zu", i),
            .has_score = true,
            .score = 0.9 - fabs(log10(lr) + 2) / 10 - (i % 2 ? 0.02 : 0),
            .duration_ns = (int64_t)(5 + i % 7) * NS_PER_S,
            .attempts = 1,
        };
        set(fixture, trial, "train.epochs", STR("5"));
        set(fixture, trial, "train.lr", str_print(arena, "%.12g", lr));
        set(fixture, trial, "train.optimizer", i % 2 ? STR("sgd") : STR("adam"));
        if (i % 9 == 8) {
            trial->status = TRIAL_FAILED;
            trial->has_score = false;
            trial->note = STR("train exited 1");
        } else if (i % 11 == 10) {
            trial->status = TRIAL_STOPPED;
            trial->has_score = false;
            trial->note = str_print(arena, "at step %zu: worse than the median of the others", i);
        }
        fixture->row.counts[trial->status]++;
    }
}

static void derive(struct fixture *fixture)
{
    assert_null(sweep_result_make(&fixture->arena, &fixture->row, fixture->trials, fixture->count,
                                  &fixture->result));
}

static void assert_has(struct str text, const char *wanted)
{
    if (str_find(text, str_of(wanted)) < 0)
        fail_msg("no '%s' in: %.*s", wanted, STR_FMT(text));
}

static void assert_has_not(struct str text, const char *unwanted)
{
    if (str_find(text, str_of(unwanted)) >= 0)
        fail_msg("'%s' in: %.*s", unwanted, STR_FMT(text));
}

static struct str show(struct fixture *fixture)
{
    buf_clear(&fixture->context.out);
    sweep_result_text(&fixture->context, &fixture->result, 0);
    return buf_str(&fixture->context.out);
}

/* --- results -------------------------------------------------------------------------------- */

static void trials_are_sorted_and_only_what_varies_is_shown(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    open(&fixture, 24);
    fill(&fixture);
    derive(&fixture);
    assert_int_equal(fixture.result.params.len, 2);
    assert_int_equal(fixture.result.scored_count, 24 - 2 - 2);
    for (size_t i = 1; i < fixture.result.scored_count; i++)
        assert_true(fixture.trials[fixture.result.order[i - 1]].score >=
                    fixture.trials[fixture.result.order[i]].score);
    struct str text = show(&fixture);
    assert_has(text, "train.lr");
    assert_has(text, "train.optimizer");
    assert_has_not(text, "train.epochs");
    assert_has(text, "24 trials: 20 succeeded, 2 stopped, 2 failed");
    assert_has(text, "random, seed 7");
}

static void failed_and_stopped_trials_say_why_each_reason_once(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    open(&fixture, 24);
    fill(&fixture);
    derive(&fixture);
    struct str text = show(&fixture);
    assert_has(text, "failed      trials 9, 18: train exited 1 (mlops logs 00000008)");
    assert_has(
        text,
        "stopped     trials 11, 22; trial 11: at step 10: worse than the median of the others");
}

static void the_text_ends_with_what_to_do_next(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    open(&fixture, 24);
    fill(&fixture);
    derive(&fixture);
    const struct trial *winner = sweep_result_winner(&fixture.result);
    struct str text = show(&fixture);
    assert_ptr_equal(winner, &fixture.trials[fixture.result.order[0]]);
    assert_has(text,
               str_print(&fixture.arena, "mlops apply %.*s", STR_FMT(ulid_short(winner->run))).at);
    assert_has(text, "optimistic");
    assert_has_not(text, "--resume");
    fixture.row.status = SWEEP_OPEN;
    assert_has(show(&fixture), "mlops sweep --resume");
}

static void repeats_are_one_row_with_mean_spread_and_interval(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    open(&fixture, 24);
    fixture.row.sweep.method = SWEEP_GRID;
    fixture.row.sweep.dimensions.len = 0;
    fixture.row.sweep.repeat = 3;
    fixture.row.sweep.trials_most = 0;
    fixture.row.sweep.seed_file = STR("params.yaml");
    fixture.row.sweep.seed_key = STR("seed");
    add_dimension(&fixture, "params.yaml:depth=1,2,3,4,5,6,7,8");
    for (size_t i = 0; i < 24; i++) {
        struct trial *trial = &fixture.trials[i];
        *trial = (struct trial){
            .number = (int64_t)i,
            .status = TRIAL_SUCCEEDED,
            .run = str_print(&fixture.arena, "01KB8QK2M1VDAAAAAA%08zu", i),
            .has_score = true,
            .score = 0.8 + (double)(i / 3) / 100 + (double)(i % 3) / 1000,
        };
        set(&fixture, trial, "depth", str_print(&fixture.arena, "%zu", i / 3 + 1));
        set(&fixture, trial, "seed", str_print(&fixture.arena, "%zu", i % 3));
        fixture.row.counts[TRIAL_SUCCEEDED]++;
    }
    derive(&fixture);
    assert_true(fixture.result.has_repeats);
    assert_int_equal(fixture.result.combination_count, 8);
    /* the middle one of the three best, not the luckiest */
    assert_int_equal(sweep_result_winner(&fixture.result)->number, 22);
    struct str text = show(&fixture);
    assert_has(text, "0.871 ±");
    assert_has(text, "95 %");
    assert_has_not(text, "seed  ");
    struct table table = sweep_trial_table(&fixture.result, SIZE_MAX);
    assert_int_equal(table.row_count, 24);
}

static void numbers_that_are_far_out_do_not_squeeze_the_others(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    double least, most;
    size_t out;
    open(&fixture, 24);
    fill(&fixture);
    fixture.trials[0].score = -1e30;
    derive(&fixture);
    sweep_result_range(&fixture.result, &least, &most, &out);
    assert_int_equal(out, 1);
    assert_true(least > 0 && most < 1);
}

static void a_sweep_without_trials_or_scores_is_shown_too(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    open(&fixture, 5);
    fixture.count = 0;
    derive(&fixture);
    assert_has(show(&fixture), "0 trials");
    assert_has(sweep_result_page(&fixture.result), "No trial has a score");
    fixture.count = 5;
    fill(&fixture);
    for (size_t i = 0; i < 5; i++)
        fixture.trials[i].has_score = false;
    derive(&fixture);
    show(&fixture);
    assert_has(sweep_result_page(&fixture.result), "No trial has a score");
}

static void the_page_has_its_charts_and_nothing_of_others_is_markup(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    open(&fixture, 60);
    fill(&fixture);
    fixture.row.sweep.name = STR("<b>name</b>");
    fixture.trials[8].note = STR("<script>alert(1)</script>");
    derive(&fixture);
    struct str page = sweep_result_page(&fixture.result);
    assert_has(page, "All parameters at once");
    assert_has(page, "Best so far");
    assert_has(page, "train.lr and f1");
    assert_has(page, "Failed and stopped");
    assert_has_not(page, "<script>");
    assert_has_not(page, "<b>");
}

static void ten_thousand_trials_take_no_time_and_a_page_that_can_be_opened(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    open(&fixture, 10000);
    fill(&fixture);
    derive(&fixture);
    struct str page = sweep_result_page(&fixture.result);
    assert_has(page, "500 of 10000 are drawn");
    assert_has(page, "The best 200 of 10000");
    assert_true(page.len < 1500000);
}

static void json_has_every_trial_and_reads_null_where_nothing_is_known(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    open(&fixture, 12);
    fill(&fixture);
    derive(&fixture);
    struct json_writer json = report_json_open(&fixture.context);
    sweep_result_json(&json, &fixture.result);
    report_json_close(&json);
    struct str text = buf_str(&fixture.context.out);
    assert_has(text, "\"schema_version\": 1");
    assert_has(text, "\"method\": \"random\"");
    assert_has(text, "\"note\": \"train exited 1\"");
    assert_has(text, "\"score\": null");
    assert_has(text, "\"key\": \"train.epochs\"");
}

/* --- while it goes on ----------------------------------------------------------------------- */

struct capture {
    FILE *file;
    int saved;
};

/* What goes to stderr from here on. */
static void capture_begin(struct capture *capture)
{
    capture->file = tmpfile();
    assert_non_null(capture->file);
    capture->saved = dup(STDERR_FILENO);
    dup2(fileno(capture->file), STDERR_FILENO);
}

static struct str capture_end(struct capture *capture, struct arena *arena)
{
    struct buf text = buf_in(arena);
    char piece[4096];
    size_t got;
    dup2(capture->saved, STDERR_FILENO);
    close(capture->saved);
    rewind(capture->file);
    while ((got = fread(piece, 1, sizeof piece, capture->file)) > 0)
        buf_add(&text, piece, got);
    fclose(capture->file);
    return buf_str(&text);
}

/* Every trial begins and ends, one after the other; the fourth to run is under way at the end. */
static struct str tell_all(struct fixture *fixture, enum progress progress)
{
    struct capture capture;
    capture_begin(&capture);
    fixture->narrator = sweep_narrator_open(&fixture->context, progress);
    const struct sweep_observer *observer = sweep_narrator_observer(fixture->narrator);
    const struct trial *best = NULL;
    struct sweep_event event = {
        .kind = SWEEP_BEGUN, .row = &fixture->row, .total_count = (int64_t)fixture->count};
    observer->tell(observer->context, &event);
    for (size_t i = 0; i < fixture->count; i++) {
        struct trial_view view = {.trial = fixture->trials[i],
                                  .stage = STR("train"),
                                  .step = 3,
                                  .value = 0.5,
                                  .finished_count = 1,
                                  .total_count = 2};
        event.kind = TRIAL_BEGUN;
        event.trial = event.running = &view;
        event.running_count = 1;
        observer->tell(observer->context, &event);
        fixture->narrator->drawn_ns = 0; /* a frame's time has passed */
        event.kind = TRIAL_CHANGED;
        observer->tell(observer->context, &event);
        if (progress == PROGRESS_LIVE) {
            fixture->narrator->drawn_ns = 0;
            view.stage = STR("");
            view.finished_count = 2;
            observer->tell(observer->context, &event);
        }
        if (view.trial.status == TRIAL_FAILED)
            view.log_tail = STR("boom\x1b[2J\n");
        if (view.trial.has_score && (!best || view.trial.score > best->score))
            best = &fixture->trials[i];
        event.kind = TRIAL_ENDED;
        event.done_count++;
        event.best = best;
        event.running_count = 0;
        observer->tell(observer->context, &event);
    }
    event.kind = SWEEP_WARNED;
    event.trial = NULL;
    event.text = STR("a\nwarning");
    observer->tell(observer->context, &event);
    event.kind = SWEEP_ENDED;
    observer->tell(observer->context, &event);
    sweep_narrator_drop(&fixture->narrator);
    return capture_end(&capture, &fixture->arena);
}

static size_t count_lines(struct str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.at[i] == '\n';
    return count;
}

static void a_line_a_trial_where_there_is_no_terminal(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    open(&fixture, 20);
    fill(&fixture);
    struct str text = tell_all(&fixture, PROGRESS_PLAIN);
    /* 20 trials, the first failure's log, "as in trial 9" of the second, the warning */
    assert_int_equal(count_lines(text), 20 + 1 + 1 + 1);
    assert_has(text, "[1/20] trial 1 succeeded ");
    assert_has(text, "f1 0.8 (best so far)  lr=0.1 optimizer=adam\n");
    assert_has(text, "    | boom\\x1b[2J\n");
    assert_has(text, "    as in trial 9\n");
    assert_has(text, "mlops: warning: a\\x0awarning\n");
    assert_has_not(text, "\x1b");
    assert_has_not(text, "epochs");
}

static void quiet_tells_failures_only(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    open(&fixture, 20);
    fill(&fixture);
    fixture.context.common.quiet = true;
    struct str text = tell_all(&fixture, PROGRESS_PLAIN);
    assert_has(text, "trial 9 failed");
    assert_has_not(text, "succeeded");
}

static void the_live_block_shows_what_runs_in_any_width(void **state)
{
    (void)state;
    for (int columns = 40; columns <= 120; columns += 40) {
        AUTO(fixture_drop) struct fixture fixture = {0};
        char text[16];
        snprintf(text, sizeof text, "%d", columns);
        setenv("COLUMNS", text, 1);
        open(&fixture, 20);
        fill(&fixture);
        struct str told = tell_all(&fixture, PROGRESS_LIVE);
        assert_has(told, "train 1/2");
        assert_has(told, "ends 2/2");
        assert_has_not(told, "begins 2/2");
        assert_has(told, "step 3 0.5");
        assert_has(told, "best f1 0.8");
        assert_has(told, "0/20 done, 1 running");
        assert_has(told, " left");
        assert_has(told, "\x1b[");
        struct str line;
        while (str_split(&told, '\n', &line)) {
            ptrdiff_t erased = str_find(line, STR("\x1b[J"));
            struct str seen = str_slice(line, erased < 0 ? 0 : (size_t)erased + 3, line.len);
            bool scrolls = str_starts(seen, STR("[")) || str_starts(seen, STR("mlops:"));
            assert_true(scrolls || text_columns(seen) < columns);
        }
    }
    unsetenv("COLUMNS");
}

static void json_progress_is_one_object_a_line(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    open(&fixture, 20);
    fill(&fixture);
    struct str text = tell_all(&fixture, PROGRESS_JSON);
    assert_int_equal(count_lines(text), 1 + 3 * 20 + 2);
    assert_has(text,
               "\"event\":\"trial_ended\",\"sweep\":\"01KB8QK2M1VDAAAAAASWEEP123\",\"trial\":1");
    assert_has(text, "\"step\":3,\"value\":0.5");
    assert_has(text, "\"best_trial\":1,\"best_score\":0.8");
}

static void time_left_goes_by_trials_that_have_ended(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    bool is_limit;
    open(&fixture, 10);
    struct sweep_narrator narrator = {.begun_ns = 0};
    struct trial_view running[2] = {{.trial = {.number = 5}}, {.trial = {.number = 6}}};
    struct sweep_event event = {.row = &fixture.row,
                                .running = running,
                                .running_count = 2,
                                .done_count = 4,
                                .total_count = 10};
    assert_int_equal(sweep_left_ns(&narrator, &event, 0, &is_limit), -1);
    narrator.ended_count = 4;
    narrator.ended_ns = 40 * NS_PER_S;
    /* four wait, ten seconds each, two at once; two have begun this moment */
    assert_int_equal(sweep_left_ns(&narrator, &event, 0, &is_limit), 30 * NS_PER_S);
    assert_false(is_limit);
    fixture.row.sweep.time_most_ns = 100 * NS_PER_S;
    assert_int_equal(sweep_left_ns(&narrator, &event, 0, &is_limit), 10 * NS_PER_S);
    assert_true(is_limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trials_are_sorted_and_only_what_varies_is_shown),
        cmocka_unit_test(failed_and_stopped_trials_say_why_each_reason_once),
        cmocka_unit_test(the_text_ends_with_what_to_do_next),
        cmocka_unit_test(repeats_are_one_row_with_mean_spread_and_interval),
        cmocka_unit_test(numbers_that_are_far_out_do_not_squeeze_the_others),
        cmocka_unit_test(a_sweep_without_trials_or_scores_is_shown_too),
        cmocka_unit_test(the_page_has_its_charts_and_nothing_of_others_is_markup),
        cmocka_unit_test(ten_thousand_trials_take_no_time_and_a_page_that_can_be_opened),
        cmocka_unit_test(json_has_every_trial_and_reads_null_where_nothing_is_known),
        cmocka_unit_test(a_line_a_trial_where_there_is_no_terminal),
        cmocka_unit_test(quiet_tells_failures_only),
        cmocka_unit_test(the_live_block_shows_what_runs_in_any_width),
        cmocka_unit_test(json_progress_is_one_object_a_line),
        cmocka_unit_test(time_left_goes_by_trials_that_have_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
