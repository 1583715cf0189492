/* What a path of another project is: something tracked, a part of it, a file of git, or a directory
 * of several of those. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/base/map.h"
#include "mlops/codec/schema.h"
#include "mlops/model/name.h"
#include "mlops/model/tree.h"

#include <sys/stat.h>

#include "registry_private.h"

#define LFS_MARK STR("version https://git-lfs.github.com/spec/v1\n")
#define TOP "top/"

VEC(name_vec, const char *);
VEC(part_vec, struct artifact);

bool registry_is_shown(struct str path)
{
    struct str name = path_name(path), rest = path, part = {0};
    while (rest.len && str_split(&rest, '/', &part))
        if (str_is(part, ".mlops"))
            return false;
    return !pointer_is_name(name) && !str_is(name, ".gitignore") && !str_is(name, ".gitattributes");
}

/* --- nothing --- */

static void add_near(struct registry *registry, struct str path, struct name_vec *names)
{
    struct arena *arena = registry->session->arena;
    for (; path.len; path = path_directory(path))
        *vec_push(arena, names) = str_terminate(arena, path);
}

FALLIBLE registry_nothing_there(struct registry *registry, struct str path)
{
    struct arena *arena = registry->session->arena;
    struct name_vec names = {0};
    struct vcs_path_vec files = {0};
    vec_each (const struct data_record, record, &registry->records)
        add_near(registry, registry_outside(registry, record->artifact.path), &names);
    TRY(vcs_files_of_commit(registry->foreign.vcs, arena, registry->commit, STR(""), &files));
    for (size_t i = 0; i < files.len && i < 10000; i++)
        if (registry_is_shown(files.at[i]))
            add_near(registry, files.at[i], &names);
    const char *near = schema_suggest(path, names.at, names.len);
    near = near && str_is(path, near) ? NULL : near;
    return error_hint(error_new(ERROR_PROJECT, "'%.*s' has no '%.*s' at commit %.*s%s%s%s",
                                STR_FMT(registry->place.url), STR_FMT(path),
                                STR_FMT(str_slice(registry->commit, 0, 7)),
                                near ? " (did you mean '" : "", near ? near : "",
                                near ? "'?)" : ""),
                      "mlops ls %.*s%s%.*s", STR_FMT(registry->place.url),
                      registry->rev.len ? " --rev " : "", STR_FMT(registry->rev));
}

/* --- tracked --- */

static FALLIBLE find_part(struct registry *registry, const struct data_record *record,
                          struct str inside, struct registry_found *ret, bool *ret_found,
                          bool *ret_known)
{
    struct session *foreign = &registry->foreign;
    struct data_record part = {0};
    TRY(data_part(foreign, record, inside, &part, ret_found, ret_known));
    if (!*ret_known && foreign->cas) {
        TRY(registry_fetch_trees(registry, record, inside));
        TRY(data_part(foreign, record, inside, &part, ret_found, ret_known));
    }
    if (!*ret_known || !*ret_found)
        return NULL;
    if (part.kind == TREE_SYMLINK)
        return error_hint(
            error_new(ERROR_PROJECT, "'%.*s' is a symbolic link there", STR_FMT(inside)),
            "name what it leads to, or the directory that holds both");
    struct str below = str_equal(inside, record->artifact.path) ? STR("") : inside;
    *vec_push(foreign->arena, &ret->roots) = registry_root_of(record, below);
    ret->artifact = part.artifact;
    return NULL;
}

static FALLIBLE find_of_dvc(struct registry *registry, const struct data_record *record,
                            struct str inside, struct registry_found *ret, bool *ret_found,
                            bool *ret_known)
{
    *ret_known = !registry->is_looking && registry->session->cas;
    return *ret_known ? registry_take_dvc(registry, record, inside, &ret->artifact, ret_found)
                      : NULL;
}

/* --- of git --- */

/* Into our store: `is_known` false if there is none. */
static FALLIBLE take_of_git(struct registry *registry, struct str path, struct artifact *ret,
                            bool *ret_found)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct vcs_file file = {0};
    *ret_found = false;
    TRY(vcs_file(registry->foreign.vcs, &scratch, registry->commit, path, LIMIT_GET_GIT_BYTES,
                 &file, ret_found));
    *ret_found = *ret_found && (file.mode & S_IFMT) == S_IFREG;
    if (!*ret_found)
        return NULL;
    if (str_starts(file.bytes, LFS_MARK))
        return error_hint(error_new(ERROR_PROJECT,
                                    "'%.*s' is kept by git-lfs there; git itself holds a "
                                    "pointer only",
                                    STR_FMT(path)),
                          "git clone it with git-lfs, then mlops add");
    *ret = (struct artifact){.path = path,
                             .kind = ARTIFACT_FILE,
                             .is_executable = (file.mode & 0111) != 0,
                             .is_stored = true,
                             .size_bytes = (int64_t)file.bytes.len,
                             .file_count = 1};
    return cas_put_bytes(registry->session->cas, file.bytes, &ret->digest);
}

/* --- directories of several --- */

struct gathering {
    struct registry *registry;
    struct str path; /* of the directory, of the repository */
    struct part_vec parts;
    struct registry_found *found;
    bool is_unknown; /* of a part it is not known what it is */
};

