/* `run --pull`: the plan says what is not here, the remote gives it, and the plan is made again,
 * since what follows is known only then. */
#include "mlops/cli/transfer_run.h"

#include "mlops/base/arena.h"
#include "mlops/cli/transfer.h"
#include "mlops/codec/glob.h"
#include "mlops/engine/import.h"
#include "mlops/model/name.h"
#include "mlops/store/pointers.h"
#include "mlops/store/results.h"

#include <sys/stat.h>

VEC(key_vec, struct digest);

/* What one plan lacks. */
struct lacking {
    struct arena *arena;
    bool hopes; /* that results come: inputs are not wanted yet */
    bool is_minimal;
    const struct map *lost; /* stages whose known outputs are nowhere */
    struct transfer_root_vec roots;
    struct dvc_tracked_vec tracked; /* by DVC */
    bool places_tracked;            /* the run does not bring it back by itself */
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
                     const struct stage *stage, const struct artifact *outs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (outs[i].is_stored && outs[i].kind != ARTIFACT_ABSENT)
            *vec_push(lacking->arena, &lacking->roots) = (struct transfer_root){
                .artifact = outs[i],
                .named_by = stage->name,
                .remote = str_copy(lacking->arena, remote_of(session, stage, outs[i].path))};
}

/* Those that are neither in the work tree nor in the store. */
static FALLIBLE add_absent(struct lacking *lacking, struct session *session,
                           const struct stage *stage, const struct artifact *outs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct artifact *out = &outs[i];
        struct artifact found = {0};
        bool is_here = !out->is_stored || out->kind == ARTIFACT_ABSENT;
        if (!is_here)
            TRY(worktree_look(session->worktree, out->path, LOOK_OUT, &found));
        is_here = is_here || artifact_equal(out, &found);
        if (!is_here && session->cas)
            TRY(worktree_can_restore(session->worktree, out, &is_here));
        if (!is_here)
            add_outs(lacking, session, stage, out, 1);
    }
    return NULL;
}

static FALLIBLE add_absent_outs(struct lacking *lacking, struct session *session,
                                const struct outcome *outcome)
{
    const struct result *result = outcome->value;
    return result && !result->is_promised
               ? add_absent(lacking, session, outcome->stage, result->outs, result->out_count)
               : NULL;
}

/* Its recipe is known only when what it reads is in place (a file in a directory that a stage
 * made), that is, when nothing is fetched any more. */
static FALLIBLE add_if_recorded(struct lacking *lacking, struct session *session,
                                const struct stage *stage)
{
    const struct lock_entry *entry = session_lock_entry(session, stage);
    bool may_come = entry && !entry->is_promised && !map_has(lacking->lost, stage->name);
    return may_come ? add_absent(lacking, session, stage, entry->outs, entry->out_count) : NULL;
}

/* What stages before it made and what was put off: of one that runs all that it reads; while there
 * is hope, what its recipe is not known without. */
static FALLIBLE add_put_off(struct lacking *lacking, struct session *session,
                            const struct run_report *report, const struct outcome *outcome)
{
    const struct plan_stage *planned = &session->plan.stages[outcome->stage->index];
    for (size_t i = 0; i < planned->need_count; i++) {
        const struct outcome *need = &report->outcomes[planned->needs[i].stage];
        bool is_wanted = planned->needs[i].edge == PLAN_DATA && !lacking->hopes;
        vec_each (const struct reason, reason, &outcome->reasons)
            is_wanted |=
                reason->part == REASON_UPSTREAM && str_equal(reason->what, need->stage->name);
        bool is_known = need->status == STATUS_UNCHANGED || need->status == STATUS_WOULD_RESTORE;
        if (is_wanted && is_known)
            TRY(add_absent_outs(lacking, session, need));
    }
    return NULL;
}

