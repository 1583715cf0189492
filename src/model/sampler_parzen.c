/* The densities of TPE: a mixture of one kernel for each member and a prior that weighs as much as
 * one member. Members beyond the newest 25 weigh less, linearly down to 1/n for the oldest; of more
 * than MEMBERS_MOST the newest count. A kernel is a product over the dimensions:
 *
 * - of a number a normal truncated to the range, its deviation the distance to the farther
 *   neighbour, at least range / min(100, members + 2) and at most the range; the first and the last
 *   look at their one neighbour, a single member at the ends of the range. The prior is as wide as
 *   the range and in its middle.
 * - loguniform and logint on the logarithm; whole numbers and steps by the mass of their cell.
 * - of a word 1 for its own plus 1 / (members + 1) for each; the prior has all words alike. */
#include "mlops/base/arena.h"

#include <math.h>
#include <stdlib.h>

#include "sampler_private.h"

enum { FLAT_WEIGHTS = 25, MEMBERS_MOST = 2000, REJECTED_MOST = 1000 };

#define FAR 8.0         /* deviations: what lies beyond is 1e-15 */
#define NEGLIGIBLE 40.0 /* logarithm: below the prior by so much, a kernel adds nothing */
#define EXPONENT_MOST 700.0
#define NARROW_CELL 0.02 /* deviations: a cell's mass is its width times the density in it */
#define SQRT_HALF 0.7071067811865476
#define HALF_LOG_TWO_PI 0.9189385332046727

/* One dimension on the scale on which it is estimated. */
struct axis {
    const struct dimension *dimension;
    double low, high; /* with half a cell at the ends */
    double word_prior;
    bool is_log, is_word, is_lattice;
};

struct parzen {
    struct arena *arena;
    const struct axis *axes;
    size_t axis_count, count;     /* kernels: the last one is the prior */
    double *cumulated;            /* weights */
    double *constants;            /* of each kernel: logarithm of its weight and normalisation */
    double *centres, *deviations; /* [kernel * axis_count + axis]; of a word: its index, none -1 */
};

static double normal_cdf(double z)
{
    return 0.5 * erfc(-z * SQRT_HALF);
}

