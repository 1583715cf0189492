/* Objects in packs: finding, reading, and what becomes of bad ones. */
#include "mlops/base/buf.h"
#include "mlops/host/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cas_packs_private.h"

/* Behind the digest in the name of what a row of a pack gave; the tag of the pack follows. */
#define SPOILT_MARK ".in-"

/* A pack by its content and its inode: one that is put again is another. */
static void tag_of(const struct cas_pack *pack, char ret[static CAS_NAME_BYTES])
{
    snprintf(ret, CAS_NAME_BYTES, "%.8s-%llx", pack->path + strlen("pack/"),
             (unsigned long long)pack->stat.inode);
}

/* Of a row in the table of those that are bad. */
static struct digest spoilt_key(struct digest digest, struct str tag)
{
    for (size_t i = 0; i < tag.len; i++)
        digest.at[i % sizeof digest.at] ^= (unsigned char)tag.at[i];
    return digest;
}

static bool is_spoilt(const struct cas_packs *packs, const struct cas_pack *pack,
                      struct digest digest)
{
    char tag[CAS_NAME_BYTES];
    uint32_t ignored;
    if (!packs->spoilt.len)
        return false;
    tag_of(pack, tag);
    return cas_table_find(&packs->spoilt, spoilt_key(digest, str_of(tag)), &ignored);
}

static bool take_row(const struct cas_packs *packs, const struct cas_pack *pack,
                     struct pack_row row, struct cas_packed *ret)
{
    if (row.kind != PACK_RAW || is_spoilt(packs, pack, row.digest))
        return false;
    *ret = (struct cas_packed){pack, row};
    return true;
}

static bool find_in_table(const struct cas_packs *packs, struct digest digest,
                          struct cas_packed *ret)
{
    size_t start = slot_start_of(digest.at);
    for (uint32_t i = packs->slot_starts[start]; i < packs->slot_starts[start + 1]; i++) {
        const struct cas_pack *pack = packs->now.at[packs->slots[i].pack];
        const struct pack_index *index = pack_rows(pack->pack);
        const unsigned char *row = index->rows + (size_t)packs->slots[i].row * PACK_ROW_BYTES;
        if (memcmp(row, digest.at, sizeof digest.at) == 0 &&
            take_row(packs, pack, pack_index_row(index, packs->slots[i].row), ret))
            return true;
    }
    return false;
}

FALLIBLE packs_find(const struct cas_packs *packs, struct digest digest, struct cas_packed *ret,
                    bool *ret_found)
{
    *ret_found = packs->slots && find_in_table(packs, digest, ret);
    for (size_t i = 0; i < packs->now.len && !*ret_found; i++) {
        struct cas_pack *pack = packs->now.at[i];
        bool is_loaded = pack_is_loaded(pack->pack);
        struct pack_row row;
        bool found = false;
        if (is_loaded && packs->slots)
            continue;
        TRY(pack_search(pack->pack, digest, &row, &found));
        if (!is_loaded)
            __atomic_fetch_add(&pack->asked, 1, __ATOMIC_RELAXED);
        *ret_found = found && take_row(packs, pack, row, ret);
    }
    return NULL;
}

struct file_stat cas_packed_stat(const struct cas_packed *packed)
{
    struct file_stat stat = packed->pack->stat;
    stat.size_bytes = packed->row.raw_bytes;
    stat.ctime_ns = stat.mtime_ns; /* which a pack keeps when gc rewrites it */
    stat.links = 1;
    return stat;
}

/* --- reading --- */

FALLIBLE cas_packed_open(struct cas *cas, const struct cas_packed *packed, struct fd *ret)
{
    int held = pack_fd(packed->pack->pack);
    int number = held >= 0 ? fcntl(held, F_DUPFD_CLOEXEC, 0)
                           : openat(cas->cache_fd, packed->pack->path, O_RDONLY | O_CLOEXEC);
    if (number < 0 && (held >= 0 || errno != ENOENT))
        return error_os(errno, "cannot open a pack of the store");
    *ret = fd_of(number);
    return number < 0 ? cas_packs_recheck(cas) : NULL;
}

