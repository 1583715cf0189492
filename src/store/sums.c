#include "mlops/store/sums.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/map.h"
#include "mlops/base/vec.h"

#include <endian.h>
#include <stdio.h>

/* The index keeps eight blobs of a kind. */
enum { SHARDS = 8, SHARD_NAME_BYTES = 4, TEXT_HEAD_BYTES = 512 };
#define KIND STR("sums1")

VEC(row_vec, struct sums_row *);

/* Rows in memory are as in the index, a shard for the first three bits of the SHA-256. */
struct sums {
    struct arena *arena;
    struct index *index;
    struct row_vec shards[SHARDS];
    bool is_dirty[SHARDS];
    struct map by_digest, by_md5, by_text_md5; /* keys lie in the rows */
};

static struct str digest_key(const struct digest *digest)
{
    return (struct str){(const char *)digest->at, sizeof digest->at};
}

static struct str md5_key(const struct md5 *md5)
{
    return (struct str){(const char *)md5->at, sizeof md5->at};
}

static size_t shard_of(const struct sums_row *row)
{
    return row->digest.at[0] >> 5;
}

static void insert(struct sums *sums, const struct sums_row *from)
{
    struct sums_row *row = arena_new(sums->arena, struct sums_row);
    *row = *from;
    *vec_push(sums->arena, &sums->shards[shard_of(row)]) = row;
    map_put(sums->arena, &sums->by_digest, digest_key(&row->digest), row);
    map_put(sums->arena, &sums->by_md5, md5_key(&row->md5), row);
    map_put(sums->arena, &sums->by_text_md5, md5_key(&row->text_md5), row);
}

/* A stored row: both digests, and the size in little endian. */
struct packed_row {
    struct digest digest;
    struct md5 md5, text_md5;
    uint64_t size_bytes;
};

_Static_assert(sizeof(struct packed_row) == 72, "the layout is a format");

static void load_shard(struct sums *sums, const char *name)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str blob;
    if (!index_blob(sums->index, &scratch, KIND, str_of(name), &blob))
        return;
    for (size_t at = 0; at + sizeof(struct packed_row) <= blob.len;
         at += sizeof(struct packed_row)) {
        struct packed_row packed;
        memcpy(&packed, blob.at + at, sizeof packed);
        struct sums_row row = {.digest = packed.digest,
                               .md5 = packed.md5,
                               .text_md5 = packed.text_md5,
                               .size_bytes = (int64_t)le64toh(packed.size_bytes)};
        insert(sums, &row);
    }
}

static void shard_name(int shard, char ret[static SHARD_NAME_BYTES])
{
    snprintf(ret, SHARD_NAME_BYTES, "%d", shard & 7);
}

struct sums *sums_open(struct arena *arena, struct index *index)
{
    struct sums *sums = arena_new(arena, struct sums);
    *sums = (struct sums){.arena = arena, .index = index};
    for (int i = 0; i < SHARDS; i++) {
        char name[SHARD_NAME_BYTES];
        shard_name(i, name);
        load_shard(sums, name);
    }
    return sums;
}

static void save_shard(struct sums *sums, int shard)
{
    AUTO(buf_drop) struct buf blob = {0};
    char name[SHARD_NAME_BYTES];
    for (size_t i = 0; i < sums->shards[shard].len; i++) {
        const struct sums_row *row = sums->shards[shard].at[i];
        struct packed_row packed = {.digest = row->digest,
                                    .md5 = row->md5,
                                    .text_md5 = row->text_md5,
                                    .size_bytes = htole64((uint64_t)row->size_bytes)};
        buf_add(&blob, &packed, sizeof packed);
    }
    shard_name(shard, name);
    index_set_blob(sums->index, KIND, str_of(name), buf_str(&blob));
}

void sums_save(struct sums *sums)
{
    for (int i = 0; i < SHARDS; i++) {
        if (sums->is_dirty[i])
            save_shard(sums, i);
        sums->is_dirty[i] = false;
    }
}

void sums_add(struct sums *sums, const struct sums_row *row)
{
    if (sums_of(sums, row->digest))
        return;
    insert(sums, row);
    sums->is_dirty[shard_of(row)] = true;
}

const struct sums_row *sums_of(const struct sums *sums, struct digest digest)
{
    return map_get(&sums->by_digest, digest_key(&digest));
}

const struct sums_row *sums_by_md5(const struct sums *sums, struct md5 md5, bool is_text_md5)
{
    return map_get(is_text_md5 ? &sums->by_text_md5 : &sums->by_md5, md5_key(&md5));
}

/* --- hashing --- */

/* As DVC does (dvc_data, istextfile.py): no NUL and at most 30 % of other bytes than these in the
 * first 512. */
static bool looks_like_text(const char *at, size_t len)
{
    size_t others = 0, head = MIN_OF(len, (size_t)TEXT_HEAD_BYTES);
    for (size_t i = 0; i < head; i++) {
        unsigned char c = (unsigned char)at[i];
        if (c == '\0')
            return false;
        bool is_text =
            (c >= ' ' && c < 127) || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == '\b';
        others += !is_text;
    }
    return others * 10 <= head * 3;
}

static bool has_crlf(const char *at, size_t len)
{
    return str_find((struct str){at, len}, STR("\r\n")) >= 0;
}

/* Everything but the CR of CRLF. */
static void add_unix_lines(struct md5_hasher *hasher, const char *at, size_t len)
{
    size_t from = 0;
    for (;;) {
        ptrdiff_t found = str_find((struct str){at + from, len - from}, STR("\r\n"));
        if (found < 0)
            break;
        md5_hasher_add(hasher, at + from, (size_t)found);
        from += (size_t)found + 1;
    }
    md5_hasher_add(hasher, at + from, len - from);
}

static void open_tap(struct sums_tap *tap)
{
    if (tap->is_open)
        return;
    md5_hasher_open(&tap->plain);
    md5_hasher_open(&tap->text);
    tap->is_open = true;
}

void sums_tap_add(struct sums_tap *tap, const char *at, size_t len)
{
    open_tap(tap);
    bool has_ends = memchr(at, '\r', len) && looks_like_text(at, len) && has_crlf(at, len);
    if (has_ends && !tap->has_text) {
        md5_hasher_copy(&tap->text, &tap->plain);
        tap->has_text = true;
    }
    if (has_ends)
        add_unix_lines(&tap->text, at, len);
    else if (tap->has_text)
        md5_hasher_add(&tap->text, at, len);
    md5_hasher_add(&tap->plain, at, len);
}

void sums_tap_restart(struct sums_tap *tap)
{
    open_tap(tap);
    (void)md5_hasher_finish(&tap->plain);
    if (tap->has_text)
        (void)md5_hasher_finish(&tap->text);
    tap->has_text = false;
}

void sums_tap_finish(struct sums_tap *tap, struct sums_row *row)
{
    open_tap(tap);
    row->md5 = row->text_md5 = md5_hasher_finish(&tap->plain);
    if (tap->has_text)
        row->text_md5 = md5_hasher_finish(&tap->text);
    tap->has_text = false;
}

void sums_tap_drop(struct sums_tap *tap)
{
    if (!tap->is_open)
        return;
    md5_hasher_drop(&tap->plain);
    md5_hasher_drop(&tap->text);
    tap->is_open = false;
}
