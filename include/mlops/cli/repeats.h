/* Runs that are one experiment: trials of a sweep that differ by the seed of their repeat only. */
#pragma once

#include "mlops/base/map.h"
#include "mlops/cli/context.h"
#include "mlops/store/sweeps.h"

struct repeats {
    struct map groups; /* ULID of a run -> struct repeat_group * */
};

struct repeat_group {
    int64_t sweep, combination;
    size_t number; /* of the caller's, for what it gathers; 0 at first */
};

/* Of all sweeps that repeat something. */
FALLIBLE repeats_load(struct context *context, struct repeats *ret);

/* Of one sweep, in which a combination without repeats is a group of one. */
FALLIBLE repeats_load_sweep(struct context *context, const struct sweep_row *row,
                            struct repeats *ret);

/* NULL: the run is none of such a sweep. */
struct repeat_group *repeats_find(const struct repeats *repeats, struct str run);
