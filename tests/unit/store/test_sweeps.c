#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/host/clock.h"
#include "mlops/host/process.h"
#include "mlops/store/sweeps.h"

#include <math.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "history.h"

/* Draws of one parameter: a trial is known by its number alone. */
static struct sweep sweep_of(struct arena *arena, int64_t trials)
{
    struct sweep sweep = {.pipeline = STR("pipeline.yaml"),
                          .method = SWEEP_RANDOM,
                          .repeat = 1,
                          .trials_most = trials,
                          .metric_key = STR("accuracy"),
                          .direction = HIGHER_IS_BETTER};
    *vec_push(arena, &sweep.dimensions) = (struct dimension){.file = STR("params.yaml"),
                                                             .key = STR("train.lr"),
                                                             .kind = DIMENSION_UNIFORM,
                                                             .low = 0,
                                                             .high = 1};
    return sweep;
}

static struct sweep_row begin(struct project *project, const char *name, int64_t trials)
{
    struct sweep_row row = {.sweep = sweep_of(&project->arena, trials),
                            .argv = STR("mlops sweep"),
                            .snapshot = digest_of_text("snapshot"),
                            .code = {.commit = STR("c0ffee"), .is_dirty = 0}};
    row.sweep.name = str_of(name);
    assert_fine(sweeps_begin(project->ledger, &project->arena, &row));
    return row;
}

struct taken {
    struct trial trial;
    struct lock lock;
    bool is_taken, is_all;
};

static struct taken take(struct project *project, const struct sweep_row *row)
{
    struct taken taken = {0};
    assert_fine(sweeps_take(project->ledger, &project->workspace, &project->arena, row,
                            &taken.trial, &taken.lock, &taken.is_taken, &taken.is_all));
    return taken;
}

static void save(struct project *project, const struct sweep_row *row, struct taken *taken,
                 enum trial_status status)
{
    taken->trial.status = status;
    assert_fine(sweeps_save(project->ledger, row->id, &taken->trial));
    lock_drop(&taken->lock);
}

/* A run of a trial as its process would record it. */
static struct run run_trial(struct project *project, const struct sweep_row *row, int64_t trial,
                            enum run_status status)
{
    const struct outcome *outcome =
        outcome_of(&project->arena, "train", str_print(&project->arena, "%d", (int)trial).at);
    struct state state = state_of(&project->arena, &outcome, 1);
    struct run run = {.pipeline = STR("pipeline.yaml"), .sweep = row->ulid, .trial = trial};
    struct ledger_group group = {.run = &run, .outcomes = &outcome, .outcome_count = 1};
    run.name = str_print(&project->arena, "tune-%d", (int)trial + 1);
    assert_fine(ledger_begin_run(project->ledger, &run));
    run.status = status;
    run.duration_ns = 5;
    assert_fine(ledger_finish_run(project->ledger, &run, &state, &group));
    return run;
}

static void a_sweep_reads_back(void **state)
{
    (void)state;
    PROJECT(project);
    begin(&project, "tune", 3);
    struct sweep_row *rows = NULL, single = begin(&project, "", 1);
    size_t count = 0;
    project_reopen(&project);
    assert_fine(sweeps_list(project.ledger, &project.arena, false, &rows, &count));
    assert_int_equal(count, 2);
    assert_true(str_equal(rows[0].ulid, single.ulid));
    const struct sweep_row *tune = &rows[1];
    assert_true(str_is(tune->sweep.name, "tune") && tune->sweep.trials_most == 3);
    assert_true(str_is(tune->argv, "mlops sweep") && str_is(tune->code.commit, "c0ffee"));
    assert_true(digest_equal(tune->snapshot, digest_of_text("snapshot")));
    assert_true(tune->created_ns > 0 && tune->status == SWEEP_OPEN && !tune->is_single);
    assert_fine(sweeps_finish(project.ledger, tune->id, 7, SWEEP_OPEN));
    assert_fine(sweeps_spend(project.ledger, tune->id, 5));
    assert_fine(sweeps_finish(project.ledger, tune->id, 3, SWEEP_DONE));
    assert_fine(sweeps_find(project.ledger, &project.arena, STR("tune"), &rows, &count));
    assert_int_equal(count, 1);
    assert_true(rows[0].spent_ns == 15 && rows[0].status == SWEEP_DONE);
    struct str end = str_slice(single.ulid, 18, 26);
    assert_fine(sweeps_find(project.ledger, &project.arena, end, &rows, &count));
    assert_true(count == 1 && rows[0].id == single.id);
    assert_fine(sweeps_find(project.ledger, &project.arena, STR("other"), &rows, &count));
    assert_int_equal(count, 0);
}

