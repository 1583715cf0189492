/* Columns of many runs at once: one pass over the runs, and one over the course of each quantity
 * that is asked for. */
#include "mlops/base/arena.h"

#include <math.h>

#include "ledger_private.h"

static struct filter_value absent(void)
{
    return (struct filter_value){.number = nan("")};
}

static FALLIBLE ready_courses(struct ledger *ledger)
{
    if (ledger->version >= FORMAT_COURSES || ledger->has_courses)
        return NULL;
    TRY_WITHIN(ledger_courses_in_memory(ledger->sql),
               "can't read metrics of an older lineage database");
    ledger->has_courses = true;
    return NULL;
}

VEC(quantity_vec, struct ledger_quantity);

FALLIBLE ledger_quantities(struct ledger *ledger, struct arena *arena, struct ledger_quantity **ret,
                           size_t *ret_count)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    struct quantity_vec found = {0};
    bool is_row = false;
    TRY(ready_courses(ledger));
    TRY(sql_select(ledger->sql, &row,
                   "SELECT DISTINCT kind, key, file FROM quantity ORDER BY kind, key, file", ""));
    for (;;) {
        TRY(sql_next(row, &is_row));
        if (!is_row)
            break;
        *vec_push(arena, &found) = (struct ledger_quantity){
            .is_param = str_is(sql_text(row, 0), "param"),
            .key = str_copy(arena, sql_text(row, 1)),
            .file = str_copy(arena, sql_text(row, 2)),
        };
    }
    *ret = found.at;
    *ret_count = found.len;
    return NULL;
}

/* The states of a pipeline, ascending. */
struct lane {
    struct str pipeline;
    struct state_numbers {
        int64_t *at;
        size_t len, cap;
    } states;
};

VEC(lane_vec, struct lane);

struct scanning {
    struct ledger *ledger;
    struct arena *arena;
    const struct ledger_want *wants;
    size_t want_count, cap;
    int64_t state_most;
    struct lane_vec lanes; /* those that were needed */
    struct ledger_scan scan;
};

static void grow(struct scanning *scanning)
{
    struct ledger_scan *scan = &scanning->scan;
    size_t cap = scanning->cap ? scanning->cap * 2 : 256, count = scan->count;
    int64_t *sequences = arena_new_array(scanning->arena, int64_t, cap);
    int64_t *states = arena_new_array(scanning->arena, int64_t, cap);
    memcpy(sequences, count ? scan->sequences : sequences, count * sizeof *sequences);
    memcpy(states, count ? scan->states : states, count * sizeof *states);
    scan->sequences = sequences;
    scan->states = states;
    scanning->cap = cap;
    for (size_t i = 0; i < scanning->want_count; i++) {
        struct filter_value *column = arena_new_array(scanning->arena, struct filter_value, cap);
        memcpy(column, count ? scan->columns[i] : column, count * sizeof *column);
        scan->columns[i] = column;
    }
}

/* Neighbours often have the same user, host and branch. */
static struct filter_value text_value(struct arena *arena, struct str text,
                                      const struct filter_value *last)
{
    struct filter_value value = absent();
    if (text.len == 0)
        return value;
    value.text = last && str_equal(last->text, text) ? last->text : str_copy(arena, text);
    return value;
}

static bool is_number_field(enum ledger_field field)
{
    return field >= LEDGER_STAGES || field == LEDGER_STARTED || field == LEDGER_DURATION;
}

/* Columns of the row: sequence, state, then the fields that are asked for. */
static void take_row(struct scanning *scanning, struct sql_row *row)
{
    struct ledger_scan *scan = &scanning->scan;
    size_t at = scan->count++;
    scan->sequences[at] = sql_int(row, 0);
    scan->states[at] = sql_int(row, 1);
    scanning->state_most = MAX_OF(scanning->state_most, scan->states[at]);
    int column = 1;
    for (size_t i = 0; i < scanning->want_count; i++) {
        const struct ledger_want *want = &scanning->wants[i];
        struct filter_value *values = scan->columns[i];
        if (want->quantity)
            continue;
        column++;
        if (is_number_field(want->field))
            values[at] = (struct filter_value){.number = (double)sql_int(row, column)};
        else
            values[at] =
                text_value(scanning->arena, sql_text(row, column), at ? &values[at - 1] : NULL);
    }
}

