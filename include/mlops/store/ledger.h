/* The lineage database .mlops/lineage.db: history, never consulted for hits. SQLite, STRICT tables,
 * a comment per column (docs/formats.md, "lineage.db", is the authority), migrations as rows of
 * (version, a sentence told to the user, SQL) after a backup copy; a newer file is refused
 * (ERROR_STORED). One transaction records a group of outcomes and the pending lock file: that is
 * the commit point of a run. */
#pragma once

#include "mlops/host/sql.h"
#include "mlops/model/event.h"
#include "mlops/model/filter.h"
#include "mlops/model/run.h"
#include "mlops/store/workspace.h"

struct ledger;

/* read_only: an absent file gives an empty ledger in memory. Notices (migrations) go to the
 * observer (may be NULL). Finishes a pending lock file of a crashed run first (unless read only)
 * and marks runs that died as RUN_CRASHED. */
FALLIBLE ledger_open(struct arena *arena, const struct workspace *workspace, bool read_only,
                     const struct observer *observer, struct ledger **ret);
void ledger_drop(struct ledger **ledger);

/* Makes the history anew from the run files and results in the cache, after moving the old database
 * (damaged or not) to lineage.db.before-<ULID>. No ledger may be open in this process; refused
 * while a run of another one goes on. *ret_runs: how many came back; unreadable files are told to
 * the observer and passed over. Logs, and runs that did nothing, are not in them. */
FALLIBLE ledger_rebuild(struct arena *arena, const struct workspace *workspace,
                        const struct observer *observer, int64_t *ret_runs);
struct sql *ledger_sql(struct ledger *ledger);

/* Inserts the row of a run that begins (status running), held alive by a lock that dies with us;
 * fills in run->sequence. A run that executes nothing skips this: ledger_finish_run inserts it. */
FALLIBLE ledger_begin_run(struct ledger *ledger, struct run *run);

/* What a lock file becomes. */
struct ledger_lock {
    struct str path;
    struct digest before; /* of the file now; zero: absent */
    struct str bytes;
};

/* What a group of finished stages and their lock files become in one transaction. */
struct ledger_group {
    struct run *run;
    const struct outcome *const *outcomes;
    size_t outcome_count;
    const struct ledger_lock *locks; /* those that change */
    size_t lock_count;
};
FALLIBLE ledger_record(struct ledger *ledger, const struct ledger_group *group);

/* Lock below .mlops of whoever records: from before it reads the lock file until that is written.
 * Opening a ledger for writing takes it for an instant where a crash left a pending lock file. */
#define LEDGER_TURN "locks/record"

/* Writes the pending lock files (temp, fsync, rename, fsync) that still have the digest from
 * before, and clears them. *ret_left: paths of those that somebody changed since (they are left
 * alone), in `arena`. */
FALLIBLE ledger_write_locks(struct ledger *ledger, const struct workspace *workspace,
                            struct arena *arena, struct str_vec *ret_left);

/* Last transaction of a run: status, counts, duration, state. May be combined with a group. */
FALLIBLE ledger_finish_run(struct ledger *ledger, struct run *run, const struct state *state,
                           const struct ledger_group *group);

/* A copy of a sweep with its trials beside the objects, as runs have them: when it begins and when
 * a driver of it ends. A failure is told to the observer. */
void ledger_archive_sweep(struct ledger *ledger, int64_t id);

/* Rows and the copy of a sweep; its runs are those of no sweep then. Inside a transaction. */
FALLIBLE ledger_remove_sweep(struct ledger *ledger, int64_t id, struct str ulid);

/* Newest first; `limit` 0 = all. Without their stages. */
struct ledger_filter {
    int64_t limit;
    struct str pipeline; /* empty: any */
    struct str stage;    /* runs in which it was executed or restored */
    int status;          /* enum run_status + 1; 0: any */
    struct str branch, tag;
    struct str sweep;    /* ULID: only its trials */
    bool without_trials; /* of sweeps; experiments of one trial are runs like others */
};
FALLIBLE ledger_list_runs(struct ledger *ledger, struct arena *arena,
                          const struct ledger_filter *filter, struct run **ret, size_t *ret_count);

