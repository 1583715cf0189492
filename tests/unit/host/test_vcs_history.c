#include "vcs_home.h"

static void a_revision_is_resolved_to_its_commit(void **state)
{
    (void)state;
    static const char *const same[] = {"HEAD~1", "main~1", "v1", "@~", "v1^{commit}", "HEAD^"};
    static const char *const nothing[] = {"absent", "v2", "HEAD:f", "HEAD~9", "-x", "a..b", "^{"};
    AUTO(vcs_drop) struct vcs *vcs = open_here();
    struct str commit = {0};
    bool found = false;
    shell("echo 1 > f; git add f; git commit -m 1; git tag -a -m t v1; git commit --allow-empty -m "
          "2");
    struct str expected = output_of("git rev-parse v1^{commit}");
    for (size_t i = 0; i < COUNT_OF(same); i++) {
        assert_ok(vcs_resolve(vcs, &arena, str_of(same[i]), &commit, &found));
        if (!found)
            fail_msg("%s is not found", same[i]);
        assert_true(str_equal(commit, expected));
    }
    assert_ok(vcs_resolve(vcs, &arena, str_slice(expected, 0, 8), &commit, &found));
    assert_true(found && str_equal(commit, expected));
    for (size_t i = 0; i < COUNT_OF(nothing); i++) {
        assert_ok(vcs_resolve(vcs, &arena, str_of(nothing[i]), &commit, &found));
        assert_false(found);
    }
    assert_ok(vcs_resolve(vcs, &arena, STR("HEAD\0x"), &commit, &found));
    assert_false(found);
}

static void a_file_is_read_as_it_was_committed(void **state)
{
    (void)state;
    AUTO(vcs_drop) struct vcs *vcs = open_here();
    struct str text = {0};
    bool found = false;
    shell("mkdir d; printf 'old\\n' > d/f; ln -s d/f link; git add .; git commit -m 1; printf "
          "'new\\n' > d/f");
    struct str commit = output_of("git rev-parse HEAD");
    assert_ok(vcs_read(vcs, &arena, commit, STR("d/f"), 4, &text, &found));
    assert_true(found);
    assert_str(text, "old\n");
    assert_error(vcs_read(vcs, &arena, commit, STR("d/f"), 3, &text, &found), ERROR_MACHINE,
                 "larger than 3 bytes");
    const struct str absent[] = {STR("d"), STR("d/g"), STR("d/f/g"), STR("x"),
                                 STR(""),  STR("d\0"), STR("/"),     STR("../d/f")};
    for (size_t i = 0; i < COUNT_OF(absent); i++) {
        assert_ok(vcs_read(vcs, &arena, commit, absent[i], 100, &text, &found));
        assert_false(found);
    }
    assert_error(vcs_read(vcs, &arena, STR("0123456789012345678901234567890123456789"), STR("d/f"),
                          100, &text, &found),
                 ERROR_MACHINE, "can't be read");
    assert_error(vcs_read(vcs, &arena, STR("main"), STR("d/f"), 100, &text, &found), ERROR_MACHINE,
                 "not the id of a commit");
}

static void a_lost_object_is_an_error_rather_than_an_absent_file(void **state)
{
    (void)state;
    AUTO(vcs_drop) struct vcs *vcs = open_here();
    struct str text = {0};
    bool found = false;
    shell("echo 1 > f; git add .; git commit -m 1; b=$(git rev-parse HEAD:f);"
          "rm -f .git/objects/$(echo $b | cut -c1-2)/$(echo $b | cut -c3-)");
    assert_error(
        vcs_read(vcs, &arena, output_of("git rev-parse HEAD"), STR("f"), 100, &text, &found),
        ERROR_MACHINE, "'f' can't be read");
}

static void two_commits_differ_in_these_files(void **state)
{
    (void)state;
    AUTO(vcs_drop) struct vcs *vcs = open_here();
    struct vcs_path_vec files = {0};
    shell(
        "mkdir d; echo 1 > a; echo 1 > d/gone; echo 1 > link; echo 1 > same; git add .; git commit "
        "-m 1; echo 2 > a; git rm d/gone; echo 1 > b; ln -sf a link; git add .; git commit -m 2");
    struct str first = output_of("git rev-parse HEAD~1"), second = output_of("git rev-parse HEAD");
    assert_ok(vcs_diff_files(vcs, &arena, first, second, &files));
    assert_items(&files, "M a,A b,D d/gone,M link");
    assert_ok(vcs_diff_files(vcs, &arena, second, second, &files));
    assert_items(&files, "");
    assert_ok(vcs_diff_files(vcs, &arena, (struct str){0}, first, &files));
    assert_items(&files, "A a,A d/gone,A link,A same");
}

