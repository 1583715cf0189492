/* Distances as JSON, tables and words. */
#include "mlops/base/arena.h"
#include "mlops/cli/report.h"

#include <math.h>

#include "tabular_drift_private.h"

/* --- JSON --- */

static void write_side(struct json_writer *json, const char *name, const struct side *side)
{
    json_name(json, name);
    json_open_object(json);
    json_name(json, "file");
    json_str(json, side->path);
    json_name(json, "source");
    json_text(json, side->source);
    json_name(json, "records");
    json_int(json, (int64_t)side->profile.record_count);
    json_close_object(json);
}

static void write_only(struct json_writer *json, const char *name, const struct side *here,
                       const struct side *there)
{
    json_name(json, name);
    json_open_list(json);
    for (size_t i = 0; i < here->profile.column_count; i++)
        if (!side_find(there, here->profile.columns[i].name))
            json_str(json, here->profile.columns[i].name);
    json_close_list(json);
}

static void write_pair(struct json_writer *json, const struct pair *pair)
{
    json_name(json, "field");
    json_str(json, pair->reference->name);
    drift_write(json, &pair->drift);
}

static void write_json(struct context *context, const struct comparison *comparison)
{
    struct json_writer json = report_json_open(context);
    write_side(&json, "reference", &comparison->reference);
    write_side(&json, "current", &comparison->current);
    if (comparison->is_single)
        write_pair(&json, &comparison->pairs.at[0]);
    json_name(&json, "fields");
    json_open_list(&json);
    vec_each (const struct pair, pair, &comparison->pairs) {
        json_open_object(&json);
        write_pair(&json, pair);
        json_close_object(&json);
    }
    json_close_list(&json);
    write_only(&json, "only_in_reference", &comparison->reference, &comparison->current);
    write_only(&json, "only_in_current", &comparison->current, &comparison->reference);
    report_json_close(&json);
}

/* --- tables --- */

static struct cell number_cell(struct arena *arena, double value, bool is_over)
{
    if (isnan(value))
        return (struct cell){0};
    struct cell cell = cell_real_shown(str_print(arena, "%.4g", value), value);
    return is_over ? cell_toned(cell, TONE_WARN) : cell;
}

static struct str list_over(struct arena *arena, const struct drift *drift)
{
    struct buf out = buf_in(arena);
    for (int i = 0; i < DRIFT_COUNT; i++) {
        const struct drift_method_row *row = &drift_methods()[i];
        if (drift_is_over((enum drift_method)i, drift->methods[i], row->threshold))
            buf_print(&out, "%s%s", out.len ? ", " : "", row->name);
    }
    return out.len ? buf_str(&out) : (struct str){0};
}

static void add_row(struct arena *arena, struct table *table, const struct pair *pair)
{
    const struct drift *drift = &pair->drift;
    struct cell *cells = table_add(table);
    cells[0] = cell_text(pair->reference->name);
    cells[1] = cell_text(drift->is_numeric ? STR("numeric") : STR("categorical"));
    for (int i = 0; i < DRIFT_COUNT; i++) {
        double threshold = drift_methods()[i].threshold;
        cells[2 + i] =
            number_cell(arena, drift->methods[i],
                        drift_is_over((enum drift_method)i, drift->methods[i], threshold));
    }
    struct str over = list_over(arena, drift);
    if (drift->reason)
        cells[2 + DRIFT_COUNT] = cell_toned(cell_text(str_of(drift->reason)), TONE_DIM);
    else if (over.len)
        cells[2 + DRIFT_COUNT] = cell_text(over);
}

static void report_columns(struct context *context, const struct comparison *comparison)
{
    static const struct column columns[] = {
        {.name = "field", .title = "FIELD", .may_shrink = true},
        {.name = "kind", .title = "KIND", .drop = 3},
        {.name = "psi", .title = "PSI", .is_right = true},
        {.name = "ks", .title = "KS", .is_right = true},
        {.name = "js", .title = "JS", .is_right = true},
        {.name = "chi2", .title = "CHI2 P", .is_right = true},
        {.name = "linf", .title = "LINF", .is_right = true, .drop = 1},
        {.name = "wasserstein", .title = "WASSERSTEIN", .is_right = true},
        {.name = "cramers_v", .title = "CRAMERS V", .is_right = true, .drop = 2},
        {.name = "hellinger", .title = "HELLINGER", .is_right = true, .drop = 4},
        {.name = "over", .title = "OVER DEFAULT", .may_shrink = true},
    };
    _Static_assert(COUNT_OF(columns) == 3 + DRIFT_COUNT, "a column for each method");
    struct table table = table_make(context->arena, columns, COUNT_OF(columns));
    vec_each (const struct pair, pair, &comparison->pairs)
        add_row(context->arena, &table, pair);
    report_table(context, &table, "fields");
}

