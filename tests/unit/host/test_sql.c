#include "sql_place.h"

static void assert_text_of(struct sql *sql, const char *text, const char *expected)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    assert_ok(sql_select(sql, &row, text, ""));
    assert_ok(sql_next(row, &found));
    assert_true(found);
    assert_true(str_is(sql_text(row, 0), expected));
}

static void a_durable_database_is_in_wal_mode_and_syncs_fully(void **state)
{
    (void)state;
    AUTO(sql_drop) struct sql *sql = open_with(&DURABLE);
    assert_text_of(sql, "PRAGMA journal_mode", "wal");
    assert_int_equal(int_of(sql, "PRAGMA synchronous"), 2);
    assert_int_equal(int_of(sql, "PRAGMA foreign_keys"), 1);
    assert_int_equal(int_of(sql, "PRAGMA trusted_schema"), 0);
    assert_int_equal(int_of(sql, "PRAGMA busy_timeout"), 10000);
}

static void a_disposable_database_does_not_sync(void **state)
{
    (void)state;
    AUTO(sql_drop) struct sql *sql = open_with(&DISPOSABLE);
    assert_text_of(sql, "PRAGMA journal_mode", "wal");
    assert_int_equal(int_of(sql, "PRAGMA synchronous"), 0);
}

static void its_descriptors_do_not_reach_a_child_program(void **state)
{
    (void)state;
    AUTO(sql_drop) struct sql *sql = open_with(&DURABLE);
    make_numbers(sql, 1);
    int seen = 0;
    for (int fd = 3; fd < 64; fd++) {
        char link[32], target[256] = {0};
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        if (readlink(link, target, sizeof target - 1) < 0 || !strstr(target, directory))
            continue;
        seen++;
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    }
    assert_true(seen >= 2);
}

static void every_kind_of_value_comes_back_as_it_went_in(void **state)
{
    (void)state;
    AUTO(sql_drop) struct sql *sql = open_with(&DURABLE);
    struct digest digest = digest_of("x", 1);
    assert_ok(sql_script(sql, "CREATE TABLE v(i INTEGER, s TEXT, b BLOB, d BLOB, r REAL, n ANY)"
                              " STRICT"));
    assert_ok(sql_run(sql, "INSERT INTO v VALUES(?,?,?,?,?,?)", "isbdrn", INT64_MIN,
                      STR("h\xc3\xa9"), STR("\0\xff\0"), digest, 0.1));
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    assert_ok(sql_select(sql, &row, "SELECT i, s, b, d, r, n FROM v", ""));
    assert_ok(sql_next(row, &found));
    assert_true(found);
    assert_true(sql_int(row, 0) == INT64_MIN);
    assert_true(str_is(sql_text(row, 1), "h\xc3\xa9"));
    assert_true(str_equal(sql_blob(row, 2), STR("\0\xff\0")));
    assert_true(digest_equal(sql_digest(row, 3), digest));
    assert_true(sql_real(row, 4) == 0.1);
    assert_true(sql_is_null(row, 5));
    assert_ok(sql_next(row, &found));
    assert_false(found);
    assert_ok(sql_next(row, &found)); /* and stays so, rather than starting again */
    assert_false(found);
}

static void absent_values_are_null_and_empty_ones_are_not(void **state)
{
    (void)state;
    AUTO(sql_drop) struct sql *sql = open_with(&DURABLE);
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    assert_ok(sql_select(sql, &row, "SELECT ?,?,?,?,?,?", "sbdrsb", (struct str){0},
                         (struct str){0}, (struct digest){{0}}, (double)NAN, STR(""), STR("")));
    assert_ok(sql_next(row, &found));
    for (int column = 0; column < 4; column++)
        assert_true(sql_is_null(row, column));
    assert_null(sql_text(row, 0).at);
    assert_null(sql_blob(row, 1).at);
    assert_true(digest_is_zero(sql_digest(row, 2)));
    assert_true(isnan(sql_real(row, 3)));
    assert_false(sql_is_null(row, 4));
    assert_false(sql_is_null(row, 5));
    assert_non_null(sql_text(row, 4).at);
    assert_non_null(sql_blob(row, 5).at);
}

