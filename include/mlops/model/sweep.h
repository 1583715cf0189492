/* What a sweep is to try, as a plain value: dimensions, method, budget, when to stop a trial. From
 * options, a `sweep:` file (docs/sweeps.md) or the ledger, where it is stored as the JSON that
 * sweep_print writes. Pure. */
#pragma once

#include "mlops/model/metric.h"
#include "mlops/model/override.h"

struct buf;

enum dimension_kind {
    DIMENSION_CHOICE,     /* values one by one: `a,b,c`, choice(...), range(...) */
    DIMENSION_UNIFORM,    /* uniform(low, high) */
    DIMENSION_LOGUNIFORM, /* loguniform(low, high), low > 0 */
    DIMENSION_INT,        /* int(low, high[, step]): both ends belong to it */
    DIMENSION_LOGINT,     /* logint(low, high), low > 0 */
};

struct dimension {
    struct str file, key;    /* of the parameter; file empty until it was looked for */
    enum edit_action action; /* EDIT_ADD: `+key=...`, the key is new */
    enum dimension_kind kind;
    double low, high, step; /* of all but choices; step 0: none; int has 1 if none is given */
    struct str *values;     /* choices: YAML flow values, in the order given, each once */
    size_t value_count;
};
VEC(dimension_vec, struct dimension);

enum sweep_method {
    SWEEP_GRID,   /* all combinations, the first dimension slowest; only choices and int */
    SWEEP_RANDOM, /* independent draws */
    SWEEP_TPE,    /* tree-structured Parzen estimator */
    SWEEP_LIST,   /* the combinations that are listed */
};

enum sweep_stop {
    STOP_NEVER,
    STOP_MEDIAN,  /* worse at a step than the median of the others' best so far */
    STOP_ASHA,    /* asynchronous successive halving on the steps that a trial reports */
    STOP_HALVING, /* successive halving in rounds: a budget parameter grows, the best go on */
};

struct sweep_steps {   /* where a running trial reports: a CSV, TSV or JSON Lines file that grows */
    struct str file;   /* relative to the project; empty: nowhere */
    struct str step;   /* column; empty: the row's number from 1 */
    struct str metric; /* column; empty: the last part of the metric's key */
};

struct sweep {
    struct str name;     /* or empty */
    struct str pipeline; /* relative to the project */
    struct str *targets;
    size_t target_count;
    enum sweep_method method;
    struct dimension_vec dimensions;
    struct override_vec fixed;   /* the same in every trial */
    struct override_vec *listed; /* SWEEP_LIST */
    size_t listed_count;
    int64_t repeat;                 /* each combination that often; at least 1 */
    struct str seed_file, seed_key; /* the parameter that tells repeats apart; key empty: none */
    int64_t trials_most;  /* 0: all of a grid or list; else LIMIT_SWEEP_TRIALS bounds it */
    int64_t time_most_ns; /* 0: none */
    uint64_t seed;
    struct str metric_file, metric_key; /* what is optimised; key empty: nothing is */
    enum metric_direction direction;
    int64_t startup; /* TPE: random trials first; 0: 10 */
    int64_t lag; /* TPE: how many trials may run side by side, 0: 4. A proposal knows those up to
                    this many before it, so that the same seed gives the same trials */
    enum sweep_stop stop;
    int64_t reduction;   /* eta of halving and ASHA; 0: 3 */
    int64_t least_steps; /* a trial is not stopped before */
    struct sweep_steps steps;
    struct str budget_file, budget_key; /* STOP_HALVING: the parameter that is the budget ... */
    int64_t budget_least, budget_most;  /* ... and its values in the first and the last round */
};

/* `train.lr=loguniform(1e-4,1e-1)`, `seed=1,2,3`, `n=range(10,50,10)`, `opt=choice(adam,sgd)`; a
 * single value is a fixed override (*ret_is_fixed). */
FALLIBLE dimension_parse(struct arena *arena, struct str word, struct dimension *ret,
                         struct override *ret_fixed, bool *ret_is_fixed);
struct str dimension_print(struct arena *arena, const struct dimension *dimension);

/* A `sweep:` file (or that part of a pipeline), with places in errors. Paths in it are relative to
 * the project. */
FALLIBLE sweep_bind(struct arena *arena, const struct doc_node *node, struct sweep *ret);

/* What is meant where no method is named: a list if combinations are listed, random if a range is a
 * continuum or a logarithm, else a grid. */
enum sweep_method sweep_method_default(const struct sweep *sweep);

/* What contradicts itself: a grid over loguniform, tpe without a metric, an empty range ... */
FALLIBLE sweep_check(const struct sweep *sweep);

/* The JSON that is stored, and back (ERROR_STORED if it is none of ours). */
struct str sweep_print(struct arena *arena, const struct sweep *sweep);
FALLIBLE sweep_parse(struct arena *arena, struct str json, struct sweep *ret);

/* The names that options and files use. */
extern const char *const sweep_method_names[]; /* NULL-terminated */
extern const char *const sweep_stop_names[];

/* The tables of sweep files, for the reference and the fuzz dictionary, and the language as JSON
 * Schema, for editors. */
struct schema;
struct shape_table;
const struct schema *const *sweep_schemas(size_t *ret_count);
const struct shape_table *sweep_shapes(void);
void sweep_print_json_schema(struct buf *out);
