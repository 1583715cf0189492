#include "mlops/model/sampler.h"

#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"

#include <inttypes.h>
#include <math.h>

#include "sampler_private.h"

int64_t repeat_of(const struct sweep *sweep)
{
    return sweep->repeat > 1 ? sweep->repeat : 1;
}

void sampler_split(const struct sweep *sweep, int64_t number, int64_t *ret_combination,
                   int64_t *ret_repeat)
{
    *ret_combination = number / repeat_of(sweep);
    *ret_repeat = number % repeat_of(sweep);
}

double combinations_count(const struct sweep *sweep)
{
    double count = 1;
    if (sweep->method == SWEEP_LIST)
        return (double)sweep->listed_count;
    vec_each (const struct dimension, dimension, &sweep->dimensions)
        count *= dimension_count(dimension);
    return count;
}

static FALLIBLE too_many(const struct sweep *sweep, double count)
{
    double repeat = (double)repeat_of(sweep);
    struct error *error =
        count < 1e15
            ? error_new(ERROR_PROJECT, "there would be %.0f trials, more than %" PRId64,
                        count * repeat, LIMIT_SWEEP_TRIALS)
            : error_new(ERROR_PROJECT,
                        "there would be more than 10^%d trials, at most %" PRId64 " can be",
                        (int)floor(log10(count)), LIMIT_SWEEP_TRIALS);
    return error_hint(error, sweep->method == SWEEP_GRID
                                 ? "try '--method random --max-trials 100', or fewer values"
                                 : "say '--max-trials N'");
}

FALLIBLE sampler_count(const struct sweep *sweep, int64_t *ret)
{
    double count = combinations_count(sweep);
    double repeat = (double)repeat_of(sweep);
    struct rounds rounds;
    if (sweep->stop == STOP_HALVING) {
        TRY(rounds_plan(sweep, &rounds));
        int64_t all = 0;
        for (int i = 0; i < rounds.count; i++)
            all += rounds.sizes[i];
        *ret = all * repeat_of(sweep);
        return NULL;
    }
    bool draws = sweep->method == SWEEP_RANDOM || sweep->method == SWEEP_TPE;
    bool is_endless = draws && !(count > 0);
    double most = (double)sweep->trials_most;
    if (!draws && !(count > 0))
        return error_new(ERROR_PROJECT, "there is nothing to try: the %s is empty",
                         sweep_method_names[sweep->method]);
    if (sweep->trials_most && (is_endless || count * repeat > most))
        *ret = sweep->trials_most;
    else if (!is_endless && count * repeat > LIMIT_SWEEP_TRIALS)
        return too_many(sweep, count);
    else
        *ret = is_endless ? 0 : (int64_t)(count * repeat);
    return NULL;
}

bool combination_loss(const struct sweep *sweep, const struct trial_past *const *by_number,
                      int64_t combination, double *ret, int64_t *ret_waits)
{
    int64_t repeat = repeat_of(sweep), count = 0;
    double sum = 0;
    for (int64_t number = combination * repeat; number < (combination + 1) * repeat; number++) {
        const struct trial_past *trial = by_number[number];
        if (!trial || (!trial->has_score && !trial->is_done)) {
            *ret_waits = number;
            return false;
        }
        bool counts = trial->has_score && !isnan(trial->score);
        sum += counts ? trial->score : 0;
        count += counts;
    }
    enum metric_direction direction = sweep->direction != DIRECTION_UNKNOWN
                                          ? sweep->direction
                                          : metric_direction_of(sweep->metric_key);
    double mean = count ? sum / (double)count : HUGE_VAL; /* what diverged is worst, either way */
    *ret = !isfinite(mean) ? HUGE_VAL : direction == HIGHER_IS_BETTER ? -mean : mean;
    return true;
}

static struct str coordinate_text(struct arena *arena, const struct dimension *dimension,
                                  double coordinate)
{
    if (dimension_count(dimension) > 0)
        return dimension_value(arena, dimension, coordinate);
    return real_text(arena, coordinate);
}

static void add(struct arena *arena, struct override_vec *ret, struct str file, struct str key,
                enum edit_action action, struct str text)
{
    struct override *new = vec_push(arena, ret);
    *new = (struct override){.file = file, .key = key, .text = text, .action = action};
}

