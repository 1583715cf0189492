/* Every number a user can influence, with its bound and the reason: `mlops help limits` prints
 * these rows. LIMIT(name, value, unit, reason) */
#pragma once

#include <stdint.h>

#define MLOPS_LIMITS(LIMIT)                                                                        \
    LIMIT(DOCUMENT_BYTES, 8388608, "bytes", "a pipeline or parameter file; larger is not by hand") \
    LIMIT(LOCK_BYTES, 67108864, "bytes", "a lock file of 10,000 stages takes about 8 MB")          \
    LIMIT(DOCUMENT_DEPTH, 64, "levels", "libyaml is quadratic in depth; nobody nests deeper")      \
    LIMIT(DOCUMENT_NODES, 1000000, "nodes", "memory of a parsed document")                         \
    LIMIT(LOCK_NODES, 5000000, "nodes", "memory of a parsed lock file")                            \
    LIMIT(DOCUMENT_ANCHORS, 1000, "anchors", "look-up is linear in libyaml's style of anchors")    \
    LIMIT(DOCUMENT_ALIASES, 10000, "uses", "alias bombs")                                          \
    LIMIT(EXPANDED_NODES, 100000, "nodes", "what aliases may add to a document")                   \
    LIMIT(SCALAR_BYTES, 1048576, "bytes", "one value")                                             \
    LIMIT(KEY_BYTES, 1024, "bytes", "one mapping key, as in the YAML specification")               \
    LIMIT(COMMAND_BYTES, 131072, "bytes", "the kernel's limit for one argument (MAX_ARG_STRLEN)")  \
    LIMIT(CANON_DEPTH, 128, "levels", "nesting of stored values; a document's depth and a frame")  \
    LIMIT(JSON_BYTES, 67108864, "bytes", "a metrics or parameter file in JSON")                    \
    LIMIT(NAME_BYTES, 128, "bytes", "a stage name; file names are made from it")                   \
    LIMIT(DVC_NAME_BYTES, 1024, "bytes", "a stage name of DVC, or of foreach and matrix")          \
    LIMIT(PATH_BYTES, 4095, "bytes", "the kernel's PATH_MAX less its NUL")                         \
    LIMIT(PATH_PART_BYTES, 255, "bytes", "the kernel's NAME_MAX")                                  \
    LIMIT(PATH_PARTS, 256, "parts", "directories above a file; every one of them is looked up")    \
    LIMIT(ERRORS_TOLD, 20, "errors", "more than a screen of them helps nobody")                    \
    LIMIT(DVC_LIST_BYTES, 536870912, "bytes", "DVC's list of a directory of five million files")   \
    LIMIT(DVC_LIST_ITEM_BYTES, 32768, "bytes", "a file in it: its MD5 and its path, escaped")      \
    LIMIT(INI_BYTES, 1048576, "bytes", "a file of DVC's settings")                                 \
    LIMIT(PROJECT_FILES, 100000, "files", "dvc.yaml and .dvc files of one project")                \
    LIMIT(PROJECT_DIRECTORIES, 1000000, "directories",                                             \
          "where they are looked for; ignored ones "                                               \
          "are not entered")                                                                       \
    LIMIT(STAGES, 100000, "stages", "one pipeline")                                                \
    LIMIT(TEMPLATE_NODES, 10000000, "nodes", "of all stages that foreach and matrix make")         \
    LIMIT(TEMPLATE_BYTES, 268435456, "bytes", "of texts that hold expressions, put together")      \
    LIMIT(STAGE_PATHS, 100000, "paths", "deps and outs of one stage, globs expanded")              \
    LIMIT(PLAN_MATCHES, 10000000, "matches", "patterns of deps compared with outputs; takes 1 s")  \
    LIMIT(PLAN_LINKS, 10000000, "links", "pairs of stages one of which waits for the other")       \
    LIMIT(GLOB_STEPS, 1000000, "steps", "matching one pattern; stops exponential patterns")        \
    LIMIT(TREE_DEPTH, 256, "levels", "directories inside a dependency or output")                  \
    LIMIT(TREE_ENTRIES, 16777216, "entries", "entries of one directory")                           \
    LIMIT(TREE_BYTES, 8589934592, "bytes", "a stored directory of so many of the longest names")   \
    LIMIT(OVERRIDES, 1000, "values", "what one experiment changes; each rewrites its file")        \
    LIMIT(SWEEP_DIMENSIONS, 100, "parameters", "what a sweep varies; TPE and fANOVA take each")    \
    LIMIT(SWEEP_CHOICES, 10000, "values", "of one parameter of a sweep")                           \
    LIMIT(SWEEP_TRIALS, 100000, "trials", "of one sweep; its table is held in memory")             \
    LIMIT(TRIAL_STEPS, 100000, "steps", "that one trial reports; more are left out")               \
    LIMIT(WORK_COPY_BYTES, 16777216, "bytes",                                                      \
          "an ignored file that each trial gets a copy of; larger ones are shared, read only")     \
    LIMIT(WORK_LINKS, 10000, "entries", "ignored ones that a trial shares; each is a mount")       \
    LIMIT(JOBS, 1024, "stages", "processes run at once")                                           \
    LIMIT(TIMEOUT_S, 31536000, "seconds", "one year; more is a typing mistake")                    \
    LIMIT(RETRIES, 1000, "attempts", "more is a loop, not a retry")                                \
    LIMIT(LOG_ROW_BYTES, 32768, "bytes", "logs up to this size are rows of the database")          \
    LIMIT(LOG_FILE_BYTES, 1073741824, "bytes", "a stage's log file; what follows is counted only") \
    LIMIT(LOG_TAIL_LINES, 20, "lines", "shown when a stage fails")                                 \
    LIMIT(METRIC_BYTES, 67108864, "bytes", "an uncached metrics or plots file that is stored")     \
    LIMIT(SHOWN_BYTES, 200, "bytes", "one value in a message, a table or a reason")                \
    LIMIT(METRIC_KEY_BYTES, 1024, "bytes", "names of nested maps joined by dots")                  \
    LIMIT(METRIC_VALUES, 100000, "values", "numbers taken from one metrics file")                  \
    LIMIT(OUTCOMES_GROUPED, 64, "outcomes",                                                        \
          "recorded in one transaction; bounds what a crash "                                      \
          "makes to be run again")                                                                 \
    LIMIT(TRANSPORT_TRIES, 5, "tries", "of one operation on a remote that was away or busy")       \
    LIMIT(TRANSPORT_WAIT_S, 60, "seconds", "longest pause before another try of a remote")         \
    LIMIT(GIT_LIST_S, 120, "seconds",                                                              \
          "a server of git may take to list its branches where nobody looks on")                   \
    LIMIT(GIT_STALL_S, 300, "seconds",                                                             \
          "a fetch of git may tell nothing of its progress before it is given up")                 \
    LIMIT(MIRROR_IDLE_DAYS, 90, "days",                                                            \
          "since a git repository of others was read, before gc removes its mirror")               \
    LIMIT(HISTORY_COMMITS, 10000000, "commits", "of one repository, for push --all-commits")       \
    LIMIT(GET_GIT_BYTES, 1073741824, "bytes",                                                      \
          "one file that 'get' takes from git; it is in memory")                                   \
    LIMIT(UPSTREAM_FILES, 1000000, "files", "one import-url; what is known of each is in memory")  \
    LIMIT(SAMPLE_BYTES, 10485760, "bytes",                                                         \
          "numbers of the records a profile samples: 65,536 of 20 columns, fewer of wider tables") \
    LIMIT(SAMPLE_VALUES, 100000, "values",                                                         \
          "counted exactly in all columns of a table; wide tables count fewer in each")            \
    LIMIT(SAMPLE_VALUE_BYTES, 4194304, "bytes", "texts of these values; longer ones are sketched") \
    LIMIT(REMOTE_NAMES, 2000000, "names", "packs of one remote: 48 TB; they are in memory")        \
    LIMIT(REMOTE_BLOBS, 50000000, "blobs", "of all packs of a remote; their indexes take 4 GB")    \
    LIMIT(REMOTE_INDEX_BYTES, 16777216, "bytes", "of one pack; push writes at most 3.7 MB")        \
    LIMIT(MANIFEST_BYTES, 536870912, "bytes", "the list of chunks of one file: 7 TB of it")        \
    LIMIT(XML_NODES, 1000000, "elements", "of what a server answers; they take 100 MB")            \
    LIMIT(HTTP_HEADERS, 200, "headers", "of one reply; those that follow are not seen")            \
    LIMIT(HTTP_REDIRECTS, 5, "redirects", "of one request")                                        \
    LIMIT(HTTP_REPLY_BYTES, 67108864, "bytes", "a listing of 100,000 names takes about 50 MB")     \
    LIMIT(HTTP_FAILURE_BYTES, 65536, "bytes", "what a server says about a failure")                \
    LIMIT(FIELD_BYTES, 16777216, "bytes", "one cell of a table; more is a quote not closed")       \
    LIMIT(RECORD_BYTES, 33554432, "bytes", "one record of a table; it is in memory as a whole")    \
    LIMIT(TABLE_COLUMNS, 100000, "columns", "of one table; what is known of each is in memory")    \
    LIMIT(TABLE_THREADS, 64, "threads", "that read one table; each has batches of its own")        \
    LIMIT(JSON_KEYS_RECORDS, 1000, "records", "read for the names of a JSON table's columns")      \
    LIMIT(KEYSET_BYTES, 67108864, "bytes",                                                         \
          "keys of one table held in memory; more go to the disk")                                 \
    LIMIT(KEPT_VIOLATIONS, 1000000, "violations", "listed by --all-errors; all are counted")       \
    LIMIT(JSON_CHECK_STEPS, 1000000, "steps",                                                      \
          "checking one value with a JSON Schema; takes 0.1 s")                                    \
    LIMIT(PATTERN_STEPS, 1000000, "steps",                                                         \
          "matching one value with a schema's pattern; takes 10 ms")                               \
    LIMIT(PARQUET_FOOTER_BYTES, 67108864, "bytes", "of one file: 10,000 columns in 50 row groups") \
    LIMIT(PARQUET_COLUMNS, 65536, "columns", "of one file; more is no table")                      \
    LIMIT(MEASURED_COLUMNS, 10000, "columns", "of a table of a validate stage; read in every run") \
    LIMIT(MEASUREMENT_BYTES, 67108864, "bytes", "what one validate stage measured, as JSON")       \
    LIMIT(PREDICTION_ROWS, 50000000, "rows", "of a predictions file: held in memory")              \
    LIMIT(PREDICTION_BYTES, 4294967296, "bytes", "of predictions that gates compare: in memory")   \
    LIMIT(PREDICTION_CELLS, 500000000, "numbers", "probabilities of all rows: 4 GB of memory")     \
    LIMIT(PREDICTION_CLASSES, 1000, "classes", "of predictions: the confusion matrix is square")   \
    LIMIT(PREDICTION_SLICES, 5000, "slices", "of predictions: their metrics fit a metrics file")   \
    LIMIT(RESAMPLE_ROWS, 200000000, "rows", "drawn by one bootstrap in all: seconds of work")      \
    LIMIT(CURVE_POINTS, 2000, "points", "of a curve in an evaluation; longer ones are thinned")    \
    LIMIT(FILTER_BYTES, 65536, "bytes", "a filter of runs; more is not by hand")                   \
    LIMIT(FILTER_DEPTH, 64, "levels", "parentheses and 'not' inside each other in a filter")       \
    LIMIT(EVALUATION_BYTES, 67108864, "bytes", "an evaluation file: it is read whole")             \
    LIMIT(GATES, 1000, "gates", "of a stage, slices counted")                                      \
    LIMIT(PLOT_CELLS, 2000000, "values", "of one plots file; they are drawn in memory")            \
    LIMIT(PLOTS, 1000, "plots", "of one page; each takes its place in it")                         \
    LIMIT(PACKAGES, 20000, "packages", "of an interpreter that are recorded")                      \
    LIMIT(EXCHANGE_BYTES, 67108864, "bytes", "a file of code that 'apply' writes or replaces")     \
    LIMIT(PATCH_BYTES, 16777216, "bytes", "the diff of a dirty work tree stored with a run")       \
    LIMIT(FORMAT_BYTES, 256, "bytes", "a format of dates such as %d.%m.%Y")                        \
    LIMIT(FORMAT_STEPS, 2000, "steps", "matching one cell with it; stops exponential formats")

#define MLOPS_LIMIT_CONSTANT(name, value, unit, reason)                                            \
    static const int64_t LIMIT_##name __attribute__((unused)) = value;
MLOPS_LIMITS(MLOPS_LIMIT_CONSTANT)
#undef MLOPS_LIMIT_CONSTANT

/* One row, for printing. */
struct limit {
    const char *name;
    int64_t value;
    const char *unit;
    const char *reason;
};

/* All rows in the order above; *ret_count is their number. Static storage. */
const struct limit *limits_all(int *ret_count);
