#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/model/diff.h"

#include <math.h>

#include "support/unit.h"

static struct arena arena;

/* A run of one stage that holds one metric. */
static struct run_view view_of(const char *number)
{
    struct run_view view = {.stages = arena_new(&arena, struct run_view_stage), .stage_count = 1};
    struct metric_vec *metrics = &view.stages->metrics;
    assert_null(metrics_parse(&arena, STR("m.yaml"),
                              str_print(&arena, number ? "k: %s\n" : "other: %s\n", number),
                              metrics));
    view.stages->stage = STR("train");
    return view;
}

static struct diff_metric metric_between(const char *before, const char *after)
{
    struct run_view left = view_of(before), right = view_of(after);
    struct run_diff diff;
    diff_runs(&arena, &left, &right, &(struct diff_wish){.all = true}, &diff);
    assert_int_equal(diff.metrics.len, 1);
    return diff.metrics.at[0];
}

static void assert_delta(const char *before, const char *after, const char *delta)
{
    struct diff_metric row = metric_between(before, after);
    assert_int_equal(row.change, DIFF_CHANGED);
    assert_string_equal(str_copy(&arena, row.delta_text).at, delta);
}

static void assert_same(const char *before, const char *after)
{
    assert_int_equal(metric_between(before, after).change, DIFF_SAME);
}

static void decimals_are_subtracted_exactly(void **state)
{
    (void)state;
    assert_delta("0.85", "0.87", "+0.02");
    assert_delta("0.3", "0.1", "-0.2");
    assert_delta("0.910", "0.91001", "+0.00001");
    assert_delta("1", "0.5", "-0.5");
    assert_true(metric_between("0.85", "0.87").delta == 0.02);
}

static void integers_are_subtracted_exactly(void **state)
{
    (void)state;
    assert_delta("9007199254740992", "9007199254740993", "+1");
    assert_delta("9223372036854775807", "-9223372036854775808", "-18446744073709551615");
    assert_delta("100", "90", "-10");
    assert_true(metric_between("9007199254740992", "9007199254740993").delta == 1);
}

static void other_numbers_are_subtracted_as_doubles(void **state)
{
    (void)state;
    assert_delta("1e-3", "3e-3", "+0.002");
    assert_delta("1", ".inf", "+inf");
    assert_delta("1e300", "2e300", "+1e+300");
}

static void different_texts_of_one_number_are_no_difference(void **state)
{
    (void)state;
    assert_same("0.1", "1e-1");
    assert_same("1", "1.0");
    assert_same("-0.0", "0");
    assert_same(".nan", ".NaN");
    assert_same("18446744073709551616", "18446744073709551616");
    assert_same("0x10", "16");
}

static void big_integers_differ_by_their_last_digit(void **state)
{
    (void)state;
    struct diff_metric row = metric_between("123456789012345678901", "123456789012345678902");
    assert_int_equal(row.change, DIFF_CHANGED);
    assert_int_equal(row.delta_text.len, 0); /* rather none than a wrong one */
}

static void words_have_no_delta(void **state)
{
    (void)state;
    struct diff_metric row = metric_between("resnet", "vgg");
    assert_int_equal(row.change, DIFF_CHANGED);
    assert_int_equal(row.delta_text.len, 0);
    assert_true(isnan(row.delta));
    assert_int_equal(metric_between("1", "'1'").change, DIFF_CHANGED);
    assert_same("vgg", "vgg");
}

static void a_number_that_became_nan_is_a_change_without_delta(void **state)
{
    (void)state;
    assert_delta("1", ".nan", "");
}

/* Stages made from rows: "name dep:content ... > out:content ..." */
static struct artifact artifact_of(struct str word)
{
    ptrdiff_t cut = str_find_char(word, ':');
    struct str content = str_slice(word, (size_t)cut + 1, word.len);
    return (struct artifact){.path = str_slice(word, 0, (size_t)cut),
                             .kind = ARTIFACT_FILE,
                             .digest = digest_of(content.at, content.len)};
}

VEC(artifact_vec, struct artifact);
VEC(dep_vec, struct recipe_dep);
VEC(view_vec, struct run_view_stage);

