/* The snapshot of a commit, out of git's objects. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/model/dvc.h"
#include "mlops/model/name.h"
#include "mlops/store/pointers.h"

#include <stdlib.h>

#include "snapshot_private.h"

enum { MODE_LINK = 0120000, MODE_EXECUTABLE = 0100755, LISTED_MOST = 10 };

static const int64_t FILE_BYTES_MOST = 1073741824;

struct committed {
    struct snapshot_taking *taking;
    struct str commit;
    struct map patched; /* path from the top -> const struct vcs_file * of the patch */
    struct map lacking; /* paths whose content the patch only mentions */
    struct str_vec missing;
};

static struct str inner_path(const struct committed *committed, struct str path)
{
    size_t skip = committed->taking->prefix.len;
    return str_slice(path, skip, path.len);
}

/* --- files --- */

/* What git-lfs puts in the place of a file: the digest is ours, too. */
static bool is_lfs(struct str bytes, struct digest *ret, int64_t *ret_bytes)
{
    const struct str head = STR("version https://git-lfs.github.com/spec/v1\n");
    struct str line = {0}, rest = bytes;
    bool has_digest = false, has_size = false;
    if (bytes.len > 1024 || !str_starts(bytes, head))
        return false;
    while (rest.len && str_split(&rest, '\n', &line)) {
        if (str_starts(line, STR("oid ")))
            has_digest = digest_parse(str_slice(line, 4, line.len), ret);
        if (str_starts(line, STR("size "))) {
            *ret_bytes = strtoll(line.at + 5, NULL, 10);
            has_size = *ret_bytes > 0;
        }
    }
    return has_digest && has_size;
}

/* Whether the store has a file of this digest; if the work tree has it, it gets it. */
static FALLIBLE find_content(struct committed *committed, struct str path, struct digest digest,
                             bool *ret)
{
    struct session *session = committed->taking->session;
    struct artifact now = {0};
    TRY(cas_has(session->cas, digest, ret));
    if (*ret)
        return NULL;
    struct error *error = worktree_look(session->worktree, path, LOOK_DEP, &now);
    if (!error && now.kind == ARTIFACT_FILE && digest_equal(now.digest, digest))
        error = worktree_capture(session->worktree, path, &now);
    if (error && error->code >= ERROR_SIGNAL)
        return error;
    *ret = !error && digest_equal(now.digest, digest);
    error_drop(error);
    return NULL;
}

static void put(struct committed *committed, struct str path, struct digest digest,
                int64_t size_bytes, enum tree_kind kind)
{
    struct snapshot_taking *taking = committed->taking;
    struct snapshot_member *member = arena_new(&taking->arena, struct snapshot_member);
    *member = (struct snapshot_member){.path = str_copy(&taking->arena, path),
                                       .has_digest = true,
                                       .digest = digest,
                                       .kind = kind,
                                       .size_bytes = size_bytes};
    if (!map_has(&taking->members, path))
        snapshot_put(taking, member);
}

static FALLIBLE add_file(struct committed *committed, const struct vcs_file *file)
{
    struct session *session = committed->taking->session;
    struct str path = inner_path(committed, file->path);
    struct digest digest = {{0}};
    int64_t size_bytes = (int64_t)file->bytes.len;
    enum tree_kind kind = file->mode == MODE_LINK         ? TREE_SYMLINK
                          : file->mode == MODE_EXECUTABLE ? TREE_EXECUTABLE
                                                          : TREE_FILE;
    if (!snapshot_may_hold(committed->taking, path))
        return NULL;
    if (kind != TREE_SYMLINK && is_lfs(file->bytes, &digest, &size_bytes)) {
        bool is_here = false;
        TRY(find_content(committed, path, digest, &is_here));
        if (!is_here)
            *vec_push(&committed->taking->arena, &committed->missing) = path;
    } else {
        TRY(cas_put_bytes(session->cas, file->bytes, &digest));
    }
    put(committed, path, digest, size_bytes, kind);
    return NULL;
}

static FALLIBLE add_committed(struct committed *committed, struct str path)
{
    struct snapshot_taking *taking = committed->taking;
    AUTO(arena_drop) struct arena scratch = {0};
    struct vcs_file file = {0};
    bool is_found = false;
    if (str_ends(path, STR("/"))) /* a submodule: another repository has its files */
        return NULL;
    const struct vcs_file *patched = map_get(&committed->patched, path);
    if (patched)
        return NULL;
    TRY(vcs_file(taking->vcs, &scratch, committed->commit, path, FILE_BYTES_MOST, &file,
                 &is_found));
    file.path = path;
    return is_found ? add_file(committed, &file) : NULL;
}

