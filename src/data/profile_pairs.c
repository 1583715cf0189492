#include <math.h>
#include <stdlib.h>

#include "profile_private.h"

enum { LANES = 2 };

typedef double lanes __attribute__((vector_size(LANES * sizeof(double))));
typedef int64_t masks __attribute__((vector_size(LANES * sizeof(int64_t))));

/* A column of the sample as distances from its mean, in standard deviations. */
struct side {
    const uint64_t *cells;
    double centre, scale;
};

/* Sums over the records where both have a number. */
struct pair_sums {
    lanes count, x, y, xx, yy, xy;
};

static lanes load(const uint64_t *cells)
{
    lanes two;
    memcpy(&two, cells, sizeof two);
    return two;
}

static masks is_finite(lanes two)
{
    const lanes most = {__DBL_MAX__, __DBL_MAX__};
    return (masks)(two <= most) & (masks)(two >= -most);
}

static lanes where(masks mask, lanes two)
{
    return (lanes)((masks)two & mask);
}

static void add_two(struct pair_sums *sums, const struct side *a, const struct side *b,
                    const uint64_t *cells_a, const uint64_t *cells_b)
{
    lanes x = load(cells_a), y = load(cells_b);
    masks both = is_finite(x) & is_finite(y);
    x = where(both, (x - a->centre) * a->scale);
    y = where(both, (y - b->centre) * b->scale);
    sums->count += where(both, (lanes){1, 1});
    sums->x += x;
    sums->y += y;
    sums->xx += x * x;
    sums->yy += y * y;
    sums->xy += x * y;
}

static double total(lanes two)
{
    return two[0] + two[1];
}

/* Pearson's r; NaN where one side does not vary. */
static double correlation(const struct side *a, const struct side *b, size_t len)
{
    struct pair_sums sums = {0};
    size_t i = 0;
    for (; i + LANES <= len; i += LANES)
        add_two(&sums, a, b, a->cells + i, b->cells + i);
    uint64_t rest_a[LANES] = {SAMPLE_NULL, SAMPLE_NULL}, rest_b[LANES];
    memcpy(rest_b, rest_a, sizeof rest_b);
    memcpy(rest_a, a->cells + i, (len - i) * sizeof *rest_a);
    memcpy(rest_b, b->cells + i, (len - i) * sizeof *rest_b);
    add_two(&sums, a, b, rest_a, rest_b);
    double n = total(sums.count), x = total(sums.x), y = total(sums.y);
    double xx = total(sums.xx) - x * x / n, yy = total(sums.yy) - y * y / n;
    if (!(n >= 2) || !(xx > 1e-13 * total(sums.xx)) || !(yy > 1e-13 * total(sums.yy)))
        return (double)NAN;
    double r = (total(sums.xy) - x * y / n) / (sqrt(xx) * sqrt(yy));
    return fmax(-1, fmin(1, r));
}

static int compare_pairs(const void *a, const void *b)
{
    const struct column_pair *x = a, *y = b;
    double p = fabs(x->correlation), q = fabs(y->correlation);
    if (p < q || p > q)
        return p < q ? 1 : -1;
    if (x->a != y->a)
        return x->a < y->a ? -1 : 1;
    return (x->b > y->b) - (x->b < y->b);
}

static bool open_side(const struct profiler *profiler, const struct column_profile *column,
                      size_t at, struct side *ret)
{
    const struct wide_moments *moments = &profiler->moments[at];
    double sd = (double)sqrtl(moments->squares / fmaxl(1, moments->count));
    *ret = (struct side){profiler->sample.cells[at], (double)moments->mean, 1 / sd};
    return ret->cells && (column->has_numbers || column->type == TYPE_BOOLEAN) && sd > 0 &&
           isfinite(ret->scale) && isfinite(ret->centre);
}

void profile_finish_pairs(struct profiler *profiler, struct arena *arena, struct profile *profile)
{
    struct side sides[PROFILE_PAIRED];
    uint32_t columns[PROFILE_PAIRED];
    size_t count = 0, len = 0;
    for (size_t i = 0; i < profile->column_count && count < PROFILE_PAIRED; i++) {
        columns[count] = (uint32_t)i;
        if (open_side(profiler, &profile->columns[i], i, &sides[count]))
            count++;
    }
    struct column_pair *pairs = arena_new_array(arena, struct column_pair, count * count / 2);
    for (size_t a = 0; a < count; a++) {
        for (size_t b = a + 1; b < count; b++) {
            double r = correlation(&sides[a], &sides[b], profiler->sample.rows.len);
            pairs[len] = (struct column_pair){columns[a], columns[b], r};
            if (!isnan(r))
                len++;
        }
    }
    if (len > 1)
        qsort(pairs, len, sizeof *pairs, compare_pairs);
    profile->pairs = pairs;
    profile->pair_count = len;
}
