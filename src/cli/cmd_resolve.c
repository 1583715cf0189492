#include "mlops/base/arena.h"
#include "mlops/cli/command.h"
#include "mlops/cli/transfer.h"

struct resolve_command {
    bool ours, theirs;
    struct transfer_command transfer;
};

static const struct option_row rows[] = {
    {.name = "ours",
     OPTION_FLAG_AT(struct resolve_command, ours),
     .help = "Where both sides changed the same file, take our side's"},
    {.name = "theirs",
     OPTION_FLAG_AT(struct resolve_command, theirs),
     .help = "Where both sides changed the same file, take their side's"},
    {.name = "remote",
     .letter = 'r',
     OPTION_STR_AT(struct resolve_command, transfer.remote),
     .value = "NAME",
     .completes = COMPLETE_REMOTES,
     .help = "Where what the store lacks of either side is fetched; the default one if not given"},
};

/* The conflict of a word: the path that is tracked, or its pointer. */
static FALLIBLE find_conflict(struct data_shell *shell, const struct data_conflict_vec *conflicts,
                              struct str word, struct data_conflict *ret)
{
    struct str path = {0};
    TRY(data_word(shell, word, &path));
    if (!pointer_is_name(path))
        path = pointer_file_of(shell->session.arena, path);
    vec_each (const struct data_conflict, conflict, conflicts)
        if (str_equal(conflict->file, path)) {
            *ret = *conflict;
            return NULL;
        }
    return error_hint(error_new(ERROR_USAGE, "git has no conflict in '%.*s'", STR_FMT(path)),
                      "'git status' lists the files that it could not merge");
}

static FALLIBLE choose(struct data_shell *shell, int argc, const struct str *argv,
                       struct data_conflict_vec *ret)
{
    struct data_conflict_vec all = {0};
    TRY(data_conflicts(&shell->session, &all));
    for (int i = 0; i < argc; i++)
        TRY(find_conflict(shell, &all, argv[i], vec_push(shell->session.arena, ret)));
    if (!argc)
        *ret = all;
    return NULL;
}

/* Without its trees a directory can't be merged; what they name is wanted afterwards anyway. */
static FALLIBLE fetch_lacking(struct data_shell *shell, const struct transfer_command *command,
                              const struct data_conflict *conflict)
{
    struct artifact *lacking = NULL;
    size_t count = 0;
    struct transfer_root_vec roots = {0};
    struct transfer_report report = {0};
    TRY(data_conflict_lacks(&shell->session, conflict, &lacking, &count));
    for (size_t i = 0; i < count; i++)
        *vec_push(shell->session.arena, &roots) =
            (struct transfer_root){.artifact = lacking[i], .named_by = conflict->file};
    if (!count)
        return NULL;
    TRY_WITHIN(transfer_fetch_parts(shell, command, &roots, NULL, &report),
               "merging '%.*s' needs what the store lacks", STR_FMT(conflict->file));
    progress_clear(&shell->progress);
    return NULL;
}

static void print_json(struct json_writer *json, const struct data_conflict *conflict,
                       const struct data_merge *merge)
{
    json_open_object(json);
    json_name(json, "pointer");
    json_str(json, conflict->file);
    json_name(json, "is_resolved");
    json_bool(json, !merge->undecided.len);
    json_name(json, "from_ours");
    json_int(json, merge->from_ours);
    json_name(json, "from_theirs");
    json_int(json, merge->from_theirs);
    json_name(json, "undecided");
    json_open_list(json);
    vec_each (const struct str, path, &merge->undecided)
        json_str(json, *path);
    json_close_list(json);
    json_close_object(json);
}

