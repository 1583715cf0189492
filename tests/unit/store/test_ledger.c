#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/host/clock.h"
#include "mlops/store/ledger.h"

#include <fcntl.h>
#include <glob.h>
#include <math.h>
#include <stdio.h>

#include "history.h"

static void what_was_recorded_reads_back(void **state)
{
    (void)state;
    PROJECT(project);
    struct arena *arena = &project.arena;
    struct outcome *outcome = outcome_of(arena, "train", "a,b");
    const struct outcome *outcomes[] = {outcome};
    struct state after = state_of(arena, outcomes, 1), state_back = {0};
    *vec_push(arena, &outcome->reasons) =
        (struct reason){REASON_PARAM, STR("params.yaml:seed"), STR("1"), STR("7")};
    outcome->log_text = STR("epoch 1\n");
    outcome->log_bytes = 8;
    outcome->environment = STR("n");
    outcome->attempt = STR("A1");
    outcome->usage = (struct usage){1, 2, 3, 4, 5, 2, 0, 0, true};
    struct run run = {.pipeline = STR("p.yaml"),
                      .started_ns = 77,
                      .host = STR("h"),
                      .user = STR("u"),
                      .version = STR("0.1"),
                      .argv = STR("mlops run"),
                      .code = {STR("c0ffee"), STR("main"), STR("url"), 1, digest_of_text("patch")}};
    assert_fine(ledger_begin_run(project.ledger, &run));
    assert_fine(ledger_record(
        project.ledger,
        &(struct ledger_group){.run = &run, .outcomes = outcomes, .outcome_count = 1}));
    run.status = RUN_FAILED;
    run.duration_ns = 9;
    run.counts = (struct run_counts){9, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11};
    assert_fine(ledger_finish_run(project.ledger, &run, &after, NULL));
    project_reopen(&project);

    struct run *back = NULL;
    assert_fine(ledger_load_run(project.ledger, arena, run.sequence, &back));
    assert_true(str_equal(back->id, run.id));
    assert_int_equal(back->status, RUN_FAILED);
    assert_true(str_is(back->code.branch, "main") && str_is(back->argv, "mlops run"));
    assert_true(digest_equal(back->code.patch, run.code.patch));
    assert_memory_equal(&back->counts, &run.counts, sizeof run.counts);
    assert_int_equal(back->stages.len, 1);
    const struct run_stage *stage = back->stages.at;
    assert_true(digest_equal(stage->key, outcome->key));
    assert_true(digest_equal(stage->result, outcome->result));
    assert_int_equal(stage->usage.peak_bytes, 5);
    assert_true(stage->usage.timed_out);
    assert_int_equal(stage->reasons.len, 1);
    assert_int_equal(stage->reasons.at[0].part, REASON_PARAM);
    assert_true(str_is(stage->reasons.at[0].after, "7"));

    bool found = false;
    struct str text = {0}, path = {0};
    assert_fine(
        ledger_log(project.ledger, arena, run.sequence, STR("train"), &text, &path, &found));
    assert_true(found && str_is(text, "epoch 1\n") && path.len == 0);
    assert_fine(ledger_load_state(project.ledger, arena, back->state, &state_back, &found));
    assert_true(found && state_back.count == 1);
    struct result result = {0};
    assert_fine(ledger_load_result(project.ledger, arena, outcome->result, &result, &found));
    assert_true(found && digest_equal(result_digest(&result), outcome->result));
    struct recipe recipe = {0};
    assert_fine(ledger_load_recipe(project.ledger, arena, outcome->key, &recipe, &found));
    assert_true(found && digest_equal(recipe_key(&recipe), outcome->key));
    struct usage usage = {0};
    struct str environment = {0}, again = {0};
    assert_fine(
        ledger_making(project.ledger, arena, outcome->result, &usage, &environment, &found));
    assert_true(found && str_is(environment, "n") && usage.peak_bytes == 5 && usage.attempts == 2);
    assert_fine(ledger_making(project.ledger, arena, outcome->result, &usage, &again, &found));
    assert_true(again.at == environment.at);
    assert_fine(
        ledger_making(project.ledger, arena, digest_of_text("none"), &usage, &again, &found));
    assert_false(found);
    const struct digest ids[] = {{{0}}, outcome->result, digest_of_text("none"), outcome->result};
    const struct digest keys[] = {outcome->key, {{0}}, outcome->key, digest_of_text("none")};
    struct ledger_made made[4] = {{.environment = {0}}};
    struct recipe *recipes[4] = {NULL};
    struct result *results[4] = {NULL};
    assert_fine(ledger_makings(project.ledger, ids, 4, made));
    assert_fine(ledger_load_results(project.ledger, arena, ids, 4, results));
    assert_fine(ledger_load_recipes(project.ledger, arena, keys, 4, recipes));
    for (int i = 0; i < 4; i++) {
        assert_int_equal(made[i].usage.attempts, i % 2 ? 2 : 0);
        assert_true(made[i].environment.at == (i % 2 ? environment.at : NULL));
        assert_int_equal(results[i] != NULL, i % 2);
        assert_int_equal(recipes[i] != NULL, !(i % 2));
    }
    assert_true(digest_equal(recipe_key(recipes[2]), outcome->key));
    assert_true(digest_equal(results[3]->key, outcome->key));
    assert_fine(ledger_load_results(project.ledger, arena, ids, 0, results));
    assert_fine(ledger_has_attempt(project.ledger, STR("A1"), &found));
    assert_true(found);
    assert_fine(ledger_has_attempt(project.ledger, STR("A2"), &found));
    assert_false(found);
}

