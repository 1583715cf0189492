#include "mlops/store/pointers.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/file.h"
#include "mlops/model/name.h"
#include "mlops/store/search.h"

#include <sys/stat.h>

struct loading {
    struct arena *arena;
    const struct workspace *workspace;
    struct pointer_vec found;
    struct error_list errors;
};

static int by_path(const void *a, const void *b)
{
    const struct pointer *const *left = a;
    const struct pointer *const *right = b;
    return str_compare((*left)->artifact.path, (*right)->artifact.path);
}

static FALLIBLE check_count(size_t count)
{
    if (count < (size_t)LIMIT_PROJECT_FILES)
        return NULL;
    return error_hint(error_new(ERROR_PROJECT, "more than %lld pointers in one project",
                                (long long)LIMIT_PROJECT_FILES),
                      "add the directories that hold the files rather than each file");
}

FALLIBLE pointers_load(struct arena *arena, const struct workspace *workspace, struct str file,
                       struct pointer **ret)
{
    struct str bytes = {0};
    bool found = false;
    *ret = NULL;
    TRY_WITHIN(file_read(arena, fd_number(workspace->root_fd), str_terminate(arena, file),
                         LIMIT_DOCUMENT_BYTES, &bytes, &found),
               "reading '%.*s'", STR_FMT(file));
    if (!found)
        return NULL;
    struct pointer *pointer = arena_new(arena, struct pointer);
    TRY(pointer_parse(arena, workspace_show(arena, workspace, file), bytes, file, pointer));
    *ret = pointer;
    return NULL;
}

FALLIBLE pointers_is_damaged(struct arena *arena, const struct workspace *workspace,
                             struct str file, bool *ret)
{
    struct str bytes = {0};
    struct file_stat stat = {0};
    bool found = false;
    const char *name = str_terminate(arena, file);
    TRY(file_stat_at(fd_number(workspace->root_fd), name, true, &stat, &found));
    *ret = found && S_ISREG(stat.mode);
    if (*ret)
        TRY(file_read(arena, fd_number(workspace->root_fd), name, LIMIT_DOCUMENT_BYTES, &bytes,
                      &found));
    *ret = *ret && found && pointer_is_damaged(arena, bytes, file);
    return NULL;
}

static FALLIBLE visit(void *context, struct str path)
{
    struct loading *loading = context;
    struct pointer *pointer = NULL;
    TRY(check_count(loading->found.len));
    struct error *error = pointers_load(loading->arena, loading->workspace, path, &pointer);
    if (error && error->code != ERROR_PROJECT)
        return error;
    error_list_add(&loading->errors, error);
    if (pointer)
        *vec_push(loading->arena, &loading->found) = pointer;
    return NULL;
}

static FALLIBLE load_below(struct arena *arena, const struct workspace *workspace,
                           struct str directory, struct pointer_vec *ret, struct error **ret_broken)
{
    struct loading loading = {.arena = arena, .workspace = workspace};
    struct search_visitor visitor = {pointer_is_name, visit, NULL, &loading};
    struct error *error = search_files(arena, workspace, directory, &visitor);
    struct error *broken = error_list_take(&loading.errors);
    if (error) {
        error_drop(broken);
        return error;
    }
    vec_sort(&loading.found, by_path);
    *ret = loading.found;
    *ret_broken = broken;
    return NULL;
}

FALLIBLE pointers_load_below(struct arena *arena, const struct workspace *workspace,
                             struct str directory, struct pointer_vec *ret)
{
    struct pointer_vec found = {0};
    struct error *broken = NULL;
    TRY(load_below(arena, workspace, directory, &found, &broken));
    TRY(broken);
    *ret = found;
    return NULL;
}

FALLIBLE pointers_load_sound(struct arena *arena, const struct workspace *workspace,
                             struct pointer_vec *ret, struct error **ret_broken)
{
    return load_below(arena, workspace, STR(""), ret, ret_broken);
}

FALLIBLE pointers_load_all(struct arena *arena, const struct workspace *workspace,
                           struct pointer_vec *ret)
{
    return pointers_load_below(arena, workspace, STR(""), ret);
}

/* The longest one is the nearest: directories that are tracked hold no pointers that count. */
FALLIBLE pointers_find(struct arena *arena, const struct workspace *workspace, struct str path,
                       struct pointer **ret)
{
    *ret = NULL;
    for (struct str at = path; at.len && !path_is_outside(at); at = path_directory(at)) {
        struct pointer *pointer = NULL;
        struct file_stat stat = {0};
        bool found = false;
        if (path_name(at).len + strlen(POINTER_SUFFIX) > (size_t)LIMIT_PATH_PART_BYTES)
            continue;
        struct str file = pointer_file_of(arena, at);
        TRY(file_stat_at(fd_number(workspace->root_fd), file.at, true, &stat, &found));
        if (found && S_ISREG(stat.mode))
            TRY(pointers_load(arena, workspace, file, &pointer));
        if (pointer)
            *ret = pointer; /* one above it tracks this one, too, and comes first */
    }
    return NULL;
}

/* Where the project lies below git's top; *ret_inner "" : it is the top. */
static struct str inner_of(struct arena *arena, const struct workspace *workspace, struct vcs *vcs)
{
    struct str inner = path_relative(arena, vcs_top(vcs), workspace->root);
    return str_is(inner, ".") ? STR("") : inner;
}

static FALLIBLE add_of_commit(struct loading *loading, struct vcs *vcs, struct str commit,
                              struct str path, struct str file)
{
    struct arena *arena = loading->arena;
    struct str bytes = {0};
    bool found = false;
    TRY(check_count(loading->found.len));
    TRY(vcs_read(vcs, arena, commit, path, LIMIT_DOCUMENT_BYTES, &bytes, &found));
    if (!found)
        return NULL;
    struct pointer *pointer = arena_new(arena, struct pointer);
    struct str name =
        str_print(arena, "%.*s:%.*s", STR_FMT(str_slice(commit, 0, 7)), STR_FMT(path));
    struct error *error = pointer_parse(arena, name, bytes, file, pointer);
    if (error && error->code != ERROR_PROJECT)
        return error;
    error_list_add(&loading->errors, error);
    if (!error)
        *vec_push(arena, &loading->found) = pointer;
    return NULL;
}

FALLIBLE pointers_load_commit(struct arena *arena, const struct workspace *workspace,
                              struct vcs *vcs, struct str commit, struct pointer_vec *ret)
{
    struct loading loading = {.arena = arena, .workspace = workspace};
    struct vcs_path_vec paths = {0};
    struct str inner = inner_of(arena, workspace, vcs);
    TRY(vcs_list(vcs, arena, commit, STR(POINTER_SUFFIX), &paths));
    struct error *error = NULL;
    for (size_t i = 0; i < paths.len && !error; i++) {
        struct str path = paths.at[i];
        if (!path_is_within(path, inner) || !pointer_is_name(path_name(path)))
            continue;
        struct str file = inner.len ? str_slice(path, inner.len + 1, path.len) : path;
        error = add_of_commit(&loading, vcs, commit, path, str_copy(arena, file));
    }
    struct error *broken = error_list_take(&loading.errors);
    if (error) {
        error_drop(broken);
        return error;
    }
    TRY(broken);
    vec_sort(&loading.found, by_path);
    *ret = loading.found;
    return NULL;
}
