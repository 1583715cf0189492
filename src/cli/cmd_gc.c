#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/command.h"
#include "mlops/cli/report_run.h"
#include "mlops/engine/transfer.h"
#include "mlops/engine/work_dir.h"
#include "mlops/host/clock.h"
#include "mlops/host/pool.h"
#include "mlops/host/signal.h"
#include "mlops/store/depot.h"
#include "mlops/store/gc.h"
#include "mlops/store/projects.h"

struct gc_command {
    bool yes, dry_run, all, remote, all_commits;
    int64_t grace_ns;
    struct str forget;
};

/* -1: what the configuration says. */
static const struct option_row rows[] = {
    {"yes", 'y', OPTION_FLAG_AT(struct gc_command, yes), .help = "Remove it"},
    {"dry-run", 'n', OPTION_FLAG_AT(struct gc_command, dry_run),
     .help = "Only say what would go, as without --yes"},
    {"all", 'a', OPTION_FLAG_AT(struct gc_command, all),
     .help = "List the biggest 10,000 items, not only 20"},
    {"grace", 0, OPTION_DURATION_AT(struct gc_command, grace_ns), .value = "TIME", .initial = -1,
     .help = "Keep what is younger than this (gc.grace in the configuration)"},
    {"remote", 0, OPTION_FLAG_AT(struct gc_command, remote),
     .help = "Look at a remote instead of the local store (default: remote.default)"},
    {"all-commits", 'A', OPTION_FLAG_AT(struct gc_command, all_commits),
     .help = "Keep what any commit names, not only branches, tags and stashes"},
    {"forget", 0, OPTION_STR_AT(struct gc_command, forget), .value = "ID",
     .help = "First forget what a project needs that shared the cache and is gone for good"},
};

enum { ITEMS_SHOWN = 20 };

static const struct column columns[] = {
    {.name = "what", .title = "WHAT", .drop = 1},
    {.name = "name", .title = "NAME", .may_shrink = true},
    {.name = "label", .title = "WHAT IT WAS", .may_shrink = true},
    {.name = "size_bytes", .title = "SIZE", .is_right = true},
    {.name = "age_s", .title = "AGE", .is_right = true, .drop = 2},
    {.name = "why", .title = "WHY", .may_shrink = true},
};

/* Of a digest people see eight digits. */
static struct cell name_cell(struct str name)
{
    struct digest digest;
    return digest_parse(name, &digest) ? cell_shown(str_slice(name, 0, 8), name) : cell_text(name);
}

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
        row[1] = name_cell(item->name);
        row[2] = cell_text(item->label);
        row[3] = cell_int_shown(bytes_print(arena, item->size_bytes), item->size_bytes);
        row[4] = cell_real_shown(duration_print(arena, item->age_ns), report_seconds(item->age_ns));
        row[5] = cell_text(item->why);
    }
    return table;
}

/* Why the cache is as large as it is. */
static void print_holders(struct context *context, const struct gc_report *report)
{
    if (!report->holders[0].bytes || (context->common.quiet && report->over_bytes <= 0))
        return;
    struct str title = STR("what is kept is held by:");
    if (report->over_bytes > 0)
        title = str_print(context->arena, "over cache.size by %.*s; %.*s",
                          STR_FMT(bytes_print(context->arena, report->over_bytes)), STR_FMT(title));
    report_line(context, title, 0, 0);
    for (size_t i = 0; i < COUNT_OF(report->holders) && report->holders[i].bytes; i++) {
        struct str bytes = bytes_print(context->arena, report->holders[i].bytes);
        report_line(
            context,
            str_print(context->arena, "  %.*s  %s", STR_FMT(bytes), report->holders[i].what), 0, 0);
    }
}

static void print_quarantine(struct context *context, const struct gc_report *report)
{
    if (!report->quarantine_count)
        return;
    context_notice(context,
                   "what was found to be damaged: %.*s in %lld file%s of quarantine/ in the cache; "
                   "gc removes there what is older than keep.age",
                   STR_FMT(bytes_print(context->arena, report->quarantine_bytes)),
                   (long long)report->quarantine_count, report->quarantine_count == 1 ? "" : "s");
}

static void print_displaced(struct context *context, const struct gc_report *report)
{
    if (!report->displaced_count)
        return;
    struct str bytes = bytes_print(context->arena, report->displaced_bytes);
    context_notice(
        context,
        "what was moved out of the way: %.*s in %lld folder%s of .mlops/displaced; remove "
        "there what is not wanted",
        STR_FMT(bytes), (long long)report->displaced_count,
        report->displaced_count == 1 ? "" : "s");
}

