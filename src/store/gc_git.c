/* What commits name: those at the tips of branches, tags and stashes, or all of history. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/signal.h"
#include "mlops/host/vcs.h"
#include "mlops/model/name.h"
#include "mlops/model/pointer.h"

#include "gc_private.h"

static const struct str document_suffixes[] = {STR_ROW(".lock"), STR_ROW(POINTER_SUFFIX)};

/* Documents of commits, each content of a directory once. */
struct commit_reader {
    struct vcs *vcs;
    struct vcs_seen seen;
    FALLIBLE (*visit)(void *context, struct str commit, struct str path, struct str bytes);
    void *context;
};

static void commit_reader_drop(struct commit_reader *reader)
{
    vcs_seen_drop(&reader->seen);
    vcs_drop(&reader->vcs);
}

static FALLIBLE read_commit(struct commit_reader *reader, struct str commit)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct vcs_path_vec paths = {0};
    const struct vcs_listing wanted = {document_suffixes, COUNT_OF(document_suffixes),
                                       &reader->seen};
    TRY(signal_check());
    TRY(vcs_list_some(reader->vcs, &scratch, commit, &wanted, &paths));
    vec_each (struct str, path, &paths) {
        struct str bytes = {0};
        bool found = false;
        TRY(vcs_read(reader->vcs, &scratch, commit, *path, LIMIT_LOCK_BYTES, &bytes, &found));
        if (found)
            TRY(reader->visit(reader->context, commit, *path, bytes));
    }
    return NULL;
}

static FALLIBLE read_commits(struct commit_reader *reader, const struct vcs_path_vec *commits)
{
    vec_each (const struct str, commit, commits)
        TRY(read_commit(reader, *commit));
    return NULL;
}

/* Where there is a repository that can't be read, what its branches need is not known. */
static FALLIBLE open_repository(const struct workspace *workspace, struct vcs **ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str fingerprint = {0};
    TRY(vcs_open(workspace->root, ret));
    if (*ret)
        return NULL;
    TRY(vcs_fingerprint(&scratch, workspace->root, &fingerprint));
    if (fingerprint.len == 0)
        return NULL;
    return error_hint(error_new(ERROR_MACHINE,
                                "the git repository around '%.*s' can't be read: libgit2 is not "
                                "here",
                                STR_FMT(workspace->root)),
                      "install libgit2: its branches tell what is still needed");
}

static FALLIBLE mark_document(void *context, struct str commit, struct str path, struct str bytes)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str name =
        str_print(&scratch, "%.*s at %.*s", STR_FMT(path), STR_FMT(str_slice(commit, 0, 7)));
    if (pointer_is_name(path_name(path)))
        return mark_pointer_bytes(context, name, path, bytes);
    return str_ends(path, STR(".lock")) ? mark_lock_bytes(context, name, bytes, false) : NULL;
}

FALLIBLE gc_each_document(const struct workspace *workspace, bool all_commits,
                          FALLIBLE (*visit)(void *context, struct str commit, struct str path,
                                            struct str bytes),
                          void *context)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(commit_reader_drop)
    struct commit_reader reader = {.visit = visit, .context = context};
    struct vcs_path_vec commits = {0};
    TRY(open_repository(workspace, &reader.vcs));
    if (!reader.vcs)
        return NULL;
    TRY(vcs_tips(reader.vcs, &scratch, &commits));
    TRY(read_commits(&reader, &commits));
    if (!all_commits)
        return NULL;
    TRY(vcs_commits(reader.vcs, &scratch, VCS_HISTORY, &commits));
    return read_commits(&reader, &commits);
}

FALLIBLE mark_git(struct marks *marks, const struct workspace *workspace)
{
    return gc_each_document(workspace, marks->all_commits, mark_document, marks);
}

static void warn(const struct sweep *sweep, const char *text)
{
    const struct event event = {.kind = EVENT_WARNING, .text = str_of(text)};
    observer_tell(sweep->options->observer, &event);
}

static FALLIBLE check_extent(const struct sweep *sweep, const struct vcs_extent *extent)
{
    if (!extent->is_shallow)
        return NULL;
    if (sweep->options->really)
        return error_hint(error_new(ERROR_PROJECT, "this is a shallow clone: what the branches and "
                                                   "commits that are not here need is not known"),
                          "fetch them first: git fetch --unshallow");
    warn(sweep,
         "this is a shallow clone: what is needed by what is not here is listed as well (git "
         "fetch --unshallow)");
    return NULL;
}

FALLIBLE gc_check_clone(const struct sweep *sweep)
{
    AUTO(vcs_drop) struct vcs *vcs = NULL;
    struct vcs_extent extent = {0};
    TRY(open_repository(sweep->workspace, &vcs));
    if (!vcs)
        warn(sweep, "there is no git repository here: only what this work tree and its history "
                    "name counts as needed");
    if (!vcs)
        return NULL;
    TRY(vcs_extent_of(vcs, &extent));
    if (extent.is_some_branches)
        warn(sweep, "this clone does not fetch all branches (remote.origin.fetch): those that are "
                    "not here count as gone (git remote set-branches origin '*' && git fetch)");
    return check_extent(sweep, &extent);
}

FALLIBLE gc_check_history(const struct sweep *sweep)
{
    AUTO(vcs_drop) struct vcs *vcs = NULL;
    struct vcs_extent extent = {0};
    if (!sweep->options->all_commits)
        return NULL;
    TRY(open_repository(sweep->workspace, &vcs));
    if (vcs)
        TRY(vcs_extent_of(vcs, &extent));
    return check_extent(sweep, &extent);
}
