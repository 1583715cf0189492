#include "mlops/base/arena.h"
#include "mlops/store/index.h"

#include "support/scratch.h"

static struct file_stat stat_of(int number)
{
    return (struct file_stat){.inode = (uint64_t)number,
                              .size_bytes = number * 10,
                              .mtime_ns = number * 100,
                              .ctime_ns = number * 100 + 1,
                              .mode = S_IFREG | 0644};
}

static struct digest digest_number(int number)
{
    return digest_of(&number, sizeof number);
}

static struct index *open_at(struct arena *arena, const struct scratch *scratch, bool read_only)
{
    struct index *index = NULL;
    struct str path = path_join(arena, str_of(scratch->path), STR("index.db"));
    assert_fine(index_open(arena, path.at, read_only, &index));
    return index;
}

static bool knows(struct index *index, const char *path, int number)
{
    struct digest digest;
    struct file_stat stat = stat_of(number);
    return index_find(index, str_of(path), &stat, &digest) &&
           digest_equal(digest, digest_number(number));
}

static void note(struct index *index, const char *path, int number)
{
    struct file_stat stat = stat_of(number);
    index_note(index, str_of(path), &stat, digest_number(number), INT64_MAX);
}

static void what_is_noted_is_known_to_the_next_command(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct scratch scratch = scratch_open();
    struct index *index = open_at(&arena, &scratch, false);
    note(index, "top", 1);
    note(index, "d/b", 2);
    note(index, "d/a", 3);
    note(index, "/abs/c", 4);
    assert_true(knows(index, "d/b", 2));
    assert_fine(index_save(index));
    index_drop(&index);
    index = open_at(&arena, &scratch, false);
    assert_true(knows(index, "top", 1) && knows(index, "d/b", 2) && knows(index, "d/a", 3) &&
                knows(index, "/abs/c", 4));
    assert_false(knows(index, "d/c", 2));
    note(index, "d/b", 5);
    index_forget(index, STR("d/a"));
    assert_fine(index_save(index));
    index_drop(&index);
    index = open_at(&arena, &scratch, true);
    assert_true(knows(index, "d/b", 5));
    assert_false(knows(index, "d/a", 3) || knows(index, "d/b", 2));
    index_drop(&index);
    scratch_drop(&scratch);
}

static void every_field_of_a_stat_counts(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct scratch scratch = scratch_open();
    struct index *index = open_at(&arena, &scratch, false);
    struct file_stat changes[5];
    struct digest found;
    note(index, "d/a", 7);
    for (int i = 0; i < 5; i++)
        changes[i] = stat_of(7);
    changes[0].inode++;
    changes[1].size_bytes++;
    changes[2].mtime_ns++;
    changes[3].ctime_ns++;
    changes[4].mode ^= 0111;
    for (int i = 0; i < 5; i++)
        assert_false(index_find(index, STR("d/a"), &changes[i], &found));
    index_drop(&index);
    scratch_drop(&scratch);
}

static void many_directories_are_read_at_once(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct scratch scratch = scratch_open();
    struct index *index = open_at(&arena, &scratch, false);
    for (int i = 0; i < 1000; i++)
        note(index, str_print(&arena, "d%d/f%d", i / 3, i).at, i + 1);
    note(index, "//obj/ab/cd", 5);
    assert_fine(index_save(index));
    index_drop(&index);
    index = open_at(&arena, &scratch, false);
    for (int i = 0; i < 1000; i++)
        assert_true(knows(index, str_print(&arena, "d%d/f%d", i / 3, i).at, i + 1));
    assert_true(knows(index, "//obj/ab/cd", 5));
    index_drop(&index);
    scratch_drop(&scratch);
}

static void a_damaged_file_is_replaced(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct scratch scratch = scratch_open();
    scratch_write(&scratch, "index.db", "this is no database, but it is long enough to look at");
    struct index *index = open_at(&arena, &scratch, false);
    note(index, "a", 1);
    assert_fine(index_save(index));
    index_drop(&index);
    index = open_at(&arena, &scratch, false);
    assert_true(knows(index, "a", 1));
    index_drop(&index);
    scratch_drop(&scratch);
}

/* Whatever byte is damaged: an entry is known as it was, or not at all. */
static void a_flipped_byte_never_gives_a_wrong_digest(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct scratch scratch = scratch_open();
    struct index *index = open_at(&arena, &scratch, false);
    char name[32];
    for (int i = 1; i <= 20; i++) {
        snprintf(name, sizeof name, "d/f%02d", i);
        note(index, name, i);
    }
    index_set_blob(index, STR("lock"), STR("key"), STR("the parsed form of a lock file"));
    assert_fine(index_save(index));
    index_drop(&index);
    struct stat seen;
    assert_int_equal(fstatat(scratch.fd, "index.db", &seen, 0), 0);
    for (off_t at = 0; at < seen.st_size; at += 61) {
        char byte = 0;
        int fd = openat(scratch.fd, "index.db", O_RDWR);
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        index = open_at(&arena, &scratch, true);
        for (int i = 1; i <= 20; i++) {
            struct file_stat stat = stat_of(i);
            struct digest digest;
            snprintf(name, sizeof name, "d/f%02d", i);
            if (index_find(index, str_of(name), &stat, &digest))
                assert_true(digest_equal(digest, digest_number(i)));
        }
        struct str blob = {0};
        if (index_blob(index, &arena, STR("lock"), STR("key"), &blob))
            assert_true(str_is(blob, "the parsed form of a lock file"));
        index_drop(&index);
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        close(fd);
    }
    scratch_drop(&scratch);
}

