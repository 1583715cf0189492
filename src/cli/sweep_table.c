/* Trials as they go on: a line for each that has ended, above the live block or by itself. */
#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/host/clock.h"
#include "mlops/host/file.h"
#include "mlops/host/terminal.h"

#include <stdlib.h>
#include <unistd.h>

#include "sweep_private.h"

enum { TICK_MS = 200, TAILS_SHOWN = 5 };

/* The first trial that failed for a reason: its log stands for those of the others. */
struct tail {
    int64_t number;
};

void sweep_narrator_write(struct sweep_narrator *narrator)
{
    /* When stderr is gone there is nobody to tell; the sweep goes on. */
    error_drop(file_write(STDERR_FILENO, narrator->out.at, narrator->out.len, "standard error"));
    buf_clear(&narrator->out);
}

static void add_toned(struct sweep_narrator *narrator, enum tone tone, struct str text)
{
    static const char *const codes[] = {
        [TONE_GOOD] = "\x1b[32m", [TONE_BAD] = "\x1b[31m",   [TONE_WARN] = "\x1b[33m",
        [TONE_DIM] = "\x1b[2m",   [TONE_STRONG] = "\x1b[1m", [TONE_PLAIN] = "",
    };
    bool colour = terminal_has_colour(STDERR_FILENO) && !narrator->context->common.no_colour &&
                  tone != TONE_PLAIN;
    buf_add_text(&narrator->out, colour ? codes[tone] : "");
    buf_add_escaped(&narrator->out, text, false);
    buf_add_text(&narrator->out, colour ? "\x1b[0m" : "");
}

/* --- time ----------------------------------------------------------------------------------- */

static struct sweep_clock *find_clock(const struct sweep_narrator *narrator, int64_t number)
{
    for (size_t i = 0; i < narrator->clock_count; i++)
        if (narrator->clocks[i].number == number)
            return &narrator->clocks[i];
    return NULL;
}

int64_t sweep_elapsed_ns(const struct sweep_narrator *narrator, int64_t number, int64_t now_ns)
{
    const struct sweep_clock *clock = find_clock(narrator, number);
    return clock ? now_ns - clock->begun_ns : 0;
}

static void start_clock(struct sweep_narrator *narrator, int64_t number, int64_t now_ns)
{
    if (find_clock(narrator, number))
        return;
    if (narrator->clock_count == narrator->clock_cap) {
        size_t cap = narrator->clock_cap ? 2 * narrator->clock_cap : 16;
        narrator->clocks = memory_grow(narrator->clocks, cap * sizeof *narrator->clocks);
        narrator->clock_cap = cap;
    }
    narrator->clocks[narrator->clock_count++] = (struct sweep_clock){number, now_ns};
}

/* Its time counts unless it goes back to the queue. */
static int64_t stop_clock(struct sweep_narrator *narrator, const struct trial *trial,
                          int64_t now_ns)
{
    struct sweep_clock *clock = find_clock(narrator, trial->number);
    if (!clock)
        return 0;
    int64_t elapsed_ns = now_ns - clock->begun_ns;
    *clock = narrator->clocks[--narrator->clock_count];
    if (trial->status != TRIAL_WAITING) {
        narrator->ended_count++;
        narrator->ended_ns += elapsed_ns;
    }
    return elapsed_ns;
}

int64_t sweep_left_ns(const struct sweep_narrator *narrator, const struct sweep_event *event,
                      int64_t now_ns, bool *ret_is_limit)
{
    int64_t most_ns = event->row->sweep.time_most_ns, left_ns = -1;
    *ret_is_limit = false;
    if (narrator->ended_count && event->total_count) {
        int64_t mean_ns = narrator->ended_ns / narrator->ended_count;
        int64_t waiting = event->total_count - event->done_count - (int64_t)event->running_count;
        double sum_ns = (double)mean_ns * (double)MAX_OF(waiting, (int64_t)0);
        for (size_t i = 0; i < event->running_count; i++) {
            int64_t elapsed_ns = sweep_elapsed_ns(narrator, event->running[i].trial.number, now_ns);
            sum_ns += (double)MAX_OF(mean_ns - elapsed_ns, (int64_t)0);
        }
        left_ns = (int64_t)(sum_ns / (double)MAX_OF(event->running_count, (size_t)1));
    }
    if (most_ns == 0)
        return left_ns;
    int64_t limit_ns = most_ns - event->row->spent_ns - (now_ns - narrator->begun_ns);
    *ret_is_limit = left_ns < 0 || limit_ns < left_ns;
    return *ret_is_limit ? MAX_OF(limit_ns, (int64_t)0) : left_ns;
}

