/* The language against data made elsewhere: hostile files with the place and word of each refusal,
 * and real projects with the stages, order and edges DVC finds in them. Needs MLOPS_CONFORMANCE. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/json.h"
#include "mlops/model/plan.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/unit.h"

static const char *conformance(void)
{
    const char *dir = getenv("MLOPS_CONFORMANCE");
    if (!dir) {
        print_message("skipped: MLOPS_CONFORMANCE does not name the conformance data\n");
        skip();
    }
    return dir;
}

static bool read_whole(struct arena *arena, const char *path, struct str *ret)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    struct buf text = buf_in(arena);
    size_t got;
    do {
        got = fread(buf_reserve(&text, 65536), 1, 65536, file);
        text.len += got;
    } while (got);
    fclose(file);
    *ret = buf_str(&text);
    return true;
}

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

/* One pipeline file of a project as DVC resolved it, bound as if it stood in the file. */
static struct error *plan_resolved(struct arena *arena, const struct doc *whole,
                                   const struct doc_node *stages, struct str path, struct plan *ret)
{
    struct doc *doc = arena_new(arena, struct doc);
    *doc = *whole;
    doc->dialect = DOC_DVC;
    doc->bytes = STR(""); /* resolved: a '${' that is left is the shell's */
    doc->is_empty = false;
    struct doc_node *root = arena_new(arena, struct doc_node);
    struct doc_node *only = arena_new(arena, struct doc_node);
    *only = *stages;
    only->next = NULL;
    *root = (struct doc_node){
        .kind = DOC_MAP, .line = 1, .column = 1, .doc = whole, .count = 1, .first = only};
    doc->root = root;
    return bind_and_plan(arena, doc, path, ret);
}

static bool needs(const struct plan *plan, struct str user, struct str maker)
{
    const struct stage *from = map_get(&plan->pipeline->by_name, user);
    const struct stage *to = map_get(&plan->pipeline->by_name, maker);
    for (size_t i = 0; from && to && i < plan->stages[from->index].need_count; i++) {
        if (plan->stages[from->index].needs[i].stage == to->index)
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

/* "data/dvc.yaml:train", or "train" of the root's file, -> "train" if it is of that file. */
static bool take_stage(struct str address, struct str path, struct str *ret)
{
    ptrdiff_t colon = str_find_last_char(address, ':');
    struct str file = colon < 0 ? STR("dvc.yaml") : str_slice(address, 0, (size_t)colon);
    *ret = str_slice(address, (size_t)(colon + 1), address.len);
    return str_equal(file, path) && !str_ends(*ret, STR(".dvc"));
}

/* The project's edges between stages of this file are the plan's, no more and no fewer. */
static bool edges_fit(const struct plan *plan, const struct doc_node *edges, struct str path)
{
    size_t count = 0;
    bool fits = true;
    for (const struct doc_node *edge = edges->first; edge; edge = edge->next) {
        struct str maker;
        struct str user;
        if (!take_stage(edge->first->text, path, &maker) ||
            !take_stage(edge->first->next->text, path, &user))
            continue;
        count++;
        if (!needs(plan, user, maker)) {
            print_message("  no edge %.*s -> %.*s\n", STR_FMT(maker), STR_FMT(user));
            fits = false;
        }
    }
    if (count != edge_count(plan))
        print_message("  %zu edges expected, %zu found\n", count, edge_count(plan));
    return fits && count == edge_count(plan);
}

struct tally {
    int files;
    int with_edges;
};

static bool file_fits(struct arena *arena, const struct doc *whole, const struct doc_node *file,
                      struct tally *tally)
{
    const struct doc_node *stages = doc_find(file, STR("stages"));
    if (!stages)
        return true;
    tally->files++;
    struct plan plan;
    struct error *errors = plan_resolved(arena, whole, stages, file->key->text, &plan);
    if (errors) {
        struct buf shown = buf_in(arena);
        error_print(errors, &shown);
        print_message("%.*s: %s", STR_FMT(file->key->text), shown.at);
        error_drop(errors);
        return false;
    }
    const struct doc_node *graph = doc_find(whole->root, STR("__graph__"));
    const struct doc_node *edges = graph ? doc_find(graph, STR("edges")) : NULL;
    bool is_cut = doc_find(file, STR("stage_count")) || !edges || edges->kind != DOC_LIST ||
                  doc_find(graph, STR("edge_count"));
    tally->with_edges += !is_cut;
    return is_cut || edges_fit(&plan, edges, file->key->text);
}

static bool project_fits(struct arena *arena, const char *path, struct tally *tally)
{
    struct str text;
    struct doc *doc;
    assert_true(read_whole(arena, path, &text));
    struct error *error = json_parse(arena, str_of(path), text, &doc);
    assert_null(error);
    bool fits = true;
    for (const struct doc_node *file = doc->root->first; file; file = file->next) {
        if (!file_fits(arena, doc, file, tally)) {
            print_message("%s: %.*s does not fit\n", path, STR_FMT(file->key->text));
            fits = false;
        }
    }
    return fits;
}

static int is_json(const struct dirent *entry)
{
    return str_ends(str_of(entry->d_name), STR(".json"));
}

static void real_projects_are_planned_as_dvc_plans_them(void **state)
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
        struct str path = str_print(&arena, "%s/%s", dir.at, entries[i]->d_name);
        failures += !project_fits(&arena, path.at, &tally);
        free(entries[i]);
    }
    free(entries);
    print_message("%d pipelines of %d projects, %d with edges\n", tally.files, count,
                  tally.with_edges);
    assert_int_equal(failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_hostile_pipeline_is_refused_at_its_place),
        cmocka_unit_test(real_projects_are_planned_as_dvc_plans_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
