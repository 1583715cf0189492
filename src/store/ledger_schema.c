#include "mlops/base/buf.h"
#include "mlops/host/lock.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "ledger_private.h"

/* "mlps" in ASCII, in the header of the file: tells our database from any other. */
#define APPLICATION_ID 0x6d6c7073

static const char *const schema_1[] = {
    /* Content that is stored once, however many runs refer to it. */
    "CREATE TABLE recipe (\n"
    "  id INTEGER PRIMARY KEY,  -- number inside this file\n"
    "  key BLOB NOT NULL UNIQUE CHECK (length(key) = 32),  -- SHA-256 of body\n"
    "  body BLOB NOT NULL  -- canonical bytes, docs/formats.md 'Recipe'\n"
    ") STRICT;\n",
    "CREATE TABLE input (\n"
    "  recipe INTEGER NOT NULL REFERENCES recipe (id),  -- whose dependency it is\n"
    "  path TEXT NOT NULL,  -- relative to the project\n"
    "  kind TEXT NOT NULL,  -- 'file', 'tree' or 'absent'\n"
    "  executable INTEGER NOT NULL,  -- 1: a file with an x bit\n"
    "  digest BLOB,  -- SHA-256 of the bytes or of the tree object; NULL: absent\n"
    "  size_bytes INTEGER NOT NULL,  -- 0 where it was not known\n"
    "  PRIMARY KEY (recipe, path)\n"
    ") STRICT, WITHOUT ROWID;\n",
    "CREATE INDEX input_by_path ON input (path);\n",
    "CREATE INDEX input_by_digest ON input (digest);\n",
    "CREATE TABLE param (\n"
    "  recipe INTEGER NOT NULL REFERENCES recipe (id),  -- whose parameter it is\n"
    "  file TEXT NOT NULL,  -- relative to the project\n"
    "  key TEXT NOT NULL,  -- dotted; empty: the whole file\n"
    "  text TEXT,  -- value as people see it, clipped; NULL: the key is missing\n"
    "  PRIMARY KEY (recipe, file, key)\n"
    ") STRICT, WITHOUT ROWID;\n",
    "CREATE TABLE result (\n"
    "  id INTEGER PRIMARY KEY,  -- number inside this file\n"
    "  digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),  -- SHA-256 of body\n"
    "  recipe INTEGER NOT NULL REFERENCES recipe (id),  -- what it was made from\n"
    "  stage TEXT NOT NULL,  -- name of the stage at the time\n"
    "  made_by TEXT NOT NULL,  -- ULID of the run that made it\n"
    "  created_ns INTEGER NOT NULL,  -- ns since 1970 UTC\n"
    "  duration_ns INTEGER NOT NULL,  -- how long making it took\n"
    "  rejected INTEGER NOT NULL,  -- 1: a validate or evaluate stage said no\n"
    "  model TEXT,  -- path of the output that is the model\n"
    "  body BLOB NOT NULL  -- canonical bytes, docs/formats.md 'Stage results'\n"
    ") STRICT;\n",
    "CREATE INDEX result_by_recipe ON result (recipe);\n",
    "CREATE TABLE output (\n"
    "  result INTEGER NOT NULL REFERENCES result (id),  -- whose output it is\n"
    "  path TEXT NOT NULL,  -- relative to the project\n"
    "  kind TEXT NOT NULL,  -- 'file', 'tree' or 'absent'\n"
    "  executable INTEGER NOT NULL,  -- 1: a file with an x bit\n"
    "  stored INTEGER NOT NULL,  -- 1: its objects are in the store\n"
    "  digest BLOB,  -- SHA-256 of the bytes or of the tree object; NULL: absent\n"
    "  size_bytes INTEGER NOT NULL,  -- of all files\n"
    "  file_count INTEGER NOT NULL,  -- 1, or the number of files of a tree\n"
    "  PRIMARY KEY (result, path)\n"
    ") STRICT, WITHOUT ROWID;\n",
    "CREATE INDEX output_by_path ON output (path);\n",
    "CREATE INDEX output_by_digest ON output (digest);\n",
    "CREATE TABLE metric (\n"
    "  result INTEGER NOT NULL REFERENCES result (id),  -- whose metrics file it is from\n"
    "  file TEXT NOT NULL,  -- relative to the project\n"
    "  key TEXT NOT NULL,  -- dotted\n"
    "  text TEXT NOT NULL,  -- as in the file\n"
    "  value REAL,  -- NULL: not a number, or NaN\n"
    "  PRIMARY KEY (result, file, key)\n"
    ") STRICT, WITHOUT ROWID;\n",
    "CREATE INDEX metric_by_name ON metric (key, file);\n",
    "CREATE TABLE state (\n"
    "  id INTEGER PRIMARY KEY,  -- number inside this file\n"
    "  digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),  -- SHA-256 of the whole state\n"
    "  base INTEGER REFERENCES state (id),  -- the state that body changes; NULL: body is whole\n"
    "  depth INTEGER NOT NULL,  -- number of bases below it\n"
    "  body BLOB NOT NULL  -- canonical bytes, docs/formats.md 'Project state'\n"
    ") STRICT;\n",
    "CREATE TABLE environment (\n"
    "  id INTEGER PRIMARY KEY,  -- number inside this file\n"
    "  digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),  -- SHA-256 of body\n"
    "  body BLOB NOT NULL  -- canonical bytes, docs/formats.md 'Environment'\n"
    ") STRICT;\n",
    /* What happened. */
    "CREATE TABLE run (\n"
    "  sequence INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of runs; never the clock\n"
    "  id TEXT NOT NULL UNIQUE,  -- ULID\n"
    "  parent TEXT,  -- ULID of the run that an experiment started from\n"
    "  name TEXT,  -- given by the user\n"
    "  status TEXT NOT NULL,  -- 'running', 'succeeded', 'failed', 'rejected', ...\n"
    "  pipeline TEXT NOT NULL,  -- path of its file, relative to the project\n"
    "  pipeline_digest BLOB,  -- SHA-256 of its bytes\n"
    "  lock_digest BLOB,  -- SHA-256 of the lock file as the run left it\n"
    "  state INTEGER REFERENCES state (id),  -- the project after the run; NULL: it crashed\n"
    "  started_ns INTEGER NOT NULL,  -- ns since 1970 UTC; for display only\n"
    "  duration_ns INTEGER NOT NULL,  -- by the monotonic clock\n"
    "  host TEXT NOT NULL,  -- name of the machine\n"
    "  user TEXT NOT NULL,  -- who ran it\n"
    "  version TEXT NOT NULL,  -- of mlops\n"
    "  argv TEXT NOT NULL,  -- the command line\n"
    "  commit_id TEXT,  -- of git, 40 hex digits\n"
    "  branch TEXT,  -- of git; NULL: detached or none\n"
    "  remote TEXT,  -- URL of origin without credentials\n"
    "  dirty INTEGER NOT NULL,  -- 1 yes, 0 no, -1 not examined\n"
    "  patch BLOB,  -- digest of the object that holds the diff of a dirty tree\n"
    "  stages INTEGER NOT NULL,  -- number of stages that were selected\n"
    "  executed INTEGER NOT NULL,  -- of these, how many were executed\n"
    "  restored INTEGER NOT NULL,  -- restored\n"
    "  unchanged INTEGER NOT NULL,  -- left as they were\n"
    "  failed INTEGER NOT NULL,  -- failed\n"
    "  rejected INTEGER NOT NULL,  -- said no\n"
    "  unconfirmed INTEGER NOT NULL,  -- whose inputs changed while they ran\n"
    "  skipped INTEGER NOT NULL,  -- behind one that did not succeed\n"
    "  interrupted INTEGER NOT NULL,  -- stopped by a signal to mlops\n"
    "  hashed_files INTEGER NOT NULL,  -- files read and hashed\n"
    "  hashed_bytes INTEGER NOT NULL,  -- their bytes\n"
    "  saved_ns INTEGER NOT NULL  -- time that unchanged and restored stages took when they ran\n"
    ") STRICT;\n",
    "CREATE INDEX run_by_lock ON run (lock_digest) WHERE lock_digest IS NOT NULL;\n",
    "CREATE INDEX run_by_name ON run (name) WHERE name IS NOT NULL;\n",
    "CREATE INDEX run_alive ON run (sequence) WHERE status = 'running';\n",
    "CREATE INDEX run_by_branch ON run (branch, pipeline, status, sequence);\n",
    "CREATE TABLE stage_run (\n"
    "  id INTEGER PRIMARY KEY,  -- number inside this file\n"
    "  run INTEGER NOT NULL REFERENCES run (sequence),  -- in which run\n"
    "  stage TEXT NOT NULL,  -- its name\n"
    "  status TEXT NOT NULL,  -- 'executed', 'restored', 'failed', 'skipped', ...\n"
    "  recipe INTEGER REFERENCES recipe (id),  -- NULL: it could not be computed\n"
    "  result INTEGER REFERENCES result (id),  -- the result in effect; NULL: none\n"
    "  attempt TEXT,  -- id of the last attempt\n"
    "  attempts INTEGER NOT NULL,  -- how often the command was started\n"
    "  exit_code INTEGER NOT NULL,  -- of the last attempt; -1: a signal, or never started\n"
    "  exit_signal INTEGER NOT NULL,  -- 0: none\n"
    "  timed_out INTEGER NOT NULL,  -- 1: ended because its time was up\n"
    "  started_ns INTEGER NOT NULL,  -- ns since 1970 UTC\n"
    "  duration_ns INTEGER NOT NULL,  -- all attempts, by the monotonic clock\n"
    "  cpu_user_ns INTEGER NOT NULL,  -- of the command and its children\n"
    "  cpu_system_ns INTEGER NOT NULL,  -- in the kernel\n"
    "  peak_bytes INTEGER NOT NULL,  -- most memory that one process held\n"
    "  saved_ns INTEGER NOT NULL,  -- restored: the time that took when it ran\n"
    "  note TEXT,  -- what was in the way, or why it failed, in one line\n"
    "  log_path TEXT,  -- its log below .mlops/; NULL: table log, or none\n"
    "  log_bytes INTEGER NOT NULL,  -- length of the log\n"
    "  environment INTEGER REFERENCES environment (id),  -- platform and tools\n"
    "  UNIQUE (run, stage)\n"
    ") STRICT;\n",
    "CREATE INDEX stage_run_by_stage ON stage_run (stage, id);\n",
    "CREATE INDEX stage_run_by_recipe ON stage_run (recipe);\n",
    "CREATE INDEX stage_run_by_result ON stage_run (result);\n",
    "CREATE INDEX stage_run_by_attempt ON stage_run (attempt) WHERE attempt IS NOT NULL;\n",
    "CREATE TABLE reason (\n"
    "  stage_run INTEGER NOT NULL REFERENCES stage_run (id),  -- why this one ran\n"
    "  number INTEGER NOT NULL,  -- from 0\n"
    "  part TEXT NOT NULL,  -- part of the recipe: 'cmd', 'dep', 'param', ...\n"
    "  what TEXT NOT NULL,  -- path, file:key, variable or stage\n"
    "  before TEXT NOT NULL,  -- value before, as people see it; empty: absent\n"
    "  after TEXT NOT NULL,  -- value after\n"
    "  PRIMARY KEY (stage_run, number)\n"
    ") STRICT, WITHOUT ROWID;\n",
    "CREATE TABLE log (\n"
    "  stage_run INTEGER PRIMARY KEY REFERENCES stage_run (id),  -- whose output it is\n"
    "  text BLOB NOT NULL  -- all that it printed\n"
    ") STRICT;\n",
    "CREATE TABLE tag (\n"
    "  name TEXT PRIMARY KEY,  -- given by the user\n"
    "  run INTEGER NOT NULL REFERENCES run (sequence),  -- the run it names\n"
    "  created_ns INTEGER NOT NULL  -- ns since 1970 UTC\n"
    ") STRICT, WITHOUT ROWID;\n",
    "CREATE INDEX tag_by_run ON tag (run);\n",
    "CREATE TABLE pending_lock (\n"
    "  path TEXT PRIMARY KEY,  -- of a lock file, relative to the project\n"
    "  before BLOB,  -- SHA-256 of the file that content replaces; NULL: there was none\n"
    "  content BLOB NOT NULL  -- what the file is to hold\n"
    ") STRICT;\n",
    "CREATE VIEW io AS\n"
    "  SELECT stage_run.run, stage_run.stage, 'input' AS direction, input.path, input.kind,\n"
    "         input.digest, input.size_bytes\n"
    "  FROM stage_run JOIN input ON input.recipe = stage_run.recipe\n"
    "  UNION ALL\n"
    "  SELECT stage_run.run, stage_run.stage, 'output', output.path, output.kind,\n"
    "         output.digest, output.size_bytes\n"
    "  FROM stage_run JOIN output ON output.result = stage_run.result;\n",
    NULL,
};

