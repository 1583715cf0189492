/* Shared by the files of module worktree. Looking at paths goes in steps, each a function of a
 * batch: stat, list directories level by level, ask the index, hash what it does not know, make
 * trees bottom up. Listing and hashing run on the pool; each worker has an arena of its own. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/codec/glob.h"
#include "mlops/host/walk.h"
#include "mlops/model/tree.h"
#include "mlops/store/sums.h"
#include "mlops/store/worktree.h"

#include <pthread.h>
#include <stdatomic.h>

#include "cas_private.h"

enum { LOOK_ROLES = 2, LOOK_DEPTH = 257 }; /* LIMIT_TREE_DEPTH and the top */

/* What is remembered of a path in this run. */
struct seen {
    struct artifact artifact;
    struct map outline; /* of a directory that is not as recorded: path below it of a directory that
                           holds files -> its struct digest * */
    struct error *error; /* kept until it is asked for */
    int64_t sequence;    /* of the look; 0: not true any more */
};

/* When a path, or something below it, was forgotten. */
struct forgotten {
    int64_t here, below;
};

/* Ignore files that apply in a directory, the nearest first. */
struct ignore_chain {
    const struct ignore_rules *rules;
    const struct ignore_chain *outer;
};

struct worker {
    struct arena arena;   /* of the batch */
    struct arena listing; /* of a directory, while it is listed */
    struct arena nodes;   /* of directories that are captured, until the end of their round */
    char *buffer;         /* CAS_BUFFER_BYTES, made when first needed */
    struct sums_tap tap;
    struct cas_lane lane;
    struct fd directory_fd; /* of this one, in which several files are hashed */
    const struct directory *directory;
};

struct worktree {
    struct arena memory;
    const struct workspace *workspace;
    struct index *index;
    struct cas *cas;
    struct pool *pool;
    struct sums *sums; /* NULL: only our own digests are wanted */
    int root_fd;
    bool follows_links;          /* those inside directories, too */
    bool relinks;                /* what is there is put in place anew */
    struct map seen[LOOK_ROLES]; /* path -> struct seen * */
    struct map forgotten;        /* path -> struct forgotten * */
    int64_t sequence;
    struct map ignores; /* directory -> struct ignore_chain * (rules NULL: none of its own) */
    struct worker *workers;
    size_t worker_count;
    struct worktree_counts counts;
    int64_t held_count;    /* see worktree_tell_held */
    struct str held_path;  /* the first of them */
    int64_t now_ns;        /* of the file system, before the hashing that goes on */
    int64_t other_now_ns;  /* for files on other file systems */
    uint64_t device;       /* of .mlops */
    pthread_mutex_t mutex; /* of progress */
    const struct observer *observer;
    atomic_int_least64_t done_bytes, tell_ns; /* tell_ns: when progress is to be told next */
    int64_t total_bytes;
    bool is_total_known; /* while files are still being listed it is not */
};

/* An entry of a directory being looked at. `kind` TREE_FILE with is_odd: a FIFO and the like. */
struct node {
    struct str name;
    struct file_stat stat; /* of what a followed link names */
    enum tree_kind kind;
    bool is_odd;
    bool is_known; /* digest is set */
    struct digest digest;
    struct str target; /* of a symbolic link */
    struct directory *directory;
};

struct look;

VEC(below_list, struct str);

struct directory {
    struct str path;  /* as the user would name it: relative to the project, or absolute */
    struct str below; /* relative to the top; "" = the top */
    struct directory *parent;
    struct look *look;
    int depth;
    bool is_linked; /* entered through a symbolic link */
    bool is_listed;
    bool is_asked;   /* the index has said which files it knows */
    bool is_settled; /* the digest is known, and the nodes are gone */
    bool is_whole; /* all that is in it is such as a stored tree can hold: its digest says it all */
    bool is_as_stored; /* for restore: this directory, or one above, is already as it is to be */
    uint64_t device, inode;
    const struct ignore_chain *ignores;
    struct node *nodes;
    size_t count;
    bool has_skipped;          /* ignored entries are not among the nodes */
    struct below_list skipped; /* their paths relative to the top, when an output is looked at */
    struct error *error;
    struct digest digest;
    int64_t size_bytes, file_count;
};

