/* Where records of JSON end, and the way to the list that holds them. */
#include "mlops/base/check.h"

#include "table_json_private.h"

#define NOWHERE SIZE_MAX

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool is_blank(const char *at, const char *end)
{
    while (at < end && is_space(*at))
        at++;
    return at == end;
}

static size_t skip_space(const struct table_slot *slot, size_t at)
{
    while (at < slot->len && is_space(slot->text[at]))
        at++;
    return at;
}

void json_add_record(struct table_slot *slot, size_t end)
{
    mark_set(slot->breaks, end);
    slot->cut.record_count++;
    slot->cut.bytes = end + 1;
}

/* Strings hold no line breaks, so every one of them ends a line. */
static void cut_lines(struct table_slot *slot, size_t records_most)
{
    const char *at = slot->text, *end = at + slot->len, *stop;
    while (slot->cut.record_count < records_most && at < end &&
           (stop = *at == '\n' ? at : memchr(at, '\n', (size_t)(end - at)))) {
        if (is_blank(at, stop))
            slot->cut.bytes = (size_t)(stop + 1 - slot->text);
        else
            json_add_record(slot, (size_t)(stop - slot->text));
        at = stop + 1;
    }
}

/* Behind the string that begins at `at`. */
static size_t string_end(const struct table_slot *slot, size_t at)
{
    for (at++; at < slot->len; at++) {
        if (slot->text[at] == '"')
            return at + 1;
        at += slot->text[at] == '\\';
    }
    return NOWHERE;
}

/* The comma or bracket behind the value that begins at `at`; by brackets only: the value is checked
 * when it is split. */
static size_t value_end(const struct table_slot *slot, size_t at)
{
    for (size_t depth = 0; at < slot->len; at++) {
        char c = slot->text[at];
        if (c == '"') {
            at = string_end(slot, at);
            if (at-- == NOWHERE)
                return NOWHERE;
        } else if (c == '[' || c == '{') {
            depth++;
        } else if (c == ']' || c == '}') {
            if (depth-- == 0)
                return at;
        } else if (c == ',' && depth == 0) {
            return at;
        }
    }
    return NOWHERE;
}

static FALLIBLE end_list(struct table_reader *table, struct table_slot *slot, size_t at)
{
    if (table->json_needs_value)
        return table_error(table, slot, at, "the list ends behind a comma");
    table->json_place = JSON_BEHIND;
    slot->cut.bytes = at + 1;
    return NULL;
}

/* The next record, or the end of the list; *ret_more false: neither is whole. */
static FALLIBLE cut_one(struct table_reader *table, struct table_slot *slot, bool *ret_more)
{
    size_t at = skip_space(slot, slot->cut.bytes);
    *ret_more = false;
    if (at == slot->len)
        return NULL;
    if (slot->text[at] == ']')
        return end_list(table, slot, at);
    size_t end = value_end(slot, at);
    if (end == NOWHERE)
        return NULL;
    if (slot->text[end] == '}')
        return table_error(table, slot, end, "the list is closed by '}'");
    json_add_record(slot, end);
    *ret_more = table->json_needs_value = slot->text[end] == ',';
    if (!*ret_more)
        table->json_place = JSON_BEHIND;
    return NULL;
}

/* What is wrong behind records waits until these have been read. */
static FALLIBLE cut_list(struct table_reader *table, struct table_slot *slot, size_t records_most)
{
    if (!table->options.is_scalar)
        json_cut_fast(table, slot, records_most);
    bool has_more = table->json_place == JSON_INSIDE;
    while (has_more && slot->cut.record_count < records_most) {
        struct error *error = cut_one(table, slot, &has_more);
        if (error && slot->cut.record_count == 0)
            return error;
        error_drop(error);
    }
    return NULL;
}

/* ---- before the list ---- */

/* Text that may end too early: then `at` is NOWHERE. */
struct path_walk {
    struct table_reader *table;
    struct table_slot *slot;
    size_t at;
};

static FALLIBLE no_list(const struct path_walk *walk, const char *what)
{
    const struct table_slot *slot = walk->slot;
    const char *text = slot->text;
    struct str property = walk->table->options.dialect.property;
    struct mark mark = {.file = walk->table->name};
    mark.line = 1 + (int)table_count_lines(walk->table, text, text + MIN_OF(walk->at, slot->len));
    struct error *error = property.len ? error_at(mark, (struct str){0}, "property '%.*s': %s",
                                                  STR_FMT(property), what)
                                       : error_at(mark, (struct str){0}, "%s", what);
    return error_hint(error, "name the list of records by `property` in the dialect");
}

