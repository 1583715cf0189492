/* Shared by the files of module filter. */
#pragma once

#include "mlops/model/filter.h"

enum filter_verb {
    VERB_EQUAL,
    VERB_UNEQUAL,
    VERB_LESS,
    VERB_AT_MOST,
    VERB_MORE,
    VERB_AT_LEAST,
    VERB_LIKE,
    VERB_ILIKE,
    VERB_HOLDS, /* ~ */
    VERB_IN,
    VERB_NULL,
};

/* What a key is compared with. */
struct filter_operand {
    struct str text;
    struct mark mark;
    double number, until; /* NaN: no number; a moment is [number, until) */
};

VEC(filter_operand_vec, struct filter_operand);

enum filter_term_kind { TERM_COMPARISON, TERM_NOT, TERM_AND, TERM_OR };

/* Postfix: a comparison puts an answer on the stack, the others take theirs from it. */
struct filter_term {
    enum filter_term_kind kind;
    enum filter_verb verb;
    size_t key;
    struct filter_operand_vec operands; /* one; of `in` any number; of `is null` none */
};

VEC(filter_term_vec, struct filter_term);

/* Answers that wait at once: two at each of LIMIT_FILTER_DEPTH levels, and the last one (checked).
 */
enum { FILTER_STACK = 130 };

/* Bytes without regard to the case of ASCII letters. */
bool filter_is_word(struct str text, const char *lower);
char filter_fold(char c);
