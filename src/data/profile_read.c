#include "mlops/codec/doc.h"

#include <math.h>

#include "profile_private.h"

static FALLIBLE need(const struct doc_node *map, const char *name, enum doc_kind kind,
                     const struct doc_node **ret)
{
    const struct doc_node *node = doc_find(map, str_of(name));
    if (!node)
        return doc_error(map, "a profile lacks '%s'", name);
    if (node->kind != kind)
        return doc_error(node, "'%s' of a profile must be %s, found %s", name, doc_kind_name(kind),
                         doc_kind_name(node->kind));
    *ret = node;
    return NULL;
}

static FALLIBLE read_count(const struct doc_node *map, const char *name, uint64_t *ret)
{
    const struct doc_node *node = NULL;
    TRY(need(map, name, DOC_INT, &node));
    if (node->integer < 0)
        return doc_error(node, "'%s' of a profile is negative", name);
    *ret = (uint64_t)node->integer;
    return NULL;
}

static FALLIBLE number_of(const struct doc_node *node, double *ret)
{
    if (node->kind == DOC_INT)
        *ret = (double)node->integer;
    else if (node->kind == DOC_REAL)
        *ret = node->real;
    else if (node->kind == DOC_NULL)
        *ret = (double)NAN;
    else
        return doc_error(node, "a profile has %s where a number belongs",
                         doc_kind_name(node->kind));
    return NULL;
}

static FALLIBLE read_real(const struct doc_node *map, const char *name, double *ret)
{
    const struct doc_node *node = doc_find(map, str_of(name));
    return node ? number_of(node, ret) : doc_error(map, "a profile lacks '%s'", name);
}

static FALLIBLE read_bool(const struct doc_node *map, const char *name, bool *ret)
{
    const struct doc_node *node = NULL;
    TRY(need(map, name, DOC_BOOL, &node));
    *ret = node->truth;
    return NULL;
}

static FALLIBLE read_list(struct arena *arena, const struct doc_node *map, const char *name,
                          const double **ret, size_t *ret_len)
{
    const struct doc_node *list = NULL;
    TRY(need(map, name, DOC_LIST, &list));
    double *values = arena_new_array(arena, double, list->count);
    size_t len = 0;
    for (const struct doc_node *at = list->first; at; at = at->next)
        TRY(number_of(at, &values[len++]));
    *ret = values;
    *ret_len = len;
    return NULL;
}

static FALLIBLE read_distribution(struct arena *arena, const struct doc_node *numbers,
                                  struct distribution *ret)
{
    const struct doc_node *node = doc_find(numbers, STR("distribution"));
    size_t weight_count = 0;
    if (!node)
        return NULL;
    TRY(read_bool(node, "is_exact", &ret->is_exact));
    TRY(read_real(node, "total", &ret->total));
    TRY(read_list(arena, node, "values", &ret->values, &ret->len));
    TRY(read_list(arena, node, "weights", &ret->weights, &weight_count));
    if (weight_count != ret->len)
        return doc_error(node, "a distribution has %zu values and %zu weights", ret->len,
                         weight_count);
    for (size_t i = 0; i < ret->len; i++) {
        if (!(ret->weights[i] > 0) || (i > 0 && !(ret->values[i] > ret->values[i - 1])))
            return doc_error(node, "points of a distribution must ascend and weigh something");
    }
    return NULL;
}

static FALLIBLE read_histogram(const struct doc_node *numbers, struct column_profile *ret)
{
    const struct doc_node *list = doc_find(numbers, STR("histogram"));
    size_t len = 0;
    if (!list)
        return NULL;
    if (list->kind != DOC_LIST || list->count != PROFILE_BINS)
        return doc_error(list, "a histogram must be a list of %d counts", PROFILE_BINS);
    for (const struct doc_node *at = list->first; at; at = at->next) {
        if (at->kind != DOC_INT || at->integer < 0)
            return doc_error(at, "a histogram must be a list of %d counts", PROFILE_BINS);
        ret->bins[len++] = (uint64_t)at->integer;
    }
    ret->has_bins = true;
    return NULL;
}

static FALLIBLE read_numbers(struct arena *arena, const struct doc_node *column,
                             struct column_profile *ret)
{
    const struct doc_node *numbers = doc_find(column, STR("numbers"));
    if (!numbers)
        return NULL;
    ret->has_numbers = true;
    TRY(read_count(numbers, "count", &ret->number_count));
    TRY(read_count(numbers, "zeros", &ret->zero_count));
    TRY(read_count(numbers, "negatives", &ret->negative_count));
    TRY(read_count(numbers, "infinities", &ret->infinite_count));
    TRY(read_count(numbers, "nans", &ret->nan_count));
    TRY(read_real(numbers, "min", &ret->min));
    TRY(read_real(numbers, "max", &ret->max));
    TRY(read_real(numbers, "mean", &ret->mean));
    TRY(read_real(numbers, "sd", &ret->sd));
    TRY(read_histogram(numbers, ret));
    return read_distribution(arena, numbers, &ret->distribution);
}

static FALLIBLE read_values(struct arena *arena, const struct doc_node *column, const char *name,
                            const struct value_count **ret, size_t *ret_len)
{
    const struct doc_node *list = NULL, *value = NULL;
    TRY(need(column, name, DOC_LIST, &list));
    struct value_count *values = arena_new_array(arena, struct value_count, list->count);
    size_t len = 0;
    for (const struct doc_node *at = list->first; at; at = at->next, len++) {
        TRY(need(at, "value", DOC_STR, &value));
        values[len].value = str_copy(arena, value->text);
        TRY(read_count(at, "count", &values[len].count));
    }
    *ret = values;
    *ret_len = len;
    return NULL;
}

