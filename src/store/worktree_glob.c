#include "mlops/base/buf.h"
#include "mlops/model/name.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "worktree_private.h"

VEC(path_list, struct str);

/* A link is listed if it names a file, wherever that is. */
static FALLIBLE is_file(struct worktree *worktree, const struct node *node, struct str path,
                        bool *ret)
{
    struct file_stat stat = node->stat;
    bool found = true;
    if (node->kind == TREE_SYMLINK)
        TRY(file_stat_at(worktree->root_fd, path.at, true, &stat, &found));
    *ret = found && !node->is_odd && S_ISREG(stat.mode);
    return NULL;
}

static FALLIBLE add_matches(struct worktree *worktree, struct arena *arena, struct str pattern,
                            const struct directory *directory, struct path_list *paths)
{
    for (size_t i = 0; i < directory->count; i++) {
        const struct node *node = &directory->nodes[i];
        bool matches = false;
        if (node->kind == TREE_DIRECTORY)
            continue;
        struct str path = node_path(arena, directory, node->name);
        if (glob_match(pattern, path))
            TRY(is_file(worktree, node, path, &matches));
        if (matches)
            *vec_push(arena, paths) = path;
    }
    return NULL;
}

static FALLIBLE collect(struct batch *batch, struct arena *arena, struct path_list *paths)
{
    struct look *look = &batch->looks[0];
    TRY(batch_stat(batch));
    TRY(batch_scan(batch));
    if (look->error) {
        struct error *error = look->error;
        look->error = NULL;
        return error;
    }
    for (size_t i = 0; i < batch->directories.len; i++)
        TRY(add_matches(batch->worktree, arena, look->pattern, batch->directories.at[i], paths));
    return NULL;
}

struct error *worktree_glob(struct worktree *worktree, struct arena *arena, struct str pattern,
                            struct str **ret_paths, size_t *ret_count)
{
    struct path_list paths = {0};
    struct look look = {
        .path = str_copy(arena, glob_prefix(pattern)), .role = LOOK_DEP, .pattern = pattern};
    struct batch batch = {.worktree = worktree, .looks = &look, .count = 1};
    struct error *error = collect(&batch, arena, &paths);
    batch_end(&batch);
    if (error)
        return error;
    vec_sort(&paths, str_compare_items);
    *ret_paths = paths.at;
    *ret_count = paths.len;
    return NULL;
}
