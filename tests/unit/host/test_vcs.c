#include "vcs_home.h"

static void libgit2_is_there(void **state)
{
    (void)state;
    assert_true(vcs_is_available());
}

static void outside_of_a_repository_there_is_none(void **state)
{
    (void)state;
    struct vcs *vcs = NULL;
    struct str fingerprint = STR("?"), top = STR("?");
    assert_ok(vcs_open(str_of(home), &vcs));
    assert_null(vcs);
    assert_ok(vcs_fingerprint(&arena, str_of(home), &fingerprint));
    assert_int_equal(fingerprint.len, 0);
    assert_ok(vcs_find_top(&arena, str_of(home), &top));
    assert_int_equal(top.len, 0);
}

static void a_bare_repository_holds_no_project(void **state)
{
    (void)state;
    struct vcs *vcs = NULL;
    shell("git init --bare b.git");
    assert_ok(vcs_open(path_join(&arena, str_of(repository), STR("b.git")), &vcs));
    assert_null(vcs);
}

static void the_repository_is_found_from_a_subdirectory(void **state)
{
    (void)state;
    AUTO(vcs_drop) struct vcs *vcs = NULL;
    struct str top = {0};
    shell("mkdir -p a/b");
    struct str below = path_join(&arena, str_of(repository), STR("a/b"));
    assert_ok(vcs_open(below, &vcs));
    assert_str(vcs_top(vcs), repository);
    assert_ok(vcs_find_top(&arena, below, &top));
    assert_str(top, repository);
}

static void before_the_first_commit_there_is_a_branch_only(void **state)
{
    (void)state;
    AUTO(vcs_drop) struct vcs *vcs = open_here();
    struct str commit = STR("?"), branch = {0};
    assert_ok(vcs_head(vcs, &arena, &commit, &branch));
    assert_int_equal(commit.len, 0);
    assert_str(branch, "main");
}

static void head_is_the_commit_and_the_branch(void **state)
{
    (void)state;
    AUTO(vcs_drop) struct vcs *vcs = open_here();
    struct str commit = {0}, branch = {0};
    shell("git commit --allow-empty -m 1; git checkout -b topic/x; git commit --allow-empty -m 2");
    assert_ok(vcs_head(vcs, &arena, &commit, &branch));
    assert_true(str_equal(commit, output_of("git rev-parse HEAD")));
    assert_str(branch, "topic/x");
    shell("git checkout HEAD~1");
    assert_ok(vcs_head(vcs, &arena, &commit, &branch));
    assert_true(str_equal(commit, output_of("git rev-parse main")));
    assert_int_equal(branch.len, 0);
}

static void a_remote_is_told_without_its_secrets(void **state)
{
    (void)state;
    static const struct {
        const char *url, *told;
    } rows[] = {
        {"https://example.org/a/b.git", "https://example.org/a/b.git"},
        {"https://user:secret@example.org/a/b.git", "https://example.org/a/b.git"},
        {"https://secret@example.org:8080/@a/b", "https://example.org:8080/@a/b"},
        {"https://user:se@cret@example.org/a", "https://example.org/a"},
        {"https://example.org/a.git?token=secret", "https://example.org/a.git"},
        {"https://user:secret@example.org", "https://example.org"},
        {"ssh://git@example.org:22/a.git", "ssh://example.org:22/a.git"},
        {"git@example.org:a/b.git", "example.org:a/b.git"},
        {"user:secret@example.org:a/b.git", "example.org:a/b.git"},
        {"/srv/a@b:c/d.git", "/srv/a@b:c/d.git"},
        {"../other@home", "../other@home"},
    };
    AUTO(vcs_drop) struct vcs *vcs = open_here();
    struct str url = STR("?");
    assert_ok(vcs_remote(vcs, &arena, &url));
    assert_int_equal(url.len, 0);
    shell("git remote add origin x");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        shell("git config remote.origin.url '%s'", rows[i].url);
        AUTO(vcs_drop) struct vcs *again = open_here();
        assert_ok(vcs_remote(again, &arena, &url));
        assert_str(url, rows[i].told);
    }
}