static void json_holders(struct json_writer *json, const struct gc_report *report)
{
    json_name(json, "over_bytes");
    json_int(json, report->over_bytes);
    json_name(json, "held_by");
    json_open_list(json);
    for (size_t i = 0; i < COUNT_OF(report->holders) && report->holders[i].bytes; i++) {
        json_open_object(json);
        json_name(json, "what");
        json_str(json, str_of(report->holders[i].what));
        json_name(json, "bytes");
        json_int(json, report->holders[i].bytes);
        json_close_object(json);
    }
    json_close_list(json);
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
    buf_print(&summary, "%s %.*s in %lld item%s; kept: %lld object%s, %.*s",
              options->yes ? "removed" : "would remove", STR_FMT(freed),
              (long long)report->removed_items, report->removed_items == 1 ? "" : "s",
              (long long)report->kept_objects, report->kept_objects == 1 ? "" : "s", STR_FMT(kept));
    if (report->young_objects || report->young_results)
        buf_print(&summary,
                  "; not needed but young: %lld objects, %lld results (--grace 0 takes them, too)",
                  (long long)report->young_objects, (long long)report->young_results);
    if (report->left_objects)
        buf_print(&summary, "; not needed, but in packs that are: %lld objects, %.*s",
                  (long long)report->left_objects,
                  STR_FMT(bytes_print(context->arena, report->left_bytes)));
    report_line(context, buf_str(&summary), 0, 0);
    print_holders(context, report);
    print_displaced(context, report);
    print_quarantine(context, report);
    if (!options->yes && report->item_count)
        context_notice(context, "nothing was removed; 'mlops gc --yes' does it");
}

static void print_json(struct context *context, const struct gc_command *options,
                       const struct gc_report *report)
{
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {{"freed_bytes", report->freed_bytes},
                   {"kept_objects", report->kept_objects},
                   {"kept_bytes", report->kept_bytes},
                   {"young_objects", report->young_objects},
                   {"young_results", report->young_results},
                   {"left_objects", report->left_objects},
                   {"left_bytes", report->left_bytes},
                   {"displaced_count", report->displaced_count},
                   {"displaced_bytes", report->displaced_bytes},
                   {"quarantine_count", report->quarantine_count},
                   {"quarantine_bytes", report->quarantine_bytes},
                   {"evicted_count", report->evicted_items}};
    struct json_writer json = report_json_open(context);
    struct table table = item_table(context, report, true);
    json_name(&json, "dry_run");
    json_bool(&json, !options->yes);
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        json_name(&json, numbers[i].name);
        json_int(&json, numbers[i].value);
    }
    json_holders(&json, report);
    json_name(&json, "item_count");
    json_int(&json, report->removed_items);
    json_name(&json, "items");
    report_json_rows(&json, &table);
    report_json_close(&json);
}

static void print_remote_text(struct context *context, const struct gc_command *options,
                              const struct gc_remote_report *report)
{
    struct buf *out = &context->out;
    struct arena *arena = context->arena;
    struct table table = item_table(context, &report->base, options->all);
    if (table.row_count && !context->common.quiet) {
        report_text(context, &table, false);
        buf_add_char(out, '\n');
    }
    struct buf summary = buf_in(arena);
    buf_print(&summary, "%s %.*s in %lld items; %s %lld packs (%.*s)",
              options->yes ? "removed" : "would remove",
              STR_FMT(bytes_print(arena, report->base.freed_bytes)),
              (long long)report->base.removed_items,
              options->yes ? "taken out of use:" : "would take out of use:",
              (long long)report->condemned_packs,
              STR_FMT(bytes_print(arena, report->condemned_bytes)));
    buf_print(&summary, "; waiting: %lld; kept: %lld packs, %.*s", (long long)report->waiting_packs,
              (long long)report->base.kept_objects,
              STR_FMT(bytes_print(arena, report->base.kept_bytes)));
    report_line(context, buf_str(&summary), 0, 0);
    if (!options->yes && (report->base.removed_items || report->condemned_packs))
        context_notice(context, "nothing was changed; 'mlops gc --remote --yes' does it");
}

static void print_remote_json(struct context *context, const struct gc_command *options,
                              const struct gc_remote_report *report)
{
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {
        {"freed_bytes", report->base.freed_bytes},    {"item_count", report->base.removed_items},
        {"kept_packs", report->base.kept_objects},    {"kept_bytes", report->base.kept_bytes},
        {"condemned_packs", report->condemned_packs}, {"condemned_bytes", report->condemned_bytes},
        {"waiting_packs", report->waiting_packs},     {"waiting_bytes", report->waiting_bytes},
        {"moved_bytes", report->moved_bytes},         {"stuck_packs", report->stuck_packs}};
    struct json_writer json = report_json_open(context);
    struct table table = item_table(context, &report->base, true);
    json_name(&json, "dry_run");
    json_bool(&json, !options->yes);
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        json_name(&json, numbers[i].name);
        json_int(&json, numbers[i].value);
    }
    json_name(&json, "items");
    report_json_rows(&json, &table);
    report_json_close(&json);
}

