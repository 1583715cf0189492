#include "mlops/host/sftp.h"

#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/host/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sftp_private.h"

enum { PROTOCOL_VERSION = 3, PIPE_BYTES = 1048576 };

/* How long what was sent without waiting may take when all is over. */
static const int64_t PARTING_NS = 2 * NS_PER_S;

/* Above 2, so that none of the child's own three is in the way. What we write to is a socket:
 * writing to one whose reader died need not end us with SIGPIPE. */
static FALLIBLE open_pipe(bool is_socket, struct fd *ret_read, struct fd *ret_write)
{
    int ends[2];
    int answer = is_socket ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)
                           : pipe2(ends, O_CLOEXEC);
    if (answer != 0)
        return error_os(errno, "cannot make a pipe");
    AUTO(fd_drop) struct fd reads = fd_of(ends[0]);
    AUTO(fd_drop) struct fd writes = fd_of(ends[1]);
    *ret_read = fd_of(fcntl(fd_number(reads), F_DUPFD_CLOEXEC, 3));
    *ret_write = fd_of(fcntl(fd_number(writes), F_DUPFD_CLOEXEC, 3));
    if (fd_number(*ret_read) < 0 || fd_number(*ret_write) < 0)
        return error_os(errno, "cannot make a pipe");
    if (!is_socket)
        fcntl(fd_number(reads), F_SETPIPE_SZ,
              PIPE_BYTES); /* fewer turns; what is refused stays as it is */
    return NULL;
}

/* The other end of a pipe may be a file of its own to the child: only ours must not block. */
static FALLIBLE start(const struct sftp_spec *spec, struct sftp *sftp)
{
    AUTO(fd_drop) struct fd in = {0};
    AUTO(fd_drop) struct fd out = {0};
    AUTO(fd_drop) struct fd errors = {0};
    TRY(open_pipe(true, &in, &sftp->to));
    TRY(open_pipe(false, &sftp->from, &out));
    TRY(open_pipe(false, &sftp->errors, &errors));
    struct process_spec process = {.argv = spec->argv,
                                   .envp = (const char *const *)(uintptr_t)environ,
                                   .output_fd = fd_number(out),
                                   .input_fd = fd_number(in),
                                   .error_fd = fd_number(errors),
                                   .joins_group = spec->asks};
    TRY(process_start(&process, &sftp->process));
    fcntl(fd_number(sftp->to), F_SETFL, O_NONBLOCK);
    fcntl(fd_number(sftp->from), F_SETFL, O_NONBLOCK);
    fcntl(fd_number(sftp->errors), F_SETFL, O_NONBLOCK);
    return NULL;
}

/* --- greeting --- */

static void note_extension(struct sftp *sftp, struct str name, struct str value)
{
    static const struct {
        const char *name, *version;
        enum sftp_extension flag;
    } rows[] = {{"posix-rename@openssh.com", "1", EXTENSION_POSIX_RENAME},
                {"hardlink@openssh.com", "1", EXTENSION_HARDLINK},
                {"fsync@openssh.com", "1", EXTENSION_FSYNC},
                {"statvfs@openssh.com", "2", EXTENSION_STATVFS},
                {"limits@openssh.com", "1", EXTENSION_LIMITS}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (str_is(name, rows[i].name) && str_is(value, rows[i].version))
            sftp->extensions |= (unsigned)rows[i].flag;
}

static FALLIBLE ask_limits(struct sftp *sftp)
{
    struct sftp_reply reply;
    uint32_t id = sftp_send_text(sftp, PACKET_EXTENDED, STR("limits@openssh.com"));
    TRY(sftp_receive_of(sftp, id, &reply));
    if (reply.type != PACKET_EXTENDED_REPLY)
        return NULL; /* it has promised more than it keeps */
    wire_u64(&reply.body);
    uint64_t read = wire_u64(&reply.body), write = wire_u64(&reply.body);
    if (reply.body.is_bad)
        return sftp_nonsense(sftp, "its limits end early");
    if (read >= SFTP_DATA_BYTES)
        sftp->read_bytes = (size_t)MIN_OF(read, (uint64_t)SFTP_DATA_MOST);
    if (write >= SFTP_DATA_BYTES)
        sftp->write_bytes = (size_t)MIN_OF(write, (uint64_t)SFTP_DATA_MOST);
    return NULL;
}

struct error *sftp_greet(struct sftp *sftp)
{
    uint8_t type = 0;
    struct sftp_wire body;
    sftp->read_bytes = sftp->write_bytes = SFTP_DATA_BYTES;
    wire_put_u32(&sftp->out, 5);
    buf_add_char(&sftp->out, (char)PACKET_INIT);
    wire_put_u32(&sftp->out, PROTOCOL_VERSION);
    TRY(sftp_packet(sftp, &type, &body));
    uint32_t version = wire_u32(&body);
    if (type != PACKET_VERSION || body.is_bad)
        return sftp_nonsense(sftp, "it does not greet");
    if (version < PROTOCOL_VERSION)
        return sftp_nonsense(sftp, "its version is below 3");
    while (body.rest.len && !body.is_bad) {
        struct str name = wire_text(&body), value = wire_text(&body);
        note_extension(sftp, name, value);
    }
    if (body.is_bad)
        return sftp_nonsense(sftp, "its greeting ends early");
    return sftp->extensions & EXTENSION_LIMITS ? ask_limits(sftp) : NULL;
}

struct error *sftp_open(const struct sftp_spec *spec, struct sftp **ret)
{
    struct sftp *sftp = memory_grow(NULL, sizeof *sftp);
    *sftp = (struct sftp){.timeout_ns = spec->timeout_ns};
    buf_add_text(&sftp->host, spec->host);
    struct error *error = start(spec, sftp);
    if (!error)
        error = sftp_greet(sftp);
    if (error) {
        sftp->is_broken = true;
        sftp_drop(&sftp);
        return error;
    }
    *ret = sftp;
    return NULL;
}

bool sftp_is_broken(const struct sftp *sftp)
{
    return sftp->is_broken;
}

/* What was asked without waiting, such as removing a file, is to happen. */
static void part(struct sftp *sftp)
{
    sftp->timeout_ns = PARTING_NS;
    while (!sftp->is_broken && sftp->forgotten_count) {
        struct sftp_reply reply = {0};
        struct error *error = sftp_packet(sftp, &reply.type, &reply.body);
        sftp->forgotten_count--;
        sftp->is_broken = error != NULL;
        error_drop(error);
    }
}

void sftp_drop(struct sftp **sftp)
{
    struct sftp *gone = *sftp;
    *sftp = NULL;
    if (!gone)
        return;
    part(gone);
    fd_drop(&gone->to);
    fd_drop(&gone->from);
    fd_drop(&gone->errors);
    process_drop(&gone->process);
    buf_drop(&gone->out);
    buf_drop(&gone->in);
    buf_drop(&gone->said);
    buf_drop(&gone->words);
    buf_drop(&gone->host);
    free(gone);
}
