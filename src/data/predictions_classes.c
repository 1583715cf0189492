/* Classes out of the texts of labels, predictions and columns of probabilities. */
#include "mlops/base/arena.h"
#include "mlops/base/error.h"

#include <math.h>
#include <stdlib.h>

#include "predictions_private.h"

bool predictions_number(struct str text, double *ret)
{
    static const struct table_schema no_schema = {0};
    static const struct schema_field field = {.type = TYPE_NUMBER, .bare_number = true};
    AUTO(arena_drop) struct arena scratch = {0};
    struct caster *caster = NULL;
    double value;
    error_drop(caster_open(&scratch, &no_schema, &field, &caster)); /* no pattern, so none */
    if (cast_text(caster, str_trim(text), &value) != VALUE_VALID || !isfinite(value))
        return false;
    *ret = value;
    return true;
}

struct str predictions_number_name(struct arena *arena, double number)
{
    if (fabs(number) < 1e15 && number == floor(number))
        return str_print(arena, "%.0f", number + 0.0);
    for (int digits = 1; digits < 17; digits++) {
        struct str text = str_print(arena, "%.*g", digits, number);
        if (strtod(text.at, NULL) == number)
            return text;
    }
    return str_print(arena, "%.17g", number);
}

/* Texts of classes are numbers only if all of them are: "1" and "1.0" are one class then. Beyond
 * 2^53 neighbours would become one: such are texts. */
static void find_numbers(struct arena *arena, struct class_text_vec *texts)
{
    const double exact = 9007199254740992.0;
    bool all = true;
    vec_each (struct class_text, text, texts)
        all = all && predictions_number(text->text, &text->number) && fabs(text->number) < exact;
    vec_each (struct class_text, text, texts) {
        if (all)
            text->text = predictions_number_name(arena, text->number);
        else
            text->number = nan("");
    }
}

static int compare_texts(const void *a, const void *b)
{
    const struct class_text *const *left = a, *const *right = b;
    if ((*left)->number < (*right)->number)
        return -1;
    if ((*left)->number > (*right)->number)
        return 1;
    return str_compare((*left)->text, (*right)->text);
}

/* Sorted, each once; every text then knows its class. */
static size_t sort_classes(struct arena *arena, struct class_text_vec *texts, struct str *ret)
{
    struct class_text **sorted = arena_new_array(arena, struct class_text *, texts->len);
    size_t count = 0;
    for (size_t i = 0; i < texts->len; i++)
        sorted[i] = &texts->at[i];
    if (texts->len > 1)
        qsort(sorted, texts->len, sizeof *sorted, compare_texts);
    for (size_t i = 0; i < texts->len; i++) {
        if (!count || !str_equal(ret[count - 1], sorted[i]->text))
            ret[count++] = sorted[i]->text;
        sorted[i]->class = (uint32_t)(count - 1);
    }
    return count;
}

/* --- binary --- */

/* The text that came third, with its place. */
static ERROR_MADE third_class(struct predictions_reader *reader, size_t class_count)
{
    const struct column_places *at = &reader->at;
    const struct class_text *third = NULL;
    uint32_t seen[2] = {UINT32_MAX, UINT32_MAX};
    vec_each (struct class_text, text, &reader->classes.all) {
        if (third || text->class == seen[0] || text->class == seen[1])
            continue;
        if (seen[1] != UINT32_MAX)
            third = text;
        else
            seen[seen[0] != UINT32_MAX] = text->class;
    }
    struct mark mark = {.file = str_terminate(reader->arena, table_name(reader->table)),
                        .line = third ? (int)MIN_OF(third->line, (uint64_t)INT32_MAX) : 0};
    if (!third)
        return error_new(ERROR_BUG, "three classes out of two");
    if (!third->line)
        return error_at(mark, (struct str){0}, "column '%.*s' is of a third class: task binary",
                        STR_FMT(third->column));
    struct error *error =
        error_at(mark, (struct str){0},
                 "row %llu, column '%.*s': '%.*s' is a third label (%zu in all): task binary",
                 (unsigned long long)third->row, STR_FMT(str_slice(third->column, 0, 64)),
                 STR_FMT(str_slice(third->text, 0, 64)), class_count);
    if (at->prediction != NO_COLUMN && at->score == NO_COLUMN && !isnan(third->number))
        return error_hint(error, "use the task 'multiclass'; or name the column as 'score' if it "
                                 "holds scores");
    return error_hint(error, "use the task 'multiclass'");
}

/* Words that mean yes and no, whatever their case. */
static const struct {
    const char *no, *yes;
} usual_pairs[] = {{"0", "1"}, {"false", "true"}, {"no", "yes"}, {"-1", "1"},
                   {"n", "y"}, {"f", "t"},        {"neg", "pos"}};

