/* Files that are saved just when they are about to be replaced or removed. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../src/store/worktree_private.h"
#include "rig.h"

struct bench {
    struct rig rig;
    struct restoring restoring;
};

static void bench_open(struct bench *bench)
{
    *bench = (struct bench){.rig = rig_open()};
    AUTO(fd_drop) struct fd tmp = {0};
    assert_fine(directory_open(fd_number(bench->rig.workspace->state_fd), "tmp", &tmp));
    bench->restoring = (struct restoring){.worktree = bench->rig.worktree,
                                          .arena = &bench->rig.arena,
                                          .displaced = STR("displaced/run")};
    assert_fine(temp_dir_open(fd_number(tmp), "restore-", &bench->restoring.temp));
}

static void bench_drop(struct bench *bench)
{
    temp_dir_drop(&bench->restoring.temp);
    rig_drop(&bench->rig);
}

static struct file_stat stat_of(struct bench *bench, const char *path)
{
    struct file_stat stat = {0};
    bool found = false;
    assert_fine(file_stat_at(bench->rig.scratch.fd, path, false, &stat, &found));
    assert_true(found);
    return stat;
}

static struct error *replace(struct bench *bench, const struct file_stat *seen)
{
    int temp_fd = fd_number(bench->restoring.temp.fd);
    assert_fine(file_publish(temp_fd, "0", STR("new"), 0644, false));
    return restoring_replace(&bench->restoring, "0", bench->rig.scratch.fd, "file", seen,
                             STR("file"));
}

static struct error *remove_it(struct bench *bench, const struct file_stat *seen)
{
    return restoring_remove(&bench->restoring, bench->rig.scratch.fd, "file", seen, STR("file"));
}

/* Nothing can be moved out of the way. */
static void block_displaced(struct bench *bench)
{
    scratch_write(&bench->rig.scratch, ".mlops/displaced", "in the way");
}

static void what_was_seen_goes(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    scratch_write(&bench.rig.scratch, "file", "old");
    struct file_stat seen = stat_of(&bench, "file");
    assert_fine(replace(&bench, &seen));
    scratch_expect(&bench.rig.scratch, "file", "new");
    seen = stat_of(&bench, "file");
    assert_fine(remove_it(&bench, &seen));
    assert_false(scratch_has(&bench.rig.scratch, "file"));
    assert_int_equal(bench.restoring.displaced_count, 0);
    bench_drop(&bench);
}

static void what_was_saved_meanwhile_is_kept(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    scratch_write(&bench.rig.scratch, "file", "old");
    struct file_stat seen = stat_of(&bench, "file");
    scratch_write(&bench.rig.scratch, "file", "saved");
    assert_fine(replace(&bench, &seen));
    scratch_expect(&bench.rig.scratch, ".mlops/displaced/run/file", "saved");
    scratch_expect(&bench.rig.scratch, "file", "new");
    scratch_write(&bench.rig.scratch, "file", "saved again");
    assert_fine(remove_it(&bench, &seen));
    assert_false(scratch_has(&bench.rig.scratch, "file"));
    assert_int_equal(bench.restoring.displaced_count, 2);
    bench_drop(&bench);
}

static void and_stays_where_it_is_if_it_cannot_be_moved(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    scratch_write(&bench.rig.scratch, "file", "old");
    struct file_stat seen = stat_of(&bench, "file");
    scratch_write(&bench.rig.scratch, "file", "saved");
    block_displaced(&bench);
    assert_error(replace(&bench, &seen), "displaced");
    scratch_expect(&bench.rig.scratch, "file", "saved");
    assert_error(remove_it(&bench, &seen), "displaced");
    scratch_expect(&bench.rig.scratch, "file", "saved");
    bench_drop(&bench);
}

static void link_at(struct bench *bench, const char *target, const char *path)
{
    assert_int_equal(symlinkat(target, bench->rig.scratch.fd, path), 0);
}

static int rescue(struct bench *bench)
{
    int count = 0;
    assert_fine(worktree_rescue(bench->rig.worktree, STR("displaced/again"), &count));
    return count;
}

static void what_a_killed_command_had_taken_is_kept_unless_the_store_has_it(void **state)
{
    (void)state;
    struct bench bench;
    struct scratch *scratch = &bench.rig.scratch;
    bench_open(&bench);
    scratch_write(scratch, "known", "known");
    rig_capture(&bench.rig, "known");
    scratch_directory(scratch, ".mlops/tmp/t-dead");
    scratch_write(scratch, ".mlops/tmp/t-dead/0", "staged");
    scratch_directory(scratch, ".mlops/tmp/t-dead/taken");
    scratch_write(scratch, ".mlops/tmp/t-dead/taken/known", "known");
    scratch_write(scratch, ".mlops/tmp/t-dead/taken/saved", "saved");
    link_at(&bench, "data/deep", ".mlops/tmp/t-dead/taken-from");
    assert_int_equal(rescue(&bench), 1);
    scratch_expect(scratch, ".mlops/displaced/again/data/deep/saved", "saved");
    assert_false(scratch_has(scratch, ".mlops/displaced/again/data/deep/known"));
    assert_false(scratch_has(scratch, ".mlops/tmp/t-dead"));
    assert_int_equal(rescue(&bench), 0);
    bench_drop(&bench);
}

