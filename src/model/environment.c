#include "mlops/model/environment.h"

#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/base/map.h"
#include "mlops/codec/canon.h"
#include "mlops/codec/json.h"

#include "environment_private.h"
#include "stored_private.h"

#define TAG STR("mlops.environment.2")
#define FIRST_TAG STR("mlops.environment.1")

/* The least an item can take: a name and a value. */
enum { ITEM_BYTES_LEAST = 2 + 2 };

/* Sorted by name, as a canonical map is. */
static const struct environment_field fields[] = {
#define FIELD(name, kind, ...)                                                                     \
    {                                                                                              \
#name, kind, offsetof(struct environment, name), __VA_ARGS__                               \
    }
    FIELD(cpu, FIELD_TEXT, "machine", "cpu", false),
    FIELD(cpus, FIELD_AMOUNT, "machine", "cpus", false),
    FIELD(interpreter, FIELD_TEXT, "interpreter", "name", false),
    FIELD(interpreter_path, FIELD_TEXT, "interpreter", "path", false),
    FIELD(interpreter_version, FIELD_TEXT, "interpreter", "version", false),
    FIELD(kernel, FIELD_TEXT, "machine", "kernel", false),
    FIELD(lockfiles, FIELD_ITEMS, "lockfiles", NULL, false),
    FIELD(manager, FIELD_TEXT, "interpreter", "manager", false),
    FIELD(memory_bytes, FIELD_AMOUNT, "machine", "memory_bytes", false),
    FIELD(os, FIELD_TEXT, "machine", "os", true),
    FIELD(packages, FIELD_ITEMS, "packages", NULL, false),
    FIELD(platform, FIELD_TEXT, "machine", "platform", true),
    FIELD(tools, FIELD_ITEMS, "tools", NULL, false),
    FIELD(variables, FIELD_ITEMS, "variables", NULL, true),
#undef FIELD
};

const struct environment_field *environment_fields(size_t *ret_count)
{
    *ret_count = COUNT_OF(fields);
    return fields;
}

const void *environment_value(const struct environment *environment,
                              const struct environment_field *field)
{
    return (const char *)environment + field->offset;
}

static void encode_items(const struct environment_items *items, struct buf *out)
{
    canon_map(out, items->len);
    for (size_t i = 0; i < items->len; i++) {
        check(i == 0 || str_compare(items->at[i - 1].name, items->at[i].name) < 0);
        canon_str(out, items->at[i].name);
        canon_str(out, items->at[i].value);
    }
}

void environment_encode(const struct environment *environment, struct buf *out)
{
    canon_str(out, TAG);
    canon_map(out, COUNT_OF(fields));
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        const void *value = environment_value(environment, &fields[i]);
        canon_str(out, str_of(fields[i].name));
        switch (fields[i].kind) {
        case FIELD_TEXT:
            canon_str(out, *(const struct str *)value);
            break;
        case FIELD_AMOUNT:
            canon_int(out, *(const int64_t *)value);
            break;
        case FIELD_ITEMS:
            encode_items(value, out);
            break;
        }
    }
}

static FALLIBLE decode_items(struct arena *arena, struct canon_reader *reader,
                             struct environment_items *ret)
{
    struct str previous = {0};
    size_t count = 0;
    TRY(canon_read_map(reader, &count));
    if (count > stored_left(reader) / ITEM_BYTES_LEAST)
        return stored_damaged("a map of %zu items is cut off", count);
    ret->at = arena_new_array(arena, struct environment_item, count);
    ret->cap = count;
    for (; ret->len < count; ret->len++) {
        struct environment_item *item = &ret->at[ret->len];
        TRY(canon_read_key(reader, &previous, &item->name));
        TRY(canon_read_str(reader, &item->value));
    }
    return NULL;
}

static FALLIBLE decode_field(struct arena *arena, struct canon_reader *reader,
                             const struct environment_field *field, struct environment *ret)
{
    void *value = (char *)ret + field->offset;
    switch (field->kind) {
    case FIELD_TEXT:
        return canon_read_str(reader, value);
    case FIELD_AMOUNT:
        return stored_amount(reader, value);
    case FIELD_ITEMS:
        return decode_items(arena, reader, value);
    }
    return NULL;
}

