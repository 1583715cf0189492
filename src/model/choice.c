#include "mlops/model/choice.h"

#include "mlops/base/arena.h"

#include <math.h>
#include <stdlib.h>

#include "choice_private.h"

static int trial_compare(const void *a, const void *b)
{
    const struct choice_trial *left = a, *right = b;
    if (left->combination != right->combination)
        return left->combination < right->combination ? -1 : 1;
    return (left->number > right->number) - (left->number < right->number);
}

/* Mean and spread of trials of one combination; two passes, so that nothing cancels. */
static struct combination combination_of(const struct choice_trial *trials, size_t count)
{
    struct combination new = {.combination = trials[0].combination,
                              .first_trial = trials[0].number,
                              .count = (int64_t)count};
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++)
        sum += trials[i].score;
    new.mean = sum / (double)count;
    for (size_t i = 0; i < count; i++)
        squares += (trials[i].score - new.mean) * (trials[i].score - new.mean);
    new.deviation = count > 1 ? sqrt(squares / (double)(count - 1)) : nan("");
    new.error = new.low = new.high = nan("");
    return new;
}

/* Groups the trials that have a score. */
static struct combination *group(struct arena *arena, const struct choice_trial *trials,
                                 size_t count, size_t *ret_count)
{
    struct choice_trial *sorted = arena_new_array(arena, struct choice_trial, count);
    struct combination *all = arena_new_array(arena, struct combination, count);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (isfinite(trials[i].score))
            sorted[kept++] = trials[i];
    if (kept > 1)
        qsort(sorted, kept, sizeof *sorted, trial_compare);
    *ret_count = 0;
    for (size_t at = 0, end; at < kept; at = end) {
        for (end = at + 1; end < kept && sorted[end].combination == sorted[at].combination;)
            end++;
        all[(*ret_count)++] = combination_of(&sorted[at], end - at);
    }
    return all;
}

/* The spread within combinations, of all together: sum of squares by degrees of freedom. */
static double pool(const struct combination *all, size_t count, int64_t *ret_freedom)
{
    double squares = 0;
    *ret_freedom = 0;
    for (size_t i = 0; i < count; i++) {
        if (all[i].count < 2)
            continue;
        squares += all[i].deviation * all[i].deviation * (double)(all[i].count - 1);
        *ret_freedom += all[i].count - 1;
    }
    return *ret_freedom ? sqrt(squares / (double)*ret_freedom) : nan("");
}

static void set_errors(struct combination *all, size_t count, double pooled, int64_t freedom)
{
    int64_t known_freedom = -1;
    double bound = 0;
    for (size_t i = 0; i < count; i++) {
        bool has_own = all[i].count > 1;
        int64_t own = has_own ? all[i].count - 1 : freedom;
        if (own < 1)
            continue;
        if (own != known_freedom)
            bound = student_bound(own);
        known_freedom = own;
        all[i].error = has_own ? all[i].deviation / sqrt((double)all[i].count) : pooled;
        all[i].low = all[i].mean - bound * all[i].error;
        all[i].high = all[i].mean + bound * all[i].error;
    }
}

static int highest_first(const void *a, const void *b)
{
    const struct combination *left = a, *right = b;
    if (left->mean < right->mean || left->mean > right->mean)
        return left->mean > right->mean ? -1 : 1;
    return (left->first_trial > right->first_trial) - (left->first_trial < right->first_trial);
}

static int lowest_first(const void *a, const void *b)
{
    const struct combination *left = a, *right = b;
    if (left->mean < right->mean || left->mean > right->mean)
        return left->mean < right->mean ? -1 : 1;
    return (left->first_trial > right->first_trial) - (left->first_trial < right->first_trial);
}

/* What the best of `count` candidates gains by luck if all are equally good: the expected maximum
 * of so many normal errors, of the root mean square of the combinations' standard errors. */
static double optimism_of(const struct combination *all, size_t count, double pooled)
{
    double squares = 0;
    for (size_t i = 0; i < count; i++)
        squares += pooled * pooled / (double)all[i].count;
    return count ? sqrt(squares / (double)count) * normal_maximum((int64_t)count) : nan("");
}

FALLIBLE combinations_rank(struct arena *arena, const struct choice_trial *trials, size_t count,
                           enum metric_direction direction, struct combination **ret,
                           size_t *ret_count, double *ret_optimism)
{
    size_t group_count = 0;
    int64_t freedom = 0;
    bool is_lower_better = direction == LOWER_IS_BETTER;
    struct combination *all = group(arena, trials, count, &group_count);
    double pooled = pool(all, group_count, &freedom);
    set_errors(all, group_count, pooled, freedom);
    if (group_count > 1)
        qsort(all, group_count, sizeof *all, is_lower_better ? lowest_first : highest_first);
    for (size_t i = 0; i < group_count; i++) {
        double distance = fabs(all[i].mean - all[0].mean);
        all[i].is_within_error = i == 0 || distance <= all[0].error;
    }
    *ret_optimism = optimism_of(all, group_count, pooled);
    *ret_count = group_count;
    *ret = all;
    return NULL;
}
