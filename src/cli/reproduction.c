#include "mlops/cli/reproduction.h"

#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/report.h"

#include <math.h>

enum { NAMED_MOST = 12 };

/* --- the verdict in words --- */

static void count_all(const struct reproduce_report *report, size_t *ret_outputs,
                      size_t *ret_metrics)
{
    *ret_outputs = *ret_metrics = 0;
    for (size_t i = 0; i < report->count; i++) {
        *ret_outputs += report->stages[i].compared_count;
        *ret_metrics += report->stages[i].metric_count;
    }
}

static struct str plural(struct arena *arena, size_t count, const char *noun)
{
    return str_print(arena, "%.*s %s%s", STR_FMT(count_print(arena, (int64_t)count)), noun,
                     count == 1 ? "" : "s");
}

/* "'train' is not deterministic: the same inputs gave other outputs". */
static struct str first_words(struct arena *arena, const struct reproduced_stage *first)
{
    const char *what = first->verdict == REPRODUCED_FAILED ? "could not be made again"
                       : first->has_same_inputs            ? "is not deterministic"
                                                           : "was not made from the same";
    return str_print(arena, "'%.*s' %s: %.*s", STR_FMT(first->stage), what, STR_FMT(first->cause));
}

/* PATH and the like are told where something differs; by themselves they are nothing. */
static size_t count_environment(const struct environment_changes *changes)
{
    size_t count = 0;
    vec_each (const struct environment_change, change, changes)
        count += !str_is(change->section, "variables");
    return count;
}

static struct str verdict_words(struct context *context, const struct reproduce_options *options,
                                const struct reproduce_report *report)
{
    struct arena *arena = context->arena;
    struct buf text = buf_in(arena);
    size_t outputs = 0, metrics = 0;
    count_all(report, &outputs, &metrics);
    switch (report->verdict) {
    case REPRODUCED_IDENTICAL:
        buf_print(&text, "%.*s came to the same: %.*s, %.*s", STR_FMT(options->original->title),
                  STR_FMT(plural(arena, report->count, "stage")),
                  STR_FMT(plural(arena, outputs, "output")));
        break;
    case REPRODUCED_EQUAL:
        buf_print(&text, "metrics of %.*s agree within rtol %.*s and atol %.*s",
                  STR_FMT(options->original->title),
                  STR_FMT(report_real(arena, options->tolerance.relative)),
                  STR_FMT(report_real(arena, options->tolerance.absolute)));
        break;
    case REPRODUCED_DIFFERS:
    case REPRODUCED_FAILED:
        buf_print(&text, "%.*s did not come to the same", STR_FMT(options->original->title));
        break;
    }
    if (report->first)
        buf_print(&text, "; %.*s", STR_FMT(first_words(arena, report->first)));
    else if (count_environment(&report->environment))
        buf_print(&text, ", in an environment that differs in %.*s",
                  STR_FMT(plural(arena, count_environment(&report->environment), "point")));
    return buf_str(&text);
}

/* --- tables --- */

static struct table stage_table(struct context *context, const struct reproduce_report *report)
{
    static const struct column columns[] = {
        {"stage", "STAGE", false, false, 0},       {"verdict", "VERDICT", false, false, 0},
        {"outputs", "OUTPUTS", true, false, 2},    {"differing", "DIFFER", true, false, 1},
        {"is_consequence", NULL, false, false, 0}, {"cause", "WHY", false, true, 0},
    };
    struct table table = table_make(context->arena, columns, COUNT_OF(columns));
    for (size_t i = 0; i < report->count; i++) {
        const struct reproduced_stage *stage = &report->stages[i];
        struct cell *row = table_add(&table);
        bool is_good = stage->verdict <= REPRODUCED_EQUAL;
        row[0] = cell_text(stage->stage);
        row[1] = cell_toned(cell_text(str_of(reproduction_name(stage->verdict))),
                            is_good ? TONE_PLAIN : TONE_BAD);
        row[2] = cell_int(context->arena, (int64_t)stage->compared_count);
        row[3] = cell_int(context->arena, (int64_t)stage->output_count);
        row[4] = cell_bool(stage->is_consequence);
        if (stage->cause.len)
            row[5] = cell_text(stage->cause);
    }
    return table;
}