VEC(directory_vec, struct directory *);

/* One path being looked at. */
struct look {
    struct str path;
    enum look_role role;
    const struct artifact *recorded; /* see struct worktree_wish */
    bool is_lenient;    /* for restore: whatever lies there is a node, links are never followed */
    struct str pattern; /* of a glob: directories that can't match are not entered */
    struct seen *seen;  /* where the answer goes, or NULL */
    bool is_straight;   /* no link is on its way: none that comes there is followed */
    bool has_stat;      /* the two below are known */
    bool is_found;
    struct file_stat stat;
    struct error *error;
    struct directory *top;            /* of a directory */
    struct below_list empty, ignored; /* of an output that is a directory: see struct artifact */
    bool is_known;                    /* digest of a file is set */
    struct digest digest;
    struct artifact artifact;
};

VEC(look_vec, struct look);

/* A file to be hashed. */
struct hashing {
    struct look *look;
    struct directory *directory; /* NULL: the look's own file */
    struct node *node;
    int64_t size_bytes;
    bool is_twin; /* the same file as the one before: an output that is a dependency, too */
    bool is_done;
    struct cas_put put;
    struct sums_row *sums; /* if the worktree notes them */
    struct leaves *leaves; /* of a large file whose leaves are made meanwhile, or NULL */
    struct error *error;
};

VEC(hashing_vec, struct hashing);

/* One leaf to be hashed. */
struct leaf_item {
    struct hashing *hashing;
    size_t index;
};

VEC(leaf_item_vec, struct leaf_item);

struct batch {
    struct worktree *worktree;
    struct look *looks;
    size_t count;
    bool is_capture;
    bool forbids_links; /* also on the way to the paths, where outputs may have them */
    bool is_brief; /* only artifacts are asked for: nodes may go once their directory's digest is
                      known */
    struct directory_vec directories; /* parents before children */
    struct hashing_vec hashings;      /* big ones first, the biggest of them first of all */
    size_t big_count;                 /* of them */
    struct leaf_item_vec leaf_items;
    bool is_leaf_for_clones; /* leaves are worth it only while files are cloned, not copied */
    struct arena round;      /* of hashings before the scan's end */
    bool is_round;           /* these are hashed now: more will follow */
    size_t round_first;      /* directory with which the round that goes on begins */
    atomic_size_t listed;    /* in it so far: directories and what is in them */
};

/* Where the answer for a path goes; *ret_is_new false if it is there. */
struct seen *seen_place(struct worktree *worktree, struct str path, enum look_role role,
                        bool *ret_is_new);

/* Whether an output is remembered to be something else than the artifact. */
bool worktree_knows_other(const struct worktree *worktree, const struct artifact *artifact);

/* Answers what stat and index alone can; adds what has to be looked at. */
FALLIBLE glance_at(struct worktree *worktree, struct arena *arena,
                   const struct worktree_wish *wishes, size_t count, struct look_vec *looks);

/* Answers all looks; their nodes live until batch_end. Errors go into the looks; what is returned
 * is a stop signal or a failing store. */
FALLIBLE batch_run(struct batch *batch);
void batch_end(struct batch *batch);

/* Steps of batch_run. */
FALLIBLE batch_stat(struct batch *batch);
FALLIBLE batch_scan(struct batch *batch);
FALLIBLE batch_hash(struct batch *batch);
FALLIBLE batch_trees(struct batch *batch);

/* What is captured goes in rounds: when many files have been listed they are hashed, and what is
 * known of them is forgotten where their directory's tree can be made. `end`: the first directory
 * that is not listed. Few files have no round but the last, which is the rest of batch_run. */
