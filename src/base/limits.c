#include "mlops/base/limits.h"

#include "mlops/base/lang.h"

#define ROW(name, value, unit, reason) {#name, value, unit, reason},

const struct limit *limits_all(int *ret_count)
{
    static const struct limit rows[] = {MLOPS_LIMITS(ROW)};
    *ret_count = (int)COUNT_OF(rows);
    return rows;
}
