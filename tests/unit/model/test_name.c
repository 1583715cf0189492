#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/model/name.h"

#include "support/unit.h"

static struct arena arena;

static int give_back(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}

static void assert_fault(const char *fault, const char *word, const char *what)
{
    if (!fault && word)
        fail_msg("'%s' was taken; expected a fault with '%s'", what, word);
    if (fault && !word)
        fail_msg("'%s' was refused: %s", what, fault);
    if (fault && !strstr(fault, word))
        fail_msg("'%s' was refused with '%s', not with '%s'", what, fault, word);
}

static void stage_names_are_what_a_file_and_a_shell_can_hold(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *native; /* word of the fault */
        const char *dvc;
    } rows[] = {
        {"train", NULL, NULL},
        {"_t", NULL, NULL},
        {"train@resnet-2", NULL, NULL},
        {"a/b c.d", NULL, NULL},
        {"", "empty", "empty"},
        {"a ", "blank", NULL},
        {"-rf", "start", NULL},
        {".hidden", "start", NULL},
        {"%n%s", "start", NULL},
        {"a%n", "letters", NULL},
        {"a');DROP TABLE runs;--", "letters", NULL},
        {"gr\xC3\xB6\xC3\x9F", "letters", NULL},
        {"a\nb", "letters", "control"},
        {"a\x1b[31m", "letters", "control"},
        {"a\xE2\x80\xAEgpj.exe", "letters", "bidi"},
        {"tra\xE2\x80\x8Bin", "letters", "invisible"},
        {"tra\xC2\xADin", "letters", "invisible"},
        {"a\xFF", "letters", "UTF-8"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_fault(name_fault(str_of(rows[i].name), false), rows[i].native, rows[i].name);
        assert_fault(name_fault(str_of(rows[i].name), true), rows[i].dvc, rows[i].name);
    }
}

static void a_name_of_more_than_128_bytes_is_refused(void **state)
{
    (void)state;
    char name[129];
    memset(name, 'a', sizeof name);
    assert_null(name_fault((struct str){name, 128}, false));
    assert_fault(name_fault((struct str){name, 129}, false), "128", "129 bytes");
}

static void a_nul_in_a_name_is_refused(void **state)
{
    (void)state;
    assert_non_null(name_fault((struct str){"a\0b", 3}, false));
    assert_non_null(name_fault((struct str){"a\0b", 3}, true));
}