static void a_run_that_does_nothing_adds_one_row(void **state)
{
    (void)state;
    PROJECT(project);
    const char *rows = "SELECT (SELECT count(*) FROM run) + (SELECT count(*) FROM stage_run) +"
                       " (SELECT count(*) FROM state) + (SELECT count(*) FROM recipe) +"
                       " (SELECT count(*) FROM result) + (SELECT count(*) FROM metric) +"
                       " (SELECT count(*) FROM param) + (SELECT count(*) FROM input)";
    run_once(&project, "train", "x");
    int64_t before = number(&project, rows);
    struct outcome *outcome = outcome_of(&project.arena, "train", "x");
    outcome->status = STATUS_UNCHANGED;
    const struct outcome *outcomes[] = {outcome};
    struct state after = state_of(&project.arena, outcomes, 1);
    struct run run = {.status = RUN_SUCCEEDED, .pipeline = STR("pipeline.yaml")};
    struct ledger_group group = {.run = &run, .outcomes = outcomes, .outcome_count = 1};
    assert_fine(ledger_finish_run(project.ledger, &run, &after, &group));
    assert_true(run.sequence > 0 && run.id.len == 26);
    assert_int_equal(number(&project, rows), before + 1);
}

static void a_group_is_recorded_whole_or_not_at_all(void **state)
{
    (void)state;
    PROJECT(project);
    struct outcome *one = outcome_of(&project.arena, "a", "x");
    const struct outcome *outcomes[] = {one, one}; /* one stage twice in a run contradicts */
    struct run run = {.pipeline = STR("pipeline.yaml")};
    assert_fine(ledger_begin_run(project.ledger, &run));
    struct ledger_group group = {.run = &run, .outcomes = outcomes, .outcome_count = 2};
    struct error *error = ledger_record(project.ledger, &group);
    assert_non_null(error);
    error_drop(error);
    assert_int_equal(number(&project, "SELECT count(*) FROM stage_run"), 0);
    assert_int_equal(number(&project, "SELECT count(*) FROM recipe"), 0);
    group.outcome_count = 1;
    assert_fine(ledger_record(project.ledger, &group));
    assert_int_equal(number(&project, "SELECT count(*) FROM stage_run"), 1);
}

static enum run_status status_of(struct project *project, int64_t sequence)
{
    struct run *run = NULL;
    assert_fine(ledger_load_run(project->ledger, &project->arena, sequence, &run));
    return run->status;
}

