/* Runs tests/cases/pipeline/ *.case: pipelines and what binding and planning them gives. Adding a
 * case needs no C. A file holds any number of
 *
 *     === what is shown (a sentence)
 *     --- pipeline.yaml            the file and its name; dvc.yaml is read in that dialect
 *     --- params.yaml              further files: values, more dvc.yaml, .dvc files
 *     --- targets                  optional: words as behind `mlops run`; -s and --downstream
 *     --- expect                   one of the two:
 *
 * the errors, all of them, in the order of the file, each by a part of its text ('-' is any column;
 * 'hint: TEXT' and 'because L:C: TEXT' belong to the error above them):
 *
 *     3:10: 'cmd': expected a text
 *
 * or facts about the plan, each of them optional; where there is one edge, all are given:
 *
 *     order: a, b
 *     selected: a
 *     edge: b needs a (data)
 *     edges: none
 *     guards: check: x, y
 *     cmd: a: echo 1               commands of a stage, joined by ' ; '
 *     is: a: {"cmd": "echo 1"}     its mapping, resolved, as JSON without blanks
 *     tracked: a: params.yaml:lr=1
 *     group: train 3               how many stages it has
 *     warning: 3:5: text           all of them, in order, if there is one such line
 *
 * An empty expectation asks for success only. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/json.h"
#include "mlops/codec/load.h"
#include "mlops/model/dvc.h"
#include "mlops/model/name.h"
#include "mlops/model/plan.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/unit.h"

struct file {
    struct str name;
    struct str text;
};

VEC(file_vec, struct file);

struct test_case {
    struct str title;
    struct file_vec files; /* [0] is the pipeline */
    struct str targets;
    struct str expect;
};

struct outcome {
    struct arena *arena;
    const struct test_case *test;
    struct buf *complaints;
    struct pipeline *pipeline;
    struct plan plan;
    struct error *errors;
};

static void complain(struct outcome *outcome, const char *what, struct str line)
{
    buf_print(outcome->complaints, "    %s: %.*s\n", what, STR_FMT(line));
}

static bool take_prefix(struct str *line, struct str prefix)
{
    if (!str_starts(*line, prefix))
        return false;
    *line = str_trim(str_slice(*line, prefix.len, line->len));
    return true;
}

/* The next line that says something. */
static bool next_line(struct str *rest, struct str *ret)
{
    while (str_split(rest, '\n', ret)) {
        *ret = str_trim(*ret);
        if (ret->len)
            return true;
    }
    return false;
}

static struct str name_of(const struct outcome *outcome, uint32_t stage)
{
    return outcome->pipeline->stages.at[stage].name;
}

static struct str order_of(const struct outcome *outcome, bool only_selected)
{
    struct buf out = buf_in(outcome->arena);
    buf_add_text(&out, "");
    for (size_t i = 0; i < outcome->pipeline->stages.len; i++) {
        uint32_t stage = outcome->plan.order[i];
        if (only_selected && !outcome->plan.stages[stage].is_selected)
            continue;
        buf_print(&out, "%s%.*s", out.len ? ", " : "", STR_FMT(name_of(outcome, stage)));
    }
    return buf_str(&out);
}

/* All edges, a line each. */
static struct str edges_of(const struct outcome *outcome)
{
    static const char *const kinds[] = {"data", "after", "guard"};
    struct buf out = buf_in(outcome->arena);
    buf_add_text(&out, "");
    for (uint32_t i = 0; i < outcome->pipeline->stages.len; i++) {
        const struct plan_stage *stage = &outcome->plan.stages[i];
        for (size_t j = 0; j < stage->need_count; j++)
            buf_print(&out, "%.*s needs %.*s (%s)\n", STR_FMT(name_of(outcome, i)),
                      STR_FMT(name_of(outcome, stage->needs[j].stage)),
                      kinds[stage->needs[j].edge]);
    }
    return buf_str(&out);
}

static bool has_line(struct str text, struct str wanted)
{
    struct str line;
    while (next_line(&text, &line)) {
        if (str_equal(line, wanted))
            return true;
    }
    return false;
}

static struct str guards_of(const struct outcome *outcome, struct str stage_name)
{
    struct buf out = buf_in(outcome->arena);
    buf_print(&out, "%.*s: ", STR_FMT(stage_name));
    const struct stage *stage = map_get(&outcome->pipeline->by_name, stage_name);
    struct str_vec guards = stage ? plan_guards(&outcome->plan, stage) : (struct str_vec){0};
    vec_each (struct str, path, &guards)
        buf_print(&out, "%s%.*s", path == guards.at ? "" : ", ", STR_FMT(*path));
    return buf_str(&out);
}

