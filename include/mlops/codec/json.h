/* JSON (RFC 8259), strict: NaN and Infinity, trailing commas, duplicate names, lone surrogates, NUL
 * in names and depth above LIMIT_DOCUMENT_DEPTH are refused with a position. Integers outside int64
 * keep their text (DOC_BIGINT); a number that overflows a double is an error. No recursion. */
#pragma once

#include "mlops/codec/doc.h"

struct buf;

/* `name` and `bytes` must live as long as the arena. */
FALLIBLE json_parse(struct arena *arena, struct str name, struct str bytes, struct doc **ret);

/* The same by the grammar alone: duplicate names (doc_find gives the first) and NUL in names pass.
 * For other people's files that need no more than to be read. */
FALLIBLE json_parse_lenient(struct arena *arena, struct str name, struct str bytes,
                            struct doc **ret);

/* A writer that puts commas, quotes and escapes; output is deterministic and, if `indent`, pretty
 * (2 blanks). Calls must nest properly (checked), at most 128 deep. Zero plus `out` is ready to
 * use. */
struct json_writer {
    struct buf *out;
    bool indent;
    int depth;
    bool needs_comma;
    bool after_name;
    uint64_t object_bits[2]; /* which of the open levels are objects */
};

void json_open_object(struct json_writer *json);
void json_close_object(struct json_writer *json);
void json_open_list(struct json_writer *json);
void json_close_list(struct json_writer *json);
void json_name(struct json_writer *json, const char *name);
void json_name_str(struct json_writer *json, struct str name);
void json_null(struct json_writer *json);
void json_bool(struct json_writer *json, bool value);
void json_int(struct json_writer *json, int64_t value);

/* Shortest text that reads back equal; NaN and infinities become null. */
void json_real(struct json_writer *json, double value);

/* Bytes that are not UTF-8 become U+FFFD; control, bidi and zero-width characters are escaped. */
void json_str(struct json_writer *json, struct str value);
void json_text(struct json_writer *json, const char *value); /* NULL writes null */

/* Text that is already JSON. */
void json_raw(struct json_writer *json, struct str value);

/* A document's value (numbers by their source text where that is JSON). */
void json_node(struct json_writer *json, const struct doc_node *node);
