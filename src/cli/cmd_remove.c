#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/cli/command.h"
#include "mlops/cli/data.h"

VEC(path_vec, struct str);

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

/* Before any of them is removed; what is named twice counts once. */
static FALLIBLE take_words(struct data_shell *shell, int argc, const struct str *argv,
                           struct path_vec *ret)
{
    struct error_list errors = {0};
    struct map seen = {0};
    for (int i = 0; i < argc; i++) {
        struct str path = {0};
        TRY(data_word(shell, argv[i], &path));
        if (map_has(&seen, path))
            continue;
        map_put(shell->session.arena, &seen, path, shell);
        *vec_push(shell->session.arena, ret) = path;
        error_list_add(&errors, data_check_tracked(&shell->session, path));
    }
    return error_list_take(&errors);
}

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct remove_command *command = opaque;
    AUTO(data_close) struct data_shell shell = {0};
    struct path_vec paths = {0};
    TRY(data_open(context, false, &shell));
    TRY(take_words(&shell, argc, argv, &paths));
    vec_each (const struct str, each, &paths) {
        struct str path = *each;
        int displaced = 0;
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
    .completes = COMPLETE_FILES | COMPLETE_DATA,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "add, gc",
    .run = run,
};
