/* GeoJSON (RFC 7946) and TopoJSON by their structure: types, members that must be there, depth and
 * length of coordinates, closed rings. */
#include "mlops/codec/doc.h"

#include "cast_private.h"

static bool is_number(const struct doc_node *node)
{
    return node && (node->kind == DOC_INT || node->kind == DOC_REAL || node->kind == DOC_BIGINT);
}

static bool is_list(const struct doc_node *node)
{
    return node && node->kind == DOC_LIST;
}

static const struct doc_node *member(const struct doc_node *node, const char *name)
{
    return doc_find(node, str_of(name));
}

static bool has_type(const struct doc_node *node, const char *type)
{
    const struct doc_node *found = member(node, "type");
    return found && found->kind == DOC_STR && str_is(found->text, type);
}

/* Two numbers or more. */
static bool is_position(const struct doc_node *node)
{
    if (!is_list(node) || node->count < 2)
        return false;
    for (const struct doc_node *item = node->first; item; item = item->next)
        if (!is_number(item))
            return false;
    return true;
}

static bool same_position(const struct doc_node *a, const struct doc_node *b)
{
    const struct doc_node *x = a->first, *y = b->first;
    for (; x && y; x = x->next, y = y->next) {
        double x_value = 0, y_value = 0;
        if (!number_parse(x->text, &x_value) || !number_parse(y->text, &y_value) ||
            x_value != y_value)
            return false;
    }
    return !x && !y;
}

static const struct doc_node *last_item(const struct doc_node *node)
{
    const struct doc_node *item = node->first;
    while (item->next)
        item = item->next;
    return item;
}

/* Lists of lists of positions: `depth` lists around a position, at least `least` in the innermost,
 * which is a closed ring or not. */
static bool is_coordinates(const struct doc_node *node, int depth, size_t least, bool is_ring)
{
    if (!depth)
        return is_position(node);
    if (!is_list(node) || (depth == 1 && node->count < least))
        return false;
    for (const struct doc_node *item = node->first; item; item = item->next)
        if (!is_coordinates(item, depth - 1, least, is_ring))
            return false;
    return depth != 1 || !is_ring || same_position(node->first, last_item(node));
}

struct geometry_row {
    const char *type;
    int depth;
    size_t least;
    bool is_ring;
};

static const struct geometry_row geometries[] = {
    {"Point", 0, 0, false},           {"MultiPoint", 1, 0, false}, {"LineString", 1, 2, false},
    {"MultiLineString", 2, 2, false}, {"Polygon", 2, 4, true},     {"MultiPolygon", 3, 4, true},
};

static bool is_geometry(const struct doc_node *node)
{
    const struct doc_node *parts = member(node, "geometries");
    if (!node || node->kind != DOC_MAP)
        return false;
    for (size_t i = 0; i < COUNT_OF(geometries); i++)
        if (has_type(node, geometries[i].type))
            return is_coordinates(member(node, "coordinates"), geometries[i].depth,
                                  geometries[i].least, geometries[i].is_ring);
    if (!has_type(node, "GeometryCollection") || !is_list(parts))
        return false;
    for (const struct doc_node *part = parts->first; part; part = part->next)
        if (!is_geometry(part))
            return false;
    return true;
}

/* `geometry` and `properties` are there, if only as null. */
static bool is_feature(const struct doc_node *node)
{
    const struct doc_node *geometry = member(node, "geometry");
    const struct doc_node *properties = member(node, "properties");
    const struct doc_node *id = member(node, "id");
    if (!has_type(node, "Feature") || !geometry || !properties ||
        (properties->kind != DOC_MAP && properties->kind != DOC_NULL) ||
        (id && id->kind != DOC_STR && !is_number(id)))
        return false;
    return geometry->kind == DOC_NULL || is_geometry(geometry);
}

static bool is_collection(const struct doc_node *node)
{
    const struct doc_node *features = member(node, "features");
    if (!has_type(node, "FeatureCollection") || !is_list(features))
        return false;
    for (const struct doc_node *item = features->first; item; item = item->next)
        if (!is_feature(item))
            return false;
    return true;
}

/* An integer index of an arc, or lists of them, `depth` deep. */
static bool is_arcs(const struct doc_node *node, int depth)
{
    if (!depth)
        return node->kind == DOC_INT;
    if (!is_list(node))
        return false;
    for (const struct doc_node *item = node->first; item; item = item->next)
        if (!is_arcs(item, depth - 1))
            return false;
    return true;
}

static bool is_topo_geometry(const struct doc_node *node)
{
    static const struct geometry_row rows[] = {{.type = "LineString", .depth = 1},
                                               {.type = "MultiLineString", .depth = 2},
                                               {.type = "Polygon", .depth = 2},
                                               {.type = "MultiPolygon", .depth = 3}};
    const struct doc_node *parts = member(node, "geometries");
    if (!node || node->kind != DOC_MAP)
        return false;
    const struct doc_node *type = member(node, "type");
    if (!type || type->kind == DOC_NULL)
        return type != NULL;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (has_type(node, rows[i].type))
            return is_arcs(member(node, "arcs"), rows[i].depth);
    if (has_type(node, "Point"))
        return is_position(member(node, "coordinates"));
    if (has_type(node, "MultiPoint"))
        return is_coordinates(member(node, "coordinates"), 1, 0, false);
    if (!has_type(node, "GeometryCollection") || !is_list(parts))
        return false;
    for (const struct doc_node *part = parts->first; part; part = part->next)
        if (!is_topo_geometry(part))
            return false;
    return true;
}

static bool is_topology(const struct doc_node *node)
{
    const struct doc_node *objects = member(node, "objects");
    if (!has_type(node, "Topology"))
        return is_topo_geometry(node);
    if (!objects || objects->kind != DOC_MAP || !is_coordinates(member(node, "arcs"), 2, 2, false))
        return false;
    for (const struct doc_node *item = objects->first; item; item = item->next)
        if (!is_topo_geometry(item))
            return false;
    return true;
}

bool parse_geojson(const struct caster *caster, struct arena *scratch, struct str text,
                   struct cast_value *ret)
{
    (void)ret;
    struct str trimmed = str_trim(text);
    if (!trimmed.len || trimmed.at[0] != '{')
        return false;
    const struct doc_node *node = structure_read(scratch, text);
    if (!node)
        return false;
    if (caster->format == FORMAT_TOPOJSON)
        return is_topology(node);
    return is_geometry(node) || is_feature(node) || is_collection(node);
}
