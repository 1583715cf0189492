/* What checks compare with: earlier measurements of the stage, and earlier versions of files. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/json.h"
#include "mlops/engine/get.h"
#include "mlops/model/name.h"

#include "validation_private.h"

static bool wants_last(const struct validation *validation)
{
    vec_each (const struct check_rule, rule, &validation->checks) {
        bool is_last = rule->against.kind == REFERENCE_RUN && str_is(rule->against.word, "last");
        if (is_last || rule->max_change.is_given)
            return true;
    }
    return false;
}

FALLIBLE validation_last(struct session *session, const struct stage *stage, int64_t sequence,
                         struct measurement *ret, bool *ret_found)
{
    struct ledger *ledger = NULL;
    struct result result;
    *ret_found = false;
    if (!wants_last(stage->validation))
        return NULL;
    TRY(session_ledger(session, &ledger));
    TRY(ledger_last_passed(ledger, session->arena, session->pipeline->path, stage->name, sequence,
                           &result, ret_found));
    if (!*ret_found)
        return NULL;
    const struct artifact *artifact =
        validation_artifact(result.outs, result.out_count, stage->validation->measured);
    *ret_found = false;
    if (!artifact)
        return NULL;
    return validation_load(session, artifact->path, artifact->digest, ret, ret_found);
}

static ERROR_MADE not_here(const struct reference *against, const char *what)
{
    return error_hint(error_recode(doc_error(against->node, "what '%.*s' %s is not in the store",
                                             STR_FMT(against->word), what),
                                   ERROR_MACHINE),
                      "'mlops fetch --all-commits' brings what a remote has of it");
}

static FALLIBLE load_artifact(struct session *session, const struct reference *against,
                              const struct artifact *artifact, struct judge_reference *ret)
{
    struct measurement *measurement = arena_new(session->arena, struct measurement);
    bool found = false;
    TRY(validation_load(session, artifact->path, artifact->digest, measurement, &found));
    if (!found)
        return not_here(against, "measured");
    ret->run = measurement;
    return NULL;
}

/* A run of the ledger: by the state it left. */
static FALLIBLE find_in_run(struct session *session, const struct stage *stage,
                            const struct reference *against, const struct run *run,
                            struct judge_reference *ret)
{
    struct arena *arena = session->arena;
    struct ledger *ledger = NULL;
    struct state state = {0};
    bool found = false;
    TRY(session_ledger(session, &ledger));
    TRY(ledger_load_state(ledger, arena, run->state, &state, &found));
    for (size_t i = 0; found && i < state.count; i++) {
        struct result result;
        bool is_there = false;
        if (!str_equal(state.entries[i].stage, stage->name) ||
            digest_is_zero(state.entries[i].result))
            continue;
        TRY(ledger_load_result(ledger, arena, state.entries[i].result, &result, &is_there));
        const struct artifact *artifact =
            is_there
                ? validation_artifact(result.outs, result.out_count, stage->validation->measured)
                : NULL;
        if (artifact)
            return load_artifact(session, against, artifact, ret);
    }
    ret->missing = str_print(arena, "run '%.*s' did not measure this", STR_FMT(against->word));
    return NULL;
}

/* A revision of git: by the lock file it holds. */
static FALLIBLE find_in_revision(struct session *session, const struct stage *stage,
                                 const struct reference *against, struct judge_reference *ret)
{
    struct data_record_vec records = {0};
    struct vcs *vcs = NULL;
    struct str commit = {0};
    bool found = false;
    TRY(session_vcs(session, &vcs));
    if (vcs)
        TRY(vcs_resolve(vcs, session->arena, against->word, &commit, &found));
    if (!found)
        return error_hint(
            error_recode(doc_error(against->node, "'%.*s' is no run, tag or git revision",
                                   STR_FMT(against->word)),
                         ERROR_MACHINE),
            "'mlops runs' lists runs; in a clone of some depth fetch the history");
    TRY(data_records(session, commit, &records));
    vec_each (const struct data_record, record, &records) {
        if (str_equal(record->artifact.path, stage->validation->measured))
            return load_artifact(session, against, &record->artifact, ret);
    }
    ret->missing = str_print(session->arena, "'%.*s' has no measurements of this stage: first run",
                             STR_FMT(against->word));
    return NULL;
}

static FALLIBLE find_run(struct session *session, const struct stage *stage,
                         const struct reference *against, const struct measurement *last,
                         struct judge_reference *ret)
{
    struct ledger *ledger = NULL;
    struct run *runs = NULL;
    size_t count = 0;
    ret->run = str_is(against->word, "last") ? last : NULL;
    if (str_is(against->word, "last")) {
        ret->missing = STR("there is no earlier run that passed: nothing to compare with");
        return NULL;
    }
    TRY(session_ledger(session, &ledger));
    TRY(ledger_find_runs(ledger, session->arena, against->word, &runs, &count));
    if (count > 1)
        return error_recode(doc_error(against->node, "'%.*s' could be any of %zu runs",
                                      STR_FMT(against->word), count),
                            ERROR_PROJECT);
    return count ? find_in_run(session, stage, against, runs, ret)
                 : find_in_revision(session, stage, against, ret);
}

/* --- a file as it was at a revision --- */

/* What a commit holds never changes, so its profile is kept by the commit, below the project's
 * .mlops. */
static struct str kept_path(struct arena *arena, struct str commit, const struct reference *against,
                            struct str dialect)
{
    char hex[DIGEST_HEX_LEN + 1];
    struct str text = str_print(arena, "%d\n%.*s\n%.*s\n%.*s", MEASURE_VERSION, STR_FMT(commit),
                                STR_FMT(against->path), STR_FMT(dialect));
    digest_print(digest_of(text.at, text.len), hex);
    return str_print(arena, "measured/at-%s.json", hex);
}

