/* What the readers of Python's lines and of its values share. */
#pragma once

#include "mlops/base/buf.h"
#include "mlops/codec/literal.h"

#include "cursor_private.h"
#include "doc_private.h"

/* Blocks within each other; what is left of LIMIT_DOCUMENT_DEPTH is for values. */
enum { LITERAL_BLOCKS_MOST = 24 };

struct literal_reader {
    struct doc_builder build;
    struct cursor cursor;
};

/* A string's prefix, quote and whether it is of several lines. */
struct literal_quote {
    char quote;
    bool is_raw;
    bool is_text; /* neither bytes nor to be formatted */
    bool is_long;
    size_t len; /* of prefix and quotes; 0: no string is ahead */
};

struct literal_quote literal_quote_ahead(const struct cursor *cursor);

/* Moves over a string of any kind. */
FALLIBLE literal_skip_string(struct literal_reader *reader);

FALLIBLE literal_node(struct literal_reader *reader, enum doc_kind kind, struct doc_node **ret);

/* Blanks and joined lines, and, within brackets, breaks and comments. */
void literal_skip_blanks(struct literal_reader *reader, bool in_brackets);

static inline bool literal_is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

/* Length of the name ahead, 0 if there is none. */
size_t literal_name_len(const struct cursor *cursor);

/* The value of an assignment, a list without brackets included; *ret NULL where it is no literal
 * (the cursor is anywhere then). */
FALLIBLE literal_read_value(struct literal_reader *reader, struct doc_node **ret);

/* Texts side by side become one; *ret NULL if one is bytes or to be formatted. */
FALLIBLE literal_read_text(struct literal_reader *reader, bool in_brackets, struct doc_node **ret);
