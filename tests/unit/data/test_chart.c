/* Charts are well-formed, stay in their frame, and keep their shape whatever the numbers are. */
#include "mlops/data/chart.h"

#include <math.h>
#include <stdlib.h>

#include "svg.h"

enum { MANY = 1000000 };

static struct chart chart_of(const struct chart_series *series, size_t count)
{
    return (struct chart){
        .title = STR("A title"),
        .x = {.label = STR("epoch")},
        .y = {.label = STR("loss")},
        .series = series,
        .series_count = count,
    };
}

static void draw(struct fixture *fixture, const struct chart *chart)
{
    buf_clear(&fixture->out);
    chart_document(&fixture->out, chart);
    assert_sound(fixture);
}

/* Draws one series of both kinds of axes, and of every kind of look. */
static void draw_every_way(struct fixture *fixture, const double *x, const double *y, size_t count)
{
    for (int way = 0; way < 16; way++) {
        const struct chart_series series = {STR("one"), (enum chart_kind)(way % 4), x, y, count,
                                            false};
        struct chart chart = chart_of(&series, 1);
        chart.x.is_log = way & 4;
        chart.y.is_log = way & 8;
        chart.has_diagonal = true;
        draw(fixture, &chart);
    }
}

static void a_chart_has_a_title_words_a_legend_and_labels(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    const double x[] = {0, 1, 2}, y[] = {0.25, 0.5, 1};
    const struct chart_series series[] = {{STR("train"), CHART_LINES, x, y, 3, false},
                                          {STR("before"), CHART_LINES, x, y, 3, true}};
    struct chart chart = chart_of(series, 2);
    draw(&fixture, &chart);
    assert_contains(&fixture, "<title>A title</title>");
    assert_contains(&fixture, "<desc>loss by epoch: train, before</desc>");
    assert_contains(&fixture, "role=\"img\"");
    assert_contains(&fixture, "viewBox=\"0 0 440 ");
    assert_contains(&fixture, "prefers-color-scheme:dark");
    assert_contains(&fixture, ">epoch</text>");
    assert_contains(&fixture, ">train</text>");
    assert_contains(&fixture, ">0.4</text>");
    assert_contains(&fixture, "stroke-dasharray=\"4 4\"");
    assert_lacks(&fixture, "<script");
}

static void an_element_of_a_page_brings_no_declaration_and_no_ground(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    struct chart chart = chart_of(NULL, 0);
    chart_svg(&fixture.out, &chart, STR("chart-7"));
    assert_sound(&fixture);
    assert_true(str_starts(buf_str(&fixture.out), STR("<svg ")));
    assert_contains(&fixture, " id=\"chart-7\"");
    assert_contains(&fixture, "no data");
    assert_lacks(&fixture, "class=\"mc-ground\"");
}

static void the_same_chart_is_the_same_bytes(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    const double x[] = {0, 1, 2}, y[] = {0.1, 0.7, 0.3};
    const struct chart_series series = {STR("a"), CHART_STEPS, x, y, 3, false};
    struct chart chart = chart_of(&series, 1);
    draw(&fixture, &chart);
    struct str first = str_copy(&fixture.arena, buf_str(&fixture.out));
    draw(&fixture, &chart);
    assert_true(str_equal(first, buf_str(&fixture.out)));
}

static void odd_numbers_make_charts_that_are_sound(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    const double index[] = {0, 1, 2, 3, 4};
    const double odd[][5] = {
        {0, 0, 0, 0, 0},
        {7, 7, 7, 7, 7},
        {-1e-320, 0, 5e-324, 0, 1e-320},
        {1e300, -1e300, 0, 1e299, 5},
        {1.7976931348623157e308, -1.7976931348623157e308, 0, 1, -1},
        {1e15, 1e15 + 0.25, 1e15 + 0.5, 1e15, 1e15},
        {NAN, 1, NAN, 2, NAN},
        {INFINITY, 1, -INFINITY, 2, 3},
        {NAN, NAN, INFINITY, -INFINITY, NAN},
        {-5, -4, -3, -2, -1},
        {1e-300, 1e300, 1, 1e-5, 1e5},
        {1234567890, 1234567891, 1234567892, 1234567893, 1234567894},
    };
    draw_every_way(&fixture, index, index, 0);
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        draw_every_way(&fixture, index, odd[i], 5);
        draw_every_way(&fixture, odd[i], index, 5);
        draw_every_way(&fixture, odd[i], odd[i], 1);
    }
}

