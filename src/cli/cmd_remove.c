#include "mlops/cli/command.h"
#include "mlops/cli/data.h"

struct remove_command {
    bool data;
};

static const struct option_row rows[] = {
    {.name = "data",
     OPTION_FLAG_AT(struct remove_command, data),
     .help = "Also remove what the work tree holds"},
};

static void tell(struct context *context, struct str path, bool with_data, int displaced)
{
    if (context->common.quiet)
        return;
    buf_add_text(&context->out, "no longer tracked: ");
    buf_add_escaped(&context->out, path, false);
    buf_print(&context->out, "%s\n",
              !with_data  ? " (the data stay in the work tree)"
              : displaced ? " (what only the work tree held moved to .mlops/displaced)"
                          : " (removed from the work tree)");
}

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct remove_command *command = opaque;
    AUTO(data_close) struct data_shell shell = {0};
    TRY(data_open(context, false, &shell));
    for (int i = 0; i < argc; i++) {
        struct str path = {0};
        int displaced = 0;
        TRY(data_word(&shell, argv[i], &path));
        TRY(data_remove(&shell.session, path, command->data, &displaced));
        tell(context, path, command->data, displaced);
    }
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops remove data/raw", "git forgets it with the next commit; the files stay"},
    {"mlops remove --data data/raw", "the files go, too"},
    {"mlops remove data/raw/bad.jpg",
     "a part of a directory that is tracked; the rest stays in it"},
};

const struct cli_command cmd_remove = {
    .name = "remove",
    .group = GROUP_DATA,
    .arguments = "PATH...",
    .summary = "Stop tracking a path",
    .description =
        "Removes the pointer and the line in .gitignore. A file or directory in a directory that "
        "is "
        "tracked as one is taken out of what the pointer names; the rest need not be in the work "
        "tree. The data stay in the work tree unless "
        "--data is given, and in the store until 'mlops gc' finds that no branch, tag, stash or "
        "kept "
        "run names them. With --data, what the store lacks (files that changed since they were "
        "added) moves to .mlops/displaced.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct remove_command),
    .words_least = 1,
    .words_most = -1,
    .needs = NEED_PROJECT,
    .completes = COMPLETE_FILES,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "add, gc",
    .run = run,
};