static void expect_equal(struct outcome *outcome, struct str expected, struct str found)
{
    if (str_equal(expected, found))
        return;
    complain(outcome, "expected", expected);
    complain(outcome, "   found", found);
}

/* Takes "NAME: " off the line: the stage of that name. */
static const struct stage *take_stage(struct outcome *outcome, struct str *line)
{
    ptrdiff_t end = str_find(*line, STR(": "));
    struct str name = str_slice(*line, 0, end < 0 ? line->len : (size_t)end);
    *line = str_trim(str_slice(*line, name.len + 1, line->len));
    const struct stage *stage = map_get(&outcome->pipeline->by_name, name);
    if (!stage)
        complain(outcome, "no such stage", name);
    return stage;
}

static void expect_commands(struct outcome *outcome, struct str line)
{
    struct buf found = buf_in(outcome->arena);
    const struct stage *stage = take_stage(outcome, &line);
    buf_add_text(&found, "");
    for (size_t i = 0; stage && i < stage->cmd.count; i++)
        buf_print(&found, "%s%.*s", i ? " ; " : "", STR_FMT(stage->cmd.items[i]));
    expect_equal(outcome, line, buf_str(&found));
}

static void expect_mapping(struct outcome *outcome, struct str line)
{
    struct buf found = buf_in(outcome->arena);
    const struct stage *stage = take_stage(outcome, &line);
    struct json_writer json = {.out = &found};
    if (stage)
        json_node(&json, stage->node);
    expect_equal(outcome, line, buf_str(&found));
}

static void expect_tracked(struct outcome *outcome, struct str line)
{
    struct buf found = buf_in(outcome->arena);
    const struct stage *stage = take_stage(outcome, &line);
    buf_add_text(&found, "");
    for (size_t i = 0; stage && i < stage->tracked.len; i++) {
        const struct tracked_value *value = &stage->tracked.at[i];
        struct str shown = doc_show(outcome->arena, value->value);
        buf_print(&found, "%s%.*s:%.*s=%.*s", i ? ", " : "", STR_FMT(value->file),
                  STR_FMT(value->key), STR_FMT(shown));
    }
    expect_equal(outcome, line, buf_str(&found));
}

static void expect_group(struct outcome *outcome, struct str line)
{
    ptrdiff_t end = str_find_last_char(line, ' ');
    struct str name = str_slice(line, 0, end < 0 ? 0 : (size_t)end);
    const struct stage_group *group = map_get(&outcome->pipeline->groups, name);
    if (!group)
        complain(outcome, "no such group", line);
    else
        expect_equal(outcome, line,
                     str_print(outcome->arena, "%.*s %zu", STR_FMT(name), group->count));
}

static void expect_warning(struct outcome *outcome, struct str line, size_t index)
{
    const struct pipeline_warning_vec *warnings = &outcome->pipeline->warnings;
    const struct pipeline_warning *warning = index < warnings->len ? &warnings->at[index] : NULL;
    struct str wanted = line;
    bool fits =
        warning && take_prefix(&wanted, str_print(outcome->arena, "%d:%d:", warning->node->line,
                                                  warning->node->column));
    if (!fits || str_find(warning->text, wanted) < 0)
        complain(outcome, "no such warning", line);
    if (warning && !fits)
        complain(outcome, "but",
                 str_print(outcome->arena, "%d:%d: %.*s", warning->node->line,
                           warning->node->column, STR_FMT(warning->text)));
}

/* Facts about single stages; false if the line is none. */
static bool expect_fact(struct outcome *outcome, struct str line)
{
    static const struct {
        struct str word;
        void (*expect)(struct outcome *, struct str);
    } rows[] = {
        {STR_ROW("cmd:"), expect_commands},
        {STR_ROW("is:"), expect_mapping},
        {STR_ROW("tracked:"), expect_tracked},
        {STR_ROW("group:"), expect_group},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (take_prefix(&line, rows[i].word)) {
            rows[i].expect(outcome, line);
            return true;
        }
    }
    return false;
}

