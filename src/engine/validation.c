#include "mlops/engine/validation.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/codec/json.h"
#include "mlops/data/judge.h"
#include "mlops/host/clock.h"

#include "validation_private.h"

/* --- before anything runs --- */

static bool is_made(const struct session *session, struct str path)
{
    return plan_producer(&session->plan, path) || plan_touches_output(&session->plan, path);
}

/* What is no mistake by the standard, but hardly meant: 'typ' instead of 'type'. */
static void tell_warnings(struct session *session, const struct table_schema *schema)
{
    for (size_t i = 0; i < schema->warning_count && session->observer; i++) {
        const struct schema_warning *warning = &schema->warnings[i];
        const struct doc_node *node = warning->node;
        struct event event = {.kind = EVENT_WARNING,
                              .text = str_print(session->arena, "%.*s:%d:%d: %.*s",
                                                STR_FMT(node->doc->name), node->line, node->column,
                                                STR_FMT(warning->text))};
        observer_tell(session->observer, &event);
    }
}

/* Foreign keys lead to other tables of the stage. */
static FALLIBLE check_keys(const struct checked_table_vec *tables,
                           const struct table_schema *schema)
{
    for (size_t i = 0; i < schema->foreign_key_count; i++) {
        const struct foreign_key *key = &schema->foreign_keys[i];
        bool is_there = !key->resource.len;
        vec_each (const struct checked_table, table, tables)
            is_there |= str_equal(table->name, key->resource);
        if (!is_there)
            return error_hint(doc_error(key->node,
                                        "a foreign key names the resource '%.*s', which is no "
                                        "table of the stage",
                                        STR_FMT(key->resource)),
                              "name it in 'data': {%.*s: PATH}", STR_FMT(key->resource));
    }
    return NULL;
}

static FALLIBLE load_schema(struct session *session, const struct checked_table *table,
                            struct table_schema *ret)
{
    struct error_list errors = {0};
    struct binder binder = {.arena = session->arena, .errors = &errors};
    if (!table->schema)
        return tableschema_load_here(session->arena, fd_number(session->workspace.root_fd),
                                     table->schema_path, table->path, ret);
    tableschema_bind(&binder, table->schema, ret);
    return error_list_take(&errors);
}

static FALLIBLE check_schema(struct session *session, const struct checked_table_vec *tables,
                             const struct checked_table *table)
{
    struct table_schema schema = {0};
    bool is_unknown = !table->schema_path.len || is_made(session, table->schema_path);
    if (!table->schema && is_unknown)
        return NULL;
    TRY(load_schema(session, table, &schema));
    tell_warnings(session, &schema);
    return check_keys(tables, &schema);
}

static FALLIBLE check_dialect(struct session *session, const struct checked_table *table)
{
    struct error_list errors = {0};
    struct binder binder = {.arena = session->arena, .errors = &errors};
    struct dialect dialect = dialect_for(table->path);
    if (table->dialect) {
        dialect_bind(&binder, table->dialect, &dialect);
        return error_list_take(&errors);
    }
    if (!table->dialect_path.len || is_made(session, table->dialect_path))
        return NULL;
    return dialect_load(session->arena, fd_number(session->workspace.root_fd), table->dialect_path,
                        &dialect);
}

/* The stage's own schema stands in all of its tables: what is wrong in it is told once. */
static bool is_told(const struct checked_table_vec *tables, const struct checked_table *table,
                    bool is_schema)
{
    for (const struct checked_table *other = tables->at; other < table; other++) {
        bool is_same = is_schema ? other->schema == table->schema &&
                                       str_equal(other->schema_path, table->schema_path)
                                 : other->dialect == table->dialect &&
                                       str_equal(other->dialect_path, table->dialect_path);
        if (is_same)
            return true;
    }
    return false;
}

FALLIBLE validation_check(struct session *session, const struct stage *stage)
{
    struct error_list errors = {0};
    const struct checked_table_vec *tables = &stage->validation->tables;
    vec_each (const struct checked_table, table, tables) {
        if (!is_told(tables, table, true))
            error_list_add(&errors, check_schema(session, tables, table));
        if (!is_told(tables, table, false))
            error_list_add(&errors, check_dialect(session, table));
    }
    return error_list_take(&errors);
}

/* --- judging --- */

FALLIBLE validation_load(struct session *session, struct str path, struct digest digest,
                         struct measurement *ret, bool *ret_found)
{
    struct str bytes = {0};
    *ret_found = false;
    if (session->cas)
        TRY(cas_get_bytes(session->cas, session->arena, digest, LIMIT_MEASUREMENT_BYTES, &bytes,
                          ret_found));
    if (!*ret_found)
        return NULL;
    return measurement_parse(session->arena, path, bytes, ret);
}

const struct artifact *validation_artifact(const struct artifact *outs, size_t count,
                                           struct str path)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal(outs[i].path, path) && outs[i].kind == ARTIFACT_FILE)
            return &outs[i];
    }
    return NULL;
}

