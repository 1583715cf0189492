#include "mlops/base/arena.h"
#include "mlops/model/outcome.h"

#include <math.h>

#include "stored_private.h"

#define RESULT_TAG STR("mlops.result.1")

/* The least an artifact and a metric of a result can take. */
enum { ARTIFACT_BYTES_LEAST = 2 + 3 + 6 + 1 + 1 + 33 + 9 + 9 + 2, METRIC_BYTES_LEAST = 2 + 3 * 2 };
enum { RUN_LEN_MOST = 26 };

static const double INTEGRAL_MOST = 9007199254740992.0; /* 2^53 */

static void encode_metrics(const struct metric_vec *metrics, struct buf *out)
{
    canon_list(out, metrics->len);
    for (size_t i = 0; i < metrics->len; i++) {
        const struct metric *metric = &metrics->at[i];
        canon_list(out, metric->is_text ? 3 : 4);
        canon_str(out, metric->file);
        canon_str(out, metric->key);
        canon_str(out, metric->text);
        if (!metric->is_text)
            canon_real(out, metric->value);
    }
}

/* An integer item is a double that has no fraction; canon_real() writes larger ones as such. */
static FALLIBLE decode_value(struct canon_reader *reader, double *ret)
{
    bool is_integer = canon_next(reader) == CANON_INT;
    TRY(canon_read_real(reader, ret));
    if (is_integer && fabs(*ret) >= INTEGRAL_MOST)
        return stored_damaged("a metric's value is not in its canonical form");
    return NULL;
}

static FALLIBLE decode_metric(struct canon_reader *reader, struct metric *ret)
{
    size_t items = 0;
    TRY(canon_read_list(reader, &items));
    if (items != 3 && items != 4)
        return stored_damaged("a metric of %zu items", items);
    TRY(stored_path(reader, true, &ret->file));
    TRY(canon_read_str(reader, &ret->key));
    TRY(canon_read_str(reader, &ret->text));
    ret->is_text = items == 3;
    ret->value = (double)NAN;
    return ret->is_text ? NULL : decode_value(reader, &ret->value);
}

static FALLIBLE decode_metrics(struct arena *arena, struct canon_reader *reader,
                               struct metric_vec *ret)
{
    TRY(stored_list(reader, METRIC_BYTES_LEAST, &ret->len));
    ret->cap = ret->len;
    ret->at = arena_new_array(arena, struct metric, ret->len);
    for (size_t i = 0; i < ret->len; i++)
        TRY(decode_metric(reader, &ret->at[i]));
    return NULL;
}

static void encode_outs(const struct result *result, struct buf *out)
{
    canon_list(out, result->out_count);
    for (size_t i = 0; i < result->out_count; i++)
        artifact_encode(&result->outs[i], out);
}

static FALLIBLE decode_outs(struct arena *arena, struct canon_reader *reader, struct result *ret)
{
    TRY(stored_list(reader, ARTIFACT_BYTES_LEAST, &ret->out_count));
    ret->outs = arena_new_array(arena, struct artifact, ret->out_count);
    for (size_t i = 0; i < ret->out_count; i++)
        TRY(artifact_decode(arena, reader, &ret->outs[i]));
    return NULL;
}

/* Keys of the map in ascending order; those at their default are left out where they may. */
enum result_field {
    RESULT_CREATED,
    RESULT_DURATION,
    RESULT_KEY,
    RESULT_METRICS,
    RESULT_MODEL,
    RESULT_OUTS,
    RESULT_RECIPE,
    RESULT_REJECTED,
    RESULT_RUN,
    RESULT_STAGE,
    RESULT_END,
};

static const char *const RESULT_NAMES[RESULT_END] = {
    "created", "duration", "key", "metrics", "model", "outs", "recipe", "rejected", "run", "stage",
};

static bool is_there(const struct result *result, enum result_field field)
{
    switch (field) {
    case RESULT_METRICS:
        return result->metrics.len;
    case RESULT_MODEL:
        return result->model.len;
    case RESULT_OUTS:
        return result->out_count;
    case RESULT_REJECTED:
        return result->is_rejected;
    case RESULT_CREATED:
    case RESULT_DURATION:
    case RESULT_KEY:
    case RESULT_RECIPE:
    case RESULT_RUN:
    case RESULT_STAGE:
    case RESULT_END:
        break;
    }
    return true;
}

