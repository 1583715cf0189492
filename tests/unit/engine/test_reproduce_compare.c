#include "mlops/base/arena.h"
#include "mlops/engine/reproduce.h"

#include <math.h>

#include "support/unit.h"

/* prepare (data) -> train (model) -> evaluate (metrics.json); report reads the model, too. */
enum { PREPARE, TRAIN, EVALUATE, REPORT, STAGES };
static const char *const names[] = {"prepare", "train", "evaluate", "report"};
static const char *const outs[] = {"data", "model", "metrics.json", "report.txt"};
static const char *const deps[] = {"raw", "data", "model", "model"};

static struct arena arena;

struct side {
    struct recipe recipes[STAGES];
    struct recipe_dep reads[STAGES];
    struct artifact made[STAGES];
    struct run_view_stage view[STAGES];
    struct reproduced_now now[STAGES];
};

/* What each stage makes, as a word. */
static struct side *side_make(const char *const contents[STAGES], double f1)
{
    struct side *side = arena_new(&arena, struct side);
    for (int i = 0; i < STAGES; i++) {
        const char *read = i == 0 ? "raw" : contents[i == REPORT ? TRAIN : i - 1];
        side->reads[i] = (struct recipe_dep){.path = str_of(deps[i]),
                                             .kind = ARTIFACT_FILE,
                                             .digest = digest_of(read, strlen(read))};
        side->recipes[i] = (struct recipe){.deps = &side->reads[i], .dep_count = 1};
        side->made[i] = (struct artifact){.path = str_of(outs[i]),
                                          .kind = ARTIFACT_FILE,
                                          .digest = digest_of(contents[i], strlen(contents[i]))};
        side->view[i] = (struct run_view_stage){.stage = str_of(names[i]),
                                                .recipe = &side->recipes[i],
                                                .outs = &side->made[i],
                                                .out_count = 1,
                                                .status = STATUS_EXECUTED};
        side->now[i] = (struct reproduced_now){.stage = str_of(names[i]),
                                               .recipe = &side->recipes[i],
                                               .outs = &side->made[i],
                                               .out_count = 1,
                                               .status = STATUS_EXECUTED};
    }
    struct metric metric = {.file = STR("metrics.json"),
                            .key = STR("f1"),
                            .text = str_print(&arena, "%.17g", f1),
                            .value = f1};
    *vec_push(&arena, &side->view[EVALUATE].metrics) = metric;
    *vec_push(&arena, &side->now[EVALUATE].metrics) = metric;
    return side;
}

static struct reproduce_report compare(struct side *before, struct side *after, size_t count)
{
    struct run_view view = {.stages = before->view, .stage_count = count};
    struct tolerance tolerance = {.relative = 1e-6, .absolute = 1e-9};
    struct reproduce_report report = {0};
    reproduce_compare(&arena, &view, after->now, count, &tolerance, &report);
    return report;
}

static const char *const usual[] = {"d", "m", "e", "r"};

static int clear(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}

static void the_same_outputs_are_identical(void **state)
{
    (void)state;
    struct reproduce_report report = compare(side_make(usual, 0.5), side_make(usual, 0.5), STAGES);
    assert_int_equal(report.verdict, REPRODUCED_IDENTICAL);
    assert_int_equal(report.exit_status, 0);
    assert_int_equal(report.count, STAGES);
    assert_null(report.first);
}

static void the_first_stage_whose_difference_is_its_own_is_named(void **state)
{
    (void)state;
    const char *const other[] = {"d", "M", "E", "R"};
    struct reproduce_report report = compare(side_make(usual, 0.5), side_make(other, 0.7), STAGES);
    assert_int_equal(report.verdict, REPRODUCED_DIFFERS);
    assert_int_equal(report.exit_status, 1);
    assert_true(str_is(report.first->stage, "train"));
    assert_true(report.first->has_same_inputs);
    assert_true(str_is(report.first->cause, "the same inputs gave other outputs"));
    assert_true(report.stages[EVALUATE].is_consequence && report.stages[REPORT].is_consequence);
    assert_true(
        str_is(report.stages[EVALUATE].cause, "reads 'model', which 'train' made otherwise"));
}

static void metrics_that_agree_vouch_for_what_they_judge(void **state)
{
    (void)state;
    const char *const other[] = {"d", "M", "E", "r"};
    double last_digit = nextafter(0.5, 1);
    struct reproduce_report report =
        compare(side_make(usual, 0.5), side_make(other, last_digit), REPORT);
    assert_int_equal(report.verdict, REPRODUCED_EQUAL);
    assert_int_equal(report.stages[EVALUATE].verdict, REPRODUCED_EQUAL);
    assert_true(str_is(report.first->stage, "train"));
    assert_false(report.stages[EVALUATE].metrics[0].is_equal);
    assert_true(report.stages[EVALUATE].metrics[0].is_within);
    assert_int_equal(report.exit_status, 0);
}

static void what_no_metric_judges_differs(void **state)
{
    (void)state;
    const char *const other[] = {"d", "m", "e", "R"};
    struct reproduce_report report = compare(side_make(usual, 0.5), side_make(other, 0.5), STAGES);
    assert_int_equal(report.verdict, REPRODUCED_DIFFERS);
    assert_true(str_is(report.first->stage, "report"));
}

