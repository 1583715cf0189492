/* What a run was made from, with what and how long it took, as tables. */
#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/base/moment.h"
#include "mlops/cli/report_run.h"

#include "account_private.h"

/* Tables that are longer are cut, and say so. */
enum { ROWS_MOST = 200, PACKAGES_MOST = 400 };

void account_add_cut(struct document *document, struct table *table)
{
    size_t count = table->row_count;
    table->row_count = MIN_OF(count, (size_t)ROWS_MOST);
    document_table(document, table);
    if (count > ROWS_MOST)
        document_text(document,
                      str_print(document->arena, "... and %zu more", count - (size_t)ROWS_MOST));
}

/* --- lineage --------------------------------------------------------------------------------- */

bool account_is_data(const struct graph_datum *datum)
{
    return !diff_is_source(datum->path);
}

static struct str joined(struct arena *arena, const struct str_vec *names)
{
    enum { TOLD_MOST = 4 };
    struct buf text = buf_in(arena);
    for (size_t i = 0; i < names->len && i < TOLD_MOST; i++)
        buf_print(&text, "%s%.*s", i ? ", " : "", STR_FMT(names->at[i]));
    if (names->len > TOLD_MOST)
        buf_print(&text, " and %zu more", names->len - TOLD_MOST);
    return buf_str(&text);
}

static struct str digest_short(struct arena *arena, struct digest digest)
{
    char hex[DIGEST_HEX_LEN + 1];
    if (digest_is_zero(digest))
        return STR("absent");
    digest_print(digest, hex);
    return str_print(arena, "sha256:%.12s", hex);
}

static const struct column input_columns[] = {
    {.name = "path", .title = "INPUT"},
    {.name = "digest", .title = "DIGEST"},
    {.name = "size", .title = "SIZE", .is_right = true},
    {.name = "users", .title = "READ BY"},
};

struct table account_inputs(const struct account *account)
{
    struct arena *arena = account->context->arena;
    struct table table = table_make(arena, input_columns, COUNT_OF(input_columns));
    vec_each (const struct graph_datum, datum, &account->inputs) {
        struct cell *row = table_add(&table);
        row[0] = cell_text(datum->path);
        row[1] = cell_text(digest_short(arena, datum->dep->digest));
        if (datum->size_bytes)
            row[2] = cell_text(bytes_print(arena, datum->size_bytes));
        row[3] = cell_text(joined(arena, &datum->users));
    }
    return table;
}

static const struct column output_columns[] = {
    {.name = "path", .title = "OUTPUT"},
    {.name = "digest", .title = "DIGEST"},
    {.name = "size", .title = "SIZE", .is_right = true},
    {.name = "files", .title = "FILES", .is_right = true},
    {.name = "makers", .title = "MADE BY"},
    {.name = "users", .title = "READ BY"},
};

static struct table output_table(const struct account *account)
{
    struct arena *arena = account->context->arena;
    struct table table = table_make(arena, output_columns, COUNT_OF(output_columns));
    vec_each (const struct graph_datum, datum, &account->outputs) {
        struct cell *row = table_add(&table);
        row[0] = cell_text(datum->path);
        row[1] = cell_text(digest_short(arena, datum->artifact->digest));
        row[2] = cell_text(bytes_print(arena, datum->artifact->size_bytes));
        row[3] = cell_int(arena, datum->artifact->file_count);
        row[4] = cell_text(joined(arena, &datum->makers));
        row[5] = cell_text(joined(arena, &datum->users));
    }
    return table;
}

static const struct column param_columns[] = {
    {.name = "file", .title = "FILE"},
    {.name = "key", .title = "PARAMETER"},
    {.name = "value", .title = "VALUE"},
    {.name = "stage", .title = "STAGE"},
};

static struct table param_table(const struct account *account)
{
    struct arena *arena = account->context->arena;
    struct table table = table_make(arena, param_columns, COUNT_OF(param_columns));
    for (size_t i = 0; i < account->view.stage_count; i++) {
        const struct run_view_stage *stage = &account->view.stages[i];
        for (size_t k = 0; stage->recipe && k < stage->recipe->param_count; k++) {
            struct cell *row = table_add(&table);
            row[0] = cell_text(stage->recipe->params[k].file);
            row[1] = cell_text(stage->recipe->params[k].key);
            row[2] = cell_text(stage->recipe->params[k].shown);
            row[3] = cell_text(stage->stage);
        }
    }
    return table;
}