static void add_stage(struct view_vec *stages, struct str row)
{
    struct run_view_stage *stage = vec_push(&arena, stages);
    struct artifact_vec outs = {0};
    struct dep_vec deps = {0};
    struct str word;
    bool is_out = false;
    str_split(&row, ' ', &stage->stage);
    while (str_split(&row, ' ', &word)) {
        if (str_is(word, ">")) {
            is_out = true;
            continue;
        }
        struct artifact artifact = artifact_of(word);
        if (is_out)
            *vec_push(&arena, &outs) = artifact;
        else
            *vec_push(&arena, &deps) =
                (struct recipe_dep){artifact.path, artifact.kind, false, artifact.digest, 0};
    }
    stage->recipe = arena_new(&arena, struct recipe);
    stage->recipe->deps = deps.at;
    stage->recipe->dep_count = deps.len;
    stage->key = recipe_key(stage->recipe);
    stage->outs = outs.at;
    stage->out_count = outs.len;
}

static struct run_view view_of_rows(const char *text)
{
    struct view_vec stages = {0};
    struct str rest = str_of(text), row;
    while (str_split(&rest, '\n', &row))
        if (row.len)
            add_stage(&stages, row);
    return (struct run_view){.stages = stages.at, .stage_count = stages.len};
}

static void assert_data(const char *before, const char *after, const char *expected)
{
    struct run_view left = view_of_rows(before), right = view_of_rows(after);
    struct run_diff diff;
    struct buf out = buf_in(&arena);
    buf_add_text(&out, "");
    diff_runs(&arena, &left, &right, &(struct diff_wish){0}, &diff);
    vec_each (struct diff_data, row, &diff.data)
        buf_print(&out, "%s%s %s %.*s", out.len ? "; " : "",
                  row->role == DIFF_INPUT ? "input" : "output", diff_change_name(row->change),
                  STR_FMT(row->path));
    assert_string_equal(out.at, expected);
}

static void inputs_and_outputs_are_told_apart(void **state)
{
    (void)state;
    assert_data("clean raw:1 > tidy:1\ntrain tidy:1 train.py:1 > model:1\n",
                "clean raw:2 > tidy:2\ntrain tidy:2 train.py:1 > model:1\n",
                "input changed raw; output changed tidy");
}

static void what_lies_in_an_output_is_no_input(void **state)
{
    (void)state;
    assert_data("a > d:1\nb d/x:1\n", "a > d:2\nb d/x:2\n", "output changed d; output changed d/x");
    assert_data("a > d:1\nb dx:1\n", "a > d:1\nb dx:2\n", "input changed dx");
}

static void files_that_come_and_go_are_named(void **state)
{
    (void)state;
    assert_data("a x:1 y:1\n", "a y:1 z:1\n", "input removed x; input added z");
}

static void an_input_that_a_stage_makes_now_is_no_change_by_itself(void **state)
{
    (void)state;
    assert_data("b raw:1\n", "a > raw:1\nb raw:1\n", "");
    assert_data("b raw:1\n", "a > raw:2\nb raw:2\n", "output changed raw");
}

static void stages_that_read_different_states_of_a_file_show_it(void **state)
{
    (void)state;
    assert_data("a x:1\nb x:1\n", "a x:1\nb x:2\n", "input changed x");
    assert_data("a x:1\nb x:2\n", "a x:2\nb x:1\n", "");
}

static void an_output_says_what_it_is_whatever_a_stage_has_read_of_it(void **state)
{
    (void)state;
    assert_data("a > x:1\nb x:0\n", "a > x:1\nb x:1\n", "");
}

static void chmod_of_data_is_a_change(void **state)
{
    (void)state;
    struct run_view left = view_of_rows("a x:1\n"), right = view_of_rows("a x:1\n");
    struct run_diff diff;
    right.stages->recipe->deps->is_executable = true;
    diff_runs(&arena, &left, &right, &(struct diff_wish){0}, &diff);
    assert_int_equal(diff.data.len, 1);
    assert_int_equal(diff.data.at[0].change, DIFF_CHANGED);
}

