#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/command.h"
#include "mlops/cli/progress.h"
#include "mlops/cli/report.h"
#include "mlops/cli/stages.h"
#include "mlops/cli/url_report.h"
#include "mlops/engine/import.h"
#include "mlops/host/signal.h"
#include "mlops/store/mirror.h"

struct import_command {
    bool export_lock, dry_run;
    struct str rev, out, desc; /* of a repository, as what follows */
    bool force, frozen;
};

static const struct option_row rows[] = {
    {.name = "dry-run",
     .letter = 'n',
     OPTION_FLAG_AT(struct import_command, dry_run),
     .help = "Only say what is there; no data is read and nothing is written"},
    {.name = "export-lock",
     OPTION_FLAG_AT(struct import_command, export_lock),
     .help = "The other way: write what is known into dvc.lock and DVC's cache, for colleagues who "
             "use DVC"},
    {.name = "rev",
     OPTION_STR_AT(struct import_command, rev),
     .value = "REV",
     .help = "Of a REPOSITORY: a branch, tag or commit; its HEAD if not given"},
    {.name = "out",
     .letter = 'o',
     OPTION_STR_AT(struct import_command, out),
     .value = "OUT",
     .help = "Of a REPOSITORY: a new name, or a directory to put it into"},
    {.name = "desc",
     OPTION_STR_AT(struct import_command, desc),
     .value = "TEXT",
     .help = "Of a REPOSITORY: a description for people, kept in the pointer"},
    {.name = "force",
     .letter = 'f',
     OPTION_FLAG_AT(struct import_command, force),
     .help = "Of a REPOSITORY: take the place of what lies there; what the store lacks moves to "
             ".mlops/displaced"},
    {.name = "frozen",
     OPTION_FLAG_AT(struct import_command, frozen),
     .help = "Of a REPOSITORY: 'mlops update' leaves it alone unless it is named"},
};

static const char *const trouble_names[] = {"missing", "damaged", "unusable"};

static const struct column columns[] = {
    {.name = "what", .title = "WHAT"},
    {.name = "name", .title = "NAME", .may_shrink = true},
    {.name = "why", .title = "WHY", .may_shrink = true},
};

static struct table fault_table(struct context *context, const struct import_fault_vec *faults)
{
    struct table table = table_make(context->arena, columns, COUNT_OF(columns));
    vec_each (const struct import_fault, fault, faults) {
        struct cell *row = table_add(&table);
        row[0] = cell_text(str_of(trouble_names[fault->kind]));
        row[1] = cell_text(fault->name);
        row[2] = cell_text(fault->why);
    }
    return table;
}

static void json_count(struct json_writer *json, const char *name, int64_t value)
{
    json_name(json, name);
    json_int(json, value);
}

static void print_json(struct context *context, const struct import_report *report)
{
    struct json_writer json = report_json_open(context);
    struct table table = fault_table(context, &report->faults);
    json_count(&json, "tracked", report->tracked);
    json_count(&json, "stages_recorded", report->stages);
    json_count(&json, "stages_new", report->stages_new);
    json_count(&json, "objects", report->objects);
    json_count(&json, "bytes", report->bytes);
    json_count(&json, "objects_new", report->objects_new);
    json_count(&json, "objects_linked", report->objects_linked);
    json_count(&json, "missing", report->missing);
    json_count(&json, "damaged", report->damaged);
    json_count(&json, "unusable", report->unusable);
    json_count(&json, "files_changed", report->files);
    json_name(&json, "faults");
    report_json_rows(&json, &table);
    report_json_close(&json);
}

/* The first few of a kind by name, all with --verbose. */
static void print_faults(struct context *context, const struct import_report *report,
                         enum import_trouble kind, int64_t count, const char *title)
{
    enum { NAMED_MOST = 5 };
    int64_t told = 0;
    if (count)
        buf_print(&context->out, "%lld %s\n", (long long)count, title);
    vec_each (const struct import_fault, fault, &report->faults) {
        if (fault->kind != kind)
            continue;
        if (told == NAMED_MOST && !context->common.verbose) {
            buf_print(&context->out, "  ... %lld more (-v names them)\n",
                      (long long)(count - told));
            return;
        }
        told++;
        buf_add_text(&context->out, "  ");
        buf_add_escaped(&context->out, fault->name, false);
        buf_add_text(&context->out, ": ");
        buf_add_escaped(&context->out, fault->why, false);
        buf_add_char(&context->out, '\n');
    }
}

