#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/command.h"
#include "mlops/cli/data.h"
#include "mlops/codec/glob.h"
#include "mlops/engine/dvcdata.h"
#include "mlops/model/name.h"

struct checkout_command {
    bool dry_run, relink;
    struct str rev;
};

VEC(path_vec, struct str);

static const struct option_row rows[] = {
    {.name = "dry-run",
     .letter = 'n',
     OPTION_FLAG_AT(struct checkout_command, dry_run),
     .help = "Only say what would be put in place"},
    {.name = "relink",
     OPTION_FLAG_AT(struct checkout_command, relink),
     .help = "Put everything in place anew, after 'cache.link' was changed"},
    {.name = "rev",
     OPTION_STR_AT(struct checkout_command, rev),
     .value = "REV",
     .help = "A git revision, where a word could also be a path"},
};

static FALLIBLE resolve(struct data_shell *shell, struct str word, struct str *ret, bool *ret_found)
{
    struct session *session = &shell->session;
    struct vcs *vcs = NULL;
    *ret_found = false;
    TRY(session_vcs(session, &vcs));
    return vcs ? vcs_resolve(vcs, session->arena, word, ret, ret_found) : NULL;
}

static FALLIBLE is_path(struct data_shell *shell, struct str word, bool *ret)
{
    struct str path = {0};
    struct error *error = data_word(shell, word, &path);
    *ret = error == NULL;
    error_drop(error); /* what lies outside of the project is no path here */
    return *ret ? data_is_path(&shell->session, path, ret) : NULL;
}

/* The first word, unless `--` stands before it, may be a revision; one that could be both is none
 * of them. */
static FALLIBLE find_revision(struct context *context, struct data_shell *shell, struct str word,
                              struct str *ret, bool *ret_found)
{
    bool is_both = false;
    *ret_found = false;
    if (context->dash_at == 1)
        return NULL;
    TRY(resolve(shell, word, ret, ret_found));
    if (*ret_found && context->dash_at != 2)
        TRY(is_path(shell, word, &is_both));
    if (is_both)
        return error_hint(error_new(ERROR_USAGE, "'%.*s' is a path and a git revision (%.*s)",
                                    STR_FMT(word), STR_FMT(str_slice(*ret, 0, 7))),
                          "'mlops checkout -- %.*s' for the path, 'mlops checkout %.*s --' for the "
                          "revision",
                          STR_FMT(word), STR_FMT(word));
    if (!*ret_found && context->dash_at == 2)
        return error_new(ERROR_USAGE, "'%.*s' is no git revision", STR_FMT(word));
    return NULL;
}

static FALLIBLE choose(struct context *context, struct data_shell *shell,
                       const struct checkout_command *command, int argc, const struct str *argv,
                       struct data_checkout_options *ret)
{
    struct path_vec paths = {0};
    bool found = false;
    int first = 0;
    if (command->rev.len) {
        TRY(resolve(shell, command->rev, &ret->commit, &found));
        if (!found)
            return error_new(ERROR_USAGE, "'%.*s' is no git revision", STR_FMT(command->rev));
    } else if (argc > 0) {
        TRY(find_revision(context, shell, argv[0], &ret->commit, &found));
        first = found;
        ret->is_no_revision = !found && shell->session.vcs && context->dash_at != 1;
        if (!found)
            ret->commit = (struct str){0};
    }
    for (int i = first; i < argc; i++)
        TRY(data_word(shell, argv[i], vec_push(context->arena, &paths)));
    ret->paths = paths.at;
    ret->count = paths.len;
    return NULL;
}

static void record_json(struct json_writer *json, const struct data_record *record)
{
    json_name(json, "path");
    json_str(json, record->artifact.path);
    json_name(json, "named_by");
    json_str(json, record->named_by);
    digest_json(json, "digest", record->artifact.digest);
    json_name(json, "size_bytes");
    json_int(json, record->artifact.size_bytes);
}

