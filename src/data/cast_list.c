/* Lists: items between delimiters, each read as a value of the item's type; in JSON files arrays of
 * such values. */
#include "mlops/codec/doc.h"

#include "cast_private.h"

/* Takes the part of *rest before the delimiter; false when nothing is left. */
static bool next_item(const struct caster *caster, struct str *rest, struct str *ret)
{
    if (!rest->at)
        return false;
    ptrdiff_t at = str_find(*rest, caster->delimiter);
    if (at < 0) {
        *ret = *rest;
        *rest = (struct str){0};
        return true;
    }
    *ret = str_slice(*rest, 0, (size_t)at);
    *rest = str_slice(*rest, (size_t)at + caster->delimiter.len, rest->len);
    return true;
}

/* An empty text is a list of nothing. */
bool parse_list(const struct caster *caster, struct arena *scratch, struct str text,
                struct cast_value *ret)
{
    struct str rest = text.len ? text : (struct str){0}, item;
    struct cast_value value;
    (void)ret;
    while (next_item(caster, &rest, &item))
        if (caster->item->parse && !caster->item->parse(caster->item, scratch, item, &value))
            return false;
    return true;
}

static enum raw_kind kind_of(const struct doc_node *node)
{
    switch (node->kind) {
    case DOC_NULL:
        return RAW_NULL;
    case DOC_BOOL:
        return node->truth ? RAW_TRUE : RAW_FALSE;
    case DOC_INT:
    case DOC_BIGINT:
    case DOC_REAL:
        return RAW_NUMBER;
    case DOC_STR:
        return RAW_TEXT;
    case DOC_LIST:
        return RAW_ARRAY;
    case DOC_MAP:
        break;
    }
    return RAW_OBJECT;
}

static bool is_item(const struct caster *caster, struct arena *scratch, const struct doc_node *node)
{
    struct cast_value value;
    enum raw_kind kind = kind_of(node);
    if (kind == RAW_TEXT)
        return !caster->item->parse ||
               caster->item->parse(caster->item, scratch, node->text, &value);
    return kind != RAW_NULL &&
           cast_raw(caster->item, scratch, kind, node->text, &value) == VALUE_VALID;
}

bool raw_list(const struct caster *caster, struct arena *scratch, struct str text)
{
    const struct doc_node *node = structure_read(scratch, text);
    if (!node || node->kind != DOC_LIST)
        return false;
    for (const struct doc_node *item = node->first; item; item = item->next)
        if (!is_item(caster, scratch, item))
            return false;
    return true;
}

void list_encode(const struct caster *caster, struct arena *scratch, enum raw_kind kind,
                 struct str text, struct buf *out)
{
    struct str rest = text.len ? text : (struct str){0}, item;
    buf_add_char(out, '[');
    if (kind == RAW_ARRAY) {
        const struct doc_node *node = structure_read(scratch, text);
        for (const struct doc_node *at = node ? node->first : NULL; at; at = at->next)
            cell_encode(caster->item, scratch, kind_of(at), at->text, out);
    } else
        while (next_item(caster, &rest, &item))
            cell_encode(caster->item, scratch, RAW_TEXT, item, out);
    buf_add_char(out, ']');
}
