/* The work tree is made to hold what is recorded; nothing that only it holds is lost. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/glob.h"
#include "mlops/engine/data.h"
#include "mlops/engine/import.h"
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"
#include "mlops/host/walk.h"
#include "mlops/model/event.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

struct checking_out {
    struct session *session;
    const struct data_checkout_options *options;
    struct data_record_vec records; /* all that is recorded */
    struct data_record_vec wants;   /* what is to be there */
    struct error_list errors;
    struct data_checkout report;
};

/* --- what is meant --- */

static void want(struct checking_out *out, const struct data_record *record)
{
    *vec_push(out->session->arena, &out->wants) = *record;
}

static FALLIBLE not_known(const struct data_record *record)
{
    return error_hint(error_new(ERROR_ANSWER,
                                "the store lacks what '%.*s' names: it can't be told what is in "
                                "'%.*s'",
                                STR_FMT(record->named_by), STR_FMT(record->artifact.path)),
                      "'mlops pull' fetches it");
}

/* Of what DVC tracks and the store does not know whole, parts may have been brought. */
static bool is_brought(const struct checking_out *out, const struct data_record *record,
                       struct str path)
{
    if (!record->dvc || record->dvc->is_known || !out->options->also)
        return false;
    vec_each (const struct data_record, also, out->options->also)
        if (path_is_within(also->artifact.path, path))
            return true;
    return false;
}

static FALLIBLE take_record(struct checking_out *out, const struct data_record *record,
                            struct str path, bool is_pattern, bool *found)
{
    struct str tracked = record->artifact.path;
    struct data_record part = {0};
    bool is_known = true, has = false;
    size_t count = out->wants.len + out->report.missing.len;
    if (is_pattern ? glob_match(path, tracked) : path_is_within(tracked, path))
        want(out, record);
    else if (is_pattern && record->artifact.kind == ARTIFACT_TREE &&
             glob_may_match_below(path, tracked))
        TRY(data_match_parts(out->session, record, path, &out->wants, &out->report.missing));
    else if (!is_pattern && path_is_within(path, tracked) && is_brought(out, record, path))
        *found = true;
    else if (!is_pattern && path_is_within(path, tracked)) {
        TRY(data_part(out->session, record, path, &part, &has, &is_known));
        if (has && is_known)
            want(out, &part);
    }
    *found = *found || out->wants.len + out->report.missing.len > count;
    return is_known ? NULL : not_known(record);
}

static FALLIBLE take_path(struct checking_out *out, struct str path)
{
    bool found = false;
    struct session *session = out->session;
    vec_each (const struct data_record, record, &out->records)
        TRY(take_record(out, record, path, false, &found));
    if (!found && glob_is_pattern(path))
        vec_each (const struct data_record, record, &out->records)
            TRY(take_record(out, record, path, true, &found));
    if (found)
        return NULL;
    struct str shown = workspace_show(session->arena, &session->workspace, path);
    if (out->options->commit.len)
        return error_new(ERROR_PROJECT, "no pointer or lock file at %.*s names '%.*s'",
                         STR_FMT(str_slice(out->options->commit, 0, 7)), STR_FMT(shown));
    bool may_be_rev = out->options->is_no_revision && out->options->paths[0].at == path.at;
    return error_hint(error_new(ERROR_PROJECT, "no pointer or lock file names '%.*s'%.*s%s",
                                STR_FMT(shown), STR_FMT(data_near(session, path, true)),
                                may_be_rev ? ", and it is no git revision" : ""),
                      "'mlops ls' lists what is tracked%s",
                      may_be_rev ? ", 'git tag' and 'git branch -a' list what git knows" : "");
}

/* An output that dvc.lock records, while our lock file says that it was made anew since. */
static bool is_outdated(const struct checking_out *out, const struct data_record *also)
{
    if (!also->dvc || !also->dvc->stage.len || also->is_part)
        return false;
    vec_each (const struct data_record, record, &out->records)
        if (!record->dvc && str_equal(record->artifact.path, also->artifact.path))
            return !artifact_equal(&record->artifact, &also->artifact);
    return false;
}

/* Each path once: of two records the one that was brought for this checkout counts. */
static void take_also(struct checking_out *out)
{
    struct data_record_vec all = {0};
    struct map paths = {0};
    struct arena *arena = out->session->arena;
    if (!out->options->also)
        return;
    vec_each (const struct data_record, record, out->options->also) {
        if (is_outdated(out, record))
            continue;
        if (!map_has(&paths, record->artifact.path))
            *vec_push(arena, &all) = *record;
        map_put(arena, &paths, record->artifact.path, out);
    }
    vec_each (const struct data_record, record, &out->wants)
        if (!map_has(&paths, record->artifact.path))
            *vec_push(arena, &all) = *record;
    out->wants = all;
}

