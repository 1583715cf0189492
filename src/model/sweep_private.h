/* Inside model/sweep: words and nodes that say what a parameter is to be. */
#pragma once

#include "mlops/codec/schema.h"
#include "mlops/model/sweep.h"

/* Where a text came from, for places in errors: a word of the command line, or a node whose text it
 * is. */
struct wording {
    struct str word;
    const struct doc_node *node; /* NULL: a word of the command line */
};

/* What is wrong at `at`, a place inside the word: ERROR_USAGE for words, ERROR_PROJECT for files.
 */
ERROR_MADE wording_fault(const struct wording *wording, const char *at, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* The texts of `text` (a part of the word) between commas that are in no quotes and no brackets. */
VEC(str_parts, struct str);
void wording_split(struct arena *arena, struct str text, struct str_parts *ret);

/* The place behind the quoted text that starts at `at`. */
size_t wording_quote_end(struct str text, size_t at);

/* The range or the values that `text`, a part of the word, gives; *ret_is_single: it is one value,
 * no range. */
FALLIBLE dimension_take(struct arena *arena, const struct wording *wording, struct str text,
                        struct dimension *ret, bool *ret_is_single);

/* One YAML flow value, or an error at its place. */
FALLIBLE wording_check_value(struct arena *arena, const struct wording *wording, struct str text,
                             struct str *ret_encoded);

/* `uniform(0,1)`, `choice(a,b)`: without the key. */
struct str dimension_text(struct arena *arena, const struct dimension *dimension);

/* A node as YAML flow text that reads back as the same value. */
struct str node_flow(struct arena *arena, const struct doc_node *node);

/* Shortest text that reads back as the same double, and as a real in every reader of YAML: always
 * with a point, exponents with a sign ("1.0e-05", "0.25", "3.0"). */
struct str real_text(struct arena *arena, double value);

/* The same for whole numbers up to 2^53: "30". */
struct str whole_text(struct arena *arena, double value);

/* How many values a dimension has; 0: a continuum. */
double dimension_count(const struct dimension *dimension);

/* The value of number `index` of them, as text. */
struct str dimension_value(struct arena *arena, const struct dimension *dimension, double index);

extern const struct schema sweep_schema, sweep_schema_metric, sweep_schema_steps,
    sweep_schema_budget, sweep_schema_assignment, sweep_schema_key;
