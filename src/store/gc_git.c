/* What commits name: those at the tips of branches, tags and stashes, or all of history. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/signal.h"
#include "mlops/host/vcs.h"
#include "mlops/model/name.h"
#include "mlops/model/pointer.h"

#include "gc_private.h"

static const struct str document_suffixes[] = {STR_ROW(".lock"), STR_ROW(POINTER_SUFFIX),
                                               STR_ROW(".dvc")};

/* Documents of commits, each content of a file or directory once. */
struct commit_reader {
    struct vcs *vcs;
    struct vcs_seen seen;
    FALLIBLE (*visit)(void *context, const struct git_document *document);
    void *context;
    bool is_history; /* beyond the tips */
};

static void commit_reader_drop(struct commit_reader *reader)
{
    vcs_seen_drop(&reader->seen);
    vcs_drop(&reader->vcs);
}

static FALLIBLE read_entries(struct commit_reader *reader, struct str commit,
                             const struct vcs_entry_vec *entries)
{
    vec_each (const struct vcs_entry, entry, entries) {
        AUTO(arena_drop) struct arena scratch = {0};
        struct git_document document = {commit, entry->path, {0}, reader->is_history};
        TRY(vcs_read_entry(reader->vcs, &scratch, entry, LIMIT_LOCK_BYTES, &document.bytes));
        TRY(reader->visit(reader->context, &document));
    }
    return NULL;
}

static struct vcs_listing listing_of(struct commit_reader *reader)
{
    return (struct vcs_listing){document_suffixes, COUNT_OF(document_suffixes), &reader->seen};
}

static FALLIBLE read_commits(struct commit_reader *reader, const struct vcs_path_vec *commits)
{
    const struct vcs_listing wanted = listing_of(reader);
    vec_each (const struct str, commit, commits) {
        AUTO(arena_drop) struct arena scratch = {0};
        struct vcs_entry_vec entries = {0};
        TRY(signal_check());
        TRY(vcs_list_some(reader->vcs, &scratch, *commit, &wanted, &entries));
        TRY(read_entries(reader, *commit, &entries));
    }
    return NULL;
}

static FALLIBLE read_staged(struct commit_reader *reader)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct vcs_entry_vec entries = {0};
    const struct vcs_listing wanted = listing_of(reader);
    TRY(vcs_list_staged(reader->vcs, &scratch, &wanted, &entries));
    return read_entries(reader, (struct str){0}, &entries);
}

/* Where there is a repository that can't be read, what its branches need is not known. */
static FALLIBLE open_repository(const struct workspace *workspace, struct vcs **ret)
{
    TRY(vcs_open(workspace->root, ret));
    struct error *error = *ret ? NULL : vcs_check_none(workspace->root);
    return error ? error_hint(error, "install libgit2: its branches tell what is still needed")
                 : NULL;
}

static struct str document_name(struct arena *arena, const struct git_document *document)
{
    if (!document->commit.len)
        return str_print(arena, "%.*s as it is staged", STR_FMT(document->path));
    return str_print(arena, "%.*s at %.*s", STR_FMT(document->path),
                     STR_FMT(str_slice(document->commit, 0, 7)));
}

/* What has no line of ours. */
static bool is_foreign(struct str bytes)
{
    return bytes.len && !str_starts(bytes, STR("schema:")) && str_find(bytes, STR("sha256:")) < 0;
}

/* Nobody can mend history: there a file that is none of ours is told, once. */
static FALLIBLE mark_foreign(struct marks *marks, const struct git_document *document)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str bytes = document->bytes;
    if (!digest_set_add(&marks->foreign, digest_of(bytes.at, bytes.len)))
        return NULL;
    struct str name = document_name(&scratch, document);
    const struct event event = {
        .kind = EVENT_WARNING,
        .text = str_print(&scratch, "%.*s is no pointer: left out", STR_FMT(name))};
    observer_tell(marks->observer, &event);
    return NULL;
}

static FALLIBLE mark_pointer(struct marks *marks, const struct git_document *document)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct pointer pointer = {0};
    struct str name = document_name(&scratch, document), path = document->path;
    struct error *error = NULL;
    if (document->is_history && is_foreign(document->bytes))
        error = pointer_parse(&scratch, name, document->bytes, path, &pointer);
    bool is_none = error != NULL;
    error_drop(error);
    return is_none ? mark_foreign(marks, document)
                   : mark_pointer_bytes(marks, name, path, document->bytes);
}

/* Nobody can mend history. */
static FALLIBLE mark_dvc(struct marks *marks, const struct git_document *document)
{
    AUTO(arena_drop) struct arena scratch = {0};
    bool before = marks->forgives;
    marks->forgives = before || document->is_history;
    struct error *error = mark_dvc_bytes(marks, document_name(&scratch, document), document->bytes);
    marks->forgives = before;
    return error;
}

/* The work tree is mended by hand; what a commit or the index holds is not. The innermost hint is
 * printed. */
static FALLIBLE with_way_out(struct error *error, const struct git_document *document)
{
    struct error *root = error;
    if (!error || error->code != ERROR_PROJECT)
        return error;
    while (root->cause)
        root = root->cause;
    if (document->is_history)
        root = error_hint(root, "do without --all-commits, and tag the commits whose data stay");
    else if (!document->commit.len)
        root = error_hint(root, "stage a good one, or nothing: git restore --staged '%.*s'",
                          STR_FMT(document->path));
    else
        root = error_hint(root,
                          "mend or remove the file on the branch, tag or stash that has "
                          "it: git branch -a --contains %.7s",
                          document->commit.at);
    return error;
}

static FALLIBLE mark_document(void *context, const struct git_document *document)
{
    AUTO(arena_drop) struct arena scratch = {0};
    if (pointer_is_name(path_name(document->path)))
        return with_way_out(mark_pointer(context, document), document);
    struct str name = document_name(&scratch, document);
    if (gc_is_of_dvc(document->path))
        return with_way_out(mark_dvc(context, document), document);
    if (!str_ends(document->path, STR(".lock")))
        return NULL;
    return with_way_out(mark_lock_bytes(context, name, document->bytes, false), document);
}

FALLIBLE gc_each_document(const struct workspace *workspace, bool all_commits,
                          FALLIBLE (*visit)(void *context, const struct git_document *document),
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
    TRY(read_staged(&reader));
    if (!all_commits)
        return NULL;
    reader.is_history = true;
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
