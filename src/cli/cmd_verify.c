#include "mlops/base/moment.h"
#include "mlops/cli/command.h"
#include "mlops/cli/report.h"
#include "mlops/host/pool.h"
#include "mlops/host/signal.h"
#include "mlops/store/gc.h"

struct verify_options {
    bool rebuild_lineage;
};

static const struct option_row rows[] = {
    {.name = "rebuild-lineage",
     OPTION_FLAG_AT(struct verify_options, rebuild_lineage),
     .help =
         "First make the history anew from what is stored beside the objects; the old database is "
         "kept under another name"},
};

static const struct column columns[] = {
    {.name = "what", .title = "WHAT"},
    {.name = "name", .title = "NAME", .may_shrink = true},
    {.name = "fault", .title = "FAULT", .may_shrink = true},
    {.name = "stages", .title = "STAGES", .may_shrink = true, .drop = 1},
    {.name = "repair", .title = "WHAT TO DO", .may_shrink = true},
};

static struct table fault_table(struct context *context, const struct verify_report *report)
{
    struct table table = table_make(context->arena, columns, COUNT_OF(columns));
    for (size_t i = 0; i < report->fault_count; i++) {
        const struct verify_fault *fault = &report->faults[i];
        struct cell *row = table_add(&table);
        row[0] = cell_text(str_of(fault->what));
        row[1] = cell_text(fault->name);
        row[2] = cell_toned(cell_text(fault->fault), TONE_BAD);
        row[3] = cell_text(fault->stages);
        row[4] = cell_text(fault->repair);
    }
    return table;
}

static void print_json(struct context *context, const struct verify_report *report)
{
    struct json_writer json = report_json_open(context);
    struct table table = fault_table(context, report);
    json_name(&json, "objects");
    json_int(&json, report->objects);
    json_name(&json, "bytes");
    json_int(&json, report->bytes);
    json_name(&json, "results");
    json_int(&json, report->results);
    json_name(&json, "faults");
    report_json_rows(&json, &table);
    report_json_close(&json);
}

static void print_report(struct context *context, const struct verify_report *report)
{
    struct table table = fault_table(context, report);
    if (context->format == FORMAT_JSON) {
        print_json(context, report);
        return;
    }
    report_table(context, &table, "faults");
    if (context->format != FORMAT_TABLE || (context->common.quiet && !report->fault_count))
        return;
    buf_add_text(&context->out, table.row_count ? "\n" : "");
    struct str bytes = bytes_print(context->arena, report->bytes);
    report_line(context,
                str_print(context->arena, "%lld objects (%.*s), %lld results: %zu fault%s",
                          (long long)report->objects, STR_FMT(bytes), (long long)report->results,
                          report->fault_count, report->fault_count == 1 ? "" : "s"),
                0, 0);
}

/* The history as far as run files and results tell it; logs and runs that did nothing are not in
 * them. */
static FALLIBLE rebuild(struct context *context, const struct workspace *workspace)
{
    int64_t run_count = 0;
    TRY(ledger_rebuild(context->arena, workspace, &context->observer, &run_count));
    context_notice(context, "the history was made again: %lld run%s", (long long)run_count,
                   run_count == 1 ? "" : "s");
    return NULL;
}

static FALLIBLE run_command(struct context *context, void *options, int argc,
                            const struct str *argv)
{
    struct workspace *workspace = NULL;
    struct ledger *ledger = NULL;
    struct cas *cas = NULL;
    struct verify_report report = {0};
    int signal_fd;
    const struct verify_options *wanted = options;
    (void)argc, (void)argv;
    TRY(signal_open(&signal_fd));
    TRY(context_project(context, &workspace));
    if (wanted->rebuild_lineage)
        TRY(rebuild(context, workspace));
    TRY(context_ledger(context, &ledger));
    TRY(context_cas(context, &cas));
    AUTO(pool_drop) struct pool *pool = pool_open(-1);
    TRY(verify_run(context->arena, workspace, ledger, cas, pool, &context->observer, &report));
    print_report(context, &report);
    context->status = report.fault_count ? ERROR_STORED : 0;
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops verify", "read everything stored and compare it with its digest"},
    {"mlops verify --rebuild-lineage", "when lineage.db is damaged: make the history again"},
};

const struct cli_command cmd_verify = {
    .name = "verify",
    .group = GROUP_DATA,
    .arguments = "",
    .summary = "Check everything stored against its digest",
    .description = "Reads every object, result and the databases. Damaged objects are moved to "
                   "quarantine, so the next run makes them again. Exit status 5 if anything is "
                   "damaged.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct verify_options),
    .needs = NEED_PROJECT,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "gc, doctor",
    .has_rows = true,
    .run = run_command,
};
