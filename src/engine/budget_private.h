/* Shared by the files of module budget. */
#pragma once

#include "mlops/engine/budget.h"

/* What a stage takes of the budget: no more than there is. */
int64_t budget_cpus_of(const struct budget *budget, const struct stage *stage);
int64_t budget_memory_of(const struct budget *budget, const struct stage *stage);
bool budget_is_undeclared(const struct stage *stage);

/* Of a budget that is shared with other processes. */
FALLIBLE budget_take_share(struct budget *budget, const struct stage *stage, bool *ret_taken);
void budget_give_share(struct budget *budget, const struct stage *stage);
