/* Checks of columns by their profiles alone. */
#include "mlops/base/arena.h"

#include <math.h>

#include "judge_private.h"

static struct finding *add_value(struct judging *judging, const struct column_profile *column,
                                 double value)
{
    struct finding *finding = finding_add(judging, column->name);
    finding->has_value = true;
    finding->value = value;
    return finding;
}

static struct str at_most(struct arena *arena, double share)
{
    return str_print(arena, "at most %.*s", STR_FMT(share_text(arena, share)));
}

static FALLIBLE null_values_of(struct judging *judging, const struct column_profile *column)
{
    struct arena *arena = judging->arena;
    double cells = (double)(column->count + column->null_count);
    double share = cells > 0 ? (double)column->null_count / cells : 0;
    struct finding *finding = add_value(judging, column, share);
    finding->count = column->null_count;
    finding->limit = at_most(arena, judging->rule->max_share.value);
    finding->message =
        str_print(arena, "'%.*s': %llu of %.0f are null (%.*s)", STR_FMT(column->name),
                  (unsigned long long)column->null_count, cells, STR_FMT(share_text(arena, share)));
    finding_settle(finding, share <= judging->rule->max_share.value);
    return NULL;
}

FALLIBLE judge_null_values(struct judging *judging)
{
    return judge_columns(judging, null_values_of);
}

/* A summary by its name; NaN where the column has none. */
static double summary_of(const struct column_profile *column, const struct stat_bound *bound)
{
    if (str_is(bound->name, "distinct"))
        return (double)column->distinct;
    if (str_is(bound->name, "length"))
        return column->has_lengths ? column->length_mean : nan("");
    if (!column->has_numbers || !column->number_count)
        return nan("");
    if (str_is(bound->name, "mean"))
        return column->mean;
    if (str_is(bound->name, "sd"))
        return column->sd;
    if (str_is(bound->name, "min"))
        return column->min;
    if (str_is(bound->name, "max"))
        return column->max;
    return distribution_quantile(&column->distribution, bound->quantile);
}

static struct str bounds_text(struct arena *arena, const struct stat_bound *bound)
{
    struct str least = number_text(arena, bound->least.value);
    struct str most = number_text(arena, bound->most.value);
    if (bound->least.is_given && bound->most.is_given)
        return str_print(arena, "from %.*s to %.*s", STR_FMT(least), STR_FMT(most));
    if (bound->least.is_given)
        return str_print(arena, "at least %.*s", STR_FMT(least));
    return str_print(arena, "at most %.*s", STR_FMT(most));
}

static void judge_bound(struct judging *judging, const struct column_profile *column,
                        const struct stat_bound *bound)
{
    struct arena *arena = judging->arena;
    double value = summary_of(column, bound);
    struct finding *finding = add_value(judging, column, value);
    bool is_ok = !isnan(value) && (!bound->least.is_given || value >= bound->least.value) &&
                 (!bound->most.is_given || value <= bound->most.value);
    finding->kind = bound->name;
    finding->limit = bounds_text(arena, bound);
    finding->message = isnan(value)
                           ? str_print(arena, "'%.*s' has no %.*s: its values are no numbers",
                                       STR_FMT(column->name), STR_FMT(bound->name))
                           : str_print(arena, "%.*s of '%.*s' is %.*s", STR_FMT(bound->name),
                                       STR_FMT(column->name), STR_FMT(number_text(arena, value)));
    finding_settle(finding, is_ok);
}

FALLIBLE judge_stat(struct judging *judging)
{
    const struct check_rule *rule = judging->rule;
    if (!judge_has_column(judging, rule->field))
        return NULL;
    const struct column_profile *column = profile_column(&judging->table->profile, rule->field);
    vec_each (const struct stat_bound, bound, &rule->bounds)
        judge_bound(judging, column, bound);
    return NULL;
}

/* Of several rows none has a value: as constant as can be. One value among nulls is no judge. */
static FALLIBLE no_values(struct judging *judging, const struct column_profile *column)
{
    if (!column->count)
        finding_fail(
            judging, column->name,
            str_print(judging->arena, "'%.*s' has no values at all", STR_FMT(column->name)));
    return NULL;
}

static FALLIBLE constant_of(struct judging *judging, const struct column_profile *column)
{
    struct arena *arena = judging->arena;
    const struct amount *most = &judging->rule->max_share;
    double count = (double)column->count;
    double top = column->value_count ? (double)column->values[0].count : 0;
    double share = count > 0 ? top / count : 0;
    if (column->count < 2 && column->count + column->null_count > 1)
        return no_values(judging, column);
    if (column->count < 2)
        return NULL;
    struct finding *finding = add_value(judging, column, share);
    finding->limit = most->is_given ? at_most(arena, most->value) : STR("more than one value");
    finding->message = str_print(
        arena, "'%.*s': %.*s of its values are '%.*s'", STR_FMT(column->name),
        STR_FMT(share_text(arena, share)),
        STR_FMT(column->value_count ? str_slice(column->values[0].value, 0, 60) : STR("")));
    finding_settle(finding, most->is_given ? share <= most->value : column->distinct != 1);
    return NULL;
}

FALLIBLE judge_constant(struct judging *judging)
{
    return judge_columns(judging, constant_of);
}

/* Between which values a number is no outlier. */
static void fences_of(const struct check_rule *rule, const struct column_profile *column,
                      double *ret_low, double *ret_high)
{
    bool is_zscore = rule->has_method && rule->method == 1;
    double factor = rule->threshold.is_given ? rule->threshold.value : is_zscore ? 3 : 1.5;
    if (is_zscore) {
        *ret_low = column->mean - factor * column->sd;
        *ret_high = column->mean + factor * column->sd;
        return;
    }
    double q1 = distribution_quantile(&column->distribution, 0.25);
    double q3 = distribution_quantile(&column->distribution, 0.75);
    *ret_low = q1 - factor * (q3 - q1);
    *ret_high = q3 + factor * (q3 - q1);
}

