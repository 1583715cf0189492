#include "mlops/codec/json.h"

#include <math.h>

#include "conform_private.h"

/* Eight states at once: of a byte 0 to 3 the lowest bit of (s ^ s >> 1) is 0 for VALID and BAD. */
#define EACH_BYTE 0x0101010101010101U

static inline uint64_t load8(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

struct seen_states {
    bool has_bad, has_null;
};

/* Clears `blank` where a cell holds something, and tells whether there are nulls and bad cells. */
static struct seen_states look_at_states(const uint8_t *states, size_t count, uint8_t *blank)
{
    uint64_t bad = 0, empty = 0;
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        uint64_t word = load8(states + i), nulls = (word ^ word >> 1) & EACH_BYTE;
        uint64_t left = load8(blank + i) & nulls;
        bad |= word & word >> 1 & EACH_BYTE;
        empty |= nulls;
        memcpy(blank + i, &left, sizeof left);
    }
    for (; i < count; i++) {
        bool is_null = states[i] == VALUE_NULL || states[i] == VALUE_MISSING;
        bad |= states[i] == VALUE_BAD;
        empty |= is_null;
        blank[i] &= is_null;
    }
    return (struct seen_states){bad, empty};
}

static bool is_above_exactly(const struct column_plan *plan, const struct cell_check *check,
                             struct str text, int wanted)
{
    int order = cast_compare(plan->caster, text, check->bound_text);
    return wanted > 0 ? order > 0 : order < 0;
}

/* Whether equal doubles are equal values: decimals of up to 15 digits are, and whole numbers below
 * 2^53. */
static bool is_double_exact(const struct column_plan *plan, const struct cell_check *check,
                            struct str text, double number)
{
    enum { EXACT_DIGITS = 15 };
    if (plan->field->type == TYPE_INTEGER)
        return fabs(number) < 9007199254740992.0;
    if (plan->field->type == TYPE_NUMBER)
        return text.len <= EXACT_DIGITS && check->bound_text.len <= EXACT_DIGITS &&
               !memchr(text.at, 'e', text.len) && !memchr(text.at, 'E', text.len);
    return plan->field->type == TYPE_DATE || plan->field->type == TYPE_YEAR ||
           plan->field->type == TYPE_YEARMONTH;
}

/* Whether a cell is written as its bound is: in JSON numbers have no decimalChar of their own. */
static bool is_written_alike(const struct column_plan *plan, const struct raw_cell *cell)
{
    const struct schema_field *field = plan->field;
    return cell->kind == RAW_TEXT ||
           (cell->kind == RAW_NUMBER && !field->decimal_char.len && !field->group_char.len);
}

/* <0, 0, >0: the value against the bound. NaN is beyond every bound. */
static bool keeps_bound(const struct column_plan *plan, const struct cell_check *check,
                        const struct record_batch *batch, const struct raw_cell *cell,
                        double number)
{
    bool is_lower = check->kind == KIND_MINIMUM || check->kind == KIND_EXCLUSIVE_MINIMUM;
    bool is_exclusive =
        check->kind == KIND_EXCLUSIVE_MINIMUM || check->kind == KIND_EXCLUSIVE_MAXIMUM;
    struct str text = raw_text(batch, cell);
    if (number != check->bound)
        return is_lower ? number > check->bound : number < check->bound;
    if (!is_written_alike(plan, cell) || is_double_exact(plan, check, text, number))
        return !is_exclusive;
    return is_exclusive ? is_above_exactly(plan, check, text, is_lower ? 1 : -1)
                        : !is_above_exactly(plan, check, text, is_lower ? -1 : 1);
}

static void check_bound(const struct column_plan *plan, const struct cell_check *check,
                        struct conform_slot *slot, const struct record_batch *batch, size_t column,
                        const struct column_data *data)
{
    bool is_lower = check->kind == KIND_MINIMUM || check->kind == KIND_EXCLUSIVE_MINIMUM;
    for (size_t i = 0; i < data->count; i++) {
        double number = data->numbers[i];
        bool is_inside = is_lower ? number > check->bound : number < check->bound;
        if (!is_inside && data->states[i] == VALUE_VALID &&
            !keeps_bound(plan, check, batch, batch_cell(batch, i, column), number))
            slot_add(slot, i, column, check->tally, 1);
    }
}

static int64_t code_points(struct str text)
{
    int64_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += (text.at[i] & 0xc0) != 0x80;
    return count;
}

static FALLIBLE parse_cell(struct conform_worker *worker, struct str text, struct doc **ret)
{
    arena_reset(&worker->scratch);
    return json_parse_lenient(&worker->scratch, STR("cell"), text, ret);
}

/* Items of an array, members of an object; a cell that is none has been told by its type. */
static int64_t item_count(struct conform_worker *worker, struct str text)
{
    struct doc *doc = NULL;
    struct error *error = parse_cell(worker, text, &doc);
    error_drop(error);
    return !error && (doc->root->kind == DOC_LIST || doc->root->kind == DOC_MAP)
               ? (int64_t)doc->root->count
               : 0;
}

static FALLIBLE accepts_length(const struct column_plan *plan, const struct cell_check *check,
                               struct conform_worker *worker, const struct record_batch *batch,
                               struct str text, bool *ret)
{
    bool is_text = plan->field->type != TYPE_ARRAY && plan->field->type != TYPE_OBJECT;
    int64_t length = (int64_t)text.len;
    if (!is_text)
        length = item_count(worker, text);
    else if (!batch->is_ascii)
        length = code_points(text);
    *ret = check->kind == KIND_MIN_LENGTH ? length >= check->length : length <= check->length;
    return NULL;
}

