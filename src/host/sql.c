#include "mlops/host/sql.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sql_private.h"

enum { BUSY_MS_DEFAULT = 10000, BUSY_MS_MOST = 86400000, BUSY_STEP_MS = 5, FAULTS_TOLD = 20 };

/* Moving the log into the database at closing, and making a new one at the next commit, costs four
 * syncs of the disk on top of the one that a commit needs. A log up to this size is left as it is:
 * reading it back when opening takes 0.1 ms. */
enum { WAL_KEPT_BYTES = 262144 };

/* What each answer of SQLite means to the user. SQLITE_ERROR is a schema that is not ours: our own
 * statements are known to be right for our own schema. */
static const struct meaning {
    int status; /* extended code, or the primary one for all of its kind */
    enum error_code code;
    const char *text;
    const char *hint;
} meanings[] = {
    {SQLITE_CORRUPT, ERROR_STORED, "is damaged", NULL},
    {SQLITE_NOTADB, ERROR_STORED, "is not a database, or is damaged", NULL},
    {SQLITE_FORMAT, ERROR_STORED, "is damaged", NULL},
    {SQLITE_IOERR_SHORT_READ, ERROR_STORED, "is damaged: it is shorter than it says", NULL},
    {SQLITE_IOERR_CORRUPTFS, ERROR_STORED, "is damaged", NULL},
    {SQLITE_IOERR_DATA, ERROR_STORED, "is damaged", NULL},
    {SQLITE_ERROR, ERROR_STORED, "does not have the tables that this version of mlops uses", NULL},
    {SQLITE_SCHEMA, ERROR_STORED, "does not have the tables that this version uses", NULL},
    {SQLITE_CONSTRAINT, ERROR_STORED, "contradicts what is to be recorded", NULL},
    {SQLITE_MISMATCH, ERROR_STORED, "holds a value of the wrong type", NULL},
    {SQLITE_TOOBIG, ERROR_STORED, "can't hold a value of this size", NULL},
    {SQLITE_FULL, ERROR_MACHINE, "can't be written", NULL},
    {SQLITE_BUSY, ERROR_MACHINE, "is in use by another process",
     "wait until it has ended and run the command again"},
    {SQLITE_LOCKED, ERROR_MACHINE, "is in use", NULL},
    {SQLITE_PROTOCOL, ERROR_MACHINE, "can't be locked", NULL},
    {SQLITE_NOLFS, ERROR_MACHINE, "is too large for its file system", NULL},
    {SQLITE_READONLY, ERROR_MACHINE, "can't be written", NULL},
    {SQLITE_PERM, ERROR_MACHINE, "can't be opened", NULL},
    {SQLITE_CANTOPEN, ERROR_MACHINE, "can't be opened", NULL},
    {SQLITE_IOERR, ERROR_MACHINE, "can't be read or written", NULL},
    {SQLITE_NOMEM, ERROR_MACHINE, "can't be used: out of memory", NULL},
};

static const struct meaning *meaning_of(int status)
{
    static const struct meaning unknown = {0, ERROR_BUG, "was used in a wrong way", NULL};
    const struct meaning *kind = &unknown;
    for (size_t i = 0; i < COUNT_OF(meanings); i++) {
        if (meanings[i].status == status)
            return &meanings[i];
        if (meanings[i].status == (status & 0xff))
            kind = &meanings[i];
    }
    return kind;
}

static int system_errno_of(const struct sql *sql, int status)
{
    int kind = status & 0xff;
    if (kind == SQLITE_FULL)
        return ENOSPC;
    return kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN ? sqlite3_system_errno(sql->handle) : 0;
}