/* What a field is in SQL. */
static const char *const expressions[] = {
    [LEDGER_RUN] = "id",
    [LEDGER_STARTED] = "started_ns",
    [LEDGER_STATUS] = "run.status",
    [LEDGER_DURATION] = "duration_ns",
    [LEDGER_COMMIT] = "commit_id",
    [LEDGER_BRANCH] = "branch",
    [LEDGER_DIRTY] = "CASE dirty WHEN 1 THEN 'true' WHEN 0 THEN 'false' END",
    [LEDGER_NAME] = "run.name",
    [LEDGER_TAGS] = ("(SELECT group_concat(word, ' ') FROM (SELECT tag.name AS word FROM tag"
                     " WHERE tag.run = sequence ORDER BY tag.name))"),
    [LEDGER_PARENT] = "parent",
    [LEDGER_PIPELINE] = "pipeline",
    [LEDGER_USER] = "user",
    [LEDGER_HOST] = "host",
    [LEDGER_VERSION] = "version",
    [LEDGER_ARGUMENTS] = "argv",
    [LEDGER_REMOTE] = "remote",
    [LEDGER_STAGES] = "stages",
    [LEDGER_EXECUTED] = "executed",
    [LEDGER_RESTORED] = "restored",
    [LEDGER_UNCHANGED] = "unchanged",
    [LEDGER_FAILED] = "failed",
    [LEDGER_REJECTED] = "rejected",
    [LEDGER_UNCONFIRMED] = "unconfirmed",
    [LEDGER_SKIPPED] = "skipped",
    [LEDGER_INTERRUPTED] = "interrupted",
    [LEDGER_HASHED_FILES] = "hashed_files",
    [LEDGER_HASHED_BYTES] = "hashed_bytes",
    [LEDGER_SAVED] = "saved_ns",
};

/* Only what is asked for is read. The text lives as long as the statement made of it. */
static const char *select_text(const struct scanning *scanning)
{
    struct buf text = buf_in(scanning->ledger->arena);
    buf_add_text(&text, "SELECT sequence, state");
    for (size_t i = 0; i < scanning->want_count; i++)
        if (!scanning->wants[i].quantity)
            buf_print(&text, ", %s", expressions[scanning->wants[i].field]);
    buf_add_text(&text, " FROM run" FILTER_RUNS);
    return text.at;
}

static FALLIBLE read_runs(struct scanning *scanning, const struct ledger_filter *filter)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    const char *status =
        filter->status ? run_status_name((enum run_status)(filter->status - 1)) : NULL;
    TRY(sql_select(scanning->ledger->sql, &row, select_text(scanning), "sssssisi",
                   ledger_optional(filter->pipeline), ledger_optional(filter->branch),
                   str_of(status), ledger_optional(filter->stage), ledger_optional(filter->tag),
                   filter->limit > 0 ? filter->limit : INT64_C(-1), ledger_optional(filter->sweep),
                   (int64_t)filter->without_trials));
    for (;;) {
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        if (scanning->scan.count == scanning->cap)
            grow(scanning);
        take_row(scanning, row);
    }
}

/* Values of one quantity by the number of the state, and since which state each holds. */
struct by_state {
    struct filter_value *values;
    int64_t *since;
    size_t count;
};

struct course {
    struct arena *arena;
    struct sql_row *row;
    bool is_row;
    struct filter_value value; /* at the state that was asked about last */
    int64_t since;
};

/* Up to a state of the lane. */
static FALLIBLE course_go(struct course *course, int64_t state)
{
    while (course->is_row && sql_int(course->row, 0) <= state) {
        struct filter_value last = course->value;
        course->value = text_value(course->arena, sql_text(course->row, 2), &last);
        course->value.number = sql_real(course->row, 1);
        course->since = sql_int(course->row, 0);
        TRY(sql_next(course->row, &course->is_row));
    }
    return NULL;
}

