#include "mlops/host/walk.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "file_private.h"

VEC(entry_vec, struct walk_entry);

enum { LISTING_BYTES = 65536 }; /* on the stack; glibc's readdir takes 32 KiB a call */

static bool is_dot(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

static FALLIBLE add_entry(struct arena *arena, int directory_fd, const struct dirent64 *found,
                          bool names_only, struct entry_vec *entries)
{
    struct walk_entry entry = {0};
    struct stat seen;
    if (names_only) {
        entry.stat.mode = DTTOIF((uint32_t)found->d_type);
    } else if (fstatat(directory_fd, found->d_name, &seen, AT_SYMLINK_NOFOLLOW) == 0) {
        entry.stat = file_stat_of(&seen);
    } else if (errno == ENOENT) {
        return NULL; /* gone since it was listed */
    } else {
        return error_os(errno, "cannot look at '%s'", found->d_name);
    }
    if (entries->len == (size_t)LIMIT_TREE_ENTRIES)
        return error_new(ERROR_MACHINE, "a directory holds more than %lld entries",
                         (long long)LIMIT_TREE_ENTRIES);
    entry.name = str_copy(arena, str_of(found->d_name));
    *vec_push(arena, entries) = entry;
    return NULL;
}

static int compare_names(const void *a, const void *b)
{
    const struct walk_entry *left = a, *right = b;
    return str_compare(left->name, right->name);
}

struct error *walk_list(struct arena *arena, int directory_fd, bool names_only,
                        struct walk_list *ret)
{
    _Alignas(struct dirent64) char listing[LISTING_BYTES];
    struct entry_vec entries = {0};
    if (lseek(directory_fd, 0, SEEK_SET) < 0)
        return error_os(errno, "cannot list a directory");
    for (;;) {
        long len = syscall(SYS_getdents64, directory_fd, listing, sizeof listing);
        if (len < 0)
            return error_os(errno, "cannot list a directory");
        if (len == 0)
            break;
        for (long at = 0; at < len;) {
            const struct dirent64 *found = (const void *)(listing + at);
            if (!is_dot(found->d_name))
                TRY(add_entry(arena, directory_fd, found, names_only, &entries));
            at += found->d_reclen;
        }
    }
    vec_sort(&entries, compare_names);
    *ret = (struct walk_list){entries.at, entries.len};
    return NULL;
}

/* 0 if it is gone since it was listed. */
static uint32_t kind_of(int directory_fd, const struct dirent64 *found)
{
    struct stat seen;
    if (found->d_type != DT_UNKNOWN)
        return DTTOIF((uint32_t)found->d_type);
    if (fstatat(directory_fd, found->d_name, &seen, AT_SYMLINK_NOFOLLOW) != 0)
        return 0;
    return seen.st_mode & S_IFMT;
}

struct error *walk_names(int directory_fd,
                         void (*visit)(void *context, const char *name, uint32_t kind),
                         void *context)
{
    _Alignas(struct dirent64) char listing[LISTING_BYTES];
    if (lseek(directory_fd, 0, SEEK_SET) < 0)
        return error_os(errno, "cannot list a directory");
    for (;;) {
        long len = syscall(SYS_getdents64, directory_fd, listing, sizeof listing);
        if (len < 0)
            return error_os(errno, "cannot list a directory");
        if (len == 0)
            return NULL;
        for (long at = 0; at < len;) {
            const struct dirent64 *found = (const void *)(listing + at);
            if (!is_dot(found->d_name))
                visit(context, found->d_name, kind_of(directory_fd, found));
            at += found->d_reclen;
        }
    }
}

struct error *walk_link(struct arena *arena, int directory_fd, const char *name, struct str *ret)
{
    char target[4096]; /* PATH_MAX: no link can be longer */
    ssize_t len = readlinkat(directory_fd, name, target, sizeof target);
    if (len < 0)
        return error_os(errno, "cannot read the link '%s'", name);
    *ret = str_copy(arena, (struct str){target, (size_t)len});
    return NULL;
}

FALLIBLE walk_folder(struct arena *arena, int at_fd, const char *path, struct fd *ret_fd,
                     struct walk_list *ret)
{
    AUTO(fd_drop)
    struct fd fd = fd_of(openat(at_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    *ret = (struct walk_list){0};
    if (fd_number(fd) < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EBADF))
        return NULL;
    if (fd_number(fd) < 0)
        return error_os(errno, "cannot open the directory '%s'", path);
    TRY(walk_list(arena, fd_number(fd), false, ret));
    if (ret_fd) {
        *ret_fd = fd;
        fd = (struct fd){0};
    }
    return NULL;
}

/* Recursion is bounded by LIMIT_TREE_DEPTH. */
static FALLIBLE measure(int at_fd, const char *path, int depth, struct walk_sum *sum)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(fd_drop) struct fd fd = {0};
    struct walk_list list = {0};
    TRY(walk_folder(&scratch, at_fd, path, &fd, &list));
    for (size_t i = 0; i < list.count; i++) {
        const struct file_stat *stat = &list.entries[i].stat;
        sum->newest_ns = MAX_OF(sum->newest_ns, MAX_OF(stat->mtime_ns, stat->ctime_ns));
        if (S_ISREG(stat->mode))
            sum->bytes += stat->size_bytes;
        else if (S_ISDIR(stat->mode) && depth < LIMIT_TREE_DEPTH)
            TRY(measure(fd_number(fd), list.entries[i].name.at, depth + 1, sum));
    }
    return NULL;
}

FALLIBLE walk_measure(int at_fd, const char *path, struct walk_sum *sum)
{
    return measure(at_fd, path, 0, sum);
}
