#include <math.h>
#include <stdlib.h>

#include "profile_private.h"

enum { NATIVE_LOOKED_AT = 64 };

static const struct raw_cell *visited_cell(const struct column_visit *visit, size_t record)
{
    return batch_cell(visit->batch, record, visit->column);
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

static inline uint64_t number_sketch(double number, uint64_t salt)
{
    return bits_mix(number_bits(number) ^ salt);
}

/* Counts values from record `from` on as long as the table holds them; the record of the first that
 * it does not. */
static size_t count_known(const struct column_visit *visit, size_t from)
{
    const struct value_table table = visit->sums->values;
    const uint8_t *roles = visit->rule->roles, *states = visit->data->states;
    const struct record_batch *batch = visit->batch;
    const struct raw_cell *raw = visited_cell(visit, from);
    size_t count = visit->data->count, stride = batch->column_count;
    for (size_t i = from; i < count; i++, raw += stride) {
        uint8_t role = roles[states[i]];
        if (role != ROLE_NUMBER && role != ROLE_TEXT)
            continue;
        const struct text_key key = profile_cell_key(batch, raw);
        struct value_entry *entry =
            value_table_find(&table, &key, role == ROLE_NUMBER, batch->text + raw->at);
        if (!entry)
            return i;
        entry->count++;
    }
    return count;
}

static struct value_cell value_cell_of(const struct column_visit *visit, size_t record)
{
    const struct raw_cell *raw = visited_cell(visit, record);
    struct value_cell cell = {
        .text = profile_cell_text(visit->batch, raw).at,
        .key = profile_cell_key(visit->batch, raw),
        .is_number = visit->rule->roles[visit->data->states[record]] == ROLE_NUMBER,
    };
    cell.sketch = cell.key.hash;
    if (!cell.is_number)
        return cell;
    cell.number = visit->data->numbers[record];
    if (fabs(cell.number) < EXACT_MOST)
        cell.sketch = number_sketch(cell.number, visit->rule->salts[visit->data->states[record]]);
    return cell;
}

/* Counts values until the table overflows; from which record on they are to be sketched. */
static size_t count_values(const struct column_visit *visit)
{
    struct column_sums *sums = visit->sums;
    size_t at = 0;
    while (!sums->sketch && (at = count_known(visit, at)) < visit->data->count) {
        const struct value_cell cell = value_cell_of(visit, at);
        if (value_table_add(&sums->values, visit->limits, &cell, 1))
            at++;
        else
            overflow(visit);
    }
    return at;
}

static void sketch_values(const struct column_visit *visit, size_t from)
{
    uint8_t *sketch = visit->sums->sketch;
    for (size_t i = from; i < visit->data->count; i++) {
        uint8_t role = visit->rule->roles[visit->data->states[i]];
        if (role == ROLE_TEXT)
            sketch_add(sketch, visit->sketch_bits,
                       profile_cell_key(visit->batch, visited_cell(visit, i)).hash);
        else if (role == ROLE_NUMBER)
            sketch_add(sketch, visit->sketch_bits, value_cell_of(visit, i).sketch);
    }
}

/* All are finite numbers of one axis. */
static void sketch_numbers(const struct column_visit *visit)
{
    uint8_t *sketch = visit->sums->sketch;
    const unsigned bits = visit->sketch_bits;
    for (size_t i = 0; i < visit->number_count; i++)
        sketch_add(sketch, bits, number_sketch(visit->numbers[i], visit->salt));
}

void profile_visit_values(struct column_visit *visit)
{
    if (visit->is_plain && visit->sums->sketch)
        sketch_numbers(visit);
    else
        sketch_values(visit, count_values(visit));
}

/* --- kinds and lengths ---------------------------------------------------------------------- */

/* Which kinds of cells there are, as bits; all cells of texts are looked at, of numbers a few: what
 * is a number in JSON is one in most records. */
static uint32_t kinds_of(const struct column_visit *visit, bool has_texts)
{
    const struct raw_cell *raw = visited_cell(visit, 0);
    size_t count = visit->data->count, stride = visit->batch->column_count;
    uint32_t kinds = 0;
    if (!has_texts)
        count = MIN_OF(count, (size_t)NATIVE_LOOKED_AT);
    for (size_t i = 0; i < count; i++, raw += stride)
        kinds |= UINT32_C(1) << raw->kind;
    return kinds;
}

static void count_objects(const struct column_visit *visit)
{
    for (size_t i = 0; i < visit->data->count; i++)
        visit->sums->object_count += visited_cell(visit, i)->kind == RAW_OBJECT;
}

static uint64_t code_points(struct str text)
{
    uint64_t count = text.len;
    for (size_t i = 0; i < text.len; i++)
        count -= ((unsigned char)text.at[i] & 0xc0) == 0x80;
    return count;
}

static void add_lengths(const struct column_visit *visit)
{
    const bool *has_length = visit->rule->has_lengths;
    const uint8_t *states = visit->data->states;
    const struct raw_cell *raw = visited_cell(visit, 0);
    size_t stride = visit->batch->column_count;
    uint64_t count = 0, sum = 0, least = UINT64_MAX, most = 0;
    bool is_ascii = visit->batch->is_ascii;
    for (size_t i = 0; i < visit->data->count; i++, raw += stride) {
        if (!has_length[states[i]])
            continue;
        uint64_t length = is_ascii ? raw->len : code_points(raw_text(visit->batch, raw));
        least = MIN_OF(least, length);
        most = MAX_OF(most, length);
        sum += length;
        count++;
    }
    struct column_sums *sums = visit->sums;
    sums->length_min = sums->length_count ? MIN_OF(sums->length_min, least) : least;
    sums->length_max = MAX_OF(sums->length_max, most);
    sums->length_sum += sum;
    sums->length_count += count;
}

void profile_visit_texts(struct column_visit *visit, bool has_texts)
{
    uint32_t kinds = visit->data->count ? kinds_of(visit, has_texts) : 0;
    visit->sums->has_native |= kinds >= UINT32_C(1) << RAW_NUMBER;
    if (kinds & UINT32_C(1) << RAW_OBJECT)
        count_objects(visit);
    if (has_texts)
        add_lengths(visit);
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
    if (!visit->sums->null_words) {
        visit->sums->null_words = memory_grow(NULL, NULL_WORDS * sizeof(struct null_word));
        memset(visit->sums->null_words, 0, NULL_WORDS * sizeof(struct null_word));
    }
    for (size_t i = 0; i < visit->data->count; i++) {
        if (visit->data->states[i] != CLASS_NULL)
            continue;
        const struct raw_cell *cell = visited_cell(visit, i);
        if (cell->kind == RAW_TEXT)
            count_word(visit->sums, raw_text(visit->batch, cell));
    }
}
