/* Between the files of module get. */
#pragma once

#include "mlops/engine/get.h"
#include "mlops/store/workspace.h"

/* What is being put together, beside where it goes: below `temp`, as GET_CONTENT. */
#define GET_CONTENT "content"
struct landing {
    const struct get_target *target;
    struct fd parent_fd;
    struct str name; /* in the parent */
    struct temp_dir temp;
};

/* Refuses early what could not be put in place later. */
FALLIBLE landing_open(struct arena *arena, const struct get_target *target, struct landing *ret);
void landing_drop(struct landing *landing);

/* When it is known what comes: a file can't be called 'out/'. */
FALLIBLE landing_check(const struct landing *landing, bool is_directory);

/* Makes the directories above `path` (below GET_CONTENT; "" is GET_CONTENT itself) and gives its
 * name for use with temp.fd. */
FALLIBLE landing_name(const struct landing *landing, struct arena *arena, struct str path,
                      struct str *ret);

/* Durable, then in place. */
FALLIBLE landing_finish(struct landing *landing, bool is_directory);