static void ticks_are_round_numbers_that_differ(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    static const struct {
        double least, most;
        const char *first, *last;
    } rows[] = {
        {0, 1, ">0</text>", ">1.0</text>"},
        {0, 0.0004, ">1e-4</text>", ">4e-4</text>"},
        {-3, 7, ">-4</text>", ">8</text>"},
        {0, 31000, ">10000</text>", ">40000</text>"},
        {0, 3.1e9, ">1e9</text>", ">4e9</text>"},
        {1e300, 3e300, ">1.5e300</text>", ">3e300</text>"},
        {1234567890, 1234567894, ">1.234567891e9</text>", ">1.234567894e9</text>"},
        {0.91, 0.93, ">0.910</text>", ">0.930</text>"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const double x[] = {0, 1}, y[] = {rows[i].least, rows[i].most};
        const struct chart_series series = {STR(""), CHART_LINES, x, y, 2, false};
        struct chart chart = chart_of(&series, 1);
        draw(&fixture, &chart);
        assert_contains(&fixture, rows[i].first);
        assert_contains(&fixture, rows[i].last);
    }
}

static void logarithmic_ticks_are_powers_of_ten(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    const double x[] = {1e-5, 1e-3, 10}, y[] = {20, 30, 90};
    const struct chart_series series = {STR(""), CHART_LINES, x, y, 3, false};
    struct chart chart = chart_of(&series, 1);
    chart.x.is_log = chart.y.is_log = true;
    draw(&fixture, &chart);
    assert_contains(&fixture, ">1e-5</text>");
    assert_contains(&fixture, ">0.001</text>");
    assert_contains(&fixture, ">10</text>");
    assert_contains(&fixture, ">40</text>"); /* less than two decades: round numbers */
}

static void a_gap_breaks_the_line_and_a_lonely_point_is_a_dot(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    const double x[] = {0, 1, 2, 3, 4}, y[] = {0, 1, NAN, 1, NAN};
    const struct chart_series series = {STR(""), CHART_LINES, x, y, 5, false};
    struct chart chart = chart_of(&series, 1);
    chart.y.label = STR("");
    draw(&fixture, &chart);
    struct str rest = buf_str(&fixture.out);
    ptrdiff_t at = str_find(rest, STR("stroke-linejoin"));
    rest = str_slice(rest, (size_t)at, rest.len);
    rest = str_slice(rest, 0, (size_t)str_find(rest, STR("/>")));
    int moves = 0;
    for (size_t i = 0; i < rest.len; i++)
        moves += rest.at[i] == 'M';
    assert_int_equal(moves, 2);
}

/* The coordinates of all paths of a series. */
static void extent_of_path(struct str svg, double *ret_least, double *ret_most)
{
    ptrdiff_t at = str_find(svg, STR("stroke-linejoin"));
    svg = str_slice(svg, (size_t)at, svg.len);
    svg = str_slice(svg, (size_t)str_find(svg, STR("d=\"")) + 3, svg.len);
    *ret_least = 1e9;
    *ret_most = -1e9;
    for (const char *p = svg.at; *p != '"';) {
        char *end;
        p++;
        strtod(p, &end);
        double y = strtod(end, &end);
        *ret_least = fmin(*ret_least, y);
        *ret_most = fmax(*ret_most, y);
        p = end;
    }
}

static void a_million_points_keep_their_shape_in_few_bytes(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    double *x = arena_new_array(&fixture.arena, double, MANY);
    double *y = arena_new_array(&fixture.arena, double, MANY);
    for (int i = 0; i < MANY; i++) {
        x[i] = i;
        y[i] = sin(i / 1e5) / 4;
    }
    y[123456] = 1; /* peaks of a single point must not be lost */
    y[765432] = -1;
    for (int kind = CHART_LINES; kind <= CHART_STEPS; kind++) {
        const struct chart_series series = {STR(""), (enum chart_kind)kind, x, y, MANY, false};
        struct chart chart = chart_of(&series, 1);
        chart.y.has_range = true;
        chart.y.least = -1;
        chart.y.most = 1;
        draw(&fixture, &chart);
        assert_true(fixture.out.len < 60000);
        double least, most;
        extent_of_path(buf_str(&fixture.out), &least, &most);
        assert_true(fabs(most - least - 240) < 0.5);
    }
}

static void a_million_dots_or_bars_take_few_bytes_too(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    double *x = arena_new_array(&fixture.arena, double, MANY);
    double *y = arena_new_array(&fixture.arena, double, MANY);
    uint64_t random = 1;
    for (int i = 0; i < MANY; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        x[i] = (double)(random >> 40);
        y[i] = (double)(random >> 20 & 0xFFFF);
    }
    for (int kind = CHART_LINES; kind <= CHART_BARS; kind++) {
        const struct chart_series series = {STR(""), (enum chart_kind)kind, x, y, MANY, false};
        struct chart chart = chart_of(&series, 1);
        draw(&fixture, &chart);
        assert_true(fixture.out.len < 400000);
    }
}

static void a_line_beyond_the_range_is_cut_at_its_edge(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    const double x[] = {0, 1, 2}, y[] = {-1e300, 1e300, 0.5};
    const struct chart_series series = {STR(""), CHART_LINES, x, y, 3, false};
    struct chart chart = chart_of(&series, 1);
    chart.y.has_range = true;
    chart.y.least = 0;
    chart.y.most = 1;
    draw(&fixture, &chart);
    double least, most;
    extent_of_path(buf_str(&fixture.out), &least, &most);
    assert_true(most - least <= 240);
}

static void names_of_any_kind_are_escaped_and_cut(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    char *longest = arena_alloc(&fixture.arena, 100000);
    memset(longest, 'w', 99999);
    const struct str names[] = {
        STR("<script>alert('x' & \"y\")</script>"),
        STR("\x00\x01\x1b[31m\x7f"),
        STR("\xff\xfe\xc3"),
        STR("\xef\xbf\xbe\xef\xbf\xbf\xed\xa0\x80"),
        STR("]]>-->\n\t"),
        STR("数据集の名前"),
        {longest, 99999},
    };
    const double x[] = {0, 1}, y[] = {0, 1};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const struct chart_series series = {names[i], CHART_LINES, x, y, 2, false};
        const struct chart chart = {
            .title = names[i],
            .description = names[i],
            .x = {.label = names[i], .categories = names, .category_count = COUNT_OF(names)},
            .y = {.label = names[i]},
            .series = &series,
            .series_count = 1,
        };
        draw(&fixture, &chart);
        assert_lacks(&fixture, "<script");
        assert_true(fixture.out.len < 30000);
        buf_clear(&fixture.out);
        chart_svg(&fixture.out, &chart, names[i]);
        assert_sound(&fixture);
    }
}

