#include "mlops/engine/lookup.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/engine/environment.h"
#include "mlops/store/results.h"

static const struct artifact *out_of(const struct result *result, struct str path)
{
    for (size_t i = 0; i < result->out_count; i++) {
        if (str_equal(result->outs[i].path, path))
            return &result->outs[i];
    }
    return NULL;
}

/* What it grows from is in the work tree only: it is never restored. */
static bool has_persisting(const struct stage *stage)
{
    bool persists = false;
    vec_each (struct output, output, &stage->outs)
        persists |= output->persists;
    return persists;
}

static FALLIBLE look_at_outs(struct session *session, const struct stage *stage,
                             struct artifact **ret)
{
    struct artifact *found = arena_new_array(session->arena, struct artifact, stage->outs.len);
    for (size_t i = 0; i < stage->outs.len; i++) {
        TRY_WITHIN(worktree_look(session->worktree, stage->outs.at[i].path, LOOK_OUT, &found[i]),
                   "output '%.*s' of stage '%.*s'", STR_FMT(stage->outs.at[i].written),
                   STR_FMT(stage->name));
        found[i].path = stage->outs.at[i].path;
    }
    *ret = found;
    return NULL;
}

/* Every output in the work tree is what the result says. */
static bool is_in_place(const struct stage *stage, const struct artifact *found,
                        const struct result *result)
{
    for (size_t i = 0; i < stage->outs.len; i++) {
        const struct artifact *out = out_of(result, stage->outs.at[i].path);
        if (!out || !artifact_equal(out, &found[i]))
            return false;
    }
    return true;
}

/* What is not in place can be taken from the store; or from elsewhere, as it is believed. */
static FALLIBLE is_restorable(struct session *session, const struct stage *stage,
                              const struct artifact *found, const struct result *result,
                              bool may_be_elsewhere, bool *ret)
{
    *ret = false;
    for (size_t i = 0; i < stage->outs.len; i++) {
        const struct artifact *out = out_of(result, stage->outs.at[i].path);
        if (!out)
            return NULL;
        if (artifact_equal(out, &found[i]))
            continue;
        bool is_there = result->is_promised || (may_be_elsewhere && out->is_stored);
        if (!is_there && out->is_stored && session->cas)
            TRY(worktree_can_restore(session->worktree, out, &is_there));
        if (!is_there)
            return NULL;
    }
    *ret = true;
    return NULL;
}

struct result *lookup_lock_result(struct session *session, const struct stage *stage)
{
    const struct lock_entry *entry = session_lock_entry(session, stage);
    if (!entry)
        return NULL;
    struct result *result = arena_new(session->arena, struct result);
    *result = (struct result){.is_promised = entry->is_promised,
                              .key = entry->key,
                              .stage = stage->name,
                              .outs = entry->outs,
                              .out_count = entry->out_count,
                              .metrics = entry->metrics,
                              .is_rejected = entry->is_rejected};
    return result;
}

static void add_reason(struct session *session, struct verdict *verdict, enum reason_part part,
                       struct str what, struct str after)
{
    *vec_push(session->arena, &verdict->reasons) =
        (struct reason){.part = part, .what = what, .after = after};
}

/* Which outputs are not what `result` says: the reason for a restore, or for a run without objects.
 */
static void explain_outs(struct session *session, const struct stage *stage,
                         const struct result *result, struct verdict *verdict)
{
    for (size_t i = 0; i < stage->outs.len; i++) {
        const struct artifact *out = out_of(result, stage->outs.at[i].path);
        const struct artifact *found = &verdict->found[i];
        if (out && artifact_equal(out, found))
            continue;
        add_reason(session, verdict, REASON_OUTPUT, stage->outs.at[i].path,
                   found->kind == ARTIFACT_ABSENT ? (struct str){0} : STR("changed"));
    }
}

static FALLIBLE nearest_recipe(struct session *session, const struct stage *stage,
                               struct recipe *ret, bool *ret_found)
{
    const struct lock_entry *entry = session_lock_entry(session, stage);
    if (entry) {
        *ret = entry->recipe;
        *ret_found = true;
        return NULL;
    }
    *ret_found = false;
    if (fd_number(session->workspace.state_fd) < 0)
        return NULL;
    struct ledger *ledger = NULL;
    TRY(session_ledger(session, &ledger));
    return ledger_last_recipe(ledger, session->arena, session->pipeline->path, stage->name, ret,
                              ret_found);
}

