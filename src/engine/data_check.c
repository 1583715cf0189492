/* Which paths can't be tracked, and what to do instead. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/engine/data.h"
#include "mlops/model/name.h"
#include "mlops/store/pipelines.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static FALLIBLE check_name(struct session *session, struct str path)
{
    struct str shown = workspace_show(session->arena, &session->workspace, path);
    if (!path.len)
        return error_hint(error_new(ERROR_PROJECT, "the project itself can't be tracked"),
                          "name the directories and files in it that are data");
    const char *fault = path_fault(path);
    bool is_state = path_is_within(path, STR(".mlops")) || path_is_within(path, STR(".git"));
    if (fault)
        return error_hint(
            error_new(ERROR_PROJECT, "'%.*s' can't be tracked: its path %s", STR_FMT(shown), fault),
            is_state ? "leave it as it is" : "rename it, or add the directory that holds it");
    if (path_name(path).len + strlen(POINTER_SUFFIX) > (size_t)LIMIT_PATH_PART_BYTES)
        return error_hint(error_new(ERROR_PROJECT,
                                    "'%.*s' can't be tracked: its name is too long for a file of "
                                    "the same name with '" POINTER_SUFFIX "' behind it",
                                    STR_FMT(shown)),
                          "a name of at most %lld bytes, or add the directory that holds it",
                          (long long)LIMIT_PATH_PART_BYTES - (long long)strlen(POINTER_SUFFIX));
    return NULL;
}

/* Files that say what a project is: out of git they would be lost to everybody else. */
static bool is_of_git(struct str path)
{
    static const char *const names[] = {
        ".gitignore", ".gitattributes", ".gitmodules",   ".mlopsignore", ".dvcignore",
        ".dvc",       "pipeline.yaml",  "pipeline.lock", "dvc.yaml",     "dvc.lock"};
    struct str name = path_name(path);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (str_is(name, names[i]))
            return true;
    return str_starts(path, STR(".dvc/")) || str_ends(name, STR(".dvc"));
}

static FALLIBLE is_lock_file(struct session *session, struct str path, bool *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct file_stat stat = {0};
    struct str bytes = {0};
    bool found = false;
    *ret = false;
    if (!str_ends(path, STR(".lock")))
        return NULL;
    TRY(file_stat_at(fd_number(session->workspace.root_fd), str_terminate(&scratch, path), false,
                     &stat, &found));
    if (found && S_ISREG(stat.mode) && stat.size_bytes <= LIMIT_LOCK_BYTES)
        TRY(file_read(&scratch, fd_number(session->workspace.root_fd),
                      str_terminate(&scratch, path), LIMIT_LOCK_BYTES, &bytes, &found));
    *ret = data_is_lock(bytes);
    return NULL;
}

static FALLIBLE check_role(struct session *session, struct str path)
{
    bool is_kept = is_of_git(path);
    if (!is_kept)
        TRY(is_lock_file(session, path, &is_kept));
    if (!is_kept)
        return NULL;
    struct str shown = workspace_show(session->arena, &session->workspace, path);
    return error_hint(error_new(ERROR_PROJECT,
                                "'%.*s' says what the project is: git has to keep it",
                                STR_FMT(shown)),
                      "git add '%.*s'", STR_FMT(shown));
}

static FALLIBLE refuse_link(struct session *session, struct str path, struct str link)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str absolute = path_join(&scratch, session->workspace.root, path), real = {0};
    struct error *error = error_new(ERROR_PROJECT, "'%.*s' is%s a symbolic link", STR_FMT(path),
                                    str_equal(path, link) ? "" : " behind");
    error_drop(path_real(&scratch, absolute, &real));
    struct str inner = {0};
    bool is_there = false;
    struct file_stat stat;
    if (real.len)
        error_drop(file_stat_at(AT_FDCWD, real.at, true, &stat, &is_there));
    if (!is_there || str_equal(real, session->workspace.root))
        return error_hint(error, is_there ? "it names the project itself: add what is in it"
                                          : "it leads nowhere: remove it or mend it");
    if (!path_is_within(real, session->workspace.root))
        return error_hint(error, "it leads out of the project: copy what it names to here");
    inner = path_relative(&scratch, session->workspace.root, real);
    return error_hint(error, "mlops add %.*s",
                      STR_FMT(workspace_show(&scratch, &session->workspace, inner)));
}

FALLIBLE data_check_way(struct session *session, struct str path)
{
    AUTO(arena_drop) struct arena scratch = {0};
    for (size_t end = 1; end <= path.len; end++) {
        if (end < path.len && path.at[end] != '/')
            continue;
        struct file_stat stat;
        bool found = false;
        struct str part = str_slice(path, 0, end);
        TRY(file_stat_at(fd_number(session->workspace.root_fd), str_terminate(&scratch, part),
                         false, &stat, &found));
        if (found && S_ISLNK(stat.mode))
            return refuse_link(session, path, part);
    }
    return NULL;
}

static FALLIBLE check_kind(struct session *session, struct str path, bool *ret_is_directory)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct file_stat stat;
    bool found = false;
    TRY(file_stat_at(fd_number(session->workspace.root_fd), str_terminate(&scratch, path), false,
                     &stat, &found));
    if (!found)
        return error_new(ERROR_PROJECT, "there is no '%.*s'", STR_FMT(path));
    *ret_is_directory = S_ISDIR(stat.mode);
    if (!S_ISREG(stat.mode) && !S_ISDIR(stat.mode))
        return error_hint(
            error_new(ERROR_PROJECT, "'%.*s' is %s", STR_FMT(path), file_kind_name(stat.mode)),
            "only files and directories can be tracked");
    if (S_ISREG(stat.mode) && pointer_is_name(path_name(path)))
        return error_hint(error_new(ERROR_PROJECT, "'%.*s' is a pointer itself", STR_FMT(path)),
                          "mlops add %.*s", (int)(path.len - strlen(POINTER_SUFFIX)), path.at);
    return NULL;
}

