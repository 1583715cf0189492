#include "mlops/base/moment.h"
#include "mlops/cli/command.h"
#include "mlops/cli/report_run.h"
#include "mlops/host/pool.h"
#include "mlops/host/signal.h"
#include "mlops/store/gc.h"

struct gc_command {
    bool yes, all;
    int64_t grace_ns;
};

/* -1: what the configuration says. */
static const struct option_row rows[] = {
    {"yes", 'y', OPTION_FLAG_AT(struct gc_command, yes), .help = "Remove it"},
    {"all", 'a', OPTION_FLAG_AT(struct gc_command, all),
     .help = "List the biggest 10,000 items, not only 20"},
    {"grace", 0, OPTION_DURATION_AT(struct gc_command, grace_ns), .value = "TIME", .initial = -1,
     .help = "Keep what is younger than this (gc.grace in the configuration)"},
};

enum { ITEMS_SHOWN = 20 };

static const struct column columns[] = {
    {.name = "what", .title = "WHAT", .drop = 1},
    {.name = "name", .title = "NAME", .may_shrink = true},
    {.name = "size_bytes", .title = "SIZE", .is_right = true},
    {.name = "age_s", .title = "AGE", .is_right = true, .drop = 2},
    {.name = "why", .title = "WHY", .may_shrink = true},
};

static struct table item_table(struct context *context, const struct gc_report *report, bool all)
{
    struct arena *arena = context->arena;
    struct table table = table_make(arena, columns, COUNT_OF(columns));
    bool is_cut = context->format == FORMAT_TABLE && !all;
    size_t count = is_cut ? MIN_OF(report->item_count, (size_t)ITEMS_SHOWN) : report->item_count;
    for (size_t i = 0; i < count; i++) {
        const struct gc_item *item = &report->items[i];
        struct cell *row = table_add(&table);
        row[0] = cell_text(str_of(item->what));
        row[1] = cell_text(item->name);
        row[2] = cell_int_shown(bytes_print(arena, item->size_bytes), item->size_bytes);
        row[3] = cell_real_shown(duration_print(arena, item->age_ns), report_seconds(item->age_ns));
        row[4] = cell_text(item->why);
    }
    return table;
}

static void print_text(struct context *context, const struct gc_command *options,
                       const struct gc_report *report)
{
    struct buf *out = &context->out;
    struct table table = item_table(context, report, options->all);
    if (table.row_count && !context->common.quiet) {
        report_text(context, &table, false);
        if ((int64_t)table.row_count < report->removed_items)
            buf_print(out, "... and %lld more%s\n",
                      (long long)(report->removed_items - (int64_t)table.row_count),
                      options->all ? "" : " (--all lists them)");
        buf_add_char(out, '\n');
    }
    struct str freed = bytes_print(context->arena, report->freed_bytes);
    struct str kept = bytes_print(context->arena, report->kept_bytes);
    struct buf summary = buf_in(context->arena);
    buf_print(&summary, "%s %.*s in %lld items; kept: %lld objects, %.*s",
              options->yes ? "removed" : "would remove", STR_FMT(freed),
              (long long)report->removed_items, (long long)report->kept_objects, STR_FMT(kept));
    if (report->young_objects)
        buf_print(&summary, "; not needed but young: %lld", (long long)report->young_objects);
    report_line(context, buf_str(&summary), 0, 0);
    if (!options->yes && report->item_count)
        context_notice(context, "nothing was removed; 'mlops gc --yes' does it");
}

static void print_json(struct context *context, const struct gc_command *options,
                       const struct gc_report *report)
{
    struct json_writer json = report_json_open(context);
    struct table table = item_table(context, report, true);
    json_name(&json, "dry_run");
    json_bool(&json, !options->yes);
    json_name(&json, "freed_bytes");
    json_int(&json, report->freed_bytes);
    json_name(&json, "kept_objects");
    json_int(&json, report->kept_objects);
    json_name(&json, "kept_bytes");
    json_int(&json, report->kept_bytes);
    json_name(&json, "young_objects");
    json_int(&json, report->young_objects);
    json_name(&json, "item_count");
    json_int(&json, report->removed_items);
    json_name(&json, "items");
    report_json_rows(&json, &table);
    report_json_close(&json);
}

static FALLIBLE run_command(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct gc_command *options = opaque;
    struct workspace *workspace = NULL;
    struct ledger *ledger = NULL;
    struct cas *cas = NULL;
    struct gc_report report = {0};
    int signal_fd;
    (void)argc, (void)argv;
    TRY(signal_open(&signal_fd));
    TRY(context_project(context, &workspace));
    TRY(options->yes ? context_ledger_for_writing(context, &ledger)
                     : context_ledger(context, &ledger));
    TRY(context_cas(context, &cas));
    struct gc_options wanted = {
        .really = options->yes,
        .grace_ns = options->grace_ns < 0 ? workspace->config.gc_grace_ns : options->grace_ns,
    };
    TRY(gc_run(context->arena, workspace, ledger, cas, &wanted, &context->observer, &report));
    if (context->format == FORMAT_TABLE) {
        print_text(context, options, &report);
    } else if (context->format == FORMAT_JSON) {
        print_json(context, options, &report);
    } else {
        struct table table = item_table(context, &report, true);
        report_table(context, &table, "items");
    }
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops gc", "list what may go, with size and reason; nothing is removed"},
    {"mlops gc --yes", "remove it"},
    {"mlops gc --grace 0", "list also what was made within the last day"},
};

const struct cli_command cmd_gc = {
    .name = "gc",
    .group = GROUP_DATA,
    .arguments = "",
    .summary = "Remove stored data that nothing needs any more",
    .description =
        "Kept are: what lock files name, in the work tree and on every branch, tag and stash of "
        "git; tagged runs; the newest success of each branch and pipeline; the last runs "
        "(keep.runs) and what is younger than keep.age. Other projects that share the cache are "
        "asked too. Only counts unless --yes is given.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct gc_command),
    .needs = NEED_PROJECT,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "verify, tag, config",
    .has_rows = true,
    .run = run_command,
};