void account_add_lineage(const struct account *account, struct document *document)
{
    struct table inputs = account_inputs(account), outputs = output_table(account);
    struct table params = param_table(account);
    if (inputs.row_count || outputs.row_count)
        document_section(document, "Lineage: inputs and outputs", true);
    if (inputs.row_count)
        account_add_cut(document, &inputs);
    if (outputs.row_count)
        account_add_cut(document, &outputs);
    if (!params.row_count)
        return;
    document_section(document, "Parameters", true);
    account_add_cut(document, &params);
}

/* --- environment ----------------------------------------------------------------------------- */

struct kind {
    const struct environment *environment;
    struct str_vec stages;
};

static const struct column environment_columns[] = {
    {.name = "environment", .title = "ENVIRONMENT"},
    {.name = "stages", .title = "STAGES"},
};

static const struct column package_columns[] = {
    {.name = "package", .title = "PACKAGE"},
    {.name = "version", .title = "VERSION"},
};

static void add_packages(struct document *document, const struct environment *environment)
{
    struct table table = table_make(document->arena, package_columns, COUNT_OF(package_columns));
    vec_each (const struct environment_item, item, &environment->packages) {
        if (table.row_count == PACKAGES_MOST)
            break;
        struct cell *row = table_add(&table);
        row[0] = cell_text(item->name);
        row[1] = cell_text(item->value);
    }
    if (table.row_count)
        document_table(document, &table);
}

void account_environment(const struct account *account, struct document *document)
{
    struct arena *arena = document->arena;
    struct map kinds = {0};
    for (size_t i = 0; i < account->view.stage_count; i++) {
        const struct run_view_stage *stage = &account->view.stages[i];
        if (!stage->environment)
            continue;
        void **place = map_place(arena, &kinds, environment_print(arena, stage->environment));
        struct kind *kind = *place ? *place : arena_new(arena, struct kind);
        *place = kind;
        kind->environment = stage->environment;
        *vec_push(arena, &kind->stages) = stage->stage;
    }
    struct table table = table_make(arena, environment_columns, COUNT_OF(environment_columns));
    map_each (entry, &kinds) {
        const struct kind *kind = entry->value;
        struct cell *row = table_add(&table);
        row[0] = cell_text(entry->key);
        row[1] = cell_text(joined(arena, &kind->stages));
    }
    if (!table.row_count)
        return;
    document_section(document, "Environment", true);
    document_table(document, &table);
    if (kinds.len == 1)
        add_packages(document, ((const struct kind *)kinds.entries[0].value)->environment);
}

/* --- time, and how to do it again ------------------------------------------------------------ */

static const struct column time_columns[] = {
    {.name = "stage", .title = "STAGE"},
    {.name = "status", .title = "STATUS"},
    {.name = "time", .title = "TIME", .is_right = true},
    {.name = "memory", .title = "MEMORY", .is_right = true},
};

void account_add_times(const struct account *account, struct document *document)
{
    struct arena *arena = document->arena;
    struct table table = table_make(arena, time_columns, COUNT_OF(time_columns));
    for (size_t i = 0; i < account->view.stage_count; i++) {
        const struct run_view_stage *stage = &account->view.stages[i];
        struct cell *row = table_add(&table);
        row[0] = cell_text(stage->stage);
        row[1] = cell_toned(cell_text(str_of(stage_status_name(stage->status))),
                            stage_status_tone(stage->status));
        if (stage->duration_ns >= 0)
            row[2] = cell_text(duration_print(arena, stage->duration_ns));
        if (stage->usage.peak_bytes > 0)
            row[3] = cell_text(bytes_print(arena, stage->usage.peak_bytes));
    }
    if (!table.row_count)
        return;
    document_section(document, "Time and memory", true);
    account_add_cut(document, &table);
}

void account_commands(const struct account *account, struct document *document)
{
    struct buf text = buf_in(document->arena);
    vec_each (const struct str, line, &account->commands)
        buf_print(&text, "%.*s\n", STR_FMT(*line));
    document_section(document, "How to reproduce", false);
    document_code(document, "sh", buf_str(&text));
}
