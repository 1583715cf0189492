/* Elements of the schema: types of Parquet, and what they are in Table Schema. */
#include "parquet_private.h"

static const struct {
    enum parquet_logical logical;
    int64_t unit, bits;
    bool is_unsigned;
} converted[] = {
    {LOGICAL_STRING, 0, 0, false},
    {LOGICAL_MAP, 0, 0, false},
    {LOGICAL_MAP, 0, 0, false},
    {LOGICAL_LIST, 0, 0, false},
    {LOGICAL_ENUM, 0, 0, false},
    {LOGICAL_DECIMAL, 0, 0, false},
    {LOGICAL_DATE, 0, 0, false},
    {LOGICAL_TIME, 1000, 0, false},
    {LOGICAL_TIME, 1000000, 0, false},
    {LOGICAL_TIMESTAMP, 1000, 0, false},
    {LOGICAL_TIMESTAMP, 1000000, 0, false},
    {LOGICAL_INTEGER, 0, 8, true},
    {LOGICAL_INTEGER, 0, 16, true},
    {LOGICAL_INTEGER, 0, 32, true},
    {LOGICAL_INTEGER, 0, 64, true},
    {LOGICAL_INTEGER, 0, 8, false},
    {LOGICAL_INTEGER, 0, 16, false},
    {LOGICAL_INTEGER, 0, 32, false},
    {LOGICAL_INTEGER, 0, 64, false},
    {LOGICAL_JSON, 0, 0, false},
    {LOGICAL_BSON, 0, 0, false},
    {LOGICAL_INTERVAL, 0, 0, false},
};

static void read_converted(struct thrift *in, enum thrift_type type, struct parquet_kind *kind)
{
    int64_t value = thrift_int(in, type);
    if (value < 0 || (uint64_t)value >= COUNT_OF(converted) || kind->logical != LOGICAL_NONE)
        return; /* the logical type says more */
    kind->logical = converted[value].logical;
    kind->unit = converted[value].unit;
    kind->bits = converted[value].bits;
    kind->is_signed = !converted[value].is_unsigned;
    kind->has_zone = kind->logical == LOGICAL_TIMESTAMP;
}

/* A union of empty structures: which one it is. */
static int64_t read_unit(struct thrift *in, enum thrift_type type)
{
    static const int64_t units[] = {1, 1000, 1000000, 1000000000};
    struct thrift_field field = {0};
    int64_t unit = 1;
    if (!thrift_is_struct(in, type))
        return unit;
    while (thrift_next(in, &field)) {
        if (field.id >= 1 && field.id <= 3)
            unit = units[field.id];
        thrift_skip(in, field.type);
    }
    return unit;
}

/* The structure of one logical type: its two fields mean what the type says. */
static void read_parameters(struct thrift *in, struct parquet_kind *kind)
{
    struct thrift_field field = {0};
    while (thrift_next(in, &field)) {
        bool is_time = kind->logical == LOGICAL_TIME || kind->logical == LOGICAL_TIMESTAMP;
        if (is_time && field.id == 1)
            kind->has_zone = thrift_bool(in, field.type);
        else if (is_time && field.id == 2)
            kind->unit = read_unit(in, field.type);
        else if (kind->logical == LOGICAL_DECIMAL && field.id == 1)
            kind->scale = thrift_int(in, field.type);
        else if (kind->logical == LOGICAL_INTEGER && field.id == 1)
            kind->bits = thrift_int(in, field.type);
        else if (kind->logical == LOGICAL_INTEGER && field.id == 2)
            kind->is_signed = thrift_bool(in, field.type);
        else
            thrift_skip(in, field.type);
    }
}

static void read_logical(struct thrift *in, enum thrift_type type, struct parquet_kind *kind)
{
    static const enum parquet_logical ids[] = {
        LOGICAL_NONE,      LOGICAL_STRING,   LOGICAL_MAP,     LOGICAL_LIST,
        LOGICAL_ENUM,      LOGICAL_DECIMAL,  LOGICAL_DATE,    LOGICAL_TIME,
        LOGICAL_TIMESTAMP, LOGICAL_INTERVAL, LOGICAL_INTEGER, LOGICAL_NULL,
        LOGICAL_JSON,      LOGICAL_BSON,     LOGICAL_UUID,    LOGICAL_FLOAT16,
    };
    struct thrift_field field = {0};
    if (!thrift_is_struct(in, type))
        return;
    while (thrift_next(in, &field)) {
        bool is_known = field.id >= 1 && (uint64_t)field.id < COUNT_OF(ids);
        kind->logical = is_known ? ids[field.id] : LOGICAL_OTHER;
        if (thrift_is_struct(in, field.type))
            read_parameters(in, kind);
    }
}

