/* What lies in the work tree against a stored tree, from the top: what has the same digest is the
 * same, and of the rest each directory is listed again when its turn comes. */
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/host/signal.h"
#include "mlops/model/name.h"

#include "worktree_private.h"

struct comparing {
    struct worktree *worktree;
    struct str top;
    enum look_role role;
    const struct map *outline;
    const struct worktree_visitor *visitor;
    int64_t entries; /* looked at so far */
    bool is_found;
};

static void tell(const struct comparing *comparing, struct arena *scratch, char sign,
                 struct str below)
{
    struct str path = below.len ? path_join(scratch, comparing->top, below) : comparing->top;
    comparing->visitor->visit(comparing->visitor->context, sign, path);
}

/* Files that the index does not keep (their time may still change) are read again. */
static FALLIBLE differs(struct comparing *comparing, const struct tree_entry *before,
                        const struct directory *directory, const struct node *now, bool *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct artifact artifact = {.digest = now->digest};
    *ret = before->kind != now->kind;
    if (*ret)
        return NULL;
    if (!now->is_known)
        TRY(worktree_look(comparing->worktree, node_path(&scratch, directory, now->name),
                          comparing->role, &artifact));
    *ret = !digest_equal(before->digest, artifact.digest);
    return NULL;
}

static bool is_as_stored(const struct comparing *comparing, const struct tree_entry *before,
                         const struct node *now)
{
    const struct digest *digest = map_get(comparing->outline, now->directory->below);
    return digest && digest_equal(*digest, before->digest);
}

static FALLIBLE compare_level(struct comparing *comparing, struct str below,
                              const struct digest *stored, struct directory *directory, int depth);

/* Of a name that both or one of them has. */
static FALLIBLE compare_names(struct comparing *comparing, struct str path,
                              const struct tree_entry *before, const struct directory *directory,
                              const struct node *now, int depth)
{
    AUTO(arena_drop) struct arena scratch = {0};
    bool was_directory = before && before->kind == TREE_DIRECTORY;
    bool is_directory = now && now->kind == TREE_DIRECTORY, is_other = true;
    if (was_directory && is_directory && is_as_stored(comparing, before, now))
        return NULL;
    if (before && now && !was_directory && !is_directory) {
        TRY(differs(comparing, before, directory, now, &is_other));
        if (is_other)
            tell(comparing, &scratch, '~', path);
        return NULL;
    }
    if (before && !was_directory)
        tell(comparing, &scratch, '-', path);
    if (now && !is_directory)
        tell(comparing, &scratch, '+', path);
    return was_directory || is_directory
               ? compare_level(comparing, path, was_directory ? &before->digest : NULL,
                               is_directory ? now->directory : NULL, depth + 1)
               : NULL;
}

static FALLIBLE check_size(const struct comparing *comparing, int depth)
{
    if (depth > LIMIT_TREE_DEPTH)
        return error_new(ERROR_STORED, "a stored tree is more than %lld directories deep",
                         (long long)LIMIT_TREE_DEPTH);
    if (comparing->entries > LIMIT_TREE_ENTRIES)
        return error_new(ERROR_STORED, "a stored tree holds more than %lld entries",
                         (long long)LIMIT_TREE_ENTRIES);
    return signal_check();
}

static FALLIBLE compare_all(struct comparing *comparing, struct str below, const struct tree *tree,
                            const struct directory *directory, int depth)
{
    AUTO(arena_drop) struct arena scratch = {0};
    size_t count = directory ? directory->count : 0;
    for (size_t old = 0, new = 0; comparing->is_found && (old < tree->count || new < count);) {
        const struct tree_entry *before = old < tree->count ? &tree->entries[old] : NULL;
        const struct node *now = new < count ? &directory->nodes[new] : NULL;
        int order = before && now ? str_compare(before->name, now->name) : before ? -1 : 1;
        struct str name = before && order <= 0 ? before->name : now ? now->name : STR("");
        TRY(compare_names(comparing, path_join(&scratch, below, name), order <= 0 ? before : NULL,
                          directory, order >= 0 ? now : NULL, depth));
        arena_reset(&scratch);
        old += order <= 0;
        new += order >= 0;
    }
    return NULL;
}

/* Recursion is bounded by LIMIT_TREE_DEPTH. */
static FALLIBLE compare_level(struct comparing *comparing, struct str below,
                              const struct digest *stored, struct directory *directory, int depth)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct tree tree = {0};
    if (stored)
        TRY(worktree_stored_tree(comparing->worktree->cas, &scratch, *stored, &tree,
                                 &comparing->is_found));
    if (directory) {
        TRY(directory_list(comparing->worktree, directory, &scratch, &scratch, &scratch));
        directory_ask(comparing->worktree, directory, &scratch);
    }
    comparing->entries += (int64_t)(tree.count + (directory ? directory->count : 0));
    TRY(check_size(comparing, depth));
    return compare_all(comparing, below, &tree, directory, depth);
}

static FALLIBLE compare(struct comparing *comparing, const struct artifact *recorded,
                        const struct artifact *now)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct look look = {.path = str_copy(&scratch, recorded->path), .role = comparing->role};
    struct directory *directory = NULL;
    bool was_file = recorded->kind == ARTIFACT_FILE, is_file = now->kind == ARTIFACT_FILE;
    if (was_file || is_file)
        tell(comparing, &scratch, was_file && is_file ? '~' : was_file ? '-' : '+', STR(""));
    if (was_file && is_file)
        return NULL;
    if (now->kind == ARTIFACT_TREE)
        TRY(directory_top(comparing->worktree, &scratch, &look, &directory));
    return compare_level(comparing, STR(""),
                         recorded->kind == ARTIFACT_TREE ? &recorded->digest : NULL, directory, 0);
}

struct error *worktree_compare(struct worktree *worktree, const struct artifact *recorded,
                               enum look_role role, const struct worktree_visitor *visitor,
                               bool *ret_found)
{
    struct worktree_wish wish = {recorded->path, role, recorded};
    struct artifact now = {0};
    struct seen *seen = seen_find(worktree, recorded->path, role);
    *ret_found = true;
    if (seen && !seen->error && seen->artifact.kind == ARTIFACT_TREE && !seen->outline.len)
        seen->sequence = 0; /* nobody said that it would be compared */
    TRY(worktree_prefetch(worktree, &wish, 1, NULL));
    TRY(worktree_look(worktree, recorded->path, role, &now));
    if (artifact_equal(&now, recorded))
        return NULL;
    seen = seen_find(worktree, recorded->path, role);
    struct comparing comparing = {.worktree = worktree,
                                  .top = recorded->path,
                                  .role = role,
                                  .outline = &seen->outline,
                                  .visitor = visitor,
                                  .is_found = true};
    TRY(compare(&comparing, recorded, &now));
    *ret_found = comparing.is_found;
    return NULL;
}
