#include "mlops/host/lock.h"
#include "mlops/host/signal.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "support/scratch.h"

static int signal_fd = -1;

static bool is_readable(void)
{
    struct pollfd waiting = {.fd = signal_fd, .events = POLLIN};
    return poll(&waiting, 1, 0) == 1;
}

/* Runs a test in a child, because signals are counted for the life of a process. */
static void in_child(bool (*test)(void))
{
    pid_t child = fork();
    if (child == 0) {
        struct error *error = signal_open(&signal_fd);
        _exit(!error && test() ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static bool counts_and_keeps_the_first(void)
{
    bool was_quiet = signal_count() == 0 && !signal_stops() && !signal_check() && !is_readable();
    raise(SIGTERM);
    raise(SIGINT);
    bool is_told = signal_count() == 2 && signal_first() == SIGTERM && is_readable();
    signal_clear();
    struct error *error = signal_check();
    return was_quiet && is_told && !is_readable() && signal_stops() && error &&
           error->code == ERROR_SIGNAL + SIGTERM && strcmp(error->text, "interrupted") == 0;
}

static void stop_signals_are_counted_and_the_first_is_kept(void **state)
{
    (void)state;
    in_child(counts_and_keeps_the_first);
}

static bool quit_is_interrupt(void)
{
    raise(SIGQUIT);
    return signal_first() == SIGINT && signal_count() == 1;
}

static void quit_counts_as_interrupt(void **state)
{
    (void)state;
    in_child(quit_is_interrupt);
}

static bool pipe_and_window_do_not_stop(void)
{
    raise(SIGPIPE);
    raise(SIGWINCH);
    return !signal_stops() && is_readable() && signal_resized() && !signal_resized();
}

static void a_broken_pipe_and_a_new_window_size_stop_nothing(void **state)
{
    (void)state;
    in_child(pipe_and_window_do_not_stop);
}

static bool storm_is_counted(void)
{
    for (int i = 0; i < 100000; i++) /* more than a pipe holds */
        raise(SIGHUP);
    signal_clear();
    return signal_count() == 100000 && signal_first() == SIGHUP && !is_readable();
}

static void a_storm_of_signals_blocks_nothing(void **state)
{
    (void)state;
    in_child(storm_is_counted);
}

static void a_hangup_that_is_ignored_stays_ignored(void **state)
{
    (void)state;
    void (*before)(int) = signal(SIGHUP, SIG_IGN);
    pid_t child = fork();
    if (child == 0) {
        struct error *error = signal_open(&signal_fd);
        raise(SIGHUP);
        _exit(!error && signal_count() == 0 ? 0 : 1);
    }
    signal(SIGHUP, before);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static bool waiting_for_a_lock_ends(void)
{
    char path[] = "/tmp/mlops-test-XXXXXX";
    struct lock first = {0}, second = {0};
    bool is_taken = false;
    int fd = mkstemp(path);
    struct error *error =
        lock_take(AT_FDCWD, path, LOCK_EXCLUSIVE, 0, NULL, NULL, &first, &is_taken);
    raise(SIGINT);
    if (!error && is_taken)
        error = lock_take(AT_FDCWD, path, LOCK_EXCLUSIVE, -1, NULL, NULL, &second, &is_taken);
    close(fd);
    unlink(path);
    return error && error->code == ERROR_SIGNAL + SIGINT && !is_taken;
}

static void a_stop_signal_ends_the_wait_for_a_lock(void **state)
{
    (void)state;
    in_child(waiting_for_a_lock_ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stop_signals_are_counted_and_the_first_is_kept),
        cmocka_unit_test(quit_counts_as_interrupt),
        cmocka_unit_test(a_broken_pipe_and_a_new_window_size_stop_nothing),
        cmocka_unit_test(a_storm_of_signals_blocks_nothing),
        cmocka_unit_test(a_hangup_that_is_ignored_stays_ignored),
        cmocka_unit_test(a_stop_signal_ends_the_wait_for_a_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
