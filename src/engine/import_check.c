/* Does the work tree hold what DVC recorded, and what would have to come? */
#include "mlops/base/arena.h"

#include "import_private.h"

FALLIBLE import_compare(struct session *session, const struct dvc_entry *const *entries,
                        size_t count, bool *ret_same)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct importing importing = {
        .session = session, .arena = &arena, .is_dry = true, .only_matching = true};
    struct error *error = NULL;
    importing.sums = sums_open(&arena, session->index);
    worktree_note_sums(session->worktree, importing.sums);
    for (size_t i = 0; i < count && !error; i++) {
        struct translated seen = {0};
        error = import_translate(&importing, entries[i], LOOK_OUT, &seen);
        ret_same[i] = !error && seen.is_here;
    }
    worktree_note_sums(session->worktree, NULL);
    if (!session->is_read_only)
        sums_save(importing.sums);
    return error;
}

/* --- what would have to come --- */

/* *ret_may false: what lies there is something else. */
static FALLIBLE note_lack(struct importing *importing, const struct dvc_entry *entry,
                          enum look_role role, struct vcs_path_vec *lacks, bool *ret_may)
{
    struct translated seen = {0};
    bool is_cached = false;
    TRY(import_translate(importing, entry, role, &seen));
    *ret_may = seen.is_here || seen.may_come;
    if (seen.is_here || !seen.may_come || !seen.why.len || !entry->has_hash)
        return NULL;
    TRY(import_is_cached(importing, entry, &is_cached));
    if (!is_cached)
        *vec_push(importing->arena, lacks) = entry->path;
    return NULL;
}

static FALLIBLE note_lacks(struct importing *importing, const struct dvc_entry_vec *entries,
                           enum look_role role, struct vcs_path_vec *lacks, bool *may)
{
    for (size_t i = 0; i < entries->len && *may; i++)
        TRY(note_lack(importing, &entries->at[i], role, lacks, may));
    return NULL;
}

FALLIBLE import_lacks_of(struct importing *importing, const struct import_stage *stage,
                         struct vcs_path_vec *ret)
{
    struct vcs_path_vec lacks = {0};
    bool may = true;
    TRY(note_lacks(importing, &stage->recorded->outs, LOOK_OUT, &lacks, &may));
    if (!stage->stage->is_frozen)
        TRY(note_lacks(importing, &stage->recorded->deps, LOOK_DEP, &lacks, &may));
    for (size_t i = 0; i < lacks.len && may; i++)
        *vec_push(importing->arena, ret) = lacks.at[i];
    return NULL;
}
