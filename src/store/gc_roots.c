#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/signal.h"
#include "mlops/host/walk.h"
#include "mlops/model/name.h"
#include "mlops/model/pointer.h"
#include "mlops/store/imported.h"
#include "mlops/store/projects.h"
#include "mlops/store/results.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gc_private.h"

/* The first line that we print: tells our lock files from those of other tools. */
#define LOCK_MARK STR("# mlops lock file")
enum { LOCK_HEAD_BYTES = 4096 };

/* A lock file that we wrote must be readable; one of another tool is none of ours. One without our
 * first line may still be ours: then it counts if it can be read, and must be readable if a
 * pipeline stands beside it. */
FALLIBLE mark_lock_bytes(struct marks *marks, struct str name, struct str bytes, bool has_pipeline)
{
    if (!digest_set_add(&marks->locks, digest_of(bytes.at, bytes.len)))
        return NULL; /* as strongly: the work tree comes before git */
    AUTO(arena_drop) struct arena scratch = {0};
    struct lockfile lockfile = {0};
    struct error *error = lockfile_parse(&scratch, name, bytes, &lockfile);
    if (!error)
        return mark_lock(marks, &lockfile);
    bool is_ours = has_pipeline || str_find(str_slice(bytes, 0, LOCK_HEAD_BYTES), LOCK_MARK) >= 0;
    if (is_ours && !marks->forgives)
        return error_within(error, "can't tell what is still needed");
    error_drop(error);
    return NULL;
}

/* One that can't be read may be the only one to name its data. */
FALLIBLE mark_pointer_bytes(struct marks *marks, struct str name, struct str path, struct str bytes)
{
    struct digest document = digest_of(bytes.at, bytes.len);
    if (digest_set_has(&marks->pointers, document))
        return NULL;
    AUTO(arena_drop) struct arena scratch = {0};
    struct pointer pointer = {0};
    struct error *error = pointer_parse(&scratch, name, bytes, path, &pointer);
    if (error && marks->forgives) {
        error_drop(error);
        return NULL;
    }
    TRY_WITHIN(error, "can't tell what is still needed");
    digest_set_add(&marks->pointers, document);
    enum mark_rank before = mark_as(marks, MARK_DATA);
    TRY(mark_artifact(marks, &pointer.artifact));
    mark_as(marks, before);
    return NULL;
}

/* One directory of the work tree on the way down. */
struct level {
    struct marks *marks;
    struct arena *arena; /* of the names of this directory */
    struct str path;     /* relative to the root */
    int fd;
    int depth;
    struct walk_list list;
};

static int compare_name(const void *name, const void *entry)
{
    return str_compare(*(const struct str *)name, ((const struct walk_entry *)entry)->name);
}

static bool list_has(const struct walk_list *list, struct str name)
{
    return list->count &&
           bsearch(&name, list->entries, list->count, sizeof list->entries[0], compare_name);
}

/* pipeline.lock stands beside pipeline.yaml, dvc.mlops.lock beside dvc.yaml. */
static bool has_pipeline(const struct level *level, struct str name)
{
    struct str stem = str_slice(name, 0, name.len - strlen(".lock"));
    if (str_is(stem, "dvc"))
        return false; /* dvc.lock is DVC's */
    if (str_is(stem, "dvc.mlops"))
        stem = STR("dvc");
    return list_has(&level->list, str_print(level->arena, "%.*s.yaml", STR_FMT(stem))) ||
           list_has(&level->list, str_print(level->arena, "%.*s.yml", STR_FMT(stem)));
}

/* A file that may be a document of ours. */
static FALLIBLE mark_file(const struct level *level, struct str name)
{
    struct str bytes = {0};
    bool found = false;
    struct str path = path_join(level->arena, level->path, name);
    struct file_stat stat;
    TRY(file_stat_at(level->fd, name.at, true, &stat, &found));
    if (!found || !S_ISREG(stat.mode) || stat.size_bytes > LIMIT_LOCK_BYTES)
        return NULL;
    TRY(file_read(level->arena, level->fd, name.at, LIMIT_LOCK_BYTES, &bytes, &found));
    if (found && gc_is_of_dvc(name))
        return mark_dvc_bytes(level->marks, path, bytes);
    if (!found)
        return NULL;
    return pointer_is_name(name)
               ? mark_pointer_bytes(level->marks, path, path, bytes)
               : mark_lock_bytes(level->marks, path, bytes, has_pipeline(level, name));
}

static FALLIBLE mark_directory(struct marks *marks, int at_fd, struct str name, struct str path,
                               int depth);

/* The kind comes with the name on most file systems. */
static FALLIBLE kind_of(const struct level *level, const struct walk_entry *entry, uint32_t *ret)
{
    struct file_stat stat = {0};
    bool found = false;
    *ret = entry->stat.mode & S_IFMT;
    if (*ret)
        return NULL;
    TRY(file_stat_at(level->fd, entry->name.at, false, &stat, &found));
    *ret = stat.mode & S_IFMT;
    return NULL;
}

