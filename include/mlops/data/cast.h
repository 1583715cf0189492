/* Cells to typed values, a column of a batch at a time, and the other way: which type a cell could
 * be. The lexical rules are those of Table Schema v2; where Python's habits differ from the
 * standard (blanks around numbers, "1_000", lenient base64, "2000-1-1") the standard holds. Years
 * have four digits, as in every other reader of the standard, although XSD allows more. */
#pragma once

#include "mlops/data/table.h"
#include "mlops/data/tableschema.h"

enum value_state {
    VALUE_VALID,
    VALUE_NULL,    /* one of missingValues, or null */
    VALUE_MISSING, /* no such cell */
    VALUE_BAD,     /* not of the type */
};

/* Where integers stop fitting int64, `integers` holds INT64_MAX or INT64_MIN and the state stays
 * VALUE_VALID: compare texts then (cast_compare does). */
struct column_data {
    size_t count;
    uint8_t *states;   /* enum value_state */
    double *numbers;   /* of types with an order: number, integer, boolean (0, 1), date (days since
                        * 1970), time (seconds), datetime (seconds since 1970, UTC if it has no zone),
                        * year, yearmonth (months since 1970), duration (seconds; 30.436875 days a
                        * month). NaN where the state is not VALUE_VALID */
    int64_t *integers; /* of TYPE_INTEGER; of the others undefined */
};

/* Room for batches of up to `record_cap` records; grows by itself in cast_column. */
struct column_room;
FALLIBLE column_room_open(struct column_room **ret);
void column_room_drop(struct column_room **room);

/* A field made ready for casting: missing values by length, its format's pattern checked. Shared by
 * threads; all of it lies in the arena, beside the field and what the schema points to. */
struct caster;
FALLIBLE caster_open(struct arena *arena, const struct table_schema *schema,
                     const struct schema_field *field, struct caster **ret);
void caster_drop(struct caster **caster);

/* Casts column `column` of the batch. What it points to stays valid until the room's next use. */
void cast_column(const struct caster *caster, const struct record_batch *batch, size_t column,
                 struct column_room *room, struct column_data *ret);

/* One cell: for tests, bounds and enum values. `ret_number` may be NULL. */
enum value_state cast_text(const struct caster *caster, struct str text, double *ret_number);

/* <0, 0, >0 of two valid texts of an ordered type; exact for integers of any length and decimals.
 * NaN stands behind all numbers. */
int cast_compare(const struct caster *caster, struct str a, struct str b);

/* Appends an injective encoding of a cell's logical value, so that equal values have equal bytes
 * ("1", "01" and "1.0" of a number, "1" of an integer): for enum, unique and keys. It ends by
 * itself: those of several cells may stand in a row. What is missing or null has one encoding of
 * its own; a cell that is not valid has none. */
struct buf;
void cast_encode(const struct caster *caster, const struct record_batch *batch,
                 const struct raw_cell *cell, struct buf *out);

/* The same of a text: of values that constraints name. */
void cast_encode_text(const struct caster *caster, struct str text, struct buf *out);

/* The narrowest class of a cell without a schema. Classes are disjoint. */
enum value_class {
    CLASS_NULL, /* missing, null, or one of the usual words: "", NA, N/A, NaN, nan, null, NULL,
                   None, - */
    CLASS_INTEGER,
    CLASS_REAL,
    CLASS_BOOLEAN,  /* true, false, in the spellings of the standard, but not 1 and 0 */
    CLASS_DATE,     /* yyyy-mm-dd */
    CLASS_DATETIME, /* ISO 8601 date and time, `T` or a blank between, seconds and zone if there */
    CLASS_TIME,     /* hh:mm:ss */
    CLASS_JSON,     /* arrays and objects of JSON files */
    CLASS_TEXT,
    CLASS_COUNT,
};

/* Classifies a column: states hold enum value_class, numbers the value of all but NULL, JSON, TEXT.
 * `hint` is what most cells are likely to be: it makes it fast, never different. */
void classify_column(const struct record_batch *batch, size_t column, enum value_class hint,
                     struct column_room *room, struct column_data *ret);
