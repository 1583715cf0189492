#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/engine/data.h"
#include "mlops/host/clock.h"
#include "mlops/host/lock.h"
#include "mlops/host/signal.h"
#include "mlops/model/name.h"

#include <time.h>

#include "fingerprint_private.h"

/* The recorded output that is or holds `path`, of a stage that this run does not visit; or NULL. */
static struct artifact *recorded_output(const struct session *session, struct str path)
{
    const struct stage *maker = plan_producer(&session->plan, path);
    const struct lock_entry *entry = maker ? session_lock_entry(session, maker) : NULL;
    for (size_t i = 0; entry && i < entry->out_count; i++) {
        if (entry->outs[i].is_stored && path_is_within(path, entry->outs[i].path))
            return &entry->outs[i];
    }
    return NULL;
}

/* Another run may be making it just now, and its command must not find the earlier one in its way:
 * waits for that. */
static FALLIBLE claim_output(struct session *session, struct str path, struct claims *ret)
{
    const struct timespec pause = {.tv_nsec = 25 * NS_PER_MS};
    int64_t most_ns = session->workspace.config.lock_timeout_ns;
    int64_t began_ns = clock_monotonic_ns();
    struct claim claim = {path, LOCK_EXCLUSIVE};
    for (;;) {
        bool taken = false;
        TRY(claims_take(fd_number(session->workspace.state_fd), "locks/paths", &claim, 1, ret,
                        &taken));
        if (taken)
            return NULL;
        TRY(signal_check());
        if (most_ns >= 0 && clock_monotonic_ns() - began_ns > most_ns)
            return error_new(ERROR_MACHINE,
                             "another run has been working on '%.*s' for longer than "
                             "'lock_timeout' allows",
                             STR_FMT(path));
        nanosleep(&pause, NULL);
    }
}

static FALLIBLE restore_input(struct session *session, struct str path,
                              const struct artifact *recorded)
{
    AUTO(claims_drop) struct claims claims = {0};
    struct artifact now;
    int displaced = 0;
    bool done = false;
    TRY(claim_output(session, recorded->path, &claims));
    worktree_forget(session->worktree, recorded->path);
    TRY(worktree_look(session->worktree, path, LOOK_DEP, &now));
    if (now.kind != ARTIFACT_ABSENT)
        return NULL;
    TRY(worktree_restore(session->worktree, recorded, STR("displaced/inputs"), &displaced, &done));
    worktree_forget(session->worktree, recorded->path);
    return NULL;
}

static void foresee(struct session *session, struct forecast *forecast, struct artifact *recorded)
{
    map_put(session->arena, &forecast->known, recorded->path, recorded);
    forecast_note(session->arena, forecast, recorded->path,
                  plan_producer(&session->plan, recorded->path));
}

struct error *input_bring_back(struct session *session, struct str path, struct forecast *forecast)
{
    struct artifact now;
    struct artifact *recorded = recorded_output(session, path);
    bool can = false;
    TRY(worktree_look(session->worktree, path, LOOK_DEP, &now));
    if (now.kind != ARTIFACT_ABSENT || !recorded || !session->cas)
        return NULL;
    TRY(worktree_can_restore(session->worktree, recorded, &can));
    if (can && forecast)
        foresee(session, forecast, recorded);
    return can && !forecast ? restore_input(session, path, recorded) : NULL;
}

static const struct artifact *known_above(const struct forecast *forecast, struct str path)
{
    const struct artifact *known = NULL;
    while (!known && path.len > 1) { /* "." is above all, and no output */
        path = path_directory(path);
        known = map_get(&forecast->known, path);
    }
    return known;
}

struct error *input_foresee_part(struct session *session, const struct forecast *forecast,
                                 struct str path, struct artifact *ret, bool *ret_known)
{
    const struct artifact *above = known_above(forecast, path);
    struct data_record part = {0};
    bool is_found = false;
    *ret_known = false;
    if (!above || above->kind != ARTIFACT_TREE || !session->cas)
        return NULL;
    const struct data_record whole = {.artifact = *above, .kind = TREE_DIRECTORY};
    TRY(data_part(session, &whole, path, &part, &is_found, ret_known));
    *ret_known = *ret_known && is_found && (part.kind == TREE_FILE || part.kind == TREE_EXECUTABLE);
    if (*ret_known)
        *ret = part.artifact;
    return NULL;
}
