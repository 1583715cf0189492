/* Which mirrors there are, and taking those away that nobody opens any more. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/codec/digest.h"
#include "mlops/host/lock.h"
#include "mlops/host/walk.h"
#include "mlops/model/name.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "mirror_private.h"

/* By the mark; of a mirror that has none, by what changed last in it. */
static FALLIBLE used_at(struct arena *arena, int base_fd, const char *key, int64_t newest_ns,
                        int64_t *ret)
{
    struct file_stat stat = {0};
    bool found = false;
    TRY(file_stat_at(base_fd, str_print(arena, "%s/" USE_MARK, key).at, true, &stat, &found));
    *ret = found ? stat.mtime_ns : newest_ns;
    return NULL;
}

static FALLIBLE look(struct arena *arena, int base_fd, struct str base, const char *key,
                     struct mirror_use *ret)
{
    struct walk_sum sum = {0};
    bool found = false;
    *ret = (struct mirror_use){.directory = path_join(arena, base, str_of(key)), .key = key};
    TRY(walk_measure(base_fd, key, &sum));
    TRY(used_at(arena, base_fd, key, sum.newest_ns, &ret->used_ns));
    ret->size_bytes = sum.bytes;
    return file_read(arena, base_fd, str_print(arena, "%s/" USE_MARK, key).at, LIMIT_PATH_BYTES,
                     &ret->url, &found);
}

FALLIBLE mirror_list(struct arena *arena, struct mirror_use_vec *ret)
{
    AUTO(fd_drop) struct fd fd = {0};
    struct walk_list list = {0};
    struct str base = {0};
    struct error *error = mirror_base(arena, &base);
    bool has_place = !error;
    error_drop(error);
    if (!has_place)
        return NULL;
    TRY(walk_folder(arena, AT_FDCWD, str_terminate(arena, base), &fd, &list));
    for (size_t i = 0; i < list.count; i++) {
        const struct walk_entry *entry = &list.entries[i];
        if (S_ISDIR(entry->stat.mode) && entry->name.len == MIRROR_KEY_DIGITS)
            TRY(look(arena, fd_number(fd), base, entry->name.at, vec_push(arena, ret)));
    }
    return NULL;
}

/* Who opens it holds its lock; the file stays, or two could hold it. */
FALLIBLE mirror_remove(struct arena *arena, const struct mirror_use *use, int64_t before_ns,
                       bool *ret_removed)
{
    AUTO(lock_drop) struct lock lock = {0};
    AUTO(fd_drop) struct fd fd = {0};
    int64_t used_ns = 0;
    *ret_removed = false;
    TRY(directory_open(AT_FDCWD, str_terminate(arena, path_directory(use->directory)), &fd));
    TRY(lock_take(fd_number(fd), str_print(arena, "%s.lock", use->key).at, LOCK_EXCLUSIVE, 0, NULL,
                  NULL, &lock, ret_removed));
    if (*ret_removed)
        TRY(used_at(arena, fd_number(fd), use->key, use->used_ns, &used_ns));
    *ret_removed = *ret_removed && used_ns <= before_ns;
    return *ret_removed ? path_remove(fd_number(fd), use->key) : NULL;
}
