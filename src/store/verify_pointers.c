/* Whether the data that pointers track are here: what was never fetched is no damage. */
#include "mlops/base/arena.h"
#include "mlops/host/signal.h"
#include "mlops/host/walk.h"
#include "mlops/store/pointers.h"

#include <fcntl.h>

#include "verify_private.h"

VEC(pointer_report_vec, struct verify_pointer);

/* "HEX.RANDOM" in quarantine/: an object that was found to be damaged, by whatever command. */
static void note_quarantined(void *context, const char *name, uint32_t kind)
{
    struct verification *verification = context;
    struct digest digest;
    (void)kind;
    if (digest_parse(str_slice(str_of(name), 0, DIGEST_HEX_LEN), &digest))
        digest_set_add(&verification->quarantined, digest);
}

static FALLIBLE list_quarantine(struct verification *verification)
{
    AUTO(fd_drop) struct fd fd = {0};
    int cache_fd = fd_number(verification->workspace->cache_fd);
    if (cache_fd >= 0)
        fd = fd_of(openat(cache_fd, "quarantine", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return fd_number(fd) < 0 ? NULL : walk_names(fd_number(fd), note_quarantined, verification);
}

/* Those of this verification are told already. */
static void find_told(const struct verification *verification, struct digest_set *ret)
{
    vec_each (const struct cas_checked, object, &verification->objects)
        if (object->health == CAS_DAMAGED)
            digest_set_add(ret, object->digest);
}

static void tell_lost(struct verification *verification, struct digest digest, struct str file)
{
    struct arena *arena = verification->arena;
    struct str path = str_slice(file, 0, file.len - strlen(POINTER_SUFFIX));
    if (!digest_set_add(&verification->told, digest))
        return;
    verify_add_fault(
        verification,
        (struct verify_fault){
            .what = "object",
            .name = digest_hex(arena, digest),
            .path = str_copy(arena, path),
            .fault = str_print(arena, "it was damaged and is in quarantine/; %.*s names it",
                               STR_FMT(file)),
            .repair = str_print(arena,
                                "`mlops pull %.*s`, or `mlops add %.*s` where the file is still "
                                "good",
                                STR_FMT(path), STR_FMT(path))});
}

static FALLIBLE look(struct verification *verification, struct digest digest, int64_t bytes,
                     struct verify_pointer *pointer, bool *ret_found)
{
    TRY(signal_check());
    TRY(cas_has(verification->cas, digest, ret_found));
    if (*ret_found)
        return NULL;
    if (digest_set_has(&verification->quarantined, digest)) {
        tell_lost(verification, digest, pointer->file);
        return NULL;
    }
    pointer->missing_objects++;
    pointer->missing_bytes += bytes;
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

/* The first thing that is wrong with each. */
static void tell_broken(struct verification *verification, const struct error *error)
{
    struct arena *arena = verification->arena;
    struct str last = {0};
    for (; error; error = error->next) {
        struct str name = str_of(error->mark.file);
        if (last.len && str_equal(name, last))
            continue;
        last = name;
        verify_add_fault(verification,
                         (struct verify_fault){.what = "pointer",
                                               .name = str_copy(arena, name),
                                               .fault = str_print(arena, "line %d: %s",
                                                                  error->mark.line, error->text),
                                               .repair = error->hint
                                                             ? str_copy(arena, str_of(error->hint))
                                                             : STR("restore it from git")});
    }
}

FALLIBLE verify_load_pointers(struct verification *verification)
{
    struct error *broken = NULL;
    struct error *error = pointers_load_sound(&verification->memory, verification->workspace,
                                              &verification->pointers, &broken);
    if (!error)
        tell_broken(verification, broken);
    error_drop(broken);
    return error;
}

FALLIBLE verify_pointers(struct verification *verification)
{
    struct pointer_report_vec missing = {0};
    const struct pointer_vec *pointers = &verification->pointers;
    TRY(list_quarantine(verification));
    find_told(verification, &verification->told);
    for (size_t i = 0; i < pointers->len; i++) {
        struct verify_pointer seen = {0};
        TRY(look_at_pointer(verification, pointers->at[i], &seen));
        if (seen.missing_objects)
            *vec_push(verification->arena, &missing) = seen;
    }
    verification->report->pointers = (int64_t)pointers->len;
    verification->report->not_fetched = missing.at;
    verification->report->not_fetched_count = missing.len;
    return NULL;
}