static FALLIBLE choose(struct checking_out *out)
{
    if (!out->options->count && !out->options->takes_only_also)
        out->wants = out->records;
    for (size_t i = 0; i < out->options->count; i++) {
        struct error *error = take_path(out, out->options->paths[i]);
        if (error && error->code >= ERROR_SIGNAL)
            return error;
        error_list_add(&out->errors, error);
    }
    take_also(out);
    return error_list_take(&out->errors);
}

/* --- looking --- */

static FALLIBLE prefetch(struct checking_out *out)
{
    struct session *session = out->session;
    struct worktree_wish *wishes =
        arena_new_array(session->arena, struct worktree_wish, out->wants.len);
    for (size_t i = 0; i < out->wants.len; i++)
        wishes[i] =
            (struct worktree_wish){.path = out->wants.at[i].artifact.path, .role = LOOK_OUT};
    return worktree_prefetch(session->worktree, wishes, out->wants.len, session->observer);
}

static FALLIBLE is_link_there(struct session *session, const struct data_record *record, bool *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    int root_fd = fd_number(session->workspace.root_fd);
    const char *path = str_terminate(&scratch, record->artifact.path);
    struct file_stat stat = {0};
    struct str target = {0}, now = {0};
    bool found = false;
    *ret = false;
    TRY(file_stat_at(root_fd, path, false, &stat, &found));
    if (!found || !S_ISLNK(stat.mode) || !session->cas)
        return NULL;
    TRY(walk_link(&scratch, root_fd, path, &now));
    TRY(cas_get_bytes(session->cas, &scratch, record->artifact.digest, LIMIT_PATH_BYTES, &target,
                      &found));
    *ret = found && str_equal(now, target);
    return NULL;
}

/* What is odd there is not what is wanted, whatever it is. */
static FALLIBLE is_there(struct checking_out *out, const struct data_record *record, bool *ret)
{
    struct artifact now = {0};
    if (record->kind == TREE_SYMLINK)
        return is_link_there(out->session, record, ret);
    struct error *error =
        worktree_look(out->session->worktree, record->artifact.path, LOOK_OUT, &now);
    if (error && error->code >= ERROR_SIGNAL)
        return error;
    *ret = !error && artifact_equal(&now, &record->artifact) &&
           now.empty_dir_count == record->artifact.empty_dir_count;
    error_drop(error);
    /* DVC knows neither modes nor empty directories. */
    if (!*ret && record->dvc && !record->is_part)
        return import_compare(out->session, &record->dvc->entry, 1, ret);
    return NULL;
}

/* --- writing --- */

/* Makes and opens the directory above a path; through a link one would write anywhere. */
static FALLIBLE make_above(struct session *session, struct str path, bool is_durable,
                           struct fd *ret)
{
    struct str above = path_directory(path);
    struct error *error = data_check_way(session, above);
    if (error)
        return error_hint(error, "move the link away, then check out again");
    return directory_make_straight(fd_number(session->workspace.root_fd),
                                   str_terminate(session->arena, above), is_durable, ret);
}

static FALLIBLE check_target(struct session *session, const char *path, struct str target)
{
    struct str aimed = {0};
    bool is_inside = target.len && target.at[0] != '/' && !memchr(target.at, '\0', target.len) &&
                     path_resolve(session->arena, path_directory(str_of(path)), target, &aimed);
    return is_inside ? NULL
                     : error_new(ERROR_STORED, "the stored link '%s' leaves the project", path);
}

static FALLIBLE put_link(struct checking_out *out, const struct data_record *record, bool *ret_done)
{
    struct session *session = out->session;
    int root_fd = fd_number(session->workspace.root_fd);
    const char *path = str_terminate(session->arena, record->artifact.path);
    struct str target = {0}, now = {0};
    struct file_stat stat;
    bool found = false;
    TRY(cas_get_bytes(session->cas, session->arena, record->artifact.digest, LIMIT_PATH_BYTES,
                      &target, ret_done));
    if (!*ret_done)
        return NULL;
    TRY(file_stat_at(root_fd, path, false, &stat, &found));
    if (found && S_ISLNK(stat.mode))
        TRY(walk_link(session->arena, root_fd, path, &now));
    if (found && str_equal(now, target))
        return NULL;
    if (found)
        return error_hint(error_new(ERROR_PROJECT, "'%s' is in the way of a link", path),
                          "move it away, then check out again");
    TRY(check_target(session, path, target));
    AUTO(fd_drop) struct fd above = {0};
    TRY(make_above(session, record->artifact.path, false, &above));
    const char *name = str_terminate(session->arena, path_name(record->artifact.path));
    if (symlinkat(str_terminate(session->arena, target), fd_number(above), name) != 0)
        return error_os(errno, "cannot make the link '%s'", path);
    return NULL;
}

