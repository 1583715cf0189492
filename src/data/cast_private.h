/* What the parts of data/cast share: values taken apart, and how each type reads its cells. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/data/cast.h"

/* What a valid cell gives column_data. */
struct cast_value {
    double number;
    int64_t integer;
};

/* A decimal number: 0.DIGITS * 10^exponent, the digits being `whole` and then `fraction`, without
 * zeros at either end; zero has none. Borrows from the text. */
enum decimal_kind { DECIMAL_FINITE, DECIMAL_INFINITE, DECIMAL_NAN };

struct decimal {
    enum decimal_kind kind;
    bool is_negative;
    struct str whole, fraction;
    int64_t exponent;
};

/* A date, a time or both; what is not given is zero. `fraction`: digits behind the second, without
 * zeros at the end. */
struct cast_moment {
    int64_t days;    /* since 1970-01-01 */
    int64_t seconds; /* of the day, less the zone's offset */
    struct str fraction;
};

/* An XSD duration is a pair, exactly. */
struct cast_duration {
    bool is_negative;
    int64_t months, seconds;
    struct str fraction;
};

struct caster {
    const struct schema_field *field;
    enum field_type type;
    enum field_format format;
    struct text_list missing;
    uint64_t missing_lengths; /* bit n: one has n bytes; bit 63: 63 or more */
    struct str decimal_char, group_char;
    bool is_plain; /* numbers as in C: no group, ".", nothing around */
    struct text_list true_values, false_values;
    struct str delimiter;
    struct caster *item; /* of lists; in the arena, owns nothing */
    struct str pattern;  /* of strptime, checked */
    bool (*parse)(const struct caster *caster, struct arena *scratch, struct str text,
                  struct cast_value *ret);
};

struct column_room {
    struct arena scratch; /* empty between cells that need it */
    size_t cap;
    uint8_t *states;
    double *numbers;
    int64_t *integers;
};

/* Room for `count` records. */
void room_reserve(struct column_room *room, size_t count);

bool caster_is_missing(const struct caster *caster, struct str text);

/* A cell that is no text (JSON). */
enum value_state cast_raw(const struct caster *caster, struct arena *scratch, enum raw_kind kind,
                          struct str text, struct cast_value *ret);

/* cast_number.c: [+-]? digits with a point, E notation, NaN, INF, -INF in any case */
bool number_parse(struct str text, double *ret);
/* [+-]? digits of any number; beyond int64 the nearest end */
bool integer_parse(struct str text, struct cast_value *ret);
bool parse_number(const struct caster *caster, struct arena *scratch, struct str text,
                  struct cast_value *ret);
bool parse_integer(const struct caster *caster, struct arena *scratch, struct str text,
                   struct cast_value *ret);

/* cast_decimal.c */
bool decimal_read(struct str text, struct decimal *ret);
bool decimal_is_integral(const struct decimal *decimal);
int decimal_compare(const struct decimal *a, const struct decimal *b);
/* Seven bits a byte, the least first: keys of short cells stay short. */
void encode_count(struct buf *out, uint64_t value);

void decimal_encode(const struct decimal *decimal, struct buf *out);

/* A field's number as C writes it: without what surrounds it (bareNumber) and groups, with a point.
 * False if groups are misplaced. */
bool number_normalize(const struct caster *caster, struct arena *scratch, struct str text,
                      struct str *ret);

/* cast_moment.c: the forms of the standard */
int64_t days_of_date(int64_t year, int month, int day);
bool date_is_real(int64_t year, int month, int day);
bool two_digits(struct str text, size_t at, int *ret);
bool date_read(struct str text, struct cast_moment *ret);
bool time_read(struct str text, struct cast_moment *ret);
bool datetime_read(struct str text, struct cast_moment *ret);
bool zone_read(struct str text, int64_t *ret_offset_s);
double moment_value(enum field_type type, const struct cast_moment *moment);
bool moment_read(const struct caster *caster, struct str text, struct cast_moment *ret);
int moment_compare(const struct cast_moment *a, const struct cast_moment *b);
int fraction_compare(struct str a, struct str b);
bool parse_moment(const struct caster *caster, struct arena *scratch, struct str text,
                  struct cast_value *ret);

/* cast_year.c: years since 0 and months since 0000-01 */
bool year_read(struct str text, int64_t *ret_years);
bool yearmonth_read(struct str text, int64_t *ret_months);
bool parse_year(const struct caster *caster, struct arena *scratch, struct str text,
                struct cast_value *ret);
bool parse_yearmonth(const struct caster *caster, struct arena *scratch, struct str text,
                     struct cast_value *ret);

/* cast_strptime.c: strptime of the C locale, as Python has it */
FALLIBLE pattern_expand(struct arena *arena, struct str pattern, struct str *ret);
/* by an expanded pattern */
bool pattern_read(struct str pattern, struct str text, struct cast_moment *ret);

/* cast_any.c: what people write */
bool any_read(enum field_type type, struct str text, struct cast_moment *ret);

/* cast_duration.c */
bool duration_read(struct str text, struct cast_duration *ret);
double duration_value(const struct cast_duration *duration);
bool parse_duration(const struct caster *caster, struct arena *scratch, struct str text,
                    struct cast_value *ret);

/* cast_word.c: formats of strings */
bool parse_email(const struct caster *caster, struct arena *scratch, struct str text,
                 struct cast_value *ret);
bool parse_uri(const struct caster *caster, struct arena *scratch, struct str text,
               struct cast_value *ret);
bool parse_uuid(const struct caster *caster, struct arena *scratch, struct str text,
                struct cast_value *ret);
bool parse_binary(const struct caster *caster, struct arena *scratch, struct str text,
                  struct cast_value *ret);

/* cast_structure.c: JSON texts */
struct doc_node;
const struct doc_node *structure_read(struct arena *scratch, struct str text);
bool geopoint_read(const struct caster *caster, struct arena *scratch, struct str text,
                   struct str *ret_longitude, struct str *ret_latitude);
bool parse_object(const struct caster *caster, struct arena *scratch, struct str text,
                  struct cast_value *ret);
bool parse_array(const struct caster *caster, struct arena *scratch, struct str text,
                 struct cast_value *ret);
bool parse_geopoint(const struct caster *caster, struct arena *scratch, struct str text,
                    struct cast_value *ret);

/* cast_geojson.c */
bool parse_geojson(const struct caster *caster, struct arena *scratch, struct str text,
                   struct cast_value *ret);

/* cast_list.c */
bool parse_list(const struct caster *caster, struct arena *scratch, struct str text,
                struct cast_value *ret);
bool raw_list(const struct caster *caster, struct arena *scratch, struct str text);
void list_encode(const struct caster *caster, struct arena *scratch, enum raw_kind kind,
                 struct str text, struct buf *out);

/* cast_encode.c: of a valid cell */
void cell_encode(const struct caster *caster, struct arena *scratch, enum raw_kind kind,
                 struct str text, struct buf *out);
