/* For tests of git: a repository in a home of its own. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/host/path.h"
#include "mlops/host/vcs.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "expect.h"
#include "support/unit.h"

/* Each test has a directory of its own, with HOME in it, so that nobody's settings play a part. */
static char home[64];
static char repository[96];
static struct arena arena;

/* Runs a script in the repository; it must succeed. */
static inline void shell(const char *format, ...) PRINTF_LIKE(1, 2);

static inline void shell(const char *format, ...)
{
    AUTO(buf_drop) struct buf script = {0};
    buf_print(&script, "set -e; cd '%s'; exec >/dev/null 2>'%s/errors'\n", repository, home);
    va_list arguments;
    va_start(arguments, format);
    buf_print_list(&script, format, arguments);
    va_end(arguments);
    if (system(script.at) != 0) {
        buf_print(&script, "\ncat '%s/errors' >&2", home);
        fail_msg("the script failed: %s", script.at);
    }
}

/* What a command says, without the newline at the end. */
static inline struct str output_of(const char *command)
{
    AUTO(buf_drop) struct buf script = {0};
    buf_print(&script, "cd '%s' && %s", repository, command);
    AUTO(buf_drop) struct buf out = {0};
    FILE *pipe = popen(script.at, "r");
    assert_non_null(pipe);
    char part[4096];
    for (size_t len = 0; (len = fread(part, 1, sizeof part, pipe)) > 0;)
        buf_add(&out, part, len);
    assert_int_equal(pclose(pipe), 0);
    return str_trim(str_copy(&arena, buf_str(&out)));
}

/* HOME is one for all tests: libgit2 looks at it once. */
static inline int make_home(void **state)
{
    (void)state;
    strcpy(home, "/tmp/mlops-vcs-XXXXXX");
    assert_non_null(mkdtemp(home));
    snprintf(repository, sizeof repository, "%s/w", home);
    setenv("HOME", home, 1);
    setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    unsetenv("XDG_CONFIG_HOME");
    return 0;
}

static inline int make_repository(void **state)
{
    (void)state;
    assert_int_equal(mkdir(repository, 0755), 0);
    shell("printf '[user]\\nname=n\\nemail=e@example.org\\n[init]\\ndefaultBranch=main\\n'"
          " > ../.gitconfig; git init");
    return 0;
}

static inline int run_in_home(const char *command)
{
    AUTO(buf_drop) struct buf script = {0};
    buf_print(&script, "cd '%s' && %s", home, command);
    return system(script.at);
}

static inline int remove_repository(void **state)
{
    (void)state;
    arena_drop(&arena);
    return run_in_home("find . -mindepth 1 -delete");
}

static inline int remove_home(void **state)
{
    (void)state;
    return rmdir(home);
}

static inline struct vcs *open_here(void)
{
    struct vcs *vcs = NULL;
    assert_ok(vcs_open(str_of(repository), &vcs));
    assert_non_null(vcs);
    return vcs;
}

static inline void assert_str(struct str got, const char *expected)
{
    if (!str_is(got, expected))
        fail_msg("got '%.*s', expected '%s'", STR_FMT(got), expected);
}

/* The items, joined by a comma. */
static inline void assert_items(const struct vcs_path_vec *items, const char *expected)
{
    struct buf text = buf_in(&arena);
    for (size_t i = 0; i < items->len; i++)
        buf_print(&text, "%s%.*s", i ? "," : "", STR_FMT(items->at[i]));
    assert_str(buf_str(&text), expected);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_repository, remove_repository)
