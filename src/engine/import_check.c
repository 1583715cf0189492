/* Does the work tree hold what a .dvc file says? */
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
