/* What commits name. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/path.h"
#include "mlops/host/signal.h"
#include "mlops/host/vcs.h"
#include "mlops/model/event.h"
#include "mlops/model/name.h"
#include "mlops/model/pointer.h"

#include "transfer_private.h"

/* History can't be repaired: what is broken there is told and left out. */
static FALLIBLE unless_broken(const struct rooting *rooting, struct str name, struct error *error)
{
    if (!error || error->code != ERROR_PROJECT)
        return error;
    struct event event = {
        .kind = EVENT_WARNING,
        .text = str_print(rooting->arena, "%.*s is left out: %s", STR_FMT(name), error->text)};
    observer_tell(rooting->choice->observer, &event);
    error_drop(error);
    return NULL;
}

static FALLIBLE add_file(struct rooting *rooting, struct vcs *vcs, struct str commit,
                         struct str path, struct str file)
{
    struct arena *arena = rooting->arena;
    struct str bytes = {0};
    bool found = false;
    struct str name =
        str_print(arena, "%.*s:%.*s", STR_FMT(str_slice(commit, 0, 7)), STR_FMT(path));
    TRY(vcs_read(vcs, arena, commit, path, LIMIT_LOCK_BYTES, &bytes, &found));
    if (!found)
        return NULL;
    return unless_broken(rooting, name,
                         pointer_is_name(path_name(file))
                             ? roots_add_pointer(rooting, name, file, bytes)
                             : roots_add_lock(rooting, name, file, bytes));
}

static FALLIBLE add_files(struct rooting *rooting, struct vcs *vcs, struct str commit,
                          struct str suffix)
{
    struct arena *arena = rooting->arena;
    struct vcs_path_vec paths = {0};
    struct str inner = path_relative(arena, vcs_top(vcs), rooting->workspace->root);
    if (str_is(inner, "."))
        inner = STR("");
    TRY(vcs_list(vcs, arena, commit, suffix, &paths));
    vec_each (const struct str, path, &paths) {
        if (!path_is_within(*path, inner))
            continue;
        struct str file = inner.len ? str_slice(*path, inner.len + 1, path->len) : *path;
        if (str_ends(file, STR(".lock")) || pointer_is_name(path_name(file)))
            TRY(add_file(rooting, vcs, commit, *path, str_copy(arena, file)));
    }
    return NULL;
}

FALLIBLE roots_of_commits(struct rooting *rooting)
{
    const struct transfer_choice *choice = rooting->choice;
    AUTO(vcs_drop) struct vcs *vcs = NULL;
    struct vcs_path_vec commits = {0};
    unsigned which = (choice->all_branches ? VCS_BRANCHES : 0u) |
                     (choice->all_tags ? VCS_TAGS : 0u) | (choice->all_commits ? VCS_HISTORY : 0u);
    TRY(vcs_open(rooting->workspace->root, &vcs));
    if (!vcs)
        return error_hint(error_new(ERROR_PROJECT, "there is no git repository around '%.*s'",
                                    STR_FMT(rooting->workspace->root)),
                          "leave --all-branches, --all-tags and --all-commits out");
    TRY(vcs_commits(vcs, rooting->arena, which, &commits));
    vec_each (const struct str, commit, &commits) {
        TRY(signal_check());
        TRY(add_files(rooting, vcs, *commit, STR(".lock")));
        TRY(add_files(rooting, vcs, *commit, STR(POINTER_SUFFIX)));
    }
    struct dvc_tracked_vec tracked = {0};
    if (choice->index)
        TRY(dvcfiles_load_commits(rooting->arena, rooting->workspace, choice->index, vcs, &commits,
                                  choice->observer, &tracked));
    roots_add_tracked(rooting, &tracked);
    return NULL;
}
