/* A column at a time: one loop for each of the usual types, in which the usual cell is read without
 * a call; every other cell takes the long way. */
#include <math.h>
#include <stdlib.h>

#include "cast_private.h"
#include "cast_swar.h"
#include "cast_swar_moment.h"

FALLIBLE column_room_open(struct column_room **ret)
{
    struct column_room *room = memory_grow(NULL, sizeof *room);
    *room = (struct column_room){0};
    *ret = room;
    return NULL;
}

void column_room_drop(struct column_room **room)
{
    if (!*room)
        return;
    arena_drop(&(*room)->scratch);
    free((*room)->states);
    free((*room)->numbers);
    free((*room)->integers);
    free(*room);
    *room = NULL;
}

void room_reserve(struct column_room *room, size_t count)
{
    if (count <= room->cap)
        return;
    size_t cap = MAX_OF(count, room->cap * 2);
    room->states = memory_grow(room->states, cap * sizeof *room->states);
    room->numbers = memory_grow(room->numbers, cap * sizeof *room->numbers);
    room->integers = memory_grow(room->integers, cap * sizeof *room->integers);
    room->cap = cap;
}

/* Reads a cell quickly or says that it cannot. The text is not empty and ends 16 bytes or more
 * behind the start of its batch. */
typedef bool quick_read(const struct caster *caster, struct str text, struct cast_value *ret);

SWAR_INLINE bool quick_number(const struct caster *caster, struct str text, struct cast_value *ret)
{
    bool has_point = false;
    (void)caster;
    return swar_decimal(text, &ret->number, &has_point);
}

SWAR_INLINE bool quick_integer(const struct caster *caster, struct str text, struct cast_value *ret)
{
    (void)caster;
    if (!swar_integer(text, &ret->integer))
        return false;
    ret->number = (double)ret->integer;
    return true;
}

SWAR_INLINE bool quick_boolean(const struct caster *caster, struct str text, struct cast_value *ret)
{
    (void)caster;
    if (text.len == 1) {
        ret->number = text.at[0] == '1';
        return text.at[0] == '0' || text.at[0] == '1';
    }
    if (text.len != 4 && text.len != 5)
        return false;
    ret->number = text.len == 4;
    return text.len == 4 ? memcmp(text.at, "true", 4) == 0 || memcmp(text.at, "True", 4) == 0
                         : memcmp(text.at, "false", 5) == 0 || memcmp(text.at, "False", 5) == 0;
}

SWAR_INLINE bool quick_datetime(const struct caster *caster, struct str text,
                                struct cast_value *ret)
{
    (void)caster;
    return swar_datetime(text, &ret->number);
}

SWAR_INLINE bool quick_date(const struct caster *caster, struct str text, struct cast_value *ret)
{
    (void)caster;
    return swar_date(text, &ret->number);
}

SWAR_INLINE bool quick_text(const struct caster *caster, struct str text, struct cast_value *ret)
{
    (void)caster, (void)text;
    ret->number = (double)NAN;
    return true;
}

SWAR_INLINE bool quick_none(const struct caster *caster, struct str text, struct cast_value *ret)
{
    (void)caster, (void)text, (void)ret;
    return false;
}

/* The long way of one cell. */
static __attribute__((noinline)) enum value_state slow_cell(const struct caster *caster,
                                                            struct arena *scratch,
                                                            enum raw_kind kind, struct str text,
                                                            struct cast_value *ret)
{
    *ret = (struct cast_value){.number = (double)NAN};
    enum value_state state = cast_raw(caster, scratch, kind, text, ret);
    if (state != VALUE_VALID)
        *ret = (struct cast_value){.number = (double)NAN};
    if (scratch->used_bytes)
        arena_reset(scratch);
    return state;
}

struct column_work {
    const struct caster *caster;
    const struct record_batch *batch;
    struct column_room *room;
    size_t column;
};

SWAR_INLINE void cast_cells(const struct column_work *work, quick_read *quick, bool has_integers)
{
    const struct caster *caster = work->caster;
    const struct record_batch *batch = work->batch;
    const struct raw_cell *cell = batch->cells + work->column;
    uint64_t missing = caster->missing_lengths;
    for (size_t i = 0; i < batch->record_count; i++, cell += batch->column_count) {
        struct cast_value value;
        size_t len = cell->len;
        struct str text = {batch->text + cell->at, len};
        enum value_state state = VALUE_VALID;
        bool is_usual = cell->kind == RAW_TEXT && len && cell->at + len >= 16 &&
                        !(missing >> MIN_OF(len, 63) & 1);
        if (!is_usual || !quick(caster, text, &value))
            state =
                slow_cell(caster, &work->room->scratch, (enum raw_kind)cell->kind, text, &value);
        work->room->states[i] = (uint8_t)state;
        work->room->numbers[i] = value.number;
        if (has_integers)
            work->room->integers[i] = value.integer;
    }
}

static bool has_usual_booleans(const struct caster *caster)
{
    return !caster->field->has_boolean_values;
}

static void cast_kind(const struct column_work *work)
{
    const struct caster *caster = work->caster;
    if (caster->type == TYPE_NUMBER && caster->is_plain)
        cast_cells(work, quick_number, false);
    else if (caster->type == TYPE_INTEGER && caster->is_plain)
        cast_cells(work, quick_integer, true);
    else if (caster->type == TYPE_INTEGER)
        cast_cells(work, quick_none, true);
    else if (caster->type == TYPE_BOOLEAN && has_usual_booleans(caster))
        cast_cells(work, quick_boolean, false);
    else if (caster->type == TYPE_DATETIME && caster->format == FORMAT_DEFAULT)
        cast_cells(work, quick_datetime, false);
    else if (caster->type == TYPE_DATE && caster->format == FORMAT_DEFAULT)
        cast_cells(work, quick_date, false);
    else if (!caster->parse)
        cast_cells(work, quick_text, false);
    else
        cast_cells(work, quick_none, false);
}

void cast_column(const struct caster *caster, const struct record_batch *batch, size_t column,
                 struct column_room *room, struct column_data *ret)
{
    struct column_work work = {.caster = caster, .batch = batch, .room = room, .column = column};
    room_reserve(room, batch->record_count);
    if (batch->record_count)
        cast_kind(&work);
    *ret = (struct column_data){.count = batch->record_count,
                                .states = room->states,
                                .numbers = room->numbers,
                                .integers = room->integers};
}
