/* `run --pull`: the plan says what is not here, the remote gives it, and the plan is made again,
 * since what follows is known only then. */
#include "mlops/cli/transfer_run.h"

#include "mlops/base/arena.h"
#include "mlops/cli/transfer.h"
#include "mlops/store/pointers.h"
#include "mlops/store/results.h"

VEC(key_vec, struct digest);

/* What one plan lacks. */
struct lacking {
    struct arena *arena;
    struct transfer_root_vec roots;
    struct key_vec keys; /* of stages that would run: a trusted remote may know their results */
};

static struct str remote_of(const struct session *session, const struct stage *stage,
                            struct str path)
{
    vec_each (const struct output, output, &stage->outs)
        if (str_equal(output->path, path) && output->remote.len)
            return output->remote;
    return session->pipeline->remote;
}

static void add_outs(struct lacking *lacking, const struct session *session,
                     const struct outcome *outcome, const struct artifact *outs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (outs[i].is_stored && outs[i].kind != ARTIFACT_ABSENT)
            *vec_push(lacking->arena, &lacking->roots) = (struct transfer_root){
                .artifact = outs[i],
                .named_by = outcome->stage->name,
                .remote =
                    str_copy(lacking->arena, remote_of(session, outcome->stage, outs[i].path))};
}

/* A result of this very recipe is known, by the lock file or the store; its outputs are not here.
 */
static FALLIBLE add_known(struct lacking *lacking, struct session *session,
                          const struct outcome *outcome)
{
    const struct lock_entry *entry = session_lock_entry(session, outcome->stage);
    struct result_ref *refs = NULL;
    size_t count = 0;
    if (entry && digest_equal(entry->key, outcome->key)) {
        add_outs(lacking, session, outcome, entry->outs, entry->out_count);
        return NULL;
    }
    if (fd_number(session->workspace.cache_fd) >= 0)
        TRY(results_find(lacking->arena, &session->workspace, outcome->key, &refs, &count));
    if (count)
        add_outs(lacking, session, outcome, refs[0].value.outs, refs[0].value.out_count);
    return NULL;
}

/* An input that is not here and that a pointer tracks. */
static FALLIBLE add_input(struct lacking *lacking, struct session *session, struct str path)
{
    struct pointer *pointer = NULL;
    TRY(pointers_find(lacking->arena, &session->workspace, path, &pointer));
    if (!pointer)
        return NULL;
    bool is_part = !str_equal(pointer->artifact.path, path);
    *vec_push(lacking->arena, &lacking->roots) =
        (struct transfer_root){.artifact = pointer->artifact,
                               .named_by = pointer->file,
                               .below = is_part ? str_copy(lacking->arena, path) : STR("")};
    return NULL;
}

static FALLIBLE add_outcome(struct lacking *lacking, struct session *session,
                            const struct outcome *outcome)
{
    if (outcome->status != STATUS_WOULD_RUN)
        return NULL;
    bool is_known = false;
    vec_each (const struct reason, reason, &outcome->reasons)
        is_known |= reason->part == REASON_NOT_STORED;
    if (is_known)
        TRY(add_known(lacking, session, outcome));
    const struct recipe *recipe = outcome->recipe;
    for (size_t i = 0; recipe && i < recipe->dep_count; i++)
        if (recipe->deps[i].kind == ARTIFACT_ABSENT)
            TRY(add_input(lacking, session, recipe->deps[i].path));
    if (!is_known && !digest_is_zero(outcome->key))
        *vec_push(lacking->arena, &lacking->keys) = outcome->key;
    return NULL;
}

static FALLIBLE find_lacking(struct context *context, const struct stage_words *words,
                             struct lacking *lacking)
{
    AUTO(session_drop) struct session session = {0};
    struct stage_words looking = *words;
    struct run_report report = {0};
    struct run_options options = {.dry = true, .takes_missing = true};
    looking.is_read_only = true;
    looking.observer = NULL; /* what the run itself will tell */
    TRY(stages_open(context, &looking, &session));
    TRY(run_plan(&session, &options, &report));
    for (size_t i = 0; i < report.count; i++)
        TRY(add_outcome(lacking, &session, &report.outcomes[i]));
    return NULL;
}

static FALLIBLE fetch_results(struct data_shell *shell, const struct transfer_command *command,
                              const struct key_vec *keys, int64_t *ret_count)
{
    AUTO(transfer_trust_drop) struct transfer_trust trust = {0};
    AUTO(depot_drop) struct depot *depot = NULL;
    const struct workspace *workspace = &shell->session.workspace;
    struct remote *remote = NULL;
    TRY(remotes_find(shell->session.arena, workspace, command->remote, &remote));
    TRY(transfer_trust_open(shell->session.arena, remote, &trust));
    if (!transfer_trusts_some(&trust))
        return NULL;
    TRY(transfer_connect(shell, command, remote, AIM_READ, &depot));
    vec_each (const struct digest, key, keys)
        TRY(transfer_fetch_results(workspace, depot, &trust, *key, ret_count));
    return results_flush(workspace);
}

/* *ret_gained: something came that the plan may make use of. */
static FALLIBLE fetch_lacking(struct context *context, const struct lacking *lacking,
                              struct str name, bool *ret_gained)
{
    AUTO(data_close) struct data_shell shell = {0};
    struct transfer_command command = {.remote = name};
    struct transfer_report report = {0};
    int64_t results = 0;
    TRY(data_open(context, false, &shell));
    if (lacking->keys.len)
        TRY(fetch_results(&shell, &command, &lacking->keys, &results));
    TRY(transfer_fetch_parts(&shell, &command, &lacking->roots, &report));
    *ret_gained = report.counts.objects > 0 || results > 0;
    return NULL;
}

FALLIBLE transfer_pull_for_run(struct context *context, const struct stage_words *words,
                               struct str remote)
{
    bool has_gained = true;
    while (has_gained) {
        struct lacking lacking = {.arena = context->arena};
        has_gained = false;
        TRY(find_lacking(context, words, &lacking));
        if (lacking.roots.len || lacking.keys.len)
            TRY(fetch_lacking(context, &lacking, remote, &has_gained));
    }
    return NULL;
}
