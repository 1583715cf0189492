/* What each kind of check says of small tables: measured as in a run, through the JSON of the
 * measurement, then judged. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/json.h"
#include "mlops/data/judge.h"

#include "support/scratch.h"

/* 2026-01-02 12:00 UTC */
#define NOW_NS (INT64_C(1767355200) * 1000000000)

struct fixture {
    struct arena arena;
    struct scratch scratch;
    const struct validation *validation;
    struct measurement measurement, last;
    bool has_last;
    struct judged judged;
};

static int open_fixture(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->scratch = scratch_open();
    *state = fixture;
    return 0;
}

static int close_fixture(void **state)
{
    struct fixture *fixture = *state;
    scratch_drop(&fixture->scratch);
    arena_drop(&fixture->arena);
    free(fixture);
    return 0;
}

static void bind(struct fixture *fixture, const char *text)
{
    struct doc *doc = NULL;
    struct pipeline *pipeline = NULL;
    struct doc_options options = {0};
    struct str whole =
        str_print(&fixture->arena, "stages:\n  check:\n    kind: validate\n%s", text);
    assert_fine(doc_parse(&fixture->arena, STR("pipeline.yaml"), whole, &options, &doc));
    assert_fine(pipeline_bind(&fixture->arena, doc, STR("pipeline.yaml"), &pipeline));
    fixture->validation = pipeline->stages.at[0].validation;
}

static struct measurement measured(struct fixture *fixture)
{
    struct measurement_options options = {.at_fd = fixture->scratch.fd, .threads = 1};
    struct measurement made, read;
    struct buf out = buf_in(&fixture->arena);
    struct json_writer json = {.out = &out};
    assert_fine(measurement_make(&fixture->arena, fixture->validation->measuring, &options, &made));
    measurement_write(&json, &made);
    assert_fine(measurement_parse(&fixture->arena, STR("measured.json"), buf_str(&out), &read));
    return read;
}

/* Judges the stage `text` (its data, schema, checks) by the files that are there. */
static void judge_stage(struct fixture *fixture, const char *text)
{
    bind(fixture, text);
    fixture->measurement = measured(fixture);
    struct judge_options options = {.validation = fixture->validation,
                                    .measurement = &fixture->measurement,
                                    .last = fixture->has_last ? &fixture->last : NULL,
                                    .now_ns = NOW_NS};
    assert_fine(judge(&fixture->arena, &options, &fixture->judged));
}

/* The checks of a table t.csv that holds `csv`. */
static void judge_csv(struct fixture *fixture, const char *csv, const char *checks)
{
    scratch_write(&fixture->scratch, "t.csv", csv);
    struct str text = str_print(&fixture->arena, "    data: t.csv\n    checks: [%s]\n", checks);
    judge_stage(fixture, text.at);
}

/* That records have the cells of the header is checked by itself. */
static bool is_form(const struct finding *finding)
{
    return str_find(finding->message, STR("the cells that the header names")) >= 0;
}

/* The findings, one letter each: p(ass), f(ail), w(arn), s(kip). */
static void assert_judged(const struct fixture *fixture, const char *expected)
{
    char letters[64] = "";
    size_t len = 0;
    vec_each (const struct finding, finding, &fixture->judged.findings)
        if (!is_form(finding))
            letters[len++] = *judgement_name(finding->judgement, finding->rule->severity);
    if (strcmp(letters, expected) == 0) {
        assert_int_equal(fixture->judged.is_rejected, strchr(expected, 'f') != NULL);
        return;
    }
    vec_each (const struct finding, finding, &fixture->judged.findings)
        print_message("%s %.*s\n", check_kind_name(finding->rule->kind), STR_FMT(finding->message));
    fail_msg("%s is not %s", letters, expected);
}

static void assert_message(const struct fixture *fixture, size_t at, const char *expected)
{
    const struct finding *findings = fixture->judged.findings.at;
    while (at < fixture->judged.findings.len && is_form(&findings[at]))
        at++;
    assert_true(at < fixture->judged.findings.len);
    struct str message = findings[at].message;
    if (!str_is(message, expected))
        fail_msg("%.*s", STR_FMT(message));
}

struct one {
    const char *csv, *checks, *expected;
};

