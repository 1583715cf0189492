/* `mlops sweep show` and `mlops sweep list`: as text, Markdown, CSV, JSON or a page. */
#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/store/ledger.h"

#include <math.h>

#include "sweep_private.h"

/* --- which sweep ---------------------------------------------------------------------------- */

static FALLIBLE no_sweep(void)
{
    return error_hint(error_new(ERROR_USAGE, "no sweep was made in this project"),
                      "mlops sweep -S 'KEY=VALUE,VALUE,...' --metric METRIC");
}

static FALLIBLE several(struct arena *arena, struct str word, const struct sweep_row *rows,
                        size_t count)
{
    struct buf names = buf_in(arena);
    for (size_t i = 0; i < count; i++)
        buf_print(&names, "%s%.*s", i ? ", " : "", STR_FMT(sweep_short_id(rows[i].ulid)));
    return error_hint(error_new(ERROR_USAGE, "'%.*s' may be %zu sweeps: %.*s", STR_FMT(word), count,
                                STR_FMT(buf_str(&names))),
                      "give more of its id: 'mlops sweep list'");
}

struct error *sweep_choose(struct context *context, struct str word, struct sweep_row *ret)
{
    struct ledger *ledger = NULL;
    struct sweep_row *rows = NULL;
    size_t count = 0;
    TRY(context_ledger(context, &ledger));
    if (word.len == 0) {
        TRY(sweeps_list(ledger, context->arena, false, &rows, &count));
        if (count == 0)
            TRY(sweeps_list(ledger, context->arena, true, &rows, &count));
        if (count == 0)
            return no_sweep();
        *ret = rows[0];
        return NULL;
    }
    TRY(sweeps_find(ledger, context->arena, word, &rows, &count));
    if (count == 0)
        return error_hint(error_new(ERROR_USAGE, "there is no sweep '%.*s'", STR_FMT(word)),
                          "'mlops sweep list' shows them");
    if (count > 1)
        return several(context->arena, word, rows, count);
    *ret = rows[0];
    return NULL;
}

/* --- text ----------------------------------------------------------------------------------- */

static void add_paragraph(struct context *context, const char *name, struct str text)
{
    enum { INDENT = 12 };
    if (text.len == 0)
        return;
    struct buf safe = buf_in(context->arena);
    report_add_toned(context, TONE_DIM, str_print(context->arena, "%-*s", INDENT, name));
    buf_add_escaped(&safe, text, false);
    report_line(context, buf_str(&safe), INDENT, INDENT);
}

static void print_head(struct context *context, const struct sweep_result *result)
{
    const struct sweep_row *row = result->row;
    buf_add_text(&context->out, row->is_single ? "experiment " : "sweep ");
    report_add_toned(context, TONE_STRONG, sweep_short_id(row->ulid));
    if (row->sweep.name.len) {
        buf_add_text(&context->out, "  ");
        report_add_toned(context, TONE_STRONG, row->sweep.name);
    }
    buf_add_text(&context->out, "  ");
    report_add_toned(context, row->status == SWEEP_DONE ? TONE_GOOD : TONE_WARN,
                     row->status == SWEEP_DONE ? STR("done") : STR("open"));
    buf_add_char(&context->out, '\n');
    struct buf safe = buf_in(context->arena);
    buf_add_escaped(&safe, sweep_say_head(result), false);
    report_line(context, buf_str(&safe), 2, 0);
    buf_add_char(&context->out, '\n');
}