static const char *const schema_2[] = {
    /* What built-in validate stages said, in every run anew. */
    "CREATE TABLE judgement (\n"
    "  id INTEGER PRIMARY KEY,  -- number inside this file\n"
    "  run INTEGER NOT NULL REFERENCES run (sequence),  -- in which run\n"
    "  stage TEXT NOT NULL,  -- which validate stage\n"
    "  result INTEGER REFERENCES result (id),  -- its measurements; NULL: not recorded\n"
    "  rejected INTEGER NOT NULL,  -- 1: a check of severity 'error' failed\n"
    "  passed INTEGER NOT NULL,  -- number of findings that pass\n"
    "  failed INTEGER NOT NULL,  -- that fail\n"
    "  warned INTEGER NOT NULL,  -- that would fail if their severity were 'error'\n"
    "  skipped INTEGER NOT NULL,  -- that could not be judged\n"
    "  UNIQUE (run, stage)\n"
    ") STRICT;\n",
    "CREATE INDEX judgement_by_stage ON judgement (stage, run);\n",
    "CREATE TABLE finding (\n"
    "  judgement INTEGER NOT NULL REFERENCES judgement (id),  -- whose finding it is\n"
    "  number INTEGER NOT NULL,  -- from 0, in order of the checks\n"
    "  check_name TEXT NOT NULL,  -- 'row_count', 'drift', ...\n"
    "  severity TEXT NOT NULL,  -- 'error' or 'warn'\n"
    "  judgement_word TEXT NOT NULL,  -- 'pass', 'fail', 'warn' or 'skip'\n"
    "  table_name TEXT NOT NULL,  -- in the stage's 'data'\n"
    "  path TEXT NOT NULL,  -- of the table's file\n"
    "  field TEXT,  -- the column; NULL: the whole table\n"
    "  kind TEXT,  -- what was violated, or which distance; NULL: the check says it\n"
    "  value REAL,  -- what was judged; NULL: there is no number, or it is not defined\n"
    "  limit_text TEXT,  -- what it was judged by\n"
    "  message TEXT NOT NULL,  -- one line for people\n"
    "  formula TEXT,  -- of distances: formula and bins\n"
    "  count INTEGER NOT NULL,  -- cells or rows that violate it\n"
    "  shown TEXT,  -- JSON: the first of them, row and value\n"
    "  PRIMARY KEY (judgement, number)\n"
    ") STRICT, WITHOUT ROWID;\n",
    NULL,
};

