/* What the remote lacks goes into packs, which are made in memory and written whole. The same
 * missing things give the same packs, so an interrupted push goes on where it was. */
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "depot_private.h"

/* --- one pack --- */

/* Parcels first..end of a list make one pack. */
struct load {
    size_t first, end;
};
VEC(load_vec, struct load);

struct sending {
    struct depot *depot;
    const struct parcel_vec *parcels;
    struct load_vec loads;
};

/* The object that parcels are read from; neighbours mostly come from one. */
struct bench {
    struct depot *depot;
    struct digest source;
    struct cas_source open;
    struct buf raw, packed;
    struct compressor compressor;
};

static void bench_drop(struct bench *bench)
{
    cas_source_drop(&bench->open);
    buf_drop(&bench->raw);
    buf_drop(&bench->packed);
    compressor_drop(&bench->compressor);
}

static FALLIBLE open_source(struct bench *bench, const struct parcel *parcel)
{
    bool found = false;
    if (bench->open.fd.number_plus_one && digest_equal(bench->source, parcel->source))
        return NULL;
    cas_source_drop(&bench->open);
    bench->open = (struct cas_source){0};
    TRY(cas_open_for_reading(bench->depot->cas, parcel->source, &bench->open, &found));
    bench->source = parcel->source;
    return found ? NULL : error_new(ERROR_STORED, "an object went away while it was sent");
}

