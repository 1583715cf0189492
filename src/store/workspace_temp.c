#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/host/clock.h"
#include "mlops/host/walk.h"
#include "mlops/store/workspace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Younger directories may not have their lock yet. */
static const int64_t YOUNG_NS = 60 * NS_PER_S;

/* File systems that can't lock a directory leave it unlocked; nobody can take the lock there, and
 * only who has it sweeps. */
FALLIBLE temp_dir_open(int parent_fd, const char *prefix, struct temp_dir *ret)
{
    uint64_t random;
    AUTO(temp_dir_drop) struct temp_dir temp = {0};
    random_bytes(&random, sizeof random);
    snprintf(temp.name, sizeof temp.name, "%s%016llx", prefix, (unsigned long long)random);
    TRY(directory_open(parent_fd, ".", &temp.parent_fd));
    if (mkdirat(parent_fd, temp.name, 0700) != 0) {
        int code = errno;
        temp.name[0] = '\0';
        return error_os(code, "cannot make a temporary directory");
    }
    TRY(directory_open_straight(parent_fd, temp.name, &temp.fd));
    flock(fd_number(temp.fd), LOCK_EX | LOCK_NB);
    *ret = temp;
    temp = (struct temp_dir){0};
    return NULL;
}

/* Without what may be the user's: that is for worktree_rescue. */
static FALLIBLE remove_dir(int parent_fd, int fd, const char *name)
{
    if (unlinkat(fd, TEMP_TAKEN, AT_REMOVEDIR) != 0 && (errno == ENOTEMPTY || errno == EEXIST))
        return NULL;
    return path_remove(parent_fd, name);
}

void temp_dir_drop(struct temp_dir *temp)
{
    if (temp->parent_fd.number_plus_one && temp->name[0])
        error_drop(remove_dir(fd_number(temp->parent_fd), fd_number(temp->fd), temp->name));
    fd_drop(&temp->fd);
    fd_drop(&temp->parent_fd);
    *temp = (struct temp_dir){0};
}

static FALLIBLE sweep_one(int parent_fd, const char *name)
{
    AUTO(fd_drop)
    struct fd fd = fd_of(openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat seen;
    if (fd_number(fd) < 0 || fstat(fd_number(fd), &seen) != 0)
        return NULL;
    int64_t age_ns = clock_real_ns() - (int64_t)seen.st_ctim.tv_sec * NS_PER_S;
    bool is_young = age_ns < YOUNG_NS && age_ns > -YOUNG_NS;
    if (is_young || flock(fd_number(fd), LOCK_EX | LOCK_NB) != 0)
        return NULL;
    return remove_dir(parent_fd, fd_number(fd), name);
}

FALLIBLE temp_dir_sweep(int parent_fd, const char *prefix)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct walk_list list = {0};
    TRY(walk_list(&scratch, parent_fd, true, &list));
    for (size_t i = 0; i < list.count; i++) {
        const struct walk_entry *entry = &list.entries[i];
        if (str_starts(entry->name, str_of(prefix)))
            TRY(sweep_one(parent_fd, entry->name.at));
    }
    return NULL;
}
