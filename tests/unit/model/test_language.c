/* The language against data made elsewhere: hostile files with the place and word of each refusal,
 * and real projects with the stages, order and edges DVC finds in them. Needs MLOPS_CONFORMANCE. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/digest.h"
#include "mlops/codec/json.h"
#include "mlops/codec/load.h"
#include "mlops/model/plan.h"

#include <dirent.h>

#include "support/conformance.h"

static struct error *bind_and_plan(struct arena *arena, const struct doc *doc, struct str path,
                                   struct plan *ret)
{
    struct pipeline *pipeline;
    TRY(pipeline_bind(arena, doc, path, &pipeline));
    return plan_make(arena, pipeline, &(struct plan_options){0}, ret);
}

static struct error *plan_text(struct arena *arena, struct str name, struct str text,
                               struct plan *ret)
{
    struct doc *doc;
    struct doc_options options = {.dialect = pipeline_dialect(name), .huge_is_text = true};
    TRY(doc_parse(arena, name, text, &options, &doc));
    return bind_and_plan(arena, doc, name, ret);
}

/* A row of expect.tsv: file, verdict, line, column, word. */
struct hostile_row {
    struct str file, verdict, line, column, word;
};

static bool number_fits(struct str wanted, int found)
{
    return str_equal(wanted, STR("-")) || strtol(wanted.at, NULL, 10) == found;
}

static bool error_fits(const struct hostile_row *row, const struct error *errors)
{
    for (const struct error *error = errors; error; error = error->next) {
        bool has_word =
            str_equal(row->word, STR("-")) || str_find(str_of(error->text), row->word) >= 0;
        if (has_word && number_fits(row->line, error->mark.line) &&
            number_fits(row->column, error->mark.column))
            return true;
    }
    return false;
}

/* Only a run shows these; the rest of the table is about other files. */
static bool is_ours(const struct hostile_row *row)
{
    bool folder = str_starts(row->file, STR("pipeline/")) || str_starts(row->file, STR("yaml/"));
    return folder && !str_equal(row->file, STR("pipeline/133-missing-dep.yaml"));
}

static bool row_holds(const struct hostile_row *row, struct arena *arena, const char *dir)
{
    struct str path = str_print(arena, "%s/hostile/%.*s", dir, STR_FMT(row->file));
    struct str text;
    assert_true(read_whole(arena, path.at, &text));
    const char *slash = strrchr(path.at, '/');
    struct plan plan;
    struct error *errors = plan_text(arena, str_of(slash + 1), text, &plan);
    bool refused = str_equal(row->verdict, STR("config-error"));
    bool either = str_equal(row->verdict, STR("ok-or-config-error"));
    bool holds = refused ? errors && error_fits(row, errors) : either || !errors;
    if (!holds) {
        struct buf shown = buf_in(arena);
        error_print(errors, &shown);
        print_message("%.*s: expected %.*s %.*s:%.*s '%.*s', found:\n%s", STR_FMT(row->file),
                      STR_FMT(row->verdict), STR_FMT(row->line), STR_FMT(row->column),
                      STR_FMT(row->word), shown.at ? shown.at : "nothing\n");
    }
    error_drop(errors);
    return holds;
}

static void every_hostile_pipeline_is_refused_at_its_place(void **state)
{
    (void)state;
    const char *dir = conformance();
    AUTO(arena_drop) struct arena arena = {0};
    struct str table;
    assert_true(read_whole(&arena, str_print(&arena, "%s/hostile/expect.tsv", dir).at, &table));
    int failures = 0;
    int rows = 0;
    struct str line;
    while (str_split(&table, '\n', &line)) {
        struct hostile_row row;
        bool is_row = str_split(&line, '\t', &row.file) && str_split(&line, '\t', &row.verdict) &&
                      str_split(&line, '\t', &row.line) && str_split(&line, '\t', &row.column) &&
                      str_split(&line, '\t', &row.word);
        if (!is_row || !is_ours(&row))
            continue;
        rows++;
        failures += !row_holds(&row, &arena, dir);
    }
    print_message("%d hostile pipelines\n", rows);
    assert_true(rows > 40);
    assert_int_equal(failures, 0);
}

/* A real project: what DVC made of it, and its files. */
struct project {
    struct arena *arena;
    struct str dir;
    const struct doc *expected;
    struct pipeline_part *parts;
    size_t count;
    struct tally *tally;
};

struct tally {
    int files;
    int refused;
    int graphs;
    size_t stages;
};

