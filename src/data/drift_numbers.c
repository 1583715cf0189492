/* Distances between two columns of numbers. */
#include "mlops/base/arena.h"
#include "mlops/data/stats.h"

#include <math.h>

#include "drift_private.h"

#define KS_EXACT_MOST 10000 /* values on each side up to which scipy, and we, count exactly */
#define MANN_WHITNEY_EXACT_MOST 8

/* Moments of a side: of a sample those that were taken over the whole column. */
struct side {
    double size, mean, sd, population_sd;
};

static struct side side_of(const struct column_profile *column)
{
    const struct distribution *numbers = &column->distribution;
    if (numbers->is_exact)
        return (struct side){numbers->total, distribution_mean(numbers),
                             distribution_sd(numbers, false), distribution_sd(numbers, true)};
    double size = (double)column->number_count;
    return (struct side){size, column->mean, column->sd, column->sd * sqrt((size - 1) / size)};
}

/* Welch's test: variances may differ. */
static double welch_p(const struct side *a, const struct side *b)
{
    double error_a = a->sd * a->sd / a->size, error_b = b->sd * b->sd / b->size;
    double both = error_a + error_b, apart = fabs(a->mean - b->mean);
    double freedom =
        both * both / (error_a * error_a / (a->size - 1) + error_b * error_b / (b->size - 1));
    if (isnan(both))
        return (double)NAN;
    if (isnan(freedom)) /* nothing varies */
        return apart > 0 ? 0 : (double)NAN;
    return 2 * stats_student_sf(apart / sqrt(both), freedom);
}

/* Normal, corrected for continuity and ties; exact where a side is small and nothing is tied. */
static double mann_whitney_p(struct arena *scratch, const struct drift *drift,
                             const struct drift_gap *gap)
{
    double n = drift->reference_size, m = drift->current_size, all = n + m;
    double u = n * m * fmax(gap->below, 1 - gap->below);
    double ties = drift->is_exact ? gap->ties : 0;
    if (drift->is_exact && !gap->has_ties && fmin(n, m) <= MANN_WHITNEY_EXACT_MOST)
        return fmin(1, 2 * stats_mann_whitney_sf(scratch, (uint64_t)fmin(n, m),
                                                 (uint64_t)fmax(n, m), rint(u)));
    double spread = sqrt(n * m / 12 * (all + 1 - ties / (all * (all - 1))));
    return fmin(1, 2 * stats_normal_sf((u - n * m / 2 - 0.5) / spread));
}

static void add_ks(struct arena *arena, struct number_vec *numbers, struct drift *drift,
                   const struct drift_gap *gap)
{
    AUTO(arena_drop) struct arena scratch = {0};
    double n = rint(drift->reference_size), m = rint(drift->current_size);
    double size = n * m / (n + m);
    double asymptotic = stats_kolmogorov_sf(&scratch, (uint64_t)rint(size), gap->ks);
    double exact = (double)NAN;
    if (fmax(n, m) <= KS_EXACT_MOST)
        exact = stats_kolmogorov_pair_sf(&scratch, (uint64_t)n, (uint64_t)m, gap->ks);
    bool has_exact = exact >= 0 && exact <= 1;
    drift->methods[DRIFT_KS] = gap->ks;
    drift_add(arena, numbers, "ks_statistic", gap->ks);
    drift_add(arena, numbers, "ks_p", has_exact ? exact : asymptotic);
    drift_add(arena, numbers, "ks_p_asymptotic", asymptotic);
    drift_add(arena, numbers, "ks_p_kolmogorov_limit",
              stats_kolmogorov_limit_sf(gap->ks * sqrt(size)));
}

static void add_psi(struct arena *arena, struct number_vec *numbers,
                    const struct distribution *reference, const struct distribution *current,
                    struct drift *drift)
{
    double *deciles = NULL, edges[11];
    drift_deciles(arena, reference, &deciles);
    memcpy(edges, deciles, sizeof edges);
    edges[0] = -(double)INFINITY;
    edges[10] = (double)INFINITY;
    struct share_pair shares = drift_cut(arena, reference, current, edges, 11);
    drift->edges = deciles;
    drift->edge_count = 11;
    double psi = drift_psi_floored(arena, &shares, 1e-4);
    drift_add(arena, numbers, "psi_ref_deciles_floor_1e-4", psi);
    if (drift_has_atoms(deciles)) {
        shares = drift_cut_deciles(arena, reference, current, deciles);
        psi = drift_psi_floored(arena, &shares, 1e-4);
    }
    drift->methods[DRIFT_PSI] = psi;
}

static void add_histogram(struct arena *arena, struct number_vec *numbers,
                          const struct column_profile *reference,
                          const struct column_profile *current, struct drift *drift)
{
    const struct distribution *a = &reference->distribution, *b = &current->distribution;
    double *edges = NULL;
    drift->sturges_count = drift_sturges(arena, a, b, &edges);
    drift->sturges = edges;
    drift->is_binned_by_value = a->is_exact && a->len <= DRIFT_FEW;
    struct share_pair shares = drift->is_binned_by_value
                                   ? drift_each(arena, a, b)
                                   : drift_cut(arena, a, b, edges, drift->sturges_count);
    double divergence = drift_js_nats(arena, &shares);
    drift->methods[DRIFT_JS] = divergence / log(2);
    drift->methods[DRIFT_HELLINGER] = drift_hellinger(arena, &shares);
    drift_add(arena, numbers, "psi_evidently", drift_psi_evidently(arena, &shares));
    drift_add(arena, numbers, "js_distance_ln", sqrt(divergence));
    drift_add(arena, numbers, "js_divergence_bits", drift->methods[DRIFT_JS]);
    drift_add(arena, numbers, "tvd", drift_tvd(&shares));
    drift_add(arena, numbers, "hellinger", drift->methods[DRIFT_HELLINGER]);
}

static void add_undefined(struct arena *arena, struct number_vec *numbers)
{
    static const char *const names[] = {
        "ks_statistic",       "ks_p",
        "ks_p_asymptotic",    "ks_p_kolmogorov_limit",
        "wasserstein",        "wasserstein_over_ref_std",
        "psi_evidently",      "js_distance_ln",
        "js_divergence_bits", "tvd",
        "hellinger",          "psi_ref_deciles_floor_1e-4",
        "t_test_p",           "mann_whitney_p",
    };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        drift_add(arena, numbers, names[i], (double)NAN);
}

void drift_add_numbers(struct arena *arena, struct number_vec *numbers,
                       const struct column_profile *reference, const struct column_profile *current,
                       struct drift *drift)
{
    const struct distribution *a = &reference->distribution, *b = &current->distribution;
    if (a->len == 0 || b->len == 0) {
        add_undefined(arena, numbers);
        return;
    }
    AUTO(arena_drop) struct arena scratch = {0};
    struct drift_gap gap = drift_compare(a, b);
    struct side left = side_of(reference), right = side_of(current);
    double spread = fmax(left.population_sd, 0.001);
    drift->methods[DRIFT_WASSERSTEIN] = gap.wasserstein / spread;
    add_ks(arena, numbers, drift, &gap);
    drift_add(arena, numbers, "wasserstein", gap.wasserstein);
    drift_add(arena, numbers, "wasserstein_over_ref_std", drift->methods[DRIFT_WASSERSTEIN]);
    add_histogram(arena, numbers, reference, current, drift);
    add_psi(arena, numbers, a, b, drift);
    drift_add(arena, numbers, "t_test_p", welch_p(&left, &right));
    drift_add(arena, numbers, "mann_whitney_p", mann_whitney_p(&scratch, drift, &gap));
}
