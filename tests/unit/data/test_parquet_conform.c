/* What the footer of a small file says about schemas. */
#include "mlops/base/arena.h"
#include "mlops/codec/json.h"
#include "mlops/codec/schema.h"
#include "mlops/data/parquet.h"

#include <fcntl.h>

#include "support/scratch.h"

struct outcome {
    struct conformity conformity;
    struct text_list unchecked;
};

static struct outcome conform(struct arena *arena, const char *file, const char *descriptor)
{
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    struct table_schema schema;
    struct parquet parquet;
    struct outcome outcome;
    struct str path = str_print(arena, MLOPS_SOURCE "/tests/unit/data/parquet/%s", file);
    scratch_write(&scratch, "schema.json", descriptor);
    assert_fine(tableschema_load(arena, scratch.fd, STR("schema.json"), (struct str){0}, &schema));
    assert_fine(parquet_open(arena, AT_FDCWD, path, &parquet));
    assert_fine(parquet_conform(arena, &schema, &parquet, &outcome.conformity, &outcome.unchecked));
    return outcome;
}

static void assert_group(const struct outcome *outcome, size_t at, uint64_t field, const char *type,
                         const char *constraint, uint64_t count)
{
    assert_true(at < outcome->conformity.group_count);
    const struct violation_group *group = &outcome->conformity.groups[at];
    assert_int_equal(group->field, field);
    assert_string_equal(group->type, type);
    assert_string_equal(group->constraint ? group->constraint : "", constraint);
    assert_int_equal(group->count, count);
    assert_true(group->shown_count == 1 && group->shown[0].row == 0 && group->expected.len);
}

static void assert_unchecked(const struct outcome *outcome, size_t at, const char *text)
{
    assert_true(at < outcome->unchecked.len);
    if (!str_is(outcome->unchecked.at[at], text))
        fail_msg("%.*s", STR_FMT(outcome->unchecked.at[at]));
}

static void a_file_that_fits_has_no_violations(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct outcome outcome = conform(
        &arena, "groups.parquet",
        "{\"fields\": [{\"name\": \"id\", \"type\": \"integer\", \"constraints\": "
        "{\"required\": true, \"minimum\": 1, \"maximum\": 4}}, {\"name\": \"price\", "
        "\"type\": \"number\", \"constraints\": {\"exclusiveMinimum\": -3, "
        "\"exclusiveMaximum\": \"1.50001\"}}, {\"name\": \"name\", \"type\": \"string\"}]}");
    assert_int_equal(outcome.conformity.count, 0);
    assert_int_equal(outcome.unchecked.len, 0);
}

static void types_nulls_and_bounds_are_checked(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct outcome outcome = conform(
        &arena, "groups.parquet",
        "{\"fields\": [{\"name\": \"id\", \"type\": \"date\", \"constraints\": {\"minimum\": "
        "\"2020-01-01\"}}, {\"name\": \"price\", \"type\": \"number\", \"constraints\": "
        "{\"required\": true, \"minimum\": -2, \"exclusiveMaximum\": 1.5}}, {\"name\": \"name\", "
        "\"type\": \"string\", \"constraints\": {\"required\": true}}]}");
    assert_int_equal(outcome.conformity.group_count, 5);
    assert_group(&outcome, 0, 1, "type-error", "", 4);
    assert_group(&outcome, 1, 2, "constraint-error", "required", 2);
    assert_group(&outcome, 2, 2, "constraint-error", "minimum", 1);
    assert_group(&outcome, 3, 2, "constraint-error", "exclusiveMaximum", 1);
    assert_group(&outcome, 4, 3, "constraint-error", "required", 1);
    assert_true(str_is(outcome.conformity.groups[2].shown[0].value, "-2.25"));
    assert_true(str_is(outcome.conformity.groups[2].expected, "at least -2"));
    assert_int_equal(outcome.conformity.count, 9);
}