static struct str dialect_text(struct arena *arena, const struct checked_table *table)
{
    struct buf out = buf_in(arena);
    struct json_writer json = {.out = &out};
    if (table->dialect)
        json_node(&json, table->dialect);
    else if (table->dialect_path.len)
        json_str(&json, table->dialect_path);
    return buf_str(&out);
}

/* Measured as a reference of a measuring part that has no tables. */
static struct str part_for(struct arena *arena, struct str path, struct str dialect)
{
    struct buf out = buf_in(arena);
    struct json_writer json = {.out = &out};
    json_open_object(&json);
    json_name(&json, "version");
    json_int(&json, MEASURE_VERSION);
    json_name(&json, "tables");
    json_open_list(&json);
    json_close_list(&json);
    json_name(&json, "leakage");
    json_open_list(&json);
    json_close_list(&json);
    json_name(&json, "references");
    json_open_list(&json);
    json_open_object(&json);
    json_name(&json, "path");
    json_str(&json, path);
    if (dialect.len) {
        json_name(&json, "dialect");
        json_raw(&json, dialect);
    }
    json_close_object(&json);
    json_close_list(&json);
    json_close_object(&json);
    return buf_str(&out);
}

/* The content comes to a directory of its own, keeping its name: the format follows from it. */
static FALLIBLE measure_version(struct session *session, const struct reference *against,
                                struct str commit, struct str dialect, struct measurement *ret)
{
    struct arena *arena = session->arena;
    const struct workspace *workspace = &session->workspace;
    AUTO(fd_drop) struct fd tmp = {0};
    AUTO(temp_dir_drop) struct temp_dir temp = {0};
    struct get_report report;
    TRY(directory_open(fd_number(workspace->state_fd), "tmp", &tmp));
    TRY(temp_dir_open(fd_number(tmp), TEMP_PREFIX, &temp));
    struct str place = str_print(arena, "%.*s/tmp/%s/%.*s", STR_FMT(workspace->state), temp.name,
                                 STR_FMT(path_name(against->path)));
    struct get_target target = {.out = place, .observer = session->observer};
    struct error *error = get_tracked(session, &target, commit, against->path, &report);
    if (error)
        return error_recode(
            error_within(error, "'%.*s' at '%.*s'", STR_FMT(against->path), STR_FMT(against->word)),
            ERROR_MACHINE);
    struct measurement_options options = {.at_fd = fd_number(workspace->root_fd),
                                          .observer = session->observer};
    return measurement_make(arena, part_for(arena, place, dialect), &options, ret);
}

static FALLIBLE keep(struct session *session, struct str path,
                     const struct measurement *measurement)
{
    AUTO(buf_drop) struct buf out = {0};
    struct json_writer json = {.out = &out};
    measurement_write(&json, measurement);
    if (session->is_read_only)
        return NULL;
    TRY(directory_make(fd_number(session->workspace.home_fd), "measured", false));
    return file_publish(fd_number(session->workspace.home_fd), str_terminate(session->arena, path),
                        buf_str(&out), 0644, false);
}

static FALLIBLE find_version(struct session *session, const struct stage *stage,
                             const struct reference *against, struct judge_reference *ret)
{
    struct arena *arena = session->arena;
    struct measurement *measurement = arena_new(arena, struct measurement);
    struct str commit = {0}, bytes = {0};
    struct vcs *vcs = NULL;
    bool found = false, is_kept = false;
    TRY(session_vcs(session, &vcs));
    if (vcs)
        TRY(vcs_resolve(vcs, arena, against->word, &commit, &found));
    if (!found)
        return error_recode(
            doc_error(against->node, "'%.*s' is no git revision", STR_FMT(against->word)),
            ERROR_MACHINE);
    const struct checked_table *like = &stage->validation->tables.at[0];
    struct str dialect = dialect_text(arena, like), content = dialect;
    if (like->dialect_path.len && !like->dialect)
        TRY(file_read(arena, fd_number(session->workspace.root_fd),
                      str_terminate(arena, like->dialect_path), LIMIT_DOCUMENT_BYTES, &content,
                      &is_kept));
    struct str path = kept_path(arena, commit, against, content);
    TRY(file_read(arena, fd_number(session->workspace.home_fd), path.at, LIMIT_MEASUREMENT_BYTES,
                  &bytes, &is_kept));
    struct error *broken = is_kept ? measurement_parse(arena, path, bytes, measurement) : NULL;
    if (!is_kept || broken) {
        error_drop(broken); /* made anew */
        TRY(measure_version(session, against, commit, dialect, measurement));
        TRY(keep(session, path, measurement));
    }
    if (measurement->reference_count != 1)
        return error_new(ERROR_STORED, "'.mlops/%.*s' holds no reference", STR_FMT(path));
    const struct reference_measurement *measured = &measurement->references[0];
    ret->missing = measured->fault;
    ret->profile = measured->fault.len ? NULL : &measured->profile;
    return NULL;
}

FALLIBLE validation_references(struct session *session, const struct stage *stage,
                               const struct measurement *last, const struct judge_reference **ret)
{
    const struct check_rule_vec *checks = &stage->validation->checks;
    struct judge_reference *references =
        arena_new_array(session->arena, struct judge_reference, checks->len);
    for (size_t i = 0; i < checks->len; i++) {
        const struct reference *against = &checks->at[i].against;
        if (against->kind == REFERENCE_RUN)
            TRY(find_run(session, stage, against, last, &references[i]));
        else if (against->kind == REFERENCE_VERSION)
            TRY(find_version(session, stage, against, &references[i]));
    }
    *ret = references;
    return NULL;
}
