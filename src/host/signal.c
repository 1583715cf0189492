#include "mlops/host/signal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

/* What handlers touch has to be global: lock-free atomics and the number of the pipe. */
static atomic_int stop_count;
static atomic_int first_stop;
static atomic_bool is_resized;
static atomic_int pipe_write_fd = -1;
static int pipe_read_fd = -1;

static void wake(void)
{
    int fd = atomic_load(&pipe_write_fd);
    if (fd >= 0) {
        ssize_t ignored = write(fd, "", 1); /* a full pipe wakes as well */
        (void)ignored;
    }
}

static void stop_came(int number)
{
    int saved = errno;
    int none = 0;
    atomic_compare_exchange_strong(&first_stop, &none, number == SIGQUIT ? SIGINT : number);
    atomic_fetch_add(&stop_count, 1);
    wake();
    errno = saved;
}

static void resize_came(int number)
{
    (void)number;
    int saved = errno;
    atomic_store(&is_resized, true);
    wake();
    errno = saved;
}

static FALLIBLE install(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART}, before;
    sigemptyset(&action.sa_mask);
    if (sigaction(number, NULL, &before) != 0)
        return error_os(errno, "cannot read the handler of signal %d", number);
    /* `nohup mlops run` means to survive a closed terminal. */
    if (number == SIGHUP && before.sa_handler == SIG_IGN)
        return NULL;
    if (sigaction(number, &action, NULL) != 0)
        return error_os(errno, "cannot handle signal %d", number);
    return NULL;
}

struct error *signal_open(int *ret_fd)
{
    static const struct {
        int number;
        void (*handler)(int);
    } rows[] = {{SIGINT, stop_came},  {SIGTERM, stop_came},    {SIGHUP, stop_came},
                {SIGQUIT, stop_came}, {SIGWINCH, resize_came}, {SIGPIPE, SIG_IGN}};
    if (pipe_read_fd < 0) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
            return error_os(errno, "cannot make a pipe");
        pipe_read_fd = ends[0];
        atomic_store(&pipe_write_fd, ends[1]);
    }
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        TRY(install(rows[i].number, rows[i].handler));
    *ret_fd = pipe_read_fd;
    return NULL;
}

void signal_clear(void)
{
    char bytes[64];
    while (pipe_read_fd >= 0 && read(pipe_read_fd, bytes, sizeof bytes) > 0)
        continue;
}

int signal_count(void)
{
    return atomic_load(&stop_count);
}

int signal_first(void)
{
    return atomic_load(&first_stop);
}

bool signal_stops(void)
{
    return signal_count() > 0;
}

struct error *signal_check(void)
{
    if (!signal_stops())
        return NULL;
    return error_recode(error_new(ERROR_ANSWER, "interrupted"), ERROR_SIGNAL + signal_first());
}

bool signal_resized(void)
{
    return atomic_exchange(&is_resized, false);
}
