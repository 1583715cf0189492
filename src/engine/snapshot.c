#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/engine/code.h"
#include "mlops/host/walk.h"
#include "mlops/model/dvc.h"
#include "mlops/model/event.h"
#include "mlops/model/name.h"
#include "mlops/store/pointers.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snapshot_private.h"

enum { WARNINGS_MOST = 10 };

void snapshot_warn(struct snapshot_taking *taking, struct str path, const char *what)
{
    struct session *session = taking->session;
    struct event event = {.kind = EVENT_WARNING,
                          .text = str_print(session->arena, "'%.*s' %s: it is not in the snapshot",
                                            STR_FMT(path), what)};
    if (taking->told++ < WARNINGS_MOST)
        observer_tell(session->observer, &event);
}

/* Names every directory above a path in the map. */
static void note_above(struct arena *arena, struct map *map, struct str path)
{
    for (struct str at = path_directory(path); at.len && !map_has(map, at); at = path_directory(at))
        map_put(arena, map, at, map);
}

static void note_inside(struct snapshot_taking *taking, struct map *map, struct str path)
{
    if (!path.len || path.at[0] == '/' || str_starts(path, STR("../")))
        return;
    map_put(&taking->arena, map, path, taking);
    note_above(&taking->arena, &taking->outer, path);
}

void snapshot_leave_out(struct snapshot_taking *taking, struct str path)
{
    note_inside(taking, &taking->left_out, path);
}

bool snapshot_is_left_out(const struct snapshot_taking *taking, struct str path)
{
    for (struct str at = path; at.len; at = path_directory(at)) {
        if (map_has(&taking->left_out, at))
            return true;
    }
    return false;
}

/* An output that is not cached can't be restored: git has it, or nobody. Where git ignores it, the
 * directory that it lies in is not shared, or all trials would write the project's own. */
static void leave_outputs(struct snapshot_taking *taking)
{
    const struct pipeline *pipeline = taking->session->pipeline;
    vec_each (const struct stage, stage, &pipeline->stages) {
        vec_each (const struct output, output, &stage->outs) {
            note_inside(taking, output->is_cached ? &taking->left_out : &taking->written,
                        output->path);
        }
    }
}

/* The store and work directories may lie in the project under names of the user's choice. */
static void leave_ours(struct snapshot_taking *taking)
{
    const struct workspace *workspace = &taking->session->workspace;
    struct str paths[] = {workspace->cache, workspace->config.work_dir};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        if (paths[i].len > workspace->root.len && path_is_within(paths[i], workspace->root))
            snapshot_leave_out(taking, path_relative(&taking->arena, workspace->root, paths[i]));
    }
}

/* Comes from the store when a stage reads it. */
static FALLIBLE leave_tracked(struct snapshot_taking *taking)
{
    struct session *session = taking->session;
    struct pointer_vec pointers = {0};
    TRY(pointers_load_all(&taking->arena, &session->workspace, &pointers));
    for (size_t i = 0; i < pointers.len; i++)
        snapshot_leave_out(taking, pointers.at[i]->artifact.path);
    for (size_t i = 0; i < session->pipeline->pointers.len; i++) {
        vec_each (const struct dvc_entry, entry, &session->pipeline->pointers.at[i]->outs) {
            if (!entry->is_url)
                snapshot_leave_out(taking, entry->path);
        }
    }
    return NULL;
}

FALLIBLE snapshot_prepare(struct snapshot_taking *taking)
{
    struct session *session = taking->session;
    leave_outputs(taking);
    leave_ours(taking);
    TRY(leave_tracked(taking));
    TRY(session_vcs(session, &taking->vcs));
    struct str marked = session_vcs_path(session, &taking->arena, STR("x"));
    taking->prefix = str_slice(marked, 0, marked.len - 1);
    taking->notes.is_dvc = session->pipeline->dialect == DOC_DVC;
    vec_each (const struct pipeline_file, file, &session->pipeline->files)
        *vec_push(&taking->arena, &taking->notes.locks) = file->lock_path;
    return NULL;
}

void snapshot_put(struct snapshot_taking *taking, struct snapshot_member *member)
{
    map_put(&taking->arena, &taking->members, member->path, member);
    note_above(&taking->arena, &taking->holders, member->path);
    *vec_push(&taking->arena, &taking->list) = member;
}

/* Names that no tree may hold, and what lies in a virtual environment. */
bool snapshot_may_hold(const struct snapshot_taking *taking, struct str path)
{
    struct str rest = path, part = {0};
    if (path_fault(path) || str_is(path, SNAPSHOT_NOTES))
        return false;
    while (rest.len && str_split(&rest, '/', &part)) {
        if (tree_name_fault(part))
            return false;
    }
    for (struct str at = path_directory(path); at.len; at = path_directory(at)) {
        if (map_has(&taking->environments, at))
            return false;
    }
    return true;
}

static FALLIBLE examine(struct snapshot_taking *taking, struct snapshot_member *member,
                        bool *ret_is_in)
{
    int root_fd = fd_number(taking->session->workspace.root_fd);
    const char *path = member->path.at;
    member->is_link = S_ISLNK(member->stat.mode);
    *ret_is_in = false;
    if (member->is_link) {
        TRY(walk_link(&taking->arena, root_fd, path, &member->target));
        *ret_is_in = true;
    } else if (!S_ISREG(member->stat.mode)) {
        if (!S_ISDIR(member->stat.mode))
            snapshot_warn(taking, member->path,
                          str_print(&taking->arena, "is %s", file_kind_name(member->stat.mode)).at);
    } else if (faccessat(root_fd, path, R_OK, AT_EACCESS) != 0) {
        if (errno != ENOENT)
            snapshot_warn(taking, member->path, "can't be read");
    } else {
        *ret_is_in = true;
    }
    return NULL;
}

