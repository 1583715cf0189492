/* Metrics and parameters of many runs: what a scan says is what each run's own state says. */
#include <math.h>

#include "history.h"

enum { STAGES = 6, RUNS = 120, VERSIONS = 3 };

/* Stage s0, s1, ... in one of its versions; version 0 has neither metric nor parameter. */
static struct outcome *version_of(struct arena *arena, int stage, int version)
{
    struct outcome *outcome = arena_new(arena, struct outcome);
    struct stage *named = arena_new(arena, struct stage);
    struct recipe *recipe = arena_new(arena, struct recipe);
    struct result *result = arena_new(arena, struct result);
    struct buf body = buf_in(arena), value = buf_in(arena);
    named->name = str_print(arena, "s%d", stage);
    recipe->cmd = (struct command){.items = arena_new(arena, struct str), .count = 1};
    recipe->cmd.items[0] = str_print(arena, "make %d %d", stage, version);
    if (version) {
        canon_int(&value, version);
        recipe->params = arena_new(arena, struct recipe_param);
        recipe->params[0] = (struct recipe_param){str_print(arena, "p%d.yaml", stage), STR("lr"),
                                                  buf_str(&value), str_print(arena, "%d", version)};
        recipe->param_count = 1;
        *vec_push(arena, &result->metrics) =
            (struct metric){str_print(arena, "m%d.json", stage), STR("f1"),
                            str_print(arena, "0.%d", version), version / 10.0, false};
    }
    recipe_encode(recipe, &body);
    result->recipe = buf_str(&body);
    result->key = recipe_key(recipe);
    result->stage = named->name;
    result->run = STR("01ARZ3NDEKTSV4RRFFQ69G5FAV");
    *outcome = (struct outcome){.stage = named,
                                .status = STATUS_EXECUTED,
                                .key = result->key,
                                .result = result_digest(result),
                                .value = result,
                                .recipe = recipe};
    outcome->usage.attempts = 1;
    return outcome;
}

/* Versions of all stages; -1: the pipeline has no such stage. */
static void run_versions(struct project *project, const char *pipeline, const int *versions)
{
    struct arena *arena = &project->arena;
    const struct outcome *outcomes[STAGES];
    struct state state = {arena_new_array(arena, struct state_entry, STAGES), 0};
    size_t count = 0;
    for (int i = 0; i < STAGES; i++) {
        if (versions[i] < 0)
            continue;
        const struct outcome *outcome = version_of(arena, i, versions[i]);
        outcomes[count++] = outcome;
        state.entries[state.count++] =
            (struct state_entry){outcome->stage->name, outcome->key, outcome->result};
    }
    struct run run = {.pipeline = str_of(pipeline), .status = RUN_SUCCEEDED, .started_ns = 10};
    struct ledger_group group = {.run = &run, .outcomes = outcomes, .outcome_count = count};
    assert_fine(ledger_finish_run(project->ledger, &run, &state, &group));
}

static unsigned next(unsigned *seed)
{
    *seed = *seed * 1103515245 + 12345;
    return *seed >> 16;
}

static void check_value(const struct filter_value *value, int version, double scale)
{
    if (version <= 0) {
        assert_true(isnan(value->number) && !value->text.at);
        return;
    }
    assert_true(fabs(value->number - version * scale) < 1e-12);
}

static void check_scan(struct project *project, int histories[][STAGES], int count)
{
    for (int i = 0; i < STAGES; i++) {
        struct ledger_quantity metric = {false, str_print(&project->arena, "m%d.json", i),
                                         STR("f1")};
        struct ledger_quantity param = {true, str_print(&project->arena, "p%d.yaml", i), STR("lr")};
        struct ledger_want wants[] = {
            {LEDGER_RUN, &metric}, {LEDGER_STATUS, NULL}, {LEDGER_RUN, &param}};
        struct ledger_scan scan;
        assert_fine(ledger_scan_runs(project->ledger, &project->arena, &(struct ledger_filter){0},
                                     wants, COUNT_OF(wants), &scan));
        assert_int_equal(scan.count, count);
        for (int r = 0; r < count; r++) { /* newest first */
            int version = histories[count - 1 - r][i];
            check_value(&scan.columns[0][r], version, 0.1);
            check_value(&scan.columns[2][r], version, 1);
            assert_true(str_is(scan.columns[1][r].text, "succeeded"));
            assert_int_equal(scan.sequences[r], count - r);
        }
    }
}

