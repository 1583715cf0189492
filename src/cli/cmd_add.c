#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/command.h"
#include "mlops/cli/data.h"

struct add_command {
    struct str desc;
};

static const struct option_row rows[] = {
    {.name = "desc",
     OPTION_STR_AT(struct add_command, desc),
     .value = "TEXT",
     .help = "A description for people, kept in the pointer"},
};

static void print_json(struct context *context, const struct session *session,
                       const struct data_added_vec *added)
{
    struct json_writer json = report_json_open(context);
    json_name(&json, "data");
    json_open_list(&json);
    vec_each (const struct data_added, one, added) {
        const struct artifact *artifact = &one->pointer->artifact;
        json_open_object(&json);
        json_name(&json, "path");
        json_str(&json, artifact->path);
        json_name(&json, "pointer");
        json_str(&json, one->pointer->file);
        json_name(&json, "status");
        json_text(&json, data_add_status_name(one->status));
        digest_json(&json, "digest", artifact->digest);
        json_name(&json, "size_bytes");
        json_int(&json, artifact->size_bytes);
        json_name(&json, "files");
        json_int(&json, artifact->file_count);
        json_name(&json, "changes");
        changes_json(&json, &one->changes);
        json_close_object(&json);
    }
    json_close_list(&json);
    touched_json(&json, session);
    report_json_close(&json);
}

static void print_one(struct context *context, const struct data_added *one)
{
    const struct artifact *artifact = &one->pointer->artifact;
    struct str size = bytes_print(context->arena, artifact->size_bytes);
    struct str files = count_print(context->arena, artifact->file_count);
    struct str changes = changes_print(context->arena, &one->changes);
    buf_print(&context->out, "%-9s ", data_add_status_name(one->status));
    buf_add_escaped(&context->out, artifact->path, false);
    if (artifact->kind == ARTIFACT_TREE)
        buf_print(&context->out, "  %.*s file%s,", STR_FMT(files),
                  artifact->file_count == 1 ? "" : "s");
    else
        buf_add_char(&context->out, ' ');
    buf_print(&context->out, " %.*s", STR_FMT(size));
    if (changes.len && artifact->kind == ARTIFACT_TREE)
        buf_print(&context->out, "  (%.*s)", STR_FMT(changes));
    buf_add_char(&context->out, '\n');
}

static void print_text(struct context *context, struct session *session,
                       const struct data_added_vec *added)
{
    bool is_new = false;
    vec_each (const struct data_added, one, added) {
        print_one(context, one);
        is_new = is_new || one->status != DATA_SAME;
    }
    if (is_new && session->vcs)
        context_notice(context, "to go on: git add the .mlops files and .gitignore, then commit");
}

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct add_command *command = opaque;
    AUTO(data_close) struct data_shell shell = {0};
    struct data_add_options options = {.words = argv, .count = (size_t)argc, .desc = command->desc};
    struct data_added_vec added = {0};
    TRY(data_open(context, false, &shell));
    TRY(data_add(&shell.session, &options, &added));
    progress_clear(&shell.progress);
    if (context->format == FORMAT_JSON)
        print_json(context, &shell.session, &added);
    else if (!context->common.quiet)
        print_text(context, &shell.session, &added);
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops add data/raw", "version a directory; again after a change: only what changed is read"},
    {"mlops add data/raw/new.jpg", "one new file of a directory that is tracked"},
    {"mlops add 'data/*.parquet'", "each file that matches gets a pointer of its own"},
};

const struct cli_command cmd_add = {
    .name = "add",
    .group = GROUP_DATA,
    .arguments = "PATH...",
    .summary = "Version files and directories that are too large for git",
    .description =
        "Puts the content into the store and writes PATH.mlops beside each path: a small file that "
        "git keeps, which says what PATH holds. PATH itself goes into the .gitignore beside it. "
        "The "
        "files stay where and what they are; they are only read.\n"
        "\n"
        "Added again, a path is compared by its time stamps, and only files that changed are read. "
        "Of a directory that is tracked one file or directory in it can be named: then just that "
        "part is updated. A glob that no shell has expanded matches files.\n"
        "\n"
        "Refused are what git tracks, outputs of stages, links (add what they name), FIFOs, "
        "devices, sockets, and names of more than 249 bytes. Inside a directory relative links "
        "that stay in it are kept as links; others are refused. Nothing is written unless all "
        "paths are fine. What .mlopsignore names is left out, and so is any .git or .mlops, which "
        "is "
        "told.\n"
        "\n"
        "--json: {schema_version, data: [{path, pointer, status (added, updated, unchanged), "
        "digest, size_bytes, files, changes}], counts: {hashed_files, stored_files, ...}}.\n"
        "\n"
        "Exit status 0 means that content and pointers survive a power cut.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct add_command),
    .words_least = 1,
    .words_most = -1,
    .completes = COMPLETE_FILES,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "checkout, status, remove, gc",
    .run = run,
};
