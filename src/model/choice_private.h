/* Inside model/choice. */
#pragma once

#include "mlops/model/choice.h"

#include "draws_private.h"

/* What may explain a score. Numbers are shares of what the sweep draws from, 0..1, each stretch as
 * likely as it is long; words are indexes. */
struct factor {
    struct str file, key;
    size_t words;    /* 0: numbers */
    bool is_ordered; /* has a rank correlation */
    double *at;      /* one for each trial */
};

/* The factors of these trials: what the sweep varies, or what differs among listed ones. */
void factors_make(struct arena *arena, const struct sweep *sweep, const struct choice_trial *trials,
                  size_t count, struct factor **ret, size_t *ret_count);

/* Main effects by a forest of regression trees, one share for each factor; NaN: no variance. */
void forest_explain(struct arena *arena, const struct factor *factors, size_t factor_count,
                    const double *scores, size_t count, double *ret_shares);

/* t of which Student's distribution has 97.5 % below. */
double student_bound(int64_t freedom);

/* Expected maximum of `count` independent standard normals. */
double normal_maximum(int64_t count);
