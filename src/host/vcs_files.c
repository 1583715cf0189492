/* Which files of a work tree belong to the project, by git's lights. */
#include "mlops/base/arena.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "vcs_private.h"

static bool is_below(struct str directory, struct str path)
{
    return !directory.len || (str_starts(path, directory) && path.len > directory.len &&
                              path.at[directory.len] == '/');
}

static FALLIBLE add_tracked(struct vcs *vcs, struct arena *arena, struct str directory,
                            struct vcs_path_vec *paths)
{
    AUTO(git2_drop_index) git_index *index = NULL;
    struct str last = {0}; /* a conflict has several entries */
    TRY_GIT(git2()->repository_index(&index, vcs->repository),
            "the index of the git repository '%s' can't be read", vcs->top);
    TRY_GIT(git2()->index_read(index, false), "the index of the git repository '%s' can't be read",
            vcs->top);
    size_t count = git2()->index_entrycount(index);
    for (size_t i = 0; i < count; i++) {
        const git_index_entry *entry = git2()->index_get_byindex(index, i);
        struct str path = str_of(entry->path);
        if (!is_below(directory, path) || str_equal(path, last))
            continue;
        bool is_repository = S_ISDIR(entry->mode) || (entry->mode & S_IFMT) == 0160000;
        last = is_repository ? str_print(arena, "%s/", entry->path) : str_copy(arena, path);
        *vec_push(arena, paths) = last;
        last = str_slice(last, 0, path.len);
    }
    return NULL;
}

static FALLIBLE add_untracked(struct vcs *vcs, struct arena *arena, struct str directory,
                              struct vcs_path_vec *paths)
{
    AUTO(arena_drop) struct arena scratch = {0};
    char *name = arena_copy(&scratch, directory.at, directory.len);
    git_status_options options = {.version = GIT_STATUS_OPTIONS_VERSION,
                                  .show = GIT_STATUS_SHOW_WORKDIR_ONLY};
    options.flags = GIT_STATUS_OPT_INCLUDE_UNTRACKED | GIT_STATUS_OPT_RECURSE_UNTRACKED_DIRS |
                    GIT_STATUS_OPT_EXCLUDE_SUBMODULES | GIT_STATUS_OPT_DISABLE_PATHSPEC_MATCH;
    if (directory.len)
        options.pathspec = (git_strarray){&name, 1};
    AUTO(git2_drop_status_list) git_status_list *list = NULL;
    TRY_GIT(git2()->status_list_new(&list, vcs->repository, &options),
            "the state of the git repository '%s' can't be found out", vcs->top);
    size_t count = git2()->status_list_entrycount(list);
    for (size_t i = 0; i < count; i++) {
        const git_status_entry *entry = git2()->status_byindex(list, i);
        if (entry->status == GIT_STATUS_WT_NEW)
            *vec_push(arena, paths) =
                str_copy(arena, str_of(entry->index_to_workdir->new_file.path));
    }
    return NULL;
}

struct error *vcs_files(struct vcs *vcs, struct arena *arena, struct str directory,
                        struct vcs_path_vec *ret)
{
    struct vcs_path_vec paths = {0};
    TRY(add_tracked(vcs, arena, directory, &paths));
    TRY(add_untracked(vcs, arena, directory, &paths));
    vec_sort(&paths, str_compare_items);
    *ret = paths;
    return NULL;
}

struct error *vcs_ignores(struct vcs *vcs, struct str path, bool is_directory, bool *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    int ignored = 0;
    struct str name = str_print(&scratch, "%.*s%s", STR_FMT(path), is_directory ? "/" : "");
    TRY_GIT(git2()->ignore_path_is_ignored(&ignored, vcs->repository, name.at),
            "what '%s' ignores can't be found out", vcs->top);
    *ret = ignored == 1;
    return NULL;
}

struct listing {
    struct arena *arena;
    struct str directory;
    struct vcs_path_vec *paths;
};

static int see_entry(const char *root, const git_tree_entry *entry, void *context)
{
    struct listing *listing = context;
    git_object_t type = git2()->tree_entry_type(entry);
    if (type == GIT_OBJECT_TREE)
        return 0;
    struct str path = str_print(listing->arena, "%s%s%s", root, git2()->tree_entry_name(entry),
                                type == GIT_OBJECT_COMMIT ? "/" : "");
    if (is_below(listing->directory, path))
        *vec_push(listing->arena, listing->paths) = path;
    return 0;
}

struct error *vcs_files_of_commit(struct vcs *vcs, struct arena *arena, struct str commit,
                                  struct str directory, struct vcs_path_vec *ret)
{
    git_oid id;
    AUTO(git2_drop_commit) git_commit *found = NULL;
    AUTO(git2_drop_tree) git_tree *tree = NULL;
    struct vcs_path_vec paths = {0};
    struct listing listing = {arena, directory, &paths};
    TRY_GIT(git2()->oid_fromstrn(&id, commit.at, commit.len), "'%.*s' is no commit",
            STR_FMT(commit));
    TRY_GIT(git2()->commit_lookup(&found, vcs->repository, &id), "commit %.*s can't be read",
            STR_FMT(commit));
    TRY_GIT(git2()->commit_tree(&tree, found), "commit %.*s can't be read", STR_FMT(commit));
    TRY_GIT(git2()->tree_walk(tree, GIT_TREEWALK_PRE, see_entry, &listing),
            "the files of commit %.*s can't be listed", STR_FMT(commit));
    vec_sort(&paths, str_compare_items);
    *ret = paths;
    return NULL;
}
