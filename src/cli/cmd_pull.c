#include "mlops/base/arena.h"
#include "mlops/cli/command.h"
#include "mlops/cli/transfer.h"

struct pull_command {
    struct transfer_command transfer;
    bool force;
};

VEC(path_vec, struct str);

static const struct option_row rows[] = {
    TRANSFER_ROWS(struct pull_command),
    {.name = "force",
     .letter = 'f',
     OPTION_FLAG_AT(struct pull_command, force),
     .is_hidden = true}, /* DVC's: what is in the way is kept in any case */
};

/* What was asked for, as paths: stages by their outputs. */
static void list_paths(struct arena *arena, const struct transfer_root_vec *roots,
                       struct path_vec *ret)
{
    vec_each (const struct transfer_root, root, roots)
        if (!root->dvc)
            *vec_push(arena, ret) = root->below.len ? root->below : root->artifact.path;
}

static void print(struct context *context, const struct transfer_report *fetched,
                  const struct data_checkout *placed)
{
    if (context->format == FORMAT_JSON) {
        struct json_writer json = report_json_open(context);
        transfer_report_json(&json, fetched);
        json_name(&json, "restored");
        json_int(&json, placed->restored);
        json_name(&json, "unchanged");
        json_int(&json, placed->unchanged);
        json_name(&json, "displaced");
        json_int(&json, placed->displaced);
        report_json_close(&json);
        transfer_tell_missing(context, "fetched", fetched);
        return;
    }
    bool is_idle = !fetched->counts.objects && !fetched->results && !fetched->missing.len;
    if (!is_idle || !placed->restored)
        transfer_report_print(context, "fetched", fetched);
    if (!context->common.quiet && placed->restored)
        buf_print(&context->out, "put %lld path%s in place\n", (long long)placed->restored,
                  placed->restored == 1 ? "" : "s");
}

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct transfer_command *command = &((const struct pull_command *)opaque)->transfer;
    AUTO(data_close) struct data_shell shell = {0};
    struct transfer_root_vec roots = {0};
    struct transfer_report report = {0};
    struct data_checkout placed = {0};
    struct path_vec paths = {0};
    struct data_record_vec arrived = {0};
    TRY(data_open(context, false, &shell));
    TRY(transfer_choose(&shell, command, argc, argv, false, &roots));
    TRY(transfer_check_remote(&shell, command, &roots));
    TRY(transfer_fetch_parts(&shell, command, &roots, &arrived, &report));
    TRY(transfer_check_parts(&shell, &roots));
    if (argc)
        list_paths(context->arena, &roots, &paths);
    struct data_checkout_options options = {.paths = paths.at,
                                            .count = paths.len,
                                            .also = &arrived,
                                            .takes_only_also = argc && !paths.len};
    if (!argc || paths.len || arrived.len)
        TRY(data_checkout(&shell.session, &options, &placed));
    progress_clear(&shell.progress);
    print(context, &report, &placed);
    data_tell_displaced(context, &placed, false);
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops pull", "after git clone or git pull: all data and outputs are in place"},
    {"mlops pull data/raw", "one tracked path"},
    {"mlops pull && mlops run", "in CI: what others have computed is not computed again"},
};

const struct cli_command cmd_pull = {
    .name = "pull",
    .group = GROUP_DATA,
    .arguments = "[TARGET...]",
    .summary = "Fetch data from a remote and put them in place",
    .description =
        "'mlops fetch', then 'mlops checkout' of the same: what pointers and lock files of the "
        "work "
        "tree name. Files that only the work tree holds are never overwritten: they move to "
        ".mlops/displaced.\n"
        "\n"
        "In a project of DVC's also what .dvc files and dvc.lock name: out of DVC's cache, or from "
        "the remote that .dvc/config says. A .dvc file is a TARGET, too; --remote may be one of "
        "either kind. What the work tree holds as recorded is not fetched.\n"
        "\n"
        "--json: as 'push', with restored, unchanged, displaced. Exit status 1 if the remote does "
        "not have something (the rest is in place).",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct pull_command),
    .words_most = -1,
    .needs = NEED_DATA,
    .completes = COMPLETE_FILES | COMPLETE_STAGES | COMPLETE_DATA,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "fetch, checkout, push, run",
    .run = run,
};
