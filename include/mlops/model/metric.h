/* Numbers and words read from metrics files: nested maps flattened with dots; numbers, strings and
 * booleans count, lists are dropped, as in DVC. */
#pragma once

#include "mlops/base/vec.h"
#include "mlops/codec/doc.h"

struct metric {
    struct str file; /* relative to the project */
    struct str key;  /* dotted */
    struct str text; /* as in the file */
    double value;    /* NaN if is_text */
    bool is_text;
};

VEC(metric_vec, struct metric);

/* For people, in as many digits, below ten millions without an exponent: "0.8312", "29959" and not
 * "2.996e+04". */
struct str metric_print(struct arena *arena, double value, int digits);
struct str metric_print_signed(struct arena *arena, double value, int digits);

enum metric_direction {
    DIRECTION_UNKNOWN,
    HIGHER_IS_BETTER,
    LOWER_IS_BETTER,
};

/* "higher", "lower"; empty for unknown. */
const char *metric_direction_name(enum metric_direction direction);

/* By the metric's name: its last part, without words as "val", "test", "mean" around it:
 * "macro.f1", "val_loss", "rmse_test", "slices.country.FR.accuracy". Names that say nothing are
 * unknown. */
enum metric_direction metric_direction_of(struct str key);

/* By the names of a built-in evaluation's file: not of all the data, but of a class, a slice, the
 * trivial baseline, or the bound of a value or why there is none. */
bool metric_is_part(struct str key);

/* Adds the metrics of a parsed document; stops with an error at LIMIT_METRIC_VALUES. */
FALLIBLE metrics_flatten(struct arena *arena, struct str file, const struct doc_node *root,
                         struct metric_vec *ret);

/* The document of such a file, by its suffix: YAML, JSON, TOML or Python. In JSON NaN, Infinity and
 * -Infinity may stand for numbers; they are texts in the tree. */
FALLIBLE metrics_load(struct arena *arena, struct str path, struct str bytes, struct doc **ret);

/* Parses bytes by the file's suffix and flattens: JSON (NaN and Infinity as Python writes them
 * are numbers), TOML, Python; CSV, TSV and JSON Lines (docs/pipeline.md, "Metrics files"); else
 * YAML. Tables, lines, texts and images that hold no metrics give none and no error. */
FALLIBLE metrics_parse(struct arena *arena, struct str path, struct str bytes,
                       struct metric_vec *ret);

/* What a user means by `key` (of `file`, or of any if that is empty): that very key, else the one
 * whose last parts it is ("f1" for "macro.f1"). *ret_count: how many it may mean; *ret: the first,
 * NULL if none. */
void metrics_find(const struct metric_vec *metrics, struct str file, struct str key,
                  const struct metric **ret, size_t *ret_count);

/* At least one value is of this file. */
bool metrics_have_file(const struct metric_vec *metrics, struct str file);
