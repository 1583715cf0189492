#include "mlops/data/resample.h"

#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/data/stats.h"
#include "mlops/host/pool.h"

#include <math.h>
#include <stdlib.h>

enum {
    REPLICATES_MOST = 2000,
    REPLICATES_LEAST = 200,
    DEFINED_LEAST = 4,    /* one of so many replicates has a value */
    INLINE_ROWS = 200000, /* drawn in all: below it threads cost more than they bring */
};

size_t resample_replicates(size_t rows)
{
    size_t count = (size_t)LIMIT_RESAMPLE_ROWS / MAX_OF(rows, (size_t)1);
    return MAX_OF(MIN_OF(count, (size_t)REPLICATES_MOST), (size_t)REPLICATES_LEAST);
}

/* --- random numbers: xoshiro256** (D. Blackman, S. Vigna 2018), seeded by splitmix64 -------- */

struct stream {
    uint64_t state[4];
};

static uint64_t splitmix(uint64_t *at)
{
    uint64_t z = *at += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* The seed and the number of the replicate are mixed one after the other, so that streams of
 * neighbours have nothing in common. */
static struct stream stream_make(uint64_t seed, uint64_t number)
{
    struct stream stream;
    uint64_t at = seed;
    at = splitmix(&at) ^ number;
    for (int i = 0; i < 4; i++)
        stream.state[i] = splitmix(&at);
    return stream;
}

static uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static uint64_t next(struct stream *stream)
{
    uint64_t *s = stream->state, result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

/* Below `bound`, each with the same probability (D. Lemire 2019); bound < 2^32. */
static uint32_t next_below(struct stream *stream, uint32_t bound)
{
    uint32_t least = -bound % bound;
    for (;;) {
        uint64_t product = (next(stream) >> 32) * bound;
        if ((uint32_t)product >= least)
            return (uint32_t)(product >> 32);
    }
}

/* --- replicates ----------------------------------------------------------------------------- */

/* What one thread works with. */
struct bench {
    struct scorer *a, *b; /* b: NULL if one model is looked at */
    double *weights;      /* of all rows, in one replicate */
    double *values;       /* of the metrics: of a, then of b */
};

struct bootstrap {
    const size_t *rows; /* of metrics */
    size_t count;
    const double *weights; /* of rows, or NULL */
    const uint32_t *drawn; /* rows of a weight above 0 */
    size_t drawn_count, row_count;
    size_t replicates;
    double *found; /* replicates of the first metric, then of the second, ... */
    struct bench *benches;
    size_t bench_count;
};

static void draw(const struct bootstrap *bootstrap, struct bench *bench, size_t replicate)
{
    struct stream stream = stream_make(RESAMPLE_SEED, replicate);
    memset(bench->weights, 0, bootstrap->row_count * sizeof *bench->weights);
    for (size_t i = 0; i < bootstrap->drawn_count; i++) {
        uint32_t row = bootstrap->drawn[next_below(&stream, (uint32_t)bootstrap->drawn_count)];
        bench->weights[row] += bootstrap->weights ? bootstrap->weights[row] : 1;
    }
}

/* Every bench_count-th replicate: what comes out depends on none of this. */
static FALLIBLE work(void *context, size_t index)
{
    struct bootstrap *bootstrap = context;
    struct bench *bench = &bootstrap->benches[index];
    size_t count = bootstrap->count;
    for (size_t i = index; i < bootstrap->replicates; i += bootstrap->bench_count) {
        double *a = bench->values, *b = bench->values + count;
        draw(bootstrap, bench, i);
        scorer_values(bench->a, bootstrap->rows, count, bench->weights, a);
        if (bench->b)
            scorer_values(bench->b, bootstrap->rows, count, bench->weights, b);
        for (size_t m = 0; m < count; m++)
            bootstrap->found[m * bootstrap->replicates + i] = bench->b ? b[m] - a[m] : a[m];
    }
    return NULL;
}

static void find_drawn(struct arena *arena, struct bootstrap *bootstrap)
{
    uint32_t *drawn = arena_new_array(arena, uint32_t, bootstrap->row_count);
    for (size_t i = 0; i < bootstrap->row_count; i++)
        if (!bootstrap->weights || bootstrap->weights[i] > 0)
            drawn[bootstrap->drawn_count++] = (uint32_t)i;
    bootstrap->drawn = drawn;
}

static void make_benches(struct arena *arena, struct bootstrap *bootstrap, const struct scorer *a,
                         const struct scorer *b)
{
    bootstrap->benches = arena_new_array(arena, struct bench, bootstrap->bench_count);
    for (size_t i = 0; i < bootstrap->bench_count; i++)
        bootstrap->benches[i] = (struct bench){
            .a = scorer_clone(arena, a),
            .b = b ? scorer_clone(arena, b) : NULL,
            .weights = arena_new_array(arena, double, bootstrap->row_count),
            .values = arena_new_array(arena, double, 2 * bootstrap->count),
        };
}

/* `b` may be NULL. Fills `found`. */
static FALLIBLE run(struct arena *arena, struct bootstrap *bootstrap, const struct scorer *a,
                    const struct scorer *b)
{
    const struct predictions *predictions = scorer_predictions(a);
    bootstrap->row_count = predictions->count;
    bootstrap->weights = bootstrap->weights ? bootstrap->weights : predictions->weights;
    find_drawn(arena, bootstrap);
    bootstrap->replicates = resample_replicates(bootstrap->drawn_count);
    bootstrap->found = arena_new_array(arena, double, bootstrap->count * bootstrap->replicates);
    bool is_small = bootstrap->drawn_count * bootstrap->replicates < INLINE_ROWS;
    AUTO(pool_drop) struct pool *pool = pool_open(is_small ? 0 : -1);
    bootstrap->bench_count = (size_t)pool_threads(pool) + 1;
    make_benches(arena, bootstrap, a, b);
    return pool_run(pool, bootstrap->bench_count, work, bootstrap, NULL);
}

/* --- intervals ------------------------------------------------------------------------------ */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts what is defined to the front. */
static size_t sort_defined(double *values, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i]))
            values[len++] = values[i];
    qsort(values, len, sizeof *values, by_value);
    return len;
}

