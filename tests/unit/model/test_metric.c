#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/model/metric.h"

#include <math.h>

#include "support/unit.h"

static struct arena arena;

static struct metric_vec parsed(const char *path, const char *text)
{
    struct metric_vec metrics = {0};
    struct error *error = metrics_parse(&arena, str_of(path), str_of(text), &metrics);
    if (error)
        fail_msg("%s", error->text);
    return metrics;
}

/* "key=text" of each, a text in quotes. */
static void assert_metrics(const char *path, const char *text, const char *expected)
{
    struct metric_vec metrics = parsed(path, text);
    struct buf out = buf_in(&arena);
    buf_add_text(&out, "");
    vec_each (struct metric, metric, &metrics) {
        const char *quote = metric->is_text ? "'" : "";
        buf_print(&out, "%s%.*s=%s%.*s%s", out.len ? " " : "", STR_FMT(metric->key), quote,
                  STR_FMT(metric->text), quote);
        assert_true(str_is(metric->file, path));
        assert_true(!metric->is_text || isnan(metric->value));
    }
    assert_string_equal(out.at, expected);
}

static void assert_fails(const char *path, const char *text, const char *why)
{
    struct metric_vec metrics = {0};
    struct error *error = metrics_parse(&arena, str_of(path), str_of(text), &metrics);
    struct buf out = buf_in(&arena);
    assert_non_null(error);
    assert_int_equal(error->code, ERROR_PROJECT);
    error_print(error, &out);
    if (str_find(buf_str(&out), str_of(why)) < 0)
        fail_msg("'%s' is not in: %s", why, out.at);
    error_drop(error);
}

static void nested_maps_are_flattened_with_dots(void **state)
{
    (void)state;
    assert_metrics("m.json", "{\"a\": {\"b\": {\"c\": 1}, \"d\": 2.50}, \"e\": \"x\"}",
                   "a.b.c=1 a.d=2.50 e='x'");
    assert_metrics("m.yaml", "a:\n  b: 1\n  c:\n    d: 2\ne: 3\n", "a.b=1 a.c.d=2 e=3");
}

static void lists_and_nothing_are_dropped(void **state)
{
    (void)state;
    assert_metrics("m.json", "{\"a\": [1, 2, {\"b\": 3}], \"n\": null, \"c\": 4}", "c=4");
    assert_metrics("m.json", "[1, 2]", "");
    assert_metrics("m.yaml", "", "");
}

static void truth_values_are_words(void **state)
{
    (void)state;
    assert_metrics("m.json", "{\"ok\": true}", "ok='true'");
    assert_metrics("m.yaml", "ok: True\nbad: FALSE\n", "ok='true' bad='false'");
}

static void numbers_keep_their_text(void **state)
{
    (void)state;
    assert_metrics("m.json", "{\"a\": 0.10, \"b\": 9007199254740993, \"c\": 1E3, \"d\": -0.0}",
                   "a=0.10 b=9007199254740993 c=1E3 d=-0.0");
    assert_metrics("m.json", "{\"big\": 123456789012345678901}", "big=123456789012345678901");
    struct metric_vec metrics = parsed("m.json", "{\"big\": 123456789012345678901}");
    assert_true(metrics.at[0].value == 123456789012345678901.0);
}

static void numbers_that_are_not_finite_are_metrics(void **state)
{
    (void)state;
    assert_metrics("m.yaml", "loss: .nan\nbest: -.inf\n", "loss=.nan best=-.inf");
    struct metric_vec metrics = parsed("m.yaml", "loss: .nan\nbest: -.inf\n");
    assert_true(isnan(metrics.at[0].value));
    assert_true(isinf(metrics.at[1].value));
    assert_metrics("m.json", "{\"loss\": NaN, \"a \\\" NaN\": -Infinity, \"t\": \"x NaN\"}",
                   "loss=NaN a \" NaN=-Infinity t='x NaN'");
    metrics = parsed("m.json", "{\"loss\": NaN, \"best\": -Infinity, \"w\": Infinity}");
    assert_true(isnan(metrics.at[0].value) && !metrics.at[0].is_text);
    assert_true(isinf(metrics.at[1].value) && metrics.at[1].value < 0);
    assert_true(isinf(metrics.at[2].value) && metrics.at[2].value > 0);
    assert_fails("m.json", "{\"loss\": NaN", "m.json");
    assert_fails("m.json", "{\"loss\": nan}", "nan");
}

static void a_single_number_is_a_metric_without_a_name(void **state)
{
    (void)state;
    assert_metrics("accuracy", "0.93\n", "=0.93");
    assert_metrics("accuracy.txt", "0.93\n", "=0.93");
    assert_metrics("m.toml", "[train]\naccuracy = 0.93\n", "train.accuracy=0.93");
    assert_metrics("m.py", "class Train:\n    accuracy = 0.93\n", "Train.accuracy=0.93");
}