static void what_a_query_was_given_may_go_before_it_is_stepped(void **state)
{
    (void)state;
    AUTO(sql_drop) struct sql *sql = open_with(&DURABLE);
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    char text[] = "before";
    bool found = false;
    assert_ok(sql_select(sql, &row, "SELECT ?1", "s", str_of(text)));
    strcpy(text, "after!");
    assert_ok(sql_next(row, &found));
    assert_true(str_is(sql_text(row, 0), "before"));
}

static void a_query_may_run_inside_its_own_loop(void **state)
{
    (void)state;
    static const char *const query = "SELECT value FROM number WHERE value < ?1 ORDER BY value";
    AUTO(sql_drop) struct sql *sql = open_with(&DURABLE);
    make_numbers(sql, 10);
    AUTO(sql_row_drop) struct sql_row *outer = NULL;
    int64_t pairs = 0;
    bool found = true, found_inner = true;
    assert_ok(sql_select(sql, &outer, query, "i", (int64_t)10));
    for (assert_ok(sql_next(outer, &found)); found; assert_ok(sql_next(outer, &found))) {
        AUTO(sql_row_drop) struct sql_row *inner = NULL;
        assert_ok(sql_select(sql, &inner, query, "i", sql_int(outer, 0)));
        for (assert_ok(sql_next(inner, &found_inner)); found_inner;
             assert_ok(sql_next(inner, &found_inner)))
            pairs++;
    }
    assert_int_equal(pairs, 45);
}

static void a_committed_transaction_is_there_after_reopening(void **state)
{
    (void)state;
    struct sql *sql = open_with(&DURABLE);
    make_numbers(sql, 3);
    assert_int_equal(sql_last_id(sql), 2);
    assert_ok(sql_run(sql, "UPDATE number SET name = NULL", ""));
    assert_int_equal(sql_changes(sql), 3);
    sql_drop(&sql);
    assert_null(sql);
    AUTO(sql_drop) struct sql *again = open_with(&READ_ONLY);
    assert_int_equal(int_of(again, "SELECT count(*) FROM number WHERE name IS NULL"), 3);
}

static void a_dropped_transaction_leaves_nothing(void **state)
{
    (void)state;
    AUTO(sql_drop) struct sql *sql = open_with(&DURABLE);
    make_numbers(sql, 3);
    {
        AUTO(sql_transaction_drop) struct sql_transaction transaction = {0};
        assert_ok(sql_begin(sql, &transaction));
        assert_ok(sql_run(sql, "DELETE FROM number", ""));
    }
    assert_int_equal(int_of(sql, "SELECT count(*) FROM number"), 3);
    AUTO(sql_transaction_drop) struct sql_transaction next = {0};
    assert_ok(sql_begin(sql, &next)); /* and the way is free for the next one */
    assert_ok(sql_commit(&next));
}

static void a_reference_to_nothing_is_refused(void **state)
{
    (void)state;
    AUTO(sql_drop) struct sql *sql = open_with(&DURABLE);
    make_numbers(sql, 3);
    assert_error(sql_run(sql, "INSERT INTO user VALUES(?1)", "i", (int64_t)99), ERROR_STORED,
                 "FOREIGN KEY");
    assert_ok(sql_run(sql, "INSERT INTO user VALUES(?1)", "i", (int64_t)2));
}

static void a_second_writer_is_told_who_is_in_the_way(void **state)
{
    (void)state;
    AUTO(sql_drop) struct sql *first = open_with(&DURABLE);
    AUTO(sql_drop) struct sql *second = open_with(&IMPATIENT);
    AUTO(sql_transaction_drop) struct sql_transaction transaction = {0}, other = {0};
    assert_ok(sql_begin(first, &transaction));
    assert_error(sql_begin(second, &other), ERROR_MACHINE, "in use by another process");
    assert_ok(sql_commit(&transaction));
    assert_ok(sql_begin(second, &other));
}

static void readers_see_the_old_state_while_another_writes(void **state)
{
    (void)state;
    AUTO(sql_drop) struct sql *writer = open_with(&DURABLE);
    make_numbers(writer, 3);
    AUTO(sql_drop) struct sql *reader = open_with(&READ_ONLY);
    AUTO(sql_transaction_drop) struct sql_transaction transaction = {0};
    assert_ok(sql_begin(writer, &transaction));
    assert_ok(sql_run(writer, "DELETE FROM number", ""));
    assert_int_equal(int_of(reader, "SELECT count(*) FROM number"), 3);
    assert_ok(sql_commit(&transaction));
    assert_int_equal(int_of(reader, "SELECT count(*) FROM number"), 0);
}

