/* Distances between a reference and a current column, with the formulas and bins of the field's
 * tools (docs/validation.md states each); golden values in tests. Nulls and infinities are left out
 * before. Notation: p shares of the reference, q of the current column. */
#pragma once

#include "mlops/data/distribution.h"
#include "mlops/data/profile.h"

struct json_writer;

#define DRIFT_FEW 20 /* different numbers up to which each is a bin of its own */

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
    const char *name;                 /* in pipelines: "psi" */
    bool takes_numbers, takes_values; /* what takes values also takes numbers, if few differ */
    bool is_p;                        /* drift if below the threshold */
    double threshold;                 /* default; NaN: must be given */
    const char *formula;              /* of values, or of both */
    const char *number_formula;       /* of numbers, where it differs; else NULL */
};

const struct drift_method_row *drift_methods(void); /* DRIFT_COUNT rows */

/* The formula that a method has for a column. */
const char *drift_formula(enum drift_method method, bool is_numeric);

/* A named number; NaN is undefined and null in JSON. */
struct named_number {
    const char *name;
    double value;
};

struct drift {
    bool is_numeric;
    const char *reason; /* why there is nothing to compare, in words; NULL: there is */
    const struct named_number *numbers; /* every distance by the names of the conformance data */
    size_t number_count;
    double methods[DRIFT_COUNT]; /* by drift_value */
    const double *edges;         /* the reference's deciles: bins of psi, open at both ends */
    size_t edge_count;
    const double *sturges; /* edges of the bins of the other distances, by Sturges' rule */
    size_t sturges_count;
    bool is_binned_by_value; /* few different numbers: each is a bin instead */
    const struct str *keys;  /* the values compared, by bytes, with the counts of both */
    const double *reference_counts, *current_counts;
    size_t key_count;
    struct str largest_key;              /* of linf */
    double reference_size, current_size; /* how many values were compared: of a sample its size */
    bool is_exact;                       /* both sides complete */
};

/* All distances of a column present in both profiles. Numeric if both have numbers and are not
 * boolean; else compared by values, if those are complete on both sides. */
FALLIBLE drift_measure(struct arena *arena, const struct column_profile *reference,
                       const struct column_profile *current, struct drift *ret);

/* The one number that `method` judges by; NaN where it does not apply. */
double drift_value(const struct drift *drift, enum drift_method method);
bool drift_is_over(enum drift_method method, double value, double threshold);

/* Members of an open object: kind, sizes, every distance by name, bins or counts, and `methods`
 * with formula, value and default threshold. */
void drift_write(struct json_writer *json, const struct drift *drift);

/* sum (p - q) ln(p / q) of k shares, none of them 0. */
double drift_psi(const double *p, const double *q, size_t k);