FALLIBLE snapshot_add(struct snapshot_taking *taking, struct str path, bool is_needed)
{
    struct snapshot_member *known = map_get(&taking->members, path);
    bool is_found = false, is_in = false;
    if (known)
        known->is_needed |= is_needed;
    if (known || !snapshot_may_hold(taking, path) || snapshot_is_left_out(taking, path))
        return NULL;
    struct snapshot_member *member = arena_new(&taking->arena, struct snapshot_member);
    member->path = str_copy(&taking->arena, path);
    member->is_needed = is_needed;
    TRY(file_stat_at(fd_number(taking->session->workspace.root_fd), member->path.at, false,
                     &member->stat, &is_found));
    if (is_found)
        TRY(examine(taking, member, &is_in));
    if (is_in)
        snapshot_put(taking, member);
    return NULL;
}

/* A virtual environment is shared as it is, ignored or not. */
static void note_environments(struct snapshot_taking *taking, const struct vcs_path_vec *paths)
{
    vec_each (const struct str, path, paths) {
        struct str inner = str_slice(*path, taking->prefix.len, path->len);
        struct str directory = path_directory(inner);
        if (directory.len && str_is(path_name(inner), "pyvenv.cfg"))
            map_put(&taking->arena, &taking->environments, directory, taking);
    }
}

/* `at`: of the repository, relative to the project, with '/' or empty. Recursion is bounded: each
 * level is a directory deeper. */
static FALLIBLE add_repository(struct snapshot_taking *taking, struct str at, int depth)
{
    AUTO(vcs_drop) struct vcs *vcs = NULL;
    struct vcs_path_vec paths = {0};
    struct arena *arena = &taking->arena;
    struct str directory = path_join(arena, taking->session->workspace.root, at);
    directory = str_slice(directory, 0, directory.len - 1);
    if (depth > LIMIT_TREE_DEPTH || snapshot_is_left_out(taking, str_slice(at, 0, at.len - 1)))
        return NULL;
    TRY(vcs_open(directory, &vcs));
    if (!vcs || !str_equal(vcs_top(vcs), directory))
        return NULL; /* a submodule that is not checked out */
    *vec_push(arena, &taking->notes.repositories) = str_slice(at, 0, at.len - 1);
    TRY(vcs_files(vcs, arena, STR(""), &paths));
    vec_each (const struct str, path, &paths) {
        struct str inner = str_print(arena, "%.*s%.*s", STR_FMT(at), STR_FMT(*path));
        if (str_ends(inner, STR("/")))
            TRY(add_repository(taking, inner, depth + 1));
        else
            TRY(snapshot_add(taking, inner, false));
    }
    return NULL;
}

static FALLIBLE add_known_to_git(struct snapshot_taking *taking)
{
    struct vcs_path_vec paths = {0};
    struct str directory =
        str_slice(taking->prefix, 0, taking->prefix.len - (taking->prefix.len > 0));
    TRY(vcs_files(taking->vcs, &taking->arena, directory, &paths));
    note_environments(taking, &paths);
    vec_each (const struct str, path, &paths) {
        struct str inner = str_slice(*path, taking->prefix.len, path->len);
        if (str_ends(inner, STR("/")))
            TRY(add_repository(taking, inner, 0));
        else
            TRY(snapshot_add(taking, inner, false));
    }
    return NULL;
}

/* A repository that can't be read, or a file in it, is no reason not to run: the files of the
 * snapshot are what counts. */
static FALLIBLE note_code(struct snapshot_taking *taking, struct code_state *ret)
{
    struct session *session = taking->session;
    struct str patch = {0};
    struct error *error = code_examine(session, ret, &patch);
    if (!error && ret->is_dirty == 1)
        return cas_put_bytes(session->cas, patch, &ret->patch);
    if (!error || error->code >= ERROR_SIGNAL)
        return error;
    const struct error *cause = error->cause;
    struct event event = {
        .kind = EVENT_WARNING,
        .text = str_print(session->arena, "recorded without the state of the code: %s%s%s",
                          error->text, cause ? ": " : "", cause ? cause->text : "")};
    error_drop(error);
    *ret = (struct code_state){.is_dirty = -1};
    observer_tell(session->observer, &event);
    return NULL;
}

static FALLIBLE take(struct snapshot_taking *taking, struct snapshot *ret)
{
    TRY(code_refuse_outputs(taking->session));
    TRY(snapshot_prepare(taking));
    if (taking->vcs)
        TRY(add_known_to_git(taking));
    TRY(snapshot_add_needed(taking));
    TRY(snapshot_walk(taking));
    TRY(note_code(taking, &ret->code));
    return snapshot_store(taking, ret);
}

FALLIBLE snapshot_take(struct session *session, struct snapshot *ret)
{
    struct snapshot_taking taking = {.session = session};
    struct snapshot made = {0};
    struct error *error = take(&taking, &made);
    arena_drop(&taking.arena);
    if (error)
        return error_within(error, "cannot take a snapshot of the project");
    *ret = made;
    return NULL;
}
