/* A finished run as one small file in the cache, from which a lost history is made again. Format:
 * docs/formats.md, "Run files". */
#include "mlops/base/arena.h"
#include "mlops/host/clock.h"
#include "mlops/host/file.h"

#include "ledger_private.h"

static void encode_counts(const struct run_counts *counts, struct buf *out)
{
    const int64_t values[RUN_COUNTS] = {
        counts->stages,      counts->executed,     counts->restored,    counts->unchanged,
        counts->failed,      counts->rejected,     counts->unconfirmed, counts->skipped,
        counts->interrupted, counts->hashed_files, counts->hashed_bytes};
    canon_list(out, RUN_COUNTS);
    for (size_t i = 0; i < RUN_COUNTS; i++)
        canon_int(out, values[i]);
}

static void encode_run(const struct run *run, struct buf *out)
{
    canon_list(out, RUN_FIELDS);
    canon_int(out, run->sequence);
    canon_str(out, run->id);
    canon_str(out, run->parent);
    canon_str(out, run->name);
    canon_str(out, str_of(run_status_name(run->status)));
    canon_str(out, run->pipeline);
    canon_digest(out, run->pipeline_digest);
    canon_digest(out, run->lock_digest);
    canon_int(out, run->started_ns);
    canon_int(out, run->duration_ns);
    canon_str(out, run->host);
    canon_str(out, run->user);
    canon_str(out, run->version);
    canon_str(out, run->argv);
    canon_str(out, run->code.commit);
    canon_str(out, run->code.branch);
    canon_str(out, run->code.remote);
    canon_int(out, run->code.is_dirty);
    canon_digest(out, run->code.patch);
    canon_int(out, run->saved_ns);
    encode_counts(&run->counts, out);
}

/* As its row is: whole, or what differs from an earlier one. */
static FALLIBLE encode_state(struct ledger *ledger, struct digest digest, struct buf *out)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    TRY(sql_select(ledger->sql, &row,
                   "SELECT (SELECT digest FROM state AS older WHERE older.id = state.base), body"
                   " FROM state WHERE digest = ?",
                   "d", digest));
    TRY(sql_next(row, &found));
    canon_list(out, found ? 3 : 0);
    if (!found)
        return NULL;
    canon_digest(out, digest);
    canon_digest(out, sql_digest(row, 0));
    canon_str(out, sql_blob(row, 1));
    return NULL;
}

static FALLIBLE encode_reasons(const struct run_stage *stage, struct buf *out)
{
    canon_list(out, stage->reasons.len);
    vec_each (const struct reason, reason, &stage->reasons) {
        canon_list(out, 4);
        canon_str(out, str_of(reason_part_name(reason->part)));
        canon_str(out, reason->what);
        canon_str(out, reason->before);
        canon_str(out, reason->after);
    }
    return NULL;
}

static void encode_usage(const struct usage *usage, struct buf *out)
{
    canon_list(out, USAGE_FIELDS);
    canon_int(out, usage->started_ns);
    canon_int(out, usage->duration_ns);
    canon_int(out, usage->cpu_user_ns);
    canon_int(out, usage->cpu_system_ns);
    canon_int(out, usage->peak_bytes);
    canon_int(out, usage->attempts);
    canon_int(out, usage->exit_code);
    canon_int(out, usage->exit_signal);
    canon_int(out, usage->timed_out);
}

/* Environments in a file under way: each stands there once. */
struct told {
    struct arena *arena;
    struct map environments; /* by the bytes of their digests */
};

static void encode_environment(struct told *told, struct digest digest, struct str body,
                               struct buf *out)
{
    struct str name = {(const char *)digest.at, sizeof digest.at};
    if (body.len && map_has(&told->environments, name)) {
        canon_digest(out, digest);
        return;
    }
    canon_str(out, body);
    map_put(told->arena, &told->environments, str_copy(told->arena, name), told);
}

/* A result's bytes hold its recipe: that stands alone only where there is no result. */
static FALLIBLE encode_stage(struct ledger *ledger, const struct run_stage *stage,
                             struct told *told, struct buf *out)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    TRY(sql_select(ledger->sql, &row,
                   "SELECT attempt, saved_ns, recipe.body, result.body, environment.body,"
                   " environment.digest"
                   " FROM stage_run LEFT JOIN recipe ON recipe.id = stage_run.recipe"
                   " LEFT JOIN result ON result.id = stage_run.result"
                   " LEFT JOIN environment ON environment.id = stage_run.environment"
                   " WHERE stage_run.id = ?",
                   "i", stage->row_id));
    TRY(sql_next(row, &found));
    if (!found)
        return error_new(ERROR_STORED, "the lineage database lacks a stage of a run");
    canon_list(out, STAGE_FIELDS);
    canon_str(out, stage->stage);
    canon_str(out, str_of(stage_status_name(stage->status)));
    canon_digest(out, stage->key);
    canon_digest(out, stage->result);
    canon_str(out, sql_is_null(row, 3) ? sql_blob(row, 2) : STR(""));
    canon_str(out, sql_blob(row, 3));
    canon_str(out, sql_text(row, 0));
    canon_int(out, sql_int(row, 1));
    canon_str(out, stage->note);
    canon_str(out, stage->log_path);
    canon_int(out, stage->log_bytes);
    encode_environment(told, sql_digest(row, 5), sql_blob(row, 4), out);
    encode_usage(&stage->usage, out);
    return encode_reasons(stage, out);
}