/* From the work tree, where it is as the result has it, or else from the store (--minimal). */
static FALLIBLE load_measurement(struct session *session, const struct outcome *outcome,
                                 struct measurement *ret, bool *ret_found)
{
    struct arena *arena = session->arena;
    struct str path = outcome->stage->validation->measured, bytes = {0};
    const struct result *value = outcome->value;
    const struct artifact *artifact =
        value ? validation_artifact(value->outs, value->out_count, path) : NULL;
    *ret_found = false;
    if (!artifact)
        return NULL;
    TRY(file_read(arena, fd_number(session->workspace.root_fd), str_terminate(arena, path),
                  LIMIT_MEASUREMENT_BYTES, &bytes, ret_found));
    if (*ret_found && digest_equal(digest_of(bytes.at, bytes.len), artifact->digest))
        return measurement_parse(arena, path, bytes, ret);
    return validation_load(session, path, artifact->digest, ret, ret_found);
}

static void write_shown(struct json_writer *json, const struct finding *finding)
{
    json_open_list(json);
    for (size_t i = 0; i < finding->shown_count; i++) {
        json_open_object(json);
        json_name(json, "row");
        json_int(json, (int64_t)finding->shown[i].row);
        if (finding->shown[i].line) {
            json_name(json, "line");
            json_int(json, (int64_t)finding->shown[i].line);
        }
        if (finding->shown[i].has_value) {
            json_name(json, "value");
            json_str(json, finding->shown[i].value);
        }
        json_close_object(json);
    }
    json_close_list(json);
}

static struct check_result result_of(struct arena *arena, const struct finding *finding)
{
    struct buf shown = buf_in(arena);
    struct json_writer json = {.out = &shown};
    if (finding->shown_count)
        write_shown(&json, finding);
    int severity = finding->rule->severity;
    return (struct check_result){
        .check = str_of(check_kind_name(finding->rule->kind)),
        .severity = str_of(severity_name((enum severity)severity)),
        .judgement = str_of(judgement_name(finding->judgement, severity)),
        .table = finding->table,
        .path = finding->path,
        .field = finding->field,
        .kind = finding->kind,
        .has_value = finding->has_value,
        .value = finding->value,
        .limit = finding->limit,
        .message = finding->message,
        .formula = finding->formula,
        .count = (int64_t)finding->count,
        .shown = buf_str(&shown),
    };
}

static const struct check_results *results_of(struct arena *arena, const struct stage *stage,
                                              const struct judged *judged)
{
    struct check_results *results = arena_new(arena, struct check_results);
    *results = (struct check_results){.stage = stage->name,
                                      .passed = (int)judged->passed,
                                      .failed = (int)judged->failed,
                                      .warned = (int)judged->warned,
                                      .skipped = (int)judged->skipped,
                                      .is_rejected = judged->is_rejected};
    vec_each (const struct finding, finding, &judged->findings)
        *vec_push(arena, &results->all) = result_of(arena, finding);
    return results;
}

/* *ret_judged false: the measurement is not here. */
static FALLIBLE judge_outcome(struct session *session, int64_t sequence, struct outcome *outcome,
                              struct measurement *ret, bool *ret_judged)
{
    const struct stage *stage = outcome->stage;
    struct measurement last;
    struct judged judged;
    struct judge_options options = {
        .validation = stage->validation, .measurement = ret, .now_ns = clock_real_ns()};
    bool has_last = false;
    TRY(load_measurement(session, outcome, ret, ret_judged));
    if (!*ret_judged)
        return NULL;
    TRY(validation_last(session, stage, sequence, &last, &has_last));
    options.last = has_last ? &last : NULL;
    TRY(validation_references(session, stage, options.last, &options.references));
    TRY(judge(session->arena, &options, &judged));
    outcome->checks = results_of(session->arena, stage, &judged);
    return NULL;
}

FALLIBLE validation_judge(struct session *session, int64_t sequence, struct outcome *outcome,
                          bool *ret_judged)
{
    struct measurement measurement;
    TRY(judge_outcome(session, sequence, outcome, &measurement, ret_judged));
    if (!*ret_judged || session->is_read_only || !outcome->stage->validation->report.len)
        return NULL;
    return validation_report(session, outcome->stage, &measurement, outcome->checks);
}

FALLIBLE validation_passes(struct session *session, int64_t sequence, const struct stage *stage,
                           struct result *value, bool *ret)
{
    struct measurement measurement;
    struct outcome outcome = {.stage = stage, .value = value};
    bool is_judged = false;
    *ret = false;
    TRY(judge_outcome(session, sequence, &outcome, &measurement, &is_judged));
    *ret = is_judged && !outcome.checks->is_rejected;
    return NULL;
}

struct str validation_blocker(struct arena *arena, const struct check_results *results)
{
    struct buf out = buf_in(arena);
    buf_add_str(&out, check_results_print(arena, results));
    vec_each (const struct check_result, result, &results->all) {
        if (!str_is(result->judgement, "fail"))
            continue;
        buf_print(&out, ": %.*s", STR_FMT(result->message));
        if (result->limit.len)
            buf_print(&out, ", %.*s wanted", STR_FMT(result->limit));
        buf_add_text(&out, results->failed > 1 ? "; ..." : "");
        break;
    }
    return buf_str(&out);
}
