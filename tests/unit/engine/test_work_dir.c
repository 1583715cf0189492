#include "mlops/base/buf.h"
#include "mlops/engine/run.h"
#include "mlops/engine/work_dir.h"

#include <stdarg.h>

#include <sys/wait.h>

#include "rig.h"

static const char plain[] = "stages:\n"
                            "  train:\n"
                            "    cmd: cat params.yaml data/raw.csv src/code.py > model.txt\n"
                            "    deps: [src, data/raw.csv]\n"
                            "    params: [lr]\n"
                            "    outs: [model.txt]\n";

/* Runs a script in the project; it must succeed. */
static void shell(const struct rig *rig, const char *script)
{
    AUTO(buf_drop) struct buf text = {0};
    buf_print(&text, "set -e; cd '%s'; export HOME=/nonexistent; unset GIT_DIR;\n%s",
              rig->scratch.path, script);
    if (system(text.at) != 0)
        fail_msg("the script failed: %s", script);
}

static struct rig project_open(const char *pipeline)
{
    struct rig rig = rig_open(pipeline);
    unsetenv("MLOPS_ISOLATION");
    unsetenv("MLOPS_WORK_DIR");
    shell(&rig,
          "git init -q; git config user.name t; git config user.email t@t.org\n"
          "mkdir src data docs; echo 'lr: 0.1  # rate' > params.yaml\n"
          "echo 'print(1)' > src/code.py; echo 'a,b' > data/raw.csv\n"
          "printf '/model.txt\\n/data/raw.csv\\n/.venv\\n*.log\\n/cachedir/\\n' > .gitignore\n"
          "git add .; git commit -qm one; git stash list >/dev/null");
    session_drop(rig.session);
    rig_reopen(&rig);
    return rig;
}

/* Every file below the project but .mlops, with digest, mode and time of change. */
static struct str listing(struct rig *rig)
{
    struct str path = str_print(rig->arena, "%s.listing", rig->scratch.path);
    struct str script = str_print(
        rig->arena,
        "find . -path ./.mlops -prune -o -printf '%%p %%m %%l ' \\( -type f -printf '%%T@ %%i' "
        "-exec sha256sum {} \\; -o -printf '\\n' \\) | sort > %s; git stash list >> %s; "
        "git branch -v >> %s",
        path.at, path.at, path.at);
    struct str text = {0};
    bool is_found = false;
    shell(rig, script.at);
    assert_fine(file_read(rig->arena, AT_FDCWD, path.at, 1 << 24, &text, &is_found));
    unlink(path.at);
    assert_true(is_found);
    return text;
}

static void make(struct rig *rig, enum isolation isolation, struct work_dir *ret)
{
    struct snapshot snapshot;
    assert_fine(snapshot_take(rig->session, &snapshot));
    struct work_dir_options options = {.session = rig->session,
                                       .snapshot = snapshot.tree,
                                       .name = STR("ABCDEFGH-1"),
                                       .isolation = isolation};
    assert_fine(work_dir_make(rig->arena, &options, ret));
}

/* Goes in and runs a script there, in a process of its own; 0: it succeeded. */
static int inside(struct rig *rig, const struct work_dir *work_dir, const char *script)
{
    pid_t child = fork();
    if (child == 0) {
        struct str root = {0};
        struct error *error = work_dir_enter(rig->arena, work_dir, &root);
        if (error)
            fprintf(stderr, "%s (%s)\n", error->text, error->cause ? error->cause->text : "");
        setenv("HOME", "/nonexistent", 1);
        if (!error)
            execl("/bin/sh", "sh", "-euc", script, rig->scratch.path, NULL);
        _exit(99);
    }
    int status = 0;
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trial_stands_at_the_projects_path),
        cmocka_unit_test(a_directory_of_its_own_is_enough_for_relative_paths),
        cmocka_unit_test(a_run_shares_history_and_cache_at_the_projects_path),
        cmocka_unit_test(a_run_shares_history_and_cache_in_a_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
