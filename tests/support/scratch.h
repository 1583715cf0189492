/* A directory of its own for a test, and short ways to fill and look at it. Names are relative to
 * it; failures end the test. */
#pragma once

#include "mlops/host/file.h"
#include "mlops/host/path.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/unit.h"

struct scratch {
    char path[64];
    int fd;
};

static inline struct scratch scratch_open(void)
{
    struct scratch scratch = {"/tmp/mlops-test-XXXXXX", -1};
    assert_non_null(mkdtemp(scratch.path));
    scratch.fd = open(scratch.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(scratch.fd >= 0);
    return scratch;
}

static inline void scratch_drop(struct scratch *scratch)
{
    close(scratch->fd);
    error_drop(path_remove(AT_FDCWD, scratch->path));
}

static inline void scratch_write(const struct scratch *scratch, const char *name, const char *text)
{
    int fd = openat(scratch->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static inline void scratch_directory(const struct scratch *scratch, const char *name)
{
    assert_int_equal(mkdirat(scratch->fd, name, 0777), 0);
}

static inline bool scratch_has(const struct scratch *scratch, const char *name)
{
    struct stat seen;
    return fstatat(scratch->fd, name, &seen, AT_SYMLINK_NOFOLLOW) == 0;
}

static inline uint32_t scratch_mode(const struct scratch *scratch, const char *name)
{
    struct stat seen;
    assert_int_equal(fstatat(scratch->fd, name, &seen, AT_SYMLINK_NOFOLLOW), 0);
    return seen.st_mode;
}

/* The content is `expected`. */
static inline void scratch_expect(const struct scratch *scratch, const char *name,
                                  const char *expected)
{
    char text[4096] = "";
    int fd = openat(scratch->fd, name, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(read(fd, text, sizeof text - 1) >= 0);
    close(fd);
    assert_string_equal(text, expected);
}

/* No error; tells what it is if there is one. */
static inline void assert_fine(struct error *error)
{
    if (error)
        fail_msg("%s (%s)", error->text, error->cause ? error->cause->text : "");
}

/* An error whose text, or that of a cause, holds `part`. */
static inline void assert_error(struct error *error, const char *part)
{
    assert_non_null(error);
    bool holds = false;
    for (const struct error *at = error; at; at = at->cause)
        holds = holds || strstr(at->text, part);
    if (!holds)
        fail_msg("'%s' says nothing of '%s'", error->text, part);
    error_drop(error);
}
