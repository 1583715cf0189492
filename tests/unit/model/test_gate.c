/* Gates as values: what they answer to numbers, intervals and their absence. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/model/gate.h"

#include <math.h>

#include "support/unit.h"

static struct arena arena;

static int give_back(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}

static struct amount of(double value)
{
    return (struct amount){.is_given = true, .value = value};
}

static struct amount share(double value)
{
    return (struct amount){.is_given = true, .is_relative = true, .value = value};
}

static struct gate_value is(double value)
{
    return (struct gate_value){.is_there = true, .value = value};
}

static struct check_results judge(const struct gate *gate, const struct gate_evidence *evidence)
{
    struct check_results results = {0};
    struct gate named = *gate;
    if (!named.metric.len)
        named.metric = STR("f1");
    if (!named.direction)
        named.direction = HIGHER_IS_BETTER;
    gate_judge(&arena, &named, evidence, &results);
    return results;
}

static void expect(const struct check_results *results, size_t at, const char *judgement,
                   const char *message)
{
    assert_true(at < results->all.len);
    const struct check_result *result = &results->all.at[at];
    assert_string_equal(str_terminate(&arena, result->judgement), judgement);
    assert_string_equal(str_terminate(&arena, result->message), message);
}

static const char *judged(const struct gate *gate, const struct gate_evidence *evidence)
{
    struct check_results results = judge(gate, evidence);
    assert_int_equal(results.all.len, 1);
    return str_terminate(&arena, results.all.at[0].judgement);
}

static void a_floor_holds_by_the_number_alone(void **state)
{
    (void)state;
    struct gate gate = {.min = of(0.8)};
    struct check_results results = judge(&gate, &(struct gate_evidence){.now = is(0.78)});
    expect(&results, 0, "fail", "f1 0.78 is below 0.8");
    assert_true(results.is_rejected);
    assert_int_equal(results.failed, 1);
    results = judge(&gate, &(struct gate_evidence){.now = is(0.8)});
    expect(&results, 0, "pass", "f1 0.8 is at least 0.8");
    assert_false(results.is_rejected);
    results = judge(&gate, &(struct gate_evidence){.now = is(0.79999999)});
    expect(&results, 0, "fail", "f1 0.79999999 is below 0.8");
}

static void a_ceiling_and_a_floor_are_two_answers(void **state)
{
    (void)state;
    struct gate gate = {.min = of(0.1), .max = of(0.5)};
    struct check_results results = judge(&gate, &(struct gate_evidence){.now = is(0.6)});
    assert_int_equal(results.all.len, 2);
    expect(&results, 0, "pass", "f1 0.6 is at least 0.1");
    expect(&results, 1, "fail", "f1 0.6 is above 0.5");
}

static void what_is_missing_never_passes(void **state)
{
    (void)state;
    struct gate gate = {.min = of(0.1), .max_drop = of(0.1)};
    struct gate_evidence evidence = {.now.why = STR("is NaN")};
    struct check_results results = judge(&gate, &evidence);
    assert_int_equal(results.all.len, 1);
    expect(&results, 0, "fail", "f1 is NaN");
    assert_true(results.is_rejected);
    gate.on_missing = MISSING_WARN;
    results = judge(&gate, &evidence);
    expect(&results, 0, "warn", "f1 is NaN");
    assert_false(results.is_rejected);
    assert_int_equal(results.warned, 1);
}

static void a_gate_of_severity_warn_rejects_nothing(void **state)
{
    (void)state;
    struct gate gate = {.min = of(0.8), .severity = SEVERITY_WARN};
    struct check_results results = judge(&gate, &(struct gate_evidence){.now = is(0.1)});
    expect(&results, 0, "warn", "f1 0.1 is below 0.8");
    assert_false(results.is_rejected);
}

static void a_drop_is_what_the_metric_is_worse_by(void **state)
{
    (void)state;
    struct gate gate = {.max_drop = of(0.01)};
    struct gate_evidence evidence = {
        .now = is(0.910), .before = is(0.941), .before_name = STR("main (3fa1c2d)")};
    struct check_results results = judge(&gate, &evidence);
    expect(&results, 0, "fail",
           "f1 fell by 0.031 (0.941 -> 0.91) against main (3fa1c2d), 0.01 allowed");
    evidence.now = is(0.99);
    assert_string_equal(judged(&gate, &evidence), "pass");
    gate.direction = LOWER_IS_BETTER;
    results = judge(&gate, &evidence);
    expect(&results, 0, "fail",
           "f1 rose by 0.049 (0.941 -> 0.99) against main (3fa1c2d), 0.01 allowed");
    evidence.now = is(0.5);
    assert_string_equal(judged(&gate, &evidence), "pass");
}

static void a_relative_drop_is_a_share_of_the_baseline(void **state)
{
    (void)state;
    struct gate gate = {.max_drop = share(0.01), .direction = LOWER_IS_BETTER};
    struct gate_evidence evidence = {
        .now = is(101), .before = is(100), .before_name = STR("run X")};
    assert_string_equal(judged(&gate, &evidence), "pass");
    evidence.now = is(101.5);
    struct check_results results = judge(&gate, &evidence);
    expect(&results, 0, "fail", "f1 rose by 1.5 % (100 -> 101.5) against run X, 1 % allowed");
    evidence.before = is(-100); /* r2 may be negative: its size counts */
    evidence.now = is(-99.5);
    assert_string_equal(judged(&gate, &evidence), "pass");
    evidence.now = is(-98);
    assert_string_equal(judged(&gate, &evidence), "fail");
}

