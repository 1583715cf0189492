/* A project and trials of it, for tests of engine/work_dir. */
#pragma once

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
static inline void shell(const struct rig *rig, const char *script)
{
    AUTO(buf_drop) struct buf text = {0};
    buf_print(&text, "set -e; cd '%s'; export HOME=/nonexistent; unset GIT_DIR;\n%s",
              rig->scratch.path, script);
    if (system(text.at) != 0)
        fail_msg("the script failed: %s", script);
}

static inline struct rig project_open(const char *pipeline)
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

static inline void make(struct rig *rig, enum isolation isolation, struct work_dir *ret)
{
    struct snapshot snapshot;
    assert_fine(snapshot_take(rig->session, STR(""), &snapshot));
    struct work_dir_options options = {.session = rig->session,
                                       .snapshot = snapshot.tree,
                                       .name = STR("ABCDEFGH-1"),
                                       .isolation = isolation};
    assert_fine(work_dir_make(rig->arena, &options, ret));
}

/* Goes in and runs a script there, in a process of its own; 0: it succeeded. */
static inline int inside(struct rig *rig, const struct work_dir *work_dir, const char *script)
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
