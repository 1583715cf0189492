/* What a built-in `validate` stage checks, as plain values: its tables, their schemas, and a list
 * of checks. Made by pipeline_bind; docs/pipeline.md prints the tables of keys. Two parts matter
 * apart: what has to be measured (validation_measuring: part of the stage's key), and what is only
 * judged by what was measured (thresholds, ages, earlier runs), which changes no key. */
#pragma once

#include "mlops/codec/schema.h"
#include "mlops/model/pipeline.h"

enum check_kind {
    CHECK_SCHEMA,
    CHECK_ROW_COUNT,
    CHECK_FRESHNESS,
    CHECK_DUPLICATE_ROWS,
    CHECK_NULL_VALUES,
    CHECK_LEAKAGE,
    CHECK_DRIFT,
    CHECK_LABELS,
    CHECK_STAT,
    CHECK_CONSTANT,
    CHECK_OUTLIERS,
    CHECK_CORRELATION,
    CHECK_KIND_COUNT,
};

enum severity {
    SEVERITY_ERROR, /* fails the stage */
    SEVERITY_WARN,  /* recorded and shown */
};

/* A number that may be absent, absolute, or a share of something ("20%" is 0.2 and relative). */
struct amount {
    bool is_given, is_relative;
    double value;
};

/* What a column is compared with. */
enum reference_kind {
    REFERENCE_NONE,
    REFERENCE_FILE,    /* `path`, as it is in the work tree: measured with the stage */
    REFERENCE_VERSION, /* `path` as it was at the git revision `word`: only judged */
    REFERENCE_TABLE,   /* another table of the stage, by name: `word` */
    REFERENCE_RUN,     /* what this stage measured in the run `word`: only judged */
};

struct reference {
    enum reference_kind kind;
    struct str path; /* relative to the project */
    struct str word;
    const struct doc_node *node;
};

/* Whether both name the same. */
bool reference_equal(const struct reference *a, const struct reference *b);

/* A bound on a summary of a column: "mean", "p95". */
struct stat_bound {
    struct str name;
    double quantile; /* of "p95": 0.95; else NaN */
    struct amount least, most;
    const struct doc_node *node;
};

VEC(stat_bound_vec, struct stat_bound);

struct check_rule {
    enum check_kind kind;
    int severity;          /* enum severity */
    struct str table;      /* name of one of the tables; empty: each of them */
    struct str_vec fields; /* which columns; empty: all that it makes sense for */
    struct amount min, max, max_change, max_share, min_share, threshold, max_drift, new_values;
    int64_t max_age_ns;
    struct str field, time; /* freshness, labels, stat; leakage: the column of time */
    struct str_vec keys, except, between;
    struct reference against;
    int method; /* drift: its place in check_drift_methods(); outliers: in check_outlier_methods()
                 */
    bool has_method;
    struct stat_bound_vec bounds;
    const struct doc_node *node;
};

VEC(check_rule_vec, struct check_rule);

/* Version of what the built-in checks measure, and how: part of the key of a stage. */
#define MEASURE_VERSION 2

/* Where measurements lie: outputs of stages, below mlops' own folder. */
#define MEASURED_DIRECTORY ".mlops/measured/"

/* A table that is checked; foreign keys of the others may name it. */
struct checked_table {
    struct str name;
    struct str path;               /* relative to the project */
    struct str schema_path;        /* empty: none, or inline */
    const struct doc_node *schema; /* inline */
    struct str dialect_path;
    const struct doc_node *dialect; /* inline */
    const struct doc_node *node;
};

VEC(checked_table_vec, struct checked_table);

struct validation {
    struct checked_table_vec tables; /* in order of the file */
    struct check_rule_vec checks;    /* what checks schemas by itself comes first */
    struct str report;               /* path of the report, or empty */
    struct str measured;             /* path of the measurement, an output of the stage */
    struct str measuring;            /* see validation_measuring */
};

/* "row_count", "drift", ... */
const char *check_kind_name(enum check_kind kind);
const char *severity_name(enum severity severity);

/* NULL-terminated: "psi", "ks", ...; "iqr", "zscore". */
const char *const *check_drift_methods(void);
const char *const *check_outlier_methods(void);

/* Whether a check looks at that table. */
bool check_applies(const struct check_rule *rule, const struct checked_table *table);

/* The measuring part as JSON text, deterministic: MEASURE_VERSION, tables, sets of rows, files that
 * are references. What the measuring process is told to do, and so the command of the stage: a
 * change of it changes the key. */
struct str validation_measuring(struct arena *arena, const struct validation *validation);