static void assert_between(struct vcs *vcs, const char *from, const char *to, size_t most,
                           const char *subjects, int64_t count)
{
    struct vcs_commit_vec commits = {0};
    struct buf found = buf_in(&arena);
    int64_t found_count = -1;
    buf_add_text(&found, "");
    assert_ok(vcs_between(vcs, &arena, output_of(str_print(&arena, "git rev-parse %s", from).at),
                          output_of(str_print(&arena, "git rev-parse %s", to).at), most, &commits,
                          &found_count));
    vec_each (const struct vcs_commit, commit, &commits) {
        buf_print(&found, "%s%.*s", found.len ? "," : "", STR_FMT(commit->subject));
        assert_int_equal(commit->id.len, 40);
    }
    assert_string_equal(found.at, subjects);
    assert_int_equal(found_count, count);
}

static void commits_between_two_are_those_that_only_the_second_has(void **state)
{
    (void)state;
    AUTO(vcs_drop) struct vcs *vcs = open_here();
    shell("n() { git commit --allow-empty -m \"$1\"; }; n base; git checkout -b topic; n t1; n t2;"
          "git checkout -b other HEAD~2; n 'o1\n\nmore words'; n o2; n o3");
    assert_between(vcs, "topic", "other", 10, "o3,o2,o1", 3);
    assert_between(vcs, "other", "topic", 10, "t2,t1", 2);
    assert_between(vcs, "topic", "other", 1, "o3", 3);
    assert_between(vcs, "topic", "topic", 10, "", 0);
    struct vcs_commit_vec commits = {0};
    int64_t count = 0;
    assert_error(vcs_between(vcs, &arena, STR("1111111111111111111111111111111111111111"),
                             output_of("git rev-parse topic"), 1, &commits, &count),
                 ERROR_MACHINE, "history");
}

static void the_text_of_changes_is_of_the_paths_that_are_asked_for(void **state)
{
    (void)state;
    AUTO(vcs_drop) struct vcs *vcs = open_here();
    struct str text = {0};
    bool was_cut = true;
    shell("mkdir d; echo 1 > a; echo 1 > b; echo 1 > d/c; git add .; git commit -m 1;"
          "echo 2 > a; echo 2 > b; echo 2 > d/c; git commit -am 2; echo 3 > a; echo new > d/n");
    struct str first = output_of("git rev-parse HEAD~1"), second = output_of("git rev-parse HEAD");
    struct vcs_path_vec paths = {0};
    assert_ok(vcs_diff_patch(vcs, &arena, first, second, &paths, &text, &was_cut));
    assert_true(!text.len && !was_cut);
    *vec_push(&arena, &paths) = STR("a");
    *vec_push(&arena, &paths) = STR("d");
    assert_ok(vcs_diff_patch(vcs, &arena, first, second, &paths, &text, &was_cut));
    assert_true(str_find(text, STR("+++ b/a\n")) > 0 && str_find(text, STR("\n-1\n+2\n")) > 0);
    assert_true(str_find(text, STR("+++ b/d/c\n")) > 0 && str_find(text, STR("b/b")) < 0);
    assert_ok(vcs_diff_patch(vcs, &arena, first, (struct str){0}, &paths, &text, &was_cut));
    assert_true(str_find(text, STR("\n-1\n+3\n")) > 0 && str_find(text, STR("+new\n")) > 0);
}

static bool has_commit(const struct vcs_path_vec *commits, const char *revision)
{
    struct str command = str_print(&arena, "git rev-parse '%s^{commit}'", revision);
    struct str commit = output_of(command.at);
    size_t count = 0;
    vec_each (struct str, item, commits)
        count += str_equal(*item, commit);
    assert_true(count <= 1);
    return count == 1;
}

