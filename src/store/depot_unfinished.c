/* What pushes that died have left: only names that ours give, since others may write there, too. */
#include "mlops/model/name.h"

#include "depot_private.h"

enum { TEMP_HEX = 16 };

static bool is_temporary(struct str name)
{
    struct str file = path_name(name);
    return str_starts(name, STR(".tmp/")) && file.len == TEMP_HEX &&
           strspn(file.at, "0123456789abcdef") >= TEMP_HEX;
}

static bool is_pack(struct str name)
{
    struct digest id;
    return str_starts(name, STR("pack/")) && digest_parse(path_name(name), &id);
}

struct unfinished {
    FALLIBLE (*visit)(void *context, const struct transport_item *item);
    void *context;
};

static FALLIBLE visit_ours(void *context, const struct transport_item *item)
{
    const struct unfinished *unfinished = context;
    bool is_ours = is_temporary(item->name) || is_pack(item->name);
    return is_ours ? unfinished->visit(unfinished->context, item) : NULL;
}

struct error *depot_list_unfinished(struct depot *depot,
                                    FALLIBLE (*visit)(void *context,
                                                      const struct transport_item *item),
                                    void *context)
{
    AUTO(depot_line_drop) struct depot_line line = {0};
    struct unfinished unfinished = {visit, context};
    TRY(depot_line_take(depot, &line));
    return connection_list_unfinished(line.connection, visit_ours, &unfinished);
}

struct error *depot_remove_unfinished(struct depot *depot, const struct transport_item *item)
{
    AUTO(depot_line_drop) struct depot_line line = {0};
    TRY(depot_line_take(depot, &line));
    return connection_remove_unfinished(line.connection, item);
}