static FALLIBLE put_content(struct checking_out *out, const struct data_record *record,
                            struct worktree_change *ret, bool *ret_done)
{
    struct worktree *worktree = out->session->worktree;
    struct worktree_counts before = worktree_counts(worktree);
    int displaced = 0;
    TRY(worktree_restore(worktree, &record->artifact, out->report.displaced_to, &displaced,
                         ret_done));
    struct worktree_counts after = worktree_counts(worktree);
    *ret = (struct worktree_change){.files = after.restored_files - before.restored_files,
                                    .bytes = after.restored_bytes - before.restored_bytes,
                                    .displaced = displaced};
    return NULL;
}

static FALLIBLE put(struct checking_out *out, const struct data_record *record,
                    struct worktree_change *ret, bool *ret_done)
{
    bool is_inner = record->is_part && record->artifact.kind == ARTIFACT_TREE;
    if (record->kind == TREE_SYMLINK) {
        *ret = (struct worktree_change){.files = 1, .bytes = record->artifact.size_bytes};
        return put_link(out, record, ret_done);
    }
    struct error *error = put_content(out, record, ret, ret_done);
    if (!error || error->code != ERROR_STORED || !is_inner)
        return error;
    error_drop(error); /* a link that leads to another part: one by one */
    *ret_done = false;
    return NULL;
}

static FALLIBLE visit_part(struct checking_out *out, const struct data_record *part);

/* Of a directory that the store does not have whole, what it has. */
static FALLIBLE visit_parts(struct checking_out *out, const struct data_record *record)
{
    struct data_record_vec parts = {0}, *missing = &out->report.missing;
    size_t missing_before = missing->len;
    int64_t there_before = out->report.restored + out->report.unchanged;
    bool is_known = false;
    if (record->artifact.kind == ARTIFACT_TREE && !path_fault(record->artifact.path))
        TRY(data_entries(out->session, record, &parts, &is_known));
    vec_each (const struct data_record, part, &parts)
        TRY(visit_part(out, part));
    if (out->report.restored + out->report.unchanged > there_before)
        return NULL;
    missing->len = missing_before; /* all of it is missing: said once */
    *vec_push(out->session->arena, missing) = *record;
    return NULL;
}

static FALLIBLE visit_part(struct checking_out *out, const struct data_record *part)
{
    struct worktree_change change = {0};
    bool done = false;
    TRY(signal_check());
    TRY(is_there(out, part, &done));
    if (done && !out->options->relinks) {
        out->report.unchanged++;
        return NULL;
    }
    TRY(out->options->is_dry
            ? worktree_foresee(out->session->worktree, &part->artifact, &change, &done)
            : put(out, part, &change, &done));
    if (!done)
        return visit_parts(out, part);
    /* A part whose links lead to other parts can't be looked at by itself. */
    if (part->is_part && !change.files && !change.displaced) {
        out->report.unchanged++;
        return NULL;
    }
    out->report.restored++;
    out->report.displaced += change.displaced;
    *vec_push(out->session->arena, &out->report.changed) =
        (struct data_placed){*part, change.files, change.bytes};
    return NULL;
}

static FALLIBLE visit(struct checking_out *out, const struct data_record *record)
{
    AUTO(claims_drop) struct claims claims = {0};
    bool same = false;
    TRY(is_there(out, record, &same));
    if (!out->options->is_dry && (!same || out->options->relinks))
        TRY(data_claim(out->session, &record->artifact.path, 1, &claims));
    return visit_part(out, record);
}

/* A file that says what a path holds: a pointer, or a `.dvc` file. */
struct naming {
    struct str file, tracked;
    struct str text; /* as the revision has it */
};

static FALLIBLE keep_copy(struct checking_out *out, const struct naming *naming, struct str bytes)
{
    struct session *session = out->session;
    struct arena *arena = session->arena;
    struct str folder = path_join(arena, STR(".mlops"), out->report.displaced_to);
    struct str to = path_join(arena, folder, naming->file);
    struct str file = naming->file, tracked = naming->tracked;
    TRY(directory_make(fd_number(session->workspace.root_fd),
                       str_terminate(arena, path_directory(to)), true));
    TRY(workspace_publish(&session->workspace, to.at, bytes, 0644, true));
    struct event event = {
        .kind = EVENT_NOTICE,
        .text = str_print(arena,
                          "'%.*s' was in no commit: to go back to it, cp %.*s %.*s && mlops "
                          "checkout %.*s",
                          STR_FMT(file), STR_FMT(to), STR_FMT(file), STR_FMT(tracked))};
    observer_tell(session->observer, &event);
    return NULL;
}