static bool has_more(struct path_walk *walk)
{
    if (walk->at != NOWHERE)
        walk->at = skip_space(walk->slot, walk->at);
    if (walk->at == NOWHERE || walk->at >= walk->slot->len)
        walk->at = NOWHERE;
    return walk->at != NOWHERE;
}

/* The key at a quote, as it stands. */
static struct str take_key(struct path_walk *walk)
{
    size_t from = walk->at + 1;
    walk->at = string_end(walk->slot, walk->at);
    if (walk->at == NOWHERE)
        return (struct str){0};
    return (struct str){walk->slot->text + from, walk->at - 1 - from};
}

/* From an object to its value of `key`. */
static FALLIBLE enter_key(struct path_walk *walk, struct str key)
{
    const char *text = walk->slot->text;
    if (!has_more(walk))
        return NULL;
    if (text[walk->at] != '{')
        return no_list(walk, "there is no object that could have it");
    for (walk->at++; has_more(walk); walk->at++) {
        if (text[walk->at] != '"')
            return no_list(walk, "there is no such key");
        struct str found = take_key(walk);
        if (!has_more(walk))
            return NULL;
        if (text[walk->at++] != ':')
            return no_list(walk, "':' is missing behind a key");
        if (!has_more(walk) || str_equal(found, key))
            return NULL;
        walk->at = value_end(walk->slot, walk->at);
        if (walk->at == NOWHERE)
            return NULL;
        if (text[walk->at] != ',')
            return no_list(walk, "there is no such key");
    }
    return NULL;
}

static FALLIBLE find_list(struct table_reader *table, struct table_slot *slot)
{
    struct path_walk walk = {table, slot, 0};
    struct str rest = table->options.dialect.property, part;
    size_t depth = 0;
    for (; rest.len && str_split(&rest, '.', &part); depth++)
        TRY(enter_key(&walk, part));
    if (!has_more(&walk))
        return NULL;
    if (slot->text[walk.at] != '[')
        return no_list(&walk, depth ? "it is no list" : "the document is no list of records");
    table->json_depth = depth;
    table->json_place = JSON_INSIDE;
    TRY(json_check_before(table, slot, walk.at));
    slot->cut.bytes = walk.at + 1;
    return NULL;
}

/* ---- behind the list ---- */

/* Objects around the list are looked at as a whole, when the file is over. */
static FALLIBLE cut_rest(struct table_reader *table, struct table_slot *slot)
{
    bool has_objects = table->json_depth > 0;
    if (has_objects && table_is_all_read(table) && slot->len)
        return json_check_behind(table, slot);
    if (!has_objects)
        slot->cut.bytes = skip_space(slot, 0);
    if (has_objects || slot->cut.bytes == slot->len)
        return NULL;
    return table_error(table, slot, slot->cut.bytes, "something follows the list");
}

FALLIBLE json_check_end(const struct table_reader *table, const struct table_slot *slot)
{
    if (table->options.dialect.format == TABLE_JSON_LINES)
        return NULL;
    if (table->json_place == JSON_BEFORE)
        return table_error(table, slot, slot->len, "the file ends before its list of records");
    if (table->json_place == JSON_INSIDE)
        return table_error(table, slot, slot->len, "the file ends within the list of records");
    if (table->json_depth)
        return table_error(table, slot, slot->len, "the file ends too early");
    return NULL;
}

/* All bytes of what was cut, looked at once. */
static void look_at_bytes(struct table_slot *slot)
{
    slot->cut.is_ascii = text_is_ascii(slot->text, slot->cut.bytes);
    slot->cut.has_nul = memchr(slot->text, '\0', slot->cut.bytes);
}

FALLIBLE json_cut(struct table_reader *table, struct table_slot *slot, size_t records_most)
{
    slot->cut = (struct cut){0};
    memset(slot->breaks, 0, (slot->len / WORD_BITS + 1) * sizeof *slot->breaks);
    if (table->options.dialect.format == TABLE_JSON_LINES)
        cut_lines(slot, records_most);
    else if (table->json_place == JSON_BEFORE)
        TRY(find_list(table, slot));
    else if (table->json_place == JSON_INSIDE)
        TRY(cut_list(table, slot, records_most));
    else
        TRY(cut_rest(table, slot));
    if (slot->cut.record_count)
        look_at_bytes(slot);
    return NULL;
}