static void many_series_are_counted_in_the_legend(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    const double x[] = {0, 1}, y[] = {0, 1};
    struct chart_series series[300];
    for (size_t i = 0; i < 300; i++)
        series[i] = (struct chart_series){
            str_print(&fixture.arena, "run %zu", i), CHART_LINES, x, y, 2, i % 3 == 0};
    struct chart chart = chart_of(series, 300);
    draw(&fixture, &chart);
    assert_contains(&fixture, ">and 276 more</text>");
}

static void bars_start_at_zero_and_have_names(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    const struct str names[] = {STR("red"), STR(""), STR("blue")};
    const double x[] = {0, 1, 2}, y[] = {3, -1, 2}, z[] = {1, 2, 3};
    const struct chart_series series[] = {{STR("now"), CHART_BARS, x, y, 3, false},
                                          {STR("before"), CHART_BARS, x, z, 3, true}};
    struct chart chart = chart_of(series, 2);
    chart.x.categories = names;
    chart.x.category_count = 3;
    draw(&fixture, &chart);
    assert_contains(&fixture, ">red</text>");
    assert_contains(&fixture, ">(empty)</text>");
    chart.x.categories = NULL;
    draw(&fixture, &chart);
}

static void bins_of_a_histogram_have_their_numbers(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    const double x[] = {0.125, 0.375, 0.625, 0.875}, y[] = {3, 1, 2, 4};
    const struct chart_series series = {STR(""), CHART_BARS, x, y, 4, false};
    struct chart chart = chart_of(&series, 1);
    draw(&fixture, &chart);
    assert_contains(&fixture, ">0.4</text>");
    assert_contains(&fixture, ">1.0</text>");
}

static void a_matrix_shows_its_numbers(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    const struct str names[] = {STR("cat"), STR("dog & co")};
    const double values[] = {50, 3, 1234567, 0.25};
    const struct chart_matrix matrix = {STR("Confusion"),
                                        STR("words"),
                                        STR("truth"),
                                        STR("prediction"),
                                        names,
                                        names,
                                        2,
                                        2,
                                        values};
    chart_matrix_document(&fixture.out, &matrix);
    assert_sound(&fixture);
    assert_contains(&fixture, ">50</text>");
    assert_contains(&fixture, ">1.23M</text>");
    assert_contains(&fixture, ">0.25</text>");
    assert_contains(&fixture, ">dog &amp; co</text>");
    assert_contains(&fixture, ">truth</text>");
}

static size_t count_text(const struct fixture *fixture, const char *text)
{
    struct str rest = buf_str(&fixture->out);
    size_t count = 0;
    for (ptrdiff_t at; (at = str_find(rest, str_of(text))) >= 0; count++)
        rest = str_slice(rest, (size_t)at + 1, rest.len);
    return count;
}