/* What `runs --sort` and `--filter` read: in the database, or in memory beside an older one. */
#define COURSE_TABLES(create)                                                                      \
    create " lane (\n"                                                                             \
           "  pipeline TEXT NOT NULL,  -- path of its file, relative to the project\n"             \
           "  state INTEGER NOT NULL,  -- a state it was in; later ones have higher numbers\n"     \
           "  PRIMARY KEY (pipeline, state)\n"                                                     \
           ") STRICT, WITHOUT ROWID;\n",                                                           \
        create " quantity (\n"                                                                     \
               "  id INTEGER PRIMARY KEY,  -- number inside this file\n"                           \
               "  kind TEXT NOT NULL,  -- 'metric' or 'param'\n"                                   \
               "  pipeline TEXT NOT NULL,  -- path of its file\n"                                  \
               "  stage TEXT NOT NULL,  -- whose metric or parameter it is\n"                      \
               "  file TEXT NOT NULL,  -- relative to the project\n"                               \
               "  key TEXT NOT NULL,  -- dotted\n"                                                 \
               "  UNIQUE (key, kind, file, stage, pipeline)\n"                                     \
               ") STRICT;\n",                                                                      \
        create " course (\n"                                                                       \
               "  quantity INTEGER NOT NULL,  -- whose values\n"                                   \
               "  state INTEGER NOT NULL,  -- from this state of the lane on\n"                    \
               "  value REAL,  -- NULL: a text, NaN, or no value any more\n"                       \
               "  text TEXT,  -- as written; NULL: the number's shortest, or no value\n"           \
               "  PRIMARY KEY (quantity, state)\n"                                                 \
               ") STRICT, WITHOUT ROWID;\n"

