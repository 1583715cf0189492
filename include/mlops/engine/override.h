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

/* What a change came to, as texts: `before` empty: there was none, `after`: it is gone. */
struct override_change {
    struct str file, key, before, after;
    enum edit_action action;
    bool is_same; /* the file had that value already */
};
VEC(override_change_vec, struct override_change);

/* Writes resolved overrides into the files of the project, durably, each as a whole or not at all
 * (all new texts are made before the first is written). A symbolic link stays one, and what it
 * leads to must lie in the project; the mode stays. A read-only file is an ERROR_PROJECT. */
FALLIBLE override_write(struct session *session, const struct override_vec *overrides,
                        struct override_change_vec *ret);
