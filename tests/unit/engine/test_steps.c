#include "mlops/base/arena.h"
#include "mlops/engine/steps.h"

#include <math.h>

#include "support/scratch.h"

struct told {
    int count;
    int64_t steps[16];
    double values[16];
};

struct reader {
    struct scratch scratch;
    struct sweep sweep;
    struct steps steps;
    struct told told;
};

static void note(void *context, int64_t step, double value)
{
    struct told *told = context;
    assert_true(told->count < 16);
    told->steps[told->count] = step;
    told->values[told->count++] = value;
}

static void reader_open(struct reader *reader, const char *file, const char *step)
{
    *reader = (struct reader){.scratch = scratch_open(),
                              .sweep = {.metric_key = STR("val.loss"),
                                        .steps = {.file = str_of(file), .step = str_of(step)}}};
    assert_fine(steps_open(&reader->sweep, reader->scratch.fd, &reader->steps));
}

static int reads(struct reader *reader, bool is_final)
{
    int before = reader->told.count;
    reader->steps.next_ns = 0;
    assert_fine(steps_read(&reader->steps, is_final, &(struct steps_teller){note, &reader->told}));
    return reader->told.count - before;
}

static void reader_close(struct reader *reader)
{
    steps_drop(&reader->steps);
    scratch_drop(&reader->scratch);
}

static void expect_fault(const struct reader *reader, const char *expected)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct str fault = steps_fault(&reader->steps, &arena);
    assert_int_equal(fault.len, strlen(expected));
    assert_memory_equal(fault.len ? fault.at : "", expected, fault.len);
}

static void rows_are_told_once_as_the_file_grows(void **state)
{
    (void)state;
    struct reader reader;
    reader_open(&reader, "log.csv", "epoch");
    assert_int_equal(reads(&reader, false), 0);
    scratch_write(&reader.scratch, "log.csv", "epoch,loss\n1,0.5\n");
    assert_int_equal(reads(&reader, false), 1);
    assert_int_equal(reads(&reader, false), 0);
    scratch_write(&reader.scratch, "log.csv", "epoch,loss\n1,0.5\n2,0.25\n3,nan\n");
    assert_int_equal(reads(&reader, false), 2);
    assert_int_equal(reader.told.steps[2], 3);
    assert_true(isnan(reader.told.values[2]));
    expect_fault(&reader, "");
    reader_close(&reader);
}

static void half_a_line_waits_for_its_rest_until_the_end(void **state)
{
    (void)state;
    struct reader reader;
    reader_open(&reader, "log.csv", "epoch");
    scratch_write(&reader.scratch, "log.csv", "epoch,loss\n1,0.12");
    assert_int_equal(reads(&reader, false), 0);
    assert_int_equal(reads(&reader, true), 1);
    assert_true(reader.told.values[0] == 0.12);
    reader_close(&reader);
}

static void a_header_that_gains_columns_later_is_read_again(void **state)
{
    (void)state;
    struct reader reader;
    reader_open(&reader, "log.csv", "epoch");
    scratch_write(&reader.scratch, "log.csv", "epoch,train\n1,3\n2,2\n");
    assert_int_equal(reads(&reader, false), 0);
    expect_fault(&reader, "'log.csv' has no column 'loss'; it has epoch, train");
    scratch_write(&reader.scratch, "log.csv", "epoch,train,loss\n1,3,\n2,2,9\n");
    assert_int_equal(reads(&reader, false), 1);
    assert_int_equal(reader.told.steps[0], 2);
    expect_fault(&reader, "");
    reader_close(&reader);
}

static void without_a_column_of_steps_rows_are_counted(void **state)
{
    (void)state;
    struct reader reader;
    reader_open(&reader, "log.tsv", "");
    scratch_write(&reader.scratch, "log.tsv", "loss\tx\n4\t0\n3\t0\n");
    assert_int_equal(reads(&reader, false), 2);
    assert_int_equal(reader.told.steps[0], 1);
    assert_int_equal(reader.told.steps[1], 2);
    reader_close(&reader);
}

static void lines_of_json_may_nest_and_be_broken(void **state)
{
    (void)state;
    struct reader reader;
    reader_open(&reader, "log.jsonl", "at.step");
    reader.sweep.steps.metric = STR("val.loss");
    scratch_write(&reader.scratch, "log.jsonl",
                  "{\"at\": {\"step\": 1}, \"val\": {\"loss\": 0.5}}\nnonsense\n\n"
                  "{\"at\": {\"step\": 2.0}, \"val\": {\"loss\": NaN}}\n"
                  "{\"at\": {\"step\": 2.5}, \"val\": {\"loss\": 1}}\n{\"at\": {\"st");
    assert_int_equal(reads(&reader, false), 2);
    assert_int_equal(reader.told.steps[1], 2);
    assert_true(isnan(reader.told.values[1]));
    reader_close(&reader);
}

static void a_file_of_an_earlier_run_is_not_the_trials(void **state)
{
    (void)state;
    struct reader reader = {0};
    reader.scratch = scratch_open();
    reader.sweep = (struct sweep){.metric_key = STR("loss"), .steps = {.file = STR("log.csv")}};
    scratch_write(&reader.scratch, "log.csv", "loss\n1\n2\n");
    assert_fine(steps_open(&reader.sweep, reader.scratch.fd, &reader.steps));
    assert_int_equal(reads(&reader, false), 0);
    assert_int_equal(reads(&reader, true), 0);
    expect_fault(&reader, "'log.csv' was never written: no step was reported");
    reader_close(&reader);
}

static void a_column_that_is_missing_is_told_with_those_there_are(void **state)
{
    (void)state;
    struct reader reader;
    reader_open(&reader, "log.csv", "epoch");
    scratch_write(&reader.scratch, "log.csv", "step,loss\n1,2\n");
    assert_int_equal(reads(&reader, true), 0);
    expect_fault(&reader, "'log.csv' has no column 'epoch'; it has step, loss");
    reader_close(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_told_once_as_the_file_grows),
        cmocka_unit_test(half_a_line_waits_for_its_rest_until_the_end),
        cmocka_unit_test(a_header_that_gains_columns_later_is_read_again),
        cmocka_unit_test(without_a_column_of_steps_rows_are_counted),
        cmocka_unit_test(lines_of_json_may_nest_and_be_broken),
        cmocka_unit_test(a_file_of_an_earlier_run_is_not_the_trials),
        cmocka_unit_test(a_column_that_is_missing_is_told_with_those_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
