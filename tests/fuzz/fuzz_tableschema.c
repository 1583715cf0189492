/* Descriptors: any JSON gives a schema or errors with places; a schema is written as JSON that is
 * taken again and then written the same. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/codec/json.h"
#include "mlops/codec/schema.h"
#include "mlops/data/tableschema.h"

#include "replay.h"

static bool bind(struct arena *arena, struct str bytes, struct table_schema *ret)
{
    struct doc *doc = NULL;
    struct error_list errors = {0};
    struct binder binder = {.arena = arena, .errors = &errors};
    struct error *error = json_parse(arena, STR("fuzz"), bytes, &doc);
    if (!error) {
        tableschema_bind(&binder, doc->root, ret);
        error = error_list_take(&errors);
    }
    for (const struct error *one = error; one; one = one->next)
        check(one->mark.line >= 1 && one->mark.column >= 1 && one->text[0]);
    error_drop(error);
    return !error;
}

static struct str written(struct arena *arena, const struct table_schema *schema)
{
    struct buf out = buf_in(arena);
    struct json_writer json = {.out = &out};
    tableschema_write(&json, schema);
    return buf_str(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct table_schema schema = {0}, again = {0};
    tableschema_pattern(&arena, (struct str){(const char *)data, size});
    if (!bind(&arena, (struct str){(const char *)data, size}, &schema))
        return 0;
    struct str first = written(&arena, &schema);
    check(bind(&arena, first, &again));
    check(str_equal(first, written(&arena, &again)));
    return 0;
}
