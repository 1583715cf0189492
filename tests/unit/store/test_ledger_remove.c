#include "mlops/base/arena.h"
#include "mlops/store/sweeps.h"

#include <math.h>

#include "history.h"

static void remove_runs(struct project *project, const int64_t *sequences, size_t count)
{
    const struct ledger_removal removal = {.sequences = sequences, .count = count};
    assert_fine(ledger_remove_runs(project->ledger, &removal));
    AUTO(arena_drop) struct arena scratch = {0};
    struct str fault = {0};
    assert_fine(ledger_check(project->ledger, &scratch, &fault));
    assert_int_equal(fault.len, 0);
}

static void refuses(struct project *project, const struct ledger_removal *removal, const char *why)
{
    struct error *error = ledger_remove_runs(project->ledger, removal);
    assert_non_null(error);
    assert_int_equal(error->code, ERROR_USAGE);
    assert_non_null(strstr(error->text, why));
    error_drop(error);
}

static const char all_rows[] =
    "SELECT (SELECT count(*) FROM run) + (SELECT count(*) FROM stage_run) +"
    " (SELECT count(*) FROM reason) + (SELECT count(*) FROM log) + (SELECT count(*) FROM state) +"
    " (SELECT count(*) FROM result) + (SELECT count(*) FROM output) + (SELECT count(*) FROM recipe)"
    " + (SELECT count(*) FROM input) + (SELECT count(*) FROM param) + (SELECT count(*) FROM metric)"
    " + (SELECT count(*) FROM environment) + (SELECT count(*) FROM lane) +"
    " (SELECT count(*) FROM quantity) + (SELECT count(*) FROM course) +"
    " (SELECT count(*) FROM trial_run)";

static bool has_file(struct project *project, const struct run *run)
{
    return scratch_has(
        &project->scratch,
        str_print(&project->arena, ".mlops/cache/runs/00112233445566aa/%.*s", STR_FMT(run->id)).at);
}

static void rebuild(struct project *project, int64_t expected)
{
    int64_t runs = 0;
    ledger_drop(&project->ledger);
    assert_fine(ledger_rebuild(&project->arena, &project->workspace, NULL, &runs));
    assert_int_equal(runs, expected);
    project_reopen(project);
}

static void nothing_is_left_of_a_run_that_stood_alone(void **state)
{
    (void)state;
    PROJECT(project);
    struct run first = run_once(&project, "train", "a");
    int64_t before = number(&project, all_rows);
    struct run second = run_once(&project, "judge", "b");
    scratch_directory(&project.scratch, ".mlops/logs");
    const char *logs = str_print(&project.arena, ".mlops/logs/%.*s", STR_FMT(second.id)).at;
    scratch_directory(&project.scratch, logs);
    assert_true(has_file(&project, &second));
    remove_runs(&project, &second.sequence, 1);
    assert_int_equal(number(&project, all_rows), before);
    assert_false(has_file(&project, &second));
    assert_false(scratch_has(&project.scratch, logs));
    assert_true(has_file(&project, &first));
    rebuild(&project, 1);
    assert_int_equal(number(&project, all_rows), before);
}

static void what_another_run_knows_stays(void **state)
{
    (void)state;
    PROJECT(project);
    struct outcome *made = outcome_of(&project.arena, "train", "a");
    struct run first = run_once(&project, "train", "a");
    /* The same state once more, without doing anything: has no file of its own. */
    const struct outcome *outcomes[] = {made};
    struct state after = state_of(&project.arena, outcomes, 1), back = {0};
    struct run second = {.status = RUN_SUCCEEDED, .pipeline = STR("pipeline.yaml")};
    struct result result = {0};
    struct recipe recipe = {0};
    bool found = false;
    assert_fine(ledger_finish_run(project.ledger, &second, &after, NULL));
    assert_false(has_file(&project, &second));
    remove_runs(&project, &first.sequence, 1);
    assert_true(has_file(&project, &second));
    for (int turn = 0; turn < 2; turn++) {
        assert_fine(ledger_load_state(project.ledger, &project.arena, second.state, &back, &found));
        assert_true(found && back.count == 1);
        if (turn == 1)
            break; /* results that no run made are in the store */
        assert_fine(
            ledger_load_result(project.ledger, &project.arena, made->result, &result, &found));
        assert_true(found);
        assert_fine(ledger_load_recipe(project.ledger, &project.arena, made->key, &recipe, &found));
        assert_true(found);
        rebuild(&project, 1);
    }
}

