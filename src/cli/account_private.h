/* Shared by the files of module account. */
#pragma once

#include "mlops/cli/account.h"

/* A table that is too long is cut, and says so. */
void account_add_cut(struct document *document, struct table *table);

/* A stage that came to no result, unlike one whose result was judged to be bad; and why: "exited
 * with status 3". */
bool account_is_failure(const struct run_stage *stage);
struct str account_failure(struct arena *arena, const struct run_stage *stage);
void account_add_failures(const struct account *account, struct document *document);
void account_add_checks(const struct account *account, struct document *document);

void account_add_lineage(const struct account *account, struct document *document);
void account_add_times(const struct account *account, struct document *document);
