/* Overrides of an experiment against the parameter files of a pipeline. */
#pragma once

#include "mlops/engine/session.h"
#include "mlops/model/override.h"

/* Which file each override without one is meant for, and whether it can be made at all: looked for
 * in the parameter files of the pipeline (params.yaml, `params`, `vars`, files of stages' params).
 * An unknown key is an ERROR_PROJECT with the nearest name; in two files: names both. Of another
 * type than before (a word for a number): an error unless it is the kind YAML would take anyway
 * (int for float); `null` may be anything. */
FALLIBLE override_resolve(struct session *session, struct override_vec *overrides);

/* The changed bytes of one file. */
FALLIBLE override_apply(struct arena *arena, struct str name, struct str bytes,
                        enum doc_dialect dialect, const struct override_vec *overrides,
                        struct str file, struct str *ret);
