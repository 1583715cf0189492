#include "mlops/engine/aside.h"
#include "mlops/host/clock.h"
#include "mlops/store/ledger.h"

#include <sys/file.h>

#include "../../../src/engine/aside_private.h"
#include "rig.h"

static const char pipeline[] = "stages:\n"
                               "  a:\n"
                               "    cmd: 'true'\n"
                               "    outs: [out.txt, dir, {log.txt: {persist: true}}]\n";

/* The attempt as it is while the command runs: outputs set aside. */
static struct attempt begin(struct rig *rig, struct str run)
{
    const struct stage *stage = rig_stage(rig, "a");
    struct attempt attempt = {0};
    bool taken = false;
    const struct digest key = digest_of("key", 3);
    assert_fine(attempt_begin(rig->session, stage, &key, run, &attempt, &taken));
    assert_true(taken);
    assert_fine(attempt_set_aside(rig->session, stage, rig_outs(rig, stage), &attempt));
    return attempt;
}

static void earlier_outputs(const struct rig *rig)
{
    scratch_write(&rig->scratch, "out.txt", "before");
    scratch_directory(&rig->scratch, "dir");
    scratch_write(&rig->scratch, "dir/x", "before");
    scratch_write(&rig->scratch, "log.txt", "before");
}

static void command_runs(const struct rig *rig)
{
    scratch_write(&rig->scratch, "out.txt", "after");
    scratch_directory(&rig->scratch, "dir");
    scratch_write(&rig->scratch, "dir/y", "after");
    scratch_write(&rig->scratch, "log.txt", "after");
}

static bool has_attempts(const struct rig *rig)
{
    struct stat seen;
    return fstatat(rig->scratch.fd, ".mlops/aside", &seen, 0) == 0 && seen.st_nlink > 2;
}

static void expect_before(const struct rig *rig)
{
    scratch_expect(&rig->scratch, "out.txt", "before");
    scratch_expect(&rig->scratch, "dir/x", "before");
    assert_false(scratch_has(&rig->scratch, "dir/y"));
    scratch_expect(&rig->scratch, "log.txt", "before");
    assert_false(has_attempts(rig));
}

static void the_command_finds_nothing_but_what_persists(void **state)
{
    (void)state;
    struct rig rig = rig_open(pipeline);
    earlier_outputs(&rig);
    struct attempt attempt = begin(&rig, STR("RUN"));
    assert_false(scratch_has(&rig.scratch, "out.txt"));
    assert_false(scratch_has(&rig.scratch, "dir"));
    scratch_expect(&rig.scratch, "log.txt", "before");
    attempt_drop(&attempt);
    rig_drop(&rig);
}

static void a_failure_brings_everything_back_and_keeps_what_was_made(void **state)
{
    (void)state;
    struct rig rig = rig_open(pipeline);
    earlier_outputs(&rig);
    struct attempt attempt = begin(&rig, STR("RUN"));
    command_runs(&rig);
    assert_fine(attempt_undo(rig.session, &attempt, STR("failed/RUN/a")));
    expect_before(&rig);
    scratch_expect(&rig.scratch, ".mlops/failed/RUN/a/out.txt", "after");
    scratch_expect(&rig.scratch, ".mlops/failed/RUN/a/dir/y", "after");
    scratch_expect(&rig.scratch, ".mlops/failed/RUN/a/log.txt", "after");
    attempt_drop(&attempt);
    rig_drop(&rig);
}

static void what_was_not_there_before_is_gone_after_a_failure(void **state)
{
    (void)state;
    struct rig rig = rig_open(pipeline);
    struct attempt attempt = begin(&rig, STR("RUN"));
    command_runs(&rig);
    assert_fine(attempt_undo(rig.session, &attempt, STR("failed/RUN/a")));
    assert_false(scratch_has(&rig.scratch, "out.txt"));
    assert_false(scratch_has(&rig.scratch, "dir"));
    assert_false(scratch_has(&rig.scratch, "log.txt"));
    scratch_expect(&rig.scratch, ".mlops/failed/RUN/a/out.txt", "after");
    attempt_drop(&attempt);
    rig_drop(&rig);
}