static void expect_plan(struct outcome *outcome, struct str expect)
{
    size_t warning_count = 0;
    struct str edges = edges_of(outcome);
    size_t edge_count = 0;
    struct str line;
    while (next_line(&expect, &line)) {
        if (take_prefix(&line, STR("order:"))) {
            expect_equal(outcome, line, order_of(outcome, false));
        } else if (take_prefix(&line, STR("selected:"))) {
            expect_equal(outcome, line, order_of(outcome, true));
        } else if (take_prefix(&line, STR("edges: none"))) {
            expect_equal(outcome, STR(""), edges);
        } else if (take_prefix(&line, STR("guards:"))) {
            struct str stage = str_slice(line, 0, (size_t)str_find_char(line, ':'));
            expect_equal(outcome, line, str_trim(guards_of(outcome, stage)));
        } else if (take_prefix(&line, STR("edge:"))) {
            edge_count++;
            if (!has_line(edges, line))
                complain(outcome, "no such edge", line);
        } else if (take_prefix(&line, STR("warning:"))) {
            expect_warning(outcome, line, warning_count++);
        } else if (!expect_fact(outcome, line)) {
            complain(outcome, "expected an error, found none", line);
        }
    }
    if (warning_count && warning_count != outcome->pipeline->warnings.len)
        complain(outcome, "more warnings than expected", outcome->pipeline->warnings.at[0].text);
    size_t found = 0;
    struct str rest = edges;
    while (next_line(&rest, &line))
        found++;
    if (edge_count && edge_count != found)
        complain(outcome, "other edges than those expected", edges);
}

static struct str place_of(const struct error *error, struct arena *arena, bool any_column)
{
    if (error->mark.line == 0)
        return STR("-:-:");
    return any_column ? str_print(arena, "%d:-:", error->mark.line)
                      : str_print(arena, "%d:%d:", error->mark.line, error->mark.column);
}

static void expect_error(struct outcome *outcome, struct str line, const struct error *error)
{
    struct str wanted = line;
    bool fits = error && (take_prefix(&wanted, place_of(error, outcome->arena, false)) ||
                          take_prefix(&wanted, place_of(error, outcome->arena, true)));
    if (str_ends(wanted, STR("...")))
        wanted.len -= 3;
    if (fits && str_find(str_of(error->text), wanted) >= 0)
        return;
    complain(outcome, "expected", line);
}

static void show_errors(struct outcome *outcome)
{
    error_print(outcome->errors, outcome->complaints);
}

static void expect_errors(struct outcome *outcome, struct str expect)
{
    size_t before = outcome->complaints->len;
    const struct error *next = outcome->errors;
    const struct error *error = NULL;
    const struct error *cause = NULL;
    struct str line;
    while (next_line(&expect, &line)) {
        if (take_prefix(&line, STR("hint:"))) {
            if (!error || !error->hint || str_find(str_of(error->hint), line) < 0)
                complain(outcome, "expected the hint", line);
        } else if (take_prefix(&line, STR("because"))) {
            expect_error(outcome, line, cause);
            cause = cause ? cause->cause : NULL;
        } else {
            error = next;
            cause = error ? error->cause : NULL;
            next = next ? next->next : NULL;
            expect_error(outcome, line, error);
        }
    }
    for (; next; next = next->next)
        complain(outcome, "not expected", str_of(next->text));
    if (outcome->complaints->len != before)
        show_errors(outcome);
}

static struct error *load(void *context, struct str path, const struct doc **ret)
{
    struct outcome *outcome = context;
    struct doc *doc = NULL;
    *ret = NULL;
    vec_each (struct file, file, &outcome->test->files) {
        if (str_equal(file->name, path))
            TRY(doc_load(outcome->arena, path, file->text,
                         pipeline_dialect(outcome->test->files.at[0].name), &doc));
    }
    *ret = doc;
    return NULL;
}

VEC(part_vec, struct pipeline_part);

/* Further pipelines and .dvc files; the rest is for those that name it. */
static struct error *add_file(struct outcome *outcome, const struct file *file, bool is_first,
                              struct part_vec *parts, struct dvc_pointer_vec *pointers)
{
    struct arena *arena = outcome->arena;
    const struct doc_options options = {.dialect = pipeline_dialect(file->name),
                                        .huge_is_text = true};
    struct doc *doc;
    if (is_first || str_equal(path_name(file->name), STR("dvc.yaml"))) {
        TRY(doc_parse(arena, file->name, file->text, &options, &doc));
        *vec_push(arena, parts) = (struct pipeline_part){file->name, doc};
    } else if (str_ends(file->name, STR(".dvc"))) {
        struct dvc_pointer *pointer = arena_new(arena, struct dvc_pointer);
        TRY(doc_parse(arena, file->name, file->text, &options, &doc));
        TRY(dvc_pointer_bind(arena, doc, file->name, pointer));
        *vec_push(arena, pointers) = pointer;
    }
    return NULL;
}

