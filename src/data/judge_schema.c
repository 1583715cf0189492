/* Violations of a schema: each kind in each column against the share that is allowed. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"

#include "judge_private.h"

enum { SHOWN_IN_MESSAGE = 3 };

static bool is_wanted(const struct check_rule *rule, const struct violation_group *group)
{
    vec_each (const struct str, name, &rule->fields) {
        if (str_equal(*name, group->name))
            return true;
    }
    return !rule->fields.len;
}

/* The header is wrong for every row: no share of the rows makes up for it. */
static bool is_header(const struct violation_group *group)
{
    struct str type = str_of(group->type);
    return str_ends(type, STR("-label")) || str_is(type, "unmatched-header");
}

/* A bound that the footer says is broken, by how many values it does not say. */
static bool is_uncounted(const struct table_measurement *table, const struct violation_group *group)
{
    return table->is_footer && group->constraint && !str_is(str_of(group->constraint), "required");
}

static bool is_told(const struct judging *judging, struct str name)
{
    const struct conformity *conformity = &judging->table->conformity;
    for (size_t i = 0; i < conformity->group_count; i++) {
        if (str_equal(conformity->groups[i].name, name))
            return true;
    }
    return false;
}

/* A column that is named and not there, and that the schema does not miss either: a slip of the
 * pen, by which nothing would be checked. */
static void judge_names(struct judging *judging)
{
    const struct profile *profile = &judging->table->profile;
    vec_each (const struct str, name, &judging->rule->fields) {
        bool is_there = is_told(judging, *name);
        for (size_t i = 0; !is_there && i < profile->column_count; i++)
            is_there = str_equal(str_trim(profile->columns[i].name), str_trim(*name));
        if (!is_there)
            (void)judge_has_column(judging, *name);
    }
}

/* "row 5 'abc', row 9 'x', ..." */
static void add_examples(struct buf *out, const struct violation_group *group)
{
    size_t count = MIN_OF(group->shown_count, (size_t)SHOWN_IN_MESSAGE);
    for (size_t i = 0; i < count && group->shown[i].row; i++) {
        buf_print(out, "%s row %llu", i ? "," : ":", (unsigned long long)group->shown[i].row);
        if (group->shown[i].has_value)
            buf_print(out, " '%.*s'", STR_FMT(group->shown[i].value));
    }
    if (group->count > count && count)
        buf_add_text(out, ", ...");
}

/* Of a Parquet file constraints, too, are told without a row. */
static bool is_of_header(const struct violation_group *group)
{
    return group->shown_count && !group->shown->row && !group->constraint &&
           !str_is(str_of(group->type), "type-error");
}

/* Of the header there is one; what stands there says more than the field, which an extra column
 * lacks. */
static struct str label_message(struct arena *arena, const struct violation_group *group)
{
    struct buf out = buf_in(arena);
    buf_print(&out, "header: %s: expected %.*s", group->type, STR_FMT(group->expected));
    if (group->field)
        buf_print(&out, " at column %llu", (unsigned long long)group->field);
    if (group->shown[0].has_value)
        buf_print(&out, ", found '%.*s'", STR_FMT(group->shown[0].value));
    return buf_str(&out);
}

static struct str message_of(struct arena *arena, const struct violation_group *group,
                             uint64_t record_count)
{
    struct buf out = buf_in(arena);
    unsigned long long count = group->count, all = record_count;
    if (is_of_header(group))
        return label_message(arena, group);
    if (group->field && group->expected.len && group->name.len)
        buf_print(&out, "'%.*s' must be %.*s; %llu of %llu %s not", STR_FMT(group->name),
                  STR_FMT(group->expected), count, all, count == 1 ? "is" : "are");
    else if (group->field)
        buf_print(&out, "column %llu: %s, %llu of %llu rows", (unsigned long long)group->field,
                  group->type, count, all);
    else if (group->name.len)
        buf_print(&out, "'%.*s': %s, %llu of %llu", STR_FMT(group->name), group->type, count, all);
    else if (str_is(str_of(group->type), "extra-cell"))
        buf_print(&out, "%s, %llu in %llu rows", group->type, count, all);
    else
        buf_print(&out, "%s, %llu of %llu rows", group->type, count, all);
    add_examples(&out, group);
    return buf_str(&out);
}

/* What can be read either way is no reason to reject the data. */
static bool is_doubt(const struct violation_group *group)
{
    return str_is(str_of(group->type), "stray-quote");
}

static void judge_group(struct judging *judging, const struct violation_group *group)
{
    static const struct check_rule doubt = {.kind = CHECK_SCHEMA, .severity = SEVERITY_WARN};
    const struct amount *allowed = &judging->rule->max_share;
    bool is_shared = !is_header(group) && !is_uncounted(judging->table, group);
    double records = is_shared ? (double)judging->table->profile.record_count : 0;
    struct finding *finding = finding_add(judging, group->name);
    if (is_doubt(group))
        finding->rule = &doubt;
    finding->kind = str_of(group->constraint ? group->constraint : group->type);
    finding->has_value = true;
    finding->value = (double)group->count;
    finding->count = group->count;
    finding->shown = group->shown;
    finding->shown_count = group->shown_count;
    finding->message = message_of(judging->arena, group, judging->table->profile.record_count);
    if (!group->field)
        finding->limit = group->expected;
    if (allowed->is_given && is_shared)
        finding->limit = str_print(judging->arena, "at most %.*s",
                                   STR_FMT(share_text(judging->arena, allowed->value)));
    finding_settle(finding, (double)group->count <= allowed->value * records);
}

FALLIBLE judge_schema(struct judging *judging)
{
    const struct table_measurement *table = judging->table;
    const struct conformity *conformity = &table->conformity;
    if (!table->has_conformity)
        return NULL;
    size_t before = judging->judged->findings.len;
    for (size_t i = 0; i < conformity->group_count; i++) {
        if (is_wanted(judging->rule, &conformity->groups[i]))
            judge_group(judging, &conformity->groups[i]);
    }
    for (size_t i = 0; i < table->unchecked.len; i++)
        finding_skip(judging, finding_add(judging, (struct str){0}), table->unchecked.at[i]);
    judge_names(judging);
    if (judging->judged->findings.len == before)
        finding_add(judging, (struct str){0})->message =
            str_print(judging->arena,
                      table->is_form_only ? "all of %llu rows have the cells that the header names"
                                          : "all of %llu rows conform to the schema",
                      (unsigned long long)table->profile.record_count);
    return NULL;
}
