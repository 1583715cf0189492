#include "mlops/base/buf.h"
#include "mlops/host/sql.h"

#include <unistd.h>

#include "index_private.h"

enum { SCHEMA_VERSION = 1, BUSY_MS = 2000 };

static const char schema[] =
    "CREATE TABLE directory(\n"
    "  id INTEGER PRIMARY KEY,     -- (a key of long rows would be slow to compare)\n"
    "  path BLOB NOT NULL UNIQUE,  -- relative to the project, or absolute\n"
    "  entries BLOB NOT NULL       -- sorted files with stat and digest, with a checksum\n"
    ") STRICT;\n"
    "CREATE TABLE derived(\n"
    "  id INTEGER PRIMARY KEY, -- order of writing\n"
    "  kind BLOB NOT NULL,     -- what it was made from: 'lock', 'vcs'\n"
    "  key BLOB NOT NULL,      -- digest or fingerprint of that\n"
    "  bytes BLOB NOT NULL,    -- checksum (8 bytes), then the parsed form\n"
    "  UNIQUE(kind, key)\n"
    ") STRICT;\n"
    "PRAGMA user_version=1;\n";

static FALLIBLE read_version(struct sql *sql, int64_t *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    TRY(sql_select(sql, &row, "PRAGMA user_version", ""));
    TRY(sql_next(row, &found));
    *ret = found ? sql_int(row, 0) : 0;
    return NULL;
}

static FALLIBLE prepare_schema(struct sql *sql, bool is_read_only)
{
    int64_t version = 0;
    TRY(read_version(sql, &version));
    if (version == SCHEMA_VERSION)
        return NULL;
    if (version != 0 || is_read_only)
        return error_new(ERROR_STORED, "the stat cache has another version");
    AUTO(sql_transaction_drop) struct sql_transaction transaction = {0};
    TRY(sql_begin(sql, &transaction));
    TRY(read_version(sql, &version)); /* another process may have been faster */
    if (version == 0)
        TRY(sql_script(sql, schema));
    return sql_commit(&transaction);
}

static FALLIBLE open_file(const char *path, bool is_read_only, struct sql **ret)
{
    AUTO(sql_drop) struct sql *sql = NULL;
    struct sql_options options = {.is_read_only = is_read_only, .busy_ms = BUSY_MS};
    TRY(sql_open(path, &options, &sql));
    TRY(prepare_schema(sql, is_read_only));
    *ret = sql;
    sql = NULL;
    return NULL;
}

void index_remove(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        AUTO(buf_drop) struct buf name = {0};
        buf_print(&name, "%s%s", path, suffixes[i]);
        unlink(name.at);
    }
}

/* Whatever is wrong with the file, mlops works: at worst without a memory. */
struct sql *index_file_open(const char *path, bool is_read_only)
{
    struct sql *sql = NULL;
    struct error *error = open_file(path, is_read_only, &sql);
    bool is_damaged = error && error->code == ERROR_STORED;
    error_drop(error);
    if (sql || !is_damaged || is_read_only)
        return sql;
    index_remove(path);
    error_drop(open_file(path, false, &sql));
    return sql;
}

struct sql *index_file_renew(const char *path)
{
    struct sql *sql = NULL;
    index_remove(path);
    error_drop(open_file(path, false, &sql));
    return sql;
}
