#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/model/series.h"

#include <math.h>

#include "support/unit.h"

static struct arena arena;

/* "a:1,2 b:x," of each column; numeric ones end in '!'. */
static void assert_series(const char *path, const char *text, const char *expected)
{
    struct series series;
    struct buf out = buf_in(&arena);
    struct error *error = series_parse(&arena, str_of(path), str_of(text), true, &series);
    if (error)
        fail_msg("%s", error->text);
    vec_each (const struct series_column, column, &series.columns) {
        buf_print(&out, "%s%.*s:", out.len ? " " : "", STR_FMT(column->name));
        for (size_t i = 0; i < series.row_count; i++)
            buf_print(&out, "%s%.*s", i ? "," : "", STR_FMT(column->texts[i]));
        buf_add_text(&out, column->is_numeric ? "!" : "");
    }
    assert_string_equal(out.at, expected);
}

static void assert_refused(const char *path, const char *text, const char *why)
{
    struct series series;
    struct error *error = series_parse(&arena, str_of(path), str_of(text), true, &series);
    assert_non_null(error);
    assert_int_equal(error->code, ERROR_PROJECT);
    if (!strstr(error->text, why) && !(error->cause && strstr(error->cause->text, why)))
        fail_msg("'%s' says nothing of '%s'", error->text, why);
    error_drop(error);
}

static void tables_are_columns(void **state)
{
    (void)state;
    assert_series("a.csv", "step,loss\n1,0.5\n2,\n", "step:1,2! loss:0.5,!");
    assert_series("a.TSV", "step\tname\n1\t\"a\tb\"\n", "step:1! name:a\tb");
}

static void semicolons_separate_where_the_header_has_no_comma(void **state)
{
    (void)state;
    assert_series("a.csv", "a;b\n1;2\n", "a:1! b:2!");
}

static void the_first_list_of_maps_in_a_document_is_the_table(void **state)
{
    (void)state;
    assert_series(
        "a.json",
        "{\"n\": [1], \"t\": {\"rows\": [{\"x\": 1, \"y\": {\"z\": 2}}, {\"w\": \"q\"}]}}",
        "x:1,! y.z:2,! w:,q");
    assert_series("a.yaml", "- {step: 1, v: 2}\n- {step: 2, v: .nan}\n", "step:1,2! v:2,.nan!");
    assert_series("a.json", "[{\"v\": NaN}, {\"v\": 1}]", "v:NaN,1!");
}

static void json_lines_may_be_cut_off_at_the_end(void **state)
{
    (void)state;
    assert_series("a.jsonl", "{\"a\": 1}\n\n{\"a\": 2}\n{\"a\": ", "a:1,2!");
    assert_refused("a.jsonl", "{\"a\": 1}\n{\"a\": \n{\"a\": 2}\n", "row 2");
}

static void without_a_header_columns_are_numbered(void **state)
{
    (void)state;
    struct series series;
    assert_null(series_parse(&arena, STR("a.csv"), STR("1,2\n3,4\n"), false, &series));
    assert_int_equal(series.row_count, 2);
    const struct series_column *column = series_find(&series, STR("1"));
    assert_non_null(column);
    assert_true(column->numbers[1] == 4.0);
    assert_null(series_find(&series, STR("2")));
}

static void what_holds_no_rows_is_said(void **state)
{
    (void)state;
    assert_refused("a.csv", "", "no rows");
    assert_refused("a.csv", "a,b\n", "no rows");
    assert_refused("a.json", "{\"a\": 1}", "no rows");
    assert_refused("a.json", "[{\"a\": null}]", "no rows");
    assert_refused("a.yaml", "- {step}\n", "no rows");
    assert_refused("a.json", "[1, 2", "");
    assert_refused("a.bin", "x", "no file that can be plotted");
}

static void a_file_beyond_the_limit_is_refused(void **state)
{
    (void)state;
    struct buf text = buf_in(&arena);
    buf_add_text(&text, "a\n");
    for (int64_t i = 0; i <= LIMIT_PLOT_CELLS; i++)
        buf_add_text(&text, "1\n");
    assert_refused("a.csv", text.at, "more than 2000000 values");
}

static void rows_with_a_name_each_are_bounded(void **state)
{
    (void)state;
    AUTO(buf_drop) struct buf text = {0};
    for (int i = 0; i < 4000; i++)
        buf_print(&text, "{\"k%d\": 1}\n", i);
    assert_refused("a.jsonl", text.at, "4000 rows and 4000 columns: more than 8000000 cells");
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
        cmocka_unit_test(tables_are_columns),
        cmocka_unit_test(semicolons_separate_where_the_header_has_no_comma),
        cmocka_unit_test(the_first_list_of_maps_in_a_document_is_the_table),
        cmocka_unit_test(json_lines_may_be_cut_off_at_the_end),
        cmocka_unit_test(without_a_header_columns_are_numbered),
        cmocka_unit_test(what_holds_no_rows_is_said),
        cmocka_unit_test(a_file_beyond_the_limit_is_refused),
        cmocka_unit_test(rows_with_a_name_each_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, drop);
}
