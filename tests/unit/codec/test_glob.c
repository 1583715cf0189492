#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/glob.h"

#include "support/unit.h"

struct row {
    const char *pattern;
    const char *path;
    bool matches;
};

static void assert_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (glob_match(str_of(rows[i].pattern), str_of(rows[i].path)) != rows[i].matches)
            fail_msg("'%s' on '%s'", rows[i].pattern, rows[i].path);
}

static void star_and_question_mark_stay_within_a_part(void **state)
{
    (void)state;
    const struct row rows[] = {
        {"*.py", "a.py", true},
        {"*.py", "src/a.py", false},
        {"src/*", "src/a", true},
        {"src/*", "src/a/b", false},
        {"src/*", "src", false},
        {"a?c", "abc", true},
        {"a?c", "a/c", false},
        {"a?c", "ac", false},
        {"*", "", true},
        {"a*b*c", "aXbYbZc", true},
        {"a*b*c", "aXbYbZ", false},
        {"*.py", ".hidden.py", true},
        {"\xC3\xA4?", "\xC3\xA4\xC3\xB6", true},
        {"?", "\xC3\xB6", true},
        {"??", "\xC3\xB6", false},
        {"a**b", "axxb", true},
        {"a**b", "a/b", false},
        {"src//a", "src/a", false},
        {"a/*/c", "a/b/c", true},
        {"a/*/c", "a/c", false},
    };
    assert_rows(rows, COUNT_OF(rows));
}

static void two_stars_as_a_part_span_any_number_of_parts(void **state)
{
    (void)state;
    const struct row rows[] = {
        {"**/a.py", "a.py", true},
        {"**/a.py", "x/y/a.py", true},
        {"**/a.py", "x/y/ba.py", false},
        {"src/**/*.py", "src/a.py", true},
        {"src/**/*.py", "src/a/b/c.py", true},
        {"src/**/*.py", "lib/a.py", false},
        {"src/**", "src/a/b", true},
        {"src/**", "src", false},
        {"**", "a/b", true},
        {"a/**/b/**/c", "a/x/b/b/y/c", true},
        {"a/**/b/**/c", "a/x/b/b/y/d", false},
        {"**/b/c", "a/b/b/c", true},
        {"**/**/x", "x", true},
        {"a/**/**/x", "a/b/x", true},
    };
    assert_rows(rows, COUNT_OF(rows));
}

static void sets_and_escapes_work_as_in_git(void **state)
{
    (void)state;
    const struct row rows[] = {
        {"[a-c]x", "bx", true},      {"[a-c]x", "dx", false},
        {"[!a-c]x", "dx", true},     {"[^a-c]x", "bx", false},
        {"[]a]", "]", true},         {"[]-a]", "^", true},
        {"[a-]", "-", true},         {"[[:digit:]]", "7", true},
        {"[[:digit:]x]", "x", true}, {"[![:upper:]]", "A", false},
        {"[\\]]", "]", true},        {"[a", "[a", false},
        {"\\*", "*", true},          {"\\*", "a", false},
        {"a\\?", "a?", true},        {"[\xC3\xA4-\xC3\xBC]", "\xC3\xB6", true},
        {"a\\", "a\\", false},       {"[!a]", "/", false},
        {"[\xff]", "\xff", true},    {"[\xff]", "\xfe", false},
    };
    assert_rows(rows, COUNT_OF(rows));
}

static void a_crafted_pattern_ends_in_time(void **state)
{
    (void)state;
    AUTO(buf_drop) struct buf pattern = {0};
    AUTO(buf_drop) struct buf path = {0};
    for (int i = 0; i < 2000; i++)
        buf_add_text(&pattern, "**/a*a*a*a*/");
    for (int i = 0; i < 2000; i++)
        buf_add_text(&path, "aaaaaaaaaaaaaaa/");
    buf_add_text(&pattern, "b");
    buf_add_text(&path, "c");
    assert_false(glob_match(buf_str(&pattern), buf_str(&path)));
}

static void a_pattern_is_told_from_a_path(void **state)
{
    (void)state;
    assert_true(glob_is_pattern(STR("a*")));
    assert_true(glob_is_pattern(STR("a[0]")));
    assert_false(glob_is_pattern(STR("a\\*b\\[c")));
    assert_false(glob_is_pattern(STR("plain/path.txt")));
    assert_false(glob_is_pattern(STR("end\\")));
}

static void the_prefix_holds_whole_literal_parts(void **state)
{
    (void)state;
    assert_true(str_is(glob_prefix(STR("src/lib/**")), "src/lib"));
    assert_true(str_is(glob_prefix(STR("src/li*/x")), "src"));
    assert_true(str_is(glob_prefix(STR("*.py")), ""));
    assert_true(str_is(glob_prefix(STR("a/b")), "a/b"));
    assert_true(str_is(glob_prefix(STR("a/b\\*/c")), "a"));
}

