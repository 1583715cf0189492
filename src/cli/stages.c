#include "mlops/cli/stages.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/host/path.h"

/* FILE of "FILE:STAGE" if FILE ends as a pipeline does; else empty. */
static struct str file_of_target(struct str word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (word.at[i] == ':' && is_pipeline_word(str_slice(word, 0, i)))
            return str_slice(word, 0, i);
    }
    return (struct str){0};
}

/* Whose graph a run is about if no word says so: a target may name its file, which need not be part
 * of the one found upwards. */
static FALLIBLE find_pipeline(struct context *context, struct session_options *options)
{
    struct str found, named = {0};
    bool is_found = false;
    for (size_t i = 0; i < options->target_count && !named.len; i++)
        named = file_of_target(options->targets[i]);
    if (!named.len)
        return NULL;
    TRY(session_find_pipeline(context->arena, options->cwd, &found, &is_found));
    bool is_of_found =
        is_found && pipeline_dialect(found) == DOC_DVC && pipeline_dialect(named) == DOC_DVC;
    if (!is_of_found)
        options->pipeline = named;
    return NULL;
}

/* Several files are all meant; one names the pipeline, and what follows are targets in it. */
static bool are_files(const struct stage_words *words)
{
    bool are_all = words->argc > 1;
    for (int i = 0; i < words->argc; i++)
        are_all = are_all && is_pipeline_word(words->argv[i]);
    return are_all;
}

struct error *stages_open(struct context *context, const struct stage_words *words,
                          struct session *ret)
{
    struct session_options options = {.choice = words->choice,
                                      .is_read_only = words->is_read_only,
                                      .wants_dvc = words->wants_dvc,
                                      .threads = -1,
                                      .observer = words->observer};
    TRY(path_current(context->arena, &options.cwd));
    int targets_at = 0;
    if (words->argc > 0 && is_pipeline_word(words->argv[0])) {
        options.pipeline = words->argv[0];
        targets_at = are_files(words) ? 0 : 1;
    }
    options.targets = words->argv + targets_at;
    options.target_count = (size_t)(words->argc - targets_at);
    if (options.target_count == 0)
        options.targets = NULL;
    if (!options.pipeline.len)
        TRY(find_pipeline(context, &options));
    return session_open(context->arena, &options, ret);
}

struct error *stages_one_target(const char *command, int argc, const struct str *argv,
                                struct str *ret)
{
    if (argc == 1 && is_pipeline_word(argv[0]))
        return error_hint(error_new(ERROR_USAGE, "no stage is named"), "mlops %s %.*s STAGE",
                          command, STR_FMT(argv[0]));
    if (argc == 2 && !is_pipeline_word(argv[0]))
        return error_hint(error_new(ERROR_USAGE, "'mlops %s' takes one stage", command),
                          "of two words the first is a pipeline, which ends in .yaml or .yml");
    *ret = argv[argc - 1];
    return NULL;
}

static void add_str(struct json_writer *json, const char *name, struct str value)
{
    json_name(json, name);
    if (value.len)
        json_str(json, value);
    else
        json_null(json);
}

void reasons_json(struct json_writer *json, struct arena *arena, const struct reason_vec *reasons)
{
    json_name(json, "reasons");
    json_open_list(json);
    vec_each (const struct reason, reason, reasons) {
        json_open_object(json);
        json_name(json, "part");
        json_text(json, reason_part_name(reason->part));
        json_name(json, "what");
        json_str(json, reason->what);
        add_str(json, "before", reason->before);
        add_str(json, "after", reason->after);
        json_name(json, "text");
        json_str(json, reason_print(arena, reason));
        json_close_object(json);
    }
    json_close_list(json);
}

void usage_json(struct json_writer *json, const struct usage *usage)
{
    json_name(json, "duration_s");
    usage->attempts ? json_real(json, report_seconds(usage->duration_ns)) : json_null(json);
    if (!usage->attempts)
        return;
    json_name(json, "attempts");
    json_int(json, usage->attempts);
    json_name(json, "exit_code");
    json_int(json, usage->exit_code);
    json_name(json, "exit_signal");
    json_int(json, usage->exit_signal);
    json_name(json, "cpu_s");
    json_real(json, report_seconds(usage->cpu_user_ns + usage->cpu_system_ns));
    json_name(json, "peak_bytes");
    json_int(json, usage->peak_bytes);
}