static void a_run_whose_process_died_is_marked_as_crashed(void **state)
{
    (void)state;
    PROJECT(project);
    struct run run = {.pipeline = STR("pipeline.yaml")};
    assert_fine(ledger_begin_run(project.ledger, &run));
    project_reopen(&project); /* drops the lock as a death does */
    assert_int_equal(status_of(&project, run.sequence), RUN_CRASHED);
    const char *name = str_print(&project.arena, ".mlops/locks/run-%.*s", STR_FMT(run.id)).at;
    assert_false(scratch_has(&project.scratch, name));
}

static void a_living_run_is_left_alone(void **state)
{
    (void)state;
    PROJECT(project);
    struct run run = {.pipeline = STR("pipeline.yaml")};
    assert_fine(ledger_begin_run(project.ledger, &run));
    struct ledger *other = NULL;
    assert_fine(ledger_open(&project.arena, &project.workspace, false, NULL, &other));
    ledger_drop(&other);
    assert_int_equal(status_of(&project, run.sequence), RUN_RUNNING);
    run.status = RUN_SUCCEEDED;
    assert_fine(ledger_finish_run(project.ledger, &run, NULL, NULL));
    assert_int_equal(status_of(&project, run.sequence), RUN_SUCCEEDED);
}

static void reading_alone_marks_nothing(void **state)
{
    (void)state;
    PROJECT(project);
    struct run run = {.pipeline = STR("pipeline.yaml")};
    assert_fine(ledger_begin_run(project.ledger, &run));
    ledger_drop(&project.ledger);
    assert_fine(ledger_open(&project.arena, &project.workspace, true, NULL, &project.ledger));
    assert_int_equal(status_of(&project, run.sequence), RUN_RUNNING);
}

static void an_absent_file_reads_as_an_empty_history(void **state)
{
    (void)state;
    PROJECT(project);
    ledger_drop(&project.ledger);
    assert_int_equal(unlinkat(project.scratch.fd, ".mlops/lineage.db", 0), 0);
    assert_fine(ledger_open(&project.arena, &project.workspace, true, NULL, &project.ledger));
    struct run *runs = NULL;
    size_t count = 9;
    assert_fine(ledger_list_runs(project.ledger, &project.arena, &(struct ledger_filter){0}, &runs,
                                 &count));
    assert_int_equal(count, 0);
    assert_false(scratch_has(&project.scratch, ".mlops/lineage.db"));
}

/* Sequences of the runs that a word may mean. */
static size_t find(struct project *project, const char *word, int64_t *ret_first)
{
    struct run *runs = NULL;
    size_t count = 0;
    assert_fine(ledger_find_runs(project->ledger, &project->arena, str_of(word), &runs, &count));
    *ret_first = count ? runs[0].sequence : 0;
    return count;
}

static void runs_are_found_by_their_place_their_id_and_their_tags(void **state)
{
    (void)state;
    PROJECT(project);
    struct run one = run_once(&project, "a", "1");
    struct run two = run_once(&project, "a", "2");
    struct run three = run_once(&project, "a", "2"); /* same state as two */
    int64_t first = 0;
    assert_int_equal(find(&project, "@", &first), 1);
    assert_int_equal(first, three.sequence);
    assert_int_equal(find(&project, "@~1", &first), 1);
    assert_int_equal(first, one.sequence);
    assert_int_equal(find(&project, "@~2", &first), 0);
    assert_int_equal(find(&project, str_copy(&project.arena, str_slice(two.id, 18, 26)).at, &first),
                     1);
    assert_int_equal(first, two.sequence);
    assert_int_equal(find(&project, two.id.at, &first), 1);
    assert_int_equal(find(&project, str_copy(&project.arena, str_slice(two.id, 0, 4)).at, &first),
                     3); /* the clock's part */
    struct buf lower = buf_in(&project.arena);
    for (size_t i = 18; i < 26; i++)
        buf_add_char(&lower, (char)(two.id.at[i] >= 'A' ? two.id.at[i] + 32 : two.id.at[i]));
    assert_int_equal(find(&project, lower.at, &first), 1);
    assert_int_equal(find(&project, "no-such", &first), 0);
    assert_fine(ledger_tag(project.ledger, one.sequence, STR("v1")));
    assert_int_equal(find(&project, "v1", &first), 1);
    assert_int_equal(first, one.sequence);
}

