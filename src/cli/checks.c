#include "mlops/cli/checks.h"

#include "mlops/base/arena.h"
#include "mlops/cli/findings.h"

#define COLUMNS(table_title)                                                                       \
    {                                                                                              \
        {.name = "judgement", .title = ""}, {.name = "check", .title = "CHECK"},                   \
            {.name = "table", .title = (table_title), .may_shrink = true, .drop = 2},              \
            {.name = "message", .title = "FINDING", .may_shrink = true},                           \
            {.name = "limit", .title = "WANTED", .may_shrink = true, .drop = 1},                   \
    }

static const struct column columns[] = COLUMNS("TABLE"), gate_columns[] = COLUMNS("SLICE");

static const struct {
    const char *word;
    enum tone tone;
} judgements[] = {{"fail", TONE_BAD},
                  {"inconclusive", TONE_WARN},
                  {"warn", TONE_WARN},
                  {"skip", TONE_DIM},
                  {"pass", TONE_GOOD}};

void checks_print(struct context *context, const struct check_results *results)
{
    bool is_gates = results->all.len && check_result_is_gate(&results->all.at[0]);
    struct table table =
        table_make(context->arena, is_gates ? gate_columns : columns, COUNT_OF(columns));
    for (size_t i = 0; i < COUNT_OF(judgements); i++) {
        vec_each (const struct check_result, result, &results->all) {
            if (!str_is(result->judgement, judgements[i].word))
                continue;
            struct cell *row = table_add(&table);
            row[0] = cell_toned(cell_text(result->judgement), judgements[i].tone);
            row[1] = cell_text(result->check);
            row[2] = cell_text(result->table);
            row[3] = cell_text(result->message);
            row[4] = cell_text(result->limit);
        }
    }
    buf_add_char(&context->out, '\n');
    report_add_toned(context, TONE_STRONG, results->stage);
    buf_print(&context->out, ": %.*s\n", STR_FMT(check_results_print(context->arena, results)));
    report_text(context, &table, false);
}

static enum ci_verdict verdict_of(const struct check_result *result)
{
    static const enum ci_verdict verdicts[] = {CI_FAIL, CI_WARN, CI_WARN, CI_SKIP, CI_PASS};
    if (check_result_is_failure(result))
        return CI_FAIL;
    for (size_t i = 0; i < COUNT_OF(judgements); i++) {
        if (str_is(result->judgement, judgements[i].word))
            return verdicts[i];
    }
    return CI_SKIP;
}

/* [{"row": 5, "line": 7, "value": "x"}, ...]; without a line it is the row. */
static FALLIBLE places_of(struct arena *arena, struct str shown, struct ci_finding *ret)
{
    struct doc *doc = NULL;
    if (!shown.len)
        return NULL;
    TRY(json_parse(arena, STR("finding"), shown, &doc));
    struct ci_place *places = arena_new_array(arena, struct ci_place, doc->root->count);
    for (const struct doc_node *item = doc->root->first; item; item = item->next) {
        const struct doc_node *row = doc_find(item, STR("row"));
        const struct doc_node *line = doc_find(item, STR("line"));
        const struct doc_node *value = doc_find(item, STR("value"));
        places[ret->place_count++] =
            (struct ci_place){.line = line && line->kind == DOC_INT ? (uint64_t)line->integer : 0,
                              .row = row && row->kind == DOC_INT ? (uint64_t)row->integer : 0,
                              .value = value ? value->text : STR(""),
                              .has_value = value};
    }
    ret->places = places;
    return NULL;
}

static struct str name_of(struct arena *arena, struct str stage, const struct check_result *result)
{
    struct buf name = buf_in(arena);
    const struct str parts[] = {stage, result->table, result->check, result->field, result->kind};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (parts[i].len)
            buf_print(&name, "%s%.*s", i ? ": " : "", STR_FMT(parts[i]));
    }
    return buf_str(&name);
}

static struct str rule_of(struct arena *arena, const struct check_result *result)
{
    if (check_result_is_gate(result))
        return str_print(arena, "gate-%.*s", STR_FMT(result->kind));
    return result->kind.len ? result->kind : result->check;
}

static FALLIBLE add_finding(struct arena *arena, struct str stage,
                            const struct check_result *result, struct ci_finding *ret)
{
    bool has_limit =
        result->limit.len && !check_result_is_gate(result) && !str_is(result->judgement, "pass");
    *ret = (struct ci_finding){
        .rule = rule_of(arena, result),
        .name = name_of(arena, stage, result),
        .message = has_limit ? str_print(arena, "%.*s; wanted: %.*s", STR_FMT(result->message),
                                         STR_FMT(result->limit))
                             : result->message,
        .file = result->path,
        .column = result->field,
        .verdict = verdict_of(result),
        .count = (uint64_t)result->count,
    };
    return places_of(arena, result->shown, ret);
}

FALLIBLE checks_findings(struct context *context, struct str suite, int64_t duration_ns,
                         const struct check_results *const *results, size_t count)
{
    struct arena *arena = context->arena;
    size_t all = 0, used = 0;
    for (size_t i = 0; i < count; i++)
        all += results[i]->all.len;
    struct ci_finding *findings = arena_new_array(arena, struct ci_finding, all);
    for (size_t i = 0; i < count; i++) {
        vec_each (const struct check_result, result, &results[i]->all)
            TRY(add_finding(arena, results[i]->stage, result, &findings[used++]));
    }
    struct ci_report report = {suite, findings, used, report_seconds(duration_ns)};
    if (context->format == FORMAT_JUNIT)
        findings_junit(&context->out, &report);
    else
        findings_sarif(&context->out, &report);
    return NULL;
}
