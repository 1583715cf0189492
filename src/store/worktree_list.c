/* The files of an artifact one by one: as the store has them, or as they are now. */
#include "mlops/base/buf.h"
#include "mlops/model/name.h"

#include <sys/stat.h>

#include "worktree_private.h"

VEC(file_vec, struct worktree_file);

static void add_file(struct file_vec *files, struct arena *arena, struct str top, struct str below,
                     const struct wanted *file)
{
    struct str path = below.len ? path_join(arena, top, below) : str_copy(arena, top);
    *vec_push(arena, files) =
        (struct worktree_file){path, file->digest, file->size_bytes, file->kind};
}

struct error *tree_list_files(struct cas *cas, struct arena *arena, const struct artifact *artifact,
                              size_t most, struct worktree_file **ret, size_t *ret_count,
                              bool *ret_found)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct wanted_vec stored = {0}, directories = {0};
    struct file_vec files = {0};
    *ret_found = true;
    if (artifact->kind == ARTIFACT_FILE)
        *vec_push(&scratch, &stored) =
            (struct wanted){STR(""), artifact->is_executable ? TREE_EXECUTABLE : TREE_FILE,
                            artifact->digest, artifact->size_bytes};
    else if (artifact->kind == ARTIFACT_TREE)
        TRY(worktree_stored_list(cas, &scratch, artifact->digest, &stored, &directories,
                                 ret_found));
    for (size_t i = 0; i < stored.len && *ret_found && files.len < most; i++)
        add_file(&files, arena, artifact->path, stored.at[i].below, &stored.at[i]);
    *ret = files.at;
    *ret_count = files.len;
    return NULL;
}

static void add_nodes(struct file_vec *files, struct arena *arena, struct str top,
                      const struct directory *directory)
{
    for (size_t i = 0; i < directory->count; i++) {
        const struct node *node = &directory->nodes[i];
        bool is_link = node->kind == TREE_SYMLINK;
        struct wanted file = {.kind = node->kind,
                              .digest = node->digest,
                              .size_bytes =
                                  is_link ? (int64_t)node->target.len : node->stat.size_bytes};
        AUTO(arena_drop) struct arena scratch = {0};
        if (node->kind != TREE_DIRECTORY)
            add_file(files, arena, top, path_join(&scratch, directory->below, node->name), &file);
    }
}

struct error *worktree_list_files(struct worktree *worktree, struct arena *arena, struct str path,
                                  enum look_role role, struct worktree_file **ret,
                                  size_t *ret_count)
{
    struct file_vec files = {0};
    struct look look = {.path = str_copy(arena, path), .role = role};
    struct batch batch = {.worktree = worktree, .looks = &look, .count = 1};
    struct error *error = batch_run(&batch);
    if (!error) {
        error = look.error;
        look.error = NULL;
    }
    for (size_t i = 0; !error && i < batch.directories.len; i++)
        add_nodes(&files, arena, look.path, batch.directories.at[i]);
    if (!error && look.is_known)
        add_file(&files, arena, look.path, STR(""),
                 &(struct wanted){.kind = look.stat.mode & S_IXUSR ? TREE_EXECUTABLE : TREE_FILE,
                                  .digest = look.digest,
                                  .size_bytes = look.stat.size_bytes});
    batch_end(&batch);
    *ret = files.at;
    *ret_count = files.len;
    return error;
}
