#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/host/clock.h"
#include "mlops/store/ledger.h"

#include <fcntl.h>
#include <glob.h>
#include <math.h>
#include <stdio.h>

#include "history.h"

static struct ledger_group lock_group(struct run *run, const char *before, const char *content)
{
    static struct ledger_lock locks[8];
    static size_t used;
    struct ledger_lock *lock = &locks[used++ % COUNT_OF(locks)];
    *lock = (struct ledger_lock){
        .path = STR("pipeline.lock"),
        .before = before ? digest_of_text(before) : (struct digest){{0}},
        .bytes = str_of(content),
    };
    return (struct ledger_group){.run = run, .locks = lock, .lock_count = 1};
}

static void a_promised_lock_file_is_written_after_a_crash(void **state)
{
    (void)state;
    PROJECT(project);
    struct run run = {.pipeline = STR("pipeline.yaml")};
    assert_fine(ledger_begin_run(project.ledger, &run));
    struct ledger_group group = lock_group(&run, NULL, "new");
    assert_fine(ledger_record(project.ledger, &group));
    assert_false(scratch_has(&project.scratch, "pipeline.lock"));
    project_reopen(&project);
    scratch_expect(&project.scratch, "pipeline.lock", "new");
    assert_int_equal(number(&project, "SELECT count(*) FROM pending_lock"), 0);
}

static void a_promised_lock_file_waits_for_whoever_records(void **state)
{
    (void)state;
    PROJECT(project);
    AUTO(lock_drop) struct lock turn = {0};
    struct run run = {.pipeline = STR("pipeline.yaml")};
    bool taken = false;
    assert_fine(ledger_begin_run(project.ledger, &run));
    struct ledger_group group = lock_group(&run, NULL, "new");
    assert_fine(ledger_record(project.ledger, &group));
    assert_fine(lock_take(fd_number(project.workspace.state_fd), LEDGER_TURN, LOCK_EXCLUSIVE, 0,
                          NULL, NULL, &turn, &taken));
    project_reopen(&project);
    assert_false(scratch_has(&project.scratch, "pipeline.lock"));
    assert_int_equal(number(&project, "SELECT count(*) FROM pending_lock"), 1);
    lock_drop(&turn);
    turn = (struct lock){0};
    project_reopen(&project);
    scratch_expect(&project.scratch, "pipeline.lock", "new");
}

static void a_promised_lock_file_whose_directory_is_gone_is_forgotten(void **state)
{
    (void)state;
    PROJECT(project);
    struct run run = {.pipeline = STR("gone/pipeline.yaml")};
    assert_fine(ledger_begin_run(project.ledger, &run));
    struct ledger_lock gone = {.path = STR("gone/pipeline.lock"), .bytes = STR("new")};
    struct ledger_group group = {.run = &run, .locks = &gone, .lock_count = 1};
    assert_fine(ledger_record(project.ledger, &group));
    project_reopen(&project);
    assert_int_equal(number(&project, "SELECT count(*) FROM pending_lock"), 0);
}

static void a_lock_file_that_git_has_changed_is_left_alone(void **state)
{
    (void)state;
    PROJECT(project);
    struct run run = {.pipeline = STR("pipeline.yaml")};
    assert_fine(ledger_begin_run(project.ledger, &run));
    scratch_write(&project.scratch, "pipeline.lock", "other");
    struct ledger_group group = lock_group(&run, "old", "new");
    struct str_vec left = {0};
    assert_fine(ledger_record(project.ledger, &group));
    assert_fine(ledger_write_locks(project.ledger, &project.workspace, &project.arena, &left));
    assert_int_equal(left.len, 1);
    assert_true(str_is(left.at[0], "pipeline.lock"));
    scratch_expect(&project.scratch, "pipeline.lock", "other");
    scratch_write(&project.scratch, "pipeline.lock", "old"); /* git checkout: not ours to redo */
    project_reopen(&project);
    scratch_expect(&project.scratch, "pipeline.lock", "old");
}

static void a_second_promise_replaces_the_first(void **state)
{
    (void)state;
    PROJECT(project);
    struct run run = {.pipeline = STR("pipeline.yaml")};
    struct str_vec left = {0};
    assert_fine(ledger_begin_run(project.ledger, &run));
    scratch_write(&project.scratch, "pipeline.lock", "old");
    struct ledger_group first = lock_group(&run, "old", "new");
    struct ledger_group second = lock_group(&run, "new", "newer");
    assert_fine(ledger_record(project.ledger, &first));
    assert_fine(ledger_record(project.ledger, &second));
    assert_fine(ledger_write_locks(project.ledger, &project.workspace, &project.arena, &left));
    assert_int_equal(left.len, 0);
    scratch_expect(&project.scratch, "pipeline.lock", "newer");
}

static void several_promised_lock_files_are_each_completed_for_itself(void **state)
{
    (void)state;
    PROJECT(project);
    struct run run = {.pipeline = STR("dvc.yaml")};
    assert_fine(ledger_begin_run(project.ledger, &run));
    scratch_write(&project.scratch, "a.lock", "old");
    scratch_write(&project.scratch, "b.lock", "edited");
    scratch_directory(&project.scratch, "sub");
    struct ledger_lock locks[] = {
        {STR("a.lock"), digest_of_text("old"), STR("new a")},
        {STR("b.lock"), digest_of_text("old"), STR("new b")},
        {.path = STR("sub/c.lock"), .bytes = STR("new c")},
    };
    struct ledger_group group = {.run = &run, .locks = locks, .lock_count = COUNT_OF(locks)};
    assert_fine(ledger_record(project.ledger, &group));
    project_reopen(&project); /* after a crash */
    scratch_expect(&project.scratch, "a.lock", "new a");
    scratch_expect(&project.scratch, "b.lock", "edited");
    scratch_expect(&project.scratch, "sub/c.lock", "new c");
    assert_int_equal(number(&project, "SELECT count(*) FROM pending_lock"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_promised_lock_file_is_written_after_a_crash),
        cmocka_unit_test(a_promised_lock_file_waits_for_whoever_records),
        cmocka_unit_test(a_promised_lock_file_whose_directory_is_gone_is_forgotten),
        cmocka_unit_test(a_lock_file_that_git_has_changed_is_left_alone),
        cmocka_unit_test(a_second_promise_replaces_the_first),
        cmocka_unit_test(several_promised_lock_files_are_each_completed_for_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
