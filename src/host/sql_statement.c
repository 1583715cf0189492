#include "mlops/base/arena.h"
#include "mlops/base/check.h"

#include <stdarg.h>

#include <math.h>
#include <stdlib.h>

#include "sql_private.h"

enum { CACHE_SLOTS_FIRST = 64 };

static struct sql_row **slot_of(const struct sql_cache *cache, const char *text)
{
    uint64_t hash = (uint64_t)(uintptr_t)text * 0x9E3779B97F4A7C15U;
    size_t at = (size_t)(hash >> 32) & (cache->slot_count - 1);
    while (cache->slots[at] && cache->slots[at]->text != text)
        at = (at + 1) & (cache->slot_count - 1);
    return &cache->slots[at];
}

static void cache_widen(struct sql_cache *cache)
{
    struct sql_cache wider = {.len = cache->len};
    wider.slot_count = cache->slot_count ? cache->slot_count * 2 : CACHE_SLOTS_FIRST;
    size_t size = wider.slot_count * sizeof(struct sql_row *);
    wider.slots = memset(memory_grow(NULL, size), 0, size);
    for (size_t i = 0; i < cache->slot_count; i++)
        if (cache->slots[i])
            *slot_of(&wider, cache->slots[i]->text) = cache->slots[i];
    free(cache->slots);
    *cache = wider;
}

static void row_free(struct sql_row *row)
{
    sqlite3_finalize(row->handle); /* repeats the error of the last step, which was told */
    free(row);
}

void sql_cache_drop(struct sql_cache *cache)
{
    for (size_t i = 0; i < cache->slot_count; i++) {
        if (!cache->slots[i])
            continue;
        check(!cache->slots[i]->is_busy);
        row_free(cache->slots[i]);
    }
    free(cache->slots);
    *cache = (struct sql_cache){0};
}

static FALLIBLE row_make(struct sql *sql, const char *text, bool is_cached, struct sql_row **ret)
{
    sqlite3_stmt *handle = NULL;
    const char *rest = NULL;
    unsigned flags = is_cached ? SQLITE_PREPARE_PERSISTENT : 0;
    int status = sqlite3_prepare_v3(sql->handle, text, -1, flags, &handle, &rest);
    if (status != SQLITE_OK)
        return sql_fault(sql, status);
    check(handle && rest && *rest == '\0'); /* one statement, not none, not two */
    struct sql_row *row = memory_grow(NULL, sizeof *row);
    *row = (struct sql_row){.sql = sql, .handle = handle, .text = text, .is_cached = is_cached};
    *ret = row;
    return NULL;
}

/* A statement ready for binding. One that is being stepped already (a query inside the loop over
 * the same query) is made anew for this use only. */
static FALLIBLE row_take(struct sql *sql, const char *text, struct sql_row **ret)
{
    struct sql_cache *cache = &sql->cache;
    if (cache->len * 2 >= cache->slot_count)
        cache_widen(cache);
    struct sql_row **slot = slot_of(cache, text);
    struct sql_row *row = *slot;
    if (!row || row->is_busy) {
        TRY(row_make(sql, text, !row, &row));
        if (row->is_cached) {
            *slot = row;
            cache->len++;
        }
    }
    check(strcmp(sqlite3_sql(row->handle), text) == 0); /* the key must be a literal */
    row->is_busy = true;
    row->is_done = false;
    *ret = row;
    return NULL;
}

/* Wrapped, since an array type (which va_list may be) can't be passed on by reference. */
struct arguments {
    va_list list;
};

static int bind_digest(sqlite3_stmt *handle, int at, struct digest digest)
{
    if (digest_is_zero(digest))
        return sqlite3_bind_null(handle, at);
    return sqlite3_bind_blob(handle, at, digest.at, sizeof digest.at, SQLITE_TRANSIENT);
}

static int bind_bytes(sqlite3_stmt *handle, int at, char letter, struct str bytes,
                      sqlite3_destructor_type keep)
{
    if (!bytes.at)
        return sqlite3_bind_null(handle, at);
    if (letter == 'b')
        return sqlite3_bind_blob64(handle, at, bytes.at, bytes.len, keep);
    return sqlite3_bind_text64(handle, at, bytes.at, bytes.len, keep, SQLITE_UTF8);
}

static int bind_real(sqlite3_stmt *handle, int at, double value)
{
    return isnan(value) ? sqlite3_bind_null(handle, at) : sqlite3_bind_double(handle, at, value);
}