/* Why a result of this very key is not enough. */
static void explain_known(struct session *session, const struct stage *stage,
                          const struct result *known, const struct lookup_options *options,
                          struct verdict *verdict)
{
    if (known->is_rejected) {
        add_reason(session, verdict, REASON_REJECTED, stage->name, (struct str){0});
        return;
    }
    if (!verdict->reasons.len)
        explain_outs(session, stage, known, verdict);
    if (!options->no_restore && !has_persisting(stage))
        add_reason(session, verdict, REASON_NOT_STORED, stage->name, (struct str){0});
}

static FALLIBLE explain_recipe(struct session *session, const struct stage *stage,
                               const struct recipe *before, const struct fingerprint *fingerprint,
                               struct verdict *verdict)
{
    recipe_diff(session->arena, before, fingerprint->recipe, &verdict->reasons);
    return environment_explain(session, stage, before, &verdict->reasons);
}

static FALLIBLE explain_run(struct session *session, const struct stage *stage,
                            const struct fingerprint *fingerprint,
                            const struct lookup_options *options, const struct result *known,
                            struct verdict *verdict)
{
    bool is_callback = !stage->deps.len && !stage->outs.len && !stage->params.len;
    if (options->force)
        add_reason(session, verdict, REASON_FORCED, (struct str){0}, (struct str){0});
    if (stage->is_always_changed || is_callback)
        add_reason(session, verdict, REASON_ALWAYS, (struct str){0}, (struct str){0});
    struct recipe before;
    bool found = false, runs_anyway = verdict->reasons.len > 0;
    TRY(nearest_recipe(session, stage, &before, &found));
    if (found)
        TRY(explain_recipe(session, stage, &before, fingerprint, verdict));
    if (known && !runs_anyway)
        explain_known(session, stage, known, options, verdict);
    if (!verdict->reasons.len)
        add_reason(session, verdict, REASON_NEVER_RUN, stage->name, (struct str){0});
    return NULL;
}

/* Known results of the key: the lock's entry first, then those of the store, newest first. */
struct known_results {
    struct result *from_lock;
    struct result_ref *stored;
    size_t stored_count;
};

static FALLIBLE choose_restorable(struct session *session, const struct stage *stage,
                                  const struct known_results *known, bool may_be_elsewhere,
                                  struct verdict *verdict)
{
    bool can = false;
    for (size_t i = 0; i < known->stored_count && !can; i++) {
        if (known->stored[i].value.is_rejected)
            continue;
        TRY(is_restorable(session, stage, verdict->found, &known->stored[i].value, may_be_elsewhere,
                          &can));
        if (can) {
            verdict->result = &known->stored[i].value;
            verdict->result_id = known->stored[i].id;
        }
    }
    if (!can && known->from_lock) {
        TRY(is_restorable(session, stage, verdict->found, known->from_lock, may_be_elsewhere,
                          &can));
        verdict->result = can ? known->from_lock : NULL;
    }
    if (can)
        verdict->kind = VERDICT_RESTORE;
    return NULL;
}

static FALLIBLE choose(struct session *session, const struct stage *stage,
                       const struct known_results *known, const struct lookup_options *options,
                       struct verdict *verdict)
{
    for (size_t i = 0; i < known->stored_count; i++) {
        struct result *result = &known->stored[i].value;
        if (!result->is_rejected && is_in_place(stage, verdict->found, result)) {
            verdict->kind = VERDICT_UNCHANGED;
            verdict->result = result;
            verdict->result_id = known->stored[i].id;
            return NULL;
        }
    }
    if (options->no_restore || has_persisting(stage))
        return NULL;
    TRY(choose_restorable(session, stage, known, false, verdict));
    bool looks_on = verdict->kind == VERDICT_RUN && options->may_be_elsewhere;
    return looks_on ? choose_restorable(session, stage, known, true, verdict) : NULL;
}

/* What changed since the stage's last success; if nothing did, the outputs did. */
static FALLIBLE explain_restore(struct session *session, const struct stage *stage,
                                const struct fingerprint *fingerprint, struct verdict *verdict)
{
    struct recipe before;
    bool found = false;
    if (!stage->is_frozen)
        TRY(nearest_recipe(session, stage, &before, &found));
    if (found)
        TRY(explain_recipe(session, stage, &before, fingerprint, verdict));
    if (!verdict->reasons.len)
        explain_outs(session, stage, verdict->result, verdict);
    return NULL;
}

