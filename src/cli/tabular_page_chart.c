#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/data/chart.h"

#include "tabular_page_private.h"

enum {
    WIDTH = 440,
    HEIGHT = 140,
    GAP = 2,
    FOOT = 18,        /* below a histogram: its ends */
    BAR = 22,         /* height of a row of bars */
    LABEL = 170,      /* width of the names of bars */
    COUNT_ROOM = 110, /* behind the longest bar */
    TEXT = 13,
};

/* An image that says in words what it shows. Its colours suit light and dark ground. */
static struct buf open_image(struct page *page, int height, const char *what, struct str name)
{
    struct buf out = buf_in(page->arena);
    page->chart_count++;
    buf_print(&out,
              "<svg viewBox=\"0 0 %d %d\" role=\"img\" font-size=\"%d\" "
              "fill=\"currentColor\">\n<title>%s ",
              WIDTH, height, TEXT, what);
    page_escape(&out, name);
    buf_add_text(&out, "</title>\n");
    return out;
}

static void close_image(struct page *page, struct buf *out, struct str caption)
{
    buf_add_text(out, "</svg>");
    page_chart(page, caption, buf_str(out));
}

static void add_text(struct buf *out, double x, double y, const char *anchor, struct str text)
{
    buf_print(out, "<text x=\"%g\" y=\"%g\" text-anchor=\"%s\">", x, y, anchor);
    page_escape(out, text);
    buf_add_text(out, "</text>\n");
}

/* The bounds of a bin and how many values it has, shown where the pointer rests. */
static void add_bin(struct buf *out, struct arena *arena, const struct column_profile *column,
                    size_t at, uint64_t most)
{
    double width = (double)WIDTH / PROFILE_BINS, step = (column->max - column->min) / PROFILE_BINS;
    double height = (double)column->bins[at] / (double)most * HEIGHT;
    double from = column->min + step * (double)at;
    buf_print(out,
              "<rect fill=\"#3f7fbf\" x=\"%g\" y=\"%.1f\" width=\"%g\" height=\"%.1f\"><title>",
              width * (double)at + GAP / 2.0, HEIGHT - height, width - GAP, height);
    page_escape(out, tabular_number(arena, column->type, from));
    buf_add_text(out, " to ");
    page_escape(out, tabular_number(arena, column->type, from + step));
    buf_print(out, ": %s</title></rect>\n", count_print(arena, (int64_t)column->bins[at]).at);
}

void tabular_page_histogram(struct page *page, const struct column_profile *column)
{
    struct arena *arena = page->arena;
    uint64_t most = 1;
    for (size_t i = 0; i < PROFILE_BINS; i++)
        most = MAX_OF(most, column->bins[i]);
    struct buf out = open_image(page, HEIGHT + FOOT, "Histogram of", column->name);
    for (size_t i = 0; i < PROFILE_BINS; i++)
        add_bin(&out, arena, column, i, most);
    buf_print(&out, "<path stroke=\"currentColor\" d=\"M0 %dH%d\"/>\n", HEIGHT, WIDTH);
    add_text(&out, 0, HEIGHT + FOOT - 4, "start", tabular_number(arena, column->type, column->min));
    add_text(&out, WIDTH, HEIGHT + FOOT - 4, "end",
             tabular_number(arena, column->type, column->max));
    close_image(page, &out,
                str_print(arena, "%d equal bins, the fullest with %s values%s", PROFILE_BINS,
                          count_print(arena, (int64_t)most).at,
                          column->distribution.is_exact ? "" : " (estimated)"));
}

static struct str label_of(struct arena *arena, struct str value)
{
    if (value.len == 0)
        return STR("(empty)");
    if (chart_text_fitting(value, TEXT, LABEL - GAP - 6) == value.len)
        return value;
    size_t len = chart_text_fitting(value, TEXT, LABEL - GAP - 6 - TEXT);
    return str_print(arena, "%.*s…", (int)len, value.at);
}

static void add_bar(struct buf *out, struct arena *arena, const struct column_profile *column,
                    size_t at)
{
    const struct value_count *value = &column->values[at];
    double y = (double)BAR * (double)at, most = (double)column->values[0].count;
    double width = (double)value->count / most * (WIDTH - LABEL - COUNT_ROOM);
    struct str share = tabular_share(arena, value->count, column->count);
    struct str count = count_print(arena, (int64_t)value->count);
    add_text(out, LABEL - 6, y + BAR - 7, "end", label_of(arena, value->value));
    buf_print(out, "<rect fill=\"#3f7fbf\" x=\"%d\" y=\"%g\" width=\"%.1f\" height=\"%d\"><title>",
              LABEL, y + GAP, width, BAR - 2 * GAP);
    page_escape(out, value->value);
    buf_add_text(out, "</title></rect>\n");
    add_text(out, LABEL + width + 6, y + BAR - 7, "start",
             str_print(arena, "%.*s (%.*s)", STR_FMT(count), STR_FMT(share)));
}

void tabular_page_bars(struct page *page, const struct column_profile *column)
{
    size_t count = MIN_OF(column->value_count, (size_t)PAGE_BARS);
    if (count == 0 || column->values[0].count < 2)
        return;
    struct buf out = open_image(page, (int)count * BAR, "Frequent values of", column->name);
    for (size_t i = 0; i < count; i++)
        add_bar(&out, page->arena, column, i);
    close_image(page, &out,
                str_print(page->arena, "%s%s",
                          column->distinct > count ? "The most frequent values" : "All values",
                          column->distinct_is_exact ? "" : ", counts estimated"));
}
