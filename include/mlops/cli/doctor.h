/* What `mlops doctor` looks at; each check is a function and a row of one table. */
#pragma once

#include "mlops/base/vec.h"
#include "mlops/cli/context.h"

enum health {
    HEALTH_OK,
    HEALTH_WARN,
    HEALTH_FAIL,
};

struct finding {
    const char *name;
    enum health health;
    struct str detail;
    const char *advice; /* what to do, or NULL */
};

VEC(finding_vec, struct finding);

/* Runs all checks. A check that could not find out is a finding itself, never an error. */
void doctor_examine(struct context *context, struct finding_vec *ret);