static void a_second_sweep_of_a_name_is_refused(void **state)
{
    (void)state;
    PROJECT(project);
    begin(&project, "tune", 3);
    struct sweep_row row = {.sweep = sweep_of(&project.arena, 3)};
    row.sweep.name = STR("tune");
    struct error *error = sweeps_begin(project.ledger, &project.arena, &row);
    assert_int_equal(error->code, ERROR_USAGE);
    error_drop(error);
}

static void trials_are_taken_in_order_until_there_are_no_more(void **state)
{
    (void)state;
    PROJECT(project);
    struct sweep_row row = begin(&project, "", 2);
    struct taken one = take(&project, &row), two = take(&project, &row), none = {0};
    assert_true(one.is_taken && one.trial.number == 0 && one.trial.attempts == 1);
    assert_true(two.is_taken && two.trial.number == 1);
    assert_int_equal(one.trial.overrides.len, 1);
    none = take(&project, &row);
    assert_false(none.is_taken || none.is_all);
    save(&project, &row, &one, TRIAL_SUCCEEDED);
    two.trial.note = STR("train: exited with 1");
    save(&project, &row, &two, TRIAL_FAILED);
    none = take(&project, &row);
    assert_true(!none.is_taken && none.is_all);
    struct trial *trials = NULL;
    size_t count = 0;
    assert_fine(sweeps_trials(project.ledger, &project.arena, row.id, &trials, &count));
    assert_int_equal(count, 2);
    assert_true(trials[0].status == TRIAL_SUCCEEDED && trials[1].status == TRIAL_FAILED);
    assert_true(str_is(trials[1].note, "train: exited with 1"));
    assert_true(str_is(trials[0].overrides.at[0].file, "params.yaml"));
    struct sweep_row *rows = NULL;
    assert_fine(sweeps_list(project.ledger, &project.arena, false, &rows, &count));
    assert_int_equal(rows[0].counts[TRIAL_SUCCEEDED], 1);
    assert_int_equal(rows[0].counts[TRIAL_FAILED], 1);
}

static void a_trial_of_a_dead_driver_is_taken_again_from_nothing(void **state)
{
    (void)state;
    PROJECT(project);
    struct sweep_row row = begin(&project, "", 2);
    struct taken one = take(&project, &row);
    struct trial_report report = {0, 1, 0.5}, *reports = NULL;
    size_t count = 0;
    bool busy = false;
    assert_fine(sweeps_report(project.ledger, row.id, &report, 1));
    assert_fine(sweeps_is_busy(&project.workspace, &row, -1, &busy));
    assert_true(busy);
    assert_fine(sweeps_is_busy(&project.workspace, &row, 1, &busy));
    assert_false(busy);
    lock_drop(&one.lock); /* as a death does */
    struct taken again = take(&project, &row);
    assert_true(again.is_taken && again.trial.number == 0 && again.trial.attempts == 2);
    assert_fine(sweeps_reports(project.ledger, &project.arena, row.id, &reports, &count));
    assert_int_equal(count, 0);
    lock_drop(&again.lock);
}

static void a_trial_that_was_given_back_comes_before_new_ones(void **state)
{
    (void)state;
    PROJECT(project);
    struct sweep_row row = begin(&project, "", 3);
    struct taken one = take(&project, &row), two = take(&project, &row);
    save(&project, &row, &one, TRIAL_WAITING);
    one = take(&project, &row);
    assert_true(one.is_taken && one.trial.number == 0 && one.trial.attempts == 2);
    save(&project, &row, &one, TRIAL_SUCCEEDED);
    save(&project, &row, &two, TRIAL_SUCCEEDED);
}

static void a_recorded_run_of_a_killed_trial_counts(void **state)
{
    (void)state;
    PROJECT(project);
    struct sweep_row row = begin(&project, "tune", 1);
    struct taken one = take(&project, &row);
    struct run run = run_trial(&project, &row, 0, RUN_SUCCEEDED);
    struct trial trial = {0};
    bool found = false;
    lock_drop(&one.lock); /* dead before it could save */
    struct taken none = take(&project, &row);
    assert_true(!none.is_taken && none.is_all);
    assert_fine(sweeps_trial(project.ledger, &project.arena, row.id, 0, &trial, &found));
    assert_true(found && trial.status == TRIAL_SUCCEEDED && str_equal(trial.run, run.id));
    assert_true(trial.has_score && fabs(trial.score - 0.94) < 1e-12);
}