static bool is_log(void *context, struct str path)
{
    (void)context;
    return str_ends(path, STR(".log"));
}

static void changes_are_what_git_status_shows_file_by_file(void **state)
{
    (void)state;
    AUTO(vcs_drop) struct vcs *vcs = open_here();
    struct vcs_path_vec changes = {0};
    shell("mkdir d; for f in same changed gone staged d/mode; do echo 1 > $f; done; echo '*.tmp' > "
          ".gitignore; git add .; git commit -m 1");
    assert_ok(vcs_changes(vcs, &arena, NULL, NULL, &changes));
    assert_int_equal(changes.len, 0);
    shell("echo 2 > changed; rm gone; echo 2 > staged; git add staged; chmod +x d/mode;"
          "mkdir -p new/deep; echo 1 > new/deep/a; echo 1 > new/b; echo 1 > x.tmp; echo 1 > a.log;"
          "echo 1 > 'B é'; touch same");
    assert_ok(vcs_changes(vcs, &arena, NULL, NULL, &changes));
    assert_items(&changes, "B é,a.log,changed,d/mode,gone,new/b,new/deep/a,staged");
    assert_ok(vcs_changes(vcs, &arena, is_log, NULL, &changes));
    assert_items(&changes, "B é,changed,d/mode,gone,new/b,new/deep/a,staged");
}

static void changes_before_the_first_commit_are_all_files(void **state)
{
    (void)state;
    AUTO(vcs_drop) struct vcs *vcs = open_here();
    struct vcs_path_vec changes = {0};
    struct str patch = {0};
    bool is_cut = true;
    shell("echo 1 > a; echo 1 > b; git add a");
    assert_ok(vcs_changes(vcs, &arena, NULL, NULL, &changes));
    assert_items(&changes, "a,b");
    assert_ok(vcs_patch(vcs, &arena, &changes, &patch, &is_cut));
    assert_true(str_find(patch, STR("+++ b/a")) >= 0);
    assert_true(str_find(patch, STR("+++ b/b")) >= 0);
    assert_false(is_cut);
}

static void files_left_out_by_a_sparse_checkout_are_not_changes(void **state)
{
    (void)state;
    struct vcs_path_vec changes = {0};
    shell("mkdir in out; echo 1 > in/a; echo 1 > out/b; git add .; git commit -m 1;"
          "git sparse-checkout set --cone --no-sparse-index in; test ! -e out/b");
    AUTO(vcs_drop) struct vcs *vcs = open_here();
    assert_ok(vcs_changes(vcs, &arena, NULL, NULL, &changes));
    assert_items(&changes, "");
}

static void submodules_are_not_changes(void **state)
{
    (void)state;
    struct vcs_path_vec changes = {0};
    shell("git init ../sub; git -C ../sub commit --allow-empty -m 1;"
          "git -c protocol.file.allow=always submodule add ../sub sub; git commit -m 1;"
          "git -C sub commit --allow-empty -m 2; echo 1 > sub/new; echo 1 > own");
    AUTO(vcs_drop) struct vcs *vcs = open_here();
    assert_ok(vcs_changes(vcs, &arena, NULL, NULL, &changes));
    assert_items(&changes, "own");
}

static void write_file(const char *name, struct str text)
{
    struct str path = path_join(&arena, str_of(home), str_of(name));
    FILE *file = fopen(path.at, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text.at, 1, text.len, file), text.len);
    fclose(file);
}

