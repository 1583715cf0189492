/* Evaluations as JSON: docs/formats.md, "Evaluation". */
#include "mlops/base/arena.h"

#include <math.h>

#include "evaluation_private.h"

#define SLICE_NUMBERS_MOST 50000 /* more: only the main metrics of each slice */

/* "binary.f1" is `f1` in `binary`; the point of "pinball_0.9" is part of a number. */
static size_t group_len(const char *name)
{
    const char *point = strchr(name, '.');
    return point && (point[1] < '0' || point[1] > '9') ? (size_t)(point - name) : 0;
}

/* The metrics of a task as nested members. */
static void write_values(struct json_writer *json, const struct evaluation *evaluation,
                         const double *values, bool only_main)
{
    size_t count = 0, open = 0;
    const struct score_row *rows = score_rows(&count);
    const char *group = "";
    for (size_t i = 0; i < count; i++) {
        const char *name = rows[i].name;
        size_t len = group_len(name);
        if (!score_is_of(i, evaluation->task, evaluation->class_count) ||
            (only_main && !rows[i].is_main))
            continue;
        if (open && (len != open || strncmp(name, group, len) != 0)) {
            json_close_object(json);
            open = 0;
        }
        if (len && !open) {
            json_name_str(json, (struct str){name, len});
            json_open_object(json);
            group = name;
            open = len;
        }
        json_name(json, len ? name + len + 1 : name);
        json_real(json, values[i]);
    }
    if (open)
        json_close_object(json);
}

/* --- classes --- */

static void write_confusion(struct json_writer *json, const struct evaluation *evaluation)
{
    size_t classes = evaluation->class_count;
    json_name(json, "labels");
    json_open_list(json);
    for (size_t i = 0; i < classes; i++)
        json_str(json, evaluation->classes[i]);
    json_close_list(json);
    json_name(json, "confusion");
    json_open_list(json);
    for (size_t i = 0; i < classes; i++) {
        json_open_list(json);
        for (size_t k = 0; k < classes; k++)
            json_real(json, evaluation->confusion[i * classes + k]);
        json_close_list(json);
    }
    json_close_list(json);
}

struct class_member {
    const char *name;
    size_t offset;
};
static const struct class_member class_members[] = {
    {"precision", offsetof(struct class_score, precision)},
    {"recall", offsetof(struct class_score, recall)},
    {"f1", offsetof(struct class_score, f1)},
    {"support", offsetof(struct class_score, support)},
};

static double member_of(const struct class_score *score, size_t member)
{
    return *(const double *)((uintptr_t)score + class_members[member].offset);
}

static void write_per_class(struct json_writer *json, const struct evaluation *evaluation)
{
    json_name(json, "per_class");
    json_open_object(json);
    for (size_t m = 0; m < COUNT_OF(class_members); m++) {
        json_name(json, class_members[m].name);
        json_open_list(json);
        for (size_t i = 0; i < evaluation->class_count; i++)
            json_real(json, member_of(&evaluation->class_scores[i], m));
        json_close_list(json);
    }
    json_close_object(json);
}

static void write_classes(struct json_writer *json, const struct evaluation *evaluation)
{
    json_name(json, "classes");
    json_open_object(json);
    for (size_t i = 0; i < evaluation->class_count; i++) {
        json_name_str(json, evaluation->classes[i]);
        json_open_object(json);
        for (size_t m = 0; m < COUNT_OF(class_members); m++) {
            json_name(json, class_members[m].name);
            json_real(json, member_of(&evaluation->class_scores[i], m));
        }
        json_close_object(json);
    }
    json_close_object(json);
}

/* --- the rest of the metrics --- */

static void write_slice(struct json_writer *json, const struct evaluation *evaluation,
                        const struct slice_evaluation *slice, bool only_main)
{
    json_name_str(json, slice->value);
    json_open_object(json);
    json_name(json, "rows");
    json_int(json, (int64_t)slice->rows);
    write_values(json, evaluation, slice->values, only_main);
    json_close_object(json);
}

