#include "mlops/engine/baseline.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/model/name.h"

#include "baseline_private.h"

/* --- metrics --- */

static FALLIBLE add_metrics(struct session *session, const struct artifact *out,
                            struct evaluated *side)
{
    struct str bytes = {0};
    bool found = false;
    TRY(baseline_read(session, side->commit, out->path, out->digest, LIMIT_JSON_BYTES, &bytes,
                      &found));
    if (!found)
        return error_hint(error_new(ERROR_MACHINE,
                                    "what '%.*s' measured, '%.*s', is neither in git nor in the "
                                    "store",
                                    STR_FMT(side->title), STR_FMT(out->path)),
                          "'mlops fetch --all-commits' brings what a remote has of it");
    struct error *error = metrics_parse(session->arena, out->path, bytes, &side->metrics);
    return error ? error_recode(error_within(error, "metrics of '%.*s'", STR_FMT(side->title)),
                                ERROR_MACHINE)
                 : NULL;
}

/* Those files that are metrics of the stage as it is now. */
static FALLIBLE complete_metrics(struct session *session, const struct stage *stage,
                                 struct evaluated *side)
{
    vec_each (const struct output, output, &stage->outs) {
        for (size_t i = 0; output->category == OUT_METRICS && i < side->out_count; i++) {
            const struct artifact *out = &side->outs[i];
            bool is_asked = str_equal(out->path, output->path) && out->kind == ARTIFACT_FILE &&
                            !metrics_have_file(&side->metrics, out->path);
            if (is_asked)
                TRY(add_metrics(session, out, side));
        }
    }
    return NULL;
}

/* --- runs --- */

static FALLIBLE take_result(struct session *session, const struct result *result,
                            struct evaluated *ret)
{
    ret->recipe = arena_new(session->arena, struct recipe);
    TRY(recipe_decode(session->arena, result->recipe, ret->recipe));
    ret->outs = result->outs;
    ret->out_count = result->out_count;
    ret->metrics = result->metrics;
    return NULL;
}

static FALLIBLE find_last(struct session *session, const struct stage *stage, int64_t sequence,
                          struct evaluated *ret, enum baseline_found *ret_found)
{
    struct ledger *ledger = NULL;
    struct result *result = arena_new(session->arena, struct result);
    struct str run = {0};
    bool found = false;
    *ret_found = BASELINE_FIRST;
    TRY(session_ledger(session, &ledger));
    TRY(ledger_last_good(ledger, session->arena, session->pipeline->path, stage->name, sequence,
                         result, &run, &found));
    if (!found)
        return NULL;
    ret->title = str_print(session->arena, "run %.*s", STR_FMT(ulid_short(run)));
    *ret_found = BASELINE_FOUND;
    return take_result(session, result, ret);
}

static struct digest result_in(const struct state *state, struct str stage)
{
    for (size_t i = 0; i < state->count; i++) {
        if (str_equal(state->entries[i].stage, stage))
            return state->entries[i].result;
    }
    return (struct digest){0};
}

static bool visited(const struct run *run, struct str stage)
{
    vec_each (const struct run_stage, one, &run->stages) {
        if (str_equal(one->stage, stage))
            return true;
    }
    return false;
}

/* The project after the run has no such stage: a first run, unless it is there and did not end
 * well, or the run was one of another pipeline. */
static FALLIBLE refuse_other(struct session *session, const struct stage *stage,
                             const struct run *run, struct str title)
{
    struct ledger *ledger = NULL;
    struct run *whole = NULL;
    struct error *error = NULL;
    TRY(session_ledger(session, &ledger));
    TRY(ledger_load_run(ledger, session->arena, run->sequence, &whole));
    if (visited(whole, stage->name))
        error = error_new(ERROR_MACHINE, "in '%.*s' the stage '%.*s' did not end well",
                          STR_FMT(title), STR_FMT(stage->name));
    else if (!str_equal(run->pipeline, session->pipeline->path))
        error = error_new(ERROR_MACHINE, "'%.*s' ran '%.*s', which has no stage '%.*s'",
                          STR_FMT(title), STR_FMT(run->pipeline), STR_FMT(stage->name));
    return error ? error_hint(error, "name another baseline; 'mlops runs' lists runs") : NULL;
}

static FALLIBLE find_in_run(struct session *session, const struct stage *stage,
                            const struct run *run, struct evaluated *ret,
                            enum baseline_found *ret_found)
{
    struct arena *arena = session->arena;
    struct ledger *ledger = NULL;
    struct state state = {0};
    struct result *result = arena_new(arena, struct result);
    bool has_state = false, found = false;
    ret->title = str_print(arena, "run %.*s", STR_FMT(ulid_short(run->id)));
    TRY(session_ledger(session, &ledger));
    TRY(ledger_load_state(ledger, arena, run->state, &state, &has_state));
    struct digest id = result_in(&state, stage->name);
    *ret_found = BASELINE_FIRST;
    if (has_state && digest_is_zero(id))
        return refuse_other(session, stage, run, ret->title);
    if (has_state)
        TRY(ledger_load_result(ledger, arena, id, result, &found));
    if (!found)
        return error_hint(error_new(ERROR_MACHINE,
                                    "what '%.*s' left is not recorded: it did not end well",
                                    STR_FMT(ret->title)),
                          "name another baseline; 'mlops runs' lists runs");
    *ret_found = BASELINE_FOUND;
    return take_result(session, result, ret);
}

/* --- both --- */

static FALLIBLE tell_ambiguous(struct session *session, struct str word, const struct run *runs,
                               size_t count, struct str commit)
{
    struct buf text = buf_in(session->arena);
    for (size_t i = 0; i < count; i++)
        buf_print(&text, "%srun %.*s", i ? ", " : "", STR_FMT(runs[i].id));
    if (commit.len)
        buf_print(&text, ", git commit %.*s", STR_FMT(str_slice(commit, 0, 12)));
    return error_hint(error_new(ERROR_MACHINE, "the baseline '%.*s' may mean: %.*s", STR_FMT(word),
                                STR_FMT(buf_str(&text))),
                      "write more of the one you mean");
}

static FALLIBLE find_word(struct session *session, const struct stage *stage, struct str word,
                          int64_t sequence, struct evaluated *ret, enum baseline_found *ret_found)
{
    struct ledger *ledger = NULL;
    struct run *runs = NULL;
    struct str commit = {0};
    size_t count = 0;
    TRY(session_ledger(session, &ledger));
    TRY(ledger_find_runs(ledger, session->arena, word, &runs, &count));
    TRY(baseline_commit(session, word, &commit));
    if (count + (commit.len > 0) > 1)
        return tell_ambiguous(session, word, runs, count, commit);
    if (count && runs->sequence == sequence)
        return error_hint(
            error_new(ERROR_MACHINE, "the baseline '%.*s' is this very run", STR_FMT(word)),
            "'@~1' is the run before whose state differs");
    if (count)
        return find_in_run(session, stage, runs, ret, ret_found);
    if (!commit.len)
        return baseline_unknown(session, word);
    return baseline_in_revision(session, stage, word, commit, ret, ret_found);
}

FALLIBLE baseline_find(struct session *session, const struct stage *stage, struct str word,
                       int64_t sequence, struct evaluated *ret, enum baseline_found *ret_found)
{
    *ret = (struct evaluated){0};
    TRY(word.len ? find_word(session, stage, word, sequence, ret, ret_found)
                 : find_last(session, stage, sequence, ret, ret_found));
    return *ret_found == BASELINE_FOUND ? complete_metrics(session, stage, ret) : NULL;
}