/* A trial is known by its run even if its sweep's file was not written since. */
static FALLIBLE encode_trial(struct ledger *ledger, const struct run *run, struct buf *out)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    TRY(sql_select(ledger->sql, &row,
                   "SELECT overrides FROM trial_run JOIN trial USING (sweep, number)"
                   " WHERE trial_run.run = ?",
                   "i", run->sequence));
    TRY(sql_next(row, &found));
    canon_list(out, TRIAL_OF_RUN_FIELDS);
    canon_str(out, run->sweep);
    canon_int(out, run->trial);
    canon_str(out, found ? sql_text(row, 0) : STR("[]"));
    return NULL;
}

static FALLIBLE encode_whole(struct ledger *ledger, const struct run *run, struct buf *out)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct told told = {.arena = &scratch};
    canon_str(out, run->sweep.len ? STR(TRIAL_RUN_TAG) : STR(RUN_TAG));
    encode_run(run, out);
    TRY(encode_state(ledger, run->state, out));
    canon_list(out, run->stages.len);
    vec_each (const struct run_stage, stage, &run->stages)
        TRY(encode_stage(ledger, stage, &told, out));
    return run->sweep.len ? encode_trial(ledger, run, out) : NULL;
}

struct str ledger_archive_path(const struct ledger *ledger, struct arena *arena, struct str name)
{
    return str_print(arena, "runs/%.*s/%.*s", STR_FMT(ledger->workspace->config.project),
                     STR_FMT(name));
}

/* The sum at the end tells a torn file; without a sync, since the database holds the same,
 * durably. */
FALLIBLE ledger_publish(struct ledger *ledger, struct str name, struct buf *bytes)
{
    AUTO(arena_drop) struct arena scratch = {0};
    int cache_fd = fd_number(ledger->workspace->cache_fd);
    struct str directory = ledger_archive_path(ledger, &scratch, STR(""));
    canon_digest(bytes, digest_of(bytes->at, bytes->len));
    TRY(directory_make(cache_fd, directory.at, false));
    return file_publish(cache_fd, ledger_archive_path(ledger, &scratch, name).at, buf_str(bytes),
                        0444, false);
}

static FALLIBLE archive_run(struct ledger *ledger, int64_t sequence)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(buf_drop) struct buf bytes = {0};
    struct run *run = NULL;
    TRY(ledger_load_run(ledger, &scratch, sequence, &run));
    TRY(encode_whole(ledger, run, &bytes));
    return ledger_publish(ledger, run->id, &bytes);
}

/* It is recorded: that its copy could not be written is no failure of it. */
void ledger_warn_of_copy(struct ledger *ledger, const char *what, struct error *error)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct event event = {.kind = EVENT_WARNING};
    if (!error)
        return;
    event.text =
        str_print(&scratch, "the copy of this %s in the cache is missing: %s", what, error->text);
    observer_tell(ledger->observer, &event);
    error_drop(error);
}

bool ledger_has_archive(const struct ledger *ledger)
{
    return fd_number(ledger->workspace->cache_fd) >= 0 && ledger->workspace->config.project.len;
}

void ledger_archive_run(struct ledger *ledger, int64_t sequence)
{
    if (ledger_has_archive(ledger))
        ledger_warn_of_copy(ledger, "run", archive_run(ledger, sequence));
}

static FALLIBLE archive_tag(struct ledger *ledger, int64_t sequence, struct str name,
                            bool is_removed)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(buf_drop) struct buf bytes = {0};
    struct run *run = NULL;
    TRY(ledger_load_run(ledger, &scratch, sequence, &run));
    canon_str(&bytes, STR(TAG_TAG));
    canon_str(&bytes, run->id);
    canon_str(&bytes, name);
    canon_bool(&bytes, is_removed);
    canon_int(&bytes, clock_real_ns());
    TRY(archive_run(ledger, sequence)); /* one that did nothing has no file yet */
    return ledger_publish(ledger, str_print(&scratch, "tag-%.*s", STR_FMT(clock_ulid(&scratch))),
                          &bytes);
}

void ledger_archive_tag(struct ledger *ledger, int64_t sequence, struct str name, bool is_removed)
{
    if (ledger_has_archive(ledger))
        ledger_warn_of_copy(ledger, "run", archive_tag(ledger, sequence, name, is_removed));
}
