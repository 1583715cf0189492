/* What the files of drift share. */
#pragma once

#include "mlops/base/vec.h"
#include "mlops/data/drift.h"

VEC(number_vec, struct named_number);

/* Two histograms over the same bins. */
struct share_pair {
    double *p, *q;
    size_t len;
};

void drift_add(struct arena *arena, struct number_vec *numbers, const char *name, double value);
void drift_add_numbers(struct arena *arena, struct number_vec *numbers,
                       const struct column_profile *reference, const struct column_profile *current,
                       struct drift *drift);
void drift_add_values(struct arena *arena, struct number_vec *numbers, struct drift *drift);

/* The values of both with their counts; false if one side does not tell all. */
bool drift_collect_values(struct arena *arena, const struct column_profile *reference,
                          const struct column_profile *current, struct drift *ret);

/* Pearson's statistic of the 2 x k table of counts; `has_yates` corrects each cell by up to 0.5. */
double drift_pearson(const double *a, const double *b, size_t k, bool has_yates);
double drift_cramers_v(struct arena *scratch, const double *reference, const double *current,
                       size_t k);
double drift_merged_chi2_p(struct arena *scratch, const double *reference, const double *current,
                           size_t k);

/* Distances of shares. */
double drift_js_nats(struct arena *scratch, const struct share_pair *shares);
double drift_hellinger(struct arena *scratch, const struct share_pair *shares);
double drift_tvd(const struct share_pair *shares);
double drift_psi_floored(struct arena *scratch, const struct share_pair *shares, double floor);
double drift_psi_evidently(struct arena *scratch, const struct share_pair *shares);

/* Bins of numbers. */
size_t drift_sturges(struct arena *arena, const struct distribution *reference,
                     const struct distribution *current, double **ret);
void drift_deciles(struct arena *arena, const struct distribution *reference, double **ret);
struct share_pair drift_cut(struct arena *arena, const struct distribution *reference,
                            const struct distribution *current, const double *edges, size_t count);
/* Where deciles repeat, a bin between two equal edges holds nothing: such a value is a bin of its
 * own, so that a column that leaves it is seen to. */
bool drift_has_atoms(const double *deciles);
struct share_pair drift_cut_deciles(struct arena *arena, const struct distribution *reference,
                                    const struct distribution *current, const double *deciles);
struct share_pair drift_each(struct arena *arena, const struct distribution *reference,
                             const struct distribution *current);

/* Where two distributions of numbers lie apart. */
struct drift_gap {
    double ks;          /* largest difference of the distribution functions */
    double wasserstein; /* area between them */
    double below;       /* Mann-Whitney's U of the reference, as a share of all pairs */
    double ties;        /* sum of t^3 - t over all values, t values being equal */
    bool has_ties;
};

struct drift_gap drift_compare(const struct distribution *reference,
                               const struct distribution *current);
