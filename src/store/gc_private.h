/* Shared by the files of module gc. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/base/vec.h"
#include "mlops/store/gc.h"
#include "mlops/store/lockfile.h"

/* A set of digests, of a size that follows the store: 36 bytes an entry, at most two thirds full.
 */
struct digest_set {
    struct digest *slots; /* heap; zero = free */
    uint32_t *notes;      /* heap; one a slot */
    size_t len, slot_count;
};

/* True if it was not there before. The zero digest is never in the set. */
bool digest_set_add(struct digest_set *set, struct digest digest);
bool digest_set_has(const struct digest_set *set, struct digest digest);
void digest_set_drop(struct digest_set *set);

/* The number kept with a digest, 0 at first; NULL: it is not in the set. Valid until the next add.
 */
uint32_t *digest_set_note(const struct digest_set *set, struct digest digest);

/* The same of a digest that is not zero, and may not be in the set yet. */
uint32_t *digest_set_enter(struct digest_set *set, struct digest digest);

VEC(digest_vec, struct digest);

/* What holds an object, from weak to strong: the strongest counts. What is at least MARK_TAGGED is
 * never evicted, what is MARK_DATA only if a remote has it. */
enum mark_rank {
    MARK_NONE,
    MARK_RUN,    /* a run of the history: its stage makes it again */
    MARK_BRANCH, /* a lock file of git, not of the work tree */
    MARK_DATA,   /* a pointer: no stage makes it again */
    MARK_TAGGED, /* a run that is tagged or goes on, a sweep's files */
    MARK_WORK,   /* lock files of the work tree, results that wait, imported data */
    MARK_FRESH,  /* a pin, a result within the grace period */
    MARK_RANKS,
};

/* A file or directory that something outside of the store names. */
struct gc_root {
    struct str path;
    bool is_tree;
    struct digest digest;
    int64_t size_bytes;
};
VEC(root_vec, struct gc_root);

/* A directory that is needed and was not in the store when it was looked for. */
struct missing_tree {
    struct digest digest;
    enum mark_rank rank;
};
VEC(missing_vec, struct missing_tree);

/* What DVC's files of one project name. */
struct dvc_names {
    struct arena memory;
    struct map md5s;             /* bytes of an MD5 -> itself */
    struct digest_set documents; /* bytes of files seen */
};
void dvc_names_drop(struct dvc_names *names);

/* What is needed, and what was looked at already. */
struct marks {
    struct arena memory;
    struct missing_vec missing;
    struct cas *cas;
    struct ledger *ledger;       /* of the project being marked */
    enum mark_rank rank;         /* of what is marked now */
    struct digest_set objects;   /* their ranks; MARK_TREE with it: a directory */
    struct digest_set results;   /* by id; their ranks */
    struct arena *collected;     /* of what follows; NULL: not asked for */
    struct digest_vec absent;    /* directories that are not in the store */
    struct root_vec roots;       /* what was marked from outside */
    struct digest_set fetchable; /* objects that a remote has, as far as is known here */
    struct digest_set keys;      /* of lock entries */
    struct digest_set locks;     /* bytes of lock files seen */
    struct digest_set pointers;  /* and of pointers */
    struct dvc_names *dvc;       /* of the project being marked; NULL: between projects */
    int64_t now_ns;
    const struct observer *observer;
    struct digest_set foreign; /* bytes of files of history that are no pointers */
    bool all_commits;          /* not only tips name what is needed */
    bool forgives;             /* a document that can't be read names nothing */
};
void marks_drop(struct marks *marks);

enum { MARK_TREE = 0x80 };
enum mark_rank mark_of(const struct marks *marks, struct digest object);
bool mark_is_tree(const struct marks *marks, struct digest object);

/* What comes next is held by this; gives what was before, for going back. */
enum mark_rank mark_as(struct marks *marks, enum mark_rank rank);

FALLIBLE mark_object(struct marks *marks, struct digest digest);

/* Its objects: of a tree all that is below it. */
FALLIBLE mark_artifact(struct marks *marks, const struct artifact *artifact);

/* What a directory that was absent names, now that it is here; false: it is not. */
FALLIBLE mark_below(struct marks *marks, struct digest tree, bool *ret_found);
FALLIBLE mark_lock(struct marks *marks, const struct lockfile *lockfile);

