#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/block.h"

#include "narrate_private.h"

enum { FRAME_MS = 100, BLOCK_LINES_MOST = 8 };

/* Moves to the first line of the block and clears from there: log lines scroll above it. */
void live_erase(struct narrator *narrator)
{
    block_erase(&narrator->out, &narrator->block_lines);
}

static void add_line(struct narrator *narrator, struct str line)
{
    block_add(&narrator->out, &narrator->block_lines, line);
}

static void add_running(struct narrator *narrator, const struct running *running, int64_t now_ns)
{
    AUTO(arena_drop) struct arena arena = {0};
    int64_t elapsed_ns = now_ns - running->started_ns;
    struct str left = {0};
    if (running->expected_ns > elapsed_ns)
        left = str_print(&arena, ", about %.*s left",
                         STR_FMT(duration_print(&arena, running->expected_ns - elapsed_ns)));
    else if (running->expected_ns)
        left = str_print(&arena, " (usually %.*s)",
                         STR_FMT(duration_print(&arena, running->expected_ns)));
    add_line(narrator, str_print(&arena, "  %.*s  %.*s%.*s", STR_FMT(running->stage->name),
                                 STR_FMT(duration_print(&arena, elapsed_ns)), STR_FMT(left)));
}

static void add_counts(struct narrator *narrator, int running_count, int shown)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct buf line = buf_in(&arena);
    buf_print(&line, "%d of %d done, %d running", narrator->finished, narrator->total,
              running_count);
    if (running_count > shown)
        buf_print(&line, " (%d not shown)", running_count - shown);
    add_line(narrator, buf_str(&line));
}

static void add_hashing(struct narrator *narrator)
{
    AUTO(arena_drop) struct arena arena = {0};
    if (!narrator->hash_total_bytes)
        add_line(narrator, str_print(&arena, "hashing %.*s so far",
                                     STR_FMT(bytes_print(&arena, narrator->hashed_bytes))));
    else
        add_line(narrator, str_print(&arena, "hashing %.*s of %.*s",
                                     STR_FMT(bytes_print(&arena, narrator->hashed_bytes)),
                                     STR_FMT(bytes_print(&arena, narrator->hash_total_bytes))));
}

/* Redraws the block if something was said or a frame's time has passed. */
void live_draw(struct narrator *narrator, int64_t now_ns)
{
    bool is_early = now_ns - narrator->drawn_ns < FRAME_MS * NS_PER_MS;
    if (is_early && !narrator->out.len)
        return;
    live_erase(narrator);
    int running_count = 0;
    int shown = 0;
    if (narrator->is_hashing)
        add_hashing(narrator);
    vec_each (struct running, running, &narrator->running)
        running_count += running->stage != NULL;
    vec_each (struct running, running, &narrator->running) {
        if (!running->stage || shown == BLOCK_LINES_MOST)
            continue;
        add_running(narrator, running, now_ns);
        shown++;
    }
    if (running_count)
        add_counts(narrator, running_count, shown);
    narrator->drawn_ns = now_ns;
    narrator_write(narrator);
}
