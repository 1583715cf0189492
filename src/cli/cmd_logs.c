#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/cli/command.h"
#include "mlops/cli/report.h"
#include "mlops/cli/view.h"
#include "mlops/host/file.h"
#include "mlops/model/name.h"
#include "mlops/store/ledger.h"

#include <errno.h>
#include <unistd.h>

enum { CHUNK_BYTES = 65536 };

/* On a terminal control characters of others' text are shown, not obeyed; elsewhere bytes are
 * passed on as they are. */
static void add_log(struct context *context, struct str text)
{
    if (context->columns)
        buf_add_escaped(&context->out, text, true);
    else
        buf_add_str(&context->out, text);
}

static FALLIBLE print_file(struct context *context, struct str path)
{
    struct workspace *workspace = NULL;
    AUTO(fd_drop) struct fd fd = {0};
    char chunk[CHUNK_BYTES];
    TRY(context_project(context, &workspace));
    TRY_WITHIN(file_open(fd_number(workspace->home_fd), str_terminate(context->arena, path), &fd),
               "the log is gone (gc removes old ones)");
    for (;;) {
        ssize_t got = read(fd_number(fd), chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_os(errno, "cannot read '%.*s'", STR_FMT(path));
        if (got == 0)
            return NULL;
        add_log(context, (struct str){chunk, (size_t)got});
        TRY(context_flush(context));
    }
}

struct log_entry {
    struct str stage, text, path;
};

VEC(log_vec, struct log_entry);

static FALLIBLE find_log(struct context *context, const struct run *run, struct str stage,
                         struct log_vec *ret, bool *ret_found)
{
    struct ledger *ledger = NULL;
    struct log_entry entry = {.stage = stage};
    TRY(context_ledger(context, &ledger));
    TRY(ledger_log(ledger, context->arena, run->sequence, stage, &entry.text, &entry.path,
                   ret_found));
    if (*ret_found)
        *vec_push(context->arena, ret) = entry;
    return NULL;
}

static FALLIBLE no_log(const struct run *run, struct str stage)
{
    return error_hint(error_new(ERROR_USAGE, "run %.*s did not run a stage '%.*s'",
                                STR_FMT(ulid_short(run->id)), STR_FMT(stage)),
                      "'mlops show %.*s' lists what it did; 'mlops runs --stage %.*s' lists runs "
                      "that ran it",
                      STR_FMT(ulid_short(run->id)), STR_FMT(stage));
}

static FALLIBLE collect(struct context *context, const struct run *run, struct str stage,
                        struct log_vec *ret)
{
    bool is_found = false;
    if (stage.len) {
        TRY(find_log(context, run, stage, ret, &is_found));
        return is_found ? NULL : no_log(run, stage);
    }
    vec_each (const struct run_stage, visited, &run->stages)
        TRY(find_log(context, run, visited->stage, ret, &is_found));
    return NULL;
}

static FALLIBLE entry_text(struct context *context, const struct log_entry *entry, struct str *ret)
{
    struct workspace *workspace = NULL;
    bool is_found = true;
    *ret = entry->text;
    if (entry->path.len == 0)
        return NULL;
    TRY(context_project(context, &workspace));
    TRY(file_read(context->arena, fd_number(workspace->home_fd),
                  str_terminate(context->arena, entry->path), LIMIT_LOG_FILE_BYTES, ret,
                  &is_found));
    if (!is_found)
        *ret = (struct str){0};
    return NULL;
}

static FALLIBLE print_json(struct context *context, const struct run *run,
                           const struct log_vec *logs)
{
    struct json_writer json = report_json_open(context);
    json_name(&json, "run");
    json_str(&json, run->id);
    json_name(&json, "logs");
    json_open_list(&json);
    vec_each (const struct log_entry, entry, logs) {
        struct str text;
        TRY(entry_text(context, entry, &text));
        json_open_object(&json);
        json_name(&json, "stage");
        json_str(&json, entry->stage);
        json_name(&json, "text");
        json_str(&json, text);
        json_close_object(&json);
    }
    json_close_list(&json);
    report_json_close(&json);
    return NULL;
}

static FALLIBLE print_text(struct context *context, const struct log_vec *logs)
{
    vec_each (const struct log_entry, entry, logs) {
        if (logs->len > 1) {
            buf_add_text(&context->out, entry == logs->at ? "" : "\n");
            report_add_toned(context, TONE_STRONG,
                             str_print(context->arena, "==> %.*s <==", STR_FMT(entry->stage)));
            buf_add_char(&context->out, '\n');
        }
        if (entry->path.len)
            TRY(print_file(context, entry->path));
        else
            add_log(context, entry->text);
        bool has_end = !entry->text.len || str_ends(entry->text, STR("\n"));
        buf_add_text(&context->out, has_end ? "" : "\n");
    }
    return NULL;
}

static FALLIBLE run_command(struct context *context, void *options, int argc,
                            const struct str *argv)
{
    struct run *run = NULL;
    struct log_vec logs = {0};
    (void)options;
    TRY(view_find_run(context, argc ? argv[0] : STR("@"), &run));
    TRY(collect(context, run, argc > 1 ? argv[1] : (struct str){0}, &logs));
    if (context->format == FORMAT_JSON)
        return print_json(context, run, &logs);
    return print_text(context, &logs);
}

static const struct command_example examples[] = {
    {"mlops logs", "what the stages of the newest run printed"},
    {"mlops logs @ train", "one stage of it"},
    {"mlops logs 7Q4XM2VD train | grep loss", "of an earlier run"},
};

const struct cli_command cmd_logs = {
    .name = "logs",
    .group = GROUP_LOOK,
    .arguments = "[RUN] [STAGE]",
    .summary = "Print what the stages of a run printed",
    .description = "Without RUN: the newest one. Values of secrets were taken out before the "
                   "output was stored.",
    .words_most = 2,
    .needs = NEED_PROJECT,
    .completes = COMPLETE_RUNS | COMPLETE_STAGES,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "show, runs",
    .run = run_command,
};
