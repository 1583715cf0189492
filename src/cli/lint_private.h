/* What the files of the lint module share: its rules, and the parts of `lint --resolved`. */
#pragma once

#include "mlops/cli/lint.h"

struct worktree;

struct linter {
    struct arena *arena;
    const struct workspace *workspace;
    const struct plan *plan;
    struct worktree *worktree;
    struct lint_vec *warnings;
    struct map params; /* path -> struct params_file *: lint_params.c */
    size_t guesses;    /* names compared with what was mistyped */
};

/* Adds a warning; `stage` and `node` may be NULL. */
void lint_warn(struct linter *linter, const struct stage *stage, const struct doc_node *node,
               const char *rule, struct str text);

/* Whether a .dvc file tracks the path, or a directory above it. */
bool lint_is_tracked(const struct pipeline *pipeline, struct str path);

/* Each looks at one stage. */
typedef FALLIBLE (*lint_rule)(struct linter *linter, const struct stage *stage);
FALLIBLE lint_look_at_params(struct linter *linter, const struct stage *stage);
extern const lint_rule lint_rules[];
extern const size_t lint_rule_count;

/* A document's value, nested no deeper than LIMIT_DOCUMENT_DEPTH. */
void lint_print_value(struct json_writer *json, const struct doc_node *node);

/* The same as a member; nothing if `node` is NULL. */
void lint_print_named(struct json_writer *json, const char *name, const struct doc_node *node);

/* What is loaded of one stage. */
void lint_print_model(struct arena *arena, struct json_writer *json, const struct stage *stage);

/* `edges` of the whole project. */
void lint_print_edges(struct arena *arena, struct json_writer *json, const struct plan *plan);

/* The name of a stage in its file. */
struct str lint_local_name(const struct stage *stage);
