#include "mlops/base/arena.h"
#include "mlops/host/file.h"
#include "mlops/model/name.h"
#include "mlops/store/workspace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

static FALLIBLE sync_parent(int root, const char *path)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct str parent = path_directory(str_of(path));
    return directory_sync(root, parent.len ? str_terminate(&arena, parent) : ".");
}

/* The temporary file lies in .mlops/tmp, so that a kill leaves nothing in the user's directories.
 */
struct error *workspace_publish(const struct workspace *workspace, const char *path,
                                struct str bytes, uint32_t mode, bool is_durable)
{
    AUTO(fd_drop) struct fd tmp = {0};
    AUTO(temp_dir_drop) struct temp_dir temp = {0};
    int root = fd_number(workspace->root_fd);
    TRY(directory_open(fd_number(workspace->state_fd), "tmp", &tmp));
    TRY(temp_dir_open(fd_number(tmp), TEMP_PREFIX, &temp));
    TRY(file_publish(fd_number(temp.fd), "file", bytes, mode, is_durable));
    if (renameat(fd_number(temp.fd), "file", root, path) == 0)
        return is_durable ? sync_parent(root, path) : NULL;
    if (errno == EXDEV)
        return file_publish(root, path, bytes, mode, is_durable);
    return error_os(errno, "cannot put '%s' in place", path);
}
