#include "mlops/base/arena.h"
#include "mlops/cli/diff.h"
#include "mlops/cli/report_diff.h"
#include "mlops/cli/report_run.h"
#include "mlops/cli/view.h"
#include "mlops/model/gate.h"
#include "mlops/store/ledger.h"
#include "mlops/store/workspace.h"

#include "account_private.h"

/* --- what it is compared with ---------------------------------------------------------------- */

static FALLIBLE compare(struct account *account)
{
    struct diff_request request = {.all = true};
    TRY(diff_make(account->context, &request, &account->before, &account->view, &account->diff));
    return NULL;
}

/* The baseline that gates of the pipeline name; empty: none, or the pipeline can't be read now. */
static struct str gate_baseline(struct context *context, struct str pipeline_word)
{
    struct pipeline *pipeline = NULL;
    struct error *error = context_pipeline(context, pipeline_word, &pipeline);
    if (error) {
        error_drop(error);
        return (struct str){0};
    }
    vec_each (const struct stage, stage, &pipeline->stages)
        for (size_t i = 0; stage->gates && i < stage->gates->len; i++)
            if (stage->gates->at[i].baseline.len)
                return stage->gates->at[i].baseline;
    return (struct str){0};
}

static bool is_same_state(const struct account *account)
{
    const struct run *run = account->view.run, *before = account->before.run;
    return run && before &&
           (run->sequence == before->sequence || digest_equal(run->state, before->state));
}

/* A branch may only be at "origin", as in checkouts of CI. What can't be found is passed over. */
static FALLIBLE find_baseline(struct account *account, const struct account_wish *wish)
{
    struct context *context = account->context;
    struct str word = gate_baseline(context, wish->pipeline);
    if (!word.len || str_is(word, "run"))
        return NULL;
    struct error *error = view_find(context, word, wish->pipeline, &account->before);
    if (error && error->code < ERROR_SIGNAL) {
        error_drop(error);
        word = str_print(context->arena, "origin/%.*s", STR_FMT(word));
        error = view_find(context, word, wish->pipeline, &account->before);
    }
    account->has_before = !error;
    if (error && error->code < ERROR_SIGNAL) {
        context_notice(context, "the gates' baseline is not at hand: %s", error->text);
        error_drop(error);
        error = NULL;
    }
    return error;
}

static FALLIBLE find_run_before(struct account *account)
{
    struct ledger *ledger = NULL;
    struct run *before = NULL, *loaded = NULL;
    account->has_before = false;
    if (!account->view.run)
        return NULL;
    TRY(context_ledger(account->context, &ledger));
    TRY(ledger_run_before(ledger, account->context->arena, account->view.run, &before));
    if (!before)
        return NULL;
    TRY(ledger_load_run(ledger, account->context->arena, before->sequence, &loaded));
    account->has_before = true;
    return view_of_run(account->context, loaded, &account->before);
}

static FALLIBLE find_before(struct account *account, const struct account_wish *wish)
{
    if (wish->against.len) {
        account->has_before = true;
        TRY(view_find(account->context, wish->against, wish->pipeline, &account->before));
        return compare(account);
    }
    TRY(find_baseline(account, wish));
    if (account->has_before && !is_same_state(account))
        TRY(compare(account));
    bool is_told = account->has_before && !is_same_state(account) && !diff_is_empty(&account->diff);
    if (is_told)
        return NULL;
    TRY(find_run_before(account));
    return account->has_before ? compare(account) : NULL;
}

/* --- the verdict ----------------------------------------------------------------------------- */

static void add_part(struct buf *text, struct str part)
{
    if (part.len)
        buf_print(text, "%s%.*s", text->len ? "; " : "", STR_FMT(part));
}

/* One part for each stage that judged something; of many only those that said no. */
static bool add_checks(struct arena *arena, const struct run *run, struct buf *text)
{
    enum { TOLD_MOST = 3 };
    bool is_rejected = false;
    vec_each (const struct check_results, checks, &run->checks) {
        is_rejected = is_rejected || checks->is_rejected;
        if (checks->is_rejected || run->checks.len <= TOLD_MOST)
            add_part(text, str_print(arena, "%.*s: %.*s", STR_FMT(checks->stage),
                                     STR_FMT(check_results_print(arena, checks))));
    }
    return is_rejected;
}

/* "release: exited with status 3", of many the first. */
static void add_failures(struct arena *arena, const struct run *run, struct buf *text)
{
    enum { TOLD_MOST = 3 };
    size_t count = 0;
    vec_each (const struct run_stage, stage, &run->stages)
        if (account_is_failure(stage) && count++ < TOLD_MOST)
            add_part(text, str_print(arena, "%.*s: %.*s", STR_FMT(stage->stage),
                                     STR_FMT(account_failure(arena, stage))));
    if (count > TOLD_MOST)
        add_part(text, str_print(arena, "%zu more failed", count - TOLD_MOST));
}

