/* What a stage runs with, found out without starting anything: the interpreter its command uses,
 * the packages installed for it (dist-info of its environment), tools, lock files, the machine.
 * Milliseconds the first time; kept by the directories' times below .mlops/ afterwards. */
#pragma once

#include "mlops/engine/session.h"
#include "mlops/model/environment.h"

/* Canonical bytes (environment_encode) of the environment of a stage's command, in the session's
 * arena; equal ones are made once. Never an error for what can't be read: it is left out. */
FALLIBLE environment_capture(struct session *session, const struct stage *stage, struct str *ret);

/* Directories that the Python of a stage's command finds packages in, where .pth files count; none
 * for other commands. */
void environment_sites(struct session *session, const struct stage *stage, struct arena *arena,
                       struct str_vec *ret);

/* What stands in the recipe of a stage that says `environment: true`: docs/formats.md. */
FALLIBLE environment_fingerprint(struct session *session, const struct stage *stage,
                                 struct str *ret);

/* Says in a reason of part REASON_ENVIRONMENT what it was that changed since the stage ran with the
 * recipe `before`: "numpy 1.24.2", "numpy 1.26.0 (and 2 more)". */
FALLIBLE environment_explain(struct session *session, const struct stage *stage,
                             const struct recipe *before, struct reason_vec *reasons);