/* Enough stages that a state is stored as what differs from the one before. */
enum { MANY = 60 };

static struct run run_many(struct project *project, int changed, const char *input)
{
    struct arena *arena = &project->arena;
    const struct outcome *outcomes[MANY];
    for (int i = 0; i < MANY; i++) {
        const char *name = str_print(arena, "stage-%02d", i).at;
        outcomes[i] = outcome_of(arena, name, i == changed ? input : "same");
    }
    struct state state = state_of(arena, outcomes, MANY);
    struct run run = {.pipeline = STR("pipeline.yaml")};
    struct ledger_group group = {.run = &run, .outcomes = &outcomes[changed], .outcome_count = 1};
    assert_fine(ledger_begin_run(project->ledger, &run));
    run.status = RUN_SUCCEEDED;
    assert_fine(ledger_finish_run(project->ledger, &run, &state, &group));
    return run;
}

static void states_that_were_changes_of_a_removed_one_are_whole(void **state)
{
    (void)state;
    PROJECT(project);
    struct run one = run_many(&project, 0, "a"), two = run_many(&project, 1, "b"),
               three = run_many(&project, 2, "c"), four = run_many(&project, 3, "d");
    const int64_t going[] = {one.sequence, three.sequence};
    struct state back = {0};
    bool found = false;
    assert_int_equal(number(&project, "SELECT count(*) FROM state WHERE base IS NOT NULL"), 3);
    remove_runs(&project, going, 2);
    assert_int_equal(number(&project, "SELECT count(*) FROM state"), 2);
    for (int turn = 0; turn < 2; turn++) {
        assert_fine(ledger_load_state(project.ledger, &project.arena, two.state, &back, &found));
        assert_true(found && back.count == MANY);
        assert_fine(ledger_load_state(project.ledger, &project.arena, four.state, &back, &found));
        assert_true(found && back.count == MANY);
        if (turn == 0)
            rebuild(&project, 2);
    }
}

/* A run that leaves one stage with the metric `value`. */
static struct run run_with(struct project *project, const char *input, double value)
{
    struct arena *arena = &project->arena;
    struct outcome *outcome = outcome_of(arena, "train", input);
    outcome->value->metrics.at[0].value = value;
    outcome->value->metrics.at[0].text = str_print(arena, "%g", value);
    outcome->result = result_digest(outcome->value);
    const struct outcome *outcomes[] = {outcome};
    struct state state = state_of(arena, outcomes, 1);
    struct run run = {.pipeline = STR("pipeline.yaml")};
    struct ledger_group group = {.run = &run, .outcomes = outcomes, .outcome_count = 1};
    assert_fine(ledger_begin_run(project->ledger, &run));
    run.status = RUN_SUCCEEDED;
    assert_fine(ledger_finish_run(project->ledger, &run, &state, &group));
    return run;
}

static void metrics_of_the_runs_that_stay_are_what_they_were(void **state)
{
    (void)state;
    PROJECT(project);
    static const double values[] = {1, 2, 2, 2, 3, 4};
    struct run runs[COUNT_OF(values)];
    for (size_t i = 0; i < COUNT_OF(values); i++)
        runs[i] = run_with(&project, str_print(&project.arena, "%d", (int)i).at, values[i]);
    const int64_t going[] = {runs[1].sequence, runs[2].sequence, runs[5].sequence};
    remove_runs(&project, going, 3);
    run_with(&project, "later", 3);
    const struct ledger_quantity accuracy = {.file = STR("metrics.json"), .key = STR("accuracy")};
    const struct ledger_want want = {.quantity = &accuracy};
    const struct ledger_filter filter = {0};
    struct ledger_scan scan = {0};
    assert_fine(ledger_scan_runs(project.ledger, &project.arena, &filter, &want, 1, &scan));
    static const double expected[] = {3, 3, 2, 1};
    assert_int_equal(scan.count, COUNT_OF(expected));
    for (size_t i = 0; i < scan.count; i++)
        assert_true(fabs(scan.columns[0][i].number - expected[i]) < 1e-12);
}

