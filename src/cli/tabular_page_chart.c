#include "mlops/base/arena.h"
#include "mlops/base/moment.h"

#include "tabular_page_private.h"

enum {
    WIDTH = 480,
    HEIGHT = 140,
    GAP = 2,
    FOOT = 18,        /* below a histogram: its ends */
    BAR = 22,         /* height of a row of bars */
    LABEL = 170,      /* width of the names of bars */
    COUNT_ROOM = 110, /* behind the longest bar */
    LABEL_BYTES = 24,
};

/* An image that says in words what it shows. */
static void open_image(struct buf *out, int height, const char *what, struct str name)
{
    buf_print(out, "<figure><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s ", WIDTH,
              height, what);
    profile_text(out, name);
    buf_add_text(out, "\">\n");
}

static void add_text(struct buf *out, double x, double y, const char *anchor, struct str text)
{
    buf_print(out, "<text x=\"%g\" y=\"%g\" text-anchor=\"%s\">", x, y, anchor);
    profile_text(out, text);
    buf_add_text(out, "</text>\n");
}

/* The bounds of a bin and how many values it has, shown where the pointer rests. */
static void add_bin(struct buf *out, struct arena *arena, const struct column_profile *column,
                    size_t at, uint64_t most)
{
    double width = (double)WIDTH / PROFILE_BINS, step = (column->max - column->min) / PROFILE_BINS;
    double height = (double)column->bins[at] / (double)most * HEIGHT;
    double from = column->min + step * (double)at;
    buf_print(out, "<rect x=\"%g\" y=\"%.1f\" width=\"%g\" height=\"%.1f\"><title>",
              width * (double)at + GAP / 2.0, HEIGHT - height, width - GAP, height);
    profile_text(out, tabular_number(arena, column->type, from));
    buf_add_text(out, " to ");
    profile_text(out, tabular_number(arena, column->type, from + step));
    buf_print(out, ": %s</title></rect>\n", count_print(arena, (int64_t)column->bins[at]).at);
}

void profile_histogram(struct buf *out, struct arena *arena, const struct column_profile *column)
{
    uint64_t most = 1;
    for (size_t i = 0; i < PROFILE_BINS; i++)
        most = MAX_OF(most, column->bins[i]);
    open_image(out, HEIGHT + FOOT, "Histogram of", column->name);
    for (size_t i = 0; i < PROFILE_BINS; i++)
        add_bin(out, arena, column, i, most);
    buf_print(out, "<line x1=\"0\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n", HEIGHT, WIDTH, HEIGHT);
    add_text(out, 0, HEIGHT + FOOT - 4, "start", tabular_number(arena, column->type, column->min));
    add_text(out, WIDTH, HEIGHT + FOOT - 4, "end",
             tabular_number(arena, column->type, column->max));
    buf_print(out,
              "</svg><figcaption>%d equal bins, the fullest with %s values%s</figcaption>"
              "</figure>\n",
              PROFILE_BINS, count_print(arena, (int64_t)most).at,
              column->distribution.is_exact ? "" : " (estimated)");
}

static struct str label_of(struct arena *arena, struct str value)
{
    size_t len = MIN_OF(value.len, (size_t)LABEL_BYTES);
    while (len > 0 && len < value.len && ((unsigned char)value.at[len] & 0xc0) == 0x80)
        len--;
    if (value.len == 0)
        return STR("(empty)");
    return len < value.len ? str_print(arena, "%.*s…", (int)len, value.at) : value;
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
    buf_print(out, "<rect x=\"%d\" y=\"%g\" width=\"%.1f\" height=\"%d\"><title>", LABEL, y + GAP,
              width, BAR - 2 * GAP);
    profile_text(out, value->value);
    buf_add_text(out, "</title></rect>\n");
    add_text(out, LABEL + width + 6, y + BAR - 7, "start",
             str_print(arena, "%.*s (%.*s)", STR_FMT(count), STR_FMT(share)));
}

void profile_bars(struct buf *out, struct arena *arena, const struct column_profile *column)
{
    size_t count = MIN_OF(column->value_count, (size_t)PAGE_BARS);
    if (count == 0 || column->values[0].count < 2)
        return;
    open_image(out, (int)count * BAR, "Frequent values of", column->name);
    for (size_t i = 0; i < count; i++)
        add_bar(out, arena, column, i);
    buf_print(out, "</svg><figcaption>%s%s</figcaption></figure>\n",
              column->distinct > count ? "The most frequent values" : "All values",
              column->distinct_is_exact ? "" : ", counts estimated");
}
