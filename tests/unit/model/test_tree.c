#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/codec/canon.h"
#include "mlops/model/tree.h"

#include <stdlib.h>

#include "support/unit.h"

static struct arena arena;

static struct str encoded(struct tree_entry *entries, size_t count)
{
    struct buf out = buf_in(&arena);
    struct tree tree = {entries, count};
    tree_encode(&tree, &out);
    return buf_str(&out);
}

static struct tree_entry entry_named(const char *name)
{
    return (struct tree_entry){.name = str_of(name), .size_bytes = 3, .file_count = 1};
}

static void assert_refused(struct str bytes, const char *why)
{
    struct tree tree;
    struct error *error = tree_decode(&arena, bytes, &tree);
    struct buf text = buf_in(&arena);
    assert_non_null(error);
    assert_int_equal(error->code, ERROR_STORED);
    error_print(error, &text);
    if (str_find(buf_str(&text), str_of(why)) < 0)
        fail_msg("'%s' is not in: %s", why, text.at);
    error_drop(error);
}

static void assert_name_refused(const char *name, const char *why)
{
    struct tree_entry entry = entry_named(name);
    assert_refused(encoded(&entry, 1), why);
}

static void a_tree_reads_back_as_it_was_written(void **state)
{
    (void)state;
    struct tree_entry entries[] = {
        {STR("a"), TREE_FILE, 0, 1, digest_of("", 0)},
        {STR("b"), TREE_DIRECTORY, INT64_MAX, 12, digest_of("d", 1)},
        {STR("c"), TREE_SYMLINK, 4, 1, digest_of("link", 4)},
        {STR("d"), TREE_EXECUTABLE, 9, 1, digest_of("x", 1)},
    };
    struct tree tree;
    assert_null(tree_decode(&arena, encoded(entries, 4), &tree));
    assert_int_equal(tree.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_true(str_equal(tree.entries[i].name, entries[i].name));
        assert_int_equal(tree.entries[i].kind, entries[i].kind);
        assert_int_equal(tree.entries[i].size_bytes, entries[i].size_bytes);
        assert_int_equal(tree.entries[i].file_count, entries[i].file_count);
        assert_true(digest_equal(tree.entries[i].digest, entries[i].digest));
    }
}

/* What is added can be read again: of entries there is one limit, of bytes another. */
static void the_largest_tree_that_is_allowed_is_not_too_long(void **state)
{
    (void)state;
    char name[256];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    char other[sizeof name];
    memcpy(other, name, sizeof name);
    other[0] = 'o';
    struct tree_entry entries[] = {entry_named(name), entry_named(other)};
    for (size_t i = 0; i < COUNT_OF(entries); i++) {
        entries[i].kind = TREE_DIRECTORY;
        entries[i].size_bytes = entries[i].file_count = INT64_MAX;
    }
    size_t bytes = encoded(entries, 2).len - encoded(entries, 1).len;
    assert_true((int64_t)bytes * LIMIT_TREE_ENTRIES < LIMIT_TREE_BYTES);
}

static void an_empty_tree_is_valid(void **state)
{
    (void)state;
    struct tree tree = {.count = 1};
    assert_null(tree_decode(&arena, encoded(NULL, 0), &tree));
    assert_int_equal(tree.count, 0);
}

static void the_bytes_are_those_of_the_formats_document(void **state)
{
    (void)state;
    struct tree_entry entry = {STR("n"), TREE_FILE, 258, 1, {{0xAB}}};
    static const char expected[] =
        "s\x0Cmlops.tree.1"
        "l\x01"
        "l\x04"
        "s\x01"
        "f"
        "i\0\0\0\0\0\0\1\2"
        "h\xAB\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
        "s\x01n";
    struct str bytes = encoded(&entry, 1);
    assert_int_equal(bytes.len, sizeof expected - 1);
    assert_memory_equal(bytes.at, expected, bytes.len);
}

static void names_that_leave_their_directory_are_refused(void **state)
{
    (void)state;
    assert_name_refused("", "is empty");
    assert_name_refused(".", "'.'");
    assert_name_refused("..", "leaves the project");
    assert_name_refused("a/b", "holds '/'");
    struct tree_entry entry = {.name = STR("a\0b")};
    assert_refused(encoded(&entry, 1), "NUL");
    char longest[257] = {0};
    memset(longest, 'n', 256);
    assert_name_refused(longest, "longer than 255");
    longest[255] = '\0';
    assert_null(tree_name_fault(str_of(longest)));
}

