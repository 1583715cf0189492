#include <math.h>
#include <stdlib.h>

#include "profile_private.h"

enum { NATIVE_LOOKED_AT = 64 };

struct str profile_cell_text(const struct record_batch *batch, const struct raw_cell *cell)
{
    if (cell->kind == RAW_TRUE)
        return STR("true");
    if (cell->kind == RAW_FALSE)
        return STR("false");
    return raw_text(batch, cell);
}

static const struct raw_cell *visited_cell(const struct column_visit *visit, size_t record)
{
    return batch_cell(visit->batch, record, visit->column);
}

static uint64_t code_points(struct str text, bool is_ascii)
{
    uint64_t count = text.len;
    for (size_t i = 0; i < text.len && !is_ascii; i++)
        count -= ((unsigned char)text.at[i] & 0xc0) == 0x80;
    return count;
}

static void add_length(const struct column_visit *visit, uint8_t state, struct str text)
{
    struct column_sums *sums = visit->sums;
    if (!visit->rule->has_lengths[state])
        return;
    uint64_t length = code_points(text, visit->batch->is_ascii);
    if (sums->length_count == 0 || length < sums->length_min)
        sums->length_min = length;
    sums->length_max = MAX_OF(sums->length_max, length);
    sums->length_sum += length;
    sums->length_count++;
}

/* From now on the worker only sketches: what it has counted goes into the sketch, too. */
static void overflow(const struct column_visit *visit)
{
    struct column_sums *sums = visit->sums;
    sums->sketch = memory_grow(NULL, (size_t)1 << visit->sketch_bits);
    memset(sums->sketch, 0, (size_t)1 << visit->sketch_bits);
    for (size_t i = 0; i < sums->values.len; i++)
        sketch_add(sums->sketch, visit->sketch_bits, sums->values.entries[i].sketch);
    value_table_drop(&sums->values);
}

static uint64_t number_sketch(double number, uint64_t salt)
{
    return bits_mix(number_bits(number) ^ salt);
}

static void add_value(const struct column_visit *visit, const struct value_cell *cell)
{
    if (!visit->sums->sketch && value_table_add(&visit->sums->values, visit->limits, cell, 1))
        return;
    if (!visit->sums->sketch)
        overflow(visit);
    sketch_add(visit->sums->sketch, visit->sketch_bits, cell->sketch);
}

static void visit_text(const struct column_visit *visit, size_t record)
{
    const struct raw_cell *raw = visited_cell(visit, record);
    struct str text = profile_cell_text(visit->batch, raw);
    struct value_cell cell = {.text = text.at, .key = text_key_of(text.at, text.len)};
    cell.sketch = cell.key.hash;
    visit->sums->has_native |= raw->kind >= RAW_NUMBER;
    visit->sums->object_count += raw->kind == RAW_OBJECT;
    add_length(visit, visit->data->states[record], text);
    add_value(visit, &cell);
}

static void visit_number(const struct column_visit *visit, size_t record)
{
    double number = visit->data->numbers[record];
    uint64_t salt = visit->rule->salts[visit->data->states[record]];
    struct value_cell cell = {.number = number, .is_number = true};
    bool is_exact = fabs(number) < EXACT_MOST;
    if (!is_exact || !visit->sums->sketch) {
        const struct raw_cell *raw = visited_cell(visit, record);
        struct str text = profile_cell_text(visit->batch, raw);
        cell.text = text.at;
        cell.key = text_key_of(text.at, text.len);
        visit->sums->has_native |= raw->kind >= RAW_NUMBER;
    }
    cell.sketch = is_exact ? number_sketch(number, salt) : cell.key.hash;
    add_value(visit, &cell);
}

static void visit_plain(const struct column_visit *visit)
{
    uint8_t *sketch = visit->sums->sketch;
    const unsigned bits = visit->sketch_bits;
    for (size_t i = 0; i < visit->number_count; i++)
        sketch_add(sketch, bits, number_sketch(visit->numbers[i], visit->salt));
    size_t looked_at = MIN_OF(visit->data->count, (size_t)NATIVE_LOOKED_AT);
    for (size_t i = 0; i < looked_at; i++)
        visit->sums->has_native |= visited_cell(visit, i)->kind >= RAW_NUMBER;
}

void profile_visit_values(struct column_visit *visit)
{
    const struct column_data *data = visit->data;
    if (visit->is_plain && visit->sums->sketch) {
        visit_plain(visit);
        return;
    }
    for (size_t i = 0; i < data->count; i++) {
        uint8_t role = visit->rule->roles[data->states[i]];
        if (role == ROLE_NUMBER)
            visit_number(visit, i);
        else if (role == ROLE_TEXT)
            visit_text(visit, i);
    }
}

/* Numbers that are not finite. */
void profile_visit_odd(struct column_visit *visit)
{
    const struct column_data *data = visit->data;
    for (size_t i = 0; i < data->count; i++) {
        if (visit->rule->roles[data->states[i]] != ROLE_NUMBER)
            continue;
        visit->sums->nan_count += isnan(data->numbers[i]) != 0;
        visit->sums->infinite_count += isinf(data->numbers[i]) != 0;
    }
}

static void count_word(struct column_sums *sums, struct str text)
{
    for (size_t i = 0; i < NULL_WORDS; i++) {
        struct null_word *word = &sums->null_words[i];
        if (word->count == 0 && text.len <= sizeof word->text) {
            word->len = (uint8_t)text.len;
            memcpy(word->text, text.at ? text.at : "", text.len);
        }
        if (!str_equal(text, (struct str){word->text, word->len}))
            continue;
        word->count++;
        return;
    }
}

void profile_visit_nulls(struct column_visit *visit)
{
    for (size_t i = 0; i < visit->data->count; i++) {
        if (visit->data->states[i] != CLASS_NULL)
            continue;
        const struct raw_cell *cell = visited_cell(visit, i);
        if (cell->kind == RAW_TEXT)
            count_word(visit->sums, raw_text(visit->batch, cell));
    }
}
