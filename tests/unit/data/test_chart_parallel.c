/* Parallel coordinates: an axis a column, a line a row, whatever the numbers are. */
#include "mlops/data/chart.h"

#include <math.h>
#include <stdlib.h>

#include "svg.h"

/* Three columns: a number, its logarithm, words; scores of `count` rows, some of them without. */
struct rows {
    double number[2000], rate[2000], word[2000], score[2000];
    struct str names[2000];
};

static void fill_rows(struct rows *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        rows->number[i] = (double)(i * 7 % 31);
        rows->rate[i] = exp(-(double)(i % 10));
        rows->word[i] = (double)(i % 3);
        rows->score[i] = i % 10 == 9 ? nan("") : (double)(i * 13 % 101) / 101;
        rows->names[i] = STR("a <row>");
    }
}

static struct chart_parallel parallel_of(struct rows *rows, struct chart_parallel_column *columns,
                                         const struct str *words, size_t count)
{
    columns[0] = (struct chart_parallel_column){{.label = STR("depth")}, rows->number};
    columns[1] = (struct chart_parallel_column){{.label = STR("rate"), .is_log = true}, rows->rate};
    columns[2] = (struct chart_parallel_column){
        {.label = STR("kind & co"), .categories = words, .category_count = 3}, rows->word};
    return (struct chart_parallel){
        .title = STR("Trials"),
        .description = STR("words"),
        .columns = columns,
        .column_count = 3,
        .score = {{.label = STR("f1"), .apart = STR("no score")}, rows->score},
        .names = rows->names,
        .row_count = count,
        .is_higher_better = true,
    };
}

static const struct str three_words[] = {STR_ROW("adam"), STR_ROW("sgd <x>"), STR_ROW("")};

static size_t count_text(const struct fixture *fixture, const char *text)
{
    struct str rest = buf_str(&fixture->out);
    size_t count = 0;
    for (ptrdiff_t at; (at = str_find(rest, str_of(text))) >= 0; count++)
        rest = str_slice(rest, (size_t)at + 1, rest.len);
    return count;
}

static void parallel_coordinates_have_an_axis_a_column_and_a_line_a_row(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    static struct rows rows;
    struct chart_parallel_column columns[3];
    fill_rows(&rows, 20);
    struct chart_parallel chart = parallel_of(&rows, columns, three_words, 20);
    chart_parallel_document(&fixture.out, &chart);
    assert_sound(&fixture);
    assert_contains(&fixture, ">depth</text>");
    assert_contains(&fixture, ">kind &amp; co</text>");
    assert_contains(&fixture, ">sgd &lt;x&gt;</text>");
    assert_contains(&fixture, ">(empty)</text>");
    assert_contains(&fixture, "(best)</text>");
    assert_contains(&fixture, ">no score (2)</text>");
    assert_contains(&fixture, ">no score</text>");
    assert_contains(&fixture, "class=\"mc-r0\"");
    assert_int_equal(count_text(&fixture, "<title>a &lt;row&gt;</title>"), 20);
    assert_lacks(&fixture, "are drawn");
}

static void of_many_rows_the_best_and_a_choice_are_drawn_which_is_said(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    static struct rows rows;
    struct chart_parallel_column columns[3];
    fill_rows(&rows, 2000);
    rows.score[1234] = 7;
    rows.names[1234] = STR("the best");
    rows.score[777] = -7;
    rows.names[777] = STR("the worst");
    struct chart_parallel chart = parallel_of(&rows, columns, three_words, 2000);
    chart_parallel_document(&fixture.out, &chart);
    assert_sound(&fixture);
    assert_contains(&fixture, ">500 of 2000 are drawn: the best, and a choice of the rest</text>");
    assert_int_equal(count_text(&fixture, "</title></path>"), CHART_ROWS_MOST);
    assert_contains(&fixture, "<title>the best</title>");
    assert_contains(&fixture, "<title>the worst</title>");
    assert_true(fixture.out.len < 200000);
}

static void parallel_coordinates_stand_whatever_the_numbers_are(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    static struct rows rows;
    struct chart_parallel_column columns[3];
    const double odd[] = {nan(""), HUGE_VAL, -HUGE_VAL, 1e308, -1e308, 0, 5e-324, 1};
    for (size_t i = 0; i < 2000; i++)
        rows.number[i] = rows.rate[i] = rows.score[i] = odd[i % COUNT_OF(odd)];
    for (size_t count = 0; count < 2000; count = count * 3 + 1) {
        for (size_t used = 0; used <= 3; used++) {
            struct chart_parallel chart = parallel_of(&rows, columns, three_words, count);
            chart.column_count = used;
            chart.is_higher_better = used & 1;
            chart.names = NULL;
            buf_clear(&fixture.out);
            chart_parallel_svg(&fixture.out, &chart, STR("chart-1"));
            assert_sound(&fixture);
        }
    }
}

static void equal_scores_have_one_colour(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    static struct rows rows;
    struct chart_parallel_column columns[3];
    fill_rows(&rows, 20);
    for (size_t i = 0; i < 20; i++)
        rows.score[i] = 0.5;
    struct chart_parallel chart = parallel_of(&rows, columns, three_words, 20);
    chart_parallel_document(&fixture.out, &chart);
    assert_sound(&fixture);
    assert_contains(&fixture, ">0.5 (best)</text>");
    assert_lacks(&fixture, "class=\"mc-r1\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parallel_coordinates_have_an_axis_a_column_and_a_line_a_row),
        cmocka_unit_test(of_many_rows_the_best_and_a_choice_are_drawn_which_is_said),
        cmocka_unit_test(parallel_coordinates_stand_whatever_the_numbers_are),
        cmocka_unit_test(equal_scores_have_one_colour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
