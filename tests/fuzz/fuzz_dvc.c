/* `.dvc` files and dvc.lock: any bytes give a value or errors with a place; paths are clean. */
#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/model/dvc.h"
#include "mlops/model/name.h"

#include "replay.h"

static void check_entries(const struct dvc_entry_vec *entries)
{
    vec_each (const struct dvc_entry, entry, entries) {
        check(entry->node && entry->written.len);
        check(entry->is_url || !path_text_fault(entry->path));
    }
}

static void check_error(struct error *error)
{
    for (const struct error *at = error; at; at = at->next)
        check(at->mark.file && at->mark.line >= 1 && at->mark.column >= 1);
    error_drop(error);
}

static void bind_pointer(struct arena *arena, const struct doc *doc)
{
    struct dvc_pointer pointer = {0};
    struct error *error = dvc_pointer_bind(arena, doc, STR("data/x.dvc"), &pointer);
    check_entries(&pointer.outs);
    check_entries(&pointer.deps);
    if (error)
        check_error(error);
}

static void bind_lock(struct arena *arena, const struct doc *doc)
{
    struct dvc_lock lock = {0};
    struct error *error = dvc_lock_bind(arena, doc, STR("p/dvc.lock"), NULL, &lock);
    map_each (item, &lock.stages) {
        const struct dvc_lock_stage *stage = item->value;
        check_entries(&stage->deps);
        check_entries(&stage->outs);
    }
    error_drop(error); /* "stage 'x'" stands before the place */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct doc *doc = NULL;
    struct doc_options options = {.dialect = DOC_DVC, .huge_is_text = true};
    struct str bytes = {(const char *)data, size};
    struct error *error = doc_parse(&arena, STR("fuzz.dvc"), bytes, &options, &doc);
    if (error) {
        error_drop(error);
        return 0;
    }
    bind_pointer(&arena, doc);
    bind_lock(&arena, doc);
    return 0;
}