static void rounding_is_no_drop(void **state)
{
    (void)state;
    struct gate gate = {.max_drop = of(0.01)};
    struct gate_evidence evidence = {.now = is(0.93), .before = is(0.94)};
    for (int i = 1; i < 1000; i++) {
        evidence.before = is(i / 1000.0);
        evidence.now = is((i - 10) / 1000.0);
        assert_string_equal(judged(&gate, &evidence), "pass");
        evidence.now = is((i - 10) / 1000.0 - 1e-9);
        assert_string_equal(judged(&gate, &evidence), "fail");
    }
}

static void no_change_is_allowed_when_no_drop_is(void **state)
{
    (void)state;
    struct gate gate = {.max_drop = of(0)};
    struct gate_evidence evidence = {
        .now = is(0.9), .before = is(0.9), .before_name = STR("run X")};
    struct check_results results = judge(&gate, &evidence);
    expect(&results, 0, "pass", "f1 is 0.9 as in run X, 0 allowed");
    evidence.now = is(0.8999);
    assert_string_equal(judged(&gate, &evidence), "fail");
}

static void a_first_run_has_floors_only(void **state)
{
    (void)state;
    struct gate gate = {.min = of(0.5), .max_drop = of(0.1)};
    struct gate_evidence evidence = {.now = is(0.9), .is_first = true};
    struct check_results results = judge(&gate, &evidence);
    assert_int_equal(results.all.len, 2);
    expect(&results, 0, "pass", "f1 0.9 is at least 0.5");
    expect(&results, 1, "skip", "f1: no earlier run passed: first run, nothing to compare with");
    evidence.before_name = STR("main (3fa1c2d)");
    evidence.now = is(0.4);
    results = judge(&gate, &evidence);
    expect(&results, 0, "fail", "f1 0.4 is below 0.5");
    expect(&results, 1, "skip",
           "f1: main (3fa1c2d) has no such stage: first run, nothing to compare with");
    assert_true(results.is_rejected);
}

static void a_baseline_without_the_metric_does_not_pass(void **state)
{
    (void)state;
    struct gate gate = {.max_drop = of(0.1)};
    struct gate_evidence evidence = {.now = is(0.9),
                                     .before.why = STR("has no value in the baseline"),
                                     .before_name = STR("main")};
    struct check_results results = judge(&gate, &evidence);
    expect(&results, 0, "fail", "f1 has no value in the baseline: main");
}

