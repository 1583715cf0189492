/* Pictures of what stages of a view measured: charts of built-in evaluations, images they made. */
#pragma once

#include "mlops/cli/context.h"
#include "mlops/data/evaluation.h"
#include "mlops/engine/session.h"
#include "mlops/model/run.h"

/* The evaluation that a stage stored; *ret NULL: it has none, or it is not at hand. */
FALLIBLE curves_load(struct context *context, struct session *session, const struct run_view *view,
                     const struct run_view_stage *stage, const struct evaluation **ret);

/* A chart or an image. */
struct picture {
    struct str stage, name, title; /* stage: empty: of the pipeline; name: of a file, unique */
    struct str mime, bytes;        /* of an image */
    struct str svg;                /* of a chart: a document */
};

VEC(picture_vec, struct picture);

/* Plots of the pipeline (as typed; they have no stage), then those of all stages. `before` (may be
 * NULL): its curves are drawn below. */
FALLIBLE curves_pictures(struct context *context, const struct run_view *view,
                         const struct run_view *before, struct str pipeline,
                         struct picture_vec *ret);