static void print_reasons(struct context *context, const struct sweep_result *result)
{
    enum { REASONS = 10 };
    size_t count;
    struct sweep_reason *reasons = sweep_reasons(result, &count);
    for (size_t i = 0; i < count && i < REASONS; i++) {
        const struct sweep_reason *reason = &reasons[i];
        struct str run = sweep_short_id(result->trials[reason->first].run);
        struct buf text = buf_in(context->arena);
        buf_print(&text, "trial%s %.*s", reason->count > 1 ? "s" : "", STR_FMT(reason->numbers));
        if (reason->note.len)
            buf_print(&text, ": %.*s", STR_FMT(reason->note));
        if (reason->status == TRIAL_FAILED && run.len)
            buf_print(&text, " (mlops logs %.*s)", STR_FMT(run));
        add_paragraph(context,
                      reason->status == TRIAL_SUCCEEDED ? "no score"
                                                        : trial_status_name(reason->status),
                      buf_str(&text));
    }
    if (count > REASONS)
        add_paragraph(
            context, "",
            str_print(context->arena, "and for %zu other reasons: --json", count - REASONS));
    if (count)
        buf_add_char(&context->out, '\n');
}

static const struct column importance_columns[] = {
    {.name = "parameter", .title = "PARAMETER", .may_shrink = true},
    {.name = "share", .title = "IMPORTANCE", .is_right = true},
    {.name = "direction", .title = "DIRECTION", .is_right = true, .drop = 1},
};

static struct str bar(struct arena *arena, double share)
{
    enum { WIDTH = 20 };
    struct buf text = buf_in(arena);
    for (int i = 0; i < (int)lround(fmin(share, 1) * WIDTH); i++)
        buf_add_text(&text, "█");
    return buf_str(&text);
}

struct table sweep_importance_table(const struct sweep_result *result)
{
    struct arena *arena = result->arena;
    struct table table = table_make(arena, importance_columns, COUNT_OF(importance_columns));
    for (size_t i = 0; i < result->importance_count; i++) {
        const struct importance *importance = &result->importance[i];
        struct cell *row = table_add(&table);
        row[0] = cell_text(importance->key);
        if (!isfinite(importance->share))
            continue;
        row[1] = cell_real_shown(str_print(arena, "%.*s %3.0f %%",
                                           STR_FMT(bar(arena, importance->share)),
                                           100 * importance->share),
                                 importance->share);
        if (isfinite(importance->correlation))
            row[2] = cell_real_shown(str_print(arena, "%+.2f", importance->correlation),
                                     importance->correlation);
    }
    return table;
}

static void print_importance(struct context *context, const struct sweep_result *result)
{
    struct str words = sweep_say_importance(result);
    if (words.len == 0)
        return;
    struct table table = sweep_importance_table(result);
    if (context->format == FORMAT_MARKDOWN)
        report_markdown(&context->out, &table);
    else
        report_text(context, &table, false);
    add_paragraph(context, "", words);
    buf_add_char(&context->out, '\n');
}

static void print_next(struct context *context, const struct sweep_result *result)
{
    struct arena *arena = context->arena;
    const struct sweep_row *row = result->row;
    const struct trial *winner = sweep_result_winner(result);
    struct str id = sweep_short_id(row->ulid);
    struct buf text = buf_in(arena);
    if (row->status != SWEEP_DONE)
        add_paragraph(context, "go on", str_print(arena, "mlops sweep --resume %.*s", STR_FMT(id)));
    if (winner && winner->run.len) {
        struct str run = sweep_short_id(winner->run);
        add_paragraph(context, "take it", str_print(arena, "mlops apply %.*s", STR_FMT(run)));
        buf_print(&text, "mlops diff %.*s, ", STR_FMT(run));
    }
    buf_print(&text, "mlops sweep show %.*s --html sweep.html", STR_FMT(id));
    add_paragraph(context, "look", buf_str(&text));
}

static void print_text(struct context *context, const struct sweep_result *result, int64_t limit)
{
    size_t most = limit > 0 ? (size_t)limit : SIZE_MAX, shown, all;
    print_head(context, result);
    struct table table = sweep_people_table(result, most, &all);
    shown = table.row_count;
    if (context->format == FORMAT_MARKDOWN)
        report_markdown(&context->out, &table);
    else
        report_text(context, &table, false);
    if (shown < all)
        add_paragraph(
            context, "",
            str_print(context->arena, "and %zu more: --limit 0, --csv or --json", all - shown));
    buf_add_char(&context->out, '\n');
    print_reasons(context, result);
    print_importance(context, result);
    add_paragraph(context, "choice", sweep_say_choice(result));
    add_paragraph(context, "caution", sweep_say_optimism(result));
    print_next(context, result);
}

