/* What `mlops evaluate` does, apart from its options: reads, measures, compares, writes, reports.
 */
#pragma once

#include "mlops/base/vec.h"
#include "mlops/cli/context.h"
#include "mlops/model/pipeline.h"

struct evaluating_options {
    int task; /* 0: guess; else 1 + enum task */
    struct str against, threshold, level;
    struct str positive, label, prediction, score, id, weight;
    struct str_vec slices;
    bool by_row, no_intervals;
    struct str metrics, output, charts;
};

FALLIBLE evaluating_run(struct context *context, const struct evaluating_options *options,
                        struct str path);
