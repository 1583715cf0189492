#include "mlops/cli/diff_files.h"

#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/base/map.h"
#include "mlops/store/worktree.h"

#include <stdlib.h>

struct filler {
    struct context *context;
    struct cas *cas;
    struct worktree *worktree;
};

struct listing {
    struct worktree_file *files;
    size_t count;
    bool is_known;
};

static int compare_files(const void *a, const void *b)
{
    const struct worktree_file *left = a, *right = b;
    return str_compare(left->path, right->path);
}

static FALLIBLE list_side(struct filler *filler, struct arena *scratch, const struct diff_data *row,
                          const struct artifact *artifact, bool is_now, struct listing *ret)
{
    ret->is_known = true;
    if (artifact->kind == ARTIFACT_ABSENT)
        return NULL;
    TRY(tree_list_files(filler->cas, scratch, artifact, SIZE_MAX, &ret->files, &ret->count,
                        &ret->is_known));
    if (!ret->is_known && is_now) {
        enum look_role role = row->role == DIFF_OUTPUT ? LOOK_OUT : LOOK_DEP;
        TRY(worktree_list_files(filler->worktree, scratch, row->path, role, &ret->files,
                                &ret->count));
        ret->is_known = true;
    }
    return NULL;
}

static void sort_listing(struct listing *listing)
{
    if (listing->count > 1)
        qsort(listing->files, listing->count, sizeof *listing->files, compare_files);
}

/* Both from the store, which says what is the same without listing it. */
static FALLIBLE list_differing(struct filler *filler, struct arena *scratch,
                               const struct diff_data *row, struct listing *before,
                               struct listing *after, bool *ret_done)
{
    struct worktree_files old, new;
    TRY(tree_list_differing(filler->cas, scratch, &row->before, &row->after, &old, &new, ret_done));
    if (!*ret_done)
        return NULL;
    *before = (struct listing){old.files, old.count, true};
    *after = (struct listing){new.files, new.count, true};
    return NULL;
}

/* Both lists are sorted by path: what they differ in, one pair after the other. */
struct pairs {
    const struct listing *before, *after;
    size_t old, new;
    const struct worktree_file *from, *to; /* NULL: not on that side */
};

static bool file_equal(const struct worktree_file *a, const struct worktree_file *b)
{
    return digest_equal(a->digest, b->digest) && a->kind == b->kind;
}

static bool next_pair(struct pairs *pairs)
{
    const struct listing *before = pairs->before, *after = pairs->after;
    while (pairs->old < before->count || pairs->new < after->count) {
        const struct worktree_file *from = &before->files[pairs->old];
        const struct worktree_file *to = &after->files[pairs->new];
        int order = pairs->old == before->count  ? 1
                    : pairs->new == after->count ? -1
                                                 : compare_files(from, to);
        pairs->from = order <= 0 ? from : NULL;
        pairs->to = order >= 0 ? to : NULL;
        pairs->old += order <= 0;
        pairs->new += order >= 0;
        if (order != 0 || !file_equal(from, to))
            return true;
    }
    return false;
}

static struct str key_of(const struct worktree_file *file)
{
    return (struct str){(const char *)&file->digest, sizeof file->digest};
}

/* By content, where there is one. */
static void find_removed(struct arena *scratch, const struct listing *before,
                         const struct listing *after, struct map *ret)
{
    struct pairs pairs = {.before = before, .after = after};
    while (next_pair(&pairs))
        if (!pairs.to && pairs.from->size_bytes && !map_has(ret, key_of(pairs.from)))
            map_put(scratch, ret, key_of(pairs.from), (void *)(uintptr_t)pairs.from);
}

/* Each one that was removed is one file's earlier name at most. */
static const struct worktree_file *take_earlier(struct arena *scratch, struct map *removed,
                                                const struct worktree_file *added)
{
    const struct worktree_file *found = map_get(removed, key_of(added));
    if (!found || found->kind != added->kind)
        return NULL;
    map_put(scratch, removed, key_of(added), NULL);
    return found;
}

