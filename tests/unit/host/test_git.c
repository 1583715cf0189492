#include "mlops/base/arena.h"
#include "mlops/host/clock.h"
#include "mlops/host/git.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "support/scratch.h"

/* A program `git` that says nothing when it is to list a repository, with a child of its own. */
static void put_silent_git_first(const struct scratch *scratch)
{
    char path[sizeof scratch->path + 32];
    scratch_write(scratch, "git",
                  "#!/bin/sh\ncase \"$*\" in *ls-remote*) sleep 100 ;; *) echo there ;; esac\n");
    assert_int_equal(fchmodat(scratch->fd, "git", 0755, 0), 0);
    snprintf(path, sizeof path, "%s:/usr/bin:/bin", scratch->path);
    setenv("PATH", path, 1);
}

static void a_server_that_does_not_answer_is_given_up(void **state)
{
    static const char *const words[] = {"ls-remote", "--", "git://nowhere/x", NULL};
    static const char *const others[] = {"rev-parse", NULL};
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    AUTO(arena_drop) struct arena arena = {0};
    struct git_answer answer = {0};
    int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(in, STDIN_FILENO); /* nobody sits there */
    close(in);
    put_silent_git_first(&scratch);
    int64_t began_ns = clock_monotonic_ns();
    assert_error(git_call(&arena, STR(""), words, 1, &answer), "no answer after 1 s");
    assert_true(clock_monotonic_ns() - began_ns < INT64_C(30000000000));
    assert_fine(git_call(&arena, STR(""), others, 60, &answer));
    assert_true(str_is(answer.output, "there\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_does_not_answer_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
