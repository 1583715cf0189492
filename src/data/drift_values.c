/* Distances between two columns of values with counts. */
#include "mlops/base/arena.h"
#include "mlops/data/stats.h"

#include <ctype.h>
#include <math.h>

#include "drift_private.h"

struct tally {
    struct str key;
    double reference, current;
    size_t index;
};

static int compare_tallies(const void *a, const void *b)
{
    return str_compare(((const struct tally *)a)->key, ((const struct tally *)b)->key);
}

/* True of one tool is true of another: of two columns of true and false case does not count. */
static struct str key_of(struct arena *arena, struct str value, bool is_boolean)
{
    if (!is_boolean)
        return value;
    char *lower = arena_new_array(arena, char, value.len + 1);
    for (size_t i = 0; i < value.len; i++)
        lower[i] = (char)tolower((unsigned char)value.at[i]);
    return (struct str){lower, value.len};
}

/* Both sides' values, sorted, one entry a side. */
static struct tally *list_values(struct arena *arena, const struct column_profile *reference,
                                 const struct column_profile *current, size_t *ret_count)
{
    struct tally *all =
        arena_new_array(arena, struct tally, reference->value_count + current->value_count);
    const struct column_profile *const sides[] = {reference, current};
    bool is_boolean = reference->type == TYPE_BOOLEAN && current->type == TYPE_BOOLEAN;
    size_t len = 0;
    for (size_t side = 0; side < COUNT_OF(sides); side++) {
        for (size_t i = 0; i < sides[side]->value_count; i++) {
            const struct value_count *value = &sides[side]->values[i];
            double count = (double)value->count;
            all[len++] = (struct tally){key_of(arena, value->value, is_boolean), side ? 0 : count,
                                        side ? count : 0, 0};
        }
    }
    if (len)
        qsort(all, len, sizeof *all, compare_tallies);
    *ret_count = len;
    return all;
}

bool drift_collect_values(struct arena *arena, const struct column_profile *reference,
                          const struct column_profile *current, struct drift *ret)
{
    size_t count = 0, len = 0;
    if (!reference->values_are_complete || !current->values_are_complete)
        return false;
    if (ret->is_numeric && (reference->value_count > DRIFT_FEW || current->value_count > DRIFT_FEW))
        return false;
    const struct tally *all = list_values(arena, reference, current, &count);
    struct str *keys = arena_new_array(arena, struct str, count);
    double *p = arena_new_array(arena, double, count), *q = arena_new_array(arena, double, count);
    for (size_t i = 0; i < count; i++) {
        if (len == 0 || !str_equal(keys[len - 1], all[i].key))
            keys[len++] = all[i].key;
        p[len - 1] += all[i].reference;
        q[len - 1] += all[i].current;
    }
    ret->keys = keys;
    ret->reference_counts = p;
    ret->current_counts = q;
    ret->key_count = len;
    return true;
}

double drift_pearson(const double *a, const double *b, size_t k, bool has_yates)
{
    double sum_a = stats_sum(a, k), sum_b = stats_sum(b, k), all = sum_a + sum_b, chi2 = 0;
    for (size_t i = 0; i < k; i++) {
        double expect_a = sum_a * (a[i] + b[i]) / all, expect_b = sum_b * (a[i] + b[i]) / all;
        double apart = fabs(a[i] - expect_a);
        if (has_yates)
            apart -= fmin(0.5, apart);
        chi2 += apart * apart / expect_a + apart * apart / expect_b;
    }
    return chi2;
}

/* Goodness of fit to the reference's counts scaled to the current size. */
static double fit_p(const double *reference, const double *current, size_t k)
{
    double scale = stats_sum(current, k) / stats_sum(reference, k), chi2 = 0;
    for (size_t i = 0; i < k; i++) {
        double expected = reference[i] * scale;
        if (expected <= 0)
            return (double)NAN;
        chi2 += (current[i] - expected) * (current[i] - expected) / expected;
    }
    return stats_chi2_sf(chi2, (double)k - 1);
}

