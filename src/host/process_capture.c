#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "process_private.h"

/* A helper that takes longer hangs (nvidia-smi with a broken driver does). */
static const int64_t CAPTURE_NS_MOST = 30 * NS_PER_S;
enum { READ_BYTES = 4096, POLL_MS = 100 };

/* Reads what is there; *ret_open false at the end. */
static FALLIBLE read_some(int fd, const char *name, int64_t bytes_most, struct buf *output,
                          bool *ret_open)
{
    ssize_t got = read(fd, buf_reserve(output, READ_BYTES), READ_BYTES);
    *ret_open = got != 0;
    if (got < 0 && errno != EINTR && errno != EAGAIN)
        return error_os(errno, "cannot read what '%s' writes", name);
    if (got > 0) {
        output->len += (size_t)got;
        output->at[output->len] = '\0';
    }
    if ((int64_t)output->len > bytes_most)
        return error_new(ERROR_MACHINE, "'%s' writes more than %lld bytes", name,
                         (long long)bytes_most);
    return NULL;
}

/* Waits until fd is readable; an error when it takes too long or mlops is to stop. */
static FALLIBLE wait_readable(int fd, const char *name, int64_t until_ns)
{
    for (;;) {
        struct pollfd waiting = {.fd = fd, .events = POLLIN};
        TRY(signal_check());
        if (poll(&waiting, 1, POLL_MS) > 0)
            return NULL;
        if (clock_monotonic_ns() > until_ns)
            return error_new(ERROR_MACHINE, "'%s' took more than %d s", name,
                             (int)(CAPTURE_NS_MOST / NS_PER_S));
    }
}

static FALLIBLE read_output(int fd, const char *name, int64_t until_ns, int64_t bytes_most,
                            struct buf *output)
{
    for (bool is_open = true; is_open;) {
        TRY(wait_readable(fd, name, until_ns));
        TRY(read_some(fd, name, bytes_most, output, &is_open));
    }
    return NULL;
}

struct error *process_capture(struct arena *arena, const char *const *argv, int64_t bytes_most,
                              struct str *ret_output, int *ret_exit_code)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_os(errno, "cannot make a pipe");
    AUTO(fd_drop) struct fd reads = fd_of(ends[0]);
    AUTO(fd_drop) struct fd writes = fd_of(ends[1]);
    AUTO(process_drop) struct process process = {0};
    struct process_spec spec = {.argv = argv,
                                .envp = (const char *const *)(uintptr_t)environ,
                                .output_fd = fd_number(writes),
                                .drops_stderr = true};
    struct process_end end;
    struct buf output = buf_in(arena);
    int64_t until_ns = clock_monotonic_ns() + CAPTURE_NS_MOST;
    TRY(process_start(&spec, &process));
    fd_drop(&writes);
    TRY(read_output(fd_number(reads), argv[0], until_ns, bytes_most, &output));
    TRY(wait_readable(fd_number(process.pidfd), argv[0], until_ns));
    TRY(process_reap(&process, &end));
    *ret_output = buf_str(&output);
    *ret_exit_code = end.exit_signal ? 128 + end.exit_signal : end.exit_code;
    return NULL;
}
