/* Building a tree of nodes: what the readers of YAML and JSON share. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/codec/doc.h"

enum { DOC_OPEN_MOST = 64 }; /* room for LIMIT_DOCUMENT_DEPTH, no constant expression in C17 */

/* The place found last, so that telling many errors in order stays linear. */
struct doc_place {
    int line;
    size_t offset; /* of its first byte */
};

struct doc_open {
    struct doc_node *node;
    struct doc_node *last; /* child */
    struct doc_node *key;  /* read, its value is still to come */
};

struct doc_builder {
    struct arena *arena;
    struct arena *scratch;
    struct doc *doc;
    struct error_list *errors;
    int64_t nodes_most;
    const char *nodes_limit; /* its name */
    bool allows_empty_keys;
    bool allows_duplicates;
    int64_t node_count;
    struct doc_node *spare; /* nodes allocated but not yet used */
    size_t spare_count;
    struct doc_open open[DOC_OPEN_MOST];
    int depth;
};

/* A document on `bytes`, its byte order mark passed over; root and is_empty are still to be set. */
struct doc *doc_make(struct arena *arena, struct str name, struct str bytes,
                     enum doc_dialect dialect);

/* An empty index of the document in this arena. */
struct doc_index *doc_index_make(struct arena *arena);

/* A new node, counted against the limit. */
FALLIBLE doc_build_node(struct doc_builder *builder, enum doc_kind kind, int line, int column,
                        struct doc_node **ret);

/* Puts a node where the next one belongs: root, item, key or value. */
FALLIBLE doc_build_attach(struct doc_builder *builder, struct doc_node *node);

/* What is attached from now on belongs into this list or map (attached already). */
FALLIBLE doc_build_open(struct doc_builder *builder, struct doc_node *node);

/* Ends the innermost list or map; of a map duplicate keys are told. */
struct doc_node *doc_build_close(struct doc_builder *builder);

/* Notes an error that does not stop the reading. */
void doc_build_fault(struct doc_builder *builder, const struct doc_node *node, const char *format,
                     ...) PRINTF_LIKE(3, 4);

/* The text of a line, without its end; the error at a place. */
struct str doc_line(const struct doc *doc, int line);
FALLIBLE doc_error_place(const struct doc *doc, int line, int column, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* Refuses a conflict marker of git that a reader passed over, in a text or in code. */
FALLIBLE doc_refuse_conflict(const struct doc *doc);

/* Refuses more bytes than `bytes_most`, the limit of that name. */
FALLIBLE doc_check_size(const struct doc *doc, int64_t bytes_most, const char *limit);

/* Place of the first byte that is not well-formed UTF-8, or -1. */
ptrdiff_t doc_find_bad_utf8(struct str bytes);

/* What a reader ends with: the noted errors and the one that stopped it (may be NULL) as one value;
 * if any, a git conflict marker comes instead of them. */
FALLIBLE doc_finish(const struct doc *doc, struct error_list *errors, struct error *last);

/* Reads an integer as int64 (kind DOC_INT), leaves it text (DOC_BIGINT) or says that it is none. */
bool doc_read_decimal(struct str digits, int64_t *ret);

/* The double nearest to a number in decimal form; false if it overflows. */
bool doc_read_real(struct arena *scratch, struct str text, double *ret);

enum doc_integer { DOC_INTEGER_NONE, DOC_INTEGER_FITS, DOC_INTEGER_HUGE };

/* An integer with or without sign in decimal, 0x, 0o or 0b; underscores are passed over. */
enum doc_integer doc_read_integer(struct str text, int64_t *ret);

/* Decides kind and value of a plain scalar from node->text; false if a real overflows. */
bool doc_resolve(struct doc_node *node, enum doc_dialect dialect, struct arena *scratch);

/* Decimal digits of an integer of any radix and size as canon wants them. */
struct str doc_bigint_digits(struct arena *arena, struct str text);
