/* From one store of this machine into another, without a remote between them. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/signal.h"

#include "transfer_private.h"

static FALLIBLE copy_trees(struct arena *arena, struct cas *from, struct cas *into,
                           const struct depot_want_vec *lost, size_t *ret_copied)
{
    *ret_copied = 0;
    vec_each (const struct depot_want, want, lost) {
        struct str bytes = {0};
        struct digest digest = {{0}};
        bool found = false;
        TRY(cas_get_bytes(from, arena, want->digest, LIMIT_TREE_BYTES, &bytes, &found));
        if (found)
            TRY(cas_put_bytes(into, bytes, &digest));
        *ret_copied += found;
    }
    return NULL;
}

/* Level by level: what a tree names is known when it is here. */
static FALLIBLE copy_names(struct arena *arena, struct cas *from, struct cas *into,
                           const struct transfer_root_vec *roots, struct depot_want_vec *ret_files)
{
    for (;;) {
        struct walk walk = {.arena = arena, .cas = into};
        size_t copied = 0;
        bool is_whole = true;
        for (size_t i = 0; i < roots->len; i++)
            TRY(walk_root(&walk, &roots->at[i], &is_whole));
        wants_sort(&walk.lost);
        *ret_files = walk.files;
        if (walk.lost.len)
            TRY(copy_trees(arena, from, into, &walk.lost, &copied));
        if (!copied)
            return NULL;
    }
}

static FALLIBLE copy_file(struct cas *from, struct cas *into, int temp_fd, struct digest digest,
                          bool *ret_copied)
{
    struct file_stat stat = {0};
    bool has = false, found = false;
    *ret_copied = false;
    TRY(signal_check());
    TRY(cas_has(into, digest, &has));
    if (has)
        return NULL;
    TRY(cas_checkout(from, digest, false, temp_fd, "object", &stat, &found));
    if (found)
        TRY(cas_put_assembled(into, temp_fd, "object", digest, ret_copied));
    return path_remove(temp_fd, "object");
}

struct error *transfer_copy(const struct workspace *workspace, struct cas *from, struct cas *into,
                            const struct transfer_root_vec *roots, bool only_trees,
                            struct depot_counts *counts)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(fd_drop) struct fd tmp = {0};
    AUTO(temp_dir_drop) struct temp_dir temp = {0};
    struct depot_want_vec files = {0};
    TRY(copy_names(&scratch, from, into, roots, &files));
    if (only_trees)
        return cas_flush(into);
    wants_sort(&files);
    TRY(directory_open(fd_number(workspace->cache_fd), "tmp", &tmp));
    TRY(temp_dir_open(fd_number(tmp), TEMP_PREFIX, &temp));
    vec_each (const struct depot_want, want, &files) {
        bool is_copied = false;
        TRY(copy_file(from, into, fd_number(temp.fd), want->digest, &is_copied));
        counts->objects += is_copied;
        counts->bytes += is_copied ? MAX_OF(want->size_bytes, INT64_C(0)) : 0;
    }
    return cas_flush(into);
}
