/* What the trials of a sweep have come to: which parameters vary, the order, repeats. */
#include "mlops/base/arena.h"
#include "mlops/model/sampler.h"

#include <math.h>
#include <stdlib.h>

#include "sweep_private.h"

/* --- parameters ----------------------------------------------------------------------------- */

static struct str param_id(struct arena *arena, struct str file, struct str key)
{
    return str_print(arena, "%.*s\n%.*s", STR_FMT(file), STR_FMT(key));
}

static bool is_same(struct str file, struct str key, struct str other_file, struct str other_key)
{
    return str_equal(key, other_key) && (other_file.len == 0 || str_equal(file, other_file));
}

static const struct dimension *dimension_of(const struct sweep *sweep,
                                            const struct sweep_param *param)
{
    vec_each (const struct dimension, dimension, &sweep->dimensions)
        if (is_same(param->file, param->key, dimension->file, dimension->key))
            return dimension;
    return NULL;
}

static double number_of(struct arena *arena, struct str text)
{
    char *end;
    const char *digits = str_copy(arena, text).at;
    bool is_number = text.len && strchr("+-.0123456789", digits[0]);
    double value = is_number ? strtod(digits, &end) : 0;
    return is_number && *end == 0 && isfinite(value) ? value : nan("");
}

static struct sweep_param *add_param(struct sweep_result *result, const struct override *override)
{
    const struct sweep *sweep = &result->row->sweep;
    struct sweep_param *param = vec_push(result->arena, &result->params);
    *param = (struct sweep_param){
        .file = override->file,
        .key = override->key,
        .name = override->key,
        .texts = arena_new_array(result->arena, struct str, result->count),
        .values = arena_new_array(result->arena, double, result->count),
    };
    param->dimension = dimension_of(sweep, param);
    param->is_seed = sweep->seed_key.len && sweep->repeat > 1 &&
                     is_same(param->file, param->key, sweep->seed_file, sweep->seed_key);
    return param;
}

static void gather_params(struct sweep_result *result)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct map numbers = {0}; /* file and key -> 1 + number of the parameter */
    for (size_t i = 0; i < result->count; i++) {
        vec_each (const struct override, override, &result->trials[i].overrides) {
            void **place =
                map_place(&scratch, &numbers, param_id(&scratch, override->file, override->key));
            if (!*place) {
                add_param(result, override);
                *place = (void *)(uintptr_t)result->params.len;
            }
            struct sweep_param *param = &result->params.at[(uintptr_t)*place - 1];
            param->texts[i] = override->text.len ? override->text : STR("(removed)");
        }
    }
}

static bool varies(const struct sweep_param *param, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (!str_equal(param->texts[i], param->texts[0]))
            return true;
    return false;
}

static void read_values(struct sweep_result *result, struct sweep_param *param)
{
    AUTO(arena_drop) struct arena scratch = {0};
    param->is_numeric = true;
    for (size_t i = 0; i < result->count; i++) {
        param->values[i] = number_of(&scratch, param->texts[i]);
        param->is_numeric &= !param->texts[i].at || isfinite(param->values[i]);
    }
}

/* Dimensions in the order in which they were given, then the others in that of their names. */
static int compare_params(const void *a, const void *b)
{
    const struct sweep_param *one = a, *other = b;
    if (!one->dimension != !other->dimension)
        return one->dimension ? -1 : 1;
    if (one->dimension && one->dimension != other->dimension)
        return one->dimension < other->dimension ? -1 : 1;
    int order = str_compare(one->key, other->key);
    return order ? order : str_compare(one->file, other->file);
}

/* Those that do not vary go; of a sweep of one trial all are shown. */
static void keep_varying(struct sweep_result *result)
{
    size_t kept = 0;
    for (size_t i = 0; i < result->params.len; i++)
        if (result->count == 1 || varies(&result->params.at[i], result->count))
            result->params.at[kept++] = result->params.at[i];
    result->params.len = kept;
    vec_sort(&result->params, compare_params);
    vec_each (struct sweep_param, param, &result->params) {
        read_values(result, param);
        vec_each (const struct sweep_param, other, &result->params)
            if (other != param && str_equal(other->key, param->key))
                param->name = str_print(result->arena, "%.*s:%.*s", STR_FMT(param->file),
                                        STR_FMT(param->key));
    }
}

/* --- order ---------------------------------------------------------------------------------- */

enum { COUNTS, HAS_SCORE, HAS_NONE };

