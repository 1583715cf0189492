/* What restoring would do, without doing any of it. */
#include "mlops/base/buf.h"
#include "mlops/model/name.h"

#include <sys/stat.h>

#include "worktree_private.h"

struct foreseeing {
    struct worktree *worktree;
    struct arena *arena;
    const struct artifact *artifact;
    struct map wanted;  /* path below the artifact -> struct wanted * */
    struct map present; /* those of them that are there as they are to be */
    struct worktree_change *ret;
};

static FALLIBLE find_wanted(struct foreseeing *foreseeing, bool *ret_can)
{
    struct arena *arena = foreseeing->arena;
    struct cas *cas = foreseeing->worktree->cas;
    const struct artifact *artifact = foreseeing->artifact;
    struct wanted_vec files = {0}, directories = {0};
    *ret_can = cas != NULL;
    if (*ret_can && artifact->kind == ARTIFACT_FILE)
        *vec_push(arena, &files) =
            (struct wanted){STR(""), artifact->is_executable ? TREE_EXECUTABLE : TREE_FILE,
                            artifact->digest, artifact->size_bytes};
    else if (*ret_can)
        TRY(worktree_stored_list(cas, arena, artifact->digest, &files, &directories, ret_can));
    for (size_t i = 0; i < files.len && *ret_can; i++) {
        TRY(cas_has(cas, files.at[i].digest, ret_can));
        map_put(arena, &foreseeing->wanted, files.at[i].below, &files.at[i]);
    }
    return NULL;
}

static FALLIBLE is_kept(const struct foreseeing *foreseeing, const struct node *node, bool *ret)
{
    *ret = node->is_known && !node->is_odd;
    return *ret ? cas_has(foreseeing->worktree->cas, node->digest, ret) : NULL;
}

/* One that stands at a path now: as it is to be, in the store, or only here. */
static FALLIBLE judge(struct foreseeing *foreseeing, struct str below, const struct node *node,
                      bool *ret_kept)
{
    struct wanted *wanted = map_get(&foreseeing->wanted, below);
    bool is_same = wanted && node->is_known && !node->is_odd && node->kind == wanted->kind &&
                   digest_equal(node->digest, wanted->digest);
    *ret_kept = true;
    if (!is_same)
        return is_kept(foreseeing, node, ret_kept);
    if (!foreseeing->worktree->relinks)
        map_put(foreseeing->arena, &foreseeing->present, str_copy(foreseeing->arena, below),
                wanted);
    return NULL;
}

/* Of a directory each file by itself; one that stands where a file is to be moves as one. */
static FALLIBLE judge_directory(struct foreseeing *foreseeing, const struct batch *batch)
{
    bool is_one = foreseeing->artifact->kind != ARTIFACT_TREE;
    int64_t lost = 0;
    for (size_t i = 0; i < batch->directories.len; i++) {
        const struct directory *directory = batch->directories.at[i];
        lost += is_one && directory->has_skipped;
        for (size_t n = 0; n < directory->count; n++) {
            const struct node *node = &directory->nodes[n];
            AUTO(arena_drop) struct arena scratch = {0};
            bool kept = true;
            if (node->kind != TREE_DIRECTORY)
                TRY(judge(foreseeing, path_join(&scratch, directory->below, node->name), node,
                          &kept));
            lost += !kept;
        }
    }
    foreseeing->ret->displaced += is_one ? lost > 0 : lost;
    return NULL;
}

static FALLIBLE judge_file(struct foreseeing *foreseeing, const struct look *look)
{
    bool kept = false;
    struct node node = {.kind = look->stat.mode & S_IXUSR ? TREE_EXECUTABLE : TREE_FILE,
                        .is_known = look->is_known,
                        .digest = look->digest};
    TRY(judge(foreseeing, STR(""), &node, &kept));
    foreseeing->ret->displaced += !kept;
    return NULL;
}

static FALLIBLE judge_place(struct foreseeing *foreseeing)
{
    struct look look = {.path = str_copy(foreseeing->arena, foreseeing->artifact->path),
                        .role = LOOK_OUT,
                        .is_lenient = true};
    struct batch batch = {.worktree = foreseeing->worktree, .looks = &look, .count = 1};
    struct error *error = batch_run(&batch);
    if (!error) {
        error = look.error;
        look.error = NULL;
    }
    if (!error && look.is_found)
        error = look.top ? judge_directory(foreseeing, &batch) : judge_file(foreseeing, &look);
    batch_end(&batch);
    return error;
}

struct error *worktree_foresee(struct worktree *worktree, const struct artifact *artifact,
                               struct worktree_change *ret, bool *ret_can)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct worktree_change change = {0};
    struct foreseeing foreseeing = {
        .worktree = worktree, .arena = &scratch, .artifact = artifact, .ret = &change};
    TRY(find_wanted(&foreseeing, ret_can));
    if (!*ret_can)
        return NULL;
    TRY(judge_place(&foreseeing));
    map_each (item, &foreseeing.wanted) {
        const struct wanted *wanted = item->value;
        bool is_there = map_has(&foreseeing.present, item->key);
        change.files += !is_there;
        change.bytes += is_there ? 0 : wanted->size_bytes;
    }
    *ret = change;
    return NULL;
}
