#include "packs.h"

static void many_small_objects_of_a_flush_become_one_pack(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct digest digests[MANY];
    put_many(&rig, 0, MANY, digests);
    assert_int_equal(packs_of(&rig), 1);
    for (int again = 0; again < 2; again++) {
        for (int i = 0; i < MANY; i++) {
            assert_false(scratch_has(&rig.scratch, rig_object(&rig, digests[i])));
            assert_true(has(&rig, digests[i]));
            assert_true(is_number(&rig, digests[i], i));
        }
        rig_again(&rig);
    }
    rig_drop(&rig);
}

enum { TREE_FILES = 1200, TREE_FILE_BYTES = 8192 };

/* More than threads hold in memory; of every four files three have bytes of their own. */
static void make_wide_tree(struct rig *rig)
{
    AUTO(buf_drop) struct buf text = {0};
    scratch_directory(&rig->scratch, "out");
    scratch_directory(&rig->scratch, "out/inner");
    for (int i = 0; i < TREE_FILES; i++) {
        buf_clear(&text);
        for (int line = 0; text.len < TREE_FILE_BYTES; line++)
            buf_print(&text, "%d of %d\n", line, i % 4 == 3 ? i - 1 : i);
        scratch_write(&rig->scratch,
                      str_print(&rig->arena, "out/%s%d", i % 4 ? "" : "inner/", i).at, text.at);
    }
}

static void files_that_threads_put_at_once_are_one_pack_that_holds_each_of_them(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct cas_source source = {0};
    bool found = false;
    int displaced = 0;
    make_wide_tree(&rig);
    struct artifact tree = rig_capture(&rig, "out");
    assert_int_equal(tree.file_count, TREE_FILES);
    assert_int_equal(worktree_counts(rig.worktree).hashed_files, TREE_FILES);
    assert_int_equal(worktree_counts(rig.worktree).stored_files, TREE_FILES / 4 * 3);
    assert_int_equal(packs_of(&rig), 1);
    assert_fine(path_remove(rig.scratch.fd, "out"));
    rig_again(&rig);
    assert_fine(cas_open_for_reading(rig.cas, tree.digest, &source, &found));
    assert_true(found);
    cas_source_drop(&source);
    assert_true(rig_restore(&rig, &tree, &displaced));
    struct artifact again = rig_look(&rig, "out", LOOK_OUT);
    assert_true(artifact_equal(&tree, &again));
    rig_drop(&rig);
}

static void a_long_list_of_files_lies_in_the_pack_of_its_files(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct file_stat stat = {0};
    struct cas_source source = {0};
    bool found = false;
    make_wide_tree(&rig);
    struct artifact tree = rig_capture(&rig, "out");
    assert_false(scratch_has(&rig.scratch, rig_object(&rig, tree.digest)));
    assert_fine(cas_open_for_reading(rig.cas, tree.digest, &source, &found));
    assert_true(found && source.offset > 0);
    assert_true(source.size_bytes > 32768);
    assert_fine(file_stat_fd(fd_number(source.fd), &stat));
    assert_true(stat.size_bytes > source.size_bytes);
    cas_source_drop(&source);
    rig_drop(&rig);
}

static void a_few_stay_files_of_their_own(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct digest digests[32];
    put_many(&rig, 0, 32, digests);
    assert_int_equal(packs_of(&rig), 0);
    assert_true(scratch_has(&rig.scratch, rig_object(&rig, digests[31])));
    rig_drop(&rig);
}

static void nothing_is_packed_where_it_is_not_wanted(void **state)
{
    (void)state;
    for (int mode = 0; mode < 2; mode++) {
        struct rig rig = rig_open();
        struct digest digests[MANY];
        if (mode == 0)
            rig.workspace->config.pack_max = 0;
        else
            rig.workspace->config.link = LINK_HARDLINK;
        put_many(&rig, 0, MANY, digests);
        assert_int_equal(packs_of(&rig), 0);
        assert_true(scratch_has(&rig.scratch, rig_object(&rig, digests[0])));
        rig_drop(&rig);
    }
}

static void what_is_put_is_read_before_the_flush_and_named_by_it(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct digest digests[MANY];
    for (int i = 0; i < MANY; i++)
        digests[i] = put_number(rig.cas, i);
    assert_int_equal(packs_of(&rig), 0);
    assert_true(has(&rig, digests[7]));
    assert_true(is_number(&rig, digests[7], 7));
    rig_again(&rig);
    assert_false(has(&rig, digests[7]));
    rig_drop(&rig);
}

