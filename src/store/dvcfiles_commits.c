/* What commits track by DVC. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/host/path.h"
#include "mlops/host/signal.h"
#include "mlops/model/name.h"

#include "dvcfiles_private.h"

/* Most commits hold most files as others do. A dvc.lock means what its dvc.yaml and the parameters
 * beside it make of it: read again where one of those is another. */
static FALLIBLE is_news(struct dvcfinding *finding, struct str path, bool *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct arena *arena = finding->arena;
    struct str directory = path_directory(path);
    struct str files[] = {path, path_join(&scratch, directory, STR("dvc.yaml")),
                          path_join(&scratch, directory, STR("params.yaml"))};
    size_t count = str_is(path_name(path), "dvc.lock") ? COUNT_OF(files) : 1;
    struct buf key = buf_in(&scratch);
    buf_print(&key, "%.*s", STR_FMT(path));
    finding->arena = &scratch;
    struct error *error = NULL;
    for (size_t i = 0; i < count && !error; i++) {
        struct str bytes = {0};
        bool found = false;
        error = dvcfiles_read(finding, files[i], &bytes, &found);
        struct str hex = digest_hex(&scratch, digest_of(bytes.at, bytes.len));
        buf_print(&key, " %.*s", STR_FMT(hex));
    }
    finding->arena = arena;
    *ret = !error && !map_has(&finding->seen, buf_str(&key));
    if (*ret)
        map_put(arena, &finding->seen, str_copy(arena, buf_str(&key)), finding);
    return error;
}

static FALLIBLE visit_committed(struct dvcfinding *finding, struct str path)
{
    bool is_new = false;
    TRY(is_news(finding, path, &is_new));
    struct error *error = is_new ? dvcfiles_add(finding, path) : NULL;
    return error ? dvcfiles_leave_out(finding, dvcfiles_show(finding, path), error) : NULL;
}

static FALLIBLE visit_commit(struct dvcfinding *finding, const struct pipelines_commit *commit)
{
    static const struct str suffixes[] = {STR_ROW(".dvc"), STR_ROW("dvc.lock")};
    finding->commit = commit;
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        struct vcs_path_vec paths = {0};
        TRY(vcs_list(commit->vcs, finding->arena, commit->id, suffixes[i], &paths));
        vec_each (const struct str, path, &paths) {
            struct str inner = commit->inner, file = *path;
            if (!path_is_within(file, inner) || !dvcfiles_is_name(path_name(file)))
                continue;
            if (inner.len)
                file = str_slice(file, inner.len + 1, file.len);
            TRY(visit_committed(finding, str_copy(finding->arena, file)));
        }
    }
    return NULL;
}

FALLIBLE dvcfiles_load_commits(struct arena *arena, const struct workspace *workspace,
                               struct index *index, struct vcs *vcs,
                               const struct vcs_path_vec *commits, const struct observer *observer,
                               struct dvc_tracked_vec *ret)
{
    struct dvcfinding finding = {.arena = arena, .workspace = workspace, .observer = observer};
    struct pipelines_commit commit = {.vcs = vcs,
                                      .inner = path_relative(arena, vcs_top(vcs), workspace->root)};
    if (str_is(commit.inner, "."))
        commit.inner = STR("");
    finding.sums = sums_open(arena, index);
    TRY(imported_load(arena, workspace, &finding.imported));
    vec_each (const struct str, id, commits) {
        TRY(signal_check());
        commit.id = *id;
        TRY(visit_commit(&finding, &commit));
    }
    dvcfiles_sort(&finding.found);
    *ret = finding.found;
    return NULL;
}