static void git_apply_makes_the_work_tree_from_the_patch(void **state)
{
    (void)state;
    AUTO(vcs_drop) struct vcs *vcs = open_here();
    struct vcs_path_vec changes = {0};
    struct str patch = {0};
    bool is_cut = true;
    shell("mkdir d; seq 1 50 > d/a; seq 1 5 > gone; printf 'no newline' > end; seq 9 > 'b l'; "
          "git add .; git commit -m 1; git clone . ../copy");
    shell("sed -i 's/^7$/seven/; 40d' d/a; rm gone; printf 'still none' > end; seq 3 > 'b l';"
          "mkdir -p n/m; seq 20 > n/m/new; printf 'x' > n/last; seq 8 > staged; git add staged;"
          "chmod +x d/a; ln -s d/a link");
    assert_ok(vcs_changes(vcs, &arena, NULL, NULL, &changes));
    assert_ok(vcs_patch(vcs, &arena, &changes, &patch, &is_cut));
    assert_false(is_cut);
    write_file("patch", patch);
    shell("cd ../copy; git apply ../patch; diff -r -x .git . ../w; test -x d/a; test -L link");
}

static void only_the_named_paths_are_in_the_patch(void **state)
{
    (void)state;
    AUTO(vcs_drop) struct vcs *vcs = open_here();
    struct vcs_path_vec paths = {0};
    struct str patch = STR("?");
    bool is_cut = true;
    shell("seq 9 > '[ab]*'; seq 9 > ab; seq 9 > c; git add .; git commit -m 1;"
          "for f in '[ab]*' ab c; do seq 3 > \"$f\"; done");
    assert_ok(vcs_patch(vcs, &arena, &paths, &patch, &is_cut));
    assert_int_equal(patch.len, 0);
    *vec_push(&arena, &paths) = STR("[ab]*");
    assert_ok(vcs_patch(vcs, &arena, &paths, &patch, &is_cut));
    assert_true(str_find(patch, STR("+++ b/[ab]*")) >= 0);
    assert_true(str_find(patch, STR("b/ab")) < 0);
    assert_true(str_find(patch, STR("b/c")) < 0);
}

static void binary_files_are_mentioned_only(void **state)
{
    (void)state;
    AUTO(vcs_drop) struct vcs *vcs = open_here();
    struct vcs_path_vec changes = {0};
    struct str patch = {0};
    bool is_cut = true;
    shell("git commit --allow-empty -m 1; head -c 100000 /dev/zero > zeros");
    assert_ok(vcs_changes(vcs, &arena, NULL, NULL, &changes));
    assert_ok(vcs_patch(vcs, &arena, &changes, &patch, &is_cut));
    assert_true(str_find(patch, STR("Binary files /dev/null and b/zeros differ")) >= 0);
    assert_true(patch.len < 500);
}

static void a_patch_too_large_is_cut_behind_a_line(void **state)
{
    (void)state;
    AUTO(vcs_drop) struct vcs *vcs = open_here();
    struct vcs_path_vec changes = {0};
    struct str patch = {0};
    bool is_cut = false;
    shell("git commit --allow-empty -m 1; seq 1000000 2200000 > a; cp a b");
    assert_ok(vcs_changes(vcs, &arena, NULL, NULL, &changes));
    assert_ok(vcs_patch(vcs, &arena, &changes, &patch, &is_cut));
    assert_true(is_cut);
    assert_true((int64_t)patch.len <= LIMIT_PATCH_BYTES);
    assert_true((int64_t)patch.len > LIMIT_PATCH_BYTES - 20);
    assert_true(patch.at[patch.len - 1] == '\n');
}

