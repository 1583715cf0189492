/* Shared by the files of module gc. */
#pragma once

#include "mlops/store/gc.h"
#include "mlops/store/lockfile.h"

/* A tree object of LIMIT_TREE_ENTRIES entries with the longest names. */
#define GC_TREE_BYTES_MOST (INT64_C(8) << 30)

/* A set of digests, of a size that follows the store: 32 bytes an entry, at most two thirds full.
 */
struct digest_set {
    struct digest *slots; /* heap; zero = free */
    size_t len, slot_count;
};

/* True if it was not there before. The zero digest is never in the set. */
bool digest_set_add(struct digest_set *set, struct digest digest);
bool digest_set_has(const struct digest_set *set, struct digest digest);
void digest_set_drop(struct digest_set *set);

/* What is needed, and what was looked at already. */
struct marks {
    struct cas *cas;
    struct ledger *ledger; /* of the project being marked */
    struct digest_set objects, results;
    struct digest_set keys;      /* of lock entries */
    struct digest_set documents; /* bytes of lock files seen */
    int64_t now_ns;
};
void marks_drop(struct marks *marks);

FALLIBLE mark_object(struct marks *marks, struct digest digest);

/* Its objects: of a tree all that is below it. */
FALLIBLE mark_artifact(struct marks *marks, const struct artifact *artifact);
FALLIBLE mark_lock(struct marks *marks, const struct lockfile *lockfile);

/* All roots of a project: runs, lock files of the work tree and of git, results that wait to be
 * accepted. */
FALLIBLE mark_project(struct marks *marks, const struct workspace *workspace,
                      struct ledger *ledger);

/* This project, the others of the cache, and what processes have pinned. */
FALLIBLE mark_all(struct marks *marks, const struct workspace *workspace, struct ledger *ledger);

/* Items found, of which the biggest are listed. */
struct gc_items {
    struct arena *arena;
    struct gc_report *report;
    size_t cap;
};
void gc_items_add(struct gc_items *items, struct gc_item item);
void gc_items_sort(struct gc_items *items);

/* Folders of .mlops that only people read: failed outputs, displaced files, logs. */
FALLIBLE gc_leftovers(const struct workspace *workspace, struct ledger *ledger,
                      const struct gc_options *options, int64_t now_ns, struct gc_items *items);
