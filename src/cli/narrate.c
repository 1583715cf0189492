#include "mlops/cli/narrate.h"

#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/report.h"
#include "mlops/host/clock.h"
#include "mlops/host/file.h"
#include "mlops/host/terminal.h"

#include <unistd.h>

#include "narrate_private.h"

enum { TICK_MS = 100 };

void narrator_write(struct narrator *narrator)
{
    /* When stderr is gone there is nobody to tell; the run goes on. */
    error_drop(file_write(STDERR_FILENO, narrator->out.at, narrator->out.len, "standard error"));
    buf_clear(&narrator->out);
}

struct running *narrator_running(struct narrator *narrator, const struct stage *stage)
{
    vec_each (struct running, running, &narrator->running) {
        if (running->stage == stage)
            return running;
    }
    return NULL;
}

static void add_toned(struct narrator *narrator, const char *code, struct str text)
{
    bool colour = terminal_has_colour(STDERR_FILENO) && !narrator->context->common.no_colour;
    if (colour)
        buf_add_text(&narrator->out, code);
    buf_add_escaped(&narrator->out, text, false);
    if (colour)
        buf_add_text(&narrator->out, "\x1b[0m");
}

#define TONE_RED "\x1b[31m"
#define TONE_YELLOW "\x1b[33m"
#define TONE_GREEN "\x1b[32m"
#define TONE_GREY "\x1b[2m"

/* Others' text line by line behind a prefix. */
static void add_lines(struct narrator *narrator, const char *prefix, struct str text)
{
    struct str line;
    while (text.len && str_split(&text, '\n', &line)) {
        buf_add_text(&narrator->out, prefix);
        buf_add_escaped(&narrator->out, line, false);
        buf_add_char(&narrator->out, '\n');
    }
}

static const char *past_tense(enum stage_status status)
{
    switch (status) {
    case STATUS_EXECUTED:
        return "ran";
    case STATUS_RESTORED:
        return "restored";
    case STATUS_UNCHANGED:
        return "unchanged";
    case STATUS_FAILED:
        return "failed";
    case STATUS_REJECTED:
        return "rejected";
    case STATUS_UNCONFIRMED:
        return "unconfirmed";
    case STATUS_SKIPPED:
        return "skipped";
    case STATUS_INTERRUPTED:
        return "interrupted";
    case STATUS_WAITING:
    case STATUS_UNKNOWN:
    case STATUS_WOULD_RUN:
    case STATUS_WOULD_RESTORE:
        break;
    }
    return stage_status_name(status);
}

static const char *tone_of(enum stage_status status)
{
    if (status == STATUS_EXECUTED)
        return TONE_GREEN;
    if (status == STATUS_RESTORED || status == STATUS_UNCHANGED || status == STATUS_SKIPPED)
        return TONE_GREY;
    return status == STATUS_UNCONFIRMED ? TONE_YELLOW : TONE_RED;
}

static void add_reasons(struct narrator *narrator, const struct outcome *outcome)
{
    AUTO(arena_drop) struct arena arena = {0};
    vec_each (struct reason, reason, &outcome->reasons) {
        buf_add_text(&narrator->out, "      because ");
        buf_add_escaped(&narrator->out, reason_print(&arena, reason), false);
        buf_add_char(&narrator->out, '\n');
    }
}

static void add_failure(struct narrator *narrator, const struct event *event)
{
    const struct outcome *outcome = event->outcome;
    /* A built-in evaluation that ended well and fails could not be judged: its table is no cause.
     */
    bool is_measured = outcome->stage->evaluating && outcome->usage.exit_code == 0;
    if (outcome->log_tail.len && outcome->status != STATUS_SKIPPED && !is_measured &&
        !narrator->context->common.verbose)
        add_lines(narrator, "    | ", outcome->log_tail);
    vec_each (struct str, path, &outcome->changed_inputs) {
        buf_add_text(&narrator->out, "    '");
        buf_add_escaped(&narrator->out, *path, false);
        buf_add_text(&narrator->out, "' changed while the stage ran\n");
    }
    if (outcome->status == STATUS_UNCONFIRMED)
        buf_print(&narrator->out,
                  "    to take its outputs as made from the inputs before: mlops accept %.*s\n",
                  STR_FMT(outcome->stage->name));
}

static bool is_worth_a_line(const struct narrator *narrator, const struct outcome *outcome)
{
    const struct check_results *checks = outcome->checks;
    /* a drop that is compared with nothing is told in each run, not only in the first */
    bool has_warning = checks && (checks->warned || (outcome->stage->gates && checks->skipped));
    return outcome->status != STATUS_UNCHANGED || narrator->context->common.verbose || has_warning;
}

static bool has_tables(const struct check_results *results)
{
    vec_each (const struct check_result, result, &results->all) {
        if (!str_equal(result->table, results->all.at[0].table))
            return !check_result_is_gate(result);
    }
    return false;
}

/* "fail  train: 3 rows repeat an earlier one; wanted: at most 0": the table, if there are several.
 */
