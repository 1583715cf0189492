/* Charts: any numbers and names give an SVG that is well-formed, of bounded size, and whose paths
 * hold nothing but commands and numbers. Input: kind and axes, length of the name, the name, then
 * numbers as they lie in memory, x and y by turns. */
#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/codec/xml.h"
#include "mlops/data/chart.h"

#include "replay.h"

enum { POINTS = 4096, BYTES = 600000 };

static void check_paths(struct str svg)
{
    for (ptrdiff_t at; (at = str_find(svg, STR(" d=\""))) >= 0;) {
        svg = str_slice(svg, (size_t)at + 4, svg.len);
        for (; svg.len && svg.at[0] != '"'; svg = str_slice(svg, 1, svg.len))
            check(memchr("0123456789.- MLHVhvmz", svg.at[0], 21));
    }
}

static void check_svg(struct arena *arena, struct str svg)
{
    struct xml_node *root = NULL;
    struct error *error = xml_parse(arena, svg, NULL, &root);
    check(!error);
    check(svg.len < BYTES);
    check_paths(svg);
}

/* Values of both axes, by turns, as the input has them. */
static size_t take_numbers(const uint8_t *data, size_t size, double *x, double *y)
{
    size_t count = 0;
    for (; size >= 16 && count < POINTS; data += 16, size -= 16, count++) {
        memcpy(&x[count], data, 8);
        memcpy(&y[count], data + 8, 8);
    }
    return count;
}

static void draw_matrix(struct arena *arena, struct str name, const double *values, size_t count)
{
    struct buf out = buf_in(arena);
    size_t side = 0;
    while ((side + 1) * (side + 1) <= count)
        side++;
    struct str *names = arena_new_array(arena, struct str, side);
    for (size_t i = 0; i < side; i++)
        names[i] = name;
    const struct chart_matrix matrix = {name, name, name, name, names, names, side, side, values};
    chart_matrix_document(&out, &matrix);
    check_svg(arena, buf_str(&out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_drop) struct arena arena = {0};
    double *x = arena_new_array(&arena, double, POINTS),
           *y = arena_new_array(&arena, double, POINTS);
    struct buf out = buf_in(&arena);
    if (size < 2 || size < 2u + data[1])
        return 0;
    struct str name = {(const char *)data + 2, data[1]};
    size_t count = take_numbers(data + 2 + name.len, size - 2 - name.len, x, y);
    const struct chart_series series[] = {
        {name, (enum chart_kind)(data[0] & 3), x, y, count, false},
        {name, CHART_LINES, y, x, count / 2, true},
    };
    const struct chart_axis axis = {
        .label = name,
        .has_range = data[0] & 4,
        .least = count ? x[0] : 0,
        .most = count ? y[0] : 0,
    };
    struct chart chart = {name, name, axis, axis, series, 2, data[0] & 8};
    chart.x.is_log = data[0] & 16;
    chart.y.is_log = data[0] & 32;
    chart.x.categories = data[0] & 64 ? &name : NULL;
    chart.x.category_count = 1;
    chart_document(&out, &chart);
    check_svg(&arena, buf_str(&out));
    draw_matrix(&arena, name, y, count);
    return 0;
}