static void print_found(struct context *context, const struct import_report *report)
{
    struct str bytes = bytes_print(context->arena, report->bytes);
    buf_print(&context->out, "%lld object%s (%.*s) in DVC's cache, %lld stage%s in dvc.lock, %lld ",
              (long long)report->objects, report->objects == 1 ? "" : "s", STR_FMT(bytes),
              (long long)report->stages, report->stages == 1 ? "" : "s",
              (long long)report->tracked);
    buf_print(&context->out, "tracked path%s would be looked at; nothing was read\n",
              report->tracked == 1 ? "" : "s");
}

static void print_taken(struct context *context, const struct import_report *report)
{
    struct str bytes = bytes_print(context->arena, report->bytes);
    buf_print(&context->out,
              "%lld object%s (%.*s) in DVC's cache, %lld new in the store, %lld of "
              "them without a second copy\n",
              (long long)report->objects, report->objects == 1 ? "" : "s", STR_FMT(bytes),
              (long long)report->objects_new, (long long)report->objects_linked);
    buf_print(&context->out,
              "%lld of %lld stage%s in dvc.lock became known now, %lld tracked "
              "path%s\n",
              (long long)report->stages_new, (long long)report->stages,
              report->stages == 1 ? "" : "s", (long long)report->tracked,
              report->tracked == 1 ? "" : "s");
}

static void print_report(struct context *context, const struct import_report *report, bool is_dry)
{
    is_dry ? print_found(context, report) : print_taken(context, report);
    print_faults(context, report, IMPORT_DAMAGED, report->damaged,
                 "damaged in DVC's cache; 'dvc pull' brings them again once they are deleted "
                 "there:");
    print_faults(context, report, IMPORT_MISSING, report->missing,
                 "missing; 'dvc pull' brings them, then import again:");
    print_faults(context, report, IMPORT_UNUSABLE, report->unusable,
                 "stages can't be taken over; they run once:");
}

static void print_export(struct context *context, const struct import_report *report)
{
    buf_print(&context->out, "%lld stage%s in %s\n", (long long)report->stages,
              report->stages == 1 ? "" : "s",
              report->files ? "dvc.lock written" : "dvc.lock, which says so already");
    print_faults(context, report, IMPORT_UNUSABLE, report->unusable,
                 "stages stay in dvc.lock as they are:");
}

static FALLIBLE export_lock(struct context *context, const struct import_command *command,
                            struct session *session)
{
    struct import_options options = {.is_dry = command->dry_run};
    struct import_report report = {0};
    TRY(import_export(session, &options, &report));
    if (context->format == FORMAT_JSON)
        print_json(context, &report);
    else if (!context->common.quiet)
        print_export(context, &report);
    return NULL;
}

static FALLIBLE import(struct context *context, const struct import_command *command,
                       struct session *session)
{
    struct import_options options = {.is_dry = command->dry_run};
    struct import_report report = {0};
    TRY(import_all(session, &options, &report));
    if (context->format == FORMAT_JSON)
        print_json(context, &report);
    else if (!context->common.quiet || report.damaged)
        print_report(context, &report, command->dry_run);
    context->status = report.damaged ? ERROR_ANSWER : 0;
    return NULL;
}

/* --- another project's data --- */

static FALLIBLE check_options(const struct import_command *command, int argc,
                              const struct str *argv)
{
    bool is_of_repository = command->rev.len || command->out.len || command->desc.len ||
                            command->force || command->frozen;
    if (argc == 2 && (command->dry_run || command->export_lock))
        return error_new(ERROR_USAGE,
                         "--%s is of a DVC project, and two words name a repository "
                         "and a path in it",
                         command->dry_run ? "dry-run" : "export-lock");
    if (argc < 2 && (is_of_repository || (argc && mirror_is_surely(argv[0]))))
        return error_hint(error_new(ERROR_USAGE, "what of the repository is to be imported?"),
                          "mlops import REPOSITORY PATH; 'mlops ls REPOSITORY' lists what it has");
    return NULL;
}

