#include "mlops/base/buf.h"
#include "mlops/base/error.h"

#include <errno.h>

#include "support/unit.h"

static FALLIBLE inner(void)
{
    return error_os(ENOSPC, "cannot write 'x'");
}

static FALLIBLE outer(void)
{
    TRY_WITHIN(inner(), "recording '%s'", "train");
    return NULL;
}

static void an_error_gains_context_and_keeps_its_cause(void **state)
{
    (void)state;
    AUTO(buf_drop) struct buf out = {0};
    struct error *error = outer();
    error_print(error, &out);
    AUTO(buf_drop) struct buf line = {0};
    error_print_line(error, &line);
    assert_int_equal(error->code, ERROR_MACHINE);
    error_drop(error);
    assert_string_equal(line.at, "recording 'train': cannot write 'x': No space left on device");
    assert_non_null(strstr(out.at, "mlops: recording 'train'\n"));
    assert_non_null(strstr(out.at, "because: cannot write 'x': No space left on device\n"));
    assert_non_null(strstr(out.at, "hint: free some space"));
}

static void a_place_shows_the_line_and_a_caret(void **state)
{
    (void)state;
    AUTO(buf_drop) struct buf out = {0};
    struct mark mark = {.file = "p.yaml", .line = 4, .column = 5};
    struct error *error = error_at(mark, STR("    dpes: [x]"), "unknown key '%s'", "dpes");
    error_print(error, &out);
    error_drop(error);
    assert_string_equal(out.at, "mlops: p.yaml:4:5: unknown key 'dpes'\n"
                                "     4 |     dpes: [x]\n"
                                "       |     ^\n");
}

static void control_characters_of_others_are_escaped(void **state)
{
    (void)state;
    AUTO(buf_drop) struct buf out = {0};
    struct error *error = error_new(ERROR_PROJECT, "name '%s'", "a\x1b[31m\xff");
    error_print(error, &out);
    error_drop(error);
    assert_string_equal(out.at, "mlops: name 'a\\x1b[31m\xEF\xBF\xBD'\n");
}

static void a_list_is_sorted_by_place_and_bounded(void **state)
{
    (void)state;
    struct error_list list = {0};
    for (int line = 30; line > 0; line--)
        error_list_add(&list, error_at((struct mark){"f", line, 1}, (struct str){0}, "e%d", line));
    struct error *first = error_list_take(&list);
    int count = 0;
    int before = 0;
    struct error *at = first;
    for (; at && at->mark.file; at = at->next) {
        assert_true(at->mark.line > before);
        before = at->mark.line;
        count++;
    }
    assert_int_equal(count, 20);
    assert_non_null(at);
    assert_string_equal(at->text, "10 more errors are not shown");
    error_drop(first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_gains_context_and_keeps_its_cause),
        cmocka_unit_test(a_place_shows_the_line_and_a_caret),
        cmocka_unit_test(control_characters_of_others_are_escaped),
        cmocka_unit_test(a_list_is_sorted_by_place_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
