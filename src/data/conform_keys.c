#include "mlops/base/check.h"
#include "mlops/base/limits.h"

#include <stdlib.h>

#include "conform_private.h"

/* Keys of rows as marks. What is not compared: `unique` and uniqueKeys with a null or a cell that
 * is not of its type; foreign keys of nothing but those. A primary key of nothing but those is a
 * violation at once. Elsewhere a null is a value like others, as with frictionless. */

enum { KEY_MEMORY_LEAST = 1 << 16 };

static const size_t *columns_of(struct conformer *conformer, const size_t *fields, size_t len)
{
    size_t *columns = arena_new_array(conformer->arena, size_t, len);
    for (size_t i = 0; i < len; i++) {
        columns[i] = conformer->column_of[fields[i]];
        if (columns[i] == NO_COLUMN)
            return NULL;
    }
    return columns;
}

static void keep_states(struct conformer *conformer, const size_t *columns, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        struct column_plan *plan = &conformer->columns[columns[i]];
        if (plan->key_states == NO_COLUMN)
            plan->key_states = conformer->key_column_count++;
    }
}

static void add_key(struct conformer *conformer, enum key_role role, const size_t *columns,
                    size_t len, uint32_t tally)
{
    keep_states(conformer, columns, len);
    *vec_push(conformer->arena, &conformer->keys) = (struct key_plan){
        .role = role, .columns = columns, .len = len, .tally = tally, .target = NO_COLUMN};
}

static struct str names_of(struct conformer *conformer, const struct schema_key *key)
{
    struct buf out = buf_in(conformer->arena);
    for (size_t i = 0; i < key->len; i++)
        buf_print(&out, "%s%.*s", i ? ", " : "",
                  STR_FMT(conformer->options.schema->fields[key->fields[i]].name));
    return buf_str(&out);
}

static void plan_unique(struct conformer *conformer)
{
    for (size_t i = 0; i < conformer->column_count; i++) {
        const struct schema_field *field = conformer->columns[i].field;
        if (!field || !field->unique)
            continue;
        size_t *column = arena_new(conformer->arena, size_t);
        *column = i;
        add_key(conformer, KEY_UNIQUE, column, 1,
                tally_add(conformer, KIND_UNIQUE, i + 1, field->name,
                          STR("values that do not repeat")));
    }
}

static void plan_key(struct conformer *conformer, enum key_role role, const struct schema_key *key)
{
    enum violation_kind kind = role == KEY_PRIMARY ? KIND_PRIMARY_KEY : KIND_UNIQUE_KEY;
    const size_t *columns = columns_of(conformer, key->fields, key->len);
    if (!key->len || !columns) /* a column that lacks has been told */
        return;
    struct str expected =
        str_print(conformer->arena, "%s of %.*s that do not repeat%s",
                  role == KEY_PRIMARY ? "keys" : "values", STR_FMT(names_of(conformer, key)),
                  role == KEY_PRIMARY ? " and are not null" : "");
    add_key(conformer, role, columns, key->len,
            tally_add(conformer, kind, 0, (struct str){0}, expected));
}

/* Columns of this table that a foreign key of it names. */
static FALLIBLE target_columns(struct conformer *conformer, const struct foreign_key *key,
                               const size_t **ret)
{
    size_t *fields = arena_new_array(conformer->arena, size_t, key->foreign.len);
    for (size_t i = 0; i < key->foreign.len; i++) {
        ptrdiff_t field = tableschema_find(conformer->options.schema, key->foreign.at[i]);
        if (field < 0)
            return error_new(ERROR_PROJECT, "%.*s: a foreign key names the field '%.*s', which %s",
                             STR_FMT(conformer->options.schema->name), STR_FMT(key->foreign.at[i]),
                             "the schema does not have");
        fields[i] = (size_t)field;
    }
    *ret = columns_of(conformer, fields, key->foreign.len);
    return NULL;
}

static FALLIBLE plan_foreign(struct conformer *conformer, const struct foreign_key *key)
{
    const size_t *columns = columns_of(conformer, key->own.fields, key->own.len), *targets = NULL;
    struct buf words = buf_in(conformer->arena);
    buf_print(&words, "%.*s in ", STR_FMT(names_of(conformer, &key->own)));
    for (size_t i = 0; i < key->foreign.len; i++)
        buf_print(&words, "%s%.*s", i ? ", " : "", STR_FMT(key->foreign.at[i]));
    if (key->resource.len)
        buf_print(&words, " of '%.*s'", STR_FMT(key->resource));
    if (!key->resource.len)
        TRY(target_columns(conformer, key, &targets));
    if (!columns)
        return NULL; /* no row has such a key */
    if (!key->resource.len && !targets)
        return error_new(ERROR_PROJECT,
                         "%.*s: there is no column for what a foreign key in this table refers to",
                         STR_FMT(table_name(conformer->options.table)));
    add_key(conformer, KEY_FOREIGN, columns, key->own.len,
            tally_add(conformer, KIND_FOREIGN_KEY, 0, (struct str){0}, buf_str(&words)));
    if (key->resource.len) {
        conformer->keys.at[conformer->keys.len - 1].foreign = key;
    } else {
        conformer->keys.at[conformer->keys.len - 1].target = conformer->keys.len;
        add_key(conformer, KEY_TARGET, targets, key->foreign.len, NO_TALLY);
    }
    return NULL;
}

