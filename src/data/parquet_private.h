/* Thrift's compact protocol, and what a footer holds before it becomes columns. */
#pragma once

#include "mlops/base/vec.h"
#include "mlops/data/parquet.h"

enum thrift_type {
    THRIFT_STOP,
    THRIFT_TRUE,
    THRIFT_FALSE,
    THRIFT_BYTE,
    THRIFT_I16,
    THRIFT_I32,
    THRIFT_I64,
    THRIFT_DOUBLE,
    THRIFT_BINARY,
    THRIFT_LIST,
    THRIFT_SET,
    THRIFT_MAP,
    THRIFT_STRUCT,
    THRIFT_UUID,
};

/* A reader whose first fault stays: from there on everything reads as empty. */
struct thrift {
    const unsigned char *start, *at, *end;
    const char *fault; /* NULL: none; static */
};

struct thrift_field {
    int64_t id; /* start with 0 */
    enum thrift_type type;
};

/* The next field of a struct; false behind the last one, or at a fault. */
bool thrift_next(struct thrift *in, struct thrift_field *field);
int64_t thrift_int(struct thrift *in, enum thrift_type type);
bool thrift_bool(struct thrift *in, enum thrift_type type);
struct str thrift_binary(struct thrift *in, enum thrift_type type);
/* Number of elements of a list; every one of them takes a byte at least. */
size_t thrift_list(struct thrift *in, enum thrift_type type, enum thrift_type *ret_element);
bool thrift_is_struct(struct thrift *in, enum thrift_type type);
void thrift_skip(struct thrift *in, enum thrift_type type);
void thrift_fail(struct thrift *in, const char *fault);

enum parquet_physical {
    PHYSICAL_BOOLEAN,
    PHYSICAL_INT32,
    PHYSICAL_INT64,
    PHYSICAL_INT96,
    PHYSICAL_FLOAT,
    PHYSICAL_DOUBLE,
    PHYSICAL_BYTES,
    PHYSICAL_FIXED,
    PHYSICAL_COUNT,
};

enum parquet_logical {
    LOGICAL_NONE,
    LOGICAL_STRING,
    LOGICAL_MAP,
    LOGICAL_LIST,
    LOGICAL_ENUM,
    LOGICAL_DECIMAL,
    LOGICAL_DATE,
    LOGICAL_TIME,
    LOGICAL_TIMESTAMP,
    LOGICAL_INTERVAL,
    LOGICAL_INTEGER,
    LOGICAL_NULL,
    LOGICAL_JSON,
    LOGICAL_BSON,
    LOGICAL_UUID,
    LOGICAL_FLOAT16,
    LOGICAL_OTHER,
};

struct parquet_kind {
    enum parquet_physical physical;
    enum parquet_logical logical;
    int64_t unit;   /* per second: of TIME and TIMESTAMP */
    int64_t scale;  /* of DECIMAL */
    int64_t bits;   /* of INTEGER */
    bool is_signed; /* of INTEGER; true for others */
    bool has_zone;  /* of TIMESTAMP: moments in UTC */
};

/* An element of the schema tree, which stands in the file in preorder. */
struct parquet_element {
    struct str name;
    struct parquet_kind kind;
    bool has_type;
    int64_t repetition; /* 0 required, 1 optional, 2 repeated */
    int64_t child_count;
};

void parquet_read_element(struct thrift *in, struct parquet_element *element);
struct str parquet_logical_text(struct arena *arena, const struct parquet_kind *kind);
enum field_type parquet_type(const struct parquet_kind *kind);
const char *parquet_physical_name(enum parquet_physical physical);

/* A column while the row groups are read. */
struct parquet_leaf {
    struct parquet_kind kind;
    size_t column;    /* in the table */
    bool is_part;     /* of a list or map: its statistics are not those of the column */
    bool lacks_nulls; /* a row group does not tell */
    bool lacks_bounds;
    bool has_bounds; /* a row group did */
    uint64_t null_count;
    struct str min, max; /* as stored */
};

VEC(parquet_column_vec, struct parquet_column);
VEC(parquet_leaf_vec, struct parquet_leaf);

struct parquet_reader {
    struct arena *arena;
    struct thrift in;
    struct parquet_column_vec columns;
    struct parquet_leaf_vec leaves;
    bool has_orders; /* min_value and max_value mean something */
    bool has_schema;
    int64_t row_count;
    uint64_t group_count;
    struct str created_by;
};

void parquet_read_schema(struct parquet_reader *reader, enum thrift_type type);
void parquet_read_groups(struct parquet_reader *reader, enum thrift_type type);

/* <0, 0, >0 of two stored values; false if one of them is none of the kind, or has no order. */
bool parquet_compare(const struct parquet_kind *kind, struct str a, struct str b, int *ret);
bool parquet_number(const struct parquet_kind *kind, struct str stored, double *ret);
struct str parquet_text(struct arena *arena, const struct parquet_kind *kind, struct str stored);

/* A schema against a footer: what was found so far. */
#define NO_COLUMN SIZE_MAX

VEC(group_vec, struct violation_group);
VEC(name_vec, struct str);

struct conforming {
    struct arena *arena;
    const struct table_schema *schema;
    const struct parquet *parquet;
    struct group_vec groups;
    struct name_vec unchecked;
    size_t *column_of; /* per field of the schema; NO_COLUMN: there is none */
};

/* Counts and shows a violation. */
void parquet_tell(struct conforming *conforming, const struct violation *violation,
                  struct str expected, uint64_t count);

/* Whether a field may hold no nulls: it is required, or part of the primary key. */
bool parquet_is_needed(const struct table_schema *schema, size_t field);

/* Finds `column_of`, tells what is wrong with the labels. */
void parquet_match_labels(struct conforming *conforming);
