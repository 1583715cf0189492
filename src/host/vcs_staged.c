/* Files of the index, of this work tree and of the others: what is staged need not be in a commit,
 * nor in the work tree any more. */
#include "mlops/base/arena.h"
#include "mlops/host/file.h"

#include <fcntl.h>

#include "vcs_private.h"

/* One that is split or sparse libgit2 can't read. */
static FALLIBLE open_index(struct str path, git_index **ret)
{
    struct file_stat stat;
    bool found = false;
    TRY(file_stat_at(AT_FDCWD, path.at, true, &stat, &found));
    if (!found)
        return NULL;
    int status = git2()->index_open(ret, path.at);
    if (status >= 0)
        return NULL;
    return error_hint(vcs_fault(status, "the index '%s' can't be read", path.at),
                      "if it is a split or sparse one: git update-index --no-split-index, or git "
                      "sparse-checkout init --no-sparse-index");
}

static FALLIBLE list_index(struct arena *arena, struct str directory,
                           const struct vcs_listing *wanted, struct vcs_entry_vec *ret)
{
    AUTO(git2_drop_index) git_index *index = NULL;
    TRY(open_index(str_print(arena, "%.*sindex", STR_FMT(directory)), &index));
    for (size_t i = 0; index && i < git2()->index_entrycount(index); i++) {
        const git_index_entry *entry = git2()->index_get_byindex(index, i);
        if (entry->flags_extended & GIT_INDEX_ENTRY_INTENT_TO_ADD)
            continue; /* nothing is staged of it yet */
        vcs_list_add(arena, wanted, str_of(entry->path), entry->mode, &entry->id, ret);
    }
    return NULL;
}

struct error *vcs_list_staged(struct vcs *vcs, struct arena *arena,
                              const struct vcs_listing *wanted, struct vcs_entry_vec *ret)
{
    struct vcs_path_vec directories = {0};
    struct vcs_entry_vec entries = {0};
    TRY(vcs_directories(vcs, arena, &directories));
    vec_each (const struct str, directory, &directories)
        TRY(list_index(arena, *directory, wanted, &entries));
    *ret = entries;
    return NULL;
}
