/* Pointers: any bytes give a clean value or errors with a place, and what is printed reads back. */
#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/model/name.h"
#include "mlops/model/pointer.h"

#include "replay.h"

static void check_round(struct arena *arena, const struct pointer *pointer)
{
    struct buf once = buf_in(arena), twice = buf_in(arena);
    struct pointer back = {0};
    pointer_print(pointer, &once);
    struct error *error = pointer_parse(arena, STR("again"), buf_str(&once), pointer->file, &back);
    check(!error);
    pointer_print(&back, &twice);
    check(str_equal(buf_str(&once), buf_str(&twice)));
    check(artifact_equal(&pointer->artifact, &back.artifact));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct pointer pointer = {0};
    struct str bytes = {(const char *)data, size};
    struct error *error =
        pointer_parse(&arena, STR("fuzz"), bytes, STR("data/raw.mlops"), &pointer);
    for (const struct error *at = error; at; at = at->next)
        check(at->mark.file && at->mark.line >= 1 && at->mark.column >= 1);
    if (!error) {
        check(str_is(pointer.artifact.path, "data/raw") && !path_fault(pointer.artifact.path));
        check(pointer.node && pointer.artifact.size_bytes >= 0);
        check_round(&arena, &pointer);
    }
    error_drop(error);
    return 0;
}
