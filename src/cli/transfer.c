#include "mlops/cli/transfer.h"

#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/base/moment.h"
#include "mlops/engine/urls.h"

#include <unistd.h>

static void tell_left_out(struct context *context, const struct transfer_kinds *kinds)
{
    if (kinds->left_out)
        context_notice(context,
                       "%lld output%s that only mlops records %s left out: no remote of mlops is "
                       "configured",
                       (long long)kinds->left_out, kinds->left_out == 1 ? "" : "s",
                       kinds->left_out == 1 ? "is" : "are");
    if (kinds->newer)
        context_warn(context,
                     "%lld output%s made anew by mlops %s left out: dvc.lock names what %s before, "
                     "and DVC's remote holds only that; 'mlops import --export-lock' brings "
                     "dvc.lock up to date, 'mlops remote add' a remote of mlops' own",
                     (long long)kinds->newer, kinds->newer == 1 ? "" : "s",
                     kinds->newer == 1 ? "is" : "are", kinds->newer == 1 ? "it was" : "they were");
}

FALLIBLE transfer_choose(struct data_shell *shell, const struct transfer_command *command, int argc,
                         const struct str *argv, bool needs_pipelines,
                         struct transfer_root_vec *ret)
{
    struct transfer_choice choice = {.targets = argv,
                                     .target_count = (size_t)argc,
                                     .with_deps = command->with_deps,
                                     .all_branches = command->all_branches,
                                     .all_tags = command->all_tags,
                                     .all_commits = command->all_commits,
                                     .needs_pipelines = needs_pipelines,
                                     .index = shell->session.index,
                                     .observer = &shell->observer};
    struct transfer_kinds kinds = {0};
    TRY(transfer_roots(shell->session.arena, &shell->session.workspace, &choice, ret));
    TRY(transfer_settle(shell, command->remote, false, ret, &kinds));
    tell_left_out(shell->progress.context, &kinds);
    return NULL;
}

/* What can't be told may be there. */
static FALLIBLE has_part(struct session *session, const struct transfer_root *root, bool *ret)
{
    struct data_record record = {.artifact = root->artifact, .named_by = root->named_by}, part;
    struct data_record_vec parts = {0}, lacks = {0};
    bool found = false, is_known = true;
    if (root->is_pattern)
        TRY(data_match_parts(session, &record, root->below, &parts, &lacks));
    else
        TRY(data_part(session, &record, root->below, &part, &found, &is_known));
    *ret = found || !is_known || parts.len || lacks.len;
    return NULL;
}

FALLIBLE transfer_check_parts(struct data_shell *shell, const struct transfer_root_vec *roots)
{
    struct session *session = &shell->session;
    struct map found = {0};
    vec_each (const struct transfer_root, root, roots) {
        bool has = false;
        if (!root->is_all || map_has(&found, root->below))
            continue;
        if (root->dvc && !root->dvc->is_known) /* told by who fetches it */
            continue;
        TRY(has_part(session, root, &has));
        if (has)
            map_put(session->arena, &found, root->below, shell);
    }
    vec_each (const struct transfer_root, root, roots) {
        if (!root->is_all || map_has(&found, root->below) || (root->dvc && !root->dvc->is_known))
            continue;
        struct str shown = workspace_show(session->arena, &session->workspace, root->below);
        return error_hint(error_new(ERROR_USAGE, "'%.*s' names nothing that is in '%.*s'",
                                    STR_FMT(shown), STR_FMT(root->artifact.path)),
                          "'mlops ls %.*s' lists what is", STR_FMT(root->artifact.path));
    }
    return NULL;
}

FALLIBLE transfer_split(struct data_shell *shell, const struct transfer_command *command,
                        const struct transfer_root_vec *roots, struct transfer_part_vec *ret)
{
    struct session *session = &shell->session;
    for (size_t i = 0; i < roots->len; i++) {
        const struct transfer_root *root = &roots->at[i];
        if (root->dvc)
            continue;
        struct str name = command->remote.len ? command->remote : root->remote;
        struct remote *remote = NULL;
        TRY(remotes_find(session->arena, &session->workspace, name, &remote));
        struct transfer_part *part = NULL;
        for (size_t p = 0; p < ret->len && !part; p++)
            part = str_equal(ret->at[p].remote->name, remote->name) ? &ret->at[p] : NULL;
        if (!part) {
            part = vec_push(session->arena, ret);
            part->remote = remote;
        }
        *vec_push(session->arena, &part->roots) = *root;
    }
    return NULL;
}

