/* Shared by the files of module ledger. */
#pragma once

#include "mlops/base/map.h"
#include "mlops/store/ledger.h"

struct ledger {
    struct arena *arena;
    struct sql *sql;
    const struct workspace *workspace;
    const struct observer *observer;
    bool is_read_only;
    int64_t version;   /* of the format; below the newest where it is only read */
    bool has_courses;  /* asked for once: they are there, or were made in memory */
    struct lock alive; /* of the run that this process has begun */
    struct str alive_path;
    struct map environments; /* number of the row -> struct str *: read so far */
};

/* Brings an open database to the newest version, after a copy of the older one; a newer one and a
 * database of something else are refused. `path` is the database's, for the copy and messages. One
 * that is only read stays as it is; *ret_version: what it is then. */
FALLIBLE ledger_migrate(struct sql *sql, const char *path, bool is_read_only,
                        const struct observer *observer, int64_t *ret_version);

/* A file that a run was about to fill when it was killed holds nothing yet. */
FALLIBLE ledger_is_unmade(struct sql *sql, bool *ret);

/* An empty text as NULL, for columns that may be absent; never NULL, for those that may not. */
struct str ledger_optional(struct str text);
struct str ledger_required(struct str text);

/* Rows of content that is stored once, by digest; *ret_id is the row's number. Inside a
 * transaction. */
FALLIBLE ledger_put_recipe(struct ledger *ledger, struct digest key, struct str body,
                           const struct recipe *recipe, int64_t *ret_id);
FALLIBLE ledger_put_result(struct ledger *ledger, struct digest digest, const struct result *result,
                           const struct recipe *recipe, int64_t *ret_id);
FALLIBLE ledger_put_state(struct ledger *ledger, const struct state *state, struct digest *ret,
                          int64_t *ret_id, bool *ret_is_new);

/* A state by the number of its row. */
FALLIBLE ledger_load_state_row(struct ledger *ledger, struct arena *arena, int64_t id,
                               struct state *ret);

/* Formats that brought tables of their own. */
enum { FORMAT_CHECKS = 2, FORMAT_COURSES = 3, FORMAT_SWEEPS = 4 };

/* How metrics and parameters went on with a new state `id` of a pipeline. Inside a transaction. */
FALLIBLE ledger_put_courses(struct ledger *ledger, struct str pipeline, int64_t id,
                            const struct state *state);

/* The same for all states that are recorded. */
FALLIBLE ledger_fill_courses(struct sql *sql);

/* The tables of courses, in memory beside a database of an older format. */
FALLIBLE ledger_courses_in_memory(struct sql *sql);

/* Number of the row, or 0. `text` is a SELECT of one number by one digest. */
FALLIBLE ledger_find_id(struct ledger *ledger, const char *text, struct digest digest,
                        int64_t *ret);

/* One stage of a run as rows; `saved_ns` and what only fresh outcomes know comes in `outcome`. */
FALLIBLE ledger_put_outcome(struct ledger *ledger, int64_t sequence, const struct outcome *outcome);

/* What built-in checks found; `result` 0: not recorded. */
FALLIBLE ledger_put_checks(struct ledger *ledger, int64_t sequence, int64_t result,
                           const struct check_results *checks);
FALLIBLE ledger_read_checks(struct ledger *ledger, struct arena *arena, struct run *run);

/* Whether a lock file is promised that may not be written yet. */
FALLIBLE ledger_has_pending(struct ledger *ledger, bool *ret);

/* Rows of runs: a new one gets its sequence and id; the other values are those of the run's end. */
FALLIBLE ledger_insert_run(struct ledger *ledger, struct run *run);
FALLIBLE ledger_update_run(struct ledger *ledger, const struct run *run, int64_t state);

/* A state from a row's body: whole, or a change of the state `base`. */
FALLIBLE ledger_state_from(struct ledger *ledger, struct arena *arena, struct digest base,
                           struct str body, struct state *ret);

/* Items of the lists of a run file: docs/formats.md, "Run files". */
#define RUN_TAG "mlops.run.2"
#define FIRST_RUN_TAG "mlops.run.1"
#define TRIAL_RUN_TAG "mlops.run.3"
#define SWEEP_TAG "mlops.sweep.1"
#define TAG_TAG "mlops.tag.1"
enum {
    RUN_FIELDS = 21,
    RUN_COUNTS = 11,
    STAGE_FIELDS = 14,
    USAGE_FIELDS = 9,
    TRIAL_OF_RUN_FIELDS = 3,
    SWEEP_FIELDS = 16,
    TRIAL_FIELDS = 10,
};

/* What a run file holds. */
struct archived {
    struct run run;
    struct digest state, base;
    struct str state_body;
    struct outcome *outcomes;
    size_t outcome_count;
    struct str overrides; /* of a trial: JSON */
};

struct archived_tag {
    struct str run, name;
    bool is_removed;
    int64_t created_ns;
};

