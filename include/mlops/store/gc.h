/* Housekeeping: mark from runs, lock files of the work tree and of every branch, tag and stash of
 * git, other projects of the cache and pins; sweep what is older than the grace period. If the
 * cache is still larger than wanted, results go that can be made again: the cheapest for their size
 * first. Dry by default. */
#pragma once

#include "mlops/host/pool.h"
#include "mlops/model/event.h"
#include "mlops/store/cas.h"
#include "mlops/store/ledger.h"

struct pool;

struct gc_fetchable;

struct gc_options {
    bool really;      /* else only counted */
    bool has_mirrors; /* the user's mirrors of git repositories are looked at, too */
    bool all_commits; /* what any commit names is needed, not only what tips name */
    int64_t grace_ns;
    const struct observer *observer;      /* is told warnings and what is waited for; may be NULL */
    const struct gc_fetchable *fetchable; /* NULL: nothing can be fetched again */
    int64_t
        cache_bytes; /* results that can be made again go until the cache is no larger; 0: none */
};

/* What remotes have, asked only if the cache is larger than wanted: before the cache is locked.
 * Prepared once, for all that will be asked for (and zeros between them). */
struct gc_fetchable {
    FALLIBLE (*prepare)(void *context, const struct digest *objects, size_t count);
    bool (*has)(void *context, struct digest object);
    void *context;
};

struct gc_item {
    const char *what; /* "object", "result", "part", "damaged file", "failed output", "displaced
                       * file", "log", "interval or profile" */
    struct str name;  /* digest or path */
    struct str label; /* what it was: "model.pkl of train in run NEB9G2X1"; empty: not known */
    struct str why;   /* "no run, lock file or branch needs it", ... */
    int64_t size_bytes;
    int64_t age_ns;
};

/* What holds the bytes that stay. */
struct gc_holder {
    const char *what; /* "lock files of the work tree", ... */
    int64_t bytes;
};
enum { GC_HOLDERS = 6 };

struct gc_report {
    struct gc_item *items; /* the biggest 10,000, biggest first */
    size_t item_count;
    int64_t removed_items; /* all of them */
    int64_t freed_bytes;
    int64_t kept_objects, kept_bytes;
    int64_t young_objects, young_results;     /* unneeded, but within the grace period; what such a
                                                 result names counts as kept */
    int64_t left_objects, left_bytes;         /* unneeded, but in packs that are mostly needed */
    int64_t displaced_count, displaced_bytes; /* folders of .mlops/displaced that are older than the
                                                 grace period and stay */
    int64_t quarantine_count, quarantine_bytes; /* files of quarantine/ that stay */
    int64_t evicted_items; /* of the removed ones: needed, but the cache was too large */
    int64_t over_bytes;    /* by which it still is */
    struct gc_holder holders[GC_HOLDERS]; /* most first, then zeros */
};

/* An unreachable root (unreadable lock, git error, a project of a shared cache that is not where it
 * was) is an error: nothing is removed then. No put of `cas` may be open. With `really` the cache
 * is locked exclusively while it is marked a second time and swept: processes that publish or
 * restore wait for that time. */
FALLIBLE gc_run(struct arena *arena, const struct workspace *workspace, struct ledger *ledger,
                struct cas *cas, const struct gc_options *options, struct gc_report *ret);

struct depot;

/* What happened to a remote: items are packs ("pack"), stage results ("result"), records of
 * pushes ("record") and what pushes that died have left ("unfinished file"); removed_items and
 * freed_bytes count what is removed now. */
struct gc_remote_report {
    struct gc_report base;
    int64_t condemned_packs, condemned_bytes; /* taken out of use: removed after the grace period */
    int64_t waiting_packs, waiting_bytes;     /* were before, less than the grace period ago */
    int64_t moved_bytes;                      /* copied out of packs of which little is needed */
    int64_t stuck_packs;                      /* with something needed that can't be read */
};

/* The same for a remote, by its clock, with its own grace period. Needed is what git (all branches,
 * remote branches, tags, stashes), the ledger and the work tree of this project name, what pushes
 * recorded within the grace period, and what other projects recorded at any time. Directories that
 * only the remote has are fetched; one that it should have and can't give stops it. Needs no lock;
 * may be killed at any point. A shallow clone does not know what is needed: an error with `really`,
 * else a warning. */
FALLIBLE gc_remote_run(struct arena *arena, const struct workspace *workspace,
                       struct ledger *ledger, struct cas *cas, struct depot *depot,
                       const struct gc_options *options, struct gc_remote_report *ret);

struct verify_fault {
    const char *what; /* "object", "pack", "pointer", "result", "lineage", "index" */
    struct str name;
    struct str path; /* where an object lies in what a pointer tracks; empty: not known */
    struct str fault;
    struct str repair; /* the one thing to do */
    struct str stages; /* those that made or use it */
};

/* The packs of a remote; faults name what damaged ones hold. Never changes the remote. */
struct depot_verified;
FALLIBLE verify_remote(struct arena *arena, const struct workspace *workspace,
                       struct ledger *ledger, struct cas *cas, struct depot *depot, bool afresh,
                       struct verify_fault **ret_faults, size_t *ret_count,
                       struct depot_verified *ret);

/* A pointer of the work tree of whose data something is not in the store: no damage. */
struct verify_pointer {
    struct str file; /* "data/raw.mlops" */
    int64_t missing_objects, missing_bytes;
};

struct verify_report {
    struct verify_fault *faults;
    size_t fault_count;
    struct verify_pointer *not_fetched;
    size_t not_fetched_count;
    int64_t pointers;
    int64_t objects, bytes, results;        /* bytes: of objects, read or not */
    int64_t skipped_objects, skipped_bytes; /* that an interrupted verification has read */
};

struct verify_wish {
    bool afresh; /* what an interrupted verification has read is read again */
};

/* Re-reads every object (in parallel, with progress), every result, the databases. Bad objects are
 * quarantined. What was found good is remembered, so that an interrupted one goes on. */
FALLIBLE verify_run(struct arena *arena, const struct workspace *workspace, struct ledger *ledger,
                    struct cas *cas, struct pool *pool, const struct verify_wish *wish,
                    const struct observer *observer, struct verify_report *ret);
