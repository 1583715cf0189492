#include "mlops/engine/registry.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/model/name.h"

#include <fcntl.h>

#include "registry_private.h"

#define SETTINGS_FILE ".mlops/config.yaml"
enum { SETTINGS_BYTES_MOST = 1 << 20 };

bool registry_inside(const struct registry *registry, struct str path, struct str *ret)
{
    size_t len = registry->inner.len;
    if (!path_is_within(path, registry->inner))
        return false;
    *ret = len ? str_slice(path, MIN_OF(len + 1, path.len), path.len) : path;
    return true;
}

struct str registry_outside(const struct registry *registry, struct str path)
{
    struct arena *arena = registry->session->arena;
    return registry->inner.len ? path_join(arena, registry->inner, path) : path;
}

/* The nearest directory upwards from the path that has settings of a project. */
static FALLIBLE find_inner(struct registry *registry, struct str path, struct str *ret_settings)
{
    struct arena *arena = registry->session->arena;
    for (struct str at = path;; at = path_directory(at)) {
        struct str file = path_join(arena, at, STR(SETTINGS_FILE));
        bool found = false;
        TRY(vcs_read(registry->foreign.vcs, arena, registry->commit, file, SETTINGS_BYTES_MOST,
                     ret_settings, &found));
        registry->inner = found ? at : STR("");
        if (found || !at.len)
            return NULL;
    }
}

/* Of a work tree on this machine the directory of the project; of a bare repository itself. */
static struct str location_of(const struct registry *registry)
{
    const struct mirror_place *place = &registry->place;
    return place->location.len && registry->inner.len
               ? path_join(registry->session->arena, place->location, registry->inner)
               : place->location;
}

static FALLIBLE read_settings(struct registry *registry, struct str bytes)
{
    struct arena *arena = registry->session->arena;
    struct config config = {0};
    struct str name = str_print(arena, "%.*s@%.*s:%.*s", STR_FMT(registry->place.url),
                                STR_FMT(str_slice(registry->commit, 0, 7)),
                                STR_FMT(registry_outside(registry, STR(SETTINGS_FILE))));
    TRY(config_load_foreign(arena, name, bytes, &config));
    return remotes_load_foreign(arena, &registry->session->workspace, &config,
                                location_of(registry), &registry->remotes);
}

/* The project as data_records reads it: a directory of the mirror, of which nothing is there but
 * git. */
static FALLIBLE open_foreign(struct registry *registry, const struct mirror *mirror)
{
    struct session *foreign = &registry->foreign;
    *foreign = (struct session){.arena = registry->session->arena,
                                .observer = registry->session->observer,
                                .cas = registry->session->cas,
                                .index = registry->session->index,
                                .vcs_tried = true,
                                .is_read_only = true};
    TRY(vcs_open(mirror->directory, &foreign->vcs));
    return foreign->vcs ? NULL
                        : error_new(ERROR_MACHINE, "git's library (libgit2) can't be loaded");
}

static FALLIBLE read_project(struct registry *registry, struct str path)
{
    struct workspace *workspace = &registry->foreign.workspace;
    struct arena *arena = registry->session->arena;
    struct str settings = {0};
    TRY(find_inner(registry, path, &settings));
    workspace->root = path_join(arena, vcs_top(registry->foreign.vcs), registry->inner);
    if (!registry->inner.len)
        workspace->root = vcs_top(registry->foreign.vcs);
    workspace->project = workspace->root;
    if (settings.len)
        TRY(read_settings(registry, settings));
    return data_records(&registry->foreign, registry->commit, &registry->records);
}

static FALLIBLE normalise(struct arena *arena, struct str path, struct str *ret)
{
    const char *fault = path.len ? path_text_fault(path) : NULL;
    bool is_inside = !fault && path_resolve(arena, STR(""), path, ret);
    if (is_inside && !str_starts(path, STR("/")))
        return NULL;
    return error_hint(error_new(ERROR_USAGE, "'%.*s' is no path of the repository%s%s",
                                STR_FMT(path), fault ? ": it " : "", fault ? fault : ""),
                      "it is seen from the repository's top: data/raw");
}

struct error *registry_open(struct session *session, const struct registry_wish *wish,
                            struct registry *ret, struct str *ret_path)
{
    struct arena *arena = session->arena;
    struct mirror mirror = {0};
    struct str root =
        fd_number(session->workspace.state_fd) >= 0 ? session->workspace.root : STR("");
    *ret = (struct registry){.session = session, .rev = str_copy(arena, wish->rev)};
    TRY(normalise(arena, wish->path, ret_path));
    TRY(mirror_place_of(arena, wish->word, wish->cwd, root, &ret->place));
    TRY(mirror_open(arena, &ret->place, wish->rev, &mirror));
    ret->commit = mirror.commit;
    TRY(open_foreign(ret, &mirror));
    TRY_WITHIN(read_project(ret, *ret_path), "at commit %.*s of '%.*s'",
               STR_FMT(str_slice(mirror.commit, 0, 7)), STR_FMT(ret->place.url));
    return NULL;
}

void registry_drop(struct registry *registry)
{
    vcs_drop(&registry->foreign.vcs);
}

struct error *registry_look(struct registry *registry, struct str path, struct artifact *ret,
                            bool *ret_known)
{
    struct registry_found found = {0};
    registry->is_looking = true;
    struct error *error = registry_find(registry, path, &found, ret_known);
    registry->is_looking = false;
    *ret = found.artifact;
    return error;
}

struct error *registry_take(struct registry *registry, struct str path, struct artifact *ret)
{
    struct registry_found found = {0};
    bool is_known = false;
    TRY(registry_find(registry, path, &found, &is_known));
    if (!is_known)
        return error_new(ERROR_ANSWER, "what '%.*s' holds can't be found out", STR_FMT(path));
    TRY(registry_fetch(registry, &found.roots, false));
    TRY(cas_flush(registry->session->cas));
    *ret = found.artifact;
    ret->is_stored = true;
    return NULL;
}

/* --- without a project --- */

struct error *shelter_open(struct arena *arena, struct str directory,
                           const struct observer *observer, struct shelter *ret)
{
    AUTO(fd_drop) struct fd parent = {0};
    struct session_options options = {.threads = -1, .observer = observer};
    TRY(directory_open(AT_FDCWD, str_terminate(arena, directory), &parent));
    TRY(temp_dir_sweep(fd_number(parent), TEMP_PREFIX_BESIDE));
    TRY_WITHIN(temp_dir_open(fd_number(parent), TEMP_PREFIX_BESIDE, &ret->temp), "in '%.*s'",
               STR_FMT(directory));
    TRY(directory_make(fd_number(ret->temp.fd), ".mlops", false));
    options.cwd = path_join(arena, directory, str_of(ret->temp.name));
    return session_open_data(arena, &options, &ret->session);
}

void shelter_drop(struct shelter *shelter)
{
    session_drop(&shelter->session);
    temp_dir_drop(&shelter->temp);
}
