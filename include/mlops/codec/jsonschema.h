/* JSON Schema (draft-07) out of field tables, for editors. A field whose kind says all (text,
 * number, choice...) needs nothing more; what others take says the shape that bears the name of
 * their `type`. */
#pragma once

#include "mlops/codec/schema.h"

struct buf;

enum shape_kind {
    SHAPE_ANYTHING,
    SHAPE_TEXT, /* in the native dialect plain numbers and truth values, too */
    SHAPE_BOOL,
    SHAPE_INT, /* within least..most */
    SHAPE_NUMBER,
    SHAPE_NOTHING,
    SHAPE_LIST,   /* of of[0] */
    SHAPE_MAP,    /* to of[0]; at least `least` entries */
    SHAPE_EITHER, /* any of `of`, in the native dialect also `native` */
    SHAPE_FIELDS, /* a mapping with these fields, but for those of `apart` */
    SHAPE_FORMS,  /* the same, or a mapping of those of `apart` and nothing else */
};

enum { SHAPE_CHOICES = 4 };

struct shape {
    const char *type; /* as in struct field */
    enum shape_kind kind;
    const char *of[SHAPE_CHOICES]; /* types; NULL behind the last */
    const char *native;
    int64_t least, most; /* both 0: any */
    const struct schema *fields;
    const char *needs;        /* a field that must be there although no flag says so */
    const char *or_native[2]; /* in the native dialect one of these may be there instead */
    const char *apart[2];     /* two fields that stand together and without all others */
    bool takes_no_expression; /* fields of the file's top: nothing is resolved there */
};

struct shape_table {
    const char *title;
    const char *root; /* type of the whole document */
    const struct shape *shapes;
    size_t count;
};

/* The shape of a type; NULL if there is none. */
const struct shape *shape_find(const struct shape_table *table, const char *type);

/* The whole schema, indented. In the native dialect a text with an expression, "${...}", may stand
 * for any field's value. A type without a shape is a programming error. */
void jsonschema_print(const struct shape_table *table, enum doc_dialect dialect, struct buf *out);
