/* What a file of predictions is for, by its columns and what stands in them. */
#include "mlops/base/arena.h"
#include "mlops/base/error.h"

#include <math.h>

#include "predictions_private.h"

enum { CLASSES_LIKELY = 20 }; /* whole numbers of which there are more are no classes */

/* What the texts of labels and predictions look like. */
struct looks {
    struct arena *arena;
    size_t columns[2];
    size_t column_count;
    struct class_texts texts;             /* no more of them once there are too many */
    bool has_text, has_point, has_others; /* others than 0 and 1 */
};

static void look_at(struct looks *looks, struct str text)
{
    double number = 0;
    bool is_new = false;
    if (looks->texts.all.len > (size_t)LIMIT_PREDICTION_CLASSES || looks->has_text)
        return;
    class_text_number(looks->arena, &looks->texts, text, &is_new);
    if (!is_new)
        return;
    if (!predictions_number(text, &number)) {
        looks->has_text = true;
        return;
    }
    looks->has_others |= number != 0 && number != 1;
    looks->has_point |= number != floor(number);
    for (size_t i = 0; i < text.len; i++)
        looks->has_point |= text.at[i] == '.' || (text.at[i] | 0x20) == 'e';
}

static FALLIBLE commit(void *context, size_t slot, const struct record_batch *batch)
{
    struct looks *looks = context;
    (void)slot;
    for (size_t i = 0; i < batch->record_count; i++) {
        for (size_t k = 0; k < looks->column_count; k++) {
            const struct raw_cell *cell = batch_cell(batch, i, looks->columns[k]);
            struct str text = str_trim(raw_text(batch, cell));
            bool is_word = cell->kind == RAW_TRUE || cell->kind == RAW_FALSE;
            if (is_word || text.len)
                look_at(looks, is_word ? STR("true") : text);
        }
    }
    return NULL;
}

static enum task task_of_looks(struct looks *looks, const char **ret_why)
{
    size_t count = looks->texts.all.len;
    if (looks->has_text) {
        *ret_why = "labels are texts";
        return TASK_COUNT;
    }
    *ret_why = "labels are 0 and 1";
    if (!looks->has_others)
        return TASK_BINARY;
    *ret_why = "labels or predictions are no whole numbers, or many";
    if (looks->has_point || count > CLASSES_LIKELY)
        return TASK_REGRESSION;
    *ret_why = count <= 2 ? "there are two labels" : "labels are few whole numbers";
    return count <= 2 ? TASK_BINARY : TASK_MULTICLASS;
}

/* Texts: how many different ones there are. */
static FALLIBLE count_again(struct arena *arena, int at_fd, struct str path,
                            const struct predictions_options *options, enum task *ret)
{
    struct predictions_options as_classes = *options;
    struct predictions predictions;
    as_classes.task = TASK_MULTICLASS;
    as_classes.slice_count = 0;
    TRY(predictions_load(arena, at_fd, path, &as_classes, &predictions));
    *ret = predictions.class_count <= 2 ? TASK_BINARY : TASK_MULTICLASS;
    return NULL;
}

static FALLIBLE open_table(struct arena *arena, int at_fd, struct str path,
                           const struct predictions_options *options, struct table_reader **ret)
{
    struct table_options table = options->table;
    if (!table.dialect.delimiter.len)
        table.dialect = dialect_for(path);
    return table_open(arena, at_fd, path, &table, ret);
}

static bool guess_by_columns(struct arena *arena, const struct table_reader *table,
                             const struct predictions_options *options, enum task *ret,
                             const char **ret_why)
{
    struct predictions_options wanted = *options;
    struct column_places at;
    wanted.task = TASK_MULTICLASS;
    wanted.score = (struct str){0};
    struct error *error = predictions_find_columns(arena, table, &wanted, &at);
    bool is_multi = !error && at.share_count > 2, is_two = !error && at.share_count > 0;
    error_drop(error);
    wanted = *options;
    wanted.task = TASK_BINARY;
    error = predictions_find_columns(arena, table, &wanted, &at);
    bool has_score = !error && at.score != NO_COLUMN;
    error_drop(error);
    *ret_why = is_multi    ? "there are columns of three or more probabilities"
               : has_score ? "there is a column of scores"
                           : "there are columns of probabilities";
    *ret = is_multi ? TASK_MULTICLASS : TASK_BINARY;
    return is_multi || has_score || is_two;
}

/* Without a column of predictions: what a binary task lacks, or what of its columns is twice. */
static FALLIBLE find_labels(struct arena *arena, const struct table_reader *table,
                            const struct predictions_options *options, struct column_places *ret)
{
    struct predictions_options wanted = *options;
    wanted.task = TASK_REGRESSION;
    struct error *error = predictions_find_columns(arena, table, &wanted, ret);
    wanted.task = TASK_BINARY;
    struct error *better = error ? predictions_find_columns(arena, table, &wanted, ret) : NULL;
    if (!better)
        return error;
    error_drop(error);
    return better;
}

FALLIBLE predictions_guess(struct arena *arena, int at_fd, struct str path,
                           const struct predictions_options *options, enum task *ret,
                           const char **ret_why)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(table_drop) struct table_reader *table = NULL;
    struct column_places at;
    TRY(open_table(arena, at_fd, path, options, &table));
    if (guess_by_columns(&scratch, table, options, ret, ret_why))
        return NULL;
    TRY(find_labels(arena, table, options, &at));
    struct looks looks = {
        .arena = &scratch, .columns = {at.label, at.prediction}, .column_count = 2};
    const struct table_visitor visitor = {.context = &looks, .commit = commit};
    TRY(table_scan(table, &visitor));
    *ret = task_of_looks(&looks, ret_why);
    if (*ret == TASK_COUNT)
        return count_again(&scratch, at_fd, path, options, ret);
    return NULL;
}

FALLIBLE predictions_columns(struct arena *arena, int at_fd, struct str path,
                             const struct predictions_options *options, const struct str **ret,
                             size_t *ret_count)
{
    AUTO(table_drop) struct table_reader *table = NULL;
    size_t count = 0;
    TRY(open_table(arena, at_fd, path, options, &table));
    const struct str *labels = table_labels(table, &count);
    struct str *copies = arena_new_array(arena, struct str, count);
    for (size_t i = 0; i < count; i++)
        copies[i] = str_copy(arena, labels[i]);
    *ret = copies;
    *ret_count = count;
    return NULL;
}
