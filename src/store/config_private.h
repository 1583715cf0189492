/* Shared by the files of module config: one row a setting. */
#pragma once

#include "mlops/host/lock.h"
#include "mlops/store/config.h"

enum config_kind {
    CONFIG_TEXT,
    CONFIG_ID,   /* of a project: 16 hex digits */
    CONFIG_PATH, /* absolute, from the home directory, or from the project's root */
    CONFIG_BOOL,
    CONFIG_CHOICE,   /* int, index into choices */
    CONFIG_INT,      /* int64_t within least..most */
    CONFIG_BYTES,    /* int64_t */
    CONFIG_DURATION, /* int64_t ns */
    CONFIG_WAIT,     /* the same, or "forever" = -1 */
    CONFIG_PATHS,    /* config_str_vec of absolute directories */
    CONFIG_IDS,      /* config_str_vec */
};

enum config_flag {
    CONFIG_UNTRACKED = 1,  /* not in the tracked file: who clones a project decides this */
    CONFIG_OF_PROJECT = 2, /* only in the tracked file */
};

struct config_row {
    const char *name;
    enum config_kind kind;
    size_t offset;
    const char *initial; /* its default as text; "" = zero */
    const char *env;
    unsigned flags;
    int64_t least, most;
    const char *const *choices;
    const char *help;
};

enum { CONFIG_ROWS = 21 };
extern const struct config_row config_rows[CONFIG_ROWS];

/* The row of a name, or an error with the nearest one. */
FALLIBLE config_row_find(struct str name, const struct config_row **ret);

/* Sets a member from text ("a, b" for lists). `root`: what relative paths start from. `values`: the
 * struct that the row's offset is in. An error says what is expected, without a place. */
FALLIBLE config_value_set(struct arena *arena, const struct config_row *row, struct str root,
                          struct str text, void *values);

/* The same error, at the place of a value. */
FALLIBLE config_at_node(const struct doc_node *node, struct error *error);

/* "origin" and "url" of "remote.origin.url"; false: it is no setting of a remote. */
bool config_remote_split(struct str name, struct str *ret_remote, struct str *ret_key);

/* Path of a layer's file, absolute; empty if there is none (no home, no project). */
struct str config_layer_path(struct arena *arena, struct str state_dir, enum config_layer layer);

/* As people know it: ".mlops/config.yaml". */
struct str config_layer_name(struct arena *arena, struct str state_dir, enum config_layer layer);

/* NULL, or why a row may not stand in a layer's file. */
const char *config_layer_fault(const struct config_row *row, enum config_layer layer);

enum { CONFIG_BYTES_MOST = 1048576 };

/* A file of settings; messages name it `name`. */
FALLIBLE config_parse(struct arena *arena, struct str name, struct str bytes, struct doc **ret);

/* Reading, changing and writing a file is one step for all who do it: else the later of two writers
 * would undo what the earlier one set. The user's directory has no locks/: a hidden file there. */
FALLIBLE config_lock(struct arena *arena, struct str state_dir, struct str directory,
                     enum config_layer layer, struct lock *ret);

/* Writes a layer's file in place of the one there; who could read that can read this, nobody else.
 */
FALLIBLE config_publish(const char *path, struct str bytes);
