#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/engine/lookup.h"
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"
#include "mlops/model/checks.h"
#include "mlops/store/results.h"

#include <stdlib.h>

#include "run_private.h"

static void count_outcome(struct run_counts *counts, enum stage_status status)
{
    switch (status) {
    case STATUS_UNCHANGED:
        counts->unchanged++;
        break;
    case STATUS_RESTORED:
    case STATUS_WOULD_RESTORE:
        counts->restored++;
        break;
    case STATUS_EXECUTED:
    case STATUS_WOULD_RUN:
        counts->executed++;
        break;
    case STATUS_FAILED:
        counts->failed++;
        break;
    case STATUS_REJECTED:
        counts->rejected++;
        break;
    case STATUS_UNCONFIRMED:
        counts->unconfirmed++;
        break;
    case STATUS_SKIPPED:
        counts->skipped++;
        break;
    case STATUS_INTERRUPTED:
        counts->interrupted++;
        break;
    case STATUS_WAITING:
    case STATUS_UNKNOWN:
        break;
    }
}

static void count_all(struct run_state *state)
{
    struct run *run = state->run;
    struct worktree_counts work = worktree_counts(state->session->worktree);
    run->counts = (struct run_counts){.stages = state->total,
                                      .hashed_files = work.hashed_files,
                                      .hashed_bytes = work.hashed_bytes};
    for (size_t i = 0; i < state->session->pipeline->stages.len; i++) {
        const struct outcome *outcome = &state->outcomes[i];
        const struct validation *validation = state->session->pipeline->stages.at[i].validation;
        count_outcome(&run->counts, outcome->status);
        if (validation && outcome->checks && outcome->usage.attempts)
            run->counts.measured_tables += (int)validation->tables.len;
        if (outcome->status == STATUS_UNCHANGED || outcome->status == STATUS_RESTORED)
            run->saved_ns += outcome->saved_ns;
    }
}

static enum run_status run_status_of(const struct run_state *state)
{
    const struct run_counts *counts = &state->run->counts;
    if (state->stop_count || counts->interrupted)
        return RUN_INTERRUPTED;
    if (counts->failed)
        return RUN_FAILED;
    if (counts->rejected)
        return RUN_REJECTED;
    if (counts->unconfirmed)
        return RUN_UNCONFIRMED;
    return counts->skipped && !state->options->only_known ? RUN_FAILED : RUN_SUCCEEDED;
}

/* The ledger learns of a result that it has not seen made. */
static FALLIBLE adopt(struct run_state *state, const struct stage *stage, struct digest *ret_id)
{
    struct session *session = state->session;
    struct lock_entry *entry = session_lock_entry(session, stage);
    struct result_ref *found = arena_new(session->arena, struct result_ref);
    TRY(lookup_lock_ref(session, stage, found));
    struct outcome *outcome = arena_new(session->arena, struct outcome);
    *outcome = (struct outcome){.stage = stage,
                                .status = STATUS_UNCHANGED,
                                .key = entry->key,
                                .recipe = &entry->recipe,
                                .value = &found->value,
                                .result = found->id};
    recorder_adopt(state->recorder, outcome);
    *ret_id = found->id;
    return NULL;
}

static FALLIBLE state_entry_of(struct run_state *state, const struct map *earlier, size_t index,
                               struct state_entry *ret)
{
    struct session *session = state->session;
    const struct outcome *outcome = &state->outcomes[index];
    const struct stage *stage = &session->pipeline->stages.at[index];
    const struct lock_entry *entry = session_lock_entry(session, stage);
    *ret = (struct state_entry){.stage = stage->name, .key = outcome->key};
    bool is_success = outcome->status == STATUS_EXECUTED || outcome->status == STATUS_RESTORED ||
                      outcome_is_judged(outcome);
    if (is_success && !digest_is_zero(outcome->result)) {
        ret->result = outcome->result;
        return NULL;
    }
    /* What failed or was skipped left the earlier outputs in place. */
    bool is_replaced = outcome->status == STATUS_REJECTED || outcome->status == STATUS_UNCONFIRMED;
    if (is_replaced || !entry)
        return NULL;
    ret->key = entry->key;
    const struct state_entry *before = map_get(earlier, stage->name);
    bool is_as_before = before && !state->steps[index].is_completed &&
                        digest_equal(before->key, entry->key) && !digest_is_zero(before->result) &&
                        outcome->status != STATUS_RESTORED;
    if (is_as_before) {
        ret->result = before->result;
        return NULL;
    }
    return adopt(state, stage, &ret->result);
}

static int entry_compare(const void *a, const void *b)
{
    return str_compare(((const struct state_entry *)a)->stage,
                       ((const struct state_entry *)b)->stage);
}