static void a_note_of_where_it_was_leads_nowhere_else(void **state)
{
    (void)state;
    struct bench bench;
    struct scratch *scratch = &bench.rig.scratch;
    bench_open(&bench);
    scratch_directory(scratch, ".mlops/tmp/t-dead");
    scratch_directory(scratch, ".mlops/tmp/t-dead/taken");
    scratch_write(scratch, ".mlops/tmp/t-dead/taken/saved", "saved");
    link_at(&bench, "../..", ".mlops/tmp/t-dead/taken-from");
    assert_int_equal(rescue(&bench), 1);
    scratch_expect(scratch, ".mlops/displaced/again/file", "saved");
    bench_drop(&bench);
}

/* A directory of a dead process that had taken a file or link `name` of `from`. */
static struct str dead_directory(struct bench *bench, const char *name, const char *from)
{
    struct arena *arena = &bench->rig.arena;
    struct str dead = str_print(arena, ".mlops/tmp/t-%s", name);
    scratch_directory(&bench->rig.scratch, dead.at);
    link_at(bench, from, path_join(arena, dead, STR("taken-from")).at);
    scratch_directory(&bench->rig.scratch, path_join(arena, dead, STR("taken")).at);
    return path_join(arena, dead, str_print(arena, "taken/%s", name));
}

static void nothing_is_kept_behind_a_link_that_was_moved_before(void **state)
{
    (void)state;
    struct bench bench;
    struct scratch *scratch = &bench.rig.scratch;
    int count = 0;
    bench_open(&bench);
    scratch_directory(scratch, "elsewhere");
    link_at(&bench, "../../../elsewhere", dead_directory(&bench, "a", ".").at);
    scratch_write(scratch, dead_directory(&bench, "b", "a").at, "saved");
    assert_error(worktree_rescue(bench.rig.worktree, STR("displaced/again"), &count), "'a/b'");
    assert_int_equal(count, 1); /* which is told though not all went well */
    assert_false(scratch_has(scratch, "elsewhere/b"));
    scratch_expect(scratch, ".mlops/tmp/t-b/taken/b", "saved");
    assert_fine(worktree_rescue(bench.rig.worktree, STR("displaced/next"), &count));
    assert_int_equal(count, 1);
    scratch_expect(scratch, ".mlops/displaced/next/a/b", "saved");
    bench_drop(&bench);
}

static void what_a_living_command_has_taken_is_left_alone_and_not_removed_with_it(void **state)
{
    (void)state;
    struct bench bench;
    struct temp_dir theirs = {0};
    bench_open(&bench);
    AUTO(fd_drop) struct fd tmp = {0};
    assert_fine(directory_open(fd_number(bench.rig.workspace->state_fd), "tmp", &tmp));
    assert_fine(temp_dir_open(fd_number(tmp), TEMP_PREFIX, &theirs));
    struct str path = str_print(&bench.rig.arena, ".mlops/tmp/%s/taken", theirs.name);
    scratch_directory(&bench.rig.scratch, path.at);
    struct str saved = path_join(&bench.rig.arena, path, STR("saved"));
    scratch_write(&bench.rig.scratch, saved.at, "saved");
    assert_int_equal(rescue(&bench), 0);
    scratch_expect(&bench.rig.scratch, saved.at, "saved");
    temp_dir_drop(&theirs);
    scratch_expect(&bench.rig.scratch, saved.at, "saved");
    assert_int_equal(rescue(&bench), 1);
    scratch_expect(&bench.rig.scratch, ".mlops/displaced/again/saved", "saved");
    bench_drop(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_seen_goes),
        cmocka_unit_test(what_was_saved_meanwhile_is_kept),
        cmocka_unit_test(and_stays_where_it_is_if_it_cannot_be_moved),
        cmocka_unit_test(what_a_killed_command_had_taken_is_kept_unless_the_store_has_it),
        cmocka_unit_test(a_note_of_where_it_was_leads_nowhere_else),
        cmocka_unit_test(nothing_is_kept_behind_a_link_that_was_moved_before),
        cmocka_unit_test(what_a_living_command_has_taken_is_left_alone_and_not_removed_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
