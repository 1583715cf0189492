/* Shared by the files of module sql. */
#pragma once

#include "mlops/host/sql.h"

#include <sqlite3.h>

/* A statement of the cache, or one made for a nested use of the same text. */
struct sql_row {
    struct sql *sql;
    sqlite3_stmt *handle;
    const char *text; /* the key */
    bool is_cached;
    bool is_busy; /* handed out, not yet dropped */
    bool is_done; /* has told that there are no more rows */
};

/* Open addressing by the pointer of the text; a slot is NULL or owned. */
struct sql_cache {
    struct sql_row **slots;
    size_t slot_count; /* power of two, or 0 */
    size_t len;
};

struct sql {
    sqlite3 *handle;
    char *path;
    bool is_durable, is_read_only;
    bool is_alone; /* reads, and keeps all others out: the disk is full */
    struct sql_cache cache;
};

/* The error for an answer of SQLite, its own message as the cause. */
FALLIBLE sql_fault(const struct sql *sql, int status);

void sql_cache_drop(struct sql_cache *cache);
