/* What the parts of data/tableschema share: one descriptor on its way to a schema. */
#pragma once

#include "mlops/base/vec.h"
#include "mlops/codec/schema.h"
#include "mlops/data/tableschema.h"

VEC(schema_warning_vec, struct schema_warning);

struct schema_binding {
    struct binder *binder;
    struct table_schema *schema;
    struct schema_warning_vec warnings;
    struct str where; /* "field 'age'", for messages */
};

/* A key of a mapping and what reads its value into `target`. */
struct schema_entry {
    const char *name;
    unsigned types; /* bit per enum field_type it belongs to; 0: all */
    void (*bind)(struct schema_binding *binding, const struct doc_node *node, void *target);
};

#define TYPE_BIT(type) (1U << (type))

/* Adds a warning at a node. */
void descriptor_warn(struct schema_binding *binding, const struct doc_node *node,
                     const char *format, ...) PRINTF_LIKE(3, 4);

/* The entry of that name, or NULL. */
const struct schema_entry *entry_find(const struct schema_entry *entries, size_t count,
                                      struct str name);

/* The known name that `name` nearly is, or NULL. */
const char *entry_suggest(const struct schema_entry *entries, size_t count, struct str name);

/* Values of usual kinds; what is of another is an error and leaves *ret alone. */
bool bind_text(struct schema_binding *binding, const struct doc_node *node, struct str *ret);
bool bind_truth(struct schema_binding *binding, const struct doc_node *node, bool *ret);
bool bind_texts(struct schema_binding *binding, const struct doc_node *node, struct text_list *ret);

/* A list of texts, or of mappings with a text as `value`. */
void bind_missing(struct schema_binding *binding, const struct doc_node *node,
                  struct text_list *ret);

void bind_field(struct schema_binding *binding, const struct doc_node *node,
                struct schema_field *field);

/* Whether a name is that of a constraint. */
bool is_constraint(struct str name);

/* `constraints` and `categories`, when type, format and options of the field are known. */
void bind_constraints(struct schema_binding *binding, const struct doc_node *node,
                      struct schema_field *field);
void bind_categories(struct schema_binding *binding, const struct doc_node *node,
                     struct schema_field *field);

/* Bounds and listed values are values of the field; the pattern compiles. */
void check_constraints(struct schema_binding *binding, const struct schema_field *field);

/* primaryKey, uniqueKeys and foreignKeys, when the fields are known. */
void bind_keys(struct schema_binding *binding, const struct doc_node *node);

/* A JSON text of the node, in the arena. */
struct str node_json(struct arena *arena, const struct doc_node *node);
