/* Evaluations: every value and curve of metrics/ as JSON, slices, the trivial baseline, charts, and
 * the file read back. */
#include "mlops/base/arena.h"
#include "mlops/base/error.h"
#include "mlops/codec/json.h"
#include "mlops/data/chart.h"
#include "mlops/data/evaluation.h"
#include "mlops/model/pipeline.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>

#include "support/conformance.h"

static double real_of(const struct doc_node *node)
{
    return node->kind == DOC_INT    ? (double)node->integer
           : node->kind == DOC_REAL ? node->real
                                    : nan("");
}

/* What the library refuses ("error: ...") and what is not finite are null here. */
static void assert_same(const char *path, const char *name, const struct doc_node *expected,
                        const struct doc_node *found)
{
    if (!found)
        fail_msg("%s: there is no '%s'", path, name);
    if (expected->kind == DOC_MAP) {
        for (const struct doc_node *at = expected->first; at; at = at->next)
            assert_same(path, at->key->text.at, at, doc_find(found, at->key->text));
        return;
    }
    if (expected->kind == DOC_LIST) {
        const struct doc_node *other = found->first;
        if (found->kind != DOC_LIST || expected->count != found->count)
            fail_msg("%s: '%s' has another length", path, name);
        for (const struct doc_node *at = expected->first; at; at = at->next, other = other->next)
            assert_same(path, name, at, other);
        return;
    }
    double a = real_of(expected), b = real_of(found);
    if (isnan(a) != isnan(b) || fabs(a - b) > 1e-9 * fabs(a) + 1e-300)
        fail_msg("%s: '%s' is %.17g, not %.17g", path, name, b, a);
}

static struct str written(struct arena *arena, const struct evaluation *evaluation)
{
    struct buf out = buf_in(arena);
    struct json_writer json = {.out = &out};
    evaluation_write(&json, evaluation);
    return buf_str(&out);
}

static struct evaluation evaluate(struct arena *arena, const struct predictions *predictions)
{
    struct evaluation_options options = {.no_intervals = true};
    struct evaluation evaluation;
    assert_null(evaluation_make(arena, predictions, &options, &evaluation));
    return evaluation;
}

static struct evaluation evaluate_bytes(struct arena *arena, struct predictions_options *options,
                                        const char *bytes)
{
    struct predictions predictions;
    assert_null(predictions_parse(arena, STR("p.csv"), str_of(bytes), options, &predictions));
    struct predictions *kept = arena_new(arena, struct predictions);
    *kept = predictions;
    return evaluate(arena, kept);
}

static void assert_set(struct arena *arena, const char *directory, const char *name)
{
    struct str path = str_print(arena, "%s/%s", directory, name), text;
    struct str csv = str_print(arena, "%.*s.csv", (int)path.len - 14, path.at);
    struct predictions_options options = {
        .task = strncmp(name, "binary-", 7) == 0  ? TASK_BINARY
                : strncmp(name, "multi-", 6) == 0 ? TASK_MULTICLASS
                                                  : TASK_REGRESSION,
    };
    struct predictions predictions;
    struct doc *expected = NULL, *found = NULL;
    assert_true(read_whole(arena, path.at, &text));
    assert_null(json_parse(arena, path, text, &expected));
    assert_null(predictions_load(arena, AT_FDCWD, csv, &options, &predictions));
    struct evaluation evaluation = evaluate(arena, &predictions);
    assert_null(json_parse(arena, STR("found"), written(arena, &evaluation), &found));
    assert_same(name, "", expected->root, found->root);
}

static void every_value_and_curve_agrees_with_its_golden_one(void **state)
{
    (void)state;
    const char *directory = MLOPS_SOURCE "/tests/unit/data/metrics";
    int count = 0;
    DIR *listing = opendir(directory);
    assert_non_null(listing);
    for (const struct dirent *entry; (entry = readdir(listing));) {
        bool is_one =
            strstr(entry->d_name, ".expected.json") && strncmp(entry->d_name, "pair-", 5) != 0;
        if (!is_one)
            continue;
        AUTO(arena_drop) struct arena arena = {0};
        assert_set(&arena, directory, entry->d_name);
        count++;
    }
    closedir(listing);
    assert_true(count >= 10);
}

static double value_of(const struct evaluation *evaluation, const double *values, const char *name)
{
    size_t row = 0;
    assert_true(score_find(evaluation->task, str_of(name), &row));
    return values[row];
}

