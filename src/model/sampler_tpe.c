/* Tree-structured Parzen estimator (Bergstra, Bardenet, Bengio, Kegl, "Algorithms for
 * Hyper-Parameter Optimization", NIPS 2011, section 4; Bergstra, Yamins, Cox, "Making a Science of
 * Model Search", ICML 2013, for weights and bandwidths; Falkner, Klein, Hutter, "BOHB", ICML 2018,
 * for one density over all dimensions together; Watanabe, "Tree-Structured Parzen Estimator:
 * Understanding Its Algorithm Components", 2023, for what each choice is worth).
 *
 * - The done combinations are split by their losses: the best min(ceil(n / 10), 25) are "good",
 *   the others "bad". Failed ones are bad, and so are those within `lag` that may still run, whose
 *   results no proposal looks at (a liar that says "bad" keeps trials side by side apart).
 * - 24 candidates are drawn from the density of the good ones (sampler_parzen.c); the one with the
 *   highest ratio of good to bad is taken.
 * - Where the space is finite no point comes twice before all have come. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"

#include <math.h>
#include <stdlib.h>

#include "sampler_private.h"

enum {
    STARTUP = 10,
    LAG = 4,
    GOOD_MOST = 25,
    CANDIDATES = 24,
    RANDOM_MOST = 1000,
};

struct estimate {
    struct arena *arena;
    const struct sweep *sweep;
    struct parzen_member *members;
    size_t count, known; /* the first `known` have results */
    int64_t combination;
};

static bool is_tried(const struct estimate *estimate, const double *point)
{
    size_t bytes = estimate->sweep->dimensions.len * sizeof *point;
    for (size_t i = 0; i < estimate->count; i++)
        if (memcmp(estimate->members[i].point, point, bytes) == 0)
            return true;
    return false;
}

/* Where every candidate was tried: a random point that was not, else the first of the grid. */
static void choose_untried(const struct estimate *estimate, double count, double *ret)
{
    for (uint64_t i = 1; i < RANDOM_MOST; i++) {
        space_draw_once(estimate->sweep, estimate->combination, i, ret);
        if (!is_tried(estimate, ret))
            return;
    }
    for (double i = 0; i < count; i++) {
        space_point(estimate->sweep, i, ret);
        if (!is_tried(estimate, ret))
            return;
    }
}

static void choose_point(const struct estimate *estimate, double *ret)
{
    const struct sweep *sweep = estimate->sweep;
    double count = space_count(sweep), highest = -HUGE_VAL;
    bool wants_new = count > 0 && (double)estimate->count < count;
    struct parzen *good =
        parzen_make(estimate->arena, sweep, estimate->members, estimate->count, true);
    struct parzen *bad =
        parzen_make(estimate->arena, sweep, estimate->members, estimate->count, false);
    double *candidate = arena_new_array(estimate->arena, double, sweep->dimensions.len + 1);
    bool is_found = false;
    for (uint64_t i = 0; i < CANDIDATES; i++) {
        struct draws draws =
            draws_begin(sweep->seed, DRAWS_CANDIDATES, (uint64_t)estimate->combination, i, 0);
        parzen_draw(good, &draws, candidate);
        if (wants_new && is_tried(estimate, candidate))
            continue;
        double gain = parzen_log(good, candidate) - parzen_log(bad, candidate);
        if (is_found && gain <= highest)
            continue;
        is_found = true;
        highest = gain;
        memcpy(ret, candidate, sweep->dimensions.len * sizeof *ret);
    }
    if (!is_found)
        choose_untried(estimate, count, ret);
}

static int member_compare(const void *a, const void *b)
{
    const struct parzen_member *left = *(const struct parzen_member *const *)a;
    const struct parzen_member *right = *(const struct parzen_member *const *)b;
    if (left->loss < right->loss || left->loss > right->loss)
        return left->loss < right->loss ? -1 : 1;
    return (left->combination > right->combination) - (left->combination < right->combination);
}

/* The best tenth, of those that have a score. */
static void split(struct estimate *estimate)
{
    struct parzen_member **sorted =
        arena_new_array(estimate->arena, struct parzen_member *, estimate->known);
    size_t scored = 0;
    for (size_t i = 0; i < estimate->known; i++) {
        sorted[i] = &estimate->members[i];
        scored += isfinite(estimate->members[i].loss) ? 1 : 0;
    }
    if (estimate->known > 1)
        qsort(sorted, estimate->known, sizeof *sorted, member_compare);
    size_t good = MIN_OF((estimate->known + 9) / 10, (size_t)GOOD_MOST);
    for (size_t i = 0; i < MIN_OF(good, scored); i++)
        sorted[i]->is_good = true;
}

/* All combinations before this one; those from `known` on without their results. */
static bool collect(struct estimate *estimate, const struct trial_past *const *by_number,
                    int64_t known, int64_t *ret_waits)
{
    const struct sweep *sweep = estimate->sweep;
    size_t *hints = arena_new_array(estimate->arena, size_t, sweep->dimensions.len);
    for (int64_t i = 0; i < estimate->combination; i++) {
        const struct trial_past *trial = by_number[i * repeat_of(sweep)];
        struct parzen_member *member = &estimate->members[estimate->count];
        *member = (struct parzen_member){.combination = i, .loss = HUGE_VAL};
        if (i < known && !combination_loss(sweep, by_number, i, &member->loss, ret_waits))
            return false;
        if (!trial) {
            *ret_waits = i * repeat_of(sweep);
            return false;
        }
        member->point = arena_new_array(estimate->arena, double, sweep->dimensions.len);
        if (!space_take(sweep, trial->overrides, hints, member->point))
            continue; /* its values are none of the space: of another hand */
        estimate->count++;
        estimate->known += i < known;
    }
    return true;
}

int64_t sampler_width(const struct sweep *sweep)
{
    if (sweep->method != SWEEP_TPE)
        return 0;
    return sweep->lag > 0 ? sweep->lag : LAG;
}

bool tpe_point(struct arena *scratch, const struct sweep *sweep,
               const struct trial_past *const *by_number, int64_t combination, double *ret,
               int64_t *ret_waits)
{
    int64_t repeat = repeat_of(sweep);
    int64_t lag = sampler_width(sweep);
    int64_t known = MAX_OF(combination * repeat - (lag - 1), 0) / repeat;
    int64_t startup = sweep->startup > 0 ? sweep->startup : STARTUP;
    struct estimate estimate = {.arena = scratch, .sweep = sweep, .combination = combination};
    if (known < startup) {
        space_draw(scratch, sweep, combination, ret);
        return true;
    }
    estimate.members = arena_new_array(scratch, struct parzen_member, (size_t)combination);
    if (!collect(&estimate, by_number, known, ret_waits))
        return false;
    split(&estimate);
    choose_point(&estimate, ret);
    return true;
}
