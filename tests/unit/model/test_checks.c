/* Built-in checks as values: what they measure is in the key, what they judge by is not. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/model/checks.h"

#include "support/unit.h"

static struct arena arena;

static int give_back(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}

static struct error *bind(const char *text, const struct stage **ret)
{
    struct doc *doc = NULL;
    struct pipeline *pipeline = NULL;
    struct doc_options options = {0};
    struct str whole = str_print(&arena, "stages:\n  check:\n    kind: validate\n%s", text);
    TRY(doc_parse(&arena, STR("pipeline.yaml"), whole, &options, &doc));
    TRY(pipeline_bind(&arena, doc, STR("pipeline.yaml"), &pipeline));
    *ret = &pipeline->stages.at[0];
    return NULL;
}

static const struct stage *bound(const char *text)
{
    const struct stage *stage = NULL;
    struct error *error = bind(text, &stage);
    if (error)
        fail_msg("%s", error->text);
    return stage;
}

static void refused(const char *text, const char *words)
{
    const struct stage *stage = NULL;
    struct error *error = bind(text, &stage);
    assert_non_null(error);
    AUTO(buf_drop) struct buf shown = {0};
    error_print(error, &shown);
    error_drop(error);
    if (!strstr(shown.at, words))
        fail_msg("'%s' is not in: %s", words, shown.at);
}

#define assert_str(found, expected) assert_string_equal(str_terminate(&arena, (found)), (expected))

static void tables_are_named_by_their_files_or_by_the_user(void **state)
{
    (void)state;
    const struct stage *stage = bound("    data: [a/train.csv.gz, test.parquet]\n"
                                      "    checks: [constant]\n");
    assert_int_equal(stage->validation->tables.len, 2);
    assert_str(stage->validation->tables.at[0].name, "train");
    assert_str(stage->validation->tables.at[1].name, "test");
    stage =
        bound("    data: {x: {path: a.csv, schema: s.yaml}, y: b.csv}\n    checks: [constant]\n");
    assert_str(stage->validation->tables.at[0].name, "x");
    assert_str(stage->validation->tables.at[0].schema_path, "s.yaml");
    assert_int_equal(stage->validation->tables.at[1].schema_path.len, 0);
}

static void what_is_read_is_a_dependency_and_the_data_are_guarded(void **state)
{
    (void)state;
    const struct stage *stage = bound("    data: a.csv\n    schema: s.yaml\n    dialect: d.json\n"
                                      "    checks:\n      - drift: {against: r.csv}\n");
    const char *const paths[] = {"s.yaml", "d.json", "a.csv", "r.csv"};
    assert_int_equal(stage->deps.len, COUNT_OF(paths));
    for (size_t i = 0; i < COUNT_OF(paths); i++)
        assert_str(stage->deps.at[i].path, paths[i]);
    assert_int_equal(stage->guards.len, 1);
    assert_str(stage->guards.at[0], "a.csv");
    assert_int_equal(stage->outs.len, 1);
    assert_true(str_starts(stage->outs.at[0].path, STR(".mlops/measured/check-")));
}

static void a_schema_is_checked_without_being_asked_for(void **state)
{
    (void)state;
    const struct stage *stage = bound("    data: a.csv\n    schema: s.yaml\n");
    assert_int_equal(stage->validation->checks.len, 1);
    assert_int_equal(stage->validation->checks.at[0].kind, CHECK_SCHEMA);
    stage =
        bound("    data: a.csv\n    schema: s.yaml\n    checks: [{schema: {severity: warn}}]\n");
    assert_int_equal(stage->validation->checks.len, 1);
    assert_int_equal(stage->validation->checks.at[0].severity, SEVERITY_WARN);
}

static void thresholds_are_in_no_key(void **state)
{
    (void)state;
    const char *const equal[] = {
        "    data: a.csv\n    checks: [{row_count: {min: 1}}, {duplicate_rows: {max: 3}},"
        " {drift: {against: {run: last}, threshold: 0.1}}]\n",
        "    data: a.csv\n    checks: [{row_count: {min: 9, max_change: 5%}},"
        " {duplicate_rows: {max_share: 1%, severity: warn}}, {stat: {field: x, mean: [0, 1]}},"
        " {drift: {against: {path: a.csv, rev: main}, method: ks}}]\n",
    };
    struct str first = bound(equal[0])->cmd.items[0];
    struct str second = bound(equal[1])->cmd.items[0];
    assert_true(str_equal(first, second));
    /* A contract with every cache: docs/formats.md, "Measurement". */
    assert_str(first, "mlops data measure {\"version\":2,\"tables\":[{\"name\":\"a\",\"path\":"
                      "\"a.csv\",\"repeats\":[{}]}],\"leakage\":[],\"references\":[]}");
}

