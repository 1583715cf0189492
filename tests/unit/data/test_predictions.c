/* Predictions: which columns count, what classes there are, and what is refused with its place. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/error.h"
#include "mlops/data/predictions.h"
#include "mlops/model/pipeline.h"

#include <math.h>

#include "support/scratch.h"

static struct predictions read_as(struct arena *arena, enum task task, const char *path,
                                  const char *bytes)
{
    struct predictions_options options = {.task = task};
    struct predictions predictions;
    struct error *error =
        predictions_parse(arena, str_of(path), str_of(bytes), &options, &predictions);
    if (error)
        fail_msg("%s", error->text);
    return predictions;
}

static void assert_refused(const struct predictions_options *options, const char *path,
                           const char *bytes, int line, const char *wanted)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct predictions predictions;
    struct error *error =
        predictions_parse(&arena, str_of(path), str_of(bytes), options, &predictions);
    assert_non_null(error);
    assert_int_equal(error->code, ERROR_PROJECT);
    if (!strstr(error->text, wanted))
        fail_msg("'%s' does not say '%s'", error->text, wanted);
    assert_int_equal(error->mark.line, line);
    error_drop(error);
}

static void classes_that_are_numbers_are_sorted_by_value_and_one_by_any_spelling(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct predictions found =
        read_as(&arena, TASK_MULTICLASS, "p.csv", "label,prediction\n10,9\n9.0,1e1\n-1,010\n");
    assert_int_equal(found.class_count, 3);
    assert_true(str_is(found.classes[0], "-1") && str_is(found.classes[1], "9"));
    assert_true(str_is(found.classes[2], "10"));
    assert_int_equal(found.labels[0], 2);
    assert_int_equal(found.predicted[1], 2);
    assert_int_equal(found.predicted[2], 2);
}

static void one_text_among_them_makes_all_classes_texts(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct predictions found =
        read_as(&arena, TASK_MULTICLASS, "p.csv", "label,prediction\n10,9\n1.0,1\nx,9\n");
    assert_int_equal(found.class_count, 5);
    assert_true(str_is(found.classes[0], "1") && str_is(found.classes[1], "1.0"));
}

static void the_positive_label_is_1_true_yes_or_the_last(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *positive;
    } cases[] = {
        {"label,score\n0,.1\n1,.2\n", "1"},          {"label,score\n-1,.1\n1,.2\n", "1"},
        {"label,score\n1,.1\n2,.2\n", "1"},          {"label,score\nYes,.1\nno,.2\n", "Yes"},
        {"label,score\nTRUE,.1\nFALSE,2\n", "TRUE"}, {"label,score\ncat,.1\nant,.2\n", "cat"},
        {"label,score\n0,.1\n0,.2\n", "1"},          {"label,score\n1,.1\n1,.2\n", "1"},
        {"label,score\ntrue,.1\n", "true"},          {"label,score\nno,.1\n", "yes"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena_drop) struct arena arena = {0};
        struct predictions found = read_as(&arena, TASK_BINARY, "p.csv", cases[i].bytes);
        assert_int_equal(found.class_count, 2);
        assert_true(str_is(found.classes[found.positive], cases[i].positive));
    }
}

static void a_score_of_at_least_the_threshold_is_positive(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct predictions found =
        read_as(&arena, TASK_BINARY, "p.csv", "label,score\n0,0.5\n1,0.4999999\n");
    assert_int_equal(found.predicted[0], 1);
    assert_int_equal(found.predicted[1], 0);
    assert_true(found.threshold == 0.5 && found.scores_are_probabilities);
}

static void of_equally_probable_classes_the_first_is_predicted(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct predictions found = read_as(&arena, TASK_MULTICLASS, "p.csv",
                                       "label,p_c,p_a,p_b\na,.4,.2,.4\nb,.2,.2,.2\nc,0,0,1\n");
    assert_int_equal(found.predicted[0], 1);
    assert_int_equal(found.predicted[1], 0);
    assert_int_equal(found.predicted[2], 1);
    assert_true(found.probabilities[2] == 0.4 && found.probabilities[0] == 0.2);
}

static void a_binary_score_may_be_one_of_two_columns_of_probabilities(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct predictions found =
        read_as(&arena, TASK_BINARY, "p.csv", "label,p_no,p_yes\nno,.9,.1\nyes,.3,.7\n");
    assert_true(found.scores[0] == 0.1 && found.scores[1] == 0.7);
    found = read_as(&arena, TASK_BINARY, "p.csv", "label,p0,p1\n0,.9,.1\n1,.3,.7\n");
    assert_true(found.scores[0] == 0.1 && found.scores[1] == 0.7);
    found = read_as(&arena, TASK_BINARY, "p.csv", "label,p_no\nno,.75\nyes,.25\n");
    assert_true(found.scores[0] == 0.25 && found.scores[1] == 0.75);
}

static void slices_are_sorted_and_hold_every_row(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    const struct str names[] = {STR("b"), STR("a"), STR("b")};
    struct predictions_options options = {
        .task = TASK_REGRESSION, .slices = names, .slice_count = 3};
    struct predictions found;
    struct str bytes = STR("label,prediction,a,b\n1,1,x,2\n1,1,,1\n1,1,w,2\n");
    assert_null(predictions_parse(&arena, STR("p.csv"), bytes, &options, &found));
    assert_int_equal(found.slice_count, 2);
    assert_true(str_is(found.slices[0].name, "b"));
    assert_int_equal(found.slices[0].value_count, 2);
    assert_int_equal(found.slices[1].value_count, 3);
    assert_int_equal(found.slices[1].of_row[0], 2);
    assert_true(str_is(found.slices[1].values[0], ""));
}

static void json_words_are_labels_and_null_is_none(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct predictions found =
        read_as(&arena, TASK_BINARY, "p.jsonl",
                "{\"label\": true, \"score\": 1}\n{\"label\": false, \"score\": 0.25}\n");
    assert_true(str_is(found.classes[0], "false") && found.positive == 1);
    struct predictions_options options = {.task = TASK_BINARY};
    assert_refused(&options, "p.jsonl", "{\"label\": true, \"score\": null}\n", 1,
                   "row 1, column 'score': the cell is empty");
}

static void blanks_around_values_do_not_count(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct predictions found =
        read_as(&arena, TASK_BINARY, "p.csv", "label,score\n 0 , 0.5\n1,1e0 \n\n");
    assert_int_equal(found.count, 2);
    assert_true(found.scores[1] == 1);
}

static void what_is_wrong_is_told_with_row_and_column(void **state)
{
    (void)state;
    const struct predictions_options binary = {.task = TASK_BINARY};
    const struct predictions_options regression = {.task = TASK_REGRESSION};
    assert_refused(&binary, "p.csv", "label,score\n1,.5\n\"a\nb\",.5\n0,x\n", 5,
                   "row 4, column 'score': 'x' is no number");
    assert_refused(&binary, "p.csv", "label,score\n1,.5\n0,.5\n1.0,.1\n3,.1\n", 5,
                   "row 5, column 'label': '3' is a third label (3 in all)");
    assert_refused(&regression, "p.csv", "label,prediction\n1,nan\n", 2,
                   "'nan' is no finite number");
    assert_refused(&regression, "p.csv", "label,prediction\n1,1e999\n", 2, "finite");
    assert_refused(&regression, "p.csv", "label,score\n1,1\n", 0, "has no column 'prediction'");
    assert_refused(&binary, "p.csv", "label,score\n1,\"0.5\n", 2, "quote");
}

static void bytes_in_memory_go_by_the_name_that_they_are_given(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct predictions_options options = {.task = TASK_REGRESSION};
    struct predictions predictions;
    struct error *error = predictions_parse(&arena, STR("run 1/p.csv"), STR("label,prediction\n"),
                                            &options, &predictions);
    assert_non_null(error);
    assert_string_equal(error->text, "run 1/p.csv has no rows");
    error_drop(error);
    error = predictions_parse(&arena, STR("p.csv"), STR("label,prediction\n1,\"2\n"), &options,
                              &predictions);
    assert_non_null(error);
    assert_string_equal(error->mark.file, "p.csv");
    error_drop(error);
}

static void a_thousand_classes_are_the_most(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct buf text = buf_in(&arena);
    struct predictions_options options = {.task = TASK_MULTICLASS};
    struct predictions found;
    buf_add_text(&text, "label,prediction\n");
    for (int i = 0; i < 1000; i++)
        buf_print(&text, "%d,%d\n", i, i);
    assert_null(predictions_parse(&arena, STR("p.csv"), buf_str(&text), &options, &found));
    assert_int_equal(found.class_count, 1000);
    buf_add_text(&text, "1000,1\n");
    assert_refused(&options, "p.csv", text.at, 1002, "it is label 1001 of at most 1000");
}

static void a_task_is_guessed_by_columns_and_labels(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        enum task task;
    } cases[] = {
        {"label,score\na,1\n", TASK_BINARY},
        {"label,p_a,p_b,p_c\na,1,0,0\n", TASK_MULTICLASS},
        {"label,p0,p1,p2\n0,1,0,0\n", TASK_MULTICLASS},
        {"label,p_a,p_b\na,1,0\n", TASK_BINARY},
        {"label,prediction\n0,1\n1,1.0\n", TASK_BINARY},
        {"label,prediction\n1.5,1\n", TASK_REGRESSION},
        {"label,prediction\n1.0,2.0\n", TASK_REGRESSION},
        {"label,prediction\n1,2\n3,3\n", TASK_MULTICLASS},
        {"label,prediction\n1,2\n2,2\n", TASK_BINARY},
        {"label,prediction\nham,spam\n", TASK_BINARY},
        {"label,prediction\nham,spam\neggs,ham\n", TASK_MULTICLASS},
    };
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO(arena_drop) struct arena arena = {0};
        struct predictions_options options = {0};
        enum task task = TASK_COUNT;
        const char *why = NULL;
        scratch_write(&scratch, "p.csv", cases[i].bytes);
        assert_null(predictions_guess(&arena, scratch.fd, STR("p.csv"), &options, &task, &why));
        if (task != cases[i].task)
            fail_msg("%s: taken for %s since %s", cases[i].bytes, task_name(task), why);
        assert_non_null(why);
    }
}

static void weights_have_a_sum(void **state)
{
    (void)state;
    const struct predictions_options binary = {.task = TASK_BINARY};
    assert_refused(&binary, "p.csv", "label,score,weight\n1,.5,1e308\n0,.2,1e308\n", 0,
                   "the sum of all weights is too large");
}

static void one_class_has_one_column_of_probabilities(void **state)
{
    (void)state;
    const struct predictions_options multi = {.task = TASK_MULTICLASS};
    const struct predictions_options binary = {.task = TASK_BINARY};
    assert_refused(&multi, "p.csv", "label,p_1,p_1.0,p_2\n1,.5,.2,.3\n2,.1,.5,.4\n", 0,
                   "the columns 'p_1' and 'p_1.0' are of one class");
    assert_refused(&multi, "p.csv", "label,p_a,p_b,p_b\na,.5,.2,.3\nb,.1,.5,.4\n", 0,
                   "the columns 'p_b' and 'p_b' are of one class");
    assert_refused(&binary, "p.csv", "label,p1,p0,p01\n1,.5,.5,.5\n0,.2,.8,.2\n", 0,
                   "the columns 'p1' and 'p01' are of one class");
}

static void numbers_that_a_double_cannot_tell_apart_are_texts(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct predictions found = read_as(&arena, TASK_MULTICLASS, "p.csv",
                                       "label,prediction\n9007199254740993,9007199254740992\n"
                                       "9007199254740992,9007199254740992\n1,1\n");
    assert_int_equal(found.class_count, 3);
    assert_int_not_equal(found.labels[0], found.labels[1]);
    assert_int_not_equal(found.labels[0], found.predicted[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_have_a_sum),
        cmocka_unit_test(one_class_has_one_column_of_probabilities),
        cmocka_unit_test(numbers_that_a_double_cannot_tell_apart_are_texts),
        cmocka_unit_test(classes_that_are_numbers_are_sorted_by_value_and_one_by_any_spelling),
        cmocka_unit_test(one_text_among_them_makes_all_classes_texts),
        cmocka_unit_test(the_positive_label_is_1_true_yes_or_the_last),
        cmocka_unit_test(a_score_of_at_least_the_threshold_is_positive),
        cmocka_unit_test(of_equally_probable_classes_the_first_is_predicted),
        cmocka_unit_test(a_binary_score_may_be_one_of_two_columns_of_probabilities),
        cmocka_unit_test(slices_are_sorted_and_hold_every_row),
        cmocka_unit_test(json_words_are_labels_and_null_is_none),
        cmocka_unit_test(blanks_around_values_do_not_count),
        cmocka_unit_test(what_is_wrong_is_told_with_row_and_column),
        cmocka_unit_test(bytes_in_memory_go_by_the_name_that_they_are_given),
        cmocka_unit_test(a_thousand_classes_are_the_most),
        cmocka_unit_test(a_task_is_guessed_by_columns_and_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
