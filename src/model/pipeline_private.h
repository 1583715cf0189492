/* What the files of the pipeline module share: a pipeline while it is being bound. */
#pragma once

#include "mlops/codec/template.h"
#include "mlops/model/dvc.h"
#include "mlops/model/name.h"
#include "mlops/model/pipeline.h"

#include "pipeline_context.h"

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
    const struct doc_node *vars, *matrix, *foreach, *body;
    const struct doc_node *data, *schema, *dialect, *checks, *report;
    const struct doc_node *predictions, *task, *slices, *threshold, *positive, *columns, *gates;
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
    const struct doc_node *vars, *sweep;
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
    bool is_wrong;             /* its values could not be loaded: nothing more is asked of it */
    bool has_params;           /* params.yaml is there */
    struct draft_top top;
    struct draft_common defaults;
    struct context *context;
};

/* A scalar, list or map whose texts were read; `is_live`: something in it is to be resolved. */
struct fragment {
    const struct doc_node *node;
    bool is_live;
    struct template *text; /* of a scalar that is to be resolved */
    struct template *key;
    struct fragment *children; /* as many as the node has */
};

VEC(told_vec, const void *);

/* A stage as the file has it, of which there may be many. */
struct definition {
    struct part *part;
    const struct doc_node *entry; /* in `stages`; its key is the name */
    const struct doc_node *body;  /* what each stage is made of: the entry, or its `do` */
    const struct doc_node *vars;
    bool is_group; /* foreach or matrix */
    bool is_matrix;
    bool is_wrong; /* told; nothing is made of it */
    bool is_compiled;
    struct fragment fragment; /* of the body */
    struct str_vec names;     /* of stages whose paths it takes */
    struct told_vec told;     /* what was told of one of its stages */
    int failures;             /* stages of which something was told */
};

VEC(definition_vec, struct definition *);

enum instance_state {
    INSTANCE_NEW,
    INSTANCE_WAITS, /* for stages whose paths it takes */
    INSTANCE_DONE,
};

/* What becomes a stage. */
struct instance {
    struct definition *definition;
    struct str local_name;
    struct value *item, *key; /* of a group; key may be NULL */
    enum instance_state state;
    struct stage *stage; /* its place in pipeline.stages */
};

VEC(instance_vec, struct instance);

struct binding {
    struct binder binder;
    struct error_list errors;
    struct pipeline *pipeline;
    const struct pipeline_sources *sources;
    struct part *parts; /* as many as sources->count */
    struct definition_vec definitions;
    struct instance_vec instances;
    struct map local_names;         /* of the first part -> struct instance * */
    struct map loaded;              /* path of a file of values -> struct loaded * */
    int64_t nodes_made, bytes_made; /* by expressions */
    bool is_too_much;
    int noted; /* errors whose phase is known */
    bool has_failed;
    enum pipeline_phase failed; /* the earliest */

    /* Of the part in hand. */
    const struct pipeline_file *file;
    bool is_dvc;
    struct draft_common defaults;

    /* Files of mlops and DVC that no output may replace. */
    struct map own_files;    /* path -> what it is, a C string */
    struct map own_dirs;     /* every directory above one -> const struct str *, its path */
    struct map tracked_by;   /* path that a .dvc file tracks -> struct tracker * */
    struct map tracked_dirs; /* every directory above one -> const struct dvc_entry * */
    struct map params_seen, metrics_seen; /* top-level paths of all files */
};

extern const struct schema pipeline_schema_top, pipeline_schema_stage, pipeline_schema_defaults,
    pipeline_schema_output, pipeline_schema_plot, pipeline_schema_env, pipeline_schema_retries,
    pipeline_schema_resources, pipeline_schema_artifact, pipeline_schema_plot_definition;

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

/* Takes over an error made elsewhere. */
void binding_take_error(struct binding *binding, struct error *error);

