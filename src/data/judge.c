#include "mlops/data/judge.h"

#include "mlops/base/arena.h"
#include "mlops/base/check.h"

#include <math.h>

#include "judge_private.h"

const char *judgement_name(enum judgement judgement, int severity)
{
    switch (judgement) {
    case JUDGED_PASS:
        return "pass";
    case JUDGED_FAIL:
        return severity == SEVERITY_WARN ? "warn" : "fail";
    case JUDGED_SKIP:
        break;
    }
    return "skip";
}

struct finding *finding_add(struct judging *judging, struct str field)
{
    struct finding *finding = vec_push(judging->arena, &judging->judged->findings);
    *finding = (struct finding){.rule = judging->rule,
                                .table = judging->table->name,
                                .path = judging->table->path,
                                .field = field};
    return finding;
}

void finding_settle(struct finding *finding, bool is_ok)
{
    if (!is_ok)
        finding->judgement = JUDGED_FAIL;
}

void finding_skip(struct judging *judging, struct finding *finding, struct str why)
{
    finding->judgement = JUDGED_SKIP;
    finding->message = str_copy(judging->arena, why);
}

struct str number_text(struct arena *arena, double value)
{
    if (isnan(value))
        return STR("not defined");
    bool is_whole = value == floor(value) && fabs(value) < 1e15;
    return is_whole ? str_print(arena, "%.0f", value) : str_print(arena, "%.6g", value);
}

struct str share_text(struct arena *arena, double share)
{
    return isinf(share) ? STR("any share") : str_print(arena, "%.3g %%", share * 100);
}

const struct column_profile *profile_column(const struct profile *profile, struct str name)
{
    for (size_t i = 0; i < profile->column_count; i++) {
        if (str_equal(profile->columns[i].name, name))
            return &profile->columns[i];
    }
    return NULL;
}

void finding_fail(struct judging *judging, struct str field, struct str message)
{
    struct finding *finding = finding_add(judging, field);
    finding->message = message;
    finding_settle(finding, false);
}

bool judge_has_column(struct judging *judging, struct str name)
{
    if (profile_column(&judging->table->profile, name))
        return true;
    finding_fail(judging, name,
                 str_print(judging->arena, "there is no column '%.*s'", STR_FMT(name)));
    return false;
}

FALLIBLE judge_columns(struct judging *judging, judge_column *one)
{
    const struct profile *profile = &judging->table->profile;
    const struct str_vec *fields = &judging->rule->fields;
    for (size_t i = 0; !fields->len && i < profile->column_count; i++)
        TRY(one(judging, &profile->columns[i]));
    vec_each (const struct str, name, fields) {
        if (judge_has_column(judging, *name))
            TRY(one(judging, profile_column(profile, *name)));
    }
    return NULL;
}

typedef FALLIBLE judge_check(struct judging *judging);

static const struct {
    judge_check *judge;
    bool needs_values; /* the footer of a Parquet file won't do */
} kinds[CHECK_KIND_COUNT] = {
    [CHECK_SCHEMA] = {judge_schema, false},
    [CHECK_ROW_COUNT] = {judge_row_count, false},
    [CHECK_FRESHNESS] = {judge_freshness, false},
    [CHECK_DUPLICATE_ROWS] = {judge_duplicate_rows, true},
    [CHECK_NULL_VALUES] = {judge_null_values, false},
    [CHECK_LEAKAGE] = {judge_leakage, true},
    [CHECK_DRIFT] = {judge_drift, true},
    [CHECK_LABELS] = {judge_labels, true},
    [CHECK_STAT] = {judge_stat, true},
    [CHECK_CONSTANT] = {judge_constant, true},
    [CHECK_OUTLIERS] = {judge_outliers, true},
    [CHECK_CORRELATION] = {judge_correlation, true},
};

static FALLIBLE judge_table(struct judging *judging)
{
    enum check_kind kind = judging->rule->kind;
    if (judging->table->fault.len)
        return NULL; /* told by judge_faults */
    if (!kinds[kind].needs_values || !judging->table->is_footer)
        return kinds[kind].judge(judging);
    finding_skip(judging, finding_add(judging, (struct str){0}),
                 STR("not checked: it needs the values, and of a Parquet file only the footer is "
                     "read"));
    return NULL;
}

/* Checks that concern two tables are judged with the second of them. */
static bool concerns(const struct check_rule *rule, const struct checked_table *table)
{
    return rule->kind == CHECK_LEAKAGE ? str_equal(rule->between.at[1], table->name)
                                       : check_applies(rule, table);
}

static bool reads(const struct check_rule *rule, const struct checked_table *table)
{
    bool is_first = rule->kind == CHECK_LEAKAGE && str_equal(rule->between.at[0], table->name);
    return is_first || concerns(rule, table);
}

/* That a table can't be read is as grave as the gravest of the checks that read it. */
static const struct check_rule *gravest_of(const struct validation *validation,
                                           const struct checked_table *table)
{
    static const struct check_rule unread = {.kind = CHECK_SCHEMA};
    const struct check_rule *gravest = NULL;
    vec_each (const struct check_rule, rule, &validation->checks) {
        if (reads(rule, table) && (!gravest || rule->severity < gravest->severity))
            gravest = rule;
    }
    return gravest ? gravest : &unread;
}

_Static_assert(SEVERITY_ERROR < SEVERITY_WARN, "the graver one is less");

/* A table that could not be read fails once, whatever was to be checked. */
static FALLIBLE judge_faults(struct judging *judging)
{
    const struct judge_options *options = judging->options;
    vec_each (const struct checked_table, table, &options->validation->tables) {
        judging->table = measurement_find(options->measurement, table->name);
        if (!judging->table)
            return error_new(ERROR_STORED, "the measurement lacks table '%.*s'",
                             STR_FMT(table->name));
        if (!judging->table->fault.len)
            continue;
        judging->rule = gravest_of(options->validation, table);
        struct finding *finding = finding_add(judging, (struct str){0});
        finding->kind = STR("unreadable");
        finding->message = judging->table->fault;
        finding_settle(finding, false);
    }
    return NULL;
}

static FALLIBLE judge_rule(struct judging *judging)
{
    const struct judge_options *options = judging->options;
    vec_each (const struct checked_table, table, &options->validation->tables) {
        if (!concerns(judging->rule, table))
            continue;
        judging->table = measurement_find(options->measurement, table->name);
        TRY(judge_table(judging));
    }
    return NULL;
}

static void sum_up(struct judged *judged)
{
    vec_each (const struct finding, finding, &judged->findings) {
        bool is_warning = finding->rule->severity == SEVERITY_WARN;
        judged->passed += finding->judgement == JUDGED_PASS;
        judged->skipped += finding->judgement == JUDGED_SKIP;
        judged->warned += finding->judgement == JUDGED_FAIL && is_warning;
        judged->failed += finding->judgement == JUDGED_FAIL && !is_warning;
    }
    judged->is_rejected = judged->failed > 0;
}

FALLIBLE judge(struct arena *arena, const struct judge_options *options, struct judged *ret)
{
    struct judging judging = {.arena = arena, .options = options, .judged = ret};
    *ret = (struct judged){0};
    TRY(judge_faults(&judging));
    for (size_t i = 0; i < options->validation->checks.len; i++) {
        judging.rule = &options->validation->checks.at[i];
        judging.reference = options->references ? &options->references[i] : NULL;
        TRY(judge_rule(&judging));
    }
    sum_up(ret);
    return NULL;
}