enum { ROUND_LISTED = 16384 };
FALLIBLE batch_round(struct batch *batch, size_t end);
FALLIBLE batch_hash_round(struct batch *batch, size_t end);
FALLIBLE batch_tree(struct batch *batch, struct directory *directory, struct arena *scratch);

/* Nodes to memory that stays. */
void directory_keep_nodes(struct directory *directory, struct arena *arena);

/* Gives a directory without others in it its digest, if the index knows all of its files. On any
 * worker of a batch that is brief. */
FALLIBLE batch_settle(struct batch *batch, struct directory *directory, struct arena *scratch);

/* The directory of a look's own path; and what is in a directory. Nodes, their names and targets
 * may go to memory of their own; `scratch` holds what is needed meanwhile. */
FALLIBLE directory_top(struct worktree *worktree, struct arena *arena, struct look *look,
                       struct directory **ret);
FALLIBLE directory_list(struct worktree *worktree, struct directory *directory, struct arena *arena,
                        struct arena *nodes, struct arena *scratch);

/* Asks the index for all files among the nodes; false if it does not know one of them. */
bool directory_ask(struct worktree *worktree, struct directory *directory, struct arena *scratch);

/* What is remembered and still true, else NULL. */
struct seen *seen_find(const struct worktree *worktree, struct str path, enum look_role role);

/* Whether a node is a file with bytes of its own. */
bool node_is_file(const struct node *node);

/* Leaves of large files (docs/formats.md, "Leaf lists") are made while they are captured, by
 * threads that have no file to read: planned before, hashed as items behind the files, kept after.
 */
void leaves_plan(struct batch *batch);
FALLIBLE leaves_hash(struct batch *batch, size_t item, struct worker *worker);
void leaves_end(
    const struct hashing *hashing); /* the file is done: nobody waits for many of them */
void leaves_keep(struct batch *batch);

/* Before the first files of a batch. */
void files_begin(struct worktree *worktree);

/* Hashes all files that are no twins, and leaves; then what is not done after that. */
FALLIBLE files_hash(struct batch *batch);
FALLIBLE files_hash_left(struct batch *batch);

/* Where the file of a hashing lies, relative to the project. */
struct buf hashing_path(const struct hashing *hashing);
void worker_leave_directory(struct worker *worker);
const struct file_stat *hashing_stat(const struct hashing *hashing);

/* Spreads work(context, i, worker) over the pool; each call of it has a worker for itself. */
FALLIBLE crew_run(struct worktree *worktree, size_t count,
                  FALLIBLE (*work)(void *context, size_t i, struct worker *worker), void *context);
char *worker_buffer(struct worker *worker);

/* Ignore files that apply inside the parent directories of a project path. */
FALLIBLE ignores_of(struct worktree *worktree, struct str directory,
                    const struct ignore_chain **ret);
/* Reads those of one open directory, if there are any, into the arena. */
FALLIBLE ignores_read(struct arena *arena, int directory_fd, struct str path,
                      const struct ignore_chain *outer, const struct ignore_chain **ret);
/* Names that are never data in this role. */
bool ignores_builtin(enum look_role role, struct str name);
bool ignores_match(const struct ignore_chain *chain, struct str path, bool is_directory);

/* Path of a node: directory/name, NUL-terminated. */
struct str node_path(struct arena *arena, const struct directory *directory, struct str name);

/* Whether a link in directory `below` of a tree stays in the tree. */
bool link_is_inside(struct str below, struct str target);

/* --- restore --- */

/* Where a path really is: its parent directory, open, and its name there. */
struct place {
    struct fd parent_fd;
    struct str name;
    struct str real; /* absolute, if the path is a link; else empty */
};
void place_drop(struct place *place);

