#include "mlops/cli/foreign.h"

#include "mlops/base/arena.h"
#include "mlops/model/name.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

static FALLIBLE has(int at_fd, const char *name, mode_t kind, bool *ret)
{
    struct file_stat stat = {0};
    TRY(file_stat_at(at_fd, name, true, &stat, ret));
    *ret = *ret && (stat.mode & S_IFMT) == kind;
    return NULL;
}

static FALLIBLE is_bare(int at_fd, bool *ret)
{
    bool has_head = false, has_objects = false, has_refs = false;
    TRY(has(at_fd, "HEAD", S_IFREG, &has_head));
    TRY(has(at_fd, "objects", S_IFDIR, &has_objects));
    TRY(has(at_fd, "refs", S_IFDIR, &has_refs));
    *ret = has_head && has_objects && has_refs;
    return NULL;
}

/* A path that is not there is one all the same, and told as such. */
static bool looks_remote(struct str word)
{
    ptrdiff_t colon = str_find_char(word, ':'), slash = str_find_char(word, '/');
    return colon > 0 && (slash < 0 || slash > colon);
}

struct error *foreign_is_repository(struct arena *arena, struct str cwd, struct str word, bool *ret)
{
    AUTO(fd_drop) struct fd fd = {0};
    struct str path = path_join(arena, cwd, word);
    bool is_directory = false;
    *ret = false;
    if (!word.len)
        return NULL;
    TRY(has(AT_FDCWD, str_terminate(arena, path), S_IFDIR, &is_directory));
    *ret = !is_directory && looks_remote(word);
    if (!is_directory)
        return NULL;
    TRY(directory_open(AT_FDCWD, str_terminate(arena, path), &fd));
    return is_bare(fd_number(fd), ret);
}

struct error *foreign_is_beside(struct context *context, struct str cwd, struct str word, bool *ret)
{
    struct workspace *workspace = NULL;
    struct str path = {0};
    bool is_directory = false;
    *ret = false;
    path = path_join(context->arena, cwd, word);
    TRY(has(AT_FDCWD, str_terminate(context->arena, path), S_IFDIR, &is_directory));
    if (!is_directory)
        return NULL;
    TRY(path_real(context->arena, path, &path));
    TRY(context_workspace(context, &workspace));
    bool is_project = fd_number(workspace->state_fd) >= 0;
    *ret = !is_project || !path_is_within(path, workspace->root);
    return NULL;
}

struct str foreign_temporary(void)
{
    const char *directory = getenv("TMPDIR");
    return str_of(directory && directory[0] == '/' ? directory : "/tmp");
}

struct error *foreign_open(struct context *context, const struct foreign_wish *wish,
                           struct foreign *ret)
{
    struct arena *arena = context->arena;
    struct workspace *workspace = NULL;
    struct registry_wish asked = {.word = wish->word, .rev = wish->rev, .path = wish->path};
    struct session_options options = {.threads = -1, .observer = wish->observer};
    TRY(path_current(arena, &asked.cwd));
    options.cwd = asked.cwd;
    TRY(context_workspace(context, &workspace));
    bool is_project = fd_number(workspace->state_fd) >= 0 && !workspace->is_read_only;
    if (is_project)
        TRY(session_open_data(arena, &options, &ret->project));
    else
        TRY(shelter_open(arena, wish->shelter, wish->observer, &ret->shelter));
    ret->session = is_project ? &ret->project : &ret->shelter.session;
    return registry_open(ret->session, &asked, &ret->registry, &ret->path);
}

void foreign_drop(struct foreign *foreign)
{
    registry_drop(&foreign->registry);
    session_drop(&foreign->project);
    shelter_drop(&foreign->shelter);
}
