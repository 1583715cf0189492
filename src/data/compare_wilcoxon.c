/* F. Wilcoxon 1945, the way scipy 1.10 goes by default: differences of 0 are left out, exact up to
 * 50 pairs without any, else the normal approximation with the correction for ties. */
#include "mlops/data/stats.h"

#include <math.h>
#include <stdlib.h>

#include "compare_private.h"

enum { EXACT_PAIRS = 50, EXACT_SUMS = EXACT_PAIRS * (EXACT_PAIRS + 1) / 2 + 1 };

static int by_size(const void *a, const void *b)
{
    double x = fabs(*(const double *)a), y = fabs(*(const double *)b);
    return (x > y) - (x < y);
}

struct ranks {
    double count, plus, minus; /* sums of the ranks of differences above and below 0 */
    double ties;               /* sum of t^3 - t */
};

/* `sorted` by size, without zeros. Equal ones share the mean of their ranks. */
static struct ranks take_ranks(const double *sorted, size_t count)
{
    struct ranks ranks = {.count = (double)count};
    for (size_t from = 0, to; from < count; from = to) {
        size_t plus = 0;
        for (to = from; to < count && fabs(sorted[to]) == fabs(sorted[from]); to++)
            plus += sorted[to] > 0;
        double equal = (double)(to - from), rank = (double)from + (equal + 1) / 2;
        ranks.plus += rank * (double)plus;
        ranks.minus += rank * (equal - (double)plus);
        ranks.ties += equal * (equal * equal - 1);
    }
    return ranks;
}

/* How likely each sum of ranks is, rank by rank; where ties made a sum broken, its whole part. */
static double exact_p(size_t count, double plus)
{
    double share[EXACT_SUMS] = {1}, below = 0, above = 0;
    size_t sums = count * (count + 1) / 2 + 1, at = (size_t)plus;
    for (size_t rank = 1, sum = 0; rank <= count; rank++) {
        sum += rank;
        for (size_t i = sum + 1; i-- > 0;)
            share[i] = 0.5 * share[i] + (i >= rank ? 0.5 * share[i - rank] : 0);
    }
    if (at == (sums - 1) / 2)
        return 1;
    for (size_t i = 0; i <= at; i++)
        below += share[i];
    for (size_t i = at; i < sums; i++)
        above += share[i];
    return fmin(1, 2 * fmin(below, above));
}

static double normal_p(const struct ranks *ranks, double w)
{
    double n = ranks->count, mean = n * (n + 1) / 4;
    double variance = (n * (n + 1) * (2 * n + 1) - ranks->ties / 2) / 24;
    return fmin(1, 2 * stats_normal_sf(fabs(w - mean) / sqrt(variance)));
}

void compare_wilcoxon(double *differences, size_t count, double *ret_w, double *ret_p)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        if (differences[i] != 0)
            differences[len++] = differences[i];
    *ret_w = *ret_p = nan("");
    if (len == 0)
        return;
    qsort(differences, len, sizeof *differences, by_size);
    struct ranks ranks = take_ranks(differences, len);
    *ret_w = fmin(ranks.plus, ranks.minus);
    *ret_p = count <= EXACT_PAIRS && len == count ? exact_p(count, ranks.plus)
                                                  : normal_p(&ranks, *ret_w);
}
