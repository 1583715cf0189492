#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"

#include <stdlib.h>

#include "vcs_private.h"

/* The path of one entry of a status list, whichever side has it. */
static struct str path_of(const git_status_entry *entry)
{
    const git_diff_delta *delta =
        entry->index_to_workdir ? entry->index_to_workdir : entry->head_to_index;
    if (!delta)
        return (struct str){0};
    return str_of(delta->new_file.path ? delta->new_file.path : delta->old_file.path);
}

/* Left out of the work tree on purpose (sparse checkout), which libgit2 takes for deleted. */
static bool is_left_out(git_index *index, const git_status_entry *entry)
{
    if (entry->status != GIT_STATUS_WT_DELETED)
        return false;
    const char *path = entry->index_to_workdir->old_file.path;
    const git_index_entry *tracked = git2()->index_get_bypath(index, path, 0);
    return tracked && (tracked->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE);
}

struct error *vcs_changes(struct vcs *vcs, struct arena *arena,
                          bool (*ignored)(void *context, struct str path), void *context,
                          struct vcs_path_vec *ret)
{
    git_status_options options = {.version = GIT_STATUS_OPTIONS_VERSION};
    /* Nothing is written: no GIT_STATUS_OPT_UPDATE_INDEX. */
    options.flags = GIT_STATUS_OPT_INCLUDE_UNTRACKED | GIT_STATUS_OPT_RECURSE_UNTRACKED_DIRS |
                    GIT_STATUS_OPT_EXCLUDE_SUBMODULES;
    AUTO(git2_drop_status_list) git_status_list *list = NULL;
    TRY_GIT(git2()->status_list_new(&list, vcs->repository, &options),
            "the state of the git repository '%s' can't be found out", vcs->top);
    AUTO(git2_drop_index) git_index *index = NULL;
    TRY_GIT(git2()->repository_index(&index, vcs->repository),
            "the index of the git repository '%s' can't be read", vcs->top);
    struct vcs_path_vec changes = {0};
    size_t count = git2()->status_list_entrycount(list);
    for (size_t i = 0; i < count; i++) {
        const git_status_entry *entry = git2()->status_byindex(list, i);
        struct str path = path_of(entry);
        if (path.len && !is_left_out(index, entry) && !(ignored && ignored(context, path)))
            *vec_push(arena, &changes) = str_copy(arena, path);
    }
    vec_sort(&changes, str_compare_items);
    *ret = changes;
    return NULL;
}

/* The tree of HEAD; NULL before the first commit. */
static FALLIBLE tree_of_head(struct vcs *vcs, git_tree **ret)
{
    AUTO(git2_drop_reference) git_reference *head = NULL;
    AUTO(git2_drop_object) git_object *tree = NULL;
    int status = git2()->repository_head(&head, vcs->repository);
    if (status == GIT_EUNBORNBRANCH) {
        *ret = NULL;
        return NULL;
    }
    TRY_GIT(status, "HEAD of the git repository '%s' can't be read", vcs->top);
    TRY_GIT(git2()->reference_peel(&tree, head, GIT_OBJECT_TREE),
            "HEAD of the git repository '%s' can't be read", vcs->top);
    *ret = (git_tree *)tree;
    tree = NULL;
    return NULL;
}

struct patch {
    struct buf text;
    bool is_cut;
};

/* Keeps whole lines only; a non-zero answer ends the printing. */
static int add_patch_line(const git_diff_delta *delta, const git_diff_hunk *hunk,
                          const git_diff_line *line, void *context)
{
    (void)delta;
    (void)hunk;
    struct patch *patch = context;
    char origin = line->origin;
    if (origin == GIT_DIFF_LINE_CONTEXT || origin == GIT_DIFF_LINE_ADDITION ||
        origin == GIT_DIFF_LINE_DELETION)
        buf_add_char(&patch->text, origin);
    buf_add(&patch->text, line->content, line->content_len);
    if ((int64_t)patch->text.len <= LIMIT_PATCH_BYTES)
        return 0;
    struct str kept = str_slice(buf_str(&patch->text), 0, (size_t)LIMIT_PATCH_BYTES);
    patch->text.len = (size_t)(str_find_last_char(kept, '\n') + 1);
    patch->is_cut = true;
    return GIT_EUSER;
}

