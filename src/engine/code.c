#include "mlops/engine/code.h"

#include "mlops/base/arena.h"
#include "mlops/model/name.h"

struct dirt {
    struct session *session;
    struct str prefix; /* of the project below the git top, with '/' or empty */
};

/* What mlops itself writes, or what is cached, does not make the code dirty. */
static bool is_ours(void *context, struct str path)
{
    struct dirt *dirt = context;
    if (!str_starts(path, dirt->prefix))
        return false;
    struct str inner = str_slice(path, dirt->prefix.len, path.len);
    struct session *session = dirt->session;
    bool is_made = session->pipeline && (plan_producer(&session->plan, inner) != NULL ||
                                         session_is_lock(session, inner));
    return is_made || path_is_within(inner, STR(".mlops")) ||
           str_is(path_name(inner), ".gitignore") || str_ends(inner, STR(".mlops.lock"));
}

FALLIBLE code_examine(struct session *session, struct code_state *ret, struct str *ret_patch)
{
    struct code_state code = {.is_dirty = -1};
    struct vcs *vcs = NULL;
    struct str patch = {0};
    TRY(session_vcs(session, &vcs));
    if (vcs) {
        struct str marker = session_vcs_path(session, session->arena, STR("x"));
        struct dirt dirt = {.session = session, .prefix = str_slice(marker, 0, marker.len - 1)};
        struct vcs_path_vec changes = {0};
        bool was_cut = false;
        TRY(vcs_head(vcs, session->arena, &code.commit, &code.branch));
        TRY(vcs_remote(vcs, session->arena, &code.remote));
        TRY(vcs_changes(vcs, session->arena, is_ours, &dirt, &changes));
        code.is_dirty = changes.len > 0;
        if (code.is_dirty)
            TRY(vcs_patch(vcs, session->arena, &changes, &patch, &was_cut));
        if (code.is_dirty)
            code.patch = digest_of(patch.at, patch.len);
    }
    *ret = code;
    *ret_patch = patch;
    return NULL;
}

VEC(path_vec, struct str);

/* A cached output that git tracks would be versioned twice, and fought over. */
FALLIBLE code_refuse_outputs(struct session *session)
{
    struct vcs *vcs = NULL;
    TRY(session_vcs(session, &vcs));
    if (!vcs)
        return NULL;
    AUTO(arena_drop) struct arena arena = {0};
    struct path_vec paths = {0};
    struct map outputs = {0};
    vec_each (struct stage, stage, &session->pipeline->stages) {
        vec_each (struct output, output, &stage->outs) {
            if (!output->is_cached || output->path.at[0] == '/')
                continue;
            struct str path = session_vcs_path(session, &arena, output->path);
            *vec_push(&arena, &paths) = path;
            map_put(&arena, &outputs, path, output);
        }
    }
    struct vcs_path_vec tracked = {0};
    TRY(vcs_tracked(vcs, &arena, paths.at, paths.len, &tracked));
    struct error_list errors = {0};
    vec_each (struct str, path, &tracked) {
        const struct output *output = map_get(&outputs, *path);
        if (!output)
            continue;
        struct error *error =
            doc_error(output->node, "output '%.*s' is tracked by git", STR_FMT(output->written));
        error_list_add(&errors,
                       error_hint(error, "git rm -r --cached '%.*s', or set 'cache: false'",
                                  STR_FMT(output->written)));
    }
    return error_list_take(&errors);
}

FALLIBLE code_of_run(struct session *session, const struct run *run, struct code_state *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct arena *arena = session->arena;
    struct ledger *ledger = NULL;
    struct run *runs = NULL;
    size_t count = 0;
    const struct ledger_filter filter = {.pipeline = run->pipeline};
    *ret = run->code;
    if (run->code.is_dirty >= 0 || digest_is_zero(run->state))
        return NULL;
    TRY(session_ledger(session, &ledger));
    TRY(ledger_list_runs(ledger, &scratch, &filter, &runs, &count));
    for (size_t i = 0; i < count; i++) {
        const struct code_state *code = &runs[i].code;
        if (code->is_dirty < 0 || !digest_equal(runs[i].state, run->state))
            continue;
        *ret = (struct code_state){.commit = str_copy(arena, code->commit),
                                   .branch = str_copy(arena, code->branch),
                                   .remote = str_copy(arena, code->remote),
                                   .is_dirty = code->is_dirty,
                                   .patch = code->patch};
        return NULL;
    }
    return NULL;
}
