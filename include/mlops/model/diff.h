/* The difference of two sides (run, workspace, revision), as data, and what it comes to. Pure:
 * diff(a, a) is empty and diff(b, a) is diff(a, b) with before and after swapped. What only the
 * store, the work tree or git know is filled in by the caller between diff_runs and diff_conclude.
 */
#pragma once

#include "mlops/model/run.h"

enum diff_change {
    DIFF_ADDED,
    DIFF_REMOVED,
    DIFF_CHANGED,
    DIFF_SAME, /* only where the caller asks for all */
};

const char *diff_change_name(enum diff_change change);

enum diff_judgement {
    DIFF_NEITHER, /* no number, no known direction, or no difference */
    DIFF_BETTER,
    DIFF_WORSE,
};

/* "better", "worse"; empty for neither. */
const char *diff_judgement_name(enum diff_judgement judgement);

/* What is known of a metric beyond its name: by a gate, or by what measures it. */
struct diff_guide {
    struct str file;                 /* empty: of any file */
    struct str key;                  /* dotted; empty: what no guide names in this file is detail */
    enum metric_direction direction; /* DIRECTION_UNKNOWN: by the name */
    bool is_main;                    /* the verdict goes by it */
};

VEC(diff_guide_vec, struct diff_guide);

struct diff_metric {
    enum diff_change change;
    struct str stage; /* that has it: of the side after, if both have */
    struct str file, key;
    struct str before, after;                /* texts; empty: absent */
    double before_value, after_value, delta; /* NaN where not numbers */
    struct str delta_text; /* "+0.02", "-1", exact for integers and decimals; empty: no delta */
    enum metric_direction direction;
    enum diff_judgement judgement; /* by the numbers and the direction alone */
    bool is_main;                  /* the verdict goes by it */
    bool is_detail;                /* of a class or a slice, where the file has many of them */
    /* Of the same rows of both sides, filled in by the caller (diff_tested). */
    const char *test; /* "mcnemar", "delong", ...; NULL: not tested */
    double low, high; /* interval of the delta at `level`; NaN: none */
    double level;     /* 0.95 */
    double p, p_holm; /* NaN: none; p_holm: corrected over the main ones, if it is one of them,
                       * else over all */
};

struct diff_param {
    enum diff_change change;
    struct str file, key;
    struct str before, after;
};

enum diff_data_role {
    DIFF_INPUT,  /* only read */
    DIFF_OUTPUT, /* made by a stage */
    DIFF_CODE,   /* only read, and source text by its name (diff_is_source) */
};

/* Whether a path is that of a program's text: by its suffix. */
bool diff_is_source(struct str path);

/* A file inside a directory. */
struct diff_file {
    enum diff_change change;
    struct str path;
    struct str from; /* of an added one: a removed one with its content, so it was renamed */
    int64_t before_bytes, after_bytes; /* 0: absent */
};

VEC(diff_file_vec, struct diff_file);

/* What differs inside a directory: filled in by the caller from the store and the work tree. */
struct diff_files {
    bool is_known;
    int64_t added, removed, changed;
    int64_t renamed; /* of those added: with the content of one that was removed */
    int64_t added_bytes, removed_bytes, changed_bytes; /* changed: as they are after */
    bool are_sources;                                  /* all of them (diff_is_source) */
    struct diff_file_vec listed;                       /* the first of them, by path */
};

/* A column of a table. */
struct diff_column {
    enum diff_change change; /* CHANGED: its type, or what is in it */
    struct str name;
    const char *before_type, *after_type; /* NULL: absent */
    const char *method;                   /* of the distance: "psi"; NULL: could not be compared */
    double distance, threshold;           /* the method's default threshold */
    bool has_drifted;                     /* the distance is over it */
};

VEC(diff_column_vec, struct diff_column);

/* What stages that check data measured of a table on both sides: filled in by the caller. */
struct diff_table {
    bool is_known;
    int64_t before_rows, after_rows;
    struct diff_column_vec columns; /* that were added, removed, got another type or drifted */
};

struct diff_data {
    enum diff_change change;
    enum diff_data_role role;
    struct str path;
    struct artifact before, after;
    struct diff_files files;
    struct diff_table table;
};

