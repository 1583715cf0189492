#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"

#include <stdlib.h>

#include "vcs_private.h"

struct error *vcs_tree_of(struct vcs *vcs, struct str commit, git_tree **ret)
{
    git_oid id;
    AUTO(git2_drop_commit) git_commit *found = NULL;
    if (commit.len != GIT_OID_HEXSZ)
        return error_new(ERROR_MACHINE, "'%.*s' is not the id of a commit", STR_FMT(commit));
    TRY_GIT(git2()->oid_fromstrn(&id, commit.at, commit.len), "'%.*s' is not the id of a commit",
            STR_FMT(commit));
    TRY_GIT(git2()->commit_lookup(&found, vcs->repository, &id),
            "commit %.*s of '%s' can't be read", STR_FMT(commit), vcs->top);
    TRY_GIT(git2()->commit_tree(ret, found), "the tree of commit %.*s of '%s' can't be read",
            STR_FMT(commit), vcs->top);
    return NULL;
}

/* The size from the object's header, so that nothing large is ever unpacked. */
static FALLIBLE blob_bytes_of(struct vcs *vcs, const git_oid *id, const char *path, size_t *ret)
{
    AUTO(git2_drop_odb) git_odb *objects = NULL;
    git_object_t kind;
    TRY_GIT(git2()->repository_odb(&objects, vcs->repository),
            "the objects of the git repository '%s' can't be read", vcs->top);
    TRY_GIT(git2()->odb_read_header(ret, &kind, objects, id),
            "'%s' can't be read from the git repository '%s'", path, vcs->top);
    return NULL;
}

FALLIBLE vcs_blob(struct vcs *vcs, struct arena *arena, const git_oid *id, const char *path,
                  int64_t bytes_most, struct str *ret)
{
    size_t bytes = 0;
    AUTO(git2_drop_blob) git_blob *blob = NULL;
    TRY(blob_bytes_of(vcs, id, path, &bytes));
    if (bytes_most < 0 || bytes > (uint64_t)bytes_most)
        return error_new(ERROR_MACHINE, "'%s' in the git repository '%s' is larger than %lld bytes",
                         path, vcs->top, (long long)bytes_most);
    TRY_GIT(git2()->blob_lookup(&blob, vcs->repository, id),
            "'%s' can't be read from the git repository '%s'", path, vcs->top);
    *ret = str_copy(
        arena, (struct str){git2()->blob_rawcontent(blob), (size_t)git2()->blob_rawsize(blob)});
    return NULL;
}

struct error *vcs_read(struct vcs *vcs, struct arena *arena, struct str commit, struct str path,
                       int64_t bytes_most, struct str *ret, bool *ret_found)
{
    struct vcs_file file = {0};
    TRY(vcs_file(vcs, arena, commit, path, bytes_most, &file, ret_found));
    *ret_found = *ret_found && file.mode != GIT_FILEMODE_LINK;
    if (*ret_found)
        *ret = file.bytes;
    return NULL;
}

struct error *vcs_knows(struct vcs *vcs, struct str bytes, bool *ret)
{
    git_oid id;
    AUTO(git2_drop_odb) git_odb *objects = NULL;
    TRY_GIT(git2()->repository_odb(&objects, vcs->repository),
            "the objects of the git repository '%s' can't be read", vcs->top);
    TRY_GIT(git2()->odb_hash(&id, bytes.len ? bytes.at : "", bytes.len, GIT_OBJECT_BLOB),
            "%zu bytes can't be hashed as git does", bytes.len);
    *ret = git2()->odb_exists(objects, &id) == 1;
    return NULL;
}

struct listing {
    const struct vcs_listing *wanted;
    struct arena *arena;
    struct vcs_path_vec paths;
    bool is_too_deep;
};

/* False if a directory with just this content was listed before. */
static bool is_new_tree(struct vcs_seen *seen, const git_oid *id)
{
    struct str key = {(const char *)id->id, sizeof id->id};
    if (!seen)
        return true;
    if (map_has(&seen->trees, key))
        return false;
    map_put(&seen->memory, &seen->trees, str_copy(&seen->memory, key), seen);
    return true;
}

/* libgit2 calls itself for each directory, so the depth is bounded here. */
static int visit_directory(struct listing *listing, const char *root, const git_tree_entry *entry)
{
    int64_t depth = 0;
    for (const char *at = root; *at; at++)
        depth += *at == '/';
    listing->is_too_deep = depth >= LIMIT_TREE_DEPTH;
    if (listing->is_too_deep)
        return GIT_EUSER;
    return is_new_tree(listing->wanted->seen, git2()->tree_entry_id(entry)) ? 0 : 1;
}

static bool is_wanted(const struct vcs_listing *wanted, struct str name)
{
    for (size_t i = 0; i < wanted->suffix_count; i++)
        if (str_ends(name, wanted->suffixes[i]))
            return true;
    return false;
}

static int visit_entry(const char *root, const git_tree_entry *entry, void *context)
{
    struct listing *listing = context;
    git_object_t kind = git2()->tree_entry_type(entry);
    if (kind == GIT_OBJECT_TREE)
        return visit_directory(listing, root, entry);
    const char *name = git2()->tree_entry_name(entry);
    if (kind == GIT_OBJECT_BLOB && git2()->tree_entry_filemode(entry) != GIT_FILEMODE_LINK &&
        is_wanted(listing->wanted, str_of(name)))
        *vec_push(listing->arena, &listing->paths) = str_print(listing->arena, "%s%s", root, name);
    return 0;
}

struct error *vcs_list_some(struct vcs *vcs, struct arena *arena, struct str commit,
                            const struct vcs_listing *wanted, struct vcs_path_vec *ret)
{
    AUTO(git2_drop_tree) git_tree *tree = NULL;
    TRY(vcs_tree_of(vcs, commit, &tree));
    struct listing listing = {.wanted = wanted, .arena = arena};
    int status = 0;
    if (is_new_tree(wanted->seen, git2()->object_id((const git_object *)tree)))
        status = git2()->tree_walk(tree, GIT_TREEWALK_PRE, visit_entry, &listing);
    if (listing.is_too_deep)
        return error_new(ERROR_MACHINE, "commit %.*s of '%s' nests directories deeper than %lld",
                         STR_FMT(commit), vcs->top, (long long)LIMIT_TREE_DEPTH);
    TRY_GIT(status, "the files of commit %.*s of '%s' can't be listed", STR_FMT(commit), vcs->top);
    vec_sort(&listing.paths, str_compare_items);
    *ret = listing.paths;
    return NULL;
}

struct error *vcs_list(struct vcs *vcs, struct arena *arena, struct str commit, struct str suffix,
                       struct vcs_path_vec *ret)
{
    return vcs_list_some(vcs, arena, commit, &(struct vcs_listing){&suffix, 1, NULL}, ret);
}

void vcs_seen_drop(struct vcs_seen *seen)
{
    arena_drop(&seen->memory);
}
