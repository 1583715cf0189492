#include "mlops/data/distribution.h"

#include "mlops/base/arena.h"
#include "mlops/base/check.h"

#include <math.h>
#include <stdlib.h>

enum {
    RADIX_BITS = 8,
    RADIX_SIZE = 1 << RADIX_BITS,
    RADIX_PASSES = 64 / RADIX_BITS,
    RADIX_LEAST = 512, /* fewer numbers are sorted by comparing */
};

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Bits whose order as integers is that of the numbers, and back. */
static uint64_t key_of(double number)
{
    uint64_t bits = 0;
    memcpy(&bits, &number, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static double number_of(uint64_t key)
{
    uint64_t bits = key >> 63 ? key & ~(UINT64_C(1) << 63) : ~key;
    double number = 0;
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* One pass by the byte at `shift`; false if it is the same everywhere: nothing was moved. */
static bool radix_pass(const uint64_t *from, uint64_t *to, size_t count, unsigned shift)
{
    size_t places[RADIX_SIZE] = {0};
    for (size_t i = 0; i < count; i++)
        places[from[i] >> shift & (RADIX_SIZE - 1)]++;
    if (places[from[0] >> shift & (RADIX_SIZE - 1)] == count)
        return false;
    size_t at = 0;
    for (size_t i = 0; i < RADIX_SIZE; i++) {
        size_t here = places[i];
        places[i] = at;
        at += here;
    }
    for (size_t i = 0; i < count; i++)
        to[places[from[i] >> shift & (RADIX_SIZE - 1)]++] = from[i];
    return true;
}

static void sort_by_radix(double *numbers, size_t count)
{
    AUTO(arena_drop) struct arena scratch = {0};
    uint64_t *keys = arena_new_array(&scratch, uint64_t, count);
    uint64_t *other = arena_new_array(&scratch, uint64_t, count);
    for (size_t i = 0; i < count; i++)
        keys[i] = key_of(numbers[i]);
    for (unsigned pass = 0; pass < RADIX_PASSES; pass++) {
        if (!radix_pass(keys, other, count, pass * RADIX_BITS))
            continue;
        uint64_t *swap = keys;
        keys = other;
        other = swap;
    }
    for (size_t i = 0; i < count; i++)
        numbers[i] = number_of(keys[i]);
}

static void sort_numbers(double *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        numbers[i] += 0.0; /* -0 becomes 0 */
    if (count >= RADIX_LEAST)
        sort_by_radix(numbers, count);
    else if (count > 1)
        qsort(numbers, count, sizeof *numbers, compare_numbers);
}

static size_t count_different(const double *sorted, size_t count)
{
    size_t different = count > 0;
    for (size_t i = 1; i < count; i++)
        different += sorted[i] > sorted[i - 1];
    return different;
}

struct distribution distribution_make(struct arena *arena, double *numbers, size_t count,
                                      double weight, bool is_exact)
{
    sort_numbers(numbers, count);
    size_t len = count_different(numbers, count), at = 0;
    double *values = arena_new_array(arena, double, len);
    double *weights = arena_new_array(arena, double, len);
    for (size_t i = 0, run = 1; i < count; i++, run++) {
        if (i + 1 < count && numbers[i + 1] <= numbers[i])
            continue;
        values[at] = numbers[i];
        weights[at++] = weight * (double)run;
        run = 0;
    }
    check(at == len);
    return (struct distribution){values, weights, len, weight * (double)count, is_exact};
}

/* Where the group that starts at `from` ends: its weight comes closest to `share`, and `left`
 * points are left over for the groups behind it. */
static size_t group_end(const struct distribution *all, size_t from, size_t end, double share)
{
    double sum = all->weights[from];
    size_t at = from + 1;
    while (at < end && sum + all->weights[at] / 2 < share)
        sum += all->weights[at++];
    return at;
}

/* The point of [from, to) below which half of the weight lies, with all of the weight. */
static void add_group(const struct distribution *all, size_t from, size_t to, double *value,
                      double *weight)
{
    double sum = 0, below = 0;
    for (size_t i = from; i < to; i++)
        sum += all->weights[i];
    size_t middle = from;
    while (middle + 1 < to && (below += all->weights[middle]) < sum / 2)
        middle++;
    *value = all->values[middle];
    *weight = sum;
}

/* The points between the ends in at most `most` groups. Returns how many. */
static size_t thin_middle(const struct distribution *from, size_t most, double *values,
                          double *weights)
{
    size_t end = from->len - 1, len = 0;
    double left = 0;
    for (size_t i = 1; i < end; i++)
        left += from->weights[i];
    for (size_t at = 1; at < end; len++) {
        bool is_last = len + 1 == most;
        size_t next = is_last ? end : group_end(from, at, end, left / (double)(most - len));
        add_group(from, at, next, &values[len], &weights[len]);
        left -= weights[len];
        at = next;
    }
    return len;
}

struct distribution distribution_thin(struct arena *arena, const struct distribution *from,
                                      size_t most)
{
    check(most >= 2);
    if (from->len <= most)
        return *from;
    double *values = arena_new_array(arena, double, most);
    double *weights = arena_new_array(arena, double, most);
    size_t last = from->len - 1, len = 1;
    values[0] = from->values[0];
    weights[0] = from->weights[0];
    if (most > 2)
        len += thin_middle(from, most - 2, values + 1, weights + 1);
    else
        for (size_t i = 1; i < last; i++)
            weights[0] += from->weights[i];
    values[len] = from->values[last];
    weights[len] = from->weights[last];
    return (struct distribution){values, weights, len + 1, from->total, false};
}

/* As numpy's lerp: exact at both ends. */
static double between(double a, double b, double share)
{
    double width = b - a;
    if (!isfinite(width))
        return a * (1 - share) + b * share;
    return share < 0.5 ? a + width * share : b - width * (1 - share);
}

double distribution_quantile(const struct distribution *from, double q)
{
    if (from->len == 0)
        return (double)NAN;
    double place = fmax(0, (from->total - 1) * fmin(fmax(q, 0), 1));
    double rank = floor(place), below = 0;
    for (size_t i = 0; i + 1 < from->len; i++) {
        below += from->weights[i];
        if (below <= rank)
            continue;
        if (below > rank + 1)
            return from->values[i];
        return between(from->values[i], from->values[i + 1], place - rank);
    }
    return from->values[from->len - 1];
}

double distribution_share(const struct distribution *from, double x)
{
    if (from->len == 0)
        return (double)NAN;
    if (x >= from->values[from->len - 1])
        return 1;
    double sum = 0;
    for (size_t i = 0; from->values[i] <= x; i++)
        sum += from->weights[i];
    return sum / from->total;
}

static long double mean_of(const struct distribution *from)
{
    long double sum = 0;
    for (size_t i = 0; i < from->len; i++)
        sum += (long double)from->values[i] * (long double)from->weights[i];
    return sum / (long double)from->total;
}

double distribution_mean(const struct distribution *from)
{
    return from->len ? (double)mean_of(from) : (double)NAN;
}

double distribution_sd(const struct distribution *from, bool is_population)
{
    double freedom = is_population ? from->total : from->total - 1;
    if (from->len == 0 || !(freedom > 0))
        return (double)NAN;
    long double mean = mean_of(from), sum = 0;
    for (size_t i = 0; i < from->len; i++) {
        long double away = (long double)from->values[i] - mean;
        sum += away * away * (long double)from->weights[i];
    }
    return (double)sqrtl(sum / (long double)freedom);
}
