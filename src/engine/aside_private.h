/* The journal of an attempt, shared by aside.c and aside_recover.c. */
#pragma once

#include "mlops/engine/aside.h"

enum aside_state {
    ASIDE_ABSENT, /* nothing was there: what is there now was made by the attempt */
    ASIDE_DROP,   /* moved away; the store holds it or a run can make it again */
    ASIDE_KEEP,   /* moved away; the only copy: goes to displaced/ in the end */
    ASIDE_COPIED, /* a persisting output: copied, stays in place */
};

/* Outputs first; then what ignore files hide inside them, which goes before and comes back after
 * the output that it lies in. */

struct aside_entry {
    struct str path;
    enum aside_state state;
};

struct aside_journal {
    struct str run;
    struct str stage;
    struct aside_entry *entries;
    size_t count;
};

void journal_encode(const struct aside_journal *journal, struct buf *out);
FALLIBLE journal_decode(struct arena *arena, struct str bytes, struct aside_journal *ret);

/* Where entry `number` of an attempt lies: inside its folder, or beside the output on another file
 * system. */
struct aside_place {
    int at_fd;
    const char *path;
};
struct aside_place aside_inside(const struct session *session, struct arena *arena,
                                struct str folder, size_t number);
struct aside_place aside_sibling(const struct session *session, struct arena *arena,
                                 struct str attempt, size_t number, struct str path);

FALLIBLE journal_undo(struct session *session, struct str attempt, struct str folder,
                      const struct aside_journal *journal, struct str failed);
FALLIBLE journal_complete(struct session *session, struct str attempt, struct str folder,
                          const struct aside_journal *journal, int *ret_displaced);
