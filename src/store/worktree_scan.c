#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/host/signal.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worktree_private.h"

enum { STATS_A_TIME = 128 };

static const char *const dep_names[] = {".git", ".dvc", ".mlops", "__pycache__",
                                        ".ipynb_checkpoints"};
static const char *const out_names[] = {".git", ".mlops"};

bool ignores_builtin(enum look_role role, struct str name)
{
    const char *const *names = role == LOOK_DEP ? dep_names : out_names;
    size_t count = role == LOOK_DEP ? COUNT_OF(dep_names) : COUNT_OF(out_names);
    if (name.at[0] != '.' && name.at[0] != '_')
        return false;
    for (size_t i = 0; i < count; i++)
        if (str_is(name, names[i]))
            return true;
    return false;
}

struct str node_path(struct arena *arena, const struct directory *directory, struct str name)
{
    return path_join(arena, directory->path, name);
}

bool link_is_inside(struct str below, struct str target)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str path = {0};
    if (target.len == 0 || target.at[0] == '/')
        return false;
    return path_resolve(&scratch, below, target, &path);
}

/* --- stat --- */

/* What lands in the store must be what lies at its path: a directory that is swapped for a link
 * while it is read leads nowhere. Outputs may lie behind links that are there from the start. */
static bool is_straight(const struct batch *batch, const struct look *look)
{
    if (!batch->is_capture || look->role != LOOK_OUT || batch->worktree->follows_links)
        return false;
    if (batch->forbids_links)
        return true;
    const char *path = look->path.len ? look->path.at : ".";
    AUTO(fd_drop)
    struct fd fd = fd_of(path_open_straight(batch->worktree->root_fd, path, O_PATH | O_CLOEXEC));
    return fd_number(fd) >= 0 || errno != ELOOP;
}

/* As what is read later: a link that is followed here and gone when it is looked for would be
 * followed by the reader, too. */
static FALLIBLE stat_straight(int root_fd, const char *path, struct look *look)
{
    AUTO(fd_drop) struct fd fd = fd_of(path_open_straight(root_fd, path, O_PATH | O_CLOEXEC));
    look->is_found = fd_number(fd) >= 0 || (errno != ENOENT && errno != ENOTDIR);
    if (!look->is_found)
        return NULL;
    if (fd_number(fd) < 0)
        return path_straight_error(errno, "look at", path);
    return file_stat_fd(fd_number(fd), &look->stat);
}

static FALLIBLE stat_some(void *context, size_t index, struct worker *worker)
{
    struct batch *batch = context;
    size_t end = MIN_OF(batch->count, (index + 1) * STATS_A_TIME);
    (void)worker;
    for (size_t i = index * STATS_A_TIME; i < end; i++) {
        struct look *look = &batch->looks[i];
        if (look->has_stat)
            continue;
        look->is_straight = is_straight(batch, look);
        /* The paths of looks end in NUL; "" is the project itself. */
        int root_fd = batch->worktree->root_fd;
        const char *path = look->path.len ? look->path.at : ".";
        look->error = look->is_straight ? stat_straight(root_fd, path, look)
                                        : file_stat_at(root_fd, path, !look->is_lenient,
                                                       &look->stat, &look->is_found);
    }
    return NULL;
}

FALLIBLE batch_stat(struct batch *batch)
{
    size_t parts = (batch->count + STATS_A_TIME - 1) / STATS_A_TIME;
    return crew_run(batch->worktree, parts, stat_some, batch);
}

/* --- directories --- */

static FALLIBLE refuse_kind(struct str path, uint32_t mode)
{
    return error_new(ERROR_PROJECT, "'%.*s' is %s; only files, directories and links are data",
                     STR_FMT(path), file_kind_name(mode));
}

static struct directory *directory_new(struct arena *arena, struct directory *parent,
                                       struct str name)
{
    struct directory *directory = arena_new(arena, struct directory);
    directory->path = node_path(arena, parent, name);
    directory->below = path_join(arena, parent->below, name);
    directory->parent = parent;
    directory->look = parent->look;
    directory->depth = parent->depth + 1;
    directory->ignores = parent->ignores;
    return directory;
}

