/* Curves of an evaluation as JSON. */
#include <math.h>

#include "evaluation_private.h"

static void write_reals(struct json_writer *json, const char *name, const double *at, size_t count)
{
    json_name(json, name);
    json_open_list(json);
    for (size_t i = 0; i < count; i++)
        json_real(json, at[i]);
    json_close_list(json);
}

/* The last point of a PR curve has no threshold. */
static size_t third_count(const struct evaluation_curve *curve)
{
    bool is_short = curve->kind == CURVE_PR && curve->count && isnan(curve->z[curve->count - 1]);
    return curve->count - is_short;
}

static void write_f1(struct json_writer *json, const struct evaluation_curve *curve)
{
    json_name(json, "f1");
    json_open_list(json);
    for (size_t i = 0; i < curve->count; i++)
        json_real(json, F1_OF(curve->y[i], curve->z[i]));
    json_close_list(json);
}

static void write_curve(struct json_writer *json, const struct evaluation_curve *curve)
{
    const struct curve_arrays *arrays = curve_arrays(curve->kind);
    json_open_object(json);
    write_reals(json, arrays->x, curve->x, curve->count);
    write_reals(json, arrays->y, curve->y, curve->count);
    if (arrays->z && curve->z)
        write_reals(json, arrays->z, curve->z, third_count(curve));
    if (curve->kind == CURVE_THRESHOLD && curve->z)
        write_f1(json, curve);
    json_close_object(json);
}

/* All of a kind: one, or a map of those of the classes. */
static void write_kind(struct json_writer *json, const struct evaluation *evaluation,
                       enum curve_kind kind)
{
    bool is_open = false, is_map = false;
    for (size_t i = 0; i < evaluation->curve_count; i++) {
        const struct evaluation_curve *curve = &evaluation->curves[i];
        if (curve->kind != kind || (is_open && !is_map))
            continue;
        if (!is_open) {
            is_map = evaluation->task == TASK_MULTICLASS;
            json_name(json, curve_name(kind));
            if (is_map)
                json_open_object(json);
            is_open = true;
        }
        if (is_map)
            json_name_str(json, curve->label);
        write_curve(json, curve);
    }
    if (is_map)
        json_close_object(json);
}

void evaluation_write_curves(struct json_writer *json, const struct evaluation *evaluation)
{
    for (int kind = 0; kind < CURVE_COUNT; kind++)
        write_kind(json, evaluation, (enum curve_kind)kind);
}