/* A push takes minutes, and nothing names its packs before its end. */
#define GRACE_SHORT_NS (600 * NS_PER_S)

static FALLIBLE collect_remote(struct context *context, const struct gc_command *options,
                               struct str name)
{
    struct workspace *workspace = NULL;
    struct ledger *ledger = NULL;
    struct cas *cas = NULL;
    struct remote *remote = NULL;
    AUTO(depot_drop) struct depot *depot = NULL;
    struct gc_remote_report report = {0};
    TRY(context_project(context, &workspace));
    TRY(context_ledger(context, &ledger));
    TRY(context_cas(context, &cas));
    TRY(remotes_find(context->arena, workspace, name, &remote));
    struct depot_options place = {
        .workspace = workspace, .cas = cas, .remote = remote, .observer = &context->observer};
    struct gc_options wanted = {.really = options->yes,
                                .all_commits = options->all_commits,
                                .observer = &context->observer,
                                .grace_ns = options->grace_ns < 0
                                                ? workspace->config.gc_remote_grace_ns
                                                : options->grace_ns};
    if (options->yes && wanted.grace_ns < GRACE_SHORT_NS)
        context_warn(context, "with a grace period this short what others push just now can be "
                              "lost: make sure that nobody does");
    TRY(depot_open(context->arena, &place, &depot));
    TRY(gc_remote_run(context->arena, workspace, ledger, cas, depot, &wanted, &report));
    if (context->format == FORMAT_TABLE) {
        print_remote_text(context, options, &report);
    } else if (context->format == FORMAT_JSON) {
        print_remote_json(context, options, &report);
    } else {
        struct table table = item_table(context, &report.base, true);
        report_table(context, &table, "items");
    }
    return NULL;
}

static FALLIBLE forget(struct context *context, const struct workspace *workspace, struct str id)
{
    size_t count = 0;
    TRY(projects_forget(context->arena, workspace, id, &count));
    if (!count)
        return error_new(ERROR_USAGE, "no other project with the id '%.*s' uses this cache",
                         STR_FMT(id));
    context_notice(context, "project %.*s is forgotten", STR_FMT(id));
    return NULL;
}

/* All remotes, as they are now: what is known of them from earlier may be gone since. */
struct remotes_there {
    struct context *context;
    struct workspace *workspace;
    struct cas *cas;
    bool claims; /* what is relied on from now on */
    struct transfer_root_vec roots;
    struct depot **depots;
    size_t count;
};

static void remotes_there_drop(struct remotes_there *there)
{
    for (size_t i = 0; i < there->count; i++)
        depot_drop(&there->depots[i]);
}

static FALLIBLE open_remote(struct remotes_there *there, const struct remote *remote,
                            const struct digest *objects, size_t count)
{
    AUTO(depot_drop) struct depot *depot = NULL;
    struct context *context = there->context;
    struct depot_options place = {
        .workspace = there->workspace, .remote = remote, .observer = &context->observer};
    TRY(depot_open(context->arena, &place, &depot));
    TRY(depot_check_files(depot, objects, count));
    if (there->claims)
        TRY(transfer_claim(context->arena, there->workspace, depot, there->cas, &there->roots));
    there->depots[there->count++] = depot;
    depot = NULL;
    return NULL;
}

static FALLIBLE open_remotes(void *opaque, const struct digest *objects, size_t count)
{
    struct remotes_there *there = opaque;
    struct context *context = there->context;
    struct remote_vec remotes = {0};
    const struct transfer_choice everything = {.observer = &context->observer};
    TRY(remotes_load(context->arena, there->workspace, &remotes));
    if (there->claims && remotes.len)
        TRY(transfer_roots(context->arena, there->workspace, &everything, &there->roots));
    there->depots = arena_new_array(context->arena, struct depot *, remotes.len + 1);
    for (size_t i = 0; i < remotes.len; i++) {
        struct error *error = open_remote(there, remotes.at[i], objects, count);
        if (error)
            context_warn(context, "what remote '%.*s' has is not known: %s",
                         STR_FMT(remotes.at[i]->name), error->text);
        error_drop(error);
    }
    return signal_check();
}

static bool remotes_have(void *opaque, struct digest object)
{
    const struct remotes_there *there = opaque;
    for (size_t i = 0; i < there->count; i++)
        if (depot_has(there->depots[i], object))
            return true;
    return false;
}