static void judge_each(struct fixture *fixture, const struct one *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        print_message("%zu: %s\n", i, cases[i].checks);
        judge_csv(fixture, cases[i].csv, cases[i].checks);
        assert_judged(fixture, cases[i].expected);
    }
}

#define EACH(...)                                                                                  \
    const struct one cases[] = {__VA_ARGS__};                                                      \
    judge_each(*state, cases, COUNT_OF(cases))

static void rows_are_counted(void **state)
{
    EACH({"a\n1\n2\n", "{row_count: {min: 2, max: 2}}", "pp"},
         {"a\n1\n2\n", "{row_count: {min: 3, max: 1}}", "ff"},
         {"a\n", "{row_count: {min: 1}}", "f"}, {"a\n", "{row_count: {max: 0}}", "p"},
         {"a\n1\n", "{row_count: {min: 3, severity: warn}}", "w"});
    assert_message(*state, 0, "1 row");
}

static void rows_are_compared_with_the_last_run(void **state)
{
    struct fixture *fixture = *state;
    judge_csv(fixture, "a\n1\n2\n3\n4\n", "{row_count: {max_change: 50%}}");
    assert_judged(fixture, "s");
    fixture->last = fixture->measurement;
    fixture->has_last = true;
    EACH({"a\n1\n2\n", "{row_count: {max_change: 50%}}", "p"},
         {"a\n1\n", "{row_count: {max_change: 50%}}", "f"},
         {"a\n", "{row_count: {max_change: 50%}}", "f"});
    judge_csv(fixture, "a\n", "{row_count: {max_change: 100%}}");
    fixture->last = fixture->measurement;
    judge_csv(fixture, "a\n1\n", "{row_count: {max_change: 300%}}");
    assert_judged(fixture, "f");
}

static void the_newest_value_must_be_young(void **state)
{
    EACH({"d\n2026-01-01\n", "{freshness: {field: d, max_age: 13h}}", "p"},
         {"d\n2026-01-01\n", "{freshness: {field: d, max_age: 11h}}", "f"},
         {"d\n\n", "{freshness: {field: d, max_age: 1d}}", "f"},
         {"d\n", "{freshness: {field: d, max_age: 1d}}", "f"},
         {"d\n12\n", "{freshness: {field: d, max_age: 1d}}", "f"},
         {"d\n1\n", "{freshness: {field: e, max_age: 1d}}", "f"});
    assert_message(*state, 0, "there is no column 'e'");
}

static void rows_may_not_repeat(void **state)
{
    EACH({"a,b\n1,2\n1,3\n", "duplicate_rows", "p"}, {"a,b\n1,2\n1,2\n", "duplicate_rows", "f"},
         {"a,b\n1,2\n1,2\n", "{duplicate_rows: {max: 1}}", "p"},
         {"a,b\n1,2\n1,2\n", "{duplicate_rows: {max_share: 50%}}", "p"},
         {"a,b\n1,2\n1,2\n", "{duplicate_rows: {max: 1, max_share: 1%}}", "f"},
         {"a,b\n1,2\n1,3\n", "{duplicate_rows: {fields: a}}", "f"},
         {"a,b\n1,2\n1,3\n", "{duplicate_rows: {except: b}}", "f"},
         {"a,b\n1,2\n1,3\n", "{duplicate_rows: {except: c}}", "fp"},
         {"a,b\n1,2\n1,3\n", "{duplicate_rows: {fields: c}}", "f"}, {"a\n", "duplicate_rows", "p"});
}

static void cells_have_values(void **state)
{
    EACH({"a,b\n1,\n2,3\n", "null_values", "pf"},
         {"a,b\n1,\n2,3\n", "{null_values: {max_share: 50%}}", "pp"},
         {"a,b\n1,\n2,3\n", "{null_values: {fields: a}}", "p"},
         {"a,b\n1,\n2,3\n", "{null_values: {fields: [a, c]}}", "pf"},
         {"a,b\n,\n,\n", "{null_values: {max_share: 0.999}}", "ff"},
         {"a,b\n", "null_values", "pp"});
}