static void write_slices(struct json_writer *json, const struct evaluation *evaluation)
{
    size_t count = 0;
    score_rows(&count);
    bool only_main = evaluation->slice_count * count > SLICE_NUMBERS_MOST;
    json_name(json, "slices");
    json_open_object(json);
    for (size_t i = 0; i < evaluation->slice_count; i++) {
        const struct slice_evaluation *slice = &evaluation->slices[i];
        bool is_first = i == 0 || !str_equal(slice->column, slice[-1].column);
        bool is_last =
            i + 1 == evaluation->slice_count || !str_equal(slice->column, slice[1].column);
        if (is_first) {
            json_name_str(json, slice->column);
            json_open_object(json);
        }
        write_slice(json, evaluation, slice, only_main);
        if (is_last)
            json_close_object(json);
    }
    json_close_object(json);
}

static void write_trivial(struct json_writer *json, const struct evaluation *evaluation)
{
    if (!evaluation->trivial)
        return;
    json_name(json, "trivial");
    json_open_object(json);
    json_name(json, "name");
    json_str(json, evaluation->trivial_name);
    write_values(json, evaluation, evaluation->trivial, false);
    json_close_object(json);
}

static void write_undefined(struct json_writer *json, const struct evaluation *evaluation)
{
    size_t count = 0;
    const struct score_row *rows = score_rows(&count);
    if (!evaluation->whys)
        return;
    json_name(json, "undefined");
    json_open_object(json);
    for (size_t i = 0; i < count; i++) {
        if (!score_is_of(i, evaluation->task, evaluation->class_count) || !evaluation->whys[i])
            continue;
        json_name(json, rows[i].name);
        json_text(json, evaluation->whys[i]);
    }
    json_close_object(json);
}

void evaluation_write_metrics(struct json_writer *json, const struct evaluation *evaluation)
{
    json_name(json, "task");
    json_text(json, task_name(evaluation->task));
    json_name(json, "rows");
    json_int(json, (int64_t)evaluation->rows);
    if (evaluation->task == TASK_BINARY) {
        json_name(json, "positive");
        json_str(json, evaluation->classes[evaluation->positive]);
        json_name(json, "threshold");
        json_real(json, evaluation->threshold);
    }
    if (evaluation->task != TASK_REGRESSION)
        write_confusion(json, evaluation);
    write_values(json, evaluation, evaluation->values, false);
    if (evaluation->task != TASK_REGRESSION) {
        write_per_class(json, evaluation);
        write_classes(json, evaluation);
    }
    if (evaluation->slice_count)
        write_slices(json, evaluation);
    write_trivial(json, evaluation);
    write_undefined(json, evaluation);
}

void evaluation_write_intervals(struct json_writer *json, const struct evaluation *evaluation)
{
    size_t count = 0;
    const struct score_row *rows = score_rows(&count);
    json_name(json, "intervals");
    json_open_object(json);
    for (size_t i = 0; evaluation->intervals && i < count; i++) {
        const struct interval *interval = &evaluation->intervals[i];
        if (!(interval->level > 0))
            continue;
        json_name(json, rows[i].name);
        json_open_object(json);
        json_name(json, "low");
        json_real(json, interval->low);
        json_name(json, "high");
        json_real(json, interval->high);
        json_name(json, "level");
        json_real(json, interval->level);
        json_name(json, "method");
        json_text(json, interval->method);
        if (interval->replicates) {
            json_name(json, "replicates");
            json_int(json, (int64_t)interval->replicates);
        }
        json_close_object(json);
    }
    json_close_object(json);
}

void evaluation_write(struct json_writer *json, const struct evaluation *evaluation)
{
    json_open_object(json);
    json_name(json, "evaluation_format");
    json_int(json, EVALUATION_FORMAT);
    json_name(json, "predictions");
    json_str(json, evaluation->predictions);
    evaluation_write_metrics(json, evaluation);
    evaluation_write_intervals(json, evaluation);
    evaluation_write_curves(json, evaluation);
    json_close_object(json);
}
