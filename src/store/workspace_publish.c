#include "mlops/base/arena.h"
#include "mlops/host/file.h"
#include "mlops/model/name.h"
#include "mlops/store/workspace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

/* The temporary file lies in .mlops/tmp, so that a kill leaves nothing in the user's directories.
 */
static FALLIBLE publish_in(const struct workspace *workspace, int parent_fd, const char *name,
                           const char *path, struct str bytes, uint32_t mode, bool is_durable)
{
    AUTO(fd_drop) struct fd tmp = {0};
    AUTO(temp_dir_drop) struct temp_dir temp = {0};
    TRY(directory_open(fd_number(workspace->state_fd), "tmp", &tmp));
    TRY(temp_dir_open(fd_number(tmp), TEMP_PREFIX, &temp));
    TRY(file_publish(fd_number(temp.fd), "file", bytes, mode, is_durable));
    if (renameat(fd_number(temp.fd), "file", parent_fd, name) == 0)
        return is_durable ? directory_sync(parent_fd, ".") : NULL;
    if (errno == EXDEV)
        return file_publish(parent_fd, name, bytes, mode, is_durable);
    return error_os(errno, "cannot put '%s' in place", path);
}

struct error *workspace_publish(const struct workspace *workspace, const char *path,
                                struct str bytes, uint32_t mode, bool is_durable)
{
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(fd_drop) struct fd parent = {0};
    const char *above = str_terminate(&arena, path_directory(str_of(path)));
    const char *name = str_terminate(&arena, path_name(str_of(path)));
    TRY(directory_open(fd_number(workspace->root_fd), *above ? above : ".", &parent));
    return publish_in(workspace, fd_number(parent), name, path, bytes, mode, is_durable);
}

struct error *workspace_publish_straight(const struct workspace *workspace, const char *path,
                                         struct str bytes, uint32_t mode, bool is_durable)
{
    AUTO(fd_drop) struct fd parent = {0};
    const char *name = NULL;
    TRY(parent_open_straight(fd_number(workspace->root_fd), path, &parent, &name));
    return publish_in(workspace, fd_number(parent), name, path, bytes, mode, is_durable);
}
