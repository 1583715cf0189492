/* What is needed of packs that are about to go moves to new ones. */
#include "mlops/host/signal.h"

#include "depot_prune_private.h"

struct copying {
    pthread_mutex_t mutex;
    const struct depot *depot;
    struct arena *arena;
    struct str *bytes; /* of each move of the group */
};

/* A manifest that names what is nowhere is damaged: another pack may have a good one. */
static FALLIBLE is_good_copy(const struct depot *depot, const struct errand *errand,
                             struct str bytes, bool *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct manifest_chunk_vec chunks = {0};
    *ret = true;
    if (errand->raw_bytes >= 0)
        return NULL;
    TRY(manifest_decode(&scratch, bytes, -1, &chunks));
    *ret = depot_can_give_all(depot, &chunks);
    return NULL;
}

static FALLIBLE take_copy(void *context, struct errand *errand, struct str bytes)
{
    struct copying *copying = context;
    TRY(is_good_copy(copying->depot, errand, bytes, &errand->is_done));
    if (!errand->is_done)
        return NULL;
    pthread_mutex_lock(&copying->mutex);
    struct str own = str_copy(copying->arena, bytes);
    own.at = own.at ? own.at : "";
    copying->bytes[errand->tag] = own;
    pthread_mutex_unlock(&copying->mutex);
    return NULL;
}

static FALLIBLE read_moves(struct pruning *pruning, struct arena *arena, const struct move *moves,
                           size_t count, struct str **ret)
{
    struct copying copying = {.depot = pruning->depot,
                              .arena = arena,
                              .bytes = arena_new_array(arena, struct str, count)};
    struct errands errands = {.depot = pruning->depot, .take = take_copy, .context = &copying};
    pthread_mutex_init(&copying.mutex, NULL);
    for (size_t i = 0; i < count; i++)
        *vec_push(arena, &errands.list) = (struct errand){
            .digest = moves[i].row.digest,
            .raw_bytes = moves[i].row.kind == PACK_MANIFEST ? -1 : moves[i].row.raw_bytes,
            .tag = (int64_t)i};
    struct error *error = depot_run_errands(&errands);
    for (size_t i = 0; !error && i < count; i++)
        pruning->packs[moves[i].pack].is_stuck |= !errands.list.at[i].is_done;
    pthread_mutex_destroy(&copying.mutex);
    *ret = copying.bytes;
    return error;
}

static FALLIBLE add_copy(struct pack_writer *writer, struct compressor *compressor,
                         struct buf *packed, const struct move *move, struct str bytes)
{
    int64_t raw_bytes = (int64_t)bytes.len;
    struct digest digest = move->row.digest;
    if (move->row.kind == PACK_MANIFEST)
        return pack_writer_add(writer, digest, PACK_MANIFEST, bytes, raw_bytes);
    if (compress_bytes(compressor, bytes, packed))
        return pack_writer_add(writer, digest, PACK_ZSTD, buf_str(packed), raw_bytes);
    return pack_writer_add(writer, digest, PACK_RAW, bytes, raw_bytes);
}

static FALLIBLE write_copies(struct pruning *pruning, const struct move *moves, size_t count,
                             const struct str *bytes, bool is_salted, bool *ret_avoided)
{
    AUTO(pack_writer_drop) struct pack_writer writer = {0};
    AUTO(compressor_drop) struct compressor compressor = {0};
    AUTO(buf_drop) struct buf packed = {0};
    bool is_empty = true;
    *ret_avoided = false;
    pack_writer_open(&writer, -1, "a pack");
    if (is_salted)
        TRY(depot_add_salt(&writer));
    for (size_t i = 0; i < count; i++) {
        if (!bytes[i].at)
            continue;
        is_empty = false;
        TRY(add_copy(&writer, &compressor, &packed, &moves[i], bytes[i]));
    }
    return is_empty ? NULL : depot_write_pack(pruning->depot, &writer, ret_avoided);
}

/* One new pack. */
static FALLIBLE copy_group(struct pruning *pruning, const struct move *moves, size_t count)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str *bytes = NULL;
    bool is_avoided = false;
    TRY(read_moves(pruning, &scratch, moves, count, &bytes));
    TRY(write_copies(pruning, moves, count, bytes, false, &is_avoided));
    return is_avoided ? write_copies(pruning, moves, count, bytes, true, &is_avoided) : NULL;
}

/* Manifests last, in packs of their own: small ones, so that little is copied when one of their
 * files is no longer needed. */
static int compare_moves(const void *a, const void *b)
{
    const struct move *left = a, *right = b;
    bool is_left = left->row.kind == PACK_MANIFEST, is_right = right->row.kind == PACK_MANIFEST;
    if (is_left != is_right)
        return is_left ? 1 : -1;
    if (left->pack != right->pack)
        return left->pack < right->pack ? -1 : 1;
    return left->row.offset < right->row.offset ? -1 : left->row.offset > right->row.offset;
}

static bool is_full(const struct move *first, const struct move *next, int64_t bytes)
{
    bool is_other = (first->row.kind == PACK_MANIFEST) != (next->row.kind == PACK_MANIFEST);
    return is_other || bytes + next->row.raw_bytes > DEPOT_PACK_BYTES;
}

FALLIBLE prune_copy(struct pruning *pruning)
{
    struct move_vec *moves = &pruning->moves;
    vec_sort(moves, compare_moves);
    for (size_t from = 0, end; from < moves->len; from = end) {
        int64_t bytes = 0;
        for (end = from; end < moves->len && end - from < DEPOT_PACK_BLOBS; end++) {
            if (end > from && is_full(&moves->at[from], &moves->at[end], bytes))
                break;
            bytes += moves->at[end].row.raw_bytes;
        }
        TRY(signal_check());
        TRY(copy_group(pruning, moves->at + from, end - from));
    }
    return NULL;
}