static void print_text(struct context *context, const struct data_conflict *conflict,
                       const struct data_merge *merge)
{
    enum { NAMED = 10 };
    buf_add_text(&context->out, merge->undecided.len ? "conflict  " : "resolved  ");
    buf_add_escaped(&context->out, conflict->file, false);
    if (!merge->undecided.len) {
        buf_print(&context->out, "  (%lld from our side, %lld from theirs)\n",
                  (long long)merge->from_ours, (long long)merge->from_theirs);
        return;
    }
    buf_print(&context->out, "  both sides changed:\n");
    for (size_t i = 0; i < merge->undecided.len && i < NAMED; i++) {
        buf_add_text(&context->out, "    ");
        buf_add_escaped(&context->out, merge->undecided.at[i], false);
        buf_add_char(&context->out, '\n');
    }
    if (merge->undecided.len > NAMED)
        buf_print(&context->out, "    ... %zu more\n", merge->undecided.len - NAMED);
}

static void tell_rest(struct context *context, size_t resolved, size_t left)
{
    if (!resolved && !left)
        context_notice(context, "git has no conflict in a pointer");
    if (resolved)
        context_notice(context, "to go on: git add the pointers, and 'mlops pull' (or 'mlops "
                                "checkout') puts the data in place");
    if (left) {
        context_notice(context, "with --ours or --theirs that side's files are taken");
        context->status = ERROR_ANSWER;
    }
}

static FALLIBLE resolve_all(struct context *context, struct data_shell *shell,
                            const struct resolve_command *command,
                            const struct data_conflict_vec *conflicts, struct json_writer *json)
{
    enum data_side side = command->ours ? SIDE_OURS : command->theirs ? SIDE_THEIRS : SIDE_NONE;
    size_t resolved = 0;
    vec_each (const struct data_conflict, conflict, conflicts) {
        struct data_merge merge = {0};
        TRY(fetch_lacking(shell, &command->transfer, conflict));
        TRY(data_resolve(&shell->session, conflict, side, &merge));
        resolved += !merge.undecided.len;
        if (json)
            print_json(json, conflict, &merge);
        else
            print_text(context, conflict, &merge);
    }
    tell_rest(context, resolved, conflicts->len - resolved);
    return NULL;
}

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct resolve_command *command = opaque;
    AUTO(data_close) struct data_shell shell = {0};
    struct data_conflict_vec conflicts = {0};
    if (command->ours && command->theirs)
        return error_new(ERROR_USAGE, "--ours and --theirs exclude each other");
    TRY(data_open(context, false, &shell));
    TRY(choose(&shell, argc, argv, &conflicts));
    if (context->format != FORMAT_JSON)
        return resolve_all(context, &shell, command, &conflicts, NULL);
    struct json_writer json = report_json_open(context);
    json_name(&json, "pointers");
    json_open_list(&json);
    TRY(resolve_all(context, &shell, command, &conflicts, &json));
    json_close_list(&json);
    report_json_close(&json);
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops resolve", "after a 'git merge' that stopped at PATH.mlops"},
    {"mlops resolve data/raw --theirs", "their version of what both sides changed"},
};

const struct cli_command cmd_resolve = {
    .name = "resolve",
    .group = GROUP_DATA,
    .arguments = "[PATH...]",
    .summary = "Merge pointers that git could not merge",
    .description =
        "Two branches that both changed a tracked directory conflict in its pointer. This merges "
        "the directories file by file, as git merges lines: what only one side added, changed or "
        "removed since the common ancestor is taken from that side. Then the pointer is written; "
        "'git add' it as any file that was merged. Where both sides changed the same file "
        "differently nothing is written, the files are listed, and --ours or --theirs decides for "
        "them (and only for them).\n"
        "\n"
        "What the store lacks of either side is fetched from the remote. Neither the data in the "
        "work tree nor git's index is touched; 'mlops pull' or 'mlops checkout' puts the merged "
        "data in place.\n"
        "\n"
        "--json: {schema_version, pointers: [{pointer, is_resolved, from_ours, from_theirs, "
        "undecided}]}.\n"
        "\n"
        "Exit status 1 if something is left to be decided.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct resolve_command),
    .words_most = -1,
    .needs = NEED_PROJECT,
    .completes = COMPLETE_FILES | COMPLETE_DATA,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "add, checkout, pull",
    .run = run,
};
