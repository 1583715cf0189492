/* What stages made comes back as the run had it. */
#include "mlops/base/arena.h"

#include "apply_private.h"

static FALLIBLE is_there(struct applying *applying, const struct artifact *out, bool *ret)
{
    struct artifact now = {0};
    struct error *error = worktree_look(applying->session->worktree, out->path, LOOK_OUT, &now);
    if (error && error->code >= ERROR_SIGNAL)
        return error;
    *ret = !error && artifact_equal(&now, out);
    error_drop(error);
    return NULL;
}

static FALLIBLE restore(struct applying *applying, const struct artifact *out,
                        const struct worktree_change *change)
{
    struct session *session = applying->session;
    bool is_saved = true;
    if (change->displaced)
        TRY(apply_is_path_saved(session, out->path, &is_saved));
    *vec_push(session->arena, &applying->report.changes) =
        (struct apply_change){.kind = APPLY_OUTPUT, .path = out->path, .is_unsaved = !is_saved};
    *vec_push(session->arena, &applying->restores) = *out;
    return NULL;
}

/* It is not cached: git may have it. */
static FALLIBLE take_uncached(struct applying *applying, const struct artifact *out)
{
    struct origin_file file = {0};
    bool known = false;
    TRY(origin_read(&applying->origin, out->path, &file));
    bool is_it = file.is_known && file.mode &&
                 digest_equal(digest_of(file.bytes.at, file.bytes.len), out->digest);
    if (is_it)
        return apply_file(applying, out->path, &known);
    *vec_push(applying->session->arena, &applying->report.left) = out->path;
    return NULL;
}

static FALLIBLE take_output(struct applying *applying, struct str stage, const struct artifact *out)
{
    struct worktree_change change = {0};
    bool done = false, can = false;
    TRY(is_there(applying, out, &done));
    if (done)
        return NULL;
    if (!out->is_stored)
        return take_uncached(applying, out);
    TRY(worktree_foresee(applying->session->worktree, out, &change, &can));
    if (can)
        return restore(applying, out, &change);
    error_list_add(&applying->missing,
                   error_new(ERROR_ANSWER, "'%.*s' of stage '%.*s' is no more in the store",
                             STR_FMT(out->path), STR_FMT(stage)));
    return NULL;
}

FALLIBLE apply_outputs(struct applying *applying)
{
    for (size_t i = 0; i < applying->state.count; i++) {
        const struct result *result = applying->results[i];
        for (size_t k = 0; result && k < result->out_count; k++)
            TRY(take_output(applying, applying->state.entries[i].stage, &result->outs[k]));
    }
    return NULL;
}
