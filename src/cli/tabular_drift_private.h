/* What the files of `data drift` share. */
#pragma once

#include "mlops/base/map.h"
#include "mlops/cli/tabular.h"
#include "mlops/data/drift.h"

struct side {
    struct str path;
    const char *source; /* "table", "profile", "footer" */
    struct profile profile;
    struct map columns; /* by name, the first of each */
};

/* A column of both tables. */
struct pair {
    const struct column_profile *reference, *current;
    struct drift drift;
};

VEC(pair_vec, struct pair);

struct comparison {
    struct side reference, current;
    struct pair_vec pairs;
    bool is_single; /* one column was asked for */
};

const struct column_profile *side_find(const struct side *side, struct str name);

void drift_report(struct context *context, const struct comparison *comparison);