static void everything_that_git_keeps_is_a_tip(void **state)
{
    (void)state;
    static const char *const kept[] = {"main",        "topic",     "v1",          "v2",
                                       "stash@{0}",   "stash@{1}", "stash@{0}^2", "stash@{0}^3",
                                       "origin/main", "detached",  "elsewhere"};
    AUTO(vcs_drop) struct vcs *vcs = open_here();
    struct vcs_path_vec commits = {0};
    assert_ok(vcs_tips(vcs, &arena, &commits));
    assert_int_equal(commits.len, 0);
    shell(
        "n() { git commit --allow-empty -m $1; }; echo 1 > f; git add f; n base; git clone . ../o;"
        "git -C ../o commit --allow-empty -m remote; git remote add origin ../o; git fetch origin;"
        "git checkout -b topic; n topic; git checkout -b x main; n t1; git tag v1; n t2;"
        "git tag -a -m t v2; git checkout main; n main; git branch -D x; git tag blob main:f;"
        "echo 2 > f; git stash; echo 3 > f; echo 1 > new; git stash -u;"
        "git worktree add --detach ../elsewhere main; git -C ../elsewhere commit --allow-empty -m "
        "e;"
        "git checkout --detach; n detached; git pack-refs --all");
    shell("printf %%s $(git -C ../elsewhere rev-parse HEAD) > .git/elsewhere;"
          "git rev-parse HEAD > .git/detached");
    assert_ok(vcs_tips(vcs, &arena, &commits));
    for (size_t i = 0; i < COUNT_OF(kept); i++)
        if (!has_commit(&commits, kept[i]))
            fail_msg("%s is not a tip", kept[i]);
    assert_false(has_commit(&commits, "v1~1"));
}

/* What a lost or broken one needs would be taken for what nobody needs. */
static void a_tip_that_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    static const char *const names[] = {"main", "stash", "ORIG_HEAD"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        AUTO(vcs_drop) struct vcs *vcs = NULL;
        struct vcs_path_vec commits = {0};
        shell("rm -rf .git f; git init; echo 1 > f; git add f; git commit -m 1;"
              "echo 2 > f; git stash; git commit --allow-empty -m 2; git reset --hard HEAD^;"
              "git update-ref -d refs/remotes/origin/main;"
              "git symbolic-ref refs/remotes/origin/HEAD refs/remotes/origin/main");
        assert_ok(vcs_open(str_of(repository), &vcs));
        assert_ok(vcs_tips(vcs, &arena, &commits));
        vcs_drop(&vcs);
        shell("c=$(git rev-parse %s); f=.git/objects/$(echo $c | cut -c 1-2)/$(echo $c | cut -c "
              "3-); chmod 644 $f; echo broken > $f",
              names[i]);
        assert_ok(vcs_open(str_of(repository), &vcs));
        assert_error(vcs_tips(vcs, &arena, &commits), ERROR_MACHINE, "can't be read");
    }
}

static void files_of_a_commit_are_listed_by_suffix(void **state)
{
    (void)state;
    AUTO(vcs_drop) struct vcs *vcs = open_here();
    struct vcs_path_vec paths = {0};
    shell(
        "mkdir -p a/b z.lock; for f in p.lock a/b/q.lock a/r.lockx z.lock/s a-x.lock; do echo 1 > "
        "$f; done; ln -s p.lock l.lock; git add .; git commit -m 1; rm p.lock");
    struct str commit = output_of("git rev-parse HEAD");
    assert_ok(vcs_list(vcs, &arena, commit, STR(".lock"), &paths));
    assert_items(&paths, "a-x.lock,a/b/q.lock,p.lock");
}

static void a_tree_nested_without_end_is_refused(void **state)
{
    (void)state;
    AUTO(vcs_drop) struct vcs *vcs = open_here();
    struct vcs_path_vec paths = {0};
    shell("t=$(git mktree < /dev/null); i=0; while [ $i -lt 300 ]; do"
          " t=$(printf '040000 tree %%s\\td\\n' $t | git mktree); i=$((i+1)); done;"
          "git update-ref refs/heads/main $(git commit-tree -m deep $t)");
    struct str commit = output_of("git rev-parse main");
    assert_error(vcs_list(vcs, &arena, commit, STR(".lock"), &paths), ERROR_MACHINE,
                 "nests directories deeper than 256");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_revision_is_resolved_to_its_commit),
        TEST(a_file_is_read_as_it_was_committed),
        TEST(a_lost_object_is_an_error_rather_than_an_absent_file),
        TEST(two_commits_differ_in_these_files),
        TEST(commits_between_two_are_those_that_only_the_second_has),
        TEST(the_text_of_changes_is_of_the_paths_that_are_asked_for),
        TEST(everything_that_git_keeps_is_a_tip),
        TEST(a_tip_that_cannot_be_read_is_an_error),
        TEST(files_of_a_commit_are_listed_by_suffix),
        TEST(a_tree_nested_without_end_is_refused),
    };
    return cmocka_run_group_tests(tests, make_home, remove_home);
}
