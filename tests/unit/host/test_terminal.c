#include "mlops/host/terminal.h"

#include <sys/ioctl.h>

#include "support/scratch.h"

static int open_terminal(int columns)
{
    struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)columns};
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0)
        ioctl(fd, TIOCSWINSZ, &size);
    return fd;
}

static int clear_environment(void **state)
{
    (void)state;
    static const char *const names[] = {"NO_COLOR", "CLICOLOR_FORCE", "COLUMNS", "CI"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        unsetenv(names[i]);
    return setenv("TERM", "xterm", 1);
}

static void a_terminal_is_live_unless_it_is_dumb(void **state)
{
    (void)state;
    int fd = open_terminal(100);
    if (fd < 0)
        skip();
    assert_true(terminal_is_live(fd));
    setenv("TERM", "dumb", 1);
    assert_false(terminal_is_live(fd));
    unsetenv("TERM");
    assert_false(terminal_is_live(fd));
    close(fd);
}

static void a_terminal_of_continuous_integration_is_a_log(void **state)
{
    (void)state;
    int fd = open_terminal(100);
    if (fd < 0)
        skip();
    setenv("CI", "true", 1);
    assert_false(terminal_is_live(fd));
    assert_false(terminal_has_colour(fd));
    setenv("CI", "false", 1);
    assert_true(terminal_is_live(fd));
    close(fd);
}

static void colour_follows_the_terminal_and_the_users_wish(void **state)
{
    (void)state;
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC), fd = open_terminal(100);
    if (fd < 0)
        skip();
    assert_true(terminal_has_colour(fd));
    assert_false(terminal_has_colour(null));
    setenv("CLICOLOR_FORCE", "1", 1);
    assert_true(terminal_has_colour(null));
    setenv("NO_COLOR", "1", 1);
    assert_false(terminal_has_colour(null));
    assert_false(terminal_has_colour(fd));
    setenv("NO_COLOR", "", 1); /* no-color.org: only when not empty */
    assert_true(terminal_has_colour(fd));
    close(fd);
    close(null);
}

static void columns_come_from_the_environment_the_terminal_or_are_eighty(void **state)
{
    (void)state;
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC), fd = open_terminal(100);
    if (fd < 0)
        skip();
    assert_int_equal(terminal_columns(null), 80);
    assert_int_equal(terminal_columns(fd), 100);
    setenv("COLUMNS", "120", 1);
    assert_int_equal(terminal_columns(fd), 120);
    setenv("COLUMNS", "3", 1);
    assert_int_equal(terminal_columns(fd), 40);
    setenv("COLUMNS", "wide", 1);
    assert_int_equal(terminal_columns(null), 80);
    close(fd);
    close(null);
}

static void characters_count_as_wide_as_they_are_shown(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int columns;
    } rows[] = {{"", 0},
                {"plain", 5},
                {"\xC3\xA4\xC3\xB6", 2},          /* ä ö, composed */
                {"a\xCC\x88", 1},                 /* a and a combining diaeresis */
                {"\xE6\xA8\xA1\xE5\x9E\x8B", 4},  /* two Han characters */
                {"\xED\x95\x9C", 2},              /* a Hangul syllable */
                {"\xE1\x84\x92\xE1\x85\xA1", 2},  /* the same sort of syllable in parts */
                {"\xF0\x9F\x9A\x80", 2},          /* rocket */
                {"\xEF\xBC\xA1", 2},              /* fullwidth A */
                {"\xE2\x80\x8B\xEF\xBB\xBF", 0},  /* zero-width space, BOM */
                {"\xC2\xAD", 1},                  /* soft hyphen */
                {"\xFF\xFE", 2},                  /* malformed: shown as U+FFFD */
                {"\t\x1b", 0},                    /* controls */
                {"\xE2\x94\x80\xE2\x9C\x93", 2}}; /* box drawing, check mark */
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (text_columns(str_of(rows[i].text)) != rows[i].columns)
            fail_msg("row %zu: %d columns", i, text_columns(str_of(rows[i].text)));
}

static void a_fitted_text_ends_between_characters(void **state)
{
    (void)state;
    struct str han = STR("\xE6\xA8\xA1\xE5\x9E\x8B"), accent = STR("ea\xCC\x88o");
    assert_int_equal(text_fit(han, 4).len, 6);
    assert_int_equal(text_fit(han, 3).len, 3);
    assert_int_equal(text_fit(han, 1).len, 0);
    assert_int_equal(text_fit(accent, 2).len, 4); /* a mark stays with its letter */
    assert_int_equal(text_fit(STR("abc"), 10).len, 3);
    assert_int_equal(text_fit(STR("abc"), 0).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_terminal_is_live_unless_it_is_dumb, clear_environment),
        cmocka_unit_test_setup(a_terminal_of_continuous_integration_is_a_log, clear_environment),
        cmocka_unit_test_setup(colour_follows_the_terminal_and_the_users_wish, clear_environment),
        cmocka_unit_test_setup(columns_come_from_the_environment_the_terminal_or_are_eighty,
                               clear_environment),
        cmocka_unit_test(characters_count_as_wide_as_they_are_shown),
        cmocka_unit_test(a_fitted_text_ends_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