static void the_same_outputs_of_other_inputs_are_identical(void **state)
{
    (void)state;
    const char *const other[] = {"D", "m", "e", "r"};
    struct reproduce_report report = compare(side_make(usual, 0.5), side_make(other, 0.5), STAGES);
    assert_int_equal(report.stages[TRAIN].verdict, REPRODUCED_IDENTICAL);
    assert_int_equal(report.verdict, REPRODUCED_EQUAL);
    assert_true(str_is(report.first->stage, "prepare"));
}

static void another_recipe_is_no_consequence(void **state)
{
    (void)state;
    const char *const other[] = {"d", "M", "E", "R"};
    struct side *after = side_make(other, 0.7);
    after->recipes[TRAIN].shell = STR("sh");
    struct reproduce_report report = compare(side_make(usual, 0.5), after, STAGES);
    assert_true(str_is(report.first->stage, "train"));
    assert_false(report.first->has_same_inputs);
    assert_non_null(strstr(report.first->cause.at, "shell"));
}

static void a_failure_is_worse_than_a_difference(void **state)
{
    (void)state;
    struct side *after = side_make(usual, 0.5);
    for (int i = TRAIN; i < STAGES; i++)
        after->now[i] = (struct reproduced_now){
            .stage = str_of(names[i]),
            .status = i == TRAIN ? STATUS_FAILED : STATUS_SKIPPED,
            .cause = i == TRAIN ? STR("exited with status 1") : STR("because 'train' failed")};
    struct reproduce_report report = compare(side_make(usual, 0.5), after, STAGES);
    assert_int_equal(report.verdict, REPRODUCED_FAILED);
    assert_true(str_is(report.first->stage, "train"));
    assert_true(report.stages[EVALUATE].is_consequence);
}

static void a_failure_behind_a_difference_is_its_consequence(void **state)
{
    (void)state;
    const char *const other[] = {"d", "M", "E", "R"};
    struct side *after = side_make(other, 0.7);
    after->now[EVALUATE].status = STATUS_FAILED;
    after->now[EVALUATE].cause = STR("exited with status 1");
    struct reproduce_report report = compare(side_make(usual, 0.5), after, STAGES);
    assert_int_equal(report.verdict, REPRODUCED_DIFFERS);
    assert_true(str_is(report.first->stage, "train"));
    assert_true(report.stages[EVALUATE].is_consequence);
    assert_non_null(
        strstr(report.stages[EVALUATE].cause.at, "exited with status 1; reads 'model'"));
}

static void an_output_that_grows_says_why_it_differs(void **state)
{
    (void)state;
    const char *const other[] = {"D", "m", "e", "r"};
    struct side *after = side_make(other, 0.5);
    after->now[PREPARE].persists = true;
    struct reproduce_report report = compare(side_make(usual, 0.5), after, STAGES);
    assert_non_null(strstr(report.first->cause.at, "persists"));
}

static void metrics_and_outputs_that_are_not_there_differ(void **state)
{
    (void)state;
    struct side *after = side_make(usual, 0.5);
    after->now[EVALUATE].metrics = (struct metric_vec){0};
    after->now[REPORT].out_count = 0;
    struct reproduce_report report = compare(side_make(usual, 0.5), after, STAGES);
    assert_int_equal(report.stages[EVALUATE].verdict, REPRODUCED_DIFFERS);
    assert_int_equal(report.stages[REPORT].output_count, 1);
    assert_true(digest_is_zero(report.stages[REPORT].outputs[0].after));
}

static void no_numbers_agree_only_with_their_like(void **state)
{
    (void)state;
    const char *const other[] = {"d", "M", "E", "r"};
    const struct {
        double before, after;
        enum reproduction verdict;
    } rows[] = {
        {nan(""), nan(""), REPRODUCED_EQUAL},   {nan(""), 0.5, REPRODUCED_DIFFERS},
        {HUGE_VAL, HUGE_VAL, REPRODUCED_EQUAL}, {HUGE_VAL, -HUGE_VAL, REPRODUCED_DIFFERS},
        {0, 5e-10, REPRODUCED_EQUAL},           {0, 5e-9, REPRODUCED_DIFFERS},
        {1000, 1000.0005, REPRODUCED_EQUAL},    {1000, 1000.002, REPRODUCED_DIFFERS},
        {-1000, -1000.0005, REPRODUCED_EQUAL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct reproduce_report report =
            compare(side_make(usual, rows[i].before), side_make(other, rows[i].after), REPORT);
        assert_int_equal(report.verdict, rows[i].verdict);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_same_outputs_are_identical, clear),
        cmocka_unit_test_teardown(the_first_stage_whose_difference_is_its_own_is_named, clear),
        cmocka_unit_test_teardown(metrics_that_agree_vouch_for_what_they_judge, clear),
        cmocka_unit_test_teardown(what_no_metric_judges_differs, clear),
        cmocka_unit_test_teardown(the_same_outputs_of_other_inputs_are_identical, clear),
        cmocka_unit_test_teardown(another_recipe_is_no_consequence, clear),
        cmocka_unit_test_teardown(a_failure_is_worse_than_a_difference, clear),
        cmocka_unit_test_teardown(a_failure_behind_a_difference_is_its_consequence, clear),
        cmocka_unit_test_teardown(an_output_that_grows_says_why_it_differs, clear),
        cmocka_unit_test_teardown(metrics_and_outputs_that_are_not_there_differ, clear),
        cmocka_unit_test_teardown(no_numbers_agree_only_with_their_like, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
