/* Field tables: bind a mapping of a document to a struct, tell unknown keys with the nearest known
 * one, wrong kinds with what was found, and print the reference documentation. Adding a YAML field
 * touches one struct member, one row, one case file. */
#pragma once

#include "mlops/codec/doc.h"

struct buf;

enum field_kind {
    FIELD_STR,      /* struct str; see FIELD_PLAIN */
    FIELD_BOOL,     /* bool */
    FIELD_INT,      /* int64_t, within least..most */
    FIELD_DURATION, /* int64_t nanoseconds: 30s, 1.5m, 2h, or plain seconds */
    FIELD_BYTES,    /* int64_t: 4GiB, 500MB, or plain bytes */
    FIELD_CHOICE,   /* int, index into `choices` */
    FIELD_NODE,     /* const struct doc_node *, as it stands */
    FIELD_BIND,     /* `bind` does it */
};

struct binder {
    struct arena *arena;
    struct error_list *errors; /* what is wrong is added here; binding goes on */
    void *context;             /* for FIELD_BIND functions */
    struct str where;          /* of the mapping being bound, for messages */
    bool takes_expressions;    /* a text that holds a `${...}` fits every field: it is not bound */
};

/* Adds an error at a node; makes none beyond LIMIT_ERRORS_TOLD. */
void binder_error(struct binder *binder, const struct doc_node *node, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Adds "'KEY' WHERE must be EXPECTED, found KIND": for FIELD_BIND functions. */
void binder_expected(struct binder *binder, const struct doc_node *node, const char *expected);

enum field_flag {
    FIELD_REQUIRED = 1,
    FIELD_NATIVE_ONLY = 2, /* refused in the dvc dialect with "rename the file to use this" */
    FIELD_DVC_ONLY = 4,
    FIELD_LATER = 8, /* known, refused until it is built: `help` says what to do instead */
    FIELD_GONE = 32 | FIELD_LATER, /* of earlier versions of DVC: refused, `help` as above */
    FIELD_PLAIN = 16, /* FIELD_STR: plain numbers and booleans are taken by their text */
};

struct field {
    const char *name;
    enum field_kind kind;
    size_t offset; /* offsetof in the target struct */
    unsigned flags;
    int64_t least, most;        /* FIELD_INT; both 0: any */
    const char *const *choices; /* FIELD_CHOICE, NULL-terminated */
    /* FIELD_BIND; `target` is the struct's start plus `offset`. */
    void (*bind)(struct binder *binder, const struct doc_node *node, void *target);
    const char *type;    /* for the reference and messages: "list of paths" */
    const char *initial; /* its default, for the reference; NULL: none */
    const char *help;    /* one sentence */
};

struct schema {
    const char *noun; /* for messages: "stage", "output" */
    const struct field *fields;
    size_t count;
    bool allows_x_keys; /* `x-*` keys are the user's */
};

/* Binds `map` to `target`. `where` (may be empty) completes messages: "in stage 'train'". A node
 * that is no mapping is an error itself. */
void schema_bind(struct binder *binder, const struct schema *schema, struct str where,
                 const struct doc_node *map, void *target);

/* The nearest of `names` within 1/3 of the length (at least 1, at most 3 edits), or NULL; of
 * equally near ones the first. */
const char *schema_suggest(struct str name, const char *const *names, size_t count);

/* A Markdown table of the fields but those of FIELD_LATER. */
void schema_print_reference(const struct schema *schema, struct buf *out);
