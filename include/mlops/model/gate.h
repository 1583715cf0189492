/* What an `evaluate` stage measures by itself, and the gates that judge its metrics, as plain
 * values. Gates are in no key: they are judged again in every run. */
#pragma once

#include "mlops/model/checks.h"
#include "mlops/model/outcome.h"

/* Version of what an evaluation measures, and how: part of the key of a built-in evaluate stage. */
#define EVALUATION_VERSION 1

/* A built-in evaluation: `predictions` instead of a `cmd`. */
struct evaluating {
    struct str predictions; /* relative to the project */
    int task;               /* enum task (data/predictions) */
    bool has_threshold;     /* else 0.5, or the predictions of the file where it has some */
    double threshold;
    struct str positive;
    struct str label, score, prediction, id, weight; /* names of columns; empty: the usual ones */
    struct str_vec slices;
    struct str metrics;  /* path of the metrics file */
    struct str charts;   /* directory of the charts, or empty */
    struct str measured; /* path of the evaluation, an output of the stage */
};

/* Words behind "mlops evaluate": what the stage's process is told to do. */
void evaluating_arguments(struct arena *arena, const struct evaluating *evaluating,
                          struct str_vec *ret);

/* The command of the stage, as a shell would take it, and so part of its key:
 * "mlops evaluate p.csv --task=binary --metrics=m.json --output=... # version 1". */
struct str evaluating_print(struct arena *arena, const struct evaluating *evaluating);

/* Reads that again, out of a recipe; false if it is no such command. Texts lie in `arena`. */
bool evaluating_parse(struct arena *arena, struct str command, struct evaluating *ret);

enum gate_missing { MISSING_FAIL, MISSING_WARN };
enum gate_inconclusive { INCONCLUSIVE_WARN, INCONCLUSIVE_FAIL };

struct gate {
    struct str metric; /* as in the metrics file: "f1", "macro.f1", "metrics.json:f1" */
    struct amount min, max;
    struct amount max_drop; /* how much worse than the baseline; relative to its value: "1%" */
    struct str baseline;    /* a run, a tag, a branch, a commit; empty: the last run that passed */
    struct str_vec slices;  /* columns: the gate holds for each value of each */
    double confidence;      /* 0: judged by the number alone */
    enum metric_direction direction; /* given or known */
    int on_missing;                  /* enum gate_missing */
    int severity;                    /* enum severity */
    int on_inconclusive;             /* enum gate_inconclusive */
    const struct doc_node *node;
};

VEC(gate_vec, struct gate);

/* A value to judge, or why there is none. */
struct gate_value {
    bool is_there; /* and a finite number */
    double value;
    struct str why; /* "is missing in metrics.json", "is NaN", "is undefined: only one class" */
};

/* What one gate of one slice is judged by: collected by the engine. */
struct gate_evidence {
    struct str path; /* of the metrics file */
    struct gate_value now, before;
    bool is_first;          /* the baseline's lock lacks the stage, or there is no earlier run */
    struct str before_name; /* "main (3fa1c2d)", "run 7Q4XM2VD"; of a first run may be empty */
    bool has_interval;      /* of the value (min, max) */
    double low, high;
    bool has_difference; /* interval of now - before */
    double difference_low, difference_high;
    /* Why there is none of them although `confidence` asks for it. */
    struct str no_interval, no_difference;
    struct str slice; /* "country=FR"; empty: all rows */
};

/* Appends the answers of one gate: one check_result for each of min, max, max_drop, or a single one
 * where there is no value. `check` is "gate", `field` the metric, `table` the slice, `kind` the
 * bound; judgement "pass", "fail", "warn", "skip" (first run) or "inconclusive", whose severity
 * says whether it fails the stage. Pure. */
void gate_judge(struct arena *arena, const struct gate *gate, const struct gate_evidence *evidence,
                struct check_results *ret);
