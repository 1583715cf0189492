#include "mlops/host/git.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/moment.h"
#include "mlops/base/vec.h"
#include "mlops/host/clock.h"
#include "mlops/host/process.h"
#include "mlops/host/signal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum { READ_BYTES = 65536, POLL_MS = 100, OUTPUT_BYTES_MOST = 1 << 26 };

VEC(word_vec, const char *);

/* What binds git to the repository that called us (a hook), and what would translate messages. */
static const char *const dropped[] = {
    "GIT_DIR=",           "GIT_WORK_TREE=",        "GIT_INDEX_FILE=",
    "GIT_COMMON_DIR=",    "GIT_OBJECT_DIRECTORY=", "GIT_ALTERNATE_OBJECT_DIRECTORIES=",
    "GIT_NAMESPACE=",     "GIT_PREFIX=",           "GIT_SHALLOW_FILE=",
    "GIT_GRAFT_FILE=",    "GIT_QUARANTINE_PATH=",  "GIT_TRACE=",
    "GIT_TRACE_CURL=",    "GIT_EXTERNAL_DIFF=",    "LC_ALL=",
    "LANGUAGE=",          "GIT_ALLOW_PROTOCOL=",   "GIT_TERMINAL_PROMPT=",
    "GIT_NO_LAZY_FETCH=",
};

static bool is_dropped(const char *entry)
{
    for (size_t i = 0; i < COUNT_OF(dropped); i++)
        if (strncmp(entry, dropped[i], strlen(dropped[i])) == 0)
            return true;
    return false;
}

/* Somebody who can be asked for a password. */
static bool can_ask(void)
{
    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

/* A server that is not there, or no more, is given up after a minute. */
#define SSH_LIMITS " -o ConnectTimeout=60 -o ServerAliveInterval=20 -o ServerAliveCountMax=3"

/* ssh asks on the terminal by itself, unless it is told not to; what the user has configured in its
 * place is his. */
static const char *ssh_command(struct arena *arena, const char *configured)
{
    bool is_users = getenv("GIT_SSH_COMMAND") || getenv("GIT_SSH");
    if (is_users || (can_ask() && configured))
        return NULL;
    return str_print(arena, "GIT_SSH_COMMAND=%s%s%s", configured ? configured : "ssh",
                     can_ask() ? "" : " -o BatchMode=yes", configured ? "" : SSH_LIMITS)
        .at;
}

static const char *const *environment_of(struct arena *arena, const char *configured_ssh)
{
    struct word_vec words = {0};
    const char *ssh = ssh_command(arena, configured_ssh);
    for (char **entry = environ; *entry; entry++)
        if (!is_dropped(*entry))
            *vec_push(arena, &words) = *entry;
    *vec_push(arena, &words) = "LC_ALL=C";
    *vec_push(arena, &words) = "GIT_ALLOW_PROTOCOL=file:git:http:https:ssh";
    if (!can_ask())
        *vec_push(arena, &words) = "GIT_TERMINAL_PROMPT=0";
    if (ssh)
        *vec_push(arena, &words) = ssh;
    *vec_push(arena, &words) = NULL;
    return words.at;
}

static const char *const *words_of(struct arena *arena, struct str repository,
                                   const char *const *words)
{
    static const char *const first[] = {
        "git",
        "-c",
        "core.hooksPath=/dev/null",
        "-c",
        "gc.auto=0",
        "-c",
        "maintenance.auto=false",
        "-c",
        "fetch.recurseSubmodules=false",
        "-c",
        "fetch.writeCommitGraph=false",
        "-c",
        "core.fsmonitor=false",
    };
    struct word_vec all = {0};
    for (size_t i = 0; i < COUNT_OF(first); i++)
        *vec_push(arena, &all) = first[i];
    if (repository.len) {
        *vec_push(arena, &all) = "-C";
        *vec_push(arena, &all) = str_terminate(arena, repository);
    }
    for (; *words; words++)
        *vec_push(arena, &all) = *words;
    *vec_push(arena, &all) = NULL;
    return all.at;
}

/* Above 2, so that none of the child's own three is in the way. */
static FALLIBLE open_pipe(struct fd *ret_read, struct fd *ret_write)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_os(errno, "cannot make a pipe");
    AUTO(fd_drop) struct fd reads = fd_of(ends[0]);
    AUTO(fd_drop) struct fd writes = fd_of(ends[1]);
    *ret_read = fd_of(fcntl(fd_number(reads), F_DUPFD_CLOEXEC, 3));
    *ret_write = fd_of(fcntl(fd_number(writes), F_DUPFD_CLOEXEC, 3));
    if (fd_number(*ret_read) < 0 || fd_number(*ret_write) < 0)
        return error_os(errno, "cannot make a pipe");
    return NULL;
}