FALLIBLE transfer_connect(struct data_shell *shell, const struct transfer_command *command,
                          const struct remote *remote, enum transfer_aim aim, struct depot **ret)
{
    struct session *session = &shell->session;
    struct depot_options options = {.workspace = &session->workspace,
                                    .cas = session->cas,
                                    .remote = remote,
                                    .observer = &shell->observer,
                                    .wants_write = aim == AIM_WRITE,
                                    .takes_absent = aim == AIM_LOOK,
                                    .connections = (int)command->jobs};
    return depot_open(session->arena, &options, ret);
}

void transfer_report_add(struct transfer_report *sum, struct arena *arena,
                         const struct transfer_report *report)
{
    sum->roots += report->roots;
    sum->results += report->results;
    sum->counts.objects += report->counts.objects;
    sum->counts.bytes += report->counts.bytes;
    sum->counts.sent_bytes += report->counts.sent_bytes;
    sum->counts.received_bytes += report->counts.received_bytes;
    sum->counts.packs += report->counts.packs;
    sum->counts.chunks_shared += report->counts.chunks_shared;
    vec_each (const struct transfer_root, root, &report->missing)
        *vec_push(arena, &sum->missing) = *root;
}

static FALLIBLE fetch_from_remotes(struct data_shell *shell, const struct transfer_command *command,
                                   const struct transfer_root_vec *roots,
                                   struct transfer_report *ret)
{
    struct session *session = &shell->session;
    struct transfer_part_vec parts = {0};
    TRY(transfer_split(shell, command, roots, &parts));
    vec_each (const struct transfer_part, part, &parts) {
        AUTO(depot_drop) struct depot *depot = NULL;
        AUTO(transfer_trust_drop) struct transfer_trust trust = {0};
        struct transfer_report report = {0};
        TRY(transfer_trust_open(session->arena, part->remote, &trust));
        TRY(transfer_connect(shell, command, part->remote, AIM_READ, &depot));
        TRY(transfer_fetch(session->arena, &session->workspace, depot, session->cas, &part->roots,
                           &trust, &report));
        transfer_report_add(ret, session->arena, &report);
    }
    return NULL;
}

/* What was imported from another project comes from there, if our remotes do not have it. */
static FALLIBLE fetch_from_sources(struct data_shell *shell, struct transfer_report *report)
{
    struct session *session = &shell->session;
    struct transfer_root_vec missing = report->missing;
    report->missing = (struct transfer_root_vec){0};
    vec_each (const struct transfer_root, root, &missing) {
        bool is_fetched = false;
        TRY(urls_fetch_git(session, root, &report->counts, &is_fetched));
        if (!is_fetched)
            *vec_push(session->arena, &report->missing) = *root;
    }
    return NULL;
}

/* Without a remote of our own all of it may have come from other projects. */
static FALLIBLE needs_remote(struct data_shell *shell, const struct transfer_command *command,
                             const struct transfer_root_vec *roots, bool *ret)
{
    struct session *session = &shell->session;
    struct remote_vec all = {0};
    TRY(remotes_load(session->arena, &session->workspace, &all));
    bool has_ours = !roots->len;
    vec_each (const struct transfer_root, root, roots)
        has_ours |= !root->dvc;
    *ret = has_ours && (all.len || command->remote.len || !roots->len);
    for (size_t i = 0; i < roots->len && !*ret; i++) {
        bool is_imported = false;
        if (roots->at[i].dvc)
            continue;
        TRY(urls_is_of_git(session, roots->at[i].named_by, &is_imported));
        *ret = !is_imported;
    }
    return NULL;
}

FALLIBLE transfer_check_remote(struct data_shell *shell, const struct transfer_command *command,
                               const struct transfer_root_vec *roots)
{
    struct session *session = &shell->session;
    struct remote *remote = NULL;
    bool is_needed = false;
    TRY(needs_remote(shell, command, roots, &is_needed));
    return is_needed ? remotes_find(session->arena, &session->workspace, command->remote, &remote)
                     : NULL;
}

