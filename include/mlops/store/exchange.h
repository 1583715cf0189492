/* Several files of the work tree become others at once: all that they become lies in .mlops/ with a
 * journal before the first of them changes, so what a kill interrupts the next command completes.
 * Layout: docs/formats.md, "Exchanges". */
#pragma once

#include "mlops/base/vec.h"
#include "mlops/codec/digest.h"
#include "mlops/store/workspace.h"

/* What a path becomes. */
struct exchange {
    struct str path; /* relative to the project, and one that path_fault lets pass */
    uint32_t mode;   /* as git counts: 0100644, 0100755, 0120000 (bytes: the target); 0: it goes */
    struct str bytes;
    struct digest before; /* of what lies there and may be overwritten: exchange_digest; what is
                             another by then moves to `displaced`. Zero: nothing lies there */
};
VEC(exchange_vec, struct exchange);

/* Of a file's or link's content; zero: nothing is there. A directory has one that no file has. */
FALLIBLE exchange_digest(const struct workspace *workspace, struct str path, struct digest *ret);

/* `displaced`: a folder below .mlops, made on demand; *ret_displaced counts what moved there. Waits
 * for another exchange of this project. Durable when it returns. */
FALLIBLE exchange_make(const struct workspace *workspace, const struct exchange *exchanges,
                       size_t count, struct str displaced, int *ret_displaced);

/* Completes one that a dead process left; *ret_count: the paths it had (0: there is none, which
 * costs one failed open). One under way is waited for. */
FALLIBLE exchange_is_begun(const struct workspace *workspace, bool *ret);
FALLIBLE exchange_recover(const struct workspace *workspace, size_t *ret_count);
