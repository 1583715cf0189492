/* XML as servers send it (listings, errors), by expat, to a small tree of names and texts. Prefixes
 * of namespaces, attributes, comments and the text between elements are left out. A document type
 * is refused, and with it every entity but the five of XML itself. */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/str.h"

struct arena;
struct buf;

struct xml_node {
    struct str name; /* without its namespace */
    struct str text; /* of an element that holds no elements; trimmed, NUL-terminated */
    struct xml_node *first, *next; /* children in order */
};

/* Children of the root that are many are handed over one by one instead of being kept. */
struct xml_visitor {
    const char *name; /* of the children that are visited */
    /* The node lives until the call returns; an error ends the reading. */
    FALLIBLE (*visit)(void *context, const struct xml_node *node);
    void *context;
};

/* The root in the arena. `visitor` may be NULL. ERROR_MACHINE, with the line, if it is no
 * well-formed XML, or nested deeper than 32 (listings are 6 deep). */
FALLIBLE xml_parse(struct arena *arena, struct str bytes, const struct xml_visitor *visitor,
                   struct xml_node **ret);

/* The first child of that name; NULL: none (or no node). */
const struct xml_node *xml_find(const struct xml_node *node, const char *name);

/* The text of that child; empty if there is none. */
struct str xml_text(const struct xml_node *node, const char *name);

/* Others' text as it may stand in XML, SVG or HTML, between elements and in attributes: & < > " '
 * as entities, what the eye can't see or XML can't hold as buf_add_escaped shows it. */
void xml_add(struct buf *out, struct str text, bool keep_lines);

/* Text as it stands in a document between elements: & < > as entities. */
struct str xml_escape(struct arena *arena, struct str text);