struct scored {
    int class;
    double score; /* the higher the better */
    int64_t number;
    size_t at;
};

static int compare_scored(const void *a, const void *b)
{
    const struct scored *one = a, *other = b;
    if (one->class != other->class)
        return one->class < other->class ? -1 : 1;
    if (one->class != HAS_NONE && (one->score < other->score || one->score > other->score))
        return one->score > other->score ? -1 : 1;
    return one->number < other->number ? -1 : one->number > other->number;
}

/* The parameter that grows from round to round; NULL: there are no rounds. */
static const struct sweep_param *budget_of(const struct sweep_result *result)
{
    const struct sweep *sweep = &result->row->sweep;
    vec_each (const struct sweep_param, param, &result->params)
        if (sweep->stop == STOP_HALVING &&
            is_same(param->file, param->key, sweep->budget_file, sweep->budget_key))
            return param;
    return NULL;
}

static bool ended_well(const struct trial *trial)
{
    return trial->status == TRIAL_SUCCEEDED && trial->has_score && isfinite(trial->score);
}

/* Only what ended well counts, and of rounds the last one: the score of a trial that was rejected
 * or stopped, or had less time to learn, is shown. */
static void classify(struct sweep_result *result)
{
    const struct sweep_param *budget = budget_of(result);
    double most = -HUGE_VAL;
    result->classes = arena_new_array(result->arena, unsigned char, result->count + 1);
    for (size_t i = 0; budget && i < result->count; i++)
        if (ended_well(&result->trials[i]))
            most = fmax(most, budget->values[i]);
    for (size_t i = 0; i < result->count; i++) {
        const struct trial *trial = &result->trials[i];
        bool counts = ended_well(trial) && !(budget && budget->values[i] < most);
        bool has_score = trial->has_score && isfinite(trial->score);
        result->classes[i] = counts ? COUNTS : has_score ? HAS_SCORE : HAS_NONE;
        result->scored_count += counts;
    }
}

static void sort_trials(struct sweep_result *result)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct scored *scored = arena_new_array(&scratch, struct scored, result->count + 1);
    result->order = arena_new_array(result->arena, size_t, result->count + 1);
    for (size_t i = 0; i < result->count; i++) {
        const struct trial *trial = &result->trials[i];
        double score = result->is_higher_better ? trial->score : -trial->score;
        scored[i] = (struct scored){result->classes[i], score, trial->number, i};
    }
    if (result->count > 1)
        qsort(scored, result->count, sizeof *scored, compare_scored);
    for (size_t i = 0; i < result->count; i++)
        result->order[i] = scored[i].at;
}

/* --- choice --------------------------------------------------------------------------------- */

static size_t choice_trials(struct sweep_result *result, struct choice_trial *ret)
{
    size_t count = 0;
    for (size_t i = 0; i < result->count; i++) {
        const struct trial *trial = &result->trials[i];
        if (result->classes[i] == COUNTS)
            ret[count++] = (struct choice_trial){trial->number, result->combinations_of[i],
                                                 &trial->overrides, trial->score};
    }
    return count;
}

/* Of each combination the trial whose score is nearest to the mean. */
static void find_typical(struct sweep_result *result)
{
    AUTO(arena_drop) struct arena scratch = {0};
    int64_t most = 0;
    for (size_t i = 0; i < result->count; i++)
        most = MAX_OF(most, result->combinations_of[i]);
    size_t *ranks = arena_new_array(&scratch, size_t, (size_t)most + 1);
    result->typical =
        arena_new_array(result->arena, const struct trial *, result->combination_count + 1);
    for (size_t i = 0; i < result->combination_count; i++)
        ranks[result->combinations[i].combination] = i;
    for (size_t i = 0; i < result->scored_count; i++) {
        size_t rank = ranks[result->combinations_of[result->order[i]]];
        const struct trial *trial = &result->trials[result->order[i]];
        const struct trial **typical = &result->typical[rank];
        double mean = result->combinations[rank].mean;
        if (!*typical || fabs(trial->score - mean) < fabs((*typical)->score - mean))
            *typical = trial;
    }
}

/* Repeats that are equal differ by nothing, whatever their sum was rounded to. */
static void forget_rounding(struct sweep_result *result)
{
    bool is_all = true;
    for (size_t i = 0; i < result->combination_count; i++) {
        struct combination *combination = &result->combinations[i];
        bool is_equal =
            combination->count > 1 && combination->deviation <= 1e-12 * fabs(combination->mean);
        is_all &= is_equal;
        if (!is_equal)
            continue;
        combination->deviation = combination->error = 0;
        combination->low = combination->high = combination->mean;
    }
    if (is_all)
        result->optimism = 0;
}