static const char *const schema_3[] = {COURSE_TABLES("CREATE TABLE"), NULL};
static const char *const courses_in_memory[] = {COURSE_TABLES("CREATE TEMP TABLE"), NULL};

/* Sweeps: in the database, or empty in memory beside an older one. */
#define SWEEP_TABLES(create, refers_to)                                                            \
    create " sweep (\n"                                                                            \
           "  id INTEGER PRIMARY KEY AUTOINCREMENT,  -- number inside this file\n"                 \
           "  ulid TEXT NOT NULL UNIQUE,  -- shown by its last 8 characters\n"                     \
           "  name TEXT UNIQUE,  -- given by the user\n"                                           \
           "  spec TEXT NOT NULL,  -- what to try: JSON, docs/sweeps.md\n"                         \
           "  status TEXT NOT NULL,  -- 'open': trials are left; 'done'\n"                         \
           "  direction TEXT NOT NULL,  -- which scores are better: 'higher', 'lower'; or ''\n"    \
           "  single INTEGER NOT NULL,  -- 1: 'run -P', a sweep of one trial\n"                    \
           "  parent TEXT,  -- ULID of the run that left the state it started from\n"              \
           "  snapshot BLOB,  -- tree object with the files of its trials\n"                       \
           "  commit_id TEXT,  -- of git, 40 hex digits\n"                                         \
           "  branch TEXT,  -- of git; NULL: detached or none\n"                                   \
           "  remote TEXT,  -- URL of origin without credentials\n"                                \
           "  dirty INTEGER NOT NULL,  -- 1 yes, 0 no, -1 not examined\n"                          \
           "  patch BLOB,  -- digest of the object that holds the diff of a dirty tree\n"          \
           "  argv TEXT NOT NULL,  -- the command line\n"                                          \
           "  created_ns INTEGER NOT NULL,  -- ns since 1970 UTC\n"                                \
           "  spent_ns INTEGER NOT NULL  -- of all its drivers, by the monotonic clock\n"          \
           ") STRICT;\n",                                                                          \
        create                                                                                     \
        " trial (\n"                                                                               \
        "  sweep INTEGER NOT NULL " refers_to(                                                     \
            "sweep (id)") ",  -- of which sweep\n"                                                 \
                          "  number INTEGER NOT NULL,  -- from 0, shown from 1\n"                  \
                          "  status TEXT NOT NULL,  -- 'waiting', 'running', 'succeeded', ...\n"   \
                          "  overrides TEXT NOT NULL,  -- JSON: what it changes\n"                 \
                          "  run TEXT,  -- ULID of the run it came to; NULL: none yet, or "        \
                          "removed\n"                                                              \
                          "  score REAL,  -- the sweep's metric; NULL: none, or NaN\n"             \
                          "  note TEXT,  -- why it failed or was stopped, in one line\n"           \
                          "  isolation TEXT,  -- 'namespace' or 'directory'\n"                     \
                          "  started_ns INTEGER NOT NULL,  -- ns since 1970 UTC, of the last "     \
                          "attempt\n"                                                              \
                          "  duration_ns INTEGER NOT NULL,  -- by the monotonic clock\n"           \
                          "  attempts INTEGER NOT NULL,  -- how often it was begun\n"              \
                          "  last_run INTEGER NOT NULL,  -- the newest run before the last "       \
                          "attempt\n"                                                              \
                          "  PRIMARY KEY (sweep, number)\n"                                        \
                          ") STRICT, WITHOUT ROWID;\n",                                            \
        create                                                                                     \
        " trial_run (\n"                                                                           \
        "  run INTEGER PRIMARY KEY " refers_to(                                                    \
            "run (sequence)") ",  -- a trial's run\n"                                              \
                              "  sweep INTEGER NOT NULL " refers_to(                               \
                                  "sweep (id)") ",  -- of which sweep\n"                           \
                                                "  number INTEGER NOT NULL  -- of which trial\n"   \
                                                ") STRICT;\n",                                     \
        create                                                                                     \
        " report (\n"                                                                              \
        "  sweep INTEGER NOT NULL " refers_to(                                                     \
            "sweep (id)") ",  -- of which sweep\n"                                                 \
                          "  number INTEGER NOT NULL,  -- of which trial\n"                        \
                          "  step INTEGER NOT NULL,  -- as reported, or the number of the row\n"   \
                          "  value REAL,  -- the metric at that step; NULL: NaN\n"                 \
                          "  PRIMARY KEY (sweep, number, step)\n"                                  \
                          ") STRICT, WITHOUT ROWID;\n"
