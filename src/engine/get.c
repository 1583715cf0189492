#include "mlops/engine/get.h"

#include "mlops/base/arena.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "get_private.h"

void landing_drop(struct landing *landing)
{
    temp_dir_drop(&landing->temp);
    fd_drop(&landing->parent_fd);
}

static FALLIBLE check_free(const struct landing *landing)
{
    struct file_stat stat = {0};
    bool found = false;
    struct str out = landing->target->out;
    TRY(file_stat_at(fd_number(landing->parent_fd), landing->name.at, false, &stat, &found));
    if (!found || (landing->target->force && !S_ISDIR(stat.mode)))
        return NULL;
    struct error *error = error_new(ERROR_PROJECT, "'%.*s' is there already", STR_FMT(out));
    return S_ISDIR(stat.mode) ? error_hint(error, "choose another place: -o OUT")
                              : error_hint(error, "--force replaces it");
}

FALLIBLE landing_open(struct arena *arena, const struct get_target *target, struct landing *ret)
{
    AUTO(landing_drop) struct landing landing = {.target = target};
    landing.name = str_copy(arena, path_name(target->out));
    struct str parent = str_copy(arena, path_directory(target->out));
    TRY(directory_open(AT_FDCWD, parent.len ? parent.at : "/", &landing.parent_fd));
    TRY(check_free(&landing));
    TRY(temp_dir_sweep(fd_number(landing.parent_fd), TEMP_PREFIX_BESIDE));
    TRY_WITHIN(temp_dir_open(fd_number(landing.parent_fd), TEMP_PREFIX_BESIDE, &landing.temp),
               "in '%.*s'", STR_FMT(parent));
    *ret = landing;
    landing = (struct landing){0};
    return NULL;
}

struct error *get_check(struct arena *arena, const struct get_target *target)
{
    AUTO(landing_drop) struct landing landing = {0};
    return landing_open(arena, target, &landing);
}

FALLIBLE landing_check(const struct landing *landing, bool is_directory)
{
    struct str out = landing->target->out;
    if (is_directory || !landing->target->is_directory)
        return NULL;
    return error_hint(error_new(ERROR_PROJECT, "there is no directory '%.*s'", STR_FMT(out)),
                      "make it (mkdir -p '%.*s'), or leave out the '/' to call the file so",
                      STR_FMT(out));
}

FALLIBLE landing_name(const struct landing *landing, struct arena *arena, struct str path,
                      struct str *ret)
{
    *ret = path.len ? path_join(arena, STR(GET_CONTENT), path) : STR(GET_CONTENT);
    if (!path.len)
        return NULL;
    struct str above = str_copy(arena, path_directory(*ret));
    return directory_make(fd_number(landing->temp.fd), above.at, false);
}

static FALLIBLE sync_content(const struct landing *landing, bool is_directory)
{
    int temp = fd_number(landing->temp.fd);
    if (is_directory)
        return syncfs(temp) == 0 ? NULL
                                 : error_os(errno, "cannot sync '%.*s' to the disk",
                                            STR_FMT(landing->target->out));
    AUTO(fd_drop)
    struct fd fd = fd_of(openat(temp, GET_CONTENT, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (fd_number(fd) < 0)
        return errno == ELOOP ? NULL : error_os(errno, "cannot open what was fetched"); /* a link */
    return file_sync(fd_number(fd), landing->name.at);
}

FALLIBLE landing_finish(struct landing *landing, bool is_directory)
{
    int temp = fd_number(landing->temp.fd), parent = fd_number(landing->parent_fd);
    bool existed = false;
    TRY(sync_content(landing, is_directory));
    TRY(check_free(landing));
    if (!landing->target->force || is_directory)
        TRY(file_rename_new(temp, GET_CONTENT, parent, landing->name.at, &existed));
    else if (renameat(temp, GET_CONTENT, parent, landing->name.at) != 0)
        return error_os(errno, "cannot replace '%.*s'", STR_FMT(landing->target->out));
    if (existed)
        return error_new(ERROR_PROJECT, "'%.*s' is there already", STR_FMT(landing->target->out));
    return directory_sync(parent, ".");
}
