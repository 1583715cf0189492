#include "mlops/base/check.h"

#include "run_private.h"

static bool comes_before(const struct run_state *state, uint32_t a, uint32_t b)
{
    return state->steps[a].rank < state->steps[b].rank;
}

static void swap(uint32_t *a, uint32_t *b)
{
    uint32_t kept = *a;
    *a = *b;
    *b = kept;
}

void run_push_ready(struct run_state *state, uint32_t index)
{
    state->steps[index].phase = PHASE_READY;
    *vec_push(state->session->arena, &state->ready) = index;
    uint32_t *heap = state->ready.at;
    for (size_t at = state->ready.len - 1; at > 0; at = (at - 1) / 2) {
        if (!comes_before(state, heap[at], heap[(at - 1) / 2]))
            break;
        swap(&heap[at], &heap[(at - 1) / 2]);
    }
}

static size_t first_child(const struct run_state *state, size_t at)
{
    size_t left = 2 * at + 1;
    const uint32_t *heap = state->ready.at;
    bool is_right = left + 1 < state->ready.len && comes_before(state, heap[left + 1], heap[left]);
    return left + is_right;
}

uint32_t run_pop_ready(struct run_state *state)
{
    check(state->ready.len > 0);
    uint32_t *heap = state->ready.at;
    uint32_t top = heap[0];
    heap[0] = heap[--state->ready.len];
    size_t at = 0;
    for (size_t child; (child = first_child(state, at)) < state->ready.len; at = child) {
        if (!comes_before(state, heap[child], heap[at]))
            break;
        swap(&heap[child], &heap[at]);
    }
    return top;
}