/* One listing: where results go, and what applies. */
struct listing {
    struct worktree *worktree;
    struct arena *arena;
    struct arena *nodes; /* where nodes, their names and targets go */
    bool are_names_kept; /* they are in that memory already */
    struct directory *directory;
    int fd;
};

static FALLIBLE enter(struct listing *listing, struct node *node, bool is_linked)
{
    struct directory *directory = listing->directory;
    const struct look *look = directory->look;
    struct str path = node_path(listing->arena, directory, node->name);
    node->kind = TREE_DIRECTORY;
    if (directory->depth + 1 > LIMIT_TREE_DEPTH)
        return error_new(ERROR_PROJECT, "'%.*s' lies more than %lld directories deep",
                         STR_FMT(path), (long long)LIMIT_TREE_DEPTH);
    if (look->pattern.len && !glob_may_match_below(look->pattern, path))
        return NULL;
    node->directory = directory_new(listing->arena, directory, node->name);
    node->directory->is_linked = is_linked;
    return NULL;
}

/* A link that is not kept: what it names counts. */
static FALLIBLE follow(struct listing *listing, struct node *node)
{
    struct str path = node_path(listing->arena, listing->directory, node->name);
    bool found = false;
    bool is_kept_apart = !listing->worktree->follows_links;
    struct str whole = listing->directory->look->path;
    if (listing->directory->look->role == LOOK_OUT && is_kept_apart)
        return error_hint(
            error_new(ERROR_PROJECT, "'%.*s' is a link that leaves '%.*s'", STR_FMT(path),
                      STR_FMT(whole)),
            "only relative links to what lies in '%.*s' can be kept; copy the file there",
            STR_FMT(whole));
    TRY(file_stat_at(listing->fd, node->name.at, true, &node->stat, &found));
    if (!found)
        return error_new(ERROR_PROJECT, "'%.*s' is a link to '%.*s', which is not there",
                         STR_FMT(path), STR_FMT(node->target));
    if (S_ISDIR(node->stat.mode))
        return enter(listing, node, true);
    return S_ISREG(node->stat.mode) ? NULL : refuse_kind(path, node->stat.mode);
}

static void set_link(struct node *node)
{
    node->kind = TREE_SYMLINK;
    node->digest = digest_of(node->target.at, node->target.len);
    node->is_known = true;
}

static FALLIBLE classify_link(struct listing *listing, struct node *node)
{
    const struct directory *directory = listing->directory;
    TRY(walk_link(listing->nodes, listing->fd, node->name.at, &node->target));
    bool is_data =
        !listing->worktree->follows_links && link_is_inside(directory->below, node->target);
    if (directory->look->is_lenient || is_data) {
        set_link(node);
        return NULL;
    }
    return follow(listing, node);
}

static FALLIBLE classify(struct listing *listing, struct node *node)
{
    const struct look *look = listing->directory->look;
    const char *fault = look->role == LOOK_OUT ? tree_name_fault(node->name) : NULL;
    if (fault && !look->is_lenient)
        return error_new(ERROR_PROJECT, "'%.*s' cannot be stored: its name %s",
                         STR_FMT(node_path(listing->arena, listing->directory, node->name)), fault);
    if (S_ISLNK(node->stat.mode))
        TRY(classify_link(listing, node));
    else if (S_ISDIR(node->stat.mode))
        TRY(enter(listing, node, false));
    else if (!S_ISREG(node->stat.mode))
        node->is_odd = true;
    if (node->is_odd && !look->is_lenient)
        return refuse_kind(node_path(listing->arena, listing->directory, node->name),
                           node->stat.mode);
    if (node->kind == TREE_FILE && node->stat.mode & S_IXUSR)
        node->kind = TREE_EXECUTABLE;
    return NULL;
}

/* A directory that is one of its own parents would have no end. */
static FALLIBLE check_loop(const struct directory *directory)
{
    for (const struct directory *at = directory->parent; directory->is_linked && at;
         at = at->parent)
        if (at->device == directory->device && at->inode == directory->inode)
            return error_new(ERROR_PROJECT, "'%.*s' is a link to a directory that holds it",
                             STR_FMT(directory->path));
    return NULL;
}

