/* Shared by the files of module work_dir. */
#pragma once

#include "mlops/base/vec.h"
#include "mlops/engine/work_dir.h"

#include "snapshot_private.h"

VEC(mount_vec, struct mount);

/* A work directory that is being made. */
struct making {
    struct arena *arena; /* of the result */
    const struct work_dir_options *options;
    struct session *session;
    struct work_dir work_dir;
    struct snapshot_notes notes;
    struct mount_vec mounts; /* namespace level */
    int top_fd;              /* the directory */
    int project_fd;
    int64_t overlays;
};

/* Absolute path of the directory that work directories are made in. */
struct str work_dir_base(struct arena *arena, const struct workspace *workspace);

/* Files of the snapshot, with overrides; the stat cache of the directory knows them. */
FALLIBLE making_fill(struct making *making);

/* What is ignored in the project. */
FALLIBLE making_share(struct making *making);

/* The project's git repository, which can be read and not written. */
FALLIBLE making_add_git(struct making *making);

void making_mount(struct making *making, enum mount_kind kind, struct str from, struct str to);
