/* Bytes out and in, without ever blocking on one direction while the other is full. */
#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/base/moment.h"
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sftp_private.h"

/* How long a stop signal that came to another thread may go unseen. */
enum { POLL_MS = 200, READ_BYTES = 131072 };

static FALLIBLE broken(struct sftp *sftp, struct error *error)
{
    sftp->is_broken = true;
    return error;
}

struct error *sftp_nonsense(struct sftp *sftp, const char *what)
{
    sftp->is_broken = true;
    return error_hint(
        error_new(ERROR_MACHINE, "the server does not keep to the protocol: %s", what),
        "does 'ssh %s true' print anything? It must not", sftp->host.at);
}

/* Keeps the end of what the program says. */
static void hear(struct sftp *sftp)
{
    char bytes[1024];
    ssize_t got =
        fd_number(sftp->errors) < 0 ? 0 : read(fd_number(sftp->errors), bytes, sizeof bytes);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        fd_drop(&sftp->errors);
    if (got <= 0)
        return;
    buf_add(&sftp->said, bytes, (size_t)got);
    if (sftp->said.len > SFTP_SAID_BYTES) {
        size_t gone = sftp->said.len - SFTP_SAID_BYTES;
        memmove(sftp->said.at, sftp->said.at + gone, SFTP_SAID_BYTES);
        sftp->said.len = SFTP_SAID_BYTES;
        sftp->said.at[sftp->said.len] = '\0';
    }
}

static bool would_block(void)
{
    return errno == EAGAIN || errno == EINTR;
}

/* What went is let go: always when nothing is left, and else before it is much. */
static void let_go(struct sftp *sftp)
{
    size_t left = sftp->out.len - sftp->out_at;
    if (left && sftp->out_at < MAX_OF(left, (size_t)SFTP_PACKET_MOST))
        return;
    if (left)
        memmove(sftp->out.at, sftp->out.at + sftp->out_at, left);
    sftp->out.len = left;
    sftp->out_at = 0;
}

/* True if bytes went. */
static FALLIBLE send_some(struct sftp *sftp, bool *ret_moved)
{
    size_t len = sftp->out.len - sftp->out_at;
    const char *at = sftp->out.at + sftp->out_at;
    ssize_t sent = len ? send(fd_number(sftp->to), at, len, MSG_NOSIGNAL) : 0;
    *ret_moved = sent > 0;
    if (sent < 0 && would_block())
        return NULL;
    if (sent < 0 && errno != EPIPE &&
        errno != ECONNRESET) /* the end is met, and told, when reading */
        return broken(sftp, error_os(errno, "cannot write to ssh"));
    sftp->out_at += sent < 0 ? len : (size_t)sent;
    let_go(sftp);
    return NULL;
}

static void move_down(struct sftp *sftp)
{
    if (!sftp->in_at)
        return;
    memmove(sftp->in.at, sftp->in.at + sftp->in_at, sftp->in.len - sftp->in_at);
    sftp->in.len -= sftp->in_at;
    sftp->in_at = 0;
}

static FALLIBLE receive_some(struct sftp *sftp, bool *ret_moved)
{
    move_down(sftp);
    char *to = buf_reserve(&sftp->in, READ_BYTES);
    ssize_t got = read(fd_number(sftp->from), to, READ_BYTES);
    *ret_moved = got > 0;
    if (got < 0 && would_block())
        return NULL;
    if (got < 0)
        return broken(sftp, error_os(errno, "cannot read from ssh"));
    if (got == 0)
        return sftp_ended(sftp);
    sftp->in.len += (size_t)got;
    return NULL;
}

static FALLIBLE timed_out(struct sftp *sftp)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct str time = duration_print(&arena, sftp->timeout_ns);
    return broken(sftp, error_passing(error_new(ERROR_MACHINE, "'%s' did not answer for %.*s",
                                                sftp->host.at, STR_FMT(time)),
                                      0));
}

/* One turn: waits until something can move in a direction that is wanted, and moves it. */
static FALLIBLE turn(struct sftp *sftp, int64_t until_ns, bool *ret_moved)
{
    struct pollfd waiting[3] = {
        {.fd = fd_number(sftp->from), .events = POLLIN},
        {.fd = sftp->out.len > sftp->out_at ? fd_number(sftp->to) : -1, .events = POLLOUT},
        {.fd = fd_number(sftp->errors), .events = POLLIN},
    };
    bool has_sent = false, has_received = false;
    TRY(signal_check());
    if (poll(waiting, COUNT_OF(waiting), POLL_MS) < 0 && errno != EINTR)
        return broken(sftp, error_os(errno, "cannot wait for ssh"));
    if (waiting[2].revents)
        hear(sftp);
    if (waiting[1].revents)
        TRY(send_some(sftp, &has_sent));
    if (waiting[0].revents)
        TRY(receive_some(sftp, &has_received));
    *ret_moved = has_sent || has_received;
    return !*ret_moved && clock_monotonic_ns() > until_ns ? timed_out(sftp) : NULL;
}

/* Until `len` bytes that were not looked at are there. */
static FALLIBLE need(struct sftp *sftp, size_t len)
{
    int64_t until_ns = clock_monotonic_ns() + sftp->timeout_ns;
    while (sftp->in.len - sftp->in_at < len) {
        bool has_moved = false;
        struct error *error = turn(sftp, until_ns, &has_moved);
        sftp->is_broken = error != NULL; /* also when stopped: nobody waits for the rest */
        TRY(error);
        if (has_moved)
            until_ns = clock_monotonic_ns() + sftp->timeout_ns;
    }
    return NULL;
}

struct error *sftp_flush_some(struct sftp *sftp)
{
    bool has_moved = true;
    while (has_moved && sftp->out.len > sftp->out_at)
        TRY(send_some(sftp, &has_moved));
    return NULL;
}

/* Text where a length should be comes from a shell that greets whoever logs in. */
static FALLIBLE bad_length(struct sftp *sftp, const char *at)
{
    for (int i = 0; i < 4; i++)
        if (at[i] < ' ' || at[i] > '~')
            return sftp_nonsense(sftp, "a packet is too long or too short");
    return sftp_nonsense(sftp, "it sent text where an answer should be");
}

struct error *sftp_packet(struct sftp *sftp, uint8_t *ret_type, struct sftp_wire *ret)
{
    check(!sftp->is_broken);
    TRY(sftp_flush_some(sftp));
    TRY(need(sftp, 4));
    const char *at = sftp->in.at + sftp->in_at;
    struct sftp_wire head = {.rest = {at, 4}};
    size_t len = wire_u32(&head);
    if (len < 1 || len > SFTP_PACKET_MOST)
        return bad_length(sftp, at);
    TRY(need(sftp, 4 + len));
    at = sftp->in.at + sftp->in_at;
    *ret_type = (uint8_t)at[4];
    *ret = (struct sftp_wire){.rest = {at + 5, len - 1}};
    sftp->in_at += 4 + len;
    return NULL;
}
