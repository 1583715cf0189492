#include "mlops/engine/import.h"

#include "mlops/base/buf.h"
#include "mlops/host/signal.h"
#include "mlops/model/name.h"

#include <fcntl.h>

#include "import_private.h"

void import_fault(struct importing *importing, enum import_trouble kind, struct str name,
                  struct str why)
{
    struct import_report *report = importing->report;
    report->missing += kind == IMPORT_MISSING;
    report->damaged += kind == IMPORT_DAMAGED;
    report->unusable += kind == IMPORT_UNUSABLE;
    *vec_push(importing->arena, &report->faults) = (struct import_fault){kind, name, why};
}

static FALLIBLE importing_open(struct session *session, struct import_report *report,
                               struct importing *ret)
{
    struct str path = {0};
    *ret = (struct importing){.session = session, .arena = session->arena, .report = report};
    TRY(import_cache_path(session, &path));
    if (path.len)
        TRY(dvc_cache_open(session->arena, path, &ret->cache));
    ret->sums = sums_open(session->arena, session->index);
    worktree_note_sums(session->worktree, ret->sums);
    return imported_load(session->arena, &session->workspace, &ret->imported);
}

static void importing_drop(struct importing *importing)
{
    dvc_cache_drop(&importing->cache);
    worktree_note_sums(importing->session->worktree, NULL);
}

VEC(wish_vec, struct worktree_wish);

static void wish_for(struct importing *importing, const struct dvc_entry_vec *entries,
                     enum look_role role, struct wish_vec *wishes)
{
    vec_each (const struct dvc_entry, entry, entries) {
        if (!entry->is_url && entry->has_hash)
            *vec_push(importing->arena, wishes) =
                (struct worktree_wish){.path = entry->path, .role = role};
    }
}

/* Everything that is recorded, hashed at once. */
static FALLIBLE look_at_all(struct importing *importing)
{
    struct session *session = importing->session;
    struct wish_vec wishes = {0};
    vec_each (const struct import_stage, stage, &importing->stages) {
        wish_for(importing, &stage->recorded->deps, LOOK_DEP, &wishes);
        wish_for(importing, &stage->recorded->outs, LOOK_OUT, &wishes);
    }
    for (size_t i = 0; i < session->pipeline->pointers.len && !importing->only_matching; i++)
        wish_for(importing, &session->pipeline->pointers.at[i]->outs, LOOK_OUT, &wishes);
    return worktree_prefetch(session->worktree, wishes.at, wishes.len, session->observer);
}

static FALLIBLE want_outs(struct importing *importing, const struct import_stage *stage)
{
    vec_each (const struct dvc_entry, entry, &stage->recorded->outs) {
        const struct output *output = import_output(stage->stage, entry->path);
        if (output && output->is_cached)
            TRY(import_want(importing, entry));
    }
    return NULL;
}

/* Inputs that are not there: their digests are only known from DVC's cache. */
static FALLIBLE want_absent(struct importing *importing, const struct import_stage *stage)
{
    vec_each (const struct dvc_entry, entry, &stage->recorded->deps) {
        struct translated seen = {0};
        TRY(import_translate(importing, entry, LOOK_DEP, &seen));
        if (seen.may_come && seen.why.len)
            TRY(import_want(importing, entry));
    }
    return NULL;
}

static FALLIBLE want_all(struct importing *importing)
{
    const struct pipeline *pipeline = importing->session->pipeline;
    for (size_t i = 0; i < pipeline->pointers.len; i++) {
        vec_each (const struct dvc_entry, entry, &pipeline->pointers.at[i]->outs)
            TRY(import_want(importing, entry));
    }
    vec_each (const struct import_stage, stage, &importing->stages)
        TRY(want_outs(importing, stage));
    return NULL;
}

/* A path of a .dvc file: in the store, and remembered by its name. */
static FALLIBLE import_tracked(struct importing *importing, const struct dvc_entry *entry)
{
    struct translated seen = {0};
    importing->report->tracked++;
    TRY(import_translate(importing, entry, LOOK_OUT, &seen));
    if (seen.why.len) {
        bool is_told = false;
        vec_each (const struct import_fault, fault, &importing->report->faults)
            is_told = is_told ||
                      (fault->kind == IMPORT_DAMAGED && path_is_within(fault->name, entry->path));
        if (!is_told && entry->has_hash)
            import_fault(importing, IMPORT_MISSING, entry->path, seen.why);
        return NULL;
    }
    bool captures = seen.is_here && !path_fault(entry->path);
    if (importing->is_dry)
        return NULL;
    if (captures)
        TRY(worktree_capture(importing->session->worktree, entry->path, &seen.artifact));
    seen.artifact.path = entry->path;
    struct imported_path path = {.path = entry->path,
                                 .md5 = entry->md5,
                                 .is_directory = entry->is_directory,
                                 .artifact = seen.artifact};
    if (seen.artifact.is_stored && !path_fault(entry->path))
        imported_add_path(importing->arena, &importing->imported, &path);
    return NULL;
}

