/* What the files of the module share. */
#pragma once

#include "mlops/model/gate.h"

extern const struct schema gate_schema, gate_schema_columns;
extern const char *const gate_tasks[]; /* NULL-terminated, in the order of enum task */

/* Names of columns, of a built-in evaluation; the target of gate_schema_columns. */
struct draft_columns {
    struct str label, score, prediction, id, weight;
};

/* A number from `above` (without it) up to `most`. False: told. */
bool gate_bind_number(struct binder *binder, const struct doc_node *node, double above, double most,
                      const char *expected, double *ret);

/* One item of `gates`. False: told. `takes_confidence`: predictions are at hand. */
bool gate_bind(struct binder *binder, const struct doc_node *item, bool takes_confidence,
               struct gate *ret);