static void add_all(struct arena *arena, struct override_vec *ret,
                    const struct override_vec *overrides)
{
    vec_each (const struct override, override, overrides)
        *vec_push(arena, ret) = *override;
}

static int override_compare(const void *a, const void *b)
{
    const struct override *left = a, *right = b;
    int order = str_compare(left->file, right->file);
    return order ? order : str_compare(left->key, right->key);
}

/* One proposal on its way. */
struct proposal {
    struct arena *arena, *scratch;
    const struct sweep *sweep;
    const struct trial_past *const *by_number;
    struct override_vec overrides;
    int64_t waits;
};

/* The values of the combination; false: it has to wait. */
static bool add_combination(struct proposal *proposal, int64_t combination)
{
    const struct sweep *sweep = proposal->sweep;
    size_t count = sweep->dimensions.len;
    double *point = arena_new_array(proposal->scratch, double, count + 1);
    switch (sweep->method) {
    case SWEEP_LIST:
        check((size_t)combination < sweep->listed_count);
        add_all(proposal->arena, &proposal->overrides, &sweep->listed[combination]);
        return true;
    case SWEEP_GRID:
        space_point(sweep, (double)combination, point);
        break;
    case SWEEP_RANDOM:
        space_draw(proposal->scratch, sweep, combination, point);
        break;
    case SWEEP_TPE:
        if (!tpe_point(proposal->scratch, sweep, proposal->by_number, combination, point,
                       &proposal->waits))
            return false;
        break;
    }
    for (size_t i = 0; i < count; i++) {
        const struct dimension *dimension = &sweep->dimensions.at[i];
        add(proposal->arena, &proposal->overrides, dimension->file, dimension->key,
            dimension->action, coordinate_text(proposal->arena, dimension, point[i]));
    }
    return true;
}

static FALLIBLE add_round(struct proposal *proposal, int64_t *combination)
{
    const struct sweep *sweep = proposal->sweep;
    struct rounds rounds;
    int64_t round = 0;
    TRY(rounds_plan(sweep, &rounds));
    if (!rounds_origin(proposal->scratch, sweep, &rounds, proposal->by_number, *combination,
                       combination, &round, &proposal->waits))
        return NULL;
    add(proposal->arena, &proposal->overrides, sweep->budget_file, sweep->budget_key, EDIT_SET,
        str_print(proposal->arena, "%" PRId64, rounds.budgets[round]));
    return NULL;
}

static FALLIBLE propose(struct proposal *proposal, int64_t number)
{
    const struct sweep *sweep = proposal->sweep;
    int64_t combination = 0, repeat = 0;
    sampler_split(sweep, number, &combination, &repeat);
    if (sweep->stop == STOP_HALVING)
        TRY(add_round(proposal, &combination));
    if (proposal->waits >= 0 || !add_combination(proposal, combination))
        return NULL;
    add_all(proposal->arena, &proposal->overrides, &sweep->fixed);
    if (sweep->seed_key.len)
        add(proposal->arena, &proposal->overrides, sweep->seed_file, sweep->seed_key, EDIT_SET,
            str_print(proposal->arena, "%" PRId64, repeat));
    vec_sort(&proposal->overrides, override_compare);
    return NULL;
}

FALLIBLE sampler_propose(struct arena *arena, const struct sweep *sweep, int64_t number,
                         const struct trial_past *past, size_t past_count, struct override_vec *ret,
                         int64_t *ret_waits)
{
    AUTO(arena_drop) struct arena scratch = {0};
    const struct trial_past **by_number =
        arena_new_array(&scratch, const struct trial_past *, (size_t)number + 1);
    int64_t all = 0;
    TRY(sampler_count(sweep, &all));
    check(number >= 0);
    if (all && number >= all)
        return error_new(ERROR_USAGE, "there is no trial %" PRId64 " in a sweep of %" PRId64,
                         number + 1, all);
    for (size_t i = 0; i < past_count; i++)
        if (past[i].number >= 0 && past[i].number < number)
            by_number[past[i].number] = &past[i];
    struct proposal proposal = {arena, &scratch, sweep, by_number, {0}, -1};
    TRY(propose(&proposal, number));
    *ret_waits = proposal.waits;
    if (proposal.waits < 0)
        *ret = proposal.overrides;
    return NULL;
}
