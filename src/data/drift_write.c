/* Distances as JSON. */
#include "mlops/codec/json.h"

#include <math.h>

#include "drift_private.h"

static void write_reals(struct json_writer *json, const char *name, const double *at, size_t len)
{
    json_name(json, name);
    json_open_list(json);
    for (size_t i = 0; i < len; i++)
        json_real(json, at[i]);
    json_close_list(json);
}

static void write_method(struct json_writer *json, const struct drift *drift,
                         enum drift_method method)
{
    const struct drift_method_row *row = &drift_methods()[method];
    double value = drift_value(drift, method);
    json_open_object(json);
    json_name(json, "method");
    json_text(json, row->name);
    json_name(json, "value");
    json_real(json, value);
    json_name(json, "threshold");
    json_real(json, row->threshold);
    json_name(json, "is_over");
    if (isnan(value) || isnan(row->threshold))
        json_null(json);
    else
        json_bool(json, drift_is_over(method, value, row->threshold));
    json_name(json, "formula");
    json_text(json, drift_formula(method, drift->is_numeric));
    json_close_object(json);
}

static void write_methods(struct json_writer *json, const struct drift *drift)
{
    json_name(json, "methods");
    json_open_list(json);
    for (int i = 0; i < DRIFT_COUNT; i++) {
        const struct drift_method_row *row = &drift_methods()[i];
        bool applies = drift->is_numeric ? row->takes_numbers : row->takes_values;
        if (applies || !isnan(drift->methods[i]))
            write_method(json, drift, (enum drift_method)i);
    }
    json_close_list(json);
}

static void write_values(struct json_writer *json, const struct drift *drift)
{
    json_name(json, "keys");
    json_open_list(json);
    for (size_t i = 0; i < drift->key_count; i++)
        json_str(json, drift->keys[i]);
    json_close_list(json);
    write_reals(json, "ref", drift->reference_counts, drift->key_count);
    write_reals(json, "cur", drift->current_counts, drift->key_count);
    json_name(json, "largest_key");
    if (isnan(drift->methods[DRIFT_LINF]))
        json_null(json);
    else
        json_str(json, drift->largest_key);
}

static void write_head(struct json_writer *json, const struct drift *drift)
{
    json_name(json, "kind");
    json_text(json, drift->is_numeric ? "numeric" : "categorical");
    json_name(json, "reference_size");
    json_real(json, drift->reference_size);
    json_name(json, "current_size");
    json_real(json, drift->current_size);
    json_name(json, "is_exact");
    json_bool(json, drift->is_exact);
    json_name(json, "reason");
    json_text(json, drift->reason);
}

void drift_write(struct json_writer *json, const struct drift *drift)
{
    write_head(json, drift);
    for (size_t i = 0; i < drift->number_count; i++) {
        json_name(json, drift->numbers[i].name);
        json_real(json, drift->numbers[i].value);
    }
    if (drift->is_numeric) {
        json_name(json, "bins");
        json_text(json, drift->is_binned_by_value ? "values" : "sturges");
        write_reals(json, "bins_sturges", drift->sturges, drift->sturges_count);
        write_reals(json, "deciles", drift->edges, drift->edge_count);
    }
    if (!drift->is_numeric || drift->key_count)
        write_values(json, drift);
    write_methods(json, drift);
}
