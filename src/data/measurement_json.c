/* Measurements as JSON, and back: docs/formats.md, "Measurement". */
#include "mlops/base/arena.h"
#include "mlops/codec/json.h"
#include "mlops/data/measurement.h"

#define MEASUREMENT_FORMAT 1

static void write_texts(struct json_writer *json, const char *name, const struct text_list *texts)
{
    if (!texts->len)
        return;
    json_name(json, name);
    json_open_list(json);
    for (size_t i = 0; i < texts->len; i++)
        json_str(json, texts->at[i]);
    json_close_list(json);
}

static void write_pair(struct json_writer *json, const char *name, struct str value)
{
    if (!value.len)
        return;
    json_name(json, name);
    json_str(json, value);
}

static void write_count(struct json_writer *json, const char *name, uint64_t count)
{
    json_name(json, name);
    json_int(json, (int64_t)count);
}

static void write_found(struct json_writer *json, const struct found_rows *found)
{
    write_texts(json, "fields", &found->fields);
    write_texts(json, "except", &found->except);
    write_count(json, "count", found->count);
    json_name(json, "shown");
    json_open_list(json);
    for (size_t i = 0; i < found->shown_count; i++)
        json_int(json, (int64_t)found->shown[i]);
    json_close_list(json);
}

static void write_group(struct json_writer *json, const struct violation_group *group)
{
    json_open_object(json);
    write_count(json, "field", group->field);
    write_pair(json, "name", group->name);
    write_pair(json, "type", str_of(group->type));
    write_pair(json, "constraint", str_of(group->constraint));
    write_pair(json, "expected", group->expected);
    write_count(json, "count", group->count);
    json_name(json, "shown");
    json_open_list(json);
    for (size_t i = 0; i < group->shown_count; i++) {
        json_open_object(json);
        write_count(json, "row", group->shown[i].row);
        if (group->shown[i].line && group->shown[i].line != group->shown[i].row)
            write_count(json, "line", group->shown[i].line);
        if (group->shown[i].has_value) {
            json_name(json, "value");
            json_str(json, group->shown[i].value);
        }
        json_close_object(json);
    }
    json_close_list(json);
    json_close_object(json);
}

static void write_conformity(struct json_writer *json, const struct conformity *conformity)
{
    json_name(json, "conformity");
    json_open_object(json);
    write_count(json, "count", conformity->count);
    json_name(json, "groups");
    json_open_list(json);
    for (size_t i = 0; i < conformity->group_count; i++)
        write_group(json, &conformity->groups[i]);
    json_close_list(json);
    json_close_object(json);
}

static void write_profile(struct json_writer *json, struct str fault, const struct profile *profile)
{
    if (fault.len) {
        write_pair(json, "fault", fault);
        return;
    }
    json_name(json, "profile");
    profile_write(json, profile, false);
}

static void write_table(struct json_writer *json, const struct table_measurement *table)
{
    json_open_object(json);
    write_pair(json, "name", table->name);
    write_pair(json, "path", table->path);
    write_profile(json, table->fault, &table->profile);
    json_name(json, "is_footer");
    json_bool(json, table->is_footer);
    if (table->has_conformity)
        write_conformity(json, &table->conformity);
    if (table->is_form_only) {
        json_name(json, "is_form_only");
        json_bool(json, true);
    }
    write_texts(json, "unchecked", &table->unchecked);
    json_name(json, "repeats");
    json_open_list(json);
    for (size_t i = 0; i < table->repeats_count; i++) {
        json_open_object(json);
        write_found(json, &table->repeats[i]);
        json_close_object(json);
    }
    json_close_list(json);
    json_close_object(json);
}

static void write_leak(struct json_writer *json, const struct leak_measurement *leak)
{
    json_open_object(json);
    write_pair(json, "from", leak->from);
    write_pair(json, "into", leak->into);
    write_found(json, &leak->rows);
    json_close_object(json);
}

static void write_reference(struct json_writer *json, const struct reference_measurement *reference)
{
    json_open_object(json);
    write_pair(json, "path", reference->path);
    write_profile(json, reference->fault, &reference->profile);
    json_close_object(json);
}

void measurement_write(struct json_writer *json, const struct measurement *measurement)
{
    json_open_object(json);
    json_name(json, "measurement");
    json_int(json, MEASUREMENT_FORMAT);
    json_name(json, "tables");
    json_open_list(json);
    for (size_t i = 0; i < measurement->table_count; i++)
        write_table(json, &measurement->tables[i]);
    json_close_list(json);
    json_name(json, "leakage");
    json_open_list(json);
    for (size_t i = 0; i < measurement->leak_count; i++)
        write_leak(json, &measurement->leaks[i]);
    json_close_list(json);
    json_name(json, "references");
    json_open_list(json);
    for (size_t i = 0; i < measurement->reference_count; i++)
        write_reference(json, &measurement->references[i]);
    json_close_list(json);
    json_close_object(json);
}

