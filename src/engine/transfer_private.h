/* Shared by the files of module transfer. */
#pragma once

#include "mlops/base/map.h"
#include "mlops/engine/transfer.h"
#include "mlops/model/recipe.h"
#include "mlops/model/tree.h"

/* --- roots --- */

/* A root with what targets may call it by. */
struct candidate {
    struct transfer_root root;
    struct str pipeline; /* of an output: the file that its stage is in */
    struct str stage;
    const struct recipe *recipe;
};
VEC(candidate_vec, struct candidate);

struct rooting {
    struct arena *arena;
    const struct workspace *workspace;
    const struct transfer_choice *choice;
    struct candidate_vec candidates;
    struct map documents; /* path and digest of what was read */
    struct map outputs;   /* path -> struct output *, of the pipelines in the work tree */
};

FALLIBLE roots_add_pointer(struct rooting *rooting, struct str name, struct str file,
                           struct str bytes);
FALLIBLE roots_add_lock(struct rooting *rooting, struct str name, struct str file,
                        struct str bytes);
void roots_add_tracked(struct rooting *rooting, const struct dvc_tracked_vec *tracked);
FALLIBLE roots_of_commits(struct rooting *rooting);

/* Those that the targets name. */
FALLIBLE roots_choose(struct rooting *rooting, struct transfer_root_vec *ret);

/* --- walking --- */

enum walk_choice { WALK_NONE, WALK_SOME, WALK_ALL };

/* Whether what lies at `path` inside a root is part of it; WALK_SOME: a directory that may hold
 * parts. */
enum walk_choice walk_selects(const struct transfer_root *root, struct str path, bool is_directory);

/* Sorted. */
struct digest_list {
    struct digest *at;
    size_t len;
};
struct digest_list digest_list_of(struct arena *arena, const struct depot_want_vec *wants);
bool digest_list_has(const struct digest_list *list, struct digest digest);

/* A walk through trees of the store. Zero but for what is said is a good start. */
struct walk {
    struct arena *arena;       /* set */
    struct cas *cas;           /* set */
    const struct depot *depot; /* set: a tree that the store lacks counts as whole if it is there */
    struct digest_list missing;         /* what holds one of these is not whole */
    bool knows_files;                   /* files were collected before: not again */
    struct map seen;                    /* digest of a tree -> whether it is whole */
    struct depot_want_vec files, trees; /* trees: what one names stands before it */
    struct depot_want_vec lost;         /* trees that are neither in the store nor in the depot */
    const struct transfer_root *root;
};

/* Everything that belongs to a root; *ret_whole false: something of it is missing. */
FALLIBLE walk_root(struct walk *walk, const struct transfer_root *root, bool *ret_whole);

/* Each digest once. */
void wants_sort(struct depot_want_vec *wants);

/* --- signatures: docs/formats.md, "Remotes" --- */

/* Those of the project, or of one key, that the remote has. */
struct signatures {
    struct arena *arena;
    struct depot *depot;
    const struct signers *signers; /* NULL: nothing is asked for, nothing signed */
    struct map of_result;          /* "sig/PROJECT/AB/KEY/NUMBER-ID" -> struct str_vec * of names */
};

/* The key that signs what is pushed; *ret NULL: none. */
FALLIBLE signer_open(struct arena *arena, const struct remote *remote, struct signers **ret);

/* `directory`: "PROJECT" or "PROJECT/AB/KEY". */
FALLIBLE signatures_list(struct signatures *signatures, struct str directory);

/* Signs a result that lies there, unless the same key has. `name` as below "res/". */
FALLIBLE signatures_add(struct signatures *signatures, struct str name);

/* Whether one of the signers has signed it. */
FALLIBLE signatures_hold(struct signatures *signatures, struct str name, bool *ret);

/* --- results and records --- */

FALLIBLE results_send(const struct workspace *workspace, struct depot *depot,
                      const struct transfer_root_vec *roots, const bool *whole, int64_t *ret_count);
FALLIBLE results_take(const struct workspace *workspace, struct depot *depot,
                      const struct transfer_trust *trust, const struct transfer_root_vec *roots,
                      int64_t *ret_count);
FALLIBLE roots_record(struct arena *arena, const struct workspace *workspace, struct depot *depot,
                      const struct transfer_root_vec *roots, const bool *whole);
