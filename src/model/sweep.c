#include "mlops/model/sweep.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/base/map.h"

#include <inttypes.h>
#include <math.h>

#include "sweep_private.h"

const char *const sweep_method_names[] = {"grid", "random", "tpe", "list", NULL};
const char *const sweep_stop_names[] = {"never", "median", "asha", "halving", NULL};

enum sweep_method sweep_method_default(const struct sweep *sweep)
{
    if (sweep->listed_count)
        return SWEEP_LIST;
    vec_each (const struct dimension, dimension, &sweep->dimensions)
        if (!(dimension_count(dimension) > 0) || dimension->kind == DIMENSION_LOGINT)
            return SWEEP_RANDOM;
    return SWEEP_GRID;
}

static struct str assignment_name(struct arena *arena, struct str file, struct str key)
{
    return str_print(arena, "%.*s%s%.*s", STR_FMT(file), file.len ? ":" : "", STR_FMT(key));
}

/* Names that were given a value so far; who has one already is told. */
struct names {
    struct arena *arena;
    struct map seen;
};

static FALLIBLE name_add(struct names *names, struct str file, struct str key, const char *role)
{
    struct str name = assignment_name(names->arena, file, key);
    const char *before = map_put(names->arena, &names->seen, name, (void *)(uintptr_t)role);
    if (!before)
        return NULL;
    if (strcmp(before, role) == 0)
        return error_new(ERROR_USAGE, "'%.*s' is given twice", STR_FMT(name));
    return error_new(ERROR_USAGE, "'%.*s' is given twice: as %s and as %s", STR_FMT(name), before,
                     role);
}

static FALLIBLE fixed_check(struct names *names, const struct override_vec *overrides,
                            const char *role)
{
    vec_each (const struct override, override, overrides)
        TRY(name_add(names, override->file, override->key, role));
    return NULL;
}

static FALLIBLE names_check(struct arena *arena, const struct sweep *sweep)
{
    struct names names = {.arena = arena};
    vec_each (const struct dimension, dimension, &sweep->dimensions)
        TRY(name_add(&names, dimension->file, dimension->key, "a parameter that varies"));
    TRY(fixed_check(&names, &sweep->fixed, "a fixed value"));
    if (sweep->seed_key.len)
        TRY(name_add(&names, sweep->seed_file, sweep->seed_key, "the seed of repeats"));
    if (sweep->budget_key.len)
        TRY(name_add(&names, sweep->budget_file, sweep->budget_key, "the budget"));
    for (size_t i = 0; i < sweep->listed_count; i++) {
        struct names all = {.arena = arena};
        TRY(fixed_check(&all, &sweep->fixed, "a fixed value"));
        TRY(fixed_check(&all, &sweep->listed[i], "a value of the list"));
    }
    return NULL;
}

static FALLIBLE grid_check(struct arena *arena, const struct sweep *sweep)
{
    vec_each (const struct dimension, dimension, &sweep->dimensions) {
        bool is_log = dimension->kind == DIMENSION_LOGINT;
        if (dimension_count(dimension) > 0 && !is_log)
            continue;
        return error_hint(
            error_new(ERROR_USAGE, "a grid cannot be made of %.*s",
                      STR_FMT(dimension_print(arena, dimension))),
            "list its values (%.*s=a,b,c), give it a step, or choose the method random or tpe",
            STR_FMT(dimension->key));
    }
    return NULL;
}

static FALLIBLE method_check(struct arena *arena, const struct sweep *sweep)
{
    bool is_list = sweep->method == SWEEP_LIST;
    if (is_list && !sweep->listed_count)
        return error_hint(error_new(ERROR_PROJECT, "the list of combinations is empty"),
                          "a sweep file has them under 'list'");
    if (!is_list && sweep->listed_count)
        return error_new(ERROR_USAGE, "'list' is for the method list, which this sweep has not");
    if (is_list && sweep->dimensions.len)
        return error_new(ERROR_USAGE, "a sweep of a list takes no ranges, as in %.*s",
                         STR_FMT(dimension_print(arena, &sweep->dimensions.at[0])));
    if (sweep->method == SWEEP_GRID)
        return grid_check(arena, sweep);
    return NULL;
}

static FALLIBLE goal_missing(const char *who)
{
    return error_hint(error_new(ERROR_USAGE, "%s needs to know the metric", who),
                      "say '--metric KEY' (in a sweep file: 'metric')");
}

/* Whoever compares trials has to know by what, and which way is better; so does who wants to know
 * the best of them. */
