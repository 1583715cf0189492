#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/host/clock.h"
#include "mlops/host/process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "../../../src/host/process_private.h"
#include "support/scratch.h"

static const char *const plain[] = {"PATH=/usr/local/bin:/usr/bin:/bin", NULL};
static const char *const marked[] = {"PATH=/usr/bin:/bin", "MLOPS_TEST_MARK=stage-7", NULL};
#define MARKER STR("MLOPS_TEST_MARK=stage-7")

/* Runs a shell script to its end with output to the file "out". */
static struct process_end run_shell(const struct scratch *scratch, const char *script,
                                    const char *const *envp)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    AUTO(process_drop) struct process process = {0};
    struct process_end end = {0};
    int out = openat(scratch->fd, "out", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct process_spec spec = {.argv = argv, .envp = envp, .cwd = scratch->path, .output_fd = out};
    assert_fine(process_start(&spec, &process));
    close(out);
    struct pollfd ended = {.fd = fd_number(process.pidfd), .events = POLLIN};
    assert_int_equal(poll(&ended, 1, -1), 1);
    assert_fine(process_reap(&process, &end));
    return end;
}

static void a_child_has_our_output_its_directory_and_only_its_environment(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    static const char *const envp[] = {"PATH=/usr/bin:/bin", "A=b c", NULL};
    setenv("MLOPS_TEST_SECRET", "x", 1);
    struct process_end end =
        run_shell(&scratch, "echo $A$MLOPS_TEST_SECRET; pwd >&2; cat; exit 3", envp);
    char expected[128];
    snprintf(expected, sizeof expected, "b c\n%s\n", scratch.path);
    assert_int_equal(end.exit_code, 3);
    assert_int_equal(end.exit_signal, 0);
    assert_true(end.peak_bytes > 0);
    scratch_expect(&scratch, "out", expected); /* stdin is empty, or cat would wait */
}

static void a_kernel_without_pidfd_still_tells_when_a_child_ends(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        AUTO(fd_drop) struct fd ended = {0};
        siginfo_t info = {0};
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            usleep((useconds_t)i * 500);
            _exit(7);
        }
        assert_fine(process_watch_by_thread(child, &ended));
        struct pollfd look = {.fd = fd_number(ended), .events = POLLIN};
        assert_int_equal(poll(&look, 1, 10000), 1);
        assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG), 0);
        assert_int_equal(info.si_status, 7); /* it was left for us to reap */
    }
}

static void a_child_ended_by_a_signal_says_which(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    struct process_end end = run_shell(&scratch, "kill -TERM $$", plain);
    assert_int_equal(end.exit_code, -1);
    assert_int_equal(end.exit_signal, SIGTERM);
}

static void a_child_gets_no_signal_state_of_ours(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    sigset_t all, before;
    sigfillset(&all);
    void (*handler)(int) = signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_SETMASK, &all, &before);
    /* The last seven digits: glibc leaves its own signals, 32 and 33, ignored. */
    run_shell(&scratch, "sed -nE 's/^(Sig(Blk|Ign):).*(.{7})$/\\1\\3/p' /proc/self/status", plain);
    sigprocmask(SIG_SETMASK, &before, NULL);
    signal(SIGPIPE, handler);
    scratch_expect(&scratch, "out", "SigBlk:0000000\nSigIgn:0000000\n");
}