static double share_outside(const struct distribution *distribution, double low, double high)
{
    double outside = 0;
    for (size_t i = 0; i < distribution->len; i++) {
        if (distribution->values[i] < low || distribution->values[i] > high)
            outside += distribution->weights[i];
    }
    return distribution->total > 0 ? outside / distribution->total : 0;
}

/* A column that is named and has none fails: nothing of it can be judged. */
static bool has_numbers(struct judging *judging, const struct column_profile *column)
{
    bool has = column->has_numbers && column->number_count;
    if (!has && judging->rule->fields.len)
        finding_fail(judging, column->name,
                     str_print(judging->arena, "'%.*s' has no numbers", STR_FMT(column->name)));
    return has;
}

static FALLIBLE outliers_of(struct judging *judging, const struct column_profile *column)
{
    struct arena *arena = judging->arena;
    const struct check_rule *rule = judging->rule;
    double low = 0, high = 0;
    bool is_number = column->type == TYPE_NUMBER || column->type == TYPE_INTEGER;
    if (!is_number && !rule->fields.len)
        return NULL;
    if (!has_numbers(judging, column))
        return NULL;
    fences_of(rule, column, &low, &high);
    double share = share_outside(&column->distribution, low, high);
    double most = rule->max_share.is_given ? rule->max_share.value : 0.05;
    struct finding *finding = add_value(judging, column, share);
    finding->limit = at_most(arena, most);
    finding->formula =
        str_print(arena, "%s: outside [%.*s, %.*s]%s", check_outlier_methods()[rule->method],
                  STR_FMT(number_text(arena, low)), STR_FMT(number_text(arena, high)),
                  column->distribution.is_exact ? "" : ", estimated from a sample");
    finding->message = str_print(arena, "'%.*s': %.*s of its numbers are outliers",
                                 STR_FMT(column->name), STR_FMT(share_text(arena, share)));
    finding_settle(finding, share <= most);
    return NULL;
}

FALLIBLE judge_outliers(struct judging *judging)
{
    return judge_columns(judging, outliers_of);
}

static bool is_listed(const struct str_vec *names, struct str name)
{
    vec_each (const struct str, each, names) {
        if (str_equal(*each, name))
            return true;
    }
    return !names->len;
}

/* Columns that are named and can't be in a pair. */
static void judge_paired(struct judging *judging)
{
    const struct check_rule *rule = judging->rule;
    struct str_vec names = {0};
    vec_each (const struct str, name, &rule->fields)
        *vec_push(judging->arena, &names) = *name;
    if (rule->field.len)
        *vec_push(judging->arena, &names) = rule->field;
    vec_each (const struct str, name, &names) {
        if (!judge_has_column(judging, *name))
            continue;
        const struct column_profile *column = profile_column(&judging->table->profile, *name);
        bool has = column->type == TYPE_BOOLEAN || (column->has_numbers && column->number_count);
        if (!has)
            finding_fail(judging, *name,
                         str_print(judging->arena, "'%.*s' has no numbers", STR_FMT(*name)));
    }
}

/* Of a wide table not all pairs are known. */
static void skip_unpaired(struct judging *judging)
{
    const struct profile *profile = &judging->table->profile;
    size_t count = 0;
    for (size_t i = 0; i < profile->column_count; i++)
        count += profile->columns[i].has_numbers && profile->columns[i].number_count;
    if (count > PROFILE_PAIRED)
        finding_skip(judging, finding_add(judging, (struct str){0}),
                     str_print(judging->arena,
                               "of %zu columns with numbers only the first %d are compared", count,
                               PROFILE_PAIRED));
}

FALLIBLE judge_correlation(struct judging *judging)
{
    const struct check_rule *rule = judging->rule;
    const struct profile *profile = &judging->table->profile;
    struct arena *arena = judging->arena;
    double most = rule->max.is_given ? rule->max.value : 0.95, largest = -1;
    skip_unpaired(judging);
    size_t before = judging->judged->findings.len;
    judge_paired(judging);
    for (size_t i = 0; i < profile->pair_count; i++) {
        const struct column_pair *pair = &profile->pairs[i];
        struct str a = profile->columns[pair->a].name, b = profile->columns[pair->b].name;
        bool is_with = !rule->field.len || str_equal(a, rule->field) || str_equal(b, rule->field);
        if (!is_with || !is_listed(&rule->fields, a) || !is_listed(&rule->fields, b))
            continue;
        largest = MAX_OF(largest, fabs(pair->correlation));
        if (!(fabs(pair->correlation) > most))
            continue;
        struct finding *finding = add_value(judging, &profile->columns[pair->a], pair->correlation);
        finding->limit =
            str_print(arena, "at most %.*s either way", STR_FMT(number_text(arena, most)));
        finding->message = str_print(arena, "'%.*s' and '%.*s' correlate with r = %.*s", STR_FMT(a),
                                     STR_FMT(b), STR_FMT(number_text(arena, pair->correlation)));
        finding_settle(finding, false);
    }
    if (judging->judged->findings.len > before)
        return NULL;
    struct finding *finding = finding_add(judging, (struct str){0});
    if (largest < 0) {
        finding_skip(judging, finding, STR("there are no two such columns with numbers that vary"));
        return NULL;
    }
    finding->has_value = true;
    finding->value = largest;
    finding->message =
        str_print(arena, "the strongest correlation is %.*s", STR_FMT(number_text(arena, largest)));
    return NULL;
}
