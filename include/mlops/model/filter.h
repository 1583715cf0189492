/* What `runs --filter` and `best --where` take: conditions on runs, as people and users of MLflow
 * write them. Pure: who calls says what the keys mean and brings the values.
 *
 *     metrics.f1 > 0.8 and (params.model = "tree" or not branch == main)
 *
 * Operators: = == != < <= > >= like ilike ~ !~ in, not in, is null, is not null. A comparison with
 * a value that is absent (or NaN) is neither true nor false, as in SQL: neither it nor its `not`
 * holds. `like` and `ilike` know % and _; ~ finds a part of the text, whatever its case. */
#pragma once

#include "mlops/base/vec.h"
#include "mlops/codec/doc.h"

/* One value of one run. Absent: NaN and no text. */
struct filter_value {
    double number; /* NaN: none */
    struct str text;
};

enum filter_type {
    FILTER_ANY, /* a number where both sides are numbers, else text */
    FILTER_TEXT,
    FILTER_NUMBER,
    FILTER_DURATION, /* ns; written as 90, 90s, 5m, 1.5h */
    FILTER_BYTES,    /* written as 1024, 4GiB */
    FILTER_MOMENT,   /* ns since 1970; written as a date or a moment */
    FILTER_ID,       /* equal to what begins or ends like it, from 4 characters on */
    FILTER_WORDS,    /* names separated by blanks; equal to each of them */
    FILTER_CHOICE,   /* one of filter_key.choices */
};

/* A word that may be written, and the value it means: several may mean the same. */
struct filter_choice {
    const char *word, *means;
};

/* A key as it stands in the text; the last two are filled in by the caller before filter_bind. */
struct filter_key {
    struct str name; /* without quotes: "metrics.f1" */
    struct mark mark;
    enum filter_type type;
    const struct filter_choice *choices; /* of FILTER_CHOICE, NULL behind the last */
};

VEC(filter_key_vec, struct filter_key);

struct filter_term;
struct filter {
    struct str text;            /* borrowed */
    struct filter_key_vec keys; /* each name once, in order */
    struct filter_term *terms;  /* postfix */
    size_t term_count;
};

/* A part of a name in a list or an expression, as it may be quoted: metrics.`a b`. Takes it from
 * *rest (blanks in front are skipped); false if there is none. */
bool filter_take_name(struct arena *arena, struct str *rest, struct str *ret);

/* `source` is how messages name the text ("--filter"); errors point into it. Borrows from text. */
FALLIBLE filter_parse(struct arena *arena, const char *source, struct str text, struct filter *ret);

/* Reads a date or moment as [from, until) ns: a day is as long as it is. */
typedef bool filter_moment_reader(struct str text, int64_t *ret_from_ns, int64_t *ret_until_ns);

/* Gives what is compared with the type of its key; a value that can't be of it is an error. */
FALLIBLE filter_bind(struct arena *arena, struct filter *filter, filter_moment_reader *read_moment);

/* Whether the condition holds for row `row`; columns[k] are the values of keys.at[k]. */
bool filter_holds(const struct filter *filter, const struct filter_value *const *columns,
                  size_t row);

/* An error that points at the key. */
ERROR_MADE filter_fault(const struct filter *filter, struct mark mark, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Whether the whole text is one decimal number. */
bool filter_number_parse(struct str text, double *ret);

/* Order of two values: absent ones last, numbers before texts. `is_descending` turns round all but
 * the absent ones. */
int filter_value_compare(const struct filter_value *a, const struct filter_value *b,
                         bool is_descending);