/* Something that is no error; `node` is where. */
void binding_warn(struct binding *binding, const struct doc_node *node, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* What DVC lets pass though it was hardly meant: a warning in its dialect, else an error. */
void binding_doubt(struct binding *binding, const struct doc_node *node, const char *format, ...)
    PRINTF_LIKE(3, 4);

int error_count(const struct binding *binding);

/* Whether expressions have made more than LIMIT_TEMPLATE_NODES; told once. */
bool binding_makes_too_many(struct binding *binding, const struct doc_node *node);

/* Errors since the last note belong to that phase. */
void binding_note_phase(struct binding *binding, enum pipeline_phase phase);

/* Reads the texts of a tree; false if some were wrong (told). `names` collects the stages that its
 * expressions name. */
struct compiler {
    struct binding *binding;
    struct str_vec *names; /* NULL: not collected */
};

bool pipeline_compile(struct compiler *compiler, const struct doc_node *node, struct fragment *ret);

/* A variable of the environment that an expression took. */
struct used_variable {
    struct str name;
    const struct template *template;
    const struct template_piece *piece;
};

VEC(variable_vec, struct used_variable);

/* Expressions of one stage, or of the top level, on their way to values. */
struct resolution {
    struct binding *binding;
    const struct context *context;
    const struct instance *instance; /* NULL: top level, data of groups */
    struct str wdir;                 /* paths of other stages are seen from here */
    bool is_command;                 /* mappings become arguments */
    bool takes_branches;             /* a whole value may be a list or mapping */
    struct tracked_vec *tracked;     /* NULL: not asked for */
    struct variable_vec variables;
    const char *hint; /* of the next error */
    bool failed;      /* something was told */
};

struct doc_node *pipeline_resolve(struct resolution *to, const struct fragment *fragment);
struct value *pipeline_resolve_value(struct resolution *to, const struct fragment *fragment);

/* An error at an expression. */
void resolution_error(struct resolution *to, const struct template *from,
                      const struct template_piece *piece, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* `${env.NAME}` and `${stage.NAME.outs[0]}` of native pipelines. */
bool reference_stage_name(struct arena *arena, const struct template_piece *piece, struct str *ret);
bool pipeline_is_reference(const struct resolution *to, const struct template_piece *piece);
struct value *pipeline_find_reference(struct resolution *to, const struct template *from,
                                      const struct template_piece *piece);
void pipeline_check_variables(struct resolution *to, const struct stage *stage);

/* Contexts. False: told. */
struct context *pipeline_new_context(struct binding *binding, struct context *below);
bool pipeline_load_context(struct binding *binding, struct part *part);
bool pipeline_load_vars(struct binding *binding, struct context *context,
                        const struct doc_node *vars, struct str dir, struct str stage);

/* Keys and kinds of a stage as it stands in the file, before anything is resolved. */
bool pipeline_check_shape(struct binding *binding, const struct definition *definition);
bool pipeline_check_vars(struct binding *binding, const struct doc_node *vars);

/* Stages of the part in hand to instances. */
void pipeline_expand(struct binding *binding, struct part *part);
void pipeline_expand_matrix(struct binding *binding, struct definition *definition,
                            struct value *axes);
void pipeline_add_instance(struct binding *binding, struct definition *definition,
                           struct str key_text, struct value *item, struct value *key);

/* The mapping of an instance with all expressions resolved; false: told. */
bool pipeline_resolve_stage(struct resolution *to, const struct instance *instance,
                            struct stage *stage, const struct doc_node **ret);

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

/* Top level of the part in hand: its lists as they stand in the file (wrong ones are told and
 * forgotten), then resolved. */
void pipeline_check_lists(struct binding *binding, struct draft_top *top);
void pipeline_bind_lists(struct binding *binding, struct part *part);

/* "in stage 'train'". */
struct str pipeline_where(struct arena *arena, struct str name);

/* The name by which the whole project knows a stage of the part in hand. */
struct str pipeline_full_name(struct binding *binding, struct str local_name);

void pipeline_bind_instances(struct binding *binding);
void pipeline_bind_stage(struct binding *binding, const struct instance *instance,
                         const struct doc_node *resolved, struct stage *stage);
void pipeline_bind_defaults(struct binding *binding, const struct doc_node *node,
                            struct draft_common *ret);
void pipeline_bind_common(struct binding *binding, const struct draft_common *common,
                          struct stage *stage);
void pipeline_bind_command(struct binding *binding, struct draft *draft);
void pipeline_bind_wdir(struct binding *binding, struct draft *draft);
void pipeline_bind_deps(struct binding *binding, const struct draft *draft);
void pipeline_bind_params(struct binding *binding, const struct draft *draft);
void pipeline_bind_outs(struct binding *binding, const struct draft *draft);

/* Built-in checks, instead of a command; and the output that holds what they measure. */
void pipeline_bind_validate(struct binding *binding, const struct draft *draft);
void pipeline_add_measured(struct binding *binding, struct stage *stage, struct str path,
                           enum out_category category, const struct doc_node *node);
/* ".mlops/measured/NAME-HEX.json", with `ending` before the dot. Its path is part of the key, and
 * two pipelines of a project may have stages of one name. */
struct str pipeline_measured_path(struct binding *binding, const struct stage *stage,
                                  const char *ending);

/* Built-in evaluation, instead of a command; its keys where there is none; gates of both. */
void pipeline_bind_evaluate(struct binding *binding, const struct draft *draft);
void pipeline_refuse_evaluation(struct binding *binding, const struct draft *draft);
void pipeline_bind_gates(struct binding *binding, const struct draft *draft);
struct str_vec pipeline_bind_paths(struct binding *binding, const struct doc_node *list,
                                   struct str base, const char *key);

/* The stage whose name is nearest to what the user wrote, or NULL. */
const char *pipeline_nearest_stage(struct arena *arena, const struct pipeline *pipeline,
                                   struct str name);

/* What only shows when all stages are there. */
void pipeline_check(struct binding *binding);

/* pipeline_lines.c; DVC's dialect only. */
void pipeline_warn_lines(struct binding *binding);
