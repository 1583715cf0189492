/* Reading run files: docs/formats.md, "Run files". */
#include "mlops/base/arena.h"

#include "ledger_private.h"

/* Reading stops at the first error; then the rest is zero. */
struct reading {
    struct canon_reader canon;
    struct error *error;
    struct map environments; /* by the bytes of their digests: struct str * */
};

static void reading_drop(struct reading *reading)
{
    error_drop(reading->error);
    reading->error = NULL;
}

static struct str take_str(struct reading *reading)
{
    struct str value = {0};
    if (!reading->error)
        reading->error = canon_read_str(&reading->canon, &value);
    return reading->error ? (struct str){0} : value;
}

static int64_t take_int(struct reading *reading)
{
    int64_t value = 0;
    if (!reading->error)
        reading->error = canon_read_int(&reading->canon, &value);
    return reading->error ? 0 : value;
}

static struct digest take_digest(struct reading *reading)
{
    struct digest value = {{0}};
    if (!reading->error)
        reading->error = canon_read_digest(&reading->canon, &value);
    return value;
}

static size_t take_list(struct reading *reading)
{
    size_t count = 0;
    if (!reading->error)
        reading->error = canon_read_list(&reading->canon, &count);
    return reading->error ? 0 : count;
}

static void expect_list(struct reading *reading, size_t count)
{
    size_t found = take_list(reading);
    if (!reading->error && found != count)
        reading->error = error_new(ERROR_STORED, "%zu items expected, %zu found", count, found);
}

static void read_counts(struct reading *reading, struct run_counts *ret)
{
    int *const counts[] = {&ret->stages,      &ret->executed, &ret->restored,
                           &ret->unchanged,   &ret->failed,   &ret->rejected,
                           &ret->unconfirmed, &ret->skipped,  &ret->interrupted};
    expect_list(reading, RUN_COUNTS);
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        *counts[i] = (int)take_int(reading);
    ret->hashed_files = take_int(reading);
    ret->hashed_bytes = take_int(reading);
}

static enum run_status read_status(struct reading *reading)
{
    struct str name = take_str(reading);
    for (int status = RUN_SUCCEEDED; status <= RUN_CRASHED; status++)
        if (str_is(name, run_status_name((enum run_status)status)))
            return (enum run_status)status;
    return RUN_CRASHED;
}

static void read_run(struct reading *reading, struct run *ret)
{
    expect_list(reading, RUN_FIELDS);
    ret->sequence = take_int(reading);
    ret->id = take_str(reading);
    ret->parent = take_str(reading);
    ret->name = take_str(reading);
    ret->status = read_status(reading);
    ret->pipeline = take_str(reading);
    ret->pipeline_digest = take_digest(reading);
    ret->lock_digest = take_digest(reading);
    ret->started_ns = take_int(reading);
    ret->duration_ns = take_int(reading);
    ret->host = take_str(reading);
    ret->user = take_str(reading);
    ret->version = take_str(reading);
    ret->argv = take_str(reading);
    ret->code.commit = take_str(reading);
    ret->code.branch = take_str(reading);
    ret->code.remote = take_str(reading);
    ret->code.is_dirty = (int)take_int(reading);
    ret->code.patch = take_digest(reading);
    ret->saved_ns = take_int(reading);
    read_counts(reading, &ret->counts);
}

static void read_usage(struct reading *reading, struct usage *ret)
{
    expect_list(reading, USAGE_FIELDS);
    ret->started_ns = take_int(reading);
    ret->duration_ns = take_int(reading);
    ret->cpu_user_ns = take_int(reading);
    ret->cpu_system_ns = take_int(reading);
    ret->peak_bytes = take_int(reading);
    ret->attempts = (int)take_int(reading);
    ret->exit_code = (int)take_int(reading);
    ret->exit_signal = (int)take_int(reading);
    ret->timed_out = take_int(reading) != 0;
}

static void read_reasons(struct reading *reading, struct arena *arena, struct reason_vec *ret)
{
    for (size_t count = take_list(reading); count && !reading->error; count--) {
        struct reason *reason = vec_push(arena, ret);
        expect_list(reading, 4);
        reason->part = ledger_part_parse(take_str(reading));
        reason->what = take_str(reading);
        reason->before = take_str(reading);
        reason->after = take_str(reading);
    }
}

/* Recipe and result are decoded from their bytes, which name themselves. */
static void read_content(struct reading *reading, struct arena *arena, struct outcome *ret)
{
    struct str recipe = take_str(reading), body = take_str(reading);
    struct result *result = arena_new(arena, struct result);
    if (!reading->error && body.len)
        reading->error = result_decode(arena, body, result);
    if (body.len)
        ret->value = result;
    if (body.len)
        recipe = result->recipe;
    ret->recipe = recipe.len ? arena_new(arena, struct recipe) : NULL;
    if (!reading->error && recipe.len)
        reading->error = recipe_decode(arena, recipe, ret->recipe);
}

