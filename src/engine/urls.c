#include "mlops/engine/urls.h"

#include "mlops/base/arena.h"
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"
#include "mlops/model/name.h"
#include "mlops/store/gitignore.h"

#include "urls_private.h"

const char *url_status_name(enum url_status status)
{
    static const char *const names[] = {"added",  "updated", "unchanged", "outdated",
                                        "frozen", "gone",    "failed"};
    return names[status];
}

static struct arrival arrival_of(struct session *session)
{
    return (struct arrival){.arena = session->arena,
                            .workspace = &session->workspace,
                            .index = session->index,
                            .cas = session->cas,
                            .worktree = session->worktree,
                            .observer = session->observer};
}

/* --- what it makes --- */

/* Another command may have written the pointer while we fetched. */
FALLIBLE urls_write_pointer(struct session *session, const struct pointer *pointer)
{
    AUTO(data_lock_drop) struct data_lock lock = {0};
    const struct workspace *workspace = &session->workspace;
    AUTO(fd_drop) struct fd above = {0};
    struct vcs *vcs = NULL;
    bool changed = false;
    TRY(session_vcs(session, &vcs));
    TRY(data_lock(session, &lock));
    TRY(directory_make_straight(
        fd_number(workspace->root_fd),
        str_terminate(session->arena, path_directory(pointer->artifact.path)), true, &above));
    TRY(pointers_save(workspace, pointer, &changed));
    return vcs ? gitignore_add(workspace, &pointer->artifact.path, 1, true) : NULL;
}

FALLIBLE urls_place(struct session *session, struct url_outcome *outcome)
{
    AUTO(claims_drop) struct claims claims = {0};
    const struct artifact *artifact = &outcome->pointer->artifact;
    int displaced = 0;
    bool done = false;
    outcome->displaced_to =
        str_print(session->arena, "displaced/update-%lld", (long long)clock_real_ns());
    TRY(data_claim(session, &artifact->path, 1, &claims));
    TRY(worktree_restore(session->worktree, artifact, outcome->displaced_to, &displaced, &done));
    outcome->displaced = displaced;
    if (!done)
        return error_new(ERROR_STORED, "what was fetched for '%.*s' is damaged in the store",
                         STR_FMT(artifact->path));
    return NULL;
}

/* Everything is in the store, for good, before anything names it. */
static FALLIBLE take(struct session *session, struct upstream *upstream,
                     struct upstream_state *state, struct url_outcome *outcome)
{
    struct arrival arrival = arrival_of(session);
    struct pointer *pointer = outcome->pointer;
    struct digest before = pointer->artifact.digest;
    TRY_WITHIN(arrival_take(&arrival, upstream, state, pointer->artifact.path, &pointer->artifact,
                            &outcome->counts),
               "fetching '%.*s'", STR_FMT(upstream->url));
    TRY(cas_flush(session->cas));
    pointer->artifact.is_stored = true;
    pointer->source.url = upstream->url;
    pointer->source.etag = state->etag;
    pointer->source.modified = state->modified;
    TRY(urls_write_pointer(session, pointer));
    bool is_same = digest_equal(before, pointer->artifact.digest);
    if (outcome->status != URL_ADDED)
        outcome->status = is_same ? URL_SAME : URL_UPDATED;
    return outcome->status == URL_SAME ? NULL : urls_place(session, outcome);
}

/* --- import --- */

static FALLIBLE nothing_there(const struct upstream *upstream)
{
    return error_new(ERROR_MACHINE, "there is nothing at '%.*s'", STR_FMT(upstream->url));
}

static struct upstream_mark mark_of(const struct pointer *pointer)
{
    return (struct upstream_mark){.etag = pointer->source.etag,
                                  .modified = pointer->source.modified,
                                  .bytes = pointer->artifact.size_bytes};
}

struct error *urls_import(struct session *session, const struct url_import *wanted,
                          struct url_outcome *ret)
{
    AUTO(upstream_drop) struct upstream upstream = {0};
    struct upstream_state state = {0};
    struct url_outcome outcome = {0};
    struct str cwd = path_join(session->arena, session->workspace.root, session->workspace.cwd);
    struct str path = {0};
    bool found = false;
    TRY(upstream_open(session->arena, &session->workspace, cwd, wanted->url, &upstream));
    struct url_origin origin = {.url = upstream.url, .last = upstream.last};
    TRY(urls_find_path(session, wanted, &origin, &path));
    TRY(urls_make_pointer(session, wanted, &origin, path, &outcome));
    TRY(upstream_look(session->arena, &upstream, &state, &found));
    if (!found)
        return nothing_there(&upstream);
    struct upstream_mark mark = mark_of(outcome.pointer);
    if (outcome.status == URL_ADDED || !upstream_same(&mark, &state))
        TRY(take(session, &upstream, &state, &outcome));
    else
        TRY(urls_write_pointer(session, outcome.pointer)); /* options may be new */
    *ret = outcome;
    return NULL;
}

