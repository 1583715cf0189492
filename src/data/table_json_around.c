/* What stands around a list of records: the members of the objects that hold it. It is no data, but
 * a document that is broken there is broken. */
#include "table_json_private.h"

/* `"key":`, with json->at behind it. */
static FALLIBLE take_key(struct json_text *json, struct str *ret)
{
    struct raw_cell key;
    json_skip_space(json);
    if (json->at == json->end || json->text[json->at] != '"')
        return json_fault(json, "a key is missing in an object");
    TRY(json_string(json, false, &key));
    json_skip_space(json);
    TRY(json_expect(json, ':', "behind a key"));
    json_skip_space(json);
    *ret = (struct str){json->text + key.at, key.len};
    return NULL;
}

/* From an object's bracket to its value of `key`. */
static FALLIBLE pass_members(struct json_text *json, struct str key)
{
    struct raw_cell ignored;
    struct str found;
    json_skip_space(json);
    TRY(json_expect(json, '{', "before the list"));
    for (;;) {
        TRY(take_key(json, &found));
        if (str_equal(found, key))
            return NULL;
        TRY(json_value(json, false, &ignored));
        json_skip_space(json);
        TRY(json_expect(json, ',', "behind a value"));
    }
}

static FALLIBLE check_text(const struct table_reader *table, struct table_slot *slot, size_t end)
{
    slot->cut.is_ascii = text_is_ascii(slot->text, end);
    slot->cut.has_nul = memchr(slot->text, '\0', end);
    slot->cut.bytes = end;
    return table_check_bytes(table, slot);
}

FALLIBLE json_check_before(const struct table_reader *table, struct table_slot *slot, size_t end)
{
    struct json_text json = {.table = table, .slot = slot, .text = slot->text, .end = end};
    struct str rest = table->options.dialect.property, part;
    while (rest.len && str_split(&rest, '.', &part))
        TRY(pass_members(&json, part));
    return check_text(table, slot, end);
}

static FALLIBLE close_object(struct json_text *json)
{
    struct raw_cell ignored;
    struct str key;
    for (json_skip_space(json); json_take(json, ','); json_skip_space(json)) {
        TRY(take_key(json, &key));
        TRY(json_value(json, false, &ignored));
    }
    return json->at == json->end ? json_fault(json, "the file ends too early")
                                 : json_expect(json, '}', "behind the list");
}

FALLIBLE json_check_behind(struct table_reader *table, struct table_slot *slot)
{
    struct json_text json = {.table = table, .slot = slot, .text = slot->text, .end = slot->len};
    for (; table->json_depth; table->json_depth--)
        TRY(close_object(&json));
    json_skip_space(&json);
    if (json.at < json.end)
        return json_fault(&json, "something follows the list");
    return check_text(table, slot, json.end);
}