static void summaries_lie_within_bounds(void **state)
{
    EACH({"a\n1\n2\n3\n", "{stat: {field: a, mean: [2, 2], max: [null, 3], distinct: [3, 3]}}",
          "ppp"},
         {"a\n1\n2\n3\n", "{stat: {field: a, median: [3, null], p99: [null, 1]}}", "ff"},
         {"a\nx\ny\n", "{stat: {field: a, mean: [0, 1], length: [1, 1]}}", "fp"},
         {"a\n\n\n", "{stat: {field: a, min: [null, 10]}}", "f"},
         {"a\n", "{stat: {field: a, max: [null, 10]}}", "f"},
         {"a\n1\n", "{stat: {field: b, max: [null, 10]}}", "f"},
         {"a\n1\n", "{stat: {field: a, sd: [0, 10]}}", "f"});
}

static void a_column_is_not_constant(void **state)
{
    EACH({"a,b\n1,x\n1,y\n", "constant", "fp"}, {"a,b\n1,x\n1,y\n", "{constant: {fields: b}}", "p"},
         {"a,b\n1,\n2,\n", "constant", "pf"}, {"a\n1\n", "constant", ""},
         {"a\n1\n1\n1\n2\n", "{constant: {max_share: 70%}}", "f"},
         {"a\n1\n1\n1\n2\n", "{constant: {max_share: 75%}}", "p"},
         {"a\n1\n2\n", "{constant: {fields: c}}", "f"});
}

static void numbers_lie_near_each_other(void **state)
{
    const char *csv = "a,t\n1,x\n2,x\n3,x\n4,y\n100,z\n";
    EACH({csv, "outliers", "f"}, {csv, "{outliers: {max_share: 20%}}", "p"},
         {csv, "{outliers: {method: zscore}}", "p"},
         {csv, "{outliers: {method: zscore, threshold: 1}}", "f"},
         {csv, "{outliers: {fields: t}}", "f"}, {csv, "{outliers: {fields: u}}", "f"},
         {"a\n\n\n", "{outliers: {fields: a}}", "f"});
    assert_message(*state, 0, "'a' has no numbers");
}

static void columns_do_not_go_together(void **state)
{
    const char *csv = "a,b,c,t\n1,-1,5,x\n2,-2,1,y\n3,-3,4,z\n4,-4,3,x\n";
    EACH({csv, "correlation", "f"}, {csv, "{correlation: {max: 1}}", "p"},
         {csv, "{correlation: {fields: [a, c]}}", "p"}, {csv, "{correlation: {field: b}}", "f"},
         {csv, "{correlation: {field: missing}}", "f"}, {csv, "{correlation: {field: t}}", "f"},
         {csv, "{correlation: {fields: [a, mising]}}", "f"}, {"a,b\n", "correlation", "s"});
}

#define BY_SCHEMA                                                                                  \
    "    data: t.csv\n    schema: {fields: [{name: id, type: integer, "                            \
    "constraints: {unique: true, required: true}}, {name: x, type: integer}]}\n"                   \
    "    checks: [%s]\n"

