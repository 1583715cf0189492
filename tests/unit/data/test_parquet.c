/* Footers of small files (made by pyarrow from values of our own), and damaged ones. */
#include "mlops/base/arena.h"
#include "mlops/data/parquet.h"

#include <math.h>

#include "support/conformance.h"
#include "support/scratch.h"

#define FILES MLOPS_SOURCE "/tests/unit/data/parquet/"

static struct parquet open_file(struct arena *arena, const char *name)
{
    struct parquet parquet = {0};
    assert_fine(parquet_open(arena, AT_FDCWD, str_print(arena, FILES "%s", name), &parquet));
    return parquet;
}

static const struct parquet_column *column_of(const struct parquet *parquet, const char *name)
{
    for (size_t i = 0; i < parquet->column_count; i++)
        if (str_is(parquet->columns[i].name, name))
            return &parquet->columns[i];
    fail_msg("no column '%s'", name);
    return NULL;
}

struct expectation {
    const char *name, *physical, *logical;
    enum field_type type;
    int64_t nulls;         /* -1: not told */
    const char *min, *max; /* NULL: none */
    double low, high;      /* NaN: none */
};

static void assert_column(const struct parquet *parquet, const struct expectation *row)
{
    const struct parquet_column *column = column_of(parquet, row->name);
    if (!str_is(column->physical, row->physical) || !str_is(column->logical, row->logical))
        fail_msg("%s: %.*s %.*s", row->name, STR_FMT(column->physical), STR_FMT(column->logical));
    if (column->type != row->type)
        fail_msg("%s: %s", row->name, field_type_name(column->type));
    int64_t nulls = column->has_null_count ? (int64_t)column->null_count : -1;
    if (nulls != row->nulls)
        fail_msg("%s: %lld nulls", row->name, (long long)nulls);
    if (column->has_bounds != (row->min != NULL))
        fail_msg("%s: bounds %d", row->name, column->has_bounds);
    if (row->min && !(str_is(column->min_text, row->min) && str_is(column->max_text, row->max)))
        fail_msg("%s: %.*s to %.*s", row->name, STR_FMT(column->min_text),
                 STR_FMT(column->max_text));
    assert_true(column->has_numbers == !isnan(row->low));
    if (column->has_numbers && (column->min != row->low || column->max != row->high))
        fail_msg("%s: %.17g to %.17g", row->name, column->min, column->max);
}

static void types_nulls_and_bounds_are_read(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    const struct expectation rows[] = {
        {"id", "INT64", "", TYPE_INTEGER, 0, "1", "4", 1, 4},
        {"small", "INT32", "INT(16)", TYPE_INTEGER, 1, "-5", "7", -5, 7},
        {"unsigned", "INT32", "UINT(32)", TYPE_INTEGER, 0, "0", "4000000000", 0, 4e9},
        {"price", "DOUBLE", "", TYPE_NUMBER, 2, "-2.25", "1.5", -2.25, 1.5},
        {"ratio", "FLOAT", "", TYPE_NUMBER, 0, "0.25", "2", 0.25, 2},
        {"ok", "BOOLEAN", "", TYPE_BOOLEAN, 1, "false", "true", 0, 1},
        {"name", "BYTE_ARRAY", "STRING", TYPE_STRING, 1, "anna", "zo\xC3\xAB", NAN, NAN},
        {"day", "INT32", "DATE", TYPE_DATE, 1, "1969-12-31", "2024-01-01", -1, 19723},
        {"at", "INT64", "TIMESTAMP(MICROS)", TYPE_DATETIME, 1, "1960-01-01T00:00:00Z",
         "2021-06-01T00:00:00.250000Z", -315619200, 1622505600.25},
        {"clock", "INT64", "TIME(MICROS)", TYPE_TIME, 2, "01:02:03", "23:59:59", 3723, 86399},
        {"amount", "FIXED_LEN_BYTE_ARRAY", "DECIMAL(scale 2)", TYPE_NUMBER, 1, "-0.05", "99999.99",
         -0.05, 99999.99},
        {"big", "FIXED_LEN_BYTE_ARRAY", "DECIMAL(scale 1)", TYPE_NUMBER, 2,
         "-1234567890123456789012345678.9", "5.0", -1234567890123456789012345678.9, 5},
        {"tags", "group", "LIST", TYPE_ARRAY, -1, NULL, NULL, NAN, NAN},
        {"attributes", "group", "MAP", TYPE_OBJECT, -1, NULL, NULL, NAN, NAN},
        {"place.lat", "DOUBLE", "", TYPE_NUMBER, 1, "-3", "1.5", -3, 1.5},
        {"place.lon", "DOUBLE", "", TYPE_NUMBER, 2, "2.5", "9", 2.5, 9},
        {"empty", "INT32", "NULL", TYPE_ANY, 4, NULL, NULL, NAN, NAN},
        {"none", "BYTE_ARRAY", "STRING", TYPE_STRING, 4, NULL, NULL, NAN, NAN},
    };
    struct parquet parquet = open_file(&arena, "types.parquet");
    assert_int_equal(parquet.row_count, 4);
    assert_int_equal(parquet.group_count, 1);
    assert_int_equal(parquet.column_count, COUNT_OF(rows));
    assert_true(str_starts(parquet.created_by, STR("parquet-cpp-arrow")));
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_column(&parquet, &rows[i]);
}

