#include "mlops/base/arena.h"
#include "mlops/cli/command.h"
#include "mlops/cli/transfer.h"

struct fetch_command {
    struct transfer_command transfer;
};

static const struct option_row rows[] = {
    TRANSFER_ROWS(struct fetch_command),
    {.name = "dry-run",
     .letter = 'n',
     OPTION_FLAG_AT(struct fetch_command, transfer.dry_run),
     .help = "Only say where each path is and what would travel"},
};

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct transfer_command *command = &((const struct fetch_command *)opaque)->transfer;
    AUTO(data_close) struct data_shell shell = {0};
    struct transfer_root_vec roots = {0};
    struct transfer_report report = {0};
    struct data_record_vec arrived = {0};
    TRY(data_open(context, false, &shell));
    TRY(transfer_choose(&shell, command, argc, argv, false, &roots));
    TRY(transfer_check_remote(&shell, command, &roots));
    if (command->dry_run)
        return transfer_print_states(&shell, command, &roots);
    TRY(transfer_fetch_parts(&shell, command, &roots, &arrived, &report));
    TRY(transfer_check_parts(&shell, &roots));
    progress_clear(&shell.progress);
    transfer_report_print(context, "fetched", &report);
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops fetch", "into the store; 'mlops checkout' or 'mlops run' puts it in place"},
    {"mlops fetch 'data/raw/2024/*.csv'", "a part of a directory that is tracked"},
};

const struct cli_command cmd_fetch = {
    .name = "fetch",
    .group = GROUP_DATA,
    .arguments = "[TARGET...]",
    .summary = "Bring data from a remote into the store",
    .description =
        "TARGETs as with 'push'. Only what the store lacks travels; each object is hashed before "
        "it "
        "gets its name, and a large file that was partly fetched is continued. The work tree is "
        "not touched. Stored results of stages come only from a remote that is trusted "
        "(remote.NAME.trust), or signed by a key in remote.NAME.trusted_keys; outputs that lock "
        "files name need no trust, since they are named by "
        "their digest. What .dvc files and dvc.lock name comes from DVC's own remote, checked by "
        "its MD5.\n"
        "\n"
        "--json: as 'push'. Exit status 1 if the remote does not have something (the rest is "
        "fetched).",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct fetch_command),
    .words_most = -1,
    .needs = NEED_DATA,
    .completes = COMPLETE_FILES | COMPLETE_STAGES | COMPLETE_DATA,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "pull, push, checkout",
    .has_rows = true,
    .run = run,
};