static FALLIBLE import_data(struct context *context, const struct import_command *command,
                            const struct str *argv)
{
    AUTO(data_close) struct data_shell shell = {0};
    struct url_import wanted = {.url = argv[0],
                                .inner = argv[1],
                                .rev = command->rev,
                                .desc = command->desc,
                                .is_frozen = command->frozen,
                                .force = command->force};
    struct url_outcome outcome = {0};
    TRY(data_open(context, false, &shell));
    wanted.path = shell.session.workspace.cwd;
    if (command->out.len)
        TRY(data_word(&shell, command->out, &wanted.path));
    TRY(urls_import_git(&shell.session, &wanted, &outcome));
    progress_clear(&shell.progress);
    url_report_imported(context, &shell.session, &outcome);
    return NULL;
}

static FALLIBLE run(struct context *context, void *options, int argc, const struct str *argv)
{
    const struct import_command *command = options;
    TRY(check_options(command, argc, argv));
    if (argc == 2)
        return import_data(context, command, argv);
    struct progress progress = {.context = context};
    struct observer observer = progress_observer(&progress);
    struct stage_words words = {.argc = argc,
                                .argv = argv,
                                .is_read_only = command->dry_run,
                                .wants_dvc = true,
                                .observer = &observer};
    struct session session = {0};
    int signals = -1;
    TRY(signal_open(&signals));
    struct error *error = stages_open(context, &words, &session);
    if (!error)
        error = command->export_lock ? export_lock(context, command, &session)
                                     : import(context, command, &session);
    progress_clear(&progress);
    session_drop(&session);
    return error;
}

static const struct command_example examples[] = {
    {"mlops import https://github.com/org/data data/images --rev v2",
     "images of another project as of its tag v2, tracked"},
    {"mlops import ../registry models/best.pt -o models/", "from a project beside this one"},
    {"mlops import", "take over what DVC tracks and has made, without running anything"},
    {"mlops import --export-lock", "write dvc.lock for colleagues who use DVC"},
    {"mlops import --dry-run -v", "what is there and what is missing, all of it by name"},
};

const struct cli_command cmd_import = {
    .name = "import",
    .group = GROUP_DATA,
    .arguments = "[PIPELINE] | REPOSITORY PATH",
    .summary = "Track data of another project, or take over a DVC project",
    .description =
        "With two words: PATH of another project, whose git REPOSITORY is a URL (https, ssh, git, "
        "file, HOST:PATH) or a directory, as it is at --rev. PATH is seen from the repository's "
        "top: something tracked, a part of a tracked directory, a file of git, or a directory of "
        "several of these. It goes into the store and to OUT, or to its own name here, and the "
        "pointer beside it records repository, path, revision and commit. 'mlops update' moves it "
        "to the newest commit of that revision.\n"
        "\n"
        "Content comes from the remotes that the project's .mlops/config.yaml names at that "
        "commit, of a project on this machine from its store first; what is in the store here "
        "already does not travel. Everything is checked against its digest. Settings there that "
        "would run a program are refused, and those that name secrets of this machine are left "
        "out: configure a remote of the same URL here, or in ~/.config/mlops/config.yaml, and its "
        "credentials are used. git asks for nothing unless it is on a terminal.\n"
        "\n"
        "--json: as of 'mlops import-url', with source_path, rev and commit.\n"
        "\n"
        "Without, or with a PIPELINE: a DVC project is taken over. Reads the .dvc files and "
        "dvc.lock of the project. What they name and DVC's cache holds is "
        "compared with its MD5 and put into the store, as a reflink or hard link where that works. "
        "Stages that dvc.lock records become known results, so they need not run again.\n"
        "\n"
        "DVC's files stay as they are. An interrupted import goes on when it is started again. "
        "'mlops run' on a dvc.yaml takes over by itself what matches the work tree.\n"
        "\n"
        "Exit status 1 if something in DVC's cache is damaged; what is missing is told.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct import_command),
    .words_least = 0,
    .words_most = 2,
    .completes = COMPLETE_FILES,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "update, get, ls, import-url, run, verify",
    .run = run,
};
