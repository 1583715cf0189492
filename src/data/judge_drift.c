/* Checks against a reference: drift of columns, labels. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/data/drift.h"

#include <math.h>
#include <strings.h>

#include "judge_private.h"

/* The names in check_drift_methods() and the methods here stand in the same order. */
_Static_assert(DRIFT_COUNT == 8, "a word of the language for every method");

static void skip_all(struct judging *judging, struct str why)
{
    struct finding *finding = finding_add(judging, (struct str){0});
    finding->judgement = JUDGED_SKIP;
    finding->message = why;
}

/* A file that should be a table and is not: the comparison that was asked for fails. */
static void fail_all(struct judging *judging, struct str why)
{
    finding_fail(judging, (struct str){0},
                 str_print(judging->arena, "the reference is no table: %.*s", STR_FMT(why)));
}

static void find_file(struct judging *judging, struct str path, const struct profile **ret)
{
    const struct measurement *measurement = judging->options->measurement;
    for (size_t i = 0; i < measurement->reference_count; i++) {
        const struct reference_measurement *reference = &measurement->references[i];
        if (!str_equal(reference->path, path))
            continue;
        if (reference->fault.len)
            fail_all(judging, reference->fault);
        else
            *ret = &reference->profile;
        return;
    }
    skip_all(judging, STR("the measurement lacks its reference"));
}

static void find_table(struct judging *judging, const struct measurement *measurement,
                       struct str name, const struct profile **ret)
{
    const struct table_measurement *table = measurement_find(measurement, name);
    if (!table)
        skip_all(judging,
                 str_print(judging->arena, "the reference has no table '%.*s'", STR_FMT(name)));
    else if (table->fault.len)
        fail_all(judging, table->fault);
    else
        *ret = &table->profile;
}

void judge_find_reference(struct judging *judging, const struct profile **ret)
{
    const struct reference *against = &judging->rule->against;
    const struct judge_reference *given = judging->reference;
    *ret = NULL;
    switch (against->kind) {
    case REFERENCE_FILE:
        find_file(judging, against->path, ret);
        return;
    case REFERENCE_TABLE:
        find_table(judging, judging->options->measurement, against->word, ret);
        return;
    case REFERENCE_RUN:
        if (given && given->run)
            find_table(judging, given->run, judging->table->name, ret);
        break;
    case REFERENCE_VERSION:
        if (given)
            *ret = given->profile;
        break;
    case REFERENCE_NONE:
        return;
    }
    bool is_told = *ret || (given && given->run);
    if (!is_told)
        skip_all(judging, given && given->missing.len
                              ? given->missing
                              : STR("there is no reference to compare with"));
}

struct drifting {
    struct judging *judging;
    const struct profile *reference;
    size_t compared, drifted;
};

static enum drift_method method_of(const struct check_rule *rule)
{
    return rule->has_method ? (enum drift_method)rule->method : DRIFT_PSI;
}

static double threshold_of(const struct check_rule *rule)
{
    return rule->threshold.is_given ? rule->threshold.value
                                    : drift_methods()[method_of(rule)].threshold;
}

static struct str limit_of(struct arena *arena, const struct check_rule *rule)
{
    bool is_p = drift_methods()[method_of(rule)].is_p;
    return str_print(arena, "%s %.*s", is_p ? "p at least" : "below",
                     STR_FMT(number_text(arena, threshold_of(rule))));
}

static struct str formula_of(struct arena *arena, const struct drift *drift,
                             enum drift_method method)
{
    struct buf out = buf_in(arena);
    bool is_cut = drift->is_numeric && (method == DRIFT_JS || method == DRIFT_HELLINGER);
    buf_add_text(&out, drift_formula(method, drift->is_numeric));
    if (method == DRIFT_PSI && drift->is_numeric && drift->edge_count) {
        buf_add_text(&out, "; edges");
        for (size_t i = 0; i < drift->edge_count; i++)
            buf_print(&out, " %.*s", STR_FMT(number_text(arena, drift->edges[i])));
    } else if (is_cut && drift->is_binned_by_value) {
        buf_add_text(&out, "; each number is a bin");
    } else if (is_cut && drift->sturges_count) {
        buf_print(&out, "; %zu bins from %.*s to %.*s", drift->sturges_count - 1,
                  STR_FMT(number_text(arena, drift->sturges[0])),
                  STR_FMT(number_text(arena, drift->sturges[drift->sturges_count - 1])));
    }
    if (!drift->is_exact)
        buf_add_text(&out, "; estimated from samples");
    return buf_str(&out);
}

/* A column that lost all its values is further away than any distance. */
static void tell_loss(struct drifting *drifting, const struct column_profile *column)
{
    struct judging *judging = drifting->judging;
    struct finding *finding = finding_add(judging, column->name);
    finding->kind = str_of(drift_methods()[method_of(judging->rule)].name);
    finding->limit = limit_of(judging->arena, judging->rule);
    finding->message = str_print(judging->arena, "'%.*s' drifts: it has no values any more",
                                 STR_FMT(column->name));
    finding_settle(finding, judging->rule->max_share.is_given);
    drifting->compared++;
    drifting->drifted++;
}

