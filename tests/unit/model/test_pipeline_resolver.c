/* Templating against cases whose answers DVC itself gave: order and names of stages, each one
 * resolved and loaded, values taken from files, edges, and refusals by their phase and cause. Needs
 * MLOPS_CONFORMANCE (dvc/resolver-cases.json). */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/json.h"
#include "mlops/model/name.h"
#include "mlops/model/plan.h"

#include "support/conformance.h"

/* Where we differ from DVC on purpose, and why. */
struct difference {
    const char *id;
    const char *why;
};

static const struct difference differences[] = {
    {"foreach-params-dict-nonstr-keys-dropped", "a key that is a number is not dropped"},
    {"dict-exact-cmd", "a command that is a mapping is refused before it crashes"},
    {"schema-cmd-list-of-nonstr", "a command that is a mapping is refused before it crashes"},
    {"abs-path-cached-out-loads-fails-on-save", "refused before the command runs, not behind it"},
};

static const char *why_different(struct str id)
{
    for (size_t i = 0; i < COUNT_OF(differences); i++) {
        if (str_is(id, differences[i].id))
            return differences[i].why;
    }
    return NULL;
}

struct outcome {
    struct arena *arena;
    const struct doc_node *files; /* of the case: path -> text */
    struct pipeline *pipeline;
    struct plan plan;
    struct error *errors;
    enum pipeline_phase phase;
    struct buf *complaints;
};

static struct doc_node *find(const struct doc_node *map, const char *key)
{
    return doc_find(map, str_of(key));
}

/* As the project's files would: nothing there, a directory, or a document. */
static struct error *load(void *context, struct str path, const struct doc **ret)
{
    struct outcome *outcome = context;
    *ret = NULL;
    for (const struct doc_node *file = outcome->files->first; file; file = file->next) {
        if (!str_equal(file->key->text, path) && path_is_within(file->key->text, path))
            return error_new(ERROR_PROJECT, "'%.*s' is a directory", STR_FMT(path));
        if (!str_equal(file->key->text, path))
            continue;
        struct doc *doc;
        const struct doc_options options = {.dialect = DOC_DVC};
        TRY(str_ends(path, STR(".json"))
                ? json_parse(outcome->arena, path, file->text, &doc)
                : doc_parse(outcome->arena, path, file->text, &options, &doc));
        *ret = doc;
        return NULL;
    }
    return NULL;
}

static struct error *bind(struct outcome *outcome, const struct doc_node *test)
{
    struct str path = find(test, "file")->text;
    const struct doc_node *config = find(test, "config");
    const struct doc_options options = {.dialect = DOC_DVC};
    struct doc *doc;
    outcome->phase = PIPELINE_SCHEMA;
    TRY(doc_parse(outcome->arena, path, doc_find(outcome->files, path)->text, &options, &doc));
    const struct pipeline_part part = {path, doc};
    struct doc_node *boolean = doc_find(config, STR("parsing.bool"));
    struct doc_node *list = doc_find(config, STR("parsing.list"));
    const struct pipeline_sources sources = {
        .parts = &part,
        .count = 1,
        .load = load,
        .context = outcome,
        .failed = &outcome->phase,
        .bool_is_optional = boolean && str_is(boolean->text, "boolean_optional"),
        .list_appends = list && str_is(list->text, "append"),
    };
    TRY(pipeline_bind_sources(outcome->arena, &sources, &outcome->pipeline));
    outcome->phase = PIPELINE_GRAPH;
    return plan_make(outcome->arena, outcome->pipeline, &(struct plan_options){0}, &outcome->plan);
}

static void complain(struct outcome *outcome, const char *what, struct str expected,
                     struct str found)
{
    buf_print(outcome->complaints, "    %s: expected %.*s\n        found %.*s\n", what,
              STR_FMT(expected), STR_FMT(found));
}

static struct str as_json(struct arena *arena, const struct doc_node *node)
{
    if (!node)
        return STR("nothing");
    struct buf out = buf_in(arena);
    struct json_writer json = {.out = &out};
    json_node(&json, node);
    return buf_str(&out);
}

static void expect_node(struct outcome *outcome, const char *what, const struct doc_node *expected,
                        const struct doc_node *found)
{
    if (!same_value(expected, found))
        complain(outcome, what, as_json(outcome->arena, expected), as_json(outcome->arena, found));
}

static void expect_text(struct outcome *outcome, const char *what, struct str expected,
                        struct str found)
{
    if (!str_equal(expected, found))
        complain(outcome, what, expected, found);
}

static void expect_order(struct outcome *outcome, const struct doc_node *order)
{
    struct buf expected = buf_in(outcome->arena);
    struct buf found = buf_in(outcome->arena);
    for (const struct doc_node *name = order->first; name; name = name->next)
        buf_print(&expected, "[%.*s]", STR_FMT(name->text));
    vec_each (struct stage, stage, &outcome->pipeline->stages)
        buf_print(&found, "[%.*s]", STR_FMT(stage->name));
    expect_text(outcome, "order", buf_str(&expected), buf_str(&found));
}

