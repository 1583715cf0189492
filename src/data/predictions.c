#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/base/error.h"
#include "mlops/host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "predictions_private.h"

static const char *const task_names[TASK_COUNT] = {
    [TASK_BINARY] = "binary",
    [TASK_MULTICLASS] = "multiclass",
    [TASK_REGRESSION] = "regression",
};

const char *task_name(enum task task)
{
    check(task < TASK_COUNT);
    return task_names[task];
}

bool task_parse(struct str name, enum task *ret)
{
    for (int i = 0; i < TASK_COUNT; i++) {
        if (str_is(name, task_names[i])) {
            *ret = (enum task)i;
            return true;
        }
    }
    return false;
}

/* --- reading --- */

static void reader_drop(struct predictions_reader *reader)
{
    struct buf *const bufs[] = {&reader->labels, &reader->predicted, &reader->targets,
                                &reader->values, &reader->scores,    &reader->weights,
                                &reader->shares, &reader->ids};
    for (size_t i = 0; i < COUNT_OF(bufs); i++)
        buf_drop(bufs[i]);
    for (size_t i = 0; reader->slices && i < reader->at.slice_count; i++)
        buf_drop(&reader->slices[i]);
    free(reader->kept);
    column_room_drop(&reader->room);
    table_drop(&reader->table);
}

static FALLIBLE commit(void *context, size_t slot, const struct record_batch *batch)
{
    (void)slot;
    return predictions_read_batch(context, batch);
}

static FALLIBLE open_caster(struct arena *arena, struct caster **ret)
{
    struct table_schema *schema = arena_new(arena, struct table_schema);
    struct schema_field *field = arena_new(arena, struct schema_field);
    *field = (struct schema_field){.type = TYPE_NUMBER, .bare_number = true};
    return caster_open(arena, schema, field, ret);
}

/* Columns of probabilities name classes, too: before any label is read. */
static void add_share_classes(struct predictions_reader *reader)
{
    size_t count = 0;
    const struct str *names = table_labels(reader->table, &count);
    for (size_t i = 0; i < reader->at.share_count; i++) {
        bool is_new;
        struct str text = str_trim(reader->at.share_classes[i]);
        uint32_t at = class_text_number(reader->arena, &reader->classes, text, &is_new);
        reader->classes.all.at[at].column = names[reader->at.shares[i]];
    }
}

static FALLIBLE read_all(struct predictions_reader *reader, int at_fd, struct str path)
{
    const struct table_visitor visitor = {.context = reader, .commit = commit};
    struct table_options table = reader->options->table;
    if (!table.dialect.delimiter.len)
        table.dialect = dialect_for(table.name.len ? table.name : path);
    TRY(table_open(reader->arena, at_fd, path, &table, &reader->table));
    TRY(predictions_find_columns(reader->arena, reader->table, reader->options, &reader->at));
    reader->is_csv = table.dialect.format == TABLE_CSV;
    reader->slices = arena_new_array(reader->arena, struct buf, reader->at.slice_count);
    reader->slice_values =
        arena_new_array(reader->arena, struct class_texts, reader->at.slice_count);
    if (reader->options->task != TASK_REGRESSION)
        add_share_classes(reader);
    TRY(column_room_open(&reader->room));
    TRY(open_caster(reader->arena, &reader->number));
    return table_scan(reader->table, &visitor);
}

/* --- the result --- */

static const double *take_reals(struct arena *arena, const struct buf *from)
{
    return from->len ? (const double *)(void *)arena_copy(arena, from->at, from->len) : NULL;
}

static FALLIBLE finish_weights(struct predictions_reader *reader, struct predictions *ret)
{
    size_t zeros = 0;
    double sum = 0;
    ret->weights = take_reals(reader->arena, &reader->weights);
    for (size_t i = 0; ret->weights && i < ret->count; i++) {
        zeros += ret->weights[i] == 0;
        sum += ret->weights[i];
    }
    if (!isfinite(sum))
        return error_hint(error_new(ERROR_PROJECT, "%.*s: the sum of all weights is too large",
                                    STR_FMT(ret->name)),
                          "only how weights compare counts: divide all by the largest");
    if (zeros == ret->count)
        return error_new(ERROR_PROJECT, "%.*s: all weights are 0", STR_FMT(ret->name));
    if (zeros)
        *vec_push(reader->arena, ret->warnings) = str_print(
            reader->arena, zeros == 1 ? "%zu row has the weight 0" : "%zu rows have the weight 0",
            zeros);
    return NULL;
}

