/* Shared by the files of module snapshot, and with work_dir: what a snapshot knows besides files.
 */
#pragma once

#include "mlops/base/vec.h"
#include "mlops/engine/snapshot.h"

/* In the top directory of the tree, as a file (docs/formats.md, "Snapshots"). */
#define SNAPSHOT_NOTES ".mlops-snapshot"

/* What of the project is not copied but shared: ignored files and directories. */
struct snapshot_linked {
    struct str path;
    bool is_directory;
};
VEC(snapshot_linked_vec, struct snapshot_linked);

struct snapshot_notes {
    bool is_dvc;                       /* dialect of the pipeline */
    struct str_vec empty;              /* directories without files of the snapshot */
    struct snapshot_linked_vec linked; /* by path */
    struct str_vec repositories;       /* directories of repositories inside: submodules */
    struct str_vec locks;              /* lock files of the pipeline */
};

void snapshot_notes_encode(const struct snapshot_notes *notes, struct buf *out);
FALLIBLE snapshot_notes_load(struct session *session, struct arena *arena, struct digest tree,
                             struct snapshot_notes *ret);

/* A file or link that is to be in the snapshot. */
struct snapshot_member {
    struct str path;
    bool is_link;
    bool is_needed; /* by a stage */
    struct str target;
    struct file_stat stat;
    bool has_digest; /* from git: `digest` and `kind` say what it is */
    struct digest digest;
    enum tree_kind kind;
    int64_t size_bytes;
};
VEC(snapshot_member_vec, struct snapshot_member *);

struct snapshot_taking {
    struct session *session;
    struct arena arena; /* of this snapshot */
    struct vcs *vcs;    /* NULL: none */
    struct str prefix;  /* of the project below the git top, with '/' or empty */
    struct map members; /* path -> struct snapshot_member * */
    struct snapshot_member_vec list;
    struct map holders;      /* directories that hold members */
    struct map left_out;     /* outputs and tracked data: path -> non-NULL */
    struct map written;      /* outputs that are not cached: in a snapshot, but never shared */
    struct map outer;        /* directories that hold those of both */
    struct map environments; /* virtual environments */
    struct snapshot_notes notes;
    bool is_commit; /* files come from git: what else the work tree holds is not looked for */
    int told;       /* warnings */
};

/* Fills in left_out and the notes about the pipeline. */
FALLIBLE snapshot_prepare(struct snapshot_taking *taking);

/* Adds the file or link at a path, if it is there and belongs to it. */
FALLIBLE snapshot_add(struct snapshot_taking *taking, struct str path, bool is_needed);
void snapshot_put(struct snapshot_taking *taking, struct snapshot_member *member);
void snapshot_leave_out(struct snapshot_taking *taking, struct str path);
bool snapshot_may_hold(const struct snapshot_taking *taking, struct str path);
bool snapshot_is_left_out(const struct snapshot_taking *taking, struct str path);
void snapshot_warn(struct snapshot_taking *taking, struct str path, const char *what);

/* Dependencies and parameter files of all stages, with what links among them name. */
FALLIBLE snapshot_add_needed(struct snapshot_taking *taking);
FALLIBLE snapshot_need(struct snapshot_taking *taking, struct str path);

/* Looks through the work tree for what is shared, for empty directories and, without git, for
 * members. */
FALLIBLE snapshot_walk(struct snapshot_taking *taking);

/* Hashes and stores members, notes and trees. */
FALLIBLE snapshot_store(struct snapshot_taking *taking, struct snapshot *ret);