static FALLIBLE open_sets(struct conformer *conformer)
{
    const struct table_schema *schema = conformer->options.schema;
    struct keyset_options options = conformer->options.keys;
    size_t count = conformer->keys.len + schema->foreign_key_count;
    int64_t bytes = options.memory_bytes ? options.memory_bytes : LIMIT_KEYSET_BYTES;
    options.memory_bytes = count ? MAX_OF(bytes / (int64_t)count, KEY_MEMORY_LEAST) : bytes;
    if (conformer->options.keys.memory_bytes)
        options.memory_bytes = MIN_OF(options.memory_bytes, bytes);
    vec_each (struct key_plan, key, &conformer->keys) {
        if (key->foreign)
            TRY(resource_keys(conformer, key->foreign, &options, &key->others));
        key->is_looked_up = key->others && keyset_is_in_memory(key->others);
        if (!key->is_looked_up)
            TRY(keyset_open(&options, &key->set));
    }
    return NULL;
}

FALLIBLE keys_plan(struct conformer *conformer)
{
    const struct table_schema *schema = conformer->options.schema;
    plan_unique(conformer);
    plan_key(conformer, KEY_PRIMARY, &schema->primary_key);
    for (size_t i = 0; i < schema->unique_key_count; i++)
        plan_key(conformer, KEY_UNIQUE_KEY, &schema->unique_keys[i]);
    for (size_t i = 0; i < schema->foreign_key_count; i++)
        TRY(plan_foreign(conformer, &schema->foreign_keys[i]));
    return open_sets(conformer);
}

void keys_drop(struct conformer *conformer)
{
    vec_each (struct key_plan, key, &conformer->keys) {
        keyset_drop(&key->set);
        keyset_drop(&key->others);
    }
}

enum { KEY_NULL = 0xff }; /* no encoding of a value begins like this */

void key_begin(struct key_text *key, size_t len)
{
    key->out.len = 0;
    key->len = len;
    key->valid = 0;
    key->nulls = 0;
}

void key_add(struct key_text *key, const struct caster *caster, const struct record_batch *batch,
             const struct raw_cell *cell, enum value_state state)
{
    key->valid += state == VALUE_VALID;
    key->nulls += state == VALUE_NULL || state == VALUE_MISSING;
    if (state == VALUE_VALID)
        cast_encode(caster, batch, cell, &key->out);
    else
        buf_add_char(&key->out, (char)KEY_NULL);
}

bool key_is_compared(const struct key_text *key, enum key_role role)
{
    switch (role) {
    case KEY_UNIQUE:
    case KEY_UNIQUE_KEY:
        return key->valid == key->len;
    case KEY_PRIMARY:
        return key->valid && !key->nulls;
    case KEY_FOREIGN:
    case KEY_TARGET:
        break;
    }
    return key->valid > 0;
}

static bool encode_row(const struct conformer *conformer, const struct key_plan *key,
                       const struct conform_slot *slot, const struct record_batch *batch,
                       size_t record, struct key_text *text)
{
    key_begin(text, key->len);
    for (size_t i = 0; i < key->len; i++) {
        const struct column_plan *plan = &conformer->columns[key->columns[i]];
        key_add(text, plan->caster, batch, batch_cell(batch, record, key->columns[i]),
                slot->states[plan->key_states * slot->record_cap + record]);
    }
    return key_is_compared(text, key->role);
}

static void visit_key(struct conformer *conformer, size_t at, struct conform_worker *worker,
                      struct conform_slot *slot, const struct record_batch *batch)
{
    const struct key_plan *key = &conformer->keys.at[at];
    struct key_entry *entries = slot->entries[at];
    size_t count = 0;
    for (size_t i = 0; i < batch->record_count; i++) {
        bool is_compared = encode_row(conformer, key, slot, batch, i, &worker->key);
        struct key_mark mark = key_mark_of(worker->key.out.at, worker->key.out.len);
        if (is_compared && !key->is_looked_up)
            entries[count++] = (struct key_entry){mark, batch_row(batch, i)};
        else if (is_compared ? !keyset_has(key->others, &mark) : key->role == KEY_PRIMARY)
            slot_add(slot, i, key->columns[0], key->tally, 1);
    }
    slot->entry_counts[at] = count;
}

void keys_visit(struct conformer *conformer, struct conform_worker *worker,
                struct conform_slot *slot, const struct record_batch *batch)
{
    for (size_t i = 0; i < conformer->keys.len; i++)
        visit_key(conformer, i, worker, slot, batch);
}

FALLIBLE keys_commit(struct conformer *conformer, struct conform_slot *slot)
{
    for (size_t i = 0; i < conformer->keys.len; i++)
        if (conformer->keys.at[i].set)
            TRY(keyset_add(conformer->keys.at[i].set, slot->entries[i], slot->entry_counts[i]));
    return NULL;
}
