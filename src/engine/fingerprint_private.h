/* Inputs that no stage of a run makes (fingerprint_inputs.c). */
#pragma once

#include "mlops/engine/fingerprint.h"

/* What is not there, and no stage of this run makes, may be in the store: it comes back before it
 * counts as missing. A dry run (`forecast`) only notes that it would. */
FALLIBLE input_bring_back(struct session *session, struct str path, struct forecast *forecast);
