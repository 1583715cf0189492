/* What a running trial reports step by step: a CSV, TSV or JSON Lines file of the project that
 * grows, or is written anew each time. docs/sweeps.md, "Stopping". */
#pragma once

#include "mlops/base/buf.h"
#include "mlops/host/file.h"
#include "mlops/model/sweep.h"

struct steps {
    const struct sweep *sweep;
    int root_fd;
    struct file_stat seen; /* the file as it was read last, or as it lay there before the trial */
    bool has_seen;         /* it was there then */
    bool is_ours;          /* ... and written by the trial */
    bool has_rows;
    int64_t last_step; /* that was told */
    int64_t count;     /* of steps told */
    int64_t next_ns;   /* a large file is not read again and again */
    bool lacks_metric, lacks_step;
    struct buf columns; /* names in it, if one lacks */
};

/* The sweep and the root's descriptor live on. What lies there now is not the trial's. */
FALLIBLE steps_open(const struct sweep *sweep, int root_fd, struct steps *ret);
void steps_drop(struct steps *steps);

/* Tells each step that is new, in the order of the file; a step is told once. Half a line at the
 * end waits for its rest, unless this is the last time (is_final). */
struct steps_teller {
    void (*tell)(void *context, int64_t step, double value);
    void *context;
};
FALLIBLE steps_read(struct steps *steps, bool is_final, const struct steps_teller *teller);

/* At the end: why nothing was read ("'log.csv' has no column 'val_loss'; it has epoch, loss"), or
 * empty. */
struct str steps_fault(const struct steps *steps, struct arena *arena);
