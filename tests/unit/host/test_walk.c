#include "mlops/base/arena.h"
#include "mlops/host/walk.h"

#include "support/scratch.h"

static void entries_come_sorted_by_bytes_with_their_stat(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    struct walk_list list = {0};
    scratch_write(&scratch, "b", "12");
    scratch_write(&scratch, "B", "");
    scratch_write(&scratch, "\xff", "");
    scratch_write(&scratch, ".hidden", "");
    scratch_directory(&scratch, "a");
    assert_int_equal(symlinkat("b", scratch.fd, "a-link"), 0);
    static const char *const names[] = {".hidden", "B", "a", "a-link", "b", "\xff"};
    assert_fine(walk_list(&arena, scratch.fd, false, &list));
    assert_int_equal(list.count, COUNT_OF(names));
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_string_equal(list.entries[i].name.at, names[i]);
    assert_true(S_ISDIR(list.entries[2].stat.mode));
    assert_true(S_ISLNK(list.entries[3].stat.mode));
    assert_int_equal(list.entries[4].stat.size_bytes, 2);
}

static void a_directory_can_be_listed_again_and_may_be_empty(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    struct walk_list list = {0};
    assert_fine(walk_list(&arena, scratch.fd, true, &list));
    assert_int_equal(list.count, 0);
    scratch_write(&scratch, "f", "");
    for (int i = 0; i < 2; i++) {
        assert_fine(walk_list(&arena, scratch.fd, true, &list));
        assert_int_equal(list.count, 1);
    }
}

/* More than one buffer of getdents64 holds. */
static void a_large_directory_is_listed_whole(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    struct walk_list list = {0};
    char name[64];
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "a-rather-long-name-of-a-file-%d", i);
        assert_int_equal(mknodat(scratch.fd, name, S_IFREG | 0600, 0), 0);
    }
    assert_fine(walk_list(&arena, scratch.fd, false, &list));
    assert_int_equal(list.count, 3000);
    for (size_t i = 1; i < list.count; i++)
        assert_true(str_compare(list.entries[i - 1].name, list.entries[i].name) < 0);
}

static void what_is_no_directory_is_an_error(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    AUTO(fd_drop) struct fd fd = {0};
    struct walk_list list = {0};
    scratch_write(&scratch, "f", "x");
    assert_fine(file_open(scratch.fd, "f", &fd));
    assert_error(walk_list(&arena, fd_number(fd), false, &list), "cannot list");
}

static void a_link_is_read_as_it_is(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    struct str target = {0};
    assert_int_equal(symlinkat("../a//b", scratch.fd, "l"), 0);
    assert_fine(walk_link(&arena, scratch.fd, "l", &target));
    assert_string_equal(target.at, "../a//b");
    assert_error(walk_link(&arena, scratch.fd, "none", &target), "'none'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_come_sorted_by_bytes_with_their_stat),
        cmocka_unit_test(a_directory_can_be_listed_again_and_may_be_empty),
        cmocka_unit_test(a_large_directory_is_listed_whole),
        cmocka_unit_test(what_is_no_directory_is_an_error),
        cmocka_unit_test(a_link_is_read_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
