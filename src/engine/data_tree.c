/* Stored directories, read and rewritten without being checked out. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/codec/glob.h"
#include "mlops/engine/data.h"
#include "mlops/host/signal.h"
#include "mlops/model/name.h"

#include <stdlib.h>

static FALLIBLE load_tree(struct cas *cas, struct arena *arena, struct digest digest,
                          struct tree *ret, bool *ret_found)
{
    struct str bytes = {0};
    *ret_found = false;
    if (!cas)
        return NULL;
    TRY(cas_get_bytes(cas, arena, digest, LIMIT_TREE_BYTES, &bytes, ret_found));
    return *ret_found ? tree_decode(arena, bytes, ret) : NULL;
}

static struct tree_entry *entry_of(const struct tree *tree, struct str name)
{
    for (size_t low = 0, high = tree->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare(name, tree->entries[middle].name);
        if (order == 0)
            return &tree->entries[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* Of those of the whole, the ones below the part. */
static void take_empty_dirs(struct arena *arena, const struct artifact *whole, struct str below,
                            struct artifact *part)
{
    part->empty_dirs = arena_new_array(arena, struct str, whole->empty_dir_count);
    part->empty_dir_count = 0;
    for (size_t i = 0; i < whole->empty_dir_count; i++) {
        struct str path = whole->empty_dirs[i];
        if (path.len > below.len && path_is_within(path, below))
            part->empty_dirs[part->empty_dir_count++] = str_slice(path, below.len + 1, path.len);
    }
}

static struct artifact artifact_of(struct str path, const struct tree_entry *entry)
{
    return (struct artifact){.path = path,
                             .kind = entry->kind == TREE_DIRECTORY ? ARTIFACT_TREE : ARTIFACT_FILE,
                             .is_executable = entry->kind == TREE_EXECUTABLE,
                             .is_stored = true,
                             .digest = entry->digest,
                             .size_bytes = entry->size_bytes,
                             .file_count = entry->file_count};
}

FALLIBLE data_part(struct session *session, const struct data_record *record, struct str path,
                   struct data_record *ret, bool *ret_found, bool *ret_known)
{
    struct arena *arena = session->arena;
    struct str rest = {0}, part;
    struct tree_entry entry = {.kind = TREE_DIRECTORY, .digest = record->artifact.digest};
    *ret = *record;
    *ret_known = *ret_found = true;
    if (str_equal(path, record->artifact.path))
        return NULL;
    rest = str_slice(path, record->artifact.path.len + 1, path.len);
    struct str below = rest;
    *ret_found = record->artifact.kind == ARTIFACT_TREE;
    while (*ret_found && str_split(&rest, '/', &part)) {
        AUTO(arena_drop) struct arena scratch = {0};
        struct tree tree = {0};
        *ret_found = entry.kind == TREE_DIRECTORY;
        if (*ret_found)
            TRY(load_tree(session->cas, &scratch, entry.digest, &tree, ret_known));
        if (!*ret_known)
            return NULL;
        const struct tree_entry *found = *ret_found ? entry_of(&tree, part) : NULL;
        *ret_found = found != NULL;
        if (found)
            entry = *found;
    }
    if (!*ret_found)
        return NULL;
    ret->artifact = artifact_of(str_copy(arena, path), &entry);
    ret->kind = entry.kind;
    ret->is_part = true;
    take_empty_dirs(arena, &record->artifact, below, &ret->artifact);
    return NULL;
}

FALLIBLE data_entries(struct session *session, const struct data_record *record,
                      struct data_record_vec *ret, bool *ret_known)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct arena *arena = session->arena;
    struct tree tree = {0};
    TRY(load_tree(session->cas, &scratch, record->artifact.digest, &tree, ret_known));
    for (size_t i = 0; i < tree.count; i++) {
        const struct tree_entry *entry = &tree.entries[i];
        struct data_record *part = vec_push(arena, ret);
        *part = *record;
        part->artifact = artifact_of(path_join(arena, record->artifact.path, entry->name), entry);
        part->kind = entry->kind;
        part->is_part = true;
        if (entry->kind == TREE_DIRECTORY)
            take_empty_dirs(arena, &record->artifact, str_copy(&scratch, entry->name),
                            &part->artifact);
    }
    return NULL;
}

/* --- matching --- */

struct matching {
    struct session *session;
    const struct data_record *record;
    struct str pattern;
    bool takes_directories;
    struct data_record_vec *ret, *lacks;
    int64_t seen;
};

