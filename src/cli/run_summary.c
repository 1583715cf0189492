#include "mlops/cli/run_summary.h"

#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/checks.h"
#include "mlops/cli/experiment.h"
#include "mlops/model/name.h"

/* Stages of a dvc.yaml run one by one, since old files may rely on an order that they do not
 * declare; whoever knows theirs does not is told what that costs. */
static void print_saving(struct context *context, const struct run_report *report)
{
    int64_t ran_ns = 0;
    for (size_t i = 0; i < report->count; i++)
        ran_ns += report->outcomes[i].usage.duration_ns;
    int64_t saving_ns = ran_ns - report->side_by_side_ns;
    if (report->side_by_side_ns == 0 || saving_ns < NS_PER_S / 10 || saving_ns < ran_ns / 10)
        return;
    buf_print(&context->out, "with -j %lld it would have taken about %.*s less\n",
              (long long)report->side_by_side_jobs,
              STR_FMT(duration_print(context->arena, saving_ns)));
}

static void print_summary(struct context *context, const struct run_report *report,
                          struct metric_note *note)
{
    struct arena *arena = context->arena;
    const struct run *run = report->run;
    metric_note_add(arena, report, note);
    buf_add_str(&context->out, counts_print(arena, &run->counts, false));
    buf_print(&context->out, " · %.*s", STR_FMT(duration_print(arena, run->duration_ns)));
    if (run->saved_ns >= NS_PER_S / 10)
        buf_print(&context->out, " (saved %.*s)", STR_FMT(duration_print(arena, run->saved_ns)));
    buf_print(&context->out, " · run %.*s", STR_FMT(ulid_short(run->id)));
    buf_add_escaped(&context->out, buf_str(&note->text), false);
    buf_add_char(&context->out, '\n');
    if (report->displaced)
        buf_print(&context->out,
                  "%d output%s that only the work tree held moved to .mlops/displaced/%.*s\n",
                  report->displaced, report->displaced == 1 ? "" : "s", STR_FMT(run->id));
    print_saving(context, report);
}

static void print_json(struct context *context, const struct session *session,
                       const struct run_report *report, const struct override_change_vec *changes)
{
    const struct run *run = report->run;
    struct json_writer json = report_json_open(context);
    json_name(&json, "run");
    run->id.len ? json_str(&json, run->id) : json_null(&json);
    json_name(&json, "status");
    json_text(&json, run_status_name(run->status));
    json_name(&json, "pipeline");
    json_str(&json, run->pipeline);
    json_name(&json, "duration_s");
    json_real(&json, report_seconds(run->duration_ns));
    json_name(&json, "saved_s");
    json_real(&json, report_seconds(run->saved_ns));
    json_name(&json, "displaced_files");
    json_int(&json, report->displaced);
    if (changes && changes->len)
        experiment_json(&json, changes);
    counts_json(&json, &run->counts);
    stages_json(&json, session, report);
    report_json_close(&json);
}

/* What built-in checks found, for CI systems. */
static FALLIBLE print_findings(struct context *context, const struct run_report *report)
{
    const struct check_results **results =
        arena_new_array(context->arena, const struct check_results *, report->count);
    size_t count = 0;
    for (size_t i = 0; i < report->count; i++) {
        if (report->outcomes[i].checks)
            results[count++] = report->outcomes[i].checks;
    }
    return checks_findings(context, report->run->pipeline, report->run->duration_ns, results,
                           count);
}

static bool is_findings(enum output_format format)
{
    return format == FORMAT_JUNIT || format == FORMAT_SARIF;
}

FALLIBLE run_summary(struct context *context, const struct session *session,
                     const struct run_report *report, const struct override_change_vec *changes,
                     struct metric_note *note)
{
    if (is_findings(context->format))
        return print_findings(context, report);
    if (context->format == FORMAT_JSON)
        print_json(context, session, report, changes);
    else if (!context->common.quiet)
        print_summary(context, report, note);
    return NULL;
}