/* What was left half done by a crash is finished where there is room; what frees room needs none.
 */
static FALLIBLE open_history(struct context *context, bool really, struct ledger **ret)
{
    if (!really)
        return context_ledger(context, ret);
    struct error *error = context_ledger_for_writing(context, ret);
    if (!error_is_full(error))
        return error;
    error_drop(error);
    return context_ledger(context, ret);
}

/* Directories of trials whose processes died; a driver that runs removes its own. */
static FALLIBLE remove_work_dirs(struct context *context)
{
    AUTO(session_drop) struct session session = {0};
    struct session_options options = {.threads = -1, .observer = &context->observer};
    int64_t count = 0;
    TRY(path_current(context->arena, &options.cwd));
    TRY(session_open_data(context->arena, &options, &session));
    TRY(work_dir_sweep(&session, &count));
    if (count)
        context_notice(context, "%lld work director%s that trials left %s removed",
                       (long long)count, count == 1 ? "y" : "ies", count == 1 ? "was" : "were");
    return NULL;
}

static FALLIBLE run_command(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct gc_command *options = opaque;
    struct workspace *workspace = NULL;
    struct ledger *ledger = NULL;
    struct cas *cas = NULL;
    struct gc_report report = {0};
    int signal_fd;
    if (options->dry_run && options->yes)
        return error_new(ERROR_USAGE, "--dry-run and --yes contradict each other");
    if (options->dry_run && options->forget.len)
        return error_new(ERROR_USAGE, "--dry-run and --forget contradict each other");
    TRY(signal_open(&signal_fd));
    if (options->remote)
        return collect_remote(context, options, argc ? argv[0] : (struct str){0});
    if (argc)
        return error_new(ERROR_USAGE, "only 'mlops gc --remote' takes a name");
    TRY(context_project(context, &workspace));
    if (options->forget.len)
        TRY(forget(context, workspace, options->forget));
    if (options->yes)
        TRY(remove_work_dirs(context));
    TRY(open_history(context, options->yes, &ledger));
    TRY(context_cas(context, &cas));
    AUTO(remotes_there_drop)
    struct remotes_there there = {
        .context = context, .workspace = workspace, .cas = cas, .claims = options->yes};
    const struct gc_fetchable fetchable = {open_remotes, remotes_have, &there};
    struct gc_options wanted = {
        .really = options->yes,
        .all_commits = options->all_commits,
        .observer = &context->observer,
        .grace_ns = options->grace_ns < 0 ? workspace->config.gc_grace_ns : options->grace_ns,
        .cache_bytes = workspace->config.cache_bytes,
        .fetchable = &fetchable,
        .has_mirrors = true,
    };
    TRY(gc_run(context->arena, workspace, ledger, cas, &wanted, &report));
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
    {"mlops gc --all-commits --yes", "remove only what no commit names"},
    {"mlops gc --remote", "list what the default remote holds and nothing needs"},
    {"mlops gc --grace 0", "list also what was made within the last day"},
};

const struct cli_command cmd_gc = {
    .name = "gc",
    .group = GROUP_DATA,
    .arguments = "[REMOTE]",
    .words_most = 1,
    .completes = COMPLETE_REMOTES,
    .summary = "Remove stored data that nothing needs any more",
    .description =
        "Kept are: what lock files and pointers name, in the work tree, at the tip of every "
        "branch, tag and stash of git, and in the index and at HEAD of each of its work trees, "
        "with --all-commits in any of their commits; tagged runs; "
        "the newest success of each branch and pipeline; the last runs (keep.runs; trials are not "
        "counted), the best trial of each of as many sweeps, and what is younger than keep.age; "
        "the files that the last sweeps, and those with such runs or with trials left, were made "
        "from. Other "
        "projects that share the cache are asked too. Where the cache "
        "is larger than cache.size, also results go that can be made or fetched again, those first "
        "that cost the least time for their size; never what the lock files of the work tree, "
        "tagged runs or pointers name, unless a remote has it. Damaged objects that were set aside "
        "go after keep.age, mirrors of git repositories of others when they were not read for long "
        "('mlops help limits'). What stays is told by what holds it. Only counts unless --yes is "
        "given.\n\n"
        "With --remote the packs of a remote are looked at. Needed is what git (the tips of all "
        "branches, also remote-tracking ones, tags and stashes; all commits with --all-commits), "
        "the history and the work tree of this clone name, so fetch all branches first; and what "
        "was pushed within gc.remote_grace. A pack goes in two steps: it is taken out of use, and "
        "removed by a gc that comes later than the grace period. Others may push and fetch at the "
        "same time.",
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