/* Values below 1 % of the reference become one, which counts only above 1 % of a side. */
static size_t merge_below_share(const double *reference, const double *current, size_t k, double *a,
                                double *b)
{
    double sum_a = stats_sum(reference, k), sum_b = stats_sum(current, k);
    double rest_a = 0, rest_b = 0;
    size_t len = 0;
    for (size_t i = 0; i < k; i++) {
        bool is_rare = reference[i] < sum_a * 0.01;
        rest_a += is_rare ? reference[i] : 0;
        rest_b += is_rare ? current[i] : 0;
        if (is_rare)
            continue;
        a[len] = reference[i];
        b[len++] = current[i];
    }
    if (rest_a > sum_a * 0.01 || rest_b > sum_b * 0.01) {
        a[len] = rest_a;
        b[len++] = rest_b;
    }
    return len;
}

static size_t scale_down(double *a, double *b, size_t len)
{
    double sum_a = stats_sum(a, len), sum_b = stats_sum(b, len);
    double scale_a = sum_a > sum_b ? sum_b / sum_a : 1, scale_b = sum_b > sum_a ? sum_a / sum_b : 1;
    size_t kept = 0;
    for (size_t i = 0; i < len; i++) {
        double count_a = rint(a[i] * scale_a), count_b = rint(b[i] * scale_b);
        if (count_a + count_b <= 0)
            continue;
        a[kept] = count_a;
        b[kept++] = count_b;
    }
    return kept;
}

double drift_cramers_v(struct arena *scratch, const double *reference, const double *current,
                       size_t k)
{
    double *a = arena_new_array(scratch, double, k + 1);
    double *b = arena_new_array(scratch, double, k + 1);
    size_t len = merge_below_share(reference, current, k, a, b);
    if (len < 2)
        return 0;
    len = scale_down(a, b, len);
    double n = stats_sum(a, len) + stats_sum(b, len), wide = (double)len;
    if (len < 2 || stats_sum(a, len) <= 0 || stats_sum(b, len) <= 0)
        return (double)NAN; /* nothing is left to compare */
    double phi2 = drift_pearson(a, b, len, len == 2) / n;
    double corrected = fmax(0, phi2 - (wide - 1) / (n - 1));
    double columns = wide - (wide - 1) * (wide - 1) / (n - 1), rows = 2 - 1 / (n - 1);
    return sqrt(corrected / fmin(columns - 1, rows - 1));
}

/* Whether the rarest value has to be merged: `rare` of `k` are expected too seldom. */
static bool needs_merging(const double *a, const double *b, size_t k)
{
    double sum_a = stats_sum(a, k), sum_b = stats_sum(b, k), least = k == 2 ? 10 : 5;
    double smaller = fmin(sum_a, sum_b) / (sum_a + sum_b);
    size_t rare = 0;
    for (size_t i = 0; i < k; i++)
        rare += (a[i] + b[i]) * smaller < least;
    return k == 2 ? rare > 0 : (double)rare > 0.2 * (double)k;
}

