/* `mlops lint`: warnings about a pipeline that is right by its grammar but probably not what was
 * meant, and what templating makes of it, as JSON. */
#pragma once

#include "mlops/base/vec.h"
#include "mlops/codec/json.h"
#include "mlops/model/plan.h"
#include "mlops/store/workspace.h"

struct lint_warning {
    struct str file;  /* as messages name it */
    int line, column; /* in that file; 0: unknown */
    const char *rule; /* "undeclared-file": the word in JSON */
    struct str stage; /* empty: of the file */
    struct str text;
};

VEC(lint_vec, struct lint_warning);

/* Looks at the work tree without changing it: stat, directories below patterns, and the files of
 * parameters. Also what binding noticed (pipeline.warnings). Sorted by place. */
FALLIBLE lint_pipeline(struct arena *arena, const struct workspace *workspace,
                       const struct plan *plan, struct lint_vec *ret);

/* The dvc.lock beside each dvc.yaml: one that is broken or of DVC 1.x is an error. */
FALLIBLE lint_locks(struct arena *arena, const struct workspace *workspace,
                    const struct pipeline *pipeline);

/* Members of the open JSON object, of the file that was named: `order` (stage names), `stages`
 * (each resolved mapping), `model` (what is loaded of it), `tracked` (values that templates took
 * from files), the top-level sections as resolved, and `edges` of the whole project as
 * [upstream, downstream]: a stage of the project's own dvc.yaml by its name, of another file as
 * "path:name", tracked data by its .dvc file. What is empty is left out, but for the first three.
 * Numbers that JSON lacks: {"__float__": "nan"}. */
void lint_resolved_json(struct arena *arena, struct json_writer *json, const struct plan *plan);
