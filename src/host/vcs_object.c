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

/* False if something with just this content and of this kind was listed before. */
static bool is_new(struct vcs_seen *seen, const git_oid *id, size_t kind)
{
    char bytes[sizeof id->id + 1];
    struct str key = {bytes, sizeof bytes};
    memcpy(bytes, id->id, sizeof id->id);
    bytes[sizeof id->id] = (char)kind;
    if (!seen)
        return true;
    if (map_has(&seen->ids, key))
        return false;
    map_put(&seen->memory, &seen->ids, str_copy(&seen->memory, key), seen);
    return true;
}

/* Number of the suffix, from 1; 0: it has none of them, as a directory. */
static size_t kind_of(const struct vcs_listing *wanted, struct str name)
{
    for (size_t i = 0; i < wanted->suffix_count; i++)
        if (str_ends(name, wanted->suffixes[i]))
            return i + 1;
    return 0;
}

void vcs_list_add(struct arena *arena, const struct vcs_listing *wanted, struct str path,
                  uint32_t mode, const git_oid *id, struct vcs_entry_vec *ret)
{
    bool is_file = mode == GIT_FILEMODE_BLOB || mode == GIT_FILEMODE_BLOB_EXECUTABLE;
    size_t kind = kind_of(wanted, path);
    if (is_file && kind && is_new(wanted->seen, id, kind))
        *vec_push(arena, ret) = (struct vcs_entry){str_copy(arena, path), vcs_hex(arena, id)};
}

struct listing {
    const struct vcs_listing *wanted;
    struct arena *arena;
    struct vcs_entry_vec entries;
    bool is_too_deep;
};

/* libgit2 calls itself for each directory, so the depth is bounded here. */
static int visit_directory(struct listing *listing, const char *root, const git_tree_entry *entry)
{
    int64_t depth = 0;
    for (const char *at = root; *at; at++)
        depth += *at == '/';
    listing->is_too_deep = depth >= LIMIT_TREE_DEPTH;
    if (listing->is_too_deep)
        return GIT_EUSER;
    return is_new(listing->wanted->seen, git2()->tree_entry_id(entry), 0) ? 0 : 1;
}

static int visit_entry(const char *root, const git_tree_entry *entry, void *context)
{
    struct listing *listing = context;
    git_object_t kind = git2()->tree_entry_type(entry);
    if (kind == GIT_OBJECT_TREE)
        return visit_directory(listing, root, entry);
    struct str name = str_of(git2()->tree_entry_name(entry));
    if (kind != GIT_OBJECT_BLOB || !kind_of(listing->wanted, name))
        return 0; /* most are: no path is made for them */
    AUTO(arena_drop) struct arena scratch = {0};
    vcs_list_add(
        listing->arena, listing->wanted, str_print(&scratch, "%s%.*s", root, STR_FMT(name)),
        git2()->tree_entry_filemode(entry), git2()->tree_entry_id(entry), &listing->entries);
    return 0;
}

static int compare_entries(const void *a, const void *b)
{
    return str_compare(((const struct vcs_entry *)a)->path, ((const struct vcs_entry *)b)->path);
}

struct error *vcs_list_some(struct vcs *vcs, struct arena *arena, struct str commit,
                            const struct vcs_listing *wanted, struct vcs_entry_vec *ret)
{
    AUTO(git2_drop_tree) git_tree *tree = NULL;
    TRY(vcs_tree_of(vcs, commit, &tree));
    struct listing listing = {.wanted = wanted, .arena = arena};
    int status = 0;
    if (is_new(wanted->seen, git2()->object_id((const git_object *)tree), 0))
        status = git2()->tree_walk(tree, GIT_TREEWALK_PRE, visit_entry, &listing);
    if (listing.is_too_deep)
        return error_new(ERROR_MACHINE, "commit %.*s of '%s' nests directories deeper than %lld",
                         STR_FMT(commit), vcs->top, (long long)LIMIT_TREE_DEPTH);
    TRY_GIT(status, "the files of commit %.*s of '%s' can't be listed", STR_FMT(commit), vcs->top);
    vec_sort(&listing.entries, compare_entries);
    *ret = listing.entries;
    return NULL;
}

struct error *vcs_list(struct vcs *vcs, struct arena *arena, struct str commit, struct str suffix,
                       struct vcs_path_vec *ret)
{
    struct vcs_entry_vec entries = {0};
    *ret = (struct vcs_path_vec){0};
    TRY(vcs_list_some(vcs, arena, commit, &(struct vcs_listing){&suffix, 1, NULL}, &entries));
    vec_each (const struct vcs_entry, entry, &entries)
        *vec_push(arena, ret) = entry->path;
    return NULL;
}

struct error *vcs_read_entry(struct vcs *vcs, struct arena *arena, const struct vcs_entry *entry,
                             int64_t bytes_most, struct str *ret)
{
    git_oid id;
    struct str path = str_copy(arena, entry->path);
    TRY_GIT(git2()->oid_fromstrn(&id, entry->blob.at, entry->blob.len),
            "'%.*s' is not the id of a file", STR_FMT(entry->blob));
    return vcs_blob(vcs, arena, &id, path.at, bytes_most, ret);
}

void vcs_seen_drop(struct vcs_seen *seen)
{
    arena_drop(&seen->memory);
}