static void stages_say_what_in_their_recipe_differs(void **state)
{
    (void)state;
    struct run_view left = view_of_rows("a x:1\nb y:1\nd z:1\n");
    struct run_view right = view_of_rows("b y:2\nc w:1\nd z:1\n");
    struct run_diff diff;
    left.stages[1].duration_ns = 5;
    diff_runs(&arena, &left, &right, &(struct diff_wish){0}, &diff);
    assert_int_equal(diff.stages.len, 3);
    assert_int_equal(diff.stages.at[0].change, DIFF_REMOVED);
    assert_int_equal(diff.stages.at[0].after_ns, -1);
    assert_int_equal(diff.stages.at[1].change, DIFF_CHANGED);
    assert_int_equal(diff.stages.at[1].before_ns, 5);
    assert_int_equal(diff.stages.at[1].reasons.len, 1);
    assert_int_equal(diff.stages.at[2].change, DIFF_ADDED);
    assert_true(str_is(diff.stages.at[2].stage, "c"));
}

static void all_shows_what_is_the_same_too(void **state)
{
    (void)state;
    struct run_view view = view_of_rows("a x:1 > y:1\nb y:1\n");
    struct run_diff diff;
    diff_runs(&arena, &view, &view, &(struct diff_wish){.all = true}, &diff);
    assert_int_equal(diff.stages.len, 2);
    assert_int_equal(diff.data.len, 2);
    assert_int_equal(diff.data.at[1].change, DIFF_SAME);
    assert_true(diff_is_empty(&diff));
}

static struct run_view view_of_param(const char *key, struct str encoded, const char *shown)
{
    struct run_view view = {.stages = arena_new(&arena, struct run_view_stage), .stage_count = 1};
    struct recipe_param *param = arena_new(&arena, struct recipe_param);
    *param = (struct recipe_param){STR("params.yaml"), str_of(key), encoded, str_of(shown)};
    view.stages->stage = STR("train");
    view.stages->recipe = arena_new(&arena, struct recipe);
    view.stages->recipe->params = param;
    view.stages->recipe->param_count = 1;
    return view;
}

static struct str integer(int64_t value)
{
    struct buf out = buf_in(&arena);
    canon_int(&out, value);
    return buf_str(&out);
}

static void parameters_show_their_values(void **state)
{
    (void)state;
    struct run_view left = view_of_param("lr", integer(1), "1");
    struct run_view right = view_of_param("lr", integer(2), "0x2");
    struct run_diff diff;
    diff_runs(&arena, &left, &right, &(struct diff_wish){0}, &diff);
    assert_int_equal(diff.params.len, 1);
    assert_true(str_is(diff.params.at[0].before, "1"));
    assert_true(str_is(diff.params.at[0].after, "0x2"));
    right = view_of_param("lr", integer(1), "0x1");
    diff_runs(&arena, &left, &right, &(struct diff_wish){0}, &diff);
    assert_int_equal(diff.params.len, 0);
}

static void a_parameter_that_its_file_lost_is_removed(void **state)
{
    (void)state;
    struct run_view left = view_of_param("lr", integer(1), "1");
    struct run_view right = view_of_param("lr", (struct str){0}, "");
    struct run_diff diff;
    diff_runs(&arena, &left, &right, &(struct diff_wish){0}, &diff);
    assert_int_equal(diff.params.len, 1);
    assert_int_equal(diff.params.at[0].change, DIFF_REMOVED);
    assert_int_equal(diff.params.at[0].after.len, 0);
}

static bool code_differs(struct code_state before, struct code_state after)
{
    struct run_view left = {.code = before}, right = {.code = after};
    struct run_diff diff;
    diff_runs(&arena, &left, &right, &(struct diff_wish){0}, &diff);
    assert_int_equal(diff.code.differs, !diff_is_empty(&diff));
    return diff.code.differs;
}

static void code_differs_by_commit_and_by_what_is_not_committed(void **state)
{
    (void)state;
    struct code_state clean = {.commit = STR("a"), .branch = STR("main")};
    struct code_state other = {.commit = STR("b"), .branch = STR("main")};
    struct code_state dirty = {.commit = STR("a"), .is_dirty = 1, .patch = digest_of("1", 1)};
    struct code_state edited = {.commit = STR("a"), .is_dirty = 1, .patch = digest_of("2", 1)};
    struct code_state unknown = {.commit = STR("a"), .is_dirty = -1};
    assert_true(code_differs(clean, other));
    assert_true(code_differs(clean, dirty));
    assert_true(code_differs(dirty, edited));
    assert_false(code_differs(clean, clean));
    assert_false(code_differs(clean, unknown)); /* nobody looked */
}

/* --- verdicts --- */

