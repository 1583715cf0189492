/* What became of a stage in a run, and the stored result that later runs reuse. */
#pragma once

#include "mlops/model/artifact.h"
#include "mlops/model/metric.h"
#include "mlops/model/recipe.h"

enum stage_status {
    STATUS_WAITING,
    STATUS_UNCHANGED,
    STATUS_RESTORED,
    STATUS_EXECUTED,
    STATUS_FAILED,
    STATUS_REJECTED,    /* a validate stage (or a gate) said no; outputs stay and are cached */
    STATUS_UNCONFIRMED, /* an input changed while it ran */
    STATUS_SKIPPED,     /* something before it did not succeed; `blocker` says what */
    STATUS_INTERRUPTED,
    STATUS_UNKNOWN,       /* plan: depends on a stage that would run */
    STATUS_WOULD_RUN,     /* plan */
    STATUS_WOULD_RESTORE, /* plan */
};

/* "unchanged", "restored", "executed", ...: the word in tables and JSON. */
const char *stage_status_name(enum stage_status status);

/* Whether it was tried and gave no result that others may use. */
bool stage_made_nothing(enum stage_status status);
bool stage_status_parse(struct str name, enum stage_status *ret);

/* One success of a key, as stored under res/ (docs/formats.md, "Stage results"). */
struct result {
    bool is_promised; /* in memory only, see struct lock_entry */
    struct digest key;
    struct str recipe; /* canonical bytes; their SHA-256 is `key` */
    struct str stage;  /* name at the time */
    struct str run;    /* ULID of the run that made it */
    int64_t created_ns;
    int64_t duration_ns;
    struct artifact *outs; /* in the order of the stage's outs, by path */
    size_t out_count;
    struct metric_vec metrics;
    bool is_rejected; /* of a validate or evaluate stage */
    struct str model; /* path of the output that is the model, or empty */
};

void result_encode(const struct result *result, struct buf *out);

/* Borrows from `bytes`; checks that the recipe hashes to the key and that the paths are clean. */
FALLIBLE result_decode(struct arena *arena, struct str bytes, struct result *ret);
struct digest result_digest(const struct result *result);

/* Times and sizes of one stage's execution, all attempts together. */
struct usage {
    int64_t started_ns; /* realtime */
    int64_t duration_ns;
    int64_t cpu_user_ns;
    int64_t cpu_system_ns;
    int64_t peak_bytes;
    int attempts;
    int exit_code;   /* of the last attempt; -1: ended by a signal or never started */
    int exit_signal; /* 0: none */
    bool timed_out;
};

/* One answer of a built-in validate stage, or of a gate, as it is recorded: docs/formats.md,
 * "finding". */
struct check_result {
    struct str check;       /* "row_count", "drift"; of a gate "gate" */
    struct str severity;    /* "error" or "warn" */
    struct str judgement;   /* "pass", "fail", "warn", "skip"; of gates also "inconclusive", which
                             * fails the stage if the severity is "error" */
    struct str table, path; /* of a gate: the slice, the metrics file */
    struct str field;       /* empty: the whole table; of a gate the metric */
    struct str kind;        /* what was violated: "type-error", "minimum", "psi"; may be empty */
    bool has_value;
    double value; /* what was judged */
    struct str limit, message, formula;
    int64_t count;    /* cells or rows that violate it */
    struct str shown; /* the first of them: JSON, [{"row": 5, "value": "x"}, ...] */
};

VEC(check_result_vec, struct check_result);

/* Whether it is a gate's, whose message holds what was wanted. */
bool check_result_is_gate(const struct check_result *result);

/* Whether it fails its stage. */
bool check_result_is_failure(const struct check_result *result);

/* What a validate stage says of its data, or an evaluate stage of its metrics, in one run. */
struct check_results {
    struct str stage;
    struct check_result_vec all; /* in order of the checks */
    int passed, failed, warned, skipped;
    bool is_rejected;
};

/* "2 of 9 checks failed, 1 warns"; "2 of 2 gates passed". */
struct str check_results_print(struct arena *arena, const struct check_results *results);

/* Members of an open object: is_rejected, passed, failed, warned, skipped, findings. */
struct json_writer;
void check_results_write(const struct check_results *results, struct json_writer *json);

struct outcome {
    const struct stage *stage;
    enum stage_status status;
    struct digest key;          /* zero if it could not be computed */
    struct digest result;       /* of the result in effect; zero: none */
    const struct result *value; /* the result in effect, or NULL */
    struct recipe *recipe;
    struct reason_vec reasons;
    struct usage usage;
    int64_t saved_ns;    /* time that unchanged or restored saved */
    struct str blocker;  /* skipped: the stage in the way; else a one-line cause of a failure */
    struct str log_tail; /* last lines of its output */
    struct str log_text; /* all of it if at most LIMIT_LOG_ROW_BYTES, else empty */
    struct str log_path; /* else its file below .mlops/, relative */
    int64_t log_bytes;
    struct str environment;        /* canonical bytes, recorded always for executed stages */
    struct str attempt;            /* id of the attempt (its folder in aside/), empty if none */
    struct str_vec changed_inputs; /* unconfirmed: what changed */
    bool is_measured; /* failed: built-in checks measured well and could not be judged */
    const struct check_results *checks; /* of built-in checks, judged in this run; else NULL */
};

/* Rejected by built-in checks, or not to be judged by them: what they measured is a result as any
 * other, and the stage's state. */
bool outcome_is_judged(const struct outcome *outcome);
