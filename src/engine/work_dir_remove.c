/* Taking work directories away. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/moment.h"
#include "mlops/engine/aside.h"
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"
#include "mlops/host/walk.h"
#include "mlops/model/event.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "work_dir_private.h"

/* One that is younger may be about to be locked. */
static const int64_t YOUNG_NS = 60 * NS_PER_S;
/* So long may another process take to end what a killed trial left. */
static const int64_t REMOVED_NS = 5 * NS_PER_S;

/* Stages that a killed trial left running are ended, and what they made counts as failed. */
static FALLIBLE end_leftovers(struct session *session, struct str path)
{
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(session_drop) struct session inner = {0};
    struct file_stat stat;
    bool is_found = false;
    struct str aside = path_join(&arena, path, STR(".mlops/aside"));
    TRY(file_stat_at(AT_FDCWD, aside.at, false, &stat, &is_found));
    if (!is_found || stat.links == 2)
        return NULL;
    struct session_options options = {.cwd = path, .observer = session->observer};
    TRY(session_open_data(&arena, &options, &inner));
    return aside_recover(&inner);
}

static FALLIBLE keep_attempts(struct session *session, int failed_fd, struct str run)
{
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(fd_drop) struct fd from = {0}, to = {0};
    struct walk_list list = {0};
    int home_fd = fd_number(session->workspace.home_fd);
    struct str target = path_join(&arena, STR("failed"), run);
    TRY(directory_open(failed_fd, str_terminate(&arena, run), &from));
    TRY(walk_list(&arena, fd_number(from), true, &list));
    if (list.count)
        TRY(directory_make(home_fd, target.at, false));
    if (list.count)
        TRY(directory_open(home_fd, target.at, &to));
    for (size_t i = 0; i < list.count; i++)
        TRY(path_move(fd_number(from), list.entries[i].name.at, fd_number(to),
                      list.entries[i].name.at));
    return NULL;
}

static FALLIBLE keep_failed(struct session *session, int top_fd)
{
    AUTO(arena_drop) struct arena arena = {0};
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    AUTO(fd_drop) struct fd failed = fd_of(openat(top_fd, ".mlops/failed", flags));
    struct walk_list list = {0};
    if (fd_number(failed) < 0)
        return NULL;
    TRY(walk_list(&arena, fd_number(failed), true, &list));
    for (size_t i = 0; i < list.count; i++)
        TRY(keep_attempts(session, fd_number(failed), list.entries[i].name));
    return NULL;
}

/* A removal that is killed half way leaves something that is known by its name: without its marker
 * nobody could tell it from one that is about to be made. */
#define GONE_PREFIX ".mlops-gone-"

static FALLIBLE remove_tree(struct arena *arena, int base_fd, const char *name)
{
    struct str gone = str_print(arena, GONE_PREFIX "%s", name);
    if (str_starts(str_of(name), STR(GONE_PREFIX)))
        return path_remove(base_fd, name);
    TRY(path_remove(base_fd, gone.at));
    if (renameat(base_fd, name, base_fd, gone.at) != 0)
        return error_os(errno, "cannot rename '%s'", name);
    return path_remove(base_fd, gone.at);
}

/* Under its lock, which dies with who holds it. */
static FALLIBLE take_away(struct session *session, int base_fd, struct str path, bool *ret_taken)
{
    AUTO(arena_drop) struct arena scratch = {0};
    const char *name = str_terminate(&scratch, path_name(path));
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    AUTO(fd_drop) struct fd fd = fd_of(openat(base_fd, name, flags));
    *ret_taken = fd_number(fd) >= 0 && flock(fd_number(fd), LOCK_EX | LOCK_NB) == 0;
    if (!*ret_taken)
        return NULL;
    struct error *error = end_leftovers(session, path);
    if (!error)
        error = keep_failed(session, fd_number(fd));
    if (error)
        return error;
    return remove_tree(&scratch, base_fd, name);
}

