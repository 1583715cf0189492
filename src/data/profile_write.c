#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/json.h"

#include "profile_private.h"

enum { SHORT_VALUES = 10, SHORT_PAIRS = 20 };

static void write_count(struct json_writer *json, const char *name, uint64_t count)
{
    json_name(json, name);
    json_int(json, (int64_t)count);
}

static void write_real(struct json_writer *json, const char *name, double value)
{
    json_name(json, name);
    json_real(json, value);
}

static void write_bool(struct json_writer *json, const char *name, bool value)
{
    json_name(json, name);
    json_bool(json, value);
}

static void write_list(struct json_writer *json, const char *name, const double *values, size_t len)
{
    json_name(json, name);
    json_open_list(json);
    for (size_t i = 0; i < len; i++)
        json_real(json, values[i]);
    json_close_list(json);
}

static void write_distribution(struct json_writer *json, const struct distribution *from)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct distribution thin = distribution_thin(&scratch, from, PROFILE_POINTS);
    json_name(json, "distribution");
    json_open_object(json);
    write_bool(json, "is_exact", thin.is_exact);
    write_real(json, "total", thin.total);
    write_list(json, "values", thin.values, thin.len);
    write_list(json, "weights", thin.weights, thin.len);
    json_close_object(json);
}

/* For readers: what the distribution says. */
static void write_quantiles(struct json_writer *json, const struct distribution *from)
{
    static const struct {
        const char *name;
        double share;
    } rows[] = {{"1%", .01},  {"5%", .05},  {"25%", .25}, {"50%", .5},
                {"75%", .75}, {"95%", .95}, {"99%", .99}};
    json_name(json, "quantiles");
    json_open_object(json);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        write_real(json, rows[i].name, distribution_quantile(from, rows[i].share));
    json_close_object(json);
}

static void write_bound(struct json_writer *json, const char *name, enum field_type type,
                        double value)
{
    AUTO(arena_drop) struct arena scratch = {0};
    if (type == TYPE_INTEGER || type == TYPE_NUMBER)
        return;
    json_name(json, name);
    json_str(json, profile_number_text(&scratch, type, value));
}

static void write_histogram(struct json_writer *json, const struct column_profile *column)
{
    json_name(json, "histogram");
    json_open_list(json);
    for (size_t i = 0; i < PROFILE_BINS; i++)
        json_int(json, (int64_t)column->bins[i]);
    json_close_list(json);
}

static void write_numbers(struct json_writer *json, const struct column_profile *column,
                          bool is_short)
{
    json_name(json, "numbers");
    json_open_object(json);
    write_count(json, "count", column->number_count);
    write_count(json, "zeros", column->zero_count);
    write_count(json, "negatives", column->negative_count);
    write_count(json, "infinities", column->infinite_count);
    write_count(json, "nans", column->nan_count);
    write_real(json, "min", column->min);
    write_real(json, "max", column->max);
    write_bound(json, "min_text", column->type, column->min);
    write_bound(json, "max_text", column->type, column->max);
    write_real(json, "mean", column->mean);
    write_real(json, "sd", column->sd);
    if (column->distribution.len)
        write_quantiles(json, &column->distribution);
    if (column->has_bins)
        write_histogram(json, column);
    if (!is_short && column->distribution.len)
        write_distribution(json, &column->distribution);
    json_close_object(json);
}

static void write_values(struct json_writer *json, const char *name,
                         const struct value_count *values, size_t count)
{
    json_name(json, name);
    json_open_list(json);
    for (size_t i = 0; i < count; i++) {
        json_open_object(json);
        json_name(json, "value");
        json_str(json, values[i].value);
        write_count(json, "count", values[i].count);
        json_close_object(json);
    }
    json_close_list(json);
}

static void write_classes(struct json_writer *json, const struct column_profile *column)
{
    json_name(json, "classes");
    json_open_object(json);
    for (size_t i = 0; i < CLASS_COUNT; i++) {
        if (column->classes[i])
            write_count(json, profile_class_name((enum value_class)i), column->classes[i]);
    }
    json_close_object(json);
}

static void write_lengths(struct json_writer *json, const struct column_profile *column)
{
    json_name(json, "lengths");
    json_open_object(json);
    write_count(json, "min", column->length_min);
    write_count(json, "max", column->length_max);
    write_real(json, "mean", column->length_mean);
    json_close_object(json);
}

static void write_column(struct json_writer *json, const struct column_profile *column,
                         bool is_short)
{
    size_t most = is_short ? SHORT_VALUES : PROFILE_VALUES;
    json_open_object(json);
    json_name(json, "name");
    json_str(json, column->name);
    json_name(json, "type");
    json_text(json, field_type_name(column->type));
    write_count(json, "count", column->count);
    write_count(json, "nulls", column->null_count);
    write_count(json, "bad", column->bad_count);
    write_classes(json, column);
    write_count(json, "distinct", column->distinct);
    write_bool(json, "distinct_is_exact", column->distinct_is_exact);
    if (column->has_numbers)
        write_numbers(json, column, is_short);
    if (column->has_lengths)
        write_lengths(json, column);
    write_values(json, "values", column->values, MIN_OF(column->value_count, most));
    write_bool(json, "values_are_complete",
               column->values_are_complete && column->value_count <= most);
    write_values(json, "null_texts", column->null_texts, column->null_text_count);
    json_close_object(json);
}

static void write_pair(struct json_writer *json, const struct profile *profile,
                       const struct column_pair *pair)
{
    json_open_object(json);
    write_count(json, "a", pair->a);
    write_count(json, "b", pair->b);
    json_name(json, "names");
    json_open_list(json);
    json_str(json, profile->columns[pair->a].name);
    json_str(json, profile->columns[pair->b].name);
    json_close_list(json);
    write_real(json, "correlation", pair->correlation);
    json_close_object(json);
}

static void write_digest(struct json_writer *json, struct digest digest)
{
    char hex[DIGEST_HEX_LEN + 1];
    json_name(json, "sha256");
    digest_print(digest, hex);
    if (digest_is_zero(digest))
        json_null(json);
    else
        json_text(json, hex);
}

void profile_write(struct json_writer *json, const struct profile *profile, bool is_short)
{
    size_t pairs =
        is_short ? MIN_OF(profile->pair_count, (size_t)SHORT_PAIRS) : profile->pair_count;
    json_open_object(json);
    write_count(json, "format", PROFILE_FORMAT);
    write_count(json, "records", profile->record_count);
    write_count(json, "bytes", profile->byte_count);
    write_digest(json, profile->digest);
    write_bool(json, "is_sampled", profile->is_sampled);
    write_count(json, "sample_records", profile->sample_count);
    write_count(json, "short_records", profile->short_count);
    write_count(json, "long_records", profile->long_count);
    json_name(json, "columns");
    json_open_list(json);
    for (size_t i = 0; i < profile->column_count; i++)
        write_column(json, &profile->columns[i], is_short);
    json_close_list(json);
    json_name(json, "pairs");
    json_open_list(json);
    for (size_t i = 0; i < pairs; i++)
        write_pair(json, profile, &profile->pairs[i]);
    json_close_list(json);
    json_close_object(json);
}
