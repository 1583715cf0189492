/* A project with a pipeline in a directory of its own, and a session on it. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/engine/session.h"
#include "mlops/model/event.h"

#include "support/scratch.h"

struct rig {
    struct scratch scratch;
    struct arena *arena; /* the session keeps its address, and the rig itself moves */
    struct session *session;
};

static inline void tell_nobody(void *context, const struct event *event)
{
    (void)context, (void)event;
}

static const struct observer silence = {.tell = tell_nobody};

static inline void rig_reopen(struct rig *rig)
{
    struct session_options options = {
        .cwd = str_of(rig->scratch.path), .threads = 0, .observer = &silence};
    rig->session = arena_new(rig->arena, struct session);
    assert_fine(session_open(rig->arena, &options, rig->session));
}

static inline struct rig rig_open(const char *pipeline)
{
    struct rig rig = {.scratch = scratch_open(), .arena = memory_grow(NULL, sizeof *rig.arena)};
    *rig.arena = (struct arena){0};
    setenv("HOME", "/nonexistent", 1);
    setenv("MLOPS_DURABILITY", "none", 1);
    unsetenv("XDG_CONFIG_HOME");
    scratch_write(&rig.scratch, "pipeline.yaml", pipeline);
    rig_reopen(&rig);
    return rig;
}

static inline void rig_drop(struct rig *rig)
{
    session_drop(rig->session);
    arena_drop(rig->arena);
    free(rig->arena);
    scratch_drop(&rig->scratch);
}

static inline const struct stage *rig_stage(const struct rig *rig, const char *name)
{
    const struct stage *stage = map_get(&rig->session->pipeline->by_name, str_of(name));
    assert_non_null(stage);
    return stage;
}

/* What the work tree holds of the stage's outputs, as set-aside and look-up want it. */
static inline struct artifact *rig_outs(struct rig *rig, const struct stage *stage)
{
    struct artifact *outs = arena_new_array(rig->arena, struct artifact, stage->outs.len);
    for (size_t i = 0; i < stage->outs.len; i++) {
        struct str path = stage->outs.at[i].path;
        worktree_forget(rig->session->worktree, path);
        assert_fine(worktree_look(rig->session->worktree, path, LOOK_OUT, &outs[i]));
        outs[i].path = path;
    }
    return outs;
}
