/* What the readers of TOML's tables and of its values share. */
#pragma once

#include "mlops/base/buf.h"
#include "mlops/base/map.h"
#include "mlops/codec/toml.h"

#include "cursor_private.h"
#include "doc_private.h"

/* What a key stands for so far: TOML lets tables grow by some ways and not by others. */
struct toml_table {
    struct doc_node *node;
    struct doc_node *last;     /* child */
    struct toml_table *newest; /* of a list of tables */
    int depth;                 /* of the node; the root's is 0 */
    unsigned dotted_in;        /* the section whose dotted keys made it; 0: a header did */
    bool is_declared;          /* by a header of its own */
    bool is_closed;            /* a value: nothing is added from outside */
};

/* Where keys go: a table, and the section or inline table that they stand in. */
struct toml_scope {
    struct toml_table *table;
    unsigned section;
};

struct toml_reader {
    struct doc_builder build;
    struct cursor cursor;
    struct map tables;     /* table and key -> struct toml_table */
    struct buf place;      /* room for a key of `tables` */
    unsigned section_last; /* sections are numbered from 1 */
};

enum { TOML_PARTS_MOST = DOC_OPEN_MOST };

/* a.b.c */
struct toml_key {
    struct doc_node *parts[TOML_PARTS_MOST];
    int count;
};

FALLIBLE toml_node(struct toml_reader *reader, enum doc_kind kind, struct doc_node **ret);

/* "X was expected, found 'c'" at the cursor. */
FALLIBLE toml_unexpected(struct toml_reader *reader, const char *expected);

void toml_skip_blanks(struct toml_reader *reader);

/* Blanks, breaks and comments. */
FALLIBLE toml_skip_lines(struct toml_reader *reader);

/* `key = value` into the scope; a key that is taken is told, its value dropped. */
FALLIBLE toml_read_pair(struct toml_reader *reader, const struct toml_scope *scope);

/* Recursion is bounded by LIMIT_DOCUMENT_DEPTH: `depth` is that of the value. */
FALLIBLE toml_read_value(struct toml_reader *reader, int depth, struct doc_node **ret);

/* A string in any of the four forms; a key is of one line. */
FALLIBLE toml_read_string(struct toml_reader *reader, bool is_key, struct doc_node **ret);

/* Number, truth value, date or time. */
FALLIBLE toml_read_plain(struct toml_reader *reader, struct doc_node **ret);

/* Length of the date or time that is the whole text; false if it is none, or an impossible one. */
bool toml_is_moment(struct str text);