/* Something that would run reads it: while there is hope that it need not, it can wait. */
static bool has_running_user(const struct session *session, const struct run_report *report,
                             const struct stage *stage)
{
    const struct plan_stage *planned = &session->plan.stages[stage->index];
    bool has = false;
    for (size_t i = 0; i < planned->user_count; i++)
        has |= planned->users[i].edge == PLAN_DATA &&
               report->outcomes[planned->users[i].stage].status == STATUS_WOULD_RUN;
    return has;
}

/* Of a plan that leaves outputs in the remote. */
static FALLIBLE add_planned(struct lacking *lacking, struct session *session,
                            const struct run_report *report, const struct outcome *outcome)
{
    if (outcome->status == STATUS_UNKNOWN) {
        if (!lacking->hopes)
            TRY(add_if_recorded(lacking, session, outcome->stage));
        return add_put_off(lacking, session, report, outcome);
    }
    if (outcome->status != STATUS_WOULD_RESTORE)
        return NULL;
    bool can_wait = lacking->hopes && has_running_user(session, report, outcome->stage);
    return can_wait ? NULL : add_absent_outs(lacking, session, outcome);
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
        add_outs(lacking, session, outcome->stage, entry->outs, entry->out_count);
        return NULL;
    }
    if (fd_number(session->workspace.cache_fd) >= 0)
        TRY(results_find(lacking->arena, &session->workspace, outcome->key, &refs, &count));
    if (count)
        add_outs(lacking, session, outcome->stage, refs[0].value.outs, refs[0].value.out_count);
    return NULL;
}

/* `path`: the part that is wanted, or a directory that holds all of it. */
static void add_pointed(struct lacking *lacking, const struct pointer *pointer, struct str path,
                        bool is_pattern)
{
    bool is_part = is_pattern || !path_is_within(pointer->artifact.path, path);
    *vec_push(lacking->arena, &lacking->roots) =
        (struct transfer_root){.artifact = pointer->artifact,
                               .named_by = pointer->file,
                               .below = is_part ? str_copy(lacking->arena, path) : STR(""),
                               .is_pattern = is_pattern};
}

static FALLIBLE is_absent(struct session *session, struct str path, bool *ret)
{
    struct artifact seen = {0};
    struct error *error = worktree_look(session->worktree, path, LOOK_DEP, &seen);
    if (error && error->code >= ERROR_SIGNAL)
        return error;
    *ret = !error && seen.kind == ARTIFACT_ABSENT;
    error_drop(error); /* told where it is read */
    return NULL;
}

/* What DVC tracks comes whole: its MD5 says nothing of parts. */
static void add_dvc(struct lacking *lacking, const struct dvc_tracked *tracked)
{
    *vec_push(lacking->arena, &lacking->roots) = (struct transfer_root){
        .artifact = tracked->artifact, .named_by = tracked->named_by, .dvc = tracked};
}

static void add_dvc_path(struct lacking *lacking, struct str path)
{
    const struct dvc_tracked *tracked = dvcfiles_find(&lacking->tracked, path);
    if (tracked && !tracked->stage.len)
        add_dvc(lacking, tracked);
}

/* With what dvc.lock records stages would be up to date. */
static FALLIBLE add_recorded(struct lacking *lacking, struct session *session)
{
    struct vcs_path_vec lacks = {0};
    TRY(dvcfiles_load(lacking->arena, &session->workspace, session->index, NULL,
                      &lacking->tracked));
    lacking->places_tracked = session->pipeline->dialect != DOC_DVC;
    if (!lacking->tracked.len)
        return NULL;
    TRY(import_lacking(session, &lacks));
    vec_each (const struct str, path, &lacks) {
        const struct dvc_tracked *tracked = dvcfiles_find(&lacking->tracked, *path);
        if (tracked)
            add_dvc(lacking, tracked);
    }
    return NULL;
}