static void a_success_displaces_what_is_the_only_copy(void **state)
{
    (void)state;
    struct rig rig = rig_open(pipeline);
    int displaced = 0;
    earlier_outputs(&rig);
    struct attempt attempt = begin(&rig, STR("RUN"));
    command_runs(&rig);
    assert_fine(attempt_complete(rig.session, &attempt, &displaced));
    assert_int_equal(displaced, 2);
    scratch_expect(&rig.scratch, "out.txt", "after");
    scratch_expect(&rig.scratch, ".mlops/displaced/RUN/out.txt", "before");
    scratch_expect(&rig.scratch, ".mlops/displaced/RUN/dir/x", "before");
    assert_false(has_attempts(&rig));
    attempt_drop(&attempt);
    rig_drop(&rig);
}

static void a_success_forgets_what_the_store_holds(void **state)
{
    (void)state;
    struct rig rig = rig_open(pipeline);
    struct artifact kept;
    int displaced = 0;
    earlier_outputs(&rig);
    assert_fine(worktree_capture(rig.session->worktree, STR("out.txt"), &kept));
    assert_fine(worktree_capture(rig.session->worktree, STR("dir"), &kept));
    assert_fine(cas_flush(rig.session->cas));
    struct attempt attempt = begin(&rig, STR("RUN"));
    command_runs(&rig);
    assert_fine(attempt_complete(rig.session, &attempt, &displaced));
    assert_int_equal(displaced, 0);
    assert_false(scratch_has(&rig.scratch, ".mlops/displaced"));
    assert_false(has_attempts(&rig));
    attempt_drop(&attempt);
    rig_drop(&rig);
}

static void nobody_else_gets_the_stage_meanwhile(void **state)
{
    (void)state;
    const struct digest other_key = digest_of("other", 5);
    struct rig rig = rig_open(pipeline);
    struct attempt attempt = begin(&rig, STR("RUN")), other = {0};
    bool taken = true;
    assert_fine(
        attempt_begin(rig.session, rig_stage(&rig, "a"), &other_key, STR("RUN2"), &other, &taken));
    assert_false(taken);
    assert_fine(attempt_undo(rig.session, &attempt, STR("failed/RUN/a")));
    attempt_drop(&attempt);
    assert_fine(
        attempt_begin(rig.session, rig_stage(&rig, "a"), &other_key, STR("RUN2"), &other, &taken));
    assert_true(taken);
    attempt_drop(&other);
    rig_drop(&rig);
}

static void the_attempt_of_a_dead_run_is_undone(void **state)
{
    (void)state;
    struct rig rig = rig_open(pipeline);
    earlier_outputs(&rig);
    struct attempt attempt = begin(&rig, STR("RUN"));
    command_runs(&rig);
    attempt_drop(&attempt); /* as the kernel does when mlops is killed */
    assert_fine(aside_recover(rig.session));
    expect_before(&rig);
    rig_drop(&rig);
}

static void a_note_of_processes_torn_by_a_power_cut_stops_nothing(void **state)
{
    (void)state;
    struct rig rig = rig_open(pipeline);
    earlier_outputs(&rig);
    struct attempt attempt = begin(&rig, STR("RUN"));
    char path[128];
    snprintf(path, sizeof path, ".mlops/%.*s/process", STR_FMT(attempt.folder));
    scratch_write(&rig.scratch, path, "");
    command_runs(&rig);
    attempt_drop(&attempt);
    assert_fine(aside_recover(rig.session));
    expect_before(&rig);
    rig_drop(&rig);
}

static void a_dead_run_that_had_moved_only_some_outputs_is_undone(void **state)
{
    (void)state;
    struct rig rig = rig_open(pipeline);
    earlier_outputs(&rig);
    struct attempt attempt = begin(&rig, STR("RUN"));
    char from[128];
    snprintf(from, sizeof from, ".mlops/%.*s/0", STR_FMT(attempt.folder));
    assert_int_equal(renameat(rig.scratch.fd, from, rig.scratch.fd, "out.txt"), 0);
    attempt_drop(&attempt);
    assert_fine(aside_recover(rig.session));
    expect_before(&rig);
    rig_drop(&rig);
}

static void the_attempt_of_a_living_run_is_left_alone(void **state)
{
    (void)state;
    struct rig rig = rig_open(pipeline);
    struct lock alive = {0};
    bool taken = false;
    earlier_outputs(&rig);
    struct attempt attempt = begin(&rig, STR("RUN"));
    assert_fine(lock_take(fd_number(rig.session->workspace.state_fd), "locks/run-RUN",
                          LOCK_EXCLUSIVE, 0, NULL, NULL, &alive, &taken));
    assert_fine(aside_recover(rig.session));
    assert_true(has_attempts(&rig));
    assert_false(scratch_has(&rig.scratch, "out.txt"));
    lock_drop(&alive);
    attempt_drop(&attempt);
    assert_fine(aside_recover(rig.session));
    expect_before(&rig);
    rig_drop(&rig);
}

