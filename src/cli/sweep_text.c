/* What a sweep has come to, for people: as text or Markdown. */
#include "mlops/base/arena.h"

#include <math.h>

#include "sweep_private.h"

static void add_paragraph(struct context *context, const char *name, struct str text)
{
    enum { INDENT = 12 };
    if (text.len == 0)
        return;
    if (context->format == FORMAT_MARKDOWN) {
        buf_print(&context->out, "%s%s%s", *name ? "**" : "", name, *name ? "**: " : "");
        report_markdown_text(&context->out, text);
        buf_add_text(&context->out, "\n\n");
        return;
    }
    struct buf safe = buf_in(context->arena);
    report_add_toned(context, TONE_DIM, str_print(context->arena, "%-*s", INDENT, name));
    buf_add_escaped(&safe, text, false);
    report_line(context, buf_str(&safe), INDENT, INDENT);
}

/* Paragraphs of Markdown end with one anyhow. */
static void add_gap(struct context *context)
{
    if (context->format != FORMAT_MARKDOWN)
        buf_add_char(&context->out, '\n');
}

/* In Markdown an empty line ends it. */
static void print_table(struct context *context, const struct table *table)
{
    if (context->format != FORMAT_MARKDOWN) {
        report_text(context, table, false);
        return;
    }
    report_markdown(&context->out, table);
    buf_add_char(&context->out, '\n');
}

static void print_head(struct context *context, const struct sweep_result *result)
{
    const struct sweep_row *row = result->row;
    if (context->format == FORMAT_MARKDOWN) {
        buf_print(&context->out, "## Sweep ");
        report_markdown_text(&context->out, sweep_shown(row));
        buf_add_text(&context->out, "\n\n");
        report_markdown_text(&context->out, sweep_say_head(result));
        buf_add_text(&context->out, "\n\n");
        return;
    }
    buf_add_text(&context->out, row->is_single ? "experiment " : "sweep ");
    report_add_toned(context, TONE_STRONG, ulid_short(row->ulid));
    if (row->sweep.name.len) {
        buf_add_text(&context->out, "  ");
        report_add_toned(context, TONE_STRONG, row->sweep.name);
    }
    buf_add_text(&context->out, "  ");
    struct str status = result->is_busy ? STR("running") : sweep_status_words(row);
    report_add_toned(context, row->status == SWEEP_DONE ? TONE_GOOD : TONE_WARN, status);
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
        struct str run = ulid_short(result->trials[reason->first].run);
        struct buf text = buf_in(context->arena);
        buf_print(&text, "trial%s %.*s", reason->count > 1 ? "s" : "", STR_FMT(reason->numbers));
        if (reason->note.len && reason->status == TRIAL_STOPPED && reason->count > 1)
            buf_print(&text, "; trial %lld", (long long)result->trials[reason->first].number + 1);
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
        add_gap(context);
}

static const struct column importance_columns[] = {
    {.name = "parameter", .title = "PARAMETER", .may_shrink = true},
    {.name = "share", .title = "IMPORTANCE", .is_right = true},
    {.name = "bar", .title = "", .drop = 2},
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
        row[1] = cell_real_shown(str_print(arena, "%.0f %%", 100 * importance->share),
                                 importance->share);
        row[2] = cell_text(bar(arena, importance->share));
        if (isfinite(importance->correlation))
            row[3] = cell_real_shown(str_print(arena, "%+.2f", importance->correlation),
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
    print_table(context, &table);
    add_paragraph(context, "", words);
    add_gap(context);
}

static void print_next(struct context *context, const struct sweep_result *result)
{
    struct arena *arena = context->arena;
    const struct sweep_row *row = result->row;
    const struct trial *winner = sweep_result_winner(result);
    struct str id = ulid_short(row->ulid);
    struct buf text = buf_in(arena);
    if (context->format == FORMAT_MARKDOWN) {
        buf_print(&context->out, "```sh\n%.*s```\n", STR_FMT(sweep_say_next(result)));
        return;
    }
    if (row->status != SWEEP_DONE && !result->is_busy)
        add_paragraph(context, "go on", str_print(arena, "mlops sweep --resume %.*s", STR_FMT(id)));
    if (winner && winner->run.len) {
        struct str run = ulid_short(winner->run);
        add_paragraph(context, "take it", str_print(arena, "mlops apply %.*s", STR_FMT(run)));
        buf_print(&text, "mlops diff %.*s, ", STR_FMT(run));
    }
    buf_print(&text, "mlops sweep show %.*s --html sweep.html", STR_FMT(id));
    add_paragraph(context, "look", buf_str(&text));
}

void sweep_result_text(struct context *context, const struct sweep_result *result, int64_t limit)
{
    size_t most = limit > 0 ? (size_t)limit : SIZE_MAX, shown, all;
    print_head(context, result);
    struct table table = sweep_people_table(result, most, &all);
    shown = table.row_count;
    print_table(context, &table);
    if (shown < all)
        add_paragraph(
            context, "",
            str_print(context->arena, "and %zu more: --limit 0 or --format csv", all - shown));
    add_gap(context);
    print_reasons(context, result);
    print_importance(context, result);
    add_paragraph(context, "choice", sweep_say_choice(result));
    add_paragraph(context, "caution", sweep_say_optimism(result));
    print_next(context, result);
}
