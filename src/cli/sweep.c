/* A line a trial; what it came to as one line more. */
#include "mlops/cli/sweep.h"

#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/experiment.h"
#include "mlops/host/file.h"
#include "mlops/model/name.h"

#include <unistd.h>

struct sweep_narrator {
    struct context *context;
    struct sweep_observer observer;
    struct buf out;
};

static void add_overrides(struct arena *arena, const struct trial *trial, struct buf *out)
{
    vec_each (const struct override, override, &trial->overrides) {
        buf_add_char(out, ' ');
        buf_add_escaped(out, override_print(arena, override), true);
    }
}

static void add_tail(struct sweep_narrator *narrator, struct str text)
{
    struct str line;
    while (text.len && str_split(&text, '\n', &line)) {
        buf_add_text(&narrator->out, "    | ");
        buf_add_escaped(&narrator->out, line, false);
        buf_add_char(&narrator->out, '\n');
    }
}

/* "[3/24] trial 5 succeeded 2.1 s train.lr=0.1: f1 0.83" */
static void say_ended(struct sweep_narrator *narrator, const struct sweep_event *event)
{
    AUTO(arena_drop) struct arena arena = {0};
    const struct trial *trial = &event->trial->trial;
    struct buf *out = &narrator->out;
    buf_print(out, "[%lld", (long long)event->done_count);
    if (event->total_count)
        buf_print(out, "/%lld", (long long)event->total_count);
    buf_print(out, "] trial %lld %s %.*s", (long long)trial->number + 1,
              trial_status_name(trial->status),
              STR_FMT(duration_print(&arena, trial->duration_ns)));
    add_overrides(&arena, trial, out);
    if (trial->has_score)
        buf_print(out, ": %.*s %.*s", STR_FMT(event->row->sweep.metric_key),
                  STR_FMT(metric_print(&arena, trial->score, 4)));
    if (trial->note.len) {
        buf_add_text(out, ": ");
        buf_add_escaped(out, trial->note, true);
    }
    buf_add_char(out, '\n');
    if (trial->status == TRIAL_FAILED || trial->status == TRIAL_REJECTED)
        add_tail(narrator, event->trial->log_tail);
}

static void tell(void *opaque, const struct sweep_event *event)
{
    struct sweep_narrator *narrator = opaque;
    bool is_quiet = narrator->context->common.quiet;
    if (event->kind == TRIAL_ENDED && !is_quiet)
        say_ended(narrator, event);
    if (event->kind == SWEEP_WARNED) {
        buf_add_text(&narrator->out, "mlops: warning: ");
        buf_add_escaped(&narrator->out, event->text, false);
        buf_add_char(&narrator->out, '\n');
    }
    if (narrator->out.len)
        error_drop(file_write(STDERR_FILENO, narrator->out.at, narrator->out.len, "stderr"));
    buf_clear(&narrator->out);
}

struct sweep_narrator *sweep_narrator_open(struct context *context, enum progress progress)
{
    struct sweep_narrator *narrator = arena_new(context->arena, struct sweep_narrator);
    (void)progress;
    narrator->context = context;
    narrator->observer = (struct sweep_observer){.tell = tell, .context = narrator};
    return narrator;
}

const struct sweep_observer *sweep_narrator_observer(struct sweep_narrator *narrator)
{
    return &narrator->observer;
}

void sweep_narrator_drop(struct sweep_narrator **narrator)
{
    if (*narrator)
        buf_drop(&(*narrator)->out);
    *narrator = NULL;
}

FALLIBLE sweep_summary(struct context *context, const struct sweep_report *report)
{
    struct buf *out = &context->out;
    int told = 0;
    buf_print(out, "sweep %.*s: ", STR_FMT(sweep_shown(&report->row)));
    for (int i = 0; i < TRIAL_STATUS_COUNT; i++) {
        if (report->row.counts[i])
            buf_print(out, "%s%lld %s", told++ ? ", " : "", (long long)report->row.counts[i],
                      trial_status_name((enum trial_status)i));
    }
    buf_add_char(out, '\n');
    if (report->row.status == SWEEP_OPEN)
        buf_print(out, "mlops sweep --resume %.*s\n", STR_FMT(sweep_shown(&report->row)));
    return NULL;
}
