/* What the files of the pipeline module share: a pipeline while it is being bound. */
#pragma once

#include "mlops/model/dvc.h"
#include "mlops/model/name.h"
#include "mlops/model/pipeline.h"

/* What a stage and `defaults` share. An absent timeout is NOT_DECLARED. */
struct draft_common {
    const struct doc_node *env, *retries, *resources;
    struct str shell;
    int64_t timeout_ns;
};

enum { NOT_DECLARED = -1 };

/* A stage as its field table binds it; what depends on other keys stays a node until all are there.
 */
struct draft {
    struct stage *stage;
    struct draft_common common;
    const struct doc_node *cmd, *deps, *params, *outs, *metrics, *plots;
    const struct doc_node *wdir, *model, *after, *guards, *meta;
    struct str desc;
    int kind;
    int env_mode;
    bool is_frozen;
    bool is_always_changed;
    bool keys_environment;
};

/* The top level as its field table binds it. */
struct draft_top {
    const struct doc_node *stages, *params, *metrics, *plots, *artifacts, *datasets, *defaults;
    struct str name;
    struct str desc;
    struct str remote;
};

/* One file while it is being bound. */
struct part {
    struct pipeline_file *file;
    const struct doc *doc;
    bool is_dvc;
    bool may_hold_expressions; /* false: no byte of the file could be part of one */
    struct draft_top top;
    struct draft_common defaults;
};

/* What becomes a stage. */
struct instance {
    struct part *part;
    const struct doc_node *source; /* its mapping as it stands in the file; its key names it */
    struct str local_name;
};

VEC(instance_vec, struct instance);

struct binding {
    struct binder binder;
    struct error_list errors;
    struct pipeline *pipeline;
    const struct pipeline_sources *sources;
    struct part *parts; /* as many as sources->count */
    struct instance_vec instances;

    /* Of the part in hand. */
    const struct pipeline_file *file;
    bool is_dvc;
    bool may_hold_expressions;
    bool has_expression; /* one was told; texts that look like one are passed over */
    struct draft_common defaults;

    /* Files of mlops and DVC that no output may replace. */
    struct map own_files;    /* path -> what it is, a C string */
    struct map own_dirs;     /* every directory above one -> const struct str *, its path */
    struct map tracked_by;   /* path that a .dvc file tracks -> const struct dvc_pointer * */
    struct map tracked_dirs; /* every directory above one -> const struct dvc_entry * */
    struct map params_seen, metrics_seen; /* top-level paths of all files */
};

extern const struct schema pipeline_schema_top, pipeline_schema_stage, pipeline_schema_defaults,
    pipeline_schema_output, pipeline_schema_plot, pipeline_schema_env, pipeline_schema_retries,
    pipeline_schema_resources, pipeline_schema_artifact;

/* Targets of the smaller field tables. */
struct draft_env {
    struct str from_env;
    bool is_in_key;
    const struct doc_node *initial;
};

struct draft_retries {
    int64_t count;
    int64_t backoff_ns;
    const struct doc_node *on_exit;
};

struct draft_resources {
    const struct doc_node *cpus;
    int64_t memory_bytes;
    int64_t gpus;
};

struct draft_artifact {
    struct str path;
    struct str desc;
    struct str type;
    const struct doc_node *labels, *meta;
};

/* Adds an error at a node. */
void binding_error(struct binding *binding, const struct doc_node *node, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Adds "'KEY' in stage 'a' must be EXPECTED, found KIND". */
void binding_expected(struct binding *binding, const struct doc_node *node, const char *key,
                      const char *expected);

/* A scalar by its text. False, and an error that names `key`, if the node is none or holds a NUL;
 * false without one if it holds an expression (told once for its stage). */
bool binding_text(struct binding *binding, const struct doc_node *node, const char *key,
                  struct str *ret);

/* True if the node is a list; else an error "'deps' ... must be a list of paths, found a string".
 */
bool binding_list(struct binding *binding, const struct doc_node *node, const char *key,
                  const char *of_what);

/* Resolves a path the user wrote; false, and an error, if no program could open it. */
bool binding_path(struct binding *binding, const struct doc_node *node, struct str base,
                  struct str written, struct str *ret);

/* scheme://... */
bool text_is_url(struct str text);

/* A literal native path without the backslashes that keep it from being a pattern. */
struct str text_unescape(struct arena *arena, struct str text);

bool text_has_expression(struct str text);

/* Tells the first unescaped '${' of the tree, of its keys too. Returns the node, or, where it holds
 * escaped ones, a copy without their backslashes. */
const struct doc_node *pipeline_resolve(struct binding *binding, const struct doc_node *node);

/* Goes on with a part: what `binding` says of the part in hand is its. */
void binding_enter(struct binding *binding, const struct part *part);

/* Every directory above `path`, up to one that is there with all above it, stands for `value`. */
void binding_add_above(struct binding *binding, struct map *dirs, struct str path, void *value);

/* "line 3", or "sub/dvc.yaml, line 3" of another file than that of `from`. */
struct str place_seen_from(struct arena *arena, const struct doc_node *from,
                           const struct doc_node *to);

/* Files that no output may replace; what .dvc files track. */
void pipeline_add_own_files(struct binding *binding);
void pipeline_add_pointers(struct binding *binding);
void pipeline_check_pointed(struct binding *binding, const struct stage *stage);

/* Top level of the part in hand. */
void pipeline_bind_lists(struct binding *binding, struct part *part);

void pipeline_bind_stage(struct binding *binding, const struct instance *instance,
                         struct stage *stage);
void pipeline_bind_defaults(struct binding *binding, const struct doc_node *node,
                            struct draft_common *ret);
void pipeline_bind_common(struct binding *binding, const struct draft_common *common,
                          struct stage *stage);
void pipeline_bind_command(struct binding *binding, struct draft *draft);
void pipeline_bind_wdir(struct binding *binding, struct draft *draft);
void pipeline_bind_deps(struct binding *binding, const struct draft *draft);
void pipeline_bind_params(struct binding *binding, const struct draft *draft);
void pipeline_bind_outs(struct binding *binding, const struct draft *draft);
struct str_vec pipeline_bind_paths(struct binding *binding, const struct doc_node *list,
                                   struct str base, const char *key);

/* The stage whose name is nearest to what the user wrote, or NULL. */
const char *pipeline_nearest_stage(struct arena *arena, const struct pipeline *pipeline,
                                   struct str name);

/* What only shows when all stages are there. */
void pipeline_check(struct binding *binding);

/* pipeline_lines.c; DVC's dialect only. */
void pipeline_warn_lines(struct binding *binding);