static void encode_field(const struct result *result, enum result_field field, struct buf *out)
{
    canon_str(out, str_of(RESULT_NAMES[field]));
    switch (field) {
    case RESULT_CREATED:
        canon_int(out, result->created_ns);
        break;
    case RESULT_DURATION:
        canon_int(out, result->duration_ns);
        break;
    case RESULT_KEY:
        canon_digest(out, result->key);
        break;
    case RESULT_METRICS:
        encode_metrics(&result->metrics, out);
        break;
    case RESULT_MODEL:
        canon_str(out, result->model);
        break;
    case RESULT_OUTS:
        encode_outs(result, out);
        break;
    case RESULT_RECIPE:
        canon_str(out, result->recipe);
        break;
    case RESULT_REJECTED:
        canon_bool(out, result->is_rejected);
        break;
    case RESULT_RUN:
        canon_str(out, result->run);
        break;
    case RESULT_STAGE:
        canon_str(out, result->stage);
        break;
    case RESULT_END:
        break;
    }
}

void result_encode(const struct result *result, struct buf *out)
{
    size_t count = 0;
    for (enum result_field field = 0; field < RESULT_END; field++)
        count += is_there(result, field);
    canon_str(out, RESULT_TAG);
    canon_map(out, count);
    for (enum result_field field = 0; field < RESULT_END; field++)
        if (is_there(result, field))
            encode_field(result, field, out);
}

/* Names of folders are made from it. */
static FALLIBLE decode_run(struct canon_reader *reader, struct str *ret)
{
    TRY(canon_read_str(reader, ret));
    bool is_fine = ret->len <= RUN_LEN_MOST;
    for (size_t i = 0; is_fine && i < ret->len; i++) {
        char c = ret->at[i];
        is_fine = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    }
    return is_fine ? NULL : stored_damaged("the id of a run is malformed");
}

static FALLIBLE decode_field(struct arena *arena, struct canon_reader *reader,
                             enum result_field field, struct result *ret)
{
    switch (field) {
    case RESULT_CREATED:
        return canon_read_int(reader, &ret->created_ns);
    case RESULT_DURATION:
        return stored_amount(reader, &ret->duration_ns);
    case RESULT_KEY:
        return canon_read_digest(reader, &ret->key);
    case RESULT_METRICS:
        return decode_metrics(arena, reader, &ret->metrics);
    case RESULT_MODEL:
        return stored_path(reader, true, &ret->model);
    case RESULT_OUTS:
        return decode_outs(arena, reader, ret);
    case RESULT_RECIPE:
        return canon_read_str(reader, &ret->recipe);
    case RESULT_REJECTED:
        return canon_read_bool(reader, &ret->is_rejected);
    case RESULT_RUN:
        return decode_run(reader, &ret->run);
    case RESULT_STAGE:
        return canon_read_str(reader, &ret->stage);
    case RESULT_END:
        break;
    }
    return stored_damaged("an unknown key");
}

static FALLIBLE find_field(struct str name, enum result_field *ret)
{
    for (enum result_field field = 0; field < RESULT_END; field++) {
        if (!str_is(name, RESULT_NAMES[field]))
            continue;
        *ret = field;
        return NULL;
    }
    return error_new(ERROR_STORED, "unknown key '%.*s', perhaps of a newer version of mlops",
                     STR_FMT(str_slice(name, 0, 64)));
}

/* A key is in the map if and only if it is required or not at its default: one encoding a result.
 */
static FALLIBLE check_fields(const struct result *result, unsigned seen)
{
    for (enum result_field field = 0; field < RESULT_END; field++)
        if (is_there(result, field) != !!(seen & 1U << field))
            return stored_damaged("%s is %s", RESULT_NAMES[field],
                                  seen & 1U << field ? "at its default" : "absent");
    if (!digest_equal(digest_of(result->recipe.at, result->recipe.len), result->key))
        return stored_damaged("the recipe does not hash to the key");
    return NULL;
}

static FALLIBLE decode_fields(struct arena *arena, struct canon_reader *reader, struct result *ret)
{
    struct result result = {0};
    struct str previous = {0}, name = {0};
    size_t count = 0;
    unsigned seen = 0;
    TRY(canon_expect_tag(reader, RESULT_TAG));
    TRY(canon_read_map(reader, &count));
    for (size_t i = 0; i < count; i++) {
        enum result_field field = RESULT_END;
        TRY(canon_read_key(reader, &previous, &name));
        TRY(find_field(name, &field));
        TRY_WITHIN(decode_field(arena, reader, field, &result), "its %s", RESULT_NAMES[field]);
        seen |= 1U << field;
    }
    TRY(canon_expect_end(reader));
    TRY(check_fields(&result, seen));
    *ret = result;
    return NULL;
}

FALLIBLE result_decode(struct arena *arena, struct str bytes, struct result *ret)
{
    struct canon_reader reader = canon_reader_of(bytes);
    TRY_WITHIN(decode_fields(arena, &reader, ret), "a stage result cannot be read");
    return NULL;
}

struct digest result_digest(const struct result *result)
{
    AUTO(buf_drop) struct buf bytes = {0};
    result_encode(result, &bytes);
    return digest_of(bytes.at, bytes.len);
}
