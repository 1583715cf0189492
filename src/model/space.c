/* Points of a space, random ones and by their texts. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"

#include <math.h>
#include <stdlib.h>

#include "space_private.h"

enum { ATTEMPTS_MOST = 1000 };

#define COUNT_MOST 9007199254740992.0 /* 2^53 */

/* FNV-1a; the second parameter of one name (in another file) has a hash of its own. */
uint64_t dimension_part(const struct sweep *sweep, size_t index)
{
    struct str key = sweep->dimensions.at[index].key;
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.at[i]) * UINT64_C(0x100000001B3);
    for (size_t i = 0; i < index; i++)
        hash += str_equal(sweep->dimensions.at[i].key, key);
    return hash;
}

double space_count(const struct sweep *sweep)
{
    double count = 1;
    vec_each (const struct dimension, dimension, &sweep->dimensions)
        count *= dimension_count(dimension);
    return count > 0 && count <= COUNT_MOST ? count : 0;
}

void space_point(const struct sweep *sweep, double index, double *ret)
{
    for (size_t i = sweep->dimensions.len; i-- > 0;) {
        double count = dimension_count(&sweep->dimensions.at[i]);
        double above = floor(index / count);
        ret[i] = index - above * count;
        index = above;
    }
}

static double clamp(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

static double draw_coordinate(const struct dimension *dimension, double share)
{
    double count = dimension_count(dimension);
    double low = dimension->low, high = dimension->high;
    switch (dimension->kind) {
    case DIMENSION_LOGINT: /* each number has its stretch of the logarithm, half a unit around it */
        return clamp(floor((low - 0.5) * exp(share * log((high + 0.5) / (low - 0.5))) + 0.5), low,
                     high) -
               low;
    case DIMENSION_LOGUNIFORM:
        return clamp(exp(log(low) + share * (log(high) - log(low))), low, high);
    case DIMENSION_UNIFORM:
        if (!(count > 0))
            return clamp(low + share * (high - low), low, high);
        break;
    case DIMENSION_CHOICE:
    case DIMENSION_INT:
        break;
    }
    return clamp(floor(share * count), 0, count - 1);
}

void space_draw_once(const struct sweep *sweep, int64_t combination, uint64_t attempt, double *ret)
{
    for (size_t i = 0; i < sweep->dimensions.len; i++) {
        struct draws draws = draws_begin(sweep->seed, DRAWS_POINT, (uint64_t)combination,
                                         dimension_part(sweep, i), attempt);
        ret[i] = draw_coordinate(&sweep->dimensions.at[i], draws_uniform(&draws));
    }
}

/* Probability of a point relative to others: only whole numbers on a logarithm differ. */
static double weight_of(const struct sweep *sweep, const double *point)
{
    double weight = 1;
    for (size_t i = 0; i < sweep->dimensions.len; i++) {
        const struct dimension *dimension = &sweep->dimensions.at[i];
        double value = dimension->low + point[i];
        if (dimension->kind == DIMENSION_LOGINT)
            weight *= log((value + 0.5) / (value - 0.5));
    }
    return weight;
}

struct ticket {
    double time, index;
};

static int ticket_compare(const void *a, const void *b)
{
    const struct ticket *left = a, *right = b;
    if (left->time < right->time || left->time > right->time)
        return left->time < right->time ? -1 : 1;
    return (left->index > right->index) - (left->index < right->index);
}

/* A small space in a random order: each point gets an exponential waiting time by its weight, and
 * they come by their times. So the order is that of drawing without putting back (Efraimidis and
 * Spirakis, "Weighted random sampling with a reservoir", 2006). Each turn has its own order. */
static void draw_in_order(struct arena *scratch, const struct sweep *sweep, size_t count,
                          int64_t combination, double *ret)
{
    struct ticket *tickets = arena_new_array(scratch, struct ticket, count);
    uint64_t turn = (uint64_t)combination / count;
    for (size_t i = 0; i < count; i++) {
        struct draws draws = draws_begin(sweep->seed, DRAWS_ORDER, i, turn, 0);
        space_point(sweep, (double)i, ret);
        tickets[i].time = -log1p(-draws_uniform(&draws)) / weight_of(sweep, ret);
        tickets[i].index = (double)i;
    }
    qsort(tickets, count, sizeof *tickets, ticket_compare);
    space_point(sweep, tickets[(uint64_t)combination % count].index, ret);
}

struct drawn { /* a set of points by their numbers; 0: free */
    uint64_t *slots;
    size_t slot_count;
};

static bool drawn_add(struct drawn *drawn, uint64_t index)
{
    size_t at = (size_t)draws_mix(index + 1) & (drawn->slot_count - 1);
    while (drawn->slots[at] && drawn->slots[at] != index + 1)
        at = (at + 1) & (drawn->slot_count - 1);
    bool is_new = !drawn->slots[at];
    drawn->slots[at] = index + 1;
    return is_new;
}

static uint64_t index_of(const struct sweep *sweep, const double *point)
{
    double index = 0;
    for (size_t i = 0; i < sweep->dimensions.len; i++)
        index = index * dimension_count(&sweep->dimensions.at[i]) + point[i];
    return (uint64_t)index;
}

/* A large space: whoever draws what an earlier one has draws again. All earlier ones are drawn
 * again for that, so that nothing but the number decides. */
static void draw_another(struct arena *scratch, const struct sweep *sweep, int64_t combination,
                         double *ret)
{
    struct drawn drawn = {.slot_count = 64};
    while (drawn.slot_count < 2 * (size_t)combination + 2)
        drawn.slot_count *= 2;
    drawn.slots = arena_new_array(scratch, uint64_t, drawn.slot_count);
    for (int64_t i = 0; i <= combination; i++) {
        uint64_t attempt = 0;
        do
            space_draw_once(sweep, i, attempt++, ret);
        while (!drawn_add(&drawn, index_of(sweep, ret)) && attempt < ATTEMPTS_MOST);
    }
}

void space_draw(struct arena *scratch, const struct sweep *sweep, int64_t combination, double *ret)
{
    double count = space_count(sweep);
    if (!(count > 0) || combination >= LIMIT_SWEEP_TRIALS)
        space_draw_once(sweep, combination, 0, ret);
    else if (count <= LIMIT_SWEEP_TRIALS)
        draw_in_order(scratch, sweep, (size_t)count, combination, ret);
    else
        draw_another(scratch, sweep, combination, ret);
}

/* The coordinate that a trial's text stands for; NaN: none of this dimension. */
double dimension_coordinate(const struct dimension *dimension, struct str text)
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

bool space_take(const struct sweep *sweep, const struct override_vec *overrides, size_t *hints,
                double *ret)
{
    for (size_t i = 0; i < sweep->dimensions.len; i++) {
        const struct override *override =
            find_override(overrides, &sweep->dimensions.at[i], &hints[i]);
        ret[i] =
            override ? dimension_coordinate(&sweep->dimensions.at[i], override->text) : nan("");
        if (isnan(ret[i]))
            return false;
    }
    return true;
}
