/* Tree-structured Parzen estimator (Bergstra, Bardenet, Bengio, Kegl, "Algorithms for
 * Hyper-Parameter Optimization", NIPS 2011, section 4; Bergstra, Yamins, Cox, "Making a Science of
 * Model Search", ICML 2013, for weights and bandwidths; Watanabe, "Tree-Structured Parzen
 * Estimator", 2023, for what each choice is worth). Each dimension for itself:
 *
 * - The done combinations are split by their losses: the best min(ceil(n / 10), 25) are "good",
 *   the others "bad". Failed ones are bad, and so are those within `lag` that may still run, whose
 *   results no proposal looks at (a liar that says "bad" keeps side by side trials apart).
 * - Each group is a density: a mixture of a normal truncated to the range for each member and of a
 *   prior as wide as the range in its middle, with the weight of one member. Members of a group
 *   beyond the newest 25 weigh less, linearly down to 1/n for the oldest.
 * - A member's deviation is the distance to its farther neighbour (the prior's middle is one), at
 *   least range / min(100, members + 2) and at most the range; the first and the last look at
 *   their one neighbour only.
 * - Words are counted, 1/members of prior weight for each word in each member.
 * - loguniform and logint are estimated on the logarithm; whole numbers and steps by the mass of
 *   their cell; on a logarithm whole numbers are rounded reals.
 * - 24 candidates are drawn from the good density; the one of the highest good/bad is taken.
 * - Where the space is finite no point comes twice before all have come. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"

#include <math.h>
#include <stdlib.h>

#include "sampler_private.h"

enum {
    STARTUP = 10,
    GOOD_MOST = 25,
    FLAT_WEIGHTS = 25,
    CANDIDATES = 24,
    ATTEMPTS_MOST = 8,
    RANDOM_MOST = 1000,
};

#define FAR 8.0 /* deviations: mass beyond is 1e-15 */
#define SQRT_HALF 0.7071067811865476
#define SQRT_TWO_PI 2.5066282746310002

/* An earlier combination. */
struct member {
    double *point;
    double loss;
    int64_t combination;
    bool is_good;
};

struct estimate {
    struct arena *arena;
    const struct sweep *sweep;
    struct member *members;
    size_t count, known; /* the first `known` have results */
    int64_t combination;
    uint64_t attempt;
};

/* One dimension on the scale on which it is estimated. */
struct axis {
    const struct dimension *dimension;
    double low, high, half; /* half: of a cell; 0: reals */
    bool is_log;
};

struct kernel {
    double centre, deviation, factor; /* factor: weight / mass inside the range */
};

struct mixture {
    struct kernel *kernels; /* the last one is the prior */
    double *cumulated;
    size_t count;
};

static double normal_cdf(double z)
{
    return 0.5 * erfc(-z * SQRT_HALF);
}

static struct axis axis_make(const struct dimension *dimension)
{
    struct axis axis = {.dimension = dimension, .low = dimension->low, .high = dimension->high};
    bool is_whole = dimension->kind == DIMENSION_INT;
    axis.is_log = dimension->kind == DIMENSION_LOGUNIFORM || dimension->kind == DIMENSION_LOGINT;
    if (dimension->kind == DIMENSION_LOGINT) {
        axis.low -= 0.5;
        axis.high += 0.5;
    }
    if (axis.is_log) {
        axis.low = log(axis.low);
        axis.high = log(axis.high);
    } else if (is_whole || dimension->step > 0) {
        axis.half = dimension->step / 2;
        axis.high = dimension->low + (dimension_count(dimension) - 1) * dimension->step + axis.half;
        axis.low -= axis.half;
    }
    return axis;
}

static double axis_of(const struct axis *axis, double coordinate)
{
    const struct dimension *dimension = axis->dimension;
    if (dimension->kind == DIMENSION_LOGINT)
        coordinate += dimension->low;
    else if (axis->half > 0)
        coordinate = dimension->low + coordinate * dimension->step;
    return axis->is_log ? log(coordinate) : coordinate;
}

