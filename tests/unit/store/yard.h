/* For tests of housekeeping: a project with a history. */
#pragma once

#include "mlops/base/buf.h"
#include "mlops/host/clock.h"
#include "mlops/model/tree.h"
#include "mlops/store/gc.h"
#include "mlops/store/lockfile.h"
#include "mlops/store/projects.h"
#include "mlops/store/results.h"

#include <sys/stat.h>

#include "rig.h"

/* A project with history: objects are made old, so that the grace period does not keep them. */
struct yard {
    struct rig rig;
    struct ledger *ledger;
};

static inline void yard_open(struct yard *yard)
{
    yard->rig = rig_open();
    assert_fine(ledger_open(&yard->rig.arena, yard->rig.workspace, false, NULL, &yard->ledger));
}

static inline void yard_drop(struct yard *yard)
{
    ledger_drop(&yard->ledger);
    rig_drop(&yard->rig);
}

#define YARD(name)                                                                                 \
    AUTO(yard_drop) struct yard name = {0};                                                        \
    yard_open(&name)

/* By a process that has ended: its pins are gone. */
static inline struct digest put(struct yard *yard, const char *text)
{
    AUTO(cas_drop) struct cas *cas = NULL;
    struct digest digest;
    assert_fine(cas_open(&yard->rig.arena, yard->rig.workspace, yard->rig.index, &cas));
    assert_fine(cas_put_bytes(cas, str_of(text), &digest));
    assert_fine(cas_flush(cas));
    return digest;
}

static inline bool has(struct yard *yard, struct digest digest)
{
    return scratch_has(&yard->rig.scratch, rig_object(&yard->rig, digest));
}

/* A clock that is far ahead makes everything old. */
static inline struct gc_report collect(struct yard *yard, bool really)
{
    struct gc_report report = {0};
    struct gc_options options = {.really = really, .grace_ns = -NS_PER_S};
    assert_fine(gc_run(&yard->rig.arena, yard->rig.workspace, yard->ledger, yard->rig.cas, &options,
                       &report));
    return report;
}

static inline struct error *try_collect(struct yard *yard)
{
    struct gc_report report = {0};
    struct gc_options options = {.really = true, .grace_ns = -NS_PER_S};
    return gc_run(&yard->rig.arena, yard->rig.workspace, yard->ledger, yard->rig.cas, &options,
                  &report);
}

static inline struct artifact file_artifact(const char *path, struct digest digest)
{
    return (struct artifact){.path = str_of(path),
                             .kind = ARTIFACT_FILE,
                             .is_stored = true,
                             .digest = digest,
                             .size_bytes = 1,
                             .file_count = 1};
}

/* A stage's success, as a run leaves it: in res/ and, if recorded, in the history. */
static inline struct digest succeed_in(struct yard *yard, const char *name, struct artifact out,
                                       bool recorded, int64_t duration_ns)
{
    struct arena *arena = &yard->rig.arena;
    struct recipe *recipe = arena_new(arena, struct recipe);
    struct result *result = arena_new(arena, struct result);
    struct buf body = buf_in(arena);
    recipe->cmd = (struct command){.items = arena_new(arena, struct str), .count = 1};
    recipe->cmd.items[0] = str_of(name);
    recipe->outs = arena_new(arena, struct str);
    recipe->outs[0] = out.path;
    recipe->out_count = 1;
    recipe_encode(recipe, &body);
    *result = (struct result){.key = recipe_key(recipe),
                              .recipe = buf_str(&body),
                              .stage = str_of(name),
                              .duration_ns = duration_ns,
                              .run = STR("01ARZ3NDEKTSV4RRFFQ69G5FAV"),
                              .outs = arena_new(arena, struct artifact),
                              .out_count = 1};
    result->outs[0] = out;
    struct digest id;
    assert_fine(results_put(arena, yard->rig.workspace, result, &id));
    assert_fine(results_flush(yard->rig.workspace));
    struct stage stage = {.name = str_of(name)};
    struct outcome outcome = {.stage = &stage,
                              .status = STATUS_EXECUTED,
                              .key = result->key,
                              .result = id,
                              .value = result,
                              .recipe = recipe};
    const struct outcome *outcomes[] = {&outcome};
    struct state_entry entry = {stage.name, result->key, id};
    struct run run = {.pipeline = STR("pipeline.yaml"), .started_ns = clock_real_ns()};
    struct ledger_group group = {.run = &run, .outcomes = outcomes, .outcome_count = 1};
    if (!recorded)
        return id;
    assert_fine(ledger_begin_run(yard->ledger, &run));
    run.status = RUN_SUCCEEDED;
    assert_fine(ledger_finish_run(yard->ledger, &run, &(struct state){&entry, 1}, &group));
    return id;
}

static inline struct digest succeed(struct yard *yard, const char *name, struct artifact out,
                                    bool recorded)
{
    return succeed_in(yard, name, out, recorded, NS_PER_S);
}

static inline void write_lock(struct yard *yard, const char *path, struct digest digest)
{
    struct str text = str_print(&yard->rig.arena,
                                "# mlops lock file: x\nschema: 1\nstages:\n  a:\n    cmd: x\n"
                                "    outs:\n      - path: x\n        sha256: %.*s\n"
                                "        size: 1\n",
                                STR_FMT(digest_hex(&yard->rig.arena, digest)));
    scratch_write(&yard->rig.scratch, path, text.at);
}

static inline void git(struct yard *yard, const char *arguments)
{
    struct str command = str_print(&yard->rig.arena,
                                   "cd '%s' && git -c user.name=n -c user.email=e@x "
                                   "-c init.defaultBranch=main %s >/dev/null 2>&1",
                                   yard->rig.scratch.path, arguments);
    assert_int_equal(system(command.at), 0);
}
