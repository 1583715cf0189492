/* The account as a document. */
#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/report_diff.h"
#include "mlops/cli/report_run.h"
#include "mlops/cli/stages.h"

#include "account_private.h"

enum { METRICS_MOST = 60 };

/* --- the run --------------------------------------------------------------------------------- */

static const struct column fact_columns[] = {
    {.name = "fact", .title = ""},
    {.name = "value", .title = ""},
};

static void add_fact(struct table *table, const char *name, struct str value)
{
    if (value.len == 0)
        return;
    struct cell *row = table_add(table);
    row[0] = cell_text(str_of(name));
    row[1] = cell_text(value);
}

static struct str code_print(struct arena *arena, const struct code_state *code)
{
    if (!code->commit.len)
        return (struct str){0};
    return str_print(arena, "%.*s%s%.*s%s", STR_FMT(str_slice(code->commit, 0, 12)),
                     code->branch.len ? " on " : "", STR_FMT(code->branch),
                     code->is_dirty == 1 ? ", with uncommitted changes" : "");
}

static void add_facts(const struct account *account, struct document *document)
{
    struct arena *arena = document->arena;
    const struct run *run = account->view.run;
    struct table table = table_make(arena, fact_columns, COUNT_OF(fact_columns));
    add_fact(&table, "compared with",
             account->has_before ? account->before.title : (struct str){0});
    add_fact(&table, "code", code_print(arena, &account->view.code));
    if (run) {
        add_fact(&table, "run", run->id);
        add_fact(&table, "tags", run_labels(arena, run));
        add_fact(&table, "pipeline", run->pipeline);
        add_fact(&table, "started", moment_print(arena, run->started_ns));
        add_fact(&table, "took", duration_print(arena, run->duration_ns));
        add_fact(&table, "stages", counts_print(arena, &run->counts, false));
        add_fact(&table, "by",
                 str_print(arena, "%.*s@%.*s, mlops %.*s", STR_FMT(run->user), STR_FMT(run->host),
                           STR_FMT(run->version)));
    }
    document_table(document, &table);
}

/* --- metrics --------------------------------------------------------------------------------- */

static const struct column metric_columns[] = {
    {.name = "file", .title = "FILE"},
    {.name = "key", .title = "METRIC"},
    {.name = "value", .title = "VALUE", .is_right = true},
};

struct table account_metrics(const struct account *account)
{
    struct table table =
        table_make(account->context->arena, metric_columns, COUNT_OF(metric_columns));
    for (size_t i = 0; i < account->view.stage_count; i++)
        vec_each (const struct metric, metric, &account->view.stages[i].metrics) {
            struct cell *row = table_add(&table);
            row[0] = cell_text(metric->file);
            row[1] = cell_text(metric->key);
            row[2] = cell_text(metric->text);
        }
    return table;
}

/* Of many metrics only those that differ. */
static struct run_diff shortened(const struct account *account, size_t *ret_same)
{
    struct run_diff diff = account->diff;
    struct diff_metric_vec kept = {0};
    *ret_same = 0;
    if (diff.metrics.len <= METRICS_MOST)
        return diff;
    vec_each (const struct diff_metric, metric, &diff.metrics) {
        if (metric->change == DIFF_SAME && !metric->is_main)
            (*ret_same)++;
        else
            *vec_push(account->context->arena, &kept) = *metric;
    }
    diff.metrics = kept;
    return diff;
}

static struct table metric_table(struct document *document, const struct run_diff *diff,
                                 bool of_parts)
{
    struct diff_section sections[DIFF_SECTION_COUNT];
    struct run_diff some = *diff;
    struct diff_metric_vec kept = {0};
    vec_each (const struct diff_metric, metric, &diff->metrics)
        if ((!metric->is_main && metric_is_part(metric->key)) == of_parts)
            *vec_push(document->arena, &kept) = *metric;
    some.metrics = kept;
    report_diff_sections(document->arena, &some, sections);
    return sections[0].table;
}

static void add_plain_metrics(const struct account *account, struct document *document)
{
    struct table table = account_metrics(account);
    if (!table.row_count)
        return;
    document_section(document, "Metrics", false);
    account_add_cut(document, &table);
}

