/* What damaged and missing objects are, and who needs them. */
#include "mlops/base/arena.h"
#include "mlops/host/signal.h"
#include "mlops/model/name.h"
#include "mlops/store/results.h"

#include <stdlib.h>

#include "verify_private.h"

/* An object that is not what it should be. */
struct bad_object {
    struct digest digest;
    const char *fault;
    struct map stages;     /* names of those whose results hold it */
    struct str path;       /* where a pointer's data have it; empty: none does */
    struct str tracked_as; /* what that pointer tracks */
};

VEC(bad_vec, struct bad_object *);

/* All of them are looked for in one pass over pointers and results. */
struct search {
    struct verification *verification;
    struct bad_vec bad;
    struct map by_digest;   /* digest as bytes -> struct bad_object * */
    struct digest_set seen; /* directories that were looked at, with for whom */
};

static void search_drop(struct search *search)
{
    digest_set_drop(&search->seen);
}

static struct str digest_name(const struct digest *digest)
{
    return (struct str){(const char *)digest->at, sizeof digest->at};
}

static void add_bad(struct search *search, struct digest digest, const char *fault)
{
    struct arena *arena = search->verification->arena;
    struct bad_object *bad = arena_new(arena, struct bad_object);
    if (map_has(&search->by_digest, digest_name(&digest)))
        return;
    *bad = (struct bad_object){.digest = digest, .fault = fault};
    map_put(arena, &search->by_digest, digest_name(&bad->digest), bad);
    *vec_push(arena, &search->bad) = bad;
}

/* Who is asked for: a stage, or what a pointer tracks. */
struct holder {
    struct str stage, tracked;
    struct digest mark; /* tells it from others */
};

static void note(struct search *search, struct digest digest, const struct holder *holder,
                 struct str path)
{
    struct arena *arena = search->verification->arena;
    struct bad_object *bad = map_get(&search->by_digest, digest_name(&digest));
    if (!bad)
        return;
    if (holder->stage.len && !map_has(&bad->stages, holder->stage))
        map_put(arena, &bad->stages, str_copy(arena, holder->stage), bad);
    if (holder->tracked.len && !bad->path.len) {
        bad->path = str_copy(arena, path);
        bad->tracked_as = str_copy(arena, holder->tracked);
    }
}

/* Results of a stage have most of their directories in common. */
static bool is_new(struct search *search, struct digest directory, const struct holder *holder)
{
    for (size_t i = 0; i < sizeof directory.at; i++)
        directory.at[i] ^= holder->mark.at[i];
    return digest_set_add(&search->seen, directory);
}

struct place {
    struct digest digest;
    struct str path;
};
VEC(bad_place_vec, struct place);

static FALLIBLE search_entries(struct search *search, struct arena *arena, struct place place,
                               const struct holder *holder, struct bad_place_vec *waiting)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct tree tree = {0};
    TRY(verify_load_tree(search->verification->cas, &scratch, place.digest, &tree));
    for (size_t i = 0; i < tree.count; i++) {
        const struct tree_entry *entry = &tree.entries[i];
        struct str path = path_join(&scratch, place.path, entry->name);
        note(search, entry->digest, holder, path);
        if (entry->kind == TREE_DIRECTORY && is_new(search, entry->digest, holder))
            *vec_push(arena, waiting) = (struct place){entry->digest, str_copy(arena, path)};
    }
    return NULL;
}

/* The bad objects that a file or directory is, or holds at any depth. */
static FALLIBLE search_artifact(struct search *search, const struct artifact *artifact,
                                const struct holder *holder)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct bad_place_vec waiting = {0};
    note(search, artifact->digest, holder, artifact->path);
    if (artifact->kind == ARTIFACT_TREE && is_new(search, artifact->digest, holder))
        *vec_push(&arena, &waiting) = (struct place){artifact->digest, artifact->path};
    while (waiting.len)
        TRY(search_entries(search, &arena, waiting.at[--waiting.len], holder, &waiting));
    return NULL;
}

static FALLIBLE search_pointers(struct search *search)
{
    const struct pointer_vec *pointers = &search->verification->pointers;
    for (size_t i = 0; i < pointers->len; i++) {
        const struct artifact *artifact = &pointers->at[i]->artifact;
        const struct holder holder = {.tracked = artifact->path};
        if (artifact->kind != ARTIFACT_ABSENT)
            TRY(search_artifact(search, artifact, &holder));
    }
    return NULL;
}

static FALLIBLE search_result(void *context, struct str project, struct digest key,
                              struct digest id, struct str bytes, const char *path)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct search *search = context;
    struct result result = {0};
    (void)project, (void)key, (void)id, (void)path;
    TRY(signal_check());
    struct error *error = result_decode(&scratch, bytes, &result);
    bool is_good = error == NULL;
    error_drop(error); /* told already */
    struct holder holder = {.stage = result.stage};
    holder.mark = digest_of(result.stage.at, result.stage.len);
    for (size_t i = 0; is_good && i < result.out_count; i++) {
        struct artifact out = result.outs[i];
        if (!out.is_stored)
            out.kind = ARTIFACT_FILE; /* nothing of it is here */
        TRY(search_artifact(search, &out, &holder));
    }
    return NULL;
}

static struct str join_names(struct arena *arena, const struct map *names)
{
    struct buf joined = buf_in(arena);
    map_each (item, names) {
        if (joined.len)
            buf_add_text(&joined, ", ");
        buf_add_str(&joined, item->key);
    }
    return joined.len ? buf_str(&joined) : (struct str){0};
}

static struct str repair_of(struct arena *arena, const struct bad_object *bad, struct str stages)
{
    if (bad->path.len)
        return str_print(arena,
                         "`mlops pull %.*s`, or `mlops add %.*s` where the file is still good",
                         STR_FMT(bad->tracked_as), STR_FMT(bad->tracked_as));
    return stages.len ? STR("`mlops run`: it puts the object again from the file that holds it, or "
                            "makes it again")
                      : STR("nothing: no known result and no pointer of the work tree needs it");
}

static void tell_bad_object(struct verification *verification, const struct bad_object *bad)
{
    struct str stages = join_names(verification->arena, &bad->stages);
    verify_add_fault(verification,
                     (struct verify_fault){.what = "object",
                                           .name = digest_hex(verification->arena, bad->digest),
                                           .path = bad->path,
                                           .fault = str_of(bad->fault),
                                           .stages = stages,
                                           .repair = repair_of(verification->arena, bad, stages)});
}

FALLIBLE verify_tell_bad(struct verification *verification)
{
    AUTO(search_drop) struct search search = {.verification = verification};
    vec_each (const struct cas_checked, object, &verification->objects)
        if (object->health == CAS_DAMAGED)
            add_bad(&search, object->digest,
                    "its bytes are not what its name says; it was moved to quarantine/");
    vec_each (const struct cas_checked, object, &verification->missing)
        add_bad(&search, object->digest, "it is not in the store");
    if (search.bad.len)
        TRY(search_pointers(&search));
    if (search.bad.len)
        TRY(results_each(verification->workspace, search_result, &search));
    for (size_t i = 0; i < search.bad.len; i++)
        tell_bad_object(verification, search.bad.at[i]);
    return verification->missing.len ? cas_ask_healing(verification->cas) : NULL;
}
