/* Numbers to histograms, and two distribution functions walked side by side. */
#include "mlops/base/arena.h"

#include <math.h>

#include "drift_private.h"

/* As numpy's linspace: the last edge is `to` itself. */
static void space_evenly(double *edges, size_t bins, double from, double to)
{
    double step = (to - from) / (double)bins;
    for (size_t i = 0; i < bins; i++)
        edges[i] = from + (double)i * step;
    edges[bins] = to;
}

/* Edges of ceil(log2(n) + 1) bins of equal width over both; returns how many edges. The number of
 * bins is computed by way of the width, as numpy does: at powers of two it decides. */
size_t drift_sturges(struct arena *arena, const struct distribution *reference,
                     const struct distribution *current, double **ret)
{
    double from = fmin(reference->values[0], current->values[0]);
    double to = fmax(reference->values[reference->len - 1], current->values[current->len - 1]);
    double width = (to - from) / (log2(reference->total + current->total) + 1);
    size_t bins = width > 0 && isfinite(width) ? (size_t)ceil((to - from) / width) : 1;
    if (to <= from) {
        from -= 0.5;
        to += 0.5;
    }
    *ret = arena_new_array(arena, double, bins + 1);
    space_evenly(*ret, bins, from, to);
    return bins + 1;
}

void drift_deciles(struct arena *arena, const struct distribution *reference, double **ret)
{
    *ret = arena_new_array(arena, double, 11);
    for (int i = 0; i < 10; i++)
        (*ret)[i] = distribution_quantile(reference, i * 0.1);
    (*ret)[10] = distribution_quantile(reference, 1);
}

/* Shares of [edge, next edge), of the last bin with its upper edge. */
static double *shares_between(struct arena *arena, const struct distribution *from,
                              const double *edges, size_t bins)
{
    double *shares = arena_new_array(arena, double, bins);
    size_t bin = 0;
    for (size_t i = 0; i < from->len; i++) {
        double value = from->values[i];
        while (bin + 1 < bins && value >= edges[bin + 1])
            bin++;
        if (value >= edges[bin] && value <= edges[bin + 1])
            shares[bin] += from->weights[i];
    }
    for (size_t i = 0; i < bins; i++)
        shares[i] /= from->total;
    return shares;
}

struct share_pair drift_cut(struct arena *arena, const struct distribution *reference,
                            const struct distribution *current, const double *edges, size_t count)
{
    return (struct share_pair){shares_between(arena, reference, edges, count - 1),
                               shares_between(arena, current, edges, count - 1), count - 1};
}

/* Edges 1 to 9 of the deciles, each once; the bits say which of them are atoms: they repeat, so
 * that a tenth of the values or more are this very value. */
struct cuts {
    double at[9];
    bool is_atom[9];
    size_t len;
};

static struct cuts inner_cuts(const double *deciles)
{
    struct cuts cuts = {.len = 0};
    for (int i = 1; i < 10; i++) {
        bool repeats = deciles[i] == deciles[i - 1] || deciles[i] == deciles[i + 1];
        if (cuts.len && cuts.at[cuts.len - 1] == deciles[i])
            continue;
        cuts.is_atom[cuts.len] = repeats;
        cuts.at[cuts.len++] = deciles[i];
    }
    return cuts;
}

/* Bin 2k holds what lies behind k cuts, bin 2k-1 the kth cut itself if it is an atom. */
static size_t bin_of(const struct cuts *cuts, double value)
{
    size_t behind = 0;
    while (behind < cuts->len && value >= cuts->at[behind])
        behind++;
    bool is_atom = behind && cuts->is_atom[behind - 1] && value == cuts->at[behind - 1];
    return 2 * behind - is_atom;
}

static double *shares_of_cuts(struct arena *arena, const struct distribution *from,
                              const struct cuts *cuts)
{
    double *shares = arena_new_array(arena, double, 2 * cuts->len + 1);
    for (size_t i = 0; i < from->len; i++)
        shares[bin_of(cuts, from->values[i])] += from->weights[i] / from->total;
    return shares;
}

struct share_pair drift_cut_deciles(struct arena *arena, const struct distribution *reference,
                                    const struct distribution *current, const double *deciles)
{
    struct cuts cuts = inner_cuts(deciles);
    double *p = shares_of_cuts(arena, reference, &cuts);
    double *q = shares_of_cuts(arena, current, &cuts);
    size_t kept = 0; /* bins that neither has are none */
    for (size_t i = 0; i < 2 * cuts.len + 1; i++) {
        if (p[i] <= 0 && q[i] <= 0)
            continue;
        p[kept] = p[i];
        q[kept++] = q[i];
    }
    return (struct share_pair){p, q, kept};
}

bool drift_has_atoms(const double *deciles)
{
    for (int i = 0; i < 10; i++) {
        if (deciles[i] == deciles[i + 1])
            return true;
    }
    return false;
}

/* Two distributions from the least value to the largest, each value once. */
struct walk {
    const struct distribution *a, *b;
    size_t at_a, at_b;
    double value, weight_a, weight_b;
};

static bool walk_next(struct walk *walk)
{
    bool has_a = walk->at_a < walk->a->len, has_b = walk->at_b < walk->b->len;
    if (!has_a && !has_b)
        return false;
    double a = has_a ? walk->a->values[walk->at_a] : (double)INFINITY;
    double b = has_b ? walk->b->values[walk->at_b] : (double)INFINITY;
    walk->value = fmin(a, b);
    walk->weight_a = has_a && a <= b ? walk->a->weights[walk->at_a++] : 0;
    walk->weight_b = has_b && b <= a ? walk->b->weights[walk->at_b++] : 0;
    return true;
}

struct share_pair drift_each(struct arena *arena, const struct distribution *reference,
                             const struct distribution *current)
{
    size_t most = reference->len + current->len;
    struct share_pair shares = {arena_new_array(arena, double, most),
                                arena_new_array(arena, double, most), 0};
    struct walk walk = {.a = reference, .b = current};
    for (; walk_next(&walk); shares.len++) {
        shares.p[shares.len] = walk.weight_a / reference->total;
        shares.q[shares.len] = walk.weight_b / current->total;
    }
    return shares;
}

struct drift_gap drift_compare(const struct distribution *reference,
                               const struct distribution *current)
{
    struct walk walk = {.a = reference, .b = current};
    struct drift_gap gap = {0};
    double below_a = 0, below_b = 0, last = 0, apart = 0;
    while (walk_next(&walk)) {
        double both = walk.weight_a + walk.weight_b;
        gap.wasserstein += apart * (walk.value - last);
        gap.below += walk.weight_a * (below_b + walk.weight_b / 2);
        gap.ties += both * both * both - both;
        gap.has_ties = gap.has_ties || both > 1;
        below_a += walk.weight_a;
        below_b += walk.weight_b;
        last = walk.value;
        apart = fabs(below_a / reference->total - below_b / current->total);
        gap.ks = fmax(gap.ks, apart);
    }
    gap.below /= reference->total * current->total;
    return gap;
}
