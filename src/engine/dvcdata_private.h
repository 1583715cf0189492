/* Shared by the files of module dvcdata. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/engine/dvcdata.h"
#include "mlops/store/dvc_remote.h"
#include "mlops/store/dvcfiles.h"
#include "mlops/store/imported.h"

/* A content that is wanted: once, however many paths have it. */
struct wanted {
    struct dvc_want want;
    struct str name;      /* a path that has it, for messages */
    struct str remote;    /* where it is to come from; empty: DVC's default */
    bool is_local;        /* no remote is asked */
    bool is_in_directory; /* its size is bounded by that of the directory */
    bool is_here;         /* the store has it */
};
VEC(wanted_vec, struct wanted *);

/* A root and what is to come of it. */
struct dvcdata_item {
    const struct transfer_root *root;
    struct dvc_file_vec files; /* of a directory: all that are wanted */
    bool is_done;              /* it is here: nothing is to come */
    bool is_missing;
};
VEC(dvcdata_item_vec, struct dvcdata_item);

struct dvcdata {
    struct session *session;
    struct arena *arena;
    const struct dvcdata_options *options;
    struct dvcconfig config;
    struct dvc_cache cache;
    struct sums *sums;
    struct imported imported;
    struct map depots; /* name -> struct dvc_depot * */
    struct map wanted; /* MD5 -> struct wanted * */
    struct wanted_vec wants;
    struct dvcdata_item_vec items;
    struct transfer_report report;
};

FALLIBLE dvcdata_open(struct session *session, const struct dvcdata_options *options,
                      struct dvcdata *ret);
void dvcdata_drop(struct dvcdata *dvcdata);

/* The remote of that name (empty: the default), opened on first use. `for_what` is a path, for
 * messages. */
FALLIBLE dvcdata_depot(struct dvcdata *dvcdata, struct str name, struct str for_what,
                       struct dvc_depot **ret);

/* Whether there is one to ask for this. */
bool dvcdata_has_remote(const struct dvcdata *dvcdata, const struct dvc_tracked *tracked);

struct str dvcdata_remote_name(const struct dvcdata *dvcdata, struct str name);

/* Adds what went over the wire to the report. */
void dvcdata_count(struct dvcdata *dvcdata, size_t root_count);

/* dvcdata_take.c: brings in what is wanted, from the nearest place. */
FALLIBLE dvcdata_want(struct dvcdata *dvcdata, const struct dvc_tracked *tracked, struct md5 md5,
                      struct str name);
FALLIBLE dvcdata_take(struct dvcdata *dvcdata);
const struct sums_row *dvcdata_sums(const struct dvcdata *dvcdata, const struct dvc_entry *entry,
                                    struct md5 md5);

/* dvcdata_add.c: what is written into a `.dvc` file of something in our store. */
struct recording {
    struct dvcdata *dvcdata;
    const struct dvc_tracked *tracked;
    struct artifact artifact;
    struct worktree_file *files;
    size_t file_count;
    bool is_text; /* MD5s as DVC 2.x took them, which its cache of today does not go by */
    struct md5 md5;
    struct str list; /* of a directory's files */
};

/* What it is to DVC. */
FALLIBLE recording_sum(struct recording *recording);

/* Into what gc keeps, and DVC's cache. */
FALLIBLE recording_keep(struct recording *recording);

/* Fields of the out in the text of its file. */
FALLIBLE recording_write(const struct recording *recording, struct str *text);

/* Makes objects durable, then what is known of them. */
FALLIBLE dvcdata_flush(struct dvcdata *dvcdata);

void dvcdata_warn(const struct dvcdata *dvcdata, struct str text);
