/* The difference of two sides with all that the store, the work tree and git add to it. */
#pragma once

#include "mlops/cli/context.h"
#include "mlops/model/diff.h"

struct diff_request {
    bool all;            /* also what is the same */
    bool wants_patch;    /* the text of changes of code */
    bool by_numbers;     /* no tests on predictions */
    struct str pipeline; /* as typed: whose gates say which metrics matter */
};

FALLIBLE diff_make(struct context *context, const struct diff_request *request,
                   const struct run_view *before, const struct run_view *after,
                   struct run_diff *ret);
