#include "mlops/model/metric.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/canon.h"
#include "mlops/codec/json.h"
#include "mlops/codec/load.h"
#include "mlops/model/name.h"

#include <math.h>
#include <stdlib.h>

#include "metric_private.h"

/* One file on its way to a list. */
struct flattening {
    struct arena *arena;
    struct str file;
    struct metric_vec *metrics;
    size_t len_before; /* of metrics: those of other files */
    struct buf *key;   /* names of the maps above, joined */
    bool has_words;    /* NaN and Infinity were put in quotes */
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

/* What JSON has no number for, as Python writes it. */
static bool is_word(struct str text, double *ret)
{
    static const struct {
        const char *word;
        double value;
    } words[] = {{"Infinity", HUGE_VAL}, {"-Infinity", -HUGE_VAL}};
    *ret = nan("");
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (str_is(text, words[i].word)) {
            *ret = words[i].value;
            return true;
        }
    }
    return str_is(text, "NaN");
}

static double number_of(struct arena *arena, const struct doc_node *node)
{
    if (node->kind == DOC_INT)
        return (double)node->integer;
    if (node->kind == DOC_REAL)
        return node->real;
    return node->kind == DOC_BIGINT ? bigint_value(arena, node) : nan("");
}

static bool is_plain(double value, int digits)
{
    return fabs(value) < 1e7 && fabs(value) >= pow(10, digits) / 2;
}

struct str metric_print(struct arena *arena, double value, int digits)
{
    return is_plain(value, digits) ? str_print(arena, "%.0f", value)
                                   : str_print(arena, "%.*g", digits, value);
}

struct str metric_print_signed(struct arena *arena, double value, int digits)
{
    return is_plain(value, digits) ? str_print(arena, "%+.0f", value)
                                   : str_print(arena, "%+.*g", digits, value);
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
    if (node->kind == DOC_STR && flattening->has_words)
        metric->is_text = !is_word(node->text, &metric->value);
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
    struct flattening flattening = {arena, file, ret, ret->len, &key, false};
    return add_node(&flattening, root, 0);
}

bool metric_is_part(struct str key)
{
    static const char *const parts[] = {"classes.", "slices.", "trivial.", "intervals.",
                                        "undefined."};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (str_starts(key, str_of(parts[i])))
            return true;
    }
    return false;
}

/* How a metrics file is read, by its suffix. */
enum reading {
    READ_VALUES, /* YAML, JSON, TOML or Python, by the suffix */
    READ_MAYBE,  /* free text that may be a number or a mapping; else it gives nothing */
    READ_COMMAS, /* tables */
    READ_TABS,
    READ_LINES,   /* JSON Lines */
    READ_NOTHING, /* images and reports */
};

