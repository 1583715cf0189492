/* Warnings about a pipeline that is right by its grammar but probably not what was meant. */
#pragma once

#include "mlops/base/vec.h"
#include "mlops/model/plan.h"
#include "mlops/store/workspace.h"

struct lint_warning {
    int line, column; /* in the pipeline's file; 0: unknown */
    const char *rule; /* "unread-file": the word in JSON */
    struct str stage;
    struct str text;
};

VEC(lint_vec, struct lint_warning);

/* Looks at the work tree by stat only. Sorted by place. */
FALLIBLE lint_pipeline(struct arena *arena, const struct workspace *workspace,
                       const struct plan *plan, struct lint_vec *ret);