static void add_metric(struct context *context, struct table *table, struct str stage,
                       const struct reproduced_metric *metric)
{
    struct cell *row = table_add(table);
    double difference = metric->after - metric->before;
    row[0] = cell_text(stage);
    row[1] = cell_text(metric->file);
    row[2] = cell_text(metric->key);
    if (metric->before_text.len)
        row[3] = cell_text(metric->before_text);
    if (metric->after_text.len)
        row[4] = cell_text(metric->after_text);
    if (isfinite(difference))
        row[5] = cell_real(context->arena, difference);
    row[6] = cell_text(metric->is_within ? STR("yes") : STR("no"));
}

/* Those that are not the same. */
static struct table metric_table(struct context *context, const struct reproduce_report *report)
{
    static const struct column columns[] = {
        {"stage", "STAGE", false, false, 3},     {"file", "FILE", false, true, 2},
        {"metric", "METRIC", false, false, 0},   {"before", "BEFORE", true, false, 0},
        {"after", "AFTER", true, false, 0},      {"difference", "DIFFERENCE", true, false, 1},
        {"is_within", "WITHIN", false, false, 0}};
    struct table table = table_make(context->arena, columns, COUNT_OF(columns));
    for (size_t i = 0; i < report->count; i++) {
        const struct reproduced_stage *stage = &report->stages[i];
        for (size_t k = 0; k < stage->metric_count; k++) {
            if (!stage->metrics[k].is_equal)
                add_metric(context, &table, stage->stage, &stage->metrics[k]);
        }
    }
    return table;
}

/* A PATH has no end. */
static struct cell value_cell(struct arena *arena, struct str value)
{
    enum { SHOWN_MOST = 60 };
    struct str shown = value;
    if (value.len > SHOWN_MOST)
        shown = str_print(arena, "%.*s...", STR_FMT(str_slice(value, 0, SHOWN_MOST)));
    return value.len ? cell_shown(shown, value) : cell_shown(STR("-"), STR(""));
}

static struct table environment_table(struct context *context,
                                      const struct environment_changes *changes, size_t most)
{
    static const struct column columns[] = {{"section", "ENVIRONMENT", false, false, 1},
                                            {"name", "NAME", false, false, 0},
                                            {"before", "BEFORE", false, true, 0},
                                            {"after", "NOW", false, true, 0}};
    struct table table = table_make(context->arena, columns, COUNT_OF(columns));
    for (size_t i = 0; i < changes->len && i < most; i++) {
        const struct environment_change *change = &changes->at[i];
        struct cell *row = table_add(&table);
        row[0] = cell_text(change->section);
        row[1] = cell_text(change->name);
        row[2] = value_cell(context->arena, change->before);
        row[3] = value_cell(context->arena, change->after);
    }
    return table;
}

/* --- formats --- */

static void print_table(struct context *context, const struct table *table)
{
    if (!table->row_count)
        return;
    buf_add_char(&context->out, '\n');
    if (context->format == FORMAT_MARKDOWN)
        report_markdown(&context->out, table);
    else
        report_text(context, table, false);
}

static void print_outputs(struct context *context, const struct reproduce_report *report)
{
    bool is_markdown = context->format == FORMAT_MARKDOWN;
    size_t told = 0;
    for (size_t i = 0; i < report->count; i++) {
        const struct reproduced_stage *stage = &report->stages[i];
        for (size_t k = 0; k < stage->output_count && told < NAMED_MOST; k++) {
            const struct reproduced_output *output = &stage->outputs[k];
            const char *what = digest_is_zero(output->after)    ? "was not made"
                               : digest_is_zero(output->before) ? "is new"
                                                                : "differs";
            buf_add_text(&context->out, told++ ? "" : "\n");
            buf_add_text(&context->out, is_markdown ? "- " : "  ");
            if (is_markdown)
                report_markdown_text(&context->out, output->path);
            else
                buf_add_escaped(&context->out, output->path, false);
            buf_print(&context->out, " %s\n", what);
        }
    }
}

static void print_verdict(struct context *context, const struct reproduce_options *options,
                          const struct reproduce_report *report)
{
    struct str words = verdict_words(context, options, report);
    const char *verdict = reproduction_name(report->verdict);
    bool is_good = report->exit_status == 0;
    if (context->format == FORMAT_MARKDOWN) {
        buf_print(&context->out, "**%s**: ", verdict);
        report_markdown_text(&context->out, words);
    } else {
        report_add_toned(context, is_good ? TONE_GOOD : TONE_BAD, str_of(verdict));
        buf_add_text(&context->out, ": ");
        buf_add_escaped(&context->out, words, false);
        buf_print(&context->out, " · %.*s",
                  STR_FMT(duration_print(context->arena, report->duration_ns)));
    }
    buf_add_char(&context->out, '\n');
}