/* What a document names; `name` is for messages. */
FALLIBLE mark_lock_bytes(struct marks *marks, struct str name, struct str bytes, bool has_pipeline);
FALLIBLE mark_pointer_bytes(struct marks *marks, struct str name, struct str path,
                            struct str bytes);

/* `.dvc` files and dvc.lock: what they name is noted, and marked when all of them are read. */
bool gc_is_of_dvc(struct str path);
FALLIBLE mark_dvc_bytes(struct marks *marks, struct str name, struct str bytes);
FALLIBLE mark_dvc_names(struct marks *marks, const struct workspace *workspace);

struct git_document {
    struct str commit; /* 40 hex digits; empty: it is staged */
    struct str path;   /* below git's top */
    struct str bytes;
    bool is_history; /* not of a tip */
};

/* Files of the git repository around the project that may be lock files, pointers or files of DVC's
 * that name data: first of the
 * tips, then what is staged, then perhaps of all commits; each content once. */
FALLIBLE gc_each_document(const struct workspace *workspace, bool all_commits,
                          FALLIBLE (*visit)(void *context, const struct git_document *document),
                          void *context);

/* What they name. */
FALLIBLE mark_git(struct marks *marks, const struct workspace *workspace);

/* All roots of a project: runs, lock files of the work tree and of git, results that wait to be
 * accepted. */
FALLIBLE mark_project(struct marks *marks, const struct workspace *workspace,
                      struct ledger *ledger);

/* What directories name that were missing before and have come since. */
FALLIBLE mark_missing(struct marks *marks);

/* This project, the others of the cache, and what processes have pinned. Done again it reads what
 * is new since. */
FALLIBLE mark_all(struct marks *marks, const struct workspace *workspace, struct ledger *ledger);

/* Items found, of which the biggest are listed. */
struct gc_items {
    struct arena *arena;
    struct gc_report *report;
    size_t cap;
};
void gc_items_add(struct gc_items *items, struct gc_item item);
void gc_items_sort(struct gc_items *items);

struct swept_result {
    struct str project;
    struct digest key, id;
};
VEC(swept_vec, struct swept_result);

/* One collection: what is needed, and what goes. */
struct sweep {
    struct marks *marks;
    const struct workspace *workspace;
    struct ledger *ledger;
    const struct gc_options *options;
    struct gc_items items;
    struct arena *arena;       /* of the report */
    struct digest_set gone;    /* ids of results to be removed */
    struct swept_vec results;  /* the same with their keys */
    struct digest_vec objects; /* to be removed */
    struct digest_set left;    /* of them those whose packs stay */
};

/* Bytes that stay, by what holds them. */
void gc_hold(struct gc_report *report, enum mark_rank rank, int64_t bytes);
void gc_holders_sort(struct gc_report *report);

/* Whether the clone shows what a remote is needed for: that it may not is told; a shallow one that
 * would remove something is refused. */
FALLIBLE gc_check_clone(const struct sweep *sweep);

/* The same of the local store: all commits are not to be had in a shallow clone. */
FALLIBLE gc_check_history(const struct sweep *sweep);

/* "train in run NEB9G2X1" */
struct str result_label(struct arena *arena, const struct result *result);
int64_t sweep_age(const struct sweep *sweep, const struct file_stat *stat);

/* Adds what goes until the cache is no larger than wanted; says in the report what holds the rest.
 */
FALLIBLE gc_evict(struct sweep *sweep);

/* Asks which of the marked objects could be fetched again, if the cache is larger than wanted. */
FALLIBLE gc_ask_remotes(struct sweep *sweep);

/* Says of listed objects what they were. Before anything is removed: directories are read. */
FALLIBLE gc_name_items(struct sweep *sweep);

/* The same for objects that belong to items: the note of each is the item's number. */
FALLIBLE gc_name_wanted(struct sweep *sweep, struct digest_set *wanted);

/* Parts of large files whose fetch was given up longer than the grace period ago. */
FALLIBLE gc_parts(struct sweep *sweep);

/* What was found to be damaged longer ago than runs are kept. */
FALLIBLE gc_quarantine(struct sweep *sweep);

/* Mirrors of other projects that nobody has read for LIMIT_MIRROR_IDLE_DAYS. */
FALLIBLE gc_mirrors(struct sweep *sweep);

/* Folders of .mlops that only people read: failed outputs, displaced files, logs. */
FALLIBLE gc_leftovers(const struct workspace *workspace, struct ledger *ledger,
                      const struct gc_options *options, int64_t now_ns, struct gc_items *items);