static void a_patch_gives_back_the_files_it_was_made_from(void **state)
{
    (void)state;
    shell("printf 'one\\ntwo\\nthree\\n' >a; printf 'x' >b; echo run >run; chmod +x run; mkdir d; "
          "echo 1 >d/e; ln -s a l; git add .; git commit -qm files");
    struct str commit = output_of("git rev-parse HEAD"), before = output_of("find .git -type f");
    shell("printf 'one\\n2\\nthree' >a; rm b; echo new >'d/f g'; chmod -x run; printf '\\0\\1' "
          ">bin; rm l; ln -s d l; echo path >p\303\244th; touch empty");
    struct vcs *vcs = open_here();
    struct vcs_path_vec changes = {0}, lacks = {0};
    struct vcs_file_vec files = {0};
    struct str patch = {0};
    bool is_cut = false;
    assert_ok(vcs_changes(vcs, &arena, NULL, NULL, &changes));
    assert_ok(vcs_patch(vcs, &arena, &changes, &patch, &is_cut));
    assert_ok(vcs_apply(vcs, &arena, commit, patch, &files, &lacks));
    AUTO(buf_drop) struct buf text = {0};
    vec_each (struct vcs_file, file, &files)
        buf_print(&text, "%.*s %o %.*s|", STR_FMT(file->path), file->mode, STR_FMT(file->bytes));
    assert_string_equal(text.at, "a 100644 one\n2\nthree|b 0 |d/f g 100644 new\n|empty 100644 |"
                                 "l 120000 d|p\303\244th 100644 path\n|run 100644 run\n|");
    assert_items(&lacks, "bin");
    assert_true(str_equal(before, output_of("find .git -type f")));
    vcs_drop(&vcs);
}

static void a_patch_from_before_the_first_commit_gives_new_files(void **state)
{
    (void)state;
    struct vcs *vcs = open_here();
    struct vcs_path_vec lacks = {0};
    struct vcs_file_vec files = {0};
    assert_ok(vcs_apply(vcs, &arena, STR(""),
                        STR("diff --git a/x b/x\nnew file mode 100644\nindex 0000000..b77f6a2\n"
                            "--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+diff --git\n"),
                        &files, &lacks));
    assert_int_equal(files.len, 1);
    assert_str(files.at[0].bytes, "diff --git\n");
    vcs_drop(&vcs);
}

static void a_patch_that_does_not_fit_is_damage(void **state)
{
    (void)state;
    shell("echo 1 >a; git add a; git commit -qm a");
    struct str commit = output_of("git rev-parse HEAD");
    struct vcs *vcs = open_here();
    struct vcs_path_vec lacks = {0};
    struct vcs_file_vec files = {0};
    struct str head = STR("diff --git a/a b/a\nindex d00491f..0cfbf08 100644\n--- a/a\n+++ b/a\n");
    const char *const bodies[] = {"@@ -1 +1 @@\n-2\n+3\n", "@@ -2 +2 @@\n-1\n+2\n",
                                  "@@ -1,0 +3,1 @@\n+1\n@@ -1 +1 @@\n-1\n+2\n"};
    for (size_t i = 0; i < COUNT_OF(bodies); i++)
        assert_error(vcs_apply(vcs, &arena, commit,
                               str_print(&arena, "%.*s%s", STR_FMT(head), bodies[i]), &files,
                               &lacks),
                     ERROR_STORED, "do not fit commit");
    assert_error(vcs_apply(vcs, &arena, commit,
                           str_print(&arena, "%.*s@@ -1 +1 @@\n-1\n", STR_FMT(head)), &files,
                           &lacks),
                 ERROR_STORED, "byte 0 is damaged or cut");
    vcs_drop(&vcs);
}

static void tracked_files_and_directories_are_told_from_others(void **state)
{
    (void)state;
    AUTO(vcs_drop) struct vcs *vcs = open_here();
    const struct str paths[] = {STR("data/a.csv"), STR("data"),   STR("data/"), STR("dat"),
                                STR("other"),      STR("data/b"), STR("."),     STR("staged"),
                                STR("removed"),    STR("\0x")};
    struct vcs_path_vec tracked = {0};
    shell("mkdir data other; echo 1 > data/a.csv; echo 1 > data/b; echo 1 > other/x; echo 1 > "
          "removed; git add data/a.csv removed; git commit -m 1; echo 1 > staged; git add staged;"
          "rm removed");
    assert_ok(vcs_tracked(vcs, &arena, paths, COUNT_OF(paths), &tracked));
    assert_items(&tracked, "data/a.csv,data,data/,.,staged,removed");
    shell("git rm --cached removed staged");
    assert_ok(vcs_tracked(vcs, &arena, paths, COUNT_OF(paths), &tracked));
    assert_items(&tracked, "data/a.csv,data,data/,.");
}

