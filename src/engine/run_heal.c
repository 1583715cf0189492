#include "mlops/base/arena.h"

#include "run_private.h"

static const struct str kind = {"healed", 6};

/* Looking for every object would cost as much as all else in a run that does nothing, so it is done
 * once after each damage that `verify` or a use has found. */
struct error *run_heal_begin(struct run_state *state)
{
    struct session *session = state->session;
    int64_t stamp_ns = 0;
    struct str known = {0};
    TRY(cas_damage_stamp(session->cas, &stamp_ns));
    struct str stamp = str_print(session->arena, "%lld", (long long)stamp_ns);
    if (!index_blob(session->index, session->arena, kind, stamp, &known))
        state->damage = stamp;
    return NULL;
}

static void tell_healed(struct run_state *state, const struct stage *stage, struct str path)
{
    struct event event = {.kind = EVENT_NOTICE,
                          .stage = stage,
                          .text = str_print(state->session->arena,
                                            "the store's copy of '%.*s' was missing or damaged; it "
                                            "was put again from the work tree",
                                            STR_FMT(path))};
    observer_tell(state->session->observer, &event);
}

struct error *run_heal(struct run_state *state, const struct step *step)
{
    struct session *session = state->session;
    const struct result *result = step->verdict.result;
    for (size_t i = 0; state->damage.len && i < result->out_count; i++) {
        bool healed = false, is_there = true;
        if (result->outs[i].is_stored)
            TRY(worktree_can_restore(session->worktree, &result->outs[i], &is_there));
        if (!is_there)
            TRY_WITHIN(worktree_heal(session->worktree, &result->outs[i], &healed),
                       "putting '%.*s' into the store again", STR_FMT(result->outs[i].path));
        if (healed)
            tell_healed(state, step->stage, result->outs[i].path);
    }
    return NULL;
}

struct error *run_heal_end(struct run_state *state, bool is_complete)
{
    if (!state->damage.len)
        return NULL;
    TRY(cas_flush(state->session->cas));
    if (is_complete)
        index_set_blob(state->session->index, kind, state->damage, STR("1"));
    return NULL;
}
