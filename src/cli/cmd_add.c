#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/command.h"
#include "mlops/cli/data.h"
#include "mlops/engine/dvcdata.h"

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
    bool is_new = false, has_dvc = false;
    vec_each (const struct data_added, one, added) {
        print_one(context, one);
        has_dvc = has_dvc || str_ends(one->pointer->file, STR(".dvc"));
        is_new = is_new || one->status != DATA_SAME;
    }
    if (is_new && session->vcs)
        context_notice(context, "to go on: git add the %s files and .gitignore, then commit",
                       has_dvc ? ".mlops and .dvc" : ".mlops");
}

VEC(word_vec, struct str);
VEC(entry_vec, const struct dvc_tracked *);

/* Words that name what a `.dvc` file tracks, or a part of it, and the others. */
static FALLIBLE split_words(struct data_shell *shell, int argc, const struct str *argv,
                            struct word_vec *ret_ours, struct entry_vec *ret_dvc)
{
    struct session *session = &shell->session;
    struct map known = {0};
    TRY(dvcfiles_load(session->arena, &session->workspace, session->index, NULL,
                      &session->tracked));
    session->has_tracked = true;
    for (int i = 0; i < argc; i++) {
        struct str path = {0};
        const struct dvc_tracked *tracked = NULL;
        error_drop(data_word(shell, argv[i], &path)); /* told by data_add */
        if (path.len)
            tracked = dvcfiles_find(&session->tracked, path);
        if (!tracked || tracked->stage.len)
            *vec_push(session->arena, ret_ours) = argv[i];
        else if (!map_put(session->arena, &known, tracked->artifact.path, shell))
            *vec_push(session->arena, ret_dvc) = tracked;
    }
    return NULL;
}

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct add_command *command = opaque;
    AUTO(data_close) struct data_shell shell = {0};
    struct data_added_vec added = {0};
    struct word_vec ours = {0};
    struct entry_vec dvc = {0};
    TRY(data_open(context, false, &shell));
    TRY(split_words(&shell, argc, argv, &ours, &dvc));
    struct data_add_options options = {.words = ours.at, .count = ours.len, .desc = command->desc};
    if (ours.len)
        TRY(data_add(&shell.session, &options, &added));
    struct vcs *vcs = NULL;
    TRY(session_vcs(&shell.session, &vcs));
    if (dvc.len)
        TRY(dvcdata_add(&shell.session, dvc.at, dvc.len, &added));
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
        "What a .dvc file tracks is recorded there instead, whole, as 'dvc add' does; DVC's cache "
        "gets it, too, if there is one, so that 'dvc status' agrees.\n"
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
