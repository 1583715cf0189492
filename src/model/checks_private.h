/* What the files of the module share. */
#pragma once

#include "mlops/model/checks.h"

extern const char *const check_names[CHECK_KIND_COUNT + 1]; /* NULL behind the last */
extern const struct schema check_schema_table, check_schema_reference, check_schema_item;
extern const struct schema check_kind_schemas[CHECK_KIND_COUNT];

/* Targets of the smaller field tables. */
struct draft_table {
    const struct doc_node *path, *schema, *dialect;
};

struct draft_reference {
    const struct doc_node *path;
    struct str rev, table, run;
};

/* For FIELD_BIND; what they are given is the member of struct check_rule. */
void check_bind_amount(struct binder *binder, const struct doc_node *node, void *target);
void check_bind_change(struct binder *binder, const struct doc_node *node, void *target);
void check_bind_share(struct binder *binder, const struct doc_node *node, void *target);
void check_bind_texts(struct binder *binder, const struct doc_node *node, void *target);
void check_bind_bound(struct binder *binder, const struct doc_node *node, void *target);
void check_bind_reference(struct binder *binder, const struct doc_node *node, void *target);
void check_bind_drift_method(struct binder *binder, const struct doc_node *node, void *target);
void check_bind_outlier_method(struct binder *binder, const struct doc_node *node, void *target);

/* One item of `checks`: {kind: {keys}}. False: told. Paths of references are as written. */
bool check_bind(struct binder *binder, const struct doc_node *item, struct check_rule *ret);
