/* The files of a work directory. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/signal.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "work_dir_private.h"

struct filling {
    struct making *making;
    struct worktree_file *files;
    size_t count;
    struct file_stat *stats; /* of regular files that were put in place */
    bool *is_put;
    struct map passed; /* paths that come from elsewhere or not at all */
    _Atomic bool is_missing;
};

static FALLIBLE make_parents(struct making *making, const struct worktree_file *files, size_t count)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct map made = {0};
    for (size_t i = 0; i < count; i++) {
        struct str directory = path_directory(files[i].path);
        if (!directory.len || map_has(&made, directory))
            continue;
        TRY(directory_make(making->top_fd, str_terminate(&scratch, directory), false));
        map_put(&scratch, &made, directory, making);
    }
    vec_each (const struct str, path, &making->notes.empty)
        TRY(directory_make(making->top_fd, str_terminate(&scratch, *path), false));
    return NULL;
}

static FALLIBLE put_link(struct filling *filling, const struct worktree_file *file, bool *ret_found)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str target = {0};
    struct making *making = filling->making;
    TRY(cas_get_bytes(making->session->cas, &scratch, file->digest, LIMIT_PATH_BYTES, &target,
                      ret_found));
    if (*ret_found &&
        symlinkat(target.at, making->top_fd, str_terminate(&scratch, file->path)) != 0)
        return error_os(errno, "cannot make the link '%.*s'", STR_FMT(file->path));
    return NULL;
}

static FALLIBLE put_one(void *context, size_t index)
{
    struct filling *filling = context;
    struct making *making = filling->making;
    const struct worktree_file *file = &filling->files[index];
    bool is_found = true;
    if (map_has(&filling->passed, file->path) || atomic_load(&filling->is_missing))
        return NULL;
    if (file->kind == TREE_SYMLINK) {
        TRY(put_link(filling, file, &is_found));
    } else {
        AUTO(arena_drop) struct arena scratch = {0};
        TRY(cas_checkout(making->session->cas, file->digest, file->kind == TREE_EXECUTABLE,
                         making->top_fd, str_terminate(&scratch, file->path),
                         &filling->stats[index], &is_found));
        filling->is_put[index] = is_found;
    }
    if (!is_found)
        atomic_store(&filling->is_missing, true);
    return NULL;
}

static bool is_stopped(void)
{
    return signal_first() != 0;
}

static FALLIBLE put_all(struct filling *filling)
{
    struct session *session = filling->making->session;
    cas_warm(session->cas);
    TRY(cas_hold(session->cas));
    struct error *error = pool_run(session->pool, filling->count, put_one, filling, is_stopped);
    cas_release(session->cas);
    TRY(error);
    TRY(signal_check());
    if (atomic_load(&filling->is_missing))
        return error_hint(error_new(ERROR_STORED, "the store lacks files of the snapshot"),
                          "'mlops verify' tells more; a new sweep takes a new snapshot");
    return NULL;
}

/* What was put in place is known: nothing is hashed again. */
static FALLIBLE note_files(struct filling *filling)
{
    struct making *making = filling->making;
    struct index *index = NULL;
    AUTO(arena_drop) struct arena scratch = {0};
    struct str path = path_join(&scratch, making->work_dir.path, STR(".mlops/index.db"));
    TRY(index_open(&scratch, path.at, false, &index));
    for (size_t i = 0; i < filling->count; i++) {
        const struct worktree_file *file = &filling->files[i];
        if (filling->is_put[i])
            index_note(index, file->path, &filling->stats[i], file->digest, INT64_MAX);
    }
    struct error *error = index_save(index);
    index_drop(&index);
    return error;
}

static const struct worktree_file *file_named(const struct filling *filling, struct str path)
{
    for (size_t i = 0; i < filling->count; i++)
        if (str_equal(filling->files[i].path, path))
            return &filling->files[i];
    return NULL;
}

/* What a link of the snapshot leads to; NULL: nothing that is in it. */
static FALLIBLE behind_links(struct filling *filling, struct arena *arena, struct str path,
                             const struct worktree_file **ret)
{
    enum { LINKS_MOST = 40 };
    *ret = file_named(filling, path);
    for (int i = 0; *ret && (*ret)->kind == TREE_SYMLINK; i++) {
        struct str target = {0}, next = {0};
        bool is_found = false;
        TRY(cas_get_bytes(filling->making->session->cas, arena, (*ret)->digest, LIMIT_PATH_BYTES,
                          &target, &is_found));
        bool is_inside = is_found && i < LINKS_MOST &&
                         path_resolve(arena, path_directory((*ret)->path), target, &next);
        *ret = is_inside ? file_named(filling, next) : NULL;
    }
    return NULL;
}

static FALLIBLE override_file(struct filling *filling, struct str path)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct making *making = filling->making;
    struct str before = {0}, after = {0};
    bool is_found = false;
    const struct worktree_file *file = NULL;
    TRY(behind_links(filling, &scratch, path, &file));
    if (file)
        TRY(snapshot_read(making->session, &scratch, making->options->snapshot, file->path, &before,
                          &is_found));
    if (!is_found)
        return error_hint(error_new(ERROR_PROJECT,
                                    "'%.*s', which the trial is to change, is not in "
                                    "its snapshot",
                                    STR_FMT(path)),
                          "a file of parameters that a stage makes, a pointer tracks, or a link "
                          "leads to outside of the project can't be changed by an experiment");
    enum doc_dialect dialect = making->notes.is_dvc ? DOC_DVC : DOC_NATIVE;
    TRY(override_apply(&scratch, path, before, dialect, making->options->overrides, path, &after));
    return file_publish(making->top_fd, str_terminate(&scratch, file->path), after,
                        file->kind == TREE_EXECUTABLE ? 0755 : 0644, false);
}

static FALLIBLE override_all(struct filling *filling)
{
    const struct override_vec *overrides = filling->making->options->overrides;
    AUTO(arena_drop) struct arena scratch = {0};
    struct map done = {0};
    for (size_t i = 0; overrides && i < overrides->len; i++) {
        struct str path = overrides->at[i].file;
        if (map_has(&done, path))
            continue;
        map_put(&scratch, &done, path, filling);
        TRY(override_file(filling, path));
    }
    return NULL;
}

static void pass_over(struct filling *filling)
{
    const struct making *making = filling->making;
    const struct override_vec *overrides = making->options->overrides;
    for (size_t i = 0; overrides && i < overrides->len; i++) {
        const struct worktree_file *file = file_named(filling, overrides->at[i].file);
        if (file && file->kind != TREE_SYMLINK)
            map_put(making->arena, &filling->passed, file->path, filling);
    }
    for (size_t i = 0; making->options->without_results && i < making->notes.locks.len; i++)
        map_put(making->arena, &filling->passed, making->notes.locks.at[i], filling);
}

FALLIBLE making_fill(struct making *making)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct filling filling = {.making = making};
    TRY(snapshot_files(making->session, &scratch, making->options->snapshot, &filling.files,
                       &filling.count));
    filling.stats = arena_new_array(&scratch, struct file_stat, filling.count + 1);
    filling.is_put = arena_new_array(&scratch, bool, filling.count + 1);
    pass_over(&filling);
    TRY(make_parents(making, filling.files, filling.count));
    TRY(put_all(&filling));
    TRY(override_all(&filling));
    return note_files(&filling);
}