static void add_method(struct arena *arena, struct table *table, const struct drift *drift,
                       enum drift_method method)
{
    const struct drift_method_row *row = &drift_methods()[method];
    double value = drift_value(drift, method);
    if (isnan(value))
        return;
    bool is_over = drift_is_over(method, value, row->threshold);
    struct cell *cells = table_add(table);
    cells[0] = cell_text(str_of(row->name));
    cells[1] = number_cell(arena, value, is_over);
    if (!isnan(row->threshold)) {
        struct str text = str_print(arena, "%s%g", row->is_p ? "p < " : "", row->threshold);
        cells[2] = cell_real_shown(text, row->threshold);
        cells[3] = cell_shown(is_over ? STR("over") : (struct str){0},
                              is_over ? STR("true") : STR("false"));
    }
    cells[4] = cell_text(str_of(drift_formula(method, drift->is_numeric)));
}

/* One column: the methods of checks, then every distance by its name. */
static void report_single(struct context *context, const struct pair *pair)
{
    static const struct column columns[] = {
        {.name = "name", .title = "NAME"},
        {.name = "value", .title = "VALUE", .is_right = true},
        {.name = "threshold", .title = "DRIFT AT", .is_right = true},
        {.name = "is_over", .title = ""},
        {.name = "formula", .title = "FORMULA", .may_shrink = true},
    };
    struct table table = table_make(context->arena, columns, COUNT_OF(columns));
    const struct drift *drift = &pair->drift;
    for (int i = 0; i < DRIFT_COUNT; i++)
        add_method(context->arena, &table, drift, (enum drift_method)i);
    for (size_t i = 0; i < drift->number_count; i++) {
        struct cell *cells = table_add(&table);
        cells[0] = cell_text(str_of(drift->numbers[i].name));
        cells[1] = number_cell(context->arena, drift->numbers[i].value, false);
    }
    report_table(context, &table, "distances");
}

/* --- for people --- */

static void tell_only(struct context *context, const struct side *here, const struct side *there)
{
    struct buf names = buf_in(context->arena);
    for (size_t i = 0; i < here->profile.column_count; i++) {
        struct str name = here->profile.columns[i].name;
        if (!side_find(there, name))
            buf_print(&names, "%s%.*s", names.len ? ", " : "", STR_FMT(name));
    }
    if (names.len)
        context_notice(context, "only in %.*s: %.*s", STR_FMT(here->path),
                       STR_FMT(buf_str(&names)));
}

static void tell_reals(struct context *context, const char *what, const double *at, size_t len)
{
    buf_add_text(&context->out, what);
    for (size_t i = 0; i < len; i++)
        buf_print(&context->out, " %.6g", at[i]);
    buf_add_char(&context->out, '\n');
}

static void tell_bins(struct context *context, const struct pair *pair)
{
    const struct drift *drift = &pair->drift;
    buf_add_char(&context->out, '\n');
    if (drift->reason)
        buf_print(&context->out, "not compared: %s\n", drift->reason);
    if (drift->edge_count)
        tell_reals(context, "deciles of the reference:", drift->edges, drift->edge_count);
    if (drift->is_binned_by_value)
        buf_add_text(&context->out, "each number is a bin of its own\n");
    else if (drift->sturges_count)
        tell_reals(context, "edges of the bins of equal width:", drift->sturges,
                   drift->sturges_count);
    if (drift->largest_key.at && !isnan(drift->methods[DRIFT_LINF])) {
        buf_add_text(&context->out, "largest difference: ");
        buf_add_escaped(&context->out, drift->largest_key, false);
        buf_add_char(&context->out, '\n');
    }
}

static void tell_formulas(struct context *context, const struct comparison *comparison)
{
    bool is_used[2][DRIFT_COUNT] = {{false}};
    vec_each (const struct pair, pair, &comparison->pairs)
        for (int i = 0; i < DRIFT_COUNT; i++)
            if (!isnan(pair->drift.methods[i]))
                is_used[pair->drift.is_numeric][i] = true;
    buf_add_char(&context->out, '\n');
    for (int i = 0; i < DRIFT_COUNT; i++) {
        const struct drift_method_row *row = &drift_methods()[i];
        for (int kind = 1; kind >= 0; kind--) {
            bool is_same = kind == 0 && is_used[1][i] && !row->number_formula;
            if (!is_used[kind][i] || is_same)
                continue;
            struct str line = str_print(context->arena, "%s: %s", row->name,
                                        drift_formula((enum drift_method)i, kind));
            report_line(context, line, 2, 0);
        }
    }
}

static bool is_exact(const struct comparison *comparison)
{
    vec_each (const struct pair, pair, &comparison->pairs)
        if (!pair->drift.is_exact && !pair->drift.reason)
            return false;
    return true;
}

static void tell(struct context *context, const struct comparison *comparison)
{
    if (comparison->is_single)
        tell_bins(context, &comparison->pairs.at[0]);
    else if (comparison->pairs.len)
        tell_formulas(context, comparison);
    if (!is_exact(comparison))
        report_line(context, STR("distances of sampled columns are estimates"), 2, 0);
    if (comparison->is_single)
        return;
    tell_only(context, &comparison->reference, &comparison->current);
    tell_only(context, &comparison->current, &comparison->reference);
}

void drift_report(struct context *context, const struct comparison *comparison)
{
    if (context->format == FORMAT_JSON) {
        write_json(context, comparison);
        return;
    }
    if (comparison->is_single)
        report_single(context, &comparison->pairs.at[0]);
    else
        report_columns(context, comparison);
    if (context->format == FORMAT_TABLE)
        tell(context, comparison);
}
