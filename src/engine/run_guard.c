#include "mlops/base/arena.h"
#include "mlops/engine/evaluation.h"
#include "mlops/engine/validation.h"

#include "run_private.h"

static const struct plan_stage *planned_of(const struct run_state *state, const struct step *step)
{
    return &state->session->plan.stages[step->stage->index];
}

const struct stage *run_guard_awaited(const struct run_state *state, const struct step *step)
{
    const struct plan_stage *planned = planned_of(state, step);
    for (size_t i = 0; i < planned->need_count; i++) {
        const struct outcome *guard = &state->outcomes[planned->needs[i].stage];
        bool is_open = guard->status == STATUS_WOULD_RUN || guard->status == STATUS_UNKNOWN;
        if (planned->needs[i].edge == PLAN_GUARD && is_open)
            return guard->stage;
    }
    return NULL;
}

/* That built-in checks measured something is no verdict: it is judged anew, as in every run. */
static FALLIBLE passes_now(struct run_state *state, const struct stage *guard,
                           struct result *measured, bool *ret)
{
    *ret = false;
    struct error *error =
        validation_passes(state->session, state->run->sequence, guard, measured, ret);
    if (error && !run_is_stage_fault(error))
        return error;
    error_drop(error); /* what can't be judged passes nothing */
    return NULL;
}

static FALLIBLE hold_now(struct run_state *state, const struct stage *stage,
                         const struct fingerprint *print, const struct result *measured, bool *ret)
{
    struct outcome outcome = {.stage = stage, .value = measured, .recipe = print->recipe};
    bool is_judged = false;
    *ret = false;
    struct error *error =
        evaluation_judge(state->session, state->run->sequence, &outcome, &is_judged);
    if (error && !run_is_stage_fault(error))
        return error;
    *ret = !error && (!is_judged || !outcome.checks->is_rejected);
    error_drop(error); /* what can't be judged passes nothing */
    return NULL;
}

/* Whether the guard's pass on just these inputs is known. */
static FALLIBLE has_passed(struct run_state *state, const struct stage *guard, bool *ret)
{
    static const struct lookup_options as_ever = {0};
    struct fingerprint print;
    struct verdict verdict;
    struct error *error = fingerprint_stage(state->session, guard, NULL, &print);
    *ret = false;
    if (error) {
        error_drop(error); /* it can't judge what is not there */
        return NULL;
    }
    TRY(lookup_stage(state->session, guard, &print, &as_ever, false, &verdict));
    *ret = verdict.kind != VERDICT_RUN;
    if (*ret && guard->gates)
        return hold_now(state, guard, &print, verdict.result, ret);
    return *ret && guard->validation ? passes_now(state, guard, verdict.result, ret) : NULL;
}

struct error *run_guard_missing(struct run_state *state, const struct step *step,
                                const struct stage **ret_guard)
{
    const struct plan_stage *planned = planned_of(state, step);
    *ret_guard = NULL;
    for (size_t i = 0; i < planned->need_count && !*ret_guard; i++) {
        uint32_t index = planned->needs[i].stage;
        bool has = true;
        bool guards = planned->needs[i].edge == PLAN_GUARD || state->steps[index].stage->gates;
        if (!guards || state->session->plan.stages[index].is_selected)
            continue;
        TRY(has_passed(state, state->steps[index].stage, &has));
        if (!has)
            *ret_guard = state->steps[index].stage;
    }
    return NULL;
}