static FALLIBLE import_pointers(struct importing *importing)
{
    const struct pipeline *pipeline = importing->session->pipeline;
    for (size_t i = 0; i < pipeline->pointers.len; i++) {
        vec_each (const struct dvc_entry, entry, &pipeline->pointers.at[i]->outs)
            TRY(import_tracked(importing, entry));
    }
    return NULL;
}

/* Objects, then results, then what names them for gc. */
static FALLIBLE finish(struct importing *importing)
{
    struct session *session = importing->session;
    if (importing->is_dry)
        return NULL;
    TRY(cas_flush(session->cas));
    TRY(results_flush(&session->workspace));
    TRY(imported_save(&session->workspace, &importing->imported));
    sums_save(importing->sums);
    return index_save(session->index);
}

static FALLIBLE import_recorded(struct importing *importing)
{
    vec_each (const struct import_stage, stage, &importing->stages) {
        TRY(signal_check());
        if (!importing->only_matching || stage->is_matching)
            TRY(import_stage(importing, stage));
    }
    return NULL;
}

struct error *import_all(struct session *session, const struct import_options *options,
                         struct import_report *ret)
{
    AUTO(importing_drop) struct importing importing = {.session = session};
    *ret = (struct import_report){0};
    TRY(importing_open(session, ret, &importing));
    importing.is_dry = options->is_dry;
    TRY(import_read_locks(&importing));
    TRY(look_at_all(&importing));
    TRY(want_all(&importing));
    TRY(import_take_wanted(&importing));
    TRY(import_pointers(&importing));
    TRY(import_recorded(&importing));
    return finish(&importing);
}

/* DVC makes its cache with the first object. */
static FALLIBLE open_cache_for_writing(struct importing *importing)
{
    struct dvc_cache *cache = &importing->cache;
    if (importing->is_dry || cache->fd.number_plus_one || !cache->path.len)
        return NULL;
    TRY(directory_make(AT_FDCWD, cache->path.at, true));
    return dvc_cache_open(importing->arena, cache->path, cache);
}

struct error *import_export(struct session *session, const struct import_options *options,
                            struct import_report *ret)
{
    AUTO(importing_drop) struct importing importing = {.session = session};
    *ret = (struct import_report){0};
    TRY(importing_open(session, ret, &importing));
    importing.is_dry = options->is_dry;
    TRY(open_cache_for_writing(&importing));
    TRY(import_export_files(&importing));
    return finish(&importing);
}

/* --- what `run` does by itself --- */

/* The stats of all dvc.lock, which tell whether one has changed; empty: there is none. */
static FALLIBLE locks_stamp(struct session *session, struct buf *out)
{
    vec_each (const struct pipeline_file, file, &session->pipeline->files) {
        struct file_stat stat;
        bool found = false;
        AUTO(arena_drop) struct arena scratch = {0};
        struct str path = path_join(&scratch, file->dir, STR("dvc.lock"));
        TRY(file_stat_at(fd_number(session->workspace.root_fd), path.at, true, &stat, &found));
        if (found)
            buf_print(out, "%llx %llx %llx %llx ", (unsigned long long)stat.inode,
                      (unsigned long long)stat.size_bytes, (unsigned long long)stat.mtime_ns,
                      (unsigned long long)stat.ctime_ns);
    }
    return NULL;
}

#define STAMP_KIND STR("dvc.lock")

/* Files whose recorded MD5 is that of the work tree; what follows from them is made known. */
static FALLIBLE take_matching(struct importing *importing)
{
    importing->only_matching = true;
    TRY(import_read_locks(importing));
    TRY(look_at_all(importing));
    vec_each (struct import_stage, stage, &importing->stages) {
        TRY(import_match(importing, stage));
        if (!stage->is_matching)
            continue;
        TRY(want_absent(importing, stage));
        TRY(want_outs(importing, stage));
    }
    TRY(import_take_wanted(importing));
    TRY(import_recorded(importing));
    return finish(importing);
}

static FALLIBLE has_changed(struct session *session, struct buf *stamp, bool *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str known = {0};
    TRY(locks_stamp(session, stamp));
    bool is_known = stamp->len && index_blob(session->index, &scratch, STAMP_KIND,
                                             session->pipeline->path, &known);
    *ret = stamp->len && !(is_known && str_equal(known, buf_str(stamp)));
    return NULL;
}

/* What a frozen stage is only its lock says. */
static bool lacks_frozen(const struct session *session)
{
    bool lacks = false;
    vec_each (struct stage, stage, &session->pipeline->stages)
        lacks |= stage->is_frozen && !session_lock_entry(session, stage);
    return lacks;
}

static void tell_taken(struct session *session, int64_t count, bool is_dry)
{
    if (!count)
        return;
    struct str text =
        str_print(session->arena, "%s %lld stage%s from dvc.lock", is_dry ? "can take" : "took",
                  (long long)count, count == 1 ? "" : "s");
    struct event event = {.kind = EVENT_NOTICE, .text = text};
    observer_tell(session->observer, &event);
}