static void a_tag_names_one_run(void **state)
{
    (void)state;
    PROJECT(project);
    struct run one = run_once(&project, "a", "1"), two = run_once(&project, "a", "2");
    bool found = false;
    assert_fine(ledger_tag(project.ledger, one.sequence, STR("v1")));
    assert_fine(ledger_tag(project.ledger, one.sequence, STR("v1")));
    assert_error(ledger_tag(project.ledger, two.sequence, STR("v1")), "another run");
    assert_error(ledger_tag(project.ledger, two.sequence, STR("@")), "tag '@'");
    assert_error(ledger_tag(project.ledger, two.sequence, STR("workspace")), "something else");
    assert_fine(ledger_untag(project.ledger, STR("v1"), &found));
    assert_true(found);
    assert_fine(ledger_tag(project.ledger, two.sequence, STR("v1")));
    struct run *runs = NULL;
    size_t count = 0;
    assert_fine(ledger_list_runs(project.ledger, &project.arena,
                                 &(struct ledger_filter){.tag = STR("v1")}, &runs, &count));
    assert_int_equal(count, 1);
    assert_int_equal(runs[0].sequence, two.sequence);
    assert_int_equal(runs[0].tags.len, 1);
}

static void runs_are_listed_newest_first_and_filtered(void **state)
{
    (void)state;
    PROJECT(project);
    run_once(&project, "a", "1");
    run_once(&project, "b", "1");
    struct run last = run_once(&project, "a", "3");
    struct run *runs = NULL;
    size_t count = 0;
    assert_fine(ledger_list_runs(project.ledger, &project.arena,
                                 &(struct ledger_filter){.stage = STR("a")}, &runs, &count));
    assert_int_equal(count, 2);
    assert_int_equal(runs[0].sequence, last.sequence);
    assert_fine(ledger_list_runs(project.ledger, &project.arena,
                                 &(struct ledger_filter){.limit = 1}, &runs, &count));
    assert_int_equal(count, 1);
    assert_fine(ledger_list_runs(project.ledger, &project.arena,
                                 &(struct ledger_filter){.status = RUN_FAILED + 1}, &runs, &count));
    assert_int_equal(count, 0);
    struct run *found = NULL;
    assert_fine(ledger_run_of_lock(project.ledger, &project.arena, digest_of_text("3"), &found));
    assert_int_equal(found->sequence, last.sequence);
    assert_fine(ledger_run_of_lock(project.ledger, &project.arena, digest_of_text("?"), &found));
    assert_null(found);
}

static void lineage_goes_by_path_digest_and_directory(void **state)
{
    (void)state;
    PROJECT(project);
    struct run run = run_once(&project, "train", "input");
    struct ledger_io *io = NULL;
    size_t count = 0;
    struct digest none = {{0}};
    assert_fine(ledger_io(project.ledger, &project.arena, STR("train.out"), none, &io, &count));
    assert_int_equal(count, 1);
    assert_true(io[0].is_output && io[0].run_sequence == run.sequence);
    assert_true(str_is(io[0].stage, "train"));
    assert_fine(
        ledger_io(project.ledger, &project.arena, STR(""), digest_of_text("input"), &io, &count));
    assert_int_equal(count, 1);
    assert_false(io[0].is_output);
    assert_true(str_is(io[0].artifact.path, "data.csv"));
    assert_fine(
        ledger_io(project.ledger, &project.arena, STR("train.out/part/1"), none, &io, &count));
    assert_int_equal(count, 1);
    assert_fine(ledger_io(project.ledger, &project.arena, STR("train.out"), digest_of_text("other"),
                          &io, &count));
    assert_int_equal(count, 0);
    assert_fine(
        ledger_stage_io(project.ledger, &project.arena, run.sequence, STR("train"), &io, &count));
    assert_int_equal(count, 2);
}

