/* Two stored trees are compared from the top: what has the same digest is the same. */
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/model/name.h"

#include "worktree_private.h"

VEC(file_vec, struct worktree_file);

struct side {
    struct str top; /* path of the artifact */
    struct file_vec files;
};

struct differing {
    struct cas *cas;
    struct arena *arena;
    struct side before, after;
    int64_t entries; /* looked at so far */
};

static void add_file(struct differing *differing, struct side *side, struct str below,
                     const struct wanted *file)
{
    *vec_push(differing->arena, &side->files) = (struct worktree_file){
        path_join(differing->arena, side->top, below), file->digest, file->size_bytes, file->kind};
}

/* All that is below an entry of one side only. */
static FALLIBLE add_entry(struct differing *differing, struct side *side, struct str below,
                          const struct tree_entry *entry, bool *ret_found)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct wanted_vec files = {0}, directories = {0};
    struct wanted file = {
        .kind = entry->kind, .digest = entry->digest, .size_bytes = entry->size_bytes};
    if (entry->kind != TREE_DIRECTORY) {
        add_file(differing, side, below, &file);
        return NULL;
    }
    TRY(worktree_stored_list(differing->cas, &scratch, entry->digest, &files, &directories,
                             ret_found));
    differing->entries += (int64_t)(files.len + directories.len);
    for (size_t i = 0; i < files.len && *ret_found; i++)
        add_file(differing, side, path_join(&scratch, below, files.at[i].below), &files.at[i]);
    return NULL;
}

static bool is_same(const struct tree_entry *a, const struct tree_entry *b)
{
    return a->kind == b->kind && digest_equal(a->digest, b->digest);
}

static FALLIBLE compare_trees(struct differing *differing, struct str below, struct digest before,
                              struct digest after, int depth, bool *ret_found);

/* Of a name that both or one of them has. */
static FALLIBLE compare_entries(struct differing *differing, struct str directory,
                                const struct tree_entry *before, const struct tree_entry *after,
                                int depth, bool *ret_found)
{
    AUTO(arena_drop) struct arena scratch = {0};
    if (before && after && is_same(before, after))
        return NULL;
    struct str below = path_join(&scratch, directory, before ? before->name : after->name);
    if (before && after && before->kind == TREE_DIRECTORY && after->kind == TREE_DIRECTORY)
        return compare_trees(differing, below, before->digest, after->digest, depth + 1, ret_found);
    if (before)
        TRY(add_entry(differing, &differing->before, below, before, ret_found));
    if (after && *ret_found)
        TRY(add_entry(differing, &differing->after, below, after, ret_found));
    return NULL;
}

static FALLIBLE check_size(const struct differing *differing, int depth)
{
    if (depth > LIMIT_TREE_DEPTH)
        return error_new(ERROR_STORED, "a stored tree is more than %lld directories deep",
                         (long long)LIMIT_TREE_DEPTH);
    if (differing->entries > LIMIT_TREE_ENTRIES)
        return error_new(ERROR_STORED, "a stored tree holds more than %lld entries",
                         (long long)LIMIT_TREE_ENTRIES);
    return NULL;
}

/* Recursion is bounded by LIMIT_TREE_DEPTH. */
static FALLIBLE compare_trees(struct differing *differing, struct str below, struct digest before,
                              struct digest after, int depth, bool *ret_found)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct tree old = {0}, new = {0};
    TRY(worktree_stored_tree(differing->cas, &scratch, before, &old, ret_found));
    if (*ret_found)
        TRY(worktree_stored_tree(differing->cas, &scratch, after, &new, ret_found));
    for (size_t o = 0, n = 0; *ret_found && (o < old.count || n < new.count);) {
        int order = o == old.count   ? 1
                    : n == new.count ? -1
                                     : str_compare(old.entries[o].name, new.entries[n].name);
        differing->entries++;
        TRY(check_size(differing, depth));
        TRY(compare_entries(differing, below, order <= 0 ? &old.entries[o] : NULL,
                            order >= 0 ? &new.entries[n] : NULL, depth, ret_found));
        o += order <= 0;
        n += order >= 0;
    }
    return NULL;
}

static FALLIBLE list_both(struct differing *differing, const struct artifact *before,
                          const struct artifact *after, struct worktree_files *ret_before,
                          struct worktree_files *ret_after, bool *ret_found)
{
    TRY(tree_list_files(differing->cas, differing->arena, before, SIZE_MAX, &ret_before->files,
                        &ret_before->count, ret_found));
    if (*ret_found)
        TRY(tree_list_files(differing->cas, differing->arena, after, SIZE_MAX, &ret_after->files,
                            &ret_after->count, ret_found));
    return NULL;
}

struct error *tree_list_differing(struct cas *cas, struct arena *arena,
                                  const struct artifact *before, const struct artifact *after,
                                  struct worktree_files *ret_before,
                                  struct worktree_files *ret_after, bool *ret_found)
{
    struct differing differing = {
        .cas = cas, .arena = arena, .before.top = before->path, .after.top = after->path};
    *ret_before = *ret_after = (struct worktree_files){0};
    *ret_found = true;
    if (before->kind != ARTIFACT_TREE || after->kind != ARTIFACT_TREE)
        return list_both(&differing, before, after, ret_before, ret_after, ret_found);
    if (!digest_equal(before->digest, after->digest))
        TRY(compare_trees(&differing, STR(""), before->digest, after->digest, 0, ret_found));
    *ret_before = (struct worktree_files){differing.before.files.at, differing.before.files.len};
    *ret_after = (struct worktree_files){differing.after.files.at, differing.after.files.len};
    return NULL;
}
