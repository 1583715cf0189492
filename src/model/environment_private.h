/* Shared by the files of module environment: its fields as a table. */
#pragma once

#include "mlops/model/environment.h"

enum environment_field_kind {
    FIELD_TEXT,   /* struct str */
    FIELD_AMOUNT, /* int64_t */
    FIELD_ITEMS,  /* struct environment_items */
};

struct environment_field {
    const char *name; /* in bytes and JSON */
    enum environment_field_kind kind;
    size_t offset;
    const char *section; /* in differences */
    const char *label;   /* of a single value in differences */
    bool is_in_first;    /* in "mlops.environment.1" */
};

const struct environment_field *environment_fields(size_t *ret_count);
const void *environment_value(const struct environment *environment,
                              const struct environment_field *field);