static void a_child_inherits_only_what_it_is_to_keep(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    static const char *const argv[] = {"sh",  "-c",  "readlink /proc/self/fd/$0 /proc/self/fd/$1",
                                       "100", "101", NULL};
    AUTO(process_drop) struct process process = {0};
    struct process_end end;
    scratch_write(&scratch, "kept", "");
    scratch_write(&scratch, "other", "");
    int kept = openat(scratch.fd, "kept", O_RDONLY | O_CLOEXEC);
    int other = openat(scratch.fd, "other", O_RDONLY | O_CLOEXEC);
    int keep = fcntl(kept, F_DUPFD_CLOEXEC, 100), lose = fcntl(other, F_DUPFD_CLOEXEC, 101);
    int out = openat(scratch.fd, "out", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(keep, 100);
    assert_int_equal(lose, 101);
    struct process_spec spec = {
        .argv = argv, .envp = plain, .output_fd = out, .keep_fds = &keep, .keep_count = 1};
    assert_fine(process_start(&spec, &process));
    assert_fine(process_reap(&process, &end));
    char expected[128];
    snprintf(expected, sizeof expected, "%s/kept\n", scratch.path);
    scratch_expect(&scratch, "out", expected);
    close(out);
    close(kept);
    close(other);
    close(keep);
    close(lose);
}

static void start_fails(const char *program, const char *const *envp, const char *cwd,
                        const char *part)
{
    const char *argv[] = {program, NULL};
    struct process process = {0};
    struct process_spec spec = {.argv = argv, .envp = envp, .cwd = cwd, .output_fd = -1};
    assert_error(process_start(&spec, &process), part);
    assert_int_equal(process.pid, 0);
}

static void what_cannot_be_started_is_told_why(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    char path[128];
    snprintf(path, sizeof path, "PATH=/nowhere:%s", scratch.path);
    const char *const envp[] = {path, NULL};
    scratch_directory(&scratch, "bin");
    scratch_write(&scratch, "plain", "echo hi\n");
    scratch_write(&scratch, "text", "echo hi\n");
    scratch_write(&scratch, "script", "#!/no/such/interpreter\n");
    assert_int_equal(fchmodat(scratch.fd, "text", 0755, 0), 0);
    assert_int_equal(fchmodat(scratch.fd, "script", 0755, 0), 0);
    start_fails("python4", envp, NULL, "'python4' was not found in PATH");
    start_fails("sh", envp, NULL, "'sh' was not found in PATH"); /* the child's PATH, not ours */
    start_fails("", envp, NULL, "'' was not found");
    start_fails("./none", plain, scratch.path, "'./none' was not found");
    start_fails("./bin", plain, scratch.path, "is a directory");
    start_fails("./plain", plain, scratch.path, "may not be executed");
    start_fails("plain", envp, NULL, "may not be executed");
    start_fails("text", envp, NULL, "it is no program");
    start_fails("script", envp, NULL, "interpreter is missing");
    start_fails("sh", plain, "/nowhere", "/nowhere");
}

/* Root's PATH often stays set when somebody becomes another user. */
static void a_part_of_path_that_may_not_be_entered_is_passed_over(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    char path[128];
    snprintf(path, sizeof path, "PATH=%s/shut:/usr/bin:/bin", scratch.path);
    assert_int_equal(fchmod(scratch.fd, 0755), 0);
    assert_int_equal(mkdirat(scratch.fd, "shut", 0700), 0);
    pid_t child = fork();
    if (child == 0) {
        const char *const envp[] = {path, NULL}, *const argv[] = {"no-such-tool", NULL};
        struct process process = {0};
        struct process_spec spec = {.argv = argv, .envp = envp, .output_fd = -1};
        bool is_ready = geteuid() != 0 ? fchmodat(scratch.fd, "shut", 0, 0) == 0
                                       : setresuid(65534, 65534, 65534) == 0;
        struct error *error = process_start(&spec, &process);
        _exit(is_ready && error && strstr(error->text, "not found in PATH") ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void a_relative_part_of_path_is_seen_from_the_childs_directory(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    static const char *const envp[] = {"PATH=bin", NULL};
    static const char *const argv[] = {"tool", NULL};
    AUTO(process_drop) struct process process = {0};
    struct process_end end;
    scratch_directory(&scratch, "bin");
    scratch_write(&scratch, "bin/tool", "#!/bin/sh\nexit 7\n");
    assert_int_equal(fchmodat(scratch.fd, "bin/tool", 0755, 0), 0);
    struct process_spec spec = {.argv = argv, .envp = envp, .cwd = scratch.path, .output_fd = -1};
    assert_fine(process_start(&spec, &process));
    assert_fine(process_reap(&process, &end));
    assert_int_equal(end.exit_code, 7);
}

static struct process start_shell(const char *script, const char *const *envp)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    struct process process = {0};
    struct process_spec spec = {.argv = argv, .envp = envp, .output_fd = -1};
    assert_fine(process_start(&spec, &process));
    return process;
}

static void a_signal_reaches_the_whole_group_and_a_drop_reaps(void **state)
{
    (void)state;
    struct process process = start_shell("trap '' TERM; sleep 1000 & wait; sleep 1000", plain);
    pid_t pid = process.pid;
    assert_true(process.started_ticks > 0);
    assert_int_equal(process_start_ticks(pid), process.started_ticks);
    assert_int_equal(getpgid(pid), pid);
    process_signal(&process, SIGTERM);
    process_drop(&process);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(process_start_ticks(pid), -1);
    process_signal(&process, SIGTERM); /* nobody, and not everybody */
    process_drop(&process);
    process_sweep(STR(""), 0, NULL, 0);
}

/* Waits until a file appears: a descendant tells that it has come so far. */
static void await_file(const struct scratch *scratch, const char *name)
{
    for (int i = 0; i < 5000 && !scratch_has(scratch, name); i++)
        usleep(2000);
    assert_true(scratch_has(scratch, name));
    usleep(100000); /* the 'mv' that made it ends, and is counted no more */
}

/* Who was ended may take a moment to be gone. */
static void assert_no_child(void)
{
    pid_t child = 0;
    for (int i = 0; i < 5000 && (child = waitpid(-1, NULL, WNOHANG)) >= 0; i++)
        usleep(child == 0 ? 2000 : 0);
    assert_int_equal(child, -1);
    assert_int_equal(errno, ECHILD);
}

static pid_t pid_in(const struct scratch *scratch, const char *name)
{
    char text[16] = "";
    int fd = openat(scratch->fd, name, O_RDONLY | O_CLOEXEC);
    assert_true(read(fd, text, sizeof text - 1) > 0);
    close(fd);
    return (pid_t)atoi(text);
}

static void what_daemonises_is_found_by_its_marker(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    struct process_end end =
        run_shell(&scratch,
                  "setsid sh -c '(trap \"\" TERM; echo $$ >d.new; mv d.new daemon; sleep 1000) & "
                  "exit' & wait",
                  marked);
    assert_int_equal(end.exit_code, 0);
    await_file(&scratch, "daemon");
    assert_int_equal(process_sweep(STR("MLOPS_TEST_MARK=stage-8"), 0, NULL, 0), 0);
    assert_true(process_sweep(MARKER, 0, NULL, 0) >= 1);
    assert_no_child();
}

static void what_hides_its_marker_is_found_by_its_group(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    const char *argv[] = {
        "sh", "-c", "env -i /bin/sh -c 'echo $$ >p.new; mv p.new pid; exec sleep 1000' &", NULL};
    struct process process = {0};
    struct process_end end;
    struct process_spec spec = {.argv = argv, .envp = marked, .cwd = scratch.path, .output_fd = -1};
    assert_fine(process_start(&spec, &process));
    pid_t group = process.pid;
    assert_fine(process_reap(&process, &end));
    await_file(&scratch, "pid");
    pid_t hidden = pid_in(&scratch, "pid");
    assert_int_equal(process_sweep(MARKER, group, NULL, 0), 1);
    assert_int_equal(kill(hidden, 0), -1);
}

static void a_sweep_spares_running_children_and_what_is_theirs(void **state)
{
    (void)state;
    AUTO(process_drop) struct process kept = start_shell("sleep 1000 & wait", marked);
    struct process lost = start_shell("sleep 1000 & wait", plain);
    pid_t lost_pid = lost.pid;
    assert_int_equal(process_sweep(MARKER, 0, &kept.pid, 1), 0);
    assert_true(process_sweep(STR(""), 0, &kept.pid, 1) >= 1);
    assert_int_equal(kill(kept.pid, 0), 0);
    assert_int_equal(kill(lost_pid, 0), -1);
    fd_drop(&lost.pidfd); /* the sweep has reaped it */
}

static void a_chain_of_forks_is_outrun(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    scratch_write(&scratch, "chain", "#!/bin/sh\n: >started\n./chain &\n");
    assert_int_equal(fchmodat(scratch.fd, "chain", 0755, 0), 0);
    struct process_end end = run_shell(&scratch, "./chain & exit 0", marked);
    assert_int_equal(end.exit_code, 0);
    await_file(&scratch, "started");
    /* A link of the chain may come back to us just after one sweep has found nothing: a run sweeps
     * more than once. */
    enum { SWEEPS_MOST = 200 };
    int left = 0;
    for (int i = 0; i < SWEEPS_MOST && left != -1; i++) {
        process_sweep(MARKER, 0, NULL, 0);
        left = waitpid(-1, NULL, WNOHANG);
    }
    assert_int_equal(left, -1);
    assert_int_equal(errno, ECHILD);
}

/* As after a SIGKILL of mlops: processes that nobody here has started. */
static pid_t orphan_group(const struct scratch *scratch)
{
    struct process process = {0};
    const char *argv[] = {"sh", "-c",
                          "setsid sh -c 'echo $$ >s.new; mv s.new second; exec sleep 1000' & "
                          "echo $$ >f.new; mv f.new first; sleep 1000; true",
                          NULL};
    struct process_spec spec = {
        .argv = argv, .envp = marked, .cwd = scratch->path, .output_fd = -1};
    assert_fine(process_start(&spec, &process));
    await_file(scratch, "first");
    await_file(scratch, "second");
    return fd_drop(&process.pidfd), process.pid;
}

static void processes_of_a_killed_run_are_ended_by_identity_and_marker(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    struct str boot_id = {0};
    bool is_ended = false;
    assert_fine(process_boot_id(&arena, &boot_id));
    assert_int_equal(boot_id.len, 36);
    pid_t group = orphan_group(&scratch);
    pid_t second = pid_in(&scratch, "second");
    int64_t ticks = process_start_ticks(group);
    assert_fine(process_end_foreign(group, ticks + 1, STR("another boot"), MARKER, 0, &is_ended));
    assert_true(is_ended);
    assert_int_equal(kill(second, 0), 0);
    assert_fine(process_end_foreign(group, ticks + 1, boot_id, STR("NO=marker"), 0, &is_ended));
    assert_true(is_ended);
    assert_int_equal(process_start_ticks(group), ticks);
    assert_fine(process_end_foreign(group, ticks, boot_id, MARKER, 10 * NS_PER_S, &is_ended));
    assert_true(is_ended);
    assert_int_equal(process_start_ticks(group), -1);
    assert_int_equal(process_start_ticks(second), -1);
    process_sweep(STR(""), 0, NULL, 0);
}

static void a_helper_gives_its_output_and_exit_code(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    static const char *const good[] = {"sh", "-c", "echo out; echo err >&2; exit 4", NULL};
    static const char *const talks[] = {"yes", NULL};
    static const char *const none[] = {"no-such-helper", NULL};
    struct str output = {0};
    int exit_code = -1;
    assert_fine(process_capture(&arena, good, 100, &output, &exit_code));
    assert_string_equal(output.at, "out\n");
    assert_int_equal(exit_code, 4);
    assert_error(process_capture(&arena, talks, 1000, &output, &exit_code), "more than 1000");
    assert_error(process_capture(&arena, none, 1000, &output, &exit_code), "not found in PATH");
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static int become_parent_of_orphans(void **state)
{
    (void)state;
    struct error *error = process_adopt_orphans();
    error_drop(error);
    return error ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_has_our_output_its_directory_and_only_its_environment),
        cmocka_unit_test(a_kernel_without_pidfd_still_tells_when_a_child_ends),
        cmocka_unit_test(a_child_ended_by_a_signal_says_which),
        cmocka_unit_test(a_child_gets_no_signal_state_of_ours),
        cmocka_unit_test(a_child_inherits_only_what_it_is_to_keep),
        cmocka_unit_test(what_cannot_be_started_is_told_why),
        cmocka_unit_test(a_part_of_path_that_may_not_be_entered_is_passed_over),
        cmocka_unit_test(a_relative_part_of_path_is_seen_from_the_childs_directory),
        cmocka_unit_test(a_signal_reaches_the_whole_group_and_a_drop_reaps),
        cmocka_unit_test(what_daemonises_is_found_by_its_marker),
        cmocka_unit_test(what_hides_its_marker_is_found_by_its_group),
        cmocka_unit_test(a_sweep_spares_running_children_and_what_is_theirs),
        cmocka_unit_test(a_chain_of_forks_is_outrun),
        cmocka_unit_test(processes_of_a_killed_run_are_ended_by_identity_and_marker),
        cmocka_unit_test(a_helper_gives_its_output_and_exit_code),
    };
    return cmocka_run_group_tests(tests, become_parent_of_orphans, NULL);
}
