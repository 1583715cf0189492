/* A directory with databases, for tests of host/sql. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/host/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "expect.h"
#include "support/unit.h"

static const struct sql_options DURABLE = {.is_durable = true};
static const struct sql_options DISPOSABLE = {.is_durable = false};
static const struct sql_options READ_ONLY = {.is_read_only = true};
static const struct sql_options IMPATIENT = {.is_durable = true, .busy_ms = 1};

static char directory[64];
static char path[128];

static inline int make_directory(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/mlops-sql-XXXXXX");
    assert_non_null(mkdtemp(directory));
    assert_int_equal(chmod(directory, 0755), 0);
    snprintf(path, sizeof path, "%s/a%%20 b?#.db", directory); /* all that a URI would change */
    return 0;
}

static inline int remove_directory(void **state)
{
    (void)state;
    char command[192];
    snprintf(command, sizeof command, "chmod -R u+w %s; rm -rf %s", directory, directory);
    return system(command);
}

static inline struct sql *open_with(const struct sql_options *options)
{
    struct sql *sql = NULL;
    assert_ok(sql_open(path, options, &sql));
    return sql;
}

static inline int64_t int_of(struct sql *sql, const char *text)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    assert_ok(sql_select(sql, &row, text, ""));
    assert_ok(sql_next(row, &found));
    assert_true(found);
    return sql_int(row, 0);
}

static inline void make_numbers(struct sql *sql, int64_t count)
{
    assert_ok(sql_script(sql, "CREATE TABLE number(value INTEGER PRIMARY KEY, name TEXT) STRICT;"
                              "CREATE TABLE user(value INTEGER REFERENCES number(value)) STRICT;"));
    AUTO(sql_transaction_drop) struct sql_transaction transaction = {0};
    assert_ok(sql_begin(sql, &transaction));
    for (int64_t i = 0; i < count; i++)
        assert_ok(sql_run(sql, "INSERT INTO number VALUES(?1, ?2)", "is", i, STR("some name")));
    assert_ok(sql_commit(&transaction));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)
