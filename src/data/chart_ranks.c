/* Rows of parallel coordinates by their scores: fifths, which of many are drawn, the legend. */
#include "mlops/base/arena.h"

#include <math.h>
#include <stdlib.h>

#include "chart_private.h"

enum { BEST_DRAWN = CHART_ROWS_MOST / 5, SCORELESS_DRAWN = CHART_ROWS_MOST / 10 };

/* --- order ---------------------------------------------------------------------------------- */

struct scored {
    double score; /* the higher the better */
    size_t row;
};

static int compare_scored(const void *a, const void *b)
{
    const struct scored *one = a, *other = b;
    if (one->score < other->score || one->score > other->score)
        return one->score > other->score ? -1 : 1;
    return one->row < other->row ? -1 : one->row > other->row;
}

/* Best first. */
static struct scored *sort_rows(struct arena *arena, const struct chart_parallel *chart,
                                size_t *ret_count)
{
    struct scored *scored = arena_new_array(arena, struct scored, chart->row_count + 1);
    for (size_t i = 0; i < chart->row_count; i++) {
        double score = chart->score.values[i];
        if (isfinite(score))
            scored[(*ret_count)++] = (struct scored){chart->is_higher_better ? score : -score, i};
    }
    if (*ret_count > 1)
        qsort(scored, *ret_count, sizeof *scored, compare_scored);
    return scored;
}

/* --- fifths --------------------------------------------------------------------------------- */

/* Equal scores are in one fifth: that of the first of them. */
static void divide(struct chart_ranks *ranks, const struct chart_parallel *chart,
                   const struct scored *scored, size_t count)
{
    size_t first = 0;
    for (size_t i = 0; i < count; i++) {
        if (scored[i].score < scored[first].score)
            first = i;
        size_t rank = first * CHART_RANKS / count;
        struct chart_fifth *fifth = &ranks->fifths[rank];
        double score = chart->score.values[scored[i].row];
        ranks->rank[scored[i].row] = (unsigned char)rank;
        if (fifth->count++ == 0)
            fifth->best = score;
        fifth->worst = score;
    }
}

/* --- choice --------------------------------------------------------------------------------- */

/* Of `count` an even choice of `wanted`, its first and last in it. */
static bool is_chosen(size_t i, size_t count, size_t wanted)
{
    if (count <= wanted)
        return true;
    return i == 0 || i * wanted / count != (i - 1) * wanted / count;
}

static void choose_scoreless(struct chart_ranks *ranks, const struct chart_parallel *chart,
                             size_t wanted)
{
    size_t seen = 0;
    for (size_t i = 0; i < chart->row_count; i++) {
        bool has_score = ranks->rank[i] != CHART_RANKS;
        if (!has_score && is_chosen(seen++, ranks->scoreless_count, wanted))
            ranks->order[ranks->count++] = i;
    }
}

static void choose(struct chart_ranks *ranks, const struct chart_parallel *chart,
                   const struct scored *scored, size_t count)
{
    bool is_all = chart->row_count <= CHART_ROWS_MOST;
    size_t spare = count < CHART_ROWS_MOST ? CHART_ROWS_MOST - count : 0;
    choose_scoreless(ranks, chart,
                     is_all ? chart->row_count : MAX_OF(spare, (size_t)SCORELESS_DRAWN));
    size_t room = is_all ? count : CHART_ROWS_MOST - ranks->count;
    size_t best = MIN_OF(count, MIN_OF(room, (size_t)BEST_DRAWN));
    for (size_t i = count; i > best; i--)
        if (is_chosen(count - i, count - best, room - best))
            ranks->order[ranks->count++] = scored[i - 1].row;
    for (size_t i = best; i > 0; i--)
        ranks->order[ranks->count++] = scored[i - 1].row;
}

struct chart_ranks chart_ranks_make(struct arena *arena, const struct chart_parallel *chart)
{
    size_t count = 0;
    struct scored *scored = sort_rows(arena, chart, &count);
    struct chart_ranks ranks = {
        .order = arena_new_array(arena, size_t, chart->row_count + 1),
        .rank = arena_new_array(arena, unsigned char, chart->row_count + 1),
        .row_count = chart->row_count,
        .scoreless_count = chart->row_count - count,
    };
    if (chart->row_count)
        memset(ranks.rank, CHART_RANKS, chart->row_count);
    divide(&ranks, chart, scored, count);
    choose(&ranks, chart, scored, count);
    return ranks;
}

