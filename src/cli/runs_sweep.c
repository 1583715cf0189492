/* A sweep among runs. */
#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/report_run.h"
#include "mlops/cli/runs.h"
#include "mlops/cli/sweep.h"

static void add_str(struct json_writer *json, const char *name, struct str value)
{
    json_name(json, name);
    if (value.len)
        json_str(json, value);
    else
        json_null(json);
}

void runs_sweep_json(struct context *context, struct json_writer *json, const struct sweep_row *row)
{
    enum tone tone;
    json_open_object(json);
    add_str(json, "sweep", row->ulid);
    add_str(json, "name", row->sweep.name);
    add_str(json, "parent", row->parent);
    json_name(json, "status");
    json_text(json, sweep_status(context, row, &tone));
    add_str(json, "pipeline", row->sweep.pipeline);
    add_str(json, "started", moment_print(context->arena, row->created_ns));
    json_name(json, "spent_s");
    json_real(json, report_seconds(row->spent_ns));
    json_name(json, "code");
    code_json(json, &row->code);
    json_name(json, "trials");
    json_open_object(json);
    for (int status = TRIAL_WAITING; status < TRIAL_STATUS_COUNT; status++) {
        json_name(json, trial_status_name((enum trial_status)status));
        json_int(json, row->counts[status]);
    }
    json_close_object(json);
}
