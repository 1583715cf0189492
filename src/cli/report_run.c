#include "mlops/cli/report_run.h"

#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/stages.h"

enum tone run_status_tone(enum run_status status)
{
    static const enum tone tones[] = {
        [RUN_RUNNING] = TONE_WARN, [RUN_SUCCEEDED] = TONE_GOOD,   [RUN_FAILED] = TONE_BAD,
        [RUN_REJECTED] = TONE_BAD, [RUN_UNCONFIRMED] = TONE_WARN, [RUN_INTERRUPTED] = TONE_WARN,
        [RUN_CRASHED] = TONE_BAD,
    };
    return tones[status];
}

enum tone stage_status_tone(enum stage_status status)
{
    switch (status) {
    case STATUS_EXECUTED:
    case STATUS_RESTORED:
        return TONE_GOOD;
    case STATUS_FAILED:
    case STATUS_REJECTED:
        return TONE_BAD;
    case STATUS_UNCONFIRMED:
    case STATUS_INTERRUPTED:
    case STATUS_SKIPPED:
        return TONE_WARN;
    case STATUS_UNCHANGED:
    case STATUS_WAITING:
        return TONE_DIM;
    case STATUS_UNKNOWN:
    case STATUS_WOULD_RUN:
    case STATUS_WOULD_RESTORE:
        break;
    }
    return TONE_PLAIN;
}

struct str run_commit(struct arena *arena, const struct code_state *code)
{
    if (code->commit.len == 0)
        return (struct str){0};
    return str_print(arena, "%.*s%s", STR_FMT(str_slice(code->commit, 0, 7)),
                     code->is_dirty == 1 ? "+" : "");
}

struct str run_labels(struct arena *arena, const struct run *run)
{
    struct buf text = buf_in(arena);
    buf_add_str(&text, run->name);
    vec_each (const struct str, tag, &run->tags) {
        buf_add_text(&text, text.len ? " " : "");
        buf_add_str(&text, *tag);
    }
    return buf_str(&text);
}

static void add_str(struct json_writer *json, const char *name, struct str value)
{
    json_name(json, name);
    if (value.len)
        json_str(json, value);
    else
        json_null(json);
}

void code_json(struct json_writer *json, const struct code_state *code)
{
    json_open_object(json);
    add_str(json, "commit", code->commit);
    add_str(json, "branch", code->branch);
    json_name(json, "is_dirty");
    if (code->is_dirty < 0 || code->commit.len == 0)
        json_null(json);
    else
        json_bool(json, code->is_dirty == 1);
    digest_json(json, "patch", code->patch);
    json_close_object(json);
}

void artifact_json(struct json_writer *json, const struct artifact *artifact)
{
    json_open_object(json);
    json_name(json, "path");
    json_str(json, artifact->path);
    json_name(json, "kind");
    json_text(json, artifact_kind_name(artifact->kind));
    digest_json(json, "digest", artifact->digest);
    json_name(json, "size_bytes");
    json_int(json, artifact->size_bytes);
    json_name(json, "files");
    json_int(json, artifact->file_count);
    json_close_object(json);
}

void run_json(struct json_writer *json, struct arena *arena, const struct run *run)
{
    add_str(json, "run", run->id);
    add_str(json, "parent", run->parent);
    add_str(json, "name", run->name);
    add_str(json, "sweep", run->sweep);
    json_name(json, "trial");
    if (run->sweep.len)
        json_int(json, run->trial + 1);
    else
        json_null(json);
    json_name(json, "tags");
    json_open_list(json);
    vec_each (const struct str, tag, &run->tags)
        json_str(json, *tag);
    json_close_list(json);
    json_name(json, "status");
    json_text(json, run_status_name(run->status));
    add_str(json, "pipeline", run->pipeline);
    add_str(json, "started", moment_print(arena, run->started_ns));
    json_name(json, "duration_s");
    json_real(json, report_seconds(run->duration_ns));
    json_name(json, "saved_s");
    json_real(json, report_seconds(run->saved_ns));
    struct run_counts counts = run->counts;
    counts.measured_tables = -1; /* the history does not keep it */
    counts_json(json, &counts);
    json_name(json, "code");
    code_json(json, &run->code);
    add_str(json, "host", run->host);
    add_str(json, "user", run->user);
    add_str(json, "version", run->version);
    add_str(json, "arguments", run->argv);
    digest_json(json, "lock", run->lock_digest);
    digest_json(json, "state", run->state);
}