/* A patch only mentions binary files: what the work tree has now may be another thing. */
static FALLIBLE apply_patch(struct committed *committed, struct digest patch)
{
    struct snapshot_taking *taking = committed->taking;
    struct vcs_path_vec lacks = {0};
    struct vcs_file_vec *files = arena_new(&taking->arena, struct vcs_file_vec);
    struct str bytes = {0};
    bool is_found = false;
    if (digest_is_zero(patch))
        return NULL;
    TRY(cas_get_bytes(taking->session->cas, &taking->arena, patch, FILE_BYTES_MOST, &bytes,
                      &is_found));
    if (!is_found)
        return error_new(ERROR_STORED,
                         "the store does not have the changes that the run was made "
                         "with on top of commit %.*s",
                         STR_FMT(committed->commit));
    TRY(vcs_apply(taking->vcs, &taking->arena, committed->commit, bytes, files, &lacks));
    vec_each (const struct vcs_file, file, files)
        map_put(&taking->arena, &committed->patched, file->path, (void *)(uintptr_t)file);
    vec_each (const struct str, path, &lacks)
        *vec_push(&taking->arena, &committed->missing) = inner_path(committed, *path);
    vec_each (const struct vcs_file, file, files) {
        bool is_ours = str_starts(file->path, taking->prefix);
        if (file->mode && is_ours)
            TRY(add_file(committed, file));
    }
    return NULL;
}

static FALLIBLE add_files(struct committed *committed)
{
    struct snapshot_taking *taking = committed->taking;
    struct vcs_path_vec paths = {0};
    struct str directory =
        str_slice(taking->prefix, 0, taking->prefix.len - (taking->prefix.len > 0));
    if (!committed->commit.len)
        return NULL;
    TRY(vcs_files_of_commit(taking->vcs, &taking->arena, committed->commit, directory, &paths));
    vec_each (const struct str, path, &paths)
        TRY(add_committed(committed, *path));
    return NULL;
}

/* --- dependencies --- */

/* The commit has it, or something in it. */
static bool is_committed(const struct committed *committed, struct str path)
{
    const struct snapshot_taking *taking = committed->taking;
    return map_has(&taking->members, path) || map_has(&taking->holders, path);
}

static FALLIBLE take_dependency(struct committed *committed, const struct recipe_dep *dep)
{
    struct snapshot_taking *taking = committed->taking;
    struct artifact now = {0};
    bool is_here = false, is_outside = path_fault(dep->path) != NULL;
    if (is_outside || is_committed(committed, dep->path) ||
        snapshot_is_left_out(taking, dep->path) || dep->kind == ARTIFACT_ABSENT)
        return NULL;
    if (dep->kind == ARTIFACT_FILE)
        TRY(find_content(committed, dep->path, dep->digest, &is_here));
    if (is_here) {
        put(committed, dep->path, dep->digest, dep->size_bytes,
            dep->is_executable ? TREE_EXECUTABLE : TREE_FILE);
        return NULL;
    }
    TRY(worktree_look(taking->session->worktree, dep->path, LOOK_DEP, &now));
    if (now.kind == dep->kind && digest_equal(now.digest, dep->digest))
        return snapshot_need(taking, dep->path);
    *vec_push(&taking->arena, &committed->missing) = str_copy(&taking->arena, dep->path);
    return NULL;
}

/* What a stage made then is made again, or restored. */
static void leave_outputs(struct committed *committed, const struct lockfile *lock)
{
    map_each (item, &lock->entries) {
        const struct lock_entry *entry = item->value;
        for (size_t i = 0; i < entry->out_count; i++)
            if (entry->outs[i].is_stored)
                snapshot_leave_out(committed->taking, entry->outs[i].path);
    }
}

static FALLIBLE read_lock(struct committed *committed, struct str path, struct lockfile *ret,
                          bool *ret_found)
{
    struct snapshot_taking *taking = committed->taking;
    const struct snapshot_member *member = map_get(&taking->members, path);
    struct str bytes = {0};
    *ret_found = member && member->has_digest;
    if (*ret_found)
        TRY(cas_get_bytes(taking->session->cas, &taking->arena, member->digest, LIMIT_LOCK_BYTES,
                          &bytes, ret_found));
    return *ret_found ? lockfile_parse(&taking->arena, path, bytes, ret) : NULL;
}

