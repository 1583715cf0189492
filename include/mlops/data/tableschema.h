/* Frictionless Table Schema v2 (datapackage.org/standard/table-schema) as plain values: reading
 * descriptors (JSON or YAML, a file or inline), checking them, writing them. v1 descriptors are
 * read as v2 says (a string primaryKey, `resource: ""`). */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/str.h"

struct arena;
struct binder;
struct doc_node;
struct json_writer;

enum field_type {
    TYPE_ANY, /* the default */
    TYPE_STRING,
    TYPE_NUMBER,
    TYPE_INTEGER,
    TYPE_BOOLEAN,
    TYPE_OBJECT,
    TYPE_ARRAY,
    TYPE_LIST,
    TYPE_DATETIME,
    TYPE_DATE,
    TYPE_TIME,
    TYPE_YEAR,
    TYPE_YEARMONTH,
    TYPE_DURATION,
    TYPE_GEOPOINT,
    TYPE_GEOJSON,
    TYPE_COUNT,
};

const char *field_type_name(enum field_type type);

enum field_format {
    FORMAT_DEFAULT,
    FORMAT_EMAIL, /* string */
    FORMAT_URI,
    FORMAT_BINARY,
    FORMAT_UUID,
    FORMAT_ANY,     /* date, time, datetime */
    FORMAT_PATTERN, /* date, time, datetime: a strptime pattern, `pattern_text` */
    FORMAT_ARRAY,   /* geopoint */
    FORMAT_OBJECT,
    FORMAT_TOPOJSON, /* geojson */
};

struct text_list {
    const struct str *at;
    size_t len;
};

/* A value a constraint names, as a cell of the field would be written: a number with the field's
 * decimal character, a boolean by its first word, a list or mapping as JSON. */
struct constraint_value {
    bool is_given;
    bool is_text; /* a string in the descriptor */
    struct str text;
};

struct constraint_values {
    bool is_given;
    const struct constraint_value *at;
    size_t len;
};

struct schema_field {
    struct str name;
    enum field_type type;
    enum field_format format;
    struct str format_text; /* as in the descriptor, "default" if none */
    struct str title, description;
    const struct doc_node *node; /* its descriptor, for places and for what is only passed on */

    /* options of types; zero: the default */
    struct str decimal_char, group_char;
    bool bare_number;        /* true by default */
    bool has_boolean_values; /* true_values, false_values replace the defaults */
    struct text_list true_values, false_values;
    struct str delimiter;      /* list: "," */
    enum field_type item_type; /* list: TYPE_STRING */
    bool has_missing_values;   /* its own replace the schema's */
    struct text_list missing_values;
    struct constraint_values categories; /* acts as an enum */

    bool required, unique;
    bool has_min_length, has_max_length;
    int64_t min_length, max_length; /* code points; items of arrays, members of objects */
    struct constraint_value minimum, maximum, exclusive_minimum, exclusive_maximum;
    struct str pattern; /* XSD: the whole value */
    bool has_pattern;
    struct constraint_values allowed;   /* enum */
    const struct doc_node *json_schema; /* NULL: none */
};

enum fields_match { MATCH_EXACT, MATCH_EQUAL, MATCH_SUBSET, MATCH_SUPERSET, MATCH_PARTIAL };

/* Fields of a key, as indexes into the schema's fields. */
struct schema_key {
    const size_t *fields;
    size_t len;
};

struct foreign_key {
    struct schema_key own;
    struct str resource;      /* empty: this table */
    struct text_list foreign; /* names of the fields there */
    const struct doc_node *node;
};

/* What is legal but hardly meant: a near miss of a known key, a name used twice, an option the type
 * does not have. For people; show it with doc_error(node, ...) or the like. */
struct schema_warning {
    const struct doc_node *node;
    struct str text;
};

struct table_schema {
    struct str name; /* of the file it came from, or where it stands */
    const struct schema_field *fields;
    size_t field_count;
    enum fields_match match;
    struct text_list missing_values; /* {""} by default */
    struct schema_key primary_key;   /* len 0: none */
    const struct schema_key *unique_keys;
    size_t unique_key_count;
    const struct foreign_key *foreign_keys;
    size_t foreign_key_count;
    const struct schema_warning *warnings; /* in order of the descriptor */
    size_t warning_count;
    const struct doc_node *node; /* NULL: not from a descriptor */
};

/* Binds a descriptor; every independent fault is added to the binder's errors with its place: an
 * unknown type, a constraint the type does not support, a bound or enum value that is no value of
 * the type, keys that name no field, `required` outside `constraints` (said so), a pattern PCRE2
 * refuses (with its own words and offset). Unknown keys pass, as the standard says, but for near
 * misses of known ones, which are errors, in field descriptors warnings: published schemas that
 * others accept have them. So is a name that several fields share, which the standard allows. */
void tableschema_bind(struct binder *binder, const struct doc_node *node, struct table_schema *ret);

/* Reads a descriptor: a Table Schema, or a Data Resource or Data Package holding one (`schema`; of
 * a package the resource whose path or name is `resource`). ERROR_PROJECT. */
FALLIBLE tableschema_load(struct arena *arena, int at_fd, struct str path, struct str resource,
                          struct table_schema *ret);

/* Writes it as a descriptor (what is at its default is left out). */
void tableschema_write(struct json_writer *json, const struct table_schema *schema);

/* The same where the schema must stand in that very file: what is recorded as read is all that was
 * read. */
FALLIBLE tableschema_load_here(struct arena *arena, int at_fd, struct str path, struct str resource,
                               struct table_schema *ret);

/* Which field a name is, or -1. */
ptrdiff_t tableschema_find(const struct table_schema *schema, struct str name);

/* A pattern of XML Schema in the syntax of PCRE2: compile it with PCRE2_UTF | PCRE2_UCP and match
 * it with PCRE2_ANCHORED | PCRE2_ENDANCHORED, for the whole value must match. */
struct str tableschema_pattern(struct arena *arena, struct str pattern);
