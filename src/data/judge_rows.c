/* Checks of a table as a whole: how many rows, how fresh, which repeat, which leak. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/moment.h"

#include <math.h>

#include "judge_private.h"

enum { SECONDS_PER_DAY = 86400 };

static unsigned long long as_count(double value)
{
    return (unsigned long long)value;
}

static struct finding *add_count(struct judging *judging, double value, const char *what)
{
    struct finding *finding = finding_add(judging, (struct str){0});
    finding->has_value = true;
    finding->value = value;
    finding->message = str_print(judging->arena, "%llu %s%s", as_count(value), what,
                                 as_count(value) == 1 ? "" : "s");
    return finding;
}

static void judge_change(struct judging *judging, double rows)
{
    const struct check_rule *rule = judging->rule;
    const struct measurement *last = judging->options->last;
    const struct table_measurement *before =
        last ? measurement_find(last, judging->table->name) : NULL;
    struct finding *finding = finding_add(judging, (struct str){0});
    finding->kind = STR("max_change"); /* beside the rows themselves: CI systems go by names */
    finding->limit = str_print(judging->arena, "changed by at most %.*s",
                               STR_FMT(share_text(judging->arena, rule->max_change.value)));
    if (!before || before->fault.len) {
        finding_skip(judging, finding,
                     STR("there is no earlier run that passed: nothing to compare with"));
        return;
    }
    double earlier = (double)before->profile.record_count;
    double change = earlier > 0 ? fabs(rows - earlier) / earlier : rows > 0 ? HUGE_VAL : 0;
    struct str share = str_print(judging->arena, " (%s%.*s)", rows < earlier ? "-" : "+",
                                 STR_FMT(share_text(judging->arena, change)));
    finding->has_value = true;
    finding->value = change;
    finding->message =
        str_print(judging->arena, "%llu rows; the last run that passed had %llu%.*s",
                  as_count(rows), as_count(earlier), STR_FMT(isinf(change) ? STR("") : share));
    finding_settle(finding, change <= rule->max_change.value);
}

FALLIBLE judge_row_count(struct judging *judging)
{
    const struct check_rule *rule = judging->rule;
    struct arena *arena = judging->arena;
    double rows = (double)judging->table->profile.record_count;
    if (rule->min.is_given) {
        struct finding *finding = add_count(judging, rows, "row");
        finding->limit =
            str_print(arena, "at least %.*s", STR_FMT(number_text(arena, rule->min.value)));
        finding_settle(finding, rows >= rule->min.value);
    }
    if (rule->max.is_given) {
        struct finding *finding = add_count(judging, rows, "row");
        finding->limit =
            str_print(arena, "at most %.*s", STR_FMT(number_text(arena, rule->max.value)));
        finding_settle(finding, rows <= rule->max.value);
    }
    if (rule->max_change.is_given)
        judge_change(judging, rows);
    return NULL;
}

/* Nanoseconds since 1970 of the newest value; of a date the end of its day. False: no such column.
 */
static bool newest_of(const struct column_profile *column, double *ret_seconds)
{
    if (!column->has_numbers || !column->number_count)
        return false;
    *ret_seconds = column->type == TYPE_DATE ? (column->max + 1) * SECONDS_PER_DAY : column->max;
    return column->type == TYPE_DATE || column->type == TYPE_DATETIME;
}

FALLIBLE judge_freshness(struct judging *judging)
{
    const struct check_rule *rule = judging->rule;
    struct arena *arena = judging->arena;
    const struct column_profile *column = profile_column(&judging->table->profile, rule->field);
    struct finding *finding = finding_add(judging, rule->field);
    double newest = 0;
    finding->limit =
        str_print(arena, "at most %.*s old", STR_FMT(duration_print(arena, rule->max_age_ns)));
    if (!column || !newest_of(column, &newest)) {
        finding->message =
            str_print(arena, column ? "column '%.*s' holds no dates" : "there is no column '%.*s'",
                      STR_FMT(rule->field));
        finding_settle(finding, false);
        return NULL;
    }
    double age_s = (double)judging->options->now_ns / (double)NS_PER_S - newest;
    finding->has_value = true;
    finding->value = MAX_OF(age_s, 0);
    finding->message = str_print(
        arena, "the newest '%.*s' is %.*s old", STR_FMT(rule->field),
        STR_FMT(duration_print(arena, (int64_t)(MIN_OF(MAX_OF(age_s, 0), 9e9)) * NS_PER_S)));
    finding_settle(finding, age_s * (double)NS_PER_S <= (double)rule->max_age_ns);
    return NULL;
}

static bool same_texts(const struct text_list *list, const struct str_vec *texts)
{
    bool is_same = list->len == texts->len;
    for (size_t i = 0; is_same && i < list->len; i++)
        is_same = str_equal(list->at[i], texts->at[i]);
    return is_same;
}

/* Rows that were found, against `max` and `max_share`; none are allowed where neither is given. */
static void settle_rows(struct judging *judging, struct finding *finding,
                        const struct found_rows *found)
{
    const struct check_rule *rule = judging->rule;
    struct arena *arena = judging->arena;
    double records = (double)judging->table->profile.record_count, count = (double)found->count;
    double most = rule->max.is_given || !rule->max_share.is_given ? rule->max.value : HUGE_VAL;
    double share = rule->max_share.is_given ? rule->max_share.value * records : HUGE_VAL;
    struct violation *shown = arena_new_array(arena, struct violation, found->shown_count);
    for (size_t i = 0; i < found->shown_count; i++)
        shown[i] = (struct violation){.row = found->shown[i], .type = "row"};
    finding->has_value = true;
    finding->value = count;
    finding->count = found->count;
    finding->shown = shown;
    finding->shown_count = found->shown_count;
    finding->limit = rule->max_share.is_given
                         ? str_print(arena, "at most %.*s of the rows",
                                     STR_FMT(share_text(arena, rule->max_share.value)))
                         : str_print(arena, "at most %.*s", STR_FMT(number_text(arena, most)));
    finding_settle(finding, count <= most && count <= share);
}

