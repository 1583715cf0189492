#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/base/moment.h"
#include "mlops/codec/canon.h"
#include "mlops/host/process.h"
#include "mlops/host/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>

#include "aside_private.h"

enum { FOREIGN_WAIT_S = 10, BURIAL_WAIT_MS = 250 };

/* Whether the run that began the attempt is dead: its own lock (held by mlops, not by stages) is
 * free. Who marks a dead run as crashed has it for an instant, hence the wait. */
static FALLIBLE is_run_dead(struct session *session, struct arena *arena, struct str run, bool *ret)
{
    AUTO(lock_drop) struct lock lock = {0};
    struct str path = str_print(arena, "locks/run-%.*s", STR_FMT(run));
    int home = fd_number(session->workspace.home_fd);
    TRY(lock_take(home, path.at, LOCK_SHARED, BURIAL_WAIT_MS * NS_PER_MS, NULL, NULL, &lock, ret));
    return *ret ? path_remove(home, path.at) : NULL; /* asking made it, if it was gone */
}

/* What `process` notes. It is not synced: a power cut, which ends all processes, may leave it torn.
 */
struct noted_process {
    int64_t group, ticks;
    struct str boot;
};

static FALLIBLE read_note(struct str bytes, struct noted_process *ret)
{
    struct canon_reader reader = canon_reader_of(bytes);
    TRY(canon_expect_tag(&reader, STR("mlops.process.1")));
    TRY(canon_read_int(&reader, &ret->group));
    TRY(canon_read_int(&reader, &ret->ticks));
    TRY(canon_read_str(&reader, &ret->boot));
    return NULL;
}

/* Ends the processes that a killed mlops left behind: never two writers. */
static FALLIBLE end_processes(struct session *session, struct arena *arena, struct str folder,
                              struct str attempt, bool *ret_ended)
{
    struct str bytes = {0};
    bool found = false;
    struct str path = str_print(arena, "%.*s/process", STR_FMT(folder));
    struct noted_process noted = {0};
    TRY(file_read(arena, fd_number(session->workspace.state_fd), path.at, LIMIT_LOCK_BYTES, &bytes,
                  &found));
    struct error *torn = found ? read_note(bytes, &noted) : NULL;
    if (!found || torn) {
        /* Killed between starting a process and noting it: who holds the journal's lock is of this
         * boot, and carries the marker. */
        error_drop(torn);
        noted = (struct noted_process){.ticks = -1};
        TRY(process_boot_id(arena, &noted.boot));
    }
    struct str marker = str_print(arena, "MLOPS_ATTEMPT=%.*s", STR_FMT(attempt));
    return process_end_foreign((pid_t)noted.group, noted.ticks, noted.boot, marker,
                               FOREIGN_WAIT_S * NS_PER_S, ret_ended);
}

static FALLIBLE settle(struct session *session, struct arena *arena, struct str folder,
                       struct str attempt, const struct aside_journal *journal)
{
    struct ledger *ledger = NULL;
    TRY(session_ledger(session, &ledger));
    bool is_recorded = false;
    TRY(ledger_has_attempt(ledger, attempt, &is_recorded));
    if (is_recorded) {
        int displaced = 0;
        return journal_complete(session, attempt, folder, journal, &displaced);
    }
    struct str failed =
        str_print(arena, "failed/%.*s/%.*s", STR_FMT(journal->run), STR_FMT(attempt));
    TRY(journal_undo(session, attempt, folder, journal, failed));
    bool had_outputs = false;
    for (size_t i = 0; i < journal->count; i++)
        had_outputs |= journal->entries[i].state != ASIDE_ABSENT;
    struct event event = {.kind = EVENT_NOTICE,
                          .text = str_print(arena,
                                            "a run that was killed left stage '%.*s' unfinished%s",
                                            STR_FMT(journal->stage),
                                            had_outputs ? ": its earlier outputs are back" : "")};
    observer_tell(session->observer, &event);
    return NULL;
}

/* Killed while its journal was being made, when nothing was moved yet. Without syncs a power cut
 * may lose a journal, but not what was moved after it: that is kept. */