/* What is asked of thousands of runs at once: fields of theirs, metrics and parameters by the state
 * that they left (runs that crashed have none). FIELD(name, key): the key is what users write. */
#define LEDGER_FIELDS(FIELD)                                                                       \
    FIELD(RUN, "run")                                                                              \
    FIELD(STARTED, "started")                                                                      \
    FIELD(STATUS, "status")                                                                        \
    FIELD(DURATION, "duration")                                                                    \
    FIELD(COMMIT, "commit")                                                                        \
    FIELD(BRANCH, "branch")                                                                        \
    FIELD(DIRTY, "dirty")                                                                          \
    FIELD(NAME, "name")                                                                            \
    FIELD(TAGS, "tags")                                                                            \
    FIELD(PARENT, "parent")                                                                        \
    FIELD(PIPELINE, "pipeline")                                                                    \
    FIELD(USER, "user")                                                                            \
    FIELD(HOST, "host")                                                                            \
    FIELD(VERSION, "version")                                                                      \
    FIELD(ARGUMENTS, "arguments")                                                                  \
    FIELD(REMOTE, "remote")                                                                        \
    FIELD(STAGES, "stages")                                                                        \
    FIELD(EXECUTED, "executed")                                                                    \
    FIELD(RESTORED, "restored")                                                                    \
    FIELD(UNCHANGED, "unchanged")                                                                  \
    FIELD(FAILED, "failed")                                                                        \
    FIELD(REJECTED, "rejected")                                                                    \
    FIELD(UNCONFIRMED, "unconfirmed")                                                              \
    FIELD(SKIPPED, "skipped")                                                                      \
    FIELD(INTERRUPTED, "interrupted")                                                              \
    FIELD(HASHED_FILES, "hashed_files")                                                            \
    FIELD(HASHED_BYTES, "hashed_bytes")                                                            \
    FIELD(SAVED, "saved")

enum ledger_field {
#define LEDGER_FIELD(name, key) LEDGER_##name,
    LEDGER_FIELDS(LEDGER_FIELD)
#undef LEDGER_FIELD
        LEDGER_FIELD_COUNT,
};

/* A metric or parameter that some run has or had. */
struct ledger_quantity {
    bool is_param;
    struct str file, key;
};

/* Each once, sorted by kind (metrics first), key and file. */
FALLIBLE ledger_quantities(struct ledger *ledger, struct arena *arena, struct ledger_quantity **ret,
                           size_t *ret_count);

struct ledger_want {
    enum ledger_field field;
    const struct ledger_quantity *quantity; /* NULL: the field */
};

/* Columns beside each other, newest run first: times in ns, truths and counts as numbers. A
 * quantity that several stages have is that of the stage in which it changed last. */
struct ledger_scan {
    size_t count;
    int64_t *sequences;
    int64_t *states;               /* numbers; runs of one state have the same values; 0: none */
    struct filter_value **columns; /* one for each want */
};
FALLIBLE ledger_scan_runs(struct ledger *ledger, struct arena *arena,
                          const struct ledger_filter *filter, const struct ledger_want *wants,
                          size_t want_count, struct ledger_scan *ret);

/* Runs by their numbers, in that order, without their stages; a number that is none is an error. */
FALLIBLE ledger_load_runs(struct ledger *ledger, struct arena *arena, const int64_t *sequences,
                          size_t count, struct run **ret);

/* Runs an id (prefix or suffix of a ULID, at least 3 characters), tag, name, "@", "@~N" may mean:
 * 0, 1 or more. "@" is the newest run; "@~N" the Nth before it counting only runs whose state
 * differs. */
FALLIBLE ledger_find_runs(struct ledger *ledger, struct arena *arena, struct str word,
                          struct run **ret, size_t *ret_count);

/* By its whole ULID, without its stages; NULL if there is none. */
FALLIBLE ledger_run_by_id(struct ledger *ledger, struct arena *arena, struct str id,
                          struct run **ret);

/* With stages (reasons included). */
FALLIBLE ledger_load_run(struct ledger *ledger, struct arena *arena, int64_t sequence,
                         struct run **ret);
