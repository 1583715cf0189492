#include "mlops/base/arena.h"
#include "mlops/cli/command.h"
#include "mlops/cli/transfer.h"

struct push_command {
    struct transfer_command transfer;
};

static const struct option_row rows[] = {
    TRANSFER_ROWS(struct push_command),
    {.name = "dry-run",
     .letter = 'n',
     OPTION_FLAG_AT(struct push_command, transfer.dry_run),
     .help = "Only say where each path is and what would travel"},
};

static struct transfer_root_vec pushed_ones(struct arena *arena,
                                            const struct transfer_root_vec *roots)
{
    struct transfer_root_vec pushed = {0};
    vec_each (const struct transfer_root, root, roots)
        if (root->is_pushed)
            *vec_push(arena, &pushed) = *root;
    return pushed;
}

static FALLIBLE push_parts(struct data_shell *shell, const struct transfer_command *command,
                           const struct transfer_root_vec *roots, struct transfer_report *ret)
{
    struct session *session = &shell->session;
    struct transfer_part_vec parts = {0};
    struct transfer_root_vec tracked = transfer_dvc_roots(session->arena, roots);
    struct dvcdata_options options = {.remote = command->remote, .connections = (int)command->jobs};
    bool left_out = false;
    if (tracked.len)
        TRY(transfer_bear(shell, roots, dvcdata_push(session, &tracked, &options, ret), &left_out));
    TRY(transfer_split(shell, command, roots, &parts));
    vec_each (const struct transfer_part, part, &parts) {
        AUTO(depot_drop) struct depot *depot = NULL;
        struct transfer_report report = {0};
        TRY(transfer_connect(shell, command, part->remote, AIM_WRITE, &depot));
        TRY(transfer_push(session->arena, &session->workspace, depot, session->cas, &part->roots,
                          &report));
        transfer_report_add(ret, session->arena, &report);
    }
    return NULL;
}

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct transfer_command *command = &((const struct push_command *)opaque)->transfer;
    AUTO(data_close) struct data_shell shell = {0};
    struct transfer_root_vec roots = {0};
    struct transfer_report report = {0};
    struct remote *remote = NULL;
    TRY(data_open(context, false, &shell));
    TRY(transfer_choose(&shell, command, argc, argv, true, &roots));
    if (!transfer_dvc_roots(context->arena, &roots).len)
        TRY(remotes_find(context->arena, &shell.session.workspace, command->remote, &remote));
    TRY(transfer_check_parts(&shell, &roots));
    roots = pushed_ones(context->arena, &roots);
    if (command->dry_run)
        return transfer_print_states(&shell, command, &roots);
    TRY(cas_hold(shell.session.cas));
    struct error *error = push_parts(&shell, command, &roots, &report);
    cas_release(shell.session.cas);
    TRY(error);
    progress_clear(&shell.progress);
    transfer_report_print(context, "pushed", &report);
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops push", "everything that pointers and lock files of the work tree name"},
    {"mlops push data/raw train -r lab", "one tracked path and the outputs of a stage"},
    {"mlops push --all-branches --all-tags", "also what other branches and tags need"},
};

const struct cli_command cmd_push = {
    .name = "push",
    .group = GROUP_DATA,
    .arguments = "[TARGET...]",
    .summary = "Send data and results to a remote",
    .description =
        "A TARGET is a path that a pointer tracks, a file, directory or quoted glob inside one, an "
        "output of a stage, or a stage; without any, all that the work tree names. Only what the "
        "remote lacks travels: of a large file that changed, the parts around the changes. What an "
        "interrupted push sent is not sent again. Outputs with 'push: false' stay here.\n"
        "\n"
        "What .dvc files and dvc.lock name goes to the remote that .dvc/config says, in DVC's "
        "layout, so that 'dvc pull' finds it; all else to a remote of mlops.\n"
        "\n"
        "--json: {schema_version, counts: {objects, bytes, sent_bytes, received_bytes, packs, "
        "chunks_shared, results, paths, missing}, missing: [{path, named_by}]}.\n"
        "\n"
        "Exit status: 0 when all is there, durably; 1 if the store lacks something that was asked "
        "for (the rest is sent); 3 without a remote; 4 if it can't be reached.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct push_command),
    .words_most = -1,
    .needs = NEED_DATA,
    .completes = COMPLETE_FILES | COMPLETE_STAGES | COMPLETE_DATA,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "pull, fetch, remote, status",
    .has_rows = true,
    .run = run,
};