static FALLIBLE compare(struct sweep_result *result)
{
    struct arena *arena = result->arena;
    const struct sweep *sweep = &result->row->sweep;
    struct choice_trial *trials = arena_new_array(arena, struct choice_trial, result->count + 1);
    size_t count = choice_trials(result, trials);
    TRY(importance_compute(arena, sweep, trials, count, &result->importance,
                           &result->importance_count));
    TRY(combinations_rank(arena, trials, count,
                          result->is_higher_better ? HIGHER_IS_BETTER : LOWER_IS_BETTER,
                          &result->combinations, &result->combination_count, &result->optimism));
    forget_rounding(result);
    for (size_t i = 0; i < result->combination_count; i++) {
        /* what is equal is as good, whether or not an error is known */
        if (!(result->combinations[i].mean < result->combinations[0].mean) &&
            !(result->combinations[i].mean > result->combinations[0].mean))
            result->combinations[i].is_within_error = true;
        result->within_count += result->combinations[i].is_within_error;
        result->has_repeats |= result->combinations[i].count > 1;
    }
    find_typical(result);
    return NULL;
}

struct error *sweep_result_make(struct arena *arena, const struct sweep_row *row,
                                const struct trial *trials, size_t count, struct sweep_result *ret)
{
    struct sweep_result result = {
        .arena = arena,
        .row = row,
        .trials = trials,
        .count = count,
        .combinations_of = arena_new_array(arena, int64_t, count + 1),
        .repeats_of = arena_new_array(arena, int64_t, count + 1),
        .optimism = nan(""),
        .recorded_error = nan(""),
        .is_higher_better = row->sweep.direction != LOWER_IS_BETTER,
    };
    for (size_t i = 0; i < count; i++)
        sampler_split(&row->sweep, trials[i].number, &result.combinations_of[i],
                      &result.repeats_of[i]);
    gather_params(&result);
    keep_varying(&result);
    classify(&result);
    sort_trials(&result);
    if (result.scored_count)
        TRY(compare(&result));
    *ret = result;
    return NULL;
}

void sweep_result_use_error(struct sweep_result *result, double error)
{
    bool is_known = result->combination_count && isfinite(result->combinations[0].error);
    if (!isfinite(error) || is_known)
        return;
    result->recorded_error = error;
    result->within_count = 0;
    for (size_t i = 0; i < result->combination_count; i++) {
        struct combination *combination = &result->combinations[i];
        double away = fabs(combination->mean - result->combinations[0].mean);
        combination->is_within_error = away <= error;
        result->within_count += combination->is_within_error;
    }
}

const struct trial *sweep_result_winner(const struct sweep_result *result)
{
    if (result->combination_count)
        return result->typical[0];
    return result->scored_count ? &result->trials[result->order[0]] : NULL;
}

struct str sweep_result_words(const struct sweep_result *result, const struct trial *trial)
{
    struct buf words = buf_in(result->arena);
    size_t at = (size_t)(trial - result->trials);
    vec_each (const struct sweep_param, param, &result->params)
        if (!param->is_seed && param->texts[at].at)
            buf_print(&words, "%s%.*s=%.*s", words.len ? " " : "", STR_FMT(param->name),
                      STR_FMT(sweep_value_words(result->arena, param->texts[at])));
    return buf_str(&words);
}

/* --- range ---------------------------------------------------------------------------------- */

void sweep_result_range(const struct sweep_result *result, double *ret_least, double *ret_most,
                        size_t *ret_out)
{
    size_t count = result->scored_count;
    *ret_least = *ret_most = nan("");
    *ret_out = 0;
    if (count == 0)
        return;
    double first = result->trials[result->order[count / 4]].score;
    double third = result->trials[result->order[count - 1 - count / 4]].score;
    double reach = 3 * fabs(first - third), middle = fmin(first, third);
    for (size_t i = 0; i < count; i++) {
        double score = result->trials[result->order[i]].score;
        bool is_out = reach > 0 && (score < middle - reach || score > fmax(first, third) + reach);
        *ret_out += is_out;
        if (is_out)
            continue;
        *ret_least = fmin(*ret_least, score);
        *ret_most = fmax(*ret_most, score);
    }
}