static FALLIBLE read_lengths(const struct doc_node *column, struct column_profile *ret)
{
    const struct doc_node *lengths = doc_find(column, STR("lengths"));
    if (!lengths)
        return NULL;
    ret->has_lengths = true;
    TRY(read_count(lengths, "min", &ret->length_min));
    TRY(read_count(lengths, "max", &ret->length_max));
    return read_real(lengths, "mean", &ret->length_mean);
}

static FALLIBLE read_type(const struct doc_node *column, enum field_type *ret)
{
    const struct doc_node *node = NULL;
    TRY(need(column, "type", DOC_STR, &node));
    for (int type = 0; type < TYPE_COUNT; type++) {
        if (!str_is(node->text, field_type_name((enum field_type)type)))
            continue;
        *ret = (enum field_type)type;
        return NULL;
    }
    return doc_error(node, "'%.*s' is no type of Table Schema", STR_FMT(node->text));
}

static FALLIBLE read_classes(const struct doc_node *column, struct column_profile *ret)
{
    const struct doc_node *classes = NULL;
    TRY(need(column, "classes", DOC_MAP, &classes));
    for (int i = 0; i < CLASS_COUNT; i++) {
        const char *name = profile_class_name((enum value_class)i);
        if (doc_find(classes, str_of(name)))
            TRY(read_count(classes, name, &ret->classes[i]));
    }
    return NULL;
}

static FALLIBLE read_column(struct arena *arena, const struct doc_node *node,
                            struct column_profile *ret)
{
    const struct doc_node *name = NULL;
    TRY(need(node, "name", DOC_STR, &name));
    ret->name = str_copy(arena, name->text);
    TRY(read_type(node, &ret->type));
    TRY(read_count(node, "count", &ret->count));
    TRY(read_count(node, "nulls", &ret->null_count));
    TRY(read_count(node, "bad", &ret->bad_count));
    TRY(read_classes(node, ret));
    TRY(read_count(node, "distinct", &ret->distinct));
    TRY(read_bool(node, "distinct_is_exact", &ret->distinct_is_exact));
    TRY(read_numbers(arena, node, ret));
    TRY(read_lengths(node, ret));
    TRY(read_values(arena, node, "values", &ret->values, &ret->value_count));
    TRY(read_bool(node, "values_are_complete", &ret->values_are_complete));
    return read_values(arena, node, "null_texts", &ret->null_texts, &ret->null_text_count);
}

static FALLIBLE read_pairs(struct arena *arena, const struct doc_node *node, struct profile *ret)
{
    const struct doc_node *list = NULL;
    TRY(need(node, "pairs", DOC_LIST, &list));
    struct column_pair *pairs = arena_new_array(arena, struct column_pair, list->count);
    for (const struct doc_node *at = list->first; at; at = at->next) {
        uint64_t a = 0, b = 0;
        struct column_pair *pair = &pairs[ret->pair_count++];
        TRY(read_count(at, "a", &a));
        TRY(read_count(at, "b", &b));
        if (a >= ret->column_count || b >= ret->column_count)
            return doc_error(at, "a pair of columns names one that is not there");
        *pair = (struct column_pair){.a = (uint32_t)a, .b = (uint32_t)b};
        TRY(read_real(at, "correlation", &pair->correlation));
    }
    ret->pairs = pairs;
    return NULL;
}

static FALLIBLE read_digest(const struct doc_node *node, struct digest *ret)
{
    const struct doc_node *digest = doc_find(node, STR("sha256"));
    if (!digest || digest->kind == DOC_NULL)
        return NULL;
    if (digest->kind != DOC_STR || !digest_parse(digest->text, ret))
        return doc_error(digest, "'sha256' of a profile must be 64 hexadecimal digits");
    return NULL;
}

/* Profiles of before are without them. */
static FALLIBLE read_ragged(const struct doc_node *node, struct profile *ret)
{
    if (!doc_find(node, STR("short_records")))
        return NULL;
    TRY(read_count(node, "short_records", &ret->short_count));
    return read_count(node, "long_records", &ret->long_count);
}

FALLIBLE profile_read(struct arena *arena, const struct doc_node *node, struct profile *ret)
{
    uint64_t format = 0;
    const struct doc_node *list = NULL;
    struct profile profile = {0};
    TRY(read_count(node, "format", &format));
    if (format != PROFILE_FORMAT)
        return doc_error(node, "a profile of format %llu, this mlops reads format %d",
                         (unsigned long long)format, PROFILE_FORMAT);
    TRY(read_count(node, "records", &profile.record_count));
    TRY(read_count(node, "bytes", &profile.byte_count));
    TRY(read_digest(node, &profile.digest));
    TRY(read_bool(node, "is_sampled", &profile.is_sampled));
    TRY(read_count(node, "sample_records", &profile.sample_count));
    TRY(read_ragged(node, &profile));
    TRY(need(node, "columns", DOC_LIST, &list));
    struct column_profile *columns = arena_new_array(arena, struct column_profile, list->count);
    for (const struct doc_node *at = list->first; at; at = at->next)
        TRY(read_column(arena, at, &columns[profile.column_count++]));
    profile.columns = columns;
    TRY(read_pairs(arena, node, &profile));
    *ret = profile;
    return NULL;
}
