/* One row of a large index without the rest of it. */
#include "mlops/base/buf.h"

#include "pack_private.h"

enum { WINDOW_ROWS = 256 };

/* Where the row has to be. Digests are evenly spread; where somebody chose them otherwise, every
 * second step halves. */
struct range {
    size_t low, high;     /* rows */
    uint64_t least, most; /* of the first four bytes of digests */
    bool halves;
};

static uint64_t front_of(const unsigned char *digest)
{
    return (uint64_t)digest[0] << 24 | (uint64_t)digest[1] << 16 | (uint64_t)digest[2] << 8 |
           (uint64_t)digest[3];
}

static size_t guess(struct range *range, uint64_t wanted)
{
    size_t rows = range->high - range->low, middle = range->low + rows / 2;
    if (!range->halves && wanted >= range->least && wanted <= range->most)
        middle = range->low + (size_t)((double)(rows - 1) * (double)(wanted - range->least) /
                                       (double)(range->most - range->least + 1));
    range->halves = !range->halves;
    return middle;
}

/* False: the row can't be among these. */
static bool narrow(struct range *range, struct digest digest, const unsigned char *rows,
                   size_t first, size_t count)
{
    const unsigned char *last = rows + (count - 1) * PACK_ROW_BYTES;
    if (memcmp(digest.at, rows, sizeof digest.at) < 0) {
        range->high = first;
        range->most = front_of(rows);
        return false;
    }
    if (memcmp(digest.at, last, sizeof digest.at) > 0) {
        range->low = first + count;
        range->least = front_of(last);
        return false;
    }
    return true;
}

static FALLIBLE take(const struct pack *pack, const struct pack_index *window, struct digest digest,
                     struct pack_row *ret, bool *ret_found)
{
    size_t at = pack_index_place(window, digest);
    if (at == window->row_count)
        return NULL;
    const char *fault = pack_row_fault(window, at, pack->index_offset);
    if (fault)
        return pack_damaged(fault);
    *ret = pack_index_row(window, at);
    *ret_found = true;
    return NULL;
}

static FALLIBLE find_on_disk(const struct pack *pack, struct digest digest, struct pack_row *ret,
                             bool *ret_found)
{
    unsigned char rows[WINDOW_ROWS * PACK_ROW_BYTES];
    struct range range = {.high = pack->index.row_count, .most = UINT32_MAX};
    while (range.low < range.high) {
        size_t middle = guess(&range, front_of(digest.at));
        size_t first = MAX_OF(middle, range.low + WINDOW_ROWS / 2) - WINDOW_ROWS / 2;
        size_t count = MIN_OF((size_t)WINDOW_ROWS, range.high - first);
        TRY(pack_read_at(fd_number(pack->fd), (char *)rows, (int64_t)(count * PACK_ROW_BYTES),
                         pack->index_offset + (int64_t)(first * PACK_ROW_BYTES)));
        struct pack_index window = {rows, count};
        if (narrow(&range, digest, rows, first, count))
            return take(pack, &window, digest, ret, ret_found);
    }
    return NULL;
}

struct error *pack_search(const struct pack *pack, struct digest digest, struct pack_row *ret,
                          bool *ret_found)
{
    *ret_found = false;
    if (!pack_is_loaded(pack))
        return find_on_disk(pack, digest, ret, ret_found);
    *ret_found = pack_index_find(&pack->index, digest, ret);
    return NULL;
}