/* Reading what DVC recorded is a service: whoever can't repair its files can do without. */
static FALLIBLE hint_at_option(struct error *error)
{
    bool is_lasting = error && error->code < ERROR_SIGNAL && !error->hint;
    return is_lasting ? error_hint(error, "'--no-dvc-lock' takes nothing over from dvc.lock")
                      : error;
}

struct error *import_from_lock(struct session *session, bool is_dry)
{
    AUTO(buf_drop) struct buf stamp = {0};
    bool is_passing = is_dry || session->is_read_only || !session->cas, is_new = false;
    if (session->pipeline->dialect != DOC_DVC)
        return NULL;
    TRY(has_changed(session, &stamp, &is_new));
    if (!is_new && !(stamp.len && lacks_frozen(session)))
        return NULL;
    struct import_report report = {0};
    AUTO(importing_drop) struct importing importing = {.session = session};
    TRY(importing_open(session, &report, &importing));
    importing.is_dry = importing.is_passing = is_passing;
    TRY_WITHIN(hint_at_option(take_matching(&importing)), "taking over from dvc.lock");
    if (!is_passing && !importing.is_lacking)
        index_set_blob(session->index, STAMP_KIND, session->pipeline->path, buf_str(&stamp));
    tell_taken(session, report.stages_new, is_passing);
    return NULL;
}

struct error *import_lacking(struct session *session, struct vcs_path_vec *ret)
{
    struct import_report report = {0};
    if (session->pipeline->dialect != DOC_DVC)
        return NULL;
    AUTO(importing_drop) struct importing importing = {.session = session};
    TRY(importing_open(session, &report, &importing));
    importing.is_dry = importing.is_passing = importing.only_matching = true;
    TRY(import_read_locks(&importing));
    TRY(look_at_all(&importing));
    vec_each (const struct import_stage, stage, &importing.stages)
        if (session->plan.stages[stage->stage - session->pipeline->stages.at].is_selected)
            TRY(import_lacks_of(&importing, stage, ret));
    return NULL;
}

/* --- a tracked input that is not there --- */

static const struct dvc_entry *tracked_entry(const struct session *session, struct str path)
{
    for (struct str at = path; at.len; at = path_directory(at)) {
        const struct dvc_entry *entry = map_get(&session->pipeline->pointed, at);
        if (entry || str_is(at, "/"))
            return entry;
    }
    return NULL;
}

static FALLIBLE find_tracked(struct importing *importing, const struct dvc_entry *entry,
                             struct artifact *ret, bool *ret_found)
{
    const struct imported_path *known =
        imported_find(&importing->imported, entry->path, entry->md5, entry->is_directory);
    if (known)
        TRY(worktree_can_restore(importing->session->worktree, &known->artifact, ret_found));
    if (*ret_found) {
        *ret = known->artifact;
        return NULL;
    }
    struct translated seen = {0};
    TRY(import_want(importing, entry));
    TRY(import_take_wanted(importing));
    TRY(import_translate(importing, entry, LOOK_OUT, &seen));
    *ret_found = !seen.why.len && !seen.is_here && seen.artifact.is_stored;
    *ret = seen.artifact;
    return NULL;
}

/* Only looked at in DVC's cache; what is in the store the caller knows. */
struct error *import_foresee(struct session *session, const struct dvc_entry *entry,
                             struct artifact *ret, bool *ret_found)
{
    struct import_report report = {0};
    struct translated seen = {0};
    bool is_cached = false;
    *ret_found = false;
    if (!entry->has_hash || entry->is_url || path_fault(entry->path))
        return NULL;
    AUTO(importing_drop) struct importing importing = {.session = session};
    TRY(importing_open(session, &report, &importing));
    importing.is_dry = importing.is_passing = true;
    TRY(import_is_cached(&importing, entry, &is_cached));
    if (!is_cached)
        return NULL;
    TRY(import_want(&importing, entry));
    TRY(import_take_wanted(&importing));
    TRY(import_translate(&importing, entry, LOOK_DEP, &seen));
    *ret_found = !seen.why.len;
    *ret = seen.artifact;
    return NULL;
}

struct error *import_bring_back(struct session *session, struct str path, bool *ret_done)
{
    const struct dvc_entry *entry = tracked_entry(session, path);
    struct import_report report = {0};
    struct artifact artifact = {0};
    int displaced = 0;
    *ret_done = false;
    if (!entry || !entry->has_hash || session->is_read_only || path_fault(entry->path))
        return NULL;
    AUTO(importing_drop) struct importing importing = {.session = session};
    TRY(importing_open(session, &report, &importing));
    TRY(find_tracked(&importing, entry, &artifact, ret_done));
    if (!*ret_done)
        return NULL;
    TRY(finish(&importing));
    TRY(worktree_restore(session->worktree, &artifact, STR("displaced/inputs"), &displaced,
                         ret_done));
    worktree_forget(session->worktree, entry->path);
    return NULL;
}
