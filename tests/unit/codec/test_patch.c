#include "mlops/base/arena.h"
#include "mlops/codec/patch.h"

#include "support/unit.h"

static struct arena arena;

static int clear(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}

static struct patch_file parse_one(const char *text)
{
    struct patch_file_vec files = {0};
    struct error *error = patch_parse(&arena, str_of(text), &files);
    assert_null(error);
    assert_int_equal(files.len, 1);
    return files.at[0];
}

#define HEAD "diff --git a/f b/f\nindex 1..2 100644\n--- a/f\n+++ b/f\n"

static void assert_applied(const char *hunks, const char *before, const char *after)
{
    struct str got = {0};
    bool fits = false;
    struct patch_file file = parse_one(str_print(&arena, HEAD "%s", hunks).at);
    patch_apply(&arena, &file, str_of(before), &got, &fits);
    assert_int_equal(fits, after != NULL);
    if (after)
        assert_string_equal(str_terminate(&arena, got), after);
}

static void hunks_fit_exactly_or_not_at_all(void **state)
{
    (void)state;
    assert_applied("@@ -2 +2 @@\n-b\n+B\n", "a\nb\nc\n", "a\nB\nc\n");
    assert_applied("@@ -2 +2 @@ int main()\n-b\n+B\n", "a\nb\nc", "a\nB\nc");
    assert_applied("@@ -0,0 +1 @@\n+a\n", "", "a\n");
    assert_applied("@@ -1,0 +2 @@\n+b\n", "a\nc\n", "a\nb\nc\n");
    assert_applied("@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n", "a", "a\n");
    assert_applied("@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file\n", "a\n", "a");
    assert_applied("@@ -1,2 +0,0 @@\n-a\n-b\n", "a\nb\n", "");
    assert_applied("@@ -1 +1 @@\n-a\n+b\n@@ -3 +3 @@\n-c\n+d\n", "a\nb\nc\n", "b\nb\nd\n");
    assert_applied("@@ -2 +2 @@\n-b\n+B\n", "a\nx\nc\n", NULL);
    assert_applied("@@ -9 +9 @@\n-b\n+B\n", "a\nb\nc\n", NULL);
    assert_applied("@@ -3 +3 @@\n-c\n+d\n@@ -1 +1 @@\n-a\n+b\n", "a\nb\nc\n", NULL);
    assert_applied("@@ -1 +1 @@\n-a\n+b\n", "a", NULL); /* a newline more or less is a change */
}

static void names_with_spaces_and_quotes_are_read(void **state)
{
    (void)state;
    struct patch_file file = parse_one("diff --git a/x b/y b/x b/y\nnew file mode 100755\n");
    assert_true(str_is(file.path, "x b/y") && file.is_new && file.mode == 0100755);
    file = parse_one("diff --git \"a/\\303\\244\\\"\\\\\\t\" \"b/\\303\\244\\\"\\\\\\t\"\n"
                     "deleted file mode 100644\n");
    assert_true(str_is(file.path, "\303\244\"\\\t") && file.is_removed && !file.mode);
}

static void what_is_no_patch_or_cut_is_damage(void **state)
{
    (void)state;
    const char *const texts[] = {
        "hello\n",
        "diff --git a/f b/g\n",
        "diff --git f f\n",
        "diff --git \"a/f\\9\" \"b/f\\9\"\n",
        "diff --git a/f b/f\nrename from f\n",
        HEAD "@@ -1 +1 @@\n-a\n",
        HEAD "@@ -1 +1 @@\n-a\n-b\n+b\n",
        HEAD "@@ -1 +1 @@\n-a\n+b\n+c\n",
        HEAD "@@ -1,99999999999 +1 @@\n-a\n",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct patch_file_vec files = {0};
        struct error *error = patch_parse(&arena, str_of(texts[i]), &files);
        if (!error)
            fail_msg("taken: %s", texts[i]);
        assert_int_equal(error->code, ERROR_STORED);
        error_drop(error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(hunks_fit_exactly_or_not_at_all, clear),
        cmocka_unit_test_teardown(names_with_spaces_and_quotes_are_read, clear),
        cmocka_unit_test_teardown(what_is_no_patch_or_cut_is_damage, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
