#include "mlops/store/results.h"

#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/codec/canon.h"
#include "mlops/host/clock.h"
#include "mlops/host/file.h"
#include "mlops/host/walk.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "results_private.h"

enum { SYNCED_ONE_BY_ONE = 32, NUMBER_DIGITS = 8 };

void results_batch_drop(struct results_batch *batch)
{
    arena_drop(&batch->arena);
    *batch = (struct results_batch){0};
}

struct str results_directory(struct arena *arena, struct str project, struct digest key)
{
    char hex[DIGEST_HEX_LEN + 1];
    digest_print(key, hex);
    return str_print(arena, "res/%.*s/%.2s/%s", STR_FMT(project), hex, hex);
}

bool results_name_parse(struct str name, int64_t *ret_number, struct digest *ret)
{
    if (name.len != NUMBER_DIGITS + 1 + DIGEST_HEX_LEN || name.at[NUMBER_DIGITS] != '-')
        return false;
    int64_t number = 0;
    for (size_t i = 0; i < NUMBER_DIGITS; i++) {
        const char *digit = strchr("0123456789abcdef", name.at[i]);
        if (!digit || !*digit)
            return false;
        number = number * 16 + (digit - "0123456789abcdef");
    }
    *ret_number = number;
    return digest_parse(str_slice(name, NUMBER_DIGITS + 1, name.len), ret);
}

