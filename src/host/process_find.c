#include "mlops/base/arena.h"
#include "mlops/host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process_private.h"

/* 0 if it may be executed, else why not: EPERM when it is there without permission to execute it,
 * EACCES when a directory on the way may not be entered. */
static int program_fault(int at_fd, const char *path)
{
    struct stat seen;
    if (fstatat(at_fd, path, &seen, 0) != 0)
        return errno;
    if (S_ISDIR(seen.st_mode))
        return EISDIR;
    if (faccessat(at_fd, path, X_OK, AT_EACCESS) == 0)
        return 0;
    return errno == EACCES ? EPERM : errno;
}

static struct str path_of(const char *const *envp)
{
    struct str name = STR("PATH=");
    for (; envp && *envp; envp++)
        if (str_starts(str_of(*envp), name))
            return str_of(*envp + name.len);
    return STR("/usr/local/bin:/usr/bin:/bin");
}

static FALLIBLE not_executable(const char *path)
{
    return error_hint(error_new(ERROR_MACHINE, "'%s' may not be executed", path), "chmod +x '%s'",
                      path);
}

static FALLIBLE check_given(int at_fd, const char *path)
{
    int code = program_fault(at_fd, path);
    if (code == ENOENT || code == ENOTDIR)
        return error_new(ERROR_MACHINE, "'%s' was not found", path);
    if (code == EISDIR)
        return error_new(ERROR_MACHINE, "'%s' is a directory, not a program", path);
    if (code == EPERM)
        return not_executable(path);
    return code ? error_os(code, "cannot start '%s'", path) : NULL;
}

struct error *process_find_program(struct arena *arena, const struct process_spec *spec, int at_fd,
                                   const char **ret_program)
{
    const char *name = spec->argv[0], *refused = NULL;
    *ret_program = name;
    if (strchr(name, '/'))
        return check_given(at_fd, name);
    struct str path = path_of(spec->envp), directory = {0};
    while (*name && str_split(&path, ':', &directory)) {
        /* An empty part of PATH means the current directory. */
        struct str base = directory.len ? directory : STR(".");
        *ret_program = path_join(arena, base, str_of(name)).at;
        int code = program_fault(at_fd, *ret_program);
        if (code == 0)
            return NULL;
        refused = code == EPERM && !refused ? *ret_program : refused;
    }
    if (refused)
        return not_executable(refused);
    return error_new(ERROR_MACHINE, "'%s' was not found in PATH", name);
}
