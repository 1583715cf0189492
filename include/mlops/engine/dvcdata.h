/* Data of DVC's own remotes: what `.dvc` files and dvc.lock name comes into our store, and what our
 * store has of it goes to where DVC looks for it. DVC's MD5s are trusted as far as git is, which
 * keeps the files that say them: bytes that have the MD5 are what was meant. */
#pragma once

#include "mlops/engine/data.h"
#include "mlops/engine/transfer.h"
#include "mlops/store/dvc_cache.h"

struct dvcdata_options {
    struct str remote;               /* of DVC; empty: what an out names, else DVC's default */
    int connections;                 /* 0: as the remote has it */
    bool is_local;                   /* only from DVC's cache */
    bool places_commits;             /* what is of a commit is to be put in place, too */
    const struct dvcconfig *foreign; /* of another project, whose paths are not ours: nothing is
                                        compared or remembered by them. NULL: ours */
};

/* Brings the contents of roots (all of them with `dvc`) into the store: from DVC's cache if that
 * has them, else from DVC's remotes. What the work tree holds as recorded is not fetched. What is
 * to be put in place is added to `ret_placed`: whole paths, or the files of those parts that were
 * asked for. The work tree is not touched. */
FALLIBLE dvcdata_fetch(struct session *session, const struct transfer_root_vec *roots,
                       const struct dvcdata_options *options, struct data_record_vec *ret_placed,
                       struct transfer_report *ret);

/* The files of a directory; *ret_known false: nobody has its list. */
FALLIBLE dvcdata_list(struct session *session, const struct dvc_tracked *tracked,
                      const struct dvcdata_options *options, struct dvc_file_vec *ret,
                      bool *ret_known);

/* What the work tree holds at paths that `.dvc` files track is put into the store (and into DVC's
 * cache, where there is one) and recorded in those files, as `dvc add` does: fields that say it
 * change, all other bytes stay. Refused are imports and what only DVC can record. */
FALLIBLE dvcdata_add(struct session *session, const struct dvc_tracked *const *tracked,
                     size_t count, struct data_added_vec *ret);

/* Sends them to DVC's remotes, the lists of directories last: where such a list lies, all that it
 * names is taken to lie, too. Contents come from the work tree where that holds them as recorded,
 * else from the store or DVC's cache; what is in none of them, or can't be listed just as DVC did,
 * is missing. */
FALLIBLE dvcdata_push(struct session *session, const struct transfer_root_vec *roots,
                      const struct dvcdata_options *options, struct transfer_report *ret);

/* Where each of them is, and the name of the remote that was asked; "here" is the work tree, the
 * store and DVC's cache. */
FALLIBLE dvcdata_compare(struct session *session, const struct transfer_root_vec *roots,
                         const struct dvcdata_options *options, struct transfer_state *ret,
                         struct str *ret_remotes);

/* What came into our store for a `.dvc` file that imports from another project. */
struct dvcdata_import {
    const struct dvc_tracked *tracked;
    struct artifact artifact; /* at the path that it tracks */
    struct str rev_lock;      /* it is as at this commit from now on; empty: as recorded */
    struct str rev;           /* ... and follows this; empty: what it followed */
};

/* Remembers it by its MD5. Without `rev_lock` *ret_same tells whether that is the recorded one, and
 * nothing is done if not; with one DVC's cache gets it, and the file says so, as 'dvc update'
 * writes it. */
FALLIBLE dvcdata_settle_import(struct session *session, const struct dvcdata_import *import,
                               bool *ret_same);