FALLIBLE results_list(struct arena *arena, int cache_fd, struct str directory,
                      struct result_file_vec *files)
{
    AUTO(fd_drop)
    struct fd fd = fd_of(
        openat(cache_fd, str_terminate(arena, directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct walk_list list = {0};
    if (fd_number(fd) < 0 && errno == ENOENT)
        return NULL;
    if (fd_number(fd) < 0)
        return error_os(errno, "cannot open '%.*s' of the store", STR_FMT(directory));
    TRY(walk_list(arena, fd_number(fd), true, &list));
    for (size_t i = 0; i < list.count; i++) {
        struct result_file file = {0};
        if (!results_name_parse(list.entries[i].name, &file.number, &file.id))
            continue;
        file.path = path_join(arena, directory, list.entries[i].name);
        *vec_push(arena, files) = file;
    }
    return NULL;
}

/* Every project whose results may be used, ours first. */
static FALLIBLE list_all(struct arena *arena, const struct workspace *workspace, struct digest key,
                         struct result_file_vec *files)
{
    int cache_fd = fd_number(workspace->cache_fd);
    const struct config_str_vec *others = &workspace->config.results_from;
    if (cache_fd < 0)
        return NULL;
    if (workspace->config.project.len)
        TRY(results_list(arena, cache_fd, results_directory(arena, workspace->config.project, key),
                         files));
    for (size_t i = 0; i < others->len; i++)
        TRY(results_list(arena, cache_fd, results_directory(arena, others->at[i], key), files));
    return NULL;
}

/* Out of the way, so that it is met only once; a read-only store keeps it. */
static void set_aside(const struct workspace *workspace, const struct result_file *file)
{
    AUTO(buf_drop) struct buf to = {0};
    bool existed = false;
    struct str name = path_name(file->path);
    int cache_fd = fd_number(workspace->cache_fd);
    buf_print(&to, "quarantine/result-%.*s", STR_FMT(name));
    error_drop(file_rename_new(cache_fd, file->path.at, cache_fd, to.at, &existed));
}

static FALLIBLE decode(struct arena *arena, struct digest key, const struct result_file *file,
                       struct str bytes, struct result *ret)
{
    if (!digest_equal(digest_of(bytes.at, bytes.len), file->id))
        return error_new(ERROR_STORED, "the result '%.*s' is damaged", STR_FMT(file->path));
    TRY(result_decode(arena, bytes, ret));
    if (!digest_equal(ret->key, key))
        return error_new(ERROR_STORED, "the result '%.*s' belongs to another key",
                         STR_FMT(file->path));
    return NULL;
}

static FALLIBLE load_file(struct arena *arena, const struct workspace *workspace, struct digest key,
                          const struct result_file *file, struct result *ret, bool *ret_found)
{
    struct str bytes = {0};
    TRY(file_read(arena, fd_number(workspace->cache_fd), file->path.at, RESULT_BYTES_MOST, &bytes,
                  ret_found));
    if (!*ret_found)
        return NULL;
    struct error *error = decode(arena, key, file, bytes, ret);
    *ret_found = error == NULL;
    if (error)
        set_aside(workspace, file);
    error_drop(error);
    return NULL;
}

static int compare_newest_first(const void *a, const void *b)
{
    const struct result_file *left = a, *right = b;
    if (left->number != right->number)
        return left->number < right->number ? 1 : -1;
    return digest_compare(left->id, right->id);
}

static bool is_known(const struct result_ref *refs, size_t count, struct digest id)
{
    for (size_t i = 0; i < count; i++)
        if (digest_equal(refs[i].id, id))
            return true;
    return false;
}

struct error *results_find(struct arena *arena, const struct workspace *workspace,
                           struct digest key, struct result_ref **ret, size_t *ret_count)
{
    struct result_file_vec files = {0};
    size_t count = 0;
    TRY(list_all(arena, workspace, key, &files));
    vec_sort(&files, compare_newest_first);
    struct result_ref *refs = arena_new_array(arena, struct result_ref, files.len);
    vec_each (struct result_file, file, &files) {
        bool found = false;
        if (is_known(refs, count, file->id))
            continue;
        TRY(load_file(arena, workspace, key, file, &refs[count].value, &found));
        refs[count].id = file->id;
        count += found;
    }
    *ret = refs;
    *ret_count = count;
    return NULL;
}

struct error *results_load(struct arena *arena, const struct workspace *workspace,
                           struct digest key, struct digest id, struct result *ret, bool *ret_found)
{
    struct result_file_vec files = {0};
    *ret_found = false;
    TRY(list_all(arena, workspace, key, &files));
    vec_each (struct result_file, file, &files) {
        if (digest_equal(file->id, id))
            TRY(load_file(arena, workspace, key, file, ret, ret_found));
        if (*ret_found)
            return NULL;
    }
    return NULL;
}

/* The number behind the highest one, and whether the result is there already. */
static FALLIBLE next_number(struct arena *arena, const struct workspace *workspace,
                            struct str directory, struct digest id, int64_t *ret, bool *ret_found)
{
    struct result_file_vec files = {0};
    int64_t highest = 0;
    *ret_found = false;
    TRY(results_list(arena, fd_number(workspace->cache_fd), directory, &files));
    vec_each (struct result_file, file, &files) {
        highest = MAX_OF(highest, file->number);
        *ret_found = *ret_found || digest_equal(file->id, id);
    }
    *ret = MIN_OF(highest + 1, (int64_t)UINT32_MAX);
    return NULL;
}

static void batch_add(struct results_batch *batch, struct str file)
{
    *vec_push(&batch->arena, &batch->files) = str_copy(&batch->arena, file).at;
    /* Up to res/ itself, since any of them may be new. */
    for (struct str at = path_directory(file); at.len; at = path_directory(at))
        *vec_push(&batch->arena, &batch->directories) = str_copy(&batch->arena, at).at;
}

/* gc may take an empty directory away between the two steps. */
static FALLIBLE publish(const struct workspace *workspace, struct str directory, const char *path,
                        struct str bytes)
{
    int cache_fd = fd_number(workspace->cache_fd);
    for (int tries = 0;; tries++) {
        TRY(directory_make(cache_fd, directory.at, false));
        struct error *error = file_publish(cache_fd, path, bytes, 0444, false);
        if (!error || error->system_errno != ENOENT || tries == 2)
            return error;
        error_drop(error);
    }
}

struct error *results_put(struct arena *scratch, const struct workspace *workspace,
                          const struct result *result, struct digest *ret_id)
{
    struct buf bytes = buf_in(scratch);
    int64_t number = 0;
    bool found = false;
    char hex[DIGEST_HEX_LEN + 1];
    check(workspace->config.project.len);
    result_encode(result, &bytes);
    struct digest id = digest_of(bytes.at, bytes.len);
    struct str directory = results_directory(scratch, workspace->config.project, result->key);
    TRY(next_number(scratch, workspace, directory, id, &number, &found));
    if (!found) {
        digest_print(id, hex);
        struct str path = str_print(scratch, "%.*s/%08llx-%s", STR_FMT(directory),
                                    (unsigned long long)number, hex);
        TRY_WITHIN(publish(workspace, directory, path.at, buf_str(&bytes)),
                   "cannot store the result of stage '%.*s'", STR_FMT(result->stage));
        batch_add(workspace->results, path);
    }
    *ret_id = id;
    return NULL;
}

static FALLIBLE sync_one(int cache_fd, const char *path)
{
    AUTO(fd_drop) struct fd fd = {0};
    TRY(file_open(cache_fd, path, &fd));
    return file_sync(fd_number(fd), path);
}

static int compare_texts(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

static FALLIBLE sync_batch(struct results_batch *batch, int cache_fd)
{
    if (batch->files.len > SYNCED_ONE_BY_ONE)
        return syncfs(cache_fd) == 0 ? NULL : error_os(errno, "cannot sync the store to the disk");
    for (size_t i = 0; i < batch->files.len; i++)
        TRY(sync_one(cache_fd, batch->files.at[i]));
    vec_sort(&batch->directories, compare_texts);
    for (size_t i = 0; i < batch->directories.len; i++)
        if (i == 0 || strcmp(batch->directories.at[i - 1], batch->directories.at[i]) != 0)
            TRY(directory_sync(cache_fd, batch->directories.at[i]));
    return NULL;
}

struct error *results_flush(const struct workspace *workspace)
{
    struct results_batch *batch = workspace->results;
    struct error *error = NULL;
    if (batch->files.len && workspace->config.durability == DURABILITY_FULL)
        error = sync_batch(batch, fd_number(workspace->cache_fd));
    batch->files = (struct results_path_vec){0};
    batch->directories = (struct results_path_vec){0};
    arena_reset(&batch->arena);
    return error;
}