static void placed_json(struct json_writer *json, const struct data_placed_vec *all)
{
    json_name(json, "restored");
    json_open_list(json);
    vec_each (const struct data_placed, placed, all) {
        json_open_object(json);
        record_json(json, &placed->record);
        json_name(json, "written_files");
        json_int(json, placed->files);
        json_name(json, "written_bytes");
        json_int(json, placed->bytes);
        json_close_object(json);
    }
    json_close_list(json);
}

static void missing_json(struct json_writer *json, const struct data_record_vec *records)
{
    json_name(json, "missing");
    json_open_list(json);
    vec_each (const struct data_record, record, records) {
        json_open_object(json);
        record_json(json, record);
        json_close_object(json);
    }
    json_close_list(json);
}

static void print_json(struct context *context, const struct session *session,
                       const struct data_checkout *report, bool is_dry)
{
    struct json_writer json = report_json_open(context);
    json_name(&json, "is_dry_run");
    json_bool(&json, is_dry);
    json_name(&json, "unchanged");
    json_int(&json, report->unchanged);
    json_name(&json, "pointers_written");
    json_int(&json, report->pointers);
    json_name(&json, "displaced");
    json_int(&json, report->displaced);
    placed_json(&json, &report->changed);
    missing_json(&json, &report->missing);
    touched_json(&json, session);
    report_json_close(&json);
}

static void print_placed(struct context *context, const char *word,
                         const struct data_placed *placed)
{
    const struct artifact *artifact = &placed->record.artifact;
    buf_print(&context->out, "%s ", word);
    buf_add_escaped(&context->out, artifact->path, false);
    if (artifact->kind == ARTIFACT_TREE)
        buf_print(&context->out, "  %.*s file%s,",
                  STR_FMT(count_print(context->arena, placed->files)),
                  placed->files == 1 ? "" : "s");
    else
        buf_add_char(&context->out, ' ');
    buf_print(&context->out, " %.*s\n", STR_FMT(bytes_print(context->arena, placed->bytes)));
}

static void print_text(struct context *context, const struct data_checkout *report, bool is_dry)
{
    vec_each (const struct data_placed, placed, &report->changed)
        print_placed(context, is_dry ? "would restore" : "restored", placed);
    if (!report->changed.len && !report->missing.len)
        buf_print(&context->out, "everything is in place (%lld path%s)\n",
                  (long long)report->unchanged, report->unchanged == 1 ? "" : "s");
}

static void tell_missing(struct context *context, const struct data_checkout *report)
{
    enum { NAMED_MOST = 20 };
    for (size_t i = 0; i < MIN_OF(report->missing.len, (size_t)NAMED_MOST); i++)
        context_warn(context, "'%.*s' can't be restored: the store lacks what %.*s names",
                     STR_FMT(report->missing.at[i].artifact.path),
                     STR_FMT(report->missing.at[i].named_by));
    if (report->missing.len > NAMED_MOST)
        context_warn(context, "... and %zu more", report->missing.len - NAMED_MOST);
    if (report->missing.len)
        context_notice(context, "'mlops pull' fetches what is missing");
}

static bool is_meant(const struct data_checkout_options *options, size_t i,
                     const struct dvc_tracked *tracked, struct transfer_root *root)
{
    struct str word = options->paths[i], path = tracked->artifact.path;
    bool is_pattern = glob_is_pattern(word);
    if (is_pattern ? glob_match(word, path) : path_is_within(path, word))
        return true;
    root->below = word;
    root->is_pattern = is_pattern;
    return tracked->artifact.kind == ARTIFACT_TREE &&
           (is_pattern ? glob_may_match_below(word, path) : path_is_within(word, path));
}

