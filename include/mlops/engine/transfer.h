/* What is wanted of a remote, and moving it: push, fetch, what is missing where. Roots are
 * artifacts that pointers and lock files name; directories are walked as trees. */
#pragma once

#include "mlops/codec/sign.h"
#include "mlops/model/artifact.h"
#include "mlops/store/depot.h"
#include "mlops/store/dvcfiles.h"
#include "mlops/store/remote.h"

/* Something that is named by a pointer or by a lock file's output. */
struct transfer_root {
    struct artifact artifact;
    struct str named_by; /* "data/raw.mlops", "pipeline.lock: train" */
    struct digest key;   /* of the stage's recipe in this project; zero: data */
    struct str below;  /* only this part of a directory: a path or pattern relative to the project;
                          empty: all of it */
    bool is_pattern;   /* `below` is one */
    bool is_all;       /* its word names nothing but such parts: one of them must be there */
    bool is_pushed;    /* an output with `push: false` is never sent */
    struct str remote; /* where an output belongs that names a remote of its own; else empty */
    const struct dvc_tracked *dvc; /* what DVC tracks, for engine/dvcdata; here it is only chosen.
                                      NULL: ours */
};
VEC(transfer_root_vec, struct transfer_root);

struct transfer_choice {
    const struct str *targets; /* as the caller typed them: files, directories, globs, stages */
    size_t target_count;       /* 0: everything that the work tree names */
    bool with_deps;            /* of stages among them also what they were made from */
    bool all_branches, all_tags, all_commits; /* and what those name */
    bool needs_pipelines; /* for is_pushed and remote: one that can't be read is an error, else its
                             outputs count as if it said nothing of them */
    struct index *index;  /* for what DVC tracks; NULL: that is left out */
    const struct observer
        *observer; /* warnings about broken files of commits, which are left out */
};

/* Sorted by path, each once. ERROR_USAGE: a target that names nothing. */
FALLIBLE transfer_roots(struct arena *arena, const struct workspace *workspace,
                        const struct transfer_choice *choice, struct transfer_root_vec *ret);

struct transfer_report {
    struct depot_counts counts;
    struct transfer_root_vec missing; /* whose objects (or some of them) are nowhere */
    int64_t roots, results;
};

/* Whose results are taken from a remote. */
struct transfer_trust {
    bool takes_all;          /* remote.NAME.trust */
    struct signers *signers; /* remote.NAME.trusted_keys: what one of them has signed; or NULL */
};
FALLIBLE transfer_trust_open(struct arena *arena, const struct remote *remote,
                             struct transfer_trust *ret);
void transfer_trust_drop(struct transfer_trust *trust);
bool transfer_trusts_some(const struct transfer_trust *trust);

/* Sends what the remote lacks: files, trees bottom up, then results of the roots' keys (signed, if
 * the remote's setting sign_key says so), then a record of the roots. A tree of which something is
 * nowhere is not sent. */
FALLIBLE transfer_push(struct arena *arena, const struct workspace *workspace, struct depot *depot,
                       struct cas *cas, const struct transfer_root_vec *roots,
                       struct transfer_report *ret);

/* Brings into the store what it lacks; the work tree is not touched. With `trust` also the stored
 * results of the roots' keys that it lets in; NULL: none. */
FALLIBLE transfer_fetch(struct arena *arena, const struct workspace *workspace, struct depot *depot,
                        struct cas *cas, const struct transfer_root_vec *roots,
                        const struct transfer_trust *trust, struct transfer_report *ret);

/* Only the trees, so that it is known what directories hold. */
FALLIBLE transfer_fetch_trees(struct arena *arena, struct depot *depot, struct cas *cas,
                              const struct transfer_root_vec *roots);

/* From another store of this machine (whose link type makes no hard links) into that of
 * `workspace`: what it lacks, durable; what neither has stays missing. */
FALLIBLE transfer_copy(const struct workspace *workspace, struct cas *from, struct cas *into,
                       const struct transfer_root_vec *roots, bool only_trees,
                       struct depot_counts *counts);

/* Tells a remote what this project relies on of what is there, as a push does: who evicts what a
 * remote has must be known to gc of others there. */
FALLIBLE transfer_claim(struct arena *arena, const struct workspace *workspace, struct depot *depot,
                        struct cas *cas, const struct transfer_root_vec *roots);

/* Results of one key that the remote holds and the trust lets in become results of the store
 * (results_flush). */
FALLIBLE transfer_fetch_results(const struct workspace *workspace, struct depot *depot,
                                const struct transfer_trust *trust, struct digest key,
                                int64_t *ret_count);

/* Of each root where it is, and what a push or fetch would have to move (objects and their bytes).
 * Trees that are only in the remote are not fetched: such a root counts as its pointer or lock file
 * says, a part of it by its top. */
enum transfer_place { PLACE_BOTH, PLACE_HERE, PLACE_THERE, PLACE_NOWHERE };
const char *transfer_place_name(enum transfer_place place);

struct transfer_state {
    enum transfer_place place;
    int64_t here_objects, here_bytes;   /* only here */
    int64_t there_objects, there_bytes; /* only there */
    int64_t lost_objects, lost_bytes;   /* nowhere */
};
FALLIBLE transfer_compare(struct arena *arena, struct depot *depot, struct cas *cas,
                          const struct transfer_root_vec *roots, struct transfer_state *ret);
