#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/cli/findings.h"
#include "mlops/cli/report.h"

#include <stdlib.h>

#include "tabular_validate_private.h"

VEC(violation_vec, struct violation);
VEC(ci_finding_vec, struct ci_finding);

static void add_number(struct json_writer *json, const char *name, uint64_t value)
{
    json_name(json, name);
    if (value)
        json_int(json, (int64_t)value);
    else
        json_null(json);
}

static void add_given(struct json_writer *json, const char *name, struct str value, bool is_given)
{
    if (!is_given)
        return;
    json_name(json, name);
    json_str(json, value);
}

static void add_error(struct json_writer *json, const struct violation *violation)
{
    json_open_object(json);
    add_number(json, "row", violation->row);
    add_number(json, "field", violation->field);
    json_name(json, "type");
    json_text(json, violation->type);
    add_given(json, "name", violation->name, violation->name.len);
    add_given(json, "constraint", str_of(violation->constraint), violation->constraint);
    add_given(json, "value", violation->value, violation->has_value);
    json_close_object(json);
}

static void add_place(struct json_writer *json, const struct violation *violation)
{
    json_open_object(json);
    add_number(json, "row", violation->row);
    add_number(json, "field", violation->field);
    add_number(json, "line", violation->line);
    add_given(json, "value", violation->value, violation->has_value);
    json_close_object(json);
}

static void add_group(struct json_writer *json, const struct violation_group *group)
{
    json_open_object(json);
    add_number(json, "field", group->field);
    add_given(json, "name", group->name, group->name.len);
    json_name(json, "type");
    json_text(json, group->type);
    add_given(json, "constraint", str_of(group->constraint), group->constraint);
    json_name(json, "expected");
    json_str(json, group->expected);
    json_name(json, "severity");
    json_text(json, group->is_warning ? "warn" : "error");
    json_name(json, "count");
    json_int(json, (int64_t)group->count);
    json_name(json, "shown");
    json_open_list(json);
    for (size_t i = 0; i < group->shown_count; i++)
        add_place(json, &group->shown[i]);
    json_close_list(json);
    json_close_object(json);
}

static int compare_places(const void *a, const void *b)
{
    const struct violation *left = a, *right = b;
    if (left->row != right->row)
        return left->row < right->row ? -1 : 1;
    if (left->field != right->field)
        return left->field < right->field ? -1 : 1;
    int order = strcmp(left->type, right->type);
    return order ? order : str_compare(str_of(left->constraint), str_of(right->constraint));
}

/* Without --all-errors those that groups show. */
static void add_errors(const struct validating *validating, struct json_writer *json)
{
    const struct conformity *conformity = &validating->conformity;
    struct violation_vec shown = {0};
    const struct violation *errors = conformity->all;
    size_t count = conformity->all_count;
    for (size_t i = 0; i < conformity->group_count && !count; i++)
        for (size_t j = 0; j < conformity->groups[i].shown_count; j++)
            if (!conformity->groups[i].is_warning)
                *vec_push(validating->context->arena, &shown) = conformity->groups[i].shown[j];
    if (!count) {
        vec_sort(&shown, compare_places);
        errors = shown.at;
        count = shown.len;
    }
    json_name(json, "errors");
    json_open_list(json);
    for (size_t i = 0; i < count; i++)
        add_error(json, &errors[i]);
    json_close_list(json);
    json_name(json, "errors_complete");
    json_bool(json, count == conformity->count);
}

void validate_report_json(const struct validating *validating)
{
    const struct conformity *conformity = &validating->conformity;
    struct json_writer json = report_json_open(validating->context);
    json_name(&json, "path");
    json_str(&json, validating->path);
    json_name(&json, "schema");
    json_str(&json, validating->schema.name);
    json_name(&json, "valid");
    json_bool(&json, !conformity->count);
    json_name(&json, "record_count");
    json_int(&json, (int64_t)validating->record_count);
    json_name(&json, "error_count");
    json_int(&json, (int64_t)conformity->count);
    json_name(&json, "warning_count");
    json_int(&json, (int64_t)conformity->warning_count);
    add_errors(validating, &json);
    json_name(&json, "groups");
    json_open_list(&json);
    for (size_t i = 0; i < conformity->group_count; i++)
        add_group(&json, &conformity->groups[i]);
    json_close_list(&json);
    report_json_close(&json);
}

static struct ci_finding finding_of(const struct validating *validating,
                                    const struct violation_group *group)
{
    struct arena *arena = validating->context->arena;
    bool is_of_header = group->shown_count && !group->shown[0].row;
    struct str place = is_of_header      ? STR("header")
                       : group->name.len ? group->name
                                         : STR("records");
    struct ci_place *places = arena_new_array(arena, struct ci_place, group->shown_count);
    for (size_t i = 0; i < group->shown_count; i++)
        places[i] = (struct ci_place){is_of_header ? 1 : group->shown[i].line, group->shown[i].row,
                                      group->shown[i].value, group->shown[i].has_value};
    return (struct ci_finding){
        .rule = group_kind(group),
        .name = str_print(arena, "%.*s: %.*s", STR_FMT(place), STR_FMT(group_kind(group))),
        .message = str_print(arena, "%.*s: %.*s", STR_FMT(place),
                             STR_FMT(group_message(validating, group))),
        .file = validating->path,
        .column = group->name,
        .verdict = group->is_warning ? CI_WARN : CI_FAIL,
        .count = group->count,
        .places = places,
        .place_count = group->shown_count,
    };
}

/* A test that passed for each field without a violation, so that a CI system sees what was looked
 * at. */
static void add_passed(const struct validating *validating, struct map *failed,
                       struct ci_finding_vec *findings)
{
    struct arena *arena = validating->context->arena;
    for (size_t i = 0; i < validating->schema.field_count; i++) {
        struct str name = validating->schema.fields[i].name;
        if (!map_has(failed, name))
            *vec_push(arena, findings) = (struct ci_finding){
                .rule = STR("field"), .name = name, .file = validating->path, .column = name};
    }
}

void validate_report_ci(const struct validating *validating)
{
    struct context *context = validating->context;
    struct ci_finding_vec findings = {0};
    struct map failed = {0};
    for (size_t i = 0; i < validating->conformity.group_count; i++) {
        const struct violation_group *group = &validating->conformity.groups[i];
        *vec_push(context->arena, &findings) = finding_of(validating, group);
        map_put(context->arena, &failed, group->name, &failed);
    }
    add_passed(validating, &failed, &findings);
    struct ci_report report = {
        .suite = str_print(context->arena, "mlops data validate %.*s", STR_FMT(validating->path)),
        .findings = findings.at,
        .count = findings.len,
    };
    if (context->format == FORMAT_JUNIT)
        findings_junit(&context->out, &report);
    else
        findings_sarif(&context->out, &report);
}
