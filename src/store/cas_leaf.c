/* Digests of the parts of large objects: docs/formats.md, "Leaf lists". */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/canon.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cas_private.h"

enum { LIST_BYTES_MOST = 64 << 20 }; /* of an object of 16 TiB, as much as ext4 has */

size_t cas_leaf_count(int64_t size_bytes)
{
    if (size_bytes < CAS_LEAVES_LEAST_BYTES)
        return 0;
    return (size_t)((size_bytes + CAS_LEAF_BYTES - 1) / CAS_LEAF_BYTES);
}

FALLIBLE cas_hash_leaf(int fd, int64_t size_bytes, size_t index, char *buffer, struct digest *ret,
                       bool *ret_whole)
{
    AUTO(hasher_drop) struct hasher hasher = {0};
    int64_t at = (int64_t)index * CAS_LEAF_BYTES;
    int64_t end = MIN_OF(at + CAS_LEAF_BYTES, size_bytes);
    hasher_open(&hasher);
    while (at < end) {
        size_t wanted = (size_t)MIN_OF(end - at, (int64_t)CAS_LEAF_BUFFER_BYTES);
        ssize_t got = pread(fd, buffer, wanted, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_os(errno, "cannot read a part of a large file");
        if (got == 0)
            break;
        hasher_add(&hasher, buffer, (size_t)got);
        at += got;
    }
    *ret_whole = at == end;
    *ret = hasher_finish(&hasher);
    return NULL;
}

struct error *cas_open_unchecked(struct cas *cas, struct digest digest, struct fd *ret,
                                 struct file_stat *ret_stat, bool *ret_found)
{
    char path[CAS_PATH_BYTES];
    cas_path(digest, path);
    struct error *error = file_open_seen(cas->cache_fd, path, ret, ret_stat);
    *ret_found = !error;
    if (!error || error->system_errno != ENOENT)
        return error;
    error_drop(error);
    return NULL;
}

static void leaf_path(struct digest digest, char ret_path[static CAS_PATH_BYTES])
{
    char hex[DIGEST_HEX_LEN + 1];
    digest_print(digest, hex);
    snprintf(ret_path, CAS_PATH_BYTES, "leaf/%.2s/%s", hex, hex + 2);
}

static void encode(struct digest digest, int64_t size_bytes, const struct digest *leaves,
                   struct buf *to)
{
    size_t count = cas_leaf_count(size_bytes);
    canon_str(to, STR("mlops.leaf.1"));
    canon_digest(to, digest);
    canon_int(to, size_bytes);
    canon_int(to, CAS_LEAF_BYTES);
    canon_list(to, count);
    for (size_t i = 0; i < count; i++)
        canon_digest(to, leaves[i]);
    canon_digest(to, digest_of(to->at, to->len));
}

/* Each part by its own reader; what does not agree fails. */
static FALLIBLE decode(struct arena *arena, struct str bytes, struct digest digest,
                       int64_t size_bytes, const struct digest **ret)
{
    struct canon_reader reader = canon_reader_of(bytes);
    struct digest named, sum;
    int64_t size = 0, leaf = 0;
    size_t count = 0;
    TRY(canon_expect_tag(&reader, STR("mlops.leaf.1")));
    TRY(canon_read_digest(&reader, &named));
    TRY(canon_read_int(&reader, &size));
    TRY(canon_read_int(&reader, &leaf));
    TRY(canon_read_list(&reader, &count));
    if (!digest_equal(named, digest) || size != size_bytes || leaf != CAS_LEAF_BYTES ||
        count != cas_leaf_count(size_bytes))
        return error_new(ERROR_STORED, "a list of leaves is of something else");
    struct digest *leaves = arena_alloc(arena, count * sizeof *leaves);
    for (size_t i = 0; i < count; i++)
        TRY(canon_read_digest(&reader, &leaves[i]));
    struct digest found = digest_of(bytes.at, (size_t)((const char *)reader.at - bytes.at));
    TRY(canon_read_digest(&reader, &sum));
    TRY(canon_expect_end(&reader));
    if (!digest_equal(sum, found))
        return error_new(ERROR_STORED, "a list of leaves is damaged");
    *ret = leaves;
    return NULL;
}

static FALLIBLE make_directories(struct cas *cas, const char *path)
{
    char shard[] = "leaf/ab";
    memcpy(shard, path, sizeof shard - 1);
    TRY(directory_make(cas->cache_fd, "leaf", false));
    return directory_make(cas->cache_fd, shard, false);
}

struct error *cas_set_leaves(struct cas *cas, struct digest digest, int64_t size_bytes,
                             const struct digest *leaves)
{
    AUTO(buf_drop) struct buf bytes = {0};
    char path[CAS_PATH_BYTES];
    if (cas->cache_fd < 0 || cas->workspace->is_read_only || !cas_leaf_count(size_bytes))
        return NULL;
    encode(digest, size_bytes, leaves, &bytes);
    leaf_path(digest, path);
    TRY(make_directories(cas, path));
    return file_publish(cas->cache_fd, path, buf_str(&bytes), 0444, false);
}

struct error *cas_leaves(struct cas *cas, struct arena *arena, struct digest digest,
                         int64_t size_bytes, const struct digest **ret, bool *ret_found)
{
    char path[CAS_PATH_BYTES];
    struct str bytes = {0};
    *ret_found = false;
    if (cas->cache_fd < 0 || !cas_leaf_count(size_bytes))
        return NULL;
    leaf_path(digest, path);
    struct error *error = file_read(arena, cas->cache_fd, path, LIST_BYTES_MOST, &bytes, ret_found);
    if (!error && *ret_found)
        error = decode(arena, bytes, digest, size_bytes, ret);
    if (error) { /* nothing depends on it */
        *ret_found = false;
        error_drop(error);
    }
    return NULL;
}

void cas_forget_leaves(struct cas *cas, struct digest digest)
{
    char path[CAS_PATH_BYTES];
    leaf_path(digest, path);
    unlinkat(cas->cache_fd, path, 0);
}
