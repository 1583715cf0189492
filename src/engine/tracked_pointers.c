/* What `mlops add` tracks, where stages of a run read it. Which directories hold pointers is asked
 * of each directory once, so that a run in which nothing changed costs no stat for it. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/glob.h"
#include "mlops/engine/data.h"
#include "mlops/engine/tracked.h"
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"
#include "mlops/host/walk.h"
#include "mlops/model/event.h"
#include "mlops/model/name.h"

#include <fcntl.h>
#include <sys/stat.h>

struct reading {
    struct session *session;
    const struct tracked_options *options;
    struct map directories; /* path -> struct map * of names that have a pointer, or NULL */
    struct map pointers;    /* path -> struct data_record * */
    struct map seen;        /* paths and patterns that were looked at */
    struct map absent;      /* tracked paths that were not there at first -> themselves, or NULL */
    bool is_eager;          /* is_lazy does not count for what is looked at now */
    struct error_list missing;
};

/* --- which pointers there are --- */

struct listing {
    struct arena *arena;
    struct map *names;
};

static void note_name(void *context, const char *text, uint32_t kind)
{
    struct listing *listing = context;
    struct str name = str_of(text);
    if (kind == S_IFDIR || !pointer_is_name(name))
        return;
    name = str_slice(name, 0, name.len - strlen(POINTER_SUFFIX));
    map_put(listing->arena, listing->names, str_copy(listing->arena, name), listing);
}

