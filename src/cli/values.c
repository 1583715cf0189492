#include "mlops/cli/values.h"

#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/cli/content.h"
#include "mlops/cli/view.h"
#include "mlops/codec/schema.h"
#include "mlops/host/file.h"
#include "mlops/model/name.h"
#include "mlops/store/workspace.h"

#include <math.h>
#include <stdlib.h>

const struct option_row values_option_rows[VALUES_OPTIONS] = {
    {"name", 'k', OPTION_STR_AT(struct values_options, name), .value = "TEXT",
     .help = "Only those whose name (FILE:KEY) holds TEXT"},
    {"changed", 'c', OPTION_FLAG_AT(struct values_options, changed),
     .help = "Leave out what is the same in all runs"},
    {"all", 0, OPTION_FLAG_AT(struct values_options, all),
     .help = "Details, too (of classes, slices); of 'diff' also what is the same"},
    {"md", 0, OPTION_FLAG_AT(struct values_options, md), .help = "As a Markdown table"},
    {"precision", 0, OPTION_INT_AT(struct values_options, precision), .value = "N", .least = -1,
     .most = 17, .initial = -1, .help = "Digits behind the point (diff: 5; -1: as in the file)"},
    {"no-path", 0, OPTION_FLAG_AT(struct values_options, no_path),
     .help = "Leave out the file's path"},
    {"targets", 0, OPTION_STRS_AT(struct values_options, targets), .value = "FILE",
     .completes = COMPLETE_FILES, .help = "Only of this file or directory (several times)"},
    {"pipeline", 'p', OPTION_STR_AT(struct values_options, pipeline), .value = "FILE",
     .completes = COMPLETE_FILES, .help = "The pipeline that 'workspace' and git revisions mean"},
};

/* One name with its value on each side (NULL: absent). */
struct matrix_row {
    struct str name;
    enum metric_rank rank;
    const struct value_row *values[];
};

struct matrix {
    struct arena *arena;
    const struct values_kind *kind;
    const struct values_options *options;
    struct run_view *views; /* one a word */
    size_t side_count;
    struct matrix_row **rows;
    size_t row_count;
};

static bool is_target(const struct values_options *options, struct str file)
{
    vec_each (const struct str, target, &options->targets) {
        if (path_is_within(file, *target))
            return true;
    }
    return !options->targets.len;
}

FALLIBLE values_pipeline(struct context *context, struct str word, struct pipeline **ret)
{
    struct str path = {0};
    bool is_found = false;
    *ret = NULL;
    struct error *error = context_find_pipeline(context, word, &path, &is_found);
    if (!error && is_found)
        error = context_pipeline(context, word, ret);
    if (error && error->code != ERROR_PROJECT)
        return error;
    error_drop(error);
    return NULL;
}

FALLIBLE values_leave_out(struct context *context, const struct run_view *view, struct str path,
                          struct error *error)
{
    if (error && error->code != ERROR_PROJECT)
        return error;
    if (error)
        context_warn(context, "%.*s: '%.*s' is left out: %s", STR_FMT(view->title), STR_FMT(path),
                     error->text);
    error_drop(error);
    return NULL;
}

FALLIBLE values_collect(struct context *context, const struct values_kind *kind,
                        const struct values_options *options, const struct run_view *view,
                        struct value_vec *ret)
{
    size_t kept = ret->len;
    for (size_t i = 0; i < view->stage_count; i++)
        kind->collect(context->arena, &view->stages[i], ret);
    if (kind->collect_files)
        TRY(kind->collect_files(context, options, view, ret));
    for (size_t i = kept; i < ret->len; i++) {
        if (is_target(options, ret->at[i].file))
            ret->at[kept++] = ret->at[i];
    }
    ret->len = kept;
    return NULL;
}

/* Ends of zeros say nothing. */
struct str values_text(struct arena *arena, const struct value_row *value, int64_t precision)
{
    if (!isfinite(value->number) || precision < 0 || fabs(value->number) >= 1e15)
        return value->text;
    struct str text = str_print(arena, "%.*f", (int)precision, value->number);
    size_t len = text.len;
    if (precision == 0)
        return text;
    while (text.at[len - 1] == '0')
        len--;
    return str_slice(text, 0, text.at[len - 1] == '.' ? len - 1 : len);
}