static void a_run_of_an_earlier_attempt_does_not_count(void **state)
{
    (void)state;
    PROJECT(project);
    struct sweep_row row = begin(&project, "tune", 1);
    struct taken one = take(&project, &row);
    run_trial(&project, &row, 0, RUN_FAILED);
    save(&project, &row, &one, TRIAL_WAITING); /* to be tried once more */
    one = take(&project, &row);
    lock_drop(&one.lock);
    one = take(&project, &row);
    assert_true(one.is_taken && one.trial.attempts == 3);
    lock_drop(&one.lock);
}

static void a_run_knows_its_trial(void **state)
{
    (void)state;
    PROJECT(project);
    struct sweep_row row = begin(&project, "tune", 2), back = {0};
    struct taken one = take(&project, &row);
    struct run base = run_once(&project, "train", "base");
    struct run run = run_trial(&project, &row, 0, RUN_SUCCEEDED), *runs = NULL;
    struct trial trial = {0};
    size_t count = 0;
    bool found = false;
    one.trial.run = run.id;
    save(&project, &row, &one, TRIAL_SUCCEEDED);
    assert_fine(sweeps_of_run(project.ledger, &project.arena, run.id, &back, &trial, &found));
    assert_true(found && back.id == row.id && trial.number == 0);
    assert_fine(sweeps_of_run(project.ledger, &project.arena, base.id, &back, &trial, &found));
    assert_false(found);
    assert_fine(ledger_find_runs(project.ledger, &project.arena, STR("tune-1"), &runs, &count));
    assert_true(count == 1 && str_equal(runs[0].id, run.id));
    assert_true(str_equal(runs[0].sweep, row.ulid) && runs[0].trial == 0);
    assert_fine(ledger_find_runs(project.ledger, &project.arena, STR("@"), &runs, &count));
    assert_true(count == 1 && str_equal(runs[0].id, base.id));
    assert_int_equal(runs[0].sweep.len, 0);
}

static void a_name_means_the_attempt_that_counts(void **state)
{
    (void)state;
    PROJECT(project);
    struct sweep_row row = begin(&project, "tune", 2);
    struct taken one = take(&project, &row);
    struct run *runs = NULL, killed = run_trial(&project, &row, 0, RUN_INTERRUPTED);
    size_t count = 0;
    struct run run = run_trial(&project, &row, 0, RUN_SUCCEEDED);
    assert_fine(ledger_find_runs(project.ledger, &project.arena, STR("tune-1"), &runs, &count));
    assert_true(count == 1 && str_equal(runs[0].id, run.id));
    one.trial.run = killed.id;
    save(&project, &row, &one, TRIAL_STOPPED);
    assert_fine(ledger_find_runs(project.ledger, &project.arena, STR("tune-1"), &runs, &count));
    assert_true(count == 1 && str_equal(runs[0].id, killed.id));
}

static void the_later_report_of_a_step_holds(void **state)
{
    (void)state;
    PROJECT(project);
    struct sweep_row row = begin(&project, "", 2);
    struct trial_report *reports = NULL;
    const struct trial_report first[] = {{1, 2, 0.5}, {0, 9, nan("")}, {1, 1, 0.25}};
    const struct trial_report second[] = {{1, 2, 0.75}};
    size_t count = 0;
    assert_fine(sweeps_report(project.ledger, row.id, first, 3));
    assert_fine(sweeps_report(project.ledger, row.id, second, 1));
    assert_fine(sweeps_reports(project.ledger, &project.arena, row.id, &reports, &count));
    assert_int_equal(count, 3);
    assert_true(reports[0].trial == 0 && reports[0].step == 9 && isnan(reports[0].value));
    assert_true(reports[1].step == 1 && reports[2].step == 2);
    assert_true(fabs(reports[2].value - 0.75) < 1e-12);
}

static void told(void *context, const struct event *event)
{
    *(int *)context += event->kind == EVENT_WARNING;
}

