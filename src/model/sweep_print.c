/* The stored form: the language of sweep files with every value in its long form. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/moment.h"
#include "mlops/codec/json.h"

#include <inttypes.h>

#include "sweep_private.h"

static void print_str(struct json_writer *json, const char *name, struct str value)
{
    if (!value.len)
        return;
    json_name(json, name);
    json_str(json, value);
}

static void print_int(struct json_writer *json, const char *name, int64_t value)
{
    if (!value)
        return;
    json_name(json, name);
    json_int(json, value);
}

static void print_assignment(struct json_writer *json, struct str file, struct str key,
                             enum edit_action action, struct str text)
{
    static const char *const actions[] = {
        [EDIT_SET] = NULL, [EDIT_ADD] = "add", [EDIT_REMOVE] = "remove"};
    json_open_object(json);
    print_str(json, "file", file);
    print_str(json, "key", key);
    print_str(json, "action", str_of(actions[action]));
    print_str(json, "text", text);
    json_close_object(json);
}

static void print_overrides(struct json_writer *json, const struct override_vec *overrides)
{
    json_open_list(json);
    vec_each (const struct override, override, overrides)
        print_assignment(json, override->file, override->key, override->action, override->text);
    json_close_list(json);
}

static void print_space(struct arena *arena, struct json_writer *json, const struct sweep *sweep)
{
    json_name(json, "params");
    json_open_list(json);
    vec_each (const struct dimension, dimension, &sweep->dimensions)
        print_assignment(json, dimension->file, dimension->key, dimension->action,
                         dimension_text(arena, dimension));
    json_close_list(json);
    json_name(json, "fixed");
    print_overrides(json, &sweep->fixed);
    if (!sweep->listed_count)
        return;
    json_name(json, "list");
    json_open_list(json);
    for (size_t i = 0; i < sweep->listed_count; i++)
        print_overrides(json, &sweep->listed[i]);
    json_close_list(json);
}

static void print_key(struct json_writer *json, const char *name, struct str file, struct str key)
{
    if (!key.len)
        return;
    json_name(json, name);
    json_open_object(json);
    print_str(json, "file", file);
    print_str(json, "key", key);
    json_close_object(json);
}

static void print_limits(struct arena *arena, struct json_writer *json, const struct sweep *sweep)
{
    print_int(json, "repeat", sweep->repeat);
    print_key(json, "seed_param", sweep->seed_file, sweep->seed_key);
    print_int(json, "trials", sweep->trials_most);
    if (sweep->time_most_ns)
        print_str(json, "time",
                  str_print(arena, "%" PRId64 ".%09" PRId64 "s", sweep->time_most_ns / NS_PER_S,
                            sweep->time_most_ns % NS_PER_S));
    json_name(json, "seed");
    json_raw(json, str_print(arena, "%llu", (unsigned long long)sweep->seed));
    print_key(json, "metric", sweep->metric_file, sweep->metric_key);
    static const char *const directions[] = {
        [DIRECTION_UNKNOWN] = "auto", [HIGHER_IS_BETTER] = "max", [LOWER_IS_BETTER] = "min"};
    print_str(json, "direction", str_of(directions[sweep->direction]));
    print_int(json, "startup", sweep->startup);
    print_int(json, "lag", sweep->lag);
}

static void print_stop(struct json_writer *json, const struct sweep *sweep)
{
    print_str(json, "stop", str_of(sweep_stop_names[sweep->stop]));
    print_int(json, "reduction", sweep->reduction);
    print_int(json, "least_steps", sweep->least_steps);
    if (sweep->steps.file.len) {
        json_name(json, "steps");
        json_open_object(json);
        print_str(json, "file", sweep->steps.file);
        print_str(json, "step", sweep->steps.step);
        print_str(json, "metric", sweep->steps.metric);
        json_close_object(json);
    }
    if (!sweep->budget_key.len)
        return;
    json_name(json, "budget");
    json_open_object(json);
    print_key(json, "param", sweep->budget_file, sweep->budget_key);
    json_name(json, "least");
    json_int(json, sweep->budget_least);
    json_name(json, "most");
    json_int(json, sweep->budget_most);
    json_close_object(json);
}

struct str sweep_print(struct arena *arena, const struct sweep *sweep)
{
    struct buf out = buf_in(arena);
    struct json_writer json = {.out = &out};
    json_open_object(&json);
    print_str(&json, "name", sweep->name);
    print_str(&json, "pipeline", sweep->pipeline);
    if (sweep->target_count) {
        json_name(&json, "targets");
        json_open_list(&json);
        for (size_t i = 0; i < sweep->target_count; i++)
            json_str(&json, sweep->targets[i]);
        json_close_list(&json);
    }
    print_str(&json, "method", str_of(sweep_method_names[sweep->method]));
    print_space(arena, &json, sweep);
    print_limits(arena, &json, sweep);
    print_stop(&json, sweep);
    json_close_object(&json);
    return buf_str(&out);
}
