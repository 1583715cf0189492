/* What lies in a directory of another project. */
#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/model/name.h"

#include "registry_private.h"

struct listing {
    struct registry *registry;
    struct str path; /* of the repository */
    bool is_deep;
    struct map seen;
    struct data_record_vec records;
};

static int by_path(const void *a, const void *b)
{
    const struct data_record *left = a, *right = b;
    return str_compare(left->artifact.path, right->artifact.path);
}

static void add(struct listing *listing, const struct data_record *record)
{
    struct arena *arena = listing->registry->session->arena;
    if (map_has(&listing->seen, record->artifact.path))
        return;
    map_put(arena, &listing->seen, record->artifact.path, listing);
    *vec_push(arena, &listing->records) = *record;
}

/* A record of the project as one of the repository. */
static void add_tracked(struct listing *listing, const struct data_record *record)
{
    struct data_record shown = *record;
    shown.artifact.path = registry_outside(listing->registry, record->artifact.path);
    add(listing, &shown);
}

/* A directory that holds what is listed, by its first part below the path. */
static void add_directory(struct listing *listing, struct str path)
{
    size_t skip = listing->path.len ? listing->path.len + 1 : 0;
    struct str below = str_slice(path, skip, path.len);
    ptrdiff_t slash = str_find_char(below, '/');
    struct data_record record = {.artifact = {.path = str_slice(path, 0, skip + (size_t)slash),
                                              .kind = ARTIFACT_TREE,
                                              .size_bytes = -1,
                                              .file_count = -1}};
    add(listing, &record);
}

static bool is_direct(const struct listing *listing, struct str path)
{
    return str_equal(path, listing->path) || str_equal(path_directory(path), listing->path);
}

static FALLIBLE list_inside(struct listing *listing, const struct data_record *record,
                            struct str inside)
{
    struct session *foreign = &listing->registry->foreign;
    struct data_record part = {0};
    struct data_record_vec parts = {0}, lacks = {0};
    bool found = false, is_known = false;
    TRY(registry_fetch_trees(listing->registry, record, inside));
    TRY(data_part(foreign, record, inside, &part, &found, &is_known));
    if (is_known && found && part.artifact.kind == ARTIFACT_TREE && listing->is_deep)
        TRY(data_match(foreign, &part, STR(""), &parts, &lacks));
    else if (is_known && found && part.artifact.kind == ARTIFACT_TREE)
        TRY(data_entries(foreign, &part, &parts, &is_known));
    else if (is_known && found)
        *vec_push(foreign->arena, &parts) = part;
    if (!is_known || lacks.len)
        return registry_nowhere(listing->registry, record->named_by);
    vec_each (const struct data_record, entry, &parts)
        add_tracked(listing, entry);
    return NULL;
}

/* DVC's lists say no sizes. */
static FALLIBLE list_inside_dvc(struct listing *listing, const struct data_record *record)
{
    struct registry *registry = listing->registry;
    struct arena *arena = registry->session->arena;
    struct str_vec files = {0};
    TRY(registry_list_dvc(registry, record, &files));
    vec_each (const struct str, file, &files) {
        struct data_record entry = {.artifact = {.path = registry_outside(registry, *file),
                                                 .kind = ARTIFACT_FILE,
                                                 .size_bytes = -1,
                                                 .file_count = 1},
                                    .named_by = record->named_by,
                                    .kind = TREE_FILE};
        entry.artifact.path = str_copy(arena, entry.artifact.path);
        if (!path_is_within(entry.artifact.path, listing->path))
            continue;
        if (listing->is_deep || is_direct(listing, entry.artifact.path))
            add(listing, &entry);
        else
            add_directory(listing, entry.artifact.path);
    }
    return NULL;
}

static FALLIBLE list_record(struct listing *listing, const struct data_record *record)
{
    struct str path = registry_outside(listing->registry, record->artifact.path), inside = {0};
    bool is_in = registry_inside(listing->registry, listing->path, &inside) &&
                 path_is_within(inside, record->artifact.path) && inside.len;
    bool is_tree = record->artifact.kind == ARTIFACT_TREE;
    bool is_of_dvc = is_tree && record->dvc;
    if (is_of_dvc && (is_in || (listing->is_deep && path_is_within(path, listing->path))))
        return list_inside_dvc(listing, record);
    if (is_in)
        return list_inside(listing, record, inside);
    if (!path_is_within(path, listing->path))
        return NULL;
    if (listing->is_deep && is_tree)
        return list_inside(listing, record, record->artifact.path);
    if (listing->is_deep || is_direct(listing, path))
        add_tracked(listing, record);
    else
        add_directory(listing, path);
    return NULL;
}

static FALLIBLE list_file(struct listing *listing, struct str path)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct registry *registry = listing->registry;
    struct vcs_file file = {0};
    bool found = false;
    TRY(vcs_file(registry->foreign.vcs, &scratch, registry->commit, path, INT64_MAX, &file,
                 &found));
    if (!found)
        return NULL;
    struct data_record record = {.artifact = {.path = path,
                                              .kind = ARTIFACT_FILE,
                                              .is_executable = (file.mode & 0111) != 0,
                                              .size_bytes = (int64_t)file.bytes.len,
                                              .file_count = 1},
                                 .named_by = STR("git"),
                                 .kind = TREE_FILE};
    add(listing, &record);
    return NULL;
}

static FALLIBLE list_of_git(struct listing *listing)
{
    struct registry *registry = listing->registry;
    struct arena *arena = registry->session->arena;
    struct vcs_path_vec files = {0};
    TRY(vcs_files_of_commit(registry->foreign.vcs, arena, registry->commit, listing->path, &files));
    vec_each (const struct str, file, &files) {
        if (!registry_is_shown(*file) || str_ends(*file, STR("/")))
            continue;
        if (listing->is_deep || is_direct(listing, *file))
            TRY(list_file(listing, *file));
        else
            add_directory(listing, *file);
    }
    return NULL;
}

struct error *registry_list(struct registry *registry, struct str path, bool is_deep,
                            struct data_record_vec *ret)
{
    struct listing listing = {.registry = registry, .path = path, .is_deep = is_deep};
    vec_each (const struct data_record, record, &registry->records)
        TRY(list_record(&listing, record));
    TRY(list_of_git(&listing));
    if (!listing.records.len && path.len)
        TRY(list_file(&listing, path));
    if (!listing.records.len && path.len)
        return registry_nothing_there(registry, path);
    vec_sort(&listing.records, by_path);
    *ret = listing.records;
    return NULL;
}
