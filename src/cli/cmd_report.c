#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/cli/account.h"
#include "mlops/cli/command.h"
#include "mlops/cli/model_card.h"
#include "mlops/host/file.h"
#include "mlops/host/path.h"
#include "mlops/model/name.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* GitHub refuses a longer summary of a step. */
enum { SUMMARY_BYTES_MOST = 1 << 20 };

struct report_options {
    struct str output, against, pipeline, name, task;
    int64_t max_bytes; /* 0: any */
    bool html, card, index;
};

static const struct option_row rows[] = {
    {"output", 'o', OPTION_STR_AT(struct report_options, output), .value = "FILE",
     .completes = COMPLETE_FILES,
     .help = "Write it to FILE (with .html as a page); pictures of Markdown go to FILE_files/"},
    {"against", 'a', OPTION_STR_AT(struct report_options, against), .value = "RUN",
     .completes = COMPLETE_RUNS,
     .help = "Compare with this run or revision, not with the gates' baseline or the run before"},
    {"max-bytes", 0, OPTION_INT_AT(struct report_options, max_bytes), .value = "N",
     .help = "Markdown of at most N bytes: large sections are left out, which it says"},
    {"html", 0, OPTION_FLAG_AT(struct report_options, html), .help = "As one HTML page"},
    {"model-card", 0, OPTION_FLAG_AT(struct report_options, card),
     .help = "A model card; in a FILE that exists what people wrote is kept"},
    {"model-index", 0, OPTION_FLAG_AT(struct report_options, index),
     .help = "Only the YAML that stands in front of a model card"},
    {"name", 0, OPTION_STR_AT(struct report_options, name), .value = "NAME",
     .help = "What the model card calls the model (the project's folder)"},
    {"task", 0, OPTION_STR_AT(struct report_options, task), .value = "TASK",
     .help = "What the model card calls the task, such as text-classification"},
    {"pipeline", 'p', OPTION_STR_AT(struct report_options, pipeline), .value = "FILE",
     .completes = COMPLETE_FILES, .help = "The pipeline that revisions and gates are taken of"},
};

static bool is_page(const struct report_options *options)
{
    return options->html || str_ends(options->output, STR(".html")) ||
           str_ends(options->output, STR(".htm"));
}

/* Markdown in a file that says otherwise would be found out late. */
static FALLIBLE check_output(const struct context *context, const struct report_options *options,
                             int argc, const struct str *argv)
{
    static const struct str others[] = {STR_ROW(".pdf"), STR_ROW(".docx"), STR_ROW(".ipynb"),
                                        STR_ROW(".json")};
    bool is_file = argc && (str_ends(argv[0], STR(".html")) || str_ends(argv[0], STR(".md")));
    if (is_file && !options->output.len)
        return error_hint(error_new(ERROR_USAGE, "'%.*s' is no run", STR_FMT(argv[0])), "%s",
                          str_print(context->arena, "mlops report -o %.*s", STR_FMT(argv[0])).at);
    for (size_t i = 0; i < COUNT_OF(others) && context->format != FORMAT_JSON; i++)
        if (str_ends(options->output, others[i]))
            return error_hint(error_new(ERROR_USAGE,
                                        "a report is written as .html or .md, not as "
                                        "'%.*s'",
                                        STR_FMT(options->output)),
                              "a browser prints an .html to a PDF; --json is for programs");
    return NULL;
}

static FALLIBLE publish(struct context *context, struct str path, struct str bytes)
{
    struct str directory = path_directory(path);
    if (directory.len)
        TRY(directory_make(AT_FDCWD, str_terminate(context->arena, directory), false));
    return report_save(context, path, bytes);
}

/* "out/report" of "out/report.md". */
static struct str stem(struct str path)
{
    ptrdiff_t dot = str_find_last_char(path, '.'), slash = str_find_last_char(path, '/');
    return dot > slash + 1 ? str_slice(path, 0, (size_t)dot) : path;
}

static FALLIBLE write_pictures(struct context *context, const struct account *account,
                               struct str folder)
{
    vec_each (const struct picture, picture, &account->pictures)
        TRY(publish(context, path_join(context->arena, folder, picture->name),
                    picture->svg.len ? picture->svg : picture->bytes));
    return NULL;
}

/* --- $GITHUB_STEP_SUMMARY --------------------------------------------------------------------- */

