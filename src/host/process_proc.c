#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/host/clock.h"
#include "mlops/host/file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "process_private.h"

/* All of a file of /proc, whose size stat does not know. Not file_read: an absent process is the
 * usual answer here, and making an error of it would cost more than the look. */
static bool read_proc(const char *path, struct buf *content)
{
    AUTO(fd_drop) struct fd fd = fd_of(open(path, O_RDONLY | O_CLOEXEC));
    if (fd_number(fd) < 0)
        return false;
    for (;;) {
        ssize_t got = read(fd_number(fd), buf_reserve(content, 4096), 4096);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        content->len += (size_t)got;
        content->at[content->len] = '\0';
    }
}

/* proc(5): pid (name) state ppid pgrp ... starttime; the name may hold blanks and ')'. */
bool proc_stat_read(pid_t pid, struct proc_stat *ret)
{
    enum { STARTTIME_AFTER_PGRP = 17 };
    char path[32];
    AUTO(buf_drop) struct buf text = {0};
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (!read_proc(path, &text) || !text.len)
        return false;
    const char *after = strrchr(text.at, ')');
    char state = 0;
    int parent = 0, group = 0, used = 0;
    if (!after || sscanf(after, ") %c %d %d%n", &state, &parent, &group, &used) != 3)
        return false;
    struct str rest = str_of(after + used), field = {0};
    for (int i = 0; i <= STARTTIME_AFTER_PGRP; i++)
        if (!str_split(&rest, ' ', &field))
            return false;
    *ret = (struct proc_stat){state, parent, group, strtoll(field.at, NULL, 10)};
    return true;
}

enum proc_answer proc_has_marker(pid_t pid, struct str marker)
{
    char path[32];
    AUTO(buf_drop) struct buf text = {0};
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    if (!read_proc(path, &text))
        return PROC_NO;
    if (!text.len)
        return PROC_UNKNOWN;
    struct str rest = buf_str(&text), entry = {0};
    while (str_split(&rest, '\0', &entry))
        if (str_equal(entry, marker))
            return PROC_YES;
    return PROC_NO;
}

static void add_numbers(struct arena *arena, struct str text, struct pid_vec *pids)
{
    struct str word = {0};
    while (str_split(&text, ' ', &word))
        if (word.len)
            *vec_push(arena, pids) = (pid_t)strtol(word.at, NULL, 10);
}

/* Names in a directory of /proc that are numbers. */
static bool list_numbers(struct arena *arena, const char *path, struct pid_vec *numbers)
{
    DIR *directory = opendir(path);
    if (!directory)
        return false;
    const struct dirent *entry = NULL;
    while ((entry = readdir(directory)))
        if (isdigit((unsigned char)entry->d_name[0]))
            *vec_push(arena, numbers) = (pid_t)strtol(entry->d_name, NULL, 10);
    closedir(directory);
    return true;
}

void proc_all(struct arena *arena, struct pid_vec *pids)
{
    list_numbers(arena, "/proc", pids);
}

/* For kernels without CONFIG_PROC_CHILDREN. */
static void scan_children(struct arena *arena, pid_t pid, struct pid_vec *children)
{
    struct pid_vec all = {0};
    struct proc_stat stat;
    proc_all(arena, &all);
    vec_each (pid_t, each, &all) {
        if (proc_stat_read(*each, &stat) && stat.parent == pid)
            *vec_push(arena, children) = *each;
    }
}

/* The kernel keeps a list of children for each thread of the parent. */
void proc_children(struct arena *arena, pid_t pid, struct pid_vec *children)
{
    char path[64];
    struct pid_vec threads = {0};
    bool has_lists = false;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    if (!list_numbers(arena, path, &threads))
        return; /* gone */
    vec_each (pid_t, thread, &threads) {
        struct buf text = buf_in(arena);
        snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)*thread);
        has_lists = read_proc(path, &text) || has_lists;
        add_numbers(arena, buf_str(&text), children);
    }
    if (!has_lists && kill(pid, 0) == 0)
        scan_children(arena, pid, children);
}

void proc_kill(pid_t pid, int64_t started_ticks)
{
    struct proc_stat stat;
    AUTO(fd_drop) struct fd pidfd = fd_of((int)syscall(SYS_pidfd_open, pid, 0));
    if (!proc_stat_read(pid, &stat) || stat.started_ticks != started_ticks)
        return;
    if (fd_number(pidfd) >= 0)
        syscall(SYS_pidfd_send_signal, fd_number(pidfd), SIGKILL, NULL, 0);
    else
        kill(pid, SIGKILL); /* no descriptor left to hold it by */
}

bool proc_pause(int64_t until_ns, int64_t *pause_ns)
{
    enum { PAUSE_NS_FIRST = 100000, PAUSE_NS_MOST = 10000000 };
    if (clock_monotonic_ns() >= until_ns)
        return false;
    *pause_ns = *pause_ns ? MIN_OF(*pause_ns * 2, (int64_t)PAUSE_NS_MOST) : PAUSE_NS_FIRST;
    struct timespec pause = {0, *pause_ns};
    nanosleep(&pause, NULL);
    return true;
}