static double clamp(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

static struct axis axis_make(const struct dimension *dimension)
{
    struct axis axis = {.dimension = dimension, .low = dimension->low, .high = dimension->high};
    double count = dimension_count(dimension);
    axis.is_word = dimension->kind == DIMENSION_CHOICE;
    axis.is_log = dimension->kind == DIMENSION_LOGUNIFORM || dimension->kind == DIMENSION_LOGINT;
    axis.is_lattice = !axis.is_word && count > 0;
    if (axis.is_lattice) {
        double step = dimension->kind == DIMENSION_LOGINT ? 1 : dimension->step;
        axis.high = dimension->low + (count - 1) * step + step / 2;
        axis.low -= step / 2;
    }
    if (axis.is_log) {
        axis.low = log(axis.low);
        axis.high = log(axis.high);
    }
    return axis;
}

/* Where a coordinate (`shift` 0) or an end of its cell (-0.5, 0.5) lies. */
static double axis_place(const struct axis *axis, double coordinate, double shift)
{
    const struct dimension *dimension = axis->dimension;
    double step = dimension->kind == DIMENSION_LOGINT ? 1 : dimension->step;
    double value = axis->is_lattice ? dimension->low + (coordinate + shift) * step : coordinate;
    return axis->is_log ? log(value) : value;
}

static double axis_coordinate(const struct axis *axis, double place)
{
    const struct dimension *dimension = axis->dimension;
    double step = dimension->kind == DIMENSION_LOGINT ? 1 : dimension->step;
    double value = axis->is_log ? exp(place) : place;
    if (!axis->is_lattice)
        return clamp(value, dimension->low, dimension->high);
    return clamp(floor((value - dimension->low) / step + 0.5), 0, dimension_count(dimension) - 1);
}

struct neighbour {
    double centre;
    size_t kernel;
};

static int neighbour_compare(const void *a, const void *b)
{
    const struct neighbour *left = a, *right = b;
    if (left->centre < right->centre || left->centre > right->centre)
        return left->centre < right->centre ? -1 : 1;
    return (left->kernel > right->kernel) - (left->kernel < right->kernel);
}

static void set_deviations(struct parzen *parzen, size_t axis_index, struct neighbour *sorted)
{
    const struct axis *axis = &parzen->axes[axis_index];
    size_t width = parzen->axis_count, count = parzen->count - 1;
    double range = axis->high - axis->low;
    double least = range / MIN_OF(100.0, 2.0 + (double)count);
    for (size_t i = 0; i < count; i++)
        sorted[i] = (struct neighbour){parzen->centres[i * width + axis_index], i};
    if (count > 1)
        qsort(sorted, count, sizeof *sorted, neighbour_compare);
    for (size_t i = 0; i < count; i++) {
        double left = i ? sorted[i].centre - sorted[i - 1].centre : 0;
        double right = i + 1 < count ? sorted[i + 1].centre - sorted[i].centre : 0;
        if (count == 1) {
            left = sorted[i].centre - axis->low;
            right = axis->high - sorted[i].centre;
        }
        parzen->deviations[sorted[i].kernel * width + axis_index] =
            clamp(fmax(left, right), least, range);
    }
    parzen->centres[count * width + axis_index] = axis->low + range / 2;
    parzen->deviations[count * width + axis_index] = range;
}

/* Logarithm of what the truncated normal of a kernel is divided by, but for the root of 2 pi. */
static double normalisation(const struct axis *axis, double centre, double deviation)
{
    double low = (axis->low - centre) / deviation, high = (axis->high - centre) / deviation;
    double mass = low < -FAR && high > FAR ? 1 : normal_cdf(high) - normal_cdf(low);
    return log(axis->is_lattice ? mass : mass * deviation);
}

/* By age: `index` of `count`, the oldest first. */
static double weight_of(size_t index, size_t count)
{
    if (count < FLAT_WEIGHTS || index >= count - FLAT_WEIGHTS)
        return 1;
    size_t ramp = count - FLAT_WEIGHTS;
    double start = 1 / (double)count;
    return ramp > 1 ? start + (1 - start) * (double)index / (double)(ramp - 1) : start;
}

static void set_constants(struct parzen *parzen)
{
    double all = 0;
    size_t width = parzen->axis_count, count = parzen->count - 1;
    for (size_t i = 0; i < parzen->count; i++) {
        double weight = i < count ? weight_of(i, count) : 1;
        parzen->cumulated[i] = all += weight;
        parzen->constants[i] = log(weight);
        for (size_t j = 0; j < width; j++)
            if (!parzen->axes[j].is_word)
                parzen->constants[i] -=
                    normalisation(&parzen->axes[j], parzen->centres[i * width + j],
                                  parzen->deviations[i * width + j]);
    }
    for (size_t i = 0; i < parzen->count; i++)
        parzen->constants[i] -= log(all);
}

static void set_centres(struct parzen *parzen, const struct parzen_member *members, size_t count,
                        bool is_good, size_t passed_over)
{
    size_t width = parzen->axis_count, kernel = 0;
    for (size_t i = 0; i < count; i++) {
        if (members[i].is_good != is_good)
            continue;
        if (passed_over) {
            passed_over--;
            continue;
        }
        for (size_t j = 0; j < width; j++)
            parzen->centres[kernel * width + j] =
                parzen->axes[j].is_word ? members[i].point[j]
                                        : axis_place(&parzen->axes[j], members[i].point[j], 0);
        kernel++;
    }
    for (size_t j = 0; j < width; j++)
        parzen->centres[kernel * width + j] = -1;
}

struct parzen *parzen_make(struct arena *arena, const struct sweep *sweep,
                           const struct parzen_member *members, size_t count, bool is_good)
{
    struct parzen *parzen = arena_new(arena, struct parzen);
    size_t width = sweep->dimensions.len, all = 0;
    struct axis *axes = arena_new_array(arena, struct axis, width);
    for (size_t i = 0; i < count; i++)
        all += members[i].is_good == is_good;
    size_t taken = MIN_OF(all, (size_t)MEMBERS_MOST);
    *parzen =
        (struct parzen){.arena = arena, .axes = axes, .axis_count = width, .count = taken + 1};
    parzen->cumulated = arena_new_array(arena, double, parzen->count);
    parzen->constants = arena_new_array(arena, double, parzen->count);
    parzen->centres = arena_new_array(arena, double, parzen->count *width);
    parzen->deviations = arena_new_array(arena, double, parzen->count *width);
    struct neighbour *sorted = arena_new_array(arena, struct neighbour, parzen->count);
    for (size_t i = 0; i < width; i++) {
        axes[i] = axis_make(&sweep->dimensions.at[i]);
        axes[i].word_prior = 1 / (double)parzen->count;
    }
    set_centres(parzen, members, count, is_good, all - taken);
    for (size_t i = 0; i < width; i++)
        if (!axes[i].is_word)
            set_deviations(parzen, i, sorted);
    set_constants(parzen);
    return parzen;
}

/* The kernel's own word, or any with what is left. */
static double draw_word(const struct axis *axis, double own, struct draws *draws)
{
    double words = (double)axis->dimension->value_count;
    double share = 1 / (1 + words * axis->word_prior);
    bool takes_own = own >= 0 && draws_uniform(draws) < share;
    return takes_own ? own : clamp(floor(draws_uniform(draws) * words), 0, words - 1);
}

static double draw_number(const struct axis *axis, double centre, double deviation,
                          struct draws *draws)
{
    for (int i = 0; i < REJECTED_MOST; i++) {
        double place = centre + deviation * draws_normal(draws);
        if (place >= axis->low && place <= axis->high)
            return axis_coordinate(axis, place);
    }
    return axis_coordinate(axis, centre);
}

void parzen_draw(const struct parzen *parzen, struct draws *draws, double *ret)
{
    double at = draws_uniform(draws) * parzen->cumulated[parzen->count - 1];
    size_t kernel = 0;
    while (kernel + 1 < parzen->count && parzen->cumulated[kernel] <= at)
        kernel++;
    for (size_t j = 0; j < parzen->axis_count; j++) {
        const struct axis *axis = &parzen->axes[j];
        size_t cell = kernel * parzen->axis_count + j;
        ret[j] = axis->is_word
                     ? draw_word(axis, parzen->centres[cell], draws)
                     : draw_number(axis, parzen->centres[cell], parzen->deviations[cell], draws);
    }
}

/* A point's coordinate on its axis, and the ends of its cell. */
struct spot {
    double place, low, high;
};

static double word_log(const struct axis *axis, double own, double word)
{
    double words = (double)axis->dimension->value_count;
    if (own < 0)
        return -log(words);
    bool is_own = fabs(own - word) < 0.5;
    return log((is_own + axis->word_prior) / (1 + words * axis->word_prior));
}

static double number_log(const struct axis *axis, double centre, double deviation,
                         const struct spot *spot)
{
    double z = (spot->place - centre) / deviation;
    double width = axis->is_lattice ? (spot->high - spot->low) / deviation : 1;
    if (!axis->is_lattice || width < NARROW_CELL)
        return -0.5 * z * z - HALF_LOG_TWO_PI + (axis->is_lattice ? log(width) : 0);
    double low = (spot->low - centre) / deviation, high = (spot->high - centre) / deviation;
    /* The upper tail is the lower one mirrored, where differences keep their digits. */
    return log(z > 0 ? normal_cdf(-low) - normal_cdf(-high) : normal_cdf(high) - normal_cdf(low));
}

/* Logarithm of a kernel, or anything below `least` if it is smaller than that: what each dimension
 * adds to the constant is at most its peak, so that most kernels are left early. */
static double kernel_log(const struct parzen *parzen, size_t kernel, const struct spot *spots,
                         double least)
{
    double sum = parzen->constants[kernel];
    const double *centres = &parzen->centres[kernel * parzen->axis_count];
    const double *deviations = &parzen->deviations[kernel * parzen->axis_count];
    for (size_t j = 0; j < parzen->axis_count && sum >= least; j++) {
        const struct axis *axis = &parzen->axes[j];
        sum += axis->is_word ? word_log(axis, centres[j], spots[j].place)
                             : number_log(axis, centres[j], deviations[j], &spots[j]);
    }
    return sum;
}

double parzen_log(const struct parzen *parzen, const double *point)
{
    struct spot *spots = arena_new_array(parzen->arena, struct spot, parzen->axis_count);
    for (size_t j = 0; j < parzen->axis_count; j++) {
        const struct axis *axis = &parzen->axes[j];
        spots[j].place = axis->is_word ? point[j] : axis_place(axis, point[j], 0);
        spots[j].low = axis->is_lattice ? axis_place(axis, point[j], -0.5) : 0;
        spots[j].high = axis->is_lattice ? axis_place(axis, point[j], 0.5) : 0;
    }
    size_t prior = parzen->count - 1;
    double base = kernel_log(parzen, prior, spots, -HUGE_VAL), sum = 1;
    for (size_t i = 0; i < prior; i++) {
        double log_ratio = kernel_log(parzen, i, spots, base - NEGLIGIBLE) - base;
        if (log_ratio > -NEGLIGIBLE)
            sum += exp(MIN_OF(log_ratio, EXPONENT_MOST));
    }
    return base + log(sum);
}
