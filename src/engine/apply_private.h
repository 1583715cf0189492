/* Shared by the files of module apply: apply_origin.c knows what the run was made from;
 * apply_files.c what becomes of files, apply_params.c of parameters, apply_inputs.c of what stages
 * read, apply_outputs.c of what they made; apply.c sequences. */
#pragma once

#include "mlops/base/map.h"
#include "mlops/engine/apply.h"
#include "mlops/engine/override.h"
#include "mlops/store/exchange.h"

/* --- apply_origin.c --- */

struct origin {
    struct session *session;
    bool has_tree;          /* a snapshot: every file that is not ignored is in it */
    struct map files;       /* of it: path -> struct worktree_file * */
    struct str commit;      /* empty: none */
    struct map patched;     /* without a tree: path -> struct vcs_file *, as the patch leaves it */
    struct map lacks;       /* paths that the patch only mentions */
    struct str_vec touched; /* what differed from the commit */
    struct override_vec overrides;
};

struct origin_file {
    bool is_known; /* false: the origin can't tell */
    uint32_t mode; /* 0: there is none */
    struct str bytes;
};

FALLIBLE origin_open(struct session *session, const struct run *run, struct origin *ret);

/* As it was before overrides. */
FALLIBLE origin_read(struct origin *origin, struct str path, struct origin_file *ret);

/* Paths of its files in a directory. */
FALLIBLE origin_list(struct origin *origin, struct str directory, struct str_vec *ret);

/* --- the plan --- */

VEC(artifact_vec, struct artifact);

struct applying {
    struct session *session;
    const struct run *run;
    const struct apply_options *options;
    struct origin origin;
    struct state state;
    struct recipe **recipes; /* parallel to the state's entries; NULL: not known */
    struct result **results;
    struct recipe_param_vec *templates;
    struct map made;    /* paths of outputs */
    struct map planned; /* paths that were looked into */
    struct exchange_vec exchanges;
    struct artifact_vec restores;
    struct error_list missing;
    struct apply_report report;
};

/* --- apply_files.c --- */

/* The file at a path becomes what the origin has; *ret_known false: the origin can't tell. */
FALLIBLE apply_file(struct applying *applying, struct str path, bool *ret_known);

/* The same for bytes that are known. `what`: for the report; `is_edit`: the rest of what is there
 * stays, so nothing is lost. */
struct apply_content {
    uint32_t mode; /* 0: it goes */
    struct str bytes, what;
    bool is_edit;
    struct str over; /* of an edit: what it was made of; whoever saves another meanwhile keeps it */
};
FALLIBLE apply_content(struct applying *applying, struct str path,
                       const struct apply_content *content);

/* Whether git or the store has these bytes. */
FALLIBLE apply_is_saved(struct session *session, struct str bytes, bool *ret);

/* Whether they have all that lies at a path. */
FALLIBLE apply_is_path_saved(struct session *session, struct str path, bool *ret);

/* --- the others --- */

FALLIBLE apply_params(struct applying *applying);
FALLIBLE apply_inputs(struct applying *applying);
FALLIBLE apply_outputs(struct applying *applying);
