#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/file.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "work_dir_private.h"

const char *isolation_name(enum isolation isolation)
{
    static const char *const names[] = {"auto", "namespace", "directory"};
    return names[isolation];
}

FALLIBLE isolation_choose(struct session *session, struct arena *arena, enum isolation wanted,
                          enum isolation *ret, struct str *ret_why)
{
    bool can = false;
    struct str why = {0};
    if (wanted == ISOLATION_AUTO)
        wanted = (enum isolation)session->workspace.config.isolation;
    if (wanted != ISOLATION_DIRECTORY)
        TRY(namespace_probe(arena, &can, &why));
    if (wanted == ISOLATION_NAMESPACE && !can)
        return error_hint(error_new(ERROR_MACHINE, "trials can't stand at the project's path: %.*s",
                                    STR_FMT(why)),
                          "allow user namespaces here, or use --isolation directory");
    *ret = can ? ISOLATION_NAMESPACE : ISOLATION_DIRECTORY;
    *ret_why = why;
    return NULL;
}

struct str work_dir_base(struct arena *arena, const struct workspace *workspace)
{
    struct str wanted = workspace->config.work_dir;
    return wanted.len ? wanted : path_join(arena, workspace->home, STR("work"));
}

void making_mount(struct making *making, enum mount_kind kind, struct str from, struct str to)
{
    *vec_push(making->arena, &making->mounts) =
        (struct mount){.kind = kind, .from = from, .to = to};
}

FALLIBLE work_dir_refuse_inside(const struct workspace *workspace)
{
    if (!workspace->is_work_dir)
        return NULL;
    return error_hint(error_new(ERROR_PROJECT, "this is the work directory of a trial of '%.*s'",
                                STR_FMT(workspace->project)),
                      "experiments start from the project itself, not inside of a trial");
}

FALLIBLE work_dir_find(struct arena *arena, struct session *session, struct str name,
                       struct work_dir *ret)
{
    const struct workspace *workspace = &session->workspace;
    TRY(work_dir_refuse_inside(workspace));
    *ret = (struct work_dir){.name = str_copy(arena, name),
                             .path = path_join(arena, work_dir_base(arena, workspace), name),
                             .project = workspace->root};
    return NULL;
}

void work_dir_drop(struct work_dir *work_dir)
{
    fd_drop(&work_dir->held);
}