static void print_text(struct context *context, const struct reproduce_options *options,
                       const struct reproduce_report *report)
{
    print_verdict(context, options, report);
    if (context->common.quiet)
        return;
    struct table stages = stage_table(context, report);
    struct table metrics = metric_table(context, report);
    struct table environment = environment_table(context, &report->environment, NAMED_MOST);
    bool is_short = report->verdict == REPRODUCED_IDENTICAL && context->format != FORMAT_MARKDOWN;
    if (is_short)
        return;
    print_table(context, &stages);
    print_outputs(context, report);
    print_table(context, &metrics);
    print_table(context, &environment);
    if (report->environment.len > NAMED_MOST)
        buf_print(&context->out, "... and %zu more: --json has them all\n",
                  report->environment.len - NAMED_MOST);
}

static void output_json(struct json_writer *json, const struct reproduced_output *output)
{
    json_open_object(json);
    json_name(json, "path");
    json_str(json, output->path);
    digest_json(json, "before", output->before);
    digest_json(json, "after", output->after);
    json_close_object(json);
}

static void metric_json(struct json_writer *json, const struct reproduced_metric *metric)
{
    json_open_object(json);
    json_name(json, "file");
    json_str(json, metric->file);
    json_name(json, "key");
    json_str(json, metric->key);
    json_name(json, "before");
    metric->is_text ? json_str(json, metric->before_text) : json_real(json, metric->before);
    json_name(json, "after");
    metric->is_text ? json_str(json, metric->after_text) : json_real(json, metric->after);
    json_name(json, "is_equal");
    json_bool(json, metric->is_equal);
    json_name(json, "is_within");
    json_bool(json, metric->is_within);
    json_close_object(json);
}

static void stage_json(struct json_writer *json, const struct reproduced_stage *stage)
{
    json_open_object(json);
    json_name(json, "name");
    json_str(json, stage->stage);
    json_name(json, "verdict");
    json_text(json, reproduction_name(stage->verdict));
    json_name(json, "has_same_inputs");
    json_bool(json, stage->has_same_inputs);
    json_name(json, "is_consequence");
    json_bool(json, stage->is_consequence);
    json_name(json, "cause");
    stage->cause.len ? json_str(json, stage->cause) : json_null(json);
    json_name(json, "outputs_compared");
    json_int(json, (int64_t)stage->compared_count);
    json_name(json, "outputs_differing");
    json_open_list(json);
    for (size_t i = 0; i < stage->output_count; i++)
        output_json(json, &stage->outputs[i]);
    json_close_list(json);
    json_name(json, "metrics");
    json_open_list(json);
    for (size_t i = 0; i < stage->metric_count; i++)
        metric_json(json, &stage->metrics[i]);
    json_close_list(json);
    json_close_object(json);
}

static void print_json(struct context *context, const struct reproduce_options *options,
                       const struct reproduce_report *report)
{
    struct json_writer json = report_json_open(context);
    const struct run *run = options->original->run;
    json_name(&json, "verdict");
    json_text(&json, reproduction_name(report->verdict));
    json_name(&json, "original");
    json_str(&json, options->original->title);
    json_name(&json, "run");
    run ? json_str(&json, run->id) : json_null(&json);
    json_name(&json, "first");
    report->first ? json_str(&json, report->first->stage) : json_null(&json);
    json_name(&json, "rtol");
    json_real(&json, options->tolerance.relative);
    json_name(&json, "atol");
    json_real(&json, options->tolerance.absolute);
    json_name(&json, "isolation");
    json_text(&json, isolation_name(report->isolation));
    json_name(&json, "duration_s");
    json_real(&json, report_seconds(report->duration_ns));
    json_name(&json, "stages");
    json_open_list(&json);
    for (size_t i = 0; i < report->count; i++)
        stage_json(&json, &report->stages[i]);
    json_close_list(&json);
    struct table environment = environment_table(context, &report->environment, SIZE_MAX);
    json_name(&json, "environment");
    report_json_rows(&json, &environment);
    report_json_close(&json);
}

void reproduction_print(struct context *context, const struct reproduce_options *options,
                        const struct reproduce_report *report)
{
    if (context->format == FORMAT_JSON) {
        print_json(context, options, report);
    } else if (context->format == FORMAT_CSV) {
        struct table stages = stage_table(context, report);
        report_csv(&context->out, &stages);
    } else {
        print_text(context, options, report);
    }
}
