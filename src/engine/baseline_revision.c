/* What git has of a baseline: commits, lock files, files. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"

#include <string.h>

#include "baseline_private.h"

#define SHALLOW                                                                                    \
    "this clone is shallow: git fetch --unshallow (actions/checkout: fetch-depth: 0, GitLab: "     \
    "GIT_DEPTH: 0)"

enum { COMMIT_SHOWN = 7 };

/* --- files --- */

static bool is_it(struct str bytes, struct digest digest)
{
    return digest_equal(digest_of(bytes.at, bytes.len), digest);
}

/* What lies there now may be a directory, or not for us to read: then it is not that file. */
static bool read_of_tree(struct session *session, struct str path, struct digest digest,
                         int64_t bytes_most, struct str *ret)
{
    int root_fd = fd_number(session->workspace.root_fd);
    const char *name = str_terminate(session->arena, path);
    struct file_stat stat;
    bool found = false;
    struct error *error = file_stat_at(root_fd, name, true, &stat, &found);
    found = !error && found && stat.size_bytes <= bytes_most;
    if (found)
        error = file_read(session->arena, root_fd, name, bytes_most, ret, &found);
    found = !error && found && is_it(*ret, digest);
    error_drop(error);
    return found;
}

static FALLIBLE read_of_git(struct session *session, struct str commit, struct str path,
                            int64_t bytes_most, struct str *ret, bool *ret_found)
{
    struct vcs *vcs = NULL;
    *ret_found = false;
    TRY(session_vcs(session, &vcs));
    if (!vcs || !commit.len)
        return NULL;
    return vcs_read(vcs, session->arena, commit, session_vcs_path(session, session->arena, path),
                    bytes_most, ret, ret_found);
}

FALLIBLE baseline_read(struct session *session, struct str commit, struct str path,
                       struct digest digest, int64_t bytes_most, struct str *ret, bool *ret_found)
{
    *ret_found = false;
    if (session->cas)
        TRY(cas_get_bytes(session->cas, session->arena, digest, bytes_most, ret, ret_found));
    if (*ret_found)
        return NULL;
    *ret_found = read_of_tree(session, path, digest, bytes_most, ret);
    if (*ret_found)
        return NULL;
    TRY(read_of_git(session, commit, path, bytes_most, ret, ret_found));
    *ret_found = *ret_found && is_it(*ret, digest);
    return NULL;
}

/* --- revisions --- */

/* A branch that is only on the remote is meant by its short name, too. */
FALLIBLE baseline_commit(struct session *session, struct str word, struct str *ret)
{
    struct vcs *vcs = NULL;
    bool found = false;
    *ret = (struct str){0};
    TRY(session_vcs(session, &vcs));
    if (!vcs || str_starts(word, STR("@")))
        return NULL;
    struct error *error = vcs_resolve(vcs, session->arena, word, ret, &found);
    if (!error && !found)
        error = vcs_resolve(vcs, session->arena,
                            str_print(session->arena, "origin/%.*s", STR_FMT(word)), ret, &found);
    if (error)
        return error_recode(error, ERROR_MACHINE);
    if (!found)
        *ret = (struct str){0};
    return NULL;
}

static FALLIBLE extent_of(struct session *session, struct vcs_extent *ret)
{
    struct vcs *vcs = NULL;
    *ret = (struct vcs_extent){0};
    TRY(session_vcs(session, &vcs));
    return vcs ? vcs_extent_of(vcs, ret) : NULL;
}

/* What the remote calls it. */
static struct str branch_of(struct str word)
{
    return str_starts(word, STR("origin/")) ? str_slice(word, 7, word.len) : word;
}

/* "main", "feature/x"; not "HEAD~1", "v1^0", "main@{1}". */
static bool is_branch_name(struct str word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (memchr("~^:@{}?*[ ", word.at[i], 10))
            return false;
    }
    return !str_equal(word, STR("HEAD"));
}

/* Whether it is the branch that is checked out, on which nothing was committed. */
static FALLIBLE is_unborn(struct session *session, struct str word, bool *ret, bool *ret_remote)
{
    struct vcs *vcs = NULL;
    struct str commit = {0}, branch = {0}, remote = {0};
    *ret = *ret_remote = false;
    TRY(session_vcs(session, &vcs));
    if (!vcs)
        return NULL;
    TRY(vcs_head(vcs, session->arena, &commit, &branch));
    TRY(vcs_remote(vcs, session->arena, &remote));
    *ret = !commit.len && str_equal(branch, word);
    *ret_remote = remote.len > 0;
    return NULL;
}

