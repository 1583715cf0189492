/* Shared by the files of module dvc_cache. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/store/dvc_cache.h"

#include "cas_private.h"

enum { DVC_PATH_BYTES = 64, DVC_LAYOUTS = 2 };

/* Where the object lies in one of the layouts: 0 is the one that fits its record. */
void dvc_object_path(const struct dvc_object *object, int layout, char ret[static DVC_PATH_BYTES]);