static FALLIBLE add_dependencies(struct committed *committed)
{
    struct snapshot_taking *taking = committed->taking;
    const struct str_vec *paths = &taking->notes.locks;
    struct lockfile *locks = arena_new_array(&taking->arena, struct lockfile, paths->len + 1);
    for (size_t i = 0; i < paths->len; i++) {
        bool is_found = false;
        TRY(read_lock(committed, paths->at[i], &locks[i], &is_found));
        if (is_found)
            leave_outputs(committed, &locks[i]);
    }
    for (size_t i = 0; i < paths->len; i++) {
        map_each (item, &locks[i].entries) {
            const struct recipe *recipe = &((const struct lock_entry *)item->value)->recipe;
            for (size_t d = 0; d < recipe->dep_count; d++)
                TRY(take_dependency(committed, &recipe->deps[d]));
        }
    }
    return NULL;
}

static FALLIBLE leave_tracked(struct committed *committed)
{
    struct snapshot_taking *taking = committed->taking;
    struct session *session = taking->session;
    struct pointer_vec pointers = {0};
    if (!committed->commit.len)
        return NULL;
    TRY(pointers_load_commit(&taking->arena, &session->workspace, taking->vcs, committed->commit,
                             &pointers));
    for (size_t i = 0; i < pointers.len; i++)
        snapshot_leave_out(taking, pointers.at[i]->artifact.path);
    return NULL;
}

static FALLIBLE tell_missing(const struct committed *committed)
{
    const struct str_vec *missing = &committed->missing;
    AUTO(buf_drop) struct buf text = {0};
    if (!missing->len)
        return NULL;
    for (size_t i = 0; i < missing->len && i < LISTED_MOST; i++)
        buf_print(&text, "%s'%.*s'", i ? ", " : "", STR_FMT(missing->at[i]));
    if (missing->len > LISTED_MOST)
        buf_print(&text, " and %zu more", missing->len - LISTED_MOST);
    return error_hint(
        error_new(ERROR_PROJECT, "what commit %.*s was run with is not all here: %s",
                  STR_FMT(committed->commit), text.at),
        "git does not hold these files, and what lies there now is another version: put back the "
        "one of that time");
}

static FALLIBLE find_commit(struct committed *committed)
{
    struct snapshot_taking *taking = committed->taking;
    struct str revision = committed->commit;
    bool is_found = false;
    if (!revision.len) /* before the first one there is only the patch */
        return NULL;
    TRY(vcs_resolve(taking->vcs, &taking->arena, revision, &committed->commit, &is_found));
    if (is_found)
        return NULL;
    return error_hint(error_new(ERROR_PROJECT, "git knows no commit '%.*s'", STR_FMT(revision)),
                      "in a shallow clone: git fetch --unshallow");
}

static FALLIBLE take(struct committed *committed, struct digest patch, struct snapshot *ret)
{
    struct snapshot_taking *taking = committed->taking;
    struct session *session = taking->session;
    TRY(snapshot_prepare(taking));
    if (!taking->vcs)
        return error_hint(error_new(ERROR_PROJECT, "'%.*s' is in no git repository",
                                    STR_FMT(session->workspace.root)),
                          "without git there are no commits to go back to");
    TRY(find_commit(committed));
    TRY(leave_tracked(committed));
    TRY(apply_patch(committed, patch));
    TRY(add_files(committed));
    TRY(add_dependencies(committed));
    TRY(tell_missing(committed));
    taking->is_commit = true;
    TRY(snapshot_walk(taking));
    ret->code = (struct code_state){.commit = str_copy(session->arena, committed->commit),
                                    .is_dirty = digest_is_zero(patch) ? 0 : 1,
                                    .patch = patch};
    TRY(vcs_remote(taking->vcs, session->arena, &ret->code.remote));
    return snapshot_store(taking, ret);
}

FALLIBLE snapshot_of_commit(struct session *session, struct str commit, struct digest patch,
                            struct str written, struct snapshot *ret)
{
    struct snapshot_taking taking = {.session = session};
    snapshot_unshare(&taking, written);
    struct committed committed = {.taking = &taking, .commit = commit};
    struct snapshot made = {0};
    struct error *error = take(&committed, patch, &made);
    arena_drop(&taking.arena);
    if (error)
        return error_within(error, "cannot make the project as it was at commit %.*s",
                            STR_FMT(commit));
    *ret = made;
    return NULL;
}
