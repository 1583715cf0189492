/* Successive halving in rounds (Jamieson and Talwalkar, 2016): round 0 runs all combinations with
 * the least budget, each further round the best 1/eta of the one before with a larger budget. The
 * budgets grow by the same factor from round to round, as near to eta as the ends allow. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "sampler_private.h"

static double reduction_of(const struct sweep *sweep)
{
    return sweep->reduction > 1 ? (double)sweep->reduction : 3;
}

void rounds_shape(const struct sweep *sweep, int64_t first, struct rounds *ret)
{
    double growth = (double)sweep->budget_most / (double)MAX_OF(sweep->budget_least, 1);
    double eta = reduction_of(sweep);
    double steps = growth > 1 ? floor(log(growth) / log(eta) + 0.5) : 0;
    *ret = (struct rounds){.count = (int)(growth > 1 ? MAX_OF(steps, 1) : 0) + 1};
    for (int i = 0; i < ret->count; i++) {
        double share = ret->count > 1 ? (double)i / (ret->count - 1) : 0;
        bool is_last = i + 1 == ret->count && i > 0;
        double budget = (double)MAX_OF(sweep->budget_least, 1) * pow(growth, share);
        ret->budgets[i] = is_last ? sweep->budget_most : (int64_t)llround(budget);
        ret->sizes[i] = i ? MAX_OF(ret->sizes[i - 1] / (int64_t)eta, 1) : first;
    }
}

static int64_t total_of(const struct sweep *sweep, int64_t first, struct rounds *ret)
{
    int64_t total = 0;
    rounds_shape(sweep, first, ret);
    for (int i = 0; i < ret->count; i++)
        total += ret->sizes[i];
    return total;
}

/* The most combinations in the first round whose rounds stay within `most` combinations. */
static int64_t first_within(const struct sweep *sweep, int64_t most, struct rounds *rounds)
{
    int64_t low = 0, high = most;
    while (low < high) {
        int64_t middle = low + (high - low + 1) / 2;
        if (total_of(sweep, middle, rounds) <= most)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

FALLIBLE rounds_plan(const struct sweep *sweep, struct rounds *ret)
{
    int64_t most = (sweep->trials_most ? sweep->trials_most : LIMIT_SWEEP_TRIALS) /
                   (sweep->repeat > 1 ? sweep->repeat : 1);
    double count = combinations_count(sweep);
    int64_t first = first_within(sweep, most, ret);
    bool is_endless = !(count > 0);
    if (first < 1)
        return error_new(ERROR_USAGE,
                         "halving in %d rounds takes at least %d combinations, %" PRId64 " are "
                         "allowed",
                         ret->count, ret->count, most);
    if (is_endless && !sweep->trials_most)
        return error_hint(error_new(ERROR_USAGE, "halving of random combinations needs a number "
                                                 "of trials"),
                          "say '--max-trials N'");
    if (!is_endless && count > (double)first && !sweep->trials_most)
        return error_hint(error_new(ERROR_PROJECT, "there would be more than %" PRId64 " trials",
                                    LIMIT_SWEEP_TRIALS),
                          "say '--max-trials N'");
    total_of(sweep, is_endless || count > (double)first ? first : (int64_t)count, ret);
    return NULL;
}

struct place {
    double loss;
    int64_t slot;
};

static int place_compare(const void *a, const void *b)
{
    const struct place *left = a, *right = b;
    if (left->loss < right->loss || left->loss > right->loss)
        return left->loss < right->loss ? -1 : 1;
    return (left->slot > right->slot) - (left->slot < right->slot);
}

/* The slot, in the round that begins at `first`, whose trial comes at `rank`. */
static bool ranked_slot(struct arena *scratch, const struct sweep *sweep,
                        const struct trial_past *const *by_number, int64_t first, int64_t size,
                        int64_t rank, int64_t *ret, int64_t *ret_waits)
{
    struct place *places = arena_new_array(scratch, struct place, (size_t)size);
    for (int64_t i = 0; i < size; i++) {
        places[i].slot = i;
        if (!combination_loss(sweep, by_number, first + i, &places[i].loss, ret_waits))
            return false;
    }
    qsort(places, (size_t)size, sizeof *places, place_compare);
    *ret = places[rank].slot;
    return true;
}

bool rounds_origin(struct arena *scratch, const struct sweep *sweep, const struct rounds *rounds,
                   const struct trial_past *const *by_number, int64_t combination,
                   int64_t *ret_origin, int64_t *ret_round, int64_t *ret_waits)
{
    int round = 0;
    int64_t first = 0;
    while (round + 1 < rounds->count && combination >= first + rounds->sizes[round])
        first += rounds->sizes[round++];
    *ret_round = round;
    int64_t slot = combination - first;
    for (; round > 0; round--) {
        first -= rounds->sizes[round - 1];
        if (!ranked_slot(scratch, sweep, by_number, first, rounds->sizes[round - 1], slot, &slot,
                         ret_waits))
            return false;
    }
    *ret_origin = slot;
    return true;
}
