#include "trial.h"

/* Every file below the project but .mlops, with digest, mode and time of change. */
static struct str listing(struct rig *rig)
{
    struct str path = str_print(rig->arena, "%s.listing", rig->scratch.path);
    struct str script = str_print(
        rig->arena,
        "find . -path ./.mlops -prune -o -printf '%%p %%m %%l ' \\( -type f -printf '%%T@ %%i' "
        "-readable -exec sha256sum {} \\; -o -printf '\\n' \\) | sort > %s; git stash list >> %s "
        "|| true; "
        "git branch -v >> %s || true",
        path.at, path.at, path.at);
    struct str text = {0};
    bool is_found = false;
    shell(rig, script.at);
    assert_fine(file_read(rig->arena, AT_FDCWD, path.at, 1 << 24, &text, &is_found));
    unlink(path.at);
    assert_true(is_found);
    return text;
}

static bool has_namespaces(struct rig *rig)
{
    bool can = false;
    struct str why = {0};
    assert_fine(namespace_probe(rig->arena, &can, &why));
    return can;
}

static void a_trial_stands_at_the_projects_path(void **state)
{
    (void)state;
    struct rig rig = project_open(plain);
    struct work_dir work_dir;
    if (!has_namespaces(&rig)) {
        rig_drop(&rig);
        skip();
    }
    struct str before = listing(&rig);
    make(&rig, ISOLATION_NAMESPACE, &work_dir);
    assert_int_equal(inside(&rig, &work_dir,
                            "test \"$PWD\" = \"$0\"; test \"$(/bin/pwd)\" = \"$0\"\n"
                            "cat $0/src/code.py data/raw.csv params.yaml .mlops/home/config.yaml\n"
                            "test -d .mlops/cache/obj\n"
                            "echo 'print(2)' > $0/src/code.py; rm params.yaml; echo x > new\n"
                            "git rev-parse HEAD; if git commit -qam two; then exit 1; fi\n"
                            "if git stash; then exit 2; fi\n"
                            "if touch .git/x; then exit 3; fi"),
                     0);
    struct str after = listing(&rig);
    assert_string_equal(before.at, after.at);
    work_dir_drop(&work_dir);
    assert_fine(work_dir_remove(rig.session, &work_dir));
    assert_false(scratch_has(&rig.scratch, ".mlops/work/ABCDEFGH-1"));
    rig_drop(&rig);
}

static void a_directory_of_its_own_is_enough_for_relative_paths(void **state)
{
    (void)state;
    struct rig rig = project_open(plain);
    struct work_dir work_dir;
    struct str before = listing(&rig);
    make(&rig, ISOLATION_DIRECTORY, &work_dir);
    assert_int_equal(inside(&rig, &work_dir,
                            "test \"$PWD\" = \"$0/.mlops/work/ABCDEFGH-1\"\n"
                            "cat src/code.py data/raw.csv params.yaml\n"
                            "echo 'print(2)' > src/code.py; rm params.yaml\n"
                            "if git rev-parse HEAD; then exit 1; fi"),
                     0);
    struct str after = listing(&rig);
    assert_string_equal(before.at, after.at);
    work_dir_drop(&work_dir);
    assert_fine(work_dir_remove(rig.session, &work_dir));
    rig_drop(&rig);
}

