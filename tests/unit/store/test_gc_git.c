#include "mlops/store/imported.h"
#include "mlops/store/sums.h"

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

/* What is known of an object by its MD5, as it is when the object came from DVC. */
static struct str know(struct yard *yard, struct digest digest, const char *content)
{
    struct arena *arena = &yard->rig.arena;
    struct index *index = NULL;
    struct md5 md5 = md5_of(content, strlen(content));
    struct sums_row row = {digest, md5, md5, (int64_t)strlen(content)};
    char hex[MD5_HEX_LEN + 1];
    struct str path = path_join(arena, yard->rig.workspace->index_dir, STR("index.db"));
    assert_fine(index_open(arena, path.at, false, &index));
    struct sums *sums = sums_open(arena, index);
    sums_add(sums, &row);
    sums_save(sums);
    assert_fine(index_save(index));
    index_drop(&index);
    md5_print(md5, hex);
    return str_print(arena, "%s", hex);
}

static void track(struct yard *yard, const char *file, struct str md5)
{
    struct str text =
        str_print(&yard->rig.arena, "outs:\n- md5: '%.*s'\n  path: x\n", STR_FMT(md5));
    scratch_write(&yard->rig.scratch, file, text.at);
    git(yard, "add .");
    git(yard, "commit -m x");
}

static void what_a_dvc_file_of_a_branch_names_is_kept(void **state)
{
    (void)state;
    YARD(yard);
    struct digest old = put(&yard, "old"), side = put(&yard, "side"), now = put(&yard, "now");
    struct digest locked = put(&yard, "locked");
    git(&yard, "init");
    track(&yard, "a.dvc", know(&yard, old, "old"));
    git(&yard, "checkout -b side");
    track(&yard, "a.dvc", know(&yard, side, "side"));
    struct str lock =
        str_print(&yard.rig.arena, "schema: '2.0'\nstages:\n  s:\n    outs:\n    - md5: '%.*s'\n",
                  STR_FMT(know(&yard, locked, "locked")));
    scratch_write(&yard.rig.scratch, "dvc.lock", lock.at);
    git(&yard, "add .");
    git(&yard, "commit -m x");
    git(&yard, "checkout main");
    track(&yard, "a.dvc", know(&yard, now, "now"));
    collect(&yard, true);
    assert_true(has(&yard, side) && has(&yard, now) && has(&yard, locked));
    assert_false(has(&yard, old));
    git(&yard, "branch -D side");
    collect(&yard, true);
    assert_true(has(&yard, now));
    assert_false(has(&yard, side) || has(&yard, locked));
}

static void earlier_versions_of_a_path_are_found_by_their_md5(void **state)
{
    (void)state;
    YARD(yard);
    struct arena *arena = &yard.rig.arena;
    struct imported imported = {0}, again = {0};
    const char *contents[] = {"one", "two", "one", "three"};
    for (size_t i = 0; i < COUNT_OF(contents); i++) {
        struct imported_path path = {
            .path = STR("data"),
            .md5 = md5_of(contents[i], strlen(contents[i])),
            .artifact = {.path = STR("data"),
                         .kind = ARTIFACT_FILE,
                         .is_stored = true,
                         .digest = digest_of(contents[i], strlen(contents[i]))}};
        imported_add_path(arena, &imported, &path);
    }
    assert_fine(imported_save(yard.rig.workspace, &imported));
    assert_fine(imported_load(arena, yard.rig.workspace, &again));
    const struct imported_path *newest = map_get(&again.paths, STR("data"));
    assert_true(md5_equal(newest->md5, md5_of("three", 5)));
    assert_int_equal(again.versions.len, 3);
    const struct imported_path *found = imported_find(&again, STR("data"), md5_of("two", 3), false);
    assert_non_null(found);
    assert_true(digest_equal(found->artifact.digest, digest_of("two", 3)));
    assert_null(imported_find(&again, STR("data"), md5_of("two", 3), true));
    assert_null(imported_find(&again, STR("data"), md5_of("four", 4), false));
    /* That one comes back copies nothing of the others: there may be ten thousands. */
    struct imported_path back = *imported_find(&again, STR("data"), md5_of("one", 3), false);
    again.is_changed = false;
    imported_add_path(arena, &again, &back);
    assert_true(again.is_changed);
    assert_ptr_equal(imported_find(&again, STR("data"), md5_of("two", 3), false), found);
    assert_fine(imported_save(yard.rig.workspace, &again));
    assert_fine(imported_load(arena, yard.rig.workspace, &again));
    newest = map_get(&again.paths, STR("data"));
    assert_true(md5_equal(newest->md5, md5_of("one", 3)));
    assert_int_equal(again.versions.len, 3);
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
        cmocka_unit_test(what_a_dvc_file_of_a_branch_names_is_kept),
        cmocka_unit_test(earlier_versions_of_a_path_are_found_by_their_md5),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
