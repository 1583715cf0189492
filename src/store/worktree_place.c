#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worktree_private.h"

enum { DIRECTORY_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

void place_drop(struct place *place)
{
    fd_drop(&place->parent_fd);
    *place = (struct place){0};
}

/* What `path` (absolute, real) is called below the root; empty and false if it lies elsewhere. */
static bool is_below(struct str root, struct str path, struct str *ret)
{
    size_t cut = root.len == 1 ? 1 : root.len + 1;
    *ret = (struct str){0};
    if (!path_is_within(path, root))
        return false;
    *ret = path.len > cut ? str_slice(path, cut, path.len) : STR("");
    return true;
}

/* Inside the project only where a path may be written at all: no link leads into .git. */
static FALLIBLE check_allowed(const struct worktree *worktree, struct str link, struct str real)
{
    const struct workspace *workspace = worktree->workspace;
    const struct config_str_vec *roots = &workspace->config.allow_roots;
    struct str inside = {0};
    bool is_allowed = is_below(workspace->root, real, &inside);
    if (is_allowed && inside.len && path_fault(inside))
        is_allowed = false;
    for (size_t i = 0; i < roots->len && !is_allowed; i++)
        is_allowed = is_below(roots->at[i], real, &inside);
    if (is_allowed)
        return NULL;
    return error_hint(error_new(ERROR_PROJECT,
                                "'%.*s' is a link to '%.*s', where mlops may not write",
                                STR_FMT(link), STR_FMT(real)),
                      "to allow it add the directory to allow_roots: mlops config set --local "
                      "allow_roots DIRECTORY");
}

/* Where a link leads, absolute; its last part may be absent. */
static FALLIBLE resolve_link(struct worktree *worktree, struct arena *arena, struct str path,
                             struct str *ret)
{
    struct str target = {0};
    struct str full = path_join(arena, worktree->workspace->root, path);
    TRY(walk_link(arena, AT_FDCWD, full.at, &target));
    struct str aimed = path_join(arena, path_directory(full), target);
    TRY_WITHIN(path_real(arena, aimed, ret), "'%.*s' is a link that leads nowhere", STR_FMT(path));
    return check_allowed(worktree, path, *ret);
}

static bool is_link_at(int at_fd, const char *name)
{
    struct stat seen;
    return fstatat(at_fd, name, &seen, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(seen.st_mode);
}

/* One directory down; a link is followed if it may be. */
static FALLIBLE step(struct worktree *worktree, struct arena *arena, struct str path, struct fd *at)
{
    const char *name = str_terminate(arena, path_name(path));
    int number = openat(fd_number(*at), name, DIRECTORY_FLAGS);
    if (number < 0 && errno == ENOENT &&
        (mkdirat(fd_number(*at), name, 0777) == 0 || errno == EEXIST))
        number = openat(fd_number(*at), name, DIRECTORY_FLAGS);
    if (number < 0 && (errno == ELOOP || errno == ENOTDIR) && is_link_at(fd_number(*at), name)) {
        struct str real = {0};
        TRY(resolve_link(worktree, arena, path, &real));
        number = path_open_straight(AT_FDCWD, real.at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (number < 0 && errno == ENOTDIR)
        return error_hint(error_new(ERROR_PROJECT, "'%.*s' is no directory", STR_FMT(path)),
                          "move it away, or choose another path for what is to lie in it");
    if (number < 0)
        return error_os(errno, "cannot open the directory '%.*s'", STR_FMT(path));
    fd_drop(at);
    *at = fd_of(number);
    return NULL;
}

static FALLIBLE open_parent(struct worktree *worktree, struct arena *arena, struct str path,
                            struct fd *ret)
{
    AUTO(fd_drop) struct fd at = {0};
    TRY(directory_open(worktree->root_fd, ".", &at));
    for (size_t end = 1; end < path.len; end++)
        if (path.at[end] == '/')
            TRY(step(worktree, arena, str_slice(path, 0, end), &at));
    *ret = fd_of(fd_release(&at));
    return NULL;
}

FALLIBLE place_find(struct worktree *worktree, struct arena *arena, struct str path,
                    struct place *ret)
{
    AUTO(place_drop) struct place place = {0};
    place.name = str_copy(arena, path_name(path));
    TRY(open_parent(worktree, arena, path, &place.parent_fd));
    if (is_link_at(fd_number(place.parent_fd), place.name.at)) {
        struct str real = {0};
        TRY(resolve_link(worktree, arena, path, &real));
        struct str directory = path_directory(real);
        fd_drop(&place.parent_fd);
        TRY(directory_open_straight(AT_FDCWD, str_terminate(arena, directory), &place.parent_fd));
        place.name = str_copy(arena, path_name(real));
        place.real = real;
    }
    *ret = place;
    place = (struct place){0};
    return NULL;
}

static FALLIBLE descend_one(struct fd *at, const char *name, bool makes)
{
    int number = openat(fd_number(*at), name, DIRECTORY_FLAGS);
    if (number < 0 && errno == ENOENT && makes &&
        (mkdirat(fd_number(*at), name, 0777) == 0 || errno == EEXIST))
        number = openat(fd_number(*at), name, DIRECTORY_FLAGS);
    if (number < 0)
        return error_os(errno, "cannot open the directory '%s'", name);
    fd_drop(at);
    *at = fd_of(number);
    return NULL;
}

FALLIBLE place_descend(int top_fd, struct str below, bool makes, struct fd *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(fd_drop) struct fd at = {0};
    struct str rest = below, part = {0};
    TRY(directory_open(top_fd, ".", &at));
    while (rest.len && str_split(&rest, '/', &part))
        TRY(descend_one(&at, str_terminate(&scratch, part), makes));
    *ret = fd_of(fd_release(&at));
    return NULL;
}