static void with_confidence_the_interval_decides(void **state)
{
    (void)state;
    struct gate gate = {.min = of(0.8), .confidence = 0.95};
    struct gate_evidence evidence = {
        .now = is(0.82), .has_interval = true, .low = 0.79, .high = 0.85};
    struct check_results results = judge(&gate, &evidence);
    expect(&results, 0, "inconclusive",
           "f1 0.82 is not surely at least 0.8; 95 % interval [0.79, 0.85]");
    assert_false(results.is_rejected);
    assert_int_equal(results.warned, 1);
    assert_string_equal(str_terminate(&arena, results.all.at[0].severity), "warn");
    gate.on_inconclusive = INCONCLUSIVE_FAIL;
    results = judge(&gate, &evidence);
    assert_string_equal(str_terminate(&arena, results.all.at[0].judgement), "inconclusive");
    assert_true(check_result_is_failure(&results.all.at[0]));
    assert_true(results.is_rejected);
    evidence.low = 0.8;
    assert_string_equal(judged(&gate, &evidence), "pass");
    evidence.high = 0.799;
    evidence.low = 0.7;
    evidence.now = is(0.75);
    assert_string_equal(judged(&gate, &evidence), "fail");
    gate = (struct gate){.max = of(0.8), .confidence = 0.95};
    assert_string_equal(judged(&gate, &evidence), "pass");
    evidence.high = 0.81;
    assert_string_equal(judged(&gate, &evidence), "inconclusive");
    evidence.low = 0.805;
    evidence.now = is(0.808);
    assert_string_equal(judged(&gate, &evidence), "fail");
}

static void with_confidence_the_paired_difference_decides(void **state)
{
    (void)state;
    struct gate gate = {.max_drop = of(0.01), .confidence = 0.95};
    struct gate_evidence evidence = {.now = is(0.91),
                                     .before = is(0.941),
                                     .before_name = STR("main (3fa1c2d)"),
                                     .has_difference = true,
                                     .difference_low = -0.05,
                                     .difference_high = -0.012};
    struct check_results results = judge(&gate, &evidence);
    expect(&results, 0, "fail",
           "f1 fell by 0.031 (0.941 -> 0.91) against main (3fa1c2d), 0.01 allowed; "
           "95 % interval of the change [-0.05, -0.012]");
    evidence.difference_high = 0.001;
    assert_string_equal(judged(&gate, &evidence), "inconclusive");
    evidence.difference_low = -0.01;
    evidence.now = is(0.936);
    assert_string_equal(judged(&gate, &evidence), "pass");
    gate.direction = LOWER_IS_BETTER; /* what fell is better now */
    evidence.difference_high = 0.009;
    evidence.difference_low = -0.9;
    assert_string_equal(judged(&gate, &evidence), "pass");
    evidence.difference_low = 0.011;
    evidence.difference_high = 0.02;
    evidence.now = is(0.956);
    assert_string_equal(judged(&gate, &evidence), "fail");
}

static void without_an_interval_nothing_passes(void **state)
{
    (void)state;
    struct gate gate = {.max_drop = of(0.01), .confidence = 0.95};
    struct gate_evidence evidence = {.now = is(0.94),
                                     .before = is(0.94),
                                     .before_name = STR("main"),
                                     .no_difference = STR("there are no ids")};
    struct check_results results = judge(&gate, &evidence);
    expect(&results, 0, "inconclusive",
           "f1 is 0.94 as in main, perhaps by more than is allowed, 0.01 allowed; no interval of "
           "the change: there are no ids");
    evidence.now = is(0.5);
    assert_string_equal(judged(&gate, &evidence), "fail");
    evidence.has_difference = true;
    evidence.difference_low = evidence.difference_high = nan("");
    evidence.now = is(0.94);
    assert_string_equal(judged(&gate, &evidence), "inconclusive");
}

/* Of a maximum or an error of calibration the resamples lie beside the number itself. */
static void a_number_on_the_bad_side_never_passes_by_its_interval(void **state)
{
    (void)state;
    struct gate gate = {.min = of(0.8), .confidence = 0.95};
    struct gate_evidence evidence = {
        .now = is(0.79), .has_interval = true, .low = 0.81, .high = 0.85};
    assert_string_equal(judged(&gate, &evidence), "inconclusive");
    gate = (struct gate){.max = of(0.8), .confidence = 0.95};
    evidence =
        (struct gate_evidence){.now = is(0.81), .has_interval = true, .low = 0.7, .high = 0.79};
    assert_string_equal(judged(&gate, &evidence), "inconclusive");
}

