/* Where files lie on the disk: FIEMAP, Documentation/filesystems/fiemap.rst of Linux. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/host/file.h"

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

enum {
    EXTENTS = 256, /* asked for at a time */
    /* What is said of such an extent is no place, or not the whole of what lies there. */
    NO_PLACE = FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_ENCODED |
               FIEMAP_EXTENT_NOT_ALIGNED | FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_DATA_TAIL,
};

/* The extents of a file that were told last. */
struct extents {
    int fd;
    uint64_t size;
    struct fiemap *map;
    uint32_t at; /* of them, the first not done with */
};

/* Bytes that lie together; at the file's size, and none, where there are no more. */
struct piece {
    uint64_t at, physical, len;
    bool is_shared, is_unwritten;
};

static bool extents_open(struct arena *arena, int fd, struct extents *ret)
{
    struct stat stat;
    if (fstat(fd, &stat) != 0)
        return false;
    size_t bytes = sizeof(struct fiemap) + EXTENTS * sizeof(struct fiemap_extent);
    *ret = (struct extents){.fd = fd, .size = (uint64_t)stat.st_size};
    ret->map = arena_alloc(arena, bytes);
    return true;
}

/* What is in memory only is written first. */
static bool look(struct extents *extents, uint64_t from)
{
    *extents->map = (struct fiemap){.fm_start = from,
                                    .fm_length = extents->size - from,
                                    .fm_flags = FIEMAP_FLAG_SYNC,
                                    .fm_extent_count = EXTENTS};
    extents->at = 0;
    return ioctl(extents->fd, FS_IOC_FIEMAP, extents->map) == 0;
}

/* The first piece that ends behind `from`, without what lies before it. */
static bool piece_at(struct extents *extents, uint64_t from, struct piece *ret)
{
    const struct fiemap *map = extents->map;
    if (extents->at == map->fm_mapped_extents && !look(extents, from))
        return false;
    *ret = (struct piece){.at = extents->size};
    if (map->fm_mapped_extents == 0)
        return true;
    const struct fiemap_extent *extent = &map->fm_extents[extents->at];
    uint64_t end = extent->fe_logical + extent->fe_length;
    if (end <= from || (extent->fe_flags & NO_PLACE))
        return false;
    ret->at = MAX_OF(extent->fe_logical, from);
    ret->physical = extent->fe_physical + (ret->at - extent->fe_logical);
    ret->len = end - ret->at;
    ret->is_shared = (extent->fe_flags & FIEMAP_EXTENT_SHARED) != 0;
    ret->is_unwritten = (extent->fe_flags & FIEMAP_EXTENT_UNWRITTEN) != 0;
    return true;
}

static void pass(struct extents *extents, uint64_t until)
{
    const struct fiemap_extent *extent = &extents->map->fm_extents[extents->at];
    extents->at += extent->fe_logical + extent->fe_length <= until;
}

static bool is_one_place(const struct piece *a, const struct piece *b)
{
    return a->physical == b->physical && a->is_unwritten == b->is_unwritten && a->is_shared &&
           b->is_shared;
}

/* Extents may be cut differently: pieces are compared. */
bool file_is_clone(int fd, int other_fd)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct extents one, other;
    struct piece a, b;
    uint64_t from = 0;
    if (!extents_open(&arena, fd, &one) || !extents_open(&arena, other_fd, &other) ||
        one.size != other.size)
        return false;
    while (from < one.size) {
        if (!piece_at(&one, from, &a) || !piece_at(&other, from, &b) || a.at != b.at)
            return false;
        if (a.at >= one.size)
            return true;
        if (!is_one_place(&a, &b))
            return false;
        from = a.at + MIN_OF(a.len, b.len);
        pass(&one, from);
        pass(&other, from);
    }
    return true;
}
