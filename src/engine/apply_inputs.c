/* What stages read that no stage makes: by the digests of their recipes, from the run's origin or,
 * where pointers track it, from the store. */
#include "mlops/base/arena.h"
#include "mlops/model/name.h"
#include "mlops/model/pointer.h"

#include "apply_private.h"

static bool is_made(const struct applying *applying, struct str path)
{
    for (struct str at = path; at.len; at = path_directory(at)) {
        if (map_has(&applying->made, at))
            return true;
    }
    return false;
}

static FALLIBLE is_there(struct applying *applying, const struct recipe_dep *dep, bool *ret)
{
    struct artifact now = {0};
    struct error *error = worktree_look(applying->session->worktree, dep->path, LOOK_DEP, &now);
    if (error && error->code >= ERROR_SIGNAL)
        return error;
    *ret = !error && now.kind == dep->kind && digest_equal(now.digest, dep->digest) &&
           (dep->kind != ARTIFACT_FILE || now.is_executable == dep->is_executable);
    error_drop(error);
    return NULL;
}

/* --- from the origin --- */

static FALLIBLE take_file(struct applying *applying, const struct recipe_dep *dep, bool *ret)
{
    struct origin_file file = {0};
    TRY(origin_read(&applying->origin, dep->path, &file));
    *ret = file.is_known && file.mode &&
           digest_equal(digest_of(file.bytes.at, file.bytes.len), dep->digest);
    return *ret ? apply_file(applying, dep->path, ret) : NULL;
}

/* The files of the origin in a directory, with their paths below it. */
static FALLIBLE list_source(struct applying *applying, struct str directory,
                            struct worktree_file **ret, size_t *ret_count)
{
    struct arena *arena = applying->session->arena;
    struct str_vec paths = {0};
    TRY(origin_list(&applying->origin, directory, &paths));
    struct worktree_file *files = arena_new_array(arena, struct worktree_file, paths.len);
    for (size_t i = 0; i < paths.len; i++) {
        struct origin_file file = {0};
        TRY(origin_read(&applying->origin, paths.at[i], &file));
        files[i] = (struct worktree_file){
            .path = str_slice(paths.at[i], directory.len + (directory.len > 0), paths.at[i].len),
            .digest = digest_of(file.bytes.at, file.bytes.len),
            .size_bytes = (int64_t)file.bytes.len,
            .kind = file.mode == 0120000   ? TREE_SYMLINK
                    : file.mode == 0100755 ? TREE_EXECUTABLE
                                           : TREE_FILE};
    }
    *ret = files;
    *ret_count = paths.len;
    return NULL;
}

/* What only the work tree has in it would be read, too. */
static FALLIBLE remove_others(struct applying *applying, struct str directory)
{
    struct session *session = applying->session;
    struct worktree_file *now = NULL;
    size_t count = 0;
    const struct apply_content gone = {0};
    TRY(worktree_list_files(session->worktree, session->arena, directory, LOOK_DEP, &now, &count));
    for (size_t i = 0; i < count; i++) {
        struct origin_file file = {0};
        TRY(origin_read(&applying->origin, now[i].path, &file));
        if (!file.mode)
            TRY(apply_content(applying, now[i].path, &gone));
    }
    return NULL;
}

static FALLIBLE take_tree(struct applying *applying, const struct recipe_dep *dep, bool *ret)
{
    struct session *session = applying->session;
    struct worktree_file *files = NULL;
    struct artifact made = {0};
    size_t count = 0;
    bool known = false;
    *ret = false;
    TRY(list_source(applying, dep->path, &files, &count));
    if (count)
        TRY(worktree_tree_of(session->worktree, dep->path, files, count, LOOK_DEP, false, &made));
    *ret = count && digest_equal(made.digest, dep->digest);
    for (size_t i = 0; *ret && i < count; i++)
        TRY(apply_file(applying, path_join(session->arena, dep->path, files[i].path), &known));
    return *ret ? remove_others(applying, dep->path) : NULL;
}

