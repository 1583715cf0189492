#include "mlops/base/arena.h"
#include "mlops/cli/command.h"
#include "mlops/cli/url_report.h"
#include "mlops/store/mirror.h"

struct import_url_command {
    struct str desc;
    bool force, frozen;
};

static const struct option_row rows[] = {
    {.name = "desc",
     OPTION_STR_AT(struct import_url_command, desc),
     .value = "TEXT",
     .help = "A description for people, kept in the pointer"},
    {.name = "force",
     .letter = 'f',
     OPTION_FLAG_AT(struct import_url_command, force),
     .help = "Take the place of what lies there; what the store lacks moves to .mlops/displaced"},
    {.name = "frozen",
     OPTION_FLAG_AT(struct import_url_command, frozen),
     .help = "'mlops update' leaves it alone unless it is named"},
};

static FALLIBLE run(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct import_url_command *command = opaque;
    AUTO(data_close) struct data_shell shell = {0};
    struct url_import wanted = {.url = argv[0],
                                .desc = command->desc,
                                .is_frozen = command->frozen,
                                .force = command->force};
    struct url_outcome outcome = {0};
    if (mirror_is_surely(wanted.url))
        return error_hint(error_new(ERROR_USAGE, "'%.*s' is a git repository", STR_FMT(wanted.url)),
                          "mlops import %.*s PATH tracks what lies in it", STR_FMT(wanted.url));
    TRY(data_open(context, false, &shell));
    wanted.path = shell.session.workspace.cwd;
    if (argc > 1)
        TRY(data_word(&shell, argv[1], &wanted.path));
    TRY(urls_import(&shell.session, &wanted, &outcome));
    progress_clear(&shell.progress);
    url_report_imported(context, &shell.session, &outcome);
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops import-url https://example.org/data.csv", "a file; its ETag is kept"},
    {"mlops import-url s3://bucket/images/ data/images", "everything below a prefix"},
    {"mlops import-url remote://lab/2026/run7.parquet data/",
     "with the address and credentials of the configured remote 'lab'"},
};

const struct cli_command cmd_import_url = {
    .name = "import-url",
    .group = GROUP_DATA,
    .arguments = "URL [PATH]",
    .summary = "Fetch data from a URL and track where it came from",
    .description =
        "Fetches a file (http, https, s3, ssh, sftp, file, a path) or a directory (all but http: "
        "of "
        "s3 what lies below a prefix), puts it into the store and at PATH, and writes PATH.mlops, "
        "which knows the URL and what tells its versions apart: ETag, or time and size. 'mlops "
        "update' asks for newer ones.\n"
        "\n"
        "PATH is a new name, or a directory to put it into; without it the last part of the URL is "
        "its name here. A URL below that of a configured remote is fetched with that remote's "
        "settings, and remote://NAME/PATH names one. User names and passwords, and signed links, "
        "are "
        "refused: they would be recorded.\n"
        "\n"
        "Nothing of the user's is overwritten: what lies at PATH and is not tracked is refused, "
        "with "
        "--force it moves to .mlops/displaced. Of a directory, names that may not be written here "
        "(.., .git, .mlops), links and odd files are refused before anything is fetched. A large "
        "file that broke off is continued by the next import-url or update if the server gives "
        "ETags.\n"
        "\n"
        "--json: {schema_version, data: [{path, pointer, url, etag, modified, status (added, "
        "updated, "
        "unchanged), digest, size_bytes, files, fetched_files, fetched_bytes, continued_bytes, "
        "displaced}]}.\n"
        "\n"
        "Exit status 0 means that content and pointer survive a power cut.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct import_url_command),
    .words_least = 1,
    .words_most = 2,
    .completes = COMPLETE_FILES,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "import, update, get, add, remote",
    .run = run,
};