FALLIBLE sql_fault(const struct sql *sql, int status)
{
    const struct meaning *meaning = meaning_of(status);
    int os = meaning->code == ERROR_MACHINE ? system_errno_of(sql, status) : 0;
    /* SQLite reads what it could not make, and tells only that it is not there. */
    bool is_unmade = !sql->is_read_only && (status & 0xff) == SQLITE_CANTOPEN && os == ENOENT;
    os = is_unmade ? 0 : os;
    struct error *error = os ? error_os(os, "'%s' %s", sql->path, meaning->text)
                             : error_new(meaning->code, "'%s' %s", sql->path, meaning->text);
    error->cause = error_new(meaning->code, "SQLite: %s (%d)", sqlite3_errmsg(sql->handle), status);
    if (is_unmade)
        return error_hint(error, "no file could be made there: is the disk full? free some space "
                                 "and run the command again");
    return meaning->hint ? error_hint(error, "%s", meaning->hint) : error;
}

FALLIBLE sql_script(struct sql *sql, const char *text)
{
    int status = sqlite3_exec(sql->handle, text, NULL, NULL, NULL);
    return status == SQLITE_OK ? NULL : sql_fault(sql, status);
}

/* A byte of the URI form of a path. */
static void add_uri_byte(struct buf *uri, char c)
{
    if (c == '%' || c == '?' || c == '#')
        buf_print(uri, "%%%02X", (unsigned)(unsigned char)c);
    else
        buf_add_char(uri, c);
}

/* True if SQLite could make the file -shm beside the database, which reading in WAL mode needs. */
static bool directory_is_writable(const char *path)
{
    AUTO(buf_drop) struct buf directory = {0};
    const char *slash = strrchr(path, '/');
    if (slash)
        buf_add(&directory, path, (size_t)(slash - path) + 1);
    buf_add_char(&directory, '.');
    return faccessat(AT_FDCWD, directory.at, W_OK, AT_EACCESS) == 0;
}

/* Size of the write-ahead log; 0 if there is none. */
static int64_t wal_bytes_of(const char *path)
{
    AUTO(buf_drop) struct buf name = {0};
    buf_print(&name, "%s-wal", path);
    struct stat wal;
    return stat(name.at, &wal) == 0 ? (int64_t)wal.st_size : 0;
}

/* A database whose log is empty and whose directory nobody like us can write in does not change
 * while we read: then it needs neither -shm nor locks. */
