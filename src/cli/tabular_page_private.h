/* The pictures of a profile's page. */
#pragma once

#include "mlops/cli/page.h"

#include "tabular_private.h"

enum { PAGE_BARS = 12 }; /* frequent values that are drawn */

void tabular_page_histogram(struct page *page, const struct column_profile *column);
void tabular_page_bars(struct page *page, const struct column_profile *column);