static void add_metrics(const struct account *account, struct document *document)
{
    size_t same = 0;
    if (!account->has_before) {
        add_plain_metrics(account, document);
        return;
    }
    struct run_diff diff = shortened(account, &same);
    struct table whole = metric_table(document, &diff, false);
    struct table parts = metric_table(document, &diff, true);
    if (!whole.row_count && !parts.row_count)
        return;
    document_section(document, "Metrics", false);
    if (whole.row_count)
        account_add_cut(document, &whole);
    if (same)
        document_text(document, str_print(document->arena, "%zu more metrics are the same", same));
    if (diff.notes.len)
        document_add(document, BLOCK_LIST)->items = diff.notes;
    if (!parts.row_count)
        return;
    document_section(document, "Metrics of slices, classes and the trivial baseline", true);
    account_add_cut(document, &parts);
}

/* What else differs, of everything only what does. */
static void add_changes(const struct account *account, struct document *document)
{
    struct diff_section sections[DIFF_SECTION_COUNT];
    struct run_diff diff = account->diff;
    if (!account->has_before)
        return;
    struct arena *arena = document->arena;
    struct diff_param_vec params = {0};
    struct diff_data_vec data = {0};
    vec_each (const struct diff_param, param, &account->diff.params)
        if (param->change != DIFF_SAME)
            *vec_push(arena, &params) = *param;
    vec_each (const struct diff_data, datum, &account->diff.data)
        if (datum->change != DIFF_SAME)
            *vec_push(arena, &data) = *datum;
    diff.params = params;
    diff.data = data;
    diff.all = false;
    report_diff_sections(arena, &diff, sections);
    for (int i = 1; i < DIFF_SECTION_COUNT; i++) {
        bool is_told = strcmp(sections[i].name, "usage") != 0 && sections[i].table.row_count;
        if (!is_told)
            continue;
        struct str title = str_print(arena, "What changed: %s (%zu)", sections[i].title,
                                     sections[i].table.row_count);
        document_section(document, title.at, true);
        account_add_cut(document, &sections[i].table);
    }
}

/* --- pictures -------------------------------------------------------------------------------- */

static struct str pictures_title(struct arena *arena, struct str stage)
{
    return stage.len ? str_print(arena, "Charts of %.*s", STR_FMT(stage)) : STR("Plots");
}

static void add_pictures(const struct account *account, struct document *document)
{
    const struct picture *last = NULL;
    vec_each (const struct picture, picture, &account->pictures) {
        if (!last || !str_equal(last->stage, picture->stage))
            document_section(document, pictures_title(document->arena, picture->stage).at, false);
        last = picture;
        struct block *block = document_add(document, BLOCK_PICTURE);
        block->title = picture->title;
        block->name = picture->name;
        block->mime = picture->mime;
        block->bytes = picture->bytes;
        block->svg = picture->svg;
    }
}

static void add_graph(const struct account *account, struct document *document)
{
    struct buf mermaid = buf_in(document->arena), svg = buf_in(document->arena);
    if (!account->graph.count)
        return;
    document_section(document, "Pipeline", false);
    lineage_graph_mermaid(&mermaid, &account->graph);
    lineage_graph_svg(&svg, &account->graph);
    struct block *block = document_add(document, BLOCK_GRAPH);
    block->bytes = buf_str(&mermaid);
    block->svg = buf_str(&svg);
    if (account->graph.left_out)
        document_text(document, str_print(document->arena, "... and %zu more stages",
                                          account->graph.left_out));
}

void account_document(const struct account *account, struct document *ret)
{
    struct arena *arena = account->context->arena;
    *ret = (struct document){
        .arena = arena,
        .title = str_print(arena, "Report of %.*s", STR_FMT(account->view.title)),
    };
    document_verdict(ret, account->tone, account->verdict_text);
    add_facts(account, ret);
    account_add_failures(account, ret);
    account_add_checks(account, ret);
    add_metrics(account, ret);
    add_changes(account, ret);
    add_pictures(account, ret);
    add_graph(account, ret);
    account_add_lineage(account, ret);
    account_environment(account, ret);
    account_add_times(account, ret);
    account_commands(account, ret);
}