/* --- from the store --- */

static FALLIBLE restore_data(struct applying *applying, const struct pointer *pointer, bool *ret)
{
    struct session *session = applying->session;
    struct worktree_change change = {0};
    bool is_saved = true;
    struct str path = pointer->artifact.path;
    TRY(worktree_foresee(session->worktree, &pointer->artifact, &change, ret));
    if (!*ret || map_put(session->arena, &applying->planned, path, applying))
        return NULL;
    if (change.displaced)
        TRY(apply_is_path_saved(session, path, &is_saved));
    *vec_push(session->arena, &applying->report.changes) =
        (struct apply_change){.kind = APPLY_OUTPUT, .path = path, .is_unsaved = !is_saved};
    *vec_push(session->arena, &applying->restores) = pointer->artifact;
    return NULL;
}

/* The pointer that the origin has for the path or a directory above it comes with its data. */
static FALLIBLE take_pointed(struct applying *applying, const struct recipe_dep *dep, bool *ret)
{
    struct arena *arena = applying->session->arena;
    bool known = false;
    *ret = false;
    for (struct str at = dep->path; at.len && !*ret; at = path_directory(at)) {
        struct str file = pointer_file_of(arena, at);
        struct origin_file there = {0};
        struct pointer *pointer = arena_new(arena, struct pointer);
        TRY(origin_read(&applying->origin, file, &there));
        if (!there.is_known || !there.mode)
            continue;
        TRY(pointer_parse(arena, file, there.bytes, file, pointer));
        bool is_it = at.len < dep->path.len ||
                     digest_equal(pointer->artifact.digest, dep->digest) ||
                     dep->kind == ARTIFACT_TREE;
        if (is_it)
            TRY(restore_data(applying, pointer, ret));
        if (*ret)
            TRY(apply_file(applying, file, &known));
    }
    return NULL;
}

/* What DVC's .dvc file tracks: the file comes, the data when a run needs them. */
static FALLIBLE take_dvc(struct applying *applying, const struct recipe_dep *dep, bool *ret)
{
    struct arena *arena = applying->session->arena;
    *ret = false;
    for (struct str at = dep->path; at.len && !*ret; at = path_directory(at)) {
        struct str file = str_print(arena, "%.*s.dvc", STR_FMT(at));
        struct origin_file there = {0};
        TRY(origin_read(&applying->origin, file, &there));
        if (there.is_known && there.mode)
            TRY(apply_file(applying, file, ret));
    }
    return NULL;
}

static FALLIBLE take_dependency(struct applying *applying, struct str stage,
                                const struct recipe_dep *dep)
{
    bool done = false;
    TRY(is_there(applying, dep, &done));
    if (!done && dep->kind == ARTIFACT_FILE)
        TRY(take_file(applying, dep, &done));
    if (!done && dep->kind == ARTIFACT_TREE)
        TRY(take_tree(applying, dep, &done));
    if (!done)
        TRY(take_pointed(applying, dep, &done));
    if (!done)
        TRY(take_dvc(applying, dep, &done));
    if (!done)
        error_list_add(&applying->missing,
                       error_new(ERROR_ANSWER,
                                 "'%.*s' is not what stage '%.*s' read in that run, and neither "
                                 "git nor the store has what it read",
                                 STR_FMT(dep->path), STR_FMT(stage)));
    return NULL;
}

FALLIBLE apply_inputs(struct applying *applying)
{
    struct map seen = {0};
    for (size_t i = 0; i < applying->state.count; i++) {
        const struct recipe *recipe = applying->recipes[i];
        for (size_t k = 0; recipe && k < recipe->dep_count; k++) {
            const struct recipe_dep *dep = &recipe->deps[k];
            if (is_made(applying, dep->path) ||
                map_put(applying->session->arena, &seen, dep->path, applying))
                continue;
            TRY(take_dependency(applying, applying->state.entries[i].stage, dep));
        }
    }
    return NULL;
}
