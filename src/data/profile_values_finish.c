#include "mlops/base/check.h"
#include "mlops/base/limits.h"

#include <math.h>
#include <stdlib.h>

#include "profile_private.h"

/* A value that is seldom in the sample says little about its share: at 32 the relative standard
 * error is 18 %. */
enum { FREQUENT_LEAST = 32, FREQUENT_MOST = 100 };

static int compare_counts(const void *a, const void *b)
{
    const struct value_count *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return str_compare(x->value, y->value);
}

struct value_count *value_counts_sort(struct value_count *values, size_t count)
{
    if (count > 1)
        qsort(values, count, sizeof *values, compare_counts);
    return values;
}

/* --- exactly -------------------------------------------------------------------------------- */

/* At most LIMIT_SHOWN_BYTES, no character cut in two. */
static struct str entry_text(const struct value_table *table, const struct value_entry *entry)
{
    size_t len = entry->key.len, most = (size_t)LIMIT_SHOWN_BYTES;
    const char *at = table->texts + entry->text_at;
    if (len <= most)
        return (struct str){at, len};
    for (len = most; len > 0 && len + 4 > most; len--) {
        if (((unsigned char)at[len - 1] & 0xc0) != 0x80) {
            uint32_t code = 0;
            return (struct str){at,
                                utf8_decode(at + len - 1, most - len + 1, &code) ? most : len - 1};
        }
    }
    return (struct str){at, most};
}

struct spelling {
    struct value_count text;
    double number; /* NaN: stands for itself */
};

static int compare_spellings(const void *a, const void *b)
{
    const struct spelling *x = a, *y = b;
    if (isnan(x->number) || isnan(y->number)) {
        if (isnan(x->number) && isnan(y->number))
            return compare_counts(&x->text, &y->text);
        return isnan(x->number) ? 1 : -1;
    }
    if (x->number < y->number || x->number > y->number)
        return x->number < y->number ? -1 : 1;
    return compare_counts(&x->text, &y->text);
}

/* "1.0" and "1" are one number: it is shown as it is spelled most often. */
static size_t join_spellings(struct spelling *spellings, size_t count)
{
    size_t len = 0;
    if (count > 1)
        qsort(spellings, count, sizeof *spellings, compare_spellings);
    for (size_t i = 0; i < count; i++) {
        if (len > 0 && spellings[i].number <= spellings[len - 1].number &&
            spellings[i].number >= spellings[len - 1].number)
            spellings[len - 1].text.count += spellings[i].text.count;
        else
            spellings[len++] = spellings[i];
    }
    return len;
}

static void finish_exactly(struct column_finish *finish)
{
    AUTO(arena_drop) struct arena scratch = {0};
    const struct value_table *table = &finish->sums.values;
    struct column_profile *profile = finish->profile;
    bool joins = profile->has_numbers || profile->type == TYPE_BOOLEAN, is_cut = false;
    struct spelling *spellings = arena_new_array(&scratch, struct spelling, table->len);
    for (size_t i = 0; i < table->len; i++) {
        const struct value_entry *entry = &table->entries[i];
        bool is_own = !joins || !entry->is_number || !(fabs(entry->number) < EXACT_MOST);
        spellings[i] = (struct spelling){{entry_text(table, entry), entry->count},
                                         is_own ? (double)NAN : entry->number};
        is_cut |= entry->key.len > (uint32_t)LIMIT_SHOWN_BYTES;
    }
    size_t len = join_spellings(spellings, table->len);
    struct value_count *values = arena_new_array(finish->arena, struct value_count, len);
    for (size_t i = 0; i < len; i++)
        values[i] = (struct value_count){str_copy(finish->arena, spellings[i].text.value),
                                         spellings[i].text.count};
    profile->values = value_counts_sort(values, len);
    profile->value_count = profile->distinct = len;
    profile->distinct_is_exact = true;
    profile->values_are_complete = !is_cut;
}

/* --- by the sample -------------------------------------------------------------------------- */

struct run {
    uint64_t cell;
    size_t count;
};

static int compare_runs(const void *a, const void *b)
{
    const struct run *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return (x->cell > y->cell) - (x->cell < y->cell);
}

/* Counts a cell in an open table of `mask` + 1 places. */
static void count_cell(struct run *places, size_t mask, uint64_t cell)
{
    size_t at = bits_mix(cell) & mask;
    while (places[at].count && places[at].cell != cell)
        at = (at + 1) & mask;
    places[at].cell = cell;
    places[at].count++;
}

/* The frequent cells of a column's sample; *ret_total: how many are not null. */
static size_t frequent_runs(struct arena *scratch, const struct sample *sample, size_t column,
                            struct run **ret, size_t *ret_total)
{
    const uint64_t *cells = sample->cells[column];
    size_t mask = 64, len = 0;
    while (mask < 2 * sample->rows.len)
        mask *= 2;
    struct run *places = arena_new_array(scratch, struct run, mask);
    mask--;
    *ret_total = 0;
    for (size_t i = 0; i < sample->rows.len && cells; i++) {
        if (cells[i] == SAMPLE_NULL)
            continue;
        count_cell(places, mask, cells[i]);
        ++*ret_total;
    }
    for (size_t i = 0; i <= mask; i++) {
        if (places[i].count >= FREQUENT_LEAST)
            places[len++] = places[i];
    }
    if (len > 1)
        qsort(places, len, sizeof *places, compare_runs);
    *ret = places;
    return MIN_OF(len, (size_t)FREQUENT_MOST);
}

/* What a cell of the sample was; false if nothing names it. */
static bool name_cell(const struct column_finish *finish, uint64_t cell, struct str *ret)
{
    const struct sample *sample = &finish->profiler->sample;
    if (finish->profile->has_numbers) {
        *ret = profile_number_text(finish->arena, finish->profile->type, sample_number(cell));
        return true;
    }
    const uint64_t *named = sample->text_cells[finish->column];
    for (size_t i = 0; i < sample->named.len && named; i++) {
        const struct sample_text *text = &sample->texts[finish->column][i];
        if (named[i] != cell)
            continue;
        *ret = str_copy(finish->arena, (struct str){text->text, text->len});
        return true;
    }
    return false;
}

static void finish_by_sample(struct column_finish *finish)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct column_profile *profile = finish->profile;
    struct run *runs = NULL;
    size_t total = 0, len = 0;
    size_t count =
        frequent_runs(&scratch, &finish->profiler->sample, finish->column, &runs, &total);
    struct value_count *values = arena_new_array(finish->arena, struct value_count, count);
    double each = total ? (double)(profile->count - profile->bad_count) / (double)total : 0;
    for (size_t i = 0; i < count; i++) {
        values[len].count = (uint64_t)llround((double)runs[i].count * each);
        len += name_cell(finish, runs[i].cell, &values[len].value);
    }
    profile->values = value_counts_sort(values, len);
    profile->value_count = len;
    double distinct = sketch_estimate(finish->sums.sketch, finish->profiler->sketch_bits);
    uint64_t most = profile->count - profile->bad_count;
    profile->distinct = MIN_OF((uint64_t)llround(distinct), most);
}

void profile_finish_values(struct column_finish *finish)
{
    if (finish->is_exact)
        finish_exactly(finish);
    else
        finish_by_sample(finish);
}
