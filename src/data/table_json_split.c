/* Records of JSON to cells, and the names of columns out of the first of them. */
#include "mlops/base/check.h"

#include "table_json_private.h"

/* A batch while its records are made to cells. */
struct splitting {
    const struct table_reader *table;
    struct table_slot *slot;
    size_t record;
    struct arena scratch; /* keys that are no columns, of one record */
};

static void splitting_drop(struct splitting *splitting)
{
    arena_drop(&splitting->scratch);
}

static struct raw_cell *record_cells(const struct splitting *splitting)
{
    return splitting->slot->cells + splitting->record * splitting->slot->batch.column_count;
}

/* The column of a key: mostly the one behind that of the key before. */
static size_t find_column(const struct table_reader *table, struct str key, size_t guess)
{
    if (guess < table->column_count && str_equal(table->labels[guess], key))
        return guess;
    const void *number = map_get(&table->columns, key);
    return number ? (size_t)((uintptr_t)number - 1) : SIZE_MAX;
}

static FALLIBLE read_key(struct json_text *json, struct str *ret)
{
    struct raw_cell key;
    json_skip_space(json);
    if (json->at == json->end || json->text[json->at] != '"')
        return json_fault(json, "a key is missing in an object");
    TRY(json_string(json, true, &key));
    *ret = (struct str){json->text + key.at, key.len};
    json->key_end = json->at;
    json_skip_space(json);
    TRY(json_expect(json, ':', "behind a key"));
    json_skip_space(json);
    return NULL;
}

static ERROR_MADE twice(const struct json_text *json, struct str key)
{
    size_t len = MIN_OF(key.len, (size_t)LIMIT_SHOWN_BYTES);
    return table_error(json->table, json->slot, json->key_end, "the key '%.*s' stands twice",
                       (int)len, key.at);
}

/* A key that is no column: its value is only checked. */
static FALLIBLE read_extra(struct splitting *splitting, struct json_text *json, struct str key,
                           struct map *extra)
{
    struct raw_cell ignored;
    if (map_has(extra, key))
        return twice(json, key);
    map_put(&splitting->scratch, extra, key, extra);
    return json_value(json, false, &ignored);
}

static FALLIBLE read_members(struct splitting *splitting, struct json_text *json, size_t *ret_extra)
{
    struct map extra = {0};
    struct str key;
    struct raw_cell *cells = record_cells(splitting);
    size_t guess = 0;
    *ret_extra = 0;
    json_skip_space(json);
    if (json_take(json, '}'))
        return NULL;
    do {
        TRY(read_key(json, &key));
        size_t column = find_column(splitting->table, key, guess);
        if (column == SIZE_MAX) {
            TRY(read_extra(splitting, json, key, &extra));
            ++*ret_extra;
        } else if (cells[column].kind != RAW_MISSING) {
            return twice(json, key);
        } else {
            TRY(json_value(json, true, &cells[column]));
            guess = column + 1;
        }
        json_skip_space(json);
    } while (json_take(json, ','));
    return json_expect(json, '}', "at the end of the object");
}

static FALLIBLE read_object(struct splitting *splitting, struct json_text *json)
{
    size_t extra;
    TRY(read_members(splitting, json, &extra));
    if (extra == 0)
        return NULL;
    arena_reset(&splitting->scratch);
    slot_add_odd(splitting->slot, (uint32_t)splitting->record)->cell_count =
        (uint32_t)(splitting->slot->batch.column_count + extra);
    return NULL;
}

static FALLIBLE read_elements(struct splitting *splitting, struct json_text *json,
                              size_t *ret_count)
{
    struct raw_cell *cells = record_cells(splitting), extra;
    size_t count = 0, columns = splitting->slot->batch.column_count;
    json_skip_space(json);
    *ret_count = 0;
    if (json_take(json, ']'))
        return NULL;
    do {
        bool is_kept = count < columns;
        json_skip_space(json);
        TRY(json_value(json, is_kept, is_kept ? &cells[count] : &extra));
        count++;
        json_skip_space(json);
    } while (json_take(json, ','));
    *ret_count = count;
    return json_expect(json, ']', "at the end of the list");
}

static FALLIBLE read_list(struct splitting *splitting, struct json_text *json)
{
    size_t count;
    TRY(read_elements(splitting, json, &count));
    if (count != splitting->slot->batch.column_count)
        slot_add_odd(splitting->slot, (uint32_t)splitting->record)->cell_count = (uint32_t)count;
    return NULL;
}

static FALLIBLE read_record(struct splitting *splitting, struct json_text *json)
{
    bool is_object = splitting->table->is_object;
    if (!json_take(json, is_object ? '{' : '['))
        return json_fault(json, is_object ? "the record is no object" : "the record is no list");
    if (is_object)
        TRY(read_object(splitting, json));
    else
        TRY(read_list(splitting, json));
    json_skip_space(json);
    return json->at == json->end ? NULL : json_fault(json, "something follows the record");
}

