#include "mlops/base/arena.h"
#include "mlops/cli/command.h"
#include "mlops/cli/lint.h"
#include "mlops/cli/report.h"
#include "mlops/host/path.h"
#include "mlops/model/name.h"
#include "mlops/store/pipelines.h"

struct lint_options {
    bool strict;
    bool resolved;
};

static const struct option_row rows[] = {
    {"strict", 0, OPTION_FLAG_AT(struct lint_options, strict),
     .help = "Exit with status 1 if there are warnings"},
    {"resolved", 0, OPTION_FLAG_AT(struct lint_options, resolved),
     .help = "Print what templates make of the stages, and the graph, as JSON"},
};

/* What is known of one file: errors, or a plan and warnings. */
struct lint_result {
    struct str file;
    struct error *errors;
    size_t stage_count;
    struct plan plan;
    struct lint_vec warnings;
};

/* An error of another dvc.yaml than the one that is named, not of all of them together. */
static bool is_elsewhere(const struct error *error, struct str shown)
{
    if (error->phase && strcmp(error->phase, pipeline_phase_name(PIPELINE_GRAPH)) == 0)
        return false;
    for (; error; error = error->next) {
        struct str file = str_of(error->mark.file);
        if (pipeline_dialect(path_name(file)) == DOC_DVC && !str_equal(shown, file))
            return true;
    }
    return false;
}

/* One dvc.yaml can be looked at although another one of its project is wrong. */
static FALLIBLE load_pipeline(struct context *context, struct workspace *workspace, struct str word,
                              bool may_be_alone, struct pipeline **ret)
{
    struct str path, cwd = workspace->root;
    bool is_found = false;
    struct error *error = context_pipeline(context, word, ret);
    if (!error || !may_be_alone || error->code != ERROR_PROJECT)
        return error;
    error_drop(context_find_pipeline(context, word, &path, &is_found));
    if (!is_found || !is_elsewhere(error, workspace_show(context->arena, workspace, path)))
        return error;
    context_warn(context, "%s:%d: %s; the rest of the project is left out", error->mark.file,
                 error->mark.line, error->text);
    error_drop(error);
    if (workspace->cwd.len)
        cwd = path_join(context->arena, cwd, workspace->cwd);
    return pipelines_load_alone(context->arena, workspace, path, cwd, ret);
}

static FALLIBLE examine(struct context *context, struct str word, bool may_be_alone,
                        struct lint_result *ret)
{
    struct workspace *workspace = NULL;
    struct pipeline *pipeline = NULL;
    struct plan_options whole = {0};
    TRY(context_workspace(context, &workspace));
    TRY(load_pipeline(context, workspace, word, may_be_alone, &pipeline));
    ret->file = workspace_show(context->arena, workspace, pipeline->path);
    ret->stage_count = pipeline->stages.len;
    TRY(lint_locks(context->arena, workspace, pipeline));
    TRY(error_in_phase(plan_make(context->arena, pipeline, &whole, &ret->plan), "graph"));
    return lint_pipeline(context->arena, workspace, &ret->plan, &ret->warnings);
}

static void print_text(struct context *context, const struct lint_result *result)
{
    vec_each (const struct lint_warning, warning, &result->warnings) {
        buf_add_escaped(&context->out, warning->file.len ? warning->file : result->file, false);
        buf_print(&context->out, ":%d:%d: ", warning->line, warning->column);
        report_add_toned(context, TONE_WARN, STR("warning: "));
        buf_add_escaped(&context->out, warning->text, false);
        buf_print(&context->out, " [%s]\n", warning->rule);
    }
    if (context->common.quiet)
        return;
    buf_add_escaped(&context->out, result->file, false);
    buf_print(&context->out, ": %zu stage%s, %zu warning%s\n", result->stage_count,
              result->stage_count == 1 ? "" : "s", result->warnings.len,
              result->warnings.len == 1 ? "" : "s");
}

static void add_place(struct json_writer *json, struct str file, int line, int column)
{
    json_name(json, "file");
    json_str(json, file);
    json_name(json, "line");
    json_int(json, line);
    json_name(json, "column");
    json_int(json, column);
}