static FALLIBLE find_missing(struct data_shell *shell, const struct transfer_root_vec *roots,
                             struct transfer_report *ret)
{
    struct session *session = &shell->session;
    struct transfer_state *states =
        arena_new_array(session->arena, struct transfer_state, roots->len + 1);
    TRY(transfer_compare(session->arena, NULL, session->cas, roots, states));
    for (size_t i = 0; i < roots->len; i++)
        if (states[i].lost_objects)
            *vec_push(session->arena, &ret->missing) = roots->at[i];
    ret->roots = (int64_t)roots->len;
    return NULL;
}

FALLIBLE transfer_fetch_parts(struct data_shell *shell, const struct transfer_command *command,
                              const struct transfer_root_vec *roots,
                              struct data_record_vec *ret_placed, struct transfer_report *ret)
{
    bool is_needed = false;
    struct transfer_report tracked = {0};
    struct transfer_root_vec ours = {0};
    vec_each (const struct transfer_root, root, roots)
        if (!root->dvc)
            *vec_push(shell->session.arena, &ours) = *root;
    TRY(transfer_fetch_dvc(shell, command, roots, ret_placed, &tracked));
    TRY(needs_remote(shell, command, roots, &is_needed));
    if (is_needed)
        TRY(fetch_from_remotes(shell, command, &ours, ret));
    else
        TRY(find_missing(shell, &ours, ret));
    if (!command->remote.len)
        TRY(fetch_from_sources(shell, ret));
    transfer_report_add(ret, shell->session.arena, &tracked);
    return NULL;
}

/* --- words --- */

void transfer_tell_missing(struct context *context, const char *verb,
                           const struct transfer_report *report)
{
    enum { NAMED_MOST = 20 };
    for (size_t i = 0; i < MIN_OF(report->missing.len, (size_t)NAMED_MOST); i++) {
        const struct transfer_root *root = &report->missing.at[i];
        bool is_import = root->dvc && root->dvc->is_import;
        context_warn(context, "'%.*s' can't be %s: %s what %.*s names",
                     STR_FMT(root->below.len ? root->below : root->artifact.path), verb,
                     *verb == 'p' ? "the store lacks"
                     : is_import  ? "its project does not give"
                                  : "the remote does not have",
                     STR_FMT(root->named_by));
    }
    if (report->missing.len > NAMED_MOST)
        context_warn(context, "... and %zu more", report->missing.len - NAMED_MOST);
    if (report->missing.len)
        context->status = ERROR_ANSWER;
}

void transfer_report_json(struct json_writer *json, const struct transfer_report *report)
{
    const struct {
        const char *name;
        int64_t value;
    } rows[] = {
        {"objects", report->counts.objects},
        {"bytes", report->counts.bytes},
        {"sent_bytes", report->counts.sent_bytes},
        {"received_bytes", report->counts.received_bytes},
        {"packs", report->counts.packs},
        {"chunks_shared", report->counts.chunks_shared},
        {"results", report->results},
        {"paths", report->roots},
        {"missing", (int64_t)report->missing.len},
    };
    json_name(json, "counts");
    json_open_object(json);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_name(json, rows[i].name);
        json_int(json, rows[i].value);
    }
    json_close_object(json);
    json_name(json, "missing");
    json_open_list(json);
    vec_each (const struct transfer_root, root, &report->missing) {
        json_open_object(json);
        json_name(json, "path");
        json_str(json, root->below.len ? root->below : root->artifact.path);
        json_name(json, "named_by");
        json_str(json, root->named_by);
        json_close_object(json);
    }
    json_close_list(json);
}

