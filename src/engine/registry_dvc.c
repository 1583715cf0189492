/* What DVC tracks in another project: from the remote that its own settings of DVC name. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/engine/dvcdata.h"
#include "mlops/model/name.h"

#include "registry_private.h"

#define SETTINGS ".dvc/config"

/* What names files of this machine or turns checks off is not for others to say. */
static const char *const not_theirs[] = {"keyfile",    "credentialpath", "configpath", "profile",
                                         "ssl_verify", "use_ssl",        "shared"};

static FALLIBLE read_settings(struct registry *registry, struct dvcconfig *ret, struct str *ret_at)
{
    struct arena *arena = registry->session->arena;
    for (struct str at = registry->inner;; at = path_directory(at)) {
        struct str bytes = {0}, file = at.len ? path_join(arena, at, STR(SETTINGS)) : STR(SETTINGS);
        bool found = false;
        TRY(vcs_read(registry->foreign.vcs, arena, registry->commit, file, LIMIT_INI_BYTES, &bytes,
                     &found));
        struct str root = registry->place.location;
        if (root.len && at.len)
            root = path_join(arena, root, at);
        *ret_at = root;
        struct str directory = root.len ? path_join(arena, root, STR(".dvc")) : STR("");
        if (found)
            return dvcconfig_add(
                arena,
                str_print(arena, "%.*s of '%.*s'", STR_FMT(file), STR_FMT(registry->place.url)),
                bytes, directory, ret);
        if (!at.len)
            return NULL;
    }
}

/* A repository on this machine that names no remote: its cache serves as one, as it does DVC. */
static void use_cache(struct registry *registry, struct str root, struct dvcconfig *config)
{
    struct arena *arena = registry->session->arena;
    bool has_remote = dvcconfig_text(config, "core.remote").len > 0;
    if (has_remote || !root.len)
        return;
    struct str cache = dvcconfig_path(arena, config, "cache.dir");
    if (!cache.len)
        cache = path_join(arena, root, STR(".dvc/cache"));
    dvcconfig_set(arena, config, "core.remote", STR("cache"));
    dvcconfig_set(arena, config, "remote \"cache\".url", cache);
}

static FALLIBLE settings_of(struct registry *registry, struct dvcconfig *ret)
{
    struct str root = {0};
    TRY(read_settings(registry, ret, &root));
    for (size_t i = 0; i < COUNT_OF(not_theirs); i++)
        dvcconfig_forget(registry->session->arena, ret, not_theirs[i]);
    use_cache(registry, root, ret);
    return NULL;
}

static FALLIBLE nowhere(const struct registry *registry, const struct data_record *record)
{
    return error_hint(error_new(ERROR_ANSWER,
                                "DVC's remote of '%.*s' lacks what %.*s names at commit %.*s",
                                STR_FMT(registry->place.url), STR_FMT(record->named_by),
                                STR_FMT(str_slice(registry->commit, 0, 7))),
                      "who has the data: dvc push (or mlops push), in that project");
}

/* Files of a part, as the tree of it. */
static FALLIBLE tree_of(struct registry *registry, const struct data_record_vec *files,
                        struct str inside, struct artifact *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct worktree_file *all = arena_new_array(&scratch, struct worktree_file, files->len + 1);
    for (size_t i = 0; i < files->len; i++) {
        const struct artifact *file = &files->at[i].artifact;
        struct str below = str_slice(file->path, inside.len + 1, file->path.len);
        all[i] = (struct worktree_file){below, file->digest, file->size_bytes, TREE_FILE};
    }
    return worktree_tree_of(registry->session->worktree, inside, all, files->len, LOOK_OUT, true,
                            ret);
}

static FALLIBLE fetch(struct registry *registry, const struct transfer_root_vec *roots,
                      struct data_record_vec *ret, struct transfer_report *report)
{
    struct dvcconfig config = {0};
    TRY(settings_of(registry, &config));
    struct dvcdata_options options = {
        .foreign = &config, .remote = registry->dvc_remote, .places_commits = true};
    return dvcdata_fetch(registry->session, roots, &options, ret, report);
}

FALLIBLE registry_take_dvc(struct registry *registry, const struct data_record *record,
                           struct str inside, struct artifact *ret, bool *ret_found)
{
    struct transfer_root_vec roots = {0};
    struct data_record_vec came = {0};
    struct transfer_report report = {0};
    bool is_part = !str_equal(inside, record->artifact.path);
    struct transfer_root root = registry_root_of(record, is_part ? inside : STR(""));
    root.dvc = record->dvc;
    *vec_push(registry->session->arena, &roots) = root;
    TRY_WITHIN(fetch(registry, &roots, &came, &report), "'%.*s'", STR_FMT(registry->place.url));
    registry->counts.objects += report.counts.objects;
    registry->counts.bytes += report.counts.bytes;
    registry->counts.received_bytes += report.counts.received_bytes;
    if (report.missing.len)
        return nowhere(registry, record);
    *ret_found = came.len > 0;
    if (!came.len)
        return NULL;
    *ret = came.at[0].artifact;
    return str_equal(ret->path, inside) ? NULL : tree_of(registry, &came, inside, ret);
}

bool registry_lacks_dvc(const struct registry *registry, const struct data_record *record)
{
    bool is_stored = false;
    const struct dvc_tracked *tracked = record->dvc;
    if (!tracked)
        return false;
    if (!tracked->is_known || !registry->session->cas || tracked->entry->is_directory)
        return true;
    struct error *error = cas_has(registry->session->cas, tracked->artifact.digest, &is_stored);
    error_drop(error);
    return !is_stored;
}

const struct dvc_entry *registry_dvc_entry(const struct registry *registry, struct str path)
{
    struct str inside = {0};
    if (!registry_inside(registry, path, &inside))
        return NULL;
    vec_each (const struct data_record, record, &registry->records)
        if (record->dvc && str_equal(record->artifact.path, inside))
            return record->dvc->entry;
    return NULL;
}

FALLIBLE registry_list_dvc(struct registry *registry, const struct data_record *record,
                           struct str_vec *ret)
{
    struct arena *arena = registry->session->arena;
    struct dvcconfig config = {0};
    struct dvc_file_vec files = {0};
    bool is_known = false;
    TRY(settings_of(registry, &config));
    struct dvcdata_options options = {.foreign = &config, .remote = registry->dvc_remote};
    TRY_WITHIN(dvcdata_list(registry->session, record->dvc, &options, &files, &is_known), "'%.*s'",
               STR_FMT(registry->place.url));
    vec_each (const struct dvc_file, file, &files)
        *vec_push(arena, ret) = path_join(arena, record->artifact.path, file->path);
    return is_known ? NULL : nowhere(registry, record);
}