static void rebuild(struct project *project)
{
    int64_t runs = 0;
    int warnings = 0;
    const struct observer observer = {.tell = told, .context = &warnings};
    ledger_drop(&project->ledger);
    assert_fine(ledger_rebuild(&project->arena, &project->workspace, &observer, &runs));
    assert_int_equal(warnings, 0);
    project_reopen(project);
}

static void sweeps_come_back_with_a_lost_history(void **state)
{
    (void)state;
    PROJECT(project);
    begin(&project, "other", 1);
    struct sweep_row row = begin(&project, "tune", 2), *rows = NULL;
    struct taken one = take(&project, &row), two = take(&project, &row);
    struct run run = run_trial(&project, &row, 0, RUN_SUCCEEDED);
    struct trial *trials = NULL;
    size_t count = 0;
    one.trial.run = run.id;
    one.trial.has_score = true;
    one.trial.score = 0.25;
    save(&project, &row, &one, TRIAL_SUCCEEDED);
    two.trial.note = STR("hopeless");
    save(&project, &row, &two, TRIAL_STOPPED);
    assert_fine(sweeps_finish(project.ledger, row.id, 9, SWEEP_DONE));
    rebuild(&project);
    assert_fine(sweeps_list(project.ledger, &project.arena, false, &rows, &count));
    assert_int_equal(count, 2);
    assert_true(str_equal(rows[0].ulid, row.ulid) && rows[0].status == SWEEP_DONE);
    assert_true(rows[0].spent_ns == 9 && rows[0].created_ns == row.created_ns);
    assert_fine(sweeps_trials(project.ledger, &project.arena, rows[0].id, &trials, &count));
    assert_int_equal(count, 2);
    assert_true(str_equal(trials[0].run, run.id) && fabs(trials[0].score - 0.25) < 1e-12);
    assert_true(trials[1].status == TRIAL_STOPPED && str_is(trials[1].note, "hopeless"));
    struct sweep_row back = {0};
    struct trial trial = {0};
    bool found = false;
    assert_fine(sweeps_of_run(project.ledger, &project.arena, run.id, &back, &trial, &found));
    assert_true(found && back.id == rows[0].id && trial.number == 0);
}

static void trials_of_a_killed_driver_come_back_by_their_runs(void **state)
{
    (void)state;
    PROJECT(project);
    struct sweep_row row = begin(&project, "tune", 4), *rows = NULL;
    struct taken taken[3];
    struct str values[3];
    size_t count = 0;
    for (int i = 0; i < 3; i++) {
        taken[i] = take(&project, &row);
        values[i] = taken[i].trial.overrides.at[0].text;
    }
    for (int i = 0; i < 3; i++)
        lock_drop(&taken[i].lock);
    run_trial(&project, &row, 2, RUN_SUCCEEDED);
    run_trial(&project, &row, 0, RUN_INTERRUPTED);
    rebuild(&project);
    assert_fine(sweeps_find(project.ledger, &project.arena, STR("tune"), &rows, &count));
    assert_true(count == 1 && rows[0].status == SWEEP_OPEN);
    struct taken first = take(&project, rows), second = take(&project, rows),
                 third = take(&project, rows), none = take(&project, rows);
    assert_true(first.is_taken && first.trial.number == 0);
    assert_true(str_equal(first.trial.overrides.at[0].text, values[0]));
    assert_true(second.is_taken && second.trial.number == 1);
    assert_true(str_equal(second.trial.overrides.at[0].text, values[1]));
    assert_true(third.is_taken && third.trial.number == 3);
    assert_false(none.is_taken);
    struct trial trial = {0};
    bool found = false;
    assert_fine(sweeps_trial(project.ledger, &project.arena, rows[0].id, 2, &trial, &found));
    assert_true(trial.status == TRIAL_SUCCEEDED && fabs(trial.score - 0.94) < 1e-12);
    lock_drop(&first.lock);
    lock_drop(&second.lock);
    lock_drop(&third.lock);
}

static void a_history_is_not_made_anew_under_a_driver(void **state)
{
    (void)state;
    PROJECT(project);
    struct sweep_row row = begin(&project, "tune", 2);
    struct taken one = take(&project, &row);
    int64_t runs = 0;
    ledger_drop(&project.ledger);
    struct error *error = ledger_rebuild(&project.arena, &project.workspace, NULL, &runs);
    assert_int_equal(error->code, ERROR_MACHINE);
    error_drop(error);
    lock_drop(&one.lock);
    project_reopen(&project);
}