/* Names, sizes, inodes and times of all that is in .git (but access times). */
static struct str state_of_git(void)
{
    return output_of("find .git -printf '%p %s %i %T@ %C@\\n' | sort");
}

static void nothing_is_run_and_nothing_in_the_repository_changes(void **state)
{
    (void)state;
    struct vcs_path_vec paths = {0};
    struct str text = {0};
    bool is_cut = false;
    shell("echo '*.x filter=f diff=d' > .gitattributes; seq 5 > a.x; seq 5 > b; git add .;"
          "git commit -m 1; echo 'touch %s/ran; cat' > ../run; chmod +x ../run;"
          "for k in filter.f.clean filter.f.smudge diff.d.textconv diff.d.command diff.external"
          " core.fsmonitor; do git config $k ../run; done; git config filter.f.required true;"
          "mkdir -p .git/hooks; for h in post-index-change fsmonitor-watchman; do"
          " cp ../run .git/hooks/$h; done; seq 6 > a.x; seq 7 > c.x; touch b",
          home);
    struct str before = state_of_git();
    AUTO(vcs_drop) struct vcs *vcs = open_here();
    assert_ok(vcs_changes(vcs, &arena, NULL, NULL, &paths));
    assert_items(&paths, "a.x,c.x");
    assert_ok(vcs_patch(vcs, &arena, &paths, &text, &is_cut));
    assert_ok(vcs_tips(vcs, &arena, &paths));
    assert_ok(vcs_tracked(vcs, &arena, &text, 1, &paths));
    struct str after = state_of_git();
    write_file("before", before);
    write_file("after", after);
    if (!str_equal(before, after))
        fail_msg("%.*s", STR_FMT(output_of("diff ../before ../after; true")));
    shell("test ! -e ../ran");
}

static void a_repository_of_another_user_is_refused_with_the_way_out(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("skipped: only root can give a directory to somebody else\n");
        skip();
    }
    struct vcs *vcs = NULL;
    shell("mkdir d; git commit --allow-empty -m 1; chown -R 65534:65534 .");
    struct str below = path_join(&arena, str_of(repository), STR("d"));
    struct str command =
        str_print(&arena, "git config --global --add safe.directory '%s'", repository);
    assert_error(vcs_open(below, &vcs), ERROR_MACHINE, command.at);
    assert_null(vcs);
    shell("git config --global --add safe.directory /elsewhere");
    assert_error(vcs_open(below, &vcs), ERROR_MACHINE, command.at);
    assert_int_equal(system(command.at), 0);
    AUTO(vcs_drop) struct vcs *allowed = NULL;
    assert_ok(vcs_open(below, &allowed));
    assert_non_null(allowed);
}

static void a_damaged_repository_is_an_error(void **state)
{
    (void)state;
    struct vcs_path_vec paths = {0};
    shell("echo 1 > f; git add .; git commit -m 1; printf 'DIRC garbage' > .git/index");
    AUTO(vcs_drop) struct vcs *vcs = open_here();
    assert_error(vcs_changes(vcs, &arena, NULL, NULL, &paths), ERROR_MACHINE, "libgit2: ");
    struct vcs *none = NULL;
    shell("echo '[core' > .git/config");
    assert_error(vcs_open(str_of(repository), &none), ERROR_MACHINE, repository);
    assert_null(none);
}

static struct str fingerprint_of(const char *directory)
{
    struct str fingerprint = {0};
    assert_ok(vcs_fingerprint(&arena, path_join(&arena, str_of(repository), str_of(directory)),
                              &fingerprint));
    return fingerprint;
}

