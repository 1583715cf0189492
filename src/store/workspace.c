#include "mlops/store/workspace.h"

#include "mlops/base/arena.h"
#include "mlops/host/file.h"
#include "mlops/host/machine.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "results_private.h"
#include "workspace_private.h"

enum { FORMAT_BYTES_MOST = 4096, FORMAT_VERSION = 1 };

/* Whether `directory`/`name` is there; a directory if `is_directory`. */
static bool has_entry(struct str directory, const char *name, bool is_directory)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct stat seen;
    struct str path = path_join(&scratch, directory, str_of(name));
    return lstat(path.at, &seen) == 0 && (!is_directory || S_ISDIR(seen.st_mode));
}

static struct str parent_of(struct str directory)
{
    return directory.len > 1 ? path_directory(directory) : (struct str){0};
}

static FALLIBLE find_root(struct str start, struct str *ret)
{
    struct str top = {0};
    for (struct str at = start; at.len; at = parent_of(at)) {
        bool is_there = has_entry(at, ".mlops", false); /* first: another process may make it now */
        if (is_there && has_entry(at, ".mlops", true)) {
            *ret = at;
            return NULL;
        }
        if (is_there)
            return error_hint(
                error_new(ERROR_PROJECT, "'%.*s/.mlops' is not a directory", STR_FMT(at)),
                "to keep the store elsewhere make .mlops a directory and set "
                "cache.dir");
        bool is_top = has_entry(at, ".git", false) || has_entry(at, ".dvc", true);
        top = is_top && !top.len ? at : top;
    }
    *ret = top.len ? top : start;
    return NULL;
}

struct error *workspace_check_format(int cache_fd, struct str cache, bool *ret_found)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str text = {0};
    struct str tag = STR("mlops cache ");
    TRY(file_read(&scratch, cache_fd, "format", FORMAT_BYTES_MOST, &text, ret_found));
    if (!*ret_found)
        return NULL;
    long version = str_starts(text, tag) ? strtol(text.at + tag.len, NULL, 10) : 0;
    if (version > FORMAT_VERSION)
        return error_hint(error_new(ERROR_STORED, "the store '%.*s' was written by a newer version",
                                    STR_FMT(cache)),
                          "use that version of mlops, or another cache.dir");
    if (version != FORMAT_VERSION || str_find(text, STR("sha256")) < 0)
        return error_new(ERROR_STORED, "'%.*s/format' is damaged, or this is no store of mlops",
                         STR_FMT(cache));
    return NULL;
}