static bool has_numbers(const struct column_profile *column)
{
    return column->has_numbers && column->number_count;
}

/* No distance, nobody asked for this column, and the method is not for such columns anyway. */
static bool is_passed_over(const struct drifting *drifting, const struct column_profile *column,
                           const struct column_profile *reference)
{
    bool is_as_before = has_numbers(column) == has_numbers(reference);
    return !drifting->judging->rule->fields.len && is_as_before;
}

/* A method that a column has no use for is told only where the column was named, or where the
 * reference holds numbers and the column none, or the other way round. */
static FALLIBLE compare(struct drifting *drifting, const struct column_profile *column,
                        const struct column_profile *reference)
{
    struct judging *judging = drifting->judging;
    const struct check_rule *rule = judging->rule;
    struct arena *arena = judging->arena;
    enum drift_method method = method_of(rule);
    struct drift drift;
    TRY(drift_measure(arena, reference, column, &drift));
    double value = drift_value(&drift, method);
    if (isnan(value) && reference->count && !column->count) {
        tell_loss(drifting, column);
        return NULL;
    }
    if (isnan(value) && is_passed_over(drifting, column, reference))
        return NULL;
    struct finding *finding = finding_add(judging, column->name);
    finding->kind = str_of(drift_methods()[method].name);
    if (isnan(value)) {
        finding_skip(
            judging, finding,
            str_of(drift.reason ? drift.reason : "the method does not apply to this column"));
        return NULL;
    }
    bool is_over = drift_is_over(method, value, threshold_of(rule));
    drifting->compared++;
    drifting->drifted += is_over;
    finding->has_value = true;
    finding->value = value;
    finding->limit = limit_of(arena, rule);
    finding->formula = formula_of(arena, &drift, method);
    finding->message = str_print(arena, "'%.*s' %s: %s %.*s", STR_FMT(column->name),
                                 is_over ? "drifts" : "does not drift",
                                 drift_methods()[method].name, STR_FMT(number_text(arena, value)));
    finding_settle(finding, !is_over || rule->max_share.is_given);
    return NULL;
}

static void fail_absent(struct judging *judging, struct str name)
{
    finding_fail(judging, name,
                 str_print(judging->arena, "the reference has no column '%.*s'", STR_FMT(name)));
}

static FALLIBLE compare_named(struct drifting *drifting, const struct column_profile *column)
{
    struct judging *judging = drifting->judging;
    const struct column_profile *reference = profile_column(drifting->reference, column->name);
    if (reference)
        return compare(drifting, column, reference);
    if (!judging->rule->fields.len)
        return NULL;
    fail_absent(judging, column->name);
    return NULL;
}

static FALLIBLE compare_columns(struct drifting *drifting)
{
    struct judging *judging = drifting->judging;
    const struct profile *profile = &judging->table->profile;
    const struct str_vec *fields = &judging->rule->fields;
    for (size_t i = 0; !fields->len && i < profile->column_count; i++)
        TRY(compare_named(drifting, &profile->columns[i]));
    vec_each (const struct str, name, fields) {
        if (judge_has_column(judging, *name))
            TRY(compare_named(drifting, profile_column(profile, *name)));
    }
    return NULL;
}

/* The share of columns that drift, where some may. */
static void judge_share(const struct drifting *drifting)
{
    struct judging *judging = drifting->judging;
    struct arena *arena = judging->arena;
    double most = judging->rule->max_share.value;
    double share = (double)drifting->drifted / (double)drifting->compared;
    struct finding *finding = finding_add(judging, (struct str){0});
    finding->has_value = true;
    finding->value = share;
    finding->limit = str_print(arena, "at most %.*s", STR_FMT(share_text(arena, most)));
    finding->message =
        str_print(arena, "%zu of %zu columns drift", drifting->drifted, drifting->compared);
    finding_settle(finding, share <= most);
}

FALLIBLE judge_drift(struct judging *judging)
{
    const struct reference *against = &judging->rule->against;
    struct drifting drifting = {.judging = judging};
    bool is_itself =
        against->kind == REFERENCE_TABLE && str_equal(against->word, judging->table->name);
    if (is_itself)
        return NULL;
    judge_find_reference(judging, &drifting.reference);
    if (!drifting.reference)
        return NULL;
    size_t before = judging->judged->findings.len;
    TRY(compare_columns(&drifting));
    if (judging->rule->max_share.is_given && drifting.compared)
        judge_share(&drifting);
    if (judging->judged->findings.len == before)
        skip_all(judging, STR("no column can be compared by this method"));
    return NULL;
}

/* --- labels --- */

/* Of true and false case does not count: True of one tool is true of another. */
static bool is_label(const struct column_profile *column, struct str label, struct str value)
{
    bool is_alike = column->type == TYPE_BOOLEAN && value.len && label.len == value.len &&
                    strncasecmp(label.at, value.at, value.len) == 0;
    return is_alike || str_equal(label, value);
}