static int compare_values(const void *a, const void *b)
{
    const struct class_text *const *left = a, *const *right = b;
    return str_compare((*left)->text, (*right)->text);
}

static struct slice_column finish_slice(struct predictions_reader *reader, size_t at)
{
    struct class_text_vec *all = &reader->slice_values[at].all;
    const uint32_t *from = (const uint32_t *)(const void *)reader->slices[at].at;
    struct class_text **sorted = arena_new_array(reader->arena, struct class_text *, all->len);
    struct str *values = arena_new_array(reader->arena, struct str, all->len);
    uint32_t *of_row = arena_new_array(reader->arena, uint32_t, reader->count);
    for (size_t i = 0; i < all->len; i++)
        sorted[i] = &all->at[i];
    if (all->len > 1)
        qsort(sorted, all->len, sizeof *sorted, compare_values);
    for (size_t i = 0; i < all->len; i++) {
        sorted[i]->class = (uint32_t)i;
        values[i] = sorted[i]->text;
    }
    for (size_t i = 0; i < reader->count; i++)
        of_row[i] = all->at[from[i]].class;
    return (struct slice_column){reader->at.slice_names[at], values, all->len, of_row};
}

static FALLIBLE finish(struct predictions_reader *reader, struct predictions *ret)
{
    struct arena *arena = reader->arena;
    *ret = (struct predictions){
        .name = str_copy(arena, table_name(reader->table)),
        .task = reader->options->task,
        .count = reader->count,
        .threshold = nan(""),
        .warnings = arena_new(arena, struct str_vec),
        .slice_count = reader->at.slice_count,
    };
    if (!ret->count)
        return error_new(ERROR_PROJECT, "%.*s has no rows", STR_FMT(ret->name));
    TRY(finish_weights(reader, ret));
    ret->targets = take_reals(arena, &reader->targets);
    ret->values = take_reals(arena, &reader->values);
    if (reader->ids.len)
        ret->ids = (const struct str *)(void *)arena_copy(arena, reader->ids.at, reader->ids.len);
    struct slice_column *slices = arena_new_array(arena, struct slice_column, ret->slice_count);
    for (size_t i = 0; i < ret->slice_count; i++)
        slices[i] = finish_slice(reader, i);
    ret->slices = slices;
    if (ret->task == TASK_REGRESSION)
        return NULL;
    TRY(predictions_finish_classes(reader, ret));
    return predictions_finish_scores(reader, ret);
}

FALLIBLE predictions_load(struct arena *arena, int at_fd, struct str path,
                          const struct predictions_options *options, struct predictions *ret)
{
    AUTO(reader_drop) struct predictions_reader reader = {.arena = arena, .options = options};
    struct predictions predictions;
    TRY(read_all(&reader, at_fd, path));
    TRY(finish(&reader, &predictions));
    *ret = predictions;
    return NULL;
}

static FALLIBLE fill_file(int fd, struct str name, struct str bytes)
{
    while (bytes.len) {
        ssize_t put = write(fd, bytes.at, bytes.len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return error_os(errno, "cannot hold '%.*s' in memory", STR_FMT(name));
        bytes = str_slice(bytes, (size_t)put, bytes.len);
    }
    return NULL;
}

/* By a file that has no name, since tables are read from files. */
FALLIBLE predictions_parse(struct arena *arena, struct str path, struct str bytes,
                           const struct predictions_options *options, struct predictions *ret)
{
    AUTO(fd_drop) struct fd fd = {0};
    struct predictions_options named = *options;
    int number = memfd_create("predictions", MFD_CLOEXEC);
    if (number < 0)
        return error_os(errno, "cannot hold '%.*s' in memory", STR_FMT(path));
    fd = fd_of(number);
    TRY(fill_file(number, path, bytes));
    named.table.name = path;
    struct str place = str_print(arena, "/proc/self/fd/%d", number);
    return predictions_load(arena, AT_FDCWD, place, &named, ret);
}