static struct run_view measured(const char *document)
{
    struct run_view view = {.stages = arena_new(&arena, struct run_view_stage), .stage_count = 1};
    assert_null(metrics_parse(&arena, STR("m.yaml"), str_of(document), &view.stages->metrics));
    view.stages->stage = STR("train");
    return view;
}

static struct run_diff difference_of(struct run_view before, struct run_view after,
                                     const char *main_key)
{
    struct run_view *views = arena_new_array(&arena, struct run_view, 2);
    views[0] = before;
    views[1] = after;
    struct diff_guide guide = {.key = str_of(main_key), .is_main = true};
    struct diff_wish wish = {.guides = &guide, .guide_count = main_key != NULL};
    struct run_diff diff;
    diff_runs(&arena, &views[0], &views[1], &wish, &diff);
    return diff;
}

static void assert_verdict(struct run_diff diff, const char *expected)
{
    diff_conclude(&arena, &diff);
    assert_string_equal(str_copy(&arena, diff.verdict_text).at, expected);
}

static void a_verdict_goes_by_the_direction_of_metrics(void **state)
{
    (void)state;
    assert_verdict(difference_of(measured("f1: 0.81\n"), measured("f1: 0.84\n"), NULL),
                   "better: f1 0.81 -> 0.84 (+0.03); nothing that it was made from differs");
    assert_verdict(difference_of(measured("rmse: 2\n"), measured("rmse: 3\n"), NULL),
                   "worse: rmse 2 -> 3 (+1); nothing that it was made from differs");
    assert_verdict(
        difference_of(measured("f1: 0.8\nrmse: 2\n"), measured("f1: 0.9\nrmse: 3\n"), NULL),
        "mixed: better f1 0.8 -> 0.9 (+0.1); worse rmse 2 -> 3 (+1); nothing that it was made "
        "from differs");
    assert_verdict(difference_of(measured("banana: 1\n"), measured("banana: 2\n"), NULL),
                   "1 metric changed (banana); nothing that it was made from differs");
}

static void a_guide_says_which_metric_decides_and_which_way_is_better(void **state)
{
    (void)state;
    assert_verdict(
        difference_of(measured("f1: 0.8\nrmse: 2\n"), measured("f1: 0.9\nrmse: 3\n"), "rmse"),
        "worse: rmse 2 -> 3 (+1); nothing that it was made from differs");
    struct run_view left = measured("banana: 1\n"), right = measured("banana: 2\n");
    struct diff_guide guide = {.key = STR("banana"), .direction = LOWER_IS_BETTER, .is_main = true};
    struct run_diff diff;
    diff_runs(&arena, &left, &right, &(struct diff_wish){.guides = &guide, .guide_count = 1},
              &diff);
    assert_int_equal(diff.metrics.at[0].judgement, DIFF_WORSE);
}

static struct run_diff tested(double p)
{
    struct run_diff diff =
        difference_of(measured("f1: 0.81\nrmse: 2\n"), measured("f1: 0.84\nrmse: 3\n"), NULL);
    struct diff_metric *metric = &diff.metrics.at[0];
    metric->test = "bootstrap";
    metric->p = metric->p_holm = p;
    metric->low = 0.01;
    metric->high = 0.05;
    metric->level = 0.95;
    return diff;
}

static void where_metrics_were_tested_these_decide(void **state)
{
    (void)state;
    assert_verdict(tested(0.004), "better: f1 0.81 -> 0.84 (+0.03, 95 % [0.01, 0.05], p 0.004); "
                                  "nothing that it was made from differs");
    assert_verdict(tested(0.2), "no significant difference: f1 0.81 -> 0.84 (+0.03, 95 % [0.01, "
                                "0.05], p 0.2); nothing that it was made from differs");
    assert_verdict(tested(0.0001), "better: f1 0.81 -> 0.84 (+0.03, 95 % [0.01, 0.05], p < 0.001); "
                                   "nothing that it was made from differs");
}

static void numbers_of_many_digits_are_shortened_until_they_differ(void **state)
{
    (void)state;
    assert_verdict(difference_of(measured("f1: 0.8123456789\n"), measured("f1: 0.8123456\n"), NULL),
                   "worse: f1 0.8123457 -> 0.8123456 (-7.89e-08); nothing that it was made from "
                   "differs");
}