static void add_match(struct matching *matching, struct data_record_vec *list, struct str path,
                      const struct tree_entry *entry)
{
    struct arena *arena = matching->session->arena;
    const struct artifact *whole = &matching->record->artifact;
    struct data_record *part = vec_push(arena, list);
    *part = *matching->record;
    part->kind = entry->kind;
    if (str_equal(path, whole->path))
        return;
    part->is_part = true;
    part->artifact = artifact_of(str_copy(arena, path), entry);
    if (entry->kind == TREE_DIRECTORY)
        take_empty_dirs(arena, whole, str_slice(path, whole->path.len + 1, path.len),
                        &part->artifact);
}

static FALLIBLE check_size(const struct matching *matching, int depth)
{
    if (depth > LIMIT_TREE_DEPTH)
        return error_new(ERROR_STORED, "a stored tree is more than %lld directories deep",
                         (long long)LIMIT_TREE_DEPTH);
    /* Trees that hold each other many times over would never end. */
    if (matching->seen > LIMIT_TREE_ENTRIES)
        return error_new(ERROR_STORED, "a stored tree holds more than %lld entries",
                         (long long)LIMIT_TREE_ENTRIES);
    return NULL;
}

static FALLIBLE match_tree(struct matching *matching, struct str path,
                           const struct tree_entry *directory, int depth);

/* Only directories that may hold a match are read: others need not be in the store. */
static FALLIBLE match_entry(struct matching *matching, struct str path,
                            const struct tree_entry *entry, int depth)
{
    struct str pattern = matching->pattern;
    bool is_directory = entry->kind == TREE_DIRECTORY;
    bool is_match = !pattern.len || glob_match(pattern, path);
    if (is_match && (!is_directory || matching->takes_directories))
        add_match(matching, matching->ret, path, entry);
    else if (is_directory && (!pattern.len || glob_may_match_below(pattern, path)))
        return match_tree(matching, path, entry, depth);
    return NULL;
}

static FALLIBLE match_tree(struct matching *matching, struct str path,
                           const struct tree_entry *directory, int depth)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct tree tree = {0};
    bool found = false;
    TRY(check_size(matching, depth));
    TRY(load_tree(matching->session->cas, &scratch, directory->digest, &tree, &found));
    if (!found)
        add_match(matching, matching->lacks, path, directory);
    matching->seen += (int64_t)tree.count;
    for (size_t i = 0; i < tree.count; i++) {
        const struct tree_entry *entry = &tree.entries[i];
        TRY(match_entry(matching, path_join(&scratch, path, entry->name), entry, depth + 1));
    }
    return signal_check();
}

static FALLIBLE match(struct matching *matching)
{
    const struct artifact *top = &matching->record->artifact;
    struct tree_entry entry = {.kind = TREE_DIRECTORY, .digest = top->digest};
    check(top->kind == ARTIFACT_TREE);
    return match_tree(matching, top->path, &entry, 0);
}

FALLIBLE data_match(struct session *session, const struct data_record *record, struct str pattern,
                    struct data_record_vec *ret, struct data_record_vec *ret_lacks)
{
    struct matching matching = {session, record, pattern, false, ret, ret_lacks, 0};
    return match(&matching);
}

FALLIBLE data_match_parts(struct session *session, const struct data_record *record,
                          struct str pattern, struct data_record_vec *ret,
                          struct data_record_vec *ret_lacks)
{
    struct matching matching = {session, record, pattern, true, ret, ret_lacks, 0};
    return match(&matching);
}

/* --- grafting --- */

struct graft {
    struct session *session;
    struct arena *arena;          /* of the trees on the way */
    const struct artifact *parts; /* sorted by path; none lies in another */
    bool is_known;
};

/* What is absent is a directory without files: it is left out. */
static struct tree_entry entry_for(struct str name, const struct artifact *artifact)
{
    bool is_directory = artifact->kind == ARTIFACT_TREE || artifact->kind == ARTIFACT_ABSENT;
    return (struct tree_entry){.name = name,
                               .kind = is_directory              ? TREE_DIRECTORY
                                       : artifact->is_executable ? TREE_EXECUTABLE
                                                                 : TREE_FILE,
                               .size_bytes = artifact->size_bytes,
                               .file_count = artifact->file_count,
                               .digest = artifact->digest};
}

/* The tree with those entries in their places; what holds no files is left out. */
static void exchange(struct arena *arena, struct tree *tree, const struct tree_entry *fresh,
                     size_t fresh_count)
{
    struct tree_entry *entries =
        arena_new_array(arena, struct tree_entry, tree->count + fresh_count);
    struct map names = {0};
    size_t count = 0;
    for (size_t i = 0; i < fresh_count; i++) {
        map_put(arena, &names, fresh[i].name, tree);
        if (fresh[i].kind != TREE_DIRECTORY || fresh[i].file_count)
            entries[count++] = fresh[i];
    }
    for (size_t i = 0; i < tree->count; i++)
        if (!map_has(&names, tree->entries[i].name))
            entries[count++] = tree->entries[i];
    if (count > 1)
        qsort(entries, count, sizeof entries[0], tree_entry_compare);
    *tree = (struct tree){entries, count};
}

