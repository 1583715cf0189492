/* Rows in order of a number: sorted by its bits, byte after byte, which takes no comparison. */
#include "mlops/base/arena.h"

#include <string.h>

#include "score_private.h"

enum { BYTES = 8, VALUES = 256 };

struct keyed {
    uint64_t key;
    uint32_t row;
};

/* Bits that are in order as the numbers are; -0.0 is 0.0. */
static uint64_t key_of(double value, bool is_falling)
{
    uint64_t bits;
    value += 0.0;
    memcpy(&bits, &value, sizeof bits);
    uint64_t rising = bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
    return is_falling ? ~rising : rising;
}

/* One byte; false: all keys have the same one and nothing was moved. */
static bool sort_byte(const struct keyed *from, struct keyed *to, size_t count, unsigned shift)
{
    size_t places[VALUES] = {0}, place = 0;
    for (size_t i = 0; i < count; i++)
        places[from[i].key >> shift & 0xff]++;
    for (size_t i = 0; i < VALUES; i++) {
        size_t here = places[i];
        if (here == count)
            return false;
        places[i] = place;
        place += here;
    }
    for (size_t i = 0; i < count; i++)
        to[places[from[i].key >> shift & 0xff]++] = from[i];
    return true;
}

static void sort(struct keyed **items, struct keyed **room, size_t count)
{
    for (unsigned byte = 0; byte < BYTES; byte++) {
        struct keyed *sorted = *room;
        if (!sort_byte(*items, sorted, count, byte * 8))
            continue;
        *room = *items;
        *items = sorted;
    }
}

struct order score_order(struct arena *arena, const double *values, size_t stride, size_t count,
                         bool is_falling)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct order order = {arena_new_array(arena, uint32_t, count)};
    struct keyed *items = arena_new_array(&scratch, struct keyed, count);
    struct keyed *room = arena_new_array(&scratch, struct keyed, count);
    for (size_t i = 0; i < count; i++)
        items[i] = (struct keyed){key_of(values[i * stride], is_falling), (uint32_t)i};
    sort(&items, &room, count);
    for (size_t i = 0; i < count; i++) {
        bool is_end = i + 1 == count || items[i].key != items[i + 1].key;
        order.at[i] = items[i].row | (is_end ? ORDER_END : 0);
    }
    return order;
}

static struct order order_of_class(struct arena *arena, const struct predictions *predictions,
                                   const double *scores, size_t stride, size_t class)
{
    struct order order = score_order(arena, scores, stride, predictions->count, true);
    for (size_t i = 0; i < predictions->count; i++)
        if (predictions->labels[order.at[i] & ORDER_ROW] == class)
            order.at[i] |= ORDER_OWN;
    return order;
}

void score_prepare_orders(struct arena *arena, struct prepared *prepared)
{
    const struct predictions *predictions = prepared->predictions;
    size_t classes = predictions->class_count;
    if (prepared->no_score)
        return;
    bool is_binary = predictions->task == TASK_BINARY;
    prepared->by_class = arena_new_array(arena, struct order, is_binary ? 1 : classes);
    if (is_binary)
        prepared->by_class[0] =
            order_of_class(arena, predictions, predictions->scores, 1, predictions->positive);
    for (size_t i = 0; !is_binary && i < classes; i++)
        prepared->by_class[i] =
            order_of_class(arena, predictions, predictions->probabilities + i, classes, i);
}
