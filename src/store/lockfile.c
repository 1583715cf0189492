#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/file.h"

#include <stdlib.h>

#include "lockfile_private.h"

static int by_path(const void *a, const void *b)
{
    const struct lockfile *const *left = a;
    const struct lockfile *const *right = b;
    return str_compare((*left)->path, (*right)->path);
}

struct digest lockfile_digest_all(const struct lockfile *locks, size_t count)
{
    AUTO(arena_drop) struct arena scratch = {0};
    const struct lockfile **there = arena_new_array(&scratch, const struct lockfile *, count);
    struct buf text = buf_in(&scratch);
    size_t there_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!digest_is_zero(locks[i].digest))
            there[there_count++] = &locks[i];
    }
    if (there_count <= 1)
        return there_count ? there[0]->digest : (struct digest){{0}};
    qsort(there, there_count, sizeof *there, by_path);
    for (size_t i = 0; i < there_count; i++)
        buf_print(&text, "%.*s %.*s\n", STR_FMT(there[i]->path), DIGEST_HEX_LEN,
                  digest_hex(&scratch, there[i]->digest).at);
    return digest_of(text.at, text.len);
}

void lockfile_remember(struct index *index, const struct lockfile *lockfile)
{
    AUTO(buf_drop) struct buf blob = {0};
    char hex[DIGEST_HEX_LEN + 1];
    digest_print(lockfile->digest, hex);
    lock_encode(lockfile, &blob);
    index_set_blob(index, STR("lock"), str_of(hex), buf_str(&blob));
}

/* A blob that does not decode counts as absent. */
static bool recall(struct arena *arena, struct index *index, struct digest digest,
                   struct lockfile *ret)
{
    struct lockfile lockfile = {.path = ret->path, .digest = digest};
    struct str blob = {0};
    char hex[DIGEST_HEX_LEN + 1];
    digest_print(digest, hex);
    if (!index_blob(index, arena, STR("lock"), str_of(hex), &blob))
        return false;
    struct error *error = lock_decode(arena, blob, &lockfile);
    error_drop(error);
    if (!error)
        *ret = lockfile;
    return !error;
}

/* Its digest, if the file's stat says that it is the one known. */
static bool recall_by_stat(struct arena *arena, struct index *index, const struct file_stat *stat,
                           struct lockfile *ret)
{
    struct digest digest;
    return index && index_find(index, ret->path, stat, &digest) &&
           recall(arena, index, digest, ret);
}

/* Notes the digest if the file did not change while it was read. */
static FALLIBLE note(const struct workspace *workspace, struct index *index, const char *path,
                     const struct file_stat *before, struct digest digest)
{
    struct file_stat after;
    int64_t now_ns = 0;
    bool found = false;
    TRY(file_stat_at(fd_number(workspace->root_fd), path, true, &after, &found));
    bool is_same = found && before->inode == after.inode && before->ctime_ns == after.ctime_ns &&
                   before->mtime_ns == after.mtime_ns && before->size_bytes == after.size_bytes;
    if (!is_same || workspace->is_read_only || fd_number(workspace->state_fd) < 0)
        return NULL;
    TRY(index_now(fd_number(workspace->state_fd), &now_ns));
    index_note(index, str_of(path), &after, digest, now_ns);
    return NULL;
}

static FALLIBLE load_file(struct arena *arena, const struct workspace *workspace,
                          struct index *index, const struct file_stat *stat, struct lockfile *ret)
{
    const char *path = ret->path.at;
    struct str bytes = {0};
    bool found = false;
    TRY(file_read(arena, fd_number(workspace->root_fd), path, LIMIT_LOCK_BYTES, &bytes, &found));
    if (!found)
        return NULL;
    struct digest digest = digest_of(bytes.at, bytes.len);
    if (!index || !recall(arena, index, digest, ret)) {
        TRY(lockfile_parse(arena, ret->path, bytes, ret));
        if (index)
            lockfile_remember(index, ret);
    }
    return index ? note(workspace, index, path, stat, digest) : NULL;
}

static FALLIBLE load(struct arena *arena, const struct workspace *workspace, struct index *index,
                     struct lockfile *ret)
{
    struct file_stat stat = {0};
    bool found = false;
    TRY(file_stat_at(fd_number(workspace->root_fd), ret->path.at, true, &stat, &found));
    if (!found || recall_by_stat(arena, index, &stat, ret))
        return NULL;
    return load_file(arena, workspace, index, &stat, ret);
}

FALLIBLE lockfile_load(struct arena *arena, const struct workspace *workspace, struct index *index,
                       struct str path, struct lockfile *ret)
{
    struct lockfile lockfile = {.path = str_copy(arena, path)};
    TRY(load(arena, workspace, index, &lockfile));
    if (lockfile.project.len == 0)
        lockfile.project = str_copy(arena, workspace->config.project);
    *ret = lockfile;
    return NULL;
}