FALLIBLE ledger_load_state(struct ledger *ledger, struct arena *arena, struct digest digest,
                           struct state *ret, bool *ret_found);

/* A recipe / a result's body by digest, as recorded (independent of the cache). */
FALLIBLE ledger_load_recipe(struct ledger *ledger, struct arena *arena, struct digest key,
                            struct recipe *ret, bool *ret_found);
FALLIBLE ledger_load_result(struct ledger *ledger, struct arena *arena, struct digest id,
                            struct result *ret, bool *ret_found);

/* The recipe a stage had when it was last executed with success (or rejected), for reasons. */
FALLIBLE ledger_last_recipe(struct ledger *ledger, struct arena *arena, struct str pipeline,
                            struct str stage, struct recipe *ret, bool *ret_found);

/* The result of a built-in validate stage in the last run (other than number `but`) that it did not
 * reject: the measurements that later ones are compared with. */
FALLIBLE ledger_last_passed(struct ledger *ledger, struct arena *arena, struct str pipeline,
                            struct str stage, int64_t but, struct result *ret, bool *ret_found);

/* The result of a stage in the last run (other than number `but`) that made, restored or judged it
 * and did not reject it: what gates compare with. *ret_run is that run's id. */
FALLIBLE ledger_last_good(struct ledger *ledger, struct arena *arena, struct str pipeline,
                          struct str stage, int64_t but, struct result *ret, struct str *ret_run,
                          bool *ret_found);

/* How the result `id` was made: times, memory, and the environment's canonical bytes (empty: not
 * recorded), by the newest execution that gave it. The bytes live as long as the ledger, and equal
 * environments share them: whoever compares many results decodes each only once. */
FALLIBLE ledger_making(struct ledger *ledger, struct arena *arena, struct digest id,
                       struct usage *ret_usage, struct str *ret_environment, bool *ret_found);

/* Many at once, parallel to the digests; what is not known, or zero, is NULL (attempts 0). As long
 * as ledger_making's, environments live with the ledger. */
struct ledger_made {
    struct usage usage;
    struct str environment;
};
FALLIBLE ledger_load_recipes(struct ledger *ledger, struct arena *arena, const struct digest *keys,
                             size_t count, struct recipe **ret);
/* Values that templates took, by the keys of recipes; those that the recipe names are left out.
 * Only their texts are known. */
FALLIBLE ledger_load_templates(struct ledger *ledger, struct arena *arena,
                               const struct digest *keys, const struct recipe *const *recipes,
                               size_t count, struct recipe_param_vec *ret);
FALLIBLE ledger_load_results(struct ledger *ledger, struct arena *arena, const struct digest *ids,
                             size_t count, struct result **ret);
FALLIBLE ledger_makings(struct ledger *ledger, const struct digest *ids, size_t count,
                        struct ledger_made *ret);

/* The environment's canonical bytes of the newest execution of a key, as above; empty: not known.
 */
FALLIBLE ledger_environment_of(struct ledger *ledger, struct digest key, struct str *ret);

/* Median of the last 5 execution times of each stage, stage name -> int64_t * (ns). */
FALLIBLE ledger_durations(struct ledger *ledger, struct arena *arena, struct str pipeline,
                          struct map *ret);

/* The newest run whose recorded lock file has this digest, one that succeeded rather than one that
 * left it as it was; NULL if none. */
FALLIBLE ledger_run_of_lock(struct ledger *ledger, struct arena *arena, struct digest lock,
                            struct run **ret);

/* The newest run of the same pipeline before this one that left another state; NULL if none. */
FALLIBLE ledger_run_before(struct ledger *ledger, struct arena *arena, const struct run *run,
                           struct run **ret);

/* Log of a stage of a run; text from the database or the path of a file below .mlops/. */
FALLIBLE ledger_log(struct ledger *ledger, struct arena *arena, int64_t run_sequence,
                    struct str stage, struct str *ret_text, struct str *ret_path, bool *ret_found);

