/* A pipeline as plain values: what pipeline.yaml (or dvc.yaml) says, checked, with every path
 * resolved to the project root. Made once by pipeline_bind, never changed afterwards.
 * The language: docs/pipeline.md (its tables are printed from the schemas of this module). */
#pragma once

#include "mlops/base/map.h"
#include "mlops/base/vec.h"
#include "mlops/codec/doc.h"
#include "mlops/codec/schema.h"

enum stage_kind {
    STAGE_COMMAND,
    STAGE_TRAIN,
    STAGE_VALIDATE,
    STAGE_EVALUATE,
};

enum out_category {
    OUT_PLAIN,
    OUT_METRICS,
    OUT_PLOT,
};

enum env_mode {
    ENV_INHERIT, /* the whole environment of mlops */
    ENV_STRICT,  /* an allowlist: PATH HOME USER LANG LC_* TZ TMPDIR SHELL TERM + declared */
};

struct dependency {
    struct str path;    /* relative to the project ("../x" if outside), normalised, or absolute as
                           written; a pattern if is_glob; as written if is_url */
    struct str written; /* as in the file */
    bool is_glob;
    bool is_url; /* scheme://...: parses and plans; running it needs remotes */
    const struct doc_node *node;
};

struct output {
    struct str path; /* relative to the project, normalised; absolute or "../x" only if uncached */
    struct str written;
    enum out_category category;
    bool is_cached; /* default true */
    bool persists;  /* stays in place while the stage runs */
    bool is_pushed; /* default true */
    struct str remote;
    struct str desc;
    struct str type;
    const struct doc_node *labels; /* list of strings or NULL */
    const struct doc_node *meta;   /* anything or NULL */
    const struct doc_node *plot;   /* the plot's options or NULL */
    const struct doc_node *node;
};

/* A parameter that a stage depends on: a key of a file, or the whole file (key empty). */
struct param_ref {
    struct str file; /* relative to the project, normalised */
    struct str key;  /* dotted */
    const struct doc_node *node;
};

struct env_var {
    struct str name;
    struct str value;    /* plain value, or the default of from_env */
    struct str from_env; /* name of the variable it comes from; empty: plain */
    bool is_in_key;      /* plain values always; from_env only with `key: true` */
    const struct doc_node *node;
};

struct command {
    bool is_list;      /* commands in order, stop at the first failure */
    struct str *items; /* one if a string */
    size_t count;
};

struct retries {
    int64_t count;      /* attempts after the first */
    int64_t backoff_ns; /* before the first retry; doubles */
    int64_t *on_exit;   /* retry only for these exit codes; NULL: all failures */
    size_t on_exit_count;
};

struct resources {
    int64_t cpus_milli;   /* thousandths; 0: undeclared, counts as one cpu */
    int64_t memory_bytes; /* 0: undeclared */
    int64_t gpus;
};

VEC(dependency_vec, struct dependency);
VEC(output_vec, struct output);
VEC(param_vec, struct param_ref);
VEC(env_vec, struct env_var);
VEC(str_vec, struct str);

/* A value that `${...}` took from a file of parameters: shown and compared, not part of the key. */
struct tracked_value {
    struct str file; /* relative to the project */
    struct str key;  /* dotted */
    const struct doc_node *value;
};

VEC(tracked_vec, struct tracked_value);

struct pipeline_file;

struct validation;
struct evaluating;
struct gate_vec;

struct stage {
    struct str name;       /* unique in the pipeline: that of its file for stages of the file that
                              was named, "path/dvc.yaml:name" for those of other files */
    struct str local_name; /* in its file and its lock: "train", "train@resnet" */
    struct str group;      /* of foreach and matrix: "train"; else empty */
    const struct pipeline_file *file;
    size_t index; /* in pipeline.stages */
    enum stage_kind kind;
    struct str desc;
    struct command cmd;
    struct str wdir;  /* relative to the project, "" = root */
    struct str shell; /* declared: empty = default, "bash", "zsh", "sh", or a path */
    struct dependency_vec deps;
    struct param_vec params; /* sorted by file, key; each once */
    struct output_vec outs;  /* plain, metrics and plots in this order of the file */
    struct env_vec env;      /* sorted by name */
    enum env_mode env_mode;
    struct str_vec guards; /* validate: paths, resolved; empty = the default of docs/pipeline.md */
    bool has_guards;
    struct str_vec after;                /* names of stages, all of which exist */
    const struct doc_node *after_node;   /* the list, or NULL */
    struct str model;                    /* train: path of the output that is the model */
    const struct validation *validation; /* validate: built-in checks, or NULL (model/checks) */
    const struct evaluating *evaluating; /* evaluate: built in, or NULL (model/gate) */
    const struct gate_vec *gates;        /* evaluate: NULL: none (model/gate) */
    int64_t timeout_ns;                  /* 0: none */
    struct retries retries;
    struct resources resources;
    bool is_frozen;
    bool is_always_changed;
    bool keys_environment; /* `environment: true`: platform and environment are in the key */
    const struct doc_node *meta;
    struct tracked_vec tracked;  /* sorted by file, key; each once */
    const struct doc_node *node; /* its mapping, resolved */
};

VEC(stage_vec, struct stage);

/* The instances of a foreach or matrix stage: neighbours in pipeline.stages; none if its data are
 * empty. */
struct stage_group {
    size_t first, count;
};

/* Which output of which stage a path is. */
struct maker {
    struct stage *stage;
    size_t index; /* in stage->outs */
};

/* One file of a pipeline. A native pipeline is one file; in DVC's dialect every dvc.yaml of the
 * project is part of one graph. */
