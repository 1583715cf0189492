#include "mlops/base/arena.h"
#include "mlops/host/clock.h"
#include "mlops/host/git.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "support/scratch.h"

static void put_program(const struct scratch *scratch, const char *name, const char *text)
{
    scratch_write(scratch, name, text);
    assert_int_equal(fchmodat(scratch->fd, name, 0755, 0), 0);
}

static void use_programs_of(const struct scratch *scratch)
{
    char path[sizeof scratch->path + 32];
    snprintf(path, sizeof path, "%s:/usr/bin:/bin", scratch->path);
    setenv("PATH", path, 1);
}

static void let_nobody_sit_there(void)
{
    int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(in, STDIN_FILENO);
    close(in);
}

static void a_server_that_does_not_answer_is_given_up(void **state)
{
    static const char *const words[] = {"ls-remote", "--", "git://nowhere/x", NULL};
    static const char *const others[] = {"rev-parse", NULL};
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    AUTO(arena_drop) struct arena arena = {0};
    struct git_answer answer = {0};
    let_nobody_sit_there();
    put_program(&scratch,
                "git", /* silent when it is to list a repository, with a child of its own */
                "#!/bin/sh\ncase \"$*\" in *ls-remote*) sleep 100 ;; *) echo there ;; esac\n");
    use_programs_of(&scratch);
    int64_t began_ns = clock_monotonic_ns();
    assert_error(git_call(&arena, STR(""), words, (struct git_patience){.most_s = 1}, &answer),
                 "no answer after 1 s");
    assert_true(clock_monotonic_ns() - began_ns < INT64_C(30000000000));
    assert_fine(git_call(&arena, STR(""), others, (struct git_patience){.most_s = 60}, &answer));
    assert_true(str_is(answer.output, "there\n"));
}

/* It is there and greets; then nothing comes, and the connection stays. */
static void a_fetch_that_stalls_is_given_up(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    AUTO(arena_drop) struct arena arena = {0};
    const char *const make[] = {"init", "-q", "--bare", scratch.path, NULL};
    const char *const words[] = {"fetch", "--progress", "--", "ssh://host/x", "HEAD", NULL};
    struct git_answer answer = {0};
    let_nobody_sit_there();
    put_program(&scratch, "ssh", "#!/bin/sh\nprintf '000eversion 2\\n0000'\nexec sleep 100\n");
    use_programs_of(&scratch);
    unsetenv("GIT_SSH_COMMAND");
    assert_fine(git_call(&arena, STR(""), make, (struct git_patience){0}, &answer));
    int64_t began_ns = clock_monotonic_ns();
    assert_error(
        git_call(&arena, str_of(scratch.path), words, (struct git_patience){.stall_s = 1}, &answer),
        "nothing has come for 1 s");
    assert_true(clock_monotonic_ns() - began_ns < INT64_C(60000000000));
}

/* Longer than it may be silent, all in all; its progress is lines to us. */
static void a_fetch_that_goes_on_is_waited_for(void **state)
{
    static const char *const words[] = {"fetch", NULL};
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    AUTO(arena_drop) struct arena arena = {0};
    struct git_answer answer = {0};
    let_nobody_sit_there();
    put_program(&scratch, "git",
                "#!/bin/sh\ncase \"$*\" in *fetch) ;; *) exit 1 ;; esac\n"
                "for i in 1 2 3 4 5 6 7 8; do printf 'at %s\\r' $i >&2; sleep 0.5; done\n");
    use_programs_of(&scratch);
    assert_fine(git_call(&arena, STR(""), words, (struct git_patience){.stall_s = 3}, &answer));
    assert_int_equal(answer.exit_code, 0);
    assert_true(str_starts(answer.errors, STR("at 1\nat 2\n")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_does_not_answer_is_given_up),
        cmocka_unit_test(a_fetch_that_stalls_is_given_up),
        cmocka_unit_test(a_fetch_that_goes_on_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
