/* What a cell could be without a schema. The first character sends most cells the right way. */
#include <math.h>

#include "cast_private.h"
#include "cast_swar_moment.h"

/* What the first character says. */
enum first {
    FIRST_OTHER,  /* a text */
    FIRST_LETTER, /* a text, or a short word */
    FIRST_DIGIT,  /* number, date, time, or a text after all */
};

enum { WORD_MOST = 5 };

static enum first first_of(char c)
{
    if ((unsigned char)(c - '0') < 10 || c == '-' || c == '+' || c == '.')
        return FIRST_DIGIT;
    return str_find_char(STR("NnIiTtFf"), c) >= 0 ? FIRST_LETTER : FIRST_OTHER;
}

static enum value_class word_class(struct str text, double *number)
{
    static const char *const nulls[] = {"NA", "N/A", "NaN", "nan", "null", "NULL", "None"};
    static const char *const words[] = {"false", "False", "FALSE", "true", "True", "TRUE"};
    for (size_t i = 0; i < COUNT_OF(nulls); i++)
        if (str_is(text, nulls[i]))
            return CLASS_NULL;
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (str_is(text, words[i])) {
            *number = i >= 3;
            return CLASS_BOOLEAN;
        }
    return number_parse(text, number) ? CLASS_REAL : CLASS_TEXT;
}

/* Z, +hh, +hhmm, +hh:mm or nothing. */
static bool read_zone(struct str text, int64_t *ret_offset_s)
{
    int hour = 0, minute = 0;
    if (!text.len || zone_read(text, ret_offset_s))
        return true;
    if ((text.len != 3 && text.len != 5) || (text.at[0] != '+' && text.at[0] != '-') ||
        !two_digits(text, 1, &hour) || (text.len == 5 && !two_digits(text, 3, &minute)) ||
        hour > 14 || minute > 59)
        return false;
    int64_t offset = hour * 3600 + minute * 60;
    *ret_offset_s = text.at[0] == '-' ? -offset : offset;
    return true;
}

/* How many bytes of ".digits" stand in front. */
static size_t fraction_len(struct str text, double *ret)
{
    size_t len = 1;
    double unit = 1;
    if (!text.len || text.at[0] != '.')
        return 0;
    for (; len < text.len && (unsigned char)(text.at[len] - '0') < 10; len++)
        *ret += (text.at[len] - '0') * (unit /= 10);
    return len > 1 ? len : 0;
}

/* hh:mm, hh:mm:ss, hh:mm:ss.f, each with a zone. */
static bool read_clock(struct str text, double *ret_seconds)
{
    int hour = 0, minute = 0, second = 0;
    int64_t offset = 0;
    size_t at = 5;
    double fraction = 0;
    if (!two_digits(text, 0, &hour) || text.len < 5 || text.at[2] != ':' ||
        !two_digits(text, 3, &minute) || hour > 23 || minute > 59)
        return false;
    if (text.len >= 8 && text.at[5] == ':' && two_digits(text, 6, &second)) {
        at = 8;
        at += fraction_len(str_slice(text, at, text.len), &fraction);
    }
    *ret_seconds = hour * 3600 + minute * 60 + second + fraction;
    if (second > 59 || !read_zone(str_slice(text, at, text.len), &offset))
        return false;
    *ret_seconds -= (double)offset;
    return true;
}

static bool read_datetime(struct str text, double *ret)
{
    struct cast_moment date;
    double seconds = 0;
    if (text.len < 16 || (text.at[10] != 'T' && text.at[10] != ' ') ||
        !date_read(str_slice(text, 0, 10), &date) ||
        !read_clock(str_slice(text, 11, text.len), &seconds))
        return false;
    *ret = (double)date.days * 86400 + seconds;
    return true;
}

/* What begins like a number. */
static enum value_class digit_class(struct str text, struct cast_value *ret)
{
    struct cast_moment moment;
    if (str_is(text, "-"))
        return CLASS_NULL;
    bool is_real = number_parse(text, &ret->number);
    if (is_real && integer_parse(text, ret))
        return CLASS_INTEGER;
    if (is_real)
        return CLASS_REAL;
    if (date_read(text, &moment)) {
        ret->number = (double)moment.days;
        return CLASS_DATE;
    }
    if (time_read(text, &moment)) {
        ret->number = (double)moment.seconds;
        return CLASS_TIME;
    }
    return read_datetime(text, &ret->number) ? CLASS_DATETIME : CLASS_TEXT;
}

static enum value_class raw_class(enum raw_kind kind, struct str text, struct cast_value *ret)
{
    switch (kind) {
    case RAW_MISSING:
    case RAW_NULL:
        return CLASS_NULL;
    case RAW_NUMBER:
        return digit_class(text, ret);
    case RAW_TRUE:
    case RAW_FALSE:
        ret->number = kind == RAW_TRUE;
        return CLASS_BOOLEAN;
    case RAW_ARRAY:
    case RAW_OBJECT:
        return CLASS_JSON;
    case RAW_TEXT:
        break;
    }
    return CLASS_TEXT;
}