static FALLIBLE goal_check(const struct sweep *sweep)
{
    bool needs_metric = sweep->method == SWEEP_TPE || sweep->stop != STOP_NEVER;
    const char *who = sweep->method == SWEEP_TPE   ? "the method tpe"
                      : sweep->stop == STOP_MEDIAN ? "the rule median"
                      : sweep->stop == STOP_ASHA   ? "the rule asha"
                                                   : "the rule halving";
    if (!sweep->metric_key.len)
        return needs_metric ? goal_missing(who) : NULL;
    if (sweep->direction != DIRECTION_UNKNOWN ||
        metric_direction_of(sweep->metric_key) != DIRECTION_UNKNOWN)
        return NULL;
    return error_hint(error_new(ERROR_USAGE, "whether '%.*s' should be high or low is not known",
                                STR_FMT(sweep->metric_key)),
                      "say '--max' or '--min' (in a sweep file: 'direction')");
}

static FALLIBLE halving_check(const struct sweep *sweep)
{
    if (!sweep->budget_key.len)
        return error_hint(error_new(ERROR_USAGE, "halving in rounds needs a parameter that is the "
                                                 "budget of a trial"),
                          "say '--budget train.epochs=1..27' (in a sweep file: 'budget: {param: "
                          "train.epochs, least: 1, most: 27}')");
    if (sweep->budget_least < 1 || sweep->budget_most <= sweep->budget_least)
        return error_new(ERROR_PROJECT,
                         "the budget must grow from at least 1, found %" PRId64 " to %" PRId64,
                         sweep->budget_least, sweep->budget_most);
    if (sweep->method == SWEEP_TPE)
        return error_hint(error_new(ERROR_USAGE, "halving in rounds and tpe do not go together"),
                          "its first round is a grid, a list or random");
    return NULL;
}

static FALLIBLE stop_check(const struct sweep *sweep)
{
    bool reads_steps = sweep->stop == STOP_MEDIAN || sweep->stop == STOP_ASHA;
    if (sweep->stop == STOP_HALVING)
        return halving_check(sweep);
    if (sweep->budget_key.len)
        return error_new(ERROR_USAGE, "'budget' is for the rule halving");
    if (reads_steps && !sweep->steps.file.len)
        return error_hint(error_new(ERROR_USAGE,
                                    "the rule %s needs the file in which a running "
                                    "trial reports its steps",
                                    sweep_stop_names[sweep->stop]),
                          "say '--steps FILE' (in a sweep file: 'steps')");
    return NULL;
}

static FALLIBLE bound_check(const char *name, int64_t value, int64_t least, int64_t most)
{
    if (value >= least && value <= most)
        return NULL;
    return error_new(ERROR_USAGE, "%s must lie in %" PRId64 "..%" PRId64 ", found %" PRId64, name,
                     least, most, value);
}

static FALLIBLE numbers_check(const struct sweep *sweep)
{
    TRY(bound_check("the number of repeats", sweep->repeat, 0, LIMIT_SWEEP_TRIALS));
    TRY(bound_check("the number of trials", sweep->trials_most, 0, LIMIT_SWEEP_TRIALS));
    TRY(bound_check("the time", sweep->time_most_ns, 0, INT64_MAX));
    TRY(bound_check("startup", sweep->startup, 0, LIMIT_SWEEP_TRIALS));
    TRY(bound_check("lag", sweep->lag, 0, LIMIT_SWEEP_TRIALS));
    TRY(bound_check("least_steps", sweep->least_steps, 0, INT64_MAX));
    if (sweep->reduction)
        TRY(bound_check("the reduction", sweep->reduction, 2, 1000));
    TRY(bound_check("the number of parameters that vary", (int64_t)sweep->dimensions.len, 0,
                    LIMIT_SWEEP_DIMENSIONS));
    return bound_check("the number of fixed values", (int64_t)sweep->fixed.len, 0, LIMIT_OVERRIDES);
}

/* Random draws from a continuum never come to an end by themselves. */
static FALLIBLE end_check(const struct sweep *sweep)
{
    bool draws = sweep->method == SWEEP_RANDOM || sweep->method == SWEEP_TPE;
    if (!draws || sweep->trials_most || (sweep->time_most_ns && sweep->stop != STOP_HALVING))
        return NULL;
    vec_each (const struct dimension, dimension, &sweep->dimensions)
        if (!(dimension_count(dimension) > 0))
            return error_hint(error_new(ERROR_USAGE, "a %s sweep needs an end",
                                        sweep_method_names[sweep->method]),
                              "say '--max-trials N' or '--max-time T' (in a sweep file: 'trials', "
                              "'time')");
    return NULL;
}

static FALLIBLE sweep_check_in(struct arena *arena, const struct sweep *sweep)
{
    TRY(numbers_check(sweep));
    TRY(names_check(arena, sweep));
    TRY(method_check(arena, sweep));
    TRY(goal_check(sweep));
    TRY(stop_check(sweep));
    return end_check(sweep);
}

FALLIBLE sweep_check(const struct sweep *sweep)
{
    AUTO(arena_drop) struct arena scratch = {0};
    return sweep_check_in(&scratch, sweep);
}
