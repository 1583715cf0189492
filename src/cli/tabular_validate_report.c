#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/report.h"

#include "tabular_validate_private.h"

struct str group_kind(const struct violation_group *group)
{
    return str_of(group->constraint ? group->constraint : group->type);
}

/* The number that people read: 1,234 cells. */
static struct str counted(struct arena *arena, uint64_t count, const char *noun)
{
    return str_print(arena, "%.*s %s%s", STR_FMT(count_print(arena, (int64_t)count)), noun,
                     count == 1 ? "" : "s");
}

/* Cells of a column, and what is of a whole record. */
struct str group_message(const struct validating *validating, const struct violation_group *group)
{
    struct arena *arena = validating->context->arena;
    bool counts_cells = group->field || str_is(str_of(group->type), "extra-cell");
    const char *noun = counts_cells ? "cell" : "record";
    struct buf out = buf_in(arena);
    if (group->shown_count && !group->shown[0].row)
        buf_print(&out, "%s: expected %.*s", group->type, STR_FMT(group->expected));
    else
        buf_print(&out, "%.*s: %.*s, expected %.*s", STR_FMT(group_kind(group)),
                  STR_FMT(counted(arena, group->count, noun)), STR_FMT(group->expected));
    return buf_str(&out);
}

static void add_place(struct context *context, const struct violation *violation)
{
    struct buf *out = &context->out;
    buf_print(out, "    record %-8llu", (unsigned long long)violation->row);
    if (violation->field)
        buf_print(out, "column %-4llu", (unsigned long long)violation->field);
    if (violation->has_value) {
        buf_add_text(out, " '");
        buf_add_escaped(out, violation->value, false);
        buf_add_char(out, '\'');
    }
    buf_add_char(out, '\n');
}

/* What a Parquet footer breaks has no row either. */
static bool is_of_header(const struct violation_group *group)
{
    return group->shown_count && !group->shown[0].row && !group->constraint &&
           !str_is(str_of(group->type), "type-error");
}

static void add_heading(struct context *context, const struct violation_group *group)
{
    struct buf *out = &context->out;
    if (is_of_header(group))
        buf_add_text(out, "header");
    else if (group->name.len)
        buf_add_escaped(out, group->name, false);
    else if (group->field)
        buf_print(out, "column %llu", (unsigned long long)group->field);
    else
        buf_add_text(out, "records");
    buf_add_text(out, ": ");
    if (group->is_warning)
        report_add_toned(context, TONE_WARN, STR("warning: "));
}

static void add_group(const struct validating *validating, const struct violation_group *group)
{
    struct context *context = validating->context;
    add_heading(context, group);
    buf_add_escaped(&context->out, group_message(validating, group), false);
    if (group->shown_count && !group->shown[0].row && group->field) {
        buf_print(&context->out, " at column %llu", (unsigned long long)group->field);
        if (group->shown[0].has_value) {
            buf_add_text(&context->out, ", found '");
            buf_add_escaped(&context->out, group->shown[0].value, false);
            buf_add_char(&context->out, '\'');
        }
    }
    buf_add_char(&context->out, '\n');
    for (size_t i = 0; i < group->shown_count; i++)
        if (group->shown[i].row)
            add_place(context, &group->shown[i]);
    if (group->count > group->shown_count)
        buf_print(&context->out, "    ... %llu more\n",
                  (unsigned long long)(group->count - group->shown_count));
}

/* One violation a line, with the place in front that editors follow. */
static void add_violation(struct context *context, struct str path,
                          const struct violation *violation)
{
    struct buf *out = &context->out;
    buf_add_escaped(out, path, false);
    if (violation->row)
        buf_print(out, ": record %llu", (unsigned long long)violation->row);
    else
        buf_add_text(out, ": header");
    if (violation->field)
        buf_print(out, ", column %llu", (unsigned long long)violation->field);
    if (violation->name.len) {
        buf_add_text(out, " (");
        buf_add_escaped(out, violation->name, false);
        buf_add_char(out, ')');
    }
    buf_print(out, ": %s", violation->constraint ? violation->constraint : violation->type);
    if (violation->has_value) {
        buf_add_text(out, ": '");
        buf_add_escaped(out, violation->value, false);
        buf_add_char(out, '\'');
    }
    buf_add_char(out, '\n');
}

