/* What the files of predictions share: a table being read column by column. */
#pragma once

#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/base/map.h"
#include "mlops/data/cast.h"
#include "mlops/data/predictions.h"
#include "mlops/model/pipeline.h"

#define NO_COLUMN SIZE_MAX

/* Columns by what they are for; NO_COLUMN: there is none. */
struct column_places {
    size_t label, prediction, score, id, weight;
    size_t *shares; /* of probabilities */
    struct str *share_classes;
    size_t share_count;
    bool has_numbered; /* p0, p1, ...: classes are 0, 1, ... */
    size_t *slices;
    struct str *slice_names;
    size_t slice_count;
};

/* A text that is a class, as first met. */
struct class_text {
    struct str text;
    double number; /* NaN: none */
    uint64_t line; /* of the cell; 0: the name of a column */
    uint64_t row;
    struct str column;
    uint32_t class; /* in the end */
};
VEC(class_text_vec, struct class_text);

/* Texts of one kind, numbered as they come. */
struct class_texts {
    struct map numbers; /* text -> number + 1 */
    struct class_text_vec all;
};

/* Arrays of rows on the heap while they grow. */
struct predictions_reader {
    struct arena *arena;
    const struct predictions_options *options;
    struct table_reader *table;
    struct column_places at;
    struct column_room *room;
    struct caster *number;
    struct class_texts classes;
    struct class_texts *slice_values;
    struct buf labels, predicted;                        /* uint32_t: numbers of class texts */
    struct buf targets, values, scores, weights, shares; /* double */
    struct buf ids;                                      /* struct str */
    struct buf *slices;                                  /* uint32_t, per slice column */
    struct map seen_ids;                                 /* -> row number */
    size_t count;
    size_t *kept; /* records of the batch that are rows */
    size_t kept_count, kept_cap;
    bool is_csv;
};

/* Finds the columns that a task takes; what is wanted must be there. */
FALLIBLE predictions_find_columns(struct arena *arena, const struct table_reader *table,
                                  const struct predictions_options *options,
                                  struct column_places *ret);

/* Takes one batch. */
FALLIBLE predictions_read_batch(struct predictions_reader *reader,
                                const struct record_batch *batch);

/* The number of a text, made if new. */
uint32_t class_text_number(struct arena *arena, struct class_texts *texts, struct str text,
                           bool *ret_is_new);

/* From numbered texts to sorted classes; labels and predictions of all rows. */
FALLIBLE predictions_finish_classes(struct predictions_reader *reader, struct predictions *ret);

/* Scores, probabilities, and what is predicted by them. */
FALLIBLE predictions_finish_scores(struct predictions_reader *reader, struct predictions *ret);

/* The number that a text is as a whole, finite; blanks around it do not count. */
bool predictions_number(struct str text, double *ret);

/* What a class that is a number is called: "1" for "1.0". */
struct str predictions_number_name(struct arena *arena, double number);

/* "label, score, id" for messages. */
struct str predictions_list_columns(struct arena *arena, const struct table_reader *table);
