/* What a column holds, measured in one pass: counts, bounds, moments, distinct values, quantiles,
 * frequent values, a histogram, lengths of texts; and pairs of columns that go together. The same
 * file gives the same profile to the last bit, whatever the number of threads.
 *
 * Quantiles come from a sample of whole records: those whose hashed row number is smallest, up to
 * PROFILE_SAMPLE records, fewer in very wide tables. A table of no more records is held completely,
 * and its quantiles, histogram and correlations are exact; else the rank of a quantile has a
 * standard error of at most 0.5/sqrt(sample). Distinct values are counted exactly up to
 * PROFILE_VALUES different ones, beyond by HyperLogLog with 2^12 registers (1.6 %). */
#pragma once

#include "mlops/codec/digest.h"
#include "mlops/data/cast.h"
#include "mlops/data/distribution.h"

#define PROFILE_SAMPLE 65536
#define PROFILE_VALUES 1000
#define PROFILE_POINTS 2048 /* of a distribution that is stored */
#define PROFILE_PAIRED 64   /* columns with numbers that are correlated: the first ones */
#define PROFILE_BINS 20     /* of a histogram */
#define PROFILE_FORMAT                                                                             \
    1 /* version of what is measured; part of what measurements are cached by                      \
       */

struct doc_node;
struct json_writer;
struct profiler;

struct value_count {
    struct str value;
    uint64_t count;
};

struct column_profile {
    struct str name;
    enum field_type type;          /* of the schema, or the narrowest that all values fit */
    uint64_t classes[CLASS_COUNT]; /* without a schema: cells of each class */
    uint64_t count;                /* cells that are not null */
    uint64_t null_count;           /* null or missing */
    uint64_t bad_count;            /* not of the schema's type */
    bool has_numbers; /* the following to `bins`: on the axis of column_data; not of booleans */
    uint64_t number_count; /* finite values */
    uint64_t zero_count, negative_count, infinite_count, nan_count;
    double min, max, mean, sd;        /* sd: of the sample, n-1 */
    struct distribution distribution; /* at most PROFILE_POINTS points when read from a file */
    uint64_t bins[PROFILE_BINS];      /* equal widths from min to max; estimated if !is_exact */
    bool has_bins;
    uint64_t distinct;
    bool distinct_is_exact;
    const struct value_count *values; /* most frequent first, ties by bytes; up to PROFILE_VALUES */
    size_t value_count;
    bool values_are_complete; /* every value with its exact count; else long ones are cut to
                               * LIMIT_SHOWN_BYTES, or they are estimated by the sample */
    const struct value_count *null_texts; /* without a schema: how nulls are spelled */
    size_t null_text_count;
    uint64_t length_min, length_max; /* code points of texts */
    double length_mean;
    bool has_lengths;
};

/* Two columns with numbers and their Pearson correlation in the sample. */
struct column_pair {
    uint32_t a, b;
    double correlation;
};

struct profile {
    uint64_t record_count, byte_count;
    struct digest digest; /* of the file; zero: not taken */
    bool is_sampled;      /* more records than the sample holds */
    uint64_t sample_count;
    uint64_t short_count, long_count; /* records of too few cells (not blank), of too many */
    const struct column_profile *columns;
    size_t column_count;
    const struct column_pair *pairs; /* of up to 64 columns, the strongest first */
    size_t pair_count;
};

struct profiler_options {
    const struct str *names;
    size_t column_count;
    const enum field_type *types; /* NULL: no schema; TYPE_COUNT: this column is classified */
    size_t workers, slots;
};

/* Names and types must live until profiler_finish. */

FALLIBLE profiler_open(const struct profiler_options *options, struct profiler **ret);
void profiler_drop(struct profiler **profiler);

/* For visit and commit of a scan. `data` is the column cast (types given) or classified. */
FALLIBLE profiler_visit(struct profiler *profiler, size_t worker, size_t slot,
                        const struct record_batch *batch, size_t column,
                        const struct column_data *data);
/* Once per batch in commit, in order of the file: adds up the moments, keeps the sampled records.
 */
FALLIBLE profiler_commit(struct profiler *profiler, size_t slot, const struct record_batch *batch);

/* What to pass classify_column as hint; changes while a worker learns. */
enum value_class profiler_hint(const struct profiler *profiler, size_t worker, size_t column);

FALLIBLE profiler_finish(struct profiler *profiler, struct arena *arena, struct profile *ret);

/* A number on the axis of a type as text in the type's notation: "2024-02-29" of a date, the
 * shortest decimal of a number. */
struct str profile_number_text(struct arena *arena, enum field_type type, double number);

/* "integer", "number", "text", ...: what stands in `classes` of the JSON form. */
const char *profile_class_name(enum value_class value_class);

/* As JSON and back: docs/formats.md. Distributions are thinned to PROFILE_POINTS. With `is_short`
 * for people and reports: no distributions, the 10 most frequent values. */
void profile_write(struct json_writer *json, const struct profile *profile, bool is_short);
FALLIBLE profile_read(struct arena *arena, const struct doc_node *node, struct profile *ret);
