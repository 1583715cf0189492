/* How metrics and parameters went on from state to state: docs/formats.md, "lineage.db", course. A
 * value is written where it changes, so what a new state costs is what differs from the one before.
 */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/model/filter.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "ledger_private.h"

/* What a stage has at one state, sorted by kind, file and key. */
struct value {
    const char *kind;
    struct str file, key, text; /* text.at NULL: the shortest text of the number */
    double number;
};

VEC(value_vec, struct value);

static int value_compare(const void *a, const void *b)
{
    const struct value *left = a, *right = b;
    int order = strcmp(left->kind, right->kind);
    order = order ? order : str_compare(left->file, right->file);
    return order ? order : str_compare(left->key, right->key);
}

static bool is_same_value(const struct value *a, const struct value *b)
{
    bool is_number = !isnan(a->number);
    if (is_number != !isnan(b->number) || !str_equal(a->text, b->text))
        return false;
    return !is_number || (a->number <= b->number && a->number >= b->number);
}

static bool is_nan_text(struct str text)
{
    static const char *const names[] = {"nan", "NaN", "NAN", ".nan", ".NaN", ".NAN", "-nan"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (str_is(text, names[i]))
            return true;
    return false;
}

/* The text that people are shown for the number anyway needs no room. */
static bool is_shortest(struct str text, double number)
{
    char shortest[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(shortest, sizeof shortest, "%.*g", digits, number);
        double again = strtod(shortest, NULL);
        if (again <= number && again >= number)
            break;
    }
    return str_is(text, shortest);
}

static void add_value(struct arena *arena, const char *kind, struct sql_row *row, double number,
                      struct value_vec *ret)
{
    struct value value = {.kind = kind, .number = number};
    struct str text = sql_text(row, 2);
    value.file = str_copy(arena, sql_text(row, 0));
    value.key = str_copy(arena, sql_text(row, 1));
    if (isnan(number))
        value.text = is_nan_text(text) ? STR("nan") : recipe_clip(arena, str_copy(arena, text));
    else if (!is_shortest(text, number))
        value.text = str_copy(arena, text);
    *vec_push(arena, ret) = value;
}

static FALLIBLE add_metrics(struct ledger *ledger, struct arena *arena, struct digest result,
                            struct value_vec *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    TRY(sql_select(ledger->sql, &row,
                   "SELECT file, key, text, value FROM metric"
                   " WHERE result = (SELECT id FROM result WHERE digest = ?) ORDER BY file, key",
                   "d", result));
    for (;;) {
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        add_value(arena, "metric", row, sql_real(row, 3), ret);
    }
}

/* What is left of rows besides maps: values of templates are not in the recipe. */
static void drop_sections(struct value_vec *values, size_t first)
{
    size_t kept = first;
    for (size_t i = first; i < values->len; i++)
        if (values->at[i].key.len && !str_starts(values->at[i].text, STR("{")))
            values->at[kept++] = values->at[i];
    values->len = kept;
}

/* Sorted. */
static void drop_repeated(struct value_vec *values)
{
    size_t kept = 0;
    for (size_t i = 0; i < values->len; i++)
        if (!kept || value_compare(&values->at[kept - 1], &values->at[i]) != 0)
            values->at[kept++] = values->at[i];
    values->len = kept;
}

/* A whole file, or a map in one: a value each for what is in it. */
static FALLIBLE add_sections(struct ledger *ledger, struct arena *arena, struct digest key,
                             struct value_vec *ret)
{
    struct recipe recipe = {0};
    struct recipe_param *params = NULL;
    size_t count = 0;
    bool found = false;
    TRY(ledger_load_recipe(ledger, arena, key, &recipe, &found));
    if (found)
        recipe_flatten(arena, recipe.params, recipe.param_count, &params, &count);
    for (size_t i = 0; i < count; i++) {
        struct value value = {.kind = "param", .file = params[i].file, .key = params[i].key};
        value.number = nan("");
        value.text = params[i].shown;
        if (filter_number_parse(value.text, &value.number) && is_shortest(value.text, value.number))
            value.text = (struct str){0};
        if (value.key.len && params[i].encoded.len)
            *vec_push(arena, ret) = value;
    }
    return NULL;
}

static FALLIBLE add_params(struct ledger *ledger, struct arena *arena, struct digest key,
                           struct value_vec *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false, has_sections = false;
    size_t before = ret->len;
    TRY(sql_select(ledger->sql, &row,
                   "SELECT file, key, text FROM param WHERE recipe ="
                   " (SELECT id FROM recipe WHERE key = ?) AND text IS NOT NULL ORDER BY file, key",
                   "d", key));
    for (;;) {
        TRY(sql_next(row, &found));
        if (!found)
            break;
        double number = nan("");
        struct str text = sql_text(row, 2);
        has_sections = has_sections || str_starts(text, STR("{")) || sql_text(row, 1).len == 0;
        (void)filter_number_parse(text, &number);
        add_value(arena, "param", row, number, ret);
    }
    if (!has_sections)
        return NULL;
    drop_sections(ret, before);
    return add_sections(ledger, arena, key, ret);
}

static FALLIBLE load_values(struct ledger *ledger, struct arena *arena,
                            const struct state_entry *entry, struct value_vec *ret)
{
    if (entry && !digest_is_zero(entry->result))
        TRY(add_metrics(ledger, arena, entry->result, ret));
    if (entry && !digest_is_zero(entry->key))
        TRY(add_params(ledger, arena, entry->key, ret));
    vec_sort(ret, value_compare);
    drop_repeated(ret);
    return NULL;
}

struct step {
    struct ledger *ledger;
    struct str pipeline, stage;
    int64_t state;
};

static FALLIBLE find_quantity(const struct step *step, const struct value *value, int64_t *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    TRY(sql_select(step->ledger->sql, &row,
                   "SELECT id FROM quantity WHERE key = ? AND kind = ? AND file = ? AND stage = ?"
                   " AND pipeline = ?",
                   "sssss", value->key, str_of(value->kind), value->file, step->stage,
                   step->pipeline));
    TRY(sql_next(row, &found));
    *ret = found ? sql_int(row, 0) : 0;
    return NULL;
}

static FALLIBLE put_value(const struct step *step, const struct value *value, bool is_gone)
{
    struct sql *sql = step->ledger->sql;
    int64_t id = 0;
    TRY(find_quantity(step, value, &id));
    if (id == 0) {
        TRY(sql_run(sql,
                    "INSERT INTO quantity (key, kind, file, stage, pipeline)"
                    " VALUES (?, ?, ?, ?, ?)",
                    "sssss", value->key, str_of(value->kind), value->file, step->stage,
                    step->pipeline));
        id = sql_last_id(sql);
    }
    return sql_run(sql, "INSERT INTO course (quantity, state, value, text) VALUES (?, ?, ?, ?)",
                   "iirs", id, step->state, is_gone ? nan("") : value->number,
                   is_gone ? (struct str){0} : value->text);
}

/* Both lists are sorted. */
static FALLIBLE put_differences(const struct step *step, const struct value_vec *before,
                                const struct value_vec *after)
{
    size_t i = 0, j = 0;
    while (i < before->len || j < after->len) {
        int order = i == before->len  ? 1
                    : j == after->len ? -1
                                      : value_compare(&before->at[i], &after->at[j]);
        if (order < 0)
            TRY(put_value(step, &before->at[i], true));
        else if (order > 0 || !is_same_value(&before->at[i], &after->at[j]))
            TRY(put_value(step, &after->at[j], false));
        i += order <= 0;
        j += order >= 0;
    }
    return NULL;
}

static FALLIBLE put_stage(struct step *step, struct arena *scratch,
                          const struct state_entry *before, const struct state_entry *after)
{
    struct value_vec old = {0}, new = {0};
    step->stage = before ? before->stage : after->stage;
    TRY(load_values(step->ledger, scratch, before, &old));
    TRY(load_values(step->ledger, scratch, after, &new));
    return put_differences(step, &old, &new);
}

static bool is_same_entry(const struct state_entry *a, const struct state_entry *b)
{
    return digest_equal(a->key, b->key) && digest_equal(a->result, b->result);
}

/* Both states are sorted by stage. */
static FALLIBLE put_step(struct step *step, const struct state *before, const struct state *after)
{
    AUTO(arena_drop) struct arena scratch = {0};
    size_t i = 0, j = 0;
    while (i < before->count || j < after->count) {
        const struct state_entry *old = i < before->count ? &before->entries[i] : NULL;
        const struct state_entry *new = j < after->count ? &after->entries[j] : NULL;
        int order = !old ? 1 : !new ? -1 : str_compare(old->stage, new->stage);
        if (order != 0)
            TRY(put_stage(step, &scratch, order < 0 ? old : NULL, order > 0 ? new : NULL));
        else if (!is_same_entry(old, new))
            TRY(put_stage(step, &scratch, old, new));
        i += order <= 0;
        j += order >= 0;
        arena_reset(&scratch);
    }
    return sql_run(step->ledger->sql, "INSERT INTO lane (pipeline, state) VALUES (?, ?)", "si",
                   step->pipeline, step->state);
}

/* The state that a pipeline was in before; empty: none. */
static FALLIBLE load_before(struct ledger *ledger, struct arena *arena, struct str pipeline,
                            struct state *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    TRY(sql_select(ledger->sql, &row, "SELECT max(state) FROM lane WHERE pipeline = ?", "s",
                   pipeline));
    TRY(sql_next(row, &found));
    if (!found || sql_is_null(row, 0))
        return NULL;
    return ledger_load_state_row(ledger, arena, sql_int(row, 0), ret);
}

FALLIBLE ledger_put_courses(struct ledger *ledger, struct str pipeline, int64_t id,
                            const struct state *state)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct step step = {.ledger = ledger, .pipeline = ledger_required(pipeline), .state = id};
    struct state before = {0};
    TRY(load_before(ledger, &scratch, step.pipeline, &before));
    return put_step(&step, &before, state);
}