static void paths_resolve_to_the_project_root(void **state)
{
    (void)state;
    static const struct {
        const char *base, *path, *expected;
        bool is_inside;
    } rows[] = {
        {"", "a", "a", true},
        {"", "a/b.csv", "a/b.csv", true},
        {"", "a//b/./c/", "a/b/c", true},
        {"", ".", "", true},
        {"", "./", "", true},
        {"", "d/..", "", true},
        {"d", "..", "", true},
        {"d/e", "../x", "d/x", true},
        {"d", "../../x", "../x", false},
        {"", "..", "..", false},
        {"", "../..", "../..", false},
        {"", "a/../../../b", "../../b", false},
        {"", "..a/b", "..a/b", true},
        {"", "a...", "a...", true},
        {"d", "/etc//x/..", "/etc", true},
        {"d", "/..", "/", true},
        {"d", "/", "/", true},
        {"d", "", "d", true},
        {"d", "-rf", "d/-rf", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str path;
        bool inside = path_resolve(&arena, str_of(rows[i].base), str_of(rows[i].path), &path);
        if (!str_is(path, rows[i].expected) || inside != rows[i].is_inside)
            fail_msg("'%s' + '%s' gave '%.*s' (%s)", rows[i].base, rows[i].path, STR_FMT(path),
                     inside ? "inside" : "outside");
    }
}

static void no_spelling_of_a_reserved_folder_may_be_written(void **state)
{
    (void)state;
    static const char *const paths[] = {
        ".git",
        ".git/hooks/post-checkout",
        "a/.git/config",
        ".GIT/config",
        ".Git",
        "git~1/config",
        "GIT~1",
        ".g\xE2\x80\x8Cit/config",
        "\xEF\xBB\xBF.git",
        ".gi\xE2\x80\x8Dt",
        ".git ",
        ".git. .",
        ".git::$INDEX_ALLOCATION/x",
        "a\\.git\\hooks",
        ".mlops/objects",
        ".MLOPS",
        ".mlop\xC5\xBF",
        "mlops~1/x",
    };
    for (size_t i = 0; i < COUNT_OF(paths); i++)
        assert_fault(path_fault(str_of(paths[i])), i < 14 ? ".git" : ".mlops", paths[i]);
}

static void names_that_only_look_like_reserved_ones_are_free(void **state)
{
    (void)state;
    static const char *const paths[] = {
        ".gitignore", ".github/x", "git",      "x.git",          ".gitx",
        "git~2",      "mlops",     ".mlops.d", "a/git/b",        "-rf",
        ".dvc/x",     "..a",       "a b",      "gr\xC3\xB6.csv", ".g\xE2\x80\x8Cit-lfs-storage-x",
    };
    for (size_t i = 0; i < COUNT_OF(paths); i++)
        assert_fault(path_fault(str_of(paths[i])), NULL, paths[i]);
}

static void paths_that_are_not_plain_or_not_inside_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *path, *word;
    } rows[] = {
        {"", "project itself"}, {"/etc/passwd", "absolute"},
        {"..", "leaves"},       {"../x", "leaves"},
        {"a/../b", "plain"},    {"a//b", "plain"},
        {"./a", "plain"},       {"a/", "plain"},
        {"a/.", "plain"},       {"a\nb", "control"},
        {"a\x7F", "control"},   {"a\xC2\x85z", "control"},
        {"a\r", "control"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_fault(path_fault(str_of(rows[i].path)), rows[i].word, rows[i].path);
    assert_fault(path_fault((struct str){"ok\0../../x", 10}), "NUL", "NUL");
}

static void paths_the_kernel_would_refuse_are_refused_before_a_run(void **state)
{
    (void)state;
    struct buf path = buf_in(&arena);
    buf_add_repeated(&path, 'n', 255);
    assert_null(path_fault(buf_str(&path)));
    buf_add_repeated(&path, 'n', 1);
    assert_fault(path_fault(buf_str(&path)), "255", "256 bytes in a part");
    buf_clear(&path);
    for (int i = 0; i < 20; i++) {
        buf_add_repeated(&path, 'd', 250);
        buf_add_char(&path, '/');
    }
    buf_add_char(&path, 'x');
    assert_fault(path_fault(buf_str(&path)), "4095", "5021 bytes");
    buf_clear(&path);
    for (int i = 0; i < 256; i++)
        buf_add_text(&path, "d/");
    buf_add_char(&path, 'x');
    assert_fault(path_fault(buf_str(&path)), "256 parts", "257 parts");
}

static void containment_is_by_parts(void **state)
{
    (void)state;
    assert_true(path_is_within(STR("a/b"), STR("a")));
    assert_true(path_is_within(STR("a"), STR("a")));
    assert_true(path_is_within(STR("a"), STR("")));
    assert_true(path_is_within(STR("/a"), STR("/")));
    assert_false(path_is_within(STR("ab"), STR("a")));
    assert_false(path_is_within(STR("a"), STR("a/b")));
    assert_false(path_is_within(STR("/a"), STR("")));
    assert_false(path_is_within(STR("../a"), STR("")));
}

static void a_path_splits_into_directory_and_name(void **state)
{
    (void)state;
    assert_true(str_is(path_directory(STR("a/b/c")), "a/b"));
    assert_true(str_is(path_directory(STR("a")), ""));
    assert_true(str_is(path_directory(STR("/a")), "/"));
    assert_true(str_is(path_name(STR("a/b/c")), "c"));
    assert_true(str_is(path_name(STR("a")), "a"));
}

static void file_names_of_stages_are_harmless_and_distinct(void **state)
{
    (void)state;
    struct str slash = name_file(&arena, 3, STR("a/b"));
    struct str dash = name_file(&arena, 3, STR("a-b"));
    assert_true(str_starts(slash, STR("3-a-b-")));
    assert_int_equal(slash.len, 6 + 8);
    assert_false(str_equal(slash, dash));
    struct str hostile = name_file(&arena, 1, STR("../../etc\0\n%s"));
    assert_null(path_fault(hostile));
    assert_true(str_find_char(hostile, '%') < 0);
}

static void ulids_follow_the_specification(void **state)
{
    (void)state;
    unsigned char random[10];
    memset(random, 0xFF, sizeof random);
    struct str text = ulid_print(&arena, INT64_C(1469918176385) * 1000000, random);
    assert_string_equal(text.at, "01ARYZ6S41ZZZZZZZZZZZZZZZZ");
    const unsigned char counted[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    assert_string_equal(ulid_print(&arena, 0, counted).at, "0000000000000G40R40M30E209");
    assert_true(str_is(ulid_short(text), "ZZZZZZZZ"));
}

static void only_ulids_are_taken_for_ulids(void **state)
{
    (void)state;
    assert_true(ulid_is_valid(STR("01ARYZ6S41ZZZZZZZZZZZZZZZZ")));
    assert_false(ulid_is_valid(STR("81ARYZ6S41ZZZZZZZZZZZZZZZZ"))); /* more than 48 bits of time */
    assert_false(ulid_is_valid(STR("01ARYZ6S41ZZZZZZZZZZZZZZZU")));
    assert_false(ulid_is_valid(STR("01ARYZ6S41ZZZZZZZZZZZZZZZ")));
    assert_false(ulid_is_valid(STR("01aryz6s41zzzzzzzzzzzzzzzz")));
    assert_false(ulid_is_valid(STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stage_names_are_what_a_file_and_a_shell_can_hold),
        cmocka_unit_test(a_name_of_more_than_128_bytes_is_refused),
        cmocka_unit_test(a_nul_in_a_name_is_refused),
        cmocka_unit_test(paths_resolve_to_the_project_root),
        cmocka_unit_test(no_spelling_of_a_reserved_folder_may_be_written),
        cmocka_unit_test(names_that_only_look_like_reserved_ones_are_free),
        cmocka_unit_test(paths_that_are_not_plain_or_not_inside_are_refused),
        cmocka_unit_test(paths_the_kernel_would_refuse_are_refused_before_a_run),
        cmocka_unit_test(containment_is_by_parts),
        cmocka_unit_test(a_path_splits_into_directory_and_name),
        cmocka_unit_test(file_names_of_stages_are_harmless_and_distinct),
        cmocka_unit_test(ulids_follow_the_specification),
        cmocka_unit_test(only_ulids_are_taken_for_ulids),
    };
    return cmocka_run_group_tests(tests, NULL, give_back);
}
