/* Questions about what is there: sizes, chunks, the time. */
#include "mlops/host/clock.h"

#include "depot_private.h"

static bool find_blob(const struct depot *depot, struct digest digest, int64_t *ret)
{
    struct catalogue_hit hit;
    size_t at = 0;
    while (catalogue_find(&depot->catalogue, digest, &at, &hit)) {
        if (hit.row.kind == PACK_MANIFEST)
            continue;
        *ret = hit.row.raw_bytes;
        return true;
    }
    return false;
}

static bool has_manifest(const struct depot *depot, struct digest digest)
{
    struct catalogue_hit hit;
    size_t at = 0;
    while (catalogue_find(&depot->catalogue, digest, &at, &hit))
        if (hit.row.kind == PACK_MANIFEST)
            return true;
    return false;
}

/* --- large files --- */

struct proving {
    const struct depot *depot;
    bool *is_whole; /* of each errand */
};

static FALLIBLE prove(void *context, struct errand *errand, struct str bytes)
{
    AUTO(arena_drop) struct arena scratch = {0};
    const struct proving *proving = context;
    struct manifest_chunk_vec chunks = {0};
    bool is_whole = true;
    TRY(manifest_decode(&scratch, bytes, -1, &chunks));
    vec_each (const struct manifest_chunk, chunk, &chunks)
        is_whole = is_whole && depot_has(proving->depot, chunk->digest);
    proving->is_whole[errand->tag] = is_whole;
    errand->is_done = is_whole; /* else the manifest in another pack may name others */
    return NULL;
}

struct error *depot_check_files(struct depot *depot, const struct digest *objects, size_t count)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct proving proving = {depot, arena_new_array(&scratch, bool, count + 1)};
    struct errands errands = {.depot = depot, .take = prove, .context = &proving};
    for (size_t i = 0; i < count; i++)
        if (has_manifest(depot, objects[i]) && depot_has(depot, objects[i]))
            *vec_push(&scratch, &errands.list) =
                (struct errand){.digest = objects[i], .raw_bytes = -1, .tag = (int64_t)i};
    TRY(depot_run_errands(&errands));
    vec_each (const struct errand, errand, &errands.list) {
        struct str key = {(const char *)errand->digest.at, sizeof errand->digest.at};
        if (!proving.is_whole[errand->tag])
            map_put(&depot->memory, &depot->hollow, str_copy(&depot->memory, key), depot);
    }
    return NULL;
}

struct naming {
    pthread_mutex_t mutex;
    const struct depot *depot;
    bool *is_named; /* of each errand */
    void (*visit)(void *context, struct digest chunk);
    void *context;
};

/* Where chunks are missing, another manifest may be the right one: those of both are named. */
static FALLIBLE take_chunks(void *context, struct errand *errand, struct str bytes)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct naming *naming = context;
    struct manifest_chunk_vec chunks = {0};
    TRY(manifest_decode(&scratch, bytes, -1, &chunks));
    naming->is_named[errand->tag] = true;
    errand->is_done = depot_can_give_all(naming->depot, &chunks);
    pthread_mutex_lock(&naming->mutex);
    vec_each (const struct manifest_chunk, chunk, &chunks)
        naming->visit(naming->context, chunk->digest);
    pthread_mutex_unlock(&naming->mutex);
    return NULL;
}

struct error *depot_each_chunk(struct depot *depot, const struct digest *files, size_t count,
                               void (*visit)(void *context, struct digest chunk), void *context)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct naming naming = {.depot = depot,
                            .is_named = arena_new_array(&scratch, bool, count + 1),
                            .visit = visit,
                            .context = context};
    struct errands errands = {.depot = depot, .take = take_chunks, .context = &naming};
    pthread_mutex_init(&naming.mutex, NULL);
    for (size_t i = 0; i < count; i++)
        if (has_manifest(depot, files[i]))
            *vec_push(&scratch, &errands.list) =
                (struct errand){.digest = files[i], .raw_bytes = -1, .tag = (int64_t)i};
    struct error *error = depot_run_errands(&errands);
    vec_each (struct errand, errand, &errands.list)
        if (!error && !naming.is_named[errand->tag])
            error =
                error_hint(error_new(ERROR_STORED, "a manifest of the remote can't be read"),
                           "'mlops verify --remote' finds it; 'mlops push' sends it again then");
    pthread_mutex_destroy(&naming.mutex);
    return error;
}

static FALLIBLE take_size(void *context, struct errand *errand, struct str bytes)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct manifest_chunk_vec chunks = {0};
    int64_t *size = context;
    (void)errand;
    TRY(manifest_decode(&scratch, bytes, -1, &chunks));
    *size = 0;
    vec_each (const struct manifest_chunk, chunk, &chunks)
        *size += chunk->size_bytes;
    return NULL;
}

struct error *depot_object_bytes(struct depot *depot, struct digest digest, int64_t *ret,
                                 bool *ret_found)
{
    struct errand errand = {.digest = digest, .raw_bytes = -1};
    struct errands errands = {
        .depot = depot, .list = {&errand, 1, 1}, .take = take_size, .context = ret};
    *ret_found = find_blob(depot, digest, ret);
    if (*ret_found || !has_manifest(depot, digest))
        return NULL;
    TRY(depot_run_errands(&errands));
    *ret_found = errand.is_done;
    return NULL;
}

bool depot_knows_pack(const struct depot *depot, struct digest pack)
{
    bool knows = false;
    vec_each (const struct depot_pack, one, &depot->catalogue.packs)
        knows |= digest_equal(one->id, pack);
    return knows;
}

struct error *depot_each_blob(struct depot *depot, struct digest id,
                              FALLIBLE (*visit)(void *context, struct digest blob), void *context)
{
    const struct catalogue *catalogue = &depot->catalogue;
    for (size_t i = 0; i < catalogue->packs.len; i++) {
        const struct pack_index *index = &catalogue->packs.at[i].index;
        if (!digest_equal(catalogue->packs.at[i].id, id))
            continue;
        for (size_t at = 0; at < index->row_count; at++)
            TRY(visit(context, pack_index_row(index, at).digest));
    }
    return NULL;
}

/* --- the server's clock --- */

struct error *depot_clock(struct depot *depot, int64_t *ret_now_ns)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct transport_item item = {0};
    uint64_t random;
    bool found = false;
    random_bytes(&random, sizeof random);
    struct str name = str_print(&scratch, "probe/%016llx", (unsigned long long)random);
    TRY(depot_put_file(depot, name, STR("probe\n")));
    {
        AUTO(depot_line_drop) struct depot_line line = {0};
        TRY(depot_line_take(depot, &line));
        TRY(connection_stat(line.connection, name, &item, &found));
    }
    TRY(depot_remove_file(depot, name));
    if (!found || item.modified_ns == 0)
        return error_new(ERROR_MACHINE, "remote '%.*s' does not tell how old its files are",
                         STR_FMT(depot->remote->name));
    *ret_now_ns = item.modified_ns;
    return NULL;
}
