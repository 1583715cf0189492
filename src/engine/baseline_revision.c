/* What git has of a baseline: commits, lock files, files. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"

#include "baseline_private.h"

enum { COMMIT_SHOWN = 7 };

/* --- files --- */

static bool is_it(struct str bytes, struct digest digest)
{
    return digest_equal(digest_of(bytes.at, bytes.len), digest);
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
    struct arena *arena = session->arena;
    *ret_found = false;
    if (session->cas)
        TRY(cas_get_bytes(session->cas, arena, digest, bytes_most, ret, ret_found));
    if (*ret_found)
        return NULL;
    struct file_stat stat;
    const char *name = str_terminate(arena, path);
    TRY(file_stat_at(fd_number(session->workspace.root_fd), name, true, &stat, ret_found));
    if (*ret_found && stat.size_bytes <= bytes_most)
        TRY(file_read(arena, fd_number(session->workspace.root_fd), name, bytes_most, ret,
                      ret_found));
    if (*ret_found && is_it(*ret, digest))
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

static bool is_before_first_commit(struct session *session)
{
    struct str commit = {0}, branch;
    error_drop(vcs_head(session->vcs, session->arena, &commit, &branch));
    return !commit.len;
}

FALLIBLE baseline_unknown(struct session *session, struct str word)
{
    struct vcs_extent extent;
    struct error *error = error_new(
        ERROR_MACHINE, "the baseline '%.*s' is no run, tag or git revision here", STR_FMT(word));
    error_drop(extent_of(session, &extent));
    if (str_starts(word, STR("@")))
        return error_hint(error, "'mlops runs' lists the runs of this clone; a branch or commit "
                                 "can be had in each");
    if (!session->vcs)
        return error_hint(error, "this is no git repository: name a run or a tag ('mlops tag'), or "
                                 "leave 'baseline' out for the last run that was not rejected");
    if (is_before_first_commit(session))
        return error_hint(error, "this repository has no commit yet: make one, then run again");
    if (extent.is_shallow)
        return error_hint(error,
                          "this clone is shallow: 'git fetch --unshallow' or 'git fetch origin "
                          "%.*s' brings it (actions/checkout: fetch-depth: 0)",
                          STR_FMT(word));
    return error_hint(error,
                      "'git fetch origin %.*s' brings a branch, 'mlops runs' lists runs and "
                      "tags",
                      STR_FMT(word));
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
        return error_hint(told, "this clone is shallow: git fetch --unshallow (actions/checkout: "
                                "fetch-depth: 0)");
    return error_hint(told, "name another baseline, or mend that revision");
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
        return NULL;
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