static void row_groups_are_taken_together(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct parquet parquet = open_file(&arena, "groups.parquet");
    const struct expectation rows[] = {
        {"id", "INT64", "", TYPE_INTEGER, 0, "1", "4", 1, 4},
        {"price", "DOUBLE", "", TYPE_NUMBER, 2, "-2.25", "1.5", -2.25, 1.5},
        {"name", "BYTE_ARRAY", "STRING", TYPE_STRING, 1, "anna", "zo\xC3\xAB", NAN, NAN},
    };
    assert_int_equal(parquet.group_count, 4);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_column(&parquet, &rows[i]);
}

static void what_is_not_told_is_not_known(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct parquet parquet = open_file(&arena, "no-statistics.parquet");
    const struct expectation untold = {"price", "DOUBLE", "",  TYPE_NUMBER, -1,
                                       NULL,    NULL,     NAN, NAN};
    assert_int_equal(parquet.row_count, 4);
    assert_column(&parquet, &untold);
    parquet = open_file(&arena, "int96.parquet");
    const struct expectation old = {"at", "INT96", "", TYPE_DATETIME, -1, NULL, NULL, NAN, NAN};
    assert_column(&parquet, &old);
    parquet = open_file(&arena, "empty.parquet");
    const struct expectation none = {"id", "INT64", "", TYPE_INTEGER, 0, NULL, NULL, NAN, NAN};
    assert_int_equal(parquet.row_count, 0);
    assert_column(&parquet, &none);
}

static void a_required_column_has_no_nulls(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct parquet parquet = open_file(&arena, "required.parquet");
    assert_true(column_of(&parquet, "id")->is_required);
    assert_false(column_of(&parquet, "at")->is_required);
    assert_true(column_of(&parquet, "id")->has_null_count);
    assert_true(str_is(column_of(&parquet, "at")->max_text, "2001-09-09T01:46:40.000000001Z"));
}

static void a_profile_holds_what_the_footer_tells(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct parquet parquet = open_file(&arena, "types.parquet");
    struct profile profile;
    parquet_profile(&arena, &parquet, &profile);
    assert_int_equal(profile.record_count, 4);
    assert_int_equal(profile.column_count, parquet.column_count);
    const struct column_profile *price = &profile.columns[3];
    assert_true(price->has_numbers && price->min == -2.25 && price->max == 1.5);
    assert_true(price->count == 2 && price->null_count == 2 && isnan(price->mean));
    assert_false(profile.columns[6].has_numbers);
}

