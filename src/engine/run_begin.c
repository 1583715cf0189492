#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/engine/code.h"
#include "mlops/model/name.h"
#include "mlops/store/pointers.h"

#include <stdlib.h>

#include "run_private.h"

/* The diff of a dirty tree becomes an object: a run can be reproduced without a commit. At once,
 * since the store is held until it is flushed, and gc should not wait for the first stage's end. */
static FALLIBLE note_code(struct run_state *state)
{
    struct session *session = state->session;
    struct code_state *code = &state->run->code;
    struct str patch = {0};
    if (state->options->code)
        return NULL;
    TRY(code_examine(session, code, &patch));
    if (code->is_dirty != 1)
        return NULL;
    TRY(cas_put_bytes(session->cas, patch, &code->patch));
    return cas_flush(session->cas);
}

/* What a stage makes is tracked by the lock file; a pointer would say something else. */
static FALLIBLE refuse_pointed(struct run_state *state)
{
    struct session *session = state->session;
    struct error_list errors = {0};
    vec_each (struct stage, stage, &session->pipeline->stages) {
        vec_each (struct output, output, &stage->outs) {
            AUTO(arena_drop) struct arena arena = {0};
            struct pointer *pointer = NULL;
            TRY(pointers_find(&arena, &session->workspace, output->path, &pointer));
            if (!pointer)
                continue;
            struct error *error = doc_error(output->node, "output '%.*s' is tracked by %.*s, too",
                                            STR_FMT(output->written), STR_FMT(pointer->file));
            error_list_add(&errors,
                           error_hint(error, "mlops remove %.*s", STR_FMT(pointer->artifact.path)));
        }
    }
    return error_list_take(&errors);
}

/* A repository that can't be read (another owner, a format libgit2 does not know) is no reason not
 * to run: the run is recorded without the state of the code, and says so. */
static void go_without_vcs(struct run_state *state, struct error *error)
{
    struct session *session = state->session;
    AUTO(buf_drop) struct buf text = {0};
    error_print(error, &text);
    error_drop(error);
    vcs_drop(&session->vcs);
    state->run->code = (struct code_state){.is_dirty = -1};
    struct event event = {.kind = EVENT_WARNING,
                          .text = str_print(session->arena,
                                            "recorded without the state of the code: %.*s",
                                            STR_FMT(str_trim(buf_str(&text))))};
    observer_tell(session->observer, &event);
}

struct error *run_begin(struct run_state *state)
{
    if (state->has_begun)
        return NULL;
    struct session *session = state->session;
    struct ledger *ledger = NULL;
    struct error *error = note_code(state);
    if (error)
        go_without_vcs(state, error);
    if (!session->workspace.is_work_dir) /* else it was asked when the snapshot was taken */
        TRY(code_refuse_outputs(session));
    TRY(refuse_pointed(state));
    TRY(session_ledger(session, &ledger));
    state->run->counts.stages = state->total; /* of a run that is killed nothing else is known */
    TRY(ledger_begin_run(ledger, state->run));
    TRY(ledger_durations(ledger, session->arena, session->pipeline->path, &state->durations));
    state->has_begun = true;
    return NULL;
}