static int64_t number_in(struct project *project, const char *text)
{
    AUTO(sql_row_drop) struct sql_row *row = NULL;
    bool found = false;
    assert_fine(sql_select(ledger_sql(project->ledger), &row, text, ""));
    assert_fine(sql_next(row, &found));
    assert_true(found);
    return sql_int(row, 0);
}

static void reopen(struct project *project, bool is_read_only)
{
    ledger_drop(&project->ledger);
    assert_fine(
        ledger_open(&project->arena, &project->workspace, is_read_only, NULL, &project->ledger));
}

/* Stages come, go, change and come back; two pipelines by turns. */
static void make_history(struct project *project, unsigned seed, int histories[][STAGES])
{
    int now[2][STAGES] = {{0}};
    for (int r = 0; r < RUNS; r++) {
        int which = next(&seed) % 4 == 0;
        for (unsigned changes = next(&seed) % 3; changes; changes--)
            now[which][next(&seed) % STAGES] = (int)(next(&seed) % (VERSIONS + 2)) - 1;
        memcpy(histories[r], now[which], sizeof now[which]);
        run_versions(project, which ? "other.yaml" : "pipeline.yaml", now[which]);
    }
}

static void a_scan_says_what_each_state_says(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 5; seed++) {
        PROJECT(project);
        int histories[RUNS][STAGES];
        make_history(&project, seed, histories);
        check_scan(&project, histories, RUNS);
        int64_t rows = number_in(&project, "SELECT count(*) FROM course");

        assert_fine(sql_script(ledger_sql(project.ledger),
                               "DROP TABLE report; DROP TABLE trial_run; DROP TABLE trial;"
                               " DROP TABLE sweep;"
                               " DROP TABLE course; DROP TABLE quantity; DROP TABLE lane;"
                               " PRAGMA user_version = 2"));
        reopen(&project, true); /* an older file that is only read */
        check_scan(&project, histories, RUNS);
        reopen(&project, false); /* brought up to date */
        check_scan(&project, histories, RUNS);
        assert_int_equal(number_in(&project, "SELECT count(*) FROM course"), rows);
    }
}

static void what_stays_adds_no_rows(void **state)
{
    (void)state;
    PROJECT(project);
    int versions[STAGES] = {1, 1, 1, 1, 1, 1};
    const char *rows = "SELECT (SELECT count(*) FROM course) + (SELECT count(*) FROM lane) +"
                       " (SELECT count(*) FROM quantity)";
    run_versions(&project, "pipeline.yaml", versions);
    int64_t before = number_in(&project, rows);
    assert_int_equal(before, STAGES * 2 * 2 + 1);
    run_versions(&project, "pipeline.yaml", versions);
    assert_int_equal(number_in(&project, rows), before);
    versions[3] = 2; /* a metric and a parameter, and the state */
    run_versions(&project, "pipeline.yaml", versions);
    assert_int_equal(number_in(&project, rows), before + 3);
    versions[3] = 1; /* a state that is known */
    run_versions(&project, "pipeline.yaml", versions);
    assert_int_equal(number_in(&project, rows), before + 3);
}

static void quantities_are_listed_once(void **state)
{
    (void)state;
    PROJECT(project);
    int versions[STAGES] = {1, 2, -1, -1, 0, -1};
    struct ledger_quantity *all = NULL;
    size_t count = 0;
    run_versions(&project, "pipeline.yaml", versions);
    run_versions(&project, "other.yaml", versions);
    assert_fine(ledger_quantities(project.ledger, &project.arena, &all, &count));
    assert_int_equal(count, 4);
    assert_true(!all[0].is_param && str_is(all[0].file, "m0.json") && str_is(all[0].key, "f1"));
    assert_true(all[3].is_param && str_is(all[3].file, "p1.yaml") && str_is(all[3].key, "lr"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scan_says_what_each_state_says),
        cmocka_unit_test(what_stays_adds_no_rows),
        cmocka_unit_test(quantities_are_listed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
