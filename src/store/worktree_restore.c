#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worktree_private.h"

enum { PINS_A_TIME = 2048 };

static void restoring_drop(struct restoring *restoring)
{
    temp_dir_drop(&restoring->temp);
    place_drop(&restoring->place);
}

static FALLIBLE same_device(int a_fd, int b_fd, bool *ret)
{
    struct file_stat a, b;
    TRY(file_stat_fd(a_fd, &a));
    TRY(file_stat_fd(b_fd, &b));
    *ret = a.device == b.device;
    return NULL;
}

/* In .mlops/tmp if a rename can go from there, else beside the place. */
static FALLIBLE open_temp(struct restoring *restoring)
{
    AUTO(fd_drop) struct fd tmp = {0};
    bool is_same = false;
    int parent_fd = fd_number(restoring->place.parent_fd);
    TRY(directory_open(fd_number(restoring->worktree->workspace->state_fd), "tmp", &tmp));
    TRY(same_device(fd_number(tmp), parent_fd, &is_same));
    TRY(temp_dir_sweep(fd_number(tmp), TEMP_PREFIX));
    if (is_same)
        return temp_dir_open(fd_number(tmp), TEMP_PREFIX, &restoring->temp);
    TRY(restoring_rescue(restoring, parent_fd, TEMP_PREFIX_BESIDE));
    TRY(temp_dir_sweep(parent_fd, TEMP_PREFIX_BESIDE));
    return temp_dir_open(parent_fd, TEMP_PREFIX_BESIDE, &restoring->temp);
}

/* A name in the directory that nothing has yet. */
static FALLIBLE free_name(struct restoring *restoring, int directory_fd, struct str base,
                          struct str *ret)
{
    for (int number = 1;; number++) {
        struct file_stat stat;
        bool found = false;
        struct str name = number == 1
                              ? str_copy(restoring->arena, base)
                              : str_print(restoring->arena, "%.*s~%d", STR_FMT(base), number);
        TRY(file_stat_at(directory_fd, name.at, false, &stat, &found));
        if (!found) {
            *ret = name;
            return NULL;
        }
    }
}

/* The directory below the folder in which a path is kept. A link that was moved there before leads
 * nowhere: what is named below it would leave the project. */
static FALLIBLE open_displaced(struct restoring *restoring, struct str path, struct fd *ret)
{
    int state_fd = fd_number(restoring->worktree->workspace->state_fd);
    const char *folder = str_terminate(restoring->arena, restoring->displaced);
    AUTO(fd_drop) struct fd fd = {0};
    TRY(directory_make(state_fd, folder, false));
    TRY(directory_open(state_fd, folder, &fd));
    return directory_make_straight(
        fd_number(fd), str_terminate(restoring->arena, path_directory(path)), false, ret);
}

FALLIBLE restoring_displace(struct restoring *restoring, int from_fd, const char *name,
                            struct str path)
{
    AUTO(fd_drop) struct fd to_fd = {0};
    struct str to = {0};
    TRY_WITHIN(open_displaced(restoring, path, &to_fd), "cannot move '%.*s' out of the way",
               STR_FMT(path));
    TRY(free_name(restoring, fd_number(to_fd), path_name(path), &to));
    TRY_WITHIN(path_move(from_fd, name, fd_number(to_fd), to.at),
               "cannot move '%.*s' out of the way", STR_FMT(path));
    restoring->displaced_count++;
    return NULL;
}

/* Behind a link what it names is looked at; elsewhere the path, under which the index knows it. */
FALLIBLE restoring_look(struct restoring *restoring, bool is_brief, struct look *look,
                        struct batch *batch)
{
    struct str real = restoring->place.real;
    struct str path = real.len ? real : restoring->artifact->path;
    *look = (struct look){
        .path = str_copy(restoring->arena, path), .role = LOOK_OUT, .is_lenient = true};
    *batch = (struct batch){
        .worktree = restoring->worktree, .looks = look, .count = 1, .is_brief = is_brief};
    TRY(batch_run(batch));
    struct error *error = look->error;
    look->error = NULL;
    return error;
}

