/* Shared by the files of module account. */
#pragma once

#include "mlops/cli/account.h"

/* A table that is too long is cut, and says so. */
void account_add_cut(struct document *document, struct table *table);

void account_add_lineage(const struct account *account, struct document *document);
void account_add_times(const struct account *account, struct document *document);
