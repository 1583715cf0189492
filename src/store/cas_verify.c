/* Reading packs from front to back: no search and no system call for each small object. */
#include "mlops/base/buf.h"
#include "mlops/base/check.h"

#include <errno.h>
#include <unistd.h>

#include "cas_packs_private.h"

struct error *cas_place(struct cas *cas, struct digest digest, uint64_t *ret)
{
    struct cas_packed packed;
    bool found = false;
    *ret = 0;
    TRY(cas_packed_find(cas, digest, false, &packed, &found));
    AUTO(packs_unlock) struct cas_packs *packs = packs_read_lock(cas);
    for (size_t i = 0; found && i < packs->now.len && !*ret; i++)
        if (packs->now.at[i] == packed.pack)
            *ret = ((uint64_t)(i + 1) << CAS_PLACE_OFFSET_BITS) | (uint64_t)packed.row.offset;
    return NULL;
}

static const struct cas_pack *pack_at(struct cas *cas, uint64_t place)
{
    size_t number = (size_t)(place >> CAS_PLACE_OFFSET_BITS);
    AUTO(packs_unlock) struct cas_packs *packs = packs_read_lock(cas);
    return number && number <= packs->now.len ? packs->now.at[number - 1] : NULL;
}

static int64_t offset_of(uint64_t place)
{
    return (int64_t)(place & ((UINT64_C(1) << CAS_PLACE_OFFSET_BITS) - 1));
}

/* As much as can be read: what is not there is told by who looks at single objects. */
static size_t read_span(int fd, char *to, size_t len, int64_t offset)
{
    size_t done = 0;
    while (done < len) {
        ssize_t got = pread(fd, to + done, len - done, (off_t)offset + (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    return done;
}

/* *ret_len: how many bytes from the first object on are in `to`. */
static FALLIBLE read_run(struct cas *cas, const struct cas_checked *first, size_t span,
                         struct buf *to, size_t *ret_len)
{
    AUTO(fd_drop) struct fd opened = {0};
    struct cas_packed packed = {.pack = pack_at(cas, first->place)};
    *ret_len = 0;
    if (!packed.pack)
        return NULL;
    int fd = pack_fd(packed.pack->pack);
    if (fd < 0) {
        TRY(cas_packed_open(cas, &packed, &opened));
        fd = fd_number(opened);
    }
    if (fd >= 0)
        *ret_len = read_span(fd, buf_reserve(to, span), span, offset_of(first->place));
    return NULL;
}

/* What is not as expected is looked for again by its name: its pack may have been made anew. */
struct error *cas_verify_run(struct cas *cas, struct cas_checked *objects, size_t count)
{
    AUTO(buf_drop) struct buf bytes = {0};
    size_t len = 0;
    check(count > 0);
    const struct cas_checked *last = &objects[count - 1];
    int64_t start = offset_of(objects[0].place);
    int64_t span = offset_of(last->place) - start + last->size_bytes;
    check(span >= 0);
    TRY(read_run(cas, &objects[0], (size_t)span, &bytes, &len));
    for (size_t i = 0; i < count; i++) {
        struct cas_checked *object = &objects[i];
        int64_t at = offset_of(object->place) - start;
        bool is_good =
            at >= 0 && at + object->size_bytes <= (int64_t)len &&
            digest_equal(digest_of(bytes.at + at, (size_t)object->size_bytes), object->digest);
        object->health = CAS_GOOD;
        if (!is_good)
            TRY(cas_verify(cas, object->digest, &object->health));
    }
    return NULL;
}