/* Of a file the bytes in front of the sum at its end; what they hold borrows from them. */
FALLIBLE ledger_check_sum(struct str bytes, struct str *ret_body);
FALLIBLE ledger_run_decode(struct arena *arena, struct str body, struct archived *ret);
FALLIBLE ledger_tag_decode(struct str body, struct archived_tag *ret);

/* Copies of a finished run and of a change to its tags, kept beside the objects. Failures are told
 * to the observer. */
void ledger_archive_run(struct ledger *ledger, int64_t sequence);
void ledger_archive_tag(struct ledger *ledger, int64_t sequence, struct str name, bool is_removed);

/* Of a file in the cache's folder of this project, and its name; the sum is added. */
bool ledger_has_archive(const struct ledger *ledger);
struct str ledger_archive_path(const struct ledger *ledger, struct arena *arena, struct str name);
FALLIBLE ledger_publish(struct ledger *ledger, struct str name, struct buf *bytes);
void ledger_warn_of_copy(struct ledger *ledger, const char *what, struct error *error);

/* A sweep and its trials from the body of their file, and the trial of a run that is not in it.
 * Inside a transaction. */
FALLIBLE ledger_peek_sweep(struct str body, int64_t *ret_created_ns);
FALLIBLE ledger_put_sweep(struct ledger *ledger, struct str body);
FALLIBLE ledger_put_trial_of(struct ledger *ledger, const struct run *run, struct str overrides);

/* When all is back: numbers that are missing between trials. */
FALLIBLE ledger_fill_trials(struct ledger *ledger);

/* Digests that the body of a state names, of keys and results. */
FALLIBLE ledger_state_names(struct str body, void (*visit)(void *context, struct digest digest),
                            void *context);

/* The body of a state becomes a whole one, so that its base may go. */
FALLIBLE ledger_make_whole(struct ledger *ledger, int64_t id);

/* Rows of temp.going_run, which the caller has filled: content that only they refer to goes as
 * well. Inside a transaction; rows of runs go in between, by `remove`. */
FALLIBLE ledger_remove_content(struct ledger *ledger, FALLIBLE (*remove)(struct ledger *ledger));

enum reason_part ledger_part_parse(struct str name);

/* Columns of a run in the order that ledger_read_run takes them. */
#define RUN_COLUMNS                                                                                \
    "run.sequence, run.id, run.parent, run.name, run.status, run.pipeline, run.pipeline_digest, "  \
    "run.lock_digest, (SELECT digest FROM state WHERE state.id = run.state), run.started_ns, "     \
    "run.duration_ns, run.host, run.user, run.version, run.argv, run.commit_id, run.branch, "      \
    "run.remote, run.dirty, run.patch, run.stages, run.executed, run.restored, run.unchanged, "    \
    "run.failed, run.rejected, run.unconfirmed, run.skipped, run.interrupted, run.hashed_files, "  \
    "run.hashed_bytes, run.saved_ns, "                                                             \
    "(SELECT ulid FROM trial_run JOIN sweep ON sweep.id = trial_run.sweep"                         \
    " WHERE trial_run.run = run.sequence), "                                                       \
    "(SELECT number FROM trial_run WHERE trial_run.run = run.sequence)"

/* Conditions on a run for a ledger_filter, ?1 to ?5, ?7 and ?8; ?6 is the limit. */
#define FILTER_RUNS                                                                                \
    " WHERE (?1 IS NULL OR pipeline = ?1) AND (?2 IS NULL OR branch = ?2)"                         \
    " AND (?3 IS NULL OR run.status = ?3)"                                                         \
    " AND (?4 IS NULL OR sequence IN (SELECT run FROM stage_run WHERE stage = ?4"                  \
    "   AND stage_run.status IN ('executed', 'restored', 'rejected', 'unconfirmed', 'failed')))"   \
    " AND (?5 IS NULL OR sequence = (SELECT run FROM tag WHERE tag.name = ?5))"                    \
    " AND (?7 IS NULL OR sequence IN (SELECT run FROM trial_run JOIN sweep"                        \
    "   ON sweep.id = trial_run.sweep WHERE ulid = ?7))"                                           \
    " AND (?8 = 0 OR NOT EXISTS (SELECT 1 FROM trial_run WHERE trial_run.run = run.sequence"       \
    "   AND trial_run.sweep NOT IN (SELECT id FROM sweep WHERE single)))"                          \
    " ORDER BY sequence DESC LIMIT ?6"

/* In a WHERE of `run`: it is none of a trial. What people and gates mean by "the last run" is one
 * of the project's own, whatever sweeps have tried since. */
#define IS_NO_TRIAL " NOT EXISTS (SELECT 1 FROM trial_run WHERE trial_run.run = run.sequence) "

FALLIBLE ledger_read_run(struct sql_row *row, struct arena *arena, struct run *ret);

/* The nine columns of an execution's times and sizes. */
void ledger_read_usage(struct sql_row *row, int column, struct usage *ret);

/* Bytes of an environment by its row's number; read once. */
FALLIBLE ledger_load_environment(struct ledger *ledger, int64_t id, struct str *ret);