/* --- update --- */

static FALLIBLE update_one(struct session *session, const struct url_update *wanted,
                           struct url_outcome *outcome)
{
    AUTO(upstream_drop) struct upstream upstream = {0};
    struct upstream_state state = {0};
    bool found = false;
    struct pointer *pointer = outcome->pointer;
    struct upstream_mark mark = mark_of(pointer);
    if (pointer->source.commit.len)
        return urls_update_git(session, wanted, outcome);
    TRY(upstream_open(session->arena, &session->workspace, session->workspace.root,
                      pointer->source.url, &upstream));
    TRY_WITHIN(upstream_look(session->arena, &upstream, &state, &found), "'%.*s'",
               STR_FMT(pointer->file));
    bool is_same = found && upstream_same(&mark, &state);
    outcome->status = !found ? URL_GONE : is_same ? URL_SAME : URL_OUTDATED;
    if (wanted->is_dry || outcome->status != URL_OUTDATED)
        return NULL;
    return take(session, &upstream, &state, outcome);
}

static FALLIBLE no_source(const struct pointer *pointer)
{
    return error_hint(error_new(ERROR_PROJECT, "'%.*s' was added here; it has no URL to ask",
                                STR_FMT(pointer->artifact.path)),
                      "after a change: mlops add %.*s", STR_FMT(pointer->artifact.path));
}

static void wish(struct session *session, struct pointer *pointer, bool is_named,
                 struct url_outcome_vec *ret)
{
    bool is_left = pointer->source.is_frozen && !is_named;
    *vec_push(session->arena, ret) =
        (struct url_outcome){.pointer = pointer, .status = is_left ? URL_FROZEN : URL_SAME};
}

static FALLIBLE choose_below(struct session *session, struct str path, struct url_outcome_vec *ret)
{
    struct pointer_vec below = {0};
    TRY(pointers_load_below(session->arena, &session->workspace, path, &below));
    size_t before = ret->len;
    for (size_t i = 0; i < below.len; i++)
        if (below.at[i]->source.url.len)
            wish(session, below.at[i], false, ret);
    if (ret->len > before || !path.len)
        return NULL;
    return error_hint(error_new(ERROR_PROJECT, "nothing in '%.*s' comes from elsewhere%.*s",
                                STR_FMT(path), STR_FMT(data_near(session, path, true))),
                      "'mlops import-url' and 'mlops import' bring what does");
}

/* What is named twice is asked once. */
static FALLIBLE choose_path(struct session *session, const struct url_update *wanted,
                            struct str path, struct url_outcome_vec *ret)
{
    struct pointer *pointer = NULL;
    if (path.len)
        TRY(pointers_find(session->arena, &session->workspace, path, &pointer));
    if (pointer && !str_equal(pointer->artifact.path, path))
        return error_hint(error_new(ERROR_PROJECT, "'%.*s' is a part of '%.*s'", STR_FMT(path),
                                    STR_FMT(pointer->artifact.path)),
                          "what comes from one URL is updated as a whole");
    if (!pointer)
        return choose_below(session, path, ret);
    if (!pointer->source.url.len)
        return no_source(pointer);
    if (wanted->rev.len && !pointer->source.commit.len)
        return error_new(ERROR_USAGE,
                         "--rev is of what comes from a git repository, and '%.*s' "
                         "comes from a URL",
                         STR_FMT(path));
    vec_each (const struct url_outcome, outcome, ret)
        if (str_equal(outcome->pointer->artifact.path, path))
            return NULL;
    wish(session, pointer, true, ret);
    return NULL;
}

/* Each by itself: what one lacks keeps no other from being updated. */
struct error *urls_update(struct session *session, const struct url_update *wanted,
                          struct url_outcome_vec *ret)
{
    struct error_list errors = {0};
    struct url_outcome_vec chosen = {0};
    for (size_t i = 0; i < wanted->count; i++)
        error_list_add(&errors, choose_path(session, wanted, wanted->paths[i], &chosen));
    TRY(error_list_take(&errors));
    if (!wanted->count)
        TRY(choose_below(session, STR(""), &chosen));
    vec_each (struct url_outcome, outcome, &chosen) {
        TRY(signal_check());
        if (outcome->status == URL_FROZEN)
            continue;
        struct error *error = update_one(session, wanted, outcome);
        if (error && error->code >= ERROR_SIGNAL)
            return error;
        if (error)
            outcome->status = URL_FAILED;
        error_list_add(&errors, error);
    }
    *ret = chosen;
    return error_list_take(&errors);
}