static int compare_sums(const void *left, const void *right)
{
    const struct tally *a = left, *b = right;
    double sum_a = a->reference + a->current, sum_b = b->reference + b->current;
    if (sum_a < sum_b || sum_a > sum_b)
        return sum_a > sum_b ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

/* The tallies from the most frequent on; the last of them holds all that are rarer. */
double drift_merged_chi2_p(struct arena *scratch, const double *reference, const double *current,
                           size_t k)
{
    struct tally *all = arena_new_array(scratch, struct tally, k);
    double *a = arena_new_array(scratch, double, k), *b = arena_new_array(scratch, double, k);
    for (size_t i = 0; i < k; i++)
        all[i] = (struct tally){{0}, reference[i], current[i], i};
    if (k)
        qsort(all, k, sizeof *all, compare_sums);
    for (size_t i = 0; i < k; i++) {
        a[i] = all[i].reference;
        b[i] = all[i].current;
    }
    for (; k > 1 && needs_merging(a, b, k); k--) {
        a[k - 2] += a[k - 1];
        b[k - 2] += b[k - 1];
    }
    return k > 1 ? stats_chi2_sf(drift_pearson(a, b, k, false), (double)k - 1) : (double)NAN;
}

static void add_chi2(struct arena *arena, struct number_vec *numbers, struct drift *drift)
{
    const double *a = drift->reference_counts, *b = drift->current_counts;
    size_t k = drift->key_count;
    double chi2 = drift_pearson(a, b, k, k == 2);
    drift_add(arena, numbers, "chisquare_evidently_p", fit_p(a, b, k));
    drift_add(arena, numbers, "chi2_contingency", chi2);
    drift_add(arena, numbers, "chi2_contingency_p", k > 1 ? stats_chi2_sf(chi2, (double)k - 1) : 1);
    drift_add(arena, numbers, "chi2_df", (double)k - 1);
    drift->methods[DRIFT_CHI2] = drift_merged_chi2_p(arena, a, b, k);
    drift->methods[DRIFT_CRAMERS_V] = drift_cramers_v(arena, a, b, k);
}

static struct share_pair count_shares(struct arena *arena, struct drift *drift)
{
    size_t k = drift->key_count, largest = 0;
    double sum_p = stats_sum(drift->reference_counts, k);
    double sum_q = stats_sum(drift->current_counts, k);
    struct share_pair shares = {arena_new_array(arena, double, k),
                                arena_new_array(arena, double, k), k};
    for (size_t i = 0; i < k; i++) {
        shares.p[i] = drift->reference_counts[i] / sum_p;
        shares.q[i] = drift->current_counts[i] / sum_q;
        if (fabs(shares.p[i] - shares.q[i]) > fabs(shares.p[largest] - shares.q[largest]))
            largest = i;
    }
    drift->methods[DRIFT_LINF] = fabs(shares.p[largest] - shares.q[largest]);
    drift->largest_key = drift->keys[largest];
    return shares;
}

static void add_undefined(struct arena *arena, struct number_vec *numbers)
{
    static const char *const names[] = {
        "chisquare_evidently_p",
        "chi2_contingency",
        "chi2_contingency_p",
        "chi2_df",
        "psi_evidently",
        "psi_deepchecks_floor_0.01",
        "js_distance_ln",
        "js_divergence_bits_tfdv",
        "l_infinity_tfdv",
        "tvd",
        "hellinger",
        "cramers_v_bias_corrected_unbalanced",
        "psi_floor_1e-4",
        "chi2_merged_p",
    };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        drift_add(arena, numbers, names[i], (double)NAN);
}

/* What a column of numbers has by its bins already stays. */
static void set_method(struct drift *drift, enum drift_method method, double value)
{
    if (isnan(drift->methods[method]))
        drift->methods[method] = value;
}

void drift_add_values(struct arena *arena, struct number_vec *numbers, struct drift *drift)
{
    if (drift->reason || drift->key_count == 0) {
        add_undefined(arena, numbers);
        return;
    }
    struct share_pair shares = count_shares(arena, drift);
    double divergence = drift_js_nats(arena, &shares);
    double psi = drift_psi_floored(arena, &shares, 1e-4);
    add_chi2(arena, numbers, drift);
    set_method(drift, DRIFT_PSI, psi);
    set_method(drift, DRIFT_JS, divergence / log(2));
    set_method(drift, DRIFT_HELLINGER, drift_hellinger(arena, &shares));
    drift_add(arena, numbers, "psi_evidently", drift_psi_evidently(arena, &shares));
    drift_add(arena, numbers, "psi_deepchecks_floor_0.01", drift_psi_floored(arena, &shares, 0.01));
    drift_add(arena, numbers, "js_distance_ln", sqrt(divergence));
    drift_add(arena, numbers, "js_divergence_bits_tfdv", divergence / log(2));
    drift_add(arena, numbers, "l_infinity_tfdv", drift->methods[DRIFT_LINF]);
    drift_add(arena, numbers, "tvd", drift_tvd(&shares));
    drift_add(arena, numbers, "hellinger", drift_hellinger(arena, &shares));
    drift_add(arena, numbers, "cramers_v_bias_corrected_unbalanced",
              drift->methods[DRIFT_CRAMERS_V]);
    drift_add(arena, numbers, "psi_floor_1e-4", psi);
    drift_add(arena, numbers, "chi2_merged_p", drift->methods[DRIFT_CHI2]);
}
