/* Directories of many files, of which few change. */
#include "mlops/store/worktree.h"

#include "rig.h"

enum { DIRECTORIES = 70, FILES = 3 };

/* So many that they are hashed and put in place in several parts. */
enum { CROWDS = 36, CROWD = 500, HUGE_BYTES = 40000000 };

static const char *name_in(struct rig *rig, int directory, int file)
{
    return str_print(&rig->arena, "data/d%02d/f%d", directory, file).at;
}

static void make_many(struct rig *rig)
{
    scratch_directory(&rig->scratch, "data");
    for (int d = 0; d < DIRECTORIES; d++) {
        scratch_directory(&rig->scratch, str_print(&rig->arena, "data/d%02d", d).at);
        for (int f = 0; f < FILES; f++)
            scratch_write(&rig->scratch, name_in(rig, d, f), name_in(rig, d, f));
    }
}

static int64_t hashed(const struct rig *rig)
{
    return worktree_counts(rig->worktree).hashed_files;
}

static void of_many_directories_only_the_changed_file_is_read(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    make_many(&rig);
    struct artifact before = rig_capture(&rig, "data");
    rig_again(&rig);
    struct artifact same = rig_look(&rig, "data", LOOK_OUT);
    assert_true(artifact_equal(&before, &same));
    assert_int_equal(same.file_count, DIRECTORIES * FILES);
    assert_int_equal(hashed(&rig), 0);
    rig_again(&rig);
    scratch_write(&rig.scratch, name_in(&rig, 41, 1), "changed");
    scratch_directory(&rig.scratch, "data/d07/inner");
    scratch_write(&rig.scratch, "data/d07/inner/new", "new");
    struct artifact after = rig_look(&rig, "data", LOOK_OUT);
    assert_int_equal(hashed(&rig), 2);
    assert_int_equal(after.file_count, DIRECTORIES * FILES + 1);
    rig_again(&rig);
    struct artifact captured = rig_capture(&rig, "data"); /* lists and hashes another way */
    assert_true(artifact_equal(&after, &captured));
    assert_false(artifact_equal(&after, &before));
    rig_drop(&rig);
}

static void what_was_just_put_in_place_is_not_read_again(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    int displaced = 0;
    make_many(&rig);
    char *big = arena_alloc(&rig.arena, 3000001);
    memset(big, 'x', 3000000);
    scratch_write(&rig.scratch, "data/d03/big", big);
    assert_int_equal(symlinkat("../d04/f1", rig.scratch.fd, "data/d03/link"), 0);
    assert_int_equal(fchmodat(rig.scratch.fd, name_in(&rig, 5, 2), 0755, 0), 0);
    struct artifact before = rig_capture(&rig, "data");
    assert_fine(path_remove(rig.scratch.fd, "data"));
    rig_again(&rig);
    assert_true(rig_restore(&rig, &before, &displaced));
    assert_int_equal(worktree_counts(rig.worktree).restored_files, DIRECTORIES * FILES + 2);
    rig_again(&rig);
    struct artifact after = rig_look(&rig, "data", LOOK_OUT);
    assert_true(artifact_equal(&before, &after));
    assert_int_equal(hashed(&rig), 0);
    scratch_expect(&rig.scratch, name_in(&rig, 69, 2), name_in(&rig, 69, 2));
    rig_drop(&rig);
}

static void a_second_version_is_put_in_place_file_by_file(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct stat old, new;
    int displaced = 0;
    make_many(&rig);
    struct artifact first = rig_capture(&rig, "data");
    scratch_write(&rig.scratch, name_in(&rig, 12, 0), "second");
    struct artifact second = rig_capture(&rig, "data");
    rig_again(&rig);
    assert_int_equal(fstatat(rig.scratch.fd, name_in(&rig, 13, 0), &old, 0), 0);
    struct artifact now = rig_look(&rig, "data", LOOK_OUT);
    assert_true(artifact_equal(&now, &second));
    assert_true(rig_restore(&rig, &first, &displaced));
    assert_int_equal(worktree_counts(rig.worktree).restored_files, 1);
    assert_int_equal(displaced, 0);
    scratch_expect(&rig.scratch, name_in(&rig, 12, 0), name_in(&rig, 12, 0));
    assert_int_equal(fstatat(rig.scratch.fd, name_in(&rig, 13, 0), &new, 0), 0);
    assert_int_equal(old.st_ino, new.st_ino);
    rig_drop(&rig);
}

static bool lists(const struct worktree_files *files, const char *path)
{
    for (size_t i = 0; i < files->count; i++)
        if (str_is(files->files[i].path, path))
            return true;
    return false;
}

