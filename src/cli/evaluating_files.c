/* Files that an evaluation is kept in. Each is replaced as a whole; directories are made. */
#include "mlops/base/arena.h"
#include "mlops/host/file.h"
#include "mlops/host/path.h"
#include "mlops/model/name.h"

#include <fcntl.h>

#include "evaluating_private.h"

static FALLIBLE publish(const struct evaluating *evaluating, struct str path, struct str bytes)
{
    struct arena *arena = evaluating->context->arena;
    struct str directory = path_directory(path);
    if (directory.len)
        TRY(directory_make(AT_FDCWD, str_terminate(arena, directory), false));
    return report_save(evaluating->context, path, bytes);
}

static FALLIBLE write_metrics(const struct evaluating *evaluating)
{
    AUTO(buf_drop) struct buf out = {0};
    struct json_writer json = {.out = &out, .indent = true};
    json_open_object(&json);
    evaluation_write_metrics(&json, &evaluating->own.evaluation);
    json_close_object(&json);
    buf_add_char(&out, '\n');
    return publish(evaluating, evaluating->options->metrics, buf_str(&out));
}

static FALLIBLE write_evaluation(const struct evaluating *evaluating)
{
    AUTO(buf_drop) struct buf out = {0};
    struct json_writer json = {.out = &out};
    evaluation_write(&json, &evaluating->own.evaluation);
    buf_add_char(&out, '\n');
    return publish(evaluating, evaluating->options->output, buf_str(&out));
}

/* Of two files the second one is the reference; of two columns of one file the first. */
static FALLIBLE write_charts(const struct evaluating *evaluating)
{
    struct arena *arena = evaluating->context->arena;
    const struct evaluated *now = &evaluating->own, *before = NULL;
    struct chart_file *files = NULL;
    size_t count = 0;
    if (evaluating->has_other)
        before = &evaluating->other;
    if (evaluating->is_pair) {
        now = &evaluating->other;
        before = &evaluating->own;
    }
    evaluation_charts(arena, &now->evaluation, before ? &before->evaluation : NULL, now->name,
                      before ? before->name : (struct str){0}, &files, &count);
    for (size_t i = 0; i < count; i++) {
        struct str path = str_print(arena, "%.*s/%.*s", STR_FMT(evaluating->options->charts),
                                    STR_FMT(files[i].name));
        TRY(publish(evaluating, path, files[i].svg));
    }
    return NULL;
}

FALLIBLE evaluating_write_files(const struct evaluating *evaluating)
{
    const struct evaluating_options *options = evaluating->options;
    if (options->metrics.len)
        TRY(write_metrics(evaluating));
    if (options->output.len)
        TRY(write_evaluation(evaluating));
    if (options->charts.len)
        TRY(write_charts(evaluating));
    return NULL;
}