/* Whether all that stands at the place is in the store. */
static FALLIBLE is_kept(struct restoring *restoring, const struct look *look,
                        const struct batch *batch, bool *ret)
{
    struct cas *cas = restoring->worktree->cas;
    *ret = look->is_known;
    if (!look->top)
        return look->is_known ? cas_has(cas, look->digest, ret) : NULL;
    *ret = true;
    for (size_t i = 0; i < batch->directories.len && *ret; i++) {
        const struct directory *directory = batch->directories.at[i];
        *ret = !directory->has_skipped;
        for (size_t n = 0; n < directory->count && *ret; n++) {
            const struct node *node = &directory->nodes[n];
            if (node->kind == TREE_DIRECTORY)
                continue;
            *ret = node->is_known && !node->is_odd;
            if (*ret)
                TRY(cas_has(cas, node->digest, ret));
        }
    }
    return NULL;
}

static FALLIBLE clear_seen(struct restoring *restoring, const struct look *look,
                           const struct batch *batch)
{
    bool kept = false;
    if (!look->is_found)
        return NULL;
    TRY(is_kept(restoring, look, batch, &kept));
    if (!kept)
        return restoring_displace(restoring, fd_number(restoring->place.parent_fd),
                                  restoring->place.name.at, restoring->artifact->path);
    if (look->top)
        return restoring_clear_tree(restoring, batch);
    restoring->is_replacing = true; /* a file is replaced at once */
    restoring->seen = look->stat;
    return NULL;
}

static FALLIBLE clear_place(struct restoring *restoring)
{
    struct look look;
    struct batch batch;
    struct error *error = restoring_look(restoring, false, &look, &batch);
    if (!error)
        error = clear_seen(restoring, &look, &batch);
    batch_end(&batch);
    return error;
}

static bool has_same_empty_dirs(const struct artifact *a, const struct artifact *b)
{
    if (a->empty_dir_count != b->empty_dir_count)
        return false;
    for (size_t i = 0; i < a->empty_dir_count; i++)
        if (!str_equal(a->empty_dirs[i], b->empty_dirs[i]))
            return false;
    return true;
}

/* Whether the work tree holds the artifact already; its digest does not speak of empty directories.
 */
static FALLIBLE is_there(struct restoring *restoring, bool *ret)
{
    struct worktree *worktree = restoring->worktree;
    const struct artifact *wanted = restoring->artifact;
    struct artifact now = {0};
    *ret = false;
    if (worktree_knows_other(worktree, wanted))
        return NULL; /* what stands there is looked at once more before anything is touched */
    /* What was seen before may have changed since; a stat tells. */
    worktree_forget(worktree, wanted->path);
    struct error *error = worktree_look(worktree, wanted->path, LOOK_OUT, &now);
    *ret = !error && !worktree->relinks && artifact_equal(&now, wanted) &&
           has_same_empty_dirs(&now, wanted);
    if (error && error->code >= ERROR_SIGNAL)
        return error;
    error_drop(error); /* whatever is odd there gets out of the way */
    return NULL;
}

static void note(struct restoring *restoring, const struct file_stat *stat)
{
    struct worktree *worktree = restoring->worktree;
    /* Under the claim of the stage nobody else writes here, so what we wrote is not racy. */
    index_note(worktree->index, restoring->artifact->path, stat, restoring->artifact->digest,
               INT64_MAX);
    worktree->counts.restored_files++;
    worktree->counts.restored_bytes += stat->size_bytes;
}

