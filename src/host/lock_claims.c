#include "mlops/base/arena.h"
#include "mlops/base/vec.h"
#include "mlops/codec/digest.h"
#include "mlops/host/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Each path stands for three bytes of the file, at four times a hash of it, so that locks of the
 * four modes of hierarchical locking conflict as they should:
 *
 *     mode                                        locks              nobody else may hold
 *     intent shared     (below it one is shared)  read C
 *     intent exclusive  (below it one is exclusive)  read A, read C  read B
 *     shared                                      read B, read C     read A
 *     exclusive                                   write A, B, C
 *
 * Whoever locks first and looks then can't be missed by another who does the same: of two that
 * conflict at least one sees the other. */
enum { BYTE_A = 0, BYTE_B = 1, BYTE_C = 2, BYTES_PER_PATH = 4 };

enum claim_flags {
    INTENDS_EXCLUSIVE = 1,
    IS_SHARED = 2,
    IS_EXCLUSIVE = 4,
};

struct place {
    int64_t at; /* offset of byte A */
    unsigned flags;
};

VEC(place_vec, struct place);

/* 61 bits, so that the last byte's offset fits off_t. The same in every process. */
static int64_t offset_of(struct str path)
{
    struct digest digest = digest_of(path.at, path.len);
    uint64_t hash = 0;
    for (size_t i = 0; i < 8; i++)
        hash = hash << 8 | digest.at[i];
    return (int64_t)(hash >> 3) * BYTES_PER_PATH;
}

static struct str directory_of(struct str path)
{
    ptrdiff_t slash = str_find_last_char(path, '/');
    return str_slice(path, 0, slash < 0 ? 0 : (size_t)slash);
}

static void add_place(struct arena *arena, struct place_vec *places, struct str path,
                      unsigned flags)
{
    *vec_push(arena, places) = (struct place){offset_of(path), flags};
}

/* The claim and an intent on each directory above it, the project root "" included. */
static void add_claim(struct arena *arena, struct place_vec *places, const struct claim *claim)
{
    bool is_exclusive = claim->mode == LOCK_EXCLUSIVE;
    struct str path = claim->path;
    add_place(arena, places, path, is_exclusive ? IS_EXCLUSIVE : IS_SHARED);
    while (path.len) {
        path = directory_of(path);
        add_place(arena, places, path, is_exclusive ? INTENDS_EXCLUSIVE : 0);
    }
}

static int compare_places(const void *a, const void *b)
{
    const struct place *left = a, *right = b;
    return (left->at > right->at) - (left->at < right->at);
}

/* Sorted, each place once with the flags of all its claims. */
static void merge_places(struct place_vec *places)
{
    size_t kept = 0;
    vec_sort(places, compare_places);
    for (size_t i = 0; i < places->len; i++) {
        if (kept && places->at[kept - 1].at == places->at[i].at)
            places->at[kept - 1].flags |= places->at[i].flags;
        else
            places->at[kept++] = places->at[i];
    }
    places->len = kept;
}

static FALLIBLE range_lock(int fd, short type, int64_t at, int64_t len, bool *ret_taken)
{
    struct flock range = {.l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = len};
    int answer = 0;
    while ((answer = fcntl(fd, F_OFD_SETLK, &range)) != 0 && errno == EINTR)
        continue;
    if (answer != 0 && errno != EAGAIN && errno != EACCES)
        return error_os(errno, "cannot lock a range of the claims file");
    *ret_taken = answer == 0;
    return NULL;
}

/* Whether nobody else holds byte `at`; our own locks do not count. */
static FALLIBLE range_is_free(int fd, int64_t at, bool *ret_free)
{
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
    if (fcntl(fd, F_OFD_GETLK, &range) != 0)
        return error_os(errno, "cannot look at a range of the claims file");
    *ret_free = range.l_type == F_UNLCK;
    return NULL;
}

static FALLIBLE take_place(int fd, const struct place *place, bool *ret_taken)
{
    bool intends = place->flags & INTENDS_EXCLUSIVE, shares = place->flags & IS_SHARED;
    if (place->flags & IS_EXCLUSIVE)
        return range_lock(fd, F_WRLCK, place->at, BYTE_C + 1, ret_taken);
    int64_t first = intends && shares ? BYTE_A : shares ? BYTE_B : BYTE_C;
    TRY(range_lock(fd, F_RDLCK, place->at + first, BYTE_C + 1 - first, ret_taken));
    if (*ret_taken && intends && !shares)
        TRY(range_lock(fd, F_RDLCK, place->at + BYTE_A, 1, ret_taken));
    if (*ret_taken && intends)
        TRY(range_is_free(fd, place->at + BYTE_B, ret_taken));
    if (*ret_taken && shares)
        TRY(range_is_free(fd, place->at + BYTE_A, ret_taken));
    return NULL;
}

