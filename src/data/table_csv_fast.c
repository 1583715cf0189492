/* The fast way comes here. */
#include "table_private.h"

bool csv_cut_fast(const struct csv_form *form, struct table_slot *slot, size_t records_most)
{
    (void)form;
    (void)slot;
    (void)records_most;
    return false;
}

bool csv_split_fast(const struct table_reader *table, struct table_slot *slot)
{
    (void)table;
    (void)slot;
    return false;
}
