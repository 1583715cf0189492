/* Runs chosen by conditions, put in order, with columns that the user names: `runs` and `best`.
 * Names of columns: fields of a run (started, status, branch, ...), metrics.KEY, params.KEY,
 * metrics.FILE:KEY; KEY alone or its last parts where that is unambiguous; MLflow's names for the
 * same (attributes.start_time, tags.mlflow.user). */
#pragma once

#include "mlops/cli/report.h"
#include "mlops/store/ledger.h"

/* One column that is read for every run. */
struct selection_key {
    struct str name;         /* in JSON and CSV: "duration_s", "metrics.f1" */
    struct ledger_want want; /* .quantity NULL: a field of the run */
    enum filter_type type;
};

VEC(selection_keys, struct selection_key);

/* One level of the order. */
struct selection_order {
    size_t key;
    bool is_descending;
};

VEC(selection_orders, struct selection_order);

struct selection {
    struct context *context;
    struct ledger *ledger;
    struct ledger_quantity *quantities; /* all that are known */
    size_t quantity_count;
    bool knows_quantities;
    struct selection_keys keys;
    struct filter filter;
    size_t *filter_keys; /* for each key of the filter the number of ours */
    struct selection_orders orders;
    struct ledger_scan scan;
    size_t *rows; /* result: rows of the scan, in order */
    size_t count;
    size_t match_count; /* before the limit */
};

FALLIBLE selection_open(struct context *context, struct selection *ret);

/* The number of a column by its name; ERROR_USAGE if it names nothing (with the nearest) or several
 * metrics (all are listed). */
FALLIBLE selection_key_of(struct selection *selection, struct str name, size_t *ret);

/* "metrics.f1 > 0.8 and branch = main"; `source` is the option, for messages that point at it. */
FALLIBLE selection_filter(struct selection *selection, const char *source, struct str text);

/* "metrics.f1:desc,started": ascending unless it says otherwise; also "-metrics.f1" and MLflow's
 * "metrics.f1 DESC". What has no value comes last. Equal ones: the newest first. */
FALLIBLE selection_sort(struct selection *selection, struct str text);

/* "run,metrics.f1,params.*": numbers of columns; `*` stands for all metrics, all parameters. */
struct column_numbers {
    size_t *at;
    size_t len, cap;
};
FALLIBLE selection_columns(struct selection *selection, struct str text,
                           struct column_numbers *ret);

/* Reads, tests and sorts; at most `limit` rows (0: all). */
FALLIBLE selection_make(struct selection *selection, const struct ledger_filter *filter,
                        int64_t limit);

/* The value of a column in row `row` of the scan, for tables and JSON. */
struct cell selection_cell(const struct selection *selection, size_t key, size_t row);
struct column selection_column(const struct selection *selection, size_t key);