static FALLIBLE read_row(int fd, const struct pack_row *row, char *to, bool *ret_whole)
{
    size_t done = 0, len = (size_t)row->raw_bytes;
    while (done < len) {
        ssize_t got = pread(fd, to + done, len - done, (off_t)row->offset + (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_os(errno, "cannot read a pack of the store");
        if (got == 0)
            break;
        done += (size_t)got;
    }
    *ret_whole = done == len;
    return NULL;
}

/* The pack stays: its other blobs are good. What the row gave is kept under a name that tells other
 * processes not to use it. */
static FALLIBLE spoil(struct cas *cas, const struct cas_packed *packed, struct str bytes)
{
    char hex[DIGEST_HEX_LEN + 1], path[CAS_PATH_BYTES + CAS_NAME_BYTES + 16], tag[CAS_NAME_BYTES];
    tag_of(packed->pack, tag);
    digest_print(packed->row.digest, hex);
    snprintf(path, sizeof path, "quarantine/%s" SPOILT_MARK "%s", hex, tag);
    {
        AUTO(packs_unlock) struct cas_packs *packs = packs_write_lock(cas);
        if (!cas_table_add(&packs->spoilt, spoilt_key(packed->row.digest, str_of(tag)), 0))
            return NULL;
    }
    cas_add_damaged(cas, packed->row.digest);
    struct error *error = file_publish(cas->cache_fd, path, bytes, 0444, false);
    bool may_not = error && (error->system_errno == EROFS || error->system_errno == EACCES ||
                             error->system_errno == EPERM);
    if (!may_not)
        return error;
    error_drop(error); /* it is not used all the same */
    return NULL;
}

FALLIBLE cas_packed_read(struct cas *cas, const struct cas_packed *packed, struct buf *to,
                         bool *ret_good)
{
    AUTO(fd_drop) struct fd opened = {0};
    size_t len = (size_t)packed->row.raw_bytes;
    char *at = buf_reserve(to, len + 1);
    int fd = pack_fd(packed->pack->pack);
    bool is_whole = false;
    *ret_good = false;
    if (fd < 0) {
        TRY(cas_packed_open(cas, packed, &opened));
        fd = fd_number(opened);
    }
    if (fd < 0)
        return NULL;
    TRY(read_row(fd, &packed->row, at, &is_whole));
    *ret_good = is_whole && digest_equal(digest_of(at, len), packed->row.digest);
    if (!*ret_good)
        return spoil(cas, packed, (struct str){at, is_whole ? len : 0});
    to->len += len;
    to->at[to->len] = '\0';
    return NULL;
}

FALLIBLE cas_get_inside(struct cas *cas, struct digest digest, struct buf *to, bool *ret_found)
{
    TRY(cas_small_get(cas, digest, to, ret_found));
    for (int tries = 0; !*ret_found && tries < CAS_TRIES; tries++) {
        struct cas_packed packed;
        bool found = false;
        TRY(cas_packed_find(cas, digest, false, &packed, &found));
        if (!found)
            return NULL;
        TRY(cas_packed_read(cas, &packed, to, ret_found));
    }
    return NULL;
}

/* --- quarantine --- */

/* "HEX.in-TAG" */
static bool parse_warning(struct str name, struct digest *ret_digest, struct str *ret_tag)
{
    struct str mark = STR(SPOILT_MARK), tag = str_slice(name, DIGEST_HEX_LEN, name.len);
    if (!str_starts(tag, mark) || tag.len - mark.len >= CAS_NAME_BYTES ||
        !digest_parse(str_slice(name, 0, DIGEST_HEX_LEN), ret_digest))
        return false;
    *ret_tag = str_slice(tag, mark.len, tag.len);
    return true;
}

static void add_spoilt(void *context, const char *name, uint32_t kind)
{
    struct cas_packs *packs = context;
    struct digest digest;
    struct str tag;
    (void)kind;
    if (parse_warning(str_of(name), &digest, &tag))
        cas_table_add(&packs->spoilt, spoilt_key(digest, tag), 0);
}

struct error *cas_is_warning(struct cas *cas, struct str name, bool *ret)
{
    struct digest digest;
    struct str tag;
    *ret = false;
    if (!parse_warning(name, &digest, &tag))
        return NULL;
    TRY(packs_ready(cas));
    AUTO(packs_unlock) struct cas_packs *packs = packs_read_lock(cas);
    for (size_t i = 0; i < packs->now.len && !*ret; i++) {
        char here[CAS_NAME_BYTES];
        tag_of(packs->now.at[i], here);
        *ret = str_equal(tag, str_of(here));
    }
    return NULL;
}

FALLIBLE spoilt_load(struct cas *cas)
{
    AUTO(fd_drop)
    struct fd fd = fd_of(openat(cas->cache_fd, "quarantine", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    cas_table_drop(&cas->packs.spoilt);
    if (fd_number(fd) < 0 && errno == ENOENT)
        return NULL;
    if (fd_number(fd) < 0)
        return error_os(errno, "cannot open 'quarantine' of the store");
    return walk_names(fd_number(fd), add_spoilt, &cas->packs);
}