/* A session inside: the same key as in the project, its own lock file, one history. */
static int run_inside(const struct work_dir *work_dir)
{
    pid_t child = fork();
    if (child == 0) {
        struct str root = {0};
        struct arena *arena = memory_grow(NULL, sizeof *arena);
        *arena = (struct arena){0};
        struct session session;
        struct run_report report = {0};
        struct error *error = work_dir_enter(arena, work_dir, &root);
        struct session_options options = {.cwd = root, .threads = 0, .observer = &silence};
        if (!error)
            error = session_open(arena, &options, &session);
        if (!error)
            error = run_plan(&session, &(struct run_options){0}, &report);
        if (error)
            fprintf(stderr, "%s (%s)\n", error->text, error->cause ? error->cause->text : "");
        int status = error ? 99 : report.exit_status;
        if (!error && report.run->counts.executed)
            status += 10;
        if (!error && report.work.hashed_files > report.run->counts.executed) /* but the output */
            status += 20;
        if (!error)
            session_drop(&session);
        _exit(status);
    }
    int status = 0;
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void run_at_level(enum isolation isolation)
{
    struct rig rig = project_open(plain);
    struct work_dir work_dir;
    if (isolation == ISOLATION_NAMESPACE && !has_namespaces(&rig)) {
        rig_drop(&rig);
        skip();
    }
    struct str before = listing(&rig);
    make(&rig, isolation, &work_dir);
    assert_int_equal(run_inside(&work_dir), 10);
    assert_true(scratch_has(&rig.scratch, ".mlops/work/ABCDEFGH-1/model.txt"));
    assert_true(scratch_has(&rig.scratch, ".mlops/work/ABCDEFGH-1/pipeline.lock"));
    assert_true(scratch_has(&rig.scratch, ".mlops/lineage.db"));
    assert_false(scratch_has(&rig.scratch, ".mlops/work/ABCDEFGH-1/.mlops/lineage.db"));
    struct str after = listing(&rig);
    assert_string_equal(before.at, after.at);
    work_dir_drop(&work_dir);
    make(&rig, isolation, &work_dir); /* the first one goes; what it made is known */
    assert_int_equal(run_inside(&work_dir), 0);
    assert_true(scratch_has(&rig.scratch, ".mlops/work/ABCDEFGH-1/model.txt"));
    work_dir_drop(&work_dir);
    struct run_report report;
    session_drop(rig.session);
    rig_reopen(&rig);
    assert_fine(run_plan(rig.session, &(struct run_options){0}, &report));
    assert_int_equal(report.run->counts.executed, 0); /* the same key as in the project */
    assert_int_equal(report.run->counts.restored, 1);
    assert_fine(work_dir_remove(rig.session, &work_dir));
    rig_drop(&rig);
}

static void a_run_shares_history_and_cache_at_the_projects_path(void **state)
{
    (void)state;
    run_at_level(ISOLATION_NAMESPACE);
}

static void a_run_shares_history_and_cache_in_a_directory(void **state)
{
    (void)state;
    run_at_level(ISOLATION_DIRECTORY);
}

/* Everything that is not of the plain kind. */
static const char odd_files[] =
    "ln -s raw.csv data/link; ln -s ../src docs/up; ln -s nowhere data/broken\n"
    "echo '#!/bin/sh' > tool; chmod +x tool; mkdir logs empty empty/inner\n"
    "echo untracked > 'new file'; echo x > secret; chmod 000 secret; mkfifo pipe\n"
    "git rm -q --cached src/code.py; git rm -q docs/gone 2>/dev/null || true\n"
    "mkdir -p .venv/bin cachedir; echo venv > .venv/bin/python; echo c > cachedir/c\n"
    "echo log > run.log; mkdir src/__pycache__; echo p > src/__pycache__/a.pyc\n"
    "printf '__pycache__/\\n/state/\\n' >> .gitignore; mkdir -p state/deep; echo 1 > state/deep/s\n"
    "echo made > model.txt; git update-index --skip-worktree params.yaml\n";

static const char odd_checks[] =
    "test \"$(readlink data/link)\" = raw.csv; test \"$(readlink docs/up)\" = ../src\n"
    "test \"$(readlink data/broken)\" = nowhere; cat docs/up/code.py >/dev/null\n"
    "test -x tool; test ! -x params.yaml; test -d logs; test -d empty/inner\n"
    "test \"$(cat 'new file')\" = untracked; test ! -e pipe; test ! -e model.txt\n"
    "test -e src/code.py; test \"$(cat .venv/bin/python)\" = venv; test \"$(cat cachedir/c)\" = c\n"
    "test \"$(cat run.log)\" = log; test ! -e src/__pycache__; test \"$(cat state/deep/s)\" = 1\n"
    "test -e params.yaml; test -e .gitignore; test -e data/raw.csv\n"
    "echo more >> run.log\n";

static void look_at_level(enum isolation isolation, const char *made, const char *checks)
{
    struct rig rig = project_open(plain);
    struct work_dir work_dir;
    if (isolation == ISOLATION_NAMESPACE && !has_namespaces(&rig)) {
        rig_drop(&rig);
        skip();
    }
    shell(&rig, made);
    struct str before = listing(&rig);
    make(&rig, isolation, &work_dir);
    assert_int_equal(inside(&rig, &work_dir, checks), 0);
    struct str after = listing(&rig);
    assert_string_equal(before.at, after.at);
    work_dir_drop(&work_dir);
    assert_fine(work_dir_remove(rig.session, &work_dir));
    rig_drop(&rig);
}

static void all_kinds_of_files_are_in_a_trial(void **state)
{
    (void)state;
    look_at_level(ISOLATION_DIRECTORY, odd_files, odd_checks);
}

static void what_is_written_in_ignored_directories_stays_in_the_trial(void **state)
{
    (void)state;
    AUTO(buf_drop) struct buf checks = {0};
    buf_print(
        &checks, "%s%s", odd_checks,
        "echo w > .venv/bin/new; echo w > cachedir/c; rm state/deep/s; test ! -e state/deep/s\n"
        "test \"$(cat cachedir/c)\" = w\n");
    look_at_level(ISOLATION_NAMESPACE, odd_files, checks.at);
}

static void an_absolute_link_into_the_project_is_the_trials_own(void **state)
{
    (void)state;
    look_at_level(
        ISOLATION_NAMESPACE, "ln -s \"$PWD/src\" docs/abs; git add docs; git commit -qm l",
        "test \"$(cat docs/abs/code.py)\" = 'print(1)'; echo 'print(3)' > docs/abs/code.py\n"
        "test \"$(cat src/code.py)\" = 'print(3)'");
}

static void submodules_are_in_a_trial(void **state)
{
    (void)state;
    static const char made[] =
        "git init -q ../$(basename $PWD).sub; cd ../$(basename $PWD).sub; git config user.name t\n"
        "git config user.email t@t; echo lib > lib.py; echo '*.o' > .gitignore; git add .\n"
        "git commit -qm sub; cd - >/dev/null\n"
        "git -c protocol.file.allow=always submodule -q add $PWD.sub vendor 2>/dev/null\n"
        "git commit -qm submodule; echo local >> vendor/lib.py; echo o > vendor/a.o\n"
        "rm -rf $PWD.sub";
    look_at_level(ISOLATION_NAMESPACE, made,
                  "test \"$(tail -1 vendor/lib.py)\" = local; test -e vendor/a.o; cd vendor; git "
                  "rev-parse HEAD >/dev/null\n"
                  "test \"$(git rev-parse --show-toplevel)\" = \"$0/vendor\"\n"
                  "if git commit -qam x 2>/dev/null; then exit 1; fi");
    look_at_level(ISOLATION_DIRECTORY, made, "test \"$(tail -1 vendor/lib.py)\" = local");
}

static void a_virtual_environment_is_shared_though_git_does_not_ignore_it(void **state)
{
    (void)state;
    look_at_level(
        ISOLATION_NAMESPACE,
        "mkdir -p env/lib; echo 'home = /usr/bin' > env/pyvenv.cfg; echo m > env/lib/m.py",
        "test \"$(cat env/lib/m.py)\" = m; echo w > env/lib/m.py");
}

static void a_project_needs_no_git(void **state)
{
    (void)state;
    look_at_level(ISOLATION_NAMESPACE,
                  "rm -rf .git; mkdir big keep void; echo b > big/b; echo k > keep/k\n"
                  "printf 'big/\\n*.tmp\\n' > .mlopsignore; echo t > keep/t.tmp; alias git=true",
                  "test \"$(cat big/b)\" = b; test \"$(cat keep/k)\" = k; test -d void\n"
                  "echo w > big/b; cat src/code.py data/raw.csv >/dev/null");
}

/* The project is a directory of a larger repository, of a work tree of another one. */
static void a_project_may_be_a_part_of_a_repository(void **state)
{
    (void)state;
    struct rig rig = project_open(plain);
    struct work_dir work_dir;
    struct str root = {0};
    if (!has_namespaces(&rig)) {
        rig_drop(&rig);
        skip();
    }
    shell(&rig, "mkdir part other; cp -r src data params.yaml pipeline.yaml part\n"
                "echo '/model.txt' > part/.gitignore; echo o > other/o; git add .\n"
                "git commit -qm part; git worktree add -q -b wt \"$PWD.wt\"");
    session_drop(rig.session);
    for (int i = 0; i < 2; i++) {
        root = str_print(rig.arena, "%s%s/part", rig.scratch.path, i ? ".wt" : "");
        struct str ours = path_join(rig.arena, root, STR(".mlops"));
        assert_fine(directory_make(AT_FDCWD, ours.at, false)); /* a project of its own */
        struct session_options options = {.cwd = root, .threads = 0, .observer = &silence};
        assert_fine(session_open(rig.arena, &options, rig.session));
        assert_string_equal(rig.session->workspace.root.at, root.at);
        make(&rig, ISOLATION_NAMESPACE, &work_dir);
        assert_int_equal(inside(&rig, &work_dir,
                                "cat src/code.py params.yaml >/dev/null; echo x > src/code.py\n"
                                "git log -1 --format=%s; test -e ../other/o\n"
                                "git rev-parse --show-prefix; if git stash -q; then exit 1; fi\n"
                                "if git commit -qam x; then exit 2; fi\n"
                                "if git branch new; then exit 3; fi"),
                         0);
        work_dir_drop(&work_dir);
        assert_fine(work_dir_remove(rig.session, &work_dir));
        session_drop(rig.session);
    }
    shell(&rig, "test -z \"$(git status --porcelain | grep -v mlops)\"; rm -rf \"$PWD.wt\"");
    rig_reopen(&rig);
    rig_drop(&rig);
}

static void a_work_dir_may_lie_elsewhere(void **state)
{
    (void)state;
    struct rig rig = project_open(plain);
    struct work_dir work_dir;
    struct str place = str_print(rig.arena, "/dev/shm/mlops-test-%d", (int)getpid());
    setenv("MLOPS_WORK_DIR", place.at, 1);
    session_drop(rig.session);
    rig_reopen(&rig);
    for (enum isolation i = ISOLATION_NAMESPACE; i <= ISOLATION_DIRECTORY; i++) {
        if (i == ISOLATION_NAMESPACE && !has_namespaces(&rig))
            continue;
        make(&rig, i, &work_dir);
        assert_string_equal(work_dir.path.at, path_join(rig.arena, place, work_dir.name).at);
        assert_int_equal(run_inside(&work_dir), i == ISOLATION_NAMESPACE ? 10 : 0);
        work_dir_drop(&work_dir);
    }
    int64_t count = 0;
    assert_fine(work_dir_sweep(rig.session, &count));
    assert_int_equal(count, 1);
    unsetenv("MLOPS_WORK_DIR");
    assert_int_equal(rmdir(place.at), 0);
    rig_drop(&rig);
}

static void leftovers_of_the_dead_are_swept(void **state)
{
    (void)state;
    struct rig rig = project_open(plain);
    struct work_dir work_dir;
    int64_t count = 0;
    make(&rig, ISOLATION_DIRECTORY, &work_dir);
    shell(&rig, "mkdir -p .mlops/work/ABCDEFGH-1/.mlops/failed/RUN/ATTEMPT\n"
                "echo f > .mlops/work/ABCDEFGH-1/.mlops/failed/RUN/ATTEMPT/out");
    assert_fine(work_dir_sweep(rig.session, &count));
    assert_int_equal(count, 0); /* we hold it */
    work_dir_drop(&work_dir);
    assert_fine(work_dir_sweep(rig.session, &count));
    assert_int_equal(count, 1);
    assert_false(scratch_has(&rig.scratch, ".mlops/work/ABCDEFGH-1"));
    scratch_expect(&rig.scratch, ".mlops/failed/RUN/ATTEMPT/out", "f\n");
    rig_drop(&rig);
}

static void one_that_is_to_be_kept_is_not_swept(void **state)
{
    (void)state;
    struct rig rig = project_open(plain);
    struct snapshot snapshot;
    struct work_dir work_dir;
    int64_t count = 0;
    assert_fine(snapshot_take(rig.session, STR(""), &snapshot));
    struct work_dir_options options = {.session = rig.session,
                                       .snapshot = snapshot.tree,
                                       .name = STR("KEPT-1"),
                                       .keeps = true,
                                       .isolation = ISOLATION_DIRECTORY};
    assert_fine(work_dir_make(rig.arena, &options, &work_dir));
    work_dir_drop(&work_dir);
    assert_fine(work_dir_sweep(rig.session, &count));
    assert_int_equal(count, 0);
    assert_true(scratch_has(&rig.scratch, ".mlops/work/KEPT-1/params.yaml"));
    rig_drop(&rig);
}

static void a_commit_is_what_git_has_of_it(void **state)
{
    (void)state;
    struct rig rig = project_open(plain);
    struct snapshot snapshot, patched;
    struct work_dir work_dir;
    struct run_report report;
    assert_fine(run_plan(rig.session, &(struct run_options){0}, &report));
    shell(&rig, "git add .; git commit -qm two; git rev-parse HEAD > /dev/null");
    struct str first = {0}, branch = {0};
    struct vcs *vcs = NULL;
    session_drop(rig.session);
    rig_reopen(&rig);
    assert_fine(session_vcs(rig.session, &vcs));
    assert_fine(vcs_head(vcs, rig.arena, &first, &branch));
    shell(&rig, "echo 'print(9)' > src/code.py; echo n > new.py");
    assert_fine(snapshot_take(rig.session, STR(""), &patched));
    assert_int_equal(patched.code.is_dirty, 1);
    shell(&rig, "rm new.py; git commit -qam three");
    assert_fine(snapshot_of_commit(rig.session, first, (struct digest){{0}}, STR(""), &snapshot));
    struct work_dir_options options = {.session = rig.session,
                                       .snapshot = snapshot.tree,
                                       .name = STR("COMMIT-1"),
                                       .isolation = ISOLATION_DIRECTORY};
    assert_fine(work_dir_make(rig.arena, &options, &work_dir));
    scratch_expect(&rig.scratch, ".mlops/work/COMMIT-1/src/code.py", "print(1)\n");
    scratch_expect(&rig.scratch, ".mlops/work/COMMIT-1/data/raw.csv", "a,b\n"); /* by its digest */
    work_dir_drop(&work_dir);
    assert_fine(snapshot_of_commit(rig.session, first, patched.code.patch, STR(""), &snapshot));
    options.snapshot = snapshot.tree;
    assert_fine(work_dir_make(rig.arena, &options, &work_dir));
    scratch_expect(&rig.scratch, ".mlops/work/COMMIT-1/src/code.py", "print(9)\n");
    scratch_expect(&rig.scratch, ".mlops/work/COMMIT-1/new.py", "n\n");
    work_dir_drop(&work_dir);
    shell(&rig, "echo other > data/raw.csv; rm -rf .mlops/cache/obj/* .mlops/cache/pack/*");
    session_drop(rig.session);
    rig_reopen(&rig);
    assert_error(snapshot_of_commit(rig.session, first, (struct digest){{0}}, STR(""), &snapshot),
                 "cannot make the project as it was");
    rig_drop(&rig);
}

static void a_snapshot_is_stored_once(void **state)
{
    (void)state;
    struct rig rig = project_open(plain);
    struct snapshot first, second;
    assert_fine(snapshot_take(rig.session, STR(""), &first));
    session_drop(rig.session);
    rig_reopen(&rig);
    assert_fine(snapshot_take(rig.session, STR(""), &second));
    assert_true(digest_equal(first.tree, second.tree));
    assert_int_equal(worktree_counts(rig.session->worktree).hashed_files, 0);
    struct worktree_file *files = NULL;
    size_t count = 0;
    assert_fine(snapshot_files(rig.session, rig.arena, second.tree, &files, &count));
    assert_int_equal(count, second.file_count);
    struct str bytes = {0};
    bool is_found = false;
    assert_fine(
        snapshot_read(rig.session, rig.arena, second.tree, STR("src/code.py"), &bytes, &is_found));
    assert_true(is_found && str_is(bytes, "print(1)\n"));
    assert_fine(
        snapshot_read(rig.session, rig.arena, second.tree, STR("src/none"), &bytes, &is_found));
    assert_false(is_found);
    rig_drop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trial_stands_at_the_projects_path),
        cmocka_unit_test(a_directory_of_its_own_is_enough_for_relative_paths),
        cmocka_unit_test(a_run_shares_history_and_cache_at_the_projects_path),
        cmocka_unit_test(a_run_shares_history_and_cache_in_a_directory),
        cmocka_unit_test(all_kinds_of_files_are_in_a_trial),
        cmocka_unit_test(what_is_written_in_ignored_directories_stays_in_the_trial),
        cmocka_unit_test(an_absolute_link_into_the_project_is_the_trials_own),
        cmocka_unit_test(submodules_are_in_a_trial),
        cmocka_unit_test(a_virtual_environment_is_shared_though_git_does_not_ignore_it),
        cmocka_unit_test(a_project_needs_no_git),
        cmocka_unit_test(a_project_may_be_a_part_of_a_repository),
        cmocka_unit_test(a_work_dir_may_lie_elsewhere),
        cmocka_unit_test(leftovers_of_the_dead_are_swept),
        cmocka_unit_test(one_that_is_to_be_kept_is_not_swept),
        cmocka_unit_test(a_commit_is_what_git_has_of_it),
        cmocka_unit_test(a_snapshot_is_stored_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