static void the_trivial_baseline_is_the_most_frequent_class_or_the_mean(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct predictions_options binary = {.task = TASK_BINARY}, numbers = {.task = TASK_REGRESSION};
    struct evaluation found =
        evaluate_bytes(&arena, &binary, "label,score\nno,.1\nno,.9\nno,.2\nyes,.8\n");
    assert_true(str_is(found.trivial_name, "always 'no'"));
    assert_true(value_of(&found, found.trivial, "accuracy") == 0.75);
    assert_true(value_of(&found, found.trivial, "roc_auc") == 0.5);
    assert_true(value_of(&found, found.trivial, "average_precision") == 0.25);
    assert_true(fabs(value_of(&found, found.trivial, "brier") - 0.1875) < 1e-15);
    found = evaluate_bytes(&arena, &numbers, "label,prediction,weight\n1,1,3\n5,5,1\n");
    assert_true(str_is(found.trivial_name, "the mean 2"));
    assert_true(value_of(&found, found.trivial, "r2") == 0);
    assert_true(value_of(&found, found.trivial, "mae") == 1.5);
}

static void a_slice_is_what_its_rows_alone_would_be(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    const struct str name = STR("land");
    struct predictions_options all = {.task = TASK_BINARY, .slices = &name, .slice_count = 1};
    struct predictions_options one = {.task = TASK_BINARY};
    struct evaluation found = evaluate_bytes(
        &arena, &all,
        "label,score,land,weight\n1,.9,b,1\n0,.2,a,2\n1,.4,a,1\n0,.6,a,5\n0,.1,b,1\n");
    struct evaluation alone =
        evaluate_bytes(&arena, &one, "label,score,weight\n0,.2,2\n1,.4,1\n0,.6,5\n");
    assert_int_equal(found.slice_count, 2);
    assert_true(str_is(found.slices[0].value, "a") && found.slices[0].rows == 3);
    size_t count = 0;
    score_rows(&count);
    for (size_t i = 0; i < count; i++) {
        double a = found.slices[0].values[i], b = alone.values[i];
        assert_true(a == b || (isnan(a) && isnan(b)));
    }
}

static struct evaluation many_rows(struct arena *arena, enum task task)
{
    struct buf text = buf_in(arena);
    struct predictions_options options = {.task = task};
    uint32_t seed = 5;
    buf_add_text(&text, task == TASK_BINARY ? "label,score\n" : "label,prediction\n");
    for (int i = 0; i < 20000; i++) {
        seed = seed * 1664525 + 1013904223;
        unsigned label = seed >> 30 == 0;
        buf_print(&text, "%u,0.%06u\n", label, (seed >> 8) % 700000 + label * 300000);
    }
    return evaluate_bytes(arena, &options, text.at);
}

static void long_curves_are_thinned_and_keep_their_ends(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct evaluation found = many_rows(&arena, TASK_BINARY);
    assert_int_equal(found.curve_count, 4);
    const struct evaluation_curve *roc = &found.curves[0];
    assert_int_equal(roc->kind, CURVE_ROC);
    assert_true(roc->count > 1000 && roc->count <= (size_t)2000);
    assert_true(roc->x[roc->count - 1] == 1 && roc->y[roc->count - 1] == 1);
    double area = 0, x = 0, y = 0;
    for (size_t i = 0; i < roc->count; i++) {
        area += (roc->x[i] - x) * (roc->y[i] + y) / 2;
        assert_true(roc->x[i] >= x && roc->y[i] >= y);
        x = roc->x[i];
        y = roc->y[i];
    }
    assert_true(fabs(area - value_of(&found, found.values, "roc_auc")) < 1e-4);
    found = many_rows(&arena, TASK_REGRESSION);
    assert_int_equal(found.curves[0].count, 2000);
}

