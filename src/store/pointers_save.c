/* Writing pointers: the bytes of all are on the disk before any gets its name. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/file.h"
#include "mlops/model/name.h"
#include "mlops/store/pointers.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { SYNCED_ONE_BY_ONE = 8 }; /* beyond, one sync of the file system is cheaper */

struct staged {
    const char *name; /* in the temporary directory, which lies in .mlops/tmp */
    const char *file;
    struct str bytes;
};
VEC(staged_vec, struct staged);

struct saving {
    const struct workspace *workspace;
    struct arena arena;
    struct temp_dir temp;
    struct staged_vec staged;
};

static void saving_drop(struct saving *saving)
{
    temp_dir_drop(&saving->temp);
    arena_drop(&saving->arena);
}

static FALLIBLE open_temp(struct saving *saving)
{
    AUTO(fd_drop) struct fd tmp = {0};
    if (saving->temp.fd.number_plus_one)
        return NULL;
    TRY(directory_open(fd_number(saving->workspace->state_fd), "tmp", &tmp));
    return temp_dir_open(fd_number(tmp), TEMP_PREFIX, &saving->temp);
}

static FALLIBLE stage(struct saving *saving, const struct pointer *pointer, bool *ret_changed)
{
    struct arena *arena = &saving->arena;
    struct buf text = buf_in(arena);
    struct str now = {0};
    bool found = false;
    const char *file = str_terminate(arena, pointer->file);
    pointer_print(pointer, &text);
    TRY(file_read(arena, fd_number(saving->workspace->root_fd), file, LIMIT_DOCUMENT_BYTES, &now,
                  &found));
    *ret_changed = !found || !str_equal(now, buf_str(&text));
    if (!*ret_changed)
        return NULL;
    const char *name = str_print(arena, "%zu", saving->staged.len).at;
    *vec_push(arena, &saving->staged) = (struct staged){name, file, buf_str(&text)};
    TRY(open_temp(saving));
    return file_publish(fd_number(saving->temp.fd), name, buf_str(&text), 0644, false);
}

static FALLIBLE sync_all(const struct saving *saving)
{
    return syncfs(fd_number(saving->temp.fd)) == 0 ? NULL
                                                   : error_os(errno, "cannot sync to the disk");
}

static FALLIBLE sync_staged(const struct saving *saving)
{
    if (saving->staged.len > SYNCED_ONE_BY_ONE)
        return sync_all(saving);
    vec_each (const struct staged, staged, &saving->staged) {
        AUTO(fd_drop) struct fd fd = {0};
        TRY(file_open(fd_number(saving->temp.fd), staged->name, &fd));
        TRY(file_sync(fd_number(fd), staged->file));
    }
    return NULL;
}

static FALLIBLE put_in_place(const struct saving *saving, const struct staged *staged)
{
    AUTO(fd_drop) struct fd parent = {0};
    const char *name = NULL;
    TRY(parent_open_straight(fd_number(saving->workspace->root_fd), staged->file, &parent, &name));
    if (renameat(fd_number(saving->temp.fd), staged->name, fd_number(parent), name) == 0)
        return NULL;
    if (errno == EXDEV)
        return file_publish(fd_number(parent), name, staged->bytes, 0644, true);
    return error_os(errno, "cannot put '%s' in place", staged->file);
}

static FALLIBLE sync_names(struct saving *saving)
{
    if (saving->staged.len > SYNCED_ONE_BY_ONE)
        return sync_all(saving);
    vec_each (const struct staged, staged, &saving->staged) {
        struct str above = path_directory(str_of(staged->file));
        TRY(directory_sync(fd_number(saving->workspace->root_fd),
                           above.len ? str_terminate(&saving->arena, above) : "."));
    }
    return NULL;
}

FALLIBLE pointers_save_all(const struct workspace *workspace, struct pointer *const *pointers,
                           size_t count, bool *ret_changed)
{
    AUTO(saving_drop) struct saving saving = {.workspace = workspace};
    for (size_t i = 0; i < count; i++)
        TRY_WITHIN(stage(&saving, pointers[i], &ret_changed[i]), "writing '%.*s'",
                   STR_FMT(pointers[i]->file));
    if (!saving.staged.len)
        return NULL;
    TRY(sync_staged(&saving));
    vec_each (const struct staged, staged, &saving.staged)
        TRY(put_in_place(&saving, staged));
    return sync_names(&saving);
}

FALLIBLE pointers_save(const struct workspace *workspace, const struct pointer *pointer,
                       bool *ret_changed)
{
    struct pointer copy = *pointer, *one = &copy;
    return pointers_save_all(workspace, &one, 1, ret_changed);
}