/* Lineage: stage executions that made (or used) a path or digest. With both, both must agree. A
 * path that was never recorded itself is looked up as part of the nearest directory above that was.
 */
struct ledger_io {
    int64_t run_sequence;
    struct str run_id, stage;
    bool is_output;
    struct artifact artifact;
    struct digest key, result;
};
FALLIBLE ledger_io(struct ledger *ledger, struct arena *arena, struct str path,
                   struct digest digest, struct ledger_io **ret, size_t *ret_count);

/* Stages that used a path inside a directory, newest first. */
FALLIBLE ledger_inputs_inside(struct ledger *ledger, struct arena *arena, struct str directory,
                              struct ledger_io **ret, size_t *ret_count);

/* Inputs and outputs of one stage execution. */
FALLIBLE ledger_stage_io(struct ledger *ledger, struct arena *arena, int64_t run_sequence,
                         struct str stage, struct ledger_io **ret, size_t *ret_count);

/* A tag names one run: one that names another already is refused (ERROR_USAGE). */
FALLIBLE ledger_tag(struct ledger *ledger, int64_t run_sequence, struct str name);
FALLIBLE ledger_untag(struct ledger *ledger, struct str name, bool *ret_found);

/* Removes runs from the history, with all that belongs to them alone: stages, logs, what checks
 * found, results, recipes and states that no other run knows, their files in the cache's folder of
 * runs, logs and failed outputs. Trials stay in their sweep, without a run; experiments of one
 * trial go. Objects and stage results of the store stay until gc. One ERROR_USAGE names all that
 * are refused: runs that are tagged, go on, or wrote a lock file of the work tree. */
struct ledger_removal {
    const int64_t *sequences;
    size_t count;
    const struct digest *locks; /* of the work tree */
    size_t lock_count;
    bool dry; /* only whether any are refused */
};
FALLIBLE ledger_remove_runs(struct ledger *ledger, const struct ledger_removal *removal);

/* Whether an attempt (folder of aside/) was recorded with its outputs in place (executed, rejected
 * or unconfirmed). */
FALLIBLE ledger_has_attempt(struct ledger *ledger, struct str attempt, bool *ret);

/* What kept runs need (gc): visits (key, result) pairs and objects (patches). Kept are running and
 * tagged runs, the newest success of each branch and pipeline, those of the last `keep_runs`
 * different states (trials don't count), the best trial of each of the last `keep_runs` sweeps, and
 * all begun since `since_ns` (a moment). What tagged and running ones need comes first. */
FALLIBLE ledger_keep(struct ledger *ledger, int64_t keep_runs, int64_t since_ns,
                     FALLIBLE (*visit_result)(void *context, struct digest key, struct digest id,
                                              bool is_tagged),
                     FALLIBLE (*visit_object)(void *context, struct digest object), void *context);

/* Files that sweeps which are open, or have such a run, were made from: their snapshots, and
 * patches of the code (zero: none). */
FALLIBLE ledger_keep_sweeps(struct ledger *ledger, int64_t keep_runs, int64_t since_ns,
                            FALLIBLE (*visit)(void *context, struct digest snapshot,
                                              struct digest patch),
                            void *context);

/* When each result was last made or restored, by the clock of that run (gc: what to evict). */
FALLIBLE ledger_uses(struct ledger *ledger,
                     FALLIBLE (*visit)(void *context, struct digest id, int64_t moment_ns),
                     void *context);

/* Every output of every result, newest result first (gc: what an object was). Text is valid for
 * the call only. */
struct ledger_output {
    struct str path, stage;
    struct str run; /* ULID of the run that made it */
    struct digest digest;
    bool is_tree;
};
FALLIBLE ledger_outputs(struct ledger *ledger,
                        FALLIBLE (*visit)(void *context, const struct ledger_output *output),
                        void *context);

/* Ids of these runs, as keys of the map. */
FALLIBLE ledger_kept_runs(struct ledger *ledger, struct arena *arena, int64_t keep_runs,
                          int64_t since_ns, struct map *ret_ids);

/* "" or what is wrong with the file. */
FALLIBLE ledger_check(struct ledger *ledger, struct arena *arena, struct str *ret_fault);
