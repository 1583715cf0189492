/* Cells: any text read as any type, alone and in a column, gives the same state and value; what is
 * valid has an encoding and equals itself; a class does not depend on the hint. The first byte
 * chooses a field, the second whether its first line is a format. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/data/cast.h"

#include <math.h>
#include <stdlib.h>

#include "replay.h"

static struct schema_field field_of(uint8_t choice, uint8_t option, struct str pattern)
{
    struct schema_field field = {.name = STR("x"),
                                 .type = (enum field_type)(choice % TYPE_COUNT),
                                 .item_type = (enum field_type)(option % TYPE_COUNT),
                                 .bare_number = !(option & 1),
                                 .format_text = pattern};
    if (option & 2)
        field.group_char = STR(",");
    if (option & 4)
        field.decimal_char = STR(";");
    if (field.type == TYPE_STRING)
        field.format = (enum field_format)(option % (FORMAT_UUID + 1));
    if (field.type == TYPE_DATE || field.type == TYPE_TIME || field.type == TYPE_DATETIME)
        field.format = pattern.len ? FORMAT_PATTERN : option & 1 ? FORMAT_ANY : FORMAT_DEFAULT;
    if (field.type == TYPE_GEOPOINT)
        field.format = option & 1 ? FORMAT_ARRAY : option & 2 ? FORMAT_OBJECT : FORMAT_DEFAULT;
    if (field.type == TYPE_GEOJSON && option & 1)
        field.format = FORMAT_TOPOJSON;
    if (field.item_type == TYPE_LIST || field.item_type == TYPE_OBJECT)
        field.item_type = TYPE_INTEGER;
    return field;
}

static bool same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static struct record_batch batch_of(char *copy, struct raw_cell *cell, struct str text, size_t pad)
{
    memset(copy, '7', pad);
    if (text.len)
        memcpy(copy + pad, text.at, text.len);
    *cell = (struct raw_cell){.at = (uint32_t)pad, .len = (uint32_t)text.len & 0xfffffff};
    return (struct record_batch){.text = copy, .cells = cell, .record_count = 1, .column_count = 1};
}

static void check_column(const struct caster *caster, struct str text, size_t pad,
                         struct column_room *room)
{
    char *copy = malloc(pad + text.len + 1);
    struct raw_cell cell;
    struct record_batch batch = batch_of(copy, &cell, text, pad);
    struct column_data data;
    double number = 0;
    enum value_state state = cast_text(caster, text, &number);
    cast_column(caster, &batch, 0, room, &data);
    check(data.count == 1 && data.states[0] == state);
    check(state == VALUE_VALID || isnan(data.numbers[0]));
    classify_column(&batch, 0, CLASS_TEXT, room, &data);
    uint8_t class = data.states[0];
    double value = data.numbers[0];
    for (int hint = 0; hint < CLASS_COUNT; hint++) {
        classify_column(&batch, 0, (enum value_class)hint, room, &data);
        check(data.states[0] == class && same(data.numbers[0], value));
    }
    free(copy);
}

static void check_value(const struct caster *caster, struct str text)
{
    AUTO(buf_drop) struct buf first = {0};
    AUTO(buf_drop) struct buf second = {0};
    if (cast_text(caster, text, NULL) != VALUE_VALID)
        return;
    check(cast_compare(caster, text, text) == 0);
    cast_encode_text(caster, text, &first);
    cast_encode_text(caster, text, &second);
    check(first.len && str_equal(buf_str(&first), buf_str(&second)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct str missing[] = {STR_ROW(""), STR_ROW("NA")};
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(column_room_drop) struct column_room *room = NULL;
    AUTO(caster_drop) struct caster *caster = NULL;
    struct table_schema schema = {.missing_values = {missing, COUNT_OF(missing)}};
    if (size < 2 || size > 65536)
        return 0;
    struct str text = {(const char *)data + 2, size - 2}, pattern = {0};
    if (data[1] & 8)
        (void)str_split(&text, '\n', &pattern);
    struct schema_field field = field_of(data[0], data[1], pattern);
    struct error *error = column_room_open(&room);
    check(!error);
    error = caster_open(&arena, &schema, &field, &caster);
    error_drop(error);
    if (error)
        return 0;
    check_column(caster, text, 0, room);
    check_column(caster, text, 16, room);
    check_value(caster, text);
    return 0;
}
