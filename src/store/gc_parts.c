/* What fetches of large files left in the cache's tmp/part/ and did not come back for. */
#include "mlops/base/arena.h"
#include "mlops/host/lock.h"
#include "mlops/host/walk.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gc_private.h"

/* Under its lock, which a fetch that goes on holds. */
static FALLIBLE remove_part(int parts_fd, const char *name, bool *ret_removed)
{
    AUTO(lock_drop) struct lock lock = {0};
    TRY(lock_take(parts_fd, name, LOCK_EXCLUSIVE, 0, NULL, NULL, &lock, ret_removed));
    if (*ret_removed && unlinkat(parts_fd, name, 0) != 0 && errno != ENOENT)
        return error_os(errno, "cannot remove '%s' from the store's 'tmp/part'", name);
    return NULL;
}

static FALLIBLE sweep_part(struct sweep *sweep, int parts_fd, const struct walk_entry *entry)
{
    struct arena *arena = sweep->arena;
    bool is_gone = true;
    int64_t age_ns = sweep_age(sweep, &entry->stat);
    if (!S_ISREG(entry->stat.mode) || age_ns < sweep->options->grace_ns)
        return NULL;
    if (sweep->options->really)
        TRY(remove_part(parts_fd, entry->name.at, &is_gone));
    if (is_gone)
        gc_items_add(&sweep->items, (struct gc_item){.what = "part",
                                                     .name = str_print(arena, "tmp/part/%.*s",
                                                                       STR_FMT(entry->name)),
                                                     .why = STR("no fetch goes on with it"),
                                                     .size_bytes = entry->stat.size_bytes,
                                                     .age_ns = age_ns});
    return NULL;
}

FALLIBLE gc_parts(struct sweep *sweep)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(fd_drop) struct fd fd = {0};
    struct walk_list list = {0};
    TRY_WITHIN(walk_folder(&scratch, fd_number(sweep->workspace->cache_fd), "tmp/part", &fd, &list),
               "looking into the store");
    for (size_t i = 0; i < list.count; i++)
        TRY(sweep_part(sweep, fd_number(fd), &list.entries[i]));
    return NULL;
}