bool values_is_hidden(const struct context *context, const struct values_options *options,
                      enum metric_rank rank)
{
    bool is_read = context->format == FORMAT_TABLE || context->format == FORMAT_MARKDOWN;
    return is_read && rank == METRIC_DETAIL && !options->all && !options->name.len;
}

void values_tell_hidden(struct context *context, size_t count)
{
    bool is_markdown = context->format == FORMAT_MARKDOWN;
    if (count)
        buf_print(&context->out, "%s%zu more of classes, slices and the trivial baseline (--all)\n",
                  is_markdown ? "\n" : "", count);
}

static FALLIBLE fill_side(struct context *context, struct matrix *matrix, size_t side,
                          struct map *by_name)
{
    const struct run_view *view = &matrix->views[side];
    struct value_vec *values = arena_new(matrix->arena, struct value_vec);
    TRY(values_collect(context, matrix->kind, matrix->options, view, values));
    vec_each (const struct value_row, value, values) {
        bool has_path = !matrix->options->no_path || !value->key.len;
        struct str name = !has_path        ? value->key
                          : value->key.len ? str_print(matrix->arena, "%.*s:%.*s",
                                                       STR_FMT(value->file), STR_FMT(value->key))
                                           : value->file;
        struct matrix_row *row = map_get(by_name, name);
        if (matrix->options->name.len && str_find(name, matrix->options->name) < 0)
            continue;
        if (!row) {
            row =
                arena_alloc(matrix->arena, sizeof *row + matrix->side_count * sizeof *row->values);
            row->name = name;
            row->rank = value->rank;
            map_put(matrix->arena, by_name, name, row);
        }
        row->values[side] = value;
    }
    return NULL;
}

static bool is_same(const struct matrix_row *row, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        bool has_both = row->values[0] && row->values[i];
        if (!has_both || !str_equal(row->values[0]->text, row->values[i]->text))
            return false;
    }
    return true;
}

static int compare_rows(const void *a, const void *b)
{
    const struct matrix_row *const *left = a;
    const struct matrix_row *const *right = b;
    bool left_is_main = (*left)->rank == METRIC_MAIN, right_is_main = (*right)->rank == METRIC_MAIN;
    if (left_is_main != right_is_main)
        return left_is_main ? -1 : 1;
    return str_compare((*left)->name, (*right)->name);
}

static FALLIBLE fill_matrix(struct context *context, struct matrix *matrix)
{
    struct map by_name = {0};
    for (size_t side = 0; side < matrix->side_count; side++)
        TRY(fill_side(context, matrix, side, &by_name));
    matrix->rows = arena_new_array(matrix->arena, struct matrix_row *, by_name.len);
    map_each (item, &by_name) {
        if (!matrix->options->changed || !is_same(item->value, matrix->side_count))
            matrix->rows[matrix->row_count++] = item->value;
    }
    if (matrix->row_count > 1)
        qsort(matrix->rows, matrix->row_count, sizeof(struct matrix_row *), compare_rows);
    return NULL;
}

static void print_table(struct context *context, const struct matrix *matrix)
{
    size_t sides = matrix->side_count;
    struct column *columns = arena_new_array(matrix->arena, struct column, sides + 1);
    columns[0] = (struct column){.name = "name", .title = "NAME", .may_shrink = true};
    for (size_t i = 0; i < sides; i++) {
        AUTO(buf_drop) struct buf safe = {0};
        buf_add_escaped(&safe, matrix->views[i].title, false);
        const char *title = str_copy(matrix->arena, buf_str(&safe)).at;
        columns[i + 1] =
            (struct column){.name = title, .title = title, .is_right = true, .may_shrink = true};
    }
    struct table table = table_make(matrix->arena, columns, sides + 1);
    size_t hidden = 0;
    for (size_t r = 0; r < matrix->row_count; r++) {
        if (values_is_hidden(context, matrix->options, matrix->rows[r]->rank)) {
            hidden++;
            continue;
        }
        struct cell *row = table_add(&table);
        row[0] = cell_text(matrix->rows[r]->name);
        for (size_t i = 0; i < sides; i++) {
            const struct value_row *value = matrix->rows[r]->values[i];
            if (value)
                row[i + 1] = cell_shown(
                    values_text(matrix->arena, value, matrix->options->precision), value->text);
        }
    }
    report_table(context, &table, matrix->kind->noun);
    values_tell_hidden(context, hidden);
}

