/* Chunks of large files that the store holds already, as parts of other files: of a file that
 * changed only the changes are fetched. What chunks a file has is told by its manifest, and which
 * of them are like one another by the lengths of these. */
#include "mlops/base/check.h"
#include "mlops/host/signal.h"

#include <stdlib.h>

#include "depot_private.h"

enum {
    SHARE = 64, /* of the bytes that are to come may be spent on looking */
    BASE_BYTES = 65536,
    ASKING_BYTES = 8192 /* what a manifest costs beside its own bytes */
};

struct finding {
    struct depot *depot;
    struct map *places;
    pthread_mutex_t mutex;
};

static int compare_files(const void *a, const void *b)
{
    const struct reuse_file *left = a, *right = b;
    if (left->manifest_bytes != right->manifest_bytes)
        return left->manifest_bytes < right->manifest_bytes ? -1 : 1;
    return memcmp(left->digest.at, right->digest.at, sizeof left->digest.at);
}

FALLIBLE depot_list_reusable(struct depot *depot, struct arena *arena, struct reuse_file_vec *ret)
{
    vec_each (const struct depot_pack, pack, &depot->catalogue.packs)
        for (size_t i = 0; i < pack->index.row_count; i++) {
            struct pack_row row = pack_index_row(&pack->index, i);
            bool is_here = false;
            if (row.kind == PACK_MANIFEST)
                TRY(cas_has(depot->cas, row.digest, &is_here));
            if (is_here)
                *vec_push(arena, ret) =
                    (struct reuse_file){.digest = row.digest, .manifest_bytes = row.raw_bytes};
        }
    if (ret->len)
        qsort(ret->at, ret->len, sizeof *ret->at, compare_files);
    return signal_check();
}

static struct str key_of(const struct digest *digest)
{
    return (struct str){(const char *)digest->at, sizeof digest->at};
}

/* A manifest that can't be read here is one that nothing is found by. */
static FALLIBLE note_wanted(struct arena *arena, const struct depot_want *want, struct str manifest,
                            struct map *places)
{
    struct manifest_chunk_vec chunks = {0};
    error_drop(manifest_decode(arena, manifest, want->size_bytes, &chunks));
    vec_each (const struct manifest_chunk, chunk, &chunks)
        if (!map_has(places, key_of(&chunk->digest)))
            map_put(arena, places, key_of(&chunk->digest), arena_new(arena, struct reuse_place));
    return signal_check();
}

static FALLIBLE take_places(void *context, struct errand *errand, struct str bytes)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct finding *finding = context;
    struct manifest_chunk_vec chunks = {0};
    error_drop(manifest_decode(&scratch, bytes, -1, &chunks));
    check(pthread_mutex_lock(&finding->mutex) == 0);
    vec_each (const struct manifest_chunk, chunk, &chunks) {
        struct reuse_place *place = map_get(finding->places, key_of(&chunk->digest));
        if (place && !place->is_known)
            *place = (struct reuse_place){
                .file = errand->digest, .offset = chunk->offset, .is_known = true};
    }
    check(pthread_mutex_unlock(&finding->mutex) == 0);
    return NULL;
}

static size_t first_not_below(const struct reuse_file_vec *files, int64_t bytes)
{
    size_t from = 0, end = files->len;
    while (from < end) {
        size_t middle = from + (end - from) / 2;
        if (files->at[middle].manifest_bytes < bytes)
            from = middle + 1;
        else
            end = middle;
    }
    return from;
}

/* From the length of this manifest outwards, as far as the bytes go. */
static void choose_files(struct reuse_file_vec *files, const struct depot_want *want,
                         struct str manifest, struct arena *arena, struct errand_vec *list)
{
    int64_t length = (int64_t)manifest.len, budget = want->size_bytes / SHARE + BASE_BYTES;
    size_t above = first_not_below(files, length), below = above;
    while (budget > 0 && (below > 0 || above < files->len)) {
        bool is_above =
            below == 0 || (above < files->len && files->at[above].manifest_bytes - length <=
                                                     length - files->at[below - 1].manifest_bytes);
        struct reuse_file *file = &files->at[is_above ? above++ : --below];
        budget -= file->manifest_bytes + ASKING_BYTES;
        if (!file->is_read && budget > 0)
            *vec_push(arena, list) = (struct errand){.digest = file->digest, .raw_bytes = -1};
        file->is_read = true;
    }
}

FALLIBLE depot_find_chunks(struct depot *depot, struct arena *arena, struct reuse_file_vec *files,
                           const struct depot_want_vec *wants, const struct str *manifests,
                           struct map *ret)
{
    struct finding finding = {.depot = depot, .places = ret};
    struct errands errands = {.depot = depot, .take = take_places, .context = &finding};
    for (size_t i = 0; i < files->len; i++)
        files->at[i].is_read = false;
    for (size_t i = 0; i < wants->len && files->len; i++)
        if (manifests[i].len) {
            TRY(note_wanted(arena, &wants->at[i], manifests[i], ret));
            choose_files(files, &wants->at[i], manifests[i], arena, &errands.list);
        }
    check(pthread_mutex_init(&finding.mutex, NULL) == 0);
    struct error *error = errands.list.len ? depot_run_errands(&errands) : NULL;
    pthread_mutex_destroy(&finding.mutex);
    return error;
}

/* The bytes of the store are hashed as those of the remote are. */
FALLIBLE depot_read_reusable(struct depot *depot, const struct map *places,
                             const struct manifest_chunk *chunk, struct buf *to, bool *ret_found)
{
    AUTO(cas_source_drop) struct cas_source source = {0};
    const struct reuse_place *place = map_get(places, key_of(&chunk->digest));
    *ret_found = false;
    if (!place || !place->is_known)
        return NULL;
    TRY(cas_open_for_reading(depot->cas, place->file, &source, ret_found));
    *ret_found = *ret_found && chunk->size_bytes <= source.size_bytes - place->offset;
    if (!*ret_found)
        return NULL;
    buf_clear(to);
    char *at = buf_reserve(to, (size_t)chunk->size_bytes);
    TRY(depot_read_exactly(fd_number(source.fd), at, chunk->size_bytes,
                           source.offset + place->offset));
    to->len = (size_t)chunk->size_bytes;
    *ret_found = digest_equal(digest_of(at, to->len), chunk->digest);
    return NULL;
}