FALLIBLE depot_read_exactly(int fd, char *to, int64_t len, int64_t offset)
{
    int64_t done = 0;
    while (done < len) {
        ssize_t got = pread(fd, to + done, (size_t)(len - done), (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_os(errno, "cannot read an object");
        if (got == 0)
            return error_new(ERROR_STORED, "an object is shorter than it was");
        done += got;
    }
    return NULL;
}

/* Never sent unless the bytes are what their name says: others would take them for it. */
static FALLIBLE read_parcel(struct bench *bench, const struct parcel *parcel, struct str *ret)
{
    if (digest_is_zero(parcel->source)) {
        *ret = parcel->bytes;
        return NULL;
    }
    TRY(open_source(bench, parcel));
    buf_clear(&bench->raw);
    char *to = buf_reserve(&bench->raw, (size_t)parcel->size_bytes + 1);
    TRY(depot_read_exactly(fd_number(bench->open.fd), to, parcel->size_bytes,
                           bench->open.offset + parcel->offset));
    *ret = (struct str){to, (size_t)parcel->size_bytes};
    if (digest_equal(digest_of(ret->at, ret->len), parcel->digest))
        return NULL;
    return error_hint(error_new(ERROR_STORED, "a damaged object in the store was not sent"),
                      "'mlops verify' names it");
}

static FALLIBLE add_parcel(struct bench *bench, struct pack_writer *writer,
                           const struct parcel *parcel)
{
    struct str raw = {0};
    TRY(read_parcel(bench, parcel, &raw));
    depot_tell(bench->depot, digest_is_zero(parcel->source) ? 0 : parcel->size_bytes);
    int64_t raw_bytes = (int64_t)raw.len;
    if (digest_is_zero(parcel->source))
        return pack_writer_add(writer, parcel->digest, PACK_MANIFEST, raw, raw_bytes);
    if (compress_bytes(&bench->compressor, raw, &bench->packed))
        return pack_writer_add(writer, parcel->digest, PACK_ZSTD, buf_str(&bench->packed),
                               raw_bytes);
    return pack_writer_add(writer, parcel->digest, PACK_RAW, raw, raw_bytes);
}

/* The pack as it was written becomes part of the catalogue. */
static FALLIBLE note_pack(struct depot *depot, struct str bytes, struct digest id)
{
    struct depot_pack pack = {.id = id, .bytes = (int64_t)bytes.len};
    int64_t offset = 0, index_bytes = 0;
    struct digest found;
    struct str foot = str_slice(bytes, bytes.len - PACK_FOOT_BYTES, bytes.len);
    TRY(pack_foot_read(foot, pack.bytes, &offset, &index_bytes, &found));
    pack.index_bytes = memory_grow(NULL, (size_t)index_bytes + 1);
    memcpy(pack.index_bytes, bytes.at + offset, (size_t)index_bytes);
    struct str index = {pack.index_bytes, (size_t)index_bytes};
    struct error *error = pack_index_read(index, pack.bytes, id, &pack.index);
    if (error) {
        free(pack.index_bytes);
        return error;
    }
    depot_keep_index(depot, &pack);
    AUTO(depot_unlock) struct depot *locked = depot_lock(depot);
    catalogue_add(&locked->catalogue, &pack);
    locked->lists_changed = true;
    locked->counts.packs++;
    locked->counts.sent_bytes += pack.bytes;
    return NULL;
}

static FALLIBLE write_pack(struct depot *depot, struct str bytes, struct digest id,
                           bool *ret_avoided)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(depot_line_drop) struct depot_line line = {0};
    *ret_avoided = map_get(&depot->avoided, digest_hex(&scratch, id)) != NULL;
    if (*ret_avoided)
        return NULL;
    struct transport_source source = {
        .bytes = bytes, .fd = -1, .digest = digest_of(bytes.at, bytes.len)};
    struct str name = str_print(&scratch, "pack/%.*s", STR_FMT(digest_hex(&scratch, id)));
    TRY(depot_line_take(depot, &line));
    return connection_write(line.connection, name, &source, WRITE_NEW, NULL);
}

FALLIBLE depot_write_pack(struct depot *depot, struct pack_writer *writer, bool *ret_avoided)
{
    struct digest id;
    TRY(pack_writer_finish(writer, &id));
    TRY(write_pack(depot, buf_str(&writer->pending), id, ret_avoided));
    return *ret_avoided ? NULL : note_pack(depot, buf_str(&writer->pending), id);
}

FALLIBLE depot_add_salt(struct pack_writer *writer)
{
    char salt[16];
    random_bytes(salt, sizeof salt);
    struct str bytes = {salt, sizeof salt};
    return pack_writer_add(writer, digest_of(salt, sizeof salt), PACK_RAW, bytes, sizeof salt);
}

static FALLIBLE try_load(struct sending *sending, size_t i, bool is_salted, bool *ret_avoided)
{
    AUTO(bench_drop) struct bench bench = {.depot = sending->depot};
    AUTO(pack_writer_drop) struct pack_writer writer = {0};
    pack_writer_open(&writer, -1, "a pack");
    if (is_salted)
        TRY(depot_add_salt(&writer));
    for (size_t at = sending->loads.at[i].first; at < sending->loads.at[i].end; at++) {
        TRY(signal_check());
        TRY(add_parcel(&bench, &writer, &sending->parcels->at[at]));
    }
    return depot_write_pack(sending->depot, &writer, ret_avoided);
}

/* The same blobs give the same pack. Where that name is condemned it would be taken for sent and be
 * removed soon after. */
static FALLIBLE send_load(void *context, size_t i)
{
    bool is_avoided = false;
    TRY(try_load(context, i, false, &is_avoided));
    return is_avoided ? try_load(context, i, true, &is_avoided) : NULL;
}

/* --- all of them --- */

static void make_loads(struct arena *arena, const struct parcel_vec *parcels,
                       struct load_vec *loads)
{
    int64_t bytes = 0;
    struct load *load = NULL;
    for (size_t i = 0; i < parcels->len; i++) {
        bool is_full = load && (bytes + parcels->at[i].size_bytes > DEPOT_PACK_BYTES ||
                                i - load->first >= DEPOT_PACK_BLOBS);
        if (!load || is_full) {
            load = vec_push(arena, loads);
            load->first = i;
            bytes = 0;
        }
        bytes += parcels->at[i].size_bytes;
        load->end = i + 1;
    }
}

FALLIBLE depot_send(struct depot *depot, const struct parcel_vec *parcels, bool is_ordered)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct sending sending = {.depot = depot, .parcels = parcels};
    int64_t bytes = 0;
    vec_each (const struct parcel, parcel, parcels)
        bytes += digest_is_zero(parcel->source) ? 0 : parcel->size_bytes;
    depot_begin(depot, bytes);
    make_loads(&scratch, parcels, &sending.loads);
    if (!is_ordered)
        TRY(pool_run(depot->pool, sending.loads.len, send_load, &sending, signal_stops));
    for (size_t i = 0; is_ordered && i < sending.loads.len; i++)
        TRY(send_load(&sending, i));
    return signal_check();
}

