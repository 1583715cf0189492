#include "mlops/base/arena.h"
#include "mlops/cli/command.h"
#include "mlops/cli/url_report.h"
#include "mlops/engine/dvcimport.h"
#include "mlops/host/signal.h"

struct update_command {
    bool dry_run, check;
    struct str rev;
};

static const struct option_row rows[] = {
    {.name = "dry-run",
     .letter = 'n',
     OPTION_FLAG_AT(struct update_command, dry_run),
     .help = "Only say what has something newer"},
    {.name = "check",
     OPTION_FLAG_AT(struct update_command, check),
     .help = "The same, and end with status 1 if anything has"},
    {.name = "rev",
     OPTION_STR_AT(struct update_command, rev),
     .value = "REV",
     .help = "Of what came from a git repository: from now on this revision"},
};

static bool has_news(const struct url_outcome_vec *outcomes)
{
    vec_each (const struct url_outcome, outcome, outcomes)
        if (outcome->status == URL_OUTDATED || outcome->status == URL_GONE)
            return true;
    return false;
}

static void print(struct context *context, const struct url_outcome_vec *outcomes, bool is_dry)
{
    if (context->format == FORMAT_JSON) {
        struct json_writer json = report_json_open(context);
        json_name(&json, "is_dry_run");
        json_bool(&json, is_dry);
        url_report_json(&json, outcomes);
        report_json_close(&json);
        return;
    }
    if (context->common.quiet)
        return;
    size_t same = 0;
    vec_each (const struct url_outcome, outcome, outcomes)
        same += outcome->status == URL_SAME || outcome->status == URL_FROZEN;
    url_report_print(context, outcomes, context->common.verbose);
    if (!outcomes->len)
        context_notice(context, "nothing here comes from a URL or another project ('mlops "
                                "import-url', 'mlops import')");
    else if (!context->out.len && same)
        buf_print(&context->out, "up to date: %zu\n", same);
}

static FALLIBLE update_imports(struct session *session, const struct url_update *wanted,
                               const struct dvc_tracked_vec *imports, struct url_outcome_vec *ret)
{
    struct error_list errors = {0};
    vec_each (const struct dvc_tracked, tracked, imports) {
        struct url_outcome *outcome = vec_push(session->arena, ret);
        TRY(signal_check());
        struct error *error = dvcimport_update(session, tracked, wanted, outcome);
        if (error && error->code >= ERROR_SIGNAL)
            return error;
        if (error)
            outcome->status = URL_FAILED;
        error_list_add(&errors, error);
    }
    return error_list_take(&errors);
}

/* Paths of `.dvc` files that import are asked there, and the rest of ours. */
static FALLIBLE update(struct session *session, const struct url_update *wanted,
                       struct url_outcome_vec *ret)
{
    struct arena *arena = session->arena;
    struct dvc_tracked_vec imports = {0};
    struct url_update ours = *wanted;
    struct str *paths = arena_new_array(arena, struct str, wanted->count + 1);
    ours.paths = paths;
    ours.count = 0;
    for (size_t i = 0; i < wanted->count; i++) {
        size_t before = imports.len;
        TRY(dvcimport_find(session, wanted->paths[i], &imports));
        if (imports.len == before)
            paths[ours.count++] = wanted->paths[i];
    }
    if (!wanted->count)
        TRY(dvcimport_find(session, STR(""), &imports));
    if (!wanted->count || ours.count)
        TRY(urls_update(session, &ours, ret));
    return update_imports(session, wanted, &imports, ret);
}

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct update_command *command = opaque;
    AUTO(data_close) struct data_shell shell = {0};
    struct str *paths = arena_new_array(context->arena, struct str, (size_t)argc + 1);
    bool is_dry = command->dry_run || command->check;
    struct url_outcome_vec outcomes = {0};
    if (command->rev.len && !argc)
        return error_hint(error_new(ERROR_USAGE, "--rev is of one repository: of which PATH?"),
                          "mlops update --rev REV PATH");
    TRY(data_open(context, is_dry, &shell));
    for (int i = 0; i < argc; i++)
        TRY(data_word(&shell, argv[i], &paths[i]));
    struct url_update wanted = {
        .paths = paths, .count = (size_t)argc, .rev = command->rev, .is_dry = is_dry};
    struct error *error = update(&shell.session, &wanted, &outcomes);
    progress_clear(&shell.progress);
    if (!error || outcomes.len)
        print(context, &outcomes, is_dry);
    if ((command->check || !is_dry) && has_news(&outcomes))
        context->status = 1;
    return error;
}

static const struct command_example examples[] = {
    {"mlops update", "fetch what has something newer, of all that import-url brought"},
    {"mlops update --check data/images",
     "status 1 if there is something newer; nothing is fetched"},
    {"mlops update --rev v2 data/images", "of what another project's repository has: its v2"},
};

const struct cli_command cmd_update = {
    .name = "update",
    .group = GROUP_DATA,
    .arguments = "[PATH...]",
    .summary = "Fetch newer versions of what came from URLs and other projects",
    .description =
        "Asks the source of each PATH (a file or directory that 'mlops import-url' brought, or a "
        "directory of such) for its ETag, or time and size, and fetches what differs; of a "
        "directory "
        "only files that are new. Without PATH: all that is not frozen. Then the pointer is "
        "written "
        "anew and the work tree holds the new content; an edited file that the store lacks moves "
        "to "
        ".mlops/displaced.\n"
        "\n"
        "What came from a git repository ('mlops import') moves to the newest commit of the "
        "revision that was asked for; another commit that holds the same is nothing new. --rev "
        "asks for another revision from now on.\n"
        "\n"
        "Of a .dvc file that 'dvc import' wrote the same, and it is written as 'dvc update' does.\n"
        "\n"
        "What has vanished there stays here, is told as gone, and gives exit status 1.\n"
        "\n"
        "--json: {schema_version, is_dry_run, data: as of import-url, with the status also "
        "outdated, "
        "frozen, gone and failed}.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct update_command),
    .words_most = -1,
    .completes = COMPLETE_FILES | COMPLETE_DATA,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "import-url, import, status",
    .run = run,
};