struct diff_stage {
    enum diff_change change;
    struct str stage;
    struct reason_vec reasons;   /* what in its recipe differs */
    bool is_by_params;           /* it is defined otherwise by values of templates alone */
    int64_t before_ns, after_ns; /* durations of the execution that made the result; -1 unknown */
    int64_t before_peak, after_peak; /* most memory of a process of it, bytes; 0: unknown */
    bool is_noticeable; /* both are known and differ by more than executions of one stage do */
};

/* Whether a reason, or any of a stage's, is of the stage's own definition: its command, folder,
 * shell, variables, outputs. */
bool diff_redefines(const struct reason *reason);
bool diff_is_redefined(const struct diff_stage *stage);

/* What differs between the environments that results were made in; stages with the same
 * differences are told once. */
struct diff_environment {
    struct str_vec stages; /* sorted */
    struct environment_changes changes;
};

struct diff_commit {
    struct str id;      /* 40 hex */
    struct str subject; /* first line of its message */
};

VEC(diff_commit_vec, struct diff_commit);

struct diff_code {
    bool differs; /* another commit, or other uncommitted changes */
    struct code_state before, after;
    /* Filled in by the caller from git. */
    struct str_vec files;                 /* "M src/train.py": between the commits, all of them */
    int64_t other_count;                  /* of these, that no stage depends on */
    struct diff_commit_vec commits, lost; /* only after has; only before has: the newest of them */
    int64_t commit_count, lost_count;
    struct str patch; /* text of the changes of what stages depend on; empty: not asked */
};

enum diff_verdict {
    DIFF_UNCHANGED,  /* nothing differs */
    DIFF_BETTER_NOW, /* some main metrics are better, none is worse */
    DIFF_WORSE_NOW,
    DIFF_MIXED,
    DIFF_NOT_SIGNIFICANT, /* main metrics differ, but by no more than chance */
    DIFF_METRICS_SAME,    /* something differs, and metrics (those that matter) do not */
    DIFF_OTHER,           /* something differs, and metrics don't say whether it is better */
};

/* "unchanged", "better", "worse", "mixed", "not_significant", "same", "other". */
const char *diff_verdict_name(enum diff_verdict verdict);

VEC(diff_metric_vec, struct diff_metric);
VEC(diff_param_vec, struct diff_param);
VEC(diff_data_vec, struct diff_data);
VEC(diff_stage_vec, struct diff_stage);
VEC(diff_environment_vec, struct diff_environment);

struct run_diff {
    struct str before_title, after_title;
    struct diff_metric_vec metrics;
    int64_t metric_count;    /* all of them, also those that are the same */
    int64_t main_same_count; /* metrics that guides call main and that are the same */
    struct diff_metric first_main_same;
    struct diff_param_vec params;
    struct diff_data_vec data; /* inputs, outputs, code; by path */
    struct diff_stage_vec stages;
    struct diff_environment_vec environments;
    struct diff_code code;
    struct str_vec notes; /* why metrics of a stage are not tested: filled in by the caller */
    struct str tried;     /* what the newest run made of a stale side: filled in by the caller */
    struct str_vec judgements; /* of checks and gates, of the side after: filled in by the caller */
    bool all;                  /* also what is the same */
    bool is_stale; /* a side is a workspace whose inputs nobody has run with yet, or a failed run */
    enum diff_verdict verdict; /* diff_conclude */
    struct str verdict_text; /* "better: f1 0.81 -> 0.84 (+0.03); only the parameter lr changed" */
};

struct diff_wish {
    bool all; /* also what is the same */
    const struct diff_guide *guides;
    size_t guide_count;
};

/* Sorted lists of what differs (of everything, with `all`). Borrows from both views and guides.
 * Without a main metric among the guides all metrics of known direction are main ones. */
void diff_runs(struct arena *arena, const struct run_view *before, const struct run_view *after,
               const struct diff_wish *wish, struct run_diff *ret);

/* Sets the verdict and its line by all that was filled in. */
void diff_conclude(struct arena *arena, struct run_diff *diff);

/* Whether stages of a run failed, or were kept from running by a check, so that what is there is of
 * before. A gate keeps nobody from measuring. */
bool diff_run_is_stale(const struct run *run);

/* Nothing but times, memory, the machine and titles differs. */
bool diff_is_empty(const struct run_diff *diff);

/* Whether a change of an environment is one of what was installed: not of the machine, of
 * variables, or of where things lie. */
bool diff_counts_environment(const struct environment_change *change);
