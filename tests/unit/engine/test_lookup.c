#include "mlops/engine/lookup.h"
#include "mlops/store/results.h"

#include "rig.h"

static const char pipeline[] = "stages:\n"
                               "  a: {cmd: 'true', deps: [in], outs: [out.txt]}\n"
                               "  grow: {cmd: 'true', outs: [{log.txt: {persist: true}}]}\n"
                               "  always: {cmd: 'true', always_changed: true, outs: [x]}\n"
                               "  callback: {cmd: 'true'}\n";

struct looking {
    struct rig rig;
    const struct stage *stage;
    struct fingerprint print;
};

static struct looking looking_open(const char *stage)
{
    struct looking looking = {.rig = rig_open(pipeline)};
    scratch_write(&looking.rig.scratch, "in", "input");
    looking.stage = rig_stage(&looking.rig, stage);
    assert_fine(fingerprint_stage(looking.rig.session, looking.stage, NULL, &looking.print));
    return looking;
}

static struct verdict look(struct looking *looking, const struct lookup_options *options)
{
    struct verdict verdict;
    for (size_t i = 0; i < looking->stage->outs.len; i++)
        worktree_forget(looking->rig.session->worktree, looking->stage->outs.at[i].path);
    assert_fine(lookup_stage(looking->rig.session, looking->stage, &looking->print, options, true,
                             &verdict));
    return verdict;
}

static struct verdict look_plainly(struct looking *looking)
{
    return look(looking, &(struct lookup_options){0});
}

/* A success of the stage that made `text`; the work tree holds it afterwards. */
static struct digest success(struct looking *looking, const char *text, bool is_stored,
                             bool is_rejected)
{
    struct session *session = looking->rig.session;
    const struct output *output = &looking->stage->outs.at[0];
    struct buf recipe = buf_in(looking->rig.arena);
    struct artifact out;
    struct digest id;
    scratch_write(&looking->rig.scratch, str_copy(looking->rig.arena, output->path).at, text);
    worktree_forget(session->worktree, output->path);
    if (is_stored)
        assert_fine(worktree_capture(session->worktree, output->path, &out));
    else
        assert_fine(worktree_look(session->worktree, output->path, LOOK_OUT, &out));
    out.path = output->path;
    out.is_stored = is_stored;
    recipe_encode(looking->print.recipe, &recipe);
    struct result result = {.key = looking->print.key,
                            .recipe = buf_str(&recipe),
                            .stage = looking->stage->name,
                            .run = str_of(text), /* so that equal outputs are two results */
                            .outs = &out,
                            .out_count = 1,
                            .is_rejected = is_rejected};
    assert_fine(cas_flush(session->cas));
    assert_fine(results_put(looking->rig.arena, &session->workspace, &result, &id));
    return id;
}

static void expect(const struct verdict *verdict, enum verdict_kind kind, struct digest id)
{
    assert_int_equal(verdict->kind, kind);
    assert_true(digest_equal(verdict->result_id, id));
}

static void expect_run(const struct verdict *verdict, enum reason_part reason)
{
    bool found = false;
    assert_int_equal(verdict->kind, VERDICT_RUN);
    assert_null(verdict->result);
    for (size_t i = 0; i < verdict->reasons.len; i++)
        found = found || verdict->reasons.at[i].part == reason;
    assert_true(found);
}

static void what_was_never_made_runs(void **state)
{
    (void)state;
    struct looking looking = looking_open("a");
    struct verdict verdict = look_plainly(&looking);
    expect_run(&verdict, REASON_NEVER_RUN);
    rig_drop(&looking.rig);
}

static void any_known_result_in_place_is_unchanged(void **state)
{
    (void)state;
    struct looking looking = looking_open("a");
    struct digest first = success(&looking, "first", true, false);
    struct digest second = success(&looking, "second", true, false);
    struct verdict verdict = look_plainly(&looking);
    expect(&verdict, VERDICT_UNCHANGED, second);
    scratch_write(&looking.rig.scratch, "out.txt", "first");
    verdict = look_plainly(&looking);
    expect(&verdict, VERDICT_UNCHANGED, first);
    assert_int_equal(verdict.reasons.len, 0);
    rig_drop(&looking.rig);
}

static void the_newest_result_is_restored_when_none_is_in_place(void **state)
{
    (void)state;
    struct looking looking = looking_open("a");
    success(&looking, "first", true, false);
    struct digest second = success(&looking, "second", true, false);
    scratch_write(&looking.rig.scratch, "out.txt", "edited");
    struct verdict verdict = look_plainly(&looking);
    expect(&verdict, VERDICT_RESTORE, second);
    assert_int_equal(verdict.reasons.len, 1);
    assert_int_equal(verdict.reasons.at[0].part, REASON_OUTPUT);
    unlinkat(looking.rig.scratch.fd, "out.txt", 0);
    verdict = look_plainly(&looking);
    expect(&verdict, VERDICT_RESTORE, second);
    rig_drop(&looking.rig);
}