static void metrics_json(struct json_writer *json, const struct result *result)
{
    json_name(json, "metrics");
    json_open_object(json);
    for (size_t i = 0; result && i < result->metrics.len; i++) {
        const struct metric *metric = &result->metrics.at[i];
        AUTO(buf_drop) struct buf name = {0};
        buf_print(&name, "%.*s:%.*s", STR_FMT(metric->file), STR_FMT(metric->key));
        json_name_str(json, buf_str(&name));
        if (metric->is_text)
            json_str(json, metric->text);
        else
            json_real(json, metric->value);
    }
    json_close_object(json);
}

static void stage_json(struct json_writer *json, const struct outcome *outcome)
{
    AUTO(arena_drop) struct arena scratch = {0};
    json_open_object(json);
    json_name(json, "name");
    json_str(json, outcome->stage->name);
    json_name(json, "status");
    json_text(json, stage_status_name(outcome->status));
    reasons_json(json, &scratch, &outcome->reasons);
    usage_json(json, &outcome->usage);
    digest_json(json, "key", outcome->key);
    if (outcome->blocker.len) {
        json_name(json, "cause");
        json_str(json, outcome->blocker);
    }
    metrics_json(json, outcome->value);
    if (outcome->checks) {
        json_name(json, "checks");
        json_open_object(json);
        check_results_write(outcome->checks, json);
        json_close_object(json);
    }
    json_close_object(json);
}

void stages_json(struct json_writer *json, const struct session *session,
                 const struct run_report *report)
{
    json_name(json, "stages");
    json_open_list(json);
    for (size_t i = 0; i < report->count; i++) {
        uint32_t index = session->plan.order[i];
        if (session->plan.stages[index].is_selected)
            stage_json(json, &report->outcomes[index]);
    }
    json_close_list(json);
}

struct count_row {
    const char *name;
    const char *word;
    const char *plan_word;
    size_t offset;
};

#define COUNT_ROW(name, word, plan_word)                                                           \
    {                                                                                              \
#name, word, plan_word, offsetof(struct run_counts, name)                                  \
    }

static const struct count_row count_rows[] = {
    COUNT_ROW(executed, "ran", "to run"),           COUNT_ROW(restored, "restored", "to restore"),
    COUNT_ROW(unchanged, "unchanged", "unchanged"), COUNT_ROW(failed, "failed", "failed"),
    COUNT_ROW(rejected, "rejected", "rejected"),    COUNT_ROW(unconfirmed, "unconfirmed", NULL),
    COUNT_ROW(interrupted, "interrupted", NULL),    COUNT_ROW(skipped, "skipped", "blocked"),
};

static int count_at(const struct run_counts *counts, const struct count_row *row)
{
    int count;
    memcpy(&count, (const char *)counts + row->offset, sizeof count);
    return count;
}

void counts_json(struct json_writer *json, const struct run_counts *counts)
{
    json_name(json, "counts");
    json_open_object(json);
    json_name(json, "stages");
    json_int(json, counts->stages);
    for (size_t i = 0; i < COUNT_OF(count_rows); i++) {
        json_name(json, count_rows[i].name);
        json_int(json, count_at(counts, &count_rows[i]));
    }
    json_name(json, "hashed_files");
    json_int(json, counts->hashed_files);
    json_name(json, "hashed_bytes");
    json_int(json, counts->hashed_bytes);
    if (counts->measured_tables >= 0) {
        json_name(json, "measured_tables");
        json_int(json, counts->measured_tables);
    }
    json_close_object(json);
}

struct str counts_print(struct arena *arena, const struct run_counts *counts, bool is_plan)
{
    struct buf text = buf_in(arena);
    int told = 0;
    buf_print(&text, "%d stage%s: ", counts->stages, counts->stages == 1 ? "" : "s");
    for (size_t i = 0; i < COUNT_OF(count_rows); i++) {
        int count = count_at(counts, &count_rows[i]);
        const char *word = is_plan ? count_rows[i].plan_word : count_rows[i].word;
        if (count && word)
            buf_print(&text, "%s%d %s", told++ ? ", " : "", count, word);
    }
    int unknown = counts->stages;
    for (size_t i = 0; i < COUNT_OF(count_rows); i++)
        unknown -= count_at(counts, &count_rows[i]);
    if (is_plan && unknown)
        buf_print(&text, "%s%d not known yet", told++ ? ", " : "", unknown);
    if (!told)
        buf_add_text(&text, is_plan || !counts->stages ? "nothing to do" : "not counted");
    return buf_str(&text);
}
