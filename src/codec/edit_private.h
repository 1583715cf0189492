/* What the parts of codec/edit share: where things stand in a text, and how one is exchanged. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/edit.h"
#include "mlops/codec/load.h"

#include "cursor_private.h"

enum span_style {
    SPAN_SCALAR,
    SPAN_FLOW,  /* in brackets */
    SPAN_BLOCK, /* YAML by indentation */
    SPAN_ALIAS, /* YAML */
    SPAN_TABLE, /* TOML's tables and lists of them, Python's classes and module */
};

/* A value in the text. Offsets are of doc->bytes. */
struct span {
    enum span_style style;
    bool is_map;
    bool is_keyed;            /* it has a key */
    bool has_anchor;          /* YAML: it stands between `from` and `content`, as a tag may, too */
    int line, column;         /* of its key, as the document's nodes have it */
    size_t key_from, key_to;  /* of a block list's item: its dash */
    size_t from, content, to; /* the value, with and without what YAML puts in front of it */
    struct span *first, *last, *next, *before;
    size_t count;
};

struct edited {
    struct arena *arena;
    struct str name;
    const struct doc *doc;
    struct str bytes;
    enum load_language language;
    struct str line_break;
    const struct edit *edit;
    const struct doc_node *value; /* NULL: EDIT_REMOVE */
    struct span *root;            /* NULL: an empty YAML file */
    struct cursor place;          /* found last; places are asked for nearly in order */
};

/* What takes the place of bytes[from..to). */
struct splice {
    size_t from, to;
    struct buf text;
};

/* Keys that lead to a value, and what is there. */
enum { EDIT_STEPS_MOST = 80 };
struct edit_path {
    struct doc_node *nodes[EDIT_STEPS_MOST]; /* [0]: the root */
    size_t ordinals[EDIT_STEPS_MOST];        /* of each in its parent, from 0 */
    int count;
};

/* Follows dotted keys as doc_find_path does, keeping the way. */
bool edit_find_path(struct doc_node *node, struct str dotted, struct edit_path *path);

/* The spans along a path; *ret_owner: of the last but one. *ret NULL: a key that is to be set,
 * which its mapping has from another one. */
FALLIBLE edit_follow(struct edited *edited, const struct edit_path *path, struct span **ret_owner,
                     struct span **ret);
FALLIBLE edit_refuse(struct edited *edited, const struct doc_node *node, const char *why);

/* The whole tree of a YAML file; *ret NULL if it holds no document. */
FALLIBLE edit_yaml_spans(struct edited *edited, struct span **ret);

/* A value that starts at `at`, of a language whose values end by themselves; its items are found
 * by edit_flow_open. */
struct span *edit_flow_span(struct edited *edited, size_t at, size_t end);
void edit_flow_open(struct edited *edited, struct span *span);

/* Over a string, over what means nothing (blanks, comments), over a value up to one of `ends`
 * outside of brackets. */
size_t edit_skip_string(const struct edited *edited, size_t at);
size_t edit_skip_gap(const struct edited *edited, size_t at);
size_t edit_skip_item(const struct edited *edited, size_t at, const char *ends, size_t *ret_end);

/* The text around a place. */
size_t edit_line_start(struct str bytes, size_t at);
size_t edit_line_end(struct str bytes, size_t at);    /* in front of the break */
size_t edit_behind_line(struct str bytes, size_t at); /* behind the break */
size_t edit_skip_blanks(struct str bytes, size_t at); /* and tabs */
bool edit_is_blank(struct str bytes, size_t from, size_t to);

/* The changes. `owner`: the map or list that the item is in. */
FALLIBLE edit_block_set(struct edited *edited, struct span *item, struct splice *ret);
FALLIBLE edit_block_remove(struct edited *edited, struct span *owner, struct span *item,
                           struct splice *ret);
FALLIBLE edit_block_add(struct edited *edited, struct span *owner, struct str keys,
                        struct splice *ret);
FALLIBLE edit_flow_set(struct edited *edited, struct span *item, struct splice *ret);
FALLIBLE edit_flow_remove(struct edited *edited, struct span *owner, struct span *item,
                          struct splice *ret);
FALLIBLE edit_flow_add(struct edited *edited, struct span *owner, struct str keys,
                       struct splice *ret);

/* The same of TOML's tables and Python's modules and classes, whose values are found by the places
 * of their keys. */
struct span *edit_table_child(struct edited *edited, const struct doc_node *node);
FALLIBLE edit_table_remove(struct edited *edited, const struct doc_node *owner,
                           const struct span *item, struct splice *ret);
FALLIBLE edit_table_add(struct edited *edited, const struct edit_path *path,
                        const struct span *owner, struct str keys, struct splice *ret);

/* Values and keys in the language of the file. What it can't hold is an ERROR_PROJECT. */
FALLIBLE edit_print_value(struct edited *edited, const struct doc_node *value, struct buf *out);
FALLIBLE edit_print_key(struct edited *edited, struct str key, struct buf *out);

/* The value below the maps that all but the first of the dotted keys name: "a.b" and 1 give
 * {b: 1}. */
FALLIBLE edit_print_below(struct edited *edited, struct str keys, struct buf *out);

/* The part of dotted keys before the first dot, and the rest. */
struct str edit_first_key(struct str keys, struct str *ret_rest);
