#include "mlops/base/arena.h"
#include "mlops/cli/report.h"

#include "narrate_private.h"

static const char *event_name(enum event_kind kind)
{
    switch (kind) {
    case EVENT_RUN_STARTED:
        return "run_started";
    case EVENT_NOTICE:
        return "notice";
    case EVENT_WARNING:
        return "warning";
    case EVENT_STAGE_READY:
        return "stage_ready";
    case EVENT_STAGE_STARTED:
        return "stage_started";
    case EVENT_STAGE_OUTPUT:
        return "stage_output";
    case EVENT_STAGE_RETRY:
        return "stage_retry";
    case EVENT_STAGE_FINISHED:
        return "stage_finished";
    case EVENT_HASHING:
        return "hashing";
    case EVENT_TRANSFER:
        return "transfer";
    case EVENT_RUN_FINISHED:
        return "run_finished";
    case EVENT_STEP:
        return "step";
    case EVENT_TICK:
        break;
    }
    return NULL;
}

static void add_outcome(struct json_writer *json, const struct outcome *outcome)
{
    json_name(json, "status");
    json_text(json, stage_status_name(outcome->status));
    if (outcome->usage.attempts) {
        json_name(json, "duration_s");
        json_real(json, report_seconds(outcome->usage.duration_ns));
        json_name(json, "exit_code");
        json_int(json, outcome->usage.exit_code);
    }
    if (outcome->blocker.len) {
        json_name(json, "cause");
        json_str(json, outcome->blocker);
    }
    if (stage_made_nothing(outcome->status) && outcome->log_tail.len) {
        json_name(json, "log_tail");
        json_str(json, outcome->log_tail);
    }
}

static void add_details(struct json_writer *json, const struct event *event)
{
    if (event->stage) {
        json_name(json, "stage");
        json_str(json, event->stage->name);
    }
    if (event->text.len) {
        json_name(json, "text");
        json_str(json, event->text);
    }
    if (event->kind == EVENT_STAGE_FINISHED)
        add_outcome(json, event->outcome);
    if (event->kind == EVENT_STAGE_STARTED || event->kind == EVENT_STAGE_RETRY) {
        json_name(json, "attempt");
        json_int(json, event->count);
    }
    if (event->run) {
        json_name(json, "run");
        json_str(json, event->run->id);
    }
    if (event->kind == EVENT_RUN_FINISHED) {
        json_name(json, "status");
        json_text(json, run_status_name(event->run->status));
    }
    if (event->kind == EVENT_HASHING || event->kind == EVENT_TRANSFER) {
        json_name(json, "done_bytes");
        json_int(json, event->done_bytes);
        json_name(json, "total_bytes");
        json_int(json, event->total_bytes);
    }
    if (event->kind == EVENT_STEP) {
        json_name(json, "step");
        json_int(json, event->step);
        json_name(json, "value");
        json_real(json, event->value);
    }
    if (event->total_count) {
        json_name(json, "finished");
        json_int(json, event->finished_count);
        json_name(json, "total");
        json_int(json, event->total_count);
    }
    if (event->expected_ns) {
        json_name(json, "expected_s");
        json_real(json, report_seconds(event->expected_ns));
    }
}

/* One object a line. */
void json_tell(struct narrator *narrator, const struct event *event)
{
    const char *name = event_name(event->kind);
    if (!name)
        return;
    struct json_writer json = report_event_open(&narrator->out, name);
    add_details(&json, event);
    report_json_close(&json);
    narrator_write(narrator);
}