/* One of the two is NULL if only the other side has the file. */
static void note(struct arena *arena, struct diff_files *files, const struct worktree_file *before,
                 const struct worktree_file *after, const struct worktree_file *earlier)
{
    enum diff_change change = !before ? DIFF_ADDED : !after ? DIFF_REMOVED : DIFF_CHANGED;
    const struct worktree_file *any = before ? before : after;
    check(any);
    struct str path = any->path;
    int64_t before_bytes = before ? before->size_bytes : 0;
    int64_t after_bytes = after ? after->size_bytes : 0;
    files->added += change == DIFF_ADDED;
    files->removed += change == DIFF_REMOVED;
    files->changed += change == DIFF_CHANGED;
    files->added_bytes += change == DIFF_ADDED ? after_bytes : 0;
    files->removed_bytes += change == DIFF_REMOVED ? before_bytes : 0;
    files->changed_bytes += change == DIFF_CHANGED ? after_bytes : 0;
    files->are_sources = files->are_sources && diff_is_source(path);
    if (files->listed.len < DIFF_FILES_LISTED)
        *vec_push(arena, &files->listed) = (struct diff_file){
            change, str_copy(arena, path), earlier ? str_copy(arena, earlier->path) : STR(""),
            before_bytes, after_bytes};
}

static void compare_lists(struct arena *arena, const struct listing *before,
                          const struct listing *after, struct diff_files *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct map removed = {0};
    struct pairs pairs = {.before = before, .after = after};
    ret->are_sources = true;
    find_removed(&scratch, before, after, &removed);
    while (next_pair(&pairs)) {
        const struct worktree_file *earlier = NULL;
        if (!pairs.from)
            earlier = take_earlier(&scratch, &removed, pairs.to);
        ret->renamed += earlier != NULL;
        note(arena, ret, pairs.from, pairs.to, earlier);
    }
    ret->is_known = true;
}

static FALLIBLE fill_row(struct filler *filler, bool before_is_now, bool after_is_now,
                         struct diff_data *row)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct listing before = {0}, after = {0};
    bool is_tree = row->before.kind == ARTIFACT_TREE || row->after.kind == ARTIFACT_TREE;
    if (!is_tree || row->change == DIFF_SAME)
        return NULL;
    bool is_done = false;
    TRY(list_differing(filler, &scratch, row, &before, &after, &is_done));
    if (!is_done) {
        TRY(list_side(filler, &scratch, row, &row->before, before_is_now, &before));
        TRY(list_side(filler, &scratch, row, &row->after, after_is_now, &after));
    }
    sort_listing(&before);
    sort_listing(&after);
    if (before.is_known && after.is_known)
        compare_lists(filler->context->arena, &before, &after, &row->files);
    if (row->files.is_known && row->files.are_sources && row->role == DIFF_INPUT)
        row->role = DIFF_CODE;
    return NULL;
}

static bool has_directory(const struct run_diff *diff)
{
    vec_each (const struct diff_data, row, &diff->data) {
        bool is_tree = row->before.kind == ARTIFACT_TREE || row->after.kind == ARTIFACT_TREE;
        if (is_tree && row->change != DIFF_SAME)
            return true;
    }
    return false;
}

FALLIBLE diff_files_fill(struct context *context, bool before_is_now, bool after_is_now,
                         struct run_diff *diff)
{
    AUTO(pool_drop) struct pool *pool = NULL;
    AUTO(worktree_drop) struct worktree *worktree = NULL;
    struct workspace *workspace = NULL;
    struct index *index = NULL;
    struct cas *cas = NULL;
    TRY(context_workspace(context, &workspace));
    if (fd_number(workspace->state_fd) < 0 || !has_directory(diff))
        return NULL;
    TRY(context_index(context, &index));
    TRY(context_cas(context, &cas));
    pool = pool_open(0);
    TRY(worktree_open(context->arena, workspace, index, cas, pool, &worktree));
    struct filler filler = {context, cas, worktree};
    vec_each (struct diff_data, row, &diff->data)
        TRY(fill_row(&filler, before_is_now, after_is_now, row));
    return NULL;
}