/* Reads what is there; closes at the end. */
static FALLIBLE take(struct fd *fd, struct buf *text)
{
    ssize_t got = read(fd_number(*fd), buf_reserve(text, READ_BYTES), READ_BYTES);
    if (got < 0 && errno != EINTR && errno != EAGAIN)
        return error_os(errno, "cannot read what git writes");
    if (got > 0) {
        text->len += (size_t)got;
        text->at[text->len] = '\0';
    }
    if (text->len > OUTPUT_BYTES_MOST)
        return error_new(ERROR_MACHINE, "git writes more than %d bytes", OUTPUT_BYTES_MOST);
    if (got == 0)
        fd_drop(fd);
    return NULL;
}

/* Since when it runs, and has been silent. */
struct waiting {
    struct git_patience patience;
    int64_t began_ns, heard_ns;
    size_t heard_bytes;
};

static FALLIBLE check_time(struct waiting *waiting, size_t bytes)
{
    int64_t now_ns = clock_monotonic_ns();
    const struct git_patience *patience = &waiting->patience;
    if (bytes != waiting->heard_bytes)
        waiting->heard_ns = now_ns;
    waiting->heard_bytes = bytes;
    bool is_watched = !can_ask() || bytes;
    if (patience->most_s && !can_ask() && now_ns - waiting->began_ns > patience->most_s * NS_PER_S)
        return error_new(ERROR_MACHINE, "git: there is no answer after %lld s",
                         (long long)patience->most_s);
    if (patience->stall_s && is_watched &&
        now_ns - waiting->heard_ns > patience->stall_s * NS_PER_S)
        return error_new(ERROR_MACHINE, "git: nothing has come for %lld s",
                         (long long)patience->stall_s);
    return NULL;
}

static FALLIBLE listen_to(struct fd *out, struct fd *errors, struct buf *text,
                          struct buf *complaint, struct git_patience patience)
{
    int64_t now_ns = clock_monotonic_ns();
    struct waiting time = {.patience = patience, .began_ns = now_ns, .heard_ns = now_ns};
    while (fd_number(*out) >= 0 || fd_number(*errors) >= 0) {
        struct pollfd waiting[] = {{.fd = fd_number(*out), .events = POLLIN},
                                   {.fd = fd_number(*errors), .events = POLLIN}};
        TRY(signal_check());
        TRY(check_time(&time, text->len + complaint->len));
        if (poll(waiting, 2, POLL_MS) <= 0)
            continue;
        if (waiting[0].revents)
            TRY(take(out, text));
        if (waiting[1].revents)
            TRY(take(errors, complaint));
    }
    return NULL;
}

/* Progress is written over itself: to us these are lines. */
static struct str lines_of(struct buf *text)
{
    for (size_t i = 0; i < text->len; i++)
        text->at[i] = text->at[i] == '\r' ? '\n' : text->at[i];
    return buf_str(text);
}

static FALLIBLE wait_for(struct process *process, struct process_end *ret)
{
    for (;;) {
        struct pollfd waiting = {.fd = fd_number(process->pidfd), .events = POLLIN};
        TRY(signal_check());
        if (poll(&waiting, 1, POLL_MS) > 0)
            return process_reap(process, ret);
    }
}

static FALLIBLE call(struct arena *arena, struct str repository, const char *const *words,
                     const char *configured_ssh, struct git_patience patience,
                     struct git_answer *ret)
{
    AUTO(process_drop) struct process process = {0};
    AUTO(fd_drop) struct fd out = {0};
    AUTO(fd_drop) struct fd out_end = {0};
    AUTO(fd_drop) struct fd errors = {0};
    AUTO(fd_drop) struct fd errors_end = {0};
    struct buf text = buf_in(arena), complaint = buf_in(arena);
    struct process_end end;
    TRY(open_pipe(&out, &out_end));
    TRY(open_pipe(&errors, &errors_end));
    struct process_spec spec = {.argv = words_of(arena, repository, words),
                                .envp = environment_of(arena, configured_ssh),
                                .output_fd = fd_number(out_end),
                                .error_fd = fd_number(errors_end),
                                .joins_group = can_ask()};
    TRY_WITHIN(process_start(&spec, &process), "repositories of others need the program git");
    fd_drop(&out_end);
    fd_drop(&errors_end);
    TRY(listen_to(&out, &errors, &text, &complaint, patience));
    TRY(wait_for(&process, &end));
    *ret = (struct git_answer){buf_str(&text), lines_of(&complaint),
                               end.exit_signal ? 128 + end.exit_signal : end.exit_code};
    return NULL;
}

/* The variable, which we set, is stronger than the setting, which is the user's. */
static FALLIBLE find_ssh(struct arena *arena, const char **ret)
{
    static const char *const words[] = {"config", "--get", "core.sshCommand", NULL};
    struct git_answer answer = {0};
    TRY(call(arena, STR(""), words, NULL, (struct git_patience){0}, &answer));
    struct str line = str_trim(answer.output);
    *ret = answer.exit_code == 0 && line.len ? str_terminate(arena, line) : NULL;
    return NULL;
}

struct error *git_call(struct arena *arena, struct str repository, const char *const *words,
                       struct git_patience patience, struct git_answer *ret)
{
    const char *configured_ssh = NULL;
    TRY(find_ssh(arena, &configured_ssh));
    return call(arena, repository, words, configured_ssh, patience, ret);
}