static FALLIBLE find_known(struct session *session, const struct stage *stage, struct digest key,
                           struct result *from_lock, struct verdict *verdict, bool *ret_done,
                           struct known_results *ret)
{
    bool lock_fits = from_lock && !from_lock->is_rejected && digest_equal(from_lock->key, key);
    *ret = (struct known_results){.from_lock = lock_fits ? from_lock : NULL};
    *ret_done = lock_fits && is_in_place(stage, verdict->found, from_lock);
    if (*ret_done) {
        verdict->kind = VERDICT_UNCHANGED;
        verdict->result = from_lock;
        return NULL;
    }
    if (fd_number(session->workspace.cache_fd) < 0)
        return NULL;
    return results_find(session->arena, &session->workspace, key, &ret->stored, &ret->stored_count);
}

/* The one to compare with: a rejection only if there is nothing else. */
static const struct result *best_known(const struct known_results *known)
{
    if (known->from_lock)
        return known->from_lock;
    for (size_t i = 0; i < known->stored_count; i++) {
        if (!known->stored[i].value.is_rejected)
            return &known->stored[i].value;
    }
    return known->stored_count ? &known->stored[0].value : NULL;
}

struct error *lookup_stage(struct session *session, const struct stage *stage,
                           const struct fingerprint *fingerprint,
                           const struct lookup_options *options, bool explain, struct verdict *ret)
{
    struct verdict verdict = {.kind = VERDICT_RUN};
    TRY(look_at_outs(session, stage, &verdict.found));
    bool is_callback = !stage->deps.len && !stage->outs.len && !stage->params.len;
    bool always = (stage->is_always_changed || is_callback) && !options->only_known;
    bool must_run = options->force || always;
    must_run = must_run && !stage->is_frozen;
    struct result *from_lock = lookup_lock_result(session, stage);
    struct digest key = stage->is_frozen && from_lock ? from_lock->key : fingerprint->key;
    struct known_results known = {0};
    if (!must_run) {
        bool done = false;
        TRY(find_known(session, stage, key, from_lock, &verdict, &done, &known));
        if (!done)
            TRY(choose(session, stage, &known, options, &verdict));
    }
    if (verdict.kind == VERDICT_RUN && explain) {
        TRY(explain_run(session, stage, fingerprint, options, best_known(&known), &verdict));
    }
    if (verdict.kind == VERDICT_RESTORE && explain)
        TRY(explain_restore(session, stage, fingerprint, &verdict));
    *ret = verdict;
    return NULL;
}

static bool has_outs(const struct result *result, const struct result *known)
{
    bool is_equal = result->out_count == known->out_count;
    for (size_t i = 0; is_equal && i < known->out_count; i++)
        is_equal = artifact_equal(&result->outs[i], &known->outs[i]);
    return is_equal;
}

/* It may have been made when a file was an output like others, and is metrics by now. */
static bool has_metrics(const struct result *result, const struct result *known)
{
    for (size_t i = 0; i < known->out_count; i++) {
        struct str path = known->outs[i].path;
        if (metrics_have_file(&known->metrics, path) && !metrics_have_file(&result->metrics, path))
            return false;
    }
    return true;
}

/* The stored result that the lock's entry describes; one is made where the store has none (a fresh
 * clone whose outputs came with it). */
struct error *lookup_lock_ref(struct session *session, const struct stage *stage,
                              struct result_ref *ret)
{
    const struct lock_entry *entry = session_lock_entry(session, stage);
    struct result *known = lookup_lock_result(session, stage);
    struct result_ref *stored = NULL;
    size_t count = 0;
    TRY(results_find(session->arena, &session->workspace, known->key, &stored, &count));
    for (size_t i = 0; i < count; i++) {
        if (has_outs(&stored[i].value, known) && has_metrics(&stored[i].value, known)) {
            *ret = stored[i];
            return NULL;
        }
    }
    struct buf recipe = buf_in(session->arena);
    recipe_encode(&entry->recipe, &recipe);
    known->recipe = buf_str(&recipe);
    ret->value = *known;
    AUTO(arena_drop) struct arena scratch = {0};
    return results_put(&scratch, &session->workspace, known, &ret->id);
}

struct error *lookup_adopt(struct session *session, const struct stage *stage)
{
    struct result_ref unused;
    return lookup_lock_ref(session, stage, &unused);
}