static void read_physical(struct thrift *in, enum thrift_type type, struct parquet_element *element)
{
    int64_t value = thrift_int(in, type);
    if (value < 0 || value >= PHYSICAL_COUNT)
        thrift_fail(in, "a column has an unknown type");
    else
        element->kind.physical = (enum parquet_physical)value;
    element->has_type = true;
}

void parquet_read_element(struct thrift *in, struct parquet_element *element)
{
    struct thrift_field field = {0};
    *element = (struct parquet_element){.kind.is_signed = true};
    while (thrift_next(in, &field)) {
        if (field.id == 1)
            read_physical(in, field.type, element);
        else if (field.id == 3)
            element->repetition = thrift_int(in, field.type);
        else if (field.id == 4)
            element->name = thrift_binary(in, field.type);
        else if (field.id == 5)
            element->child_count = thrift_int(in, field.type);
        else if (field.id == 6)
            read_converted(in, field.type, &element->kind);
        else if (field.id == 7)
            element->kind.scale = thrift_int(in, field.type);
        else if (field.id == 10)
            read_logical(in, field.type, &element->kind);
        else
            thrift_skip(in, field.type);
    }
    if (element->kind.scale < 0 || element->kind.scale > 76)
        thrift_fail(in, "a decimal has an impossible scale");
}

const char *parquet_physical_name(enum parquet_physical physical)
{
    static const char *const names[PHYSICAL_COUNT] = {
        "BOOLEAN", "INT32",  "INT64",      "INT96",
        "FLOAT",   "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"};
    return names[physical];
}

struct str parquet_logical_text(struct arena *arena, const struct parquet_kind *kind)
{
    static const char *const names[] = {
        "",         "STRING", "MAP",  "LIST", "ENUM", "DECIMAL", "DATE",    "TIME", "TIMESTAMP",
        "INTERVAL", "INT",    "NULL", "JSON", "BSON", "UUID",    "FLOAT16", "OTHER"};
    const char *name = names[kind->logical];
    if (kind->logical == LOGICAL_TIME || kind->logical == LOGICAL_TIMESTAMP)
        return str_print(arena, "%s(%s)", name,
                         kind->unit == 1000      ? "MILLIS"
                         : kind->unit == 1000000 ? "MICROS"
                                                 : "NANOS");
    if (kind->logical == LOGICAL_DECIMAL)
        return str_print(arena, "%s(scale %lld)", name, (long long)kind->scale);
    if (kind->logical == LOGICAL_INTEGER)
        return str_print(arena, "%s%s(%lld)", kind->is_signed ? "" : "U", name,
                         (long long)kind->bits);
    return str_of(name);
}

static enum field_type physical_type(enum parquet_physical physical)
{
    static const enum field_type types[PHYSICAL_COUNT] = {TYPE_BOOLEAN,  TYPE_INTEGER, TYPE_INTEGER,
                                                          TYPE_DATETIME, TYPE_NUMBER,  TYPE_NUMBER,
                                                          TYPE_STRING,   TYPE_STRING};
    return types[physical];
}

enum field_type parquet_type(const struct parquet_kind *kind)
{
    switch (kind->logical) {
    case LOGICAL_STRING:
    case LOGICAL_ENUM:
    case LOGICAL_UUID:
        return TYPE_STRING;
    case LOGICAL_MAP:
    case LOGICAL_BSON:
        return TYPE_OBJECT;
    case LOGICAL_LIST:
        return TYPE_ARRAY;
    case LOGICAL_DECIMAL:
    case LOGICAL_FLOAT16:
        return TYPE_NUMBER;
    case LOGICAL_DATE:
        return TYPE_DATE;
    case LOGICAL_TIME:
        return TYPE_TIME;
    case LOGICAL_TIMESTAMP:
        return TYPE_DATETIME;
    case LOGICAL_INTERVAL:
        return TYPE_DURATION;
    case LOGICAL_NULL:
    case LOGICAL_JSON:
    case LOGICAL_OTHER:
        return TYPE_ANY;
    case LOGICAL_NONE:
    case LOGICAL_INTEGER:
        break;
    }
    return physical_type(kind->physical);
}