static double clamp(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

/* The coordinate that a drawn place stands for. */
static double axis_back(const struct axis *axis, double place)
{
    const struct dimension *dimension = axis->dimension;
    if (dimension->kind == DIMENSION_LOGINT)
        return clamp(floor(exp(place) + 0.5), dimension->low, dimension->high) - dimension->low;
    if (axis->half > 0)
        return clamp(floor((place - dimension->low) / dimension->step + 0.5), 0,
                     dimension_count(dimension) - 1);
    return clamp(axis->is_log ? exp(place) : place, dimension->low, dimension->high);
}

struct neighbour {
    double centre;
    size_t member; /* SIZE_MAX: the prior */
};

static int neighbour_compare(const void *a, const void *b)
{
    const struct neighbour *left = a, *right = b;
    if (left->centre < right->centre || left->centre > right->centre)
        return left->centre < right->centre ? -1 : 1;
    return (left->member > right->member) - (left->member < right->member);
}

/* Deviations by the farther neighbour. */
static void set_deviations(struct arena *arena, const struct axis *axis, struct mixture *mixture)
{
    size_t count = mixture->count;
    double range = axis->high - axis->low;
    double least = range / MIN_OF(100.0, 1.0 + (double)count);
    struct neighbour *sorted = arena_new_array(arena, struct neighbour, count);
    for (size_t i = 0; i < count; i++)
        sorted[i] = (struct neighbour){mixture->kernels[i].centre, i};
    qsort(sorted, count, sizeof *sorted, neighbour_compare);
    for (size_t i = 0; i < count; i++) {
        double left = i ? sorted[i].centre - sorted[i - 1].centre : 0;
        double right = i + 1 < count ? sorted[i + 1].centre - sorted[i].centre : 0;
        mixture->kernels[sorted[i].member].deviation = clamp(fmax(left, right), least, range);
    }
    mixture->kernels[count - 1].deviation = range;
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

static void set_factors(struct arena *arena, const struct axis *axis, struct mixture *mixture)
{
    double all = 0;
    mixture->cumulated = arena_new_array(arena, double, mixture->count);
    for (size_t i = 0; i < mixture->count; i++) {
        struct kernel *kernel = &mixture->kernels[i];
        double weight = i + 1 < mixture->count ? weight_of(i, mixture->count - 1) : 1;
        double mass = normal_cdf((axis->high - kernel->centre) / kernel->deviation) -
                      normal_cdf((axis->low - kernel->centre) / kernel->deviation);
        mixture->cumulated[i] = all += weight;
        kernel->factor = weight / mass;
    }
    for (size_t i = 0; i < mixture->count; i++)
        mixture->kernels[i].factor /= all;
}

static struct mixture mixture_make(const struct estimate *estimate, const struct axis *axis,
                                   size_t dimension, bool is_good)
{
    struct mixture mixture = {0};
    mixture.kernels = arena_new_array(estimate->arena, struct kernel, estimate->count + 1);
    for (size_t i = 0; i < estimate->count; i++)
        if (estimate->members[i].is_good == is_good)
            mixture.kernels[mixture.count++].centre =
                axis_of(axis, estimate->members[i].point[dimension]);
    mixture.kernels[mixture.count++].centre = axis->low + (axis->high - axis->low) / 2;
    set_deviations(estimate->arena, axis, &mixture);
    set_factors(estimate->arena, axis, &mixture);
    return mixture;
}

/* Density at a place, or mass of its cell; up to a factor that both mixtures share. */
static double mixture_at(const struct mixture *mixture, const struct axis *axis, double place)
{
    double sum = 0;
    for (size_t i = 0; i < mixture->count; i++) {
        const struct kernel *kernel = &mixture->kernels[i];
        double z = (place - kernel->centre) / kernel->deviation;
        double half = axis->half / kernel->deviation;
        if (fabs(z) > FAR + half)
            continue;
        sum += axis->half > 0
                   ? kernel->factor * (normal_cdf(z + half) - normal_cdf(z - half))
                   : kernel->factor / kernel->deviation * exp(-0.5 * z * z) / SQRT_TWO_PI;
    }
    return sum;
}

/* A place drawn from the mixture: a kernel by its weight, then normal draws until one is inside. */
static double mixture_draw(const struct mixture *mixture, const struct axis *axis,
                           struct draws *draws)
{
    double at = draws_uniform(draws) * mixture->cumulated[mixture->count - 1];
    size_t chosen = 0;
    while (chosen + 1 < mixture->count && mixture->cumulated[chosen] <= at)
        chosen++;
    for (int i = 0; i < RANDOM_MOST; i++) {
        double place = mixture->kernels[chosen].centre +
                       mixture->kernels[chosen].deviation * draws_normal(draws);
        if (place >= axis->low && place <= axis->high)
            return place;
    }
    return mixture->kernels[chosen].centre;
}

static double choose_number(const struct estimate *estimate, size_t dimension, struct draws *draws)
{
    struct axis axis = axis_make(&estimate->sweep->dimensions.at[dimension]);
    struct mixture good = mixture_make(estimate, &axis, dimension, true);
    struct mixture bad = mixture_make(estimate, &axis, dimension, false);
    double best = 0, highest = -1;
    for (int i = 0; i < CANDIDATES; i++) {
        double coordinate = axis_back(&axis, mixture_draw(&good, &axis, draws));
        double place = axis_of(&axis, coordinate);
        double ratio = mixture_at(&good, &axis, place) / mixture_at(&bad, &axis, place);
        if (ratio > highest) {
            highest = ratio;
            best = coordinate;
        }
    }
    return best;
}

/* Probabilities of words in one group. */
static double *word_shares(const struct estimate *estimate, size_t dimension, bool is_good)
{
    size_t words = estimate->sweep->dimensions.at[dimension].value_count;
    double *shares = arena_new_array(estimate->arena, double, words);
    size_t size = 0, seen = 0;
    for (size_t i = 0; i < estimate->count; i++)
        size += estimate->members[i].is_good == is_good;
    double prior = 1 / (double)(size + 1), all = 1;
    double row = 1 + prior * (double)words, evenly = 0;
    for (size_t i = 0; i < estimate->count; i++) {
        if (estimate->members[i].is_good != is_good)
            continue;
        double weight = weight_of(seen++, size);
        all += weight;
        evenly += weight * prior / row;
        shares[(size_t)estimate->members[i].point[dimension]] += weight / row;
    }
    for (size_t i = 0; i < words; i++)
        shares[i] = (shares[i] + evenly + 1 / (double)words) / all;
    return shares;
}

static double choose_word(const struct estimate *estimate, size_t dimension, struct draws *draws)
{
    size_t words = estimate->sweep->dimensions.at[dimension].value_count;
    const double *good = word_shares(estimate, dimension, true);
    const double *bad = word_shares(estimate, dimension, false);
    size_t best = 0;
    double highest = -1;
    for (int i = 0; i < CANDIDATES; i++) {
        double at = draws_uniform(draws);
        size_t word = 0;
        for (; word + 1 < words && at >= good[word]; word++)
            at -= good[word];
        if (good[word] / bad[word] > highest) {
            highest = good[word] / bad[word];
            best = word;
        }
    }
    return (double)best;
}

static void choose_point(const struct estimate *estimate, double *ret)
{
    const struct sweep *sweep = estimate->sweep;
    for (size_t i = 0; i < sweep->dimensions.len; i++) {
        struct draws draws =
            draws_begin(sweep->seed, DRAWS_CANDIDATES, (uint64_t)estimate->combination,
                        dimension_part(sweep, i), estimate->attempt);
        bool is_word = sweep->dimensions.at[i].kind == DIMENSION_CHOICE;
        ret[i] = is_word ? choose_word(estimate, i, &draws) : choose_number(estimate, i, &draws);
    }
}

static bool is_tried(const struct estimate *estimate, const double *point)
{
    size_t bytes = estimate->sweep->dimensions.len * sizeof *point;
    for (size_t i = 0; i < estimate->count; i++)
        if (memcmp(estimate->members[i].point, point, bytes) == 0)
            return true;
    return false;
}

/* A point of a finite space that was not tried: by the estimate, else at random, else the first. */
static void choose_new_point(struct estimate *estimate, double *ret)
{
    double count = space_count(estimate->sweep);
    bool is_exhausted = count > 0 && (double)estimate->count >= count;
    do
        choose_point(estimate, ret);
    while (count > 0 && !is_exhausted && is_tried(estimate, ret) &&
           ++estimate->attempt < ATTEMPTS_MOST);
    if (!(count > 0) || is_exhausted || !is_tried(estimate, ret))
        return;
    for (uint64_t i = 1; i < RANDOM_MOST; i++) {
        space_draw_once(estimate->sweep, estimate->combination, i, ret);
        if (!is_tried(estimate, ret))
            return;
    }
    for (double i = 0; i < count; i++) {
        space_point(estimate->sweep, i, ret);
        if (!is_tried(estimate, ret))
            return;
    }
}

static int member_compare(const void *a, const void *b)
{
    const struct member *left = *(const struct member *const *)a;
    const struct member *right = *(const struct member *const *)b;
    if (left->loss < right->loss || left->loss > right->loss)
        return left->loss < right->loss ? -1 : 1;
    return (left->combination > right->combination) - (left->combination < right->combination);
}

/* The best tenth, of those that have a score. */
static void split(struct estimate *estimate)
{
    struct member **sorted = arena_new_array(estimate->arena, struct member *, estimate->known);
    size_t scored = 0;
    for (size_t i = 0; i < estimate->known; i++) {
        sorted[i] = &estimate->members[i];
        scored += isfinite(estimate->members[i].loss);
    }
    if (estimate->known > 1)
        qsort(sorted, estimate->known, sizeof *sorted, member_compare);
    size_t good = MIN_OF((estimate->known + 9) / 10, (size_t)GOOD_MOST);
    for (size_t i = 0; i < MIN_OF(good, scored); i++)
        sorted[i]->is_good = true;
}

/* The coordinate that a trial's text stands for; NaN: none of this dimension. */
static double coordinate_of(const struct dimension *dimension, struct str text)
{
    char digits[64] = "";
    if (dimension->kind == DIMENSION_CHOICE) {
        for (size_t i = 0; i < dimension->value_count; i++)
            if (str_equal(dimension->values[i], text))
                return (double)i;
        return nan("");
    }
    memcpy(digits, text.at, MIN_OF(text.len, sizeof digits - 1));
    char *end = NULL;
    double value = strtod(digits, &end), count = dimension_count(dimension);
    if (end == digits || *end || !(value >= dimension->low && value <= dimension->high))
        return nan("");
    if (!(count > 0))
        return value;
    double step = dimension->kind == DIMENSION_LOGINT ? 1 : dimension->step;
    return clamp(floor((value - dimension->low) / step + 0.5), 0, count - 1);
}

static bool is_of(const struct override *override, const struct dimension *dimension)
{
    bool is_same_file =
        !dimension->file.len || !override->file.len || str_equal(dimension->file, override->file);
    return is_same_file && str_equal(dimension->key, override->key);
}

/* Where the dimension's value stands; `hint`: where it stood in the trial before. */
static const struct override *find_override(const struct override_vec *overrides,
                                            const struct dimension *dimension, size_t *hint)
{
    if (*hint < overrides->len && is_of(&overrides->at[*hint], dimension))
        return &overrides->at[*hint];
    for (size_t i = 0; i < overrides->len; i++)
        if (is_of(&overrides->at[i], dimension)) {
            *hint = i;
            return &overrides->at[i];
        }
    return NULL;
}

static bool take_point(const struct sweep *sweep, const struct override_vec *overrides,
                       size_t *hints, double *ret)
{
    for (size_t i = 0; i < sweep->dimensions.len; i++) {
        const struct override *override =
            find_override(overrides, &sweep->dimensions.at[i], &hints[i]);
        ret[i] = override ? coordinate_of(&sweep->dimensions.at[i], override->text) : nan("");
        if (isnan(ret[i]))
            return false;
    }
    return true;
}

/* All combinations before this one; those from `known` on without their results. */
static bool collect(struct estimate *estimate, const struct trial_past *const *by_number,
                    int64_t known, int64_t *ret_waits)
{
    const struct sweep *sweep = estimate->sweep;
    size_t *hints = arena_new_array(estimate->arena, size_t, sweep->dimensions.len);
    for (int64_t i = 0; i < estimate->combination; i++) {
        const struct trial_past *trial = by_number[i * repeat_of(sweep)];
        struct member *member = &estimate->members[estimate->count];
        *member = (struct member){.combination = i, .loss = HUGE_VAL};
        if (i < known && !combination_loss(sweep, by_number, i, &member->loss, ret_waits))
            return false;
        if (!trial) {
            *ret_waits = i * repeat_of(sweep);
            return false;
        }
        member->point = arena_new_array(estimate->arena, double, sweep->dimensions.len);
        if (!take_point(sweep, trial->overrides, hints, member->point))
            continue; /* its values are none of the space: of another hand */
        estimate->count++;
        estimate->known += i < known;
    }
    return true;
}

bool tpe_point(struct arena *scratch, const struct sweep *sweep,
               const struct trial_past *const *by_number, int64_t combination, double *ret,
               int64_t *ret_waits)
{
    int64_t repeat = repeat_of(sweep);
    int64_t known = MAX_OF(combination * repeat - sweep->lag, 0) / repeat;
    int64_t startup = sweep->startup > 0 ? sweep->startup : STARTUP;
    struct estimate estimate = {.arena = scratch, .sweep = sweep, .combination = combination};
    if (known < startup) {
        space_draw(scratch, sweep, combination, ret);
        return true;
    }
    estimate.members = arena_new_array(scratch, struct member, (size_t)combination);
    if (!collect(&estimate, by_number, known, ret_waits))
        return false;
    split(&estimate);
    choose_new_point(&estimate, ret);
    return true;
}