static FALLIBLE add_nodes(struct listing *listing, const struct walk_list *list)
{
    struct directory *directory = listing->directory;
    AUTO(buf_drop) struct buf path = {0};
    buf_add_str(&path, directory->path);
    buf_add_text(&path, directory->path.len ? "/" : "");
    size_t base = path.len;
    directory->nodes = arena_new_array(listing->nodes, struct node, list->count);
    for (size_t i = 0; i < list->count; i++) {
        const struct walk_entry *entry = &list->entries[i];
        struct node *node = &directory->nodes[directory->count];
        bool is_skipped = ignores_builtin(directory->look->role, entry->name);
        if (!is_skipped && directory->ignores) {
            path.len = base;
            buf_add_str(&path, entry->name);
            is_skipped =
                ignores_match(directory->ignores, buf_str(&path), S_ISDIR(entry->stat.mode));
        }
        directory->has_skipped = directory->has_skipped || is_skipped;
        if (is_skipped && directory->look->role == LOOK_OUT)
            *vec_push(listing->arena, &directory->skipped) =
                path_join(listing->arena, directory->below, entry->name);
        if (is_skipped)
            continue;
        *node = (struct node){
            .name = listing->are_names_kept ? entry->name : str_copy(listing->nodes, entry->name),
            .stat = entry->stat};
        TRY(classify(listing, node));
        directory->count++;
    }
    return NULL;
}

static FALLIBLE open_directory(struct worktree *worktree, const struct directory *directory,
                               struct fd *ret)
{
    bool may_be_link = directory->depth == 0 || directory->is_linked;
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (may_be_link ? 0 : O_NOFOLLOW);
    const char *path = directory->path.len ? directory->path.at : ".";
    if (directory->look->is_straight)
        return directory_open_straight(worktree->root_fd, path, ret);
    *ret = fd_of(openat(worktree->root_fd, path, flags));
    if (fd_number(*ret) < 0)
        return error_os(errno, "cannot open the directory '%.*s'", STR_FMT(directory->path));
    return NULL;
}

FALLIBLE directory_list(struct worktree *worktree, struct directory *directory, struct arena *arena,
                        struct arena *nodes, struct arena *scratch)
{
    struct walk_list list = {0};
    struct file_stat stat;
    AUTO(fd_drop) struct fd fd = {0};
    TRY(open_directory(worktree, directory, &fd));
    TRY(file_stat_fd(fd_number(fd), &stat));
    directory->device = stat.device;
    directory->inode = stat.inode;
    TRY(check_loop(directory));
    TRY(ignores_read(arena, fd_number(fd), directory->path, directory->ignores,
                     &directory->ignores));
    TRY_WITHIN(walk_list(scratch, fd_number(fd), false, &list), "in the directory '%.*s'",
               STR_FMT(directory->path));
    struct listing listing = {worktree, arena, nodes, nodes == scratch, directory, fd_number(fd)};
    return add_nodes(&listing, &list);
}

/* Directories of one level, which are listed at the same time. */
struct level {
    struct batch *batch;
    size_t first;
    bool is_all; /* however many files there are */
};

void directory_keep_nodes(struct directory *directory, struct arena *arena)
{
    struct node *nodes = arena_alloc(arena, directory->count * sizeof *nodes);
    for (size_t i = 0; i < directory->count; i++) {
        nodes[i] = directory->nodes[i];
        nodes[i].name = str_copy(arena, nodes[i].name);
        nodes[i].target = str_copy(arena, nodes[i].target);
    }
    directory->nodes = nodes;
}

/* Of directories in which nothing changed only the digest is needed, and there are millions of
 * files in them: their nodes are gone before the next directory is listed. */
static FALLIBLE list_briefly(struct batch *batch, struct directory *directory,
                             struct worker *worker)
{
    TRY(directory_list(batch->worktree, directory, &worker->arena, &worker->listing,
                       &worker->listing));
    TRY(batch_settle(batch, directory, &worker->listing));
    if (directory->is_settled)
        directory->nodes = NULL;
    else
        directory_keep_nodes(directory, &worker->arena);
    return NULL;
}