static void conclude(struct account *account)
{
    struct arena *arena = account->context->arena;
    struct buf text = buf_in(arena);
    const struct run *run = account->view.run;
    account->tone = account->has_before ? report_diff_tone(account->diff.verdict) : TONE_PLAIN;
    if (run) {
        add_part(&text, str_of(run_status_name(run->status)));
        add_failures(arena, run, &text);
        bool is_rejected = add_checks(arena, run, &text);
        if (is_rejected || run->status != RUN_SUCCEEDED)
            account->tone = run_status_tone(is_rejected ? RUN_REJECTED : run->status);
        else if (account->tone == TONE_PLAIN)
            account->tone = TONE_GOOD;
    }
    add_part(&text, account->has_before ? account->diff.verdict_text
                                        : STR("nothing earlier to compare with"));
    account->verdict_text = buf_str(&text);
}

/* --- how to make it again -------------------------------------------------------------------- */

static void add_command(struct account *account, struct str line)
{
    *vec_push(account->context->arena, &account->commands) = line;
}

/* One word of a shell, whatever others have put into it. */
static struct str word_of_shell(struct arena *arena, struct str text)
{
    struct buf quoted = buf_in(arena);
    bool is_plain = text.len > 0;
    buf_add_char(&quoted, '\'');
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        is_plain = is_plain && c && (is_letter || strchr("0123456789@%+=:,./_-", c));
        if (c == '\'')
            buf_add_text(&quoted, "'\\'");
        buf_add_char(&quoted, c);
    }
    buf_add_char(&quoted, '\'');
    return is_plain ? text : buf_str(&quoted);
}

static FALLIBLE find_commands(struct account *account)
{
    struct arena *arena = account->context->arena;
    const struct code_state *code = &account->view.code;
    const struct run *run = account->view.run;
    struct workspace *workspace = NULL;
    TRY(context_workspace(account->context, &workspace));
    if (code->remote.len)
        add_command(account, str_print(arena, "git clone %.*s project && cd project",
                                       STR_FMT(word_of_shell(arena, code->remote))));
    if (code->commit.len)
        add_command(account, str_print(arena, "git checkout %.*s", STR_FMT(code->commit)));
    if (code->commit.len && code->is_dirty == 1)
        add_command(account,
                    STR("# and the uncommitted changes of that time (mlops diff --patch)"));
    add_command(account, workspace->config.remotes.len
                             ? STR("mlops pull")
                             : STR("mlops pull    # where a remote is configured"));
    bool is_usual = !run || str_is(run->pipeline, "pipeline.yaml");
    add_command(account, is_usual ? STR("mlops run")
                                  : str_print(arena, "mlops run %.*s",
                                              STR_FMT(word_of_shell(arena, run->pipeline))));
    return NULL;
}

/* Recipes know digests alone: how large inputs were is in the ledger. */
static FALLIBLE find_sizes(struct account *account)
{
    enum { ASKED_MOST = 1000 };
    struct ledger *ledger = NULL;
    if (!account->view.run)
        return NULL;
    TRY(context_ledger(account->context, &ledger));
    for (size_t i = 0; i < account->inputs.len && i < ASKED_MOST; i++) {
        struct graph_datum *datum = &account->inputs.at[i];
        struct ledger_io *found = NULL;
        size_t count = 0;
        if (datum->size_bytes || digest_is_zero(datum->dep->digest))
            continue;
        TRY(ledger_io(ledger, account->context->arena, datum->path, datum->dep->digest, &found,
                      &count));
        if (count)
            datum->size_bytes = found[0].artifact.size_bytes;
    }
    return NULL;
}

FALLIBLE account_make(struct context *context, const struct account_wish *wish, struct account *ret)
{
    *ret = (struct account){.context = context};
    struct str word = wish->word;
    if (!word.len)
        TRY(view_usual_word(context, &word));
    TRY(view_find(context, word, wish->pipeline, &ret->view));
    TRY(find_before(ret, wish));
    lineage_data(context->arena, &ret->view, &ret->inputs, &ret->outputs);
    TRY(find_sizes(ret));
    lineage_graph_of(context->arena, &ret->view, &ret->graph);
    if (!wish->wants_no_charts)
        TRY(curves_pictures(context, &ret->view, ret->has_before ? &ret->before : NULL,
                            wish->pipeline, &ret->pictures));
    TRY(find_commands(ret));
    conclude(ret);
    return NULL;
}