static void what_needs_values_is_named(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct outcome outcome =
        conform(&arena, "groups.parquet",
                "{\"primaryKey\": \"id\", \"fields\": [{\"name\": \"id\", \"type\": \"integer\", "
                "\"constraints\": {\"unique\": true}}, {\"name\": \"price\", \"type\": \"number\", "
                "\"constraints\": {\"enum\": [1.5]}}, {\"name\": \"name\", \"type\": \"date\", "
                "\"constraints\": {\"minimum\": \"2020-01-01\"}}]}");
    assert_int_equal(outcome.conformity.count, 0);
    assert_int_equal(outcome.unchecked.len, 5);
    assert_unchecked(&outcome, 0, "id: unique (needs the values)");
    assert_unchecked(&outcome, 1, "price: enum (needs the values)");
    assert_unchecked(&outcome, 2, "name: type (needs the values)");
    assert_unchecked(&outcome, 3, "name: minimum (needs the values)");
    assert_unchecked(&outcome, 4, "primaryKey (needs the values)");
    outcome = conform(&arena, "no-statistics.parquet",
                      "{\"fieldsMatch\": \"subset\", \"fields\": [{\"name\": \"price\", \"type\": "
                      "\"number\", \"constraints\": {\"required\": true, \"minimum\": 0}}]}");
    assert_int_equal(outcome.conformity.count, 0);
    assert_unchecked(&outcome, 0, "price: required (the file has no statistics of it)");
    assert_unchecked(&outcome, 1, "price: minimum (the file has no statistics of it)");
}

static void labels_are_matched_as_in_other_tables(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct outcome outcome = conform(&arena, "groups.parquet",
                                     "{\"fields\": [{\"name\": \"id\"}, {\"name\": \"cost\"}]}");
    assert_group(&outcome, 0, 2, "incorrect-label", "", 1);
    assert_group(&outcome, 1, 3, "extra-label", "", 1);
    outcome = conform(&arena, "groups.parquet",
                      "{\"fieldsMatch\": \"equal\", \"fields\": [{\"name\": \"name\"}, {\"name\": "
                      "\"id\"}, {\"name\": \"price\"}, {\"name\": \"more\"}]}");
    assert_int_equal(outcome.conformity.group_count, 1);
    assert_group(&outcome, 0, 4, "missing-label", "", 1);
    outcome = conform(&arena, "groups.parquet",
                      "{\"fieldsMatch\": \"partial\", \"fields\": [{\"name\": \"other\"}]}");
    assert_group(&outcome, 0, 0, "unmatched-header", "", 1);
}

static void dates_and_long_integers_are_compared_exactly(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct outcome outcome = conform(
        &arena, "types.parquet",
        "{\"fieldsMatch\": \"subset\", \"fields\": [{\"name\": \"day\", \"type\": \"date\", "
        "\"constraints\": {\"minimum\": \"1969-12-31\", \"maximum\": \"2023-12-31\"}}, {\"name\": "
        "\"at\", \"type\": \"datetime\", \"constraints\": {\"maximum\": "
        "\"2021-06-01T00:00:00.250000Z\"}}, {\"name\": \"big\", \"type\": \"number\", "
        "\"constraints\": {\"minimum\": \"-1234567890123456789012345678.8\"}}, {\"name\": "
        "\"none\", \"type\": \"integer\", \"constraints\": {\"minimum\": 7}}]}");
    assert_int_equal(outcome.conformity.group_count, 2);
    assert_group(&outcome, 0, 8, "constraint-error", "maximum", 1);
    assert_group(&outcome, 1, 12, "constraint-error", "minimum", 1);
    assert_int_equal(outcome.unchecked.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_fits_has_no_violations),
        cmocka_unit_test(types_nulls_and_bounds_are_checked),
        cmocka_unit_test(what_needs_values_is_named),
        cmocka_unit_test(labels_are_matched_as_in_other_tables),
        cmocka_unit_test(dates_and_long_integers_are_compared_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