/* Enough for several writes; what has left memory is read from the file. */
static void more_than_memory_takes_is_packed_and_read_on_the_way(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct digest digests[300];
    static char bytes[30000];
    for (size_t i = 0; i < COUNT_OF(digests); i++) {
        memset(bytes, (int)i, sizeof bytes);
        memcpy(bytes, &i, sizeof i);
        assert_fine(cas_put_bytes(rig.cas, (struct str){bytes, sizeof bytes}, &digests[i]));
    }
    for (int again = 0; again < 2; again++) {
        for (size_t i = 0; i < COUNT_OF(digests); i++) {
            struct str read = {0};
            bool found = false;
            assert_fine(cas_get_bytes(rig.cas, &rig.arena, digests[i], 100000, &read, &found));
            assert_true(found && read.len == sizeof bytes && memcmp(read.at, &i, sizeof i) == 0);
        }
        assert_fine(cas_flush(rig.cas));
    }
    rig_drop(&rig);
}

static void packed_objects_are_put_at_a_path(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct digest digests[MANY];
    struct file_stat stat;
    bool found = false;
    put_many(&rig, 0, MANY, digests);
    assert_fine(cas_checkout(rig.cas, digests[3], true, rig.scratch.fd, "out", &stat, &found));
    assert_true(found);
    assert_int_equal(stat.size_bytes, strlen("number 3"));
    assert_true(stat.mode & S_IXUSR);
    rig_drop(&rig);
}

static void packed_objects_are_opened_where_they_lie(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct digest digests[MANY];
    AUTO(cas_source_drop) struct cas_source source = {0};
    bool found = false;
    char text[32] = {0};
    put_many(&rig, 0, MANY, digests);
    assert_fine(cas_open_for_reading(rig.cas, digests[42], &source, &found));
    assert_true(found && source.offset > 0);
    assert_int_equal(source.size_bytes, strlen("number 42"));
    assert_int_equal(pread(fd_number(source.fd), text, (size_t)source.size_bytes, source.offset),
                     source.size_bytes);
    assert_string_equal(text, "number 42");
    rig_drop(&rig);
}

static void a_pack_that_another_process_made_is_seen(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct digest digests[MANY], others[MANY];
    struct cas *other = NULL;
    put_many(&rig, 0, MANY, digests);
    assert_true(has(&rig, digests[0]));
    assert_fine(cas_open(&rig.arena, rig.workspace, rig.index, &other));
    for (int i = 0; i < MANY; i++)
        others[i] = put_number(other, 1000 + i);
    assert_fine(cas_flush(other));
    cas_drop(&other);
    usleep(60000); /* a scan within the tick is believed that long */
    assert_true(has(&rig, others[5]));
    assert_true(is_number(&rig, others[5], 1005));
    rig_drop(&rig);
}

static void many_packs_are_asked_as_one(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct digest digests[30][MANY];
    for (int pack = 0; pack < 30; pack++)
        put_many(&rig, pack * MANY, MANY, digests[pack]);
    assert_int_equal(packs_of(&rig), 30);
    rig_again(&rig);
    for (int pack = 0; pack < 30; pack++)
        for (int i = 0; i < MANY; i++)
            assert_true(is_number(&rig, digests[pack][i], pack * MANY + i));
    assert_false(has(&rig, digest_of("nothing", 7)));
    rig_drop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_small_objects_of_a_flush_become_one_pack),
        cmocka_unit_test(files_that_threads_put_at_once_are_one_pack_that_holds_each_of_them),
        cmocka_unit_test(a_long_list_of_files_lies_in_the_pack_of_its_files),
        cmocka_unit_test(a_few_stay_files_of_their_own),
        cmocka_unit_test(nothing_is_packed_where_it_is_not_wanted),
        cmocka_unit_test(what_is_put_is_read_before_the_flush_and_named_by_it),
        cmocka_unit_test(more_than_memory_takes_is_packed_and_read_on_the_way),
        cmocka_unit_test(packed_objects_are_put_at_a_path),
        cmocka_unit_test(packed_objects_are_opened_where_they_lie),
        cmocka_unit_test(a_pack_that_another_process_made_is_seen),
        cmocka_unit_test(many_packs_are_asked_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
