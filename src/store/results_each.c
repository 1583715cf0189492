#include "mlops/host/file.h"
#include "mlops/host/walk.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "results_private.h"

/* The walk of results_each: one of its visits, and where it is. */
struct each {
    struct arena *arena;
    int cache_fd;
    FALLIBLE(*visit)
    (void *context, struct str project, struct digest key, struct digest id, struct str bytes,
     const char *path);
    void *context;
};

static FALLIBLE list_below(struct each *each, struct str directory, struct walk_list *ret)
{
    AUTO(fd_drop)
    struct fd fd = fd_of(openat(each->cache_fd, str_terminate(each->arena, directory),
                                O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    *ret = (struct walk_list){0};
    if (fd_number(fd) < 0 && (errno == ENOENT || errno == ENOTDIR))
        return NULL;
    if (fd_number(fd) < 0)
        return error_os(errno, "cannot open '%.*s' of the store", STR_FMT(directory));
    return walk_list(each->arena, fd_number(fd), true, ret);
}

static FALLIBLE each_of_key(struct each *each, struct str project, struct str directory)
{
    struct result_file_vec files = {0};
    struct digest key;
    if (!digest_parse(path_name(directory), &key))
        return NULL;
    TRY(results_list(each->arena, each->cache_fd, directory, &files));
    vec_each (struct result_file, file, &files) {
        struct str bytes = {0};
        bool found = false;
        TRY(file_read(each->arena, each->cache_fd, file->path.at, RESULT_BYTES_MOST, &bytes,
                      &found));
        if (found)
            TRY(each->visit(each->context, project, key, file->id, bytes, file->path.at));
    }
    return NULL;
}

static FALLIBLE each_of_project(struct each *each, struct str project)
{
    struct walk_list shards = {0}, keys = {0};
    struct str top = path_join(each->arena, STR("res"), project);
    TRY(list_below(each, top, &shards));
    for (size_t i = 0; i < shards.count; i++) {
        struct str shard = path_join(each->arena, top, shards.entries[i].name);
        AUTO(arena_drop) struct arena scratch = {0};
        struct each inner = *each;
        inner.arena = &scratch;
        TRY(list_below(&inner, shard, &keys));
        for (size_t k = 0; k < keys.count; k++)
            TRY(each_of_key(&inner, project, path_join(&scratch, shard, keys.entries[k].name)));
    }
    return NULL;
}

struct error *results_each(const struct workspace *workspace,
                           FALLIBLE (*visit)(void *context, struct str project, struct digest key,
                                             struct digest id, struct str bytes, const char *path),
                           void *context)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct each each = {&scratch, fd_number(workspace->cache_fd), visit, context};
    struct walk_list projects = {0};
    if (each.cache_fd < 0)
        return NULL;
    TRY(list_below(&each, STR("res"), &projects));
    for (size_t i = 0; i < projects.count; i++)
        TRY(each_of_project(&each, projects.entries[i].name));
    return NULL;
}

struct error *results_remove(const struct workspace *workspace, struct str project,
                             struct digest key, struct digest id)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct result_file_vec files = {0};
    int cache_fd = fd_number(workspace->cache_fd);
    struct str directory = results_directory(&scratch, project, key);
    TRY(results_list(&scratch, cache_fd, directory, &files));
    vec_each (struct result_file, file, &files)
        if (digest_equal(file->id, id) && unlinkat(cache_fd, file->path.at, 0) != 0 &&
            errno != ENOENT)
            return error_os(errno, "cannot remove '%s' of the store", file->path.at);
    directory_prune(cache_fd, directory.at);
    return NULL;
}
