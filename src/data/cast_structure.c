/* Cells that hold JSON: objects, arrays, and points on the globe. */
#include "mlops/codec/json.h"

#include "cast_private.h"

/* The first byte that is no blank tells an object or array from all else without a parse. */
static char first_char(struct str text)
{
    struct str trimmed = str_trim(text);
    return trimmed.len ? trimmed.at[0] : '\0';
}

const struct doc_node *structure_read(struct arena *scratch, struct str text)
{
    struct doc *doc = NULL;
    struct error *error = json_parse_lenient(scratch, STR("cell"), text, &doc);
    error_drop(error);
    return error ? NULL : doc->root;
}

static const struct doc_node *read_kind(struct arena *scratch, struct str text, char first,
                                        enum doc_kind kind)
{
    if (first_char(text) != first)
        return NULL;
    const struct doc_node *node = structure_read(scratch, text);
    return node && node->kind == kind ? node : NULL;
}

bool parse_object(const struct caster *caster, struct arena *scratch, struct str text,
                  struct cast_value *ret)
{
    (void)caster, (void)ret;
    return read_kind(scratch, text, '{', DOC_MAP) != NULL;
}

bool parse_array(const struct caster *caster, struct arena *scratch, struct str text,
                 struct cast_value *ret)
{
    (void)caster, (void)ret;
    return read_kind(scratch, text, '[', DOC_LIST) != NULL;
}

static bool is_within(struct str text, double most)
{
    double value = 0;
    return number_parse(text, &value) && value >= -most && value <= most;
}

/* "lon, lat"; blanks may follow the comma. */
static bool split_pair(struct str text, struct str *ret_longitude, struct str *ret_latitude)
{
    ptrdiff_t comma = str_find_char(text, ',');
    if (comma < 0)
        return false;
    size_t at = (size_t)comma + 1;
    while (at < text.len && text.at[at] == ' ')
        at++;
    *ret_longitude = str_slice(text, 0, (size_t)comma);
    *ret_latitude = str_slice(text, at, text.len);
    return true;
}

static bool is_number(const struct doc_node *node)
{
    return node && (node->kind == DOC_INT || node->kind == DOC_REAL || node->kind == DOC_BIGINT);
}

static bool take_pair(const struct doc_node *longitude, const struct doc_node *latitude,
                      struct str *ret_longitude, struct str *ret_latitude)
{
    if (!is_number(longitude) || !is_number(latitude))
        return false;
    *ret_longitude = longitude->text;
    *ret_latitude = latitude->text;
    return true;
}

static bool read_pair(const struct caster *caster, struct arena *scratch, struct str text,
                      struct str *ret_longitude, struct str *ret_latitude)
{
    const struct doc_node *node = NULL;
    if (caster->format == FORMAT_OBJECT) {
        node = read_kind(scratch, text, '{', DOC_MAP);
        return node && node->count == 2 &&
               take_pair(doc_find(node, STR("lon")), doc_find(node, STR("lat")), ret_longitude,
                         ret_latitude);
    }
    if (caster->format == FORMAT_ARRAY) {
        node = read_kind(scratch, text, '[', DOC_LIST);
        return node && node->count == 2 &&
               take_pair(node->first, node->first->next, ret_longitude, ret_latitude);
    }
    return split_pair(text, ret_longitude, ret_latitude);
}

bool geopoint_read(const struct caster *caster, struct arena *scratch, struct str text,
                   struct str *ret_longitude, struct str *ret_latitude)
{
    return read_pair(caster, scratch, text, ret_longitude, ret_latitude) &&
           is_within(*ret_longitude, 180) && is_within(*ret_latitude, 90);
}

bool parse_geopoint(const struct caster *caster, struct arena *scratch, struct str text,
                    struct cast_value *ret)
{
    struct str longitude = {0}, latitude = {0};
    (void)ret;
    return geopoint_read(caster, scratch, text, &longitude, &latitude);
}