static int open_handle(const char *path, bool is_read_only, bool is_alone, sqlite3 **ret)
{
    int common = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (is_alone)
        return sqlite3_open_v2(path, ret, common | SQLITE_OPEN_READWRITE, NULL);
    if (!is_read_only)
        return sqlite3_open_v2(path, ret, common | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                               NULL);
    if (directory_is_writable(path) || wal_bytes_of(path) > 0)
        return sqlite3_open_v2(path, ret, common | SQLITE_OPEN_READONLY, NULL);
    AUTO(buf_drop) struct buf uri = {0};
    buf_add_text(&uri, path[0] == '/' ? "file://" : "file:");
    for (const char *at = path; *at; at++)
        add_uri_byte(&uri, *at);
    buf_add_text(&uri, "?immutable=1");
    return sqlite3_open_v2(uri.at, ret, common | SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
}

static int busy_ms_of(const struct sql_options *options)
{
    if (options->busy_ms <= 0)
        return BUSY_MS_DEFAULT;
    return (int)MIN_OF(options->busy_ms, (int64_t)BUSY_MS_MOST);
}

/* Two processes that make the same new database at once: SQLite answers busy to the second without
 * waiting, since it holds a lock that the first may need. */
static int enter_wal(struct sql *sql, int busy_ms)
{
    for (int waited_ms = 0;; waited_ms += BUSY_STEP_MS) {
        int status = sqlite3_exec(sql->handle, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
        if ((status & 0xff) != SQLITE_BUSY || waited_ms >= busy_ms)
            return status;
        sqlite3_sleep(BUSY_STEP_MS);
    }
}

/* Either we may not write the file, or its header asks that nobody of our version does. */
static FALLIBLE refuse_read_only(const struct sql *sql)
{
    if (faccessat(AT_FDCWD, sql->path, W_OK, AT_EACCESS) != 0)
        return error_os(errno, "'%s' can't be written", sql->path);
    return error_new(ERROR_STORED, "'%s' is damaged or of a newer format: it may only be read",
                     sql->path);
}

/* The first access to the file: from here on it is known to be a database. */
static FALLIBLE configure_writer(struct sql *sql, const struct sql_options *options)
{
    if (!options
             ->is_durable) /* or to make it would wait for the disk; that it fails is seen below */
        (void)sqlite3_exec(sql->handle, "PRAGMA synchronous=OFF", NULL, NULL, NULL);
    int status = enter_wal(sql, busy_ms_of(options));
    if ((status & 0xff) == SQLITE_READONLY || sqlite3_db_readonly(sql->handle, "main") == 1)
        return refuse_read_only(sql);
    if (status != SQLITE_OK)
        return sql_fault(sql, status);
    return sql_script(sql,
                      options->is_durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=OFF");
}

/* Whoever made the database died at it, before it was in WAL mode: the journal of that is played
 * back by the first writer. */
static void play_back(const struct sql *sql, int busy_ms)
{
    sqlite3 *writer = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(sql->path, &writer, flags, NULL) == SQLITE_OK) {
        sqlite3_busy_timeout(writer, busy_ms);
        (void)sqlite3_exec(writer, "PRAGMA schema_version", NULL, NULL, NULL);
    }
    sqlite3_close(writer);
}

static FALLIBLE configure_reader(struct sql *sql, const struct sql_options *options)
{
    static const char look[] = "PRAGMA schema_version";
    if (sqlite3_exec(sql->handle, look, NULL, NULL, NULL) == SQLITE_READONLY_ROLLBACK)
        play_back(sql, busy_ms_of(options));
    return sql_script(sql, look);
}

static FALLIBLE configure(struct sql *sql, const struct sql_options *options)
{
    sqlite3_busy_timeout(sql->handle, busy_ms_of(options));
    /* These can't fail for a known option. The schema comes from a file: it may hold no surprises
     * (functions in views and triggers), and our SQL may not rewrite its pages. */
    sqlite3_db_config(sql->handle, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    sqlite3_db_config(sql->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(sql->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (sql->is_alone) /* set before the first access, it lets -shm be memory of our own */
        TRY(sql_script(sql, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA query_only=ON"));
    if (options->is_read_only)
        return configure_reader(sql, options);
    return configure_writer(sql, options);
}

static FALLIBLE open_as(const char *path, const struct sql_options *options, bool is_alone,
                        struct sql **ret)
{
    AUTO(sql_drop) struct sql *sql = memory_grow(NULL, sizeof *sql);
    *sql = (struct sql){.path = strcpy(memory_grow(NULL, strlen(path) + 1), path),
                        .is_durable = options->is_durable,
                        .is_alone = is_alone,
                        .is_read_only = options->is_read_only};
    int status = open_handle(path, options->is_read_only, is_alone, &sql->handle);
    if (status != SQLITE_OK)
        return sql_fault(sql, status);
    TRY(configure(sql, options));
    *ret = sql;
    sql = NULL;
    return NULL;
}

/* Readers, too, need room for -shm, unless nobody else has the database open. */
FALLIBLE sql_open(const char *path, const struct sql_options *options, struct sql **ret)
{
    struct error *error = open_as(path, options, false, ret);
    if (!options->is_read_only || !error_is_full(error))
        return error;
    error_drop(error);
    return open_as(path, options, true, ret);
}

void sql_drop(struct sql **sql)
{
    struct sql *dropped = *sql;
    *sql = NULL;
    if (!dropped)
        return;
    sql_cache_drop(&dropped->cache);
    bool is_kept = dropped->is_durable && wal_bytes_of(dropped->path) <= WAL_KEPT_BYTES;
    if (is_kept || dropped->is_alone)
        sqlite3_db_config(dropped->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    check(sqlite3_close(dropped->handle) == SQLITE_OK); /* fails only for rows still open */
    free(dropped->path);
    free(dropped);
}

FALLIBLE sql_begin(struct sql *sql, struct sql_transaction *ret)
{
    check(sqlite3_get_autocommit(sql->handle)); /* transactions do not nest */
    TRY(sql_run(sql, "BEGIN IMMEDIATE", ""));
    *ret = (struct sql_transaction){sql};
    return NULL;
}

FALLIBLE sql_commit(struct sql_transaction *transaction)
{
    check(transaction->sql);
    TRY(sql_run(transaction->sql, "COMMIT", ""));
    *transaction = (struct sql_transaction){0};
    return NULL;
}

void sql_transaction_drop(struct sql_transaction *transaction)
{
    struct sql *sql = transaction->sql;
    *transaction = (struct sql_transaction){0};
    /* SQLite may have rolled back by itself (disk full). A rollback that fails leaves the
     * transaction to be discarded when the database is closed. */
    if (sql && !sqlite3_get_autocommit(sql->handle))
        error_drop(sql_run(sql, "ROLLBACK", ""));
}

int64_t sql_last_id(struct sql *sql)
{
    return sqlite3_last_insert_rowid(sql->handle);
}

int64_t sql_changes(struct sql *sql)
{
    return sqlite3_changes64(sql->handle);
}

/* VACUUM INTO does not sync what it wrote (until SQLite 3.45). */
static FALLIBLE sync_copy(const char *path)
{
    AUTO(fd_drop) struct fd fd = {0};
    TRY(file_open(AT_FDCWD, path, &fd));
    TRY(file_sync(fd_number(fd), path));
    AUTO(buf_drop) struct buf directory = {0};
    const char *slash = strrchr(path, '/');
    if (slash)
        buf_add(&directory, path, (size_t)(slash - path) + 1);
    buf_add_char(&directory, '.');
    return directory_sync(AT_FDCWD, directory.at);
}

FALLIBLE sql_copy(struct sql *sql, const char *to)
{
    if (faccessat(AT_FDCWD, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return error_os(EEXIST, "'%s' can't be copied to '%s'", sql->path, to);
    TRY_WITHIN(sql_run(sql, "VACUUM INTO ?1", "s", str_of(to)), "'%s' can't be copied to '%s'",
               sql->path, to);
    return sync_copy(to);
}

static void add_line(struct buf *out, struct str line)
{
    if (out->len)
        buf_add_char(out, '\n');
    buf_add_str(out, line);
}

static FALLIBLE check_pages(struct sql *sql, struct buf *out)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(sql, &row, "PRAGMA integrity_check(20)", ""));
    for (;;) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        if (!str_is(sql_text(row, 0), "ok"))
            add_line(out, sql_text(row, 0));
    }
}

static FALLIBLE check_references(struct sql *sql, struct buf *out)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(sql_select(sql, &row, "PRAGMA foreign_key_check", ""));
    for (int told = 0; told < FAULTS_TOLD; told++) {
        bool found = false;
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        struct str from = sql_text(row, 0), to = sql_text(row, 2);
        int64_t id = sql_int(row, 1);
        if (out->len)
            buf_add_char(out, '\n');
        buf_print(out, "row %lld of table %.*s refers to a row of %.*s that is not there",
                  (long long)id, STR_FMT(from), STR_FMT(to));
    }
    return NULL;
}

/* Damage that stops the check itself is an answer too. */
static FALLIBLE as_answer(struct error *error, struct buf *out)
{
    if (!error || error->code != ERROR_STORED)
        return error;
    add_line(out, str_of(error->cause ? error->cause->text : error->text));
    error_drop(error);
    return NULL;
}

FALLIBLE sql_check(struct sql *sql, struct arena *arena, struct str *ret_fault)
{
    AUTO(buf_drop) struct buf out = {0};
    TRY(as_answer(check_pages(sql, &out), &out));
    if (out.len == 0)
        TRY(as_answer(check_references(sql, &out), &out));
    *ret_fault = str_copy(arena, buf_str(&out));
    return NULL;
}
