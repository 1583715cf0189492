#include <math.h>
#include <stdlib.h>

#include "profile_private.h"

/* --- the sums of all workers ---------------------------------------------------------------- */

static void merge_lengths(struct column_sums *into, const struct column_sums *from)
{
    if (from->length_count == 0)
        return;
    if (into->length_count == 0 || from->length_min < into->length_min)
        into->length_min = from->length_min;
    into->length_max = MAX_OF(into->length_max, from->length_max);
    into->length_count += from->length_count;
    into->length_sum += from->length_sum;
}

static void merge_sums(struct column_sums *into, const struct column_sums *from)
{
    for (size_t i = 0; i < CLASS_COUNT; i++)
        into->classes[i] += from->classes[i];
    for (size_t i = 0; i < ROLE_COUNT; i++)
        into->roles[i] += from->roles[i];
    merge_lengths(into, from);
    into->number_count += from->number_count;
    into->zero_count += from->zero_count;
    into->negative_count += from->negative_count;
    into->infinite_count += from->infinite_count;
    into->nan_count += from->nan_count;
    into->min = fmin(into->min, from->min);
    into->max = fmax(into->max, from->max);
    into->object_count += from->object_count;
    into->has_native |= from->has_native;
}

static void sketch_entries(uint8_t *sketch, unsigned bits, const struct value_table *table)
{
    for (size_t i = 0; i < table->len; i++)
        sketch_add(sketch, bits, table->entries[i].sketch);
}

/* All values of all workers, if they fit. */
static bool merge_tables(struct column_finish *finish)
{
    struct profiler *profiler = finish->profiler;
    for (size_t i = 0; i < profiler->worker_count; i++) {
        const struct column_sums *from = &profiler->workers[i].columns[finish->column];
        for (size_t j = 0; j < from->values.len && !from->sketch; j++) {
            const struct value_entry *entry = &from->values.entries[j];
            const struct value_cell cell = {from->values.texts + entry->text_at, entry->key,
                                            entry->sketch, entry->number, entry->is_number};
            if (!value_table_add(&finish->sums.values, profiler->limits, &cell, entry->count))
                return false;
        }
        if (from->sketch)
            return false;
    }
    return true;
}

static void merge_sketches(struct column_finish *finish)
{
    struct profiler *profiler = finish->profiler;
    size_t size = (size_t)1 << profiler->sketch_bits;
    finish->sums.sketch = memory_grow(NULL, size);
    memset(finish->sums.sketch, 0, size);
    for (size_t i = 0; i < profiler->worker_count; i++) {
        const struct column_sums *from = &profiler->workers[i].columns[finish->column];
        sketch_entries(finish->sums.sketch, profiler->sketch_bits, &from->values);
        for (size_t j = 0; j < size && from->sketch; j++)
            finish->sums.sketch[j] = MAX_OF(finish->sums.sketch[j], from->sketch[j]);
    }
}

/* --- types ---------------------------------------------------------------------------------- */

static enum field_type json_type(const struct column_sums *sums)
{
    if (sums->object_count == sums->classes[CLASS_JSON])
        return TYPE_OBJECT;
    return sums->object_count ? TYPE_ANY : TYPE_ARRAY;
}

/* The narrowest type that all cells fit. */
static enum field_type type_of(const struct column_sums *sums)
{
    static const enum field_type types[CLASS_COUNT] = {
        [CLASS_INTEGER] = TYPE_INTEGER,   [CLASS_REAL] = TYPE_NUMBER,
        [CLASS_BOOLEAN] = TYPE_BOOLEAN,   [CLASS_DATE] = TYPE_DATE,
        [CLASS_TIME] = TYPE_TIME,         [CLASS_TEXT] = TYPE_STRING,
        [CLASS_DATETIME] = TYPE_DATETIME,
    };
    size_t kinds = 0, only = 0;
    for (size_t i = CLASS_INTEGER; i < CLASS_COUNT; i++) {
        kinds += sums->classes[i] > 0;
        only = sums->classes[i] > 0 ? i : only;
    }
    if (kinds == 0)
        return TYPE_ANY;
    if (kinds == 1)
        return only == CLASS_JSON ? json_type(sums) : types[only];
    if (kinds == 2 && sums->classes[CLASS_INTEGER] && sums->classes[CLASS_REAL])
        return TYPE_NUMBER;
    return sums->has_native ? TYPE_ANY : TYPE_STRING;
}

