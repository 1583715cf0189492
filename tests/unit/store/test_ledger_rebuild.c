#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/host/clock.h"
#include "mlops/store/ledger.h"

#include <fcntl.h>
#include <glob.h>
#include <math.h>
#include <stdio.h>

#include "history.h"

static void environments_come_back_with_a_lost_history(void **state)
{
    (void)state;
    PROJECT(project);
    struct outcome *made[3];
    const struct outcome *outcomes[3];
    for (int i = 0; i < 3; i++) {
        made[i] = outcome_of(&project.arena, str_print(&project.arena, "s%d", i).at, "x");
        made[i]->environment = i == 1 ? STR("one") : STR("other"); /* stage 2 names stage 0's */
        outcomes[i] = made[i];
    }
    struct run run = {.pipeline = STR("pipeline.yaml")};
    struct state after = state_of(&project.arena, outcomes, 3);
    struct ledger_group group = {.run = &run, .outcomes = outcomes, .outcome_count = 3};
    assert_fine(ledger_begin_run(project.ledger, &run));
    run.status = RUN_SUCCEEDED;
    assert_fine(ledger_finish_run(project.ledger, &run, &after, &group));
    assert_int_equal(number(&project, "SELECT count(*) FROM environment"), 2);
    int64_t count = 0;
    ledger_drop(&project.ledger);
    assert_fine(ledger_rebuild(&project.arena, &project.workspace, NULL, &count));
    assert_int_equal(count, 1);
    project_reopen(&project);
    for (int i = 0; i < 3; i++) {
        struct usage usage = {0};
        struct str bytes = {0};
        bool found = false;
        assert_fine(
            ledger_making(project.ledger, &project.arena, made[i]->result, &usage, &bytes, &found));
        assert_true(found && str_is(bytes, i == 1 ? "one" : "other"));
    }
}

static void a_lost_history_is_made_again_from_the_cache(void **state)
{
    (void)state;
    PROJECT(project);
    struct run one = run_once(&project, "train", "1"), two = run_once(&project, "train", "2");
    struct digest large = finish_large(&project, 600, 1), larger = finish_large(&project, 600, 2);
    struct run crashed = {.pipeline = STR("pipeline.yaml")};
    bool found = false;
    int64_t count = 0;
    assert_fine(ledger_tag(project.ledger, one.sequence, STR("v1")));
    assert_fine(ledger_tag(project.ledger, one.sequence, STR("v2")));
    assert_fine(ledger_untag(project.ledger, STR("v2"), &found));
    assert_fine(ledger_begin_run(project.ledger, &crashed));
    assert_error(ledger_rebuild(&project.arena, &project.workspace, NULL, &count), "goes on");
    project_reopen(&project);
    ledger_drop(&project.ledger);
    scratch_write(&project.scratch, ".mlops/lineage.db", "no database at all");
    struct error *error =
        ledger_open(&project.arena, &project.workspace, false, NULL, &project.ledger);
    assert_non_null(error);
    assert_int_equal(error->code, ERROR_STORED);
    assert_non_null(strstr(error->hint, "--rebuild-lineage"));
    error_drop(error);

    assert_fine(ledger_rebuild(&project.arena, &project.workspace, NULL, &count));
    assert_int_equal(count, 5);
    project_reopen(&project);
    struct run *runs = NULL;
    size_t run_count = 0;
    assert_fine(ledger_list_runs(project.ledger, &project.arena, &(struct ledger_filter){0}, &runs,
                                 &run_count));
    assert_int_equal(run_count, 5);
    assert_true(str_equal(runs[0].id, crashed.id) && runs[0].status == RUN_CRASHED);
    assert_true(str_equal(runs[3].id, two.id) && str_equal(runs[4].id, one.id));
    assert_true(digest_equal(runs[3].state, two.state));
    assert_true(digest_equal(runs[2].state, large) && digest_equal(runs[1].state, larger));
    assert_int_equal(runs[4].tags.len, 1);
    assert_true(str_is(runs[4].tags.at[0], "v1"));
    struct ledger_io *io = NULL;
    size_t io_count = 0;
    assert_fine(ledger_stage_io(project.ledger, &project.arena, runs[4].sequence, STR("train"), &io,
                                &io_count));
    assert_int_equal(io_count, 2);
    struct str fault = {0};
    assert_fine(ledger_check(project.ledger, &project.arena, &fault));
    assert_int_equal(fault.len, 0);
}

/* Names of two files of one millisecond are in no order: here they are in the wrong one. */
static void swap_tag_files(struct project *project)
{
    struct str pattern = str_print(&project->arena, "%s/runs/*/tag-*", project->workspace.cache.at);
    glob_t files;
    assert_int_equal(glob(pattern.at, 0, NULL, &files), 0);
    assert_int_equal(files.gl_pathc, 2);
    assert_int_equal(
        renameat2(AT_FDCWD, files.gl_pathv[0], AT_FDCWD, files.gl_pathv[1], RENAME_EXCHANGE), 0);
    globfree(&files);
}

static void changes_of_tags_come_back_in_the_order_of_their_time(void **state)
{
    (void)state;
    for (int swaps = 0; swaps < 2; swaps++) {
        PROJECT(project);
        struct run one = run_once(&project, "train", "1");
        bool found = false;
        int64_t count = 0;
        assert_fine(ledger_tag(project.ledger, one.sequence, STR("v1")));
        assert_fine(ledger_untag(project.ledger, STR("v1"), &found));
        if (swaps)
            swap_tag_files(&project);
        ledger_drop(&project.ledger);
        assert_fine(ledger_rebuild(&project.arena, &project.workspace, NULL, &count));
        project_reopen(&project);
        assert_int_equal(number(&project, "SELECT count(*) FROM tag"), 0);
    }
}

/* A second rebuild: runs that did nothing have numbers and no files. */
static void runs_after_a_rebuild_stay_behind_those_before(void **state)
{
    (void)state;
    PROJECT(project);
    int64_t count = 0;
    run_once(&project, "train", "1");
    for (int i = 0; i < 5; i++)
        assert_fine(sql_run(ledger_sql(project.ledger),
                            "UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'run'", ""));
    run_once(&project, "train", "2");
    struct run last = {0};
    for (int i = 0; i < 2; i++) {
        ledger_drop(&project.ledger);
        assert_fine(ledger_rebuild(&project.arena, &project.workspace, NULL, &count));
        project_reopen(&project);
        if (i == 0)
            last = run_once(&project, "train", "3");
    }
    assert_int_equal(count, 3);
    struct run *runs = NULL;
    size_t run_count = 0;
    assert_fine(ledger_list_runs(project.ledger, &project.arena, &(struct ledger_filter){0}, &runs,
                                 &run_count));
    assert_true(run_count == 3 && str_equal(runs[0].id, last.id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(environments_come_back_with_a_lost_history),
        cmocka_unit_test(a_lost_history_is_made_again_from_the_cache),
        cmocka_unit_test(changes_of_tags_come_back_in_the_order_of_their_time),
        cmocka_unit_test(runs_after_a_rebuild_stay_behind_those_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
