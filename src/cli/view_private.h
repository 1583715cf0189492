/* Shared by the files of module view. */
#pragma once

#include "mlops/cli/view.h"

/* By name, as the stages of a view are. */
void view_sort_stages(struct run_view *view);