/* A path that a pointer tracks, or a part of that. */
static FALLIBLE add_path(struct lacking *lacking, struct session *session, struct str path)
{
    struct pointer *pointer = NULL;
    bool absent = false;
    TRY(is_absent(session, path, &absent));
    if (absent)
        TRY(pointers_find(lacking->arena, &session->workspace, path, &pointer));
    if (pointer)
        add_pointed(lacking, pointer, path, false);
    else if (absent)
        add_dvc_path(lacking, path);
    return NULL;
}

/* What is tracked in a directory that is read as one. */
static FALLIBLE add_below(struct lacking *lacking, struct session *session, struct str directory)
{
    struct pointer_vec below = {0};
    struct file_stat stat = {0};
    bool found = false;
    TRY(file_stat_at(fd_number(session->workspace.root_fd),
                     directory.len ? str_terminate(lacking->arena, directory) : ".", true, &stat,
                     &found));
    if (found && S_ISDIR(stat.mode))
        TRY(pointers_load_below(lacking->arena, &session->workspace, directory, &below));
    for (size_t i = 0; i < below.len; i++) {
        TRY(is_absent(session, below.at[i]->artifact.path, &found));
        if (found)
            add_pointed(lacking, below.at[i], directory, false);
    }
    vec_each (const struct dvc_tracked, tracked, &lacking->tracked) {
        bool is_inside = !tracked->stage.len && path_is_within(tracked->artifact.path, directory);
        found = false;
        if (is_inside)
            TRY(is_absent(session, tracked->artifact.path, &found));
        if (found)
            add_dvc(lacking, tracked);
    }
    return NULL;
}

static FALLIBLE add_glob(struct lacking *lacking, struct session *session, struct str pattern)
{
    struct pointer_vec below = {0};
    struct pointer *above = NULL;
    struct str prefix = glob_prefix(pattern);
    TRY(pointers_find(lacking->arena, &session->workspace, prefix, &above));
    if (above)
        add_pointed(lacking, above, pattern, true);
    else
        TRY(pointers_load_below(lacking->arena, &session->workspace, prefix, &below));
    for (size_t i = 0; i < below.len; i++) {
        struct str tracked = below.at[i]->artifact.path;
        if (glob_match(pattern, tracked) || glob_may_match_below(pattern, tracked))
            add_pointed(lacking, below.at[i], pattern, true);
    }
    return NULL;
}

/* What a run reads before it knows what a stage is. */
static FALLIBLE add_eager(struct lacking *lacking, struct session *session,
                          const struct stage *stage)
{
    vec_each (const struct param_ref, param, &stage->params)
        TRY(add_path(lacking, session, param->file));
    size_t before = lacking->roots.len;
    vec_each (const struct dependency, dep, &stage->deps)
        if (!dep->is_glob && !dep->is_url && !path_is_outside(dep->path))
            TRY(add_below(lacking, session, dep->path));
    /* Its recipe is known when they are in place, that is, when nothing is fetched any more. */
    const struct lock_entry *entry = session_lock_entry(session, stage);
    if (lacking->roots.len > before && entry)
        add_outs(lacking, session, stage, entry->outs, entry->out_count);
    return NULL;
}

static FALLIBLE add_inputs(struct lacking *lacking, struct session *session,
                           const struct stage *stage)
{
    vec_each (const struct dependency, dep, &stage->deps) {
        if (dep->is_url || path_is_outside(dep->path))
            continue;
        TRY(dep->is_glob ? add_glob(lacking, session, dep->path)
                         : add_path(lacking, session, dep->path));
    }
    return NULL;
}

/* Where results are hoped for, inputs can wait: perhaps nothing executes. */
static FALLIBLE add_outcome(struct lacking *lacking, struct session *session,
                            const struct outcome *outcome)
{
    bool is_known = false;
    if (outcome->status == STATUS_WAITING)
        return NULL;
    TRY(add_eager(lacking, session, outcome->stage));
    if (outcome->status == STATUS_UNKNOWN && !lacking->hopes)
        return add_inputs(lacking, session, outcome->stage);
    if (outcome->status != STATUS_WOULD_RUN)
        return NULL;
    vec_each (const struct reason, reason, &outcome->reasons)
        is_known |= reason->part == REASON_NOT_STORED;
    bool is_lost = lacking->is_minimal && map_has(lacking->lost, outcome->stage->name);
    if (is_known && !is_lost)
        TRY(add_known(lacking, session, outcome));
    else if (!digest_is_zero(outcome->key))
        *vec_push(lacking->arena, &lacking->keys) = outcome->key;
    return lacking->hopes ? NULL : add_inputs(lacking, session, outcome->stage);
}