/* As a run does it, up to the commit point. */
static void record(struct rig *rig, struct str run_id, const struct attempt *attempt)
{
    struct ledger *ledger = NULL;
    struct run run = {.id = run_id, .status = RUN_RUNNING, .pipeline = STR("pipeline.yaml")};
    struct str cmd = STR("true");
    struct recipe recipe = {.cmd = {.items = &cmd, .count = 1}};
    struct outcome outcome = {.stage = rig_stage(rig, "a"),
                              .status = STATUS_REJECTED,
                              .key = recipe_key(&recipe),
                              .recipe = &recipe,
                              .attempt = attempt->id};
    const struct outcome *outcomes[] = {&outcome};
    struct ledger_group group = {.run = &run, .outcomes = outcomes, .outcome_count = 1};
    assert_fine(session_ledger(rig->session, &ledger));
    assert_fine(ledger_begin_run(ledger, &run));
    assert_fine(ledger_record(ledger, &group));
}

static void a_recorded_attempt_of_a_dead_run_is_completed(void **state)
{
    (void)state;
    struct rig rig = rig_open(pipeline);
    earlier_outputs(&rig);
    struct str run = clock_ulid(rig.arena);
    struct attempt attempt = begin(&rig, run);
    command_runs(&rig);
    record(&rig, run, &attempt);
    attempt_drop(&attempt);
    session_drop(rig.session);
    rig_reopen(&rig);
    assert_fine(aside_recover(rig.session));
    scratch_expect(&rig.scratch, "out.txt", "after");
    scratch_expect(&rig.scratch, "log.txt", "after");
    assert_false(has_attempts(&rig));
    char name[96];
    snprintf(name, sizeof name, ".mlops/displaced/%.*s/out.txt", STR_FMT(run));
    scratch_expect(&rig.scratch, name, "before");
    rig_drop(&rig);
}

static void a_journal_that_was_being_written_is_litter(void **state)
{
    (void)state;
    struct rig rig = rig_open(pipeline);
    scratch_write(&rig.scratch, "out.txt", "before");
    scratch_directory(&rig.scratch, ".mlops/aside");
    scratch_directory(&rig.scratch, ".mlops/aside/01J00000000000000000000000");
    scratch_write(&rig.scratch, ".mlops/aside/01J00000000000000000000000/journal", "half");
    assert_fine(aside_recover(rig.session));
    scratch_expect(&rig.scratch, "out.txt", "before");
    assert_false(has_attempts(&rig));
    rig_drop(&rig);
}

static void a_journal_cut_anywhere_is_refused(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(buf_drop) struct buf bytes = {0};
    struct aside_entry entries[] = {{STR("a"), ASIDE_KEEP}, {STR("b/c"), ASIDE_COPIED}};
    struct aside_journal journal = {STR("run"), STR("stage"), entries, COUNT_OF(entries)}, read;
    journal_encode(&journal, &bytes);
    assert_fine(journal_decode(&arena, buf_str(&bytes), &read));
    assert_int_equal(read.count, 2);
    assert_int_equal(read.entries[1].state, ASIDE_COPIED);
    assert_true(str_is(read.entries[1].path, "b/c"));
    for (size_t len = 0; len < bytes.len; len++) {
        struct error *error = journal_decode(&arena, (struct str){bytes.at, len}, &read);
        assert_non_null(error);
        error_drop(error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_command_finds_nothing_but_what_persists),
        cmocka_unit_test(a_failure_brings_everything_back_and_keeps_what_was_made),
        cmocka_unit_test(what_was_not_there_before_is_gone_after_a_failure),
        cmocka_unit_test(a_success_displaces_what_is_the_only_copy),
        cmocka_unit_test(a_success_forgets_what_the_store_holds),
        cmocka_unit_test(nobody_else_gets_the_stage_meanwhile),
        cmocka_unit_test(the_attempt_of_a_dead_run_is_undone),
        cmocka_unit_test(a_note_of_processes_torn_by_a_power_cut_stops_nothing),
        cmocka_unit_test(a_dead_run_that_had_moved_only_some_outputs_is_undone),
        cmocka_unit_test(the_attempt_of_a_living_run_is_left_alone),
        cmocka_unit_test(a_recorded_attempt_of_a_dead_run_is_completed),
        cmocka_unit_test(a_journal_that_was_being_written_is_litter),
        cmocka_unit_test(a_journal_cut_anywhere_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
