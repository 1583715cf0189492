/* Distances between a reference and a current column, with the formulas and bins of the field's
 * tools (docs/validation.md states each); golden values in tests. Nulls and infinities are left out
 * before. */
#pragma once

#include "mlops/data/distribution.h"
#include "mlops/data/profile.h"

enum drift_method {
    DRIFT_PSI,         /* numbers: the reference's deciles, floor 1e-4; values: floor 1e-4 */
    DRIFT_KS,          /* D; numbers */
    DRIFT_JS,          /* divergence in bits, [0, 1] */
    DRIFT_CHI2,        /* p of the 2 x k table, rare values merged */
    DRIFT_LINF,        /* largest difference of shares; values */
    DRIFT_WASSERSTEIN, /* W1 over the reference's standard deviation; numbers */
    DRIFT_CRAMERS_V,   /* bias-corrected; values */
    DRIFT_HELLINGER,
    DRIFT_COUNT,
};

struct drift_method_row {
    const char *name; /* in pipelines: "psi" */
    bool takes_numbers, takes_values;
    bool is_p;        /* drift if below the threshold */
    double threshold; /* default; NaN: must be given */
    const char *formula;
};

const struct drift_method_row *drift_methods(void); /* DRIFT_COUNT rows */

/* A named number; NaN is undefined and null in JSON. */
struct named_number {
    const char *name;
    double value;
};

struct drift {
    bool is_numeric;
    const struct named_number *numbers; /* every distance by the names of the conformance data */
    size_t number_count;
    const double *edges; /* of the bins of psi (numeric) */
    size_t edge_count;
    const struct str *keys; /* the values compared (not numeric), with counts of both */
    const double *reference_counts, *current_counts;
    size_t key_count;
    struct str largest_key; /* of linf */
    bool is_exact;          /* both sides complete */
};

/* All distances of a column present in both profiles. Numeric if both have numbers; a column whose
 * values are complete on both sides and that has no numbers is compared by values. */
FALLIBLE drift_measure(struct arena *arena, const struct column_profile *reference,
                       const struct column_profile *current, struct drift *ret);

/* The one number that `method` judges by; NaN where it does not apply. */
double drift_value(const struct drift *drift, enum drift_method method);
bool drift_is_over(enum drift_method method, double value, double threshold);

/* Pure functions on counts (k categories) and on samples, as the golden data name them. */
double drift_psi(const double *p, const double *q, size_t k);