static void violations_of_the_schema_count(void **state)
{
    struct fixture *fixture = *state;
    scratch_write(&fixture->scratch, "t.csv", "id,x\n1,a\n1,7\n,8\n4,9\n");
    const struct {
        const char *check, *expected;
    } cases[] = {
        {"{schema: {}}", "fff"},
        {"{row_count: {min: 1}}", "fffp"},
        {"{schema: {max_share: 25%}}", "ppp"},
        {"{schema: {max_share: 24%}}", "fff"},
        {"{schema: {severity: warn}}", "www"},
        {"{schema: {fields: x}}", "f"},
        {"{schema: {fields: y}}", "f"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        judge_stage(fixture, str_print(&fixture->arena, BY_SCHEMA, cases[i].check).at);
        assert_judged(fixture, cases[i].expected);
    }
    assert_message(fixture, 0, "there is no column 'y'");
}

#define BY_HEADER                                                                                  \
    "    data: t.csv\n    schema: {fieldsMatch: [%s], fields: [{name: id}, "                       \
    "{name: x}]}\n    checks: [{schema: {max_share: 90%%}}]\n"

/* A column that is missing is one violation, and no share of the rows makes up for it. */
static void the_header_is_beyond_shares(void **state)
{
    struct fixture *fixture = *state;
    scratch_write(&fixture->scratch, "t.csv", "id\n1\n2\n3\n4\n");
    judge_stage(fixture, str_print(&fixture->arena, BY_HEADER, "equal").at);
    assert_true(fixture->judged.is_rejected);
    judge_stage(fixture, str_print(&fixture->arena, BY_HEADER, "superset").at);
    assert_judged(fixture, "p");
    scratch_write(&fixture->scratch, "t.csv", "idx,x\n1,1\n2,2\n3,3\n4,4\n");
    judge_stage(fixture, str_print(&fixture->arena, BY_HEADER, "exact").at);
    assert_true(fixture->judged.is_rejected);
}

static void judge_two(struct fixture *fixture, const char *train, const char *test,
                      const char *checks)
{
    scratch_write(&fixture->scratch, "train.csv", train);
    scratch_write(&fixture->scratch, "test.csv", test);
    judge_stage(fixture, str_print(&fixture->arena,
                                   "    data: {train: train.csv, test: test.csv}\n"
                                   "    checks: [%s]\n",
                                   checks)
                             .at);
}

struct two {
    const char *train, *test, *checks, *expected;
};

static void judge_pairs(struct fixture *fixture, const struct two *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        print_message("%zu: %s\n", i, cases[i].checks);
        judge_two(fixture, cases[i].train, cases[i].test, cases[i].checks);
        assert_judged(fixture, cases[i].expected);
    }
}

static void nothing_leaks(void **state)
{
#define BETWEEN "between: [train, test]"
    const struct two cases[] = {
        {"a,b\n1,2\n", "b,a\n2,1\n", "{leakage: {" BETWEEN "}}", "f"},
        {"a,b\n1,2\n", "b,a\n1,2\n", "{leakage: {" BETWEEN "}}", "p"},
        {"a,b\n1,2\n", "a,b\n1,3\n", "{leakage: {" BETWEEN ", keys: a}}", "f"},
        {"a,b\n1,2\n", "a,b\n1,3\n", "{leakage: {" BETWEEN ", keys: a, max: 1}}", "p"},
        {"a,b\n1,2\n", "a,b\n1,3\n", "{leakage: {" BETWEEN ", except: b}}", "f"},
        {"a,b\n1,2\n", "a\n1\n", "{leakage: {" BETWEEN ", except: b}}", "f"},
        {"a,b\n1,2\n", "a\n1\n", "{leakage: {" BETWEEN "}}", "pf"},
        {"a,b\n1,2\n", "a,b\n1,3\n", "{leakage: {" BETWEEN ", except: c}}", "pf"},
        {"a,b\n1,2\n", "a,b\n1,3\n", "{leakage: {" BETWEEN ", keys: c}}", "ff"},
        {"a\n2024-01-01\n", "a\n2024-01-02\n", "{leakage: {" BETWEEN ", time: a}}", "pp"},
        {"a\n2024-01-03\n", "a\n2024-01-02\n", "{leakage: {" BETWEEN ", time: a}}", "pf"},
        {"a\n", "a\n2024-01-02\n", "{leakage: {" BETWEEN ", time: a}}", "pf"},
    };
    judge_pairs(*state, cases, COUNT_OF(cases));
}

static void columns_do_not_drift(void **state)
{
#define DRIFT "{drift: {table: test, against: {table: train}"
    const char *as = "a,b\n1,x\n2,y\n3,x\n4,y\n";
    const struct two cases[] = {
        {as, as, DRIFT "}}", "pp"},
        {as, "a,b\n91,x\n92,y\n93,x\n94,y\n", DRIFT "}}", "fp"},
        {as, "a,b\n91,x\n92,y\n93,x\n94,y\n", DRIFT ", severity: warn}}", "wp"},
        {as, "a,b\n91,x\n92,y\n93,x\n94,y\n", DRIFT ", max_share: 50%}}", "ppp"},
        {as, "a,b\n91,x\n92,y\n93,x\n94,y\n", DRIFT ", max_share: 49%}}", "ppf"},
        {as, "a,b\n,x\n,y\n,x\n,y\n", DRIFT "}}", "fp"},
        {as, "a,b\n,x\n,y\n,x\n,y\n", DRIFT ", method: ks}}", "f"},
        {as, "a,b\n,x\n,y\n,x\n,y\n", DRIFT ", max_share: 0.1}}", "ppf"},
        {as, "a,b\n", DRIFT "}}", "ff"},
        {as, "c\n1\n", DRIFT "}}", "s"},
        {as, "c\n1\n", DRIFT ", max_share: 10%}}", "s"},
        {as, as, DRIFT ", fields: [a, c]}}", "pf"},
        {as, "a,b,c\n1,x,1\n", DRIFT ", fields: c}}", "f"},
        {as, as, DRIFT ", method: linf, threshold: 0.1, fields: b}}", "p"},
        {as, as, DRIFT ", threshold: 0, fields: a}}", "p"},
        {as, "a,b\n1,x\n1,y\n1,x\n1,y\n", DRIFT ", threshold: 0, fields: a}}", "f"},
    };
    judge_pairs(*state, cases, COUNT_OF(cases));
}