/* --- lines ---------------------------------------------------------------------------------- */

static void add_tail_lines(struct sweep_narrator *narrator, struct str text)
{
    struct str line;
    while (text.len && str_split(&text, '\n', &line)) {
        buf_add_text(&narrator->out, "    | ");
        buf_add_escaped(&narrator->out, line, false);
        buf_add_char(&narrator->out, '\n');
    }
}

/* The end of its log; but once for each reason, and not without end. */
static void add_tail(struct sweep_narrator *narrator, const struct trial_view *view)
{
    struct arena *arena = narrator->context->arena;
    struct str note = view->trial.note;
    const struct tail *before = map_get(&narrator->tails, note);
    if (before) {
        buf_print(&narrator->out, "    as in trial %lld\n", (long long)before->number + 1);
        return;
    }
    if (view->log_tail.len == 0)
        return;
    if (narrator->tails.len >= TAILS_SHOWN) {
        struct str run = ulid_short(view->trial.run);
        if (run.len)
            buf_print(&narrator->out, "    its log: mlops logs %.*s\n", STR_FMT(run));
        return;
    }
    struct tail *tail = arena_new(arena, struct tail);
    tail->number = view->trial.number;
    map_put(arena, &narrator->tails, str_copy(arena, note), tail);
    add_tail_lines(narrator, view->log_tail);
}

static bool is_failure(enum trial_status status)
{
    return status == TRIAL_FAILED || status == TRIAL_REJECTED;
}

static const char *words_of(enum trial_status status)
{
    return status == TRIAL_WAITING ? "goes back to the queue" : trial_status_name(status);
}

static void add_score(struct sweep_narrator *narrator, const struct sweep_event *event)
{
    AUTO(arena_drop) struct arena arena = {0};
    const struct trial *trial = &event->trial->trial;
    if (!trial->has_score)
        return;
    bool is_best =
        event->best && event->best->number == trial->number && narrator->told_best != trial->number;
    buf_add_text(&narrator->out, "  ");
    add_toned(narrator, is_best ? TONE_STRONG : TONE_PLAIN,
              sweep_score_words(&arena, &event->row->sweep, trial->score));
    if (!is_best)
        return;
    narrator->told_best = trial->number;
    buf_add_text(&narrator->out, " (best so far)");
}

/* ": there is no metric...": of those that ended well and have no score once for each reason. */
static void add_note(struct sweep_narrator *narrator, const struct trial *trial)
{
    struct arena *arena = narrator->context->arena;
    const struct tail *before = map_get(&narrator->notes, trial->note);
    if (!trial->note.len)
        return;
    buf_add_text(&narrator->out, ": ");
    if (trial->status == TRIAL_SUCCEEDED && before) {
        buf_print(&narrator->out, "no score, as in trial %lld", (long long)before->number + 1);
        return;
    }
    buf_add_escaped(&narrator->out, trial->note, false);
    if (trial->status != TRIAL_SUCCEEDED || narrator->notes.len >= TAILS_SHOWN)
        return;
    struct tail *told = arena_new(arena, struct tail);
    told->number = trial->number;
    map_put(arena, &narrator->notes, str_copy(arena, trial->note), told);
}

