/* What of a built-in evaluation can be told to be wrong before anything runs. */
#include "mlops/base/arena.h"

#include "evaluation_private.h"

/* Parts of the metrics file whose names are the data's. */
static bool is_of_data(struct str metric)
{
    static const char *const parts[] = {"classes.", "slices.", "trivial.", "intervals.", "rows"};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (str_starts(metric, str_of(parts[i])))
            return true;
    }
    return false;
}

static const char *nearest(struct arena *arena, enum task task, struct str metric)
{
    size_t count = 0, used = 0;
    const struct score_row *rows = score_rows(&count);
    const char **names = arena_new_array(arena, const char *, 2 * count);
    for (size_t i = 0; i < count; i++) {
        if (!(rows[i].tasks & 1U << task))
            continue;
        struct str name = str_of(rows[i].name);
        ptrdiff_t dot = str_find_last_char(name, '.');
        size_t row = 0;
        struct str last = str_slice(name, (size_t)(dot + 1), name.len);
        if (dot >= 0 && score_find(task, last, &row))
            names[used++] = last.at;
        names[used++] = rows[i].name;
    }
    return schema_suggest(metric, names, used);
}

static FALLIBLE check_gate(struct session *session, const struct stage *stage,
                           const struct gate *gate)
{
    enum task task = (enum task)stage->evaluating->task;
    size_t row = 0;
    if (evaluation_metric_row(stage, gate->metric, &row))
        return NULL;
    bool is_known = is_of_data(gate->metric);
    if (is_known && !gate->slices.len && gate->confidence <= 0)
        return NULL;
    if (is_known)
        return doc_error(gate->node,
                         "gate '%.*s': 'slices' and 'confidence' are for the metrics of all rows",
                         STR_FMT(gate->metric));
    const char *near = nearest(session->arena, task, gate->metric);
    return doc_error(gate->node, "gate '%.*s': a %s evaluation has no such metric%s%s%s",
                     STR_FMT(gate->metric), task_name(task), near ? " (did you mean '" : "",
                     near ? near : "", near ? "'?)" : "");
}

FALLIBLE evaluation_check(struct session *session, const struct stage *stage)
{
    struct error_list errors = {0};
    vec_each (const struct gate, gate, stage->gates)
        error_list_add(&errors, check_gate(session, stage, gate));
    return error_list_take(&errors);
}