FALLIBLE baseline_unknown(struct session *session, struct str word)
{
    struct vcs_extent extent;
    bool is_empty = false, has_remote = false;
    struct error *error = error_new(
        ERROR_MACHINE, "the baseline '%.*s' is no run, tag or git revision here", STR_FMT(word));
    error_drop(extent_of(session, &extent));
    error_drop(is_unborn(session, word, &is_empty, &has_remote));
    if (str_starts(word, STR("@")))
        return error_hint(error, "'mlops runs' lists the runs of this clone; a branch or commit "
                                 "can be had in each");
    if (!session->vcs)
        return error_hint(error, "this is no git repository: name a run or a tag ('mlops tag'), or "
                                 "leave 'baseline' out for the last run that was not rejected");
    if (is_empty)
        return error_hint(error, "the branch has no commit yet: commit, then run again");
    if (!is_branch_name(word) || !has_remote)
        return error_hint(error, "%s'mlops runs' lists runs and tags",
                          extent.is_shallow ? SHALLOW ", " : "");
    return error_hint(
        error,
        "%s'git fetch origin %.*s:refs/remotes/origin/%.*s' brings a branch, 'mlops "
        "runs' lists runs and tags",
        extent.is_shallow
            ? "this clone is shallow (actions/checkout: fetch-depth: 0, GitLab: GIT_DEPTH: 0): "
            : "",
        STR_FMT(branch_of(word)), STR_FMT(branch_of(word)));
}

/* It is named, but its files are not here, or are damaged. */
static ERROR_MADE unreadable(struct session *session, struct str title, struct error *error)
{
    struct vcs_extent extent;
    if (error->code >= ERROR_SIGNAL)
        return error;
    error_drop(extent_of(session, &extent));
    struct str text = str_of(error->text);
    struct str place = STR("");
    if (error->mark.file)
        place = str_print(session->arena, "%s:%d: ", error->mark.file, error->mark.line);
    struct error *told = error_new(ERROR_MACHINE, "the baseline '%.*s' can't be read: %.*s%.*s",
                                   STR_FMT(title), STR_FMT(place), STR_FMT(text));
    error_drop(error);
    if (extent.is_shallow)
        return error_hint(told, SHALLOW);
    return error_hint(told, "name another baseline, or mend that revision");
}

/* A pipeline that is there without its lock file is no first run: nobody knows what it measured.
 * But of the very commit that is worked on, whose first lock file is in the making. */
static FALLIBLE refuse_lockless(struct session *session, const struct stage *stage,
                                struct str commit)
{
    struct str path = stage->file->path, bytes, head = {0}, branch;
    struct vcs *vcs = NULL;
    bool found = false;
    TRY(session_vcs(session, &vcs));
    if (vcs)
        TRY(vcs_head(vcs, session->arena, &head, &branch));
    if (!str_equal(head, commit))
        TRY(read_of_git(session, commit, path, LIMIT_DOCUMENT_BYTES, &bytes, &found));
    return found ? error_new(ERROR_MACHINE, "it has '%.*s' and not '%.*s'", STR_FMT(path),
                             STR_FMT(stage->file->lock_path))
                 : NULL;
}

static FALLIBLE read_lock(struct session *session, const struct stage *stage, struct str word,
                          struct str commit, const struct lock_entry **ret)
{
    struct arena *arena = session->arena;
    struct lockfile *lock = arena_new(arena, struct lockfile);
    struct str path = stage->file->lock_path, bytes = {0};
    bool found = false;
    *ret = NULL;
    TRY(read_of_git(session, commit, path, LIMIT_LOCK_BYTES, &bytes, &found));
    if (!found)
        return refuse_lockless(session, stage, commit);
    TRY(lockfile_parse(arena, str_print(arena, "%.*s:%.*s", STR_FMT(word), STR_FMT(path)), bytes,
                       lock));
    *ret = map_get(&lock->entries, stage->local_name);
    return NULL;
}

FALLIBLE baseline_in_revision(struct session *session, const struct stage *stage, struct str word,
                              struct str commit, struct evaluated *ret,
                              enum baseline_found *ret_found)
{
    const struct lock_entry *entry = NULL;
    ret->title = str_print(session->arena, "%.*s (%.*s)", STR_FMT(word),
                           STR_FMT(str_slice(commit, 0, COMMIT_SHOWN)));
    ret->commit = commit;
    struct error *error = read_lock(session, stage, word, commit, &entry);
    if (error)
        return unreadable(session, ret->title, error);
    *ret_found = entry ? BASELINE_FOUND : BASELINE_FIRST;
    if (!entry)
        return NULL;
    ret->recipe = (struct recipe *)(uintptr_t)&entry->recipe;
    ret->outs = entry->outs;
    ret->out_count = entry->out_count;
    ret->metrics = entry->metrics;
    return NULL;
}