static void expect_tracked(struct outcome *outcome, const struct stage *stage,
                           const struct doc_node *files)
{
    size_t count = 0;
    for (const struct doc_node *file = files ? files->first : NULL; file; file = file->next) {
        for (const struct doc_node *value = file->first; value; value = value->next) {
            const struct doc_node *found = NULL;
            count++;
            vec_each (struct tracked_value, tracked, &stage->tracked) {
                if (str_equal(tracked->file, file->key->text) &&
                    str_equal(tracked->key, value->key->text))
                    found = tracked->value;
            }
            expect_node(outcome, "tracked", value, found);
        }
    }
    if (count != stage->tracked.len)
        complain(outcome, "tracked", as_json(outcome->arena, files),
                 str_print(outcome->arena, "%zu values", stage->tracked.len));
}

static struct str joined(struct arena *arena, struct str dir, struct str path)
{
    struct str out;
    (void)path_resolve(arena, dir, path, &out);
    return out;
}

static void expect_deps(struct outcome *outcome, const struct stage *stage,
                        const struct doc_node *deps)
{
    const struct doc_node *dep = deps ? deps->first : NULL;
    for (size_t i = 0; i < stage->deps.len; i++, dep = dep ? dep->next : NULL)
        expect_text(outcome, "dep", dep ? dep->text : STR("nothing"), stage->deps.at[i].written);
    if (dep)
        complain(outcome, "dep", dep->text, STR("nothing"));
}

static void expect_outs(struct outcome *outcome, const struct stage *stage,
                        const struct doc_node *outs)
{
    const struct doc_node *out = outs ? outs->first : NULL;
    for (size_t i = 0; i < stage->outs.len; i++, out = out ? out->next : NULL) {
        const struct doc_node *cache = find(out, "cache");
        expect_text(outcome, "out", out ? find(out, "path")->text : STR("nothing"),
                    stage->outs.at[i].written);
        if (stage->outs.at[i].is_cached != (!cache || cache->truth))
            complain(outcome, "cache", as_json(outcome->arena, out), STR("the other way"));
    }
    if (out)
        complain(outcome, "out", as_json(outcome->arena, out), STR("nothing"));
}

static bool has_param(const struct stage *stage, struct str file, struct str key)
{
    vec_each (struct param_ref, param, &stage->params) {
        if (str_equal(param->file, file) && str_equal(param->key, key))
            return true;
    }
    return false;
}

static void expect_params(struct outcome *outcome, const struct stage *stage,
                          const struct doc_node *params)
{
    size_t count = 0;
    for (const struct doc_node *file = params ? params->first : NULL; file; file = file->next) {
        struct str path = joined(outcome->arena, stage->wdir, file->key->text);
        count += file->count ? file->count : 1;
        if (!file->count && !has_param(stage, path, STR("")))
            complain(outcome, "param", path, STR("nothing"));
        for (const struct doc_node *key = file->first; key; key = key->next) {
            if (!has_param(stage, path, key->text))
                complain(outcome, "param", key->text, STR("nothing"));
        }
    }
    if (count != stage->params.len)
        complain(outcome, "params", as_json(outcome->arena, params),
                 str_print(outcome->arena, "%zu", stage->params.len));
}

static void expect_model(struct outcome *outcome, const struct stage *stage,
                         const struct doc_node *model)
{
    const struct doc_node *cmd = find(model, "cmd");
    if (cmd && cmd->kind == DOC_STR && (stage->cmd.is_list || stage->cmd.count != 1))
        complain(outcome, "cmd", cmd->text, STR("another form"));
    else if (cmd && cmd->kind == DOC_STR)
        expect_text(outcome, "cmd", cmd->text, stage->cmd.items[0]);
    const struct doc_node *wdir = find(model, "wdir");
    if (wdir)
        expect_text(outcome, "wdir", joined(outcome->arena, STR(""), wdir->text), stage->wdir);
    expect_deps(outcome, stage, find(model, "deps"));
    expect_outs(outcome, stage, find(model, "outs"));
    expect_params(outcome, stage, find(model, "params"));
}

static void expect_stages(struct outcome *outcome, const struct doc_node *expect)
{
    const struct doc_node *stages = find(expect, "stages");
    for (const struct doc_node *node = stages ? stages->first : NULL; node; node = node->next) {
        struct str name = node->key->text;
        const struct stage *stage = map_get(&outcome->pipeline->by_name, name);
        if (!stage) {
            complain(outcome, "stage", name, STR("nothing"));
            continue;
        }
        expect_node(outcome, "resolved", node, stage->node);
        expect_tracked(outcome, stage, doc_find(find(expect, "tracked"), name));
        expect_model(outcome, stage, doc_find(find(expect, "model"), name));
    }
}

