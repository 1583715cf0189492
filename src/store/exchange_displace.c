/* What stands in the way of an exchange, and was not seen before, is kept. */
#include "mlops/base/arena.h"
#include "mlops/host/walk.h"
#include "mlops/model/name.h"

#include <sys/stat.h>

#include "exchange_private.h"

/* A name in the directory that nothing has yet. */
static FALLIBLE free_name(struct exchange_doing *doing, int directory_fd, struct str base,
                          struct str *ret)
{
    struct file_stat stat;
    bool found = true;
    *ret = str_copy(doing->arena, base);
    for (int number = 1; found; number++) {
        if (number > 1)
            *ret = str_print(doing->arena, "%.*s~%d", STR_FMT(base), number);
        TRY(file_stat_at(directory_fd, ret->at, false, &stat, &found));
    }
    return NULL;
}

/* Below the folder through no link: whoever made the journal may have put one there. */
static FALLIBLE open_displaced(struct exchange_doing *doing, struct str path, struct fd *ret)
{
    int state = fd_number(doing->workspace->state_fd);
    const char *folder = str_terminate(doing->arena, doing->journal->displaced);
    AUTO(fd_drop) struct fd fd = {0};
    TRY(directory_make(state, folder, true));
    TRY(directory_open(state, folder, &fd));
    return directory_make_straight(fd_number(fd), str_terminate(doing->arena, path_directory(path)),
                                   true, ret);
}

FALLIBLE exchange_displace(struct exchange_doing *doing, struct str path)
{
    int root = fd_number(doing->workspace->root_fd);
    AUTO(fd_drop) struct fd to_fd = {0};
    struct str to = {0};
    TRY_WITHIN(open_displaced(doing, path, &to_fd), "cannot move '%.*s' out of the way",
               STR_FMT(path));
    TRY(free_name(doing, fd_number(to_fd), path_name(path), &to));
    TRY_WITHIN(path_move(root, str_terminate(doing->arena, path), fd_number(to_fd), to.at),
               "cannot move '%.*s' out of the way", STR_FMT(path));
    doing->displaced++;
    return directory_sync(fd_number(to_fd), ".");
}

FALLIBLE exchange_find_link(struct exchange_doing *doing, struct str above, struct str *ret)
{
    int root = fd_number(doing->workspace->root_fd);
    struct file_stat stat;
    bool found = false;
    *ret = (struct str){0};
    for (struct str at = above; at.len; at = path_directory(at)) {
        TRY(file_stat_at(root, str_terminate(doing->arena, at), false, &stat, &found));
        if (found && S_ISLNK(stat.mode))
            *ret = at;
    }
    return NULL;
}
