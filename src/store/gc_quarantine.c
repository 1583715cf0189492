/* What was found to be damaged and set aside: it may be all that is left of something, for a time.
 */
#include "mlops/base/arena.h"
#include "mlops/host/walk.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gc_private.h"

/* A file whose name says which row of a pack not to use stays as long as the pack. */
static FALLIBLE goes(struct sweep *sweep, const struct walk_entry *entry, bool *ret)
{
    bool is_in_use = false;
    *ret = false;
    if (sweep_age(sweep, &entry->stat) < sweep->workspace->config.keep_ns)
        return NULL;
    TRY(cas_is_warning(sweep->marks->cas, entry->name, &is_in_use));
    *ret = !is_in_use;
    return NULL;
}

static FALLIBLE sweep_file(struct sweep *sweep, int fd, const struct walk_entry *entry)
{
    struct gc_report *report = sweep->items.report;
    struct str name = str_print(sweep->arena, "quarantine/%.*s", STR_FMT(entry->name));
    bool is_old = false;
    if (!S_ISREG(entry->stat.mode))
        return NULL;
    TRY(goes(sweep, entry, &is_old));
    if (!is_old) {
        report->quarantine_count++;
        report->quarantine_bytes += entry->stat.size_bytes;
        return NULL;
    }
    if (sweep->options->really && unlinkat(fd, entry->name.at, 0) != 0 && errno != ENOENT)
        return error_os(errno, "cannot remove '%s' of the store", name.at);
    gc_items_add(&sweep->items,
                 (struct gc_item){.what = "damaged file",
                                  .name = name,
                                  .why = STR("it was set aside longer ago than keep.age"),
                                  .size_bytes = entry->stat.size_bytes,
                                  .age_ns = sweep_age(sweep, &entry->stat)});
    return NULL;
}

FALLIBLE gc_quarantine(struct sweep *sweep)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(fd_drop) struct fd fd = {0};
    struct walk_list list = {0};
    TRY_WITHIN(
        walk_folder(&scratch, fd_number(sweep->workspace->cache_fd), "quarantine", &fd, &list),
        "looking into the store");
    for (size_t i = 0; i < list.count; i++)
        TRY(sweep_file(sweep, fd_number(fd), &list.entries[i]));
    return NULL;
}
