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

/* Directory level: variables that name the project, and PYTHONPATH. */
void making_move_environment(struct making *making);
void making_put_python_first(struct making *making);

void making_mount(struct making *making, enum mount_kind kind, struct str from, struct str to);

/* Absolute names of the project's root. */
struct project_roots {
    struct str at[2];
    size_t count;
};
void roots_find(struct arena *arena, struct str root, struct project_roots *ret);

/* A path of the project in a text, but for what trials share with it. */
struct project_path {
    struct str path, inner; /* as it stands there; relative to the project */
    size_t at;              /* offset in the text */
};
bool roots_find_path(const struct project_roots *roots, const struct snapshot_notes *notes,
                     struct str text, size_t from, struct project_path *ret);

/* The text with `by` in the place of the root; false: no path of the project is in it. */
bool roots_replace(struct arena *arena, const struct project_roots *roots,
                   const struct snapshot_notes *notes, struct str text, struct str by,
                   struct str *ret);