static void becoming_undefined_is_worse(void **state)
{
    (void)state;
    struct run_diff diff = difference_of(measured("f1: 0.8\n"), measured("f1: .nan\n"), NULL);
    assert_int_equal(diff.metrics.at[0].judgement, DIFF_WORSE);
    diff = difference_of(measured("f1: .nan\n"), measured("f1: 0.8\n"), NULL);
    assert_int_equal(diff.metrics.at[0].judgement, DIFF_BETTER);
}

static void one_cause_is_named_as_the_only_one(void **state)
{
    (void)state;
    struct run_view left = view_of_rows("a train.py:1 x.csv:1 > y:1\n");
    assert_verdict(difference_of(left, view_of_rows("a train.py:1 x.csv:2 > y:1\n"), NULL),
                   "only the data x.csv changed");
    assert_verdict(difference_of(left, view_of_rows("a train.py:2 x.csv:1 > y:2\n"), NULL),
                   "only the code in train.py changed");
    assert_verdict(difference_of(left, view_of_rows("a train.py:2 x.csv:2 > y:2\n"), NULL),
                   "changed: data x.csv, code train.py");
    assert_verdict(difference_of(left, view_of_rows("a train.py:1 x.csv:1 > y:2\n"), NULL),
                   "only the output y changed");
    assert_verdict(difference_of(left, left, NULL), "unchanged: nothing differs");
}

static void what_came_with_a_stage_is_told_by_the_stage(void **state)
{
    (void)state;
    struct run_view left = view_of_rows("a x.csv:1 > y:1\n");
    struct run_view right = view_of_rows("a x.csv:1 > y:1\nb judge.py:1 test.csv:1 y:1 > z:1\n");
    assert_verdict(difference_of(left, right, NULL), "only the stage b was added");
    assert_verdict(difference_of(right, left, NULL), "only the stage b was removed");
    assert_verdict(difference_of(left, view_of_rows("b w.csv:1 > z:1\n"), NULL),
                   "changed: stages a and b");
}

static void many_causes_are_counted(void **state)
{
    (void)state;
    assert_verdict(difference_of(view_of_rows("a p:1 q:1 r:1 s:1\n"),
                                 view_of_rows("a p:2 q:2 r:2 s:2\n"), NULL),
                   "changed: 4 data paths (p, q, r, ...)");
}

static struct environment environment_of(const char *kernel, const char *version)
{
    struct environment environment = {.os = STR("Linux"),
                                      .cpus = 4,
                                      .kernel = str_of(kernel),
                                      .interpreter = STR("python"),
                                      .interpreter_version = STR("3.11")};
    *vec_push(&arena, &environment.packages) =
        (struct environment_item){STR("scikit-learn"), str_of(version)};
    return environment;
}

static void packages_are_a_cause_and_the_machine_is_not(void **state)
{
    (void)state;
    struct environment old = environment_of("6.1", "1.2"), new = environment_of("6.1", "1.3");
    struct environment moved = environment_of("6.2", "1.2");
    struct run_view left = measured("f1: 0.8\n"), right = measured("f1: 0.8\n");
    left.stages->environment = &old;
    right.stages->environment = &new;
    assert_verdict(difference_of(left, right, NULL),
                   "metrics the same; only the package scikit-learn changed");
    right.stages->environment = &moved;
    struct run_diff diff = difference_of(left, right, NULL);
    assert_true(diff_is_empty(&diff));
    assert_int_equal(diff.environments.len, 1);
    assert_verdict(diff, "unchanged: nothing but the machine differs");
}

static void environments_that_stages_share_are_told_once(void **state)
{
    (void)state;
    struct environment old = environment_of("6.1", "1.2"), new = environment_of("6.1", "1.3");
    struct environment same = environment_of("6.1", "1.3");
    struct run_view left = view_of_rows("a x:1\nb x:1\nc x:1\n");
    struct run_view right = view_of_rows("a x:1\nb x:1\nc x:1\n");
    for (size_t i = 0; i < 3; i++)
        left.stages[i].environment = &old;
    right.stages[0].environment = &new;
    right.stages[1].environment = &same;
    right.stages[2].environment = &old;
    struct run_diff diff = difference_of(left, right, NULL);
    assert_int_equal(diff.environments.len, 1);
    assert_int_equal(diff.environments.at[0].stages.len, 2);
    assert_int_equal(diff.environments.at[0].changes.len, 1);
}

