/* One encoding for each logical value: a letter for the kind, then bytes that end by themselves, so
 * that those of several cells may stand in a row. */
#include "mlops/codec/doc.h"

#include "cast_private.h"

static void add_int64(struct buf *out, int64_t value)
{
    buf_add(out, &value, sizeof value);
}

static void add_text(struct buf *out, char letter, struct str text)
{
    buf_add_char(out, letter);
    encode_count(out, text.len);
    buf_add_str(out, text);
}

/* Whole numbers as most are written, without reading them: the bytes are those of decimal_encode.
 */
static bool encode_digits(struct str text, struct buf *out)
{
    size_t count = text.len;
    if (!text.len || text.len > 18 || text.at[0] == '0')
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
    while (text.at[count - 1] == '0')
        count--;
    const char head[] = {'n', '6', (char)(2 * text.len), (char)count};
    buf_add(out, head, sizeof head);
    buf_add(out, text.at, count);
    return true;
}

static void encode_number(const struct caster *caster, struct arena *scratch, enum raw_kind kind,
                          struct str text, struct buf *out)
{
    struct decimal decimal = {0};
    if (encode_digits(text, out))
        return;
    if (kind == RAW_TEXT && !caster->is_plain && !number_normalize(caster, scratch, text, &text))
        return;
    if (decimal_read(text, &decimal))
        decimal_encode(&decimal, out);
}

static bool is_one_of(struct text_list words, struct str text)
{
    for (size_t i = 0; i < words.len; i++)
        if (str_equal(words.at[i], text))
            return true;
    return false;
}

static void encode_boolean(const struct caster *caster, enum raw_kind kind, struct str text,
                           struct buf *out)
{
    bool is_true = kind == RAW_TRUE || (kind == RAW_TEXT && is_one_of(caster->true_values, text));
    buf_add_char(out, 'b');
    buf_add_char(out, is_true ? '1' : '0');
}

static void encode_moment(const struct caster *caster, struct str text, struct buf *out)
{
    struct cast_moment moment = {0};
    (void)moment_read(caster, text, &moment);
    buf_add_char(out, 'd');
    buf_add_char(out, (char)('0' + caster->type));
    add_int64(out, moment.days * 86400 + moment.seconds);
    add_text(out, '.', moment.fraction);
}

static void encode_duration(struct str text, struct buf *out)
{
    struct cast_duration duration = {0};
    (void)duration_read(text, &duration);
    bool is_zero = !duration.months && !duration.seconds && !duration.fraction.len;
    buf_add_char(out, 'p');
    buf_add_char(out, duration.is_negative && !is_zero ? '-' : '+');
    add_int64(out, duration.months);
    add_int64(out, duration.seconds);
    add_text(out, '.', duration.fraction);
}

static void encode_whole(char letter, bool (*read)(struct str, int64_t *), struct str text,
                         struct buf *out)
{
    int64_t value = 0;
    (void)read(text, &value);
    buf_add_char(out, letter);
    add_int64(out, value);
}

static void encode_structure(struct arena *scratch, struct str text, struct buf *out)
{
    const struct doc_node *node = structure_read(scratch, text);
    struct buf encoded = buf_in(scratch);
    if (node)
        doc_encode(node, scratch, &encoded);
    add_text(out, 'j', buf_str(&encoded));
}

static void encode_geopoint(const struct caster *caster, struct arena *scratch, enum raw_kind kind,
                            struct str text, struct buf *out)
{
    struct str longitude = {0}, latitude = {0};
    struct caster as_json = *caster;
    struct decimal decimal = {0};
    if (kind == RAW_ARRAY)
        as_json.format = FORMAT_ARRAY;
    if (!geopoint_read(&as_json, scratch, text, &longitude, &latitude))
        return;
    if (decimal_read(longitude, &decimal))
        decimal_encode(&decimal, out);
    if (decimal_read(latitude, &decimal))
        decimal_encode(&decimal, out);
}

/* What a cell without a type is: a text, or whatever JSON it stands as. */
static void encode_any(struct arena *scratch, enum raw_kind kind, struct str text, struct buf *out)
{
    if (kind == RAW_TEXT)
        add_text(out, 't', text);
    else
        encode_structure(scratch, text, out);
}

void cell_encode(const struct caster *caster, struct arena *scratch, enum raw_kind kind,
                 struct str text, struct buf *out)
{
    switch (caster->type) {
    case TYPE_NUMBER:
    case TYPE_INTEGER:
        encode_number(caster, scratch, kind, text, out);
        return;
    case TYPE_BOOLEAN:
        encode_boolean(caster, kind, text, out);
        return;
    case TYPE_DATETIME:
    case TYPE_DATE:
    case TYPE_TIME:
        encode_moment(caster, text, out);
        return;
    case TYPE_YEAR:
        encode_whole('y', year_read, text, out);
        return;
    case TYPE_YEARMONTH:
        encode_whole('m', yearmonth_read, text, out);
        return;
    case TYPE_DURATION:
        encode_duration(text, out);
        return;
    case TYPE_OBJECT:
    case TYPE_ARRAY:
    case TYPE_GEOJSON:
        encode_structure(scratch, text, out);
        return;
    case TYPE_GEOPOINT:
        encode_geopoint(caster, scratch, kind, text, out);
        return;
    case TYPE_LIST:
        list_encode(caster, scratch, kind, text, out);
        return;
    case TYPE_ANY:
    case TYPE_STRING:
    case TYPE_COUNT:
        break;
    }
    encode_any(scratch, kind, text, out);
}

static bool is_missing_kind(const struct caster *caster, enum raw_kind kind, struct str text)
{
    return kind == RAW_NULL || kind == RAW_MISSING ||
           ((kind == RAW_TEXT || kind == RAW_NUMBER) && caster_is_missing(caster, text));
}

void cast_encode(const struct caster *caster, const struct record_batch *batch,
                 const struct raw_cell *cell, struct buf *out)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str text = raw_text(batch, cell);
    enum raw_kind kind = (enum raw_kind)cell->kind;
    if (is_missing_kind(caster, kind, text))
        buf_add_char(out, '0');
    else
        cell_encode(caster, &scratch, kind, text, out);
}

void cast_encode_text(const struct caster *caster, struct str text, struct buf *out)
{
    AUTO(arena_drop) struct arena scratch = {0};
    if (caster_is_missing(caster, text))
        buf_add_char(out, '0');
    else
        cell_encode(caster, &scratch, RAW_TEXT, text, out);
}
