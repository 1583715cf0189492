/* What stages read: whether git knows it or not, a trial needs it. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/walk.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "snapshot_private.h"

enum { LINKS_MOST = 40 }; /* as the kernel follows */

static FALLIBLE need(struct snapshot_taking *taking, struct str path, int depth, int links);

/* Names that are no part of a dependency (docs/pipeline.md, "What is hashed"). */
static bool is_passed_over(struct str name)
{
    static const char *const names[] = {".git", ".dvc", ".mlops", "__pycache__",
                                        ".ipynb_checkpoints"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (str_is(name, names[i]))
            return true;
    return false;
}

static FALLIBLE need_directory(struct snapshot_taking *taking, struct str path, int depth,
                               int links)
{
    AUTO(fd_drop) struct fd fd = {0};
    AUTO(arena_drop) struct arena scratch = {0}; /* of the names */
    struct walk_list list = {0};
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
    fd = fd_of(
        openat(fd_number(taking->session->workspace.root_fd), path.len ? path.at : ".", flags));
    if (fd_number(fd) < 0 || depth > LIMIT_TREE_DEPTH) {
        snapshot_warn(taking, path, "can't be read");
        return NULL;
    }
    TRY(walk_list(&scratch, fd_number(fd), true, &list));
    for (size_t i = 0; i < list.count; i++) {
        struct str name = list.entries[i].name;
        if (!is_passed_over(name))
            TRY(need(taking, path_join(&taking->arena, path, name), depth + 1, links));
    }
    return NULL;
}

/* A link is kept as it is, and what it names inside of the project is needed, too. */
static FALLIBLE need_target(struct snapshot_taking *taking, struct str link, struct str rest,
                            int depth, int links)
{
    struct arena *arena = &taking->arena;
    struct str target = {0}, inner = {0};
    struct str root = taking->session->workspace.root;
    TRY(walk_link(arena, fd_number(taking->session->workspace.root_fd), link.at, &target));
    if (rest.len)
        target = path_join(arena, target, rest);
    bool is_inside = path_resolve(arena, path_directory(link), target, &inner);
    if (is_inside && inner.len && inner.at[0] == '/') {
        is_inside = path_is_within(inner, root) && inner.len > root.len;
        inner = is_inside ? str_copy(arena, str_slice(inner, root.len + 1, inner.len)) : inner;
    }
    if (!is_inside || links >= LINKS_MOST)
        return NULL;
    return need(taking, inner, depth, links + 1);
}

/* Part by part: a directory on the way may be a link. */
static FALLIBLE need(struct snapshot_taking *taking, struct str path, int depth, int links)
{
    struct arena *arena = &taking->arena;
    int root_fd = fd_number(taking->session->workspace.root_fd);
    struct file_stat stat = {0};
    for (size_t end = 1; end <= path.len; end++) {
        bool is_found = false;
        if (end < path.len && path.at[end] != '/')
            continue;
        struct str part = str_copy(arena, str_slice(path, 0, end));
        if (snapshot_is_left_out(taking, part))
            return NULL;
        TRY(file_stat_at(root_fd, part.at, false, &stat, &is_found));
        if (!is_found)
            return NULL;
        if (!S_ISLNK(stat.mode))
            continue;
        TRY(snapshot_add(taking, part, true));
        return need_target(taking, part, str_slice(path, MIN_OF(end + 1, path.len), path.len),
                           depth, links);
    }
    if (!path.len || S_ISDIR(stat.mode))
        return need_directory(taking, str_copy(arena, path), depth, links);
    return snapshot_add(taking, path, true);
}

FALLIBLE snapshot_need(struct snapshot_taking *taking, struct str path)
{
    struct str root = taking->session->workspace.root;
    if (path.len && path.at[0] == '/') {
        if (!path_is_within(path, root) || path.len <= root.len)
            return NULL;
        path = str_slice(path, root.len + 1, path.len);
    }
    return str_starts(path, STR("../")) || str_is(path, "..") ? NULL : need(taking, path, 0, 0);
}

static FALLIBLE need_matches(struct snapshot_taking *taking, struct str pattern)
{
    struct str *paths = NULL;
    size_t count = 0;
    TRY(worktree_glob(taking->session->worktree, &taking->arena, pattern, &paths, &count));
    for (size_t i = 0; i < count; i++)
        TRY(snapshot_need(taking, paths[i]));
    return NULL;
}

static FALLIBLE need_of_stage(struct snapshot_taking *taking, const struct stage *stage)
{
    vec_each (const struct dependency, dependency, &stage->deps) {
        if (dependency->is_url)
            continue;
        if (dependency->is_glob)
            TRY(need_matches(taking, dependency->path));
        else
            TRY(snapshot_need(taking, dependency->path));
    }
    vec_each (const struct param_ref, param, &stage->params)
        TRY(snapshot_need(taking, param->file));
    vec_each (const struct tracked_value, value, &stage->tracked)
        TRY(snapshot_need(taking, value->file));
    return NULL;
}

FALLIBLE snapshot_add_needed(struct snapshot_taking *taking)
{
    const struct pipeline *pipeline = taking->session->pipeline;
    vec_each (const struct pipeline_file, file, &pipeline->files) {
        TRY(snapshot_need(taking, file->path));
        TRY(snapshot_need(taking, file->lock_path));
        vec_each (const struct str, path, &file->params)
            TRY(snapshot_need(taking, *path));
    }
    vec_each (const struct stage, stage, &pipeline->stages)
        TRY(need_of_stage(taking, stage));
    return NULL;
}
