/* A command may be killed between taking a file out of its place and seeing that it is another one
 * than was to go: somebody saved it at that instant. */
#include "mlops/base/buf.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worktree_private.h"

/* What can't be read counts as not stored. */
static FALLIBLE is_stored(struct restoring *restoring, int taken_fd, const char *name, bool *ret)
{
    struct cas *cas = restoring->worktree->cas;
    AUTO(cas_buffer_drop) struct cas_buffer buffer = cas_buffer_take(cas);
    struct file_stat stat = {0};
    struct str target = {0};
    bool found = false;
    *ret = false;
    TRY(file_stat_at(taken_fd, name, false, &stat, &found));
    if (S_ISLNK(stat.mode)) {
        TRY(walk_link(restoring->arena, taken_fd, name, &target));
        return cas_has(cas, digest_of(target.at, target.len), ret);
    }
    if (!S_ISREG(stat.mode))
        return NULL;
    struct cas_put seen = {0};
    struct error *error = cas_read_file(taken_fd, name, buffer.at, NULL, &seen);
    if (!error)
        return cas_has(cas, seen.digest, ret);
    if (error->code >= ERROR_SIGNAL)
        return error;
    error_drop(error);
    return NULL;
}

/* Where it stood, as far as that is known. */
static struct str place_of(struct restoring *restoring, int temp_fd, struct str name)
{
    struct str directory = {0};
    error_drop(walk_link(restoring->arena, temp_fd, TEMP_TAKEN_FROM, &directory));
    bool is_top = !directory.len || str_is(directory, ".");
    struct str path = is_top ? name : path_join(restoring->arena, directory, name);
    return path_fault(path) ? STR("file") : path;
}

static FALLIBLE rescue_all(struct restoring *restoring, int temp_fd, int taken_fd)
{
    struct walk_list list = {0};
    TRY(walk_list(restoring->arena, taken_fd, true, &list));
    for (size_t i = 0; i < list.count; i++) {
        struct str name = list.entries[i].name;
        bool stored = false;
        TRY(is_stored(restoring, taken_fd, name.at, &stored));
        if (stored)
            TRY(path_remove(taken_fd, name.at));
        else
            TRY(restoring_displace(restoring, taken_fd, name.at,
                                   place_of(restoring, temp_fd, name)));
    }
    return NULL;
}

/* Who has a place for what is taken has locked the directory before; so this lock is only to be had
 * when it is dead, and nobody is kept from locking what has just been made. */
static FALLIBLE rescue_one(struct restoring *restoring, int parent_fd, const char *name)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    AUTO(fd_drop) struct fd temp = fd_of(openat(parent_fd, name, flags));
    if (fd_number(temp) < 0)
        return NULL;
    AUTO(fd_drop) struct fd taken = fd_of(openat(fd_number(temp), TEMP_TAKEN, flags));
    if (fd_number(taken) < 0 || flock(fd_number(temp), LOCK_EX | LOCK_NB) != 0)
        return NULL;
    TRY(cas_hold(restoring->worktree->cas));
    struct error *error = rescue_all(restoring, fd_number(temp), fd_number(taken));
    cas_release(restoring->worktree->cas);
    if (!error && unlinkat(fd_number(temp), TEMP_TAKEN, AT_REMOVEDIR) == 0)
        error = path_remove(parent_fd, name);
    return error;
}

FALLIBLE restoring_rescue(struct restoring *restoring, int parent_fd, const char *prefix)
{
    struct walk_list list = {0};
    TRY(walk_list(restoring->arena, parent_fd, true, &list));
    for (size_t i = 0; i < list.count; i++)
        if (str_starts(list.entries[i].name, str_of(prefix)))
            TRY_WITHIN(rescue_one(restoring, parent_fd, list.entries[i].name.at),
                       "looking after what an interrupted command had moved");
    return NULL;
}

struct error *worktree_rescue(struct worktree *worktree, struct str displaced, int *ret_displaced)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(fd_drop) struct fd tmp = {0};
    struct restoring restoring = {.worktree = worktree, .arena = &scratch, .displaced = displaced};
    *ret_displaced = 0;
    TRY(directory_open(fd_number(worktree->workspace->state_fd), "tmp", &tmp));
    struct error *error = restoring_rescue(&restoring, fd_number(tmp), TEMP_PREFIX);
    *ret_displaced = restoring.displaced_count;
    return error;
}