static void what_is_no_parquet_is_refused(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    AUTO(arena_drop) struct arena arena = {0};
    struct parquet parquet;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "too short"},
        {"PAR1", "too short"},
        {"a,b\n1,2\n3,4\n5,6\n", "does not begin with 'PAR1'"},
        {"PAR1 and then nothing more", "does not end with 'PAR1'"},
        {"PAR1zzzzzzzzzzzPARE", "encrypted"},
        {"PAR1zzzzzzzzzzzPAR1", "larger than the file"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        scratch_write(&scratch, "x.parquet", rows[i].text);
        assert_error(parquet_open(&arena, scratch.fd, STR("x.parquet"), &parquet), rows[i].message);
    }
    assert_non_null(mkfifoat(scratch.fd, "fifo", 0600) == 0 ? "made" : NULL);
    assert_error(parquet_open(&arena, scratch.fd, STR("fifo"), &parquet), "FIFO");
}

static struct str footer_of(struct arena *arena, const char *name)
{
    struct str bytes;
    assert_true(read_whole(arena, str_print(arena, FILES "%s", name).at, &bytes));
    const unsigned char *tail = (const unsigned char *)bytes.at + bytes.len - 8;
    size_t len = tail[0] | (size_t)tail[1] << 8 | (size_t)tail[2] << 16;
    return str_slice(bytes, bytes.len - 8 - len, bytes.len - 8);
}

static void every_cut_of_a_footer_is_an_error(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct str footer = footer_of(&arena, "types.parquet");
    struct parquet parquet;
    assert_fine(parquet_parse(&arena, STR("x"), footer, &parquet));
    for (size_t len = 0; len < footer.len; len++)
        assert_error(parquet_parse(&arena, STR("x"), str_slice(footer, 0, len), &parquet),
                     "damaged Parquet footer");
}

static void a_changed_byte_never_breaks_the_reader(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct str footer = footer_of(&arena, "types.parquet");
    for (size_t at = 0; at < footer.len; at++) {
        for (int bit = 0; bit < 8; bit++) {
            AUTO(arena_drop) struct arena scratch = {0};
            struct str changed = str_copy(&scratch, footer);
            ((char *)(uintptr_t)changed.at)[at] ^= (char)(1 << bit);
            struct parquet parquet = {0};
            struct profile profile;
            struct error *error = parquet_parse(&scratch, STR("x"), changed, &parquet);
            if (!error)
                parquet_profile(&scratch, &parquet, &profile);
            error_drop(error);
        }
    }
    arena_drop(&arena);
}

/* A schema of nested groups, deeper than anything that anybody writes. */
static void deep_schemas_and_values_are_refused(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct parquet parquet;
    struct buf deep = buf_in(&arena), skipped = buf_in(&arena);
    buf_add(&deep, "\x15\x02\x19\xFC\x7F", 5); /* version 1; a list of 127 structures */
    for (int i = 0; i < 127; i++)
        buf_add(&deep, "\x48\x01g\x15\x02\x00", 6); /* name "g", one child */
    buf_add(&deep, "\x16\x00\x00", 3);
    assert_error(parquet_parse(&arena, STR("x"), buf_str(&deep), &parquet), "too deep");
    buf_add_repeated(&skipped, '\x1C', 1000); /* field 1 of a structure: a structure */
    assert_error(parquet_parse(&arena, STR("x"), buf_str(&skipped), &parquet), "too deep");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_nulls_and_bounds_are_read),
        cmocka_unit_test(row_groups_are_taken_together),
        cmocka_unit_test(what_is_not_told_is_not_known),
        cmocka_unit_test(a_required_column_has_no_nulls),
        cmocka_unit_test(a_profile_holds_what_the_footer_tells),
        cmocka_unit_test(what_is_no_parquet_is_refused),
        cmocka_unit_test(every_cut_of_a_footer_is_an_error),
        cmocka_unit_test(a_changed_byte_never_breaks_the_reader),
        cmocka_unit_test(deep_schemas_and_values_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