/* Follows links that lead inside the project or below allow_roots; makes missing parents. */
FALLIBLE place_find(struct worktree *worktree, struct arena *arena, struct str path,
                    struct place *ret);

/* Opens a directory below a directory without following any link; made if `makes`. */
FALLIBLE place_descend(int top_fd, struct str below, bool makes, struct fd *ret);

struct restoring {
    struct worktree *worktree;
    struct arena *arena;
    const struct artifact *artifact;
    struct str displaced; /* folder below .mlops */
    int displaced_count;
    struct place place;
    struct temp_dir temp; /* on the same file system as the place */
    bool is_replacing;    /* the file below is to be replaced: the store has it */
    struct file_stat seen;
    bool has_taken;        /* the temporary directory has a place for what is taken, */
    struct str taken_from; /* and the note there says this */
    bool has_no_exchange;  /* names can't be exchanged on this file system */
};

/* Looks after files that a dead process had taken out of their place when it was killed, in its
 * temporary directory below parent_fd: what the store lacks moves out of the way as if it had just
 * been found at its place, the rest goes. */
FALLIBLE restoring_rescue(struct restoring *restoring, int parent_fd, const char *prefix);

/* Moves what stands at from_fd/name out of the way, as `path` of the project. */
FALLIBLE restoring_displace(struct restoring *restoring, int from_fd, const char *name,
                            struct str path);

/* Puts a file of the temporary directory in its place. `seen`: what stands there and may go (NULL:
 * nothing does); anything else that is found there moves out of the way. */
FALLIBLE restoring_replace(struct restoring *restoring, const char *staged, int parent_fd,
                           const char *name, const struct file_stat *seen, struct str path);

/* Removes a file that may go; if it is another one by now, it moves out of the way. */
FALLIBLE restoring_remove(struct restoring *restoring, int parent_fd, const char *name,
                          const struct file_stat *seen, struct str path);

/* Removes a directory all of whose files may go, as they were seen; others move out of the way. */
FALLIBLE restoring_clear_tree(struct restoring *restoring, const struct batch *batch);

FALLIBLE restoring_file(struct restoring *restoring, bool *ret_done);
FALLIBLE restoring_tree(struct restoring *restoring, bool *ret_done);

/* Looks at the place as it is now, leniently; the nodes live until batch_end, unless it is brief.
 */
FALLIBLE restoring_look(struct restoring *restoring, bool is_brief, struct look *look,
                        struct batch *batch);

/* A file or link of a stored tree, with its path below the tree. */
struct wanted {
    struct str below;
    enum tree_kind kind;
    struct digest digest;
    int64_t size_bytes;
};
VEC(wanted_vec, struct wanted);

/* One directory of a stored tree. */
FALLIBLE worktree_stored_tree(struct cas *cas, struct arena *arena, struct digest digest,
                              struct tree *ret, bool *ret_found);

/* All entries of a stored tree in order of path, directories before what is in them; no more than
 * one tree a level is held. *ret_found false: an object is missing, or `visit` set *goes_on, which
 * is true, to false. */
struct stored_visitor {
    FALLIBLE(*visit)
    (void *context, struct str below, const struct tree_entry *entry, bool *goes_on);
    void *context;
};
FALLIBLE worktree_stored_walk(struct cas *cas, struct digest tree,
                              const struct stored_visitor *visitor, bool *ret_found);

/* Files, links (and directories, parents first) of a stored tree; *ret_found false if an object is
 * missing. */
FALLIBLE worktree_stored_list(struct cas *cas, struct arena *arena, struct digest tree,
                              struct wanted_vec *ret_files, struct wanted_vec *ret_directories,
                              bool *ret_found);

/* A result that no history names yet is restored before it is recorded: until then gc is told of it
 * and of all that is in it by a pin. Call while the store is held. *ret_found false: the store
 * lacks a tree. */
FALLIBLE restoring_pin(struct restoring *restoring, bool *ret_found);