/* Two arenas by turns: the state of now is the one before of the next. */
struct filling {
    struct ledger ledger;
    struct arena arenas[2];
    struct state states[2];
    struct str pipeline; /* of the state before */
    size_t turn;
};

static void filling_drop(struct filling *filling)
{
    arena_drop(&filling->arenas[0]);
    arena_drop(&filling->arenas[1]);
}

static FALLIBLE fill_state(struct filling *filling, struct str pipeline, int64_t id)
{
    size_t old = filling->turn, new = 1 - filling->turn;
    arena_reset(&filling->arenas[new]);
    if (!str_equal(filling->pipeline, pipeline)) {
        filling->states[old] = (struct state){0};
        TRY(load_before(&filling->ledger, &filling->arenas[old], pipeline, &filling->states[old]));
    }
    struct step step = {.ledger = &filling->ledger, .state = id};
    step.pipeline = filling->pipeline = str_copy(&filling->arenas[new], pipeline);
    TRY(ledger_load_state_row(&filling->ledger, &filling->arenas[new], id, &filling->states[new]));
    filling->turn = new;
    return put_step(&step, &filling->states[old], &filling->states[new]);
}

FALLIBLE ledger_fill_courses(struct sql *sql)
{
    AUTO(filling_drop) struct filling filling = {.ledger = {.sql = sql}};
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    TRY(sql_select(sql, &row,
                   "SELECT state, pipeline, min(sequence) FROM run WHERE state IS NOT NULL"
                   " GROUP BY state ORDER BY state",
                   ""));
    for (;;) {
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        TRY(fill_state(&filling, sql_text(row, 1), sql_int(row, 0)));
    }
}
