/* Why ssh ended, in its own words, and the one thing to do about it. */
#include "mlops/base/moment.h"
#include "mlops/host/clock.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "sftp_private.h"

/* The first that is found counts. */
static const struct fault {
    const char *words;
    bool is_passing;
    const char *hint; /* with the host for %s; NULL: none */
} faults[] = {
    {"REMOTE HOST IDENTIFICATION HAS CHANGED", false,
     "if that is expected, take the old key out of known_hosts: ssh-keygen -R %s"},
    {"Host key verification failed", false,
     "run 'ssh %s' once, compare the fingerprint and accept it"},
    {"Permission denied (", false,
     "'ssh %s' must work without a question: load your key into the agent (ssh-add), or name it in "
     "~/.ssh/config"},
    {"Too many authentication failures", false,
     "name the right key for %s in ~/.ssh/config (IdentityFile, IdentitiesOnly yes)"},
    {"subsystem request failed", false,
     "the server offers no SFTP: its sshd_config needs 'Subsystem sftp internal-sftp' (%s)"},
    {"Bad configuration option", false, "look at ~/.ssh/config"},
    {"Temporary failure in name resolution", true, NULL},
    {"Could not resolve hostname", false, "is the name right? Try 'ssh %s'"},
    {"Connection refused", true, "is sshd running there, on that port? Try 'ssh %s'"},
    {"No route to host", true, NULL},
    {"Network is unreachable", true, NULL},
    {"timed out", true, NULL},
    {"Connection reset", true, NULL},
    {"Connection closed", true, NULL},
    {"Broken pipe", true, NULL},
    {"kex_exchange_identification", true, NULL},
    {"not found", false, "ssh is part of the package openssh-client; setting: ssh_command (%s)"},
};

/* What is still in the pipe; ssh says it just before it ends. */
static void hear_rest(struct sftp *sftp)
{
    int64_t until_ns = clock_monotonic_ns() + NS_PER_S;
    while (fd_number(sftp->errors) >= 0 && clock_monotonic_ns() < until_ns &&
           sftp->said.len < SFTP_SAID_BYTES) {
        struct pollfd waiting = {.fd = fd_number(sftp->errors), .events = POLLIN};
        char bytes[1024];
        if (poll(&waiting, 1, 100) <= 0)
            continue;
        ssize_t got = read(fd_number(sftp->errors), bytes, sizeof bytes);
        if (got > 0)
            buf_add(&sftp->said, bytes, (size_t)got);
        else if (got == 0 || errno != EINTR)
            fd_drop(&sftp->errors);
    }
}

static const struct fault *find_fault(struct str said)
{
    for (size_t i = 0; i < COUNT_OF(faults); i++)
        if (str_find(said, str_of(faults[i].words)) >= 0)
            return &faults[i];
    return NULL;
}

/* The line that holds the words, or the last one that is not empty. */
static struct str line_of(struct str said, const char *words)
{
    struct str rest = said, line, last = {0};
    while (rest.at && str_split(&rest, '\n', &line)) {
        line = str_trim(line);
        if (words && str_find(line, str_of(words)) >= 0)
            return line;
        last = line.len ? line : last;
    }
    return last;
}

struct error *sftp_ended(struct sftp *sftp)
{
    sftp->is_broken = true;
    hear_rest(sftp);
    const struct fault *fault = find_fault(buf_str(&sftp->said));
    struct str line = line_of(buf_str(&sftp->said), fault ? fault->words : NULL);
    struct error *error =
        line.len ? error_new(ERROR_MACHINE, "ssh to '%s' ended: %.*s", sftp->host.at,
                             (int)MIN_OF(line.len, (size_t)400), line.at)
                 : error_new(ERROR_MACHINE, "the connection to '%s' was lost", sftp->host.at);
    if (fault && fault->hint) {
        AUTO(buf_drop) struct buf hint = {0};
        struct str text = str_of(fault->hint);
        ptrdiff_t at = str_find(text, STR("%s"));
        buf_add_str(&hint, str_slice(text, 0, at < 0 ? text.len : (size_t)at));
        if (at >= 0)
            buf_print(&hint, "%s%s", sftp->host.at, fault->hint + at + 2);
        error = error_hint(error, "%s", hint.at);
    }
    return !fault || fault->is_passing ? error_passing(error, 0) : error;
}
