#include "mlops/model/outcome.h"

#include "mlops/base/buf.h"

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

struct str check_results_print(struct arena *arena, const struct check_results *results)
{
    struct buf out = buf_in(arena);
    int all = results->passed + results->failed + results->warned + results->skipped;
    if (results->failed)
        buf_print(&out, "%d of %d checks failed", results->failed, all);
    else
        buf_print(&out, "%d of %d checks passed", results->passed, all);
    if (results->warned)
        buf_print(&out, ", %d %s", results->warned, results->warned == 1 ? "warns" : "warn");
    if (results->skipped)
        buf_print(&out, ", %d could not be judged", results->skipped);
    return buf_str(&out);
}
