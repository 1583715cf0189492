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

static void numbers_that_are_not_finite_are_metrics_in_yaml_only(void **state)
{
    (void)state;
    assert_metrics("m.yaml", "loss: .nan\nbest: -.inf\n", "loss=.nan best=-.inf");
    struct metric_vec metrics = parsed("m.yaml", "loss: .nan\nbest: -.inf\n");
    assert_true(isnan(metrics.at[0].value));
    assert_true(isinf(metrics.at[1].value));
    assert_fails("m.json", "{\"loss\": NaN}", "NaN");
}

static void a_single_number_is_a_metric_without_a_name(void **state)
{
    (void)state;
    assert_metrics("accuracy", "0.93\n", "=0.93");
    assert_metrics("accuracy.txt", "0.93\n", "=0.93");
    assert_metrics("m.toml", "[train]\naccuracy = 0.93\n", "train.accuracy=0.93");
    assert_metrics("m.py", "class Train:\n    accuracy = 0.93\n", "Train.accuracy=0.93");
}

static void tables_and_images_give_nothing(void **state)
{
    (void)state;
    assert_metrics("loss.csv", "step,loss\n1,0.5\n", "");
    assert_metrics("loss.TSV", "step\tloss\n", "");
    assert_metrics("plots/roc.png", "\x89PNG: {", "");
    assert_metrics("notes.txt", "a: b: c: [", "");
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

static int drop(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested_maps_are_flattened_with_dots),
        cmocka_unit_test(lists_and_nothing_are_dropped),
        cmocka_unit_test(truth_values_are_words),
        cmocka_unit_test(numbers_keep_their_text),
        cmocka_unit_test(numbers_that_are_not_finite_are_metrics_in_yaml_only),
        cmocka_unit_test(a_single_number_is_a_metric_without_a_name),
        cmocka_unit_test(tables_and_images_give_nothing),
        cmocka_unit_test(a_broken_file_is_an_error_with_its_place),
        cmocka_unit_test(too_many_metrics_are_an_error),
        cmocka_unit_test(a_name_of_endless_parts_is_an_error),
        cmocka_unit_test(metrics_of_several_files_are_collected),
    };
    return cmocka_run_group_tests(tests, NULL, drop);
}