static void a_place_that_cannot_be_written_gives_an_index_in_memory(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct index *index = NULL;
    assert_fine(index_open(&arena, "/nonexistent/index.db", false, &index));
    note(index, "a", 1);
    assert_true(knows(index, "a", 1));
    assert_fine(index_save(index));
    index_drop(&index);
}

static void derived_forms_are_kept_the_newest_of_each_kind(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct scratch scratch = scratch_open();
    struct index *index = open_at(&arena, &scratch, false);
    struct str blob = {0};
    for (int i = 0; i < 20; i++)
        index_set_blob(index, STR("lock"), str_print(&arena, "k%d", i), STR("x"));
    index_set_blob(index, STR("vcs"), STR("k"), STR("\0binary"));
    assert_fine(index_save(index));
    assert_false(index_blob(index, &arena, STR("lock"), STR("k0"), &blob));
    assert_true(index_blob(index, &arena, STR("lock"), STR("k19"), &blob));
    assert_true(index_blob(index, &arena, STR("vcs"), STR("k"), &blob));
    assert_int_equal(blob.len, 7);
    index_drop(&index);
    scratch_drop(&scratch);
}

static void now_is_what_a_file_made_now_gets(void **state)
{
    (void)state;
    struct scratch scratch = scratch_open();
    struct stat seen;
    int64_t now = 0;
    scratch_write(&scratch, "before", "x");
    assert_int_equal(fstatat(scratch.fd, "before", &seen, 0), 0);
    assert_fine(index_now(scratch.fd, &now));
    assert_true(now >= (int64_t)seen.st_mtim.tv_sec * 1000000000 + seen.st_mtim.tv_nsec);
    scratch_drop(&scratch);
}

static bool sees(struct index_view *view, const char *name, int number)
{
    struct digest digest;
    struct file_stat stat = stat_of(number);
    return index_view_find(view, str_of(name), &stat, &digest) &&
           digest_equal(digest, digest_number(number));
}

static void a_view_shows_what_is_written_and_what_is_only_noted(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct scratch scratch = scratch_open();
    struct index *index = open_at(&arena, &scratch, false);
    note(index, "d/a", 1);
    note(index, "d/b", 2);
    assert_true(sees(index_view_open(index, &arena, STR("d")), "a", 1));
    assert_fine(index_save(index));
    index_drop(&index);
    index = open_at(&arena, &scratch, false);
    struct index_view *view = index_view_open(index, &arena, STR("d"));
    assert_true(sees(view, "a", 1) && sees(view, "b", 2) && sees(view, "a", 1));
    assert_false(sees(view, "a", 2) || sees(view, "c", 1));
    assert_false(sees(index_view_open(index, &arena, STR("e")), "a", 1));
    note(index, "d/a", 3);
    index_forget(index, STR("d/b"));
    view = index_view_open(index, &arena, STR("d"));
    assert_true(sees(view, "a", 3));
    assert_false(sees(view, "b", 2));
    index_drop(&index);
    scratch_drop(&scratch);
}

enum { MANY = 150000, A_DIRECTORY = 1000 };

static const char *one_of_many(char *path, size_t size, int number)
{
    snprintf(path, size, "d%d/f%d", number / A_DIRECTORY, number);
    return path;
}

static void what_was_forgotten_on_the_way_is_still_known(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct scratch scratch = scratch_open();
    struct index *index = open_at(&arena, &scratch, false);
    char path[64];
    note(index, "d0/first", 7);
    assert_fine(index_save(index));
    index_expect_many(index);
    for (int i = 0; i < MANY; i++) {
        note(index, one_of_many(path, sizeof path, i), i);
        if (i % A_DIRECTORY == A_DIRECTORY / 2)
            index_relieve(index); /* in the middle of a directory */
    }
    assert_true(knows(index, "d0/first", 7));
    for (int i = 0; i < MANY; i += 499)
        assert_true(knows(index, one_of_many(path, sizeof path, i), i));
    assert_fine(index_save(index));
    index_drop(&index);
    index = open_at(&arena, &scratch, false);
    assert_true(knows(index, "d0/first", 7));
    for (int i = 0; i < MANY; i++)
        assert_true(knows(index, one_of_many(path, sizeof path, i), i));
    index_drop(&index);
    scratch_drop(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_noted_is_known_to_the_next_command),
        cmocka_unit_test(every_field_of_a_stat_counts),
        cmocka_unit_test(many_directories_are_read_at_once),
        cmocka_unit_test(a_damaged_file_is_replaced),
        cmocka_unit_test(a_flipped_byte_never_gives_a_wrong_digest),
        cmocka_unit_test(a_place_that_cannot_be_written_gives_an_index_in_memory),
        cmocka_unit_test(derived_forms_are_kept_the_newest_of_each_kind),
        cmocka_unit_test(now_is_what_a_file_made_now_gets),
        cmocka_unit_test(a_view_shows_what_is_written_and_what_is_only_noted),
        cmocka_unit_test(what_was_forgotten_on_the_way_is_still_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
