#include "mlops/base/limits.h"
#include "mlops/engine/log.h"

#include "rig.h"

static const char pipeline[] = "stages:\n  a: {cmd: 'true'}\n";

static void add(struct log *log, const char *text)
{
    struct str fresh;
    assert_fine(log_add(log, str_of(text), &fresh));
}

static struct outcome report(struct rig *rig, struct log *log)
{
    struct outcome outcome = {0};
    struct str fresh;
    assert_fine(log_finish(log, &fresh));
    log_report(log, rig->arena, &outcome);
    return outcome;
}

static struct log opened(struct rig *rig, struct redactor *redactor)
{
    struct log log;
    log_open(rig->session, STR("logs/r/a.log"), redactor, &log);
    return log;
}

#define ASSERT_STR(got, expected) assert_string_equal(str_copy(rig.arena, got).at, expected)

static void a_short_log_stays_in_memory(void **state)
{
    (void)state;
    struct rig rig = rig_open(pipeline);
    struct log log = opened(&rig, NULL);
    add(&log, "one\ntw");
    add(&log, "o");
    struct outcome outcome = report(&rig, &log);
    ASSERT_STR(outcome.log_text, "one\ntwo");
    assert_int_equal(outcome.log_path.len, 0);
    assert_int_equal(outcome.log_bytes, 7);
    assert_false(scratch_has(&rig.scratch, ".mlops/logs/r/a.log"));
    log_drop(&log);
    rig_drop(&rig);
}

static void no_output_is_an_empty_log(void **state)
{
    (void)state;
    struct rig rig = rig_open(pipeline);
    struct log log = opened(&rig, NULL);
    struct outcome outcome = report(&rig, &log);
    assert_int_equal(outcome.log_text.len, 0);
    assert_int_equal(outcome.log_tail.len, 0);
    log_drop(&log);
    rig_drop(&rig);
}

static void a_log_that_outgrows_a_row_goes_to_its_file_whole(void **state)
{
    (void)state;
    enum { LINES = 10000 };
    struct rig rig = rig_open(pipeline);
    struct log log = opened(&rig, NULL);
    for (int i = 0; i < LINES; i++)
        add(&log, "line\n");
    struct outcome outcome = report(&rig, &log);
    struct stat seen;
    assert_int_equal(fstatat(rig.scratch.fd, ".mlops/logs/r/a.log", &seen, 0), 0);
    assert_int_equal(seen.st_size, LINES * 5);
    assert_int_equal(outcome.log_bytes, LINES * 5);
    assert_int_equal(outcome.log_text.len, 0);
    ASSERT_STR(outcome.log_path, "logs/r/a.log");
    log_drop(&log);
    rig_drop(&rig);
}

/* "1\n2\n...\nN", with or without the last end of line. */
static struct outcome numbered(struct rig *rig, struct log *log, int lines, bool has_end)
{
    for (int i = 1; i <= lines; i++) {
        char line[24];
        snprintf(line, sizeof line, "%d%s", i, i < lines || has_end ? "\n" : "");
        add(log, line);
    }
    return report(rig, log);
}

static void check_tail(int lines, bool has_end, const char *beginning, const char *end)
{
    struct rig rig = rig_open(pipeline);
    struct log log = opened(&rig, NULL);
    struct outcome outcome = numbered(&rig, &log, lines, has_end);
    assert_true(str_starts(outcome.log_tail, str_of(beginning)));
    assert_true(str_ends(outcome.log_tail, str_of(end)));
    log_drop(&log);
    rig_drop(&rig);
}

static void the_tail_is_the_last_twenty_lines(void **state)
{
    (void)state;
    check_tail(100, true, "81\n82\n", "\n100\n");
    check_tail(100, false, "81\n82\n", "\n100");
    check_tail(20, true, "1\n2\n", "\n20\n");
    check_tail(21, true, "2\n3\n", "\n21\n");
    check_tail(3, false, "1\n2\n", "\n3");
}

static void a_line_without_end_is_cut_in_the_tail(void **state)
{
    (void)state;
    struct rig rig = rig_open(pipeline);
    struct log log = opened(&rig, NULL);
    for (int i = 0; i < 100000; i++)
        add(&log, "xxxxxxxxxx");
    add(&log, "end");
    struct outcome outcome = report(&rig, &log);
    assert_true(outcome.log_tail.len < 20000);
    assert_true(str_ends(outcome.log_tail, STR("xend")));
    assert_int_equal(outcome.log_bytes, 1000003);
    log_drop(&log);
    rig_drop(&rig);
}

static void a_secret_reaches_neither_memory_nor_disk(void **state)
{
    (void)state;
    struct rig rig = rig_open(pipeline);
    const struct str secret = STR("geheimnis");
    struct log log = opened(&rig, redactor_open(&secret, 1));
    for (int i = 0; i < 10000; i++)
        add(&log, i % 2 ? "heimnis and more\n" : "key=ge");
    struct outcome outcome = report(&rig, &log);
    assert_true(str_ends(outcome.log_tail, STR("key=*** and more\n")));
    struct str text;
    bool found = false;
    assert_fine(file_read(rig.arena, rig.scratch.fd, ".mlops/logs/r/a.log", LIMIT_LOG_FILE_BYTES,
                          &text, &found));
    assert_true(found);
    assert_null(strstr(text.at, "heimnis"));
    log_drop(&log);
    rig_drop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_log_stays_in_memory),
        cmocka_unit_test(no_output_is_an_empty_log),
        cmocka_unit_test(a_log_that_outgrows_a_row_goes_to_its_file_whole),
        cmocka_unit_test(the_tail_is_the_last_twenty_lines),
        cmocka_unit_test(a_line_without_end_is_cut_in_the_tail),
        cmocka_unit_test(a_secret_reaches_neither_memory_nor_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
