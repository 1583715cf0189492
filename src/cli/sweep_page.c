/* What a sweep has come to, as one page: sentences and tables; sweep_charts.c draws. */
#include "mlops/base/arena.h"
#include "mlops/base/moment.h"

#include <math.h>

#include "sweep_private.h"

enum { ROWS_SHOWN = 200, ROWS_OPEN = 60, DIGITS = 5 };

static struct str title_of(const struct sweep_result *result)
{
    const struct sweep_row *row = result->row;
    return str_print(result->arena, "%s %.*s", row->is_single ? "Experiment" : "Sweep",
                     STR_FMT(sweep_shown(row)));
}

/* "the winner ..." -> "The winner ... ." */
static void add_sentence(struct page *page, struct str text)
{
    if (text.len == 0)
        return;
    char first = text.at[0] >= 'a' && text.at[0] <= 'z' ? (char)(text.at[0] - 32) : text.at[0];
    page_text(page,
              str_print(page->arena, "%c%.*s.", first, STR_FMT(str_slice(text, 1, text.len))));
}

static void add_verdict(struct page *page, const struct sweep_result *result)
{
    struct arena *arena = result->arena;
    const struct sweep *sweep = &result->row->sweep;
    const struct trial *winner = sweep_result_winner(result);
    if (!winner) {
        page_verdict(page, TONE_WARN, STR("No trial has a score"));
        return;
    }
    double score = result->combination_count ? result->combinations[0].mean : winner->score;
    struct str words = sweep_result_words(result, winner);
    page_verdict(page, TONE_GOOD,
                 str_print(arena, "Best: %.*s with %.*s (trial %lld)",
                           STR_FMT(sweep_score_words(arena, sweep, score)),
                           STR_FMT(words.len ? words : STR("all as it was")),
                           (long long)winner->number + 1));
    add_sentence(page, sweep_say_optimism(result));
    add_sentence(page, sweep_say_choice(result));
}

static void add_trials(struct page *page, const struct sweep_result *result)
{
    size_t all;
    struct table table = sweep_people_table(result, ROWS_SHOWN, &all);
    page_section_folded(page, result->has_repeats ? STR("Combinations") : STR("Trials"),
                        all <= ROWS_OPEN);
    if (result->has_repeats)
        page_text(page, STR("Mean ± standard deviation of the repeats, with the 95 % interval of "
                            "the mean by Student's t. The trial is the one nearest to the mean."));
    page_table(page, &table);
    if (table.row_count < all)
        page_text(page, str_print(result->arena,
                                  "The best %zu of %zu: mlops sweep show --format csv has "
                                  "them all.",
                                  table.row_count, all));
}

static const struct column reason_columns[] = {
    {.name = "status", .title = "STATUS"},
    {.name = "count", .title = "TRIALS", .is_right = true},
    {.name = "numbers", .title = "WHICH"},
    {.name = "why", .title = "WHY"},
};

static void add_reasons(struct page *page, const struct sweep_result *result)
{
    enum { REASONS = 50 };
    size_t count;
    struct arena *arena = result->arena;
    struct sweep_reason *reasons = sweep_reasons(result, &count);
    struct table table = table_make(arena, reason_columns, COUNT_OF(reason_columns));
    if (count == 0)
        return;
    page_section(page, STR("Failed and stopped"));
    for (size_t i = 0; i < count && i < REASONS; i++) {
        struct cell *cells = table_add(&table);
        bool has_no_score = reasons[i].status == TRIAL_SUCCEEDED;
        cells[0] =
            cell_toned(cell_text(has_no_score ? STR("no score")
                                              : str_of(trial_status_name(reasons[i].status))),
                       has_no_score ? TONE_WARN : trial_status_tone(reasons[i].status));
        cells[1] = cell_int(arena, (int64_t)reasons[i].count);
        cells[2] = cell_text(reasons[i].numbers);
        cells[3] = cell_text(reasons[i].note);
    }
    page_table(page, &table);
    if (count > REASONS)
        page_text(page, str_print(arena, "And for %zu other reasons.", count - REASONS));
}

static void add_next(struct page *page, const struct sweep_result *result)
{
    page_section(page, STR("Next"));
    page_code(page, sweep_say_next(result));
}

struct str sweep_result_page(const struct sweep_result *result)
{
    struct buf out = buf_in(result->arena);
    struct page page = page_open(result->arena, &out, title_of(result), sweep_say_head(result));
    add_verdict(&page, result);
    sweep_add_charts(&page, result);
    if (result->scored_count)
        add_sentence(&page, sweep_say_importance(result));
    add_trials(&page, result);
    add_reasons(&page, result);
    add_next(&page, result);
    page_close(&page);
    return buf_str(&out);
}
