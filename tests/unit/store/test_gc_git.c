#include "yard.h"

/* A pointer to the digest, as `add` writes it. */
static void write_pointer(struct yard *yard, const char *path, struct digest digest)
{
    const char *slash = strrchr(path, '/');
    struct str name = str_of(slash ? slash + 1 : path);
    name.len = (size_t)((const char *)memchr(name.at, '.', name.len) - name.at);
    struct str text =
        str_print(&yard->rig.arena, "schema: 1\npath: %.*s\ndigest: sha256:%.*s\nsize: 1\n",
                  STR_FMT(name), STR_FMT(digest_hex(&yard->rig.arena, digest)));
    scratch_write(&yard->rig.scratch, path, text.at);
}

static void commit_pointer(struct yard *yard, const char *path, struct digest digest)
{
    write_pointer(yard, path, digest);
    git(yard, "add .");
    git(yard, "commit -m x");
}

static void what_is_staged_only_is_kept(void **state)
{
    (void)state;
    YARD(yard);
    struct digest staged = put(&yard, "staged"), alone = put(&yard, "alone");
    struct digest now = put(&yard, "now"), litter = put(&yard, "litter");
    git(&yard, "init");
    write_pointer(&yard, "a.mlops", staged);
    write_pointer(&yard, "b.mlops", alone);
    git(&yard, "add a.mlops b.mlops");
    write_pointer(&yard, "a.mlops", now);
    assert_int_equal(unlinkat(yard.rig.scratch.fd, "b.mlops", 0), 0);
    collect(&yard, true);
    assert_true(has(&yard, staged) && has(&yard, alone) && has(&yard, now));
    assert_false(has(&yard, litter));
}

static void both_sides_of_a_conflict_are_kept(void **state)
{
    (void)state;
    YARD(yard);
    struct digest base = put(&yard, "base"), ours = put(&yard, "ours");
    struct digest theirs = put(&yard, "theirs");
    git(&yard, "init");
    commit_pointer(&yard, "a.mlops", base);
    git(&yard, "checkout -b side");
    commit_pointer(&yard, "a.mlops", theirs);
    git(&yard, "checkout main");
    commit_pointer(&yard, "a.mlops", ours);
    git(&yard, "merge side || true");
    git(&yard, "branch -D side");
    write_pointer(&yard, "a.mlops", base);
    collect(&yard, true);
    assert_true(has(&yard, base) && has(&yard, ours) && has(&yard, theirs));
}

/* `git add -N`: the index holds an empty file, which is no pointer. */
static void a_pointer_that_is_only_meant_to_be_added_does_not_stop_it(void **state)
{
    (void)state;
    YARD(yard);
    struct digest meant = put(&yard, "meant");
    git(&yard, "init");
    write_pointer(&yard, "a.mlops", meant);
    git(&yard, "add -N a.mlops");
    collect(&yard, true);
    assert_true(has(&yard, meant));
}

static void what_is_staged_and_no_pointer_stops_it(void **state)
{
    (void)state;
    YARD(yard);
    git(&yard, "init");
    scratch_write(&yard.rig.scratch, "a.mlops", "schema: 1\n<<<<<<<\n");
    git(&yard, "add a.mlops");
    assert_int_equal(unlinkat(yard.rig.scratch.fd, "a.mlops", 0), 0);
    assert_error(try_collect(&yard), "can't tell what is still needed");
}

/* Whichever of them gc is called in. */
static void heads_and_indexes_of_other_work_trees_keep_what_they_name(void **state)
{
    (void)state;
    YARD(yard);
    struct digest first = put(&yard, "first"), detached = put(&yard, "detached");
    struct digest staged = put(&yard, "staged"), litter = put(&yard, "litter");
    git(&yard, "init");
    commit_pointer(&yard, "a.mlops", first);
    git(&yard, "worktree add --detach other");
    write_pointer(&yard, "other/a.mlops", detached);
    git(&yard, "-C other commit -a -m x");
    write_pointer(&yard, "other/a.mlops", staged);
    git(&yard, "-C other add a.mlops");
    write_pointer(&yard, "other/a.mlops", first); /* the work tree would keep it, too */
    collect(&yard, true);
    assert_true(has(&yard, first) && has(&yard, detached) && has(&yard, staged));
    assert_false(has(&yard, litter));
}

static void what_git_can_still_go_back_to_is_kept(void **state)
{
    (void)state;
    YARD(yard);
    struct digest tip = put(&yard, "tip"), reset = put(&yard, "reset");
    git(&yard, "init");
    commit_pointer(&yard, "a.mlops", tip);
    commit_pointer(&yard, "a.mlops", reset);
    git(&yard, "reset --hard HEAD~1"); /* undone by: git reset --hard ORIG_HEAD */
    collect(&yard, true);
    assert_true(has(&yard, tip) && has(&yard, reset));
}

/* What a pointer of one branch names is not less needed because a file of another name has the
 * same bytes. */
static void a_pointer_that_is_called_like_a_lock_file_elsewhere_is_read(void **state)
{
    (void)state;
    YARD(yard);
    struct digest tip = put(&yard, "tip");
    git(&yard, "init");
    commit_pointer(&yard, "a.lock", tip);
    git(&yard, "checkout -b side");
    git(&yard, "mv a.lock a.mlops");
    git(&yard, "commit -m y");
    git(&yard, "checkout main");
    assert_int_equal(unlinkat(yard.rig.scratch.fd, "a.lock", 0), 0);
    git(&yard, "tag first");
    collect(&yard, true);
    assert_true(has(&yard, tip));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_staged_only_is_kept),
        cmocka_unit_test(both_sides_of_a_conflict_are_kept),
        cmocka_unit_test(a_pointer_that_is_only_meant_to_be_added_does_not_stop_it),
        cmocka_unit_test(what_is_staged_and_no_pointer_stops_it),
        cmocka_unit_test(heads_and_indexes_of_other_work_trees_keep_what_they_name),
        cmocka_unit_test(what_git_can_still_go_back_to_is_kept),
        cmocka_unit_test(a_pointer_that_is_called_like_a_lock_file_elsewhere_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