static void points_without_a_value_stand_apart_where_there_is_a_strip_for_them(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    const double x[] = {0, 1, 2}, y[] = {0.25, nan(""), 1};
    const struct chart_series series = {STR("trials"), CHART_POINTS, x, y, 3, false};
    struct chart chart = chart_of(&series, 1);
    draw(&fixture, &chart);
    size_t without = count_text(&fixture, "zM");
    chart.y.apart = STR("no score");
    draw(&fixture, &chart);
    assert_contains(&fixture, ">no score</text>");
    assert_int_equal(count_text(&fixture, "zM"), without + 1);
}

static void numbers_of_many_classes_are_smaller_or_shorter_and_not_left_out(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    struct str names[12];
    double values[144] = {123, 1234, 98765};
    for (size_t i = 0; i < 12; i++)
        names[i] = STR("a class with a long name");
    const struct chart_matrix matrix = {STR("Confusion"),
                                        STR("words"),
                                        STR("truth"),
                                        STR("prediction"),
                                        names,
                                        names,
                                        12,
                                        12,
                                        values};
    chart_matrix_document(&fixture.out, &matrix);
    assert_sound(&fixture);
    assert_contains(&fixture, ">123</text>");
    assert_contains(&fixture, ">1k</text>");
    assert_contains(&fixture, ">99k</text>");
}

static void two_clouds_differ_in_colour_and_shape(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    const double x[] = {1, 2}, y[] = {3, 4};
    const struct chart_series series[] = {
        {.name = STR("before"), .kind = CHART_POINTS, .x = x, .y = y, .count = 2, .is_faint = true},
        {.name = STR("after"), .kind = CHART_POINTS, .x = x, .y = y, .count = 2},
    };
    draw(&fixture, &(struct chart){.title = STR("t"), .series = series, .series_count = 2});
    assert_contains(&fixture, "<g class=\"mc-1\" color=\"#b3410e\" opacity=\"0.75\">");
    assert_contains(&fixture, "<g class=\"mc-0\" color=\"#0b62a4\">");
}

static void matrices_of_any_size_are_drawn(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    static const size_t sides[] = {0, 1, 7, 12, 30, 61, 1000};
    struct str *names = arena_new_array(&fixture.arena, struct str, 1000);
    double *values = arena_new_array(&fixture.arena, double, 1000000);
    for (size_t i = 0; i < 1000; i++)
        names[i] = str_print(&fixture.arena, "a class with the number %zu", i);
    values[0] = NAN;
    for (size_t i = 1; i < 1000000; i++)
        values[i] = i % 97 ? (double)(i % 7) : -INFINITY;
    for (size_t i = 0; i < COUNT_OF(sides); i++) {
        const struct chart_matrix matrix = {STR("m"), STR("d"), STR("r"), STR("c"), names,
                                            names,    sides[i], sides[i], values};
        buf_clear(&fixture.out);
        chart_matrix_svg(&fixture.out, &matrix, STR("m"));
        assert_sound(&fixture);
        assert_true(fixture.out.len < 1000000);
    }
    assert_contains(&fixture, "each cell is the sum of 17 by 17");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chart_has_a_title_words_a_legend_and_labels),
        cmocka_unit_test(an_element_of_a_page_brings_no_declaration_and_no_ground),
        cmocka_unit_test(the_same_chart_is_the_same_bytes),
        cmocka_unit_test(odd_numbers_make_charts_that_are_sound),
        cmocka_unit_test(ticks_are_round_numbers_that_differ),
        cmocka_unit_test(logarithmic_ticks_are_powers_of_ten),
        cmocka_unit_test(a_gap_breaks_the_line_and_a_lonely_point_is_a_dot),
        cmocka_unit_test(a_million_points_keep_their_shape_in_few_bytes),
        cmocka_unit_test(a_million_dots_or_bars_take_few_bytes_too),
        cmocka_unit_test(a_line_beyond_the_range_is_cut_at_its_edge),
        cmocka_unit_test(names_of_any_kind_are_escaped_and_cut),
        cmocka_unit_test(many_series_are_counted_in_the_legend),
        cmocka_unit_test(bars_start_at_zero_and_have_names),
        cmocka_unit_test(bins_of_a_histogram_have_their_numbers),
        cmocka_unit_test(a_matrix_shows_its_numbers),
        cmocka_unit_test(points_without_a_value_stand_apart_where_there_is_a_strip_for_them),
        cmocka_unit_test(numbers_of_many_classes_are_smaller_or_shorter_and_not_left_out),
        cmocka_unit_test(two_clouds_differ_in_colour_and_shape),
        cmocka_unit_test(matrices_of_any_size_are_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