#define REFERS_TO(column) "REFERENCES " column
#define REFERS_NOWHERE(column) ""

static const char *const schema_4[] = {
    SWEEP_TABLES("CREATE TABLE", REFERS_TO),
    "CREATE INDEX IF NOT EXISTS trial_by_status ON trial (sweep, status);\n",
    "CREATE INDEX IF NOT EXISTS trial_by_run ON trial (run) WHERE run IS NOT NULL;\n",
    "CREATE INDEX IF NOT EXISTS trial_run_by_trial ON trial_run (sweep, number);\n",
    /* What removing runs looks for: each is the other end of a reference. */
    "CREATE INDEX IF NOT EXISTS run_by_state ON run (state) WHERE state IS NOT NULL;\n",
    "CREATE INDEX IF NOT EXISTS state_by_base ON state (base) WHERE base IS NOT NULL;\n",
    "CREATE INDEX IF NOT EXISTS stage_run_by_environment ON stage_run (environment)"
    " WHERE environment IS NOT NULL;\n",
    "CREATE INDEX IF NOT EXISTS judgement_by_result ON judgement (result) WHERE result IS NOT "
    "NULL;\n",
    NULL,
};
static const char *const sweeps_in_memory[] = {SWEEP_TABLES("CREATE TEMP TABLE", REFERS_NOWHERE),
                                               NULL};

