#include "mlops/cli/progress.h"

#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/context.h"
#include "mlops/host/clock.h"
#include "mlops/host/file.h"
#include "mlops/host/terminal.h"

#include <unistd.h>

/* What is over sooner is not worth a flicker; redrawing faster than this nobody can read. */
#define QUIET_NS (500 * NS_PER_MS)
#define REDRAW_NS (100 * NS_PER_MS)

static void write_terminal(struct str text)
{
    error_drop(file_write(STDERR_FILENO, text.at, text.len, "standard error"));
}

void progress_clear(struct progress *progress)
{
    if (progress->is_shown)
        write_terminal(STR("\r\x1b[K"));
    progress->is_shown = false;
}

/* "1.2 GiB of 40.0 GiB · 850.0 MiB/s · 45 s left" */
static struct str describe(struct arena *arena, const struct event *event, int64_t elapsed_ns)
{
    double seconds = (double)MAX_OF(elapsed_ns, NS_PER_MS) / (double)NS_PER_S;
    double rate = (double)event->done_bytes / seconds;
    int64_t left_bytes = event->total_bytes - event->done_bytes;
    struct str done = bytes_print(arena, event->done_bytes);
    struct str speed = bytes_print(arena, (int64_t)rate);
    if (event->total_bytes <= 0 || left_bytes < 0 || rate < 1)
        return str_print(arena, "%.*s · %.*s/s", STR_FMT(done), STR_FMT(speed));
    int64_t left_ns = (int64_t)((double)left_bytes / rate) * NS_PER_S;
    return str_print(arena, "%.*s of %.*s · %.*s/s · %.*s left", STR_FMT(done),
                     STR_FMT(bytes_print(arena, event->total_bytes)), STR_FMT(speed),
                     STR_FMT(duration_print(arena, left_ns)));
}

static void show(struct progress *progress, const struct event *event)
{
    int64_t now = clock_monotonic_ns();
    if (progress->started_ns == 0)
        progress->started_ns = now;
    bool is_soon = now - progress->started_ns < QUIET_NS || now - progress->shown_ns < REDRAW_NS;
    if (is_soon || progress->context->common.quiet || !terminal_is_live(STDERR_FILENO))
        return;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(buf_drop) struct buf line = {0};
    struct str text = describe(&arena, event, now - progress->started_ns);
    buf_add_text(&line, "\r");
    buf_add_str(&line, text_fit(text, terminal_columns(STDERR_FILENO) - 1));
    buf_add_text(&line, "\x1b[K");
    write_terminal(buf_str(&line));
    progress->is_shown = true;
    progress->shown_ns = now;
}

static void tell(void *opaque, const struct event *event)
{
    struct progress *progress = opaque;
    if (event->kind == EVENT_HASHING || event->kind == EVENT_TRANSFER) {
        show(progress, event);
        return;
    }
    progress_clear(progress);
    if (event->kind == EVENT_NOTICE)
        context_notice(progress->context, "%.*s", STR_FMT(event->text));
    else if (event->kind == EVENT_WARNING)
        context_warn(progress->context, "%.*s", STR_FMT(event->text));
}

struct observer progress_observer(struct progress *progress)
{
    return (struct observer){.tell = tell, .context = progress};
}
