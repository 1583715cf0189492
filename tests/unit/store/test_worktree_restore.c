#include "mlops/base/buf.h"
#include "mlops/host/clock.h"
#include "mlops/model/tree.h"
#include "mlops/store/worktree.h"

#include "rig.h"

static int64_t hashed(struct rig *rig)
{
    return worktree_counts(rig->worktree).hashed_files;
}

static void a_removed_directory_comes_back_whole(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    int displaced = 0;
    rig_make_tree(&rig);
    struct artifact tree = rig_capture(&rig, "out");
    assert_int_equal(tree.file_count, 5);
    assert_int_equal(tree.size_bytes, 3 + 3 + 3 + 1 + 5);
    assert_int_equal(tree.empty_dir_count, 1);
    assert_fine(path_remove(rig.scratch.fd, "out"));
    rig_again(&rig);
    assert_true(rig_restore(&rig, &tree, &displaced));
    assert_int_equal(displaced, 0);
    rig_expect_tree(&rig);
    struct artifact again = rig_look(&rig, "out", LOOK_OUT);
    assert_true(artifact_equal(&tree, &again));
    assert_int_equal(hashed(&rig), 0);
    assert_int_equal(worktree_counts(rig.worktree).restored_files, 5);
    rig_drop(&rig);
}

static void of_a_directory_only_what_differs_is_replaced(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct stat before, after;
    int displaced = 0;
    rig_make_tree(&rig);
    struct artifact tree = rig_capture(&rig, "out");
    assert_int_equal(fstatat(rig.scratch.fd, "out/a", &before, 0), 0);
    assert_int_equal(unlinkat(rig.scratch.fd, "out/sub/deep/c", 0), 0);
    assert_int_equal(unlinkat(rig.scratch.fd, "out/sub/deep", AT_REMOVEDIR), 0);
    scratch_write(&rig.scratch, "out/sub/deep", "a file where a directory was");
    assert_int_equal(unlinkat(rig.scratch.fd, "out/link", 0), 0);
    scratch_directory(&rig.scratch, "out/link");
    scratch_write(&rig.scratch, "out/link/x", "x");
    scratch_directory(&rig.scratch, "out/more");
    scratch_directory(&rig.scratch, "out/more/nothing");
    scratch_write(&rig.scratch, "out/sub/b", "edited");
    rig_again(&rig);
    assert_true(rig_restore(&rig, &tree, &displaced));
    rig_expect_tree(&rig);
    assert_false(scratch_has(&rig.scratch, "out/more"));
    assert_int_equal(fstatat(rig.scratch.fd, "out/a", &after, 0), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(displaced, 2); /* "x" is known to the store: it is the content of out/run */
    scratch_expect(&rig.scratch, ".mlops/displaced/run/out/sub/b", "edited");
    scratch_expect(&rig.scratch, ".mlops/displaced/run/out/sub/deep",
                   "a file where a directory was");
    assert_false(scratch_has(&rig.scratch, "out/link/x"));
    rig_drop(&rig);
}

static uint64_t inode_of(struct rig *rig, const char *path)
{
    struct stat stat;
    return fstatat(rig->scratch.fd, path, &stat, AT_SYMLINK_NOFOLLOW) == 0 ? stat.st_ino : 0;
}

static void a_removed_subdirectory_comes_back_beside_what_stays(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    int displaced = 0;
    rig_make_tree(&rig);
    struct artifact tree = rig_capture(&rig, "out");
    uint64_t kept = inode_of(&rig, "out/a");
    assert_fine(path_remove(rig.scratch.fd, "out/sub"));
    rig_again(&rig);
    assert_true(rig_restore(&rig, &tree, &displaced));
    assert_int_equal(displaced, 0);
    rig_expect_tree(&rig);
    assert_true(inode_of(&rig, "out/a") == kept);
    rig_again(&rig);
    struct artifact again = rig_look(&rig, "out", LOOK_OUT);
    assert_true(artifact_equal(&tree, &again));
    assert_int_equal(hashed(&rig), 0); /* what was put is known as it was put */
    rig_drop(&rig);
}

static void a_missing_subdirectory_joins_one_that_only_holds_what_is_ignored(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    int displaced = 0;
    rig_make_tree(&rig);
    struct artifact tree = rig_capture(&rig, "out");
    scratch_write(&rig.scratch, ".mlopsignore", "out/sub\n");
    assert_fine(path_remove(rig.scratch.fd, "out/sub"));
    scratch_directory(&rig.scratch, "out/sub");
    scratch_write(&rig.scratch, "out/sub/mine", "only here");
    rig_again(&rig);
    assert_true(rig_restore(&rig, &tree, &displaced));
    rig_expect_tree(&rig);
    scratch_expect(&rig.scratch, "out/sub/mine", "only here");
    rig_drop(&rig);
}

static void nothing_changes_when_an_object_is_missing(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    int displaced = 0;
    bool can = true;
    rig_make_tree(&rig);
    struct artifact tree = rig_capture(&rig, "out");
    const char *object = rig_object(&rig, digest_of("ccc", 3));
    assert_int_equal(unlinkat(rig.scratch.fd, object, 0), 0);
    scratch_write(&rig.scratch, "out/a", "edited");
    assert_int_equal(unlinkat(rig.scratch.fd, "out/sub/deep/c", 0), 0);
    rig_again(&rig);
    assert_fine(worktree_can_restore(rig.worktree, &tree, &can));
    assert_false(can);
    assert_false(rig_restore(&rig, &tree, &displaced));
    scratch_expect(&rig.scratch, "out/a", "edited");
    assert_false(scratch_has(&rig.scratch, "out/sub/deep/c"));
    rig_drop(&rig);
}

static void a_damaged_object_is_not_restored(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    int displaced = 0;
    scratch_write(&rig.scratch, "model", "weights");
    struct artifact model = rig_capture(&rig, "model");
    rig_damage(&rig, rig_object(&rig, model.digest), true);
    assert_int_equal(unlinkat(rig.scratch.fd, "model", 0), 0);
    rig_again(&rig);
    assert_false(rig_restore(&rig, &model, &displaced));
    assert_false(scratch_has(&rig.scratch, "model"));
    rig_drop(&rig);
}

static void the_store_is_healed_from_the_work_tree(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    bool healed = false, can = false;
    rig_make_tree(&rig);
    struct artifact tree = rig_capture(&rig, "out");
    assert_int_equal(unlinkat(rig.scratch.fd, rig_object(&rig, digest_of("ccc", 3)), 0), 0);
    rig_damage(&rig, rig_object(&rig, tree.digest), false);
    rig_again(&rig);
    assert_fine(worktree_heal(rig.worktree, &tree, &healed));
    assert_true(healed);
    assert_fine(cas_flush(rig.cas));
    rig_again(&rig);
    assert_fine(worktree_can_restore(rig.worktree, &tree, &can));
    assert_true(can);
    rig_drop(&rig);
}

static void an_edited_output_is_displaced_not_lost(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    int displaced = 0;
    scratch_write(&rig.scratch, "model", "weights");
    struct artifact model = rig_capture(&rig, "model");
    scratch_write(&rig.scratch, "model", "by hand");
    rig_again(&rig);
    assert_true(rig_restore(&rig, &model, &displaced));
    assert_int_equal(displaced, 1);
    scratch_expect(&rig.scratch, "model", "weights");
    scratch_expect(&rig.scratch, ".mlops/displaced/run/model", "by hand");
    scratch_write(&rig.scratch, "model", "again");
    rig_again(&rig);
    assert_true(rig_restore(&rig, &model, &displaced));
    scratch_expect(&rig.scratch, ".mlops/displaced/run/model~2", "again");
    rig_drop(&rig);
}

static void a_version_that_the_store_holds_is_not_displaced(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    int displaced = 1;
    scratch_write(&rig.scratch, "model", "one");
    struct artifact one = rig_capture(&rig, "model");
    worktree_forget(rig.worktree, STR("model"));
    scratch_write(&rig.scratch, "model", "two");
    rig_capture(&rig, "model");
    assert_true(rig_restore(&rig, &one, &displaced));
    assert_int_equal(displaced, 0);
    scratch_expect(&rig.scratch, "model", "one");
    assert_false(scratch_has(&rig.scratch, ".mlops/displaced"));
    rig_drop(&rig);
}

static void a_directory_makes_room_for_a_file_and_back(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    int displaced = 0;
    scratch_write(&rig.scratch, "out", "file");
    struct artifact file = rig_capture(&rig, "out");
    assert_int_equal(unlinkat(rig.scratch.fd, "out", 0), 0);
    worktree_forget(rig.worktree, STR("out"));
    rig_make_tree(&rig);
    struct artifact tree = rig_capture(&rig, "out");
    scratch_write(&rig.scratch, "out/unknown", "unknown");
    worktree_forget(rig.worktree, STR("out"));
    assert_true(rig_restore(&rig, &file, &displaced));
    assert_int_equal(displaced, 1);
    scratch_expect(&rig.scratch, "out", "file");
    scratch_expect(&rig.scratch, ".mlops/displaced/run/out/unknown", "unknown");
    assert_true(rig_restore(&rig, &tree, &displaced));
    assert_int_equal(displaced, 0);
    rig_expect_tree(&rig);
    rig_drop(&rig);
}

static void the_executable_bit_is_restored(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    int displaced = 0;
    scratch_write(&rig.scratch, "tool", "x");
    assert_int_equal(fchmodat(rig.scratch.fd, "tool", 0755, 0), 0);
    struct artifact tool = rig_capture(&rig, "tool");
    assert_true(tool.is_executable && tool.is_stored);
    assert_int_equal(fchmodat(rig.scratch.fd, "tool", 0644, 0), 0);
    rig_again(&rig);
    assert_true(rig_restore(&rig, &tool, &displaced));
    assert_int_equal(displaced, 0);
    assert_true(scratch_mode(&rig.scratch, "tool") & S_IXUSR);
    rig_drop(&rig);
}

static void ignored_files_stay_where_they_are(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    int displaced = 0;
    scratch_write(&rig.scratch, ".mlopsignore", "*.tmp\n/out/sub/cache/\n");
    rig_make_tree(&rig);
    scratch_write(&rig.scratch, "out/x.tmp", "1");
    scratch_directory(&rig.scratch, "out/sub/cache");
    scratch_write(&rig.scratch, "out/sub/cache/y", "2");
    struct artifact tree = rig_capture(&rig, "out");
    assert_int_equal(tree.file_count, 5);
    scratch_write(&rig.scratch, "out/a", "edited");
    rig_again(&rig);
    assert_true(rig_restore(&rig, &tree, &displaced));
    rig_expect_tree(&rig);
    scratch_expect(&rig.scratch, "out/x.tmp", "1");
    scratch_expect(&rig.scratch, "out/sub/cache/y", "2");
    rig_drop(&rig);
}

static void what_is_in_the_way_may_be_a_fifo(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    int displaced = 0;
    scratch_write(&rig.scratch, "model", "weights");
    struct artifact model = rig_capture(&rig, "model");
    assert_int_equal(unlinkat(rig.scratch.fd, "model", 0), 0);
    assert_int_equal(mkfifoat(rig.scratch.fd, "model", 0600), 0);
    rig_again(&rig);
    assert_true(rig_restore(&rig, &model, &displaced));
    assert_int_equal(displaced, 1);
    scratch_expect(&rig.scratch, "model", "weights");
    rig_drop(&rig);
}

static void restore_writes_through_a_link_inside_the_project_only(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct scratch outside = scratch_open();
    int displaced = 0;
    bool done = false;
    scratch_directory(&rig.scratch, "real");
    assert_int_equal(symlinkat("real", rig.scratch.fd, "models"), 0);
    scratch_write(&rig.scratch, "real/m", "weights");
    struct artifact model = rig_capture(&rig, "models/m");
    assert_int_equal(unlinkat(rig.scratch.fd, "real/m", 0), 0);
    rig_again(&rig);
    assert_true(rig_restore(&rig, &model, &displaced));
    scratch_expect(&rig.scratch, "real/m", "weights");
    assert_int_equal(unlinkat(rig.scratch.fd, "models", 0), 0);
    assert_int_equal(symlinkat(outside.path, rig.scratch.fd, "models"), 0);
    rig_again(&rig);
    assert_error(worktree_restore(rig.worktree, &model, STR("displaced/run"), &displaced, &done),
                 "may not write");
    assert_false(scratch_has(&outside, "m"));
    *vec_push(&rig.arena, &rig.workspace->config.allow_roots) = str_of(outside.path);
    assert_true(rig_restore(&rig, &model, &displaced));
    scratch_expect(&outside, "m", "weights");
    rig_drop(&rig);
    scratch_drop(&outside);
}

static void a_linked_output_stays_a_link(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    int displaced = 0;
    scratch_directory(&rig.scratch, "big");
    assert_int_equal(symlinkat("big/model", rig.scratch.fd, "model"), 0);
    scratch_write(&rig.scratch, "model", "weights");
    struct artifact model = rig_capture(&rig, "model");
    assert_int_equal(unlinkat(rig.scratch.fd, "big/model", 0), 0);
    rig_again(&rig);
    assert_true(rig_restore(&rig, &model, &displaced));
    assert_true(S_ISLNK(scratch_mode(&rig.scratch, "model")));
    scratch_expect(&rig.scratch, "big/model", "weights");
    scratch_write(&rig.scratch, "big/model", "edited");
    rig_again(&rig);
    assert_true(rig_restore(&rig, &model, &displaced));
    assert_int_equal(displaced, 1);
    scratch_expect(&rig.scratch, "big/model", "weights");
    rig_drop(&rig);
}

static void parents_of_an_output_are_made(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    int displaced = 0;
    scratch_directory(&rig.scratch, "a");
    scratch_directory(&rig.scratch, "a/b");
    scratch_write(&rig.scratch, "a/b/c", "1");
    struct artifact file = rig_capture(&rig, "a/b/c");
    assert_fine(path_remove(rig.scratch.fd, "a"));
    rig_again(&rig);
    assert_true(rig_restore(&rig, &file, &displaced));
    scratch_expect(&rig.scratch, "a/b/c", "1");
    rig_drop(&rig);
}

static void paths_of_git_and_of_ourselves_are_never_written(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    int displaced = 0;
    bool done = false;
    scratch_write(&rig.scratch, "x", "1");
    struct artifact file = rig_capture(&rig, "x");
    const char *const paths[] = {".git/hooks/x", "../x", "/tmp/x", ".mlops/x", "a/../x"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        file.path = str_of(paths[i]);
        assert_error(worktree_restore(rig.worktree, &file, STR("d"), &displaced, &done),
                     "no path to restore to");
    }
    rig_drop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_removed_directory_comes_back_whole),
        cmocka_unit_test(of_a_directory_only_what_differs_is_replaced),
        cmocka_unit_test(a_removed_subdirectory_comes_back_beside_what_stays),
        cmocka_unit_test(a_missing_subdirectory_joins_one_that_only_holds_what_is_ignored),
        cmocka_unit_test(nothing_changes_when_an_object_is_missing),
        cmocka_unit_test(a_damaged_object_is_not_restored),
        cmocka_unit_test(the_store_is_healed_from_the_work_tree),
        cmocka_unit_test(an_edited_output_is_displaced_not_lost),
        cmocka_unit_test(a_version_that_the_store_holds_is_not_displaced),
        cmocka_unit_test(a_directory_makes_room_for_a_file_and_back),
        cmocka_unit_test(the_executable_bit_is_restored),
        cmocka_unit_test(ignored_files_stay_where_they_are),
        cmocka_unit_test(what_is_in_the_way_may_be_a_fifo),
        cmocka_unit_test(restore_writes_through_a_link_inside_the_project_only),
        cmocka_unit_test(a_linked_output_stays_a_link),
        cmocka_unit_test(parents_of_an_output_are_made),
        cmocka_unit_test(paths_of_git_and_of_ourselves_are_never_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