/* Any cell, without haste. */
static __attribute__((noinline)) enum value_class slow_class(enum raw_kind kind, struct str text,
                                                             struct cast_value *ret)
{
    enum value_class class = CLASS_TEXT;
    *ret = (struct cast_value){.number = (double)NAN};
    if (kind != RAW_TEXT)
        class = raw_class(kind, text, ret);
    else if (!text.len)
        class = CLASS_NULL;
    else if (first_of(text.at[0]) == FIRST_DIGIT)
        class = digit_class(text, ret);
    else if (first_of(text.at[0]) == FIRST_LETTER)
        class = word_class(text, &ret->number);
    if (class == CLASS_NULL || class == CLASS_JSON || class == CLASS_TEXT)
        *ret = (struct cast_value){.number = (double)NAN};
    return class;
}

/* Whether one of the short words begins so; a bit for each letter. */
SWAR_INLINE bool begins_word(char c)
{
    static const uint64_t letters = UINT64_C(1) << ('n' & 31) | UINT64_C(1) << ('i' & 31) |
                                    UINT64_C(1) << ('t' & 31) | UINT64_C(1) << ('f' & 31);
    return (unsigned char)c >= 'A' && (letters >> (c & 31) & 1);
}

/* The usual number: of 16 bytes at most. */
SWAR_INLINE bool quick_number(struct str text, struct cast_value *ret, enum value_class *class)
{
    bool has_point = false;
    if (!swar_decimal(text, &ret->number, &has_point))
        return false;
    ret->integer = (int64_t)(has_point ? 0 : ret->number);
    *class = has_point ? CLASS_REAL : CLASS_INTEGER;
    if (!has_point) /* there is one zero among integers */
        ret->number = (double)ret->integer;
    return true;
}

/* true, false and their other spellings. */
SWAR_INLINE bool quick_boolean(struct str text, struct cast_value *ret)
{
    bool is_true = text.len == 4;
    ret->number = is_true;
    return is_true ? memcmp(text.at, "true", 4) == 0 || memcmp(text.at, "True", 4) == 0
                   : text.len == 5 &&
                         (memcmp(text.at, "false", 5) == 0 || memcmp(text.at, "False", 5) == 0);
}

/* A cell read quickly, or not. The text is not empty and ends 16 bytes or more behind the start of
 * its batch. */
typedef bool quick_class(struct str text, struct cast_value *ret, enum value_class *class);

/* Whatever it is. */
SWAR_INLINE bool quick_any(struct str text, struct cast_value *ret, enum value_class *class)
{
    char c = text.at[0];
    if ((unsigned char)(c - '0') < 10 || c == '-' || c == '.')
        return quick_number(text, ret, class);
    ret->number = (double)NAN;
    *class = CLASS_TEXT;
    return c != '+' && (text.len > WORD_MOST || !begins_word(c));
}

/* What most cells of a column are comes first; quick_any takes what is not. */
SWAR_INLINE bool quick_integer(struct str text, struct cast_value *ret, enum value_class *class)
{
    if (!swar_integer(text, &ret->integer))
        return false;
    ret->number = (double)ret->integer;
    *class = CLASS_INTEGER;
    return true;
}

SWAR_INLINE bool quick_datetime(struct str text, struct cast_value *ret, enum value_class *class)
{
    *class = CLASS_DATETIME;
    return swar_datetime(text, &ret->number);
}

SWAR_INLINE bool quick_date(struct str text, struct cast_value *ret, enum value_class *class)
{
    *class = CLASS_DATE;
    return swar_date(text, &ret->number);
}

SWAR_INLINE bool quick_truth(struct str text, struct cast_value *ret, enum value_class *class)
{
    *class = CLASS_BOOLEAN;
    return quick_boolean(text, ret);
}

SWAR_INLINE void classify_cells(const struct record_batch *batch, size_t column,
                                struct column_room *room, quick_class *quick)
{
    const struct raw_cell *cell = batch->cells + column;
    for (size_t i = 0; i < batch->record_count; i++, cell += batch->column_count) {
        struct cast_value value = {0};
        enum value_class class = CLASS_NULL;
        size_t len = cell->len;
        struct str text = {batch->text + cell->at, len};
        bool is_usual = cell->kind == RAW_TEXT && len && cell->at + len >= 16;
        if (!is_usual || (!quick(text, &value, &class) && !quick_any(text, &value, &class)))
            class = slow_class((enum raw_kind)cell->kind, text, &value);
        room->states[i] = (uint8_t) class;
        room->numbers[i] = value.number;
        room->integers[i] = value.integer;
    }
}

void classify_column(const struct record_batch *batch, size_t column, enum value_class hint,
                     struct column_room *room, struct column_data *ret)
{
    room_reserve(room, batch->record_count);
    if (hint == CLASS_REAL)
        classify_cells(batch, column, room, quick_number);
    else if (hint == CLASS_INTEGER)
        classify_cells(batch, column, room, quick_integer);
    else if (hint == CLASS_DATETIME)
        classify_cells(batch, column, room, quick_datetime);
    else if (hint == CLASS_DATE)
        classify_cells(batch, column, room, quick_date);
    else if (hint == CLASS_BOOLEAN)
        classify_cells(batch, column, room, quick_truth);
    else
        classify_cells(batch, column, room, quick_any);
    *ret = (struct column_data){.count = batch->record_count,
                                .states = room->states,
                                .numbers = room->numbers,
                                .integers = room->integers};
}