static enum reading reading_of(struct str path)
{
    static const struct {
        const char *suffix;
        enum reading reading;
    } rows[] = {
        {".txt", READ_MAYBE},       {".csv", READ_COMMAS},   {".tsv", READ_TABS},
        {".jsonl", READ_LINES},     {".ndjson", READ_LINES}, {".parquet", READ_NOTHING},
        {".feather", READ_NOTHING}, {".npy", READ_NOTHING},  {".npz", READ_NOTHING},
        {".pkl", READ_NOTHING},     {".png", READ_NOTHING},  {".jpg", READ_NOTHING},
        {".jpeg", READ_NOTHING},    {".gif", READ_NOTHING},  {".bmp", READ_NOTHING},
        {".webp", READ_NOTHING},    {".tif", READ_NOTHING},  {".tiff", READ_NOTHING},
        {".svg", READ_NOTHING},     {".pdf", READ_NOTHING},  {".html", READ_NOTHING},
        {".htm", READ_NOTHING},     {".md", READ_NOTHING},   {".log", READ_NOTHING},
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

/* JSON with NaN, Infinity and -Infinity outside of texts put in quotes. */
static struct str quote_words(struct arena *arena, struct str bytes)
{
    static const char *const words[] = {"NaN", "Infinity", "-Infinity"};
    struct buf out = buf_in(arena);
    bool is_inside = false;
    for (size_t i = 0; i < bytes.len;) {
        struct str rest = str_slice(bytes, i, bytes.len), word = {0};
        for (size_t w = 0; !is_inside && w < COUNT_OF(words); w++)
            if (str_starts(rest, str_of(words[w])))
                word = str_of(words[w]);
        if (word.len) {
            buf_print(&out, "\"%.*s\"", STR_FMT(word));
            i += word.len;
            continue;
        }
        if (rest.at[0] == '"')
            is_inside = !is_inside;
        size_t step = is_inside && rest.at[0] == '\\' && rest.len > 1 ? 2 : 1;
        buf_add(&out, rest.at, step);
        i += step;
    }
    return buf_str(&out);
}

FALLIBLE metric_json_parse(struct arena *arena, struct str path, struct str bytes, struct doc **ret)
{
    struct error *error = json_parse(arena, str_copy(arena, path), bytes, ret);
    if (!error)
        return NULL;
    struct error *second = json_parse(arena, str_copy(arena, path), quote_words(arena, bytes), ret);
    error_drop(second ? second : error); /* the first one has the right columns */
    return second ? error : NULL;
}

FALLIBLE metric_json_flatten(struct arena *arena, struct str file, const struct doc_node *root,
                             struct metric_vec *ret)
{
    AUTO(buf_drop) struct buf key = {0};
    struct flattening flattening = {arena, file, ret, ret->len, &key, true};
    return add_node(&flattening, root, 0);
}

FALLIBLE metrics_load(struct arena *arena, struct str path, struct str bytes, struct doc **ret)
{
    if (load_language(path) == LOAD_JSON)
        return metric_json_parse(arena, path, bytes, ret);
    return doc_load(arena, str_copy(arena, path), bytes, DOC_NATIVE, ret);
}

static FALLIBLE parse_values(struct arena *arena, struct str path, struct str bytes,
                             struct metric_vec *ret)
{
    struct doc *doc = NULL;
    TRY(metrics_load(arena, path, bytes, &doc));
    if (load_language(path) == LOAD_JSON)
        return metric_json_flatten(arena, path, doc->root, ret);
    return metrics_flatten(arena, path, doc->root, ret);
}

/* What may be no metrics at all: then it gives none. */
static FALLIBLE pass_over(struct error *error, size_t before, struct metric_vec *ret)
{
    if (error)
        ret->len = before;
    error_drop(error);
    return NULL;
}

FALLIBLE metrics_parse(struct arena *arena, struct str path, struct str bytes,
                       struct metric_vec *ret)
{
    size_t before = ret->len;
    switch (reading_of(path)) {
    case READ_VALUES:
        return parse_values(arena, path, bytes, ret);
    case READ_MAYBE:
        return pass_over(parse_values(arena, path, bytes, ret), before, ret);
    case READ_COMMAS:
        return pass_over(metric_table_read(arena, path, bytes, false, ret), before, ret);
    case READ_TABS:
        return pass_over(metric_table_read(arena, path, bytes, true, ret), before, ret);
    case READ_LINES:
        return pass_over(metric_lines_read(arena, path, bytes, ret), before, ret);
    case READ_NOTHING:
        break;
    }
    return NULL;
}

static bool is_meant(const struct metric *metric, struct str file, struct str key, bool is_exact)
{
    if (metric->is_text || (file.len && !str_equal(metric->file, file)))
        return false;
    if (is_exact)
        return str_equal(metric->key, key);
    return metric->key.len > key.len && str_ends(metric->key, key) &&
           metric->key.at[metric->key.len - key.len - 1] == '.';
}

void metrics_find(const struct metric_vec *metrics, struct str file, struct str key,
                  const struct metric **ret, size_t *ret_count)
{
    *ret = NULL;
    *ret_count = 0;
    for (int exact = 1; exact >= 0 && !*ret_count; exact--) {
        vec_each (const struct metric, metric, metrics) {
            if (!is_meant(metric, file, key, exact))
                continue;
            *ret = *ret_count ? *ret : metric;
            ++*ret_count;
        }
    }
}

bool metrics_have_file(const struct metric_vec *metrics, struct str file)
{
    vec_each (const struct metric, metric, metrics) {
        if (str_equal(metric->file, file))
            return true;
    }
    return false;
}