/* What git does not know, nor that revision, is the only name of a version. */
static FALLIBLE keep_naming(struct checking_out *out, const struct naming *naming, bool *ret_same)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct session *session = out->session;
    struct str now = {0};
    bool found = false, is_known = false;
    TRY(file_read(&scratch, fd_number(session->workspace.root_fd),
                  str_terminate(&scratch, naming->file), LIMIT_LOCK_BYTES, &now, &found));
    *ret_same = found && str_equal(now, naming->text);
    if (!found || *ret_same)
        return NULL;
    TRY(vcs_knows(session->vcs, now, &is_known));
    if (is_known)
        return NULL;
    out->report.displaced++;
    return out->options->is_dry ? NULL : keep_copy(out, naming, now);
}

static FALLIBLE write_pointer(struct checking_out *out, const struct pointer *pointer)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct session *session = out->session;
    struct buf text = buf_in(&scratch);
    bool changed = false, is_same = false;
    pointer_print(pointer, &text);
    struct naming naming = {pointer->file, pointer->artifact.path, buf_str(&text)};
    TRY(keep_naming(out, &naming, &is_same));
    if (out->options->is_dry)
        return NULL;
    AUTO(fd_drop) struct fd above = {0};
    TRY(make_above(session, pointer->file, true, &above));
    TRY(pointers_save(&session->workspace, pointer, &changed));
    out->report.pointers += changed;
    return NULL;
}

static FALLIBLE write_dvc(struct checking_out *out, const struct dvc_tracked *tracked)
{
    struct session *session = out->session;
    struct arena *arena = session->arena;
    struct naming naming = {.file = tracked->file, .tracked = tracked->entry->path};
    bool found = false, is_same = false;
    TRY(vcs_read(session->vcs, arena, out->options->commit,
                 session_vcs_path(session, arena, tracked->file), LIMIT_LOCK_BYTES, &naming.text,
                 &found));
    if (!found)
        return NULL;
    TRY(keep_naming(out, &naming, &is_same));
    if (out->options->is_dry || is_same)
        return NULL;
    AUTO(fd_drop) struct fd above = {0};
    TRY(make_above(session, tracked->file, true, &above));
    out->report.pointers++;
    return workspace_publish(&session->workspace, str_terminate(arena, tracked->file), naming.text,
                             0644, true);
}

static FALLIBLE write_naming(struct checking_out *out, const struct data_record *want)
{
    const struct pointer *pointer = want->pointer;
    const struct dvc_tracked *tracked = want->dvc;
    struct str path = want->artifact.path;
    if (pointer && str_equal(pointer->artifact.path, path))
        return write_pointer(out, pointer);
    bool is_of_file = tracked && !tracked->stage.len && str_equal(tracked->entry->path, path);
    return is_of_file ? write_dvc(out, tracked) : NULL;
}

/* Pointers of a revision come with their data, as 'git checkout REV -- FILE' would write them; of a
 * part of a directory only the data come. */
static FALLIBLE write_pointers(struct checking_out *out)
{
    struct session *session = out->session;
    if (!out->options->commit.len)
        return NULL;
    AUTO(data_lock_drop) struct data_lock lock = {0};
    if (!out->options->is_dry)
        TRY(data_lock(session, &lock));
    vec_each (const struct data_record, want, &out->wants)
        TRY(write_naming(out, want));
    return NULL;
}

FALLIBLE data_checkout(struct session *session, const struct data_checkout_options *options,
                       struct data_checkout *ret)
{
    struct checking_out out = {.session = session, .options = options};
    out.report.displaced_to =
        str_print(session->arena, "displaced/checkout-%lld", (long long)clock_real_ns());
    if (options->relinks)
        worktree_relink(session->worktree);
    TRY(data_records(session, options->commit, &out.records));
    TRY(choose(&out));
    TRY(write_pointers(&out));
    TRY(prefetch(&out));
    vec_each (const struct data_record, want, &out.wants)
        TRY(visit(&out, want));
    *ret = out.report;
    return NULL;
}

FALLIBLE data_is_path(struct session *session, struct str path, bool *ret)
{
    struct file_stat stat;
    struct pointer *pointer = NULL;
    TRY(file_stat_at(fd_number(session->workspace.root_fd),
                     path.len ? str_terminate(session->arena, path) : ".", false, &stat, ret));
    if (*ret)
        return NULL;
    TRY(pointers_find(session->arena, &session->workspace, path, &pointer));
    *ret = pointer != NULL;
    return NULL;
}