static bool is_word(struct str text, const char *lower)
{
    if (text.len != strlen(lower))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if ((c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c) != lower[i])
            return false;
    }
    return true;
}

static bool is_same_label(struct str label, struct str wanted)
{
    double a, b;
    return str_equal(label, wanted) ||
           (predictions_number(label, &a) && predictions_number(wanted, &b) && a == b);
}

/* All rows have one label: which one the other is. */
static FALLIBLE add_other(struct predictions_reader *reader, struct str *classes, size_t *ret_only)
{
    struct str wanted = reader->options->positive, other = {0};
    struct str only = classes[0];
    if (wanted.len && !is_same_label(only, wanted))
        other = wanted;
    else if (wanted.len)
        other = str_print(reader->arena, "not %.*s", STR_FMT(only));
    for (size_t i = 0; !other.len && i < COUNT_OF(usual_pairs); i++) {
        if (is_word(only, usual_pairs[i].no))
            other = str_of(usual_pairs[i].yes);
        else if (is_word(only, usual_pairs[i].yes))
            other = str_of(usual_pairs[i].no);
    }
    if (!other.len)
        return error_hint(error_new(ERROR_PROJECT, "%.*s has only the label '%.*s'",
                                    STR_FMT(table_name(reader->table)),
                                    STR_FMT(str_slice(only, 0, 64))),
                          "say which label is the positive one by the option 'positive'");
    double a, b;
    bool are_numbers = predictions_number(only, &a) && predictions_number(other, &b);
    bool is_first = are_numbers ? a < b : str_compare(only, other) < 0;
    classes[is_first ? 1 : 0] = other;
    classes[is_first ? 0 : 1] = only;
    *ret_only = is_first ? 0 : 1;
    return NULL;
}

static FALLIBLE find_positive(struct predictions_reader *reader, const struct str *classes,
                              size_t *ret)
{
    static const char *const usual[] = {"1", "true", "yes", "y", "t", "pos", "positive"};
    struct str wanted = reader->options->positive;
    for (size_t i = 0; wanted.len && i < 2; i++) {
        if (is_same_label(classes[i], wanted)) {
            *ret = i;
            return NULL;
        }
    }
    if (wanted.len)
        return error_hint(error_new(ERROR_PROJECT, "%.*s has no label '%.*s'",
                                    STR_FMT(table_name(reader->table)), STR_FMT(wanted)),
                          "its labels are '%.*s' and '%.*s'", STR_FMT(classes[0]),
                          STR_FMT(classes[1]));
    for (size_t k = 0; k < COUNT_OF(usual); k++) {
        for (size_t i = 0; i < 2; i++) {
            if (is_word(classes[i], usual[k])) {
                *ret = i;
                return NULL;
            }
        }
    }
    *ret = 1;
    return NULL;
}

static FALLIBLE finish_binary(struct predictions_reader *reader, struct str *classes, size_t *count,
                              size_t *ret_positive)
{
    size_t only = 0;
    if (*count > 2)
        return third_class(reader, *count);
    if (*count == 1) {
        TRY(add_other(reader, classes, &only));
        vec_each (struct class_text, text, &reader->classes.all)
            text->class = (uint32_t)only;
        *count = 2;
    }
    return find_positive(reader, classes, ret_positive);
}

static const uint32_t *map_rows(const struct predictions_reader *reader, const struct buf *numbers)
{
    const uint32_t *from = (const uint32_t *)(const void *)numbers->at;
    uint32_t *to = arena_new_array(reader->arena, uint32_t, reader->count);
    for (size_t i = 0; i < reader->count; i++)
        to[i] = reader->classes.all.at[from[i]].class;
    return to;
}

FALLIBLE predictions_finish_classes(struct predictions_reader *reader, struct predictions *ret)
{
    struct class_text_vec *texts = &reader->classes.all;
    struct str *classes = arena_new_array(reader->arena, struct str, texts->len + 1);
    find_numbers(reader->arena, texts);
    ret->class_count = sort_classes(reader->arena, texts, classes);
    ret->classes = classes;
    if (ret->task == TASK_BINARY)
        TRY(finish_binary(reader, classes, &ret->class_count, &ret->positive));
    if (ret->class_count > (size_t)LIMIT_PREDICTION_CLASSES)
        return error_new(ERROR_PROJECT, "%.*s has %zu classes; the limit is %lld",
                         STR_FMT(table_name(reader->table)), ret->class_count,
                         (long long)LIMIT_PREDICTION_CLASSES);
    ret->labels = map_rows(reader, &reader->labels);
    if (reader->predicted.len)
        ret->predicted = map_rows(reader, &reader->predicted);
    return NULL;
}
