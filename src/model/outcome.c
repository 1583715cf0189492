#include "mlops/model/outcome.h"

static const char *const STATUS_NAMES[] = {
    [STATUS_WAITING] = "waiting",         [STATUS_UNCHANGED] = "unchanged",
    [STATUS_RESTORED] = "restored",       [STATUS_EXECUTED] = "executed",
    [STATUS_FAILED] = "failed",           [STATUS_REJECTED] = "rejected",
    [STATUS_UNCONFIRMED] = "unconfirmed", [STATUS_SKIPPED] = "skipped",
    [STATUS_INTERRUPTED] = "interrupted", [STATUS_UNKNOWN] = "unknown",
    [STATUS_WOULD_RUN] = "would_run",     [STATUS_WOULD_RESTORE] = "would_restore",
};

const char *stage_status_name(enum stage_status status)
{
    return STATUS_NAMES[status];
}

bool stage_made_nothing(enum stage_status status)
{
    return status == STATUS_FAILED || status == STATUS_REJECTED || status == STATUS_UNCONFIRMED ||
           status == STATUS_INTERRUPTED;
}

bool stage_status_parse(struct str name, enum stage_status *ret)
{
    for (size_t i = 0; i < COUNT_OF(STATUS_NAMES); i++) {
        if (!str_is(name, STATUS_NAMES[i]))
            continue;
        *ret = (enum stage_status)i;
        return true;
    }
    return false;
}

bool outcome_is_judged(const struct outcome *outcome)
{
    return (outcome->status == STATUS_REJECTED && outcome->checks) || outcome->is_measured;
}