static void an_infinite_number_is_no_rounding(void **state)
{
    (void)state;
    struct gate gate = {.max_drop = of(0.01)};
    struct gate_evidence evidence = {.now = is(0.5), .before = is(HUGE_VAL)};
    assert_string_equal(judged(&gate, &evidence), "fail");
    gate.direction = LOWER_IS_BETTER;
    evidence = (struct gate_evidence){.now = is(HUGE_VAL), .before = is(0.3)};
    assert_string_equal(judged(&gate, &evidence), "fail");
}

static void an_evaluation_is_read_back_from_its_command(void **state)
{
    (void)state;
    struct evaluating written = {.predictions = STR("out dir/it's #1.csv"),
                                 .task = 0,
                                 .has_threshold = true,
                                 .threshold = 0.1,
                                 .positive = STR("yes 'or' no"),
                                 .label = STR("y"),
                                 .metrics = STR("m.json"),
                                 .measured = STR(".mlops/measured/a.json"),
                                 .charts = STR("--charts")};
    struct evaluating read;
    *vec_push(&arena, &written.slices) = STR("country of \\birth");
    *vec_push(&arena, &written.slices) = STR("age");
    struct str command = evaluating_print(&arena, &written);
    assert_true(evaluating_parse(&arena, command, &read));
    assert_string_equal(str_terminate(&arena, read.predictions), "out dir/it's #1.csv");
    assert_string_equal(str_terminate(&arena, read.positive), "yes 'or' no");
    assert_string_equal(str_terminate(&arena, read.charts), "--charts");
    assert_string_equal(str_terminate(&arena, read.label), "y");
    assert_int_equal(read.slices.len, 2);
    assert_string_equal(str_terminate(&arena, read.slices.at[0]), "country of \\birth");
    assert_true(read.threshold == 0.1);
    assert_string_equal(str_terminate(&arena, evaluating_print(&arena, &read)),
                        str_terminate(&arena, command));
    assert_false(evaluating_parse(&arena, STR("python3 evaluate.py"), &read));
    assert_false(evaluating_parse(&arena, STR("mlops evaluate --task=binary"), &read));
    assert_false(evaluating_parse(&arena, STR("mlops evaluate --tusk=binary -- p.csv"), &read));
}

/* It is in the key of everybody's stages: it must stay as it is. */
static void the_words_of_the_command_stay(void **state)
{
    (void)state;
    struct evaluating all = {.predictions = STR("p.csv"),
                             .task = 0,
                             .has_threshold = true,
                             .threshold = 0.3,
                             .positive = STR("1"),
                             .label = STR("a"),
                             .score = STR("b"),
                             .prediction = STR("c"),
                             .id = STR("d"),
                             .weight = STR("e"),
                             .metrics = STR("m.json"),
                             .charts = STR("charts"),
                             .measured = STR("o.json")};
    *vec_push(&arena, &all.slices) = STR("f g");
    assert_string_equal(
        str_terminate(&arena, evaluating_print(&arena, &all)),
        "mlops evaluate --task=binary --threshold=0.3 --positive=1 --label=a --score=b "
        "--prediction=c --id=d --weight=e --metrics=m.json --output=o.json --charts=charts "
        "'--slice=f g' -- p.csv # version 1");
    struct evaluating least = {
        .predictions = STR("-"), .task = 2, .metrics = STR("m.json"), .measured = STR("o.json")};
    assert_string_equal(str_terminate(&arena, evaluating_print(&arena, &least)),
                        "mlops evaluate --task=regression --metrics=m.json --output=o.json -- - "
                        "# version 1");
}

static const struct stage *bound(const char *keys)
{
    struct doc *doc = NULL;
    struct pipeline *pipeline = NULL;
    struct doc_options options = {0};
    struct str whole = str_print(&arena,
                                 "stages:\n  judge:\n    kind: evaluate\n    predictions: p.csv\n"
                                 "    task: binary\n%s",
                                 keys);
    struct error *error = doc_parse(&arena, STR("pipeline.yaml"), whole, &options, &doc);
    if (!error)
        error = pipeline_bind(&arena, doc, STR("pipeline.yaml"), &pipeline);
    if (error)
        fail_msg("%s", error->text);
    return &pipeline->stages.at[0];
}