/* Appended, since other steps of a job may write there, too. Charts can't be shown there. */
static FALLIBLE append_summary(struct context *context, const struct document *document)
{
    const char *path = getenv("GITHUB_STEP_SUMMARY");
    struct document copy = *document;
    struct buf text = buf_in(context->arena);
    struct file_stat stat = {0};
    bool is_there = false;
    if (!path || !*path)
        return NULL;
    TRY(file_stat_at(AT_FDCWD, path, true, &stat, &is_there));
    size_t used = is_there ? (size_t)stat.size_bytes : 0;
    size_t room = used < SUMMARY_BYTES_MOST ? SUMMARY_BYTES_MOST - used : 0;
    document_markdown(&copy, (struct str){0}, &text);
    if (text.len + 1 > room) {
        bool fits = document_shorten(&copy, room ? room - 1 : 0);
        buf_clear(&text);
        if (fits)
            document_markdown(&copy, (struct str){0}, &text);
        context_warn(context, "the summary of the step holds at most 1 MiB: %s",
                     fits ? "the report is shortened in it" : "the report is not in it");
    }
    AUTO(fd_drop)
    struct fd fd = fd_of(open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
    if (fd_number(fd) < 0)
        return error_new(ERROR_MACHINE, "cannot write the summary of the step to '%s'", path);
    buf_add_char(&text, '\n');
    return file_write(fd_number(fd), text.at, text.len, path);
}

/* --- what is printed ----------------------------------------------------------------------------
 */

static FALLIBLE print_card(struct context *context, const struct account *account,
                           const struct report_options *options)
{
    struct card_wish wish = {options->name, options->task};
    struct str old = {0};
    struct buf text = buf_in(context->arena);
    bool found = false;
    if (options->index) {
        TRY(card_index(account, &wish, &text));
    } else {
        if (options->output.len)
            TRY(file_read(context->arena, AT_FDCWD, str_terminate(context->arena, options->output),
                          LIMIT_DOCUMENT_BYTES, &old, &found));
        TRY_WITHIN(card_print(account, &wish, old, &text), "can't renew '%.*s'",
                   STR_FMT(options->output));
    }
    if (options->output.len)
        return publish(context, options->output, buf_str(&text));
    buf_add_str(&context->out, buf_str(&text));
    return NULL;
}

static FALLIBLE fit(const struct report_options *options, struct document *document)
{
    if (!options->max_bytes)
        return NULL;
    if (!document_shorten(document, (size_t)options->max_bytes))
        return error_new(ERROR_USAGE, "the verdict alone takes more than %lld bytes",
                         (long long)options->max_bytes);
    return NULL;
}

static FALLIBLE print_document(struct context *context, const struct account *account,
                               const struct document *document,
                               const struct report_options *options)
{
    struct buf text = buf_in(context->arena);
    struct str folder = {0};
    bool has_files = options->output.len && !is_page(options) && account->pictures.len &&
                     !report_is_stream(context, options->output);
    if (has_files)
        folder = str_print(context->arena, "%.*s_files", STR_FMT(stem(options->output)));
    ptrdiff_t slash = str_find_last_char(folder, '/');
    if (is_page(options))
        document_html(document, &text);
    else
        document_markdown(document, str_slice(folder, (size_t)(slash + 1), folder.len), &text);
    if (has_files)
        TRY(write_pictures(context, account, folder));
    if (options->output.len)
        return publish(context, options->output, buf_str(&text));
    buf_add_str(&context->out, buf_str(&text));
    return NULL;
}

static FALLIBLE refuse_contradictions(const struct report_options *options)
{
    bool is_card = options->card || options->index;
    if (is_card && is_page(options))
        return error_new(ERROR_USAGE, "a model card is Markdown, not a page");
    if (options->max_bytes < 0)
        return error_new(ERROR_USAGE, "--max-bytes wants a number above 0");
    if (options->max_bytes && (is_card || is_page(options) || options->output.len))
        return error_new(ERROR_USAGE, "--max-bytes is for Markdown that is printed");
    if (options->card && options->index)
        return error_new(ERROR_USAGE, "--model-card and --model-index exclude each other");
    if (!is_card && (options->name.len || options->task.len))
        return error_new(ERROR_USAGE, "--name and --task are for --model-card and --model-index");
    return NULL;
}

static FALLIBLE run_command(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct report_options *options = opaque;
    struct account account;
    struct document document;
    struct account_wish wish = {
        .word = argc ? argv[0] : (struct str){0},
        .against = options->against,
        .pipeline = options->pipeline,
        .wants_no_charts = options->card || options->index,
    };
    TRY(refuse_contradictions(options));
    TRY(check_output(context, options, argc, argv));
    TRY(account_make(context, &wish, &account));
    if (options->card || options->index)
        return print_card(context, &account, options);
    account_document(&account, &document);
    TRY(append_summary(context, &document));
    if (context->format == FORMAT_JSON) {
        account_json(&account);
        if (!options->output.len)
            return NULL;
        struct str bytes = buf_str(&context->out);
        TRY(publish(context, options->output, bytes));
        buf_clear(&context->out);
        return NULL;
    }
    TRY(fit(options, &document));
    return print_document(context, &account, &document, options);
}

static const struct command_example examples[] = {
    {"mlops report", "of the newest run, as Markdown"},
    {"mlops report -o report.html", "one page with charts, for a browser or a mail"},
    {"mlops report --against main -o report.md", "for a merge request: compared with branch main"},
    {"mlops report --max-bytes 65000", "for a comment on GitHub, which takes 65,536 characters"},
    {"mlops report --model-card -o README.md", "renew what a model card says of its numbers"},
};

const struct cli_command cmd_report = {
    .name = "report",
    .group = GROUP_LOOK,
    .arguments = "[RUN]",
    .summary = "Report on a run: verdicts, metrics, lineage, how to reproduce it",
    .description =
        "Of RUN (a run, a revision; without it the newest run): whether checks and gates passed, "
        "its metrics against the baseline, what changed, charts, the pipeline as a picture, inputs "
        "and outputs with their digests, the environment, times, and the commands that make it "
        "again. It is compared with the baseline that the pipeline's gates name, else with the "
        "last run whose state differs.\n\n"
        "Where the environment variable GITHUB_STEP_SUMMARY names a file, the report is appended "
        "to it, too (without charts, and at most 1 MiB in all).\n\n"
        "A model card is Markdown with a model-index in front, as Hugging Face reads it. Of a card "
        "that exists the model-index and what stands between the two markers of mlops is "
        "replaced, all else is kept.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct report_options),
    .words_most = 1,
    .needs = NEED_WORKSPACE,
    .completes = COMPLETE_RUNS,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "show, diff, best, evaluate",
    .run = run_command,
};