static void what_has_to_be_measured_is_in_the_key(void **state)
{
    (void)state;
    const char *const different[] = {
        "    data: a.csv\n    checks: [constant]\n",
        "    data: a.csv\n    checks: [duplicate_rows]\n",
        "    data: a.csv\n    checks: [{duplicate_rows: {fields: x}}]\n",
        "    data: a.csv\n    checks: [{duplicate_rows: {except: [x]}}]\n",
        "    data: a.csv\n    checks: [{drift: {against: r.csv}}]\n",
        "    data: a.csv\n    schema: {fields: []}\n",
        "    data: a.csv\n    schema: s.yaml\n",
        "    data: a.csv\n    dialect: {delimiter: ;}\n    checks: [constant]\n",
    };
    for (size_t i = 0; i < COUNT_OF(different); i++) {
        for (size_t k = 0; k < i; k++)
            assert_false(
                str_equal(bound(different[i])->cmd.items[0], bound(different[k])->cmd.items[0]));
    }
}

static void shares_are_percents_or_numbers(void **state)
{
    (void)state;
    const struct stage *stage =
        bound("    data: a.csv\n    checks:\n      - null_values: {max_share: 2.5%}\n"
              "      - null_values: {fields: x, max_share: 0.025}\n");
    for (size_t i = 1; i < 3; i++) /* behind that of the form */
        assert_float_equal(stage->validation->checks.at[i].max_share.value, 0.025, 1e-12);
    assert_int_equal(stage->validation->checks.at[2].fields.len, 1);
}

/* Two stages, whose rest is given. */
static void refused_two(const char *first, const char *second, const char *words)
{
    struct str both =
        str_print(&arena, "    data: a.csv\n    checks: [constant]\n%s  other:\n%s", first, second);
    refused(both.at, words);
}

static void a_report_is_in_the_way_of_nothing(void **state)
{
    (void)state;
    const char *report = "    report: r/a.json\n";
    refused_two(report, "    cmd: x\n    outs: [r/a.json]\n", "what stage 'other' makes");
    refused_two(report, "    cmd: x\n    outs: [r/a.md]\n", "'r/a.md' is in the way of what");
    refused_two(report, "    cmd: x\n    outs: [r]\n", "what stage 'other' makes");
    refused_two(report, "    cmd: x\n    outs: [r/a.html/b]\n", "what stage 'other' makes");
    refused_two(report,
                "    kind: validate\n    data: b.csv\n    checks: [constant]\n"
                "    report: r/a.json\n",
                "report 'r/a.json' is that of stage 'check', too");
    refused("    data: d.json\n    checks: [constant]\n    report: d.json\n",
            "would replace what stage 'check' depends on");
    refused("    data: d.csv\n    schema: s.json\n    report: s.json\n",
            "would replace what stage 'check' depends on");
}

static void shares_are_at_most_all(void **state)
{
    (void)state;
    refused("    data: a.csv\n    checks: [{null_values: {max_share: 5}}]\n", "a share such as 5%");
    refused("    data: a.csv\n    checks: [{labels: {field: l, min_share: 101%}}]\n",
            "a share such as 5%");
    const struct stage *stage =
        bound("    data: a.csv\n    checks: [{row_count: {max_change: 300%}}]\n");
    assert_float_equal(stage->validation->checks.at[1].max_change.value, 3, 0);
}

