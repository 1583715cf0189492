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