struct pipeline_file {
    struct str path;      /* relative to the project */
    struct str dir;       /* "" = root */
    struct str lock_path; /* its own lock file: pipeline_lock_path */
    size_t index;         /* in pipeline.files */
    const struct doc *doc;
    size_t stage_first, stage_count; /* its stages are neighbours in pipeline.stages */
    struct str_vec params, metrics;  /* top level, resolved to project paths */
    /* Top level as resolved nodes, or NULL: for reports and `lint --resolved`. */
    const struct doc_node *params_node, *metrics_node, *plots, *artifacts, *datasets;
};

VEC(pipeline_file_vec, struct pipeline_file);

struct dvc_pointer;
VEC(dvc_pointer_vec, const struct dvc_pointer *);

/* Something that is no error but not what was meant: typing mistakes that DVC lets pass, `item`
 * shadowing a value of the context. */
struct pipeline_warning {
    const struct doc_node *node; /* where */
    struct str text;
};

VEC(pipeline_warning_vec, struct pipeline_warning);

struct pipeline {
    struct str path; /* of the file that was named (files[0]), relative to the project */
    struct str dir;  /* of its file, "" = root */
    struct str name;
    struct str desc;
    struct str remote;
    enum doc_dialect dialect;
    struct pipeline_file_vec files;  /* [0] is the one that was named */
    struct dvc_pointer_vec pointers; /* the project's .dvc files; DVC's dialect only */
    struct map pointed; /* path a .dvc file tracks -> const struct dvc_entry * (model/dvc) */
    struct map groups;  /* name of a foreach or matrix stage (as `name` of a stage would be) ->
                           const struct stage_group * */
    struct pipeline_warning_vec warnings;
    struct stage_vec stages; /* by file, in order of each */
    struct map by_name;      /* -> struct stage * */
    struct map makers;       /* path of an output -> struct maker *; each path once */
    struct map holders;     /* every directory above an output -> struct maker * of the first one */
    struct str_vec params;  /* top-level parameter files, resolved */
    struct str_vec metrics; /* top-level metrics files, resolved */
    const struct doc_node *plots, *artifacts, *datasets;
    const struct doc *doc;
};

/* Binds a parsed document, which must outlive the result. `path` is the file's place in the
 * project, normalised. All that is wrong in the file itself comes at once (up to
 * LIMIT_ERRORS_TOLD): unknown keys, wrong kinds, bad paths and names, the same output twice,
 * outputs inside outputs, an output that is a dependency of the same stage, an output that is or
 * holds the pipeline or its lock, an `after` that names no stage. Without sources: what it names in
 * other files is absent. */
FALLIBLE pipeline_bind(struct arena *arena, const struct doc *doc, struct str path,
                       struct pipeline **ret);

/* A pipeline of several files, and what else its binding may ask for. */
struct pipeline_part {
    struct str path; /* relative to the project, normalised */
    const struct doc *doc;
};

/* What binding does, in this order; DVC tells its errors by the same words. */
enum pipeline_phase {
    PIPELINE_SCHEMA,  /* keys and kinds of the file as it stands */
    PIPELINE_VARS,    /* params.yaml and `vars` */
    PIPELINE_EXPAND,  /* data of foreach and matrix */
    PIPELINE_RESOLVE, /* expressions of a stage */
    PIPELINE_TOP,     /* those of top-level lists */
    PIPELINE_LOAD,    /* values of one stage by themselves */
    PIPELINE_GRAPH,   /* stages together */
};

/* "schema", "vars", ... */
const char *pipeline_phase_name(enum pipeline_phase phase);

struct pipeline_sources {
    const struct pipeline_part *parts; /* [0]: the file that was named */
    size_t count;
    const struct dvc_pointer *const *pointers;
    size_t pointer_count;
    /* The document at a project path that `vars`, params.yaml and the like name, by its suffix
     * YAML, JSON, TOML or Python literals; *ret NULL if nothing is there. A directory and a file
     * that is no document are errors with their place. Memory is the pipeline's. NULL: there are no
     * other files. */
    FALLIBLE (*load)(void *context, struct str path, const struct doc **ret);
    void *context;
    const char *const *environment; /* "NAME=value" and NULL, for ${env.NAME}; NULL: its own */
    enum pipeline_phase *failed;    /* if binding fails: the earliest phase of an error; or NULL */
    bool bool_is_optional;          /* parsing.bool = boolean_optional: `--no-k` for false */
    bool list_appends;              /* parsing.list = append: `--k a --k b` */
};

/* As pipeline_bind, for all parts together: outputs of different files may not collide either. */
FALLIBLE pipeline_bind_sources(struct arena *arena, const struct pipeline_sources *sources,
                               struct pipeline **ret);

/* The lock file of a pipeline: its stem + ".lock"; for dvc.yaml "dvc.mlops.lock". */
struct str pipeline_lock_path(struct arena *arena, const struct pipeline *pipeline);

/* Whether the commands of a stage inherit a variable of mlops' own environment (env_mode). */
bool stage_inherits(const struct stage *stage, struct str variable);

/* Whether a file of that name is in DVC's dialect (dvc.yaml). */
enum doc_dialect pipeline_dialect(struct str path);

/* All schemas of the language, for the reference and the fuzz dictionary. */
const struct schema *const *pipeline_schemas(size_t *ret_count);

/* The shapes of the types that the schemas name, and the language as JSON Schema, for editors. */
struct shape_table;
const struct shape_table *pipeline_shapes(enum doc_dialect dialect);
void pipeline_print_json_schema(enum doc_dialect dialect, struct buf *out);
