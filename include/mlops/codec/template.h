/* Expressions in texts: `${models.resnet.lr}`. The grammar is DVC's, to the letter
 * (iterative/dvc 3.x, dvc/parsing/interpolate.py): an expression is a `${` that no backslash stands
 * before, the shortest run without newline, and `}`; inside a word, then any of `.word` and
 * `[word]`. What looks otherwise is the text's own: `${a` unclosed, `$x`, `$(...)`; `\${` loses its
 * backslash. Pure text: what an expression stands for, its reader decides. */
#pragma once

#include "mlops/codec/doc.h"

struct buf;

/* A run of the text as it stands, or an expression. */
struct template_piece {
    struct str text; /* of an expression what stands between the braces */
    bool is_expression;
    struct str *words; /* without the blanks around them; brackets mean the same as a dot */
    size_t word_count;
    struct str shown; /* its words joined by dots, as messages quote it */
};

struct template
{
    const struct doc_node *node; /* the scalar or key it was read from */
    struct template_piece *pieces;
    size_t count;
    bool is_whole; /* one expression and nothing else: its value keeps its type */
};

/* Whether a text holds an expression; whether it could hold one or an escaped one. */
bool template_has_expression(struct str text);
bool template_is_possible(struct str text);

/* Reads node->text. Errors (ERROR_PROJECT) point at what is wrong inside the expression. */
FALLIBLE template_parse(struct arena *arena, const struct doc_node *node, struct template *ret);

/* An error at a piece of the template, where it stands in the file (at the scalar, if it was put
 * together from escapes or aliases). */
FALLIBLE template_error(const struct template *from, const struct template_piece *piece,
                        const char *format, ...) PRINTF_LIKE(3, 4);

/* Appends `\${` -> `${`. */
void template_add_unescaped(struct buf *out, struct str text);

/* Appends a scalar as an expression inside a longer text gives it: true, None, 7 for 007, reals as
 * Python's repr does (the shortest text that reads back equal). A list or map adds nothing. */
void template_add_text(struct buf *out, const struct doc_node *scalar, struct arena *scratch);

/* The same as a new text; of a string that of the node itself. */
struct str template_text(struct arena *arena, const struct doc_node *scalar);

struct template_arguments {
    bool bool_is_optional; /* `--no-k` for false; else nothing */
    bool list_appends;     /* `--k a --k b`; else `--k a b` */
};

/* Appends a map as arguments of a command: `--k v --deep.k v`, texts quoted for a POSIX shell.
 * NULL, or the child that is a list inside a list or a map inside one. */
const struct doc_node *template_add_arguments(struct buf *out, const struct doc_node *map,
                                              const struct template_arguments *options,
                                              struct arena *scratch);
