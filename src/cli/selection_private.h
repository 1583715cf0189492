/* Shared by the files of module selection. */
#pragma once

#include "mlops/cli/selection.h"

/* Finds out what a name means (selection_key.c). `mark` with a file: a place in `text` that errors
 * point at; else the name is quoted only. */
struct selection_name {
    struct str name;
    struct mark mark;
    struct str text;
};
FALLIBLE selection_resolve(struct selection *selection, const struct selection_name *name,
                           size_t *ret);

/* Whether two quantities are one. */
bool selection_is_same(const struct ledger_quantity *a, const struct ledger_quantity *b);

/* A column of a quantity that is known; its number. */
size_t selection_add_quantity(struct selection *selection, const struct ledger_quantity *quantity,
                              struct str name);
FALLIBLE selection_load_quantities(struct selection *selection);

/* "metrics.f1". */
struct str selection_quantity_name(struct arena *arena, const struct ledger_quantity *quantity,
                                   bool has_file);

extern const struct filter_choice selection_statuses[];
extern const struct filter_choice selection_truths[];

bool selection_read_moment(struct str text, int64_t *ret_from_ns, int64_t *ret_until_ns);