static void prefill(struct splitting *splitting, size_t from)
{
    struct raw_cell *cells = record_cells(splitting);
    for (size_t i = 0; i < splitting->slot->batch.column_count; i++)
        cells[i] = (struct raw_cell){.at = (uint32_t)from, .kind = RAW_MISSING};
}

/* Lines are counted before strings are decoded, as these may bring line breaks of their own. */
static FALLIBLE split_all(struct splitting *splitting)
{
    const struct table_reader *table = splitting->table;
    struct table_slot *slot = splitting->slot;
    size_t from = 0;
    uint64_t line = 0;
    for (; splitting->record < slot->cut.record_count; splitting->record++) {
        struct json_text json = json_record(table, slot, from);
        line += table_count_lines(table, slot->text + from, slot->text + json.at);
        slot->lines[splitting->record] = (uint32_t)line;
        line += table_count_lines(table, slot->text + json.at, slot->text + json.end + 1);
        from = json.end + 1;
        prefill(splitting, json.at);
        TRY(read_record(splitting, &json));
    }
    return NULL;
}

FALLIBLE json_split(const struct table_reader *table, struct table_slot *slot)
{
    AUTO(splitting_drop) struct splitting splitting = {.table = table, .slot = slot};
    slot_reserve_cells(slot, slot->cut.record_count * slot->batch.column_count + 1);
    slot_reserve_records(slot, slot->cut.record_count);
    TRY(split_all(&splitting));
    slot->batch.record_count = slot->cut.record_count;
    slot->batch.lines = slot->lines;
    return NULL;
}

/* ---- the names of columns ---- */

VEC(label_vec, struct str);

static FALLIBLE add_keys(struct table_reader *table, struct json_text *json,
                         struct label_vec *labels)
{
    struct str key;
    struct raw_cell ignored;
    if (!json_take(json, '{'))
        return json_fault(json, "the record is no object");
    json_skip_space(json);
    if (json_take(json, '}'))
        return NULL;
    do {
        TRY(read_key(json, &key));
        if (!map_has(&table->columns, key)) {
            struct str label = str_copy(table->arena, key);
            *vec_push(table->arena, labels) = label;
            map_put(table->arena, &table->columns, label, (void *)(uintptr_t)labels->len);
        }
        if (labels->len > (size_t)LIMIT_TABLE_COLUMNS)
            return json_fault(json, "the records have too many keys for columns");
        TRY(json_value(json, false, &ignored));
        json_skip_space(json);
    } while (json_take(json, ','));
    return json_expect(json, '}', "at the end of the object");
}

static FALLIBLE add_slot_keys(struct table_reader *table, struct table_slot *slot,
                              struct label_vec *labels)
{
    size_t from = 0;
    for (size_t i = 0; i < slot->cut.record_count; i++) {
        struct json_text json = json_record(table, slot, from);
        from = json.end + 1;
        TRY(add_keys(table, &json, labels));
    }
    return NULL;
}

static FALLIBLE read_keys(struct table_reader *table, struct table_slot *slot)
{
    struct label_vec labels = {0};
    size_t seen = 0;
    while (seen < (size_t)LIMIT_JSON_KEYS_RECORDS) {
        TRY(table_fill(table, slot, (size_t)LIMIT_JSON_KEYS_RECORDS - seen));
        if (slot->cut.record_count == 0)
            break;
        struct error *error = table_check_bytes(table, slot);
        TRY(table_first_error(error, add_slot_keys(table, slot, &labels)));
        seen += slot->cut.record_count;
    }
    table->labels = labels.at;
    table->column_count = labels.len;
    return table_rewind(table);
}

static FALLIBLE take_keys(struct table_reader *table)
{
    const struct dialect *dialect = &table->options.dialect;
    table->column_count = dialect->item_key_count;
    table->labels = arena_new_array(table->arena, struct str, table->column_count);
    for (size_t i = 0; i < table->column_count; i++) {
        table->labels[i] = str_copy(table->arena, dialect->item_keys[i]);
        map_put(table->arena, &table->columns, table->labels[i], (void *)(uintptr_t)(i + 1));
    }
    return NULL;
}

FALLIBLE json_read_head(struct table_reader *table, struct table_slot *slot, bool *ret_known)
{
    const struct dialect *dialect = &table->options.dialect;
    *ret_known = false;
    table->is_object = dialect->item_type == DIALECT_OBJECT;
    if (dialect->item_type == DIALECT_ANY) {
        TRY(table_fill(table, slot, 1));
        table->is_object =
            slot->cut.record_count == 0 || slot->text[json_record(table, slot, 0).at] != '[';
        TRY(table_rewind(table));
    }
    if (!table->is_object)
        return NULL;
    table->has_labels = *ret_known = true;
    return dialect->item_keys ? take_keys(table) : read_keys(table, slot);
}