static FALLIBLE find_tracked(struct session *session, struct str commit,
                             struct dvc_tracked_vec *ret)
{
    struct vcs_path_vec commits = {0};
    if (!commit.len)
        return dvcfiles_load(session->arena, &session->workspace, session->index, session->observer,
                             ret);
    *vec_push(session->arena, &commits) = commit;
    return dvcfiles_load_commits(session->arena, &session->workspace, session->index, session->vcs,
                                 &commits, NULL, ret);
}

/* What DVC tracks may be in its cache only. */
static FALLIBLE bring(struct data_shell *shell, const struct data_checkout_options *options,
                      struct data_record_vec *ret)
{
    struct session *session = &shell->session;
    struct dvc_tracked_vec all = {0};
    struct transfer_root_vec roots = {0};
    struct transfer_report report = {0};
    struct dvcdata_options local = {.is_local = true, .places_commits = true};
    TRY(find_tracked(session, options->commit, &all));
    vec_each (const struct dvc_tracked, tracked, &all)
        for (size_t i = 0; i < MAX_OF(options->count, (size_t)1); i++) {
            struct transfer_root root = {
                .artifact = tracked->artifact, .named_by = tracked->named_by, .dvc = tracked};
            if (!options->count || is_meant(options, i, tracked, &root))
                *vec_push(session->arena, &roots) = root;
        }
    return roots.len ? dvcdata_fetch(session, &roots, &local, ret, &report) : NULL;
}

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct checkout_command *command = opaque;
    AUTO(data_close) struct data_shell shell = {0};
    struct data_checkout_options options = {.is_dry = command->dry_run, .relinks = command->relink};
    struct data_checkout report = {0};
    struct data_record_vec brought = {0};
    TRY(data_open(context, command->dry_run, &shell));
    TRY(choose(context, &shell, command, argc, argv, &options));
    if (!options.is_dry)
        TRY(bring(&shell, &options, &brought));
    options.also = &brought;
    TRY(data_checkout(&shell.session, &options, &report));
    progress_clear(&shell.progress);
    if (context->format == FORMAT_JSON)
        print_json(context, &shell.session, &report, command->dry_run);
    else if (!context->common.quiet)
        print_text(context, &report, command->dry_run);
    data_tell_displaced(context, &report, command->dry_run);
    tell_missing(context, &report);
    if (report.missing.len)
        context->status = ERROR_ANSWER;
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops checkout", "after git checkout or git pull: all data as the pointers say"},
    {"mlops checkout data/raw/2024 'data/raw/*.csv'", "parts of a directory that is tracked"},
    {"mlops checkout v1.0 data/raw", "pointer and data as they were at that revision"},
};

const struct cli_command cmd_checkout = {
    .name = "checkout",
    .group = GROUP_DATA,
    .arguments = "[REV] [PATH...]",
    .summary = "Put data in place as pointers and lock files say",
    .description =
        "Without words all that pointers track and all outputs that lock files record. A PATH is a "
        "file, a directory or a quoted glob, also inside a directory that is tracked as one. "
        "Only what differs is written.\n"
        "\n"
        "With REV (a branch, tag or commit) pointers and data as at that revision: the pointer "
        "files (and .dvc files) are written into the work tree, as 'git checkout REV -- FILE' "
        "would; outputs of "
        "stages come as that revision's lock files say, and the lock files are left alone. A word "
        "that could be both is refused: '--' stands behind a revision and before paths.\n"
        "\n"
        "What is in the way and not in the store moves to .mlops/displaced; nothing is lost and no "
        "--force is needed.\n"
        "\n"
        "--json: {schema_version, is_dry_run, unchanged, pointers_written, displaced, restored: "
        "[{path, "
        "..., written_files, written_bytes}], missing, counts}.\n"
        "\n"
        "Exit status 1 if the store lacks something; all the rest is done then.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct checkout_command),
    .words_most = -1,
    .needs = NEED_PROJECT,
    .completes = COMPLETE_FILES | COMPLETE_DATA,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "add, status, gc",
    .run = run,
};