/* A store without `format` was not made to its end; it counts as none. */
static FALLIBLE open_cache(struct arena *arena, struct workspace *workspace)
{
    AUTO(fd_drop) struct fd fd = {0};
    bool found = false;
    if (!workspace->cache.len)
        workspace->cache = workspace->config.cache_dir.len
                               ? workspace->config.cache_dir
                               : path_join(arena, workspace->home, STR("cache"));
    int number = open(str_terminate(arena, workspace->cache), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (number < 0 && (errno == ENOENT || errno == ENOTDIR))
        return NULL;
    if (number < 0)
        return error_os(errno, "cannot open the store '%.*s'", STR_FMT(workspace->cache));
    fd = fd_of(number);
    TRY(workspace_check_format(number, workspace->cache, &found));
    if (found)
        workspace->cache_fd = fd_of(fd_release(&fd));
    return NULL;
}

static struct str database_dir_of(struct arena *arena, const struct workspace *workspace)
{
    const char *base = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    struct str id = workspace->config.project;
    if (!workspace->network_fs || !id.len)
        return workspace->home;
    if (base && base[0] == '/')
        return str_print(arena, "%s/mlops/%.*s", base, STR_FMT(id));
    if (home && home[0] == '/')
        return str_print(arena, "%s/.local/state/mlops/%.*s", home, STR_FMT(id));
    return workspace->home;
}

static bool is_writable(struct fd fd)
{
    return !fd.number_plus_one || faccessat(fd_number(fd), ".", W_OK, AT_EACCESS) == 0;
}

struct error *workspace_load(struct arena *arena, struct workspace *workspace)
{
    AUTO(fd_drop) struct fd state_fd = {0};
    bool has_config = false, found = false;
    struct file_stat stat;
    int number = openat(fd_number(workspace->root_fd), ".mlops",
                        O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    state_fd = fd_of(number);
    if (number < 0 && errno != ENOENT)
        return error_os(errno, "cannot open '%.*s'", STR_FMT(workspace->state));
    if (number >= 0)
        TRY(file_stat_at(number, "config.yaml", true, &stat, &has_config));
    TRY(workspace_find_home(arena, workspace, number));
    TRY(config_load(arena, number >= 0 ? workspace_config_dir(workspace) : STR(""),
                    &workspace->config));
    found = has_config && workspace->config.project.len;
    if (found)
        workspace->state_fd = fd_of(fd_release(&state_fd));
    else
        fd_drop(&workspace->home_fd);
    TRY(open_cache(arena, workspace));
    workspace->is_read_only = !is_writable(found ? workspace->state_fd : workspace->root_fd) ||
                              !is_writable(workspace->home_fd) || !is_writable(workspace->cache_fd);
    workspace->network_fs =
        machine_network_fs(fd_number(found ? workspace->home_fd : workspace->root_fd));
    workspace->database_dir = database_dir_of(arena, workspace);
    workspace->index_dir = workspace->is_work_dir ? workspace->state : workspace->database_dir;
    return NULL;
}

/* What lies of `path` below `root`, both absolute. */
static struct str below(struct str root, struct str path)
{
    size_t cut = root.len == 1 ? 1 : root.len + 1;
    return path.len <= cut ? STR("") : str_slice(path, cut, path.len);
}

/* A fresh clone has .mlops/config.yaml, which git tracks, without the rest: somebody initialised
 * the project, so its untracked part is made by whatever command comes first. */
static FALLIBLE complete_clone(struct arena *arena, struct workspace *workspace)
{
    struct file_stat stat;
    bool is_complete = true;
    if (fd_number(workspace->state_fd) < 0 || workspace->is_read_only || workspace->is_work_dir)
        return NULL;
    TRY(file_stat_at(fd_number(workspace->state_fd), "tmp", true, &stat, &is_complete));
    return is_complete && fd_number(workspace->cache_fd) >= 0 ? NULL
                                                              : workspace_init(arena, workspace);
}

struct error *workspace_find(struct arena *arena, struct str start, struct workspace *ret)
{
    AUTO(workspace_drop) struct workspace workspace = {0};
    struct str real = {0};
    TRY(path_real(arena, start, &real));
    TRY(find_root(real, &workspace.root));
    workspace.root = str_copy(arena, workspace.root);
    workspace.cwd = below(workspace.root, real);
    workspace.state = path_join(arena, workspace.root, STR(".mlops"));
    workspace.results = arena_new(arena, struct results_batch);
    TRY(directory_open(AT_FDCWD, workspace.root.at, &workspace.root_fd));
    TRY(workspace_load(arena, &workspace));
    TRY(complete_clone(arena, &workspace));
    *ret = workspace;
    workspace = (struct workspace){0};
    return NULL;
}

void workspace_drop(struct workspace *workspace)
{
    if (workspace->results)
        results_batch_drop(workspace->results);
    fd_drop(&workspace->cache_fd);
    fd_drop(&workspace->home_fd);
    fd_drop(&workspace->state_fd);
    fd_drop(&workspace->root_fd);
    *workspace = (struct workspace){0};
}

struct error *workspace_path(struct arena *arena, const struct workspace *workspace,
                             struct str path, struct str *ret)
{
    const char *fault = path_text_fault(path);
    if (fault)
        return error_new(ERROR_PROJECT, "the path '%.*s' %s", STR_FMT(path), fault);
    struct str normal = {0};
    bool is_inside = path_resolve(arena, workspace->cwd, path, &normal);
    if (!is_inside) { /* out, and in again by its name? */
        struct str here = path_join(arena, workspace->root, workspace->cwd);
        path_resolve(arena, STR(""), path_join(arena, here, path), &normal);
    }
    if (normal.len && normal.at[0] == '/') {
        struct str real = normal;
        is_inside = path_is_within(normal, workspace->root);
        if (!is_inside) {
            error_drop(path_real(arena, normal, &real));
            is_inside = path_is_within(real, workspace->root);
        }
        normal = is_inside ? below(workspace->root, real) : normal;
    }
    if (!is_inside)
        return error_new(ERROR_PROJECT, "'%.*s' lies outside of the project '%.*s'", STR_FMT(path),
                         STR_FMT(workspace->root));
    *ret = str_copy(arena, normal);
    return NULL;
}

struct str workspace_show(struct arena *arena, const struct workspace *workspace, struct str path)
{
    if (path.len && path.at[0] == '/')
        return path;
    if (!workspace->cwd.len)
        return path.len ? path : STR(".");
    struct str here = path_join(arena, STR("/"), workspace->cwd);
    return path_relative(arena, here, path_join(arena, STR("/"), path));
}
