#include "mlops/model/metric.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/canon.h"
#include "mlops/codec/load.h"
#include "mlops/model/name.h"

#include <math.h>
#include <stdlib.h>

/* One file on its way to a list. */
struct flattening {
    struct arena *arena;
    struct str file;
    struct metric_vec *metrics;
    size_t len_before; /* of metrics: those of other files */
    struct buf *key;   /* names of the maps above, joined */
};

/* Of an integer beyond 64 bits, whose digits only its canonical form has in plain decimal. */
static double bigint_value(struct arena *arena, const struct doc_node *node)
{
    struct buf bytes = buf_in(arena);
    struct str digits = {0};
    doc_encode(node, arena, &bytes);
    struct canon_reader reader = canon_reader_of(buf_str(&bytes));
    error_drop(canon_read_bigint(&reader, &digits)); /* of our own writing */
    return strtod(str_copy(arena, digits).at, NULL);
}

static double number_of(struct arena *arena, const struct doc_node *node)
{
    if (node->kind == DOC_INT)
        return (double)node->integer;
    if (node->kind == DOC_REAL)
        return node->real;
    return node->kind == DOC_BIGINT ? bigint_value(arena, node) : (double)NAN;
}

static struct str text_of(const struct flattening *flattening, const struct doc_node *node)
{
    if (node->kind == DOC_BOOL)
        return node->truth ? STR("true") : STR("false");
    return str_copy(flattening->arena, node->text);
}

static FALLIBLE add_scalar(struct flattening *flattening, const struct doc_node *node)
{
    struct metric_vec *metrics = flattening->metrics;
    if (metrics->len - flattening->len_before >= (size_t)LIMIT_METRIC_VALUES)
        return doc_error(node, "more than %lld metrics in one file",
                         (long long)LIMIT_METRIC_VALUES);
    struct metric *metric = vec_push(flattening->arena, metrics);
    metric->file = flattening->file;
    metric->key = str_copy(flattening->arena, buf_str(flattening->key));
    metric->text = text_of(flattening, node);
    metric->is_text = node->kind == DOC_STR || node->kind == DOC_BOOL;
    metric->value = number_of(flattening->arena, node);
    return NULL;
}

static FALLIBLE add_node(struct flattening *flattening, const struct doc_node *node, int depth);

static FALLIBLE add_map(struct flattening *flattening, const struct doc_node *map, int depth)
{
    size_t len = flattening->key->len;
    if (depth >= LIMIT_CANON_DEPTH)
        return doc_error(map, "metrics are nested too deep");
    for (const struct doc_node *child = map->first; child; child = child->next) {
        if (len)
            buf_add_char(flattening->key, '.');
        buf_add_str(flattening->key, child->key->text);
        if (flattening->key->len > (size_t)LIMIT_METRIC_KEY_BYTES)
            return doc_error(child, "the name of a metric is longer than %lld bytes",
                             (long long)LIMIT_METRIC_KEY_BYTES);
        TRY(add_node(flattening, child, depth + 1));
        flattening->key->len = len;
    }
    return NULL;
}

/* Recursion is bounded by the depth of a document. */
static FALLIBLE add_node(struct flattening *flattening, const struct doc_node *node, int depth)
{
    switch (node->kind) {
    case DOC_MAP:
        return add_map(flattening, node, depth);
    case DOC_BOOL:
    case DOC_INT:
    case DOC_BIGINT:
    case DOC_REAL:
    case DOC_STR:
        return add_scalar(flattening, node);
    case DOC_NULL:
    case DOC_LIST:
        break;
    }
    return NULL;
}

FALLIBLE metrics_flatten(struct arena *arena, struct str file, const struct doc_node *root,
                         struct metric_vec *ret)
{
    AUTO(buf_drop) struct buf key = {0};
    struct flattening flattening = {arena, file, ret, ret->len, &key};
    return add_node(&flattening, root, 0);
}

/* How a metrics file is read, by its suffix. */
enum reading {
    READ_VALUES,  /* YAML, JSON, TOML or Python, by the suffix */
    READ_MAYBE,   /* free text that may be a number or a mapping; else it gives nothing */
    READ_NOTHING, /* tables, images and reports */
};

static enum reading reading_of(struct str path)
{
    static const struct {
        const char *suffix;
        enum reading reading;
    } rows[] = {
        {".txt", READ_MAYBE},       {".csv", READ_NOTHING},    {".tsv", READ_NOTHING},
        {".jsonl", READ_NOTHING},   {".ndjson", READ_NOTHING}, {".parquet", READ_NOTHING},
        {".feather", READ_NOTHING}, {".npy", READ_NOTHING},    {".npz", READ_NOTHING},
        {".pkl", READ_NOTHING},     {".png", READ_NOTHING},    {".jpg", READ_NOTHING},
        {".jpeg", READ_NOTHING},    {".gif", READ_NOTHING},    {".bmp", READ_NOTHING},
        {".webp", READ_NOTHING},    {".tif", READ_NOTHING},    {".tiff", READ_NOTHING},
        {".svg", READ_NOTHING},     {".pdf", READ_NOTHING},    {".html", READ_NOTHING},
        {".htm", READ_NOTHING},     {".md", READ_NOTHING},     {".log", READ_NOTHING},
        {".gz", READ_NOTHING},      {".zip", READ_NOTHING},
    };
    struct str name = path_name(path);
    ptrdiff_t dot = str_find_last_char(name, '.');
    if (dot <= 0)
        return READ_VALUES;
    char suffix[16] = {0};
    struct str found = str_slice(name, (size_t)dot, name.len);
    for (size_t i = 0; i < found.len && i < sizeof suffix - 1; i++)
        suffix[i] =
            (char)(found.at[i] >= 'A' && found.at[i] <= 'Z' ? found.at[i] + 32 : found.at[i]);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (strcmp(suffix, rows[i].suffix) == 0)
            return rows[i].reading;
    return READ_VALUES;
}

FALLIBLE metrics_parse(struct arena *arena, struct str path, struct str bytes,
                       struct metric_vec *ret)
{
    enum reading reading = reading_of(path);
    struct doc *doc = NULL;
    if (reading == READ_NOTHING)
        return NULL;
    struct error *error = doc_load(arena, str_copy(arena, path), bytes, DOC_NATIVE, &doc);
    if (error && reading == READ_MAYBE) {
        error_drop(error);
        return NULL;
    }
    TRY(error);
    return metrics_flatten(arena, path, doc->root, ret);
}
