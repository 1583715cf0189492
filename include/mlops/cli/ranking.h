/* The best of many runs by a metric: each state once, repeats of a sweep by their mean. */
#pragma once

#include "mlops/cli/repeats.h"
#include "mlops/cli/selection.h"

struct ranking_wish {
    struct str metric; /* of a sweep its own if empty */
    struct str where;  /* a condition, or empty */
    struct str columns;
    struct str sweep; /* only trials of this one; empty: all runs */
    bool max, min;    /* neither: by what the metric is called */
    bool all;         /* also runs that did not end well */
};

/* A run, or several that are repeats of one experiment: then the one whose value is nearest to
 * their mean stands for them. */
struct ranking_entry {
    size_t row;   /* of the scan */
    double value; /* the mean of repeats */
    double error; /* standard error, of repeats that of their mean; NaN: not known */
    size_t count; /* of repeats; 1: a run by itself */
};

struct ranking {
    struct context *context;
    struct ranking_wish wish;
    struct selection selection;
    size_t run, started, status, metric; /* numbers of columns in the selection */
    int low, high, level, error; /* interval and standard error of the metric; -1: not there */
    struct column_numbers extra;
    bool is_higher_better, has_repeats;
    struct sweep_row sweep; /* of wish.sweep */
    struct repeats repeats;
    struct row_numbers {
        size_t *at;
        size_t len, cap;
    } rows; /* of the scan, the best first; each state once */
    struct ranking_entries {
        struct ranking_entry *at;
        size_t len, cap;
    } entries; /* result: the best first */
};

/* Finds the sweep, the metric and its direction; reads the conditions. */
FALLIBLE ranking_open(struct context *context, const struct ranking_wish *wish,
                      struct ranking *ret);
FALLIBLE ranking_make(struct ranking *ranking, const struct ledger_filter *filter);

struct str ranking_key(const struct ranking *ranking);
/* How many of the first are within one standard error of the best; 1: it is not known. Wants an
 * entry. */
size_t ranking_within(const struct ranking *ranking);