static void a_file_reads_back_as_it_was_written(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct predictions_options options = {.task = TASK_MULTICLASS};
    struct evaluation first = evaluate_bytes(
        &arena, &options, "label,p_a,p_b,p_c\na,.6,.2,.2\nb,.1,.8,.1\nc,.3,.3,.4\na,.2,.7,.1\n");
    struct evaluation again, third;
    struct str bytes = written(&arena, &first);
    assert_null(evaluation_parse(&arena, STR("e.json"), bytes, &again));
    assert_int_equal(again.task, TASK_MULTICLASS);
    assert_int_equal(again.rows, 4);
    assert_int_equal(again.curve_count, first.curve_count);
    assert_true(str_is(again.curves[1].label, "b"));
    assert_true(value_of(&again, again.values, "log_loss") ==
                value_of(&first, first.values, "log_loss"));
    assert_true(again.confusion[1] == 1 && again.class_scores[0].recall == 0.5);
    bytes = written(&arena, &again);
    assert_null(evaluation_parse(&arena, STR("e.json"), bytes, &third));
    assert_true(str_equal(bytes, written(&arena, &third)));
}

static void assert_refused(const char *bytes, int code)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct evaluation evaluation;
    struct error *error = evaluation_parse(&arena, STR("e.json"), str_of(bytes), &evaluation);
    assert_non_null(error);
    assert_int_equal(error->code, code);
    error_drop(error);
}

static void what_is_no_evaluation_is_refused(void **state)
{
    (void)state;
    assert_refused("", ERROR_PROJECT);
    assert_refused("[]", ERROR_PROJECT);
    assert_refused("{\"accuracy\": 1}", ERROR_PROJECT);
    assert_refused("{\"evaluation_format\": 99}", ERROR_STORED);
    assert_refused(
        "{\"evaluation_format\": 1, \"task\": \"x\", \"rows\": 1, \"predictions\": \"\"}",
        ERROR_PROJECT);
    assert_refused("{\"evaluation_format\": 1, \"task\": \"regression\", \"rows\": 1, "
                   "\"predictions\": \"\", \"residuals\": {\"prediction\": [1], \"residual\": []}}",
                   ERROR_PROJECT);
}

static bool has_file(const struct chart_file *files, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (str_is(files[i].name, name))
            return str_find(files[i].svg, STR("<svg")) >= 0;
    return false;
}

static void each_curve_is_drawn_and_two_models_over_each_other(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct predictions_options options = {.task = TASK_BINARY};
    struct chart_file *files;
    size_t count;
    struct evaluation a = evaluate_bytes(&arena, &options, "label,score\n0,.1\n1,.6\n0,.7\n");
    struct evaluation b = evaluate_bytes(&arena, &options, "label,score\n0,.1\n1,.8\n0,.2\n");
    evaluation_charts(&arena, &b, NULL, STR("b"), STR(""), &files, &count);
    assert_int_equal(count, 5);
    assert_true(has_file(files, count, "roc.svg") && has_file(files, count, "confusion.svg"));
    evaluation_charts(&arena, &b, &a, STR("later"), STR("earlier"), &files, &count);
    assert_int_equal(count, 6);
    assert_true(has_file(files, count, "confusion_before.svg"));
    for (size_t i = 0; i < count; i++)
        if (str_is(files[i].name, "roc.svg"))
            assert_true(str_find(files[i].svg, STR("earlier")) >= 0);
}

static void intervals_hold_the_value(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct predictions_options how = {.task = TASK_BINARY};
    struct evaluation_options options = {.level = 0.9};
    struct predictions predictions;
    struct evaluation found;
    struct str path = STR(MLOPS_SOURCE "/tests/unit/data/metrics/binary-normal.csv");
    size_t count = 0, seen = 0;
    const struct score_row *rows = score_rows(&count);
    assert_null(predictions_load(&arena, AT_FDCWD, path, &how, &predictions));
    assert_null(evaluation_make(&arena, &predictions, &options, &found));
    for (size_t i = 0; i < count; i++) {
        const struct interval *interval = &found.intervals[i];
        if (!(interval->level > 0))
            continue;
        assert_true(rows[i].is_main && interval->level == 0.9);
        assert_true(interval->low <= found.values[i] && found.values[i] <= interval->high);
        seen++;
    }
    assert_true(seen >= 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_and_curve_agrees_with_its_golden_one),
        cmocka_unit_test(the_trivial_baseline_is_the_most_frequent_class_or_the_mean),
        cmocka_unit_test(a_slice_is_what_its_rows_alone_would_be),
        cmocka_unit_test(long_curves_are_thinned_and_keep_their_ends),
        cmocka_unit_test(a_file_reads_back_as_it_was_written),
        cmocka_unit_test(what_is_no_evaluation_is_refused),
        cmocka_unit_test(each_curve_is_drawn_and_two_models_over_each_other),
        cmocka_unit_test(intervals_hold_the_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