static double count_of(const struct column_profile *column, struct str value)
{
    for (size_t i = 0; i < column->value_count; i++) {
        if (is_label(column, column->values[i].value, value))
            return (double)column->values[i].count;
    }
    return 0;
}

static void judge_balance(struct judging *judging, const struct column_profile *column)
{
    struct arena *arena = judging->arena;
    double least = judging->rule->min_share.value;
    double smallest = 1, all = (double)MAX_OF(column->count, 1u);
    struct str rarest = {0};
    for (size_t i = 0; i < column->value_count; i++) {
        double share = (double)column->values[i].count / all;
        if (share > smallest || (share == smallest && rarest.at))
            continue;
        smallest = share;
        rarest = column->values[i].value;
    }
    struct finding *finding = finding_add(judging, column->name);
    finding->kind = STR("balance");
    finding->has_value = true;
    finding->value = smallest;
    finding->limit = str_print(arena, "at least %.*s", STR_FMT(share_text(arena, least)));
    finding->message = str_print(arena, "the rarest label '%.*s' has %.*s of the rows",
                                 STR_FMT(rarest), STR_FMT(share_text(arena, smallest)));
    finding_settle(finding, smallest >= least);
}

static void judge_new(struct judging *judging, const struct column_profile *column,
                      const struct column_profile *reference)
{
    struct arena *arena = judging->arena;
    struct buf names = buf_in(arena);
    double count = 0;
    for (size_t i = 0; i < column->value_count; i++) {
        struct str value = column->values[i].value;
        if (count_of(reference, value) > 0)
            continue;
        if (count < 5)
            buf_print(&names, "%s '%.*s'", count > 0 ? "," : ":", STR_FMT(value));
        count++;
    }
    struct finding *finding = finding_add(judging, column->name);
    finding->kind = STR("new");
    finding->has_value = true;
    finding->value = count;
    finding->count = (uint64_t)count;
    finding->limit = str_print(arena, "at most %.*s",
                               STR_FMT(number_text(arena, judging->rule->new_values.value)));
    finding->message = str_print(arena, "%.0f labels are not in the reference%.*s", count,
                                 STR_FMT(buf_str(&names)));
    finding_settle(finding, count <= judging->rule->new_values.value);
}

static void judge_shift(struct judging *judging, const struct column_profile *column,
                        const struct column_profile *reference)
{
    struct arena *arena = judging->arena;
    double now = (double)MAX_OF(column->count, 1u), then = (double)MAX_OF(reference->count, 1u);
    double largest = 0;
    struct str label = {0};
    const struct column_profile *const sides[] = {column, reference};
    for (size_t s = 0; s < COUNT_OF(sides); s++) {
        for (size_t i = 0; i < sides[s]->value_count; i++) {
            struct str value = sides[s]->values[i].value;
            double gap = fabs(count_of(column, value) / now - count_of(reference, value) / then);
            if (gap <= largest)
                continue;
            largest = gap;
            label = value;
        }
    }
    struct finding *finding = finding_add(judging, column->name);
    finding->kind = STR("drift");
    finding->has_value = true;
    finding->value = largest;
    finding->formula = STR("max |p - q| over all labels");
    finding->limit = str_print(arena, "at most %.*s",
                               STR_FMT(number_text(arena, judging->rule->max_drift.value)));
    finding->message = str_print(arena, "the share of label '%.*s' changed by %.*s", STR_FMT(label),
                                 STR_FMT(number_text(arena, largest)));
    finding_settle(finding, largest <= judging->rule->max_drift.value);
}

static void judge_against(struct judging *judging, const struct column_profile *column)
{
    const struct check_rule *rule = judging->rule;
    const struct profile *profile = NULL;
    judge_find_reference(judging, &profile);
    const struct column_profile *reference = profile ? profile_column(profile, column->name) : NULL;
    if (!profile)
        return;
    if (!reference) {
        fail_absent(judging, column->name);
        return;
    }
    if (!reference->values_are_complete) {
        finding_fail(judging, column->name,
                     STR("the reference has too many different values for labels"));
        return;
    }
    if (rule->new_values.is_given)
        judge_new(judging, column, reference);
    if (rule->max_drift.is_given)
        judge_shift(judging, column, reference);
}

FALLIBLE judge_labels(struct judging *judging)
{
    const struct check_rule *rule = judging->rule;
    if (!judge_has_column(judging, rule->field))
        return NULL;
    const struct column_profile *column = profile_column(&judging->table->profile, rule->field);
    if (!column->value_count || !column->values_are_complete) {
        finding_fail(
            judging, rule->field,
            str_print(judging->arena, "'%.*s' has %s", STR_FMT(rule->field),
                      column->count ? "too many different values for labels" : "no labels"));
        return NULL;
    }
    if (rule->min_share.is_given)
        judge_balance(judging, column);
    bool is_compared = rule->new_values.is_given || rule->max_drift.is_given;
    if (is_compared)
        judge_against(judging, column);
    return NULL;
}