/* --- reading --- */

static FALLIBLE damaged(const struct doc_node *node, const char *what)
{
    return error_recode(doc_error(node, "no measurement of this version: %s", what), ERROR_STORED);
}

static struct str text_of(const struct doc_node *map, const char *key)
{
    const struct doc_node *node = doc_find(map, str_of(key));
    return node && node->kind == DOC_STR ? node->text : (struct str){0};
}

static FALLIBLE read_count(const struct doc_node *map, const char *key, uint64_t *ret)
{
    const struct doc_node *node = doc_find(map, str_of(key));
    if (!node || node->kind != DOC_INT || node->integer < 0)
        return damaged(map, key);
    *ret = (uint64_t)node->integer;
    return NULL;
}

/* A list of mappings; absent is empty. */
static FALLIBLE read_list(const struct doc_node *map, const char *key, const struct doc_node **ret,
                          size_t *ret_count)
{
    const struct doc_node *node = doc_find(map, str_of(key));
    *ret = NULL;
    *ret_count = 0;
    if (!node)
        return NULL;
    if (node->kind != DOC_LIST)
        return damaged(node, key);
    for (const struct doc_node *item = node->first; item; item = item->next) {
        if (item->kind != DOC_MAP)
            return damaged(item, key);
    }
    *ret = node->first;
    *ret_count = node->count;
    return NULL;
}

static FALLIBLE read_texts(struct arena *arena, const struct doc_node *map, const char *key,
                           struct text_list *ret)
{
    const struct doc_node *node = doc_find(map, str_of(key));
    *ret = (struct text_list){0};
    if (!node)
        return NULL;
    if (node->kind != DOC_LIST)
        return damaged(node, key);
    struct str *at = arena_new_array(arena, struct str, node->count);
    for (const struct doc_node *item = node->first; item; item = item->next)
        at[ret->len++] = item->text;
    ret->at = at;
    return NULL;
}

static FALLIBLE read_found(struct arena *arena, const struct doc_node *node, struct found_rows *ret)
{
    const struct doc_node *shown = doc_find(node, STR("shown"));
    TRY(read_texts(arena, node, "fields", &ret->fields));
    TRY(read_texts(arena, node, "except", &ret->except));
    TRY(read_count(node, "count", &ret->count));
    if (!shown || shown->kind != DOC_LIST)
        return damaged(node, "shown");
    uint64_t *rows = arena_new_array(arena, uint64_t, shown->count);
    for (const struct doc_node *item = shown->first; item; item = item->next) {
        if (item->kind != DOC_INT || item->integer < 0)
            return damaged(item, "shown");
        rows[ret->shown_count++] = (uint64_t)item->integer;
    }
    ret->shown = rows;
    return NULL;
}

static FALLIBLE read_violation(const struct doc_node *node, const struct violation_group *group,
                               struct violation *ret)
{
    const struct doc_node *value = doc_find(node, STR("value"));
    *ret = (struct violation){.field = group->field,
                              .type = group->type,
                              .constraint = group->constraint,
                              .name = group->name,
                              .has_value = value};
    if (value)
        ret->value = value->text;
    if (doc_find(node, STR("line")))
        TRY(read_count(node, "line", &ret->line));
    return read_count(node, "row", &ret->row);
}

static const char *word_of(struct arena *arena, struct str text)
{
    return text.len && !memchr(text.at, '\0', text.len) ? str_terminate(arena, text) : NULL;
}

static FALLIBLE read_group(struct arena *arena, const struct doc_node *node,
                           struct violation_group *ret)
{
    const struct doc_node *first = NULL;
    size_t count = 0;
    *ret = (struct violation_group){.name = text_of(node, "name"),
                                    .type = word_of(arena, text_of(node, "type")),
                                    .constraint = word_of(arena, text_of(node, "constraint")),
                                    .expected = text_of(node, "expected")};
    if (!ret->type)
        return damaged(node, "type");
    TRY(read_count(node, "field", &ret->field));
    TRY(read_count(node, "count", &ret->count));
    TRY(read_list(node, "shown", &first, &count));
    struct violation *shown = arena_new_array(arena, struct violation, count);
    for (; first; first = first->next)
        TRY(read_violation(first, ret, &shown[ret->shown_count++]));
    ret->shown = shown;
    return NULL;
}