static void add_error(struct json_writer *json, struct str file, const struct error *error)
{
    json_open_object(json);
    add_place(json, error->mark.file ? str_of(error->mark.file) : file, error->mark.line,
              error->mark.column);
    json_name(json, "text");
    json_text(json, error->text);
    json_name(json, "hint");
    json_text(json, error->hint);
    json_close_object(json);
}

static void add_warning(struct json_writer *json, struct str file,
                        const struct lint_warning *warning)
{
    json_open_object(json);
    add_place(json, warning->file.len ? warning->file : file, warning->line, warning->column);
    json_name(json, "rule");
    json_text(json, warning->rule);
    json_name(json, "stage");
    json_str(json, warning->stage);
    json_name(json, "text");
    json_str(json, warning->text);
    json_close_object(json);
}

static void print_json(struct context *context, const struct lint_result *result)
{
    struct json_writer json = report_json_open(context);
    json_name(&json, "file");
    json_str(&json, result->file);
    json_name(&json, "stage_count");
    json_int(&json, (int64_t)result->stage_count);
    json_name(&json, "errors");
    json_open_list(&json);
    for (const struct error *error = result->errors; error; error = error->next)
        add_error(&json, result->file, error);
    json_close_list(&json);
    json_name(&json, "warnings");
    json_open_list(&json);
    vec_each (const struct lint_warning, warning, &result->warnings)
        add_warning(&json, result->file, warning);
    json_close_list(&json);
    report_json_close(&json);
}

static const char *phase_of(const struct error *error)
{
    return error->phase ? error->phase : "schema";
}

/* The first error stands for all; with the others it is in `errors`. */
static void print_refusal(struct context *context, const struct lint_result *result)
{
    struct json_writer json = report_json_open(context);
    json_name(&json, "error");
    json_open_object(&json);
    json_name(&json, "phase");
    json_text(&json, phase_of(result->errors));
    json_name(&json, "message");
    json_text(&json, result->errors->text);
    json_close_object(&json);
    json_name(&json, "errors");
    json_open_list(&json);
    for (const struct error *error = result->errors; error; error = error->next)
        add_error(&json, result->file, error);
    json_close_list(&json);
    report_json_close(&json);
}

static void print_resolved(struct context *context, const struct lint_result *result)
{
    if (result->errors) {
        print_refusal(context, result);
        return;
    }
    struct json_writer json = report_json_open(context);
    lint_resolved_json(context->arena, &json, &result->plan);
    report_json_close(&json);
}

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct lint_options *options = opaque;
    struct lint_result result = {.file = argc ? argv[0] : (struct str){0}};
    struct error *error =
        examine(context, argc ? argv[0] : (struct str){0}, options->resolved, &result);
    bool is_json = context->format == FORMAT_JSON || options->resolved;
    if (error && (!is_json || error->code != ERROR_PROJECT))
        return error;
    result.errors = error;
    if (error)
        context->status = error->code;
    if (options->resolved)
        print_resolved(context, &result);
    else if (is_json)
        print_json(context, &result);
    else
        print_text(context, &result);
    error_drop(error);
    if (options->strict && result.warnings.len)
        context->status = 1;
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops lint", "check pipeline.yaml (or dvc.yaml)"},
    {"mlops lint --strict other.yaml", "for a commit hook: warnings fail too"},
    {"mlops lint --resolved dvc.yaml",
     "every stage as templates resolve it, and the edges, as JSON"},
    {"mlops lint --json", "errors and warnings with file, line and column, for editors"},
};

const struct cli_command cmd_lint = {
    .name = "lint",
    .group = GROUP_RUN,
    .arguments = "[PIPELINE]",
    .summary = "Check a pipeline without running anything",
    .description =
        "Errors are what 'mlops run' would refuse (exit status 3). Warnings tell what is probably "
        "not meant: a validate stage that nothing waits for, a command that names a project file "
        "which is no dep, a plain value for a variable that looks like a secret or one that is "
        "not set, a dep or a parameter that is not there, and what DVC lets pass.\n\n"
        "--resolved prints, of the file that is named, the stages in order with their templates "
        "resolved, what is loaded of them, the values they took from files, and the edges of the "
        "whole project; or the first error with its phase: schema, vars, expand, resolve, top, "
        "load or graph.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct lint_options),
    .words_most = 1,
    .completes = COMPLETE_FILES,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "plan, dag",
    .run = run,
};
