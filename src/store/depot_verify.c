/* Reading all that is there, one pack a connection, in memory for one blob each. */
#include "mlops/host/signal.h"
#include "mlops/store/checked.h"

#include <stdlib.h>

#include "depot_private.h"

struct verifying {
    struct depot *depot;
    struct checked checked;
    struct depot_damage *damages; /* of each pack of the catalogue */
    bool *is_read;
};

/* One pack as it comes over the wire. */
struct stream {
    struct depot *depot;
    const struct depot_pack *pack;
    struct pack_row *rows; /* by offset */
    size_t row_count, next;
    int64_t at;       /* in the pack: where `pending` begins */
    int64_t seen;     /* bytes so far */
    struct buf frame; /* what is no blob: the head, the index and the foot */
    struct buf pending;
    struct compressor compressor;
    struct buf raw;
    struct depot_damage *damage;
};

static void stream_drop(struct stream *stream)
{
    buf_drop(&stream->pending);
    buf_drop(&stream->raw);
    buf_drop(&stream->frame);
    compressor_drop(&stream->compressor);
}

/* A manifest has no digest of its own: it is right if its chunks are there and make up its size. In
 * a pack that is about to go, their packs may have gone before. */
static bool is_good_manifest(const struct stream *stream, struct str bytes)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct manifest_chunk_vec chunks = {0};
    struct error *error = manifest_decode(&scratch, bytes, -1, &chunks);
    bool is_good =
        !error && (stream->pack->is_condemned || depot_can_give_all(stream->depot, &chunks));
    error_drop(error);
    return is_good;
}

static FALLIBLE check_row(struct stream *stream, const struct pack_row *row, struct str stored)
{
    struct str bytes = {0};
    bool is_good = false;
    TRY(depot_unpack(&stream->compressor, row, stored, &stream->raw, &bytes, &is_good));
    if (is_good && row->kind == PACK_MANIFEST)
        is_good = is_good_manifest(stream, bytes);
    if (is_good)
        return NULL;
    if (stream->damage->bad_count++ == 0)
        stream->damage->first_bad = row->digest;
    return NULL;
}

/* Drops what lies before the next blob. */
static void move_on(struct stream *stream)
{
    int64_t to = stream->next < stream->row_count ? stream->rows[stream->next].offset : INT64_MAX;
    size_t gone = (size_t)MIN_OF(MAX_OF(to - stream->at, 0), (int64_t)stream->pending.len);
    if (!gone)
        return;
    memmove(stream->pending.at, stream->pending.at + gone, stream->pending.len - gone);
    stream->pending.len -= gone;
    stream->at += (int64_t)gone;
}

static int64_t index_bytes(const struct depot_pack *pack)
{
    return (int64_t)(pack->index.row_count * PACK_ROW_BYTES);
}

static void keep_frame(struct stream *stream, const char *at, size_t len)
{
    int64_t end = stream->seen + (int64_t)len;
    int64_t index_at = stream->pack->bytes - PACK_FOOT_BYTES - index_bytes(stream->pack);
    int64_t head_end = MIN_OF(end, (int64_t)PACK_HEAD_BYTES);
    int64_t from = MAX_OF(stream->seen, index_at);
    if (stream->seen < head_end)
        buf_add(&stream->frame, at, (size_t)(head_end - stream->seen));
    if (from < end)
        buf_add(&stream->frame, at + (from - stream->seen), (size_t)(end - from));
    stream->seen = end;
}

/* The index is known from before: others read the one that is there now. */
static bool is_good_frame(const struct stream *stream)
{
    int64_t offset = 0, bytes = 0, expected = index_bytes(stream->pack);
    struct digest id;
    struct str frame = buf_str(&stream->frame);
    if ((int64_t)frame.len != PACK_HEAD_BYTES + expected + PACK_FOOT_BYTES ||
        !str_starts(frame, STR(PACK_HEAD_MAGIC)))
        return false;
    size_t foot_at = frame.len - PACK_FOOT_BYTES;
    struct error *error = pack_foot_read(str_slice(frame, foot_at, frame.len), stream->pack->bytes,
                                         &offset, &bytes, &id);
    bool is_good = error == NULL && bytes == expected && digest_equal(id, stream->pack->id);
    error_drop(error);
    return is_good &&
           digest_equal(digest_of(frame.at + PACK_HEAD_BYTES, (size_t)expected), stream->pack->id);
}

static FALLIBLE take(void *context, const char *at, size_t len)
{
    struct stream *stream = context;
    keep_frame(stream, at, len);
    buf_add(&stream->pending, at, len);
    depot_tell(stream->depot, (int64_t)len);
    for (size_t from = 0; stream->next < stream->row_count; stream->next++) {
        const struct pack_row *row = &stream->rows[stream->next];
        if (row->offset + row->stored_bytes > stream->at + (int64_t)stream->pending.len)
            break;
        from = (size_t)(row->offset - stream->at);
        TRY(check_row(
            stream, row,
            str_slice(buf_str(&stream->pending), from, from + (size_t)row->stored_bytes)));
    }
    move_on(stream);
    return signal_check();
}

static int compare_offsets(const void *a, const void *b)
{
    const struct pack_row *left = a, *right = b;
    return left->offset < right->offset ? -1 : left->offset > right->offset;
}