static FALLIBLE check_inner(struct session *session, struct str path)
{
    struct pointer_vec inner = {0};
    TRY(pointers_load_below(session->arena, &session->workspace, path, &inner));
    if (!inner.len)
        return NULL;
    const struct pointer *first = inner.at[0];
    return error_hint(error_new(ERROR_PROJECT, "'%.*s' holds '%.*s', which %.*s tracks already",
                                STR_FMT(path), STR_FMT(first->artifact.path), STR_FMT(first->file)),
                      "mlops remove %.*s, then add the whole directory",
                      STR_FMT(first->artifact.path));
}

/* Two tools that record one path would take turns in being wrong. */
static FALLIBLE check_dvc(struct session *session, struct str path)
{
    if (!session->has_tracked)
        TRY(dvcfiles_load(session->arena, &session->workspace, session->index, NULL,
                          &session->tracked));
    session->has_tracked = true;
    vec_each (const struct dvc_tracked, tracked, &session->tracked) {
        struct str theirs = tracked->artifact.path;
        if (tracked->stage.len)
            continue;
        if (path_is_within(path, theirs))
            return error_hint(error_new(ERROR_PROJECT, "'%.*s' is tracked by DVC, in %.*s",
                                        STR_FMT(path), STR_FMT(tracked->file)),
                              "'mlops add %.*s' records it there; dvc remove %.*s ends that",
                              STR_FMT(theirs), STR_FMT(tracked->file));
        if (path_is_within(theirs, path))
            return error_hint(
                error_new(ERROR_PROJECT, "'%.*s' holds '%.*s', which %.*s tracks already",
                          STR_FMT(path), STR_FMT(theirs), STR_FMT(tracked->file)),
                "dvc remove %.*s, then add the whole directory", STR_FMT(tracked->file));
    }
    return NULL;
}

static FALLIBLE check_git(struct session *session, struct str path, bool is_directory)
{
    struct vcs *vcs = NULL;
    struct vcs_path_vec tracked = {0};
    TRY(session_vcs(session, &vcs));
    if (!vcs)
        return NULL;
    struct str in_git = session_vcs_path(session, session->arena, path);
    TRY(vcs_tracked(vcs, session->arena, &in_git, 1, &tracked));
    if (!tracked.len)
        return NULL;
    struct str shown = workspace_show(session->arena, &session->workspace, path);
    return error_hint(error_new(ERROR_PROJECT, "git tracks %s'%.*s'",
                                is_directory ? "files in " : "", STR_FMT(shown)),
                      "git rm%s --cached '%.*s' (the files stay), then add it again",
                      is_directory ? " -r" : "", STR_FMT(shown));
}

static FALLIBLE note_outputs(struct session *session, struct str file, struct map *ret)
{
    struct pipeline *pipeline = NULL;
    struct str cwd = session->workspace.root;
    struct error *error = pipelines_load(session->arena, &session->workspace, file, cwd, &pipeline);
    if (error && error->code >= ERROR_SIGNAL)
        return error;
    error_drop(error); /* a pipeline that is wrong is told by whoever runs it */
    for (size_t i = 0; !error && i < pipeline->stages.len; i++) {
        struct stage *stage = &pipeline->stages.at[i];
        vec_each (struct output, output, &stage->outs)
            map_put(session->arena, ret, output->path, &stage->name);
    }
    return NULL;
}

/* pipeline.yaml and dvc.yaml, from the caller's directory up to the project's. */
FALLIBLE data_outputs(struct session *session, struct map *ret)
{
    static const char *const names[] = {"pipeline.yaml", "dvc.yaml"};
    struct str at = session->workspace.cwd;
    for (;; at = path_directory(at)) {
        for (size_t i = 0; i < COUNT_OF(names); i++) {
            struct file_stat stat;
            bool found = false;
            struct str file = path_join(session->arena, at, str_of(names[i]));
            TRY(file_stat_at(fd_number(session->workspace.root_fd), file.at, true, &stat, &found));
            if (found && S_ISREG(stat.mode))
                TRY(note_outputs(session, file, ret));
        }
        if (!at.len)
            return NULL;
    }
}

static FALLIBLE check_outputs(struct session *session, struct str path)
{
    if (!session->has_outputs)
        TRY(data_outputs(session, &session->outputs));
    session->has_outputs = true;
    map_each (item, &session->outputs) {
        bool overlaps = path_is_within(path, item->key) || path_is_within(item->key, path);
        const struct str *stage = item->value;
        if (overlaps)
            return error_hint(error_new(ERROR_PROJECT, "'%.*s' is an output of stage '%.*s'",
                                        STR_FMT(item->key), STR_FMT(*stage)),
                              "the lock file tracks what stages make: nothing to add");
    }
    return NULL;
}

FALLIBLE data_check_path(struct session *session, struct str path, bool must_be_there)
{
    bool is_directory = false;
    TRY(check_name(session, path));
    TRY(data_check_way(session, path));
    TRY(check_role(session, path));
    if (must_be_there)
        TRY(check_kind(session, path, &is_directory));
    if (is_directory)
        TRY(check_inner(session, path));
    TRY(check_outputs(session, path));
    TRY(check_dvc(session, path));
    return check_git(session, path, is_directory);
}
