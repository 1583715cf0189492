/* Packs that were set aside: their index is damaged, so nothing in them can be found. */
#include "mlops/base/arena.h"
#include "mlops/host/walk.h"

#include <fcntl.h>

#include "verify_private.h"

struct finder {
    struct arena *arena;
    struct name_vec found;
};

/* "HEX.pack.RANDOM" */
static void find_pack(void *context, const char *name, uint32_t kind)
{
    struct finder *finder = context;
    struct digest digest;
    struct str text = str_of(name);
    (void)kind;
    if (digest_parse(str_slice(text, 0, DIGEST_HEX_LEN), &digest) &&
        str_starts(str_slice(text, DIGEST_HEX_LEN, text.len), STR(".pack.")))
        *vec_push(finder->arena, &finder->found) = str_copy(finder->arena, text);
}

static FALLIBLE find_packs(struct verification *verification, struct finder *finder)
{
    AUTO(fd_drop) struct fd fd = {0};
    int cache_fd = fd_number(verification->workspace->cache_fd);
    if (cache_fd >= 0)
        fd = fd_of(openat(cache_fd, "quarantine", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return fd_number(fd) < 0 ? NULL : walk_names(fd_number(fd), find_pack, finder);
}

FALLIBLE verify_note_packs(struct verification *verification)
{
    struct finder finder = {.arena = &verification->memory};
    TRY(find_packs(verification, &finder));
    verification->packs = finder.found;
    return NULL;
}

static bool was_there(const struct verification *verification, struct str name)
{
    vec_each (const struct str, pack, &verification->packs)
        if (str_equal(*pack, name))
            return true;
    return false;
}

FALLIBLE verify_tell_packs(struct verification *verification)
{
    struct finder finder = {.arena = &verification->memory};
    struct arena *arena = verification->arena;
    bool lacks = verification->missing.len || verification->report->not_fetched_count;
    TRY(find_packs(verification, &finder));
    vec_each (const struct str, name, &finder.found) {
        if (!lacks && was_there(verification, *name))
            continue;
        verify_add_fault(
            verification,
            (struct verify_fault){
                .what = "pack",
                .name = str_print(arena, "quarantine/%.*s", STR_FMT(*name)),
                .fault = STR("its index is damaged: it was set aside with all objects in it"),
                .repair = lacks
                              ? STR("`mlops pull`, or `mlops add` of what is named as not fetched "
                                    "where the files are still good; `mlops run` for results")
                              : STR("nothing: all that is needed is here")});
    }
    return NULL;
}