static void inputs_of_an_unchanged_stage_come_from_the_state(void **state)
{
    (void)state;
    PROJECT(project);
    run_once(&project, "train", "x");
    const struct outcome *outcome = outcome_of(&project.arena, "train", "x");
    struct state after = state_of(&project.arena, &outcome, 1);
    struct run run = {.status = RUN_SUCCEEDED};
    assert_fine(ledger_finish_run(project.ledger, &run, &after, NULL));
    struct ledger_io *io = NULL;
    size_t count = 0;
    assert_fine(
        ledger_stage_io(project.ledger, &project.arena, run.sequence, STR("train"), &io, &count));
    assert_int_equal(count, 2);
    assert_true(str_is(io[0].artifact.path, "data.csv") && !io[0].is_output);
    assert_true(digest_equal(io[1].result, outcome->result) && io[1].is_output);
}

static void earlier_executions_give_recipe_and_duration(void **state)
{
    (void)state;
    PROJECT(project);
    run_once(&project, "train", "1");
    run_once(&project, "train", "2");
    struct recipe recipe = {0};
    bool found = false;
    struct map durations = {0};
    assert_fine(ledger_last_recipe(project.ledger, &project.arena, STR("pipeline.yaml"),
                                   STR("train"), &recipe, &found));
    assert_true(found && digest_equal(recipe.deps[0].digest, digest_of_text("2")));
    assert_fine(ledger_last_recipe(project.ledger, &project.arena, STR("other.yaml"), STR("train"),
                                   &recipe, &found));
    assert_false(found);
    assert_fine(ledger_durations(project.ledger, &project.arena, STR("pipeline.yaml"), &durations));
    const int64_t *ns = map_get(&durations, STR("train"));
    assert_non_null(ns);
    assert_int_equal(*ns, 2);
}

static void large_states_are_stored_as_what_changed(void **state)
{
    (void)state;
    PROJECT(project);
    struct digest digests[40];
    size_t counts[40];
    for (size_t i = 0; i < COUNT_OF(digests); i++) {
        counts[i] = 500 + (i * 7) % 11; /* stages come and go */
        digests[i] = finish_large(&project, counts[i], i);
    }
    project_reopen(&project);
    for (size_t i = 0; i < COUNT_OF(digests); i++) {
        struct state back = {0};
        bool found = false;
        assert_fine(ledger_load_state(project.ledger, &project.arena, digests[i], &back, &found));
        assert_true(found && back.count == counts[i]);
    }
    assert_true(number(&project, "SELECT count(*) FROM state WHERE base IS NOT NULL") > 30);
    assert_true(number(&project, "SELECT sum(length(body)) FROM state") < 400000);
}

static void a_newer_file_and_a_foreign_one_are_refused(void **state)
{
    (void)state;
    PROJECT(project);
    assert_fine(sql_script(ledger_sql(project.ledger), "PRAGMA user_version = 99"));
    ledger_drop(&project.ledger);
    struct error *error =
        ledger_open(&project.arena, &project.workspace, false, NULL, &project.ledger);
    assert_non_null(error);
    assert_int_equal(error->code, ERROR_STORED);
    assert_error(error, "newer version");
    struct sql *sql = NULL;
    assert_int_equal(unlinkat(project.scratch.fd, ".mlops/lineage.db", 0), 0);
    unlinkat(project.scratch.fd, ".mlops/lineage.db-wal", 0);
    unlinkat(project.scratch.fd, ".mlops/lineage.db-shm", 0);
    struct str path = str_print(&project.arena, "%s/lineage.db", project.workspace.state.at);
    assert_fine(sql_open(path.at, &(struct sql_options){0}, &sql));
    assert_fine(sql_script(sql, "CREATE TABLE theirs (x)"));
    sql_drop(&sql);
    assert_error(ledger_open(&project.arena, &project.workspace, false, NULL, &project.ledger),
                 "not a lineage database");
}

static void a_sound_file_has_no_fault(void **state)
{
    (void)state;
    PROJECT(project);
    run_once(&project, "a", "1");
    struct str fault = STR("?");
    assert_fine(ledger_check(project.ledger, &project.arena, &fault));
    assert_int_equal(fault.len, 0);
    assert_int_equal(number(&project, "SELECT count(*) FROM io"), 2);
}

