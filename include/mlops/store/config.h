/* Settings, each a typed row with its default, bounds and one sentence; layers from weak to strong:
 * built in, ~/.config/mlops/config.yaml, .mlops/config.yaml (tracked), .mlops/config.local.yaml,
 * environment MLOPS_<NAME>. `mlops config` lists each value with its origin. */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/vec.h"
#include "mlops/codec/doc.h"

enum config_link {
    LINK_AUTO, /* reflink, else copy */
    LINK_REFLINK,
    LINK_HARDLINK,
    LINK_COPY,
};

enum config_durability {
    DURABILITY_FULL,
    DURABILITY_NONE, /* no syncs: throwaway CI caches */
};

enum config_isolation {
    CONFIG_ISOLATION_AUTO, /* namespace where the kernel allows it, else directory */
    CONFIG_ISOLATION_NAMESPACE,
    CONFIG_ISOLATION_DIRECTORY,
};

VEC(config_str_vec, struct str);

enum config_layer { CONFIG_PROJECT, CONFIG_LOCAL, CONFIG_USER };

/* A setting of a remote as it was written: `remote.NAME.KEY`. Bound by store/remote when a remote
 * is asked for. */
struct config_value {
    struct str remote, key, text;
    struct str origin;           /* ".mlops/config.yaml:3" */
    const struct doc_node *node; /* for messages */
    enum config_layer layer;
};
VEC(config_value_vec, struct config_value);

struct config {
    struct str project;                /* random id, 16 hex digits; empty before init */
    struct str cache_dir;              /* absolute; empty: .mlops/cache */
    int link;                          /* enum config_link */
    int64_t cache_bytes;               /* 0: no limit */
    bool link_force;                   /* hard links although root writes through 0444 */
    int64_t pack_max;                  /* bytes of an object that may lie in a pack; 0: none */
    int durability;                    /* enum config_durability */
    int64_t jobs;                      /* 0: number of cpus */
    struct config_str_vec allow_roots; /* absolute directories restore may write to through links */
    struct config_str_vec results_from; /* other projects' ids */
    int64_t keep_runs;                  /* 20 */
    int64_t keep_ns;                    /* 30 d */
    int64_t gc_grace_ns;                /* 1 d */
    int64_t gc_remote_grace_ns;         /* 7 d */
    int64_t keep_failed;                /* 3 per stage */
    int64_t keep_failed_bytes;          /* 10 GiB */
    int64_t lock_timeout_ns;            /* -1: for ever */
    int64_t grace_ns;                   /* between TERM and KILL: 10 s */
    struct str work_dir;                /* absolute; empty: .mlops/work */
    int isolation;                      /* enum config_isolation */
    struct str remote_default;          /* name; empty: the only one, if there is one */
    struct config_value_vec remotes;    /* weak layers before strong ones */
};

struct config_origin {
    const char *name; /* "cache.link" */
    struct str value;
    struct str origin; /* ".mlops/config.yaml:3", "environment MLOPS_JOBS", "built in" */
};

/* Loads all layers. `state_dir` is the absolute path of .mlops or empty. */
FALLIBLE config_load(struct arena *arena, struct str state_dir, struct config *ret);

/* The remotes of another project, as the bytes of its .mlops/config.yaml say: nothing else of it is
 * believed, and no other layer is read. `name` is how messages call the file. */
FALLIBLE config_load_foreign(struct arena *arena, struct str name, struct str bytes,
                             struct config *ret);

/* Every row with its value and origin, in table order. */
FALLIBLE config_list(struct arena *arena, struct str state_dir, struct config_origin **ret,
                     size_t *ret_count);

/* Whether config_set would take the value. */
FALLIBLE config_check(struct arena *arena, struct str state_dir, enum config_layer layer,
                      struct str name, struct str value);

/* Writes (or removes, with value empty and `unset`) one key in a layer's file, keeping the rest of
 * the file as it is; checks name (nearest suggestion) and value first. */
FALLIBLE config_set(struct arena *arena, struct str state_dir, enum config_layer layer,
                    struct str name, struct str value, bool unset);

/* Another name for a remote in the files of all layers, also as remote.default; all else in them
 * stays as it is written. An error if a file writes the name in another way than plainly; then none
 * is changed. *ret_user: the user's file, which other projects read, too, was changed. */
struct config_renaming {
    struct str from, to;
};
FALLIBLE config_rename_remote(struct arena *arena, struct str state_dir,
                              const struct config_renaming *names, bool *ret_user);