static const char *command_of(const char *keys)
{
    return str_terminate(&arena, bound(keys)->cmd.items[0]);
}

static void gates_are_no_part_of_the_command_and_what_is_measured_is(void **state)
{
    (void)state;
    const char *plain = command_of("");
    assert_non_null(strstr(plain, "# version 1"));
    assert_string_equal(plain, command_of("    gates: [{metric: f1, min: 0.8}]\n"));
    assert_string_equal(plain,
                        command_of("    gates: [{metric: f1, min: 0.9, confidence: 0.9}]\n"));
    assert_string_not_equal(plain, command_of("    threshold: 0.4\n"));
    assert_string_not_equal(plain, command_of("    slices: [age]\n"));
    assert_string_not_equal(plain, command_of("    positive: yes\n"));
    assert_string_not_equal(plain, command_of("    columns: {label: y}\n"));
}

static void an_evaluation_has_its_outputs_and_its_input(void **state)
{
    (void)state;
    const struct stage *stage = bound("");
    assert_int_equal(stage->deps.len, 1);
    assert_int_equal(stage->outs.len, 2);
    assert_int_equal(stage->outs.at[0].category, OUT_METRICS);
    assert_true(str_starts(stage->outs.at[0].path, STR(".mlops/measured/judge-")));
    assert_true(str_starts(stage->outs.at[1].path, STR(".mlops/measured/judge-")));
    stage = bound("    metrics: [m.json]\n    plots: [charts]\n    deps: [p.csv]\n");
    assert_int_equal(stage->deps.len, 1);
    assert_int_equal(stage->outs.len, 3);
    assert_string_equal(str_terminate(&arena, stage->evaluating->metrics), "m.json");
    assert_string_equal(str_terminate(&arena, stage->evaluating->charts), "charts");
}

static void a_drop_is_relative_only_in_percent(void **state)
{
    (void)state;
    const struct stage *stage = bound("    gates:\n"
                                      "      - {metric: f1, max_drop: 1%}\n"
                                      "      - {metric: log_loss, max_drop: '0.01'}\n"
                                      "      - {metric: odd, max_drop: 2, direction: lower}\n");
    const struct gate *gates = stage->gates->at;
    assert_int_equal(stage->gates->len, 3);
    assert_true(gates[0].max_drop.is_relative && gates[0].max_drop.value == 0.01);
    assert_int_equal(gates[0].direction, HIGHER_IS_BETTER);
    assert_true(!gates[1].max_drop.is_relative && gates[1].max_drop.value == 0.01);
    assert_int_equal(gates[1].direction, LOWER_IS_BETTER);
    assert_int_equal(gates[2].direction, LOWER_IS_BETTER);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, give_back)
    const struct CMUnitTest tests[] = {
        TEST(a_floor_holds_by_the_number_alone),
        TEST(a_ceiling_and_a_floor_are_two_answers),
        TEST(what_is_missing_never_passes),
        TEST(a_gate_of_severity_warn_rejects_nothing),
        TEST(a_drop_is_what_the_metric_is_worse_by),
        TEST(a_relative_drop_is_a_share_of_the_baseline),
        TEST(rounding_is_no_drop),
        TEST(no_change_is_allowed_when_no_drop_is),
        TEST(a_first_run_has_floors_only),
        TEST(a_baseline_without_the_metric_does_not_pass),
        TEST(with_confidence_the_interval_decides),
        TEST(with_confidence_the_paired_difference_decides),
        TEST(without_an_interval_nothing_passes),
        TEST(a_number_on_the_bad_side_never_passes_by_its_interval),
        TEST(an_infinite_number_is_no_rounding),
        TEST(an_evaluation_is_read_back_from_its_command),
        TEST(the_words_of_the_command_stay),
        TEST(gates_are_no_part_of_the_command_and_what_is_measured_is),
        TEST(an_evaluation_has_its_outputs_and_its_input),
        TEST(a_drop_is_relative_only_in_percent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