/* From version `version - 1` to `version`. A row is never changed once it was released. */
static const struct migration {
    int64_t version;
    const char *sentence;              /* told to the user; NULL: nothing to tell */
    const char *const *sql;            /* statements, NULL behind the last */
    FALLIBLE (*fill)(struct sql *sql); /* what the new tables hold of earlier runs; or NULL */
} migrations[] = {
    {1, NULL, schema_1, NULL},
    {2, "the history holds the findings of built-in checks from now on", schema_2, NULL},
    {3, "runs can be sorted and filtered by their metrics and parameters from now on", schema_3,
     ledger_fill_courses},
    {FORMAT_SWEEPS, "experiments and sweeps are part of the history from now on", schema_4, NULL},
};

static FALLIBLE read_number(struct sql *sql, const char *pragma, int64_t *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(sql, &row, pragma, ""));
    bool found = false;
    TRY(sql_next(row, &found));
    *ret = found ? sql_int(row, 0) : 0;
    return NULL;
}

/* PRAGMA takes no parameters. */
static FALLIBLE set_version(struct sql *sql, int64_t version)
{
    AUTO(buf_drop) struct buf text = {0};
    buf_print(&text, "PRAGMA application_id = %d; PRAGMA user_version = %" PRId64, APPLICATION_ID,
              version);
    return sql_script(sql, text.at);
}

FALLIBLE ledger_is_unmade(struct sql *sql, bool *ret)
{
    int64_t version = 0, tables = 0;
    TRY(read_number(sql, "PRAGMA user_version", &version));
    TRY(read_number(sql, "SELECT count(*) FROM sqlite_schema", &tables));
    *ret = version == 0 && tables == 0;
    return NULL;
}

static FALLIBLE refuse_foreign(struct sql *sql, const char *path, int64_t version)
{
    int64_t application = 0, tables = 0;
    TRY(read_number(sql, "PRAGMA application_id", &application));
    TRY(read_number(sql, "SELECT count(*) FROM sqlite_schema", &tables));
    bool is_new = version == 0 && tables == 0;
    if (is_new || application == APPLICATION_ID)
        return NULL;
    return error_hint(error_new(ERROR_STORED, "'%s' is not a lineage database of mlops", path),
                      "move it away; the next run starts a new history");
}

static FALLIBLE refuse_newer(const char *path, int64_t version)
{
    int64_t known = migrations[COUNT_OF(migrations) - 1].version;
    if (version <= known)
        return NULL;
    return error_hint(error_new(ERROR_STORED,
                                "'%s' was written by a newer version of mlops (format %" PRId64
                                ", known is %" PRId64 ")",
                                path, version, known),
                      "use that version, or a later one");
}