/* ": row 5, row 9, ..." */
static struct str examples_of(struct arena *arena, const struct found_rows *found)
{
    struct buf out = buf_in(arena);
    for (size_t i = 0; i < found->shown_count && i < 3; i++)
        buf_print(&out, "%s row %llu", i ? "," : ":", (unsigned long long)found->shown[i]);
    if (found->count > 3)
        buf_add_text(&out, ", ...");
    return buf_str(&out);
}

FALLIBLE judge_duplicate_rows(struct judging *judging)
{
    const struct check_rule *rule = judging->rule;
    const struct found_rows *found = NULL;
    for (size_t i = 0; i < judging->table->repeats_count; i++) {
        const struct found_rows *rows = &judging->table->repeats[i];
        if (same_texts(&rows->fields, &rule->fields) && same_texts(&rows->except, &rule->except))
            found = rows;
    }
    if (!found)
        return error_new(ERROR_STORED, "the measurement lacks the repeated rows of '%.*s'",
                         STR_FMT(judging->table->name));
    vec_each (const struct str, name, &rule->except)
        (void)judge_has_column(judging, *name); /* left out in vain: rows that look different */
    struct finding *finding = finding_add(judging, (struct str){0});
    settle_rows(judging, finding, found);
    finding->message = str_print(judging->arena, "%llu of %llu rows repeat an earlier one%.*s",
                                 (unsigned long long)found->count,
                                 (unsigned long long)judging->table->profile.record_count,
                                 STR_FMT(examples_of(judging->arena, found)));
    return NULL;
}

/* The first table's latest against the second's earliest. */
static void judge_time(struct judging *judging, const struct table_measurement *from)
{
    struct arena *arena = judging->arena;
    struct str name = judging->rule->time;
    const struct column_profile *before = profile_column(&from->profile, name);
    const struct column_profile *after = profile_column(&judging->table->profile, name);
    struct finding *finding = finding_add(judging, name);
    finding->limit = STR("later than all of the first table");
    if (!before || !after || !before->number_count || !after->number_count) {
        finding->message =
            str_print(arena, "column '%.*s' holds no times in one of the tables", STR_FMT(name));
        finding_settle(finding, false);
        return;
    }
    bool is_ok = before->max < after->min;
    finding->message =
        str_print(arena, "'%.*s' of '%.*s' begins %s '%.*s' ends: %.*s, %.*s", STR_FMT(name),
                  STR_FMT(judging->table->name), is_ok ? "after" : "before", STR_FMT(from->name),
                  STR_FMT(profile_number_text(arena, after->type, after->min)),
                  STR_FMT(profile_number_text(arena, before->type, before->max)));
    finding_settle(finding, is_ok);
}

static bool is_listed(const struct str_vec *names, struct str name)
{
    vec_each (const struct str, each, names) {
        if (str_equal(*each, name))
            return true;
    }
    return false;
}

/* Whole rows are compared: a column that only one table has makes all rows different. */
static void find_lone(struct judging *judging, const struct table_measurement *table,
                      const struct table_measurement *other)
{
    for (size_t i = 0; i < table->profile.column_count; i++) {
        struct str name = table->profile.columns[i].name;
        if (profile_column(&other->profile, name) || is_listed(&judging->rule->except, name))
            continue;
        finding_fail(judging, name,
                     str_print(judging->arena,
                               "only '%.*s' has a column '%.*s', so no row can be in both: name "
                               "'keys', or the column in 'except'",
                               STR_FMT(table->name), STR_FMT(name)));
    }
}

static void judge_rows_alike(struct judging *judging, const struct table_measurement *from)
{
    find_lone(judging, from, judging->table);
    find_lone(judging, judging->table, from);
    vec_each (const struct str, name, &judging->rule->except) {
        if (!profile_column(&from->profile, *name))
            (void)judge_has_column(judging, *name);
    }
}

FALLIBLE judge_leakage(struct judging *judging)
{
    const struct check_rule *rule = judging->rule;
    const struct measurement *measurement = judging->options->measurement;
    const struct table_measurement *from = measurement_find(measurement, rule->between.at[0]);
    const struct leak_measurement *leak = NULL;
    for (size_t i = 0; i < measurement->leak_count; i++) {
        const struct leak_measurement *each = &measurement->leaks[i];
        if (str_equal(each->from, rule->between.at[0]) &&
            str_equal(each->into, rule->between.at[1]) &&
            same_texts(&each->rows.fields, &rule->keys) &&
            same_texts(&each->rows.except, &rule->except))
            leak = each;
    }
    if (!leak || !from)
        return error_new(ERROR_STORED, "the measurement lacks the rows that leak into '%.*s'",
                         STR_FMT(judging->table->name));
    if (from->fault.len || from->is_footer) {
        finding_skip(judging, finding_add(judging, (struct str){0}),
                     STR("not checked: the values of the first table could not be read"));
        return NULL;
    }
    struct finding *finding = finding_add(judging, (struct str){0});
    settle_rows(judging, finding, &leak->rows);
    finding->message =
        str_print(judging->arena, "%llu of %llu rows are in '%.*s', too%.*s",
                  (unsigned long long)leak->rows.count,
                  (unsigned long long)judging->table->profile.record_count, STR_FMT(leak->from),
                  STR_FMT(examples_of(judging->arena, &leak->rows)));
    if (!rule->keys.len)
        judge_rows_alike(judging, from);
    if (rule->time.len)
        judge_time(judging, from);
    return NULL;
}
