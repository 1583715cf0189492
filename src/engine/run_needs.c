/* What a stage reads and what may still be in the store only. */
#include "mlops/codec/glob.h"
#include "mlops/engine/tracked.h"

#include "run_private.h"

FALLIBLE run_materialise_needs(struct run_state *state, const struct stage *stage, bool *ret_done)
{
    const struct plan_stage *planned = &state->session->plan.stages[stage->index];
    *ret_done = true;
    for (size_t i = 0; i < planned->need_count && *ret_done; i++) {
        struct step *need = &state->steps[planned->needs[i].stage];
        if (planned->needs[i].edge == PLAN_DATA && need->is_deferred)
            TRY(run_materialise(state, need, ret_done));
    }
    return NULL;
}

static bool reads(const struct stage *stage, struct str path)
{
    vec_each (const struct dependency, dep, &stage->deps)
        if (dep->is_glob ? glob_match(dep->path, path) : str_equal(dep->path, path))
            return true;
    return false;
}

FALLIBLE run_bring_inputs(struct run_state *state, const struct stage *stage)
{
    struct forecast *forecast = &state->forecast;
    map_each (entry, &forecast->data) {
        if (!entry->value || !reads(stage, entry->key))
            continue;
        TRY(tracked_restore(state->session, entry->value));
        worktree_forget(state->session->worktree, entry->key);
        map_put(state->session->arena, &forecast->known, entry->key, NULL);
        entry->value = NULL;
    }
    return NULL;
}
