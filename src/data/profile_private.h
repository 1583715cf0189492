/* How a profile comes about. Every worker adds up what is commutative and exact (counts, bounds,
 * distinct values); every slot holds the moments of one batch and the cells of its sampled records,
 * which profiler_commit takes over in order of the file. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/data/profile.h"

#include <stdatomic.h>

/* What a cell is to a profile, by its class or its state. */
enum cell_role {
    ROLE_NULL,
    ROLE_NUMBER, /* it has a number on the axis of its column */
    ROLE_TEXT,
    ROLE_BAD,
    ROLE_COUNT,
};

/* Of a text: for up to 16 bytes `a`, `b` and the length are the text; else two hashes of it. */
struct text_key {
    uint64_t a, b, hash;
    uint32_t len;
};

__extension__ typedef unsigned __int128 profile_wide;

static inline uint64_t bits_fold(uint64_t a, uint64_t b)
{
    profile_wide product = (profile_wide)a * b;
    return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

static inline uint64_t bits_load(const char *at)
{
    uint64_t word = 0;
    memcpy(&word, at, sizeof word);
    return word;
}

enum { TEXT_SHORT = 16 };
extern const uint64_t profile_seeds[4];
extern const uint64_t profile_masks[TEXT_SHORT + 1][2];

/* Of a text of more than TEXT_SHORT bytes, without the final hash. */
struct text_key text_key_long(struct str text);

/* After wyhash (W. Yi): not keyed, as equal files have equal profiles. `start`: from here on there
 * is something to read, as of a batch's text; what stands in front of a text is read and masked. */
static inline struct text_key text_key_of(struct str text, const char *start)
{
    struct text_key key = {.len = (uint32_t)text.len};
    char copy[TEXT_SHORT] = {0};
    const char *end = text.at + text.len;
    if (__builtin_expect(text.len > TEXT_SHORT, 0)) {
        key = text_key_long(text);
    } else {
        if (__builtin_expect(end - start < TEXT_SHORT, 0)) {
            memcpy(copy + TEXT_SHORT - text.len, text.len ? text.at : "", text.len);
            end = copy + TEXT_SHORT;
        }
        key.a = bits_load(end - 16) & profile_masks[text.len][0];
        key.b = bits_load(end - 8) & profile_masks[text.len][1];
    }
    key.hash = bits_fold(profile_seeds[1] ^ text.len,
                         bits_fold(key.a ^ profile_seeds[0], key.b ^ profile_seeds[2]));
    return key;
}

/* A hash of 64 good bits; one to one. */
static inline uint64_t bits_mix(uint64_t bits)
{
    bits ^= bits >> 30;
    bits *= UINT64_C(0xbf58476d1ce4e5b9);
    bits ^= bits >> 27;
    bits *= UINT64_C(0x94d049bb133111eb);
    return bits ^ bits >> 31;
}

static inline uint64_t number_bits(double number)
{
    uint64_t bits = 0;
    number += 0.0; /* -0 is 0 */
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

/* --- distinct values ------------------------------------------------------------------------ */

struct value_entry {
    struct text_key key;
    uint64_t count;
    uint64_t sketch; /* its hash for the sketch */
    double number;   /* of ROLE_NUMBER */
    uint32_t text_at;
    bool is_number;
};

/* Different values with their counts, up to `value_cap` values of `byte_cap` bytes in all. What is
 * more makes it overflow: whether the union of all workers does depends on the values alone. */
struct value_table {
    struct value_entry *entries;
    uint16_t *places; /* index + 1 of an entry; 0: free */
    char *texts;      /* at most LIMIT_SHOWN_BYTES of each */
    size_t len, cap, place_count, text_len, text_cap;
};

struct value_limits {
    size_t values, bytes;
};

struct value_cell {
    const char *text;
    struct text_key key;
    uint64_t sketch;
    double number;
    bool is_number;
};

/* Counts a value; false if the table would go over its limits (nothing was counted). */
bool value_table_add(struct value_table *table, struct value_limits limits,
                     const struct value_cell *cell, uint64_t count);

/* Whether a longer text is that of the entry, as far as it is kept. */
bool value_entry_holds(const struct value_table *table, const struct value_entry *entry,
                       const char *text);

/* The entry of a value, or NULL. */
static inline struct value_entry *value_table_find(const struct value_table *table,
                                                   const struct text_key *key, bool is_number,
                                                   const char *text)
{
    if (table->place_count == 0)
        return NULL;
    size_t mask = table->place_count - 1;
    for (size_t at = key->hash & mask; table->places[at]; at = (at + 1) & mask) {
        struct value_entry *entry = &table->entries[table->places[at] - 1];
        if (entry->key.a == key->a && entry->key.b == key->b && entry->key.len == key->len &&
            entry->is_number == is_number &&
            (key->len <= TEXT_SHORT || value_entry_holds(table, entry, text)))
            return entry;
    }
    return NULL;
}

void value_table_drop(struct value_table *table);

/* --- sketch of distinct values: HyperLogLog ------------------------------------------------- */

enum { SKETCH_BITS = 12, SKETCH_BITS_LEAST = 6 };

static inline void sketch_add(uint8_t *registers, unsigned bits, uint64_t hash)
{
    uint64_t rest = hash << bits | UINT64_C(1) << (bits - 1);
    uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1);
    uint8_t *at = &registers[hash >> (64 - bits)];
    if (__builtin_expect(rank > *at, 0)) /* foreseen once the sketch has seen some */
        *at = rank;
}

/* Unbiased over the whole range: O. Ertl, "New cardinality estimation algorithms for HyperLogLog
 * sketches", arXiv 1702.01284, algorithm 6. */
double sketch_estimate(const uint8_t *registers, unsigned bits);

/* --- sample of whole records ---------------------------------------------------------------- */

/* A cell in the sample: a number as it is, everything else as a NaN that says what it is. */
#define SAMPLE_NULL UINT64_C(0x7ff8000000000001)
#define SAMPLE_TEXT UINT64_C(0xfff8000000000000) /* | 51 bits of the hash */

static inline uint64_t sample_of_text(uint64_t hash)
{
    return SAMPLE_TEXT | hash >> 13;
}

static inline bool sample_is_text(uint64_t cell)
{
    return (cell & SAMPLE_TEXT) == SAMPLE_TEXT;
}

static inline double sample_number(uint64_t cell)
{
    double number = 0;
    memcpy(&number, &cell, sizeof number);
    return number;
}

/* The records with the smallest hashes: a heap, the largest on top. */
struct row_heap {
    uint64_t *hashes;
    uint32_t *places;
    size_t len, cap;
};

/* Where the record goes (the place of the one it replaces, or a new one), or -1: nowhere. */
ptrdiff_t row_heap_admit(struct row_heap *heap, uint64_t hash);
void row_heap_open(struct row_heap *heap, size_t cap);
void row_heap_drop(struct row_heap *heap);

static inline uint64_t row_heap_bound(const struct row_heap *heap)
{
    return heap->len < heap->cap ? UINT64_MAX : heap->hashes[0];
}

/* Texts of few sampled records, to name frequent values by. */
enum { SAMPLE_TEXT_BYTES = 63 };
struct sample_text {
    uint8_t len;
    char text[SAMPLE_TEXT_BYTES];
};

struct sample {
    struct row_heap rows, named; /* `named`: records whose texts are kept as well */
    uint64_t **cells;            /* per column, rows.cap each; NULL: no record came yet */
    struct sample_text **texts;  /* per column, named.cap each; NULL: no text came yet */
    uint64_t **text_cells;       /* which cells of the sample the texts are */
    size_t column_count;
    _Atomic uint64_t bound; /* records with smaller hashes may come in */
};

/* --- what is added up ----------------------------------------------------------------------- */

/* Count, mean and sum of squared distances from it; the mean is mean + off, beyond a double. */
struct moments {
    double count, mean;
    long double squares; /* of numbers beyond 1e154 no double holds them */
    double off;
};

struct wide_moments {
    long double count, mean, squares;
};

struct moments moments_of(const double *numbers, size_t count);

/* T. Chan, G. Golub, R. LeVeque (1979). */
void moments_merge(struct wide_moments *into, const struct moments *from);

enum { NULL_WORDS = 16 };

struct null_word {
    uint64_t count;
    uint8_t len;
    char text[15];
};

/* One column as one worker has seen it. */
struct column_sums {
    uint64_t classes[CLASS_COUNT];
    uint64_t roles[ROLE_COUNT];
    uint64_t number_count, zero_count, negative_count, infinite_count, nan_count;
    double min, max;
    uint64_t length_count, length_sum, length_min, length_max;
    uint64_t object_count;        /* JSON objects among CLASS_JSON */
    bool has_native;              /* JSON values that are no strings */
    struct null_word *null_words; /* NULL_WORDS of them; NULL: no null was seen */
    struct value_table values;
    uint8_t *sketch; /* NULL: `values` holds all */
    uint8_t hint;    /* enum value_class */
};

struct profile_worker {
    struct column_sums *columns;
    double *numbers; /* the finite numbers of a column of a batch */
    size_t cap;
};

struct profile_slot {
    bool is_open;
    uint64_t index; /* of the batch */
    struct moments *moments;
    uint32_t *records; /* which records of the batch may come into the sample */
    uint64_t *hashes;
    uint64_t *cells; /* per column, `len` each */
    size_t len, record_cap, cell_cap;
};

enum { STATES = 16 }; /* of a cell: of either kind fewer */

/* How the states of a column are read. */
struct column_rule {
    uint8_t roles[STATES];       /* enum cell_role by state */
    uint64_t salts[CLASS_COUNT]; /* numbers of different axes differ in the sketch */
    bool is_cast;                /* states are value_state, not value_class */
    bool has_lengths[CLASS_COUNT];
};

struct profiler {
    struct arena arena;
    const struct str *names;
    const enum field_type *types; /* NULL, or TYPE_COUNT where a column is classified */
    struct column_rule *rules;
    size_t column_count, worker_count, slot_count;
    struct value_limits limits;
    unsigned sketch_bits;
    struct profile_worker *workers;
    struct profile_slot *slots;
    struct wide_moments *moments; /* per column, of all committed batches */
    uint64_t record_count;
    struct sample sample;
};

/* A column of a batch on its way into the sums. */
struct column_visit {
    const struct record_batch *batch;
    const struct column_data *data;
    const struct column_rule *rule;
    struct column_sums *sums;
    size_t column;
    struct value_limits limits;
    unsigned sketch_bits;
    double *numbers; /* finite ones, `number_count` */
    size_t number_count;
    double magnitude; /* the largest of them, without its sign */
    bool is_plain;    /* all cells that are not null are finite numbers of one axis below 2^53 */
    uint64_t salt;    /* of that axis */
};

/* Doubles up to here hold every integer: texts of larger ones tell them apart. */
#define EXACT_MOST 9007199254740992.0

/* Bounds, signs and moments. */
struct moments profile_visit_numbers(struct column_visit *visit);
/* Distinct values. */
void profile_visit_values(struct column_visit *visit);
/* Kinds of cells, lengths of texts. */
void profile_visit_texts(struct column_visit *visit, bool has_texts);
/* Numbers that are not finite. */
void profile_visit_odd(struct column_visit *visit);
/* Spellings of nulls. */
void profile_visit_nulls(struct column_visit *visit);

/* A cell's text: of JSON's true and false their names. */
static inline struct str profile_cell_text(const struct record_batch *batch,
                                           const struct raw_cell *cell)
{
    if (__builtin_expect(cell->kind == RAW_TRUE, 0))
        return STR("true");
    if (__builtin_expect(cell->kind == RAW_FALSE, 0))
        return STR("false");
    return raw_text(batch, cell);
}

static inline struct text_key profile_cell_key(const struct record_batch *batch,
                                               const struct raw_cell *cell)
{
    struct str text = profile_cell_text(batch, cell);
    bool is_name = cell->kind == RAW_TRUE || cell->kind == RAW_FALSE;
    return text_key_of(text, is_name ? text.at : batch->text);
}

void sample_open(struct arena *arena, struct sample *sample, size_t column_count);
void sample_drop(struct sample *sample);
void sample_begin(const struct sample *sample, struct profile_slot *slot,
                  const struct record_batch *batch);
void sample_visit(const struct column_visit *visit, struct profile_slot *slot);
void sample_commit(struct sample *sample, const struct profile_slot *slot,
                   const struct record_batch *batch);

/* --- what comes of it ----------------------------------------------------------------------- */

/* One column with the sums of all workers. */
struct column_finish {
    struct profiler *profiler;
    struct arena *arena;
    size_t column;
    struct column_sums sums; /* added up; its tables and sketch live in `scratch` or elsewhere */
    bool is_exact;           /* `sums.values` holds every value */
    struct column_profile *profile;
};

/* Distinct and frequent values; adds to the profile's distribution what values say exactly. */
void profile_finish_values(struct column_finish *finish);
void profile_finish_numbers(struct column_finish *finish);
void profile_finish_pairs(struct profiler *profiler, struct arena *arena, struct profile *profile);

/* Most frequent first, ties by bytes; returns `values`. */
struct value_count *value_counts_sort(struct value_count *values, size_t count);

/* Whether a type's numbers are on an axis that means have a sense on. */
bool type_has_numbers(enum field_type type);
