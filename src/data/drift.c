#include "mlops/base/arena.h"
#include "mlops/base/check.h"

#include <math.h>

#include "drift_private.h"

const struct drift_method_row *drift_methods(void)
{
    static const struct drift_method_row rows[DRIFT_COUNT] = {
        [DRIFT_PSI] = {"psi", true, true, false, 0.1,
                       "sum (p-q) ln(p/q) over the values, shares at least 1e-4",
                       "sum (p-q) ln(p/q) over the reference's deciles, shares at least 1e-4; a "
                       "value that is several of them is a bin of its own"},
        [DRIFT_KS] = {"ks", true, false, false, 0.2,
                      "largest difference of the two distribution functions", NULL},
        [DRIFT_JS] = {"js", true, true, false, 0.1,
                      "Jensen-Shannon divergence in bits over the values",
                      "Jensen-Shannon divergence in bits over bins of equal width, as many as "
                      "Sturges' rule gives for both together; of at most 20 different numbers, "
                      "over the numbers"},
        [DRIFT_CHI2] =
            {"chi2", false, true, true, 0.05,
             "p of Pearson's chi-squared of the 2 x k table of counts, the rarest values "
             "merged until at most 20% of them are expected less than 5 times (of two: "
             "none less than 10 times)",
             NULL},
        [DRIFT_LINF] = {"linf", false, true, false, (double)NAN, "largest |p-q| of a value", NULL},
        [DRIFT_WASSERSTEIN] = {"wasserstein", true, false, false, 0.1,
                               "area between the distribution functions over the reference's "
                               "standard deviation (population, at least 0.001)",
                               NULL},
        [DRIFT_CRAMERS_V] = {"cramers_v", false, true, false, 0.2,
                             "Cramer's V, bias-corrected, of the 2 x k table of counts, the larger "
                             "sample scaled down, values below 1% of the reference as one",
                             NULL},
        [DRIFT_HELLINGER] = {"hellinger", true, true, false, 0.1,
                             "sqrt(1 - sum sqrt(pq)) over the values",
                             "sqrt(1 - sum sqrt(pq)) over bins of equal width, as many as "
                             "Sturges' rule gives for both together; of at most 20 different "
                             "numbers, over the numbers"},
    };
    return rows;
}

const char *drift_formula(enum drift_method method, bool is_numeric)
{
    check(method < DRIFT_COUNT);
    const struct drift_method_row *row = &drift_methods()[method];
    return is_numeric && row->number_formula ? row->number_formula : row->formula;
}

void drift_add(struct arena *arena, struct number_vec *numbers, const char *name, double value)
{
    vec_each (struct named_number, number, numbers) {
        if (strcmp(number->name, name) == 0)
            return;
    }
    *vec_push(arena, numbers) = (struct named_number){name, value};
}

static bool is_number_column(const struct column_profile *column)
{
    return column->has_numbers && column->type != TYPE_BOOLEAN;
}

/* A column without values follows the other. */
static bool is_numeric(const struct column_profile *a, const struct column_profile *b)
{
    bool has_a = is_number_column(a), has_b = is_number_column(b);
    return (has_a && has_b) || (has_a && b->count == 0) || (has_b && a->count == 0);
}

static bool is_empty(const struct column_profile *column)
{
    return column->count == 0 || (column->has_numbers && column->distribution.len == 0);
}

/* Out of the statistics of a Parquet file. */
static bool is_footer(const struct column_profile *column)
{
    return column->count > 0 && column->distribution.len == 0 && column->value_count == 0 &&
           column->distinct == 0;
}

/* A sample of a column answers for no more values than it holds. */
static double size_of(const struct column_profile *column, bool has_numbers)
{
    if (!has_numbers)
        return (double)column->count;
    const struct distribution *numbers = &column->distribution;
    return numbers->is_exact ? numbers->total : fmin(numbers->total, PROFILE_SAMPLE);
}

static const char *find_reason(const struct column_profile *reference,
                               const struct column_profile *current, const struct drift *drift)
{
    if (is_footer(reference) || is_footer(current))
        return "only the bounds of its values are known";
    if (is_empty(reference))
        return "the reference holds no values";
    if (is_empty(current))
        return "the current file holds no values";
    if (!drift->is_numeric && drift->key_count == 0)
        return "there are too many different values";
    return NULL;
}

FALLIBLE drift_measure(struct arena *arena, const struct column_profile *reference,
                       const struct column_profile *current, struct drift *ret)
{
    struct number_vec numbers = {0};
    *ret = (struct drift){.is_numeric = is_numeric(reference, current)};
    ret->reference_size = size_of(reference, ret->is_numeric);
    ret->current_size = size_of(current, ret->is_numeric);
    for (size_t i = 0; i < DRIFT_COUNT; i++)
        ret->methods[i] = (double)NAN;
    bool has_values = drift_collect_values(arena, reference, current, ret);
    ret->is_exact = ret->is_numeric
                        ? reference->distribution.is_exact && current->distribution.is_exact
                        : has_values;
    ret->reason = find_reason(reference, current, ret);
    if (ret->is_numeric)
        drift_add_numbers(arena, &numbers, reference, current, ret);
    if (!ret->is_numeric || ret->key_count)
        drift_add_values(arena, &numbers, ret);
    ret->numbers = numbers.at;
    ret->number_count = numbers.len;
    return NULL;
}

double drift_value(const struct drift *drift, enum drift_method method)
{
    check(method < DRIFT_COUNT);
    return drift->methods[method];
}

bool drift_is_over(enum drift_method method, double value, double threshold)
{
    check(method < DRIFT_COUNT);
    if (isnan(value) || isnan(threshold))
        return false;
    return drift_methods()[method].is_p ? value < threshold : value >= threshold && value > 0;
}