static void an_older_result_is_restored_when_the_newest_is_not_stored(void **state)
{
    (void)state;
    struct looking looking = looking_open("a");
    struct digest first = success(&looking, "first", true, false);
    success(&looking, "second", false, false);
    unlinkat(looking.rig.scratch.fd, "out.txt", 0);
    struct verdict verdict = look_plainly(&looking);
    expect(&verdict, VERDICT_RESTORE, first);
    rig_drop(&looking.rig);
}

static void a_result_that_is_not_stored_is_found_in_place_but_not_restored(void **state)
{
    (void)state;
    struct looking looking = looking_open("a");
    struct digest only = success(&looking, "only", false, false);
    struct verdict verdict = look_plainly(&looking);
    expect(&verdict, VERDICT_UNCHANGED, only);
    unlinkat(looking.rig.scratch.fd, "out.txt", 0);
    verdict = look_plainly(&looking);
    expect_run(&verdict, REASON_NOT_STORED);
    rig_drop(&looking.rig);
}

static void a_rejection_is_never_reused(void **state)
{
    (void)state;
    struct looking looking = looking_open("a");
    success(&looking, "rejected", true, true);
    struct verdict verdict = look_plainly(&looking);
    expect_run(&verdict, REASON_REJECTED);
    unlinkat(looking.rig.scratch.fd, "out.txt", 0);
    verdict = look_plainly(&looking);
    assert_int_equal(verdict.kind, VERDICT_RUN);
    rig_drop(&looking.rig);
}

static void force_ignores_what_is_known(void **state)
{
    (void)state;
    struct looking looking = looking_open("a");
    success(&looking, "made", true, false);
    struct verdict verdict = look(&looking, &(struct lookup_options){.force = true});
    expect_run(&verdict, REASON_FORCED);
    rig_drop(&looking.rig);
}

static void no_restore_ignores_what_is_not_in_place(void **state)
{
    (void)state;
    struct looking looking = looking_open("a");
    struct digest only = success(&looking, "made", true, false);
    struct lookup_options options = {.no_restore = true};
    struct verdict verdict = look(&looking, &options);
    expect(&verdict, VERDICT_UNCHANGED, only);
    unlinkat(looking.rig.scratch.fd, "out.txt", 0);
    verdict = look(&looking, &options);
    assert_int_equal(verdict.kind, VERDICT_RUN);
    rig_drop(&looking.rig);
}

static void what_persists_is_never_restored(void **state)
{
    (void)state;
    struct looking looking = looking_open("grow");
    success(&looking, "grown", true, false);
    unlinkat(looking.rig.scratch.fd, "log.txt", 0);
    struct verdict verdict = look_plainly(&looking);
    assert_int_equal(verdict.kind, VERDICT_RUN);
    rig_drop(&looking.rig);
}

static void what_always_runs_says_so(void **state)
{
    (void)state;
    struct looking looking = looking_open("always");
    success(&looking, "made", true, false);
    struct verdict verdict = look_plainly(&looking);
    expect_run(&verdict, REASON_ALWAYS);
    rig_drop(&looking.rig);
    looking = looking_open("callback");
    verdict = look_plainly(&looking);
    expect_run(&verdict, REASON_ALWAYS);
    rig_drop(&looking.rig);
}

static void another_key_is_another_stage(void **state)
{
    (void)state;
    struct looking looking = looking_open("a");
    success(&looking, "made", true, false);
    scratch_write(&looking.rig.scratch, "in", "other");
    worktree_forget(looking.rig.session->worktree, STR("in"));
    assert_fine(fingerprint_stage(looking.rig.session, looking.stage, NULL, &looking.print));
    struct verdict verdict = look_plainly(&looking);
    assert_int_equal(verdict.kind, VERDICT_RUN);
    rig_drop(&looking.rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_never_made_runs),
        cmocka_unit_test(any_known_result_in_place_is_unchanged),
        cmocka_unit_test(the_newest_result_is_restored_when_none_is_in_place),
        cmocka_unit_test(an_older_result_is_restored_when_the_newest_is_not_stored),
        cmocka_unit_test(a_result_that_is_not_stored_is_found_in_place_but_not_restored),
        cmocka_unit_test(a_rejection_is_never_reused),
        cmocka_unit_test(force_ignores_what_is_known),
        cmocka_unit_test(no_restore_ignores_what_is_not_in_place),
        cmocka_unit_test(what_persists_is_never_restored),
        cmocka_unit_test(what_always_runs_says_so),
        cmocka_unit_test(another_key_is_another_stage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
