#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/schema.h"
#include "mlops/data/dialect.h"

#include "support/scratch.h"

static void the_name_of_a_file_tells_its_format(void **state)
{
    (void)state;
    assert_int_equal(dialect_for(STR("a.csv")).format, TABLE_CSV);
    assert_int_equal(dialect_for(STR("a.tsv.gz")).format, TABLE_CSV);
    assert_true(str_is(dialect_for(STR("a.tsv.gz")).delimiter, "\t"));
    assert_int_equal(dialect_for(STR("a.ndjson.zst")).format, TABLE_JSON_LINES);
    assert_int_equal(dialect_for(STR("a.json")).format, TABLE_JSON);
    assert_int_equal(dialect_for(STR("A.CSV")).format, TABLE_CSV);
    assert_true(str_is(dialect_for(STR("a.tsv.csv")).delimiter, ","));
    assert_int_equal(dialect_for(STR("A.Tsv.GZ")).format, TABLE_CSV);
    assert_int_equal(dialect_for(STR("a.parquet")).format, TABLE_PARQUET);
    assert_int_equal(dialect_for(STR("csv")).format, TABLE_UNKNOWN);
}

static struct error *load(struct arena *arena, const char *name, const char *text,
                          struct dialect *dialect)
{
    struct scratch scratch = scratch_open();
    scratch_write(&scratch, name, text);
    *dialect = dialect_for(STR("t.csv"));
    struct error *error = dialect_load(arena, scratch.fd, str_of(name), dialect);
    scratch_drop(&scratch);
    return error;
}

static void every_option_is_bound(void **state)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct dialect dialect;
    (void)state;
    assert_fine(
        load(&arena, "d.json",
             "{\"$schema\": \"x\", \"header\": true, \"headerRows\": [2, 3], "
             "\"headerJoin\": \"_\", \"commentRows\": [1], \"commentChar\": \"#\", "
             "\"delimiter\": \";\", \"lineTerminator\": \"\\r\", \"quoteChar\": \"'\", "
             "\"doubleQuote\": false, \"escapeChar\": \"\\\\\", \"nullSequence\": \"\\\\N\", "
             "\"skipInitialSpace\": true, \"property\": \"a.b\", \"itemType\": \"array\", "
             "\"itemKeys\": [\"x\", \"y\"], \"encoding\": \"latin-1\"}",
             &dialect));
    assert_true(dialect.has_header && !dialect.double_quote && dialect.skip_initial_space);
    assert_int_equal(dialect.header_rows.len, 2);
    assert_int_equal(dialect.header_rows.at[1], 3);
    assert_int_equal(dialect.comment_rows.at[0], 1);
    assert_true(str_is(dialect.header_join, "_") && str_is(dialect.comment_char, "#"));
    assert_true(str_is(dialect.delimiter, ";") && str_is(dialect.line_terminator, "\r"));
    assert_true(str_is(dialect.quote_char, "'") && str_is(dialect.escape_char, "\\"));
    assert_true(dialect.has_null_sequence && str_is(dialect.null_sequence, "\\N"));
    assert_true(str_is(dialect.property, "a.b") && str_is(dialect.encoding, "latin-1"));
    assert_int_equal(dialect.item_type, DIALECT_ARRAY);
    assert_int_equal(dialect.item_key_count, 2);
    assert_true(str_is(dialect.item_keys[1], "y"));
}

static void yaml_and_an_empty_descriptor_do_as_well(void **state)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct dialect dialect;
    (void)state;
    assert_fine(load(&arena, "d.yaml", "format: tsv\nheader: false\n", &dialect));
    assert_false(dialect.has_header);
    assert_true(str_is(dialect.delimiter, "\t"));
    assert_fine(load(&arena, "d.yaml", "format: tsv\ndelimiter: '|'\nquoteChar: ''\n", &dialect));
    assert_true(str_is(dialect.delimiter, "|"));
    assert_int_equal(dialect.quote_char.len, 0);
    assert_fine(load(&arena, "d.json", "{}", &dialect));
    assert_true(str_is(dialect.delimiter, ",") && dialect.double_quote);
}

static void what_is_wrong_is_told_with_its_place(void **state)
{
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"{\"delimeter\": \";\"}", "did you mean 'delimiter'"},
        {"{\"delimiter\": \"\"}", "at least one character"},
        {"{\"delimiter\": \"\\n\"}", "no line break"},
        {"{\"delimiter\": 1}", "found an integer"},
        {"{\"quoteChar\": \"ab\"}", "one ASCII character"},
        {"{\"quoteChar\": \"\xc2\xab\"}", "one ASCII character"},
        {"{\"delimiter\": \"\\\"\"}", "'delimiter' and 'quoteChar' of the dialect are the same"},
        {"{\"header\": \"yes\"}", "true or false"},
        {"{\"headerRows\": []}", "set 'header' to false"},
        {"{\"headerRows\": [2, 1]}", "must ascend"},
        {"{\"headerRows\": [0]}", "a row number from 1"},
        {"{\"commentRows\": [1]}", "in 'headerRows' and in 'commentRows'"},
        {"{\"itemType\": \"list\"}", "one of array, object"},
        {"{\"itemKeys\": [\"a\", \"a\"]}", "twice"},
        {"{\"table\": \"t\"}", "export the table as CSV"},
        {"{\"sheetNumber\": 2}", "export the sheet as CSV"},
        {"{\"format\": \"xlsx\"}", "one of csv"},
        {"[1]", "a mapping"},
        {"{", ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO(arena_drop) struct arena arena = {0};
        struct dialect dialect;
        struct error *error = load(&arena, "d.json", rows[i].text, &dialect);
        assert_non_null(error);
        assert_int_equal(error->code, ERROR_PROJECT);
        assert_true(error->mark.line == 1);
        assert_error(error, rows[i].part);
    }
}

static void a_descriptor_that_is_not_there_is_the_projects_fault(void **state)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct dialect dialect = {0};
    (void)state;
    struct error *error = dialect_load(&arena, AT_FDCWD, STR("/nonexistent/d.json"), &dialect);
    assert_non_null(error);
    assert_int_equal(error->code, ERROR_PROJECT);
    assert_error(error, "is not there");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_name_of_a_file_tells_its_format),
        cmocka_unit_test(every_option_is_bound),
        cmocka_unit_test(yaml_and_an_empty_descriptor_do_as_well),
        cmocka_unit_test(what_is_wrong_is_told_with_its_place),
        cmocka_unit_test(a_descriptor_that_is_not_there_is_the_projects_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
