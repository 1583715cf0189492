/* What the files of the pipeline module share: a pipeline while it is being bound. */
#pragma once

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

struct binding {
    struct binder binder;
    struct error_list errors;
    struct pipeline *pipeline;
    bool is_dvc;
    bool may_hold_expressions; /* false: no byte of the file could be part of one */
    bool has_expression;       /* one was told; texts that look like one are passed over */
    struct draft_common defaults;
    struct str_vec lock_paths; /* files beside the pipeline that mlops or DVC write */
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

/* `node` is the stage as it stands in the file. */
void pipeline_bind_stage(struct binding *binding, const struct doc_node *node, struct stage *stage);
void pipeline_bind_defaults(struct binding *binding, const struct doc_node *node);
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
