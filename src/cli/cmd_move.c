#include "mlops/cli/command.h"
#include "mlops/cli/data.h"
#include "mlops/model/name.h"

/* A pipeline is the user's text: what reads the old path is told, not changed. */
static void tell_stage(struct context *context, const struct pipeline *pipeline,
                       const struct stage *stage, struct str from)
{
    vec_each (const struct dependency, dep, &stage->deps)
        if (path_is_within(dep->path, from))
            context_warn(context, "%.*s still names '%.*s' (stage '%.*s')", STR_FMT(pipeline->path),
                         STR_FMT(dep->path), STR_FMT(stage->name));
}

static FALLIBLE tell_readers(struct context *context, struct str from)
{
    struct pipeline *pipeline = NULL;
    TRY(context_readable_pipeline(context, &pipeline));
    if (pipeline)
        vec_each (const struct stage, stage, &pipeline->stages)
            tell_stage(context, pipeline, stage, from);
    return NULL;
}

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    AUTO(data_close) struct data_shell shell = {0};
    struct pointer *moved = NULL;
    struct str from = {0}, to = {0};
    (void)opaque;
    (void)argc;
    TRY(data_open(context, false, &shell));
    TRY(data_word(&shell, argv[0], &from));
    TRY(data_word(&shell, argv[1], &to));
    TRY(data_move(&shell.session, from, to, &moved));
    if (context->format == FORMAT_JSON) {
        struct json_writer json = report_json_open(context);
        json_name(&json, "path");
        json_str(&json, moved->artifact.path);
        json_name(&json, "pointer");
        json_str(&json, moved->file);
        report_json_close(&json);
    } else if (!context->common.quiet) {
        buf_add_text(&context->out, "moved to ");
        buf_add_escaped(&context->out, moved->artifact.path, false);
        buf_add_char(&context->out, '\n');
    }
    return tell_readers(context, from);
}

static const struct command_example examples[] = {
    {"mlops move data/raw data/2024/raw", "data, pointer and the lines in .gitignore"},
};

const struct cli_command cmd_move = {
    .name = "move",
    .group = GROUP_DATA,
    .arguments = "FROM TO",
    .summary = "Rename what is tracked, with its pointer",
    .description =
        "Renames the data (if they are in the work tree), writes the pointer of the new name and "
        "removes the old one, and changes the lines in .gitignore. Nothing is read or copied on "
        "one "
        "file system. Into a directory that is there it moves as 'mv' does. Interrupted, both "
        "pointers are there, and the data under one of the two names. Stages of the pipeline that "
        "still name the old path are told.",
    .words_least = 2,
    .words_most = 2,
    .needs = NEED_PROJECT,
    .completes = COMPLETE_FILES | COMPLETE_DATA,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "add, remove",
    .run = run,
};
