#include "mlops/base/check.h"
#include "mlops/base/limits.h"

#include <math.h>
#include <stdlib.h>

#include "profile_private.h"

enum { VALUES_LEAST = 8, VALUE_BYTES_LEAST = 512 };

bool type_has_numbers(enum field_type type)
{
    switch (type) {
    case TYPE_NUMBER:
    case TYPE_INTEGER:
    case TYPE_DATETIME:
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_YEAR:
    case TYPE_YEARMONTH:
    case TYPE_DURATION:
        return true;
    case TYPE_ANY:
    case TYPE_STRING:
    case TYPE_BOOLEAN:
    case TYPE_OBJECT:
    case TYPE_ARRAY:
    case TYPE_LIST:
    case TYPE_GEOPOINT:
    case TYPE_GEOJSON:
    case TYPE_COUNT:
        break;
    }
    return false;
}

/* --- how states are read -------------------------------------------------------------------- */

static void rule_for_classes(struct column_rule *rule)
{
    static const uint8_t roles[CLASS_COUNT] = {
        [CLASS_NULL] = ROLE_NULL,   [CLASS_INTEGER] = ROLE_NUMBER,
        [CLASS_REAL] = ROLE_NUMBER, [CLASS_BOOLEAN] = ROLE_NUMBER,
        [CLASS_DATE] = ROLE_NUMBER, [CLASS_DATETIME] = ROLE_NUMBER,
        [CLASS_TIME] = ROLE_NUMBER, [CLASS_JSON] = ROLE_TEXT,
        [CLASS_TEXT] = ROLE_TEXT,
    };
    memcpy(rule->roles, roles, sizeof roles);
    for (size_t i = CLASS_BOOLEAN; i <= CLASS_TIME; i++)
        rule->salts[i] = bits_mix(i);
    rule->has_lengths[CLASS_TEXT] = true;
}

static void rule_for_type(struct column_rule *rule, enum field_type type)
{
    bool has_numbers = type_has_numbers(type) || type == TYPE_BOOLEAN;
    rule->is_cast = true;
    rule->roles[VALUE_VALID] = has_numbers ? ROLE_NUMBER : ROLE_TEXT;
    rule->roles[VALUE_NULL] = rule->roles[VALUE_MISSING] = ROLE_NULL;
    rule->roles[VALUE_BAD] = ROLE_BAD;
    rule->has_lengths[VALUE_VALID] = type == TYPE_STRING || type == TYPE_ANY;
}

static void open_rules(struct profiler *profiler)
{
    profiler->rules = arena_new_array(&profiler->arena, struct column_rule, profiler->column_count);
    for (size_t i = 0; i < profiler->column_count; i++) {
        if (profiler->types && profiler->types[i] != TYPE_COUNT)
            rule_for_type(&profiler->rules[i], profiler->types[i]);
        else
            rule_for_classes(&profiler->rules[i]);
    }
}

/* --- opening -------------------------------------------------------------------------------- */

static size_t share(int64_t budget, size_t columns, size_t least, size_t most)
{
    size_t each = (size_t)budget / MAX_OF(columns, (size_t)1);
    return each < least ? least : MIN_OF(each, most);
}

static void open_limits(struct profiler *profiler)
{
    size_t columns = profiler->column_count;
    profiler->limits.values = share(LIMIT_SAMPLE_VALUES, columns, VALUES_LEAST, PROFILE_VALUES);
    profiler->limits.bytes = share(LIMIT_SAMPLE_VALUE_BYTES, columns, VALUE_BYTES_LEAST,
                                   (size_t)LIMIT_SAMPLE_VALUE_BYTES / 32);
    profiler->sketch_bits = SKETCH_BITS;
    while (profiler->sketch_bits > SKETCH_BITS_LEAST &&
           columns << profiler->sketch_bits > (size_t)LIMIT_SAMPLE_VALUE_BYTES)
        profiler->sketch_bits--;
}

static void open_worker(struct profiler *profiler, struct profile_worker *worker)
{
    worker->columns = arena_new_array(&profiler->arena, struct column_sums, profiler->column_count);
    for (size_t i = 0; i < profiler->column_count; i++) {
        worker->columns[i].min = HUGE_VAL;
        worker->columns[i].max = -HUGE_VAL;
        worker->columns[i].hint = CLASS_TEXT;
    }
}

FALLIBLE profiler_open(const struct profiler_options *options, struct profiler **ret)
{
    struct arena arena = {0};
    struct profiler *profiler = arena_new(&arena, struct profiler);
    profiler->names = options->names;
    profiler->types = options->types;
    profiler->column_count = options->column_count;
    profiler->worker_count = options->workers;
    profiler->slot_count = options->slots;
    profiler->workers = arena_new_array(&arena, struct profile_worker, options->workers);
    profiler->slots = arena_new_array(&arena, struct profile_slot, options->slots);
    profiler->moments = arena_new_array(&arena, struct wide_moments, options->column_count);
    profiler->arena = arena;
    open_rules(profiler);
    open_limits(profiler);
    for (size_t i = 0; i < options->workers; i++)
        open_worker(profiler, &profiler->workers[i]);
    for (size_t i = 0; i < options->slots; i++)
        profiler->slots[i].moments =
            arena_new_array(&profiler->arena, struct moments, options->column_count);
    sample_open(&profiler->arena, &profiler->sample, options->column_count);
    *ret = profiler;
    return NULL;
}

static void worker_drop(struct profiler *profiler, struct profile_worker *worker)
{
    for (size_t i = 0; i < profiler->column_count; i++) {
        value_table_drop(&worker->columns[i].values);
        free(worker->columns[i].sketch);
        free(worker->columns[i].null_words);
    }
    free(worker->numbers);
}