static struct error *bind_files(struct outcome *outcome)
{
    static const char *const environment[] = {"HOME=/srv/u", "EMPTY=", "TOKEN=abc", NULL};
    struct part_vec parts = {0};
    struct dvc_pointer_vec pointers = {0};
    const struct file_vec *files = &outcome->test->files;
    for (size_t i = 0; i < files->len; i++)
        TRY(add_file(outcome, &files->at[i], i == 0, &parts, &pointers));
    const struct pipeline_sources sources = {
        .parts = parts.at,
        .count = parts.len,
        .pointers = pointers.at,
        .pointer_count = pointers.len,
        .load = load,
        .context = outcome,
        .environment = environment,
    };
    return pipeline_bind_sources(outcome->arena, &sources, &outcome->pipeline);
}

static struct error *make_plan(struct outcome *outcome, const struct test_case *test)
{
    TRY(bind_files(outcome));
    struct str_vec targets = {0};
    struct plan_options options = {0};
    struct str rest = test->targets;
    struct str line;
    while (next_line(&rest, &line)) {
        if (str_is(line, "-s"))
            options.only_targets = true;
        else if (str_is(line, "--downstream"))
            options.downstream = true;
        else
            *vec_push(outcome->arena, &targets) = line;
    }
    options.targets = targets.at;
    options.target_count = targets.len;
    return plan_make(outcome->arena, outcome->pipeline, &options, &outcome->plan);
}

/* Whether all was as expected; what was not is printed. */
static bool run_case(const struct test_case *test, const char *file)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct buf complaints = buf_in(&arena);
    struct outcome outcome = {.arena = &arena, .test = test, .complaints = &complaints};
    outcome.errors = make_plan(&outcome, test);
    if (outcome.errors)
        expect_errors(&outcome, test->expect);
    else
        expect_plan(&outcome, test->expect);
    error_drop(outcome.errors);
    if (complaints.len == 0)
        return true;
    printf("%s: %.*s\n%s", file, STR_FMT(test->title), complaints.at);
    return false;
}

/* The text up to the next line that starts with `mark`; moves behind it. */
static struct str take_until(struct str *rest, const char *mark)
{
    const struct str whole = *rest;
    struct str before = whole;
    struct str line;
    while (str_split(rest, '\n', &line)) {
        if (str_starts(line, str_of(mark))) {
            *rest = before;
            return str_slice(whole, 0, (size_t)(before.at - whole.at));
        }
        before = *rest;
    }
    return whole;
}

static void take_section(struct test_case *test, struct str head, struct str body,
                         struct arena *arena)
{
    struct str name = str_trim(str_slice(head, 3, head.len));
    if (str_is(name, "expect"))
        test->expect = body;
    else if (str_is(name, "targets"))
        test->targets = body;
    else
        *vec_push(arena, &test->files) = (struct file){str_copy(arena, name), body};
}

static size_t run_cases(struct str text, const char *file, size_t *failures)
{
    AUTO(arena_drop) struct arena arena = {0};
    size_t count = 0;
    struct str rest = text;
    take_until(&rest, "===");
    struct str head;
    while (str_split(&rest, '\n', &head)) {
        struct str body = take_until(&rest, "===");
        struct test_case test = {.title = str_trim(str_slice(head, 3, head.len))};
        take_until(&body, "---");
        struct str section;
        while (str_split(&body, '\n', &section))
            take_section(&test, section, take_until(&body, "---"), &arena);
        count++;
        *failures += !run_case(&test, file);
    }
    return count;
}

static struct str read_whole(struct arena *arena, const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    struct buf text = buf_in(arena);
    size_t got;
    do {
        got = fread(buf_reserve(&text, 65536), 1, 65536, file);
        text.len += got;
    } while (got);
    fclose(file);
    return buf_str(&text);
}

static int is_case(const struct dirent *entry)
{
    return str_ends(str_of(entry->d_name), STR(".case"));
}

static void every_pipeline_case_gives_what_it_expects(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    const char *dir = MLOPS_SOURCE "/tests/cases/pipeline";
    struct dirent **entries;
    int file_count = scandir(dir, &entries, is_case, alphasort);
    assert_true(file_count > 0);
    size_t failures = 0;
    size_t count = 0;
    for (int i = 0; i < file_count; i++) {
        struct str path = str_print(&arena, "%s/%s", dir, entries[i]->d_name);
        count += run_cases(read_whole(&arena, path.at), entries[i]->d_name, &failures);
        free(entries[i]);
    }
    free(entries);
    printf("%zu cases\n", count);
    assert_true(count > 0);
    assert_int_equal(failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pipeline_case_gives_what_it_expects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
