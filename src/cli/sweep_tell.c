/* A sweep as it goes on, as JSON: one object a line. */
#include "sweep_private.h"

static const char *event_name(enum sweep_event_kind kind)
{
    switch (kind) {
    case SWEEP_BEGUN:
        return "sweep_begun";
    case TRIAL_BEGUN:
        return "trial_begun";
    case TRIAL_CHANGED:
        return "trial_changed";
    case TRIAL_ENDED:
        return "trial_ended";
    case SWEEP_WARNED:
        return "warning";
    case SWEEP_ENDED:
        return "sweep_ended";
    case SWEEP_TICKED:
        break;
    }
    return NULL;
}

static void add_view(struct json_writer *json, const struct trial_view *view)
{
    sweep_trial_json(json, &view->trial);
    if (view->stage.len) {
        json_name(json, "stage");
        json_str(json, view->stage);
    }
    if (view->step >= 0) {
        json_name(json, "step");
        json_int(json, view->step);
        json_name(json, "value");
        json_real(json, view->value);
    }
    if (view->total_count) {
        json_name(json, "finished_stages");
        json_int(json, view->finished_count);
        json_name(json, "stages");
        json_int(json, view->total_count);
    }
    if (view->log_tail.len) {
        json_name(json, "log_tail");
        json_str(json, view->log_tail);
    }
}

static void add_details(struct json_writer *json, const struct sweep_event *event)
{
    json_name(json, "sweep");
    json_str(json, event->row->ulid);
    if (event->trial)
        add_view(json, event->trial);
    if (event->text.len) {
        json_name(json, "text");
        json_str(json, event->text);
    }
    json_name(json, "done");
    json_int(json, event->done_count);
    json_name(json, "running");
    json_int(json, (int64_t)event->running_count);
    json_name(json, "total");
    if (event->total_count)
        json_int(json, event->total_count);
    else
        json_null(json);
    json_name(json, "best_trial");
    if (event->best)
        json_int(json, event->best->number + 1);
    else
        json_null(json);
    json_name(json, "best_score");
    if (event->best)
        json_real(json, event->best->score);
    else
        json_null(json);
}

void sweep_json_tell(struct sweep_narrator *narrator, const struct sweep_event *event)
{
    const char *name = event_name(event->kind);
    if (!name)
        return;
    struct json_writer json = report_event_open(&narrator->out, name);
    add_details(&json, event);
    report_json_close(&json);
    sweep_narrator_write(narrator);
}