/* --- legend --------------------------------------------------------------------------------- */

enum { SPOTS_A_ROW = 2, SWATCH = 28 };

/* The better, the thicker: not by colour alone. */
void chart_ranks_stroke(struct buf *out, size_t rank, bool is_dense)
{
    static const char *const widths[CHART_RANKS + 1] = {"1.8", "1.4", "1.1", "1", "0.9", "0.9"};
    static const char *const colours[CHART_RANKS + 1] = {"#0b62a4", "#4f87b8", "#858b94",
                                                         "#c07c4d", "#a83a0a", "#4b5563"};
    if (rank == CHART_RANKS)
        buf_print(out, " class=\"mc-5\" color=\"%s\" stroke-dasharray=\"3 3\"", colours[rank]);
    else
        buf_print(out, " class=\"mc-r%zu\" color=\"%s\"", rank, colours[rank]);
    buf_print(out,
              " fill=\"none\" stroke=\"currentColor\" stroke-width=\"%s\" "
              "stroke-linejoin=\"round\" stroke-opacity=\"%s\"",
              is_dense ? "0.6" : widths[rank], is_dense ? "0.6" : "0.85");
}

static size_t spot_count(const struct chart_ranks *ranks)
{
    size_t count = ranks->scoreless_count > 0;
    for (size_t i = 0; i < CHART_RANKS; i++)
        count += ranks->fifths[i].count > 0;
    return count;
}

static bool is_thinned(const struct chart_ranks *ranks)
{
    return ranks->count < ranks->row_count;
}

double chart_ranks_height(const struct chart_ranks *ranks)
{
    size_t rows = (spot_count(ranks) + SPOTS_A_ROW - 1) / SPOTS_A_ROW + is_thinned(ranks);
    return (double)rows * CHART_ROW;
}

static void add_spot(struct buf *out, size_t spot, size_t rank, double top, struct str text)
{
    double x = CHART_GAP + (double)(spot % SPOTS_A_ROW) * (CHART_WIDTH / (double)SPOTS_A_ROW);
    double y = top + ((double)(spot / SPOTS_A_ROW) + 0.5) * CHART_ROW;
    const struct chart_label label = {
        .x = x + SWATCH,
        .y = y + 4,
        .room = CHART_WIDTH / (double)SPOTS_A_ROW - SWATCH - CHART_GAP,
        .anchor = "start",
        .more = "",
    };
    buf_add_text(out, "<path");
    chart_ranks_stroke(out, rank, false);
    buf_add_text(out, " d=\"M");
    chart_add_number(out, x + 1);
    buf_add_char(out, ' ');
    chart_add_number(out, y);
    buf_add_text(out, "h22\"/>");
    chart_add_label(out, &label, text);
}

void chart_ranks_legend(struct buf *out, const struct chart_ranks *ranks, struct str apart,
                        double top)
{
    AUTO(arena_drop) struct arena arena = {0};
    size_t spot = 0;
    for (size_t i = 0; i < CHART_RANKS; i++) {
        const struct chart_fifth *fifth = &ranks->fifths[i];
        const char *note = i == 0 ? " (best)" : "";
        bool is_one = !(fifth->best < fifth->worst) && !(fifth->best > fifth->worst);
        if (fifth->count == 0)
            continue;
        struct str text =
            is_one ? str_print(&arena, "%.4g%s", fifth->best, note)
                   : str_print(&arena, "%.4g to %.4g%s", fifth->best, fifth->worst, note);
        add_spot(out, spot++, i, top, text);
    }
    if (ranks->scoreless_count)
        add_spot(out, spot++, CHART_RANKS, top,
                 str_print(&arena, "%.*s (%zu)", STR_FMT(apart), ranks->scoreless_count));
    if (!is_thinned(ranks))
        return;
    const struct chart_label label = {
        .x = CHART_GAP,
        .y = top + chart_ranks_height(ranks) - CHART_ROW / 2.0 + 4,
        .room = CHART_WIDTH - 2.0 * CHART_GAP,
        .anchor = "start",
        .more = "",
        .is_dim = true,
    };
    chart_add_label(out, &label,
                    str_print(&arena, "%zu of %zu are drawn: the best, and a choice of the rest",
                              ranks->count, ranks->row_count));
}