/* A word that names stages asks for what they make, not for what is made on the way. */
static bool names_stages(const struct stage_words *words, const struct session *session)
{
    return session->plan.target_count && !words->choice.downstream && !words->choice.whole;
}

static FALLIBLE find_lacking(struct context *context, const struct stage_words *words,
                             struct transfer_for_run *wish, struct lacking *lacking)
{
    AUTO(session_drop) struct session session = {0};
    struct stage_words looking = *words;
    struct run_report report = {0};
    looking.is_read_only = true;
    looking.observer = NULL; /* what the run itself will tell */
    TRY(stages_open(context, &looking, &session));
    wish->is_minimal |= wish->leaves_outputs && names_stages(words, &session);
    lacking->is_minimal = wish->is_minimal;
    lacking->lost = &wish->lost;
    struct run_options options = {.dry = true,
                                  .takes_missing = true,
                                  .lazy_inputs = true,
                                  .force = wish->force,
                                  .no_restore = wish->no_restore,
                                  .minimal = wish->is_minimal,
                                  .lost = wish->is_minimal ? &wish->lost : NULL};
    TRY(run_plan(&session, &options, &report));
    TRY(add_recorded(lacking, &session));
    for (size_t i = 0; i < report.count; i++) {
        if (wish->is_minimal)
            TRY(add_planned(lacking, &session, &report, &report.outcomes[i]));
        TRY(add_outcome(lacking, &session, &report.outcomes[i]));
    }
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
static FALLIBLE fetch_lacking(struct context *context, struct lacking *lacking,
                              struct transfer_for_run *wish, bool *ret_gained)
{
    AUTO(data_close) struct data_shell shell = {0};
    struct transfer_command command = {.remote = wish->remote};
    struct transfer_report report = {0};
    struct data_record_vec arrived = {0};
    struct data_checkout placed = {0};
    struct transfer_kinds kinds = {0};
    int64_t results = 0;
    TRY(data_open(context, false, &shell));
    TRY(transfer_settle(&shell, wish->remote, lacking->tracked.len > 0, &lacking->roots, &kinds));
    if (lacking->keys.len && kinds.takes_ours)
        TRY(fetch_results(&shell, &command, &lacking->keys, &results));
    TRY(transfer_fetch_parts(&shell, &command, &lacking->roots, &arrived, &report));
    struct data_checkout_options options = {.also = &arrived, .takes_only_also = true};
    if (arrived.len && lacking->places_tracked)
        TRY(data_checkout(&shell.session, &options, &placed));
    size_t lost_before = wish->lost.len;
    vec_each (const struct transfer_root, root, &report.missing)
        map_put(context->arena, &wish->lost, str_copy(context->arena, root->named_by), wish);
    *ret_gained = report.counts.objects > 0 || results > 0 ||
                  (wish->is_minimal && wish->lost.len > lost_before);
    return NULL;
}

FALLIBLE transfer_pull_for_run(struct context *context, const struct stage_words *words,
                               struct transfer_for_run *wish)
{
    for (int hopes = 1; hopes >= 0; hopes--)
        for (bool has_gained = true; has_gained;) {
            struct lacking lacking = {.arena = context->arena, .hopes = hopes};
            has_gained = false;
            TRY(find_lacking(context, words, wish, &lacking));
            if (lacking.roots.len || lacking.keys.len)
                TRY(fetch_lacking(context, &lacking, wish, &has_gained));
        }
    return NULL;
}
