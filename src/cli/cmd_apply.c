#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/command.h"
#include "mlops/cli/data.h"
#include "mlops/cli/stages.h"
#include "mlops/cli/view.h"
#include "mlops/engine/apply.h"
#include "mlops/model/name.h"

struct apply_command {
    bool force, dry_run, params_only;
};

static const struct option_row rows[] = {
    {.name = "force",
     .letter = 'f',
     OPTION_FLAG_AT(struct apply_command, force),
     .help = "Unsaved changes that are in the way move to .mlops/displaced"},
    {.name = "dry-run",
     .letter = 'n',
     OPTION_FLAG_AT(struct apply_command, dry_run),
     .help = "Only say what would change"},
    {.name = "params-only",
     OPTION_FLAG_AT(struct apply_command, params_only),
     .help = "Only the parameters: neither code nor outputs; 'mlops run' then makes them"},
};

static const char *const verbs[] = {
    [APPLY_WRITE] = "write", [APPLY_REMOVE] = "remove", [APPLY_OUTPUT] = "restore"};

static void print_change(struct context *context, const struct apply_change *change)
{
    bool is_edit = change->what.len > 0;
    buf_print(&context->out, "  %-8s", is_edit ? "set" : verbs[change->kind]);
    buf_add_escaped(&context->out, change->path, false);
    if (is_edit)
        buf_add_text(&context->out, "  ");
    buf_add_escaped(&context->out, change->what, false);
    buf_add_text(&context->out, change->is_unsaved ? "  (unsaved changes)\n" : "\n");
}

static void print_changes(struct context *context, const struct run *run,
                          const struct apply_report *report, bool is_dry)
{
    struct str id = ulid_short(run->id);
    if (!report->changes.len) {
        buf_print(&context->out, "the work tree is as run %.*s had it\n", STR_FMT(id));
        return;
    }
    buf_print(&context->out,
              report->is_refused ? "run %.*s was not applied; it would change:\n"
              : is_dry           ? "run %.*s would change:\n"
                                 : "applied run %.*s:\n",
              STR_FMT(id));
    vec_each (const struct apply_change, change, &report->changes)
        print_change(context, change);
}

static void print_lock(struct context *context, const struct apply_report *report)
{
    const struct run *run = report->run.run;
    if (!run)
        return;
    buf_add_str(&context->out, counts_print(context->arena, &run->counts, false));
    buf_print(&context->out, " · %.*s · run %.*s\n",
              STR_FMT(duration_print(context->arena, run->duration_ns)),
              STR_FMT(ulid_short(run->id)));
}

/* Stages that 'mlops run' would execute all the same, and why. */
static void warn_of_stages(struct context *context, const struct apply_report *report)
{
    for (size_t i = 0; report->run.run && i < report->run.count; i++) {
        const struct outcome *outcome = &report->run.outcomes[i];
        bool is_settled = outcome->status == STATUS_UNCHANGED || outcome->status == STATUS_RESTORED;
        if (is_settled || outcome->status == STATUS_WAITING)
            continue;
        struct str why = outcome->blocker;
        if (outcome->reasons.len && outcome->status == STATUS_SKIPPED)
            why = reason_print(context->arena, &outcome->reasons.at[0]);
        context_warn(context, "'%.*s' is not as the run left it: %.*s",
                     STR_FMT(outcome->stage->name), STR_FMT(why));
    }
}

static void tell(struct context *context, const struct run *run, const struct apply_report *report)
{
    vec_each (const struct str, path, &report->left)
        context_warn(context, "'%.*s' is not cached, so what the run made of it is not known here",
                     STR_FMT(*path));
    if (report->commit.len)
        context_notice(context,
                       "run %.*s was made from commit %.*s, not from this one: files that its "
                       "pipeline does not name and that it had not changed stay as they are here; "
                       "'git diff %.*s' shows how they differ",
                       STR_FMT(ulid_short(run->id)), STR_FMT(str_slice(report->commit, 0, 12)),
                       STR_FMT(str_slice(report->commit, 0, 12)));
    if (report->displaced)
        context_notice(context, "%d path%s moved to .mlops/%.*s", report->displaced,
                       report->displaced == 1 ? "" : "s", STR_FMT(report->displaced_to));
    if (report->is_refused)
        context_warn(context, "neither git nor the store has what is marked as unsaved; nothing "
                              "was changed. Commit or copy it, or --force moves it to "
                              ".mlops/displaced");
    warn_of_stages(context, report);
}

