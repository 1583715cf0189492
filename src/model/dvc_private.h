/* Shared by the readers of `.dvc` files and of dvc.lock. */
#pragma once

#include "mlops/model/dvc.h"

/* ERROR_PROJECT at the node, unless it is of this kind. */
FALLIBLE dvc_expect(const struct doc_node *node, enum doc_kind kind, const char *what);

/* Appends the entries of a list (NULL and nothing: none), their paths resolved against `base`. */
FALLIBLE dvc_bind_entries(struct arena *arena, const struct doc_node *list, struct str base,
                          struct dvc_entry_vec *ret);
