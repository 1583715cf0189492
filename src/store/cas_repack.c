/* Packs that have become holey or too many, made anew. */
#include "mlops/base/buf.h"
#include "mlops/base/moment.h"
#include "mlops/host/signal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cas_packs_private.h"

enum {
    SMALL_PACKS_MOST = 20, /* beyond, they are made one */
    SMALL_PACK_BYTES = 16777216,
    CHEAP_BYTES = 67108864, /* written again for the sake of however little */
    HOLEY_PART = 8,         /* more of a large pack has to be dead than one of so many parts */
};

/* --- repacking --- */

/* The pack being made out of others. */
struct repacking {
    struct cas *cas;
    struct fd fd;
    char name[CAS_NAME_BYTES]; /* "": there is none */
    struct pack_writer writer;
    int64_t newest_ns;     /* of the packs that it is made of */
    int64_t written_bytes; /* of packs already published */
};

static void repacking_drop(struct repacking *repacking)
{
    if (repacking->name[0])
        unlinkat(fd_number(repacking->cas->temp.fd), repacking->name, 0);
    pack_writer_drop(&repacking->writer);
    fd_drop(&repacking->fd);
}

static FALLIBLE repacking_begin(struct repacking *repacking)
{
    struct cas *cas = repacking->cas;
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    TRY(cas_temp_name(locked, repacking->name));
    int flags = O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC;
    repacking->fd = fd_of(openat(fd_number(locked->temp.fd), repacking->name, flags, 0600));
    if (fd_number(repacking->fd) < 0)
        return error_os(errno, "cannot make a file in the store '%.*s'",
                        STR_FMT(cas->workspace->cache));
    pack_writer_open(&repacking->writer, fd_number(repacking->fd), "a pack");
    return NULL;
}

/* The objects are as old as they were. */
static FALLIBLE repacking_publish(struct repacking *repacking)
{
    struct digest id;
    struct timespec times[2] = {
        {.tv_nsec = UTIME_OMIT},
        {.tv_sec = repacking->newest_ns / NS_PER_S, .tv_nsec = repacking->newest_ns % NS_PER_S}};
    if (!repacking->name[0])
        return NULL;
    TRY(pack_writer_finish(&repacking->writer, &id));
    if (futimens(fd_number(repacking->fd), times) != 0)
        return error_os(errno, "cannot set the time of a pack");
    TRY(cas_pack_publish(repacking->cas, fd_number(repacking->fd), repacking->name, id));
    repacking->written_bytes += repacking->writer.bytes;
    repacking->name[0] = '\0';
    pack_writer_drop(&repacking->writer);
    fd_drop(&repacking->fd);
    return NULL;
}

static FALLIBLE repack_row(struct repacking *repacking, const struct cas_packed *packed)
{
    AUTO(buf_drop) struct buf bytes = {0};
    bool is_good = false;
    TRY(signal_check());
    TRY(cas_packed_read(repacking->cas, packed, &bytes, &is_good));
    if (!is_good)
        return NULL; /* set aside */
    if (repacking->name[0] && repacking->writer.bytes + packed->row.raw_bytes > CAS_PACK_BYTES)
        TRY(repacking_publish(repacking));
    if (!repacking->name[0])
        TRY(repacking_begin(repacking));
    return pack_writer_add(&repacking->writer, packed->row.digest, PACK_RAW, buf_str(&bytes),
                           packed->row.raw_bytes);
}

static int compare_offsets(const void *a, const void *b)
{
    const struct pack_row *left = a, *right = b;
    return left->offset < right->offset ? -1 : left->offset > right->offset;
}

/* What of a pack is needed, in the order in which it lies there. */
static FALLIBLE list_live(struct cas *cas, const struct cas_table *dead,
                          const struct cas_pack *pack, struct arena *arena,
                          struct pack_row_vec *ret, int64_t *ret_bytes)
{
    const struct pack_index *index = pack_rows(pack->pack);
    *ret_bytes = 0;
    for (size_t i = 0; i < index->row_count; i++) {
        struct pack_row row = pack_index_row(index, i);
        uint32_t ignored;
        bool is_live = false;
        if (!cas_table_find(dead, row.digest, &ignored))
            TRY(packs_row_is_used(cas, pack, &row, &is_live));
        if (!is_live)
            continue;
        *vec_push(arena, ret) = row;
        *ret_bytes += row.stored_bytes;
    }
    vec_sort(ret, compare_offsets);
    return NULL;
}

static FALLIBLE repack(struct repacking *repacking, const struct cas_pack *pack)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct pack_row_vec rows = {0};
    int64_t bytes = 0;
    TRY(list_live(repacking->cas, &repacking->cas->dead, pack, &scratch, &rows, &bytes));
    repacking->newest_ns = MAX_OF(repacking->newest_ns, pack->stat.mtime_ns);
    vec_each (const struct pack_row, row, &rows) {
        struct cas_packed packed = {pack, *row};
        TRY(repack_row(repacking, &packed));
    }
    return NULL;
}