static FALLIBLE put_tree(struct graft *graft, const struct tree *tree, struct tree_entry *ret)
{
    AUTO(buf_drop) struct buf bytes = {0};
    ret->kind = TREE_DIRECTORY;
    ret->size_bytes = ret->file_count = 0;
    for (size_t i = 0; i < tree->count; i++) {
        ret->size_bytes += tree->entries[i].size_bytes;
        ret->file_count += tree->entries[i].file_count;
    }
    tree_encode(tree, &bytes);
    return cas_put_bytes(graft->session->cas, buf_str(&bytes), &ret->digest);
}

/* What a part is called at this level. */
static struct str name_at(const struct artifact *part, size_t skip)
{
    struct str rest = str_slice(part->path, skip, part->path.len);
    ptrdiff_t slash = str_find_char(rest, '/');
    return str_slice(rest, 0, slash < 0 ? rest.len : (size_t)slash);
}

/* Parts from..to lie below the directory whose path ends at `skip`. Down to them and up again; as
 * deep as paths have parts, which is limited. */
static FALLIBLE graft_below(struct graft *graft, const struct tree_entry *top, size_t from,
                            size_t to, size_t skip, struct tree_entry *ret)
{
    struct tree tree = {0};
    struct tree_entry *fresh = arena_new_array(graft->arena, struct tree_entry, to - from);
    size_t count = 0;
    if (top && top->kind == TREE_DIRECTORY)
        TRY(load_tree(graft->session->cas, graft->arena, top->digest, &tree, &graft->is_known));
    for (size_t end; from < to && graft->is_known; from = end) {
        const struct artifact *part = &graft->parts[from];
        struct str name = name_at(part, skip);
        struct tree_entry *entry = &fresh[count++];
        for (end = from + 1; end < to && str_equal(name_at(&graft->parts[end], skip), name); end++)
            ;
        if (skip + name.len == part->path.len)
            *entry = entry_for(name, part);
        else
            TRY(graft_below(graft, entry_of(&tree, name), from, end, skip + name.len + 1, entry));
        entry->name = name;
    }
    if (!graft->is_known)
        return NULL;
    exchange(graft->arena, &tree, fresh, count);
    return put_tree(graft, &tree, ret);
}

static bool is_touched(struct str below, const struct artifact *parts, size_t count, size_t skip)
{
    for (size_t i = 0; i < count; i++) {
        struct str part = str_slice(parts[i].path, skip, parts[i].path.len);
        if (path_is_within(below, part) || path_is_within(part, below))
            return true;
    }
    return false;
}

/* Empty directories of the whole but those on the way to the parts and in them, and those of the
 * parts. */
static void graft_empty_dirs(struct arena *arena, const struct artifact *top,
                             const struct artifact *parts, size_t count, struct artifact *ret)
{
    size_t skip = top->path.len + 1, most = top->empty_dir_count, len = 0;
    for (size_t i = 0; i < count; i++)
        most += parts[i].empty_dir_count + 1;
    ret->empty_dirs = arena_new_array(arena, struct str, most);
    for (size_t i = 0; i < top->empty_dir_count; i++)
        if (!is_touched(top->empty_dirs[i], parts, count, skip))
            ret->empty_dirs[len++] = top->empty_dirs[i];
    for (size_t i = 0; i < count; i++) {
        const struct artifact *part = &parts[i];
        struct str below = str_slice(part->path, skip, part->path.len);
        for (size_t n = 0; n < part->empty_dir_count; n++)
            ret->empty_dirs[len++] = path_join(arena, below, part->empty_dirs[n]);
        if (part->kind == ARTIFACT_TREE && !part->file_count && !part->empty_dir_count)
            ret->empty_dirs[len++] = below;
    }
    ret->empty_dir_count = len;
    if (len > 1)
        qsort(ret->empty_dirs, len, sizeof ret->empty_dirs[0], str_compare_items);
}

static int by_path(const void *a, const void *b)
{
    return str_compare(((const struct artifact *)a)->path, ((const struct artifact *)b)->path);
}

FALLIBLE data_graft(struct session *session, const struct artifact *top, struct artifact *parts,
                    size_t count, struct artifact *ret, bool *ret_known)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct graft graft = {session, &scratch, parts, true};
    struct tree_entry old = entry_for(path_name(top->path), top), new = {0};
    if (count > 1)
        qsort(parts, count, sizeof parts[0], by_path);
    TRY(graft_below(&graft, &old, 0, count, top->path.len + 1, &new));
    *ret_known = graft.is_known;
    *ret = artifact_of(top->path, &new);
    graft_empty_dirs(session->arena, top, parts, count, ret);
    return NULL;
}