struct said {
    int notices;
    bool names_sweeps;
};

static void note_said(void *context, const struct event *event)
{
    struct said *said = context;
    said->notices += event->kind == EVENT_NOTICE;
    said->names_sweeps |= str_find(event->text, STR("sweeps")) >= 0;
}

static void a_history_without_sweeps_is_read_and_brought_up_to_date(void **state)
{
    (void)state;
    PROJECT(project);
    struct run run = run_once(&project, "train", "a"), *runs = NULL;
    struct said said = {0};
    const struct observer observer = {.tell = note_said, .context = &said};
    struct sweep_row *rows = NULL;
    struct str fault = {0};
    size_t count = 0;
    assert_fine(sql_script(ledger_sql(project.ledger),
                           "DROP TABLE report; DROP TABLE trial_run; DROP TABLE trial;"
                           " DROP TABLE sweep; PRAGMA user_version = 3"));
    ledger_drop(&project.ledger);
    assert_fine(ledger_open(&project.arena, &project.workspace, true, &observer, &project.ledger));
    assert_fine(sweeps_list(project.ledger, &project.arena, true, &rows, &count));
    assert_int_equal(count, 0);
    assert_fine(ledger_find_runs(project.ledger, &project.arena, STR("@"), &runs, &count));
    assert_true(count == 1 && str_equal(runs->id, run.id));
    assert_fine(ledger_check(project.ledger, &project.arena, &fault));
    assert_true(fault.len == 0 && said.notices == 0);
    ledger_drop(&project.ledger);
    assert_fine(ledger_open(&project.arena, &project.workspace, false, &observer, &project.ledger));
    assert_true(said.notices == 2 && said.names_sweeps); /* the copy, and what is new */
    struct sweep_row row = begin(&project, "tune", 1);
    assert_true(row.id > 0);
    assert_fine(ledger_find_runs(project.ledger, &project.arena, STR("@"), &runs, &count));
    assert_int_equal(count, 1);
}

/* A trial that ended well. */
static struct run done_with(struct project *project, const struct sweep_row *row, double score)
{
    struct taken taken = take(project, row);
    struct run run = run_trial(project, row, taken.trial.number, RUN_SUCCEEDED);
    taken.trial.run = run.id;
    taken.trial.has_score = true;
    taken.trial.score = score;
    save(project, row, &taken, TRIAL_SUCCEEDED);
    return run;
}

static FALLIBLE count_snapshot(void *context, struct digest snapshot, struct digest patch)
{
    int *count = context;
    *count += digest_equal(snapshot, digest_of_text("snapshot")) && digest_is_zero(patch);
    return NULL;
}

static int count_snapshots(struct project *project, int64_t keep_runs)
{
    int count = 0;
    assert_fine(ledger_keep_sweeps(project->ledger, keep_runs, INT64_MAX, count_snapshot, &count));
    return count;
}

static void a_sweep_pushes_no_other_run_out_and_its_best_trial_stays(void **state)
{
    (void)state;
    PROJECT(project);
    struct run base = run_once(&project, "train", "base");
    struct sweep_row row = begin(&project, "tune", 30);
    struct run worse = {0}, best = done_with(&project, &row, 0.9);
    for (int i = 0; i < 25; i++)
        worse = done_with(&project, &row, 0.1 + i * 0.01);
    struct map kept = {0};
    assert_fine(ledger_kept_runs(project.ledger, &project.arena, 1, INT64_MAX, &kept));
    assert_true(kept.len == 2 && map_has(&kept, base.id) && map_has(&kept, best.id));
    assert_int_equal(count_snapshots(&project, 0), 1); /* open */
    assert_fine(sweeps_finish(project.ledger, row.id, 1, SWEEP_DONE));
    assert_int_equal(count_snapshots(&project, 1), 1);
    assert_int_equal(count_snapshots(&project, 0), 0);
    assert_fine(ledger_tag(project.ledger, worse.sequence, STR("odd")));
    assert_int_equal(count_snapshots(&project, 0), 1);
}

/* Drivers in processes of their own that die at any moment. */
enum { DRIVERS = 8, TRIALS = 200 };