struct seen {
    struct digest results[20], objects[20];
    size_t result_count, object_count, tagged_count;
};

static struct error *see_result(void *context, struct digest key, struct digest id, bool is_tagged)
{
    struct seen *seen = context;
    assert_false(digest_is_zero(key));
    seen->tagged_count += is_tagged;
    seen->results[seen->result_count++] = id;
    return NULL;
}

static struct error *see_object(void *context, struct digest object)
{
    struct seen *seen = context;
    seen->objects[seen->object_count++] = object;
    return NULL;
}

static bool has_result(const struct seen *seen, struct digest id)
{
    for (size_t i = 0; i < seen->result_count; i++)
        if (digest_equal(seen->results[i], id))
            return true;
    return false;
}

static void kept_runs_name_what_they_need(void **state)
{
    (void)state;
    PROJECT(project);
    struct digest results[4];
    const char *const inputs[] = {"1", "2", "3", "4"};
    struct run runs[4];
    for (size_t i = 0; i < 4; i++) {
        results[i] = outcome_of(&project.arena, "a", inputs[i])->result;
        runs[i] = run_once(&project, "a", inputs[i]);
    }
    for (int i = 0; i < 3; i++)
        run_once(&project, "a", "4"); /* the same state again and again */
    assert_fine(ledger_tag(project.ledger, runs[0].sequence, STR("keep")));
    struct seen seen = {0};
    assert_fine(ledger_keep(project.ledger, 2, INT64_MAX, see_result, see_object, &seen));
    assert_true(has_result(&seen, results[0])); /* tagged */
    assert_int_equal(seen.tagged_count, 2);     /* by its state and by its stage */
    assert_true(digest_equal(seen.results[0], results[0]));
    assert_false(has_result(&seen, results[1])); /* old */
    assert_true(has_result(&seen, results[2]));  /* of the last two states */
    assert_true(has_result(&seen, results[3]));
    struct seen newest = {0};
    assert_fine(ledger_keep(project.ledger, 0, INT64_MAX, see_result, see_object, &newest));
    assert_true(has_result(&newest, results[3])); /* the newest success */
    assert_false(has_result(&newest, results[2]));
    struct seen all = {0};
    assert_fine(ledger_keep(project.ledger, 0, 0, see_result, see_object, &all));
    assert_true(has_result(&all, results[1]));
}

/* Whatever is read from a damaged file, it is an answer or an error: never a crash. */
static void a_damaged_page_is_an_error_or_found_by_the_check(void **state)
{
    (void)state;
    PROJECT(project);
    for (int i = 0; i < 30; i++)
        run_once(&project, str_print(&project.arena, "stage%d", i).at, "x");
    ledger_drop(&project.ledger);
    struct str path = str_print(&project.arena, "%s/lineage.db", project.workspace.state.at);
    struct sql *sql = NULL;
    assert_fine(sql_open(path.at, &(struct sql_options){0}, &sql)); /* closing moves the log in */
    assert_fine(sql_script(sql, "PRAGMA wal_checkpoint(TRUNCATE)"));
    sql_drop(&sql);
    struct stat seen;
    assert_int_equal(stat(path.at, &seen), 0);
    int noticed = 0, pages = 0;
    for (off_t at = 0; at < seen.st_size; at += 4096, pages++) {
        char page[4096], zeros[4096] = {0};
        int fd = open(path.at, O_RDWR | O_CLOEXEC);
        assert_int_equal(pread(fd, page, sizeof page, at), sizeof page);
        assert_int_equal(pwrite(fd, zeros, sizeof zeros, at), sizeof zeros);
        AUTO(ledger_drop) struct ledger *ledger = NULL;
        struct str fault = {0};
        struct run *runs = NULL;
        size_t count = 0;
        struct error *error = ledger_open(&project.arena, &project.workspace, true, NULL, &ledger);
        if (!error)
            error = ledger_check(ledger, &project.arena, &fault);
        noticed += error || fault.len;
        error_drop(error);
        if (ledger)
            error_drop(ledger_find_runs(ledger, &project.arena, STR("@~3"), &runs, &count));
        assert_int_equal(pwrite(fd, page, sizeof page, at), sizeof page);
        close(fd);
    }
    assert_true(pages > 10);
    assert_int_equal(noticed, pages);
}