static FALLIBLE decode_fields(struct arena *arena, struct canon_reader *reader, bool is_first,
                              struct environment *ret)
{
    struct str previous = {0}, name;
    size_t count = 0, expected = 0;
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        expected += !is_first || fields[i].is_in_first;
    TRY(canon_read_map(reader, &count));
    if (count != expected)
        return stored_damaged("%zu values expected, %zu found", expected, count);
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (is_first && !fields[i].is_in_first)
            continue;
        TRY(canon_read_key(reader, &previous, &name));
        if (!str_is(name, fields[i].name))
            return stored_damaged("'%s' expected", fields[i].name);
        TRY(decode_field(arena, reader, &fields[i], ret));
    }
    return canon_expect_end(reader);
}

FALLIBLE environment_decode(struct arena *arena, struct str bytes, struct environment *ret)
{
    struct environment environment = {0};
    struct canon_reader reader = canon_reader_of(bytes), peek = reader;
    struct str tag = {0};
    if (canon_next(&peek) == CANON_STR)
        TRY_WITHIN(canon_read_str(&peek, &tag), "an environment cannot be read");
    bool is_first = str_equal(tag, FIRST_TAG);
    TRY_WITHIN(canon_expect_tag(&reader, is_first ? FIRST_TAG : TAG),
               "an environment cannot be read");
    TRY_WITHIN(decode_fields(arena, &reader, is_first, &environment),
               "an environment cannot be read");
    *ret = environment;
    return NULL;
}

static int item_compare(const void *a, const void *b)
{
    const struct environment_item *left = a, *right = b;
    return str_compare(left->name, right->name);
}

/* The first of equal names stays: found first. */
void environment_items_sort(struct arena *arena, struct environment_items *items)
{
    struct map seen = {0};
    size_t kept = 0;
    for (size_t i = 0; i < items->len; i++) {
        if (map_has(&seen, items->at[i].name))
            continue;
        map_put(arena, &seen, items->at[i].name, items);
        items->at[kept++] = items->at[i];
    }
    items->len = kept;
    vec_sort(items, item_compare);
}

struct str environment_item_find(const struct environment_items *items, struct str name)
{
    size_t low = 0, high = items->len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare(items->at[middle].name, name);
        if (order == 0)
            return items->at[middle].value;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return (struct str){0};
}

static void write_items(const struct environment_items *items, struct json_writer *json)
{
    json_open_object(json);
    vec_each (const struct environment_item, item, items) {
        json_name_str(json, item->name);
        json_str(json, item->value);
    }
    json_close_object(json);
}

void environment_write(const struct environment *environment, struct json_writer *json)
{
    json_open_object(json);
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        const void *value = environment_value(environment, &fields[i]);
        json_name(json, fields[i].name);
        switch (fields[i].kind) {
        case FIELD_TEXT:
            json_str(json, *(const struct str *)value);
            break;
        case FIELD_AMOUNT:
            json_int(json, *(const int64_t *)value);
            break;
        case FIELD_ITEMS:
            write_items(value, json);
            break;
        }
    }
    json_close_object(json);
}

void environment_key(const struct environment *environment, struct buf *out)
{
    struct environment kept = {
        .os = environment->os,
        .platform = environment->platform,
        .interpreter = environment->interpreter,
        .interpreter_version = environment->interpreter_version,
        .packages = environment->packages,
    };
    environment_encode(&kept, out);
}

struct str environment_print(struct arena *arena, const struct environment *environment)
{
    struct buf out = buf_in(arena);
    if (!environment->interpreter.len)
        return environment->cpus ? STR("no interpreter") : STR("not recorded");
    buf_add_str(&out, environment->interpreter);
    if (environment->interpreter_version.len)
        buf_print(&out, " %.*s", STR_FMT(environment->interpreter_version));
    if (environment->manager.len)
        buf_print(&out, " (%.*s)", STR_FMT(environment->manager));
    if (environment->packages.len)
        buf_print(&out, ", %zu package%s", environment->packages.len,
                  environment->packages.len == 1 ? "" : "s");
    return buf_str(&out);
}
