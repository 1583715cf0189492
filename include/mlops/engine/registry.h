/* Data of another project, which is a git repository somewhere: what its pointers, lock files,
 * DVC's files and git itself hold at a revision, fetched from that project's own remotes into our
 * store. Nothing of it is believed but what a digest proves, and nothing of it is run. */
#pragma once

#include "mlops/engine/data.h"
#include "mlops/engine/transfer.h"
#include "mlops/store/mirror.h"
#include "mlops/store/remote.h"

struct registry {
    struct session *session; /* ours: whose store the content comes into */
    struct mirror_place place;
    struct str rev; /* as it was asked for; empty: HEAD */
    struct str commit;
    struct session foreign;    /* that project at the commit; only its git is open */
    struct str inner;          /* directory of the project in the repository, "" = all of it */
    struct remote_vec remotes; /* of that project, the default one first */
    struct data_record_vec records;
    struct depot_counts counts; /* what travelled so far */
    struct str dvc_remote;      /* of that project's DVC; empty: its default */
    bool is_looking;            /* nothing is fetched */
};

/* `path`: of the repository ("" = all of it), seen from its top, as the user typed it. */
struct registry_wish {
    struct str word; /* the repository: URL or path */
    struct str cwd;  /* that a path is seen from */
    struct str rev, path;
};

/* Finds the commit and reads what that project records there. *ret_path: normalised. */
FALLIBLE registry_open(struct session *session, const struct registry_wish *wish,
                       struct registry *ret, struct str *ret_path);
void registry_drop(struct registry *registry);

/* What lies at a path, if that can be told without fetching anything: *ret_known. The artifact's
 * path is `path`. ERROR_PROJECT: nothing of that name, with near ones. */
FALLIBLE registry_look(struct registry *registry, struct str path, struct artifact *ret,
                       bool *ret_known);

/* Brings it into our store, durable. Pointers, .gitignore files and .mlops of a directory that is
 * more than one pointer's are left out. ERROR_ANSWER: no remote of that project has it all. */
FALLIBLE registry_take(struct registry *registry, struct str path, struct artifact *ret);

/* Brings what our store lacks of a root of ours, which came from there: a part of it, perhaps. */
FALLIBLE registry_bring(struct registry *registry, const struct transfer_root *root);

/* What DVC recorded there of just this path; NULL: something else, or nothing, is there. */
const struct dvc_entry *registry_dvc_entry(const struct registry *registry, struct str path);

/* What lies directly in a directory, or (`is_deep`) all files in and below it; of a file itself:
 * tracked data as records, files of git as records that git names. Only trees are fetched. Paths
 * are those of the repository. */
FALLIBLE registry_list(struct registry *registry, struct str path, bool is_deep,
                       struct data_record_vec *ret);

/* A store for who has no project: below `directory`, gone when it is dropped. */
struct shelter {
    struct temp_dir temp;
    struct session session;
};
FALLIBLE shelter_open(struct arena *arena, struct str directory, const struct observer *observer,
                      struct shelter *ret);
void shelter_drop(struct shelter *shelter);
