/* Between store/remote and store/config: one row a setting of a remote. */
#pragma once

#include "mlops/store/remote.h"

#include "config_private.h"

/* The row of a key, or an error with the nearest one; refuses names that no remote may have. */
FALLIBLE remote_row_find(struct str remote, struct str key, const struct config_row **ret);