/* Its bytes, or the digest of those of a stage before. */
static struct str read_environment(struct reading *reading, struct arena *arena)
{
    bool is_named = !reading->error && canon_next(&reading->canon) == CANON_DIGEST;
    struct str bytes = is_named ? (struct str){0} : take_str(reading);
    struct digest digest = is_named ? take_digest(reading) : digest_of(bytes.at, bytes.len);
    struct str name = str_copy(arena, (struct str){(const char *)digest.at, sizeof digest.at});
    void **place = map_place(arena, &reading->environments, name);
    if (!is_named) {
        struct str *kept = *place = arena_new(arena, struct str);
        *kept = bytes;
        return bytes;
    }
    if (!*place && !reading->error)
        reading->error = error_new(ERROR_STORED, "an environment is missing");
    return *place ? *(struct str *)*place : (struct str){0};
}

static void read_stage(struct reading *reading, struct arena *arena, struct outcome *ret)
{
    struct stage *stage = arena_new(arena, struct stage);
    expect_list(reading, STAGE_FIELDS);
    stage->name = take_str(reading);
    ret->stage = stage;
    if (!stage_status_parse(take_str(reading), &ret->status) && !reading->error)
        reading->error = error_new(ERROR_STORED, "a stage has an unknown status");
    ret->key = take_digest(reading);
    ret->result = take_digest(reading);
    read_content(reading, arena, ret);
    ret->attempt = take_str(reading);
    ret->saved_ns = take_int(reading);
    ret->blocker = take_str(reading);
    ret->log_path = take_str(reading);
    ret->log_bytes = take_int(reading);
    ret->environment = read_environment(reading, arena);
    read_usage(reading, &ret->usage);
    read_reasons(reading, arena, &ret->reasons);
}

FALLIBLE ledger_run_decode(struct arena *arena, struct str bytes, struct archived *ret)
{
    AUTO(reading_drop) struct reading reading = {.canon = canon_reader_of(bytes)};
    struct canon_reader peek = reading.canon;
    struct str tag = {0};
    TRY(canon_read_str(&peek, &tag));
    bool is_trial = str_is(tag, TRIAL_RUN_TAG);
    TRY(canon_expect_tag(&reading.canon, is_trial                     ? STR(TRIAL_RUN_TAG)
                                         : str_is(tag, FIRST_RUN_TAG) ? STR(FIRST_RUN_TAG)
                                                                      : STR(RUN_TAG)));
    read_run(&reading, &ret->run);
    if (take_list(&reading)) {
        ret->state = take_digest(&reading);
        ret->base = take_digest(&reading);
        ret->state_body = take_str(&reading);
    }
    size_t count = take_list(&reading);
    ret->outcomes = arena_new_array(arena, struct outcome, count);
    for (; ret->outcome_count < count && !reading.error; ret->outcome_count++)
        read_stage(&reading, arena, &ret->outcomes[ret->outcome_count]);
    if (is_trial) {
        expect_list(&reading, TRIAL_OF_RUN_FIELDS);
        ret->run.sweep = take_str(&reading);
        ret->run.trial = take_int(&reading);
        ret->overrides = take_str(&reading);
    }
    struct error *error = reading.error;
    reading.error = NULL;
    return error ? error : canon_expect_end(&reading.canon);
}

FALLIBLE ledger_check_sum(struct str bytes, struct str *ret_body)
{
    size_t sum_len = 1 + sizeof(struct digest);
    struct str body = str_slice(bytes, 0, bytes.len > sum_len ? bytes.len - sum_len : 0);
    struct canon_reader reader = canon_reader_of(str_slice(bytes, body.len, bytes.len));
    struct digest sum;
    TRY(canon_read_digest(&reader, &sum));
    if (!digest_equal(sum, digest_of(body.at, body.len)))
        return error_new(ERROR_STORED, "its bytes are not what was written");
    *ret_body = body;
    return NULL;
}

FALLIBLE ledger_tag_decode(struct str body, struct archived_tag *ret)
{
    AUTO(reading_drop) struct reading reading = {.canon = canon_reader_of(body)};
    TRY(canon_expect_tag(&reading.canon, STR(TAG_TAG)));
    ret->run = take_str(&reading);
    ret->name = take_str(&reading);
    if (!reading.error)
        reading.error = canon_read_bool(&reading.canon, &ret->is_removed);
    ret->created_ns = take_int(&reading);
    struct error *error = reading.error;
    reading.error = NULL;
    return error ? error : canon_expect_end(&reading.canon);
}
