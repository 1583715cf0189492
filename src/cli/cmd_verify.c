#include "mlops/base/moment.h"
#include "mlops/cli/command.h"
#include "mlops/cli/report.h"
#include "mlops/host/pool.h"
#include "mlops/host/signal.h"
#include "mlops/store/depot.h"
#include "mlops/store/gc.h"

struct verify_options {
    bool rebuild_lineage, full, remote;
};

static const struct option_row rows[] = {
    {.name = "remote",
     OPTION_FLAG_AT(struct verify_options, remote),
     .help = "Read a remote instead (default: remote.default)"},
    {.name = "full",
     OPTION_FLAG_AT(struct verify_options, full),
     .help = "Read everything, also what an interrupted verify has read already"},
    {.name = "rebuild-lineage",
     OPTION_FLAG_AT(struct verify_options, rebuild_lineage),
     .help =
         "First make the history anew from what is stored beside the objects; the old database is "
         "kept under another name"},
};

static const struct column columns[] = {
    {.name = "what", .title = "WHAT"},
    {.name = "name", .title = "NAME", .may_shrink = true},
    {.name = "path", .title = "PATH", .may_shrink = true},
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
        row[2] = cell_text(fault->path);
        row[3] = cell_toned(cell_text(fault->fault), TONE_BAD);
        row[4] = cell_text(fault->stages);
        row[5] = cell_text(fault->repair);
    }
    return table;
}

static void json_not_fetched(struct json_writer *json, const struct verify_report *report)
{
    json_name(json, "not_fetched");
    json_open_list(json);
    for (size_t i = 0; i < report->not_fetched_count; i++) {
        const struct verify_pointer *pointer = &report->not_fetched[i];
        json_open_object(json);
        json_name(json, "pointer");
        json_str(json, pointer->file);
        json_name(json, "missing_objects");
        json_int(json, pointer->missing_objects);
        json_name(json, "missing_bytes");
        json_int(json, pointer->missing_bytes);
        json_close_object(json);
    }
    json_close_list(json);
}

/* No damage, but good to know. */
static void print_not_fetched(struct context *context, const struct verify_report *report)
{
    for (size_t i = 0; i < report->not_fetched_count; i++) {
        const struct verify_pointer *pointer = &report->not_fetched[i];
        struct str bytes = bytes_print(context->arena, pointer->missing_bytes);
        report_line(context,
                    str_print(context->arena, "not fetched: %.*s (%.*s)", STR_FMT(pointer->file),
                              STR_FMT(bytes)),
                    0, 0);
    }
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
    json_name(&json, "skipped_objects");
    json_int(&json, report->skipped_objects);
    json_name(&json, "pointers");
    json_int(&json, report->pointers);
    json_not_fetched(&json, report);
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
    print_not_fetched(context, report);
    if (report->skipped_objects)
        context_notice(context, "%lld objects were read by the verify that was interrupted",
                       (long long)report->skipped_objects);
    struct str bytes = bytes_print(context->arena, report->bytes);
    report_line(context,
                str_print(context->arena, "%lld objects (%.*s), %lld results: %zu fault%s",
                          (long long)report->objects, STR_FMT(bytes), (long long)report->results,
                          report->fault_count, report->fault_count == 1 ? "" : "s"),
                0, 0);
}

