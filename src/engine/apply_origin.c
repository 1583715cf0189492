/* What a run was made from: the snapshot of its sweep, else its commit with its patch. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/codec/patch.h"
#include "mlops/engine/code.h"
#include "mlops/model/name.h"

#include "apply_private.h"

/* A path of the repository as one of the project; false: it lies outside. */
static bool inside(struct origin *origin, struct str path, struct str *ret)
{
    struct session *session = origin->session;
    struct str marker = session_vcs_path(session, session->arena, STR("x"));
    struct str prefix = str_slice(marker, 0, marker.len - 1);
    if (!str_starts(path, prefix))
        return false;
    *ret = str_slice(path, prefix.len, path.len);
    return path_fault(*ret) == NULL;
}

static void touch(struct origin *origin, struct str path)
{
    struct str inner = {0};
    if (inside(origin, path, &inner))
        *vec_push(origin->session->arena, &origin->touched) = inner;
}

static FALLIBLE load_tree(struct origin *origin, struct digest tree)
{
    struct session *session = origin->session;
    struct worktree_file *files = NULL;
    size_t count = 0;
    if (digest_is_zero(tree) || !session->cas)
        return NULL;
    TRY(cas_has(session->cas, tree, &origin->has_tree));
    if (!origin->has_tree)
        return NULL;
    TRY(snapshot_files(session, session->arena, tree, &files, &count));
    for (size_t i = 0; i < count; i++)
        map_put(session->arena, &origin->files, files[i].path, &files[i]);
    return NULL;
}

static FALLIBLE load_patch(struct origin *origin, struct digest digest, struct str *ret,
                           bool *ret_found)
{
    struct session *session = origin->session;
    *ret = (struct str){0};
    *ret_found = digest_is_zero(digest);
    if (*ret_found || !session->cas)
        return NULL;
    return cas_get_bytes(session->cas, session->arena, digest, LIMIT_PATCH_BYTES, ret, ret_found);
}

/* Only which files it names: the tree has them. */
static FALLIBLE note_touched(struct origin *origin, struct str patch)
{
    struct patch_file_vec files = {0};
    TRY(patch_parse(origin->session->arena, patch, &files));
    vec_each (const struct patch_file, file, &files)
        touch(origin, file->path);
    return NULL;
}

static FALLIBLE apply_patch(struct origin *origin, struct str patch)
{
    struct session *session = origin->session;
    struct vcs_file_vec files = {0};
    struct vcs_path_vec lacks = {0};
    struct str inner = {0};
    TRY(vcs_apply(session->vcs, session->arena, origin->commit, patch, &files, &lacks));
    vec_each (struct vcs_file, file, &files) {
        touch(origin, file->path);
        if (inside(origin, file->path, &inner))
            map_put(session->arena, &origin->patched, inner, file);
    }
    vec_each (const struct str, path, &lacks) {
        if (inside(origin, *path, &inner))
            map_put(session->arena, &origin->lacks, inner, origin);
    }
    return NULL;
}

static FALLIBLE find_origin(struct origin *origin, const struct run *run, struct code_state *ret,
                            struct digest *ret_tree)
{
    struct session *session = origin->session;
    struct ledger *ledger = NULL;
    struct sweep_row row = {0};
    struct trial trial = {0};
    bool found = false;
    TRY(session_ledger(session, &ledger));
    TRY(sweeps_of_run(ledger, session->arena, run->id, &row, &trial, &found));
    TRY(code_of_run(session, run, ret));
    if (found)
        *ret = row.code;
    *ret_tree = row.snapshot;
    origin->overrides = trial.overrides;
    return NULL;
}

static FALLIBLE check_commit(struct origin *origin)
{
    bool found = false;
    struct str id = {0};
    struct session *session = origin->session;
    if (!session->vcs)
        return error_hint(error_new(ERROR_ANSWER,
                                    "the run was made from git commit %.*s, and there is no git "
                                    "repository here",
                                    STR_FMT(str_slice(origin->commit, 0, 12))),
                          "--params-only applies its parameters alone");
    TRY(vcs_resolve(session->vcs, session->arena, origin->commit, &id, &found));
    if (!found)
        return error_hint(error_new(ERROR_ANSWER,
                                    "git commit %.*s, which the run was made from, is not in this "
                                    "clone",
                                    STR_FMT(str_slice(origin->commit, 0, 12))),
                          "git fetch, in a shallow clone with --unshallow");
    return NULL;
}

