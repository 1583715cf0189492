#include "mlops/base/arena.h"

#include "environment_private.h"

/* What the key says nothing of is no reason. */
static bool is_in_key(const struct environment_change *change)
{
    bool is_machine = str_is(change->section, "machine");
    bool is_place = str_is(change->name, "path") || str_is(change->name, "manager");
    if (is_machine)
        return str_is(change->name, "os") || str_is(change->name, "platform");
    return str_is(change->section, "packages") ||
           (str_is(change->section, "interpreter") && !is_place);
}

static struct str named(struct arena *arena, const struct environment_change *change,
                        struct str value)
{
    if (!value.len)
        return str_print(arena, "no %.*s", STR_FMT(change->name));
    return str_print(arena, "%.*s %.*s", STR_FMT(change->name), STR_FMT(value));
}

static void tell(struct arena *arena, const struct environment_changes *changes,
                 struct reason *reason)
{
    const struct environment_change *first = NULL;
    size_t more = 0;
    vec_each (const struct environment_change, change, changes) {
        more += first && is_in_key(change);
        first = !first && is_in_key(change) ? change : first;
    }
    if (!first)
        return;
    reason->before = named(arena, first, first->before);
    reason->after = named(arena, first, first->after);
    if (more)
        reason->after = str_print(arena, "%.*s (and %zu more)", STR_FMT(reason->after), more);
}

static FALLIBLE compare(struct session *session, const struct stage *stage,
                        const struct recipe *recipe, struct reason *reason)
{
    struct ledger *ledger = NULL;
    struct str bytes = {0}, bytes_now = {0};
    struct environment before = {0}, now = {0};
    struct environment_changes changes = {0};
    TRY(session_ledger(session, &ledger));
    TRY(ledger_environment_of(ledger, recipe_key(recipe), &bytes));
    if (!bytes.len)
        return NULL;
    TRY(environment_decode(session->arena, bytes, &before));
    TRY(environment_capture(session, stage, &bytes_now));
    TRY(environment_decode(session->arena, bytes_now, &now));
    environment_diff(session->arena, &before, &now, &changes);
    tell(session->arena, &changes, reason);
    return NULL;
}

FALLIBLE environment_explain(struct session *session, const struct stage *stage,
                             const struct recipe *before, struct reason_vec *reasons)
{
    vec_each (struct reason, reason, reasons) {
        bool has_both = reason->before.len && reason->after.len;
        if (reason->part == REASON_ENVIRONMENT && has_both &&
            fd_number(session->workspace.state_fd) >= 0)
            TRY(compare(session, stage, before, reason));
    }
    return NULL;
}
