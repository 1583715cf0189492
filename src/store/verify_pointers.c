/* Whether the data that pointers track are here: what was never fetched is no damage. */
#include "mlops/base/arena.h"
#include "mlops/host/signal.h"
#include "mlops/store/pointers.h"

#include "verify_private.h"

VEC(pointer_report_vec, struct verify_pointer);

static FALLIBLE look(struct verification *verification, struct digest digest, int64_t bytes,
                     struct verify_pointer *pointer, bool *ret_found)
{
    TRY(signal_check());
    TRY(cas_has(verification->cas, digest, ret_found));
    pointer->missing_objects += !*ret_found;
    pointer->missing_bytes += *ret_found ? 0 : bytes;
    return NULL;
}

static FALLIBLE look_at_entries(struct verification *verification, struct arena *arena,
                                struct digest_set *seen, struct digest_vec *waiting,
                                struct verify_pointer *pointer)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct tree tree = {0};
    TRY(verify_load_tree(verification->cas, &scratch, waiting->at[--waiting->len], &tree));
    for (size_t i = 0; i < tree.count; i++) {
        const struct tree_entry *entry = &tree.entries[i];
        bool found = false;
        if (!digest_set_add(seen, entry->digest))
            continue;
        TRY(look(verification, entry->digest, entry->size_bytes, pointer, &found));
        if (found && entry->kind == TREE_DIRECTORY)
            *vec_push(arena, waiting) = entry->digest;
    }
    return NULL;
}

static FALLIBLE look_at_pointer(struct verification *verification, const struct pointer *tracked,
                                struct verify_pointer *ret)
{
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(digest_set_drop) struct digest_set seen = {0};
    struct digest_vec waiting = {0};
    const struct artifact *artifact = &tracked->artifact;
    bool found = false;
    *ret = (struct verify_pointer){.file = str_copy(verification->arena, tracked->file)};
    if (artifact->kind == ARTIFACT_ABSENT)
        return NULL;
    TRY(look(verification, artifact->digest, artifact->size_bytes, ret, &found));
    if (found && artifact->kind == ARTIFACT_TREE)
        *vec_push(&arena, &waiting) = artifact->digest;
    while (waiting.len)
        TRY(look_at_entries(verification, &arena, &seen, &waiting, ret));
    return NULL;
}

FALLIBLE verify_pointers(struct verification *verification)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct pointer_vec pointers = {0};
    struct pointer_report_vec missing = {0};
    TRY(pointers_load_all(&scratch, verification->workspace, &pointers));
    for (size_t i = 0; i < pointers.len; i++) {
        struct verify_pointer seen = {0};
        TRY(look_at_pointer(verification, pointers.at[i], &seen));
        if (seen.missing_objects)
            *vec_push(verification->arena, &missing) = seen;
    }
    verification->report->pointers = (int64_t)pointers.len;
    verification->report->not_fetched = missing.at;
    verification->report->not_fetched_count = missing.len;
    return NULL;
}