/* --- the commands --------------------------------------------------------------------------- */

static FALLIBLE load(struct context *context, struct str word, struct sweep_row *row,
                     struct sweep_result *ret)
{
    struct ledger *ledger = NULL;
    struct trial *trials = NULL;
    size_t count = 0;
    TRY(context_ledger(context, &ledger));
    TRY(sweep_choose(context, word, row));
    TRY(sweeps_trials(ledger, context->arena, row->id, &trials, &count));
    return sweep_result_make(context->arena, row, trials, count, ret);
}

struct error *sweep_show(struct context *context, const struct sweep_show_options *options)
{
    struct sweep_row row;
    struct sweep_result result;
    TRY(load(context, options->word, &row, &result));
    if (options->html.len)
        return report_save(context, options->html, sweep_result_page(&result));
    if (context->format == FORMAT_JSON) {
        struct json_writer json = report_json_open(context);
        sweep_result_json(&json, &result);
        report_json_close(&json);
    } else if (context->format == FORMAT_CSV) {
        struct table table = sweep_trial_table(&result, SIZE_MAX);
        report_csv(&context->out, &table);
    } else {
        print_text(context, &result, options->limit);
    }
    return NULL;
}

static const struct column list_columns[] = {
    {.name = "sweep", .title = "SWEEP"},
    {.name = "name", .title = "NAME", .may_shrink = true, .drop = 4},
    {.name = "status", .title = "STATUS"},
    {.name = "started", .title = "STARTED", .drop = 3},
    {.name = "method", .title = "METHOD", .drop = 2},
    {.name = "trials", .title = "TRIALS", .is_right = true},
    {.name = "succeeded", .title = "GOOD", .is_right = true, .drop = 5},
    {.name = "failed", .title = "FAILED", .is_right = true, .drop = 6},
    {.name = "metric", .title = "METRIC", .may_shrink = true, .drop = 1},
    {.name = "spent_s", .title = "TIME", .is_right = true, .drop = 7},
};

static void add_sweep(struct table *table, const struct sweep_row *row)
{
    struct arena *arena = table->arena;
    struct cell *cells = table_add(table);
    int64_t count = 0;
    for (int i = 0; i < TRIAL_STATUS_COUNT; i++)
        count += row->counts[i];
    cells[0] = cell_shown(sweep_short_id(row->ulid), row->ulid);
    cells[1] = cell_text(row->sweep.name);
    cells[2] = cell_toned(cell_text(row->status == SWEEP_DONE ? STR("done") : STR("open")),
                          row->status == SWEEP_DONE ? TONE_PLAIN : TONE_WARN);
    cells[3] =
        cell_shown(report_when(arena, row->created_ns), moment_print(arena, row->created_ns));
    cells[4] = cell_text(str_of(sweep_method_names[row->sweep.method]));
    cells[5] = cell_int(arena, count);
    cells[6] = cell_int(arena, row->counts[TRIAL_SUCCEEDED]);
    cells[7] = cell_int(arena, row->counts[TRIAL_FAILED]);
    cells[8] = cell_text(row->sweep.metric_key);
    cells[9] = cell_real_shown(duration_print(arena, row->spent_ns), report_seconds(row->spent_ns));
}

struct error *sweep_list(struct context *context)
{
    struct ledger *ledger = NULL;
    struct sweep_row *rows = NULL;
    size_t count = 0;
    struct table table = table_make(context->arena, list_columns, COUNT_OF(list_columns));
    TRY(context_ledger(context, &ledger));
    TRY(sweeps_list(ledger, context->arena, false, &rows, &count));
    for (size_t i = 0; i < count; i++)
        add_sweep(&table, &rows[i]);
    report_table(context, &table, "sweeps");
    if (count == 0)
        context_notice(context, "no sweep was made in this project");
    return NULL;
}