static struct error *load(void *context, struct str path, const struct doc **ret)
{
    struct project *project = context;
    struct str text;
    struct doc *doc = NULL;
    struct str whole = str_print(project->arena, "%.*s/%.*s", STR_FMT(project->dir), STR_FMT(path));
    *ret = NULL;
    if (read_whole(project->arena, whole.at, &text))
        TRY(doc_load(project->arena, path, text, DOC_DVC, &doc));
    *ret = doc;
    return NULL;
}

static struct error *bind_parts(struct project *project, const struct pipeline_part *parts,
                                size_t count, struct pipeline **ret)
{
    const struct pipeline_sources sources = {
        .parts = parts, .count = count, .load = load, .context = project};
    return pipeline_bind_sources(project->arena, &sources, ret);
}

static void print_errors(struct arena *arena, const struct error *errors)
{
    struct buf shown = buf_in(arena);
    error_print(errors, &shown);
    print_message("%s", shown.at ? shown.at : "");
}

/* A file of many stages keeps the first and the last of them, and a digest of all names. */
static bool order_fits(struct arena *arena, const struct pipeline *pipeline,
                       const struct doc_node *expected)
{
    const struct doc_node *digest = doc_find(expected, STR("order_sha256_of_lines"));
    const struct doc_node *order = doc_find(expected, STR("order"));
    struct buf names = buf_in(arena);
    char hex[DIGEST_HEX_LEN + 1];
    buf_add_text(&names, "");
    vec_each (struct stage, stage, &pipeline->stages)
        buf_print(&names, "%s%.*s", names.len ? "\n" : "", STR_FMT(stage->name));
    digest_print(digest_of(names.at, names.len), hex);
    if (digest)
        return str_is(digest->text, hex);
    struct buf wanted = buf_in(arena);
    buf_add_text(&wanted, "");
    for (const struct doc_node *name = order->first; name; name = name->next)
        buf_print(&wanted, "%s%.*s", wanted.len ? "\n" : "", STR_FMT(name->text));
    return str_equal(buf_str(&names), buf_str(&wanted));
}

static bool stages_fit(struct arena *arena, const struct pipeline *pipeline,
                       const struct doc_node *expected)
{
    const struct doc_node *stages = doc_find(expected, STR("stages"));
    bool fits = order_fits(arena, pipeline, expected);
    if (!fits)
        print_message("  other stages, or in another order\n");
    for (const struct doc_node *node = stages->first; node && fits; node = node->next) {
        const struct stage *stage = map_get(&pipeline->by_name, node->key->text);
        fits = stage && same_value(node, stage->node);
        if (!fits)
            print_message("  stage '%.*s' is another one\n", STR_FMT(node->key->text));
    }
    return fits;
}

/* Refused for its pipeline, not for a lock file of an earlier version. */
static bool is_refused(const struct doc_node *expected)
{
    const struct doc_node *error = doc_find(expected, STR("error"));
    return error && str_is(doc_find(error, STR("type"))->text, "ResolveError");
}

static bool file_fits(struct project *project, const struct pipeline_part *part,
                      const struct doc_node *expected, bool *ret_is_bound)
{
    struct pipeline *pipeline = NULL;
    struct error *errors = bind_parts(project, part, 1, &pipeline);
    bool should_fail = is_refused(expected);
    bool fits = (errors != NULL) == should_fail;
    *ret_is_bound = !errors;
    project->tally->files++;
    project->tally->refused += should_fail;
    if (!fits)
        print_errors(project->arena, errors);
    error_drop(errors);
    if (errors || !fits)
        return fits;
    project->tally->stages += pipeline->stages.len;
    return !doc_find(expected, STR("stages")) || stages_fit(project->arena, pipeline, expected);
}

/* "data/dvc.yaml:train", or "train" of the root's file; NULL for .dvc files. */
static const struct stage *find_stage(const struct pipeline *pipeline, struct str address)
{
    struct str first = pipeline->files.at[0].path;
    struct str name = address;
    if (str_starts(address, first) && address.len > first.len && address.at[first.len] == ':')
        name = str_slice(address, first.len + 1, address.len);
    return map_get(&pipeline->by_name, name);
}

static bool needs(const struct plan *plan, const struct stage *user, const struct stage *maker)
{
    for (size_t i = 0; i < plan->stages[user->index].need_count; i++) {
        if (plan->stages[user->index].needs[i].stage == maker->index)
            return true;
    }
    return false;
}

static size_t edge_count(const struct plan *plan)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->pipeline->stages.len; i++)
        count += plan->stages[i].need_count;
    return count;
}