/* A pack that is gone by now was removed by a gc: no damage. What did not come is. */
static FALLIBLE read_pack(struct verifying *verifying, size_t i, bool *ret_found)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(depot_line_drop) struct depot_line line = {0};
    const struct depot_pack *pack = &verifying->depot->catalogue.packs.at[i];
    AUTO(stream_drop)
    struct stream stream = {
        .depot = verifying->depot, .pack = pack, .damage = &verifying->damages[i]};
    stream.row_count = pack->index.row_count;
    stream.rows = arena_new_array(&scratch, struct pack_row, stream.row_count + 1);
    for (size_t at = 0; at < stream.row_count; at++)
        stream.rows[at] = pack_index_row(&pack->index, at);
    if (stream.row_count > 1)
        qsort(stream.rows, stream.row_count, sizeof *stream.rows, compare_offsets);
    *stream.damage =
        (struct depot_damage){.pack = pack->id, .blob_count = (int64_t)stream.row_count};
    struct transport_sink sink = {take, &stream};
    TRY(depot_line_take(verifying->depot, &line));
    TRY(connection_read(line.connection, depot_pack_name(&scratch, pack->id),
                        (struct transport_range){0, -1}, &sink, ret_found));
    if (*ret_found && !is_good_frame(&stream))
        *stream.damage = (struct depot_damage){.pack = pack->id, .bad_count = 1};
    if (!*ret_found || stream.next == stream.row_count)
        return NULL;
    stream.damage->first_bad = stream.rows[stream.next].digest;
    stream.damage->bad_count += (int64_t)(stream.row_count - stream.next);
    return NULL;
}

static FALLIBLE check_pack(void *context, size_t i)
{
    struct verifying *verifying = context;
    const struct depot_pack *pack = &verifying->depot->catalogue.packs.at[i];
    bool found = false;
    if (checked_has(&verifying->checked, pack->id))
        return NULL;
    TRY(read_pack(verifying, i, &found));
    AUTO(depot_unlock) struct depot *locked = depot_lock(verifying->depot);
    (void)locked;
    verifying->is_read[i] = found;
    if (!found || verifying->damages[i].bad_count)
        return NULL;
    return checked_add(&verifying->checked, &pack->id, 1);
}

static FALLIBLE check_packs(struct verifying *verifying)
{
    struct depot *depot = verifying->depot;
    int64_t total = 0;
    for (size_t i = 0; i < depot->catalogue.packs.len; i++)
        if (!checked_has(&verifying->checked, depot->catalogue.packs.at[i].id))
            total += depot->catalogue.packs.at[i].bytes;
    depot_begin(depot, total);
    TRY(pool_run(depot->pool, depot->catalogue.packs.len, check_pack, verifying, signal_stops));
    return signal_check();
}

/* What was found before stays known unless it was read again. */
static FALLIBLE remember(const struct verifying *verifying)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct map before = {0}, now = {0};
    struct depot_pack_vec *packs = &verifying->depot->catalogue.packs;
    TRY(depot_read_damaged(verifying->depot, &scratch, &before));
    for (size_t i = 0; i < packs->len; i++) {
        struct str hex = digest_hex(&scratch, packs->at[i].id);
        bool is_bad =
            verifying->is_read[i] ? verifying->damages[i].bad_count > 0 : map_has(&before, hex);
        packs->at[i].is_damaged = is_bad;
        if (is_bad)
            map_put(&scratch, &now, hex, &now);
    }
    return depot_write_damaged(verifying->depot, &now);
}

static void tell(const struct verifying *verifying, struct arena *arena, struct depot_verified *ret)
{
    const struct depot *depot = verifying->depot;
    const struct depot_pack_vec *packs = &depot->catalogue.packs;
    *ret =
        (struct depot_verified){.damages = arena_new_array(arena, struct depot_damage,
                                                           packs->len + depot->unusable.len + 1)};
    for (size_t i = 0; i < packs->len; i++) {
        ret->packs++;
        ret->bytes += packs->at[i].bytes;
        ret->blobs += (int64_t)packs->at[i].index.row_count;
        ret->skipped_packs += checked_has(&verifying->checked, packs->at[i].id);
        if (verifying->is_read[i] && verifying->damages[i].bad_count)
            ret->damages[ret->damage_count++] = verifying->damages[i];
    }
    for (size_t i = 0; i < depot->unusable.len; i++)
        ret->damages[ret->damage_count++] = (struct depot_damage){.pack = depot->unusable.at[i].id};
}

static void verifying_drop(struct verifying *verifying)
{
    checked_drop(&verifying->checked);
}

struct error *depot_verify(struct depot *depot, struct arena *arena, bool afresh,
                           struct depot_verified *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(verifying_drop) struct verifying verifying = {.depot = depot};
    size_t count = depot->catalogue.packs.len + 1;
    verifying.damages = arena_new_array(&scratch, struct depot_damage, count);
    verifying.is_read = arena_new_array(&scratch, bool, count);
    TRY(checked_open(fd_number(depot->known_fd), "verified", afresh, &verifying.checked));
    struct error *error = check_packs(&verifying);
    struct error *other = remember(&verifying);
    if (error) {
        error_drop(other);
        return error;
    }
    TRY(other);
    tell(&verifying, arena, ret);
    return checked_finish(&verifying.checked);
}