static void change_json(struct json_writer *json, const struct apply_change *change)
{
    json_open_object(json);
    json_name(json, "path");
    json_str(json, change->path);
    json_name(json, "kind");
    json_text(json, verbs[change->kind]);
    json_name(json, "is_unsaved");
    json_bool(json, change->is_unsaved);
    json_name(json, "what");
    if (change->what.len)
        json_str(json, change->what);
    else
        json_null(json);
    json_close_object(json);
}

static void lock_json(struct json_writer *json, const struct apply_report *report)
{
    const struct run *run = report->run.run;
    json_name(json, "run");
    if (!run) {
        json_null(json);
        return;
    }
    json_open_object(json);
    json_name(json, "run");
    json_str(json, run->id);
    json_name(json, "status");
    json_text(json, run_status_name(run->status));
    counts_json(json, &run->counts);
    json_close_object(json);
}

static void print_json(struct context *context, const struct run *run,
                       const struct apply_report *report, bool is_dry)
{
    struct json_writer json = report_json_open(context);
    json_name(&json, "applied");
    json_str(&json, run->id);
    json_name(&json, "is_dry_run");
    json_bool(&json, is_dry);
    json_name(&json, "is_refused");
    json_bool(&json, report->is_refused);
    json_name(&json, "changes");
    json_open_list(&json);
    vec_each (const struct apply_change, change, &report->changes)
        change_json(&json, change);
    json_close_list(&json);
    json_name(&json, "uncached");
    json_open_list(&json);
    vec_each (const struct str, path, &report->left)
        json_str(&json, *path);
    json_close_list(&json);
    json_name(&json, "displaced");
    json_int(&json, report->displaced);
    json_name(&json, "displaced_to");
    report->displaced
        ? json_str(&json, path_join(context->arena, STR(".mlops"), report->displaced_to))
        : json_null(&json);
    lock_json(&json, report);
    report_json_close(&json);
}

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct apply_command *command = opaque;
    AUTO(data_close) struct data_shell shell = {0};
    struct run *applied = NULL;
    struct apply_report report = {0};
    struct apply_options options = {.force = command->force,
                                    .dry = command->dry_run,
                                    .only_params = command->params_only,
                                    .version = STR(MLOPS_VERSION),
                                    .argv = context->arguments};
    (void)argc;
    TRY(view_find_run(context, argv[0], &applied));
    TRY(data_open(context, command->dry_run, &shell));
    TRY(apply_run(&shell.session, applied, &options, &report));
    progress_clear(&shell.progress);
    if (context->format == FORMAT_JSON) {
        print_json(context, applied, &report, command->dry_run);
    } else if (!context->common.quiet) {
        print_changes(context, applied, &report, command->dry_run);
        print_lock(context, &report);
    }
    tell(context, applied, &report);
    context->status = report.is_refused ? ERROR_ANSWER : report.run.exit_status;
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops apply 7Q4XM2VD", "parameters, code and outputs of that run; then commit them"},
    {"mlops apply -n 7Q4XM2VD", "what that would change"},
    {"mlops apply --params-only 7Q4XM2VD && mlops run", "its parameters on the code of today"},
};

const struct cli_command cmd_apply = {
    .name = "apply",
    .group = GROUP_EXPERIMENTS,
    .arguments = "RUN",
    .summary = "Bring a run's parameters, code and outputs into the work tree",
    .description =
        "What the run was made from and what it made: its parameters (in place: comments and other "
        "values stay), the files that its pipeline names, the changes that were not committed when "
        "it ran, data and outputs. The lock file is written, and 'mlops run' has nothing to do. "
        "Git's index, HEAD, branches and stash are not touched.\n"
        "\n"
        "Unsaved changes that are in the way, which neither git nor the store has, are refused: "
        "all "
        "are listed and nothing is done. With --force they move to .mlops/displaced. What is gone "
        "from the store is told before anything is changed.\n"
        "\n"
        "--json: {schema_version, applied, is_dry_run, is_refused, changes: [{path, kind, "
        "is_unsaved, what}], uncached, displaced, displaced_to, run}.\n"
        "\n"
        "Exit status 1: refused, or something is gone.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct apply_command),
    .words_least = 1,
    .words_most = 1,
    .needs = NEED_PROJECT,
    .completes = COMPLETE_RUNS,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "sweep, best, reproduce, run",
    .run = run,
};