static void inputs_that_were_not_run_with_make_no_verdict_of_metrics(void **state)
{
    (void)state;
    struct run_view left = view_of_rows("a x:1\n"), right = view_of_rows("a x:2\n");
    left.stages->metrics = right.stages->metrics = measured("f1: 0.8\n").stages->metrics;
    right.stages->status = STATUS_WOULD_RUN;
    assert_verdict(difference_of(left, right, NULL),
                   "only the data x changed; not run with that yet");
    right.stages->status = STATUS_UNCHANGED;
    assert_verdict(difference_of(left, right, NULL), "metrics the same; only the data x changed");
}

static void times_and_memory_are_told_if_they_differ_noticeably(void **state)
{
    (void)state;
    struct run_view left = view_of_rows("a x:1\n"), right = view_of_rows("a x:1\n");
    left.stages->usage = (struct usage){.attempts = 1, .duration_ns = 4000000000};
    right.stages->usage = (struct usage){.attempts = 1, .duration_ns = 4300000000};
    struct run_diff diff = difference_of(left, right, NULL);
    assert_int_equal(diff.stages.len, 0);
    right.stages->usage.duration_ns = 8000000000;
    diff = difference_of(left, right, NULL);
    assert_int_equal(diff.stages.len, 1);
    assert_true(diff.stages.at[0].is_noticeable && diff_is_empty(&diff));
}

static void programs_are_told_from_data_by_their_suffix(void **state)
{
    (void)state;
    assert_true(diff_is_source(STR("src/train.py")) && diff_is_source(STR("Makefile")));
    assert_true(diff_is_source(STR("a.b/run.sh")));
    assert_false(diff_is_source(STR("data.csv")) || diff_is_source(STR("src.py/data")));
    assert_false(diff_is_source(STR(".py")) || diff_is_source(STR("py")));
}

static int drop(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimals_are_subtracted_exactly),
        cmocka_unit_test(integers_are_subtracted_exactly),
        cmocka_unit_test(other_numbers_are_subtracted_as_doubles),
        cmocka_unit_test(different_texts_of_one_number_are_no_difference),
        cmocka_unit_test(big_integers_differ_by_their_last_digit),
        cmocka_unit_test(words_have_no_delta),
        cmocka_unit_test(a_number_that_became_nan_is_a_change_without_delta),
        cmocka_unit_test(inputs_and_outputs_are_told_apart),
        cmocka_unit_test(what_lies_in_an_output_is_no_input),
        cmocka_unit_test(files_that_come_and_go_are_named),
        cmocka_unit_test(an_input_that_a_stage_makes_now_is_no_change_by_itself),
        cmocka_unit_test(stages_that_read_different_states_of_a_file_show_it),
        cmocka_unit_test(an_output_says_what_it_is_whatever_a_stage_has_read_of_it),
        cmocka_unit_test(chmod_of_data_is_a_change),
        cmocka_unit_test(stages_say_what_in_their_recipe_differs),
        cmocka_unit_test(all_shows_what_is_the_same_too),
        cmocka_unit_test(parameters_show_their_values),
        cmocka_unit_test(a_parameter_that_its_file_lost_is_removed),
        cmocka_unit_test(code_differs_by_commit_and_by_what_is_not_committed),
        cmocka_unit_test(a_verdict_goes_by_the_direction_of_metrics),
        cmocka_unit_test(a_guide_says_which_metric_decides_and_which_way_is_better),
        cmocka_unit_test(where_metrics_were_tested_these_decide),
        cmocka_unit_test(numbers_of_many_digits_are_shortened_until_they_differ),
        cmocka_unit_test(becoming_undefined_is_worse),
        cmocka_unit_test(one_cause_is_named_as_the_only_one),
        cmocka_unit_test(what_came_with_a_stage_is_told_by_the_stage),
        cmocka_unit_test(many_causes_are_counted),
        cmocka_unit_test(packages_are_a_cause_and_the_machine_is_not),
        cmocka_unit_test(environments_that_stages_share_are_told_once),
        cmocka_unit_test(inputs_that_were_not_run_with_make_no_verdict_of_metrics),
        cmocka_unit_test(times_and_memory_are_told_if_they_differ_noticeably),
        cmocka_unit_test(programs_are_told_from_data_by_their_suffix),
    };
    return cmocka_run_group_tests(tests, NULL, drop);
}
