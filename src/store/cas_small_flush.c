/* Publishing small objects: a few become files of their own, more become packs. */
#include "mlops/base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cas_private.h"

static FALLIBLE make_loose(struct cas *cas, struct digest digest)
{
    AUTO(cas_temp_drop) struct cas_temp temp = {0};
    AUTO(buf_drop) struct buf bytes = {0};
    bool found = false;
    TRY(cas_small_get(cas, digest, &bytes, &found));
    TRY(cas_temp_open(cas, &temp));
    TRY(file_write(fd_number(temp.fd), bytes.at, bytes.len, "an object"));
    return cas_temp_keep(&temp, digest, (int64_t)bytes.len);
}

static struct pack_row row_of(void *context, uint32_t number)
{
    const struct cas_smalls *smalls = context;
    const struct cas_small *small = &smalls->rows[number];
    return (struct pack_row){.digest = smalls->by_digest.entries[number].digest,
                             .offset = smalls->chunks.at[small->chunk]->offset + small->at,
                             .stored_bytes = small->len,
                             .raw_bytes = small->len,
                             .kind = PACK_RAW};
}

/* Of millions of rows their numbers are sorted, and no row is made before it is written. */
static FALLIBLE write_index(struct cas *cas, struct cas_packing *packing, struct digest *ret_id)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct cas_smalls *smalls = &cas->smalls;
    struct pack_row_source rows = {.row = row_of, .context = smalls};
    static const char head[PACK_HEAD_BYTES + 1] = PACK_HEAD_MAGIC;
    rows.numbers = arena_new_array(&scratch, uint32_t, smalls->by_digest.len);
    for (size_t i = 0; i < smalls->by_digest.len; i++)
        if (smalls->chunks.at[smalls->rows[i].chunk]->packing == packing)
            rows.numbers[rows.count++] = (uint32_t)i;
    if (pwrite(fd_number(packing->fd), head, PACK_HEAD_BYTES, 0) != PACK_HEAD_BYTES)
        return error_os(errno, "cannot write a pack");
    return pack_index_write(fd_number(packing->fd), "a pack", &rows, packing->bytes, ret_id);
}

/* A pack of this name has the same index, but perhaps not the bytes any more: ours are good. */
FALLIBLE cas_pack_publish(struct cas *cas, int fd, const char *name, struct digest id)
{
    char hex[DIGEST_HEX_LEN + 1], path[CAS_PACK_PATH_BYTES];
    digest_print(id, hex);
    snprintf(path, sizeof path, "pack/%s.pack", hex);
    if (fchmod(fd, 0444) != 0)
        return error_os(errno, "cannot set the mode of a pack");
    if (cas->is_durable)
        TRY(file_sync(fd, "a pack"));
    if (renameat(fd_number(cas->temp.fd), name, cas->cache_fd, path) == 0)
        return NULL;
    if (errno == ENOENT) {
        TRY(directory_make(cas->cache_fd, "pack", cas->is_durable));
        if (renameat(fd_number(cas->temp.fd), name, cas->cache_fd, path) == 0)
            return NULL;
    }
    return error_os(errno, "cannot publish a pack in the store '%.*s'",
                    STR_FMT(cas->workspace->cache));
}

static FALLIBLE publish_packing(struct cas *cas, struct cas_packing *packing)
{
    struct digest id;
    TRY(write_index(cas, packing, &id));
    TRY(cas_pack_publish(cas, fd_number(packing->fd), packing->name, id));
    packing->name[0] = '\0';
    return NULL;
}

/* The first chunk that was full went to a file: then it is a pack whatever the number. */
FALLIBLE cas_smalls_settle(struct cas *cas)
{
    struct cas_smalls *smalls = &cas->smalls;
    size_t count = smalls->by_digest.len;
    bool are_few = count <= CAS_LOOSE_MOST && !smalls->packings.len;
    if (!count)
        return NULL;
    for (size_t i = 0; are_few && i < count; i++)
        TRY(make_loose(cas, smalls->by_digest.entries[i].digest));
    smalls->are_packed = !are_few;
    for (size_t i = 0; !are_few && i < smalls->chunks.len; i++)
        if (!smalls->chunks.at[i]->packing && smalls->chunks.at[i]->len)
            TRY(cas_chunk_write(cas, smalls->chunks.at[i]));
    return NULL;
}

FALLIBLE cas_smalls_publish(struct cas *cas)
{
    struct cas_smalls *smalls = &cas->smalls;
    if (!smalls->are_packed)
        return NULL;
    for (size_t i = 0; i < smalls->packings.len; i++)
        TRY(publish_packing(cas, smalls->packings.at[i]));
    if (cas->is_durable)
        TRY(directory_sync(cas->cache_fd, "pack"));
    return cas_packs_recheck(cas);
}