static void add_side(struct json_writer *json, const struct matrix *matrix, size_t side)
{
    const struct run_view *view = &matrix->views[side];
    json_open_object(json);
    json_name(json, "title");
    json_str(json, view->title);
    json_name(json, "run");
    if (view->run)
        json_str(json, view->run->id);
    else
        json_null(json);
    json_name(json, matrix->kind->noun);
    json_open_object(json);
    for (size_t r = 0; r < matrix->row_count; r++) {
        const struct value_row *value = matrix->rows[r]->values[side];
        if (!value)
            continue;
        json_name_str(json, matrix->rows[r]->name);
        if (isnan(value->number) || !matrix->kind->has_change) /* parameters keep their text */
            json_str(json, value->text);
        else
            json_real(json, value->number);
    }
    json_close_object(json);
    json_close_object(json);
}

static void print_json(struct context *context, const struct matrix *matrix)
{
    struct json_writer json = report_json_open(context);
    json_name(&json, "runs");
    json_open_list(&json);
    for (size_t side = 0; side < matrix->side_count; side++)
        add_side(&json, matrix, side);
    json_close_list(&json);
    report_json_close(&json);
}

static FALLIBLE show(struct context *context, const struct values_kind *kind,
                     const struct values_options *options, size_t argc, const struct str *argv)
{
    struct run *newest = NULL;
    TRY(view_newest_run(context, &newest));
    const struct str usual = newest ? STR("@") : STR("workspace");
    const struct str *words = argc ? argv : &usual;
    size_t count = argc ? argc : 1;
    struct matrix matrix = {
        .arena = context->arena,
        .kind = kind,
        .options = options,
        .views = arena_new_array(context->arena, struct run_view, count),
        .side_count = count,
    };
    for (size_t i = 0; i < count; i++)
        TRY(content_view(context, words[i], options->pipeline, &matrix.views[i]));
    TRY(fill_matrix(context, &matrix));
    if (context->format == FORMAT_JSON)
        print_json(context, &matrix);
    else
        print_table(context, &matrix);
    return NULL;
}

/* Targets as paths of the project; *ret_words: what is no file. */
static FALLIBLE take_targets(struct context *context, struct values_options *options, int argc,
                             const struct str *argv, struct str_vec *ret_words)
{
    struct workspace *workspace = NULL;
    struct str_vec targets = {0};
    TRY(context_workspace(context, &workspace));
    vec_each (const struct str, target, &options->targets) {
        struct str path = *target;
        path_resolve(context->arena, workspace->cwd, *target, &path);
        *vec_push(context->arena, &targets) = path;
    }
    for (int i = 0; i < argc; i++) {
        struct file_stat seen = {0};
        struct str path = argv[i];
        bool is_file = false;
        if (path_resolve(context->arena, workspace->cwd, argv[i], &path))
            TRY(file_stat_at(fd_number(workspace->root_fd), str_terminate(context->arena, path),
                             true, &seen, &is_file));
        if (is_file && (seen.mode & 0170000) == 0100000)
            *vec_push(context->arena, &targets) = path;
        else
            *vec_push(context->arena, ret_words) = argv[i];
    }
    options->targets = targets;
    return NULL;
}

/* A word that is nearly an action, and neither a run nor a revision. */
static FALLIBLE check_action(struct context *context, const struct values_kind *kind,
                             struct str word)
{
    static const char *const actions[] = {"diff", "show"};
    struct run_view view;
    const char *near = schema_suggest(word, actions, COUNT_OF(actions));
    if (!near)
        return NULL;
    struct error *error = view_find(context, word, (struct str){0}, &view);
    if (!error || error->code != ERROR_USAGE)
        return error;
    error_drop(error);
    return error_new(ERROR_USAGE, "'%.*s' is no action and no run (did you mean 'mlops %s %s'?)",
                     STR_FMT(word), kind->noun, near);
}

FALLIBLE values_run(struct context *context, const struct values_kind *kind,
                    struct values_options *options, int argc, const struct str *argv)
{
    struct str_vec words = {0};
    bool is_diff = argc && str_is(argv[0], "diff");
    bool has_action = is_diff || (argc && str_is(argv[0], "show"));
    if (options->md)
        context->format = FORMAT_MARKDOWN;
    TRY(take_targets(context, options, argc - has_action, argv + has_action, &words));
    if (!has_action && words.len == 1)
        TRY(check_action(context, kind, words.at[0]));
    if (is_diff)
        return values_diff(context, kind, options, (int)words.len, words.at);
    return show(context, kind, options, words.len, words.at);
}