static void two_versions_are_compared_where_they_differ(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct worktree_files before, after;
    bool found = false;
    make_many(&rig);
    struct artifact first = rig_capture(&rig, "data");
    assert_fine(path_remove(rig.scratch.fd, "data/d00"));
    scratch_write(&rig.scratch, "data/d00", "a file now");
    scratch_write(&rig.scratch, name_in(&rig, 12, 0), "second");
    scratch_directory(&rig.scratch, "data/new");
    scratch_write(&rig.scratch, "data/new/file", "n");
    struct artifact second = rig_capture(&rig, "data");
    assert_fine(tree_list_differing(rig.cas, &rig.arena, &first, &second, &before, &after, &found));
    assert_true(found);
    assert_int_equal(before.count, FILES + 1);
    assert_int_equal(after.count, 3);
    assert_true(lists(&before, "data/d00/f2") && lists(&before, "data/d12/f0"));
    assert_true(lists(&after, "data/d00") && lists(&after, "data/d12/f0") &&
                lists(&after, "data/new/file"));
    assert_fine(tree_list_differing(rig.cas, &rig.arena, &first, &first, &before, &after, &found));
    assert_true(found && before.count == 0 && after.count == 0);
    struct artifact none = {.path = first.path};
    assert_fine(tree_list_differing(rig.cas, &rig.arena, &none, &first, &before, &after, &found));
    assert_true(found && before.count == 0 && after.count == DIRECTORIES * FILES);
    second.digest = digest_of("in no store", 11);
    assert_fine(tree_list_differing(rig.cas, &rig.arena, &first, &second, &before, &after, &found));
    assert_false(found);
    rig_drop(&rig);
}

static void write_down(void *context, char sign, struct str path)
{
    buf_print(context, "%c%.*s ", sign, STR_FMT(path));
}

static void expect_changes(struct rig *rig, const struct artifact *recorded, const char *text)
{
    AUTO(buf_drop) struct buf told = {0};
    struct worktree_visitor visitor = {write_down, &told};
    bool found = false;
    assert_fine(worktree_compare(rig->worktree, recorded, LOOK_OUT, &visitor, &found));
    assert_true(found);
    buf_add(&told, "", 1);
    assert_string_equal(told.at, text);
}

static void the_work_tree_is_compared_where_it_differs(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    make_many(&rig);
    scratch_directory(&rig.scratch, "data/inner");
    scratch_directory(&rig.scratch, "data/inner/deep");
    scratch_write(&rig.scratch, "data/inner/deep/a", "a");
    scratch_write(&rig.scratch, "data/inner/deep.b", "b");
    struct artifact before = rig_capture(&rig, "data");
    rig_again(&rig);
    expect_changes(&rig, &before, "");
    scratch_write(&rig.scratch, name_in(&rig, 41, 1), "changed");
    assert_int_equal(unlinkat(rig.scratch.fd, name_in(&rig, 3, 0), 0), 0);
    scratch_write(&rig.scratch, "data/d07/new", "new");
    scratch_directory(&rig.scratch, "data/empty");
    assert_int_equal(unlinkat(rig.scratch.fd, "data/inner/deep/a", 0), 0);
    assert_int_equal(unlinkat(rig.scratch.fd, "data/inner/deep", AT_REMOVEDIR), 0);
    scratch_write(&rig.scratch, "data/inner/deep", "now a file");
    assert_int_equal(unlinkat(rig.scratch.fd, "data/inner/deep.b", 0), 0);
    scratch_directory(&rig.scratch, "data/inner/deep.b");
    scratch_write(&rig.scratch, "data/inner/deep.b/c", "c");
    const char *changes = "-data/d03/f0 +data/d07/new ~data/d41/f1 +data/inner/deep "
                          "-data/inner/deep/a -data/inner/deep.b +data/inner/deep.b/c ";
    rig_again(&rig);
    expect_changes(&rig, &before, changes);
    rig_again(&rig); /* all is known by now, and no node was kept */
    rig_look(&rig, "data", LOOK_OUT);
    expect_changes(&rig, &before, changes);
    assert_int_equal(hashed(&rig), 0);
    rig_drop(&rig);
}

static void a_file_of_the_future_is_told_only_if_its_content_changed(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    make_many(&rig);
    struct artifact before = rig_capture(&rig, "data");
    rig_again(&rig);
    struct timespec times[2] = {{.tv_sec = INT32_MAX}, {.tv_sec = INT32_MAX}};
    scratch_write(&rig.scratch, name_in(&rig, 5, 1), "changed");
    assert_int_equal(utimensat(rig.scratch.fd, name_in(&rig, 5, 0), times, 0), 0);
    assert_int_equal(utimensat(rig.scratch.fd, name_in(&rig, 5, 1), times, 0), 0);
    expect_changes(&rig, &before, "~data/d05/f1 ");
    rig_drop(&rig);
}