static void note_done(struct project *project, int64_t number)
{
    char line[16];
    int len = snprintf(line, sizeof line, "%03d\n", (int)number);
    int fd = openat(project->scratch.fd, "done", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (write(fd, line, (size_t)len) != len)
        _exit(9);
    close(fd);
}

static void work_until_killed(const struct project *parent, const struct sweep_row *row)
{
    struct project project = {.scratch = parent->scratch, .workspace = parent->workspace};
    if (ledger_open(&project.arena, &project.workspace, false, NULL, &project.ledger))
        _exit(2);
    for (;;) {
        struct taken taken = {0};
        struct timespec pause = {0, 200 * 1000};
        if (sweeps_take(project.ledger, &project.workspace, &project.arena, row, &taken.trial,
                        &taken.lock, &taken.is_taken, &taken.is_all))
            _exit(3);
        if (taken.is_all)
            _exit(0);
        nanosleep(&pause, NULL);
        if (!taken.is_taken)
            continue;
        taken.trial.status = TRIAL_SUCCEEDED;
        if (sweeps_save(project.ledger, row->id, &taken.trial))
            _exit(4);
        note_done(&project, taken.trial.number); /* a line a trial, once it is saved */
        lock_drop(&taken.lock);
    }
}

static pid_t start(const struct project *project, const struct sweep_row *row)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        work_until_killed(project, row);
    return pid;
}

static void drivers_that_are_killed_lose_no_trial_and_do_none_twice(void **state)
{
    (void)state;
    PROJECT(project);
    struct sweep_row row = begin(&project, "", TRIALS);
    pid_t drivers[DRIVERS];
    int killed = 0, ended = 0, done[TRIALS] = {0};
    unsigned random = 7;
    ledger_drop(&project.ledger); /* nothing of SQLite crosses a fork */
    for (int i = 0; i < DRIVERS; i++)
        drivers[i] = start(&project, &row);
    while (ended < DRIVERS) {
        int i = (int)((random = random * 1103515245 + 12345) >> 16) % DRIVERS, status = 0;
        struct timespec pause = {0, 3 * 1000 * 1000 + (long)(random >> 8) % 4000000};
        nanosleep(&pause, NULL);
        if (drivers[i] == 0)
            continue;
        kill(drivers[i], SIGKILL);
        assert_int_equal(waitpid(drivers[i], &status, 0), drivers[i]);
        killed += WIFSIGNALED(status);
        drivers[i] = WIFSIGNALED(status) ? start(&project, &row) : 0;
        ended += drivers[i] == 0;
        assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    }
    project_reopen(&project);
    struct trial *trials = NULL;
    size_t count = 0;
    assert_fine(sweeps_trials(project.ledger, &project.arena, row.id, &trials, &count));
    assert_int_equal(count, TRIALS);
    for (size_t i = 0; i < count; i++)
        assert_true(trials[i].number == (int64_t)i && trials[i].status == TRIAL_SUCCEEDED);
    FILE *file = fdopen(openat(project.scratch.fd, "done", O_RDONLY | O_CLOEXEC), "r");
    for (int number = 0; fscanf(file, "%d", &number) == 1;)
        assert_int_equal(++done[number], 1);
    fclose(file);
    assert_true(killed > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sweep_reads_back),
        cmocka_unit_test(a_second_sweep_of_a_name_is_refused),
        cmocka_unit_test(trials_are_taken_in_order_until_there_are_no_more),
        cmocka_unit_test(a_trial_of_a_dead_driver_is_taken_again_from_nothing),
        cmocka_unit_test(a_trial_that_was_given_back_comes_before_new_ones),
        cmocka_unit_test(a_recorded_run_of_a_killed_trial_counts),
        cmocka_unit_test(a_run_of_an_earlier_attempt_does_not_count),
        cmocka_unit_test(a_run_knows_its_trial),
        cmocka_unit_test(a_name_means_the_attempt_that_counts),
        cmocka_unit_test(the_later_report_of_a_step_holds),
        cmocka_unit_test(sweeps_come_back_with_a_lost_history),
        cmocka_unit_test(trials_of_a_killed_driver_come_back_by_their_runs),
        cmocka_unit_test(a_history_is_not_made_anew_under_a_driver),
        cmocka_unit_test(a_history_without_sweeps_is_read_and_brought_up_to_date),
        cmocka_unit_test(a_sweep_pushes_no_other_run_out_and_its_best_trial_stays),
        cmocka_unit_test(drivers_that_are_killed_lose_no_trial_and_do_none_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
