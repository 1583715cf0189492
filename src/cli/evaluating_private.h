/* What the files of evaluating share. */
#pragma once

#include "mlops/cli/evaluating.h"
#include "mlops/cli/report.h"
#include "mlops/data/evaluation.h"

/* One set of predictions and what was measured of it. */
struct evaluated {
    struct str path, name; /* name: how it is called beside the other one */
    struct predictions predictions;
    struct evaluation evaluation;
};

struct evaluating {
    struct context *context;
    const struct evaluating_options *options;
    struct predictions_options how;
    double level;
    bool has_other;         /* two sets are compared */
    bool is_pair;           /* ... of one file */
    struct evaluated own;   /* a */
    struct evaluated other; /* b */
    struct comparison comparison;
};

/* The files that options ask for. */
FALLIBLE evaluating_write_files(const struct evaluating *evaluating);

/* The answer in the context's format. */
void evaluating_report(const struct evaluating *evaluating);

/* For people: two sets beside each other. */
void evaluating_report_comparison(const struct evaluating *evaluating);

/* A metric as people read it: four digits behind the point, or of a large number six in all. */
struct cell evaluating_cell(struct arena *arena, double value);
struct cell evaluating_interval(struct arena *arena, const struct interval *interval);