FALLIBLE packs_is_holey(struct cas *cas, const struct cas_table *dead, const struct cas_pack *pack,
                        bool *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct pack_row_vec rows = {0};
    int64_t live = 0, bytes = pack->stat.size_bytes;
    TRY(list_live(cas, dead, pack, &scratch, &rows, &live));
    *ret = rows.len < pack_rows(pack->pack)->row_count &&
           (live <= CHEAP_BYTES || live <= bytes - bytes / HOLEY_PART);
    return NULL;
}

/* A pack with nothing dead in it only if there are too many small ones. */
static FALLIBLE is_worth(struct cas *cas, const struct cas_pack *pack, bool are_many, bool *ret)
{
    *ret = are_many && pack->stat.size_bytes < SMALL_PACK_BYTES;
    return *ret ? NULL : packs_is_holey(cas, &cas->dead, pack, ret);
}

static FALLIBLE choose(struct cas *cas, struct arena *arena, struct cas_pack_vec *ret)
{
    struct cas_pack_vec now = {0};
    size_t small_count = 0;
    TRY(packs_list_now(cas, arena, &now));
    for (size_t i = 0; i < now.len; i++)
        small_count += now.at[i]->stat.size_bytes < SMALL_PACK_BYTES;
    for (size_t i = 0; i < now.len; i++) {
        bool is_chosen = false;
        TRY(signal_check());
        TRY(is_worth(cas, now.at[i], small_count > SMALL_PACKS_MOST, &is_chosen));
        if (is_chosen)
            *vec_push(arena, ret) = now.at[i];
    }
    return NULL;
}

/* A new pack may have taken the name. */
static FALLIBLE remove_pack(struct cas *cas, const struct cas_pack *pack)
{
    struct file_stat stat;
    bool found = false;
    TRY(file_stat_at(cas->cache_fd, pack->path, false, &stat, &found));
    if (!found || stat.inode != pack->stat.inode)
        return NULL;
    if (unlinkat(cas->cache_fd, pack->path, 0) != 0 && errno != ENOENT)
        return error_os(errno, "cannot remove a pack of the store");
    return NULL;
}

static FALLIBLE remove_packs(struct cas *cas, const struct cas_pack_vec *packs, int64_t *ret_bytes)
{
    for (size_t i = 0; i < packs->len; i++) {
        TRY(remove_pack(cas, packs->at[i]));
        *ret_bytes += packs->at[i]->stat.size_bytes;
    }
    return NULL;
}

static FALLIBLE is_dead(struct cas *cas, const struct cas_pack *pack, bool *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct pack_row_vec rows = {0};
    int64_t live = 0;
    TRY(list_live(cas, &cas->dead, pack, &scratch, &rows, &live));
    *ret = rows.len == 0;
    return NULL;
}

/* Those that hold nothing needed need no room to go: on a full disk they make it. */
static FALLIBLE remove_dead(struct cas *cas, struct arena *arena, struct cas_pack_vec *chosen,
                            int64_t *ret_bytes)
{
    struct cas_pack_vec dead = {0}, left = {0};
    for (size_t i = 0; i < chosen->len; i++) {
        bool has_none = false;
        TRY(is_dead(cas, chosen->at[i], &has_none));
        *vec_push(arena, has_none ? &dead : &left) = chosen->at[i];
    }
    *chosen = left;
    return remove_packs(cas, &dead, ret_bytes);
}

static FALLIBLE repack_all(struct repacking *repacking, const struct cas_pack_vec *chosen,
                           int64_t *ret_bytes)
{
    struct cas *cas = repacking->cas;
    for (size_t i = 0; i < chosen->len; i++)
        TRY(repack(repacking, chosen->at[i]));
    TRY(repacking_publish(repacking));
    if (cas->is_durable)
        TRY(directory_sync(cas->cache_fd, "pack"));
    TRY(remove_packs(cas, chosen, ret_bytes));
    *ret_bytes -= repacking->written_bytes;
    return NULL;
}

/* Old packs go when what is needed of them has another name that survives a power cut. */
FALLIBLE cas_repack(struct cas *cas, int64_t *ret_bytes)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(repacking_drop) struct repacking repacking = {.cas = cas};
    struct cas_pack_vec chosen = {0};
    TRY(choose(cas, &scratch, &chosen));
    if (!chosen.len)
        return NULL;
    TRY(remove_dead(cas, &scratch, &chosen, ret_bytes));
    TRY_WITHIN(repack_all(&repacking, &chosen, ret_bytes),
               "cannot make packs anew without what is needed no more");
    cas_table_drop(&cas->dead);
    return cas_packs_recheck(cas);
}
