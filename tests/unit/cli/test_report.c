#include "mlops/base/arena.h"
#include "mlops/cli/report.h"

#include <math.h>

#include "support/unit.h"

static const struct column columns[] = {
    {.name = "name", .title = "NAME", .may_shrink = true},
    {.name = "size", .title = "SIZE", .is_right = true},
    {.name = "secret", .title = NULL},
};

struct fixture {
    struct arena arena;
    struct context context;
    struct table table;
};

static void fixture_open(struct fixture *fixture)
{
    fixture->context.arena = &fixture->arena;
    fixture->table = table_make(&fixture->arena, columns, COUNT_OF(columns));
}

static void fixture_drop(struct fixture *fixture)
{
    buf_drop(&fixture->context.out);
    arena_drop(&fixture->arena);
}

static void add(struct fixture *fixture, const char *name, int64_t size)
{
    struct cell *row = table_add(&fixture->table);
    row[0] = cell_text(str_of(name));
    row[1] = cell_int(&fixture->arena, size);
    row[2] = cell_text(STR("x"));
}

static void columns_are_aligned_and_numbers_stand_right(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    fixture_open(&fixture);
    add(&fixture, "a", 5);
    add(&fixture, "long", 1234);
    report_text(&fixture.context, &fixture.table, false);
    assert_string_equal(fixture.context.out.at, "NAME   SIZE\n"
                                                "a         5\n"
                                                "long  1,234\n");
}

static void control_characters_of_others_are_shown_not_obeyed(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    fixture_open(&fixture);
    add(&fixture, "a\x1b[2Jb\nc", 1);
    report_text(&fixture.context, &fixture.table, true);
    assert_null(strchr(fixture.context.out.at, '\x1b'));
    assert_ptr_equal(strchr(fixture.context.out.at, '\n'),
                     fixture.context.out.at + fixture.context.out.len - 1);
}

static void a_narrow_terminal_cuts_the_columns_that_may_shrink(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    fixture_open(&fixture);
    fixture.context.columns = 20;
    add(&fixture, "a_name_that_is_much_too_long", 1234567);
    report_text(&fixture.context, &fixture.table, true);
    assert_string_equal(fixture.context.out.at, "a_name_t\xE2\x80\xA6  1,234,567\n");
}

static void csv_quotes_what_holds_commas_quotes_or_lines(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    fixture_open(&fixture);
    add(&fixture, "a,\"b\"\nc", 1234);
    report_csv(&fixture.context.out, &fixture.table);
    assert_string_equal(fixture.context.out.at, "name,size,secret\n\"a,\"\"b\"\"\nc\",1234,x\n");
}

static void markdown_escapes_what_would_break_the_table(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    fixture_open(&fixture);
    add(&fixture, "a|b", 1);
    report_markdown(&fixture.context.out, &fixture.table);
    assert_string_equal(fixture.context.out.at, "| NAME | SIZE |\n"
                                                "| --- | ---: |\n"
                                                "| a\\|b | 1 |\n");
}

static void an_empty_table_is_an_empty_list_in_json_and_nothing_for_people(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    fixture_open(&fixture);
    report_table(&fixture.context, &fixture.table, "things");
    assert_int_equal(fixture.context.out.len, 0);
    fixture.context.format = FORMAT_JSON;
    report_table(&fixture.context, &fixture.table, "things");
    assert_non_null(strstr(fixture.context.out.at, "\"schema_version\": 1"));
    assert_non_null(strstr(fixture.context.out.at, "\"things\": []"));
}

static void real_numbers_have_their_shortest_text(void **state)
{
    AUTO(arena_drop) struct arena arena = {0};
    (void)state;
    assert_string_equal(report_real(&arena, 0.1).at, "0.1");
    assert_string_equal(report_real(&arena, 1.0 / 3).at, "0.3333333333333333");
    assert_string_equal(report_real(&arena, (double)NAN).at, "nan");
}

static void words_are_wrapped_behind_the_indent(void **state)
{
    AUTO(buf_drop) struct buf out = {0};
    (void)state;
    report_wrap(&out, STR("one two three"), 4, 4, 12);
    assert_string_equal(out.at, "one two\n    three");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_aligned_and_numbers_stand_right),
        cmocka_unit_test(control_characters_of_others_are_shown_not_obeyed),
        cmocka_unit_test(a_narrow_terminal_cuts_the_columns_that_may_shrink),
        cmocka_unit_test(csv_quotes_what_holds_commas_quotes_or_lines),
        cmocka_unit_test(markdown_escapes_what_would_break_the_table),
        cmocka_unit_test(an_empty_table_is_an_empty_list_in_json_and_nothing_for_people),
        cmocka_unit_test(real_numbers_have_their_shortest_text),
        cmocka_unit_test(words_are_wrapped_behind_the_indent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