static void what_must_stay_is_refused_by_name_and_nothing_goes(void **state)
{
    (void)state;
    PROJECT(project);
    struct run tagged = run_once(&project, "train", "a"), plain = run_once(&project, "train", "b"),
               locked = run_once(&project, "train", "c"), running = {.pipeline = STR("p.yaml")};
    const struct digest lock = locked.lock_digest;
    int64_t going[] = {plain.sequence, tagged.sequence, locked.sequence, 0};
    assert_fine(ledger_tag(project.ledger, tagged.sequence, STR("best")));
    assert_fine(ledger_begin_run(project.ledger, &running));
    going[3] = running.sequence;
    struct ledger_removal removal = {going, 2, &lock, 1, false};
    refuses(&project, &removal, "is tagged 'best'");
    removal = (struct ledger_removal){&going[2], 1, &lock, 1, true};
    refuses(&project, &removal, "wrote the lock file");
    removal = (struct ledger_removal){&going[3], 1, &lock, 1, false};
    refuses(&project, &removal, "is going on");
    assert_int_equal(number(&project, "SELECT count(*) FROM run"), 4);
    removal = (struct ledger_removal){going, 1, &lock, 1, true};
    assert_fine(ledger_remove_runs(project.ledger, &removal));
    assert_int_equal(number(&project, "SELECT count(*) FROM run"), 4);
    running.status = RUN_SUCCEEDED;
    assert_fine(ledger_finish_run(project.ledger, &running, NULL, NULL));
}

static void a_trial_stays_in_its_sweep_without_its_run(void **state)
{
    (void)state;
    PROJECT(project);
    struct sweep_row row = {.sweep = {.method = SWEEP_RANDOM, .repeat = 1, .trials_most = 2}};
    struct trial trial = {0};
    struct lock lock = {0};
    bool taken = false, all = false;
    *vec_push(&project.arena, &row.sweep.dimensions) =
        (struct dimension){.key = STR("lr"), .kind = DIMENSION_UNIFORM, .high = 1};
    assert_fine(sweeps_begin(project.ledger, &project.arena, &row));
    assert_fine(sweeps_take(project.ledger, &project.workspace, &project.arena, &row, &trial, &lock,
                            &taken, &all));
    struct run run = {.pipeline = STR("pipeline.yaml"), .sweep = row.ulid};
    assert_fine(ledger_begin_run(project.ledger, &run));
    run.status = RUN_SUCCEEDED;
    assert_fine(ledger_finish_run(project.ledger, &run, NULL, NULL));
    trial.run = run.id;
    trial.status = TRIAL_SUCCEEDED;
    assert_fine(sweeps_save(project.ledger, row.id, &trial));
    remove_runs(&project, &run.sequence, 1);
    assert_fine(sweeps_trial(project.ledger, &project.arena, row.id, 0, &trial, &taken));
    assert_true(trial.status == TRIAL_SUCCEEDED && trial.run.len == 0);
    struct error *error = sweeps_remove(project.ledger, &project.workspace, &row);
    assert_non_null(strstr(error->text, "is going on"));
    error_drop(error);
    lock_drop(&lock);
    assert_fine(sweeps_remove(project.ledger, &project.workspace, &row));
    rebuild(&project, 0);
    assert_int_equal(number(&project, "SELECT (SELECT count(*) FROM sweep) +"
                                      " (SELECT count(*) FROM trial)"),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_left_of_a_run_that_stood_alone),
        cmocka_unit_test(what_another_run_knows_stays),
        cmocka_unit_test(states_that_were_changes_of_a_removed_one_are_whole),
        cmocka_unit_test(metrics_of_the_runs_that_stay_are_what_they_were),
        cmocka_unit_test(what_must_stay_is_refused_by_name_and_nothing_goes),
        cmocka_unit_test(a_trial_stays_in_its_sweep_without_its_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