static void print_remote(struct context *context, const struct verify_report *report,
                         const struct depot_verified *verified)
{
    struct table table = fault_table(context, report);
    if (context->format == FORMAT_JSON) {
        struct json_writer json = report_json_open(context);
        json_name(&json, "packs");
        json_int(&json, verified->packs);
        json_name(&json, "bytes");
        json_int(&json, verified->bytes);
        json_name(&json, "blobs");
        json_int(&json, verified->blobs);
        json_name(&json, "skipped_packs");
        json_int(&json, verified->skipped_packs);
        json_name(&json, "spent_packs");
        json_int(&json, verified->spent_packs);
        json_name(&json, "faults");
        report_json_rows(&json, &table);
        report_json_close(&json);
        return;
    }
    report_table(context, &table, "faults");
    if (context->format != FORMAT_TABLE || (context->common.quiet && !report->fault_count))
        return;
    if (verified->spent_packs)
        context_notice(context,
                       "%lld more damaged, of which all that is needed is elsewhere, too: "
                       "'mlops gc --remote' takes them out after the grace period",
                       (long long)verified->spent_packs);
    if (verified->skipped_packs)
        context_notice(context, "%lld packs were read by the verify that was interrupted",
                       (long long)verified->skipped_packs);
    report_line(context,
                str_print(context->arena, "%lld packs (%.*s), %lld blobs: %zu damaged pack%s",
                          (long long)verified->packs,
                          STR_FMT(bytes_print(context->arena, verified->bytes)),
                          (long long)verified->blobs, report->fault_count,
                          report->fault_count == 1 ? "" : "s"),
                0, 0);
}

static FALLIBLE check_remote(struct context *context, const struct verify_options *options,
                             struct str name)
{
    struct workspace *workspace = NULL;
    struct ledger *ledger = NULL;
    struct cas *cas = NULL;
    struct remote *remote = NULL;
    AUTO(depot_drop) struct depot *depot = NULL;
    struct verify_report report = {0};
    struct depot_verified verified = {0};
    TRY(context_project(context, &workspace));
    TRY(context_ledger(context, &ledger));
    TRY(context_cas(context, &cas));
    TRY(remotes_find(context->arena, workspace, name, &remote));
    struct depot_options place = {
        .workspace = workspace, .cas = cas, .remote = remote, .observer = &context->observer};
    TRY(depot_open(context->arena, &place, &depot));
    TRY(verify_remote(context->arena, workspace, ledger, cas, depot, options->full, &report.faults,
                      &report.fault_count, &verified));
    print_remote(context, &report, &verified);
    context->status = report.fault_count ? ERROR_STORED : 0;
    return NULL;
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
    TRY(signal_open(&signal_fd));
    if (wanted->remote)
        return check_remote(context, wanted, argc ? argv[0] : (struct str){0});
    if (argc)
        return error_new(ERROR_USAGE, "only 'mlops verify --remote' takes a name");
    TRY(context_project(context, &workspace));
    if (wanted->rebuild_lineage)
        TRY(rebuild(context, workspace));
    TRY(context_ledger(context, &ledger));
    TRY(context_cas(context, &cas));
    AUTO(pool_drop) struct pool *pool = pool_open(-1);
    const struct verify_wish wish = {.afresh = wanted->full};
    TRY(verify_run(context->arena, workspace, ledger, cas, pool, &wish, &context->observer,
                   &report));
    print_report(context, &report);
    context->status = report.fault_count ? ERROR_STORED : 0;
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops verify", "read everything stored and compare it with its digest"},
    {"mlops verify --remote", "read all of the default remote"},
    {"mlops verify --rebuild-lineage", "when lineage.db is damaged: make the history again"},
};

const struct cli_command cmd_verify = {
    .name = "verify",
    .group = GROUP_DATA,
    .arguments = "[REMOTE]",
    .words_most = 1,
    .completes = COMPLETE_REMOTES,
    .summary = "Check everything stored against its digest",
    .description =
        "Reads every object, result, pointer and the databases. Damaged objects are moved to "
        "quarantine, so the next run makes them again; those of tracked data are named with "
        "their path: 'mlops pull' or 'mlops add' puts them right. Exit status 5 if anything is "
        "damaged. Interrupted, it goes on where it was (within a week), unless --full is given. "
        "Data "
        "of pointers that were not fetched are named, but are no damage.\n\n"
        "With --remote every pack of a remote is read and every blob in it hashed. Nothing "
        "is changed there; the next push sends again what only damaged packs hold. A damaged pack "
        "is no fault if nothing that is needed lies only there: it is counted (spent_packs), and "
        "'mlops gc --remote' takes it out.",
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
