/* Two kinds of remotes: ours, and DVC's. Which of them a command means. */
#include "mlops/base/arena.h"
#include "mlops/cli/transfer.h"
#include "mlops/engine/dvcimport.h"
#include "mlops/engine/urls.h"
#include "mlops/store/dvc_remote.h"

static FALLIBLE find_kinds(struct session *session, struct str name, struct transfer_kinds *ret)
{
    struct dvcconfig config = {0};
    struct remote_vec ours = {0};
    struct str root = {0};
    bool has_config = false, is_ours = false, is_dvc = false;
    TRY(remotes_load(session->arena, &session->workspace, &ours));
    TRY(dvcfiles_settings(session->arena, &session->workspace, &config, &root, &has_config));
    for (size_t i = 0; i < ours.len; i++)
        is_ours |= str_equal(ours.at[i]->name, name);
    if (has_config && name.len)
        is_dvc = dvc_remote_exists(&config, name);
    if (name.len && !is_ours && !is_dvc)
        return error_hint(error_new(ERROR_PROJECT,
                                    "there is no remote '%.*s', neither of mlops "
                                    "nor of DVC",
                                    STR_FMT(name)),
                          "'mlops remote list' and 'dvc remote list' show them");
    ret->takes_ours = name.len ? is_ours || !is_dvc : ours.len > 0;
    ret->takes_dvc = !name.len || is_dvc;
    return NULL;
}

/* Whether our lock file says that an output was made anew since dvc.lock did. */
static bool is_newer(const struct transfer_root *ours, const struct transfer_root *theirs)
{
    return !ours->dvc && theirs && theirs->dvc->stage.len && theirs->dvc->is_known &&
           !artifact_equal(&ours->artifact, &theirs->artifact);
}

/* What a `.dvc` file of some commit tracks is in no lock file of ours, whatever the path became. */
static bool is_tracked_once(const struct transfer_root *root)
{
    return root->dvc && root->dvc->is_of_commit && !root->dvc->stage.len;
}

FALLIBLE transfer_settle(struct data_shell *shell, struct str name, bool has_tracked,
                         struct transfer_root_vec *roots, struct transfer_kinds *ret)
{
    struct arena *arena = shell->session.arena;
    struct map ours = {0}, theirs = {0};
    struct transfer_root_vec kept = {0};
    *ret = (struct transfer_kinds){.takes_ours = true};
    vec_each (struct transfer_root, root, roots)
        map_put(arena, root->dvc ? &theirs : &ours, root->artifact.path, root);
    if (!theirs.len && !has_tracked)
        return NULL;
    TRY(find_kinds(&shell->session, name, ret));
    vec_each (const struct transfer_root, root, roots) {
        bool is_twice =
            map_has(root->dvc ? &ours : &theirs, root->artifact.path) && !is_tracked_once(root);
        bool is_imported = false;
        if (!root->dvc && !ret->takes_ours && !name.len)
            TRY(urls_is_of_git(&shell->session, root->named_by, &is_imported));
        bool is_kept = root->dvc ? ret->takes_dvc && !(is_twice && ret->takes_ours)
                                 : ret->takes_ours || is_imported;
        if (is_kept)
            *vec_push(arena, &kept) = *root;
        ret->left_out += !is_kept && !root->dvc && !is_twice && !name.len;
        ret->newer +=
            !is_kept && !name.len && is_newer(root, map_get(&theirs, root->artifact.path));
    }
    *roots = kept;
    return NULL;
}

FALLIBLE transfer_bear(struct data_shell *shell, const struct transfer_root_vec *roots,
                       struct error *error, bool *ret_left_out)
{
    bool has_ours = false;
    vec_each (const struct transfer_root, root, roots)
        has_ours |= root->dvc == NULL;
    *ret_left_out = error && error->code == ERROR_PROJECT && has_ours;
    if (!*ret_left_out)
        return error;
    context_warn(shell->progress.context, "what DVC tracks is left out: %s", error->text);
    error_drop(error);
    return NULL;
}

struct transfer_root_vec transfer_dvc_roots(struct arena *arena,
                                            const struct transfer_root_vec *roots)
{
    struct transfer_root_vec chosen = {0};
    vec_each (const struct transfer_root, root, roots)
        if (root->dvc)
            *vec_push(arena, &chosen) = *root;
    return chosen;
}

/* A project that can't be reached holds up nothing else: it is told, and not asked again. */
static FALLIBLE bear_import(struct data_shell *shell, const struct transfer_root *root,
                            struct error *error, struct map *away)
{
    const struct error *first = error;
    if (error->code >= ERROR_SIGNAL || error_is_full(error))
        return error;
    while (first->cause)
        first = first->cause;
    context_warn(shell->progress.context, "what %.*s imports is left out: %s%s%s",
                 STR_FMT(root->dvc->file), first->text, first->hint ? "; " : "",
                 first->hint ? first->hint : "");
    if (error->code == ERROR_MACHINE)
        map_put(shell->session.arena, away, dvcimport_url(root->dvc), shell);
    error_drop(error);
    return NULL;
}

/* What `dvc import` brought comes from the project that it is of. */
static FALLIBLE fetch_imports(struct data_shell *shell, size_t wanted,
                              struct data_record_vec *ret_placed, struct transfer_report *report)
{
    struct session *session = &shell->session;
    struct map away = {0};
    struct transfer_root_vec missing = report->missing;
    report->missing = (struct transfer_root_vec){0};
    vec_each (const struct transfer_root, root, &missing) {
        bool is_asked = root->dvc->is_import && !map_has(&away, dvcimport_url(root->dvc));
        struct error *error =
            is_asked ? dvcimport_fetch(session, root, ret_placed, &report->counts) : NULL;
        if (error && wanted == 1)
            return error;
        if (!is_asked || error)
            *vec_push(session->arena, &report->missing) = *root;
        if (error)
            TRY(bear_import(shell, root, error, &away));
    }
    return NULL;
}

FALLIBLE transfer_fetch_dvc(struct data_shell *shell, const struct transfer_command *command,
                            const struct transfer_root_vec *roots,
                            struct data_record_vec *ret_placed, struct transfer_report *ret)
{
    struct session *session = &shell->session;
    struct transfer_root_vec chosen = transfer_dvc_roots(session->arena, roots);
    struct dvcdata_options options = {.remote = command->remote, .connections = (int)command->jobs};
    struct transfer_report report = {0};
    bool left_out = false;
    if (!chosen.len)
        return NULL;
    TRY(transfer_bear(shell, roots, dvcdata_fetch(session, &chosen, &options, ret_placed, &report),
                      &left_out));
    if (!left_out && !command->remote.len)
        TRY(fetch_imports(shell, roots->len, ret_placed, &report));
    if (left_out)
        report = (struct transfer_report){.missing = chosen, .roots = (int64_t)chosen.len};
    transfer_report_add(ret, session->arena, &report);
    return NULL;
}