static bool has_edge(const struct outcome *outcome, struct str from, struct str to)
{
    const struct stage *user = map_get(&outcome->pipeline->by_name, to);
    const struct stage *maker = map_get(&outcome->pipeline->by_name, from);
    for (size_t i = 0; user && maker && i < outcome->plan.stages[user->index].need_count; i++) {
        if (outcome->plan.stages[user->index].needs[i].stage == maker->index)
            return true;
    }
    return false;
}

static void expect_edges(struct outcome *outcome, const struct doc_node *edges)
{
    for (const struct doc_node *edge = edges ? edges->first : NULL; edge; edge = edge->next) {
        if (!has_edge(outcome, edge->first->text, edge->first->next->text))
            complain(outcome, "edge", as_json(outcome->arena, edge), STR("nothing"));
    }
}

static void expect_top(struct outcome *outcome, const struct doc_node *expect)
{
    const struct pipeline_file *file = &outcome->pipeline->files.at[0];
    const struct {
        const char *key;
        const struct doc_node *node;
    } rows[] = {
        {"params", file->params_node},  {"metrics", file->metrics_node}, {"plots", file->plots},
        {"artifacts", file->artifacts}, {"datasets", file->datasets},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (find(expect, rows[i].key))
            expect_node(outcome, rows[i].key, find(expect, rows[i].key), rows[i].node);
    }
}

/* What is quoted in DVC's message is what matters: our words are our own. */
static bool has_quoted_words(struct str message, struct str text)
{
    ptrdiff_t start = str_find(message, STR("Could not find '"));
    if (start < 0)
        return true;
    struct str rest = str_slice(message, (size_t)start + 16, message.len);
    ptrdiff_t end = str_find_char(rest, '\'');
    return end < 0 || str_find(text, str_slice(rest, 0, (size_t)end)) >= 0;
}

static void expect_error(struct outcome *outcome, const struct doc_node *expected)
{
    if (!outcome->errors) {
        complain(outcome, "error", as_json(outcome->arena, expected), STR("success"));
        return;
    }
    struct buf shown = buf_in(outcome->arena);
    error_print(outcome->errors, &shown);
    expect_text(outcome, "phase", find(expected, "phase")->text,
                str_of(pipeline_phase_name(outcome->phase)));
    if (!has_quoted_words(find(expected, "message")->text, buf_str(&shown)))
        complain(outcome, "words", find(expected, "message")->text, buf_str(&shown));
    if (outcome->complaints->len)
        buf_add_str(outcome->complaints, buf_str(&shown));
}

static void expect_success(struct outcome *outcome, const struct doc_node *expect)
{
    expect_order(outcome, find(expect, "order"));
    expect_stages(outcome, expect);
    expect_edges(outcome, find(expect, "edges"));
    expect_top(outcome, expect);
}

static bool case_holds(const struct doc_node *test, struct buf *complaints)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct outcome outcome = {
        .arena = &arena, .files = find(test, "files"), .complaints = complaints};
    const struct doc_node *expect = find(test, "expect");
    const struct doc_node *warnings = find(test, "warnings");
    outcome.errors = bind(&outcome, test);
    if (find(expect, "error")) {
        expect_error(&outcome, find(expect, "error"));
    } else if (outcome.errors) {
        struct buf shown = buf_in(&arena);
        error_print(outcome.errors, &shown);
        complain(&outcome, "success", STR("one"), buf_str(&shown));
    } else {
        expect_success(&outcome, expect);
        if (warnings && !outcome.pipeline->warnings.len)
            complain(&outcome, "warning", warnings->first->text, STR("none"));
    }
    error_drop(outcome.errors);
    return complaints->len == 0;
}

static void templates_give_what_dvc_makes_of_them(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct str path = str_print(&arena, "%s/dvc/resolver-cases.json", conformance());
    struct str text;
    struct doc *doc;
    assert_true(read_whole(&arena, path.at, &text));
    assert_null(json_parse(&arena, path, text, &doc));
    int count = 0;
    int passed = 0;
    int failed = 0;
    int different = 0;
    for (const struct doc_node *test = find(doc->root, "cases")->first; test; test = test->next) {
        struct buf complaints = buf_in(&arena);
        buf_add_text(&complaints, "");
        struct str id = find(test, "id")->text;
        bool holds = case_holds(test, &complaints);
        const char *why = why_different(id);
        count++;
        passed += holds;
        different += !holds && why;
        failed += !holds && !why;
        if (!holds && why)
            print_message("%.*s: differs: %s\n", STR_FMT(id), why);
        else if (!holds)
            print_message("%.*s\n%s", STR_FMT(id), complaints.at);
        if (holds && why) {
            print_message("%.*s: no longer differs\n", STR_FMT(id));
            failed++;
        }
    }
    print_message("%d cases: %d as DVC, %d different on purpose, %d wrong\n", count, passed,
                  different, failed);
    assert_true(count > 100);
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_give_what_dvc_makes_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
