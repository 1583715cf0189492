/* A project with a history in a directory of its own, and runs to put into it. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/host/clock.h"
#include "mlops/store/ledger.h"

#include "support/scratch.h"

struct project {
    struct arena arena;
    struct scratch scratch;
    struct workspace workspace;
    struct ledger *ledger;
};

static inline void project_reopen(struct project *project)
{
    ledger_drop(&project->ledger);
    assert_fine(ledger_open(&project->arena, &project->workspace, false, NULL, &project->ledger));
}

static inline void project_open(struct project *project)
{
    *project = (struct project){.scratch = scratch_open()};
    struct workspace *workspace = &project->workspace;
    scratch_directory(&project->scratch, ".mlops");
    scratch_directory(&project->scratch, ".mlops/cache");
    scratch_directory(&project->scratch, ".mlops/tmp");
    workspace->root = str_of(project->scratch.path);
    workspace->state = str_print(&project->arena, "%s/.mlops", project->scratch.path);
    workspace->cache = str_print(&project->arena, "%s/.mlops/cache", project->scratch.path);
    workspace->database_dir = workspace->home = workspace->state;
    workspace->config.project = STR("00112233445566aa");
    workspace->root_fd = fd_of(dup(project->scratch.fd));
    assert_fine(directory_open(project->scratch.fd, ".mlops", &workspace->state_fd));
    assert_fine(directory_open(project->scratch.fd, ".mlops", &workspace->home_fd));
    assert_fine(directory_open(project->scratch.fd, ".mlops/cache", &workspace->cache_fd));
    project_reopen(project);
}

static inline void project_drop(struct project *project)
{
    ledger_drop(&project->ledger);
    fd_drop(&project->workspace.root_fd);
    fd_drop(&project->workspace.state_fd);
    fd_drop(&project->workspace.home_fd);
    fd_drop(&project->workspace.cache_fd);
    scratch_drop(&project->scratch);
    arena_drop(&project->arena);
}

#define PROJECT(name)                                                                              \
    AUTO(project_drop) struct project name;                                                        \
    project_open(&name)

static inline struct digest digest_of_text(const char *text)
{
    return digest_of(text, strlen(text));
}

/* The outcome of a stage `name` that read data.csv (content `input`) and made `name`.out. */
static inline struct outcome *outcome_of(struct arena *arena, const char *name, const char *input)
{
    struct outcome *outcome = arena_new(arena, struct outcome);
    struct stage *stage = arena_new(arena, struct stage);
    struct recipe *recipe = arena_new(arena, struct recipe);
    struct result *result = arena_new(arena, struct result);
    struct buf body = buf_in(arena), value = buf_in(arena);
    stage->name = str_of(name);
    recipe->cmd = (struct command){.items = arena_new(arena, struct str), .count = 1};
    recipe->cmd.items[0] = str_print(arena, "make %s", name);
    recipe->deps = arena_new(arena, struct recipe_dep);
    recipe->dep_count = 1;
    recipe->deps[0] = (struct recipe_dep){STR("data.csv"), ARTIFACT_FILE, false,
                                          digest_of_text(input), (int64_t)strlen(input)};
    canon_int(&value, 7);
    recipe->params = arena_new(arena, struct recipe_param);
    recipe->params[0] =
        (struct recipe_param){STR("params.yaml"), STR("seed"), buf_str(&value), STR("7")};
    recipe->param_count = 1;
    recipe->outs = arena_new(arena, struct str);
    recipe->outs[0] = str_print(arena, "%s.out", name);
    recipe->out_count = 1;
    recipe_encode(recipe, &body);
    result->recipe = buf_str(&body);
    result->key = recipe_key(recipe);
    result->stage = stage->name;
    result->run = STR("01ARZ3NDEKTSV4RRFFQ69G5FAV");
    result->created_ns = 5;
    result->duration_ns = 6 * NS_PER_S;
    result->outs = arena_new(arena, struct artifact);
    result->outs[0] = (struct artifact){.path = recipe->outs[0],
                                        .kind = ARTIFACT_FILE,
                                        .is_stored = true,
                                        .digest = digest_of_text(name),
                                        .size_bytes = 3,
                                        .file_count = 1};
    result->out_count = 1;
    *vec_push(arena, &result->metrics) =
        (struct metric){STR("metrics.json"), STR("accuracy"), STR("0.94"), 0.94, false};
    *outcome = (struct outcome){.stage = stage,
                                .status = STATUS_EXECUTED,
                                .key = result->key,
                                .result = result_digest(result),
                                .value = result,
                                .recipe = recipe};
    outcome->usage = (struct usage){.started_ns = 1, .duration_ns = 2, .attempts = 1};
    return outcome;
}

static inline struct state state_of(struct arena *arena, const struct outcome *const *outcomes,
                                    size_t count)
{
    struct state state = {arena_new_array(arena, struct state_entry, count), count};
    for (size_t i = 0; i < count; i++)
        state.entries[i] =
            (struct state_entry){outcomes[i]->stage->name, outcomes[i]->key, outcomes[i]->result};
    return state;
}

/* A run of one stage, begun, recorded and finished. */
static inline struct run run_once(struct project *project, const char *stage, const char *input)
{
    const struct outcome *outcome = outcome_of(&project->arena, stage, input);
    struct state state = state_of(&project->arena, &outcome, 1);
    struct run run = {.pipeline = STR("pipeline.yaml"), .started_ns = 10};
    struct ledger_group group = {.run = &run, .outcomes = &outcome, .outcome_count = 1};
    assert_fine(ledger_begin_run(project->ledger, &run));
    run.status = RUN_SUCCEEDED;
    run.lock_digest = digest_of_text(input);
    assert_fine(ledger_finish_run(project->ledger, &run, &state, &group));
    return run;
}

static inline int64_t number(struct project *project, const char *text)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    assert_fine(sql_select(ledger_sql(project->ledger), &row, text, ""));
    assert_fine(sql_next(row, &found));
    assert_true(found);
    return sql_int(row, 0);
}

/* Finishes a run whose state has `count` stages, of which number `changed` is new. */
static inline struct digest finish_large(struct project *project, size_t count, size_t changed)
{
    struct state state = {arena_new_array(&project->arena, struct state_entry, count), count};
    for (size_t i = 0; i < count; i++) {
        state.entries[i].stage = str_print(&project->arena, "stage-%05zu", i);
        state.entries[i].key = digest_of(&i, sizeof i);
        if (i == changed % count)
            state.entries[i].result = digest_of(&changed, sizeof changed);
    }
    struct run run = {.status = RUN_SUCCEEDED};
    assert_fine(ledger_finish_run(project->ledger, &run, &state, NULL));
    return run.state;
}
