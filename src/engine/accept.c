#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/engine/environment.h"
#include "mlops/engine/evaluation.h"
#include "mlops/host/clock.h"
#include "mlops/model/name.h"

#include "run_private.h"

/* Two pipelines of a project may have stages of one name. */
static struct str place_of(const struct session *session, struct arena *arena,
                           const struct stage *stage)
{
    struct str name =
        str_print(arena, "%.*s %.*s", STR_FMT(stage->name), STR_FMT(session->pipeline->path));
    return str_print(arena, "unconfirmed/%.*s", STR_FMT(name_file(arena, 0, name)));
}

struct error *unconfirmed_save(struct session *session, const struct outcome *outcome)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct buf bytes = buf_in(&arena);
    int state = fd_number(session->workspace.state_fd);
    result_encode(outcome->value, &bytes);
    TRY(directory_make(state, "unconfirmed", false));
    return file_publish(state, place_of(session, &arena, outcome->stage).at, buf_str(&bytes), 0644,
                        session->workspace.config.durability == DURABILITY_FULL);
}

struct error *unconfirmed_forget(struct session *session, const struct stage *stage)
{
    AUTO(arena_drop) struct arena arena = {0};
    return path_remove(fd_number(session->workspace.state_fd), place_of(session, &arena, stage).at);
}

static FALLIBLE unconfirmed_load(struct session *session, const struct stage *stage,
                                 struct result *ret)
{
    struct arena *arena = session->arena;
    struct str bytes;
    bool found = false;
    TRY(file_read(arena, fd_number(session->workspace.state_fd), place_of(session, arena, stage).at,
                  LIMIT_LOCK_BYTES, &bytes, &found));
    if (!found)
        return error_hint(error_new(ERROR_PROJECT, "stage '%.*s' has no unconfirmed outcome",
                                    STR_FMT(stage->name)),
                          "'mlops status' shows what there is to do");
    return result_decode(arena, bytes, ret);
}

/* The outputs must still be what the stage made. */
static FALLIBLE refuse_changed(struct session *session, const struct stage *stage,
                               const struct result *result)
{
    for (size_t i = 0; i < result->out_count; i++) {
        struct artifact now;
        TRY(worktree_look(session->worktree, result->outs[i].path, LOOK_OUT, &now));
        if (!artifact_equal(&now, &result->outs[i]))
            return error_hint(error_new(ERROR_ANSWER, "'%.*s' is no longer what stage '%.*s' made",
                                        STR_FMT(result->outs[i].path), STR_FMT(stage->name)),
                              "run the stage again: mlops run %.*s", STR_FMT(stage->name));
    }
    return NULL;
}

/* As in a run: what was accepted unjudged would be the next run's baseline. */
static FALLIBLE judge_gates(struct run_state *state, struct outcome *outcome)
{
    struct session *session = state->session;
    bool is_judged = false;
    if (!outcome->stage->gates)
        return NULL;
    TRY(evaluation_judge(session, state->run->sequence, outcome, &is_judged));
    if (!is_judged || !outcome->checks->is_rejected)
        return NULL;
    outcome->status = STATUS_REJECTED;
    outcome->blocker = evaluation_blocker(session->arena, outcome->checks);
    state->exit_status = ERROR_ANSWER;
    return NULL;
}

static FALLIBLE record_accepted(struct run_state *state, struct outcome *outcome,
                                struct run_report *ret)
{
    struct session *session = state->session;
    struct ledger *ledger = NULL;
    TRY(session_ledger(session, &ledger));
    TRY(ledger_begin_run(ledger, state->run));
    state->has_begun = true;
    TRY(judge_gates(state, outcome));
    TRY(recorder_open(session, state->run, &state->recorder));
    TRY(recorder_add(state->recorder, outcome, NULL));
    TRY(recorder_flush(state->recorder));
    TRY(run_end(state, ret));
    return unconfirmed_forget(session, outcome->stage);
}

struct error *run_accept(struct session *session, const struct stage *stage, struct str version,
                         struct run_report *ret)
{
    struct arena *arena = session->arena;
    struct result *result = arena_new(arena, struct result);
    TRY(unconfirmed_load(session, stage, result));
    TRY(refuse_changed(session, stage, result));
    struct recipe *recipe = arena_new(arena, struct recipe);
    TRY(recipe_decode(arena, result->recipe, recipe));
    size_t count = session->pipeline->stages.len;
    struct run_options options = {.version = version};
    struct run *run = arena_new(arena, struct run);
    *run = (struct run){.id = clock_ulid(arena),
                        .status = RUN_RUNNING,
                        .pipeline = session->pipeline->path,
                        .started_ns = clock_real_ns(),
                        .version = version,
                        .argv = str_print(arena, "accept %.*s", STR_FMT(stage->name)),
                        .code = {.is_dirty = -1}};
    struct run_state state = {.session = session,
                              .begun_ns = clock_monotonic_ns(),
                              .options = &options,
                              .run = run,
                              .total = 1,
                              .outcomes = arena_new_array(arena, struct outcome, count)};
    struct outcome *outcome = &state.outcomes[stage->index];
    *outcome = (struct outcome){.stage = stage,
                                .status = STATUS_EXECUTED,
                                .key = result->key,
                                .value = result,
                                .recipe = recipe,
                                .usage = {.started_ns = result->created_ns,
                                          .duration_ns = result->duration_ns,
                                          .attempts = 1}};
    TRY(environment_capture(session, stage, &outcome->environment));
    struct error *error = record_accepted(&state, outcome, ret);
    recorder_drop(&state.recorder);
    return error;
}