/* "[3/24] trial 7 succeeded 12.3 s  f1 0.9421 (best so far)  lr=0.01 depth=5" */
static void say_ended(struct sweep_narrator *narrator, const struct sweep_event *event,
                      int64_t elapsed_ns)
{
    AUTO(arena_drop) struct arena arena = {0};
    const struct trial *trial = &event->trial->trial;
    struct buf *out = &narrator->out;
    buf_print(out, "[%lld", (long long)event->done_count);
    if (event->total_count)
        buf_print(out, "/%lld", (long long)event->total_count);
    buf_print(out, "] trial %lld ", (long long)trial->number + 1);
    add_toned(narrator, trial_status_tone(trial->status), str_of(words_of(trial->status)));
    buf_print(
        out, " %.*s",
        STR_FMT(duration_print(&arena, trial->duration_ns ? trial->duration_ns : elapsed_ns)));
    add_score(narrator, event);
    buf_add_text(out, "  ");
    buf_add_escaped(out, sweep_trial_words(&arena, &event->row->sweep, &trial->overrides), false);
    add_note(narrator, trial);
    buf_add_char(out, '\n');
    if (is_failure(trial->status))
        add_tail(narrator, event->trial);
}

static void say(struct sweep_narrator *narrator, const struct sweep_event *event, int64_t now_ns)
{
    bool is_quiet = narrator->context->common.quiet;
    int64_t elapsed_ns;
    switch (event->kind) {
    case SWEEP_BEGUN:
        narrator->begun_ns = now_ns;
        break;
    case TRIAL_BEGUN:
        start_clock(narrator, event->trial->trial.number, now_ns);
        break;
    case TRIAL_ENDED:
        elapsed_ns = stop_clock(narrator, &event->trial->trial, now_ns);
        narrator->failed_count += is_failure(event->trial->trial.status);
        if (!is_quiet || is_failure(event->trial->trial.status))
            say_ended(narrator, event, elapsed_ns);
        break;
    case SWEEP_WARNED:
        buf_add_text(&narrator->out, "mlops: warning: ");
        buf_add_escaped(&narrator->out, event->text, false);
        buf_add_char(&narrator->out, '\n');
        break;
    case TRIAL_CHANGED:
    case SWEEP_TICKED:
    case SWEEP_ENDED:
        break;
    }
}

/* --- the narrator --------------------------------------------------------------------------- */

static void tell(void *context, const struct sweep_event *event)
{
    struct sweep_narrator *narrator = context;
    int64_t now_ns = clock_monotonic_ns();
    if (narrator->progress == PROGRESS_JSON) {
        sweep_json_tell(narrator, event);
        return;
    }
    if (narrator->progress == PROGRESS_NONE)
        return;
    say(narrator, event, now_ns);
    if (narrator->progress == PROGRESS_LIVE)
        sweep_live_draw(narrator, event, now_ns);
    else if (narrator->out.len)
        sweep_narrator_write(narrator);
}

struct sweep_narrator *sweep_narrator_open(struct context *context, enum progress progress)
{
    struct sweep_narrator *narrator = arena_new(context->arena, struct sweep_narrator);
    bool is_live = terminal_is_live(STDERR_FILENO) && !context->common.quiet;
    if (progress == PROGRESS_AUTO)
        progress = is_live ? PROGRESS_LIVE : PROGRESS_PLAIN;
    narrator->context = context;
    narrator->progress = progress;
    narrator->told_best = -1;
    narrator->begun_ns = clock_monotonic_ns();
    narrator->observer = (struct sweep_observer){
        .tell = tell,
        .context = narrator,
        .tick_ns = progress == PROGRESS_LIVE ? TICK_MS * NS_PER_MS : 0,
    };
    return narrator;
}

const struct sweep_observer *sweep_narrator_observer(struct sweep_narrator *narrator)
{
    return &narrator->observer;
}

void sweep_narrator_drop(struct sweep_narrator **narrator)
{
    if (!*narrator)
        return;
    if ((*narrator)->progress == PROGRESS_LIVE)
        sweep_live_erase(*narrator);
    sweep_narrator_write(*narrator);
    buf_drop(&(*narrator)->out);
    free((*narrator)->clocks);
    *narrator = NULL;
}
