#include <stdlib.h>

#include "conform_private.h"

static struct cell_check *add_check(struct conformer *conformer, struct column_plan *plan,
                                    enum violation_kind kind, uint64_t field, struct str expected)
{
    struct cell_check *check = vec_push(conformer->arena, &plan->checks);
    check->kind = kind;
    check->tally = tally_add(conformer, kind, field, plan->field->name, expected);
    return check;
}

static FALLIBLE add_bound(struct conformer *conformer, struct column_plan *plan,
                          enum violation_kind kind, uint64_t field, const char *words,
                          const struct constraint_value *value)
{
    double bound;
    if (!value->is_given)
        return NULL;
    if (cast_text(plan->caster, value->text, &bound) != VALUE_VALID)
        return error_new(ERROR_PROJECT, "%.*s: '%s' of field '%.*s' is no value of its type",
                         STR_FMT(conformer->options.schema->name), violation_kinds[kind].constraint,
                         STR_FMT(plan->field->name));
    struct cell_check *check =
        add_check(conformer, plan, kind, field,
                  str_print(conformer->arena, "%s %.*s", words, STR_FMT(shown_text(value->text))));
    check->bound = bound;
    check->bound_text = value->text;
    return NULL;
}

static FALLIBLE add_bounds(struct conformer *conformer, struct column_plan *plan, uint64_t field)
{
    const struct schema_field *of = plan->field;
    TRY(add_bound(conformer, plan, KIND_MINIMUM, field, "at least", &of->minimum));
    TRY(add_bound(conformer, plan, KIND_MAXIMUM, field, "at most", &of->maximum));
    TRY(add_bound(conformer, plan, KIND_EXCLUSIVE_MINIMUM, field, "more than",
                  &of->exclusive_minimum));
    return add_bound(conformer, plan, KIND_EXCLUSIVE_MAXIMUM, field, "less than",
                     &of->exclusive_maximum);
}

static void add_length(struct conformer *conformer, struct column_plan *plan,
                       enum violation_kind kind, uint64_t field, int64_t length)
{
    const char *unit = plan->field->type == TYPE_ARRAY    ? "item"
                       : plan->field->type == TYPE_OBJECT ? "member"
                                                          : "character";
    struct str expected =
        str_print(conformer->arena, "at %s %lld %s%s", kind == KIND_MIN_LENGTH ? "least" : "most",
                  (long long)length, unit, length == 1 ? "" : "s");
    add_check(conformer, plan, kind, field, expected)->length = length;
}

static FALLIBLE add_pattern(struct conformer *conformer, struct column_plan *plan, uint64_t field)
{
    struct str text = plan->field->pattern;
    struct cell_check *check = add_check(
        conformer, plan, KIND_PATTERN, field,
        str_print(conformer->arena, "text that matches '%.*s'", STR_FMT(shown_text(text))));
    check->memo = conformer->memo_count++;
    TRY_WITHIN(pattern_open(text, PATTERN_WHOLE, &check->pattern), "%.*s: field '%.*s'",
               STR_FMT(conformer->options.schema->name), STR_FMT(plan->field->name));
    return NULL;
}

static void add_values(struct conformer *conformer, struct column_plan *plan,
                       enum violation_kind kind, uint64_t field,
                       const struct constraint_values *values)
{
    if (!values->is_given)
        return;
    struct cell_check *check =
        add_check(conformer, plan, kind, field, expected_values(conformer->arena, values));
    check->memo = conformer->memo_count++;
    check->set = value_set_make(conformer, plan->caster, values);
}

static FALLIBLE add_checks(struct conformer *conformer, struct column_plan *plan, uint64_t field)
{
    const struct schema_field *of = plan->field;
    if (of->has_min_length)
        add_length(conformer, plan, KIND_MIN_LENGTH, field, of->min_length);
    if (of->has_max_length)
        add_length(conformer, plan, KIND_MAX_LENGTH, field, of->max_length);
    TRY(add_bounds(conformer, plan, field));
    if (of->has_pattern)
        TRY(add_pattern(conformer, plan, field));
    add_values(conformer, plan, KIND_ENUM, field, &of->allowed);
    add_values(conformer, plan, KIND_CATEGORIES, field, &of->categories);
    if (of->json_schema) {
        struct cell_check *check = add_check(conformer, plan, KIND_JSON_SCHEMA, field,
                                             STR("JSON that its jsonSchema accepts"));
        TRY(jsoncheck_open(conformer->arena, of->json_schema, &check->json));
    }
    return NULL;
}