static void images_and_prose_give_nothing(void **state)
{
    (void)state;
    assert_metrics("plots/roc.png", "\x89PNG: {", "");
    assert_metrics("notes.txt", "a: b: c: [", "");
}

static void one_row_of_a_table_has_its_columns_as_metrics(void **state)
{
    (void)state;
    assert_metrics("m.csv", "accuracy,f1,model\r\n0.90,0.8,resnet\r\n",
                   "accuracy=0.90 f1=0.8 model='resnet'");
    assert_metrics("m.csv", "\xEF\xBB\xBF,accuracy\n0,0.9\n", "accuracy=0.9");
    assert_metrics("m.csv", "a;b\n1.5;2\n", "a=1.5 b=2");
    assert_metrics("m.TSV", "a\tb c\n1\tnan\n", "a=1 b c=nan");
    assert_metrics("m.csv", "\"a, b\",\"say \"\"x\"\"\"\n1,2", "a, b=1 say \"x\"=2");
    assert_metrics("m.csv", "model,accuracy\nresnet,0.9\n", "model='resnet' accuracy=0.9");
}

static void names_and_values_are_a_metric_a_row(void **state)
{
    (void)state;
    assert_metrics("m.csv", "metric,value\naccuracy,0.9\nloss,0.1\n", "accuracy=0.9 loss=0.1");
    assert_metrics("m.csv", "Name,Value\nbest,resnet\n", "best='resnet'");
    assert_metrics("m.csv", "split,metric,value\ntrain,f1,0.9\nval,f1,0.8\n",
                   "train.f1=0.9 val.f1=0.8");
    assert_metrics("m.csv", "step,metric,value\n1,loss,0.9\n2,loss,0.5\n", "loss=0.5");
    assert_metrics("m.csv", "accuracy,0.9\nf1,0.8\n", "accuracy=0.9 f1=0.8");
    assert_metrics("m.csv", ",0\naccuracy,0.9\nf1,0.8\n", "accuracy=0.9 f1=0.8");
}

static void names_in_the_first_column_are_joined_with_the_others(void **state)
{
    (void)state;
    assert_metrics("report.csv", ",precision,support\n0,0.9,10\nmacro avg,0.8,20\n",
                   "0.precision=0.9 0.support=10 macro avg.precision=0.8 macro avg.support=20");
    assert_metrics("m.csv", "class,f1\ncat,0.9\ndog,0.7\n", "cat.f1=0.9 dog.f1=0.7");
}

static void of_a_series_the_last_row_counts(void **state)
{
    (void)state;
    assert_metrics("loss.csv", "step,loss,note\n1,0.5,x\n2,0.25,y\n", "step=2 loss=0.25");
    assert_metrics("loss.csv", "date,loss\n2024-01-01,0.5\n2024-01-02,0.25\n", "loss=0.25");
    assert_metrics("loss.tsv", "step\tloss\n", "");
    assert_metrics("log.jsonl", "{\"loss\": 2}\n{\"loss\": 1, \"val\": {\"f1\": NaN}}\n",
                   "loss=1 val.f1=NaN");
    assert_metrics("log.jsonl", "{\"loss\": 2}\n{\"loss\": 1, \"va", "loss=2");
    assert_metrics("log.jsonl", "1\n2\n3\n4\n", "");
}

static void tables_without_metrics_are_no_error(void **state)
{
    (void)state;
    static const char *const texts[] = {"",  "\n\n", "1,2\n3,4\n", "\"",    "\xEF\xBB\xBF",
                                        ",", "a,b",  ",,\n,,\n",   "\"a\nb"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        parsed("m.csv", texts[i]);
        parsed("m.tsv", texts[i]);
        parsed("m.jsonl", texts[i]);
    }
}

static void a_broken_file_is_an_error_with_its_place(void **state)
{
    (void)state;
    assert_fails("m.json", "{\"a\": 1,\n  \"b\" 2}", "m.json:2");
    assert_fails("m.yaml", "a: 1\na: 2\n", "m.yaml:2");
    assert_fails("m.toml", "a = 1\na = 2\n", "m.toml:2");
}

static void too_many_metrics_are_an_error(void **state)
{
    (void)state;
    struct buf json = buf_in(&arena);
    buf_add_char(&json, '{');
    for (int i = 0; i <= LIMIT_METRIC_VALUES; i++)
        buf_print(&json, "%s\"k%d\":1", i ? "," : "", i);
    buf_add_char(&json, '}');
    assert_fails("m.json", json.at, "more than 100000 metrics");
}