/* The project's edges between stages are the plan's, no more and no fewer. */
static bool edges_fit(const struct plan *plan, const struct doc_node *graph)
{
    const struct doc_node *total = doc_find(graph, STR("edge_count"));
    size_t count = 0;
    bool fits = true;
    for (const struct doc_node *edge = doc_find(graph, STR("edges"))->first; edge;
         edge = edge->next) {
        struct str from = edge->first->text;
        struct str to = edge->first->next->text;
        const struct stage *maker = find_stage(plan->pipeline, from);
        const struct stage *user = find_stage(plan->pipeline, to);
        if (str_ends(from, STR(".dvc")) || str_ends(to, STR(".dvc")))
            continue;
        count++;
        if (!maker || !user || !needs(plan, user, maker)) {
            print_message("  no edge %.*s -> %.*s\n", STR_FMT(from), STR_FMT(to));
            fits = false;
        }
    }
    count = total ? (size_t)total->integer : count;
    if (count != edge_count(plan))
        print_message("  %zu edges expected, %zu found\n", count, edge_count(plan));
    return fits && count == edge_count(plan);
}

static bool graph_fits(struct project *project)
{
    const struct doc_node *graph = doc_find(project->expected->root, STR("__graph__"));
    struct pipeline *pipeline = NULL;
    struct plan plan;
    if (!graph || !doc_find(graph, STR("edges")) || !project->count)
        return true;
    project->tally->graphs++;
    struct error *errors = bind_parts(project, project->parts, project->count, &pipeline);
    if (!errors)
        errors = plan_make(project->arena, pipeline, &(struct plan_options){0}, &plan);
    print_errors(project->arena, errors);
    error_drop(errors);
    return !errors && edges_fit(&plan, graph);
}

static bool add_file(struct project *project, const struct doc_node *expected)
{
    struct arena *arena = project->arena;
    struct str path = expected->key->text;
    struct str whole = str_print(arena, "%.*s/%.*s", STR_FMT(project->dir), STR_FMT(path));
    struct pipeline_part *part = &project->parts[project->count];
    struct doc *doc;
    struct str text;
    bool is_bound = false;
    const struct doc_options options = {.dialect = DOC_DVC};
    assert_true(read_whole(arena, whole.at, &text));
    assert_null(doc_parse(arena, path, text, &options, &doc));
    *part = (struct pipeline_part){path, doc};
    bool fits = file_fits(project, part, expected, &is_bound);
    project->count += is_bound;
    return fits;
}

static bool project_fits(struct arena *arena, struct str name, struct tally *tally)
{
    struct project project = {.arena = arena, .tally = tally};
    struct str path = str_print(arena, "%s/dvc-corpus-expected/%.*s", conformance(), STR_FMT(name));
    struct str text;
    struct doc *doc;
    project.dir = str_print(arena, "%s/dvc-corpus/%.*s", conformance(), (int)name.len - 5, name.at);
    assert_true(read_whole(arena, path.at, &text));
    assert_null(json_parse(arena, path, text, &doc));
    project.expected = doc;
    project.parts = arena_new_array(arena, struct pipeline_part, doc->root->count);
    bool fits = true;
    for (const struct doc_node *file = doc->root->first; file; file = file->next) {
        if (!str_is(file->key->text, "__graph__") && !add_file(&project, file)) {
            print_message("%.*s: %.*s does not fit\n", STR_FMT(name), STR_FMT(file->key->text));
            fits = false;
        }
    }
    if (!graph_fits(&project)) {
        print_message("%.*s: the graph does not fit\n", STR_FMT(name));
        fits = false;
    }
    return fits;
}

static int is_json(const struct dirent *entry)
{
    return str_ends(str_of(entry->d_name), STR(".json"));
}

static void real_projects_are_resolved_and_planned_as_dvc_does(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct str dir = str_print(&arena, "%s/dvc-corpus-expected", conformance());
    struct dirent **entries;
    int count = scandir(dir.at, &entries, is_json, alphasort);
    assert_true(count > 0);
    int failures = 0;
    struct tally tally = {0};
    for (int i = 0; i < count; i++) {
        AUTO(arena_drop) struct arena own = {0};
        struct str name = str_copy(&arena, str_of(entries[i]->d_name));
        failures += !project_fits(&own, name, &tally);
        free(entries[i]);
    }
    free(entries);
    print_message(
        "%d projects: %d pipelines, %d of them refused as by DVC, %zu stages, %d graphs\n", count,
        tally.files, tally.refused, tally.stages, tally.graphs);
    assert_int_equal(failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_hostile_pipeline_is_refused_at_its_place),
        cmocka_unit_test(real_projects_are_resolved_and_planned_as_dvc_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