static void add_finding(struct narrator *narrator, const struct check_result *result,
                        bool names_table)
{
    bool is_failure = check_result_is_failure(result);
    buf_add_text(&narrator->out, "    ");
    add_toned(narrator, tone_of(is_failure ? STATUS_FAILED : STATUS_UNCONFIRMED),
              result->judgement);
    buf_add_text(&narrator->out, "  ");
    if (names_table) {
        buf_add_escaped(&narrator->out, result->table, true);
        buf_add_text(&narrator->out, ": ");
    }
    buf_add_escaped(&narrator->out, result->message, true);
    if (result->limit.len && !check_result_is_gate(result)) {
        buf_add_text(&narrator->out, "; wanted: ");
        buf_add_escaped(&narrator->out, result->limit, true);
    }
    buf_add_char(&narrator->out, '\n');
}

/* That a gate had nothing to compare with is told, too. */
static bool is_told(const struct check_result *result)
{
    bool is_skipped_gate = check_result_is_gate(result) && str_is(result->judgement, "skip");
    return is_skipped_gate || check_result_is_failure(result) ||
           str_is(result->judgement, "warn") || str_is(result->judgement, "inconclusive");
}

/* What failed and what warns, each with what was wanted; all of it is in `mlops show`. */
static void add_findings(struct narrator *narrator, const struct outcome *outcome)
{
    enum { FINDINGS_TOLD = 20 };
    int told = 0, all = 0;
    bool names_table = has_tables(outcome->checks);
    vec_each (const struct check_result, result, &outcome->checks->all) {
        if (!is_told(result) || all++ >= FINDINGS_TOLD)
            continue;
        told++;
        add_finding(narrator, result, names_table);
    }
    if (told < all)
        buf_print(&narrator->out, "    ... and %d more: mlops show\n", all - told);
}

/* "[2/5] train ran 12.3 s" */
static void say_finished(struct narrator *narrator, const struct event *event)
{
    const struct outcome *outcome = event->outcome;
    enum stage_status status = outcome->status;
    if (!is_worth_a_line(narrator, outcome))
        return;
    AUTO(arena_drop) struct arena arena = {0};
    buf_print(&narrator->out, "[%d/%d] ", event->finished_count, event->total_count);
    buf_add_escaped(&narrator->out, outcome->stage->name, false);
    buf_add_char(&narrator->out, ' ');
    add_toned(narrator, tone_of(status), str_of(past_tense(status)));
    if (outcome->usage.attempts) {
        buf_add_char(&narrator->out, ' ');
        buf_add_str(&narrator->out, duration_print(&arena, outcome->usage.duration_ns));
    }
    bool is_judged = outcome->checks && status != STATUS_FAILED;
    struct str blocker =
        is_judged ? check_results_print(&arena, outcome->checks) : outcome->blocker;
    if (blocker.len &&
        (status == STATUS_SKIPPED || status == STATUS_FAILED || status == STATUS_REJECTED)) {
        buf_add_text(&narrator->out, status == STATUS_SKIPPED ? " (" : ": ");
        buf_add_escaped(&narrator->out, blocker, true);
        buf_add_text(&narrator->out, status == STATUS_SKIPPED ? ")" : "");
    }
    buf_add_char(&narrator->out, '\n');
    bool was_started = outcome->usage.attempts > 0 && narrator->progress == PROGRESS_PLAIN;
    if (narrator->context->common.verbose && !was_started) /* else they have been told */
        add_reasons(narrator, outcome);
    bool is_bad =
        status != STATUS_EXECUTED && status != STATUS_RESTORED && status != STATUS_UNCHANGED;
    if (is_judged)
        add_findings(narrator, outcome);
    else if (is_bad)
        add_failure(narrator, event);
}

static void add_output(struct narrator *narrator, const struct stage *stage, struct str line)
{
    buf_add_escaped(&narrator->out, stage->name, false);
    buf_add_text(&narrator->out, " | ");
    buf_add_escaped(&narrator->out, line, false);
    buf_add_char(&narrator->out, '\n');
}

/* Whole lines as they come, "train | epoch 3"; the rest of a line waits for its end. */
static void say_output(struct narrator *narrator, const struct event *event)
{
    struct running *running = narrator_running(narrator, event->stage);
    if (!narrator->context->common.verbose || !running)
        return;
    buf_add_str(&running->line, event->text);
    struct str rest = buf_str(&running->line);
    ptrdiff_t cut;
    while ((cut = str_find_char(rest, '\n')) >= 0) {
        add_output(narrator, event->stage, str_slice(rest, 0, (size_t)cut));
        rest = str_slice(rest, (size_t)cut + 1, rest.len);
    }
    enum { LINE_BYTES_MOST = 65536 }; /* a line without end is shown in pieces */
    if (rest.len > LINE_BYTES_MOST) {
        add_output(narrator, event->stage, rest);
        rest.len = 0;
    }
    if (rest.len)
        memmove(running->line.at, rest.at, rest.len);
    running->line.len = rest.len;
}