static FALLIBLE read_conformity(struct arena *arena, const struct doc_node *node,
                                struct conformity *ret)
{
    const struct doc_node *first = NULL;
    size_t count = 0;
    if (node->kind != DOC_MAP)
        return damaged(node, "conformity");
    TRY(read_count(node, "count", &ret->count));
    TRY(read_list(node, "groups", &first, &count));
    struct violation_group *groups = arena_new_array(arena, struct violation_group, count);
    for (; first; first = first->next)
        TRY(read_group(arena, first, &groups[ret->group_count++]));
    ret->groups = groups;
    return NULL;
}

static FALLIBLE read_profile(struct arena *arena, const struct doc_node *node, struct str *fault,
                             struct profile *ret)
{
    const struct doc_node *profile = doc_find(node, STR("profile"));
    *fault = text_of(node, "fault");
    if (fault->len)
        return NULL;
    if (!profile)
        return damaged(node, "profile");
    struct error *error = profile_read(arena, profile, ret);
    return error ? error_recode(error, ERROR_STORED) : NULL;
}

static FALLIBLE read_table(struct arena *arena, const struct doc_node *node,
                           struct table_measurement *ret)
{
    const struct doc_node *conformity = doc_find(node, STR("conformity")), *first = NULL;
    const struct doc_node *form = doc_find(node, STR("is_form_only"));
    const struct doc_node *footer = doc_find(node, STR("is_footer"));
    size_t count = 0;
    *ret = (struct table_measurement){.name = text_of(node, "name"),
                                      .path = text_of(node, "path"),
                                      .has_conformity = conformity,
                                      .is_form_only = form && form->kind == DOC_BOOL && form->truth,
                                      .is_footer =
                                          footer && footer->kind == DOC_BOOL && footer->truth};
    TRY(read_profile(arena, node, &ret->fault, &ret->profile));
    if (conformity)
        TRY(read_conformity(arena, conformity, &ret->conformity));
    TRY(read_texts(arena, node, "unchecked", &ret->unchecked));
    TRY(read_list(node, "repeats", &first, &count));
    struct found_rows *repeats = arena_new_array(arena, struct found_rows, count);
    for (; first; first = first->next)
        TRY(read_found(arena, first, &repeats[ret->repeats_count++]));
    ret->repeats = repeats;
    return NULL;
}

static FALLIBLE read_tables(struct arena *arena, const struct doc_node *root,
                            struct measurement *ret)
{
    const struct doc_node *first = NULL;
    size_t count = 0;
    TRY(read_list(root, "tables", &first, &count));
    struct table_measurement *tables = arena_new_array(arena, struct table_measurement, count);
    for (; first; first = first->next)
        TRY(read_table(arena, first, &tables[ret->table_count++]));
    ret->tables = tables;
    return NULL;
}

static FALLIBLE read_leaks(struct arena *arena, const struct doc_node *root,
                           struct measurement *ret)
{
    const struct doc_node *first = NULL;
    size_t count = 0;
    TRY(read_list(root, "leakage", &first, &count));
    struct leak_measurement *leaks = arena_new_array(arena, struct leak_measurement, count);
    for (; first; first = first->next) {
        struct leak_measurement *leak = &leaks[ret->leak_count++];
        leak->from = text_of(first, "from");
        leak->into = text_of(first, "into");
        TRY(read_found(arena, first, &leak->rows));
    }
    ret->leaks = leaks;
    return NULL;
}

static FALLIBLE read_references(struct arena *arena, const struct doc_node *root,
                                struct measurement *ret)
{
    const struct doc_node *first = NULL;
    size_t count = 0;
    TRY(read_list(root, "references", &first, &count));
    struct reference_measurement *references =
        arena_new_array(arena, struct reference_measurement, count);
    for (; first; first = first->next) {
        struct reference_measurement *reference = &references[ret->reference_count++];
        reference->path = text_of(first, "path");
        TRY(read_profile(arena, first, &reference->fault, &reference->profile));
    }
    ret->references = references;
    return NULL;
}

FALLIBLE measurement_parse(struct arena *arena, struct str name, struct str bytes,
                           struct measurement *ret)
{
    struct doc *doc = NULL;
    *ret = (struct measurement){0};
    struct error *error = json_parse(arena, name, bytes, &doc);
    if (error)
        return error_recode(error, ERROR_STORED);
    const struct doc_node *format = doc_find(doc->root, STR("measurement"));
    if (!format || format->kind != DOC_INT || format->integer != MEASUREMENT_FORMAT)
        return damaged(doc->root, "format");
    TRY(read_tables(arena, doc->root, ret));
    TRY(read_leaks(arena, doc->root, ret));
    return read_references(arena, doc->root, ret);
}
