/* What is wanted of a remote, and moving it: push, fetch, what is missing where. Roots are
 * artifacts that pointers and lock files name; directories are walked as trees, level by level. */
#pragma once

#include "mlops/store/depot.h"
#include "mlops/store/pointers.h"

/* Something that is named by a pointer or by a lock file's output. */
struct transfer_root {
    struct artifact artifact;
    struct str named_by; /* "data/raw.mlops", "pipeline.lock: train" */
    struct digest key;   /* of the stage's recipe; zero: data */
    struct str below;    /* only this part of a directory; empty: all */
    bool is_pushed;      /* an output with `push: false` is never sent */
};
VEC(transfer_root_vec, struct transfer_root);

struct transfer_choice {
    const struct str *targets; /* as the caller typed them: files, directories, globs, stages */
    size_t target_count;       /* 0: everything that the work tree names */
    bool all_branches, all_tags, all_commits;
};

/* Sorted by path, each artifact once. */
FALLIBLE transfer_roots(struct arena *arena, const struct workspace *workspace,
                        const struct transfer_choice *choice, struct transfer_root_vec *ret);

struct transfer_report {
    struct depot_counts counts;
    struct transfer_root_vec missing; /* whose objects (or some of them) are nowhere */
    int64_t roots, results;
};

/* Sends what the remote lacks: files, trees bottom up, then results, then a record of the roots. */
FALLIBLE transfer_push(struct arena *arena, struct depot *depot, struct cas *cas,
                       const struct transfer_root_vec *roots, struct transfer_report *ret);

/* Brings into the store what it lacks; the work tree is not touched. Results only if the remote is
 * trusted. */
FALLIBLE transfer_fetch(struct arena *arena, struct depot *depot, struct cas *cas,
                        const struct transfer_root_vec *roots, struct transfer_report *ret);

/* For `status --remote`: of each root where it is. Trees that are only in the remote are not
 * fetched: such a root counts by its top. */
enum transfer_place { PLACE_BOTH, PLACE_HERE, PLACE_THERE, PLACE_NOWHERE };
FALLIBLE transfer_compare(struct arena *arena, struct depot *depot, struct cas *cas,
                          const struct transfer_root_vec *roots, enum transfer_place *ret);
