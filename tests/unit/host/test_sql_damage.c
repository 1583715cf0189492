#include "sql_place.h"

static void a_full_disk_is_a_fault_of_the_machine_and_leaves_the_old_state(void **state)
{
    (void)state;
    AUTO(sql_drop) struct sql *sql = open_with(&DURABLE);
    make_numbers(sql, 3);
    assert_ok(sql_script(sql, "PRAGMA max_page_count=8"));
    AUTO(sql_transaction_drop) struct sql_transaction transaction = {0};
    assert_ok(sql_begin(sql, &transaction));
    assert_error(sql_run(sql, "INSERT INTO number VALUES(100, hex(zeroblob(100000)))", ""),
                 ERROR_MACHINE, "free some space");
    sql_transaction_drop(&transaction);
    assert_int_equal(int_of(sql, "SELECT count(*) FROM number"), 3);
}

static void a_file_that_is_no_database_is_named(void **state)
{
    (void)state;
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("not a database\n", file);
    fclose(file);
    struct sql *sql = NULL;
    assert_error(sql_open(path, &DURABLE, &sql), ERROR_STORED, path);
    assert_error(sql_open(path, &READ_ONLY, &sql), ERROR_STORED, path);
}

static void a_missing_table_is_told_as_a_foreign_file(void **state)
{
    (void)state;
    AUTO(sql_drop) struct sql *sql = open_with(&DURABLE);
    assert_error(sql_run(sql, "DELETE FROM absent", ""), ERROR_STORED, "no such table");
    assert_error(sql_script(sql, "DELETE FROM absent"), ERROR_STORED, "no such table");
}

static void the_check_finds_dangling_references(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct str fault = STR("?");
    AUTO(sql_drop) struct sql *sql = open_with(&DURABLE);
    make_numbers(sql, 3);
    assert_ok(sql_check(sql, &arena, &fault));
    assert_int_equal(fault.len, 0);
    assert_ok(sql_script(sql, "PRAGMA foreign_keys=OFF; INSERT INTO user VALUES(77)"));
    assert_ok(sql_check(sql, &arena, &fault));
    assert_non_null(strstr(fault.at, "table user refers to a row of number"));
    arena_drop(&arena);
}

/* Damage. A sound database is damaged in one way after the other; whatever happens, every call
 * either works or answers with an error that names the file, and the check does not crash. */
struct image {
    unsigned char bytes[65536];
    size_t len;
};

static void image_load(struct image *image)
{
    FILE *file = fopen(path, "rb");
    image->len = fread(image->bytes, 1, sizeof image->bytes, file);
    fclose(file);
}

static void image_save(const unsigned char *bytes, size_t len)
{
    char beside[160];
    snprintf(beside, sizeof beside, "%s-wal", path);
    unlink(beside);
    snprintf(beside, sizeof beside, "%s-shm", path);
    unlink(beside);
    FILE *file = fopen(path, "wb");
    fwrite(bytes, 1, len, file);
    fclose(file);
}

/* Counts the error; a damaged file must be told as such. */
static bool failed(struct error *error, int *count)
{
    if (!error)
        return false;
    if (error->code != ERROR_STORED || !strstr(error->text, path)) {
        AUTO(buf_drop) struct buf text = {0};
        error_print(error, &text);
        fail_msg("code %d: %s", error->code, text.at);
    }
    error_drop(error);
    (*count)++;
    return true;
}

static bool walk_rows(struct sql *sql, int *errors)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    if (failed(sql_select(sql, &row, "SELECT value, name FROM number", ""), errors))
        return false;
    bool found = true;
    while (found) {
        if (failed(sql_next(row, &found), errors))
            return false;
        if (found && sql_text(row, 1).len > 1000000)
            return false;
    }
    return true;
}

static void use_damaged(int *errors)
{
    struct arena arena = {0};
    struct str fault;
    AUTO(sql_drop) struct sql *sql = NULL;
    if (failed(sql_open(path, &DISPOSABLE, &sql), errors))
        return;
    if (walk_rows(sql, errors))
        failed(sql_run(sql, "UPDATE number SET name = 'x' WHERE value > 20", ""), errors);
    assert_ok(sql_check(sql, &arena, &fault));
    arena_drop(&arena);
}

static void make_image(struct image *image)
{
    struct sql *sql = open_with(&DISPOSABLE);
    assert_ok(sql_script(sql, "PRAGMA page_size=512; PRAGMA journal_mode=DELETE; VACUUM;"));
    make_numbers(sql, 60);
    assert_ok(sql_script(sql, "CREATE INDEX by_name ON number(name)"));
    sql_drop(&sql);
    image_load(image);
    assert_true(image->len > 1024);
}

static void a_database_cut_anywhere_is_an_error_or_works(void **state)
{
    (void)state;
    static struct image image;
    make_image(&image);
    int errors = 0;
    for (size_t len = 1; len < image.len; len += 251) {
        image_save(image.bytes, len);
        use_damaged(&errors);
    }
    assert_true(errors > 0);
}

static void a_database_with_any_byte_flipped_is_an_error_or_works(void **state)
{
    (void)state;
    static struct image image;
    make_image(&image);
    int errors = 0;
    uint32_t random = 1;
    for (size_t round = 0; round < 700; round++) {
        random = random * 1664525u + 1013904223u; /* Numerical Recipes; the same in every run */
        /* every byte of the header and of the first page's cells, then anywhere */
        size_t at = round < 300 ? round : (random >> 8) % image.len;
        unsigned char before = image.bytes[at];
        image.bytes[at] ^= (unsigned char)((random >> 3) | 1);
        image_save(image.bytes, image.len);
        use_damaged(&errors);
        image.bytes[at] = before;
    }
    assert_true(errors > 0);
}

static void a_damaged_log_is_an_error_or_is_left_out(void **state)
{
    (void)state;
    char wal[160];
    snprintf(wal, sizeof wal, "%s-wal", path);
    for (int round = 0; round < 40; round++) {
        image_save((const unsigned char *)"", 0);
        struct sql *sql = open_with(&DISPOSABLE);
        make_numbers(sql, 60);
        pid_t child = fork(); /* only copies the log; touches nothing of SQLite */
        if (child == 0) {
            char command[512];
            snprintf(command, sizeof command, "cp '%s' '%s/w' && cp '%s' '%s/d'", wal, directory,
                     path, directory);
            _exit(system(command) == 0 ? 0 : 1);
        }
        int status = -1;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        sql_drop(&sql);
        char command[512];
        snprintf(command, sizeof command, "mv '%s/d' '%s' && mv '%s/w' '%s'", directory, path,
                 directory, wal);
        assert_int_equal(system(command), 0);
        FILE *file = fopen(wal, "r+b");
        fseek(file, round * 97, SEEK_SET);
        fputc(round * 37 + 1, file);
        fclose(file);
        int errors = 0;
        use_damaged(&errors);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_full_disk_is_a_fault_of_the_machine_and_leaves_the_old_state),
        TEST(a_file_that_is_no_database_is_named),
        TEST(a_missing_table_is_told_as_a_foreign_file),
        TEST(the_check_finds_dangling_references),
        TEST(a_database_cut_anywhere_is_an_error_or_works),
        TEST(a_database_with_any_byte_flipped_is_an_error_or_works),
        TEST(a_damaged_log_is_an_error_or_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