void profiler_drop(struct profiler **profiler)
{
    struct profiler *dropped = *profiler;
    if (!dropped)
        return;
    for (size_t i = 0; i < dropped->worker_count; i++)
        worker_drop(dropped, &dropped->workers[i]);
    for (size_t i = 0; i < dropped->slot_count; i++) {
        free(dropped->slots[i].records);
        free(dropped->slots[i].hashes);
        free(dropped->slots[i].cells);
    }
    sample_drop(&dropped->sample);
    struct arena arena = dropped->arena;
    arena_drop(&arena);
    *profiler = NULL;
}

/* --- a batch -------------------------------------------------------------------------------- */

static void count_states(const struct column_data *data, uint64_t counts[STATES])
{
    uint32_t lanes[4][STATES] = {0};
    size_t i = 0;
    for (; i + 4 <= data->count; i += 4) {
        const uint8_t *states = data->states + i;
        lanes[0][states[0] % STATES]++;
        lanes[1][states[1] % STATES]++;
        lanes[2][states[2] % STATES]++;
        lanes[3][states[3] % STATES]++;
    }
    for (; i < data->count; i++)
        lanes[0][data->states[i] % STATES]++;
    for (size_t j = 0; j < STATES; j++)
        counts[j] = (uint64_t)lanes[0][j] + lanes[1][j] + lanes[2][j] + lanes[3][j];
}

/* Adds up classes and roles; finds the most frequent class and whether numbers have one axis. */
static void add_states(struct column_visit *visit, const uint64_t counts[STATES],
                       uint64_t roles[ROLE_COUNT])
{
    size_t axes = 0, most = CLASS_NULL;
    for (size_t i = 0; i < CLASS_COUNT; i++) {
        uint8_t role = visit->rule->roles[i];
        roles[role] += counts[i];
        if (!visit->rule->is_cast)
            visit->sums->classes[i] += counts[i];
        if (role == ROLE_NULL || counts[i] == 0)
            continue;
        axes += axes == 0 || visit->rule->salts[i] != visit->salt;
        visit->salt = visit->rule->salts[i];
        most = most == CLASS_NULL || counts[i] > counts[most] ? i : most;
    }
    for (size_t i = 0; i < ROLE_COUNT; i++)
        visit->sums->roles[i] += roles[i];
    visit->is_plain = axes == 1 && roles[ROLE_TEXT] + roles[ROLE_BAD] == 0;
    if (most != CLASS_NULL)
        visit->sums->hint = (uint8_t)most;
}

static struct moments visit_column(struct column_visit *visit)
{
    struct moments moments = {0};
    uint64_t counts[STATES], roles[ROLE_COUNT] = {0};
    count_states(visit->data, counts);
    add_states(visit, counts, roles);
    if (roles[ROLE_NUMBER]) {
        moments = profile_visit_numbers(visit);
        visit->is_plain &=
            visit->magnitude < EXACT_MOST && visit->number_count == roles[ROLE_NUMBER];
        if (visit->number_count != roles[ROLE_NUMBER])
            profile_visit_odd(visit);
    }
    profile_visit_values(visit);
    profile_visit_texts(visit, roles[ROLE_TEXT] > 0);
    if (roles[ROLE_NULL] && !visit->rule->is_cast)
        profile_visit_nulls(visit);
    return moments;
}

static void make_room(struct profile_worker *worker, size_t count)
{
    if (count <= worker->cap)
        return;
    worker->numbers = memory_grow(worker->numbers, count * sizeof *worker->numbers);
    worker->cap = count;
}

static void begin_batch(struct profiler *profiler, struct profile_slot *slot,
                        const struct record_batch *batch)
{
    slot->is_open = true;
    slot->index = batch->index;
    memset(slot->moments, 0, profiler->column_count * sizeof *slot->moments);
    sample_begin(&profiler->sample, slot, batch);
}

FALLIBLE profiler_visit(struct profiler *profiler, size_t worker, size_t slot,
                        const struct record_batch *batch, size_t column,
                        const struct column_data *data)
{
    check(worker < profiler->worker_count && slot < profiler->slot_count);
    check(column < profiler->column_count);
    struct profile_worker *own = &profiler->workers[worker];
    struct profile_slot *into = &profiler->slots[slot];
    if (!into->is_open || into->index != batch->index)
        begin_batch(profiler, into, batch);
    make_room(own, data->count);
    struct column_visit visit = {
        .batch = batch,
        .data = data,
        .rule = &profiler->rules[column],
        .sums = &own->columns[column],
        .column = column,
        .limits = profiler->limits,
        .sketch_bits = profiler->sketch_bits,
        .numbers = own->numbers,
    };
    into->moments[column] = visit_column(&visit);
    sample_visit(&visit, into);
    return NULL;
}

FALLIBLE profiler_commit(struct profiler *profiler, size_t slot, const struct record_batch *batch)
{
    struct profile_slot *from = &profiler->slots[slot];
    profiler->record_count += batch->record_count;
    if (!from->is_open || from->index != batch->index)
        return NULL;
    for (size_t i = 0; i < profiler->column_count; i++)
        moments_merge(&profiler->moments[i], &from->moments[i]);
    sample_commit(&profiler->sample, from, batch);
    from->is_open = false;
    return NULL;
}

enum value_class profiler_hint(const struct profiler *profiler, size_t worker, size_t column)
{
    return (enum value_class)profiler->workers[worker].columns[column].hint;
}
