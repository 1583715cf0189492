/* Documents: YAML (and, by codec/json, JSON) as a tree of nodes that know their place in the file.
 * YAML goes through libyaml's event interface; scalars are resolved by a table per dialect.
 * Refused with a position: duplicate keys (both places named), alias cycles, unknown tags, NUL, bad
 * UTF-8, more than one document, depth or size above a named limit, git conflict markers, tabs as
 * indentation (said so). Aliases are expanded by copying; `<<` merges. */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/str.h"

enum doc_kind {
    DOC_NULL,
    DOC_BOOL,
    DOC_INT,    /* fits int64 */
    DOC_BIGINT, /* an integer that does not; only `text` */
    DOC_REAL,
    DOC_STR,
    DOC_LIST,
    DOC_MAP,
};

struct doc;

struct doc_node {
    enum doc_kind kind;
    int line;       /* from 1 */
    int column;     /* from 1, in code points */
    bool is_quoted; /* a scalar in quotes or a block: always DOC_STR */
    const struct doc *doc;
    struct str text; /* a scalar's decoded text; of a number its source text */
    union {
        bool truth;
        int64_t integer;
        double real;
        size_t count; /* children of a list or map */
    };
    struct doc_node *first; /* children in order of the file */
    struct doc_node *next;  /* sibling */
    struct doc_node *key;   /* of a map's child: its key (a scalar) */
};

enum doc_dialect {
    DOC_NATIVE, /* YAML 1.2 core schema */
    DOC_DVC,    /* the scalar table of DVC's reader: also 1_000 and 0b101 */
};

struct doc_place; /* private: where the last excerpt was found; a document is not shared by threads
                   */

struct doc_index;

struct doc {
    struct str name;  /* of the file, as messages show it; NUL-terminated */
    struct str bytes; /* without a byte order mark */
    enum doc_dialect dialect;
    struct doc_node *root; /* never NULL after a successful parse; DOC_NULL if empty */
    bool is_empty;         /* no document at all (blank or comments only) */
    struct doc_place *place;
    struct doc_index *index; /* private: keys of large maps; NULL: there is none */
};

struct doc_options {
    enum doc_dialect dialect;
    int64_t bytes_most;  /* 0: LIMIT_DOCUMENT_BYTES */
    int64_t nodes_most;  /* 0: LIMIT_DOCUMENT_NODES */
    bool refuse_anchors; /* lock files */
    bool huge_is_text;   /* a number beyond the range of doubles is text (its place decides), not an
                            error */
};

/* `name` and `bytes` must live as long as the arena. Several independent errors come as one list.
 */
FALLIBLE doc_parse(struct arena *arena, struct str name, struct str bytes,
                   const struct doc_options *options, struct doc **ret);

/* An ERROR_PROJECT error at a node, with its line as excerpt. */
FALLIBLE doc_error(const struct doc_node *node, const char *format, ...) PRINTF_LIKE(2, 3);

/* The same at an arbitrary byte of the document (line and column are computed). */
FALLIBLE doc_error_at(const struct doc *doc, size_t offset, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Value of `key` in a map, or NULL (also if `map` is no map). A large map that is asked again and
 * again gets an index, in the arena of its document; no child of a map may be exchanged for another
 * after it was asked (adding and removing are noticed). */
struct doc_node *doc_find(const struct doc_node *map, struct str key);

/* Follows a dotted path; a part that is a number also indexes lists (negative from the end). A key
 * that itself holds the dots is found first. NULL if there is nothing. */
struct doc_node *doc_find_path(const struct doc_node *node, struct str dotted);

/* "a mapping", "a list", "a string", "an integer", "a number", "true or false", "nothing". */
const char *doc_kind_name(enum doc_kind kind);

/* Appends the node's value (not its place or text) in the canonical encoding; maps by key bytes. */
struct buf;
void doc_encode(const struct doc_node *node, struct arena *scratch, struct buf *out);

/* Short text of a value for tables and messages: scalars as in the file, others as compact JSON. */
struct str doc_show(struct arena *arena, const struct doc_node *node);

/* A string as a YAML scalar that reads back as the same string: plain where that is obvious, else
 * in double quotes. False if YAML can't hold it (NUL, no UTF-8): then nothing was added. */
bool doc_add_text(struct buf *out, struct str text);
bool doc_add_quoted(struct buf *out, struct str text);

/* Bytes as lower-case hex digits, and back (false: an odd number of them, or something else). */
void doc_add_hex(struct buf *out, struct str bytes);
bool doc_hex_parse(struct arena *arena, struct str hex, struct str *ret);