/* Of the repository to where graft puts it. */
static FALLIBLE place_of(struct gathering *gathering, struct str path, struct str *ret)
{
    struct arena *arena = gathering->registry->session->arena;
    size_t skip = gathering->path.len ? gathering->path.len + 1 : 0;
    struct str below = str_slice(path, skip, path.len);
    const char *fault = path_fault(below);
    *ret = str_print(arena, TOP "%.*s", STR_FMT(below));
    return fault ? error_new(ERROR_PROJECT, "'%.*s' of '%.*s' %s", STR_FMT(below),
                             STR_FMT(gathering->registry->place.url), fault)
                 : NULL;
}

static FALLIBLE take_of_dvc(struct gathering *gathering, const struct data_record *record,
                            struct artifact *ret)
{
    struct registry *registry = gathering->registry;
    bool found = false;
    if (registry->is_looking)
        gathering->is_unknown = true;
    return registry->is_looking
               ? NULL
               : registry_take_dvc(registry, record, record->artifact.path, ret, &found);
}

static FALLIBLE gather_tracked(struct gathering *gathering)
{
    struct registry *registry = gathering->registry;
    struct arena *arena = registry->session->arena;
    vec_each (const struct data_record, record, &registry->records) {
        struct str path = registry_outside(registry, record->artifact.path);
        if (!path_is_within(path, gathering->path))
            continue;
        struct artifact *part = vec_push(arena, &gathering->parts);
        *part = record->artifact;
        if (registry_lacks_dvc(registry, record))
            TRY(take_of_dvc(gathering, record, part));
        else
            *vec_push(arena, &gathering->found->roots) = registry_root_of(record, STR(""));
        TRY(place_of(gathering, path, &part->path));
    }
    return NULL;
}

/* Links and repositories inside are left out, as git's own files of settings are. */
static FALLIBLE gather_of_git(struct gathering *gathering)
{
    struct registry *registry = gathering->registry;
    struct arena *arena = registry->session->arena;
    struct vcs_path_vec files = {0};
    TRY(vcs_files_of_commit(registry->foreign.vcs, arena, registry->commit, gathering->path,
                            &files));
    vec_each (const struct str, file, &files) {
        struct artifact part = {0};
        struct str place = {0};
        bool found = false;
        if (!registry_is_shown(*file) || str_ends(*file, STR("/")))
            continue;
        TRY(place_of(gathering, *file, &place));
        TRY(take_of_git(registry, *file, &part, &found));
        part.path = place;
        if (found)
            *vec_push(arena, &gathering->parts) = part;
    }
    return NULL;
}

/* What git has in the place of something tracked (committed by mistake) gives way. */
static void drop_covered(struct arena *arena, struct part_vec *parts)
{
    struct map places = {0};
    size_t kept = 0;
    for (size_t i = 0; i < parts->len; i++) {
        struct str above = parts->at[i].path;
        while (above.len && !map_has(&places, above))
            above = path_directory(above);
        if (above.len)
            continue;
        map_put(arena, &places, parts->at[i].path, parts);
        parts->at[kept++] = parts->at[i];
    }
    parts->len = kept;
}

static FALLIBLE make_directory(struct gathering *gathering, struct artifact *ret)
{
    struct session *session = gathering->registry->session;
    AUTO(buf_drop) struct buf bytes = {0};
    struct tree none = {0};
    struct artifact top = {.path = STR("top"), .kind = ARTIFACT_TREE, .is_stored = true};
    bool is_known = false;
    tree_encode(&none, &bytes);
    TRY(cas_put_bytes(session->cas, buf_str(&bytes), &top.digest));
    drop_covered(session->arena, &gathering->parts);
    TRY(data_graft(session, &top, gathering->parts.at, gathering->parts.len, ret, &is_known));
    ret->path = gathering->path;
    return NULL;
}

static FALLIBLE find_directory(struct registry *registry, struct str path,
                               struct registry_found *ret, bool *ret_found, bool *ret_known)
{
    struct gathering gathering = {.registry = registry, .path = path, .found = ret};
    TRY(gather_tracked(&gathering));
    TRY(gather_of_git(&gathering));
    *ret_found = gathering.parts.len > 0;
    *ret_known = !gathering.is_unknown;
    return *ret_found && *ret_known ? make_directory(&gathering, &ret->artifact) : NULL;
}

/* --- which of them --- */

static FALLIBLE find_tracked(struct registry *registry, struct str path, struct registry_found *ret,
                             bool *ret_found, bool *ret_known)
{
    struct str inside = {0};
    if (!registry_inside(registry, path, &inside) || !inside.len)
        return NULL;
    vec_each (const struct data_record, record, &registry->records) {
        if (!path_is_within(inside, record->artifact.path))
            continue;
        if (registry_lacks_dvc(registry, record))
            return find_of_dvc(registry, record, inside, ret, ret_found, ret_known);
        TRY(find_part(registry, record, inside, ret, ret_found, ret_known));
        if (*ret_found || !*ret_known)
            return NULL;
    }
    return NULL;
}

FALLIBLE registry_find(struct registry *registry, struct str path, struct registry_found *ret,
                       bool *ret_known)
{
    bool found = false;
    *ret = (struct registry_found){0};
    *ret_known = true;
    TRY(find_tracked(registry, path, ret, &found, ret_known));
    if (!found && *ret_known && !registry->session->cas)
        *ret_known = false;
    if (!*ret_known)
        return NULL;
    if (!found && path.len)
        TRY(take_of_git(registry, path, &ret->artifact, &found));
    if (!found)
        TRY(find_directory(registry, path, ret, &found, ret_known));
    ret->artifact.path = path;
    return found ? NULL : registry_nothing_there(registry, path);
}
