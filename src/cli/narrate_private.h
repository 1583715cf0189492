/* State of the narrator; narrate.c: what is said; narrate_live.c: the block on a terminal;
 * narrate_json.c: events as JSON. */
#pragma once

#include "mlops/base/map.h"
#include "mlops/cli/narrate.h"

struct running {
    const struct stage *stage;
    int64_t started_ns;
    int64_t expected_ns;
    struct buf line; /* unfinished output line, under -v */
};

VEC(running_vec, struct running);

struct narrator {
    struct context *context;
    struct observer observer;
    enum progress progress;
    struct running_vec running;
    struct buf out;  /* what goes to stderr in one write */
    int block_lines; /* of the live block on the screen */
    int64_t drawn_ns;
    int finished, total;
    int64_t hashed_bytes, hash_total_bytes;
    bool is_hashing;
};

struct running *narrator_running(struct narrator *narrator, const struct stage *stage);
void narrator_write(struct narrator *narrator);

void live_erase(struct narrator *narrator);
void live_draw(struct narrator *narrator, int64_t now_ns);

void json_tell(struct narrator *narrator, const struct event *event);
