#include "mlops/base/buf.h"
#include "mlops/host/clock.h"
#include "mlops/model/event.h"
#include "mlops/model/tree.h"
#include "mlops/store/worktree.h"

#include "rig.h"

static int64_t hashed(struct rig *rig)
{
    return worktree_counts(rig->worktree).hashed_files;
}

/* Overwrites without changing the size or the inode, then puts the old mtime back. */
static void rewrite_quietly(struct rig *rig, const char *name, const char *text)
{
    struct stat seen;
    assert_int_equal(fstatat(rig->scratch.fd, name, &seen, 0), 0);
    assert_int_equal(seen.st_size, strlen(text));
    int fd = openat(rig->scratch.fd, name, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, text, strlen(text), 0), strlen(text));
    struct timespec times[2] = {seen.st_atim, seen.st_mtim};
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

static void a_file_has_the_digest_that_sha256sum_says(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    scratch_write(&rig.scratch, "a.txt", "abc");
    struct artifact artifact = rig_look(&rig, "a.txt", LOOK_DEP);
    char hex[DIGEST_HEX_LEN + 1];
    digest_print(artifact.digest, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(artifact.kind, ARTIFACT_FILE);
    assert_int_equal(artifact.size_bytes, 3);
    assert_int_equal(rig_look(&rig, "none", LOOK_DEP).kind, ARTIFACT_ABSENT);
    rig_drop(&rig);
}

static void an_unchanged_file_is_not_read_again(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    scratch_write(&rig.scratch, "a.txt", "abc");
    rig_look(&rig, "a.txt", LOOK_DEP);
    rig_look(&rig, "a.txt", LOOK_OUT);
    assert_int_equal(hashed(&rig), 1);
    rig_again(&rig);
    rig_look(&rig, "a.txt", LOOK_DEP);
    assert_int_equal(hashed(&rig), 0);
    rig_drop(&rig);
}

static void a_rewrite_of_equal_size_with_the_old_mtime_is_seen(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    scratch_write(&rig.scratch, "a.txt", "old");
    struct artifact before = rig_look(&rig, "a.txt", LOOK_DEP);
    rig_again(&rig);
    rewrite_quietly(&rig, "a.txt", "new");
    struct artifact after = rig_look(&rig, "a.txt", LOOK_DEP);
    assert_false(digest_equal(before.digest, after.digest));
    rig_drop(&rig);
}

static void an_input_that_changes_during_a_run_is_noticed(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    bool same = false;
    scratch_write(&rig.scratch, "a.txt", "old");
    struct artifact seen = rig_look(&rig, "a.txt", LOOK_DEP);
    assert_fine(worktree_recheck(rig.worktree, &seen, LOOK_DEP, &same));
    assert_true(same);
    assert_int_equal(hashed(&rig), 1);
    rewrite_quietly(&rig, "a.txt", "new");
    assert_true(digest_equal(rig_look(&rig, "a.txt", LOOK_DEP).digest, seen.digest));
    assert_fine(worktree_recheck(rig.worktree, &seen, LOOK_DEP, &same));
    assert_false(same);
    rig_drop(&rig);
}

static void forgetting_a_path_forgets_what_holds_it_and_what_it_holds(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    scratch_directory(&rig.scratch, "d");
    scratch_directory(&rig.scratch, "d/e");
    scratch_write(&rig.scratch, "d/e/f", "1");
    struct artifact top = rig_look(&rig, "d", LOOK_DEP), file = rig_look(&rig, "d/e/f", LOOK_DEP);
    scratch_write(&rig.scratch, "d/e/f", "22");
    assert_true(artifact_equal(
        &(struct artifact){.kind = ARTIFACT_TREE, .digest = top.digest},
        &(struct artifact){.kind = ARTIFACT_TREE, .digest = rig_look(&rig, "d", LOOK_DEP).digest}));
    worktree_forget(rig.worktree, STR("d/e"));
    assert_false(digest_equal(rig_look(&rig, "d", LOOK_DEP).digest, top.digest));
    assert_false(digest_equal(rig_look(&rig, "d/e/f", LOOK_DEP).digest, file.digest));
    rig_drop(&rig);
}

static void the_executable_bit_of_a_dependency_counts(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    scratch_write(&rig.scratch, "run.sh", "true");
    struct artifact before = rig_look(&rig, "run.sh", LOOK_DEP);
    rig_again(&rig);
    assert_int_equal(fchmodat(rig.scratch.fd, "run.sh", 0755, 0), 0);
    struct artifact after = rig_look(&rig, "run.sh", LOOK_DEP);
    assert_true(after.is_executable && !before.is_executable);
    assert_false(artifact_equal(&before, &after));
    rig_drop(&rig);
}

static void many_paths_are_looked_at_at_once(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct worktree_wish wishes[300];
    for (int i = 0; i < 300; i++) {
        struct str name = str_print(&rig.arena, "f%d", i);
        scratch_write(&rig.scratch, name.at, name.at);
        wishes[i] = (struct worktree_wish){.path = name, .role = i % 2 ? LOOK_DEP : LOOK_OUT};
    }
    assert_fine(worktree_prefetch(rig.worktree, wishes, 300, NULL));
    assert_int_equal(hashed(&rig), 300);
    for (int i = 0; i < 300; i++) {
        struct artifact artifact =
            rig_look(&rig, wishes[i].path.at, (enum look_role)wishes[i].role);
        assert_true(
            digest_equal(artifact.digest, digest_of(wishes[i].path.at, wishes[i].path.len)));
    }
    assert_int_equal(hashed(&rig), 300);
    rig_again(&rig);
    assert_fine(worktree_prefetch(rig.worktree, wishes, 300, NULL));
    assert_int_equal(hashed(&rig), 0);
    rig_drop(&rig);
}

static void caches_of_python_are_no_part_of_a_dependency(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    scratch_directory(&rig.scratch, "src");
    scratch_write(&rig.scratch, "src/a.py", "1");
    struct artifact before = rig_look(&rig, "src", LOOK_DEP);
    struct artifact out_before = rig_look(&rig, "src", LOOK_OUT);
    rig_again(&rig);
    scratch_directory(&rig.scratch, "src/__pycache__");
    scratch_write(&rig.scratch, "src/__pycache__/a.pyc", "1");
    struct digest before_digest = before.digest, out_digest = out_before.digest;
    assert_true(digest_equal(rig_look(&rig, "src", LOOK_DEP).digest, before_digest));
    assert_false(digest_equal(rig_look(&rig, "src", LOOK_OUT).digest, out_digest));
    rig_drop(&rig);
}

static void a_nearer_ignore_file_has_the_last_word(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    scratch_write(&rig.scratch, ".dvcignore", "*.log\n");
    scratch_directory(&rig.scratch, "d");
    scratch_directory(&rig.scratch, "d/keep");
    scratch_write(&rig.scratch, "d/a.log", "1");
    scratch_write(&rig.scratch, "d/keep/.mlopsignore", "!b.log\n");
    scratch_write(&rig.scratch, "d/keep/b.log", "2");
    assert_int_equal(rig_look(&rig, "d", LOOK_DEP).file_count, 2);
    rig_drop(&rig);
}

static void links_of_dependencies_are_followed(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct scratch outside = scratch_open();
    scratch_directory(&outside, "data");
    scratch_write(&outside, "data/x", "x");
    struct str target = path_join(&rig.arena, str_of(outside.path), STR("data"));
    assert_int_equal(symlinkat(target.at, rig.scratch.fd, "data"), 0);
    struct artifact linked = rig_look(&rig, "data", LOOK_DEP);
    assert_int_equal(linked.kind, ARTIFACT_TREE);
    assert_true(digest_equal(rig_look(&rig, "data/x", LOOK_DEP).digest, digest_of("x", 1)));
    scratch_directory(&rig.scratch, "dep");
    assert_int_equal(symlinkat(target.at, rig.scratch.fd, "dep/in"), 0);
    assert_int_equal(rig_look(&rig, "dep", LOOK_DEP).file_count, 1);
    rig_drop(&rig);
    scratch_drop(&outside);
}

static void an_output_may_not_hold_a_link_that_leaves_it(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct artifact artifact;
    scratch_directory(&rig.scratch, "out");
    assert_int_equal(symlinkat("../secret", rig.scratch.fd, "out/link"), 0);
    assert_error(worktree_capture(rig.worktree, STR("out"), &artifact), "leaves 'out'");
    rig_drop(&rig);
}

static void directories_that_hold_themselves_have_an_end(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct artifact artifact;
    scratch_directory(&rig.scratch, "tree");
    scratch_directory(&rig.scratch, "tree/sub");
    assert_int_equal(symlinkat("..", rig.scratch.fd, "tree/sub/up"), 0);
    assert_int_equal(rig_look(&rig, "tree", LOOK_DEP).file_count, 1); /* kept as a link */
    struct str whole = path_join(&rig.arena, rig.workspace->root, STR("tree"));
    assert_int_equal(symlinkat(whole.at, rig.scratch.fd, "tree/all"), 0);
    worktree_forget(rig.worktree, STR("tree"));
    assert_error(worktree_look(rig.worktree, STR("tree"), LOOK_DEP, &artifact), "tree/all");
    assert_int_equal(symlinkat("b", rig.scratch.fd, "a"), 0);
    assert_int_equal(symlinkat("a", rig.scratch.fd, "b"), 0);
    assert_error(worktree_look(rig.worktree, STR("a"), LOOK_DEP, &artifact), "'a'");
    rig_drop(&rig);
}

static void odd_files_are_refused_by_name_at_once(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct artifact artifact;
    scratch_directory(&rig.scratch, "d");
    assert_int_equal(mkfifoat(rig.scratch.fd, "d/pipe", 0600), 0);
    assert_error(worktree_look(rig.worktree, STR("d/pipe"), LOOK_DEP, &artifact), "FIFO");
    assert_error(worktree_look(rig.worktree, STR("d"), LOOK_DEP, &artifact), "'d/pipe' is a FIFO");
    assert_error(worktree_look(rig.worktree, STR("/dev/zero"), LOOK_DEP, &artifact), "device");
    assert_error(worktree_capture(rig.worktree, STR("d"), &artifact), "'d/pipe' is a FIFO");
    rig_drop(&rig);
}

static void an_unreadable_file_is_named(void **state)
{
    (void)state;
    if (geteuid() == 0) {
        print_message("skipped: root reads everything\n");
        return;
    }
    struct rig rig = rig_open();
    struct artifact artifact;
    scratch_directory(&rig.scratch, "d");
    scratch_write(&rig.scratch, "d/locked", "1");
    assert_int_equal(fchmodat(rig.scratch.fd, "d/locked", 0, 0), 0);
    assert_error(worktree_look(rig.worktree, STR("d"), LOOK_DEP, &artifact), "d/locked");
    rig_drop(&rig);
}

static void a_glob_lists_files_but_not_ignored_ones(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct str *paths = NULL;
    size_t count = 0;
    scratch_directory(&rig.scratch, "src");
    scratch_directory(&rig.scratch, "src/lib");
    scratch_directory(&rig.scratch, "src/__pycache__");
    scratch_write(&rig.scratch, "src/b.py", "");
    scratch_write(&rig.scratch, "src/a.py", "");
    scratch_write(&rig.scratch, "src/lib/c.py", "");
    scratch_write(&rig.scratch, "src/__pycache__/d.py", "");
    scratch_write(&rig.scratch, "src/note.txt", "");
    assert_fine(worktree_glob(rig.worktree, &rig.arena, STR("src/**/*.py"), &paths, &count));
    assert_int_equal(count, 3);
    assert_true(str_is(paths[0], "src/a.py"));
    assert_true(str_is(paths[1], "src/b.py"));
    assert_true(str_is(paths[2], "src/lib/c.py"));
    assert_fine(worktree_glob(rig.worktree, &rig.arena, STR("none/*.py"), &paths, &count));
    assert_int_equal(count, 0);
    assert_fine(worktree_glob(rig.worktree, &rig.arena, STR("*/*.txt"), &paths, &count));
    assert_int_equal(count, 1);
    rig_drop(&rig);
}

static void the_files_of_a_tree_can_be_listed(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct worktree_file *files = NULL;
    size_t count = 0;
    bool found = false;
    rig_make_tree(&rig);
    struct artifact tree = rig_capture(&rig, "out");
    assert_fine(tree_list_files(rig.cas, &rig.arena, &tree, 100, &files, &count, &found));
    assert_int_equal(count, 5);
    assert_true(found && str_is(files[0].path, "out/a"));
    assert_true(str_is(files[4].path, "out/sub/deep/c"));
    assert_fine(tree_list_files(rig.cas, &rig.arena, &tree, 2, &files, &count, &found));
    assert_int_equal(count, 2);
    tree.digest = digest_of("in no store", 11);
    assert_fine(tree_list_files(rig.cas, &rig.arena, &tree, 2, &files, &count, &found));
    assert_false(found);
    rig_drop(&rig);
}

static void the_files_that_are_there_now_can_be_listed(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct worktree_file *files = NULL;
    size_t count = 9;
    rig_make_tree(&rig);
    scratch_write(&rig.scratch, "out/sub/b", "changed");
    assert_fine(
        worktree_list_files(rig.worktree, &rig.arena, STR("out"), LOOK_OUT, &files, &count));
    assert_int_equal(count, 5);
    bool is_listed = false;
    for (size_t i = 0; i < count; i++)
        is_listed = is_listed || (str_is(files[i].path, "out/sub/b") &&
                                  digest_equal(files[i].digest, digest_of("changed", 7)));
    assert_true(is_listed);
    assert_fine(worktree_list_files(rig.worktree, &rig.arena, STR("no"), LOOK_OUT, &files, &count));
    assert_int_equal(count, 0);
    rig_drop(&rig);
}

static void names_may_be_any_bytes(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    int displaced = 0;
    scratch_directory(&rig.scratch, "out");
    const char *const names[] = {"out/new\nline", "out/\377\376", "out/-rf", "out/ trail ",
                                 "out/quote'\"`"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        scratch_write(&rig.scratch, names[i], names[i]);
    struct artifact tree = rig_capture(&rig, "out");
    assert_fine(path_remove(rig.scratch.fd, "out"));
    rig_again(&rig);
    assert_true(rig_restore(&rig, &tree, &displaced));
    for (size_t i = 0; i < COUNT_OF(names); i++)
        scratch_expect(&rig.scratch, names[i], names[i]);
    rig_drop(&rig);
}

static void a_name_that_may_not_be_written_back_is_not_taken(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct artifact artifact;
    scratch_directory(&rig.scratch, "out");
    scratch_directory(&rig.scratch, "out/.GIT");
    scratch_write(&rig.scratch, "out/.GIT/config", "1");
    assert_error(worktree_capture(rig.worktree, STR("out"), &artifact), ".GIT");
    rig_drop(&rig);
}

static void capture_stores_only_what_is_new(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    rig_make_tree(&rig);
    rig_capture(&rig, "out");
    assert_int_equal(worktree_counts(rig.worktree).stored_files, 4);
    rig_again(&rig);
    scratch_write(&rig.scratch, "out/sub/b", "changed");
    rig_capture(&rig, "out");
    struct worktree_counts counts = worktree_counts(rig.worktree);
    assert_int_equal(counts.stored_files, 1);
    assert_int_equal(counts.hashed_files, 1);
    rig_drop(&rig);
}

static void no_object_is_stored_of_a_directory_without_files(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    AUTO(buf_drop) struct buf none = {0};
    bool found = true;
    scratch_directory(&rig.scratch, "out");
    scratch_directory(&rig.scratch, "out/empty");
    scratch_write(&rig.scratch, "out/a", "a");
    struct artifact out = rig_capture(&rig, "out");
    tree_encode(&(struct tree){0}, &none);
    assert_fine(cas_has(rig.cas, digest_of(none.at, none.len), &found));
    assert_false(found);
    assert_int_equal(out.empty_dir_count, 1);
    rig_drop(&rig);
}

static void nothing_is_recorded_of_a_file_of_the_future_on_a_ticking_clock(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct digest digest = digest_of("x", 1), found;
    struct file_stat stat = {.inode = 1, .size_bytes = 1, .mtime_ns = 50, .ctime_ns = 50};
    index_note(rig.index, STR("d/x"), &stat, digest, 50);
    assert_false(index_find(rig.index, STR("d/x"), &stat, &found));
    index_note(rig.index, STR("d/x"), &stat, digest, 51);
    assert_true(index_find(rig.index, STR("d/x"), &stat, &found));
    index_note(rig.index, STR("d/x"), &stat, digest, 50);
    assert_false(index_find(rig.index, STR("d/x"), &stat, &found));
    rig_drop(&rig);
}

static void count_told(void *context, const struct event *event)
{
    *(int *)context += event->kind == EVENT_WARNING;
}

static void of_a_file_that_is_written_to_a_word_is_said_once(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    int told = 0;
    const struct observer observer = {.tell = count_told, .context = &told};
    scratch_write(&rig.scratch, "known", "known");
    scratch_write(&rig.scratch, "file", "half");
    rig_capture(&rig, "known");
    int writer = openat(rig.scratch.fd, "file", O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(writer >= 0);
    rig_capture(&rig, "file");
    worktree_tell_held(rig.worktree, &observer);
    assert_int_equal(told, 1);
    rig_look(&rig, "known", LOOK_OUT); /* of which the index says all */
    worktree_tell_held(rig.worktree, &observer);
    assert_int_equal(told, 1);
    close(writer);
    rig_drop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_has_the_digest_that_sha256sum_says),
        cmocka_unit_test(an_unchanged_file_is_not_read_again),
        cmocka_unit_test(a_rewrite_of_equal_size_with_the_old_mtime_is_seen),
        cmocka_unit_test(an_input_that_changes_during_a_run_is_noticed),
        cmocka_unit_test(forgetting_a_path_forgets_what_holds_it_and_what_it_holds),
        cmocka_unit_test(the_executable_bit_of_a_dependency_counts),
        cmocka_unit_test(many_paths_are_looked_at_at_once),
        cmocka_unit_test(caches_of_python_are_no_part_of_a_dependency),
        cmocka_unit_test(a_nearer_ignore_file_has_the_last_word),
        cmocka_unit_test(links_of_dependencies_are_followed),
        cmocka_unit_test(an_output_may_not_hold_a_link_that_leaves_it),
        cmocka_unit_test(directories_that_hold_themselves_have_an_end),
        cmocka_unit_test(odd_files_are_refused_by_name_at_once),
        cmocka_unit_test(an_unreadable_file_is_named),
        cmocka_unit_test(a_glob_lists_files_but_not_ignored_ones),
        cmocka_unit_test(the_files_of_a_tree_can_be_listed),
        cmocka_unit_test(the_files_that_are_there_now_can_be_listed),
        cmocka_unit_test(names_may_be_any_bytes),
        cmocka_unit_test(a_name_that_may_not_be_written_back_is_not_taken),
        cmocka_unit_test(capture_stores_only_what_is_new),
        cmocka_unit_test(no_object_is_stored_of_a_directory_without_files),
        cmocka_unit_test(of_a_file_that_is_written_to_a_word_is_said_once),
        cmocka_unit_test(nothing_is_recorded_of_a_file_of_the_future_on_a_ticking_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