/* The state of the newest run that left the lock as it is now, by stage. */
static FALLIBLE load_earlier(struct run_state *state, struct ledger *ledger, struct map *ret)
{
    struct arena *arena = state->session->arena;
    struct run *run = NULL;
    TRY(ledger_run_of_lock(ledger, arena, session_lock_digest(state->session), &run));
    if (!run)
        return NULL;
    struct state earlier;
    bool found = false;
    TRY(ledger_load_state(ledger, arena, run->state, &earlier, &found));
    for (size_t i = 0; found && i < earlier.count; i++)
        map_put(arena, ret, earlier.entries[i].stage, &earlier.entries[i]);
    return NULL;
}

static FALLIBLE state_make(struct run_state *state, struct ledger *ledger, struct state *ret)
{
    struct session *session = state->session;
    size_t count = session->pipeline->stages.len;
    struct map earlier = {0};
    TRY(load_earlier(state, ledger, &earlier));
    struct state made = {.entries = arena_new_array(session->arena, struct state_entry, count),
                         .count = count};
    for (size_t i = 0; i < count; i++)
        TRY(state_entry_of(state, &earlier, i, &made.entries[i]));
    if (count > 1)
        qsort(made.entries, count, sizeof *made.entries, entry_compare);
    TRY(results_flush(&session->workspace));
    *ret = made;
    return NULL;
}

/* Commit and branch of a run that executed nothing: cached, since loading git costs more than such
 * a run. */
static FALLIBLE note_code_cheaply(struct run_state *state)
{
    struct session *session = state->session;
    struct code_state *code = &state->run->code;
    struct str key;
    struct str blob = {0};
    TRY(vcs_fingerprint(session->arena, session->workspace.root, &key));
    if (!key.len)
        return NULL;
    if (index_blob(session->index, session->arena, STR("vcs"), key, &blob)) {
        str_split(&blob, '\n', &code->commit);
        str_split(&blob, '\n', &code->branch);
        code->remote = blob;
        return NULL;
    }
    struct vcs *vcs = NULL;
    TRY(session_vcs(session, &vcs));
    if (!vcs)
        return NULL;
    TRY(vcs_head(vcs, session->arena, &code->commit, &code->branch));
    TRY(vcs_remote(vcs, session->arena, &code->remote));
    index_set_blob(session->index, STR("vcs"), key,
                   str_print(session->arena, "%.*s\n%.*s\n%.*s", STR_FMT(code->commit),
                             STR_FMT(code->branch), STR_FMT(code->remote)));
    return NULL;
}

/* Of which files every stage succeeded. */
static const bool *complete_files(const struct run_state *state)
{
    const struct session *session = state->session;
    const struct pipeline_file_vec *files = &session->pipeline->files;
    bool *complete = arena_new_array(session->arena, bool, files->len);
    vec_each (const struct pipeline_file, file, files)
        complete[file->index] = state->run->status == RUN_SUCCEEDED;
    vec_each (const struct stage, stage, &session->pipeline->stages) {
        if (!session->plan.stages[stage->index].is_selected)
            complete[stage->file->index] = false;
    }
    return complete;
}

static FALLIBLE record_end(struct run_state *state)
{
    struct session *session = state->session;
    struct ledger *ledger = NULL;
    if (!state->has_begun && !state->options->code)
        error_drop(note_code_cheaply(state)); /* told when something is executed */
    if (state->has_begun)                     /* else what was judged is recorded with the end */
        TRY(recorder_flush(state->recorder));
    TRY(session_ledger(session, &ledger));
    struct state made;
    TRY(state_make(state, ledger, &made));
    const struct run_counts *counts = &state->run->counts;
    bool is_complete = state->run->status == RUN_SUCCEEDED &&
                       (size_t)counts->stages == session->pipeline->stages.len;
    TRY(run_heal_end(state, is_complete));
    TRY(recorder_finish(state->recorder, &made, complete_files(state)));
    state->displaced += recorder_displaced(state->recorder);
    return NULL;
}

void run_sum_up(struct run_state *state)
{
    count_all(state);
    state->run->status = run_status_of(state);
    state->run->duration_ns = clock_monotonic_ns() - state->begun_ns;
}

struct error *run_end(struct run_state *state, struct run_report *ret)
{
    struct run *run = state->run;
    run_sum_up(state);
    if (!state->options->dry)
        TRY(record_end(state));
    if (!state->options->dry)
        run_note_templates(state);
    int exit_status = state->exit_status;
    if (state->stop_count)
        exit_status = ERROR_SIGNAL + signal_first();
    *ret = (struct run_report){.run = run,
                               .outcomes = state->outcomes,
                               .count = state->session->pipeline->stages.len,
                               .exit_status = exit_status,
                               .displaced = state->displaced,
                               .work = worktree_counts(state->session->worktree)};
    if (!state->options->dry)
        run_note_saving(state, ret);
    struct event event = {.kind = EVENT_RUN_FINISHED, .run = run};
    observer_tell(state->session->observer, &event);
    return NULL;
}