/* The kernel compares each range with every other of the file, so thousands of them would take
 * seconds. Beyond CLAIMS_MOST those in one directory become one claim on the directory, the crowded
 * directories first: that excludes more than was asked for, never less. */
enum { CLAIMS_MOST = 256, CROWD = 16 };

static int compare_claims(const void *a, const void *b)
{
    const struct claim *left = a, *right = b;
    int order = (left->mode > right->mode) - (left->mode < right->mode);
    if (order == 0)
        order = str_compare(directory_of(left->path), directory_of(right->path));
    return order ? order : str_compare(left->path, right->path);
}

/* Number of claims from `first` on that have its mode and directory. */
static size_t crowd_len(const struct claim *claims, size_t count, size_t first)
{
    size_t end = first + 1;
    struct str directory = directory_of(claims[first].path);
    while (end < count && claims[end].mode == claims[first].mode &&
           str_equal(directory_of(claims[end].path), directory))
        end++;
    return end - first;
}

/* One round: every crowd of at least `crowd` becomes its directory. Returns the new count. */
static size_t join_crowds(struct claim *claims, size_t count, size_t crowd)
{
    size_t kept = 0;
    qsort(claims, count, sizeof *claims, compare_claims);
    for (size_t i = 0, len = 0; i < count; i += len) {
        len = crowd_len(claims, count, i);
        bool is_crowd = len >= crowd;
        struct claim joined = {directory_of(claims[i].path), claims[i].mode};
        if (!is_crowd)
            memmove(&claims[kept], &claims[i], len * sizeof *claims);
        else
            claims[kept] = joined;
        kept += is_crowd ? 1 : len;
    }
    return kept;
}

/* Few enough claims that hold at least what was asked for. Each round without a crowd asks for a
 * smaller one; a crowd of one goes up a level, so there is an end at the project's root. */
static size_t coarsen(struct claim *claims, size_t count)
{
    for (size_t crowd = CROWD; count > CLAIMS_MOST;) {
        size_t joined = join_crowds(claims, count, crowd);
        if (joined == count)
            crowd = MAX_OF(crowd / 2, (size_t)1);
        count = joined;
    }
    return count;
}

static struct place_vec places_of(struct arena *arena, const struct claim *claims, size_t count)
{
    struct place_vec places = {0};
    struct claim *wanted = arena_new_array(arena, struct claim, count);
    if (count)
        memcpy(wanted, claims, count * sizeof *wanted);
    count = coarsen(wanted, count);
    for (size_t i = 0; i < count; i++)
        add_claim(arena, &places, &wanted[i]);
    merge_places(&places);
    return places;
}

struct error *claims_take(int at_fd, const char *file, const struct claim *claims, size_t count,
                          struct claims *ret, bool *ret_taken)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct place_vec places = places_of(&arena, claims, count);
    const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW;
    AUTO(fd_drop) struct fd fd = fd_of(openat(at_fd, file, flags, 0666));
    if (fd_number(fd) < 0)
        return error_os(errno, "cannot open the claims file '%s'", file);
    *ret_taken = true;
    vec_each (struct place, place, &places) {
        TRY_WITHIN(take_place(fd_number(fd), place, ret_taken), "cannot claim paths in '%s'", file);
        if (!*ret_taken)
            return NULL;
    }
    ret->fd = fd_of(fd_release(&fd));
    return NULL;
}

/* The kernel turns a lock of the same descriptor into another at once: B and C become read locks
 * before A, which says that somebody writes, is given back. */
static FALLIBLE share_place(int fd, const struct place *place)
{
    bool taken = false;
    if (place->flags & IS_EXCLUSIVE)
        TRY(range_lock(fd, F_RDLCK, place->at + BYTE_B, BYTE_C + 1 - BYTE_B, &taken));
    if (place->flags & (IS_EXCLUSIVE | INTENDS_EXCLUSIVE))
        TRY(range_lock(fd, F_UNLCK, place->at + BYTE_A, 1, &taken));
    return NULL;
}

struct error *claims_share(const struct claims *held, const struct claim *claims, size_t count)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct place_vec places = places_of(&arena, claims, count);
    vec_each (struct place, place, &places)
        TRY(share_place(fd_number(held->fd), place));
    return NULL;
}

void claims_drop(struct claims *claims)
{
    fd_drop(&claims->fd);
}