static FALLIBLE load_lane(struct scanning *scanning, struct str pipeline, const struct lane **ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    vec_each (const struct lane, known, &scanning->lanes) {
        *ret = known;
        if (str_equal(known->pipeline, pipeline))
            return NULL;
    }
    struct lane *lane = vec_push(scanning->arena, &scanning->lanes);
    lane->pipeline = str_copy(scanning->arena, pipeline);
    *ret = lane;
    TRY(sql_select(scanning->ledger->sql, &row,
                   "SELECT state FROM lane WHERE pipeline = ? ORDER BY state", "s", pipeline));
    for (;;) {
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        *vec_push(scanning->arena, &lane->states) = sql_int(row, 0);
    }
}

static FALLIBLE follow(const struct lane *lane, struct course *course, struct by_state *ret)
{
    vec_each (const int64_t, state, &lane->states) {
        if ((size_t)*state >= ret->count)
            return NULL;
        TRY(course_go(course, *state));
        bool is_absent = isnan(course->value.number) && !course->value.text.at;
        if (is_absent || ret->since[*state] >= course->since)
            continue;
        ret->values[*state] = course->value;
        ret->since[*state] = course->since;
    }
    return NULL;
}

/* One stage of one pipeline that has the quantity. */
static FALLIBLE follow_quantity(struct scanning *scanning, int64_t id, struct str pipeline,
                                struct by_state *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    struct course course = {.arena = scanning->arena, .value = absent()};
    const struct lane *lane = NULL;
    TRY(load_lane(scanning, pipeline, &lane));
    TRY(sql_select(scanning->ledger->sql, &row,
                   "SELECT state, value, text FROM course WHERE quantity = ? ORDER BY state", "i",
                   id));
    course.row = row;
    TRY(sql_next(row, &course.is_row));
    return follow(lane, &course, ret);
}

static FALLIBLE read_quantity(struct scanning *scanning, const struct ledger_quantity *quantity,
                              struct by_state *ret)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    TRY(sql_select(scanning->ledger->sql, &row,
                   "SELECT id, pipeline FROM quantity WHERE key = ? AND kind = ? AND file = ?"
                   " ORDER BY id",
                   "sss", ledger_required(quantity->key),
                   quantity->is_param ? STR("param") : STR("metric"),
                   ledger_required(quantity->file)));
    for (;;) {
        TRY(sql_next(row, &found));
        if (!found)
            return NULL;
        TRY(follow_quantity(scanning, sql_int(row, 0), sql_text(row, 1), ret));
    }
}

static FALLIBLE fill_column(struct scanning *scanning, size_t column)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct ledger_scan *scan = &scanning->scan;
    struct by_state by_state = {.count = (size_t)scanning->state_most + 1};
    by_state.values = arena_new_array(&scratch, struct filter_value, by_state.count);
    by_state.since = arena_new_array(&scratch, int64_t, by_state.count);
    for (size_t i = 0; i < by_state.count; i++)
        by_state.values[i] = absent();
    TRY(read_quantity(scanning, scanning->wants[column].quantity, &by_state));
    for (size_t i = 0; i < scan->count; i++)
        scan->columns[column][i] = by_state.values[scan->states[i]];
    return NULL;
}

FALLIBLE ledger_scan_runs(struct ledger *ledger, struct arena *arena,
                          const struct ledger_filter *filter, const struct ledger_want *wants,
                          size_t want_count, struct ledger_scan *ret)
{
    struct scanning scanning = {
        .ledger = ledger, .arena = arena, .wants = wants, .want_count = want_count};
    for (size_t i = 0; i < want_count; i++)
        if (wants[i].quantity)
            TRY(ready_courses(ledger));
    scanning.scan.columns = arena_new_array(arena, struct filter_value *, want_count);
    grow(&scanning);
    TRY(read_runs(&scanning, filter));
    for (size_t i = 0; i < want_count; i++)
        if (wants[i].quantity)
            TRY(fill_column(&scanning, i));
    *ret = scanning.scan;
    return NULL;
}
