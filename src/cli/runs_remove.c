/* `mlops runs rm`. */
#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/base/moment.h"
#include "mlops/cli/report_run.h"
#include "mlops/cli/runs.h"
#include "mlops/cli/sweep.h"
#include "mlops/cli/view.h"
#include "mlops/engine/session.h"
#include "mlops/model/name.h"

VEC(run_vec, struct run);
VEC(sequence_vec, int64_t);
VEC(lock_vec, struct digest);

/* Each once, in the order they were named. */
struct removing {
    struct context *context;
    struct ledger *ledger;
    struct workspace *workspace;
    struct run_vec runs;
    struct sequence_vec sequences;
    struct lock_vec locks;
    struct map seen; /* ids of runs, paths of pipelines */
    struct sweep_row sweep;
    bool has_sweep;
};

static void add_run(struct removing *removing, const struct run *run)
{
    struct arena *arena = removing->context->arena;
    if (map_put(arena, &removing->seen, run->id, removing))
        return;
    *vec_push(arena, &removing->runs) = *run;
    *vec_push(arena, &removing->sequences) = run->sequence;
}

static FALLIBLE add_trials(struct removing *removing, struct str word)
{
    struct context *context = removing->context;
    struct run *runs = NULL;
    size_t count = 0;
    bool is_busy = false;
    TRY(sweep_choose(context, word, &removing->sweep));
    removing->has_sweep = true;
    TRY(sweeps_is_busy(removing->workspace, &removing->sweep, -1, &is_busy));
    if (is_busy)
        return error_hint(error_new(ERROR_USAGE, "sweep '%.*s' is going on", STR_FMT(word)),
                          "stop it first, or wait until it has ended");
    const struct ledger_filter filter = {.sweep = removing->sweep.ulid};
    TRY(ledger_list_runs(removing->ledger, context->arena, &filter, &runs, &count));
    for (size_t i = 0; i < count; i++)
        add_run(removing, &runs[i]);
    return NULL;
}

/* A pipeline that is gone, or can't be read, has no lock file that a run could be needed for. */
static void add_lock(struct removing *removing, struct str pipeline)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct session session = {0};
    struct session_options options = {
        .cwd = removing->workspace->root, .pipeline = pipeline, .is_read_only = true};
    struct error *error = session_open(&arena, &options, &session);
    if (!error)
        *vec_push(removing->context->arena, &removing->locks) = session_lock_digest(&session);
    if (!error)
        session_drop(&session);
    error_drop(error);
}

static void add_locks(struct removing *removing)
{
    vec_each (const struct run, run, &removing->runs)
        if (!map_put(removing->context->arena, &removing->seen, run->pipeline, removing))
            add_lock(removing, run->pipeline);
}

static const struct column columns[] = {
    {.name = "run", .title = "RUN"},
    {.name = "started", .title = "STARTED", .drop = 1},
    {.name = "status", .title = "STATUS"},
    {.name = "labels", .title = "NAME", .may_shrink = true},
};

static struct table table_of(const struct removing *removing)
{
    struct arena *arena = removing->context->arena;
    struct table table = table_make(arena, columns, COUNT_OF(columns));
    vec_each (const struct run, run, &removing->runs) {
        struct cell *row = table_add(&table);
        row[0] = cell_shown(ulid_short(run->id), run->id);
        row[1] =
            cell_shown(report_when(arena, run->started_ns), moment_print(arena, run->started_ns));
        row[2] = cell_toned(cell_text(str_of(run_status_name(run->status))),
                            run_status_tone(run->status));
        row[3] = cell_text(run_labels(arena, run));
    }
    return table;
}

static void print_json(const struct removing *removing, const struct table *table, bool dry)
{
    struct json_writer json = report_json_open(removing->context);
    json_name(&json, "dry_run");
    json_bool(&json, dry);
    json_name(&json, "sweep");
    if (removing->has_sweep)
        json_str(&json, removing->sweep.ulid);
    else
        json_null(&json);
    json_name(&json, "runs");
    report_json_rows(&json, table);
    report_json_close(&json);
}

static void print_text(const struct removing *removing, const struct table *table, bool dry)
{
    struct context *context = removing->context;
    struct buf *out = &context->out;
    if (dry)
        report_table(context, table, "runs");
    if (context->format != FORMAT_TABLE)
        return;
    buf_print(out, "%s %zu run%s", dry ? "would remove" : "removed", removing->runs.len,
              removing->runs.len == 1 ? "" : "s");
    if (removing->has_sweep)
        buf_print(out, " and sweep %.*s", STR_FMT(ulid_short(removing->sweep.ulid)));
    buf_add_char(out, '\n');
    if (!dry)
        context_notice(context, "what only they made is freed by 'mlops gc --yes' when it is "
                                "older than gc.grace (a day)");
}

static FALLIBLE collect(struct removing *removing, const struct str *words, size_t count,
                        struct str sweep)
{
    if (sweep.len)
        TRY(add_trials(removing, sweep));
    for (size_t i = 0; i < count; i++) {
        struct run *run = NULL;
        TRY(view_find_run(removing->context, words[i], &run));
        add_run(removing, run);
    }
    add_locks(removing);
    return NULL;
}

struct error *runs_remove(struct context *context, const struct str *words, size_t count,
                          struct str sweep, bool dry)
{
    struct removing removing = {.context = context};
    TRY(context_project(context, &removing.workspace));
    TRY(context_ledger_for_writing(context, &removing.ledger));
    TRY(collect(&removing, words, count, sweep));
    struct ledger_removal removal = {removing.sequences.at, removing.sequences.len,
                                     removing.locks.at, removing.locks.len, dry};
    TRY(ledger_remove_runs(removing.ledger, &removal));
    if (removing.has_sweep && !dry)
        TRY(sweeps_remove(removing.ledger, removing.workspace, &removing.sweep));
    struct table table = table_of(&removing);
    if (context->format == FORMAT_JSON)
        print_json(&removing, &table, dry);
    else
        print_text(&removing, &table, dry);
    return NULL;
}