/* A run in which a stage was judged; executed or left as it was. */
static struct run judge_once(struct project *project, const char *input, bool is_rejected,
                             bool is_new)
{
    struct outcome *outcome = outcome_of(&project->arena, "judge", input);
    struct check_results *checks = arena_new(&project->arena, struct check_results);
    *checks = (struct check_results){.stage = STR("judge"), .is_rejected = is_rejected};
    outcome->checks = checks;
    outcome->status = is_rejected ? STATUS_REJECTED : is_new ? STATUS_EXECUTED : STATUS_UNCHANGED;
    const struct outcome *outcomes[] = {outcome};
    struct state state = state_of(&project->arena, outcomes, 1);
    struct run run = {.pipeline = STR("pipeline.yaml"), .started_ns = 10};
    struct ledger_group group = {.run = &run, .outcomes = outcomes, .outcome_count = 1};
    assert_fine(ledger_begin_run(project->ledger, &run));
    run.status = is_rejected ? RUN_REJECTED : RUN_SUCCEEDED;
    assert_fine(ledger_finish_run(project->ledger, &run, &state, &group));
    return run;
}

/* The run that ledger_last_good names, or an empty text. */
static struct str last_good(struct project *project, int64_t but)
{
    struct result result;
    struct str run = {0};
    bool found = false;
    assert_fine(ledger_last_good(project->ledger, &project->arena, STR("pipeline.yaml"),
                                 STR("judge"), but, &result, &run, &found));
    assert_true(found == (run.len > 0));
    return run;
}

static void the_last_good_result_is_of_the_last_run_that_did_not_reject(void **state)
{
    (void)state;
    PROJECT(project);
    assert_int_equal(last_good(&project, 0).len, 0);
    struct run before = run_once(&project, "judge", "first"); /* before there were gates */
    assert_true(str_equal(last_good(&project, 0), before.id));
    struct run other = run_once(&project, "other", "first");
    assert_true(str_equal(last_good(&project, 0), before.id));
    judge_once(&project, "second", true, true);
    assert_true(str_equal(last_good(&project, 0), before.id));
    struct run good = judge_once(&project, "third", false, true);
    assert_true(str_equal(last_good(&project, 0), good.id));
    assert_true(str_equal(last_good(&project, good.sequence), before.id));
    struct run same = judge_once(&project, "third", false, false);
    assert_true(str_equal(last_good(&project, 0), same.id));
    judge_once(&project, "third", true, false); /* the same result, by other gates */
    assert_true(str_equal(last_good(&project, 0), same.id));
    (void)other;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_good_result_is_of_the_last_run_that_did_not_reject),
        cmocka_unit_test(what_was_recorded_reads_back),
        cmocka_unit_test(a_run_that_does_nothing_adds_one_row),
        cmocka_unit_test(a_group_is_recorded_whole_or_not_at_all),
        cmocka_unit_test(a_run_whose_process_died_is_marked_as_crashed),
        cmocka_unit_test(a_living_run_is_left_alone),
        cmocka_unit_test(reading_alone_marks_nothing),
        cmocka_unit_test(an_absent_file_reads_as_an_empty_history),
        cmocka_unit_test(runs_are_found_by_their_place_their_id_and_their_tags),
        cmocka_unit_test(a_tag_names_one_run),
        cmocka_unit_test(runs_are_listed_newest_first_and_filtered),
        cmocka_unit_test(lineage_goes_by_path_digest_and_directory),
        cmocka_unit_test(inputs_of_an_unchanged_stage_come_from_the_state),
        cmocka_unit_test(earlier_executions_give_recipe_and_duration),
        cmocka_unit_test(large_states_are_stored_as_what_changed),
        cmocka_unit_test(a_newer_file_and_a_foreign_one_are_refused),
        cmocka_unit_test(a_sound_file_has_no_fault),
        cmocka_unit_test(kept_runs_name_what_they_need),
        cmocka_unit_test(a_damaged_page_is_an_error_or_found_by_the_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
