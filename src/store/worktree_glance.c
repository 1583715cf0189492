#include "mlops/base/check.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "worktree_private.h"

/* Wishes are taken in slices that stay in the processor's caches; of those that the index answers,
 * which is nearly all of a run in which nothing changed, nothing else is kept. */
enum { SLICE = 4096, STATS_A_TIME = 128 };

struct glance {
    struct seen *seen;
    enum look_role role;
    const struct artifact *recorded;
    bool is_found;
    struct file_stat stat;
    struct error *error;
};

struct slice {
    struct worktree *worktree;
    struct glance *glances;
    size_t count;
};

static FALLIBLE stat_some(void *context, size_t index, struct worker *worker)
{
    struct slice *slice = context;
    size_t end = MIN_OF(slice->count, (index + 1) * STATS_A_TIME);
    (void)worker;
    for (size_t i = index * STATS_A_TIME; i < end; i++) {
        struct glance *glance = &slice->glances[i];
        struct str path = glance->seen->artifact.path;
        glance->error = file_stat_at(slice->worktree->root_fd, path.len ? path.at : ".", true,
                                     &glance->stat, &glance->is_found);
    }
    return NULL;
}

/* Whether that was all: nothing is there, or a file that the index knows. */
static bool answer(struct worktree *worktree, struct glance *glance)
{
    struct artifact *artifact = &glance->seen->artifact;
    struct str path = artifact->path;
    bool is_file = glance->is_found && S_ISREG(glance->stat.mode);
    if (glance->error || (glance->is_found && !is_file))
        return false;
    *artifact = (struct artifact){.path = path};
    if (!is_file)
        return true;
    if (!index_find(worktree->index, path, &glance->stat, &artifact->digest))
        return false;
    artifact->kind = ARTIFACT_FILE;
    artifact->is_executable = (glance->stat.mode & S_IXUSR) != 0;
    artifact->size_bytes = glance->stat.size_bytes;
    artifact->file_count = 1;
    return true;
}

static FALLIBLE glance_at_slice(struct slice *slice, struct arena *arena, struct look_vec *looks)
{
    size_t parts = (slice->count + STATS_A_TIME - 1) / STATS_A_TIME;
    TRY(crew_run(slice->worktree, parts, stat_some, slice));
    for (size_t i = 0; i < slice->count; i++) {
        struct glance *glance = &slice->glances[i];
        if (answer(slice->worktree, glance))
            continue;
        *vec_push(arena, looks) = (struct look){.path = glance->seen->artifact.path,
                                                .role = glance->role,
                                                .seen = glance->seen,
                                                .recorded = glance->recorded,
                                                .has_stat = true,
                                                .is_found = glance->is_found,
                                                .stat = glance->stat,
                                                .error = glance->error};
    }
    return NULL;
}

FALLIBLE glance_at(struct worktree *worktree, struct arena *arena,
                   const struct worktree_wish *wishes, size_t count, struct look_vec *looks)
{
    struct slice slice = {.worktree = worktree};
    slice.glances = arena_new_array(arena, struct glance, MIN_OF(count, (size_t)SLICE));
    for (size_t i = 0; i < count; i++) {
        bool is_new = false;
        struct seen *seen = seen_place(worktree, wishes[i].path, wishes[i].role, &is_new);
        if (is_new)
            slice.glances[slice.count++] = (struct glance){
                .seen = seen, .role = wishes[i].role, .recorded = wishes[i].recorded};
        if (slice.count < SLICE && i + 1 < count)
            continue;
        struct error *error = glance_at_slice(&slice, arena, looks);
        for (size_t g = 0; error && g < slice.count; g++) {
            slice.glances[g].seen->sequence = 0;
            error_drop(slice.glances[g].error);
        }
        TRY(error);
        memset(slice.glances, 0, slice.count * sizeof *slice.glances);
        slice.count = 0;
    }
    return NULL;
}
