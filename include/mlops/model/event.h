/* What a run tells while it goes on: plain values to one observer. The library floors never print.
 */
#pragma once

#include "mlops/model/outcome.h"
#include "mlops/model/run.h"

enum event_kind {
    EVENT_RUN_STARTED,
    EVENT_NOTICE, /* text: something a user should know ("waiting for ...", "made .mlops/") */
    EVENT_WARNING,
    EVENT_STAGE_READY,
    EVENT_STAGE_STARTED,  /* attempt number in `count` */
    EVENT_STAGE_OUTPUT,   /* text: bytes the stage printed (already redacted) */
    EVENT_STAGE_RETRY,    /* text: why; count: next attempt; duration_ns: the wait */
    EVENT_STAGE_FINISHED, /* outcome */
    EVENT_HASHING,        /* done and total bytes */
    EVENT_TRANSFER,       /* the same, to or from a remote */
    EVENT_STEP,           /* step and value that a trial has reported */
    EVENT_RUN_FINISHED,   /* run */
    EVENT_TICK,           /* time went by: see observer.tick_ns */
};

struct event {
    enum event_kind kind;
    int64_t at_ns; /* monotonic */
    const struct stage *stage;
    const struct outcome *outcome;
    const struct run *run;
    struct str text;
    int count;
    int finished_count, total_count; /* stages done and selected */
    int64_t done_bytes, total_bytes; /* total 0: not known (yet) */
    int64_t duration_ns;
    int64_t expected_ns; /* of this stage, from recorded history; 0 unknown */
    int64_t step;
    double value;
};

struct observer {
    void (*tell)(void *context, const struct event *event);
    void *context;
    int64_t tick_ns; /* wants EVENT_TICK about this often while stages run; 0: never */
};

/* Tells if there is anybody. */
void observer_tell(const struct observer *observer, const struct event *event);