static FALLIBLE drop_unmade(struct session *session, struct arena *arena, struct str folder,
                            struct str attempt)
{
    AUTO(fd_drop) struct fd directory = {0};
    int state = fd_number(session->workspace.state_fd);
    struct walk_list list;
    bool holds_outputs = false;
    struct error *error = directory_open(state, folder.at, &directory);
    if (!error)
        error = walk_list(arena, fd_number(directory), true, &list);
    for (size_t i = 0; !error && i < list.count; i++)
        holds_outputs |= list.entries[i].name.at[0] >= '0' && list.entries[i].name.at[0] <= '9';
    error_drop(error); /* no directory: nobody's */
    if (!holds_outputs)
        return path_remove(state, folder.at);
    struct str target = str_print(arena, "displaced/%.*s", STR_FMT(attempt));
    TRY(directory_make(state, "displaced", false));
    return path_move(state, folder.at, state, target.at);
}

/* Not only who holds the lock: many programs close what they inherit. One that was just being
 * started when its run was killed shows the environment it can be told by only an instant later. */
static FALLIBLE end_holders(struct session *session, struct arena *arena, struct str folder,
                            struct str attempt, int journal_fd, bool *ret_free)
{
    enum { TRIES = 50, PAUSE_MS = 20 };
    *ret_free = false;
    for (int i = 0; i < TRIES && !*ret_free; i++) {
        bool ended = true;
        TRY(end_processes(session, arena, folder, attempt, &ended));
        if (!ended)
            return NULL; /* it was waited for */
        *ret_free = flock(journal_fd, LOCK_EX | LOCK_NB) == 0;
        if (!*ret_free)
            nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * NS_PER_MS}, NULL);
    }
    return NULL;
}

static FALLIBLE recover_attempt(struct session *session, struct str attempt)
{
    AUTO(arena_drop) struct arena arena = {0};
    int state = fd_number(session->workspace.state_fd);
    struct str folder = str_print(&arena, "aside/%.*s", STR_FMT(attempt));
    struct str path = str_print(&arena, "%.*s/journal", STR_FMT(folder));
    AUTO(fd_drop) struct fd file = fd_of(openat(state, path.at, O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    struct aside_journal journal = {0};
    struct str bytes = {0};
    bool found = false;
    TRY(file_read(&arena, state, path.at, LIMIT_LOCK_BYTES, &bytes, &found));
    struct error *broken = journal_decode(&arena, bytes, &journal);
    if (broken) {
        error_drop(broken);
        if (fd_number(file) >= 0 && flock(fd_number(file), LOCK_EX | LOCK_NB) != 0)
            return NULL; /* of a living run */
        return drop_unmade(session, &arena, folder, attempt);
    }
    bool dead = false;
    TRY(is_run_dead(session, &arena, journal.run, &dead));
    if (!dead)
        return NULL;
    bool is_free = false;
    TRY(end_holders(session, &arena, folder, attempt, fd_number(file), &is_free));
    if (!is_free)
        return error_hint(
            error_new(ERROR_MACHINE, "processes of stage '%.*s' of a killed run still run",
                      STR_FMT(journal.stage)),
            "end them (look for MLOPS_ATTEMPT=%.*s in their environment) and run again",
            STR_FMT(attempt));
    return settle(session, &arena, folder, attempt, &journal);
}

struct error *aside_recover(struct session *session)
{
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(fd_drop) struct fd directory = {0};
    int state = fd_number(session->workspace.state_fd);
    struct file_stat stat;
    bool found = false;
    TRY(file_stat_at(state, "aside", false, &stat, &found));
    if (!found || stat.links == 2)
        return NULL; /* a directory without subdirectories: nothing was left */
    AUTO(lock_drop) struct lock lock = {0};
    bool taken = false;
    TRY(lock_take(state, "locks/recover", LOCK_EXCLUSIVE, -1, NULL, NULL, &lock, &taken));
    TRY(directory_open(state, "aside", &directory));
    struct walk_list list;
    TRY(walk_list(&arena, fd_number(directory), true, &list));
    for (size_t i = 0; i < list.count; i++)
        TRY_WITHIN(recover_attempt(session, list.entries[i].name),
                   "recovering the unfinished attempt '%.*s'", STR_FMT(list.entries[i].name));
    return NULL;
}