static bool is_there(const struct rig *rig, const char *path)
{
    return faccessat(rig->scratch.fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void what_is_to_be_comes_back_in_few_of_many_directories(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    int displaced = 0;
    make_many(&rig);
    scratch_directory(&rig.scratch, "data/outer");
    scratch_directory(&rig.scratch, "data/outer/inner");
    scratch_write(&rig.scratch, "data/outer/inner/f", "f");
    struct artifact before = rig_capture(&rig, "data");
    scratch_write(&rig.scratch, name_in(&rig, 20, 0), "second version");
    scratch_write(&rig.scratch, "data/d21/extra", "kept in the store");
    rig_capture(&rig, "data"); /* from now on all of it is known without being read */
    rig_again(&rig);
    scratch_directory(&rig.scratch, "data/outer/idle");
    scratch_directory(&rig.scratch, "data/d30/idle");
    scratch_write(&rig.scratch, "data/d31/ours", "only here");
    assert_int_equal(unlinkat(rig.scratch.fd, name_in(&rig, 32, 0), 0), 0);
    assert_int_equal(symlinkat("/nowhere", rig.scratch.fd, name_in(&rig, 32, 0)), 0);
    assert_int_equal(mkfifoat(rig.scratch.fd, "data/outer/inner/fifo", 0644), 0);
    assert_true(rig_restore(&rig, &before, &displaced));
    assert_int_equal(displaced, 3); /* the link, ours, the FIFO */
    assert_int_equal(worktree_counts(rig.worktree).restored_files, 2);
    assert_false(is_there(&rig, "data/outer/idle"));
    assert_false(is_there(&rig, "data/d30/idle"));
    assert_false(is_there(&rig, "data/d21/extra"));
    assert_true(is_there(&rig, ".mlops/displaced/run/data/d31/ours"));
    rig_again(&rig);
    struct artifact after = rig_look(&rig, "data", LOOK_OUT);
    assert_true(artifact_equal(&before, &after));
    assert_int_equal(after.empty_dir_count, 0);
    rig_drop(&rig);
}

static void make_crowds(struct rig *rig)
{
    scratch_directory(&rig->scratch, "data");
    for (int d = 0; d < CROWDS; d++) {
        const char *directory = str_print(&rig->arena, "data/d%02d", d).at;
        scratch_directory(&rig->scratch, directory);
        for (int f = 0; f < CROWD; f++) {
            const char *name = str_print(&rig->arena, "%s/f%d", directory, f).at;
            scratch_write(&rig->scratch, name, name);
        }
    }
}

/* What is special lies where the first of the parts ends, and after it. */
static void make_special(struct rig *rig)
{
    int huge = openat(rig->scratch.fd, "data/d03/huge", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    assert_true(huge >= 0);
    assert_int_equal(ftruncate(huge, HUGE_BYTES), 0);
    close(huge);
    scratch_directory(&rig->scratch, "data/d04/inner");
    scratch_write(&rig->scratch, "data/d04/inner/f", "f");
    scratch_directory(&rig->scratch, "data/d04/empty");
    scratch_directory(&rig->scratch, "data/d35/empty");
    assert_int_equal(symlinkat("../d04/f1", rig->scratch.fd, "data/d05/link"), 0);
    assert_int_equal(fchmodat(rig->scratch.fd, "data/d06/f2", 0755, 0), 0);
}

static void what_is_taken_in_parts_is_the_same_as_taken_whole(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    int displaced = 0;
    make_crowds(&rig);
    make_special(&rig);
    struct artifact looked = rig_look(&rig, "data", LOOK_OUT);
    rig_again(&rig);
    struct artifact captured = rig_capture(&rig, "data");
    assert_true(digest_equal(captured.digest, looked.digest));
    assert_int_equal(captured.file_count, CROWDS * CROWD + 3);
    assert_int_equal(captured.empty_dir_count, 2);
    assert_int_equal(hashed(&rig), CROWDS * CROWD + 2);
    rig_again(&rig);
    rig_capture(&rig, "data");
    assert_int_equal(hashed(&rig), 0);
    assert_fine(path_remove(rig.scratch.fd, "data"));
    rig_again(&rig);
    assert_true(rig_restore(&rig, &captured, &displaced));
    assert_int_equal(worktree_counts(rig.worktree).restored_files, CROWDS * CROWD + 3);
    rig_again(&rig);
    struct artifact after = rig_look(&rig, "data", LOOK_OUT);
    assert_true(artifact_equal(&captured, &after));
    assert_int_equal(after.empty_dir_count, 2);
    assert_int_equal(hashed(&rig), 0);
    rig_drop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_many_directories_only_the_changed_file_is_read),
        cmocka_unit_test(what_was_just_put_in_place_is_not_read_again),
        cmocka_unit_test(a_second_version_is_put_in_place_file_by_file),
        cmocka_unit_test(two_versions_are_compared_where_they_differ),
        cmocka_unit_test(the_work_tree_is_compared_where_it_differs),
        cmocka_unit_test(a_file_of_the_future_is_told_only_if_its_content_changed),
        cmocka_unit_test(what_is_to_be_comes_back_in_few_of_many_directories),
        cmocka_unit_test(what_is_taken_in_parts_is_the_same_as_taken_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
