/* What a command leaves under a name that the user gave. */
#include "mlops/base/arena.h"
#include "mlops/cli/report.h"
#include "mlops/host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

static FALLIBLE write_into(const char *path, struct str bytes)
{
    AUTO(fd_drop) struct fd fd = fd_of(open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC));
    if (fd_number(fd) < 0)
        return error_os(errno, "cannot open '%s'", path);
    return file_write(fd_number(fd), bytes.at, bytes.len, path);
}

bool report_is_stream(struct context *context, struct str name)
{
    struct stat seen;
    return stat(str_terminate(context->arena, name), &seen) == 0 && !S_ISREG(seen.st_mode) &&
           !S_ISDIR(seen.st_mode);
}

FALLIBLE report_save(struct context *context, struct str name, struct str bytes)
{
    const char *path = str_terminate(context->arena, name);
    struct stat seen;
    bool is_there = stat(path, &seen) == 0;
    if (is_there && S_ISDIR(seen.st_mode))
        return error_hint(error_new(ERROR_USAGE, "'%s' is a directory", path), "name a file in it");
    if (report_is_stream(context, name))
        return write_into(path, bytes);
    char *followed = is_there ? realpath(path, NULL) : NULL;
    struct error *error = file_publish(AT_FDCWD, followed ? followed : path, bytes, 0644, false);
    free(followed);
    return error;
}