static int bind_one(sqlite3_stmt *handle, int at, char letter, struct arguments *arguments,
                    sqlite3_destructor_type keep)
{
    switch (letter) {
    case 'i':
        return sqlite3_bind_int64(handle, at, va_arg(arguments->list, int64_t));
    case 's':
    case 'b':
        return bind_bytes(handle, at, letter, va_arg(arguments->list, struct str), keep);
    case 'd':
        return bind_digest(handle, at, va_arg(arguments->list, struct digest));
    case 'r':
        return bind_real(handle, at, va_arg(arguments->list, double));
    default:
        check(letter == 'n');
        return sqlite3_bind_null(handle, at);
    }
}

/* `keep`: SQLITE_STATIC when the statement ends within the call, else SQLITE_TRANSIENT. */
static FALLIBLE row_bind(struct sql_row *row, const char *letters, struct arguments *arguments,
                         sqlite3_destructor_type keep)
{
    check((size_t)sqlite3_bind_parameter_count(row->handle) == strlen(letters));
    for (int at = 0; letters[at]; at++) {
        int status = bind_one(row->handle, at + 1, letters[at], arguments, keep);
        if (status != SQLITE_OK)
            return sql_fault(row->sql, status);
    }
    return NULL;
}

void sql_row_drop(struct sql_row **row)
{
    struct sql_row *dropped = *row;
    *row = NULL;
    if (!dropped)
        return;
    if (!dropped->is_cached) {
        row_free(dropped);
        return;
    }
    sqlite3_reset(dropped->handle); /* repeats the error of the last step, which was told */
    sqlite3_clear_bindings(dropped->handle);
    dropped->is_busy = false;
}

FALLIBLE sql_next(struct sql_row *row, bool *ret_found)
{
    int status = row->is_done ? SQLITE_DONE : sqlite3_step(row->handle);
    row->is_done = status != SQLITE_ROW;
    if (status != SQLITE_ROW && status != SQLITE_DONE)
        return sql_fault(row->sql, status);
    *ret_found = status == SQLITE_ROW;
    return NULL;
}

static FALLIBLE run_to_end(struct sql *sql, const char *text, const char *letters,
                           struct arguments *arguments)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    TRY(row_take(sql, text, &row));
    TRY(row_bind(row, letters, arguments, SQLITE_STATIC));
    bool found = true;
    while (found)
        TRY(sql_next(row, &found));
    return NULL;
}

FALLIBLE sql_run(struct sql *sql, const char *text, const char *letters, ...)
{
    struct arguments arguments;
    va_start(arguments.list, letters);
    struct error *error = run_to_end(sql, text, letters, &arguments);
    va_end(arguments.list);
    return error;
}

FALLIBLE sql_select(struct sql *sql, struct sql_row **ret, const char *text, const char *letters,
                    ...)
{
    struct sql_row *row = NULL;
    TRY(row_take(sql, text, &row));
    struct arguments arguments;
    va_start(arguments.list, letters);
    struct error *error = row_bind(row, letters, &arguments, SQLITE_TRANSIENT);
    va_end(arguments.list);
    if (error)
        sql_row_drop(&row);
    else
        *ret = row;
    return error;
}

static sqlite3_stmt *column_checked(struct sql_row *row, int column)
{
    check(column >= 0 && column < sqlite3_data_count(row->handle));
    return row->handle;
}

int64_t sql_int(struct sql_row *row, int column)
{
    return sqlite3_column_int64(column_checked(row, column), column);
}

double sql_real(struct sql_row *row, int column)
{
    if (sql_is_null(row, column))
        return (double)NAN;
    return sqlite3_column_double(row->handle, column);
}

bool sql_is_null(struct sql_row *row, int column)
{
    return sqlite3_column_type(column_checked(row, column), column) == SQLITE_NULL;
}

struct str sql_text(struct sql_row *row, int column)
{
    sqlite3_stmt *handle = column_checked(row, column);
    const void *at = sqlite3_column_text(handle, column);
    return at ? (struct str){at, (size_t)sqlite3_column_bytes(handle, column)} : (struct str){0};
}

struct str sql_blob(struct sql_row *row, int column)
{
    if (sql_is_null(row, column))
        return (struct str){0};
    const void *at = sqlite3_column_blob(row->handle, column); /* NULL also for an empty blob */
    size_t len = (size_t)sqlite3_column_bytes(row->handle, column);
    return at ? (struct str){at, len} : STR("");
}

struct digest sql_digest(struct sql_row *row, int column)
{
    struct digest digest = {{0}};
    struct str blob = sql_blob(row, column);
    if (blob.len == sizeof digest.at)
        memcpy(digest.at, blob.at, blob.len);
    return digest;
}
