/* The block on a terminal: trials that run, the best so far, how far the sweep is. */
#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/block.h"
#include "mlops/host/terminal.h"

#include "sweep_private.h"

enum { FRAME_MS = 100, TRIALS_SHOWN = 12, STAGE_COLUMNS = 16, TIME_COLUMNS = 8 };

void sweep_live_erase(struct sweep_narrator *narrator)
{
    block_erase(&narrator->out, &narrator->block_lines);
}

static void add_line(struct sweep_narrator *narrator, struct str line)
{
    block_add(&narrator->out, &narrator->block_lines, line);
}

/* Text in a column of `width`, cut if it is wider. */
static void add_cell(struct buf *line, struct str text, int width)
{
    AUTO(buf_drop) struct buf escaped = {0};
    buf_add_escaped(&escaped, text, false);
    struct str kept = text_fit(buf_str(&escaped), width);
    buf_add_str(line, kept);
    buf_add_repeated(line, ' ', (size_t)MAX_OF(width - text_columns(kept), 0) + 1);
}

/* "train 1/3": the stage that runs, and how many of them are done; before and after them "begins",
 * "ends". */
static struct str where(struct arena *arena, const struct trial_view *view)
{
    struct buf text = buf_in(arena);
    bool is_over = view->total_count && view->finished_count >= view->total_count;
    struct str none = is_over ? STR("ends") : STR("begins");
    buf_add_str(&text, view->stage.len ? view->stage : none);
    if (view->total_count > 1)
        buf_print(&text, " %d/%d", view->finished_count, view->total_count);
    return buf_str(&text);
}

static int widest_stage(const struct sweep_event *event)
{
    AUTO(arena_drop) struct arena arena = {0};
    int most = 6;
    for (size_t i = 0; i < event->running_count; i++)
        most = MAX_OF(most, text_columns(where(&arena, &event->running[i])));
    return MIN_OF(most, STAGE_COLUMNS);
}

static void add_running(struct sweep_narrator *narrator, const struct sweep_event *event,
                        const struct trial_view *view, int stage_columns, int64_t now_ns)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct buf line = buf_in(&arena);
    int64_t elapsed_ns = sweep_elapsed_ns(narrator, view->trial.number, now_ns);
    buf_print(&line, "  %-4lld ", (long long)view->trial.number + 1);
    add_cell(&line, where(&arena, view), stage_columns);
    add_cell(&line, duration_print(&arena, elapsed_ns), TIME_COLUMNS);
    if (view->step >= 0)
        buf_print(&line, "step %lld %.*s  ", (long long)view->step,
                  STR_FMT(metric_print(&arena, view->value, 4)));
    buf_add_str(&line, sweep_trial_words(&arena, &event->row->sweep, &view->trial.overrides));
    add_line(narrator, buf_str(&line));
}

static void add_best(struct sweep_narrator *narrator, const struct sweep_event *event)
{
    AUTO(arena_drop) struct arena arena = {0};
    const struct trial *best = event->best;
    if (!best)
        return;
    add_line(narrator,
             str_print(&arena, "best %.*s (trial %lld)  %.*s",
                       STR_FMT(sweep_score_words(&arena, &event->row->sweep, best->score)),
                       (long long)best->number + 1,
                       STR_FMT(sweep_trial_words(&arena, &event->row->sweep, &best->overrides))));
}

static void add_counts(struct sweep_narrator *narrator, const struct sweep_event *event,
                       int64_t now_ns)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct buf line = buf_in(&arena);
    bool is_limit;
    int64_t left_ns = sweep_left_ns(narrator, event, now_ns, &is_limit);
    buf_print(&line, "%lld", (long long)event->done_count);
    if (event->total_count)
        buf_print(&line, "/%lld", (long long)event->total_count);
    buf_add_text(&line, " done");
    if (left_ns >= 0)
        buf_print(&line, is_limit ? ", time is up in %.*s" : ", ~%.*s left",
                  STR_FMT(duration_print(&arena, left_ns)));
    buf_print(&line, ", %zu running", event->running_count);
    if (narrator->failed_count)
        buf_print(&line, ", %lld failed", (long long)narrator->failed_count);
    if (event->running_count > TRIALS_SHOWN)
        buf_print(&line, " (%zu not shown)", event->running_count - TRIALS_SHOWN);
    add_line(narrator, buf_str(&line));
}

/* Redraws the block if something was said or a frame's time has passed. */
void sweep_live_draw(struct sweep_narrator *narrator, const struct sweep_event *event,
                     int64_t now_ns)
{
    bool is_early = now_ns - narrator->drawn_ns < FRAME_MS * NS_PER_MS;
    if (is_early && !narrator->out.len && event->kind != SWEEP_ENDED)
        return;
    sweep_live_erase(narrator);
    int stage_columns = widest_stage(event);
    for (size_t i = 0; i < event->running_count && i < TRIALS_SHOWN; i++)
        add_running(narrator, event, &event->running[i], stage_columns, now_ns);
    if (event->running_count) {
        add_best(narrator, event);
        add_counts(narrator, event, now_ns);
    }
    narrator->drawn_ns = now_ns;
    sweep_narrator_write(narrator);
}