FALLIBLE origin_open(struct session *session, const struct run *run, struct origin *ret)
{
    struct vcs *vcs = NULL;
    struct code_state code = {0};
    struct digest tree = {{0}};
    struct str patch = {0};
    bool found = false;
    *ret = (struct origin){.session = session};
    TRY(session_vcs(session, &vcs));
    TRY(find_origin(ret, run, &code, &tree));
    TRY(load_tree(ret, tree));
    TRY(load_patch(ret, code.patch, &patch, &found));
    ret->commit = code.commit;
    if (ret->has_tree)
        return note_touched(ret, patch);
    if (!found)
        return error_hint(error_new(ERROR_ANSWER,
                                    "the changes of the code that the run was made from are no "
                                    "more in the store: gc has removed them"),
                          "'mlops gc' keeps what tagged runs need: mlops tag RUN NAME");
    if (!ret->commit.len && !patch.len)
        return NULL; /* outside of git nothing is known but what recipes say */
    if (ret->commit.len)
        TRY(check_commit(ret));
    return vcs ? apply_patch(ret, patch) : NULL;
}

static FALLIBLE read_tree(struct origin *origin, struct str path, struct origin_file *ret)
{
    struct session *session = origin->session;
    const struct worktree_file *file = map_get(&origin->files, path);
    bool found = false;
    *ret = (struct origin_file){.is_known = true};
    if (!file)
        return NULL;
    ret->mode = file->kind == TREE_SYMLINK      ? 0120000
                : file->kind == TREE_EXECUTABLE ? 0100755
                                                : 0100644;
    TRY(cas_get_bytes(session->cas, session->arena, file->digest, LIMIT_EXCHANGE_BYTES, &ret->bytes,
                      &found));
    return found ? NULL
                 : error_new(ERROR_STORED, "the snapshot's copy of '%.*s' is damaged or gone",
                             STR_FMT(path));
}

static FALLIBLE read_commit(struct origin *origin, struct str path, struct origin_file *ret)
{
    struct session *session = origin->session;
    const struct vcs_file *patched = map_get(&origin->patched, path);
    struct vcs_file file = {0};
    bool found = false;
    *ret = (struct origin_file){0};
    if (map_has(&origin->lacks, path) || path_fault(path))
        return NULL;
    if (!patched && origin->commit.len && session->vcs) {
        TRY(vcs_file(session->vcs, session->arena, origin->commit,
                     session_vcs_path(session, session->arena, path), LIMIT_EXCHANGE_BYTES, &file,
                     &found));
        patched = found ? &file : NULL;
    }
    if (patched)
        *ret = (struct origin_file){true, patched->mode, patched->bytes};
    return NULL;
}

FALLIBLE origin_read(struct origin *origin, struct str path, struct origin_file *ret)
{
    return origin->has_tree ? read_tree(origin, path, ret) : read_commit(origin, path, ret);
}

static FALLIBLE list_commit(struct origin *origin, struct str directory, struct map *ret)
{
    struct session *session = origin->session;
    struct vcs_path_vec paths = {0};
    struct str inner = {0};
    if (!origin->commit.len || !session->vcs)
        return NULL;
    TRY(vcs_list(session->vcs, session->arena, origin->commit, STR(""), &paths));
    vec_each (const struct str, path, &paths) {
        if (inside(origin, *path, &inner) && path_is_within(inner, directory))
            map_put(session->arena, ret, inner, origin);
    }
    return NULL;
}

FALLIBLE origin_list(struct origin *origin, struct str directory, struct str_vec *ret)
{
    struct arena *arena = origin->session->arena;
    struct map paths = {0};
    if (!origin->has_tree)
        TRY(list_commit(origin, directory, &paths));
    map_each (item, origin->has_tree ? &origin->files : &origin->patched) {
        if (path_is_within(item->key, directory))
            map_put(arena, &paths, item->key, origin);
    }
    map_each (item, &paths) {
        struct origin_file file = {0};
        if (!origin->has_tree)
            TRY(origin_read(origin, item->key, &file));
        if (origin->has_tree || file.mode)
            *vec_push(arena, ret) = item->key;
    }
    return NULL;
}