/* Each child opens the new file, makes the table if need be, and adds one row. */
static void one_of_many_first_users(void)
{
    struct sql *sql = NULL;
    struct sql_transaction transaction = {0};
    struct error *error = sql_open(path, &DURABLE, &sql);
    error = error ? error : sql_begin(sql, &transaction);
    error = error ? error : sql_script(sql, "CREATE TABLE IF NOT EXISTS t(a)");
    error = error ? error : sql_run(sql, "INSERT INTO t VALUES(1)", "");
    error = error ? error : sql_commit(&transaction);
    sql_transaction_drop(&transaction);
    sql_drop(&sql);
    _exit(error ? 1 : 0);
}

static void many_processes_may_make_the_same_database_at_once(void **state)
{
    (void)state;
    enum { PROCESSES = 8 };
    pid_t children[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0)
            one_of_many_first_users();
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    AUTO(sql_drop) struct sql *sql = open_with(&READ_ONLY);
    assert_int_equal(int_of(sql, "SELECT count(*) FROM t"), PROCESSES);
}

static void reading_needs_the_file_to_exist(void **state)
{
    (void)state;
    struct sql *sql = NULL;
    assert_error(sql_open(path, &READ_ONLY, &sql), ERROR_MACHINE, "No such file");
    assert_null(sql);
}

static void a_reader_cannot_write(void **state)
{
    (void)state;
    struct sql *writer = open_with(&DURABLE);
    make_numbers(writer, 1);
    sql_drop(&writer);
    AUTO(sql_drop) struct sql *sql = open_with(&READ_ONLY);
    assert_error(sql_run(sql, "DELETE FROM number", ""), ERROR_MACHINE, "can't be written");
}

/* A process that dies while it makes a database leaves a journal that only a writer may play back.
 */
static void die_while_making(void)
{
    sqlite3 *handle = NULL;
    bool is_fine = sqlite3_open(path, &handle) == SQLITE_OK &&
                   sqlite3_exec(handle,
                                "PRAGMA cache_size=1; CREATE TABLE number (value INTEGER);"
                                "BEGIN; WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 "
                                "FROM n WHERE i < 20000) INSERT INTO number SELECT i FROM n;",
                                NULL, NULL, NULL) == SQLITE_OK;
    _exit(is_fine ? 0 : 1);
}

static void a_reader_sees_the_old_state_behind_a_writer_that_died(void **state)
{
    (void)state;
    int status = -1;
    int64_t count = -1;
    bool is_found = false;
    pid_t child = fork();
    if (child == 0)
        die_while_making();
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    AUTO(sql_drop) struct sql *sql = open_with(&READ_ONLY);
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    assert_ok(sql_select(sql, &row, "SELECT count(*) FROM number", ""));
    assert_ok(sql_next(row, &is_found));
    count = sql_int(row, 0);
    assert_int_equal(count, 0);
}

/* Root may write anywhere, so become somebody else for a while. */
static void become(uid_t user)
{
    if (getuid() == 0)
        assert_int_equal(seteuid(user), 0);
}

static void a_database_in_a_read_only_directory_can_be_read(void **state)
{
    (void)state;
    struct sql *writer = open_with(&DISPOSABLE); /* which leaves no log beside it */
    make_numbers(writer, 5);
    sql_drop(&writer);
    assert_int_equal(chmod(path, 0444), 0);
    assert_int_equal(chmod(directory, 0555), 0);
    become(65534);
    struct sql *sql = open_with(&READ_ONLY);
    assert_int_equal(int_of(sql, "SELECT count(*) FROM number"), 5);
    sql_drop(&sql);
    assert_error(sql_open(path, &DURABLE, &sql), ERROR_MACHINE, "can't be ");
    become(0);
}

static void file_beside(const char *suffix, int64_t *ret_bytes)
{
    char name[160];
    struct stat found;
    snprintf(name, sizeof name, "%s%s", path, suffix);
    *ret_bytes = stat(name, &found) == 0 ? (int64_t)found.st_size : -1;
}