static void a_walk_enters_only_directories_that_can_match(void **state)
{
    (void)state;
    const struct row rows[] = {
        {"src/**/*.py", "src", true},
        {"src/**/*.py", "src/a/b", true},
        {"src/**/*.py", "lib", false},
        {"src/*/x", "src/any", true},
        {"src/*/x", "src/any/x", false},
        {"src/*.py", "src", true},
        {"src/*.py", "src/a.py", false},
        {"**/x", "deep/down", true},
        {"a", "", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (glob_may_match_below(str_of(rows[i].pattern), str_of(rows[i].path)) != rows[i].matches)
            fail_msg("'%s' below '%s'", rows[i].pattern, rows[i].path);
}

struct ignore_row {
    const char *rules;
    const char *path;
    bool is_directory;
    int verdict;
};

/* Each sentence of gitignore(5) that speaks of one path. */
static const struct ignore_row IGNORE_ROWS[] = {
    {"\n\n", "a", false, -1},
    {"# a\n", "# a", false, -1},
    {"\\# a\n", "# a", false, 1},
    {"foo  \n", "foo", false, 1},
    {"foo\\ \n", "foo ", false, 1},
    {"foo\\ \n", "foo", false, -1},
    {"*.o\n!keep.o\n", "keep.o", false, 0},
    {"!keep.o\n*.o\n", "keep.o", false, 1},
    {"\\!x\n", "!x", false, 1},
    {"foo/\n", "foo", true, 1},
    {"foo/\n", "foo", false, -1},
    {"foo/\n", "a/b/foo", true, 1},
    {"doc/frotz/\n", "doc/frotz", true, 1},
    {"doc/frotz/\n", "a/doc/frotz", true, -1},
    {"frotz\n", "a/frotz", false, 1},
    {"/frotz\n", "a/frotz", false, -1},
    {"/frotz\n", "frotz", false, 1},
    {"a/*.c\n", "a/x.c", false, 1},
    {"a/*.c\n", "a/b/x.c", false, -1},
    {"foo/*\n", "foo/test.json", false, 1},
    {"foo/*\n", "foo/bar/hello.c", false, -1},
    {"**/foo\n", "x/y/foo", false, 1},
    {"**/foo\n", "foo", false, 1},
    {"**/foo/bar\n", "x/foo/bar", false, 1},
    {"abc/**\n", "abc/x/y", false, 1},
    {"abc/**\n", "abc", true, -1},
    {"a/**/b\n", "a/b", false, 1},
    {"a/**/b\n", "a/x/y/b", false, 1},
    {"hello.*\n", "a/hello.c", false, 1},
    {"/hello.*\n", "a/hello.c", false, -1},
    {"/*\n!/foo\n/foo/*\n!/foo/bar\n", "foo", true, 0},
    {"/*\n!/foo\n/foo/*\n!/foo/bar\n", "foo/bar", true, 0},
    {"/*\n!/foo\n/foo/*\n!/foo/bar\n", "foo/baz", true, 1},
    {"*.tmp\r\nx\r\n", "y.tmp", false, 1},
    {"*.tmp\r\nx\r\n", "x", false, 1},
    {"\xEF\xBB\xBFx\n", "x", false, 1},
    {"no-newline", "no-newline", false, 1},
    {"/\n!\n", "a", false, -1},
    {"[abc].txt\n", "b.txt", false, 1},
    {"*\n", "anything/at/all", false, 1},
};

static void ignore_files_mean_what_gitignore_says(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    for (size_t i = 0; i < COUNT_OF(IGNORE_ROWS); i++) {
        const struct ignore_row *row = &IGNORE_ROWS[i];
        struct ignore_rules *rules = ignore_parse(&arena, STR(""), str_of(row->rules));
        int verdict = ignore_match(rules, str_of(row->path), row->is_directory);
        if (verdict != row->verdict)
            fail_msg("'%s' on '%s': %d", row->rules, row->path, verdict);
    }
}

static void rules_of_a_directory_speak_of_what_is_below_it(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct ignore_rules *rules = ignore_parse(&arena, STR("data/raw"), STR("/x\n*.tmp\n"));
    assert_int_equal(ignore_match(rules, STR("data/raw/x"), false), 1);
    assert_int_equal(ignore_match(rules, STR("data/raw/y/x"), false), -1);
    assert_int_equal(ignore_match(rules, STR("data/raw/y/a.tmp"), false), 1);
    assert_int_equal(ignore_match(rules, STR("data/rawer/a.tmp"), false), -1);
    assert_int_equal(ignore_match(rules, STR("x"), false), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(star_and_question_mark_stay_within_a_part),
        cmocka_unit_test(two_stars_as_a_part_span_any_number_of_parts),
        cmocka_unit_test(sets_and_escapes_work_as_in_git),
        cmocka_unit_test(a_crafted_pattern_ends_in_time),
        cmocka_unit_test(a_pattern_is_told_from_a_path),
        cmocka_unit_test(the_prefix_holds_whole_literal_parts),
        cmocka_unit_test(a_walk_enters_only_directories_that_can_match),
        cmocka_unit_test(ignore_files_mean_what_gitignore_says),
        cmocka_unit_test(rules_of_a_directory_speak_of_what_is_below_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