static void the_fingerprint_changes_with_commit_branch_and_index_only(void **state)
{
    (void)state;
    static const char *const changing[] = {
        "git commit --allow-empty -m 2", "git checkout -b other",  "git pack-refs --all",
        "git checkout --detach",         "echo 1 > g; git add g",  "git checkout main",
        "git reset --soft HEAD~1",       "git branch -m main new",
    };
    struct str before = fingerprint_of(".");
    assert_true(before.len > 0);
    shell("mkdir -p d/e; echo 1 > f; git add f; git commit -m 1");
    for (size_t i = 0; i < COUNT_OF(changing); i++) {
        struct str now = fingerprint_of("d/e");
        assert_false(str_equal(now, before));
        shell("echo 2 > f; git show; git log; git rev-parse HEAD; git tag t%zu", i);
        assert_true(str_equal(fingerprint_of("."), now));
        before = now;
        shell("%s", changing[i]);
    }
    assert_false(str_equal(fingerprint_of("."), before));
}

static void another_work_tree_has_a_fingerprint_of_its_own(void **state)
{
    (void)state;
    shell("git commit --allow-empty -m 1; git worktree add ../other");
    struct str here = fingerprint_of("."), there = fingerprint_of("../other");
    assert_true(there.len > 0);
    assert_false(str_equal(here, there));
    shell("cd ../other; git commit --allow-empty -m 2");
    assert_false(str_equal(fingerprint_of("../other"), there));
    assert_true(str_equal(fingerprint_of("."), here));
    AUTO(vcs_drop) struct vcs *vcs = NULL;
    struct str commit = {0}, branch = {0};
    assert_ok(vcs_open(path_join(&arena, str_of(home), STR("other")), &vcs));
    assert_ok(vcs_head(vcs, &arena, &commit, &branch));
    assert_str(branch, "other");
}

static void a_file_called_git_that_means_nothing_is_passed_over(void **state)
{
    (void)state;
    shell("mkdir d e; echo nonsense > d/.git; printf 'gitdir: \\000x' > e/.git");
    assert_true(str_equal(fingerprint_of("d"), fingerprint_of(".")));
    assert_true(str_equal(fingerprint_of("e"), fingerprint_of(".")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(libgit2_is_there),
        TEST(outside_of_a_repository_there_is_none),
        TEST(a_bare_repository_holds_no_project),
        TEST(the_repository_is_found_from_a_subdirectory),
        TEST(before_the_first_commit_there_is_a_branch_only),
        TEST(head_is_the_commit_and_the_branch),
        TEST(a_remote_is_told_without_its_secrets),
        TEST(changes_are_what_git_status_shows_file_by_file),
        TEST(changes_before_the_first_commit_are_all_files),
        TEST(files_left_out_by_a_sparse_checkout_are_not_changes),
        TEST(submodules_are_not_changes),
        TEST(git_apply_makes_the_work_tree_from_the_patch),
        TEST(only_the_named_paths_are_in_the_patch),
        TEST(binary_files_are_mentioned_only),
        TEST(a_patch_too_large_is_cut_behind_a_line),
        TEST(a_patch_gives_back_the_files_it_was_made_from),
        TEST(a_patch_from_before_the_first_commit_gives_new_files),
        TEST(a_patch_that_does_not_fit_is_damage),
        TEST(tracked_files_and_directories_are_told_from_others),
        TEST(nothing_is_run_and_nothing_in_the_repository_changes),
        TEST(a_repository_of_another_user_is_refused_with_the_way_out),
        TEST(a_damaged_repository_is_an_error),
        TEST(the_fingerprint_changes_with_commit_branch_and_index_only),
        TEST(another_work_tree_has_a_fingerprint_of_its_own),
        TEST(a_file_called_git_that_means_nothing_is_passed_over),
    };
    return cmocka_run_group_tests(tests, make_home, remove_home);
}