/* *ret_gone: by us, or by somebody else meanwhile. */
static FALLIBLE remove_once(struct session *session, const struct work_dir *work_dir,
                            bool *ret_gone)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(fd_drop) struct fd base = {0};
    struct file_stat stat;
    bool is_found = false;
    TRY(file_stat_at(AT_FDCWD, str_terminate(&scratch, work_dir->path), false, &stat, &is_found));
    *ret_gone = !is_found;
    if (!is_found)
        return NULL;
    TRY(directory_open(AT_FDCWD, str_terminate(&scratch, path_directory(work_dir->path)), &base));
    return take_away(session, fd_number(base), work_dir->path, ret_gone);
}

/* Another driver that has just begun may be at it: that is waited for. */
FALLIBLE work_dir_remove(struct session *session, const struct work_dir *work_dir)
{
    const struct timespec pause = {.tv_nsec = 20 * NS_PER_MS};
    int64_t until_ns = clock_monotonic_ns() + REMOVED_NS;
    bool is_gone = false;
    for (;;) {
        TRY_WITHIN(remove_once(session, work_dir, &is_gone),
                   "cannot remove the work directory '%.*s'", STR_FMT(work_dir->path));
        if (is_gone)
            return NULL;
        if (clock_monotonic_ns() >= until_ns)
            return error_hint(error_new(ERROR_MACHINE, "another process works in '%.*s'",
                                        STR_FMT(work_dir->path)),
                              "wait for it");
        TRY(signal_check());
        nanosleep(&pause, NULL);
    }
}

/* Whether a directory is left of a trial of this project, and nobody's any more. Where users chose
 * the place, other things may lie there. */
static FALLIBLE is_leftover(struct session *session, struct arena *arena, int base_fd,
                            const struct walk_entry *entry, bool *ret)
{
    const struct workspace *workspace = &session->workspace;
    AUTO(fd_drop) struct fd state = {0};
    struct work_marker marker = {0};
    bool is_found = false;
    int64_t age_ns = clock_real_ns() - entry->stat.ctime_ns;
    struct str path = path_join(arena, entry->name, STR(".mlops"));
    *ret = str_starts(entry->name, STR(GONE_PREFIX));
    if (*ret)
        return NULL;
    state = fd_of(openat(base_fd, path.at, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (fd_number(state) >= 0)
        TRY(work_marker_load(arena, fd_number(state), &marker, &is_found));
    bool is_half_made = !is_found && !workspace->config.work_dir.len && age_ns > YOUNG_NS;
    *ret = is_found ? str_equal(marker.project, workspace->root) && !marker.is_kept : is_half_made;
    return NULL;
}

static void tell_failure(struct session *session, struct error *error)
{
    AUTO(buf_drop) struct buf text = {0};
    error_print_line(error, &text);
    struct event event = {.kind = EVENT_WARNING,
                          .text = str_copy(session->arena, str_trim(buf_str(&text)))};
    observer_tell(session->observer, &event);
    error_drop(error);
}

static FALLIBLE sweep_one(struct session *session, struct str base, int base_fd,
                          const struct walk_entry *entry, bool *ret_taken)
{
    AUTO(arena_drop) struct arena scratch = {0};
    bool is_left = false;
    TRY(is_leftover(session, &scratch, base_fd, entry, &is_left));
    if (!is_left)
        return NULL;
    struct str path = path_join(&scratch, base, entry->name);
    return take_away(session, base_fd, path, ret_taken);
}

FALLIBLE work_dir_sweep(struct session *session, int64_t *ret_count)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct walk_list list = {0};
    struct str base = work_dir_base(&arena, &session->workspace);
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    AUTO(fd_drop) struct fd fd = fd_of(open(str_terminate(&arena, base), flags));
    *ret_count = 0;
    if (fd_number(fd) < 0 || session->workspace.is_work_dir)
        return NULL;
    TRY(walk_list(&arena, fd_number(fd), false, &list));
    for (size_t i = 0; i < list.count; i++) {
        bool is_taken = false;
        if (!S_ISDIR(list.entries[i].stat.mode))
            continue;
        struct error *error = sweep_one(session, base, fd_number(fd), &list.entries[i], &is_taken);
        if (error && error->code >= ERROR_SIGNAL)
            return error;
        if (error)
            tell_failure(session, error);
        *ret_count += is_taken;
    }
    return NULL;
}
