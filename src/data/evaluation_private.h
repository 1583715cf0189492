/* What the files of evaluation share. */
#pragma once

#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/json.h"
#include "mlops/data/chart.h"
#include "mlops/data/evaluation.h"
#include "mlops/model/pipeline.h"

#define EVALUATION_FORMAT 1
#define CURVE_CLASSES_MOST 20 /* more have no curves of their own */
#define F1_OF(precision, recall)                                                                   \
    ((precision) + (recall) > 0 ? 2 * (precision) * (recall) / ((precision) + (recall)) : 0)

/* Names of a curve's arrays in files; NULL: it has no third one. */
struct curve_arrays {
    const char *x, *y, *z;
};
const struct curve_arrays *curve_arrays(enum curve_kind kind);

VEC(curve_vec, struct evaluation_curve);

/* Values of the trivial baseline, by score_rows. */
const double *evaluation_trivial(struct arena *arena, const struct predictions *predictions,
                                 struct str *ret_name);

FALLIBLE evaluation_slices(struct arena *arena, const struct predictions *predictions,
                           struct evaluation *ret);

FALLIBLE evaluation_curves(struct arena *arena, struct scorer *scorer, size_t points_most,
                           struct evaluation *ret);

/* All values of a scorer, by score_rows; `ret_whys` may be NULL. */
const double *evaluation_values(struct arena *arena, struct scorer *scorer, const char ***ret_whys);

void evaluation_warn(struct arena *arena, const struct predictions *predictions,
                     struct evaluation *evaluation);