static void add_all(const struct validating *validating)
{
    const struct conformity *conformity = &validating->conformity;
    struct context *context = validating->context;
    for (size_t i = 0; i < conformity->all_count; i++)
        add_violation(context, validating->path, &conformity->all[i]);
    if (conformity->count > conformity->all_count)
        context_warn(context, "the list ends after %zu violations", conformity->all_count);
}

static void add_verdict(const struct validating *validating)
{
    struct context *context = validating->context;
    const struct conformity *conformity = &validating->conformity;
    struct str records = counted(context->arena, validating->record_count, "record");
    if (context->common.quiet && !conformity->count)
        return;
    buf_add_escaped(&context->out, validating->path, false);
    if (conformity->count)
        buf_print(&context->out, ": %.*s of ",
                  STR_FMT(counted(context->arena, conformity->count, "violation")));
    else
        buf_print(&context->out, ": %.*s %s to ", STR_FMT(records),
                  validating->record_count == 1 ? "conforms" : "conform");
    buf_add_escaped(&context->out, validating->schema.name, false);
    if (conformity->count)
        buf_print(&context->out, " in %.*s", STR_FMT(records));
    buf_add_char(&context->out, '\n');
}

static void report_people(const struct validating *validating)
{
    const struct conformity *conformity = &validating->conformity;
    bool lists_all = validating->options->all_errors && conformity->all_count;
    if (lists_all)
        add_all(validating);
    for (size_t i = 0; i < conformity->group_count; i++)
        if (!lists_all || conformity->groups[i].is_warning)
            add_group(validating, &conformity->groups[i]);
    add_verdict(validating);
}

static void report_rows(const struct validating *validating)
{
    static const struct column columns[] = {
        {.name = "column", .title = "COLUMN"},     {.name = "field", .title = "FIELD"},
        {.name = "type", .title = "TYPE"},         {.name = "constraint", .title = "CONSTRAINT"},
        {.name = "expected", .title = "EXPECTED"}, {.name = "count", .title = "COUNT"},
        {.name = "first_row", .title = "FIRST"},   {.name = "first_value", .title = "VALUE"},
    };
    struct arena *arena = validating->context->arena;
    struct table table = table_make(arena, columns, COUNT_OF(columns));
    for (size_t i = 0; i < validating->conformity.group_count; i++) {
        const struct violation_group *group = &validating->conformity.groups[i];
        const struct violation *first = group->shown_count ? group->shown : NULL;
        struct cell *row = table_add(&table);
        if (group->field)
            row[0] = cell_int(arena, (int64_t)group->field);
        row[1] = cell_text(group->name);
        row[2] = cell_text(str_of(group->type));
        row[3] = cell_text(str_of(group->constraint));
        row[4] = cell_text(group->expected);
        row[5] = cell_int(arena, (int64_t)group->count);
        if (first && first->row)
            row[6] = cell_int(arena, (int64_t)first->row);
        if (first && first->has_value)
            row[7] = cell_text(first->value);
    }
    report_table(validating->context, &table, "groups");
}

void validate_report(const struct validating *validating)
{
    switch (validating->context->format) {
    case FORMAT_TABLE:
        report_people(validating);
        break;
    case FORMAT_JSON:
        validate_report_json(validating);
        break;
    case FORMAT_CSV:
    case FORMAT_MARKDOWN:
        report_rows(validating);
        break;
    case FORMAT_JUNIT:
    case FORMAT_SARIF:
        validate_report_ci(validating);
        break;
    }
}