static FALLIBLE accepts_json(const struct cell_check *check, struct conform_worker *worker,
                             struct str text, bool *ret)
{
    struct doc *doc = NULL;
    struct error *error = parse_cell(worker, text, &doc);
    *ret = !error;
    error_drop(error);
    return *ret ? jsoncheck_accepts(check->json, worker->patterns, doc->root, ret) : NULL;
}

static bool is_in_set(const struct column_plan *plan, const struct cell_check *check,
                      struct conform_worker *worker, const struct record_batch *batch,
                      const struct raw_cell *cell)
{
    struct buf *out = &worker->key.out;
    out->len = 0;
    cast_encode(plan->caster, batch, cell, out);
    return map_has(&check->set->encoded, buf_str(out));
}

static FALLIBLE accepts(const struct column_plan *plan, const struct cell_check *check,
                        struct conform_worker *worker, const struct record_batch *batch,
                        const struct raw_cell *cell, bool *ret)
{
    struct str text = raw_text(batch, cell);
    if (check->pattern)
        return pattern_matches(check->pattern, worker->patterns, text, batch->is_ascii, ret);
    if (check->json)
        return accepts_json(check, worker, text, ret);
    if (!check->set)
        return accepts_length(plan, check, worker, batch, text, ret);
    *ret = is_in_set(plan, check, worker, batch, cell);
    return NULL;
}

static inline size_t memo_slot(struct str text)
{
    uint64_t first = 0, last = 0;
    if (text.len >= 8) {
        memcpy(&first, text.at, 8);
        memcpy(&last, text.at + text.len - 8, 8);
    } else if (text.len) {
        memcpy(&first, text.at, text.len);
    }
    return (size_t)((first ^ last * 0x9e3779b97f4a7c15 ^ text.len) * 0xd6e8feb86659fd93 >> 54);
}

static inline bool memo_has(const struct value_memo *memo, struct str text)
{
    size_t slot = memo_slot(text);
    return memo->at[slot].used == text.len + 1 &&
           memcmp(memo->at[slot].bytes, text.at, text.len) == 0;
}

static void memo_keep(struct value_memo *memo, struct str text)
{
    size_t slot = memo_slot(text);
    memo->at[slot].used = (uint8_t)(text.len + 1);
    memcpy(memo->at[slot].bytes, text.at, text.len);
}

static FALLIBLE check_values(const struct column_plan *plan, const struct cell_check *check,
                             struct conform_worker *worker, struct conform_slot *slot,
                             const struct record_batch *batch, size_t column, const uint8_t *states)
{
    bool has_memo = (check->set || check->pattern) && check->memo < MEMO_CHECKS;
    for (size_t i = 0; i < batch->record_count; i++) {
        const struct raw_cell *cell = batch_cell(batch, i, column);
        struct str text = raw_text(batch, cell);
        bool is_short = has_memo && cell->kind == RAW_TEXT && text.len <= MEMO_BYTES;
        bool is_accepted = false;
        if (states[i] != VALUE_VALID || (is_short && memo_has(&worker->memos[check->memo], text)))
            continue;
        TRY_WITHIN(accepts(plan, check, worker, batch, cell, &is_accepted),
                   "%.*s: record %llu, field '%.*s'", STR_FMT(table_name(batch->table)),
                   (unsigned long long)batch_row(batch, i), STR_FMT(plan->field->name));
        if (!is_accepted)
            slot_add(slot, i, column, check->tally, 1);
        else if (is_short)
            memo_keep(&worker->memos[check->memo], text);
    }
    return NULL;
}

static void add_states(struct conform_slot *slot, const uint8_t *states, size_t count,
                       size_t column, uint32_t tally, bool wants_bad)
{
    for (size_t i = 0; i < count; i++)
        if (wants_bad ? states[i] == VALUE_BAD
                      : states[i] == VALUE_NULL || states[i] == VALUE_MISSING)
            slot_add(slot, i, column, tally, 1);
}

FALLIBLE conformer_visit_column(struct conformer *conformer, size_t worker_at, size_t slot_at,
                                const struct record_batch *batch, size_t column,
                                const struct column_data *data)
{
    const struct column_plan *plan = &conformer->columns[column];
    struct conform_worker *worker = &conformer->workers[worker_at];
    struct conform_slot *slot = &conformer->slots[slot_at];
    if (!plan->caster)
        return NULL;
    slot_begin(slot, conformer, batch);
    struct seen_states seen = look_at_states(data->states, data->count, slot->blank);
    if (seen.has_bad)
        add_states(slot, data->states, data->count, column, plan->type_tally, true);
    if (seen.has_null && plan->required_tally != NO_TALLY)
        add_states(slot, data->states, data->count, column, plan->required_tally, false);
    if (plan->key_states != NO_COLUMN)
        memcpy(slot->states + plan->key_states * slot->record_cap, data->states, data->count);
    vec_each (const struct cell_check, check, &plan->checks) {
        if (check->kind >= KIND_MINIMUM && check->kind <= KIND_EXCLUSIVE_MAXIMUM)
            check_bound(plan, check, slot, batch, column, data);
        else
            TRY(check_values(plan, check, worker, slot, batch, column, data->states));
    }
    return NULL;
}

struct value_set *value_set_make(struct conformer *conformer, const struct caster *caster,
                                 const struct constraint_values *values)
{
    struct value_set *set = arena_new(conformer->arena, struct value_set);
    set->arena = conformer->arena;
    for (size_t i = 0; i < values->len; i++) {
        struct str text = values->at[i].text;
        struct buf key = buf_in(conformer->arena);
        if (cast_text(caster, text, NULL) != VALUE_VALID)
            continue;
        cast_encode_text(caster, text, &key);
        map_put(conformer->arena, &set->encoded, buf_str(&key), set);
    }
    return set;
}
