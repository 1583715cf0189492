/* Shared by the files of module exchange. */
#pragma once

#include "mlops/base/buf.h"
#include "mlops/store/exchange.h"

struct exchange_journal {
    struct str displaced;
    const struct exchange *all; /* bytes are not in it: they lie beside it by number */
    size_t count;
};

void exchange_encode(const struct exchange_journal *journal, struct buf *out);

/* Text borrows from `bytes`; every path passes path_fault. */
FALLIBLE exchange_decode(struct arena *arena, struct str bytes, struct exchange_journal *ret);

/* An exchange that goes on. */
struct exchange_doing {
    const struct workspace *workspace;
    struct arena *arena;
    const struct exchange_journal *journal;
    int displaced;
};

/* Moves what stands at a path of the work tree to the folder that the journal names. */
FALLIBLE exchange_displace(struct exchange_doing *doing, struct str path);

/* The highest link that stands at `above`, or above that; empty if there is none. Behind it lies
 * nothing that was seen before. */
FALLIBLE exchange_find_link(struct exchange_doing *doing, struct str above, struct str *ret);
