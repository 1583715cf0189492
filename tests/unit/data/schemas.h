/* Schemas and casters out of short descriptors, for tests. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/json.h"
#include "mlops/codec/schema.h"
#include "mlops/data/cast.h"

#include "support/unit.h"

/* Binds a whole descriptor; its errors, if any. */
static inline struct error *schema_of(struct arena *arena, const char *json,
                                      struct table_schema *ret)
{
    struct doc *doc = NULL;
    struct error_list errors = {0};
    struct binder binder = {.arena = arena, .errors = &errors};
    struct error *error = json_parse(arena, STR("schema.json"), str_of(json), &doc);
    if (error)
        return error;
    tableschema_bind(&binder, doc->root, ret);
    return error_list_take(&errors);
}

/* The caster of a field given by what stands in its descriptor besides its name. */
static inline struct caster *caster_of(struct arena *arena, const char *members)
{
    struct table_schema *schema = arena_new(arena, struct table_schema);
    struct caster *caster = NULL;
    const char *json =
        str_print(arena, "{\"fields\": [{\"name\": \"x\"%s%s}]}", *members ? ", " : "", members).at;
    struct error *error = schema_of(arena, json, schema);
    if (error)
        fail_msg("%s: %s", json, error->text);
    error = caster_open(arena, schema, &schema->fields[0], &caster);
    if (error)
        fail_msg("%s: %s", json, error->text);
    return caster;
}
