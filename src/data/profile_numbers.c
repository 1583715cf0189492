#include <math.h>

#include "profile_private.h"

enum { LANES = 2 };

/* Two numbers at once; the order in which they are added is fixed, so that the same batch gives
 * the same sum. */
typedef double lanes __attribute__((vector_size(LANES * sizeof(double))));
typedef int64_t masks __attribute__((vector_size(LANES * sizeof(int64_t))));

static lanes load(const double *at)
{
    lanes two;
    memcpy(&two, at, sizeof two);
    return two;
}

static double sum_lanes(lanes a, lanes b)
{
    lanes sum = a + b;
    return sum[0] + sum[1];
}

static double sum_of(const double *numbers, size_t count)
{
    lanes a = {0}, b = {0};
    size_t i = 0;
    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        a += load(numbers + i);
        b += load(numbers + i + LANES);
    }
    double sum = sum_lanes(a, b);
    for (; i < count; i++)
        sum += numbers[i];
    return sum;
}

/* Sum of the squared distances from about the mean, less what that mean is off. */
static double squares_of(const double *numbers, size_t count, double mean, double *ret_off)
{
    lanes squares = {0}, off = {0};
    const lanes means = {mean, mean};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        lanes away = load(numbers + i) - means;
        squares += away * away;
        off += away;
    }
    double sum = sum_lanes(squares, (lanes){0}), rest = sum_lanes(off, (lanes){0});
    for (; i < count; i++) {
        double away = numbers[i] - mean;
        sum += away * away;
        rest += away;
    }
    *ret_off = rest / (double)count;
    return isfinite(sum) ? fmax(0, sum - rest * *ret_off) : sum;
}

/* For numbers whose sums leave the range of doubles. */
static struct moments wide_moments_of(const double *numbers, size_t count)
{
    long double mean = 0, squares = 0;
    for (size_t i = 0; i < count; i++) {
        long double away = (long double)numbers[i] - mean;
        mean += away / (long double)(i + 1);
        squares += away * ((long double)numbers[i] - mean);
    }
    return (struct moments){(double)count, (double)mean, squares, 0};
}

struct moments moments_of(const double *numbers, size_t count)
{
    if (count == 0)
        return (struct moments){0};
    double mean = sum_of(numbers, count) / (double)count;
    double off = 0;
    double squares = isfinite(mean) ? squares_of(numbers, count, mean, &off) : mean;
    if (!isfinite(squares))
        return wide_moments_of(numbers, count);
    return (struct moments){(double)count, mean, squares, off};
}

void moments_merge(struct wide_moments *into, const struct moments *from)
{
    if (!(from->count > 0))
        return;
    long double more = (long double)from->count, all = into->count + more;
    long double away = (long double)from->mean + (long double)from->off - into->mean;
    into->mean += away * more / all;
    into->squares += from->squares + away * away * into->count * more / all;
    into->count = all;
}

struct bounds {
    lanes min, max;
    masks zeros, negatives;
};

static void widen(struct bounds *bounds, lanes two)
{
    masks less = two<bounds->min, more = two> bounds->max;
    bounds->min = (lanes)(((masks)two & less) | ((masks)bounds->min & ~less));
    bounds->max = (lanes)(((masks)two & more) | ((masks)bounds->max & ~more));
    bounds->zeros -= (masks)(two == (lanes){0});
    bounds->negatives -= (masks)(two < (lanes){0});
}

static void add_bounds(struct column_visit *visit, const struct bounds *bounds)
{
    struct column_sums *sums = visit->sums;
    double min = HUGE_VAL, max = -HUGE_VAL;
    for (size_t i = 0; i < LANES; i++) {
        min = fmin(min, bounds->min[i]);
        max = fmax(max, bounds->max[i]);
        sums->zero_count += (uint64_t)bounds->zeros[i];
        sums->negative_count += (uint64_t)bounds->negatives[i];
    }
    sums->min = fmin(sums->min, min);
    sums->max = fmax(sums->max, max);
    sums->number_count += visit->number_count;
    visit->magnitude = fmax(-min, max);
}

static void visit_bounds(struct column_visit *visit)
{
    const double *numbers = visit->numbers;
    size_t count = visit->number_count, i = 0;
    const lanes top = {HUGE_VAL, HUGE_VAL};
    struct bounds bounds = {.min = top, .max = -top};
    for (; i + LANES <= count; i += LANES)
        widen(&bounds, load(numbers + i));
    for (; i < count; i++) {
        bounds.min[0] = fmin(bounds.min[0], numbers[i]);
        bounds.max[0] = fmax(bounds.max[0], numbers[i]);
        bounds.zeros[0] += !(numbers[i] < 0) && !(numbers[i] > 0);
        bounds.negatives[0] += numbers[i] < 0;
    }
    add_bounds(visit, &bounds);
}

/* Picks the finite numbers; branches only where there is something odd. */
static void pick_numbers(struct column_visit *visit)
{
    const struct column_data *data = visit->data;
    size_t at = 0;
    for (size_t i = 0; i < data->count; i++) {
        bool is_number = visit->rule->roles[data->states[i]] == ROLE_NUMBER;
        visit->numbers[at] = data->numbers[i];
        at += is_number && fabs(data->numbers[i]) <= __DBL_MAX__;
    }
    visit->number_count = at;
}

struct moments profile_visit_numbers(struct column_visit *visit)
{
    pick_numbers(visit);
    visit_bounds(visit);
    return moments_of(visit->numbers, visit->number_count);
}
