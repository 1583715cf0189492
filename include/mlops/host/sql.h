/* SQLite: opening with our settings, transactions, cached statements. Its messages become causes.
 * Nothing of it crosses a fork (descriptors are CLOEXEC) or a thread. */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/str.h"
#include "mlops/codec/digest.h"

struct sql;
struct sql_row; /* a statement being stepped */

struct sql_options {
    bool is_durable;   /* WAL and synchronous=FULL; else WAL and OFF (disposable files) */
    bool is_read_only; /* must exist; never written, not even -shm where that is impossible */
    int64_t busy_ms;   /* how long to wait for other writers; 0: 10,000 */
};

/* Errors of this module: ERROR_STORED for a file that is damaged, no database, or without the
 * tables asked for (a schema is ours to know); ERROR_MACHINE for I/O, a full disk, or another
 * process that kept it locked for busy_ms. The path is named, SQLite's message is the cause. */

/* Makes the file if it is absent and is_read_only is false; its directory must exist. */
FALLIBLE sql_open(const char *path, const struct sql_options *options, struct sql **ret);

/* All rows must have been dropped; a transaction left open is rolled back. A durable database keeps
 * a short write-ahead log (PATH-wal, with PATH-shm) beside it: it is part of the database. */
void sql_drop(struct sql **sql);

/* BEGIN IMMEDIATE ... COMMIT. A dropped transaction is rolled back. */
struct sql_transaction {
    struct sql *sql;
};
FALLIBLE sql_begin(struct sql *sql, struct sql_transaction *ret);
FALLIBLE sql_commit(struct sql_transaction *transaction);
void sql_transaction_drop(struct sql_transaction *transaction);

/* Script of several statements without parameters (schema, pragmas). */
FALLIBLE sql_script(struct sql *sql, const char *text);

/* Binding by one letter a value: "i" int64_t, "s" struct str (NULL if .at is NULL), "b" struct str
 * as blob, "d" struct digest as blob (NULL if zero), "r" double (NULL if NaN), "n" null. Statements
 * are prepared once per text (the pointer is the cache key: use literals). */
FALLIBLE sql_run(struct sql *sql, const char *text, const char *letters, ...);

/* SELECT: open, then sql_next until false; sql_row_drop resets the statement. What was bound is
 * copied, so it need not outlive the call. The same text may be selected inside its own loop. */
FALLIBLE sql_select(struct sql *sql, struct sql_row **ret, const char *text, const char *letters,
                    ...);
FALLIBLE sql_next(struct sql_row *row, bool *ret_found);
void sql_row_drop(struct sql_row **row);

int64_t sql_int(struct sql_row *row, int column);
double sql_real(struct sql_row *row, int column); /* NaN for NULL */
bool sql_is_null(struct sql_row *row, int column);

/* Valid until the next step; copy what is kept. */
struct str sql_text(struct sql_row *row, int column);
struct str sql_blob(struct sql_row *row, int column);

/* Zero for NULL and for a blob that is not of a digest's length. */
struct digest sql_digest(struct sql_row *row, int column);

int64_t sql_last_id(struct sql *sql);
int64_t sql_changes(struct sql *sql);

/* A consistent copy of the database to a new file (VACUUM INTO), synced. */
FALLIBLE sql_copy(struct sql *sql, const char *to);

/* PRAGMA integrity_check and foreign_key_check: "" or what is wrong. */
FALLIBLE sql_check(struct sql *sql, struct arena *arena, struct str *ret_fault);