static void a_name_of_endless_parts_is_an_error(void **state)
{
    (void)state;
    struct buf json = buf_in(&arena);
    for (int i = 0; i < 11; i++) {
        buf_add_text(&json, "{\"");
        buf_add_repeated(&json, 'k', 100);
        buf_add_text(&json, "\":");
    }
    buf_add_char(&json, '1');
    buf_add_repeated(&json, '}', 11);
    assert_fails("m.json", json.at, "longer than 1024 bytes");
}

static void metrics_of_several_files_are_collected(void **state)
{
    (void)state;
    struct metric_vec metrics = {0};
    assert_null(metrics_parse(&arena, STR("a.json"), STR("{\"x\": 1}"), &metrics));
    assert_null(metrics_parse(&arena, STR("b.json"), STR("{\"x\": 2}"), &metrics));
    assert_int_equal(metrics.len, 2);
    assert_true(str_is(metrics.at[1].file, "b.json"));
}

static void people_see_large_numbers_without_exponents(void **state)
{
    (void)state;
    assert_true(str_is(metric_print(&arena, 29958.7, 4), "29959"));
    assert_true(str_is(metric_print(&arena, 9999.6, 4), "10000"));
    assert_true(str_is(metric_print(&arena, 0.83127, 4), "0.8313"));
    assert_true(str_is(metric_print(&arena, 897526000, 4), "8.975e+08"));
    assert_true(str_is(metric_print(&arena, 29958.7, 17), "29958.700000000001"));
    assert_true(str_is(metric_print(&arena, NAN, 4), "nan"));
    assert_true(str_is(metric_print_signed(&arena, -10476.9, 3), "-10477"));
    assert_true(str_is(metric_print_signed(&arena, 0.0683, 3), "+0.0683"));
}

static int drop(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}

static void a_metric_is_meant_by_its_key_or_the_last_parts_of_it(void **state)
{
    (void)state;
    struct metric_vec metrics = {0};
    const struct metric *found = NULL;
    size_t count = 0;
    *vec_push(&arena, &metrics) = (struct metric){.file = STR("a"), .key = STR("macro.f1")};
    *vec_push(&arena, &metrics) = (struct metric){.file = STR("a"), .key = STR("f1")};
    *vec_push(&arena, &metrics) = (struct metric){.file = STR("b"), .key = STR("x.loss")};
    *vec_push(&arena, &metrics) = (struct metric){.file = STR("b"), .key = STR("y.loss")};
    *vec_push(&arena, &metrics) =
        (struct metric){.file = STR("b"), .key = STR("name"), .is_text = true};
    metrics_find(&metrics, STR(""), STR("f1"), &found, &count);
    assert_int_equal(count, 1);
    assert_ptr_equal(found, &metrics.at[1]);
    metrics_find(&metrics, STR(""), STR("loss"), &found, &count);
    assert_int_equal(count, 2);
    metrics_find(&metrics, STR("b"), STR("y.loss"), &found, &count);
    assert_int_equal(count, 1);
    assert_ptr_equal(found, &metrics.at[3]);
    metrics_find(&metrics, STR("a"), STR("loss"), &found, &count);
    assert_int_equal(count, 0);
    assert_null(found);
    metrics_find(&metrics, STR(""), STR("name"), &found, &count);
    assert_int_equal(count, 0);
    metrics_find(&metrics, STR(""), STR("oss"), &found, &count);
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested_maps_are_flattened_with_dots),
        cmocka_unit_test(lists_and_nothing_are_dropped),
        cmocka_unit_test(truth_values_are_words),
        cmocka_unit_test(numbers_keep_their_text),
        cmocka_unit_test(numbers_that_are_not_finite_are_metrics),
        cmocka_unit_test(a_single_number_is_a_metric_without_a_name),
        cmocka_unit_test(images_and_prose_give_nothing),
        cmocka_unit_test(one_row_of_a_table_has_its_columns_as_metrics),
        cmocka_unit_test(names_and_values_are_a_metric_a_row),
        cmocka_unit_test(names_in_the_first_column_are_joined_with_the_others),
        cmocka_unit_test(of_a_series_the_last_row_counts),
        cmocka_unit_test(tables_without_metrics_are_no_error),
        cmocka_unit_test(a_broken_file_is_an_error_with_its_place),
        cmocka_unit_test(too_many_metrics_are_an_error),
        cmocka_unit_test(a_name_of_endless_parts_is_an_error),
        cmocka_unit_test(metrics_of_several_files_are_collected),
        cmocka_unit_test(people_see_large_numbers_without_exponents),
        cmocka_unit_test(a_metric_is_meant_by_its_key_or_the_last_parts_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, drop);
}