static void tables_that_no_schema_check_names_have_one(void **state)
{
    (void)state;
    const struct stage *stage = bound("    data: [a.csv, b.csv]\n    schema: s.yaml\n"
                                      "    checks: [{schema: {table: b}}]\n");
    assert_int_equal(stage->validation->checks.len, 2);
    assert_str(stage->validation->checks.at[0].table, "a");
}

static void mistakes_are_told_with_what_is_right(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"    data: a.csv\n", "checks nothing"},
        {"    checks: [constant]\n", "neither 'data' to check nor a 'cmd'"},
        {"    data: a.csv\n    cmd: x\n    checks: [constant]\n", "'cmd' is for commands"},
        {"    data: a.csv\n    outs: [x]\n    checks: [constant]\n", "'outs' is for commands"},
        {"    data: 'a/*.csv'\n    checks: [constant]\n", "is a pattern"},
        {"    data: s3://b/a.csv\n    checks: [constant]\n", "is a URL"},
        {"    data: [a/x.csv, b/x.csv]\n    checks: [constant]\n", "two tables would be named 'x'"},
        {"    data: []\n    checks: [constant]\n", "'data'"},
        {"    data: a.csv\n    checks: [{row_count: {}}]\n", "needs one of 'min', 'max'"},
        {"    data: a.csv\n    checks: [row_count]\n", "needs one of 'min', 'max'"},
        {"    data: a.csv\n    checks: [freshness]\n", "needs 'field'"},
        {"    data: a.csv\n    checks: [{constnt: {}}]\n", "did you mean 'constant'?"},
        {"    data: a.csv\n    checks: [{constant: {}, drift: {}}]\n", "a mapping of one name"},
        {"    data: a.csv\n    checks: [{leakage: {between: [a, b]}}]\n", "has no table 'b'"},
        {"    data: a.csv\n    checks: [{drift: {against: {table: b}}}]\n", "has no table 'b'"},
        {"    data: a.csv\n    checks: [{drift: {against: {path: a, run: b}}}]\n", "takes one of"},
        {"    data: a.csv\n    checks: [{drift: {method: foo, against: b}}]\n", "one of psi, ks"},
        {"    data: a.csv\n    checks: [{drift: {method: linf, against: b}}]\n",
         "needs a 'threshold'"},
        {"    data: a.csv\n    checks: [{null_values: {max_share: many}}]\n", "a share such as 5%"},
        {"    data: a.csv\n    checks: [{stat: {field: x, mean: [2, 1]}}]\n", "no value lies in"},
        {"    data: a.csv\n    checks: [{labels: {field: x, new: 0}}]\n", "needs 'against'"},
        {"    data: a.csv\n    checks: [constant]\n    report: r.txt\n", "must end in .json"},
        {"    data: a.csv\n    checks: [constant]\n    report: .mlops/measured/r.json\n",
         "report '.mlops/measured/r.json'"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        refused(cases[i].text, cases[i].words);
}

static void no_output_of_a_command_lies_among_measurements(void **state)
{
    (void)state;
    struct doc *doc = NULL;
    struct pipeline *pipeline = NULL;
    struct doc_options options = {0};
    assert_null(doc_parse(&arena, STR("pipeline.yaml"),
                          STR("stages: {a: {cmd: x, outs: [.mlops/measured/a.json]}}"), &options,
                          &doc));
    struct error *error = pipeline_bind(&arena, doc, STR("pipeline.yaml"), &pipeline);
    assert_non_null(error);
    error_drop(error);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, give_back)
    const struct CMUnitTest tests[] = {
        TEST(tables_are_named_by_their_files_or_by_the_user),
        TEST(what_is_read_is_a_dependency_and_the_data_are_guarded),
        TEST(a_schema_is_checked_without_being_asked_for),
        TEST(thresholds_are_in_no_key),
        TEST(what_has_to_be_measured_is_in_the_key),
        TEST(shares_are_percents_or_numbers),
        TEST(a_report_is_in_the_way_of_nothing),
        TEST(shares_are_at_most_all),
        TEST(tables_that_no_schema_check_names_have_one),
        TEST(mistakes_are_told_with_what_is_right),
        TEST(no_output_of_a_command_lies_among_measurements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
