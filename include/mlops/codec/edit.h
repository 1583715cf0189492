/* Changing one value of a file of parameters without touching the rest of its bytes: comments,
 * quotes, order, indentation and line ends stay. YAML (block and flow style), JSON, TOML and
 * Python's literals, by the file's name as codec/load tells them apart. */
#pragma once

#include "mlops/codec/doc.h"

enum edit_action {
    EDIT_SET, /* the key is there: its value becomes another */
    EDIT_ADD, /* the key is not there: it is made, with the maps above it; at the end of a list */
    EDIT_REMOVE, /* the key goes, with its line */
};

/* `key`: dotted; a part that is a number indexes lists (negative from the end), as in
 * doc_find_path. `value`: a YAML flow value ("0.1", "[1, 2]", "{a: 1}", "null"), typed by the
 * dialect as in a params file and written in the file's own language. */
struct edit {
    enum edit_action action;
    struct str key, value;
    const struct doc_node *node; /* instead of `value`: of another text of the same file, whose
                                    spelling of a number is taken over */
};

/* The file's bytes with one change. What was read back from the result is compared with what was
 * meant, so a text that can't be edited safely (a value that aliases stand for elsewhere, one
 * inside of what an alias stands for, a table as a whole) is an ERROR_PROJECT at its place, never a
 * wrong file. An alias itself is replaced; a key that came by `<<` gets a line of its own. Setting
 * a key that is not there, or adding one that is, is an error with the nearest name. Numbers of
 * YAML are written so that readers of YAML 1.1 (PyYAML) see numbers, too: 1e-3 as 1.0e-3. */
FALLIBLE edit_apply(struct arena *arena, struct str name, struct str bytes,
                    enum doc_dialect dialect, const struct edit *edit, struct str *ret);

/* What a YAML flow value means. Empty text is null; several values, a mapping without braces,
 * anchors, comments and line breaks are an ERROR_USAGE that says what is wrong. */
FALLIBLE edit_value(struct arena *arena, struct str text, enum doc_dialect dialect,
                    struct doc_node **ret);

/* The dotted key of a document that looks most like `key`, or ends with it; empty: none does. */
struct str edit_nearest(struct arena *arena, const struct doc_node *root, struct str key);