static FALLIBLE mark_entry(const struct level *level, const struct walk_entry *entry)
{
    uint32_t kind = 0;
    if (str_ends(entry->name, STR(".lock")))
        return mark_file(level, entry->name);
    TRY(kind_of(level, entry, &kind));
    if ((pointer_is_name(entry->name) || gc_is_of_dvc(entry->name)) && kind != S_IFDIR)
        return mark_file(level, entry->name);
    bool is_ours = level->depth == 0 && str_is(entry->name, ".mlops");
    if (kind != S_IFDIR || is_ours || str_is(entry->name, ".git"))
        return NULL;
    return mark_directory(level->marks, level->fd, entry->name,
                          path_join(level->arena, level->path, entry->name), level->depth + 1);
}

/* Recursion is bounded by LIMIT_TREE_DEPTH. A directory that is not ours to read holds no lock
 * files of ours. */
static FALLIBLE mark_directory(struct marks *marks, int at_fd, struct str name, struct str path,
                               int depth)
{
    AUTO(arena_drop) struct arena scratch = {0};
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    AUTO(fd_drop) struct fd fd = fd_of(openat(at_fd, str_terminate(&scratch, name), flags));
    bool is_gone = errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EACCES;
    if (fd_number(fd) < 0 && is_gone)
        return NULL;
    if (fd_number(fd) < 0)
        return error_os(errno, "cannot open '%.*s'", STR_FMT(path));
    if (depth > LIMIT_TREE_DEPTH)
        return NULL;
    TRY(signal_check());
    struct level level = {marks, &scratch, path, fd_number(fd), depth, {0}};
    TRY(walk_list(&scratch, level.fd, true, &level.list));
    for (size_t i = 0; i < level.list.count; i++)
        TRY(mark_entry(&level, &level.list.entries[i]));
    return NULL;
}

static FALLIBLE visit_object(void *context, struct digest object)
{
    return mark_object(context, object);
}

/* True if it was not known as needed this strongly. */
static bool raise_result(struct marks *marks, struct digest id)
{
    digest_set_add(&marks->results, id);
    uint32_t *note = digest_set_note(&marks->results, id);
    if (!note || *note >= (uint32_t)marks->rank)
        return false;
    *note = (uint32_t)marks->rank;
    return true;
}

static FALLIBLE visit_result(void *context, struct digest key, struct digest id, bool is_tagged)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct marks *marks = context;
    struct result result = {0};
    bool found = false;
    (void)key;
    marks->rank = is_tagged ? MARK_TAGGED : MARK_RUN;
    if (!raise_result(marks, id))
        return NULL;
    TRY(ledger_load_result(marks->ledger, &scratch, id, &result, &found));
    for (size_t i = 0; found && i < result.out_count; i++)
        TRY(mark_artifact(marks, &result.outs[i]));
    return NULL;
}

/* Results that `mlops accept` would record. */
static FALLIBLE mark_unconfirmed(struct marks *marks, const struct workspace *workspace)
{
    AUTO(arena_drop) struct arena scratch = {0};
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    AUTO(fd_drop)
    struct fd fd = fd_of(openat(fd_number(workspace->home_fd), "unconfirmed", flags));
    struct walk_list list = {0};
    if (fd_number(fd) < 0)
        return NULL;
    TRY(walk_list(&scratch, fd_number(fd), true, &list));
    for (size_t i = 0; i < list.count; i++) {
        struct result result = {0};
        struct str bytes = {0};
        bool found = false;
        TRY(file_read(&scratch, fd_number(fd), list.entries[i].name.at, LIMIT_LOCK_BYTES, &bytes,
                      &found));
        struct error *error = found ? result_decode(&scratch, bytes, &result) : NULL;
        error_drop(error); /* a damaged one can't be accepted */
        for (size_t out = 0; !error && out < result.out_count; out++)
            TRY(mark_artifact(marks, &result.outs[out]));
    }
    return NULL;
}

/* What came from DVC and no run has used yet. */
static FALLIBLE mark_imported(struct marks *marks, const struct workspace *workspace)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct imported imported = {0};
    TRY(imported_load(&arena, workspace, &imported));
    map_each (item, &imported.paths)
        TRY(mark_artifact(marks, &((const struct imported_path *)item->value)->artifact));
    map_each (item, &imported.results) {
        const struct imported_result *named = item->value;
        struct result result = {0};
        bool found = false;
        TRY(results_load(&arena, workspace, named->key, named->id, &result, &found));
        if (found)
            raise_result(marks, named->id);
        for (size_t i = 0; found && i < result.out_count; i++)
            TRY(mark_artifact(marks, &result.outs[i]));
    }
    return NULL;
}

