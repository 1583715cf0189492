/* Trees of files that are known by digest only: directories as DVC recorded them. */
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/model/name.h"

#include <stdlib.h>

#include "worktree_private.h"

struct building {
    struct worktree *worktree;
    struct arena *arena;
    struct str top;
    enum look_role role;
    const struct ignore_chain *ignores;
    bool puts;
    const struct worktree_file **files; /* sorted, so that those of a directory are neighbours */
};

/* '/' first: "a/b" stands before "a.b", as the names "a" and "a.b" do in a tree. */
static int compare_paths(const void *a, const void *b)
{
    const struct worktree_file *const *left = a, *const *right = b;
    struct str one = (*left)->path, other = (*right)->path;
    size_t len = MIN_OF(one.len, other.len), at = 0;
    while (at < len && one.at[at] == other.at[at])
        at++;
    if (at == len)
        return one.len < other.len ? -1 : one.len > other.len;
    if (one.at[at] == '/' || other.at[at] == '/')
        return one.at[at] == '/' ? -1 : 1;
    return (unsigned char)one.at[at] < (unsigned char)other.at[at] ? -1 : 1;
}

static bool is_ignored(const struct building *building, struct str below, struct str name,
                       bool is_directory)
{
    AUTO(arena_drop) struct arena scratch = {0};
    return ignores_builtin(building->role, name) ||
           (building->ignores &&
            ignores_match(building->ignores, path_join(&scratch, building->top, below),
                          is_directory));
}

static FALLIBLE build_level(const struct building *building, size_t from, size_t to, size_t skip,
                            int depth, struct artifact *ret);

/* One entry: files[from..to) begin with the same part. */
static FALLIBLE build_entry(const struct building *building, size_t from, size_t to, size_t skip,
                            int depth, struct tree *tree)
{
    const struct worktree_file *file = building->files[from];
    struct str rest = str_slice(file->path, skip, file->path.len);
    ptrdiff_t slash = str_find_char(rest, '/');
    struct str name = str_slice(rest, 0, slash < 0 ? rest.len : (size_t)slash);
    struct str below = str_slice(file->path, 0, skip + name.len);
    if (is_ignored(building, below, name, slash >= 0))
        return NULL;
    struct tree_entry *entry = &tree->entries[tree->count];
    *entry = (struct tree_entry){.name = name,
                                 .kind = file->kind,
                                 .size_bytes = file->size_bytes,
                                 .file_count = 1,
                                 .digest = file->digest};
    if (slash >= 0) {
        struct artifact inner = {0};
        TRY(build_level(building, from, to, skip + name.len + 1, depth + 1, &inner));
        if (!inner.file_count)
            return NULL;
        entry->kind = TREE_DIRECTORY;
        entry->digest = inner.digest;
        entry->size_bytes = inner.size_bytes;
        entry->file_count = inner.file_count;
    } else if (to - from > 1) {
        return error_new(ERROR_STORED, "'%.*s' is both a file and a directory", STR_FMT(below));
    }
    tree->count++;
    return NULL;
}

/* End of the files from `from` on that share its part behind `skip`. */
static size_t end_of_part(const struct building *building, size_t from, size_t to, size_t skip)
{
    struct str path = building->files[from]->path;
    ptrdiff_t slash = str_find_char(str_slice(path, skip, path.len), '/');
    size_t len = slash < 0 ? path.len : skip + (size_t)slash;
    size_t end = from + 1;
    while (end < to) {
        struct str other = building->files[end]->path;
        if (!str_equal(str_slice(other, 0, len), str_slice(path, 0, len)) ||
            (other.len > len && other.at[len] != '/'))
            break;
        end++;
    }
    return end;
}

/* Recursion is bounded by LIMIT_TREE_DEPTH. */
static FALLIBLE build_level(const struct building *building, size_t from, size_t to, size_t skip,
                            int depth, struct artifact *ret)
{
    AUTO(buf_drop) struct buf bytes = {0};
    if (depth > LIMIT_TREE_DEPTH)
        return error_new(ERROR_STORED, "'%.*s' is more than %lld directories deep",
                         STR_FMT(building->files[from]->path), (long long)LIMIT_TREE_DEPTH);
    struct tree tree = {arena_new_array(building->arena, struct tree_entry, to - from), 0};
    struct artifact made = {.kind = ARTIFACT_TREE};
    while (from < to) {
        size_t end = end_of_part(building, from, to, skip);
        TRY(build_entry(building, from, end, skip, depth, &tree));
        from = end;
    }
    for (size_t i = 0; i < tree.count; i++) {
        made.size_bytes += tree.entries[i].size_bytes;
        made.file_count += tree.entries[i].file_count;
    }
    tree_encode(&tree, &bytes);
    made.digest = digest_of(bytes.at, bytes.len);
    if (building->puts)
        TRY(cas_put_bytes(building->worktree->cas, buf_str(&bytes), &made.digest));
    *ret = made;
    return NULL;
}

struct error *worktree_tree_of(struct worktree *worktree, struct str path,
                               const struct worktree_file *files, size_t count, enum look_role role,
                               bool puts, struct artifact *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct building building = {
        .worktree = worktree,
        .arena = &scratch,
        .top = path,
        .role = role,
        .puts = puts,
        .files = arena_new_array(&scratch, const struct worktree_file *, count + 1)};
    for (size_t i = 0; i < count; i++)
        building.files[i] = &files[i];
    if (count > 1)
        qsort(building.files, count, sizeof *building.files, compare_paths);
    if (path.len && path.at[0] != '/')
        TRY(ignores_of(worktree, path_directory(path), &building.ignores));
    struct artifact made = {0};
    TRY(build_level(&building, 0, count, 0, 0, &made));
    made.path = path;
    made.is_stored = puts;
    *ret = made;
    return NULL;
}

static void listen_for_sums(void *context, const char *at, size_t len)
{
    if (at)
        sums_tap_add(context, at, len);
    else
        sums_tap_restart(context);
}

struct error *worktree_sum_file(struct worktree *worktree, struct str path, struct digest digest,
                                bool *ret_same)
{
    struct worker *worker = &worktree->workers[0];
    struct cas_progress progress = {.listen = listen_for_sums, .context = &worker->tap};
    struct cas_put seen;
    AUTO(arena_drop) struct arena scratch = {0};
    TRY(cas_read_file(worktree->root_fd, str_terminate(&scratch, path), worker_buffer(worker),
                      &progress, &seen));
    struct sums_row row = {.digest = seen.digest, .size_bytes = seen.stat.size_bytes};
    sums_tap_finish(&worker->tap, &row);
    if (worktree->sums)
        sums_add(worktree->sums, &row);
    *ret_same = digest_equal(seen.digest, digest);
    return NULL;
}