static void add_tallies(struct conformer *conformer, struct column_plan *plan, uint64_t field)
{
    const struct schema_field *of = plan->field;
    plan->type_tally =
        tally_add(conformer, KIND_TYPE, field, of->name, expected_type(conformer->arena, of));
    if (of->required)
        plan->required_tally = tally_add(conformer, KIND_REQUIRED, field, of->name, STR("a value"));
    plan->missing_tally = tally_add(conformer, KIND_MISSING_CELL, field, of->name, STR("a cell"));
}

static struct column_plan plan_none(void)
{
    return (struct column_plan){.type_tally = NO_TALLY,
                                .required_tally = NO_TALLY,
                                .missing_tally = NO_TALLY,
                                .extra_tally = NO_TALLY,
                                .key_states = NO_COLUMN};
}

static FALLIBLE plan_column(struct conformer *conformer, size_t column)
{
    struct column_plan *plan = &conformer->columns[column];
    const struct schema_field *field = plan->field;
    *plan = plan_none();
    plan->field = field;
    if (!field && !conformer->is_by_name)
        plan->extra_tally = tally_add(conformer, KIND_EXTRA_CELL, column + 1, (struct str){0},
                                      STR("no cell behind those of the fields"));
    if (conformer->options.is_form_only)
        plan->missing_tally = tally_add(conformer, KIND_MISSING_CELL, column + 1,
                                        conformer->labels[column], STR("a cell"));
    if (!field)
        return NULL;
    conformer->mapped_count++;
    TRY(caster_open(conformer->arena, conformer->options.schema, field, &plan->caster));
    add_tallies(conformer, plan, column + 1);
    return add_checks(conformer, plan, column + 1);
}

/* By position: fields behind the last column lack a cell in every record. */
static void plan_absent(struct conformer *conformer)
{
    const struct table_schema *schema = conformer->options.schema;
    if (conformer->is_by_name || schema->field_count <= conformer->column_count)
        return;
    conformer->absent_count = schema->field_count - conformer->column_count;
    conformer->absent =
        arena_new_array(conformer->arena, struct column_plan, conformer->absent_count);
    for (size_t i = 0; i < conformer->absent_count; i++) {
        size_t field = conformer->column_count + i;
        conformer->absent[i] = plan_none();
        conformer->absent[i].field = &schema->fields[field];
        add_tallies(conformer, &conformer->absent[i], field + 1);
    }
}

FALLIBLE columns_plan(struct conformer *conformer)
{
    for (size_t i = 0; i < conformer->column_count; i++)
        TRY(plan_column(conformer, i));
    plan_absent(conformer);
    conformer->blank_tally =
        tally_add(conformer, KIND_BLANK_ROW, 0, (struct str){0}, STR("a record that is not blank"));
    conformer->extra_tally =
        tally_add(conformer, KIND_EXTRA_CELL, 0, (struct str){0},
                  str_print(conformer->arena, "at most %zu cell%s", conformer->column_count,
                            conformer->column_count == 1 ? "" : "s"));
    conformer->quote_tally = tally_add(conformer, KIND_STRAY_QUOTE, 0, (struct str){0},
                                       STR("quotes around a whole cell, doubled inside"));
    return NULL;
}

void columns_drop(struct conformer *conformer)
{
    for (size_t i = 0; conformer->columns && i < conformer->column_count; i++) {
        caster_drop(&conformer->columns[i].caster);
        vec_each (struct cell_check, check, &conformer->columns[i].checks) {
            pattern_drop(&check->pattern);
            jsoncheck_drop(&check->json);
        }
    }
}
