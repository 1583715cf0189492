#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/host/clock.h"

#include "run_private.h"

static void tell_damage(struct run_state *state, const struct step *step, struct str path)
{
    struct event event = {
        .kind = EVENT_WARNING,
        .stage = step->stage,
        .text = str_print(state->session->arena,
                          "the stored copy of '%.*s' is missing or damaged (what is damaged is in "
                          "quarantine/ of the store); '%.*s' is made in another way",
                          STR_FMT(path), STR_FMT(step->stage->name))};
    observer_tell(state->session->observer, &event);
}

static FALLIBLE restore_outputs(struct run_state *state, struct step *step, bool *ret_done)
{
    struct session *session = state->session;
    struct str displaced = str_print(session->arena, "displaced/%.*s", STR_FMT(state->run->id));
    const struct result *result = step->verdict.result;
    *ret_done = true;
    for (size_t i = 0; i < step->stage->outs.len && *ret_done; i++) {
        struct str path = step->stage->outs.at[i].path;
        for (size_t j = 0; j < result->out_count; j++) {
            if (!str_equal(result->outs[j].path, path) ||
                artifact_equal(&result->outs[j], &step->verdict.found[i]))
                continue;
            int count = 0;
            TRY_WITHIN(
                worktree_restore(session->worktree, &result->outs[j], displaced, &count, ret_done),
                "restoring '%.*s' of stage '%.*s'", STR_FMT(path), STR_FMT(step->stage->name));
            state->displaced += count;
            worktree_forget(session->worktree, path);
            session_forget_params(session, path);
            if (!*ret_done) {
                tell_damage(state, step, path);
                break;
            }
        }
    }
    return NULL;
}

/* An object turned out to be bad: it is in quarantine now; look again. */
static FALLIBLE look_elsewhere(struct run_state *state, struct step *step)
{
    attempt_drop(&step->attempt);
    run_hold(state, step, clock_monotonic_ns());
    struct lookup_options lookup = run_lookup_options(state, step);
    TRY(lookup_stage(state->session, step->stage, &step->print, &lookup, true, &step->verdict));
    step->outcome->reasons = step->verdict.reasons;
    return NULL;
}

/* With the stage's locks taken. */
static FALLIBLE restore_locked(struct run_state *state, struct step *step)
{
    bool done = false;
    struct error *error = restore_outputs(state, step, &done);
    if (error) {
        attempt_drop(&step->attempt);
        return run_fail_stage(state, step, error);
    }
    if (!done)
        return look_elsewhere(state, step);
    TRY(run_ignore_outputs(state->session, step->stage));
    return run_finish_stage(state, step, STATUS_RESTORED);
}

struct error *run_restore(struct run_state *state, struct step *step)
{
    bool taken = false;
    TRY(run_begin(state));
    TRY(attempt_begin(state->session, step->stage, NULL, state->run->id, &step->attempt, &taken));
    if (!taken) {
        run_hold(state, step, 0);
        return NULL;
    }
    struct error *error = run_look_again(state, step);
    if (!error && step->verdict.kind == VERDICT_RESTORE)
        return restore_locked(state, step);
    attempt_drop(&step->attempt);
    if (error)
        return run_fail_stage(state, step, error);
    return step->verdict.kind == VERDICT_UNCHANGED ? run_finish_stage(state, step, STATUS_UNCHANGED)
                                                   : run_execute(state, step);
}

static FALLIBLE restore_deferred(struct run_state *state, struct step *need)
{
    struct session *session = state->session;
    bool done = false;
    TRY(restore_outputs(state, need, &done));
    if (!done)
        return error_hint(error_new(ERROR_STORED,
                                    "stored outputs of stage '%.*s' are missing or damaged",
                                    STR_FMT(need->stage->name)),
                          "mlops run %.*s", STR_FMT(need->stage->name));
    TRY(run_ignore_outputs(state->session, need->stage));
    vec_each (struct output, output, &need->stage->outs)
        map_put(session->arena, &state->forecast.known, output->path, NULL);
    need->is_deferred = false;
    need->outcome->status = STATUS_RESTORED;
    return recorder_add(state->recorder, need->outcome, &need->attempt);
}

struct error *run_materialise(struct run_state *state, struct step *need, bool *ret_done)
{
    check(need->is_deferred);
    TRY(attempt_begin(state->session, need->stage, NULL, state->run->id, &need->attempt, ret_done));
    if (!*ret_done)
        return NULL;
    struct error *error = restore_deferred(state, need);
    if (error)
        attempt_drop(&need->attempt);
    return error;
}
