/* What the parts of compare share. */
#pragma once

#include "mlops/data/compare.h"

static inline bool compare_is_right(const struct predictions *predictions, size_t row)
{
    return predictions->labels[row] == predictions->predicted[row];
}

/* Wilcoxon's signed ranks of differences, which are put in another order: the smaller sum of ranks
 * and its p, as scipy 1.10's `wilcoxon`; NaN if all are 0. */
void compare_wilcoxon(double *differences, size_t count, double *ret_w, double *ret_p);
