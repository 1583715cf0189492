/* What jobs side by side would have saved, from the times that the stages took. */
#include "mlops/base/arena.h"
#include "mlops/host/machine.h"

#include "run_private.h"

enum { SLOTS_MOST = 64 };

static int64_t needs_done_ns(const struct run_state *state, const int64_t *done_ns, uint32_t index)
{
    const struct plan_stage *planned = &state->session->plan.stages[index];
    int64_t ready_ns = 0;
    for (size_t i = 0; i < planned->need_count; i++)
        ready_ns = MAX_OF(ready_ns, done_ns[planned->needs[i].stage]);
    return ready_ns;
}

/* Stages in the plan's order, each in the slot that is free first. */
static int64_t schedule_ns(const struct run_state *state, size_t slots)
{
    AUTO(arena_drop) struct arena scratch = {0};
    size_t count = state->session->pipeline->stages.len;
    int64_t *done_ns = arena_new_array(&scratch, int64_t, count);
    int64_t free_ns[SLOTS_MOST] = {0};
    int64_t all_ns = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t index = state->session->plan.order[i];
        int64_t ready_ns = needs_done_ns(state, done_ns, index);
        int64_t duration_ns = state->outcomes[index].usage.duration_ns;
        size_t first = 0;
        for (size_t slot = 1; slot < slots; slot++)
            first = free_ns[slot] < free_ns[first] ? slot : first;
        done_ns[index] = ready_ns;
        if (!duration_ns)
            continue;
        done_ns[index] = MAX_OF(ready_ns, free_ns[first]) + duration_ns;
        free_ns[first] = done_ns[index];
        all_ns = MAX_OF(all_ns, done_ns[index]);
    }
    return all_ns;
}

void run_note_saving(const struct run_state *state, struct run_report *ret)
{
    bool is_by_default = state->options->jobs == 0 && state->budget.jobs == 1 &&
                         state->session->workspace.config.jobs == 0;
    int64_t jobs = MIN_OF((int64_t)machine_cpus(), (int64_t)SLOTS_MOST);
    if (!is_by_default || jobs < 2 || state->run->counts.executed < 2)
        return;
    ret->side_by_side_jobs = jobs;
    ret->side_by_side_ns = schedule_ns(state, (size_t)jobs);
}