struct error *vcs_print_diff(struct vcs *vcs, struct arena *arena, git_diff *diff, struct str *ret,
                             bool *ret_cut)
{
    struct patch patch = {0};
    struct error *error = NULL;
    int status = git2()->diff_print(diff, GIT_DIFF_FORMAT_PATCH, add_patch_line, &patch);
    if (status < 0 && !patch.is_cut)
        error = vcs_fault(status, "the changes in '%s' can't be written down", vcs->top);
    if (!error) {
        *ret = str_copy(arena, buf_str(&patch.text));
        *ret_cut = patch.is_cut;
    }
    buf_drop(&patch.text);
    return error;
}

/* `literal`: paths, not patterns. */
static FALLIBLE print_patch(struct vcs *vcs, struct arena *arena, git_strarray literal,
                            struct str *ret, bool *ret_cut)
{
    git_diff_options options = {.version = GIT_DIFF_OPTIONS_VERSION, .context_lines = 3};
    options.flags = GIT_DIFF_INCLUDE_UNTRACKED | GIT_DIFF_RECURSE_UNTRACKED_DIRS |
                    GIT_DIFF_SHOW_UNTRACKED_CONTENT | GIT_DIFF_DISABLE_PATHSPEC_MATCH |
                    GIT_DIFF_INCLUDE_TYPECHANGE | GIT_DIFF_IGNORE_SUBMODULES;
    options.ignore_submodules = GIT_SUBMODULE_IGNORE_ALL;
    options.pathspec = literal;
    options.old_prefix = "a"; /* whatever diff.noprefix says: the patch is to be applied */
    options.new_prefix = "b";
    options.max_size = LIMIT_PATCH_BYTES; /* larger files are mentioned, as binary ones are */
    AUTO(git2_drop_tree) git_tree *tree = NULL;
    AUTO(git2_drop_diff) git_diff *diff = NULL;
    TRY(tree_of_head(vcs, &tree));
    TRY_GIT(git2()->diff_tree_to_workdir_with_index(&diff, vcs->repository, tree, &options),
            "the changes in '%s' can't be found out", vcs->top);
    return vcs_print_diff(vcs, arena, diff, ret, ret_cut);
}

struct error *vcs_patch(struct vcs *vcs, struct arena *arena, const struct vcs_path_vec *paths,
                        struct str *ret_patch, bool *ret_cut)
{
    AUTO(arena_drop) struct arena scratch = {0};
    char **names = arena_new_array(&scratch, char *, paths->len);
    for (size_t i = 0; i < paths->len; i++)
        names[i] = arena_copy(&scratch, paths->at[i].at, paths->at[i].len);
    *ret_patch = STR("");
    *ret_cut = false;
    if (!paths->len) /* no path at all would mean every path to libgit2 */
        return NULL;
    return print_patch(vcs, arena, (git_strarray){names, paths->len}, ret_patch, ret_cut);
}

static char letter_of(git_delta_t kind)
{
    if (kind == GIT_DELTA_ADDED)
        return 'A';
    return kind == GIT_DELTA_DELETED ? 'D' : 'M';
}

/* By the path behind "X ". */
static int compare_paths(const void *a, const void *b)
{
    struct str first = *(const struct str *)a, second = *(const struct str *)b;
    return str_compare(str_slice(first, 2, first.len), str_slice(second, 2, second.len));
}

struct error *vcs_diff_files(struct vcs *vcs, struct arena *arena, struct str from, struct str to,
                             struct vcs_path_vec *ret)
{
    git_diff_options options = {.version = GIT_DIFF_OPTIONS_VERSION, .context_lines = 3};
    options.flags = GIT_DIFF_INCLUDE_TYPECHANGE | GIT_DIFF_SKIP_BINARY_CHECK;
    AUTO(git2_drop_tree) git_tree *old = NULL, *new = NULL;
    AUTO(git2_drop_diff) git_diff *diff = NULL;
    if (from.len)
        TRY(vcs_tree_of(vcs, from, &old));
    if (to.len)
        TRY(vcs_tree_of(vcs, to, &new));
    TRY_GIT(git2()->diff_tree_to_tree(&diff, vcs->repository, old, new, &options),
            "two commits of '%s' can't be compared", vcs->top);
    struct vcs_path_vec files = {0};
    size_t count = git2()->diff_num_deltas(diff);
    for (size_t i = 0; i < count; i++) {
        const git_diff_delta *delta = git2()->diff_get_delta(diff, i);
        *vec_push(arena, &files) =
            str_print(arena, "%c %s", letter_of(delta->status), delta->new_file.path);
    }
    vec_sort(&files, compare_paths);
    *ret = files;
    return NULL;
}