/* Between neighbours by their distance, as numpy's default. */
static double quantile(const double *sorted, size_t count, double share)
{
    double at = share * (double)(count - 1);
    size_t low = (size_t)at, high = MIN_OF(low + 1, count - 1);
    double part = at - (double)low;
    return part > 0 ? sorted[low] + (sorted[high] - sorted[low]) * part : sorted[low];
}

/* Where most replicates have no value (a class that is in few of them), those that have one are no
 * sample of what could have been. */
static bool is_enough(size_t defined, size_t replicates)
{
    return defined > 0 && defined >= replicates / DEFINED_LEAST;
}

static struct interval percentiles(const double *sorted, size_t count, size_t replicates,
                                   double level)
{
    struct interval interval = {nan(""), nan(""), level, "bootstrap", count};
    if (!is_enough(count, replicates))
        return interval;
    interval.low = quantile(sorted, count, (1 - level) / 2);
    interval.high = quantile(sorted, count, (1 + level) / 2);
    return interval;
}

/* Twice the smaller share of replicates at or beyond 0. */
static double two_sided(const double *sorted, size_t count, size_t replicates)
{
    size_t below = 0, above = 0;
    for (size_t i = 0; i < count; i++) {
        below += sorted[i] <= 0;
        above += sorted[i] >= 0;
    }
    if (!is_enough(count, replicates))
        return nan("");
    double p = 2 * (double)MIN_OF(below, above) / (double)count;
    return fmin(1, fmax(p, 1 / (double)count));
}

struct interval resample_wilson(double share, double n, double level)
{
    struct interval interval = {nan(""), nan(""), level, "wilson", 0};
    if (!(n > 0) || !(share >= 0 && share <= 1))
        return interval;
    double z = stats_normal_isf((1 - level) / 2), square = z * z, all = 1 + square / n;
    double middle = (share + square / (2 * n)) / all;
    double reach = z * sqrt(share * (1 - share) / n + square / (4 * n * n)) / all;
    interval.low = share == 0 ? 0 : fmax(0, middle - reach);
    interval.high = share == 1 ? 1 : fmin(1, middle + reach);
    return interval;
}

/* --- of one model --------------------------------------------------------------------------- */

/* How many rows count if each counts once or not at all; 0: there are other weights. */
static double plain_rows(const struct predictions *predictions, const double *weights)
{
    double rows = 0;
    weights = weights ? weights : predictions->weights;
    if (!weights)
        return (double)predictions->count;
    for (size_t i = 0; i < predictions->count; i++) {
        if (weights[i] != 0 && weights[i] != 1)
            return 0;
        rows += weights[i];
    }
    return rows;
}

FALLIBLE resample_intervals(struct scorer *scorer, const size_t *rows, size_t count,
                            const double *weights, double level, struct interval *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    size_t all, len = 0;
    const struct score_row *known = score_rows(&all);
    size_t *drawn = arena_new_array(&scratch, size_t, count);
    double plain = plain_rows(scorer_predictions(scorer), weights);
    for (size_t i = 0; i < count; i++)
        if (known[rows[i]].is_share && plain > 0)
            ret[i] = resample_wilson(scorer_value(scorer, rows[i], weights, NULL), plain, level);
        else
            drawn[len++] = rows[i];
    struct bootstrap bootstrap = {.rows = drawn, .count = len, .weights = weights};
    if (len > 0)
        TRY(run(&scratch, &bootstrap, scorer, NULL));
    for (size_t i = 0, k = 0; i < count && k < len; i++) {
        if (known[rows[i]].is_share && plain > 0)
            continue;
        double *found = bootstrap.found + k++ * bootstrap.replicates;
        size_t defined = sort_defined(found, bootstrap.replicates);
        ret[i] = percentiles(found, defined, bootstrap.replicates, level);
    }
    return NULL;
}

/* --- of two --------------------------------------------------------------------------------- */

FALLIBLE resample_differences(struct scorer *a, struct scorer *b, const size_t *rows, size_t count,
                              const double *weights, double level, struct interval *ret,
                              double *ret_p)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct bootstrap bootstrap = {.rows = rows, .count = count, .weights = weights};
    check(scorer_predictions(a)->count == scorer_predictions(b)->count);
    if (count == 0)
        return NULL;
    TRY(run(&scratch, &bootstrap, a, b));
    for (size_t i = 0; i < count; i++) {
        double *found = bootstrap.found + i * bootstrap.replicates;
        size_t len = sort_defined(found, bootstrap.replicates);
        ret[i] = percentiles(found, len, bootstrap.replicates, level);
        ret_p[i] = two_sided(found, len, bootstrap.replicates);
    }
    return NULL;
}
