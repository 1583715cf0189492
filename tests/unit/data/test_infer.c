#include "mlops/base/arena.h"
#include "mlops/data/infer.h"

/* clang-format off */
#include "support/unit.h"
#include "support/scratch.h"
/* clang-format on */

static void succeeds(struct error *error)
{
    if (error)
        fail_msg("%s", error->text);
}

static void few_texts_that_repeat_are_all_there_are(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    const struct value_count values[] = {{STR("b"), 60}, {STR("a"), 40}};
    const struct value_count nulls[] = {{STR("NA"), 1}};
    const struct column_profile columns[] = {
        {.name = STR("few"),
         .type = TYPE_STRING,
         .count = 100,
         .values = values,
         .value_count = 2,
         .distinct = 2,
         .values_are_complete = true},
        {.name = STR("rare"),
         .type = TYPE_STRING,
         .count = 9,
         .null_count = 91,
         .values = values,
         .value_count = 2,
         .values_are_complete = true,
         .null_texts = nulls,
         .null_text_count = 1},
        {.name = STR("sampled"),
         .type = TYPE_STRING,
         .count = 100,
         .values = values,
         .value_count = 2},
        {.name = STR("number"),
         .type = TYPE_NUMBER,
         .count = 100,
         .values = values,
         .value_count = 2,
         .values_are_complete = true},
    };
    const struct profile profile = {.record_count = 100, .columns = columns, .column_count = 4};
    struct table_schema schema;
    infer_schema(&arena, &profile, &schema);
    assert_int_equal(schema.field_count, 4);
    assert_int_equal(schema.fields[0].allowed.len, 2);
    assert_true(str_is(schema.fields[0].allowed.at[0].text, "a"));
    assert_true(schema.fields[0].required);
    assert_false(schema.fields[1].allowed.is_given);
    assert_false(schema.fields[1].required);
    assert_false(schema.fields[2].allowed.is_given);
    assert_false(schema.fields[3].allowed.is_given);
    assert_int_equal(schema.missing_values.len, 2);
    assert_true(str_is(schema.missing_values.at[1], "NA"));
}

static void what_has_bad_cells_becomes_wider_until_all_fits(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct column_profile columns[] = {{.name = STR("when"), .type = TYPE_DATETIME, .count = 9},
                                       {.name = STR("good"), .type = TYPE_INTEGER, .count = 9}};
    const struct profile profile = {.record_count = 9, .columns = columns, .column_count = 2};
    struct table_schema schema;
    infer_schema(&arena, &profile, &schema);
    assert_false(infer_widen(&arena, &profile, &schema));
    columns[0].bad_count = 1;
    assert_true(infer_widen(&arena, &profile, &schema));
    assert_int_equal(schema.fields[0].type, TYPE_DATETIME);
    assert_int_equal(schema.fields[0].format, FORMAT_ANY);
    assert_true(infer_widen(&arena, &profile, &schema));
    assert_int_equal(schema.fields[0].type, TYPE_STRING);
    assert_true(infer_widen(&arena, &profile, &schema));
    assert_int_equal(schema.fields[0].type, TYPE_ANY);
    assert_false(infer_widen(&arena, &profile, &schema));
    assert_int_equal(schema.fields[1].type, TYPE_INTEGER);
}

static void dialects_are_told_by_what_cuts_records_alike(void **state)
{
    (void)state;
    static const struct {
        const char *text, *delimiter, *quote;
    } rows[] = {
        {"a,b\n1,2\n", ",", "\""},
        {"a;b;c\n1;2,5;x\n2;3,5;y\n", ";", "\""},
        {"a\tb\n1\t2\n", "\t", "\""},
        {"a|b\n1,2|x\n3|y\n", "|", "\""},
        {"a,b\n'x,y',1\n'z,w,v',2\n", ",", "'"},
        {"a;b\n\"x\ny;z\";1\n", ";", "\""},
        {"one\ncolumn\nonly\n", ",", "\""},
        {"", ",", "\""},
    };
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct dialect dialect;
        scratch_write(&scratch, "table.csv", rows[i].text);
        succeeds(infer_dialect(&arena, scratch.fd, STR("table.csv"), &dialect));
        if (!str_is(dialect.delimiter, rows[i].delimiter) ||
            !str_is(dialect.quote_char, rows[i].quote))
            fail_msg("%s: %.*s %.*s", rows[i].text, STR_FMT(dialect.delimiter),
                     STR_FMT(dialect.quote_char));
    }
}

static void packed_files_are_looked_into(void **state)
{
    /* "a;b\n1;2,5\n2;3,5\n" as gzip writes it */
    static const char packed[] =
        "\037\213\010\000\000\000\000\000\002\003\113\264\116\342\062\264\066\322\061\345\062\262"
        "\066\006\222\000\112\006\032\325\020\000\000\000";
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    struct dialect dialect;
    (void)state;
    int fd = openat(scratch.fd, "t.csv.gz", O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    assert_int_equal(write(fd, packed, sizeof packed - 1), sizeof packed - 1);
    close(fd);
    succeeds(infer_dialect(&arena, scratch.fd, STR("t.csv.gz"), &dialect));
    assert_true(str_is(dialect.delimiter, ";"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_texts_that_repeat_are_all_there_are),
        cmocka_unit_test(what_has_bad_cells_becomes_wider_until_all_fits),
        cmocka_unit_test(dialects_are_told_by_what_cuts_records_alike),
        cmocka_unit_test(packed_files_are_looked_into),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
