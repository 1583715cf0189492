/* What the commands about data of other projects share: get, ls and import of a git repository. */
#pragma once

#include "mlops/cli/data.h"
#include "mlops/engine/registry.h"

/* Whether a word names a repository elsewhere: no directory here, or a bare repository. */
FALLIBLE foreign_is_repository(struct arena *arena, struct str cwd, struct str word, bool *ret);

/* Whether a word names a directory outside of the project that one is in, if any. */
FALLIBLE foreign_is_beside(struct context *context, struct str cwd, struct str word, bool *ret);

/* Where short-lived things go: $TMPDIR, or /tmp. */
struct str foreign_temporary(void);

struct foreign_wish {
    struct str word, path, rev; /* as typed */
    struct str shelter;         /* absolute: where a store lives meanwhile if there is no project */
    const struct observer *observer;
};

/* Lives at one address. */
struct foreign {
    struct session project;
    struct shelter shelter;
    struct session *session; /* either of them */
    struct registry registry;
    struct str path; /* normalised, of the repository */
};
FALLIBLE foreign_open(struct context *context, const struct foreign_wish *wish,
                      struct foreign *ret);
void foreign_drop(struct foreign *foreign);