static FALLIBLE names_in(struct reading *reading, struct str directory, const struct map **ret)
{
    struct session *session = reading->session;
    struct map *names = map_get(&reading->directories, directory);
    *ret = names;
    if (names)
        return NULL;
    names = arena_new(session->arena, struct map);
    struct listing listing = {session->arena, names};
    const char *path = directory.len ? str_terminate(session->arena, directory) : ".";
    AUTO(fd_drop)
    struct fd fd = fd_of(
        openat(fd_number(session->workspace.root_fd), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd_number(fd) >= 0)
        TRY(walk_names(fd_number(fd), note_name, &listing));
    map_put(session->arena, &reading->directories, directory, names);
    *ret = names;
    return NULL;
}

static FALLIBLE record_of(struct reading *reading, struct str path, struct data_record **ret)
{
    struct session *session = reading->session;
    struct arena *arena = session->arena;
    struct pointer *pointer = NULL;
    *ret = map_get(&reading->pointers, path);
    if (*ret)
        return NULL;
    TRY(pointers_load(arena, &session->workspace, pointer_file_of(arena, path), &pointer));
    if (!pointer)
        return NULL;
    *ret = arena_new(arena, struct data_record);
    **ret = (struct data_record){
        .artifact = pointer->artifact, .named_by = pointer->file, .pointer = pointer};
    map_put(arena, &reading->pointers, pointer->artifact.path, *ret);
    return NULL;
}

/* The topmost pointer that tracks the path or a directory above it; NULL: none. */
static FALLIBLE find_record(struct reading *reading, struct str path, struct data_record **ret)
{
    *ret = NULL;
    for (struct str at = path; at.len && !path_is_outside(at); at = path_directory(at)) {
        const struct map *names = NULL;
        struct data_record *record = NULL;
        TRY(names_in(reading, path_directory(at), &names));
        if (map_has(names, path_name(at)))
            TRY(record_of(reading, at, &record));
        if (record)
            *ret = record;
    }
    return NULL;
}

/* --- bringing back --- */

static void warn_other(const struct reading *reading, const struct data_record *record)
{
    struct session *session = reading->session;
    struct str path = record->pointer->artifact.path;
    struct event event = {
        .kind = EVENT_WARNING,
        .text = str_print(session->arena,
                          "'%.*s' differs from what %.*s records; it is used as it is (to record "
                          "it: mlops add %.*s)",
                          STR_FMT(path), STR_FMT(record->named_by), STR_FMT(path))};
    observer_tell(session->observer, &event);
}

static FALLIBLE warn_if_other(struct reading *reading, const struct data_record *record,
                              const struct artifact *seen)
{
    struct artifact now = {0};
    if (reading->options->takes_missing || artifact_equal(seen, &record->artifact))
        return NULL;
    /* An input and what was added differ in what is ignored: only the latter can be compared. */
    struct error *error =
        worktree_look(reading->session->worktree, record->artifact.path, LOOK_OUT, &now);
    if (error && error->code >= ERROR_SIGNAL)
        return error;
    if (error || !artifact_equal(&now, &record->artifact))
        warn_other(reading, record);
    error_drop(error);
    return NULL;
}

static void miss(struct reading *reading, const struct data_record *record, struct str path,
                 const struct doc_node *node)
{
    if (reading->options->takes_missing)
        return;
    error_list_add(&reading->missing,
                   error_hint(doc_error(node,
                                        "'%.*s' is not there, and the store lacks what %.*s "
                                        "records",
                                        STR_FMT(path), STR_FMT(record->named_by)),
                              "mlops pull %.*s", STR_FMT(path)));
}

static void foresee(struct reading *reading, const struct data_record *record)
{
    struct arena *arena = reading->session->arena;
    struct artifact *artifact = arena_new(arena, struct artifact);
    *artifact = record->artifact;
    map_put(arena, reading->options->known, artifact->path, artifact);
    map_put(arena, reading->options->data, artifact->path, artifact);
}

static FALLIBLE bring_back(struct reading *reading, const struct data_record *record,
                           const struct doc_node *node)
{
    struct session *session = reading->session;
    int displaced = 0;
    bool done = false;
    TRY(signal_check());
    if (reading->options->is_lazy && !reading->is_eager) {
        foresee(reading, record);
        return NULL;
    }
    if (session->cas)
        TRY(worktree_can_restore(session->worktree, &record->artifact, &done));
    if (done && !reading->options->is_dry) {
        AUTO(claims_drop) struct claims claims = {0};
        TRY(data_claim(session, &record->artifact.path, 1, &claims));
        TRY(worktree_restore(session->worktree, &record->artifact, STR("displaced/inputs"),
                             &displaced, &done));
    } else if (done)
        foresee(reading, record);
    if (!done)
        miss(reading, record, record->artifact.path, node);
    return NULL;
}

/* --- what stages read --- */

/* A path that is the record's, or a part of it. */
static FALLIBLE check_part(struct reading *reading, const struct data_record *record,
                           struct str path, const struct doc_node *node)
{
    struct session *session = reading->session;
    struct data_record part = {0};
    struct artifact now = {0};
    bool found = false, is_known = false;
    struct error *error = worktree_look(session->worktree, path, LOOK_DEP, &now);
    if (error && error->code >= ERROR_SIGNAL)
        return error;
    if (error) {
        error_drop(error); /* told where it is read */
        return NULL;
    }
    TRY(data_part(session, record, path, &part, &found, &is_known));
    if (now.kind == ARTIFACT_ABSENT && !is_known)
        miss(reading, record, path, node);
    else if (now.kind == ARTIFACT_ABSENT && found)
        TRY(bring_back(reading, &part, node));
    else if (now.kind != ARTIFACT_ABSENT && found && is_known)
        TRY(warn_if_other(reading, &part, &now));
    return NULL;
}

/* All that is tracked below a directory. */
static FALLIBLE check_below(struct reading *reading, struct str directory,
                            const struct doc_node *node)
{
    struct session *session = reading->session;
    struct pointer_vec pointers = {0};
    struct file_stat stat = {0};
    bool found = false;
    const char *name = directory.len ? str_terminate(session->arena, directory) : ".";
    TRY(file_stat_at(fd_number(session->workspace.root_fd), name, true, &stat, &found));
    if (!found || !S_ISDIR(stat.mode))
        return NULL;
    TRY(pointers_load_below(session->arena, &session->workspace, directory, &pointers));
    for (size_t i = 0; i < pointers.len; i++) {
        struct data_record record = {.artifact = pointers.at[i]->artifact,
                                     .named_by = pointers.at[i]->file,
                                     .pointer = pointers.at[i]};
        reading->is_eager = true; /* the directory is looked at as one */
        TRY(check_part(reading, &record, record.artifact.path, node));
        reading->is_eager = false;
    }
    return NULL;
}

static FALLIBLE check_path(struct reading *reading, struct str path, const struct doc_node *node)
{
    struct data_record *record = NULL;
    bool is_ours =
        path.len && !path_is_outside(path) && !plan_touches_output(&reading->session->plan, path);
    if (!is_ours || map_put(reading->session->arena, &reading->seen, path, reading))
        return NULL;
    TRY(find_record(reading, path, &record));
    return record ? check_part(reading, record, path, node) : check_below(reading, path, node);
}

/* Before anything was brought back. */
static FALLIBLE was_absent(struct reading *reading, struct str path, bool *ret)
{
    struct session *session = reading->session;
    struct file_stat stat;
    bool found = false;
    *ret = map_get(&reading->absent, path) != NULL;
    if (map_has(&reading->absent, path))
        return NULL;
    TRY(file_stat_at(fd_number(session->workspace.root_fd), str_terminate(session->arena, path),
                     true, &stat, &found));
    map_put(session->arena, &reading->absent, path, found ? NULL : reading);
    *ret = !found;
    return NULL;
}

/* Files of a tracked directory that match are brought back if nothing of it is there, or nothing
 * that matches: of the rest nobody knows which files were left away on purpose. */
static FALLIBLE is_wanted(struct reading *reading, struct str tracked, struct str pattern,
                          bool *ret)
{
    struct session *session = reading->session;
    struct str *paths = NULL;
    size_t count = 0;
    TRY(was_absent(reading, tracked, ret));
    if (*ret)
        return NULL;
    TRY(worktree_glob(session->worktree, session->arena, pattern, &paths, &count));
    *ret = count == 0;
    return NULL;
}

static FALLIBLE match_record(struct reading *reading, const struct data_record *record,
                             struct str pattern, const struct doc_node *node)
{
    struct session *session = reading->session;
    struct data_record_vec parts = {0}, lacks = {0};
    bool wanted = false;
    struct str tracked = record->artifact.path;
    if (glob_match(pattern, tracked))
        return check_part(reading, record, tracked, node);
    if (record->artifact.kind != ARTIFACT_TREE || !glob_may_match_below(pattern, tracked))
        return NULL;
    TRY(is_wanted(reading, tracked, pattern, &wanted));
    if (!wanted)
        return NULL;
    TRY(data_match(session, record, pattern, &parts, &lacks));
    if (lacks.len)
        miss(reading, record, tracked, node);
    for (size_t i = 0; i < parts.len && !lacks.len; i++)
        TRY(bring_back(reading, &parts.at[i], node));
    return NULL;
}

static FALLIBLE check_pattern(struct reading *reading, struct str pattern,
                              const struct doc_node *node)
{
    struct session *session = reading->session;
    struct data_record *above = NULL;
    struct pointer_vec pointers = {0};
    struct str prefix = glob_prefix(pattern);
    if (path_is_outside(prefix) || map_put(session->arena, &reading->seen, pattern, reading))
        return NULL;
    TRY(find_record(reading, prefix, &above));
    if (above)
        return match_record(reading, above, pattern, node);
    TRY(pointers_load_below(session->arena, &session->workspace, prefix, &pointers));
    for (size_t i = 0; i < pointers.len; i++) {
        struct data_record record = {.artifact = pointers.at[i]->artifact,
                                     .named_by = pointers.at[i]->file,
                                     .pointer = pointers.at[i]};
        TRY(match_record(reading, &record, pattern, node));
    }
    return NULL;
}

static FALLIBLE check_patterns(struct reading *reading, const struct stage *stage)
{
    vec_each (const struct dependency, dep, &stage->deps)
        if (dep->is_glob)
            TRY(check_pattern(reading, dep->path, dep->node));
    return NULL;
}

static FALLIBLE check_paths(struct reading *reading, const struct stage *stage)
{
    vec_each (const struct dependency, dep, &stage->deps)
        if (!dep->is_glob && !dep->is_url)
            TRY(check_path(reading, dep->path, dep->node));
    return NULL;
}

/* They are read to know what a stage is at all. */
static FALLIBLE check_params(struct reading *reading, const struct stage *stage)
{
    reading->is_eager = true;
    vec_each (const struct param_ref, param, &stage->params)
        TRY(check_path(reading, param->file, stage->node));
    reading->is_eager = false;
    return NULL;
}

static FALLIBLE each_stage(struct reading *reading,
                           FALLIBLE (*check)(struct reading *reading, const struct stage *stage))
{
    struct session *session = reading->session;
    for (size_t i = 0; i < session->pipeline->stages.len; i++) {
        const struct stage *stage = &session->pipeline->stages.at[i];
        if (session->plan.stages[i].is_selected && !stage->is_frozen)
            TRY(check(reading, stage));
    }
    return NULL;
}

FALLIBLE tracked_check_pointers(struct session *session, const struct tracked_options *options)
{
    struct reading reading = {.session = session, .options = options};
    struct error *error = each_stage(&reading, check_params);
    if (!error)
        error = each_stage(&reading, check_patterns);
    if (!error)
        error = each_stage(&reading, check_paths);
    struct error *missing = error_list_take(&reading.missing);
    if (!error)
        return missing;
    error_drop(missing);
    return error;
}

FALLIBLE tracked_restore(struct session *session, const struct artifact *input)
{
    AUTO(claims_drop) struct claims claims = {0};
    int displaced = 0;
    bool done = false;
    TRY(data_claim(session, &input->path, 1, &claims));
    TRY(worktree_restore(session->worktree, input, STR("displaced/inputs"), &displaced, &done));
    if (done)
        return NULL;
    return error_hint(error_new(ERROR_STORED, "'%.*s' is not there, and the store lacks it",
                                STR_FMT(input->path)),
                      "mlops pull %.*s", STR_FMT(input->path));
}