void transfer_report_print(struct context *context, const char *verb,
                           const struct transfer_report *report)
{
    struct arena *arena = context->arena;
    if (context->format == FORMAT_JSON) {
        struct json_writer json = report_json_open(context);
        transfer_report_json(&json, report);
        report_json_close(&json);
    } else if (!context->common.quiet) {
        int64_t wire = report->counts.sent_bytes + report->counts.received_bytes;
        bool is_idle = report->counts.objects == 0 && report->results == 0;
        if (is_idle && !report->missing.len)
            buf_print(&context->out, "nothing to do: %lld path%s up to date\n",
                      (long long)report->roots, report->roots == 1 ? " is" : "s are");
        else
            buf_print(&context->out, "%s %.*s object%s, %.*s (%.*s over the wire)\n", verb,
                      STR_FMT(count_print(arena, report->counts.objects)),
                      report->counts.objects == 1 ? "" : "s",
                      STR_FMT(bytes_print(arena, report->counts.bytes)),
                      STR_FMT(bytes_print(arena, wire)));
    }
    transfer_tell_missing(context, verb, report);
}

/* --- states --- */

static void add_state(struct table *table, struct arena *arena, struct str remote,
                      const struct transfer_root *root, const struct transfer_state *state)
{
    struct cell *row = table_add(table);
    row[0] = cell_text(root->below.len ? root->below : root->artifact.path);
    row[1] = cell_toned(cell_text(str_of(transfer_place_name(state->place))),
                        state->place == PLACE_BOTH      ? TONE_GOOD
                        : state->place == PLACE_NOWHERE ? TONE_BAD
                                                        : TONE_WARN);
    row[2] = cell_int_shown(bytes_print(arena, state->here_bytes), state->here_bytes);
    row[3] = cell_int_shown(bytes_print(arena, state->there_bytes), state->there_bytes);
    row[4] = cell_int_shown(bytes_print(arena, state->lost_bytes), state->lost_bytes);
    row[5] = cell_text(root->named_by);
    row[6] = cell_text(remote);
}

static FALLIBLE add_dvc_states(struct data_shell *shell, const struct transfer_command *command,
                               const struct transfer_root_vec *roots, struct table *table)
{
    struct arena *arena = shell->session.arena;
    struct transfer_root_vec chosen = transfer_dvc_roots(arena, roots);
    struct transfer_state *states = arena_new_array(arena, struct transfer_state, chosen.len + 1);
    bool left_out = false;
    struct str *remotes = arena_new_array(arena, struct str, chosen.len + 1);
    struct dvcdata_options options = {.remote = command->remote, .connections = (int)command->jobs};
    TRY(transfer_bear(
        shell, roots,
        chosen.len ? dvcdata_compare(&shell->session, &chosen, &options, states, remotes) : NULL,
        &left_out));
    for (size_t i = 0; i < chosen.len && !left_out; i++)
        add_state(table, arena, remotes[i], &chosen.at[i], &states[i]);
    return NULL;
}

FALLIBLE transfer_print_states(struct data_shell *shell, const struct transfer_command *command,
                               const struct transfer_root_vec *roots)
{
    static const struct column columns[] = {
        {.name = "path", .title = "PATH", .may_shrink = true},
        {.name = "place", .title = "WHERE"},
        {.name = "here_bytes", .title = "ONLY HERE", .is_right = true},
        {.name = "there_bytes", .title = "ONLY THERE", .is_right = true},
        {.name = "missing_bytes", .title = "NOWHERE", .is_right = true, .drop = 2},
        {.name = "named_by", .title = "BY", .may_shrink = true, .drop = 1},
        {.name = "remote", .title = "REMOTE", .drop = 3},
    };
    struct session *session = &shell->session;
    struct context *context = shell->progress.context;
    struct table table = table_make(session->arena, columns, COUNT_OF(columns));
    struct transfer_part_vec parts = {0};
    TRY(add_dvc_states(shell, command, roots, &table));
    TRY(transfer_split(shell, command, roots, &parts));
    vec_each (const struct transfer_part, part, &parts) {
        AUTO(depot_drop) struct depot *depot = NULL;
        struct transfer_state *states =
            arena_new_array(session->arena, struct transfer_state, part->roots.len + 1);
        TRY(transfer_connect(shell, command, part->remote, AIM_LOOK, &depot));
        TRY(transfer_compare(session->arena, depot, session->cas, &part->roots, states));
        for (size_t i = 0; i < part->roots.len; i++)
            add_state(&table, session->arena, part->remote->name, &part->roots.at[i], &states[i]);
    }
    progress_clear(&shell->progress);
    report_table(context, &table, "paths");
    return NULL;
}