static void note_started(struct narrator *narrator, const struct event *event)
{
    struct running *running = narrator_running(narrator, NULL);
    if (!running)
        running = vec_push(narrator->context->arena, &narrator->running);
    struct buf line = running->line;
    buf_clear(&line);
    *running = (struct running){.stage = event->stage,
                                .started_ns = event->at_ns,
                                .expected_ns = event->expected_ns,
                                .line = line};
    if (narrator->progress == PROGRESS_PLAIN && narrator->context->common.verbose) {
        buf_add_escaped(&narrator->out, event->stage->name, false);
        buf_add_text(&narrator->out, " started\n");
        add_reasons(narrator, event->outcome);
    }
}

static void note_ended(struct narrator *narrator, const struct event *event)
{
    struct running *running = narrator_running(narrator, event->stage);
    if (!running)
        return;
    if (running->line.len && narrator->context->common.verbose)
        add_output(narrator, running->stage, buf_str(&running->line));
    buf_clear(&running->line);
    running->stage = NULL;
}

static void say_retry(struct narrator *narrator, const struct event *event)
{
    AUTO(arena_drop) struct arena arena = {0};
    note_ended(narrator, event);
    buf_add_escaped(&narrator->out, event->stage->name, false);
    buf_add_char(&narrator->out, ' ');
    buf_add_escaped(&narrator->out, event->text, false);
    buf_print(&narrator->out, "; attempt %d in %.*s\n", event->count,
              STR_FMT(duration_print(&arena, event->duration_ns)));
}

static void say(struct narrator *narrator, const struct event *event)
{
    switch (event->kind) {
    case EVENT_NOTICE:
    case EVENT_WARNING:
        buf_add_text(&narrator->out, event->kind == EVENT_WARNING ? "mlops: warning: " : "mlops: ");
        buf_add_escaped(&narrator->out, event->text, false);
        buf_add_char(&narrator->out, '\n');
        break;
    case EVENT_STAGE_STARTED:
        note_started(narrator, event);
        break;
    case EVENT_STAGE_OUTPUT:
        say_output(narrator, event);
        break;
    case EVENT_STAGE_RETRY:
        say_retry(narrator, event);
        break;
    case EVENT_STAGE_FINISHED:
        note_ended(narrator, event);
        say_finished(narrator, event);
        break;
    case EVENT_HASHING:
    case EVENT_TRANSFER:
        narrator->is_hashing = event->done_bytes < event->total_bytes ||
                               (event->kind == EVENT_HASHING && event->total_bytes == 0);
        narrator->hashed_bytes = event->done_bytes;
        narrator->hash_total_bytes = event->total_bytes;
        break;
    case EVENT_RUN_STARTED:
    case EVENT_STAGE_READY:
    case EVENT_RUN_FINISHED:
    case EVENT_STEP:
    case EVENT_TICK:
        break;
    }
}

static bool is_silenced(const struct narrator *narrator, const struct event *event)
{
    if (!narrator->context->common.quiet)
        return false;
    bool is_bad =
        event->kind == EVENT_STAGE_FINISHED && !event->outcome->saved_ns &&
        (event->outcome->status == STATUS_FAILED || event->outcome->status == STATUS_REJECTED ||
         event->outcome->status == STATUS_UNCONFIRMED);
    return event->kind != EVENT_WARNING && !is_bad;
}

static void tell(void *context, const struct event *event)
{
    struct narrator *narrator = context;
    if (narrator->progress == PROGRESS_JSON) {
        json_tell(narrator, event);
        return;
    }
    if (narrator->progress == PROGRESS_NONE || is_silenced(narrator, event))
        return;
    if (event->total_count) {
        narrator->finished = event->finished_count;
        narrator->total = event->total_count;
    }
    say(narrator, event);
    if (narrator->progress == PROGRESS_LIVE)
        live_draw(narrator, clock_monotonic_ns());
    else if (narrator->out.len)
        narrator_write(narrator);
}

struct narrator *narrator_open(struct context *context, enum progress progress)
{
    struct narrator *narrator = arena_new(context->arena, struct narrator);
    if (progress == PROGRESS_AUTO)
        progress = terminal_is_live(STDERR_FILENO) && !context->common.quiet ? PROGRESS_LIVE
                                                                             : PROGRESS_PLAIN;
    narrator->context = context;
    narrator->progress = progress;
    narrator->observer = (struct observer){
        .tell = tell,
        .context = narrator,
        .tick_ns = progress == PROGRESS_LIVE ? TICK_MS * NS_PER_MS : 0,
    };
    return narrator;
}

const struct observer *narrator_observer(struct narrator *narrator)
{
    return &narrator->observer;
}

void narrator_drop(struct narrator **narrator)
{
    if (!*narrator)
        return;
    if ((*narrator)->progress == PROGRESS_LIVE)
        live_erase(*narrator);
    narrator_write(*narrator);
    vec_each (struct running, running, &(*narrator)->running)
        buf_drop(&running->line);
    buf_drop(&(*narrator)->out);
    *narrator = NULL;
}