static void labels_are_known_and_balanced(void **state)
{
#define LABELS "{labels: {table: test, field: l, "
    const char *as = "l\na\na\nb\nb\n";
    const struct two cases[] = {
        {as, as, LABELS "min_share: 50%}}", "p"},
        {as, "l\na\na\na\nb\n", LABELS "min_share: 30%}}", "f"},
        {as, "l\n\n\n", LABELS "min_share: 30%}}", "f"},
        {as, "l\n", LABELS "min_share: 30%}}", "f"},
        {as, "m\na\n", LABELS "min_share: 30%}}", "f"},
        {as, "l\na\nc\n", LABELS "new: 0, against: {table: train}}}", "f"},
        {as, "l\na\nc\n", LABELS "new: 1, against: {table: train}}}", "p"},
        {as, "l\na\na\na\nb\n", LABELS "max_drift: 0.2, against: {table: train}}}", "f"},
        {as, as, LABELS "max_drift: 0, against: {table: train}}}", "p"},
        {"m\na\n", as, LABELS "new: 0, against: {table: train}}}", "f"},
    };
    judge_pairs(*state, cases, COUNT_OF(cases));
}

static void a_table_that_is_none_fails(void **state)
{
    const char *good = "a\n1\n", *bad = "a\n\"1\n";
    const struct two cases[] = {
        {good, bad, "{row_count: {min: 1}}", "fp"},
        {bad, good, "{row_count: {min: 1, severity: warn}}", "fp"},
        {bad, good, "{schema: {severity: warn}}, {row_count: {min: 1, severity: warn}}", "wp"},
        /* warned of by the first check, and all the same rejected by the second */
        {bad, good, "{schema: {severity: warn}}, {row_count: {min: 1}}", "fp"},
        /* only the other table is asked about */
        {bad, good, "{row_count: {min: 1, table: test}}", "fp"},
        {bad, good, "{leakage: {" BETWEEN "}}", "fs"},
        {bad, good, "{drift: {table: test, against: {table: train}}}", "ff"},
    };
    judge_pairs(*state, cases, COUNT_OF(cases));
}

static void every_table_with_a_schema_is_judged_by_it(void **state)
{
    struct fixture *fixture = *state;
    scratch_write(&fixture->scratch, "a.csv", "x\n1\n");
    scratch_write(&fixture->scratch, "b.csv", "x\nno\n");
    judge_stage(fixture, "    data: [a.csv, b.csv]\n    schema: {fields: [{name: x, type: "
                         "integer}]}\n    checks: [{schema: {table: a, max_share: 10%}}]\n");
    assert_judged(fixture, "fp");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        TEST(rows_are_counted),
        TEST(rows_are_compared_with_the_last_run),
        TEST(the_newest_value_must_be_young),
        TEST(rows_may_not_repeat),
        TEST(cells_have_values),
        TEST(summaries_lie_within_bounds),
        TEST(a_column_is_not_constant),
        TEST(numbers_lie_near_each_other),
        TEST(columns_do_not_go_together),
        TEST(violations_of_the_schema_count),
        TEST(the_header_is_beyond_shares),
        TEST(nothing_leaks),
        TEST(columns_do_not_drift),
        TEST(labels_are_known_and_balanced),
        TEST(a_table_that_is_none_fails),
        TEST(every_table_with_a_schema_is_judged_by_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
