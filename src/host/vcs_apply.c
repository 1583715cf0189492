/* Files of a commit with a patch on top, without touching the repository. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/codec/patch.h"

#include "vcs_private.h"

struct error *vcs_file(struct vcs *vcs, struct arena *arena, struct str commit, struct str path,
                       int64_t bytes_most, struct vcs_file *ret, bool *ret_found)
{
    AUTO(git2_drop_tree) git_tree *tree = NULL;
    AUTO(git2_drop_tree_entry) git_tree_entry *entry = NULL;
    TRY(vcs_tree_of(vcs, commit, &tree));
    bool is_possible =
        path.len && (int64_t)path.len <= LIMIT_PATH_BYTES && !memchr(path.at, '\0', path.len);
    const char *name = is_possible ? str_terminate(arena, path) : "";
    int status = is_possible ? git2()->tree_entry_bypath(&entry, tree, name) : GIT_ENOTFOUND;
    if (status != GIT_ENOTFOUND)
        TRY_GIT(status, "'%s' can't be looked up in the git repository '%s'", name, vcs->top);
    *ret_found = status == 0 && git2()->tree_entry_type(entry) == GIT_OBJECT_BLOB;
    if (!*ret_found)
        return NULL;
    *ret = (struct vcs_file){.path = str_of(name),
                             .mode = (uint32_t)git2()->tree_entry_filemode(entry)};
    return vcs_blob(vcs, arena, git2()->tree_entry_id(entry), name, bytes_most, &ret->bytes);
}

static FALLIBLE does_not_fit(struct str commit, struct str path)
{
    struct str shown = commit.len ? str_slice(commit, 0, 12) : STR("before the first");
    return error_new(ERROR_STORED, "the recorded changes of '%.*s' do not fit commit %.*s",
                     STR_FMT(path), STR_FMT(shown));
}

static FALLIBLE apply_one(struct vcs *vcs, struct arena *arena, struct str commit,
                          const struct patch_file *patched, struct vcs_file *ret)
{
    struct vcs_file base = {0};
    bool found = false, fits = true;
    if (commit.len)
        TRY(vcs_file(vcs, arena, commit, patched->path, LIMIT_PATCH_BYTES, &base, &found));
    *ret = (struct vcs_file){.path = patched->path};
    if (found == patched->is_new)
        return does_not_fit(commit, patched->path);
    if (patched->is_removed)
        return NULL;
    ret->mode = patched->mode ? patched->mode : base.mode;
    patch_apply(arena, patched, base.bytes, &ret->bytes, &fits);
    return fits ? NULL : does_not_fit(commit, patched->path);
}

static int compare_files(const void *a, const void *b)
{
    return str_compare(((const struct vcs_file *)a)->path, ((const struct vcs_file *)b)->path);
}

struct error *vcs_apply(struct vcs *vcs, struct arena *arena, struct str commit, struct str patch,
                        struct vcs_file_vec *ret, struct vcs_path_vec *ret_lacks)
{
    struct patch_file_vec patched = {0};
    struct vcs_file_vec files = {0};
    struct vcs_path_vec lacks = {0};
    TRY(patch_parse(arena, patch, &patched));
    vec_each (const struct patch_file, file, &patched) {
        if (file->is_mentioned && !file->is_removed)
            *vec_push(arena, &lacks) = file->path;
        else
            TRY(apply_one(vcs, arena, commit, file, vec_push(arena, &files)));
    }
    vec_sort(&files, compare_files);
    vec_sort(&lacks, str_compare_items);
    *ret = files;
    *ret_lacks = lacks;
    return NULL;
}