FALLIBLE restoring_file(struct restoring *restoring, bool *ret_done)
{
    const struct artifact *artifact = restoring->artifact;
    int temp_fd = fd_number(restoring->temp.fd), parent_fd = fd_number(restoring->place.parent_fd);
    const char *name = restoring->place.name.at;
    struct file_stat stat;
    bool found = false;
    TRY(cas_checkout(restoring->worktree->cas, artifact->digest, artifact->is_executable, temp_fd,
                     "0", &stat, ret_done));
    if (!*ret_done)
        return NULL;
    TRY(restoring_pin(restoring, ret_done));
    TRY(clear_place(restoring));
    TRY(restoring_replace(restoring, "0", parent_fd, name,
                          restoring->is_replacing ? &restoring->seen : NULL, artifact->path));
    TRY(file_stat_at(parent_fd, name, false, &stat, &found));
    if (found)
        note(restoring, &stat);
    return NULL;
}

struct pinning {
    struct cas *cas;
    struct digest digests[PINS_A_TIME];
    size_t count;
};

static FALLIBLE pin_all(struct pinning *pinning)
{
    size_t count = pinning->count;
    pinning->count = 0;
    return cas_pin(pinning->cas, pinning->digests, count);
}

static FALLIBLE pin_entry(void *context, struct str below, const struct tree_entry *entry,
                          bool *goes_on)
{
    struct pinning *pinning = context;
    (void)below;
    (void)goes_on;
    pinning->digests[pinning->count++] = entry->digest;
    return pinning->count == PINS_A_TIME ? pin_all(pinning) : NULL;
}

FALLIBLE restoring_pin(struct restoring *restoring, bool *ret_found)
{
    const struct artifact *artifact = restoring->artifact;
    struct pinning *pinning = arena_new(restoring->arena, struct pinning);
    struct stored_visitor visitor = {pin_entry, pinning};
    pinning->cas = restoring->worktree->cas;
    pinning->digests[pinning->count++] = artifact->digest;
    *ret_found = true;
    if (artifact->kind == ARTIFACT_TREE)
        TRY(worktree_stored_walk(pinning->cas, artifact->digest, &visitor, ret_found));
    return pin_all(pinning);
}

static FALLIBLE restore_held(struct restoring *restoring, bool *ret_done)
{
    struct worktree *worktree = restoring->worktree;
    const struct artifact *artifact = restoring->artifact;
    TRY(place_find(worktree, restoring->arena, artifact->path, &restoring->place));
    TRY(open_temp(restoring));
    if (artifact->kind == ARTIFACT_ABSENT) {
        TRY(clear_place(restoring));
        *ret_done = true;
        if (!restoring->is_replacing)
            return NULL;
        return restoring_remove(restoring, fd_number(restoring->place.parent_fd),
                                restoring->place.name.at, &restoring->seen, artifact->path);
    }
    return artifact->kind == ARTIFACT_FILE ? restoring_file(restoring, ret_done)
                                           : restoring_tree(restoring, ret_done);
}

static FALLIBLE check_path(struct str path)
{
    const char *fault = path_fault(path);
    if (!fault)
        return NULL;
    return error_new(ERROR_STORED, "'%.*s' is no path to restore to: it %s", STR_FMT(path), fault);
}

struct error *worktree_restore(struct worktree *worktree, const struct artifact *artifact,
                               struct str displaced, int *ret_displaced, bool *ret_done)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(restoring_drop)
    struct restoring restoring = {
        .worktree = worktree, .arena = &scratch, .artifact = artifact, .displaced = displaced};
    bool done = false, same = false;
    check(worktree->cas && worktree->workspace->state_fd.number_plus_one);
    TRY(check_path(artifact->path));
    TRY(is_there(&restoring, &same));
    if (!same) {
        cas_warm(worktree->cas);
        TRY(cas_hold(worktree->cas));
        struct error *error = restore_held(&restoring, &done);
        cas_release(worktree->cas);
        worktree_forget(worktree, artifact->path);
        if (error)
            return error_within(error, "cannot restore '%.*s'", STR_FMT(artifact->path));
    }
    *ret_displaced = restoring.displaced_count;
    *ret_done = done || same;
    return NULL;
}