static void a_durable_database_keeps_a_short_log_and_folds_in_a_long_one(void **state)
{
    (void)state;
    int64_t log_bytes = 0;
    struct sql *sql = open_with(&DURABLE);
    make_numbers(sql, 5);
    sql_drop(&sql);
    file_beside("-wal", &log_bytes);
    assert_true(log_bytes > 0);
    sql = open_with(&DURABLE);
    assert_int_equal(int_of(sql, "SELECT count(*) FROM number"), 5);
    assert_ok(sql_run(sql, "INSERT INTO number VALUES(100, hex(zeroblob(400000)))", ""));
    sql_drop(&sql);
    file_beside("-wal", &log_bytes);
    assert_int_equal(log_bytes, -1);
    sql = open_with(&READ_ONLY);
    assert_int_equal(int_of(sql, "SELECT count(*) FROM number"), 6);
    sql_drop(&sql);
}

static void a_log_left_in_a_read_only_directory_is_read_as_well(void **state)
{
    (void)state;
    struct sql *sql = open_with(&DURABLE);
    make_numbers(sql, 5);
    sql_drop(&sql);
    assert_int_equal(chmod(directory, 0555), 0);
    become(65534);
    sql = open_with(&READ_ONLY);
    assert_int_equal(int_of(sql, "SELECT count(*) FROM number"), 5);
    sql_drop(&sql);
    become(0);
}

static void it_can_be_read_there_while_somebody_else_writes_it(void **state)
{
    (void)state;
    AUTO(sql_drop) struct sql *writer = open_with(&DURABLE);
    make_numbers(writer, 5);
    assert_int_equal(chmod(directory, 0555), 0);
    become(65534);
    struct sql *sql = NULL;
    struct error *error = sql_open(path, &READ_ONLY, &sql);
    become(0);
    assert_ok(error);
    assert_int_equal(int_of(sql, "SELECT count(*) FROM number"), 5);
    assert_ok(sql_run(writer, "DELETE FROM number", ""));
    assert_int_equal(int_of(sql, "SELECT count(*) FROM number"), 0);
    sql_drop(&sql);
}

static void a_copy_holds_the_same_and_never_replaces_a_file(void **state)
{
    (void)state;
    AUTO(sql_drop) struct sql *sql = open_with(&DURABLE);
    make_numbers(sql, 7);
    char copy[160];
    snprintf(copy, sizeof copy, "%s/copy.db", directory);
    assert_ok(sql_copy(sql, copy));
    assert_error(sql_copy(sql, copy), ERROR_MACHINE, "File exists");
    AUTO(sql_drop) struct sql *other = NULL;
    assert_ok(sql_open(copy, &DURABLE, &other));
    assert_int_equal(int_of(other, "SELECT count(*) FROM number"), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_durable_database_is_in_wal_mode_and_syncs_fully),
        TEST(a_disposable_database_does_not_sync),
        TEST(its_descriptors_do_not_reach_a_child_program),
        TEST(every_kind_of_value_comes_back_as_it_went_in),
        TEST(absent_values_are_null_and_empty_ones_are_not),
        TEST(what_a_query_was_given_may_go_before_it_is_stepped),
        TEST(a_query_may_run_inside_its_own_loop),
        TEST(a_committed_transaction_is_there_after_reopening),
        TEST(a_dropped_transaction_leaves_nothing),
        TEST(a_reference_to_nothing_is_refused),
        TEST(a_second_writer_is_told_who_is_in_the_way),
        TEST(readers_see_the_old_state_while_another_writes),
        TEST(many_processes_may_make_the_same_database_at_once),
        TEST(reading_needs_the_file_to_exist),
        TEST(a_reader_cannot_write),
        TEST(a_reader_sees_the_old_state_behind_a_writer_that_died),
        TEST(a_database_in_a_read_only_directory_can_be_read),
        TEST(a_durable_database_keeps_a_short_log_and_folds_in_a_long_one),
        TEST(a_log_left_in_a_read_only_directory_is_read_as_well),
        TEST(it_can_be_read_there_while_somebody_else_writes_it),
        TEST(a_copy_holds_the_same_and_never_replaces_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
