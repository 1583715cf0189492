/* What the files of the module share. */
#pragma once

#include "mlops/data/compare.h"
#include "mlops/engine/evaluation.h"

/* A baseline that some gate names, and what was brought together for it. */
struct compared {
    struct str word;
    enum baseline_found found;
    struct evaluated side;
    bool is_paired;              /* tried */
    const char *why;             /* no comparison of rows; NULL: there is one */
    struct scorer *before, *now; /* row i of both is the same example */
};

VEC(compared_vec, struct compared);

/* All gates of a stage while they are judged. */
struct assay {
    struct session *session;
    const struct stage *stage;
    int64_t sequence;
    struct evaluated now;
    struct compared_vec baselines;
    struct scorer *scorer; /* of the predictions of now, once needed */
    struct str no_scorer;  /* why there is none */
    bool lacks_intervals;  /* that nobody may reckon: the session is read only */
};

/* Intervals of the value, and of its change against a baseline, into the evidence; or why there are
 * none. `column` empty: all rows. */
FALLIBLE evaluation_intervals(struct assay *assay, const struct gate *gate,
                              struct compared *baseline, struct str column, struct str value,
                              struct gate_evidence *evidence);

/* The metric of a built-in evaluation that a gate names; false: none of score_rows. */
bool evaluation_metric_row(const struct stage *stage, struct str name, size_t *ret_row);

/* Predictions of one side. *ret_why: why they are not here. */
FALLIBLE evaluation_predictions(struct session *session, const struct evaluated *side,
                                struct predictions *ret, const char **ret_why);