/* What is the same is sent once. */
static bool is_new(struct arena *arena, struct map *known, const struct digest *digest)
{
    struct str key = {(const char *)digest->at, sizeof digest->at};
    if (map_get(known, key))
        return false;
    map_put(arena, known, str_copy(arena, key), known);
    return true;
}

static FALLIBLE add_want(struct depot *depot, struct arena *arena, const struct depot_want *want,
                         struct map *known, struct parcel_vec *parcels, bool *ret_found)
{
    *ret_found = true;
    if (depot_has(depot, want->digest) || !is_new(arena, known, &want->digest))
        return NULL;
    if (want->size_bytes > PACK_BLOB_MOST)
        TRY(depot_cut(depot, arena, want, known, parcels, ret_found));
    else
        TRY(cas_has(depot->cas, want->digest, ret_found));
    if (!*ret_found)
        return NULL;
    depot->counts.objects++;
    depot->counts.bytes += want->size_bytes;
    if (want->size_bytes <= PACK_BLOB_MOST)
        *vec_push(arena, parcels) = (struct parcel){
            .digest = want->digest, .source = want->digest, .size_bytes = want->size_bytes};
    return NULL;
}

static FALLIBLE gather(struct depot *depot, struct arena *arena, const struct depot_want *want,
                       struct map *known, struct parcel_vec *parcels,
                       struct depot_want_vec *ret_missing)
{
    bool found = false;
    TRY(signal_check());
    TRY(add_want(depot, arena, want, known, parcels, &found));
    if (!found)
        *vec_push(arena, ret_missing) = *want;
    return NULL;
}

/* The chunks of a large file may have gone before its manifest. */
static FALLIBLE check_large(struct depot *depot, const struct depot_want *wants, size_t count)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct digest *large = arena_new_array(&scratch, struct digest, count + 1);
    size_t large_count = 0;
    for (size_t i = 0; i < count; i++)
        if (wants[i].size_bytes > PACK_BLOB_MOST)
            large[large_count++] = wants[i].digest;
    return depot_check_files(depot, large, large_count);
}

/* Many large files are not all cut before the first is sent. */
enum { GATHER_BYTES = 1 << 30 };

struct error *depot_push(struct depot *depot, struct arena *arena, const struct depot_want *wants,
                         size_t count, struct depot_want_vec *ret_missing)
{
    TRY(check_large(depot, wants, count));
    for (size_t from = 0; from < count;) {
        AUTO(arena_drop) struct arena scratch = {0};
        struct parcel_vec parcels = {0};
        struct depot_want_vec missing = {0};
        struct map known = {0};
        int64_t bytes = 0;
        for (; from < count && bytes < GATHER_BYTES; from++) {
            bytes += wants[from].size_bytes;
            TRY(gather(depot, &scratch, &wants[from], &known, &parcels, &missing));
        }
        TRY(depot_send(depot, &parcels, false));
        vec_each (struct depot_want, want, &missing)
            *vec_push(arena, ret_missing) = *want;
    }
    return NULL;
}

static void add_manifests(struct depot *depot, struct arena *arena, struct parcel_vec *parcels)
{
    vec_each (struct held_manifest, manifest, &depot->manifests)
        *vec_push(arena, parcels) = (struct parcel){.digest = manifest->file,
                                                    .size_bytes = (int64_t)manifest->bytes.len,
                                                    .bytes = manifest->bytes};
    depot->manifests = (struct held_manifest_vec){0};
}

/* A large tree is chunks and a manifest, too: they take its place in the order. */
struct error *depot_push_names(struct depot *depot, struct arena *arena,
                               const struct depot_want *trees, size_t count,
                               struct depot_want_vec *ret_missing)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct parcel_vec parcels = {0};
    struct depot_want_vec missing = {0};
    struct map known = {0};
    TRY(check_large(depot, trees, count));
    add_manifests(depot, &scratch, &parcels);
    for (size_t i = 0; i < count; i++) {
        TRY(gather(depot, &scratch, &trees[i], &known, &parcels, &missing));
        add_manifests(depot, &scratch, &parcels);
    }
    TRY(depot_send(depot, &parcels, true));
    vec_each (struct depot_want, want, &missing)
        *vec_push(arena, ret_missing) = *want;
    return NULL;
}
