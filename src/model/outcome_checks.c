/* What built-in checks and gates found, in words and as JSON. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/json.h"
#include "mlops/model/outcome.h"

bool check_result_is_gate(const struct check_result *result)
{
    return str_is(result->check, "gate");
}

bool check_result_is_failure(const struct check_result *result)
{
    return str_is(result->judgement, "fail") ||
           (str_is(result->judgement, "inconclusive") && str_is(result->severity, "error"));
}

static int inconclusive_in(const struct check_results *results)
{
    int count = 0;
    vec_each (const struct check_result, result, &results->all)
        count += str_is(result->judgement, "inconclusive") && !check_result_is_failure(result);
    return count;
}

struct str check_results_print(struct arena *arena, const struct check_results *results)
{
    struct buf out = buf_in(arena);
    int inconclusive = inconclusive_in(results), warned = results->warned - inconclusive;
    bool is_gates = results->all.len && check_result_is_gate(&results->all.at[0]);
    const char *noun = is_gates ? "gates" : "checks";
    int all = results->passed + results->failed + results->warned + results->skipped;
    if (results->failed)
        buf_print(&out, "%d of %d %s failed", results->failed, all, noun);
    else
        buf_print(&out, "%d of %d %s passed", results->passed, all, noun);
    if (warned)
        buf_print(&out, ", %d %s", warned, warned == 1 ? "warns" : "warn");
    if (inconclusive)
        buf_print(&out, ", %d inconclusive", inconclusive);
    if (results->skipped)
        buf_print(&out, ", %d %s", results->skipped,
                  is_gates ? "without a baseline" : "could not be judged");
    return buf_str(&out);
}

static void write_text(struct json_writer *json, const char *name, struct str text)
{
    json_name(json, name);
    if (text.len)
        json_str(json, text);
    else
        json_null(json);
}

static void write_result(struct json_writer *json, const struct check_result *result)
{
    json_open_object(json);
    write_text(json, "check", result->check);
    write_text(json, "judgement", result->judgement);
    write_text(json, "severity", result->severity);
    write_text(json, "table", result->table);
    write_text(json, "path", result->path);
    write_text(json, "field", result->field);
    write_text(json, "kind", result->kind);
    json_name(json, "value");
    if (result->has_value)
        json_real(json, result->value);
    else
        json_null(json);
    write_text(json, "limit", result->limit);
    write_text(json, "message", result->message);
    write_text(json, "formula", result->formula);
    json_name(json, "count");
    json_int(json, result->count);
    json_name(json, "shown");
    json_raw(json, result->shown.len ? result->shown : STR("[]"));
    json_close_object(json);
}

void check_results_write(const struct check_results *results, struct json_writer *json)
{
    const struct {
        const char *name;
        int count;
    } rows[] = {{"passed", results->passed},
                {"failed", results->failed},
                {"warned", results->warned},
                {"skipped", results->skipped}};
    json_name(json, "is_rejected");
    json_bool(json, results->is_rejected);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_name(json, rows[i].name);
        json_int(json, rows[i].count);
    }
    json_name(json, "findings");
    json_open_list(json);
    vec_each (const struct check_result, result, &results->all)
        write_result(json, result);
    json_close_list(json);
}