static FALLIBLE visit_sweep(void *context, struct digest snapshot, struct digest patch)
{
    struct artifact files = {.path = STR("files of a sweep"),
                             .kind = ARTIFACT_TREE,
                             .is_stored = true,
                             .digest = snapshot};
    mark_as(context, MARK_TAGGED); /* no stage makes them again, even if one made the same once */
    if (!digest_is_zero(snapshot))
        TRY(mark_artifact(context, &files));
    return digest_is_zero(patch) ? NULL : mark_object(context, patch);
}

/* What trials are at work on; where users chose the place, with all that lies there. */
static FALLIBLE mark_work_dirs(struct marks *marks, const struct workspace *workspace)
{
    struct str elsewhere = workspace->config.work_dir;
    TRY(mark_directory(marks, fd_number(workspace->home_fd), STR("work"), STR(".mlops/work"), 1));
    return elsewhere.len ? mark_directory(marks, AT_FDCWD, elsewhere, elsewhere, 1) : NULL;
}

/* Pointers that were moved out of the way name versions that nothing else may name. What can't be
 * read there is a file of somebody's data, as most of what lies there. */
static FALLIBLE mark_displaced(struct marks *marks, const struct workspace *workspace)
{
    marks->forgives = true;
    struct error *error = mark_directory(marks, fd_number(workspace->home_fd), STR("displaced"),
                                         STR(".mlops/displaced"), 1);
    marks->forgives = false;
    return error;
}

/* What holds strongest comes first: then each directory is read once. */
static FALLIBLE mark_names(struct marks *marks, const struct workspace *workspace)
{
    AUTO(dvc_names_drop) struct dvc_names names = {0};
    marks->dvc = &names;
    mark_as(marks, MARK_WORK);
    struct error *error =
        mark_directory(marks, fd_number(workspace->root_fd), STR("."), STR(""), 0);
    if (!error)
        error = mark_work_dirs(marks, workspace);
    if (!error)
        error = mark_displaced(marks, workspace);
    if (!error)
        error = mark_unconfirmed(marks, workspace);
    if (!error)
        error = mark_imported(marks, workspace);
    mark_as(marks, MARK_BRANCH);
    if (!error)
        error = mark_git(marks, workspace);
    if (!error)
        error = mark_dvc_names(marks, workspace);
    marks->dvc = NULL;
    return error;
}

FALLIBLE mark_project(struct marks *marks, const struct workspace *workspace, struct ledger *ledger)
{
    marks->ledger = ledger;
    if (workspace->is_work_dir)
        return error_hint(error_new(ERROR_PROJECT,
                                    "this is the work directory of a trial: what its "
                                    "project needs can't be seen from here"),
                          "go to the project: cd '%.*s'", STR_FMT(workspace->project));
    TRY(mark_names(marks, workspace));
    mark_as(marks, MARK_RUN);
    int64_t since_ns = marks->now_ns - workspace->config.keep_ns;
    TRY(ledger_keep(ledger, workspace->config.keep_runs, since_ns, visit_result, visit_object,
                    marks));
    return ledger_keep_sweeps(ledger, workspace->config.keep_runs, since_ns, visit_sweep, marks);
}

static FALLIBLE mark_at(struct marks *marks, const struct project_ref *ref)
{
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(workspace_drop) struct workspace workspace = {0};
    AUTO(ledger_drop) struct ledger *ledger = NULL;
    TRY(workspace_find(&arena, ref->root, &workspace));
    bool is_there = fd_number(workspace.state_fd) >= 0 &&
                    str_equal(workspace.config.project, ref->id) &&
                    str_equal(workspace.root, ref->root);
    if (!is_there)
        return error_new(ERROR_MACHINE, "there is no such project now");
    TRY(ledger_open(&arena, &workspace, true, NULL, &ledger));
    return mark_project(marks, &workspace, ledger);
}

/* A directory that is not there (an unmounted disk) may come back: what it needs is not known. */
static FALLIBLE mark_other(struct marks *marks, const struct project_ref *ref)
{
    struct error *error = mark_at(marks, ref);
    if (!error)
        return NULL;
    return error_hint(
        error_within(error, "can't tell what the project in '%.*s' needs of the cache",
                     STR_FMT(ref->root)),
        "mount or repair it; if it is gone for good, forget it: mlops gc --forget %.*s",
        STR_FMT(ref->id));
}

/* Pins first: a process takes its pins away when what it pinned is named. Asked for behind the
 * names, a pin may be gone whose name was not there yet. */
FALLIBLE mark_all(struct marks *marks, const struct workspace *workspace, struct ledger *ledger)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct project_ref *refs = NULL;
    size_t count = 0;
    mark_as(marks, MARK_FRESH);
    TRY(cas_each_pin(marks->cas, visit_object, marks));
    TRY(mark_missing(marks));
    TRY(mark_project(marks, workspace, ledger));
    TRY(projects_list(&scratch, workspace, &refs, &count));
    for (size_t i = 0; i < count; i++)
        TRY(mark_other(marks, &refs[i]));
    marks->ledger = ledger;
    mark_as(marks, MARK_FRESH);
    return NULL;
}