static void add_word(struct arena *arena, struct value_count *texts, size_t *len,
                     const struct null_word *word)
{
    struct str text = {word->text, word->len};
    size_t at = 0;
    while (at < *len && !str_equal(texts[at].value, text))
        at++;
    if (at == NULL_WORDS)
        return;
    if (at == *len)
        texts[(*len)++].value = str_copy(arena, text);
    texts[at].count += word->count;
}

static void finish_nulls(struct column_finish *finish)
{
    struct profiler *profiler = finish->profiler;
    struct value_count *texts = NULL;
    size_t len = 0;
    for (size_t i = 0; i < profiler->worker_count; i++) {
        const struct null_word *words = profiler->workers[i].columns[finish->column].null_words;
        if (words && !texts)
            texts = arena_new_array(finish->arena, struct value_count, NULL_WORDS);
        for (size_t j = 0; words && j < NULL_WORDS && words[j].count; j++)
            add_word(finish->arena, texts, &len, &words[j]);
    }
    finish->profile->null_texts = value_counts_sort(texts, len);
    finish->profile->null_text_count = len;
}

static void finish_counts(struct column_finish *finish)
{
    struct profiler *profiler = finish->profiler;
    struct column_profile *profile = finish->profile;
    const struct column_sums *sums = &finish->sums;
    bool is_cast = profiler->rules[finish->column].is_cast;
    profile->name = str_copy(finish->arena, profiler->names[finish->column]);
    profile->type = is_cast ? profiler->types[finish->column] : type_of(sums);
    memcpy(profile->classes, sums->classes, sizeof profile->classes);
    profile->null_count = sums->roles[ROLE_NULL];
    profile->bad_count = sums->roles[ROLE_BAD];
    profile->count = profiler->record_count - profile->null_count;
    profile->has_lengths = sums->length_count > 0;
    if (profile->has_lengths) {
        profile->length_min = sums->length_min;
        profile->length_max = sums->length_max;
        profile->length_mean = (double)sums->length_sum / (double)sums->length_count;
    }
    profile->has_numbers = type_has_numbers(profile->type) && sums->number_count > 0;
    finish_nulls(finish);
}

/* --- everything ----------------------------------------------------------------------------- */

static void finish_drop(struct column_finish *finish)
{
    value_table_drop(&finish->sums.values);
    free(finish->sums.sketch);
    finish->sums.sketch = NULL;
}

static void finish_sums(struct column_finish *finish)
{
    struct profiler *profiler = finish->profiler;
    finish->sums = (struct column_sums){.min = HUGE_VAL, .max = -HUGE_VAL};
    for (size_t i = 0; i < profiler->worker_count; i++)
        merge_sums(&finish->sums, &profiler->workers[i].columns[finish->column]);
}

static void finish_column(struct column_finish *finish)
{
    AUTO(finish_drop) struct column_finish own = *finish;
    finish_sums(&own);
    own.is_exact = merge_tables(&own);
    if (!own.is_exact)
        merge_sketches(&own);
    profile_finish_numbers(&own);
    profile_finish_values(&own);
    free(own.profiler->sample.cells[own.column]);
    own.profiler->sample.cells[own.column] = NULL;
}

FALLIBLE profiler_finish(struct profiler *profiler, struct arena *arena, struct profile *ret)
{
    size_t count = profiler->column_count;
    struct column_profile *columns = arena_new_array(arena, struct column_profile, count);
    *ret = (struct profile){
        .record_count = profiler->record_count,
        .is_sampled = profiler->record_count > profiler->sample.rows.len,
        .sample_count = profiler->sample.rows.len,
        .columns = columns,
        .column_count = count,
    };
    struct column_finish finish = {.profiler = profiler, .arena = arena};
    for (finish.column = 0; finish.column < count; finish.column++) {
        finish.profile = &columns[finish.column];
        finish_sums(&finish);
        finish_counts(&finish);
    }
    profile_finish_pairs(profiler, arena, ret);
    for (finish.column = 0; finish.column < count; finish.column++) {
        finish.profile = &columns[finish.column];
        finish_column(&finish);
    }
    return NULL;
}