static void names_that_a_file_system_takes_for_git_are_refused(void **state)
{
    (void)state;
    assert_name_refused(".git", ".git");
    assert_name_refused(".GiT", ".git");
    assert_name_refused(".g\xE2\x80\x8Cit", ".git");
    assert_name_refused("\xE2\x80\x8C.git", ".git");
    assert_name_refused("GIT~1", ".git");
    assert_name_refused(".mlops", ".mlops");
    assert_name_refused(".gi\x01t\\.git", ".git");
}

static void odd_but_harmless_names_are_taken(void **state)
{
    (void)state;
    static const char *const names[] = {"new\nline", "\xFF\xFE",  ".gitignore", "g",       "~",
                                        ".git\x01",  "\xC2\x85x", ".\x01",      "back\\x", " "};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_null(tree_name_fault(str_of(names[i])));
}

/* Written by hand, since tree_encode() checks the order itself. */
static struct str two_entries(const char *first, const char *second)
{
    struct buf out = buf_in(&arena);
    const char *const names[] = {first, second};
    canon_str(&out, STR("mlops.tree.1"));
    canon_list(&out, 2);
    for (size_t i = 0; i < 2; i++) {
        canon_list(&out, 4);
        canon_str(&out, STR("f"));
        canon_int(&out, 1);
        canon_digest(&out, digest_of("x", 1));
        canon_str(&out, str_of(names[i]));
    }
    return buf_str(&out);
}

static void entries_out_of_order_or_twice_are_refused(void **state)
{
    (void)state;
    assert_refused(two_entries("b", "a"), "ascending order");
    assert_refused(two_entries("a", "a"), "ascending order");
    struct tree tree;
    assert_null(tree_decode(&arena, two_entries("a", "b"), &tree));
}

static void negative_sizes_and_unknown_kinds_are_refused(void **state)
{
    (void)state;
    struct tree_entry entry = {.name = STR("n"), .size_bytes = -1};
    assert_refused(encoded(&entry, 1), "negative");
    struct tree_entry good = entry_named("n");
    struct str bytes = encoded(&good, 1);
    char *letter = memchr(bytes.at + 16, 'f', bytes.len - 16);
    *letter = 'z';
    assert_refused(bytes, "unknown kind");
}

static void a_file_with_the_items_of_a_directory_is_refused(void **state)
{
    (void)state;
    struct tree_entry entry = {.name = STR("n"), .kind = TREE_DIRECTORY, .file_count = 1};
    struct str bytes = encoded(&entry, 1);
    char *letter = memchr(bytes.at + 16, 'd', bytes.len - 16);
    *letter = 'f';
    assert_refused(bytes, "5 items");
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    struct tree_entry entries[] = {entry_named("a"), entry_named("b")};
    struct str bytes = encoded(entries, 2);
    for (size_t len = 0; len < bytes.len; len++) {
        char *exact = malloc(len ? len : 1); /* so that reading beyond the end is seen */
        memcpy(exact, bytes.at, len);
        struct tree tree;
        struct error *error = tree_decode(&arena, (struct str){exact, len}, &tree);
        assert_non_null(error);
        error_drop(error);
        free(exact);
    }
}

static void a_huge_count_allocates_nothing(void **state)
{
    (void)state;
    struct buf out = buf_in(&arena);
    canon_str(&out, STR("mlops.tree.1"));
    canon_list(&out, 4000);
    buf_add_repeated(&out, 'l', 4000);
    size_t used = arena.used_bytes;
    assert_refused(buf_str(&out), "cut off");
    assert_true(arena.used_bytes - used < 4096);
}

static void a_newer_version_says_so(void **state)
{
    (void)state;
    struct buf out = buf_in(&arena);
    canon_str(&out, STR("mlops.tree.2"));
    canon_list(&out, 0);
    assert_refused(buf_str(&out), "newer version");
}

static int drop(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_reads_back_as_it_was_written),
        cmocka_unit_test(the_largest_tree_that_is_allowed_is_not_too_long),
        cmocka_unit_test(an_empty_tree_is_valid),
        cmocka_unit_test(the_bytes_are_those_of_the_formats_document),
        cmocka_unit_test(names_that_leave_their_directory_are_refused),
        cmocka_unit_test(names_that_a_file_system_takes_for_git_are_refused),
        cmocka_unit_test(odd_but_harmless_names_are_taken),
        cmocka_unit_test(entries_out_of_order_or_twice_are_refused),
        cmocka_unit_test(negative_sizes_and_unknown_kinds_are_refused),
        cmocka_unit_test(a_file_with_the_items_of_a_directory_is_refused),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(a_huge_count_allocates_nothing),
        cmocka_unit_test(a_newer_version_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, drop);
}