static void tell(const struct observer *observer, struct str text)
{
    struct event event = {.kind = EVENT_NOTICE, .text = text};
    if (observer)
        observer_tell(observer, &event);
}

/* lineage.db.v3: stays until the user removes it. A copy that a crash left is made again, and its
 * journal is not played into it. */
static FALLIBLE keep_copy(struct sql *sql, const char *path, int64_t version,
                          const struct observer *observer)
{
    AUTO(buf_drop) struct buf copy = {0};
    buf_print(&copy, "%s.v%" PRId64 "-journal", path, version);
    unlink(copy.at);
    copy.len -= strlen("-journal");
    copy.at[copy.len] = '\0';
    unlink(copy.at);
    TRY(sql_copy(sql, copy.at));
    AUTO(buf_drop) struct buf text = {0};
    buf_print(&text, "the history of before is kept in '%s'", copy.at);
    tell(observer, buf_str(&text));
    return NULL;
}

static FALLIBLE apply(struct sql *sql, const struct migration *migration)
{
    for (size_t i = 0; migration->sql[i]; i++)
        TRY(sql_script(sql, migration->sql[i]));
    if (migration->fill)
        TRY(migration->fill(sql));
    return set_version(sql, migration->version);
}

/* All steps in one transaction: another process sees the old version or the new one. */
static FALLIBLE apply_from(struct sql *sql, const struct observer *observer)
{
    AUTO(sql_transaction_drop) struct sql_transaction transaction = {0};
    TRY(sql_begin(sql, &transaction));
    int64_t version = 0; /* another process may just have done it */
    TRY(read_number(sql, "PRAGMA user_version", &version));
    for (size_t i = 0; i < COUNT_OF(migrations); i++) {
        if (migrations[i].version <= version)
            continue;
        TRY_WITHIN(apply(sql, &migrations[i]), "can't bring the lineage database up to date");
        if (migrations[i].sentence && version > 0) /* nothing changes for who begins now */
            tell(observer, str_of(migrations[i].sentence));
    }
    return sql_commit(&transaction);
}

static FALLIBLE make_in_memory(struct sql *sql, const char *const *tables)
{
    for (size_t i = 0; tables[i]; i++)
        TRY(sql_script(sql, tables[i]));
    return NULL;
}

FALLIBLE ledger_courses_in_memory(struct sql *sql)
{
    TRY(make_in_memory(sql, courses_in_memory));
    return ledger_fill_courses(sql);
}

static void tell_waiting(void *context)
{
    tell(context, STR("waiting for a process that brings the history up to date"));
}

/* One process at a time, however long it takes: another one would find the database locked, or
 * replace the copy of before by what the first has made of it. */
static FALLIBLE migrate_in_turn(struct sql *sql, const char *path, const struct observer *observer)
{
    AUTO(buf_drop) struct buf name = {0};
    AUTO(lock_drop) struct lock turn = {0};
    int64_t version = 0;
    bool taken = false;
    buf_print(&name, "%s.turn", path);
    TRY(lock_take(AT_FDCWD, name.at, LOCK_EXCLUSIVE, -1, tell_waiting, (void *)(uintptr_t)observer,
                  &turn, &taken));
    TRY(read_number(sql, "PRAGMA user_version", &version));
    if (version < migrations[COUNT_OF(migrations) - 1].version) {
        TRY(keep_copy(sql, path, version, observer));
        TRY(apply_from(sql, observer));
    }
    return path_remove(AT_FDCWD, name.at);
}

FALLIBLE ledger_migrate(struct sql *sql, const char *path, bool is_read_only,
                        const struct observer *observer, int64_t *ret_version)
{
    int64_t version = 0;
    *ret_version = migrations[COUNT_OF(migrations) - 1].version;
    TRY(read_number(sql, "PRAGMA user_version", &version));
    TRY(refuse_foreign(sql, path, version));
    TRY(refuse_newer(path, version));
    if (version == *ret_version)
        return NULL;
    if (is_read_only) {
        *ret_version = version; /* all that was added since are tables: who reads them asks */
        return version < FORMAT_SWEEPS ? make_in_memory(sql, sweeps_in_memory) : NULL;
    }
    return version > 0 ? migrate_in_turn(sql, path, observer) : apply_from(sql, observer);
}