static FALLIBLE list_nodes(struct batch *batch, struct directory *directory, struct worker *worker)
{
    if (batch->is_brief)
        return list_briefly(batch, directory, worker);
    return directory_list(batch->worktree, directory, &worker->arena,
                          batch->is_capture ? &worker->nodes : &worker->arena, &worker->listing);
}

static FALLIBLE list_one(void *context, size_t i, struct worker *worker)
{
    struct level *level = context;
    struct batch *batch = level->batch;
    struct directory *directory = batch->directories.at[level->first + i];
    bool is_enough = batch->is_capture && atomic_load(&batch->listed) >= ROUND_LISTED;
    if (directory->is_listed || (is_enough && !level->is_all))
        return NULL;
    directory->is_listed = true;
    if (!directory->look->error)
        directory->error = list_nodes(batch, directory, worker);
    if (directory->error) {
        directory->nodes = NULL;
        directory->count = 0;
    }
    atomic_fetch_add(&batch->listed, directory->count + 1);
    arena_reset(&worker->listing);
    return NULL;
}

/* The first error of a look is its answer. */
static void take_error(struct look *look, struct error **error)
{
    if (!look->error) {
        look->error = *error;
        *error = NULL;
    }
}

FALLIBLE directory_top(struct worktree *worktree, struct arena *arena, struct look *look,
                       struct directory **ret)
{
    struct directory *top = arena_new(arena, struct directory);
    top->path = look->path;
    top->below = STR("");
    top->look = look;
    bool is_absolute = look->path.len && look->path.at[0] == '/';
    if (!is_absolute && look->path.len)
        TRY(ignores_of(worktree, path_directory(look->path), &top->ignores));
    *ret = top;
    return NULL;
}

static FALLIBLE add_top(struct batch *batch, struct look *look)
{
    struct arena *arena = &batch->worktree->workers[0].arena;
    TRY(directory_top(batch->worktree, arena, look, &look->top));
    *vec_push(arena, &batch->directories) = look->top;
    return NULL;
}

static FALLIBLE add_tops(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct look *look = &batch->looks[i];
        if (look->error || !look->is_found)
            continue;
        if (S_ISDIR(look->stat.mode))
            look->error = add_top(batch, look);
        else if (!S_ISREG(look->stat.mode) && !look->is_lenient)
            look->error = refuse_kind(look->path, look->stat.mode);
    }
    return NULL;
}

static void add_inner(struct batch *batch, const struct directory *directory)
{
    struct arena *arena = &batch->worktree->workers[0].arena;
    for (size_t i = 0; i < directory->count && !directory->look->error; i++)
        if (directory->nodes[i].directory)
            *vec_push(arena, &batch->directories) = directory->nodes[i].directory;
}

/* *ret_end: one behind the last that was listed. */
static FALLIBLE list_some(struct batch *batch, size_t first, size_t end, size_t *ret_end)
{
    struct level level = {.batch = batch, .first = first};
    size_t most = batch->is_capture ? MIN_OF(end - first, (size_t)ROUND_LISTED) : end - first;
    TRY(crew_run(batch->worktree, most, list_one, &level));
    *ret_end = first + most;
    while (*ret_end > first && !batch->directories.at[*ret_end - 1]->is_listed)
        --*ret_end;
    level.is_all = true; /* a thread may have left one out while others went on */
    return crew_run(batch->worktree, *ret_end - first, list_one, &level);
}

static FALLIBLE scan_level(struct batch *batch, size_t first, size_t end)
{
    for (size_t next; first < end; first = next) {
        TRY(list_some(batch, first, end, &next));
        for (size_t i = first; i < next; i++) {
            struct directory *directory = batch->directories.at[i];
            take_error(directory->look, &directory->error);
            if (!directory->is_settled)
                add_inner(batch, directory);
        }
        if (batch->is_capture && atomic_load(&batch->listed) >= ROUND_LISTED)
            TRY(batch_round(batch, next));
    }
    return NULL;
}

FALLIBLE batch_scan(struct batch *batch)
{
    TRY(add_tops(batch));
    for (size_t first = 0, end; first < batch->directories.len; first = end) {
        end = batch->directories.len;
        TRY(scan_level(batch, first, end));
    }
    return NULL;
}