/* The directory itself, locked from its first moment on. */
static FALLIBLE make_top(struct making *making)
{
    struct work_dir *work_dir = &making->work_dir;
    const char *path = str_terminate(making->arena, work_dir->path);
    struct str base = path_directory(work_dir->path);
    TRY_WITHIN(directory_make(AT_FDCWD, str_terminate(making->arena, base), false),
               "cannot make the directory of trials (setting 'work_dir')");
    TRY(work_dir_remove(making->session, work_dir));
    if (mkdir(path, 0777) != 0)
        return error_os(errno, "cannot make '%s'", path);
    TRY(directory_open(AT_FDCWD, path, &work_dir->held));
    making->top_fd = fd_number(work_dir->held);
    if (flock(making->top_fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return error_new(ERROR_MACHINE, "another process has made '%s' meanwhile", path);
    return NULL;
}

static FALLIBLE copy_setting_file(struct making *making, const char *name)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str bytes = {0};
    bool is_found = false;
    int home_fd = fd_number(making->session->workspace.home_fd);
    TRY(file_read(&scratch, home_fd, name, LIMIT_DOCUMENT_BYTES, &bytes, &is_found));
    struct str to = path_join(&scratch, STR(".mlops"), str_of(name));
    return is_found ? file_publish(making->top_fd, to.at, bytes, 0644, false) : NULL;
}

/* Marker first: from then on whoever finds it knows what it is. */
static FALLIBLE make_state(struct making *making)
{
    static const char *const directories[] = {".mlops", ".mlops/tmp", ".mlops/locks",
                                              ".mlops/" WORK_HOME, ".mlops/" WORK_CACHE};
    static const char *const settings[] = {"config.yaml", "config.local.yaml", ".gitignore"};
    const struct workspace *workspace = &making->session->workspace;
    AUTO(fd_drop) struct fd state_fd = {0};
    for (size_t i = 0; i < COUNT_OF(directories); i++)
        TRY(directory_make(making->top_fd, directories[i], false));
    TRY(directory_open(making->top_fd, ".mlops", &state_fd));
    struct work_marker marker = {.name = making->work_dir.name,
                                 .project = workspace->root,
                                 .cache = workspace->cache,
                                 .is_kept = making->options->keeps};
    TRY(work_marker_save(fd_number(state_fd), &marker));
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        TRY(copy_setting_file(making, settings[i]));
    return NULL;
}

static void mount_ours(struct making *making)
{
    const struct workspace *workspace = &making->session->workspace;
    struct str state = path_join(making->arena, making->work_dir.path, STR(".mlops"));
    making_mount(making, MOUNT_BIND, workspace->state,
                 path_join(making->arena, state, STR(WORK_HOME)));
    making_mount(making, MOUNT_BIND, workspace->cache,
                 path_join(making->arena, state, STR(WORK_CACHE)));
}

static FALLIBLE make_all(struct making *making)
{
    struct work_dir *work_dir = &making->work_dir;
    bool is_over = work_dir->isolation == ISOLATION_NAMESPACE;
    TRY(snapshot_notes_load(making->session, making->arena, making->options->snapshot,
                            &making->notes));
    TRY(make_top(making));
    TRY(make_state(making));
    if (is_over)
        mount_ours(making);
    TRY(making_fill(making));
    TRY(making_share(making));
    if (!is_over && !making->options->allows_shared)
        making_move_environment(making);
    if (!is_over)
        making_put_python_first(making);
    if (is_over) {
        TRY(making_add_git(making));
        making_mount(making, MOUNT_BIND, work_dir->path, work_dir->project);
    }
    work_dir->mounts = making->mounts.at;
    work_dir->mount_count = making->mounts.len;
    return NULL;
}

FALLIBLE work_dir_make(struct arena *arena, const struct work_dir_options *options,
                       struct work_dir *ret)
{
    struct making making = {.arena = arena,
                            .options = options,
                            .session = options->session,
                            .project_fd = fd_number(options->session->workspace.root_fd)};
    struct str why = {0};
    TRY(work_dir_find(arena, options->session, options->name, &making.work_dir));
    TRY(isolation_choose(options->session, arena, options->isolation, &making.work_dir.isolation,
                         &why));
    struct error *error = make_all(&making);
    if (error)
        work_dir_drop(&making.work_dir);
    else
        *ret = making.work_dir;
    return error;
}

/* --- going in --- */

static FALLIBLE set(const char *name, const char *value)
{
    if ((value ? setenv(name, value, 1) : unsetenv(name)) != 0)
        return error_os(errno, "cannot set %s in the environment", name);
    return NULL;
}

/* Git would find the project's repository above the directory, and take the trial for a part of it.
 */
static FALLIBLE shield_git(struct arena *arena, const struct work_dir *work_dir)
{
    static const char *const names[] = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE",
                                        "GIT_COMMON_DIR"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        TRY(set(names[i], NULL));
    const char *ceilings = getenv("GIT_CEILING_DIRECTORIES");
    struct str base = path_directory(work_dir->path);
    return set("GIT_CEILING_DIRECTORIES",
               str_print(arena, "%.*s%s%s", STR_FMT(base), ceilings && *ceilings ? ":" : "",
                         ceilings ? ceilings : "")
                   .at);
}

static FALLIBLE set_variables(struct arena *arena, const struct work_dir *work_dir)
{
    vec_each (const struct str, setting, &work_dir->variables) {
        ptrdiff_t cut = str_find_char(*setting, '=');
        const char *name = str_terminate(arena, str_slice(*setting, 0, (size_t)cut));
        TRY(set(name, str_terminate(arena, str_slice(*setting, (size_t)cut + 1, setting->len))));
    }
    return NULL;
}

FALLIBLE work_dir_enter(struct arena *arena, const struct work_dir *work_dir, struct str *ret_root)
{
    bool is_over = work_dir->isolation == ISOLATION_NAMESPACE;
    struct str root = is_over ? work_dir->project : work_dir->path;
    const char *path = str_terminate(arena, root);
    if (is_over) {
        TRY(namespace_enter(work_dir->mounts, work_dir->mount_count));
    } else {
        TRY(set_variables(arena, work_dir));
        TRY(shield_git(arena, work_dir));
    }
    if (chdir(path) != 0)
        return error_os(errno, "cannot go to '%s'", path);
    TRY(set("PWD", path));
    TRY(set("OLDPWD", NULL));
    TRY(set("MLOPS_TRIAL", str_terminate(arena, work_dir->name)));
    *ret_root = root;
    return NULL;
}
