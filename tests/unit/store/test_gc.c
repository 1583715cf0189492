#include "mlops/base/buf.h"
#include "mlops/host/clock.h"
#include "mlops/model/tree.h"
#include "mlops/store/gc.h"
#include "mlops/store/lockfile.h"
#include "mlops/store/projects.h"
#include "mlops/store/results.h"

#include <sys/stat.h>

#include "rig.h"

/* A project with history: objects are made old, so that the grace period does not keep them. */
struct yard {
    struct rig rig;
    struct ledger *ledger;
};

static void yard_open(struct yard *yard)
{
    yard->rig = rig_open();
    assert_fine(ledger_open(&yard->rig.arena, yard->rig.workspace, false, NULL, &yard->ledger));
}

static void yard_drop(struct yard *yard)
{
    ledger_drop(&yard->ledger);
    rig_drop(&yard->rig);
}

#define YARD(name)                                                                                 \
    AUTO(yard_drop) struct yard name = {0};                                                        \
    yard_open(&name)

/* By a process that has ended: its pins are gone. */
static struct digest put(struct yard *yard, const char *text)
{
    AUTO(cas_drop) struct cas *cas = NULL;
    struct digest digest;
    assert_fine(cas_open(&yard->rig.arena, yard->rig.workspace, yard->rig.index, &cas));
    assert_fine(cas_put_bytes(cas, str_of(text), &digest));
    assert_fine(cas_flush(cas));
    return digest;
}

static bool has(struct yard *yard, struct digest digest)
{
    return scratch_has(&yard->rig.scratch, rig_object(&yard->rig, digest));
}

/* A clock that is far ahead makes everything old. */
static struct gc_report collect(struct yard *yard, bool really)
{
    struct gc_report report = {0};
    struct gc_options options = {.really = really, .grace_ns = -NS_PER_S};
    assert_fine(gc_run(&yard->rig.arena, yard->rig.workspace, yard->ledger, yard->rig.cas, &options,
                       NULL, &report));
    return report;
}

static struct error *try_collect(struct yard *yard)
{
    struct gc_report report = {0};
    struct gc_options options = {.really = true, .grace_ns = -NS_PER_S};
    return gc_run(&yard->rig.arena, yard->rig.workspace, yard->ledger, yard->rig.cas, &options,
                  NULL, &report);
}

static struct artifact file_artifact(const char *path, struct digest digest)
{
    return (struct artifact){.path = str_of(path),
                             .kind = ARTIFACT_FILE,
                             .is_stored = true,
                             .digest = digest,
                             .size_bytes = 1,
                             .file_count = 1};
}

/* A stage's success, as a run leaves it: in res/ and, if recorded, in the history. */
static struct digest succeed(struct yard *yard, const char *name, struct artifact out,
                             bool recorded)
{
    struct arena *arena = &yard->rig.arena;
    struct recipe *recipe = arena_new(arena, struct recipe);
    struct result *result = arena_new(arena, struct result);
    struct buf body = buf_in(arena);
    recipe->cmd = (struct command){.items = arena_new(arena, struct str), .count = 1};
    recipe->cmd.items[0] = str_of(name);
    recipe->outs = arena_new(arena, struct str);
    recipe->outs[0] = out.path;
    recipe->out_count = 1;
    recipe_encode(recipe, &body);
    *result = (struct result){.key = recipe_key(recipe),
                              .recipe = buf_str(&body),
                              .stage = str_of(name),
                              .run = STR("01ARZ3NDEKTSV4RRFFQ69G5FAV"),
                              .outs = arena_new(arena, struct artifact),
                              .out_count = 1};
    result->outs[0] = out;
    struct digest id;
    assert_fine(results_put(arena, yard->rig.workspace, result, &id));
    assert_fine(results_flush(yard->rig.workspace));
    struct stage stage = {.name = str_of(name)};
    struct outcome outcome = {.stage = &stage,
                              .status = STATUS_EXECUTED,
                              .key = result->key,
                              .result = id,
                              .value = result,
                              .recipe = recipe};
    const struct outcome *outcomes[] = {&outcome};
    struct state_entry entry = {stage.name, result->key, id};
    struct run run = {.pipeline = STR("pipeline.yaml"), .started_ns = clock_real_ns()};
    struct ledger_group group = {.run = &run, .outcomes = outcomes, .outcome_count = 1};
    if (!recorded)
        return id;
    assert_fine(ledger_begin_run(yard->ledger, &run));
    run.status = RUN_SUCCEEDED;
    assert_fine(ledger_finish_run(yard->ledger, &run, &(struct state){&entry, 1}, &group));
    return id;
}

static void write_lock(struct yard *yard, const char *path, struct digest digest)
{
    struct str text = str_print(&yard->rig.arena,
                                "# mlops lock file: x\nschema: 1\nstages:\n  a:\n    cmd: x\n"
                                "    outs:\n      - path: x\n        sha256: %.*s\n"
                                "        size: 1\n",
                                STR_FMT(digest_hex(&yard->rig.arena, digest)));
    scratch_write(&yard->rig.scratch, path, text.at);
}

static void what_nothing_needs_is_removed(void **state)
{
    (void)state;
    YARD(yard);
    struct digest needed = put(&yard, "needed"), litter = put(&yard, "litter");
    succeed(&yard, "a", file_artifact("x", needed), true);
    struct gc_report dry = collect(&yard, false);
    assert_int_equal(dry.removed_items, 1);
    assert_string_equal(dry.items[0].what, "object");
    assert_int_equal(dry.freed_bytes, 6);
    assert_true(has(&yard, litter));
    struct gc_report wet = collect(&yard, true);
    assert_int_equal(wet.removed_items, 1);
    assert_int_equal(wet.kept_objects, 1);
    assert_false(has(&yard, litter));
    assert_true(has(&yard, needed));
}

static void what_is_young_is_kept(void **state)
{
    (void)state;
    YARD(yard);
    struct digest litter = put(&yard, "litter");
    struct gc_report report = {0};
    struct gc_options options = {.really = true, .grace_ns = 3600 * NS_PER_S};
    assert_fine(gc_run(&yard.rig.arena, yard.rig.workspace, yard.ledger, yard.rig.cas, &options,
                       NULL, &report));
    assert_int_equal(report.removed_items, 0);
    assert_int_equal(report.young_objects, 1);
    assert_true(has(&yard, litter));
}

static void a_tree_keeps_all_that_is_below_it(void **state)
{
    (void)state;
    YARD(yard);
    struct digest leaf = put(&yard, "leaf");
    AUTO(buf_drop) struct buf inner = {0};
    AUTO(buf_drop) struct buf outer = {0};
    struct tree_entry file = {STR("f"), TREE_FILE, 4, 1, leaf};
    tree_encode(&(struct tree){&file, 1}, &inner);
    struct digest inner_digest;
    assert_fine(cas_put_bytes(yard.rig.cas, buf_str(&inner), &inner_digest));
    struct tree_entry directory = {STR("d"), TREE_DIRECTORY, 4, 1, inner_digest};
    tree_encode(&(struct tree){&directory, 1}, &outer);
    struct artifact out = file_artifact("dir", (struct digest){{0}});
    out.kind = ARTIFACT_TREE;
    assert_fine(cas_put_bytes(yard.rig.cas, buf_str(&outer), &out.digest));
    assert_fine(cas_flush(yard.rig.cas));
    succeed(&yard, "a", out, true);
    collect(&yard, true);
    assert_true(has(&yard, out.digest) && has(&yard, inner_digest) && has(&yard, leaf));
}

static void a_lock_file_in_the_work_tree_keeps_its_outputs(void **state)
{
    (void)state;
    YARD(yard);
    struct digest needed = put(&yard, "needed"), litter = put(&yard, "litter");
    scratch_directory(&yard.rig.scratch, "sub");
    write_lock(&yard, "sub/pipeline.lock", needed);
    scratch_write(&yard.rig.scratch, "poetry.lock", "[[package]]\nname = \"x\"\n");
    scratch_write(&yard.rig.scratch, "dvc.lock", "schema: '2.0'\nstages: {}\n");
    scratch_write(&yard.rig.scratch, "dvc.yaml", "stages: {}\n");
    collect(&yard, true);
    assert_true(has(&yard, needed));
    assert_false(has(&yard, litter));
}

static void a_damaged_lock_file_of_ours_stops_it(void **state)
{
    (void)state;
    YARD(yard);
    struct digest litter = put(&yard, "litter");
    scratch_write(&yard.rig.scratch, "pipeline.yaml", "stages: {}\n");
    scratch_write(&yard.rig.scratch, "pipeline.lock", "");
    assert_error(try_collect(&yard), "can't tell what is still needed");
    scratch_write(&yard.rig.scratch, "pipeline.lock", "# mlops lock file\nschema: 1\nsta");
    assert_error(try_collect(&yard), "can't tell what is still needed");
    assert_true(has(&yard, litter));
}

static void git(struct yard *yard, const char *arguments)
{
    struct str command = str_print(&yard->rig.arena,
                                   "cd '%s' && git -c user.name=n -c user.email=e@x "
                                   "-c init.defaultBranch=main %s >/dev/null 2>&1",
                                   yard->rig.scratch.path, arguments);
    assert_int_equal(system(command.at), 0);
}

static void every_branch_tag_and_stash_keeps_its_outputs(void **state)
{
    (void)state;
    YARD(yard);
    struct digest branch = put(&yard, "branch"), stash = put(&yard, "stash");
    struct digest tag = put(&yard, "tag"), litter = put(&yard, "litter");
    git(&yard, "init");
    write_lock(&yard, "pipeline.lock", litter);
    git(&yard, "add pipeline.lock");
    git(&yard, "commit -m one");
    write_lock(&yard, "pipeline.lock", tag);
    git(&yard, "commit -am two");
    git(&yard, "tag v1");
    write_lock(&yard, "pipeline.lock", branch);
    git(&yard, "commit -am three");
    write_lock(&yard, "pipeline.lock", stash);
    git(&yard, "stash");
    assert_int_equal(unlinkat(yard.rig.scratch.fd, "pipeline.lock", 0), 0);
    collect(&yard, true);
    assert_true(has(&yard, branch) && has(&yard, tag) && has(&yard, stash));
    assert_false(has(&yard, litter)); /* only an old commit names it */
}

static void a_pin_of_a_living_process_keeps_its_object(void **state)
{
    (void)state;
    YARD(yard);
    struct digest pinned = put(&yard, "pinned");
    assert_fine(cas_pin(yard.rig.cas, &pinned, 1));
    collect(&yard, true);
    assert_true(has(&yard, pinned));
}

static void what_a_living_process_put_and_has_not_recorded_is_kept(void **state)
{
    (void)state;
    YARD(yard);
    struct digest digest;
    assert_fine(cas_put_bytes(yard.rig.cas, STR("fresh"), &digest));
    assert_fine(cas_flush(yard.rig.cas));
    collect(&yard, true);
    assert_true(has(&yard, digest));
}

static void what_a_living_process_restored_and_has_not_recorded_is_kept(void **state)
{
    (void)state;
    YARD(yard);
    struct rig *rig = &yard.rig;
    scratch_directory(&rig->scratch, "out");
    scratch_write(&rig->scratch, "out/a", "a");
    struct artifact out = rig_capture(rig, "out");
    ledger_drop(&yard.ledger);
    rig_again(rig);
    assert_fine(ledger_open(&rig->arena, rig->workspace, false, NULL, &yard.ledger));
    scratch_write(&rig->scratch, "out/a", "b");
    int displaced = 0;
    bool done = false;
    assert_fine(worktree_restore(rig->worktree, &out, STR("displaced/x"), &displaced, &done));
    assert_true(done);
    collect(&yard, true);
    assert_true(has(&yard, out.digest) && has(&yard, digest_of("a", 1)));
}

static void results_go_with_their_objects_and_stay_with_them(void **state)
{
    (void)state;
    YARD(yard);
    struct digest kept = put(&yard, "kept"), gone = put(&yard, "gone");
    struct digest kept_id = succeed(&yard, "a", file_artifact("x", kept), true);
    struct digest gone_id = succeed(&yard, "b", file_artifact("y", gone), false);
    struct result result = {0};
    bool found = false;
    struct gc_report report = collect(&yard, true);
    assert_int_equal(report.removed_items, 2); /* the object and the result */
    assert_false(has(&yard, gone));
    assert_fine(ledger_load_result(yard.ledger, &yard.rig.arena, kept_id, &result, &found));
    assert_fine(
        results_load(&yard.rig.arena, yard.rig.workspace, result.key, kept_id, &result, &found));
    assert_true(found);
    assert_fine(
        results_load(&yard.rig.arena, yard.rig.workspace, result.key, gone_id, &result, &found));
    assert_false(found);
}

static void failed_outputs_beyond_the_last_three_go(void **state)
{
    (void)state;
    YARD(yard);
    yard.rig.workspace->config.keep_failed = 3;
    yard.rig.workspace->config.keep_failed_bytes = 1 << 20;
    for (int i = 1; i <= 5; i++) {
        struct str path = str_print(&yard.rig.arena, ".mlops/failed/RUN%d/0-train-aa", i);
        assert_fine(directory_make(yard.rig.scratch.fd, path.at, false));
        scratch_write(&yard.rig.scratch, path_join(&yard.rig.arena, path, STR("out")).at, "1234");
    }
    struct gc_report report = collect(&yard, true);
    assert_int_equal(report.removed_items, 2);
    assert_int_equal(report.freed_bytes, 8);
    assert_string_equal(report.items[0].what, "failed output");
    assert_false(scratch_has(&yard.rig.scratch, ".mlops/failed/RUN1"));
    assert_false(scratch_has(&yard.rig.scratch, ".mlops/failed/RUN2"));
    assert_true(scratch_has(&yard.rig.scratch, ".mlops/failed/RUN3/0-train-aa/out"));
}

static void logs_of_runs_that_are_not_kept_go(void **state)
{
    (void)state;
    YARD(yard);
    struct run *runs = NULL;
    size_t count = 0;
    succeed(&yard, "a", file_artifact("x", put(&yard, "x")), true);
    assert_fine(
        ledger_list_runs(yard.ledger, &yard.rig.arena, &(struct ledger_filter){0}, &runs, &count));
    struct str kept = str_print(&yard.rig.arena, ".mlops/logs/%.*s", STR_FMT(runs[0].id));
    assert_fine(directory_make(yard.rig.scratch.fd, kept.at, false));
    assert_fine(directory_make(yard.rig.scratch.fd, ".mlops/logs/01OLD", false));
    collect(&yard, true);
    assert_true(scratch_has(&yard.rig.scratch, kept.at));
    assert_false(scratch_has(&yard.rig.scratch, ".mlops/logs/01OLD"));
}

static void a_project_of_the_cache_that_is_not_there_stops_it(void **state)
{
    (void)state;
    YARD(yard);
    struct digest litter = put(&yard, "litter");
    struct workspace other = *yard.rig.workspace;
    other.root = STR("/nonexistent/project");
    other.config.cache_dir = other.cache;
    other.config.project = STR("feedfeedfeedfeed");
    assert_fine(projects_register(&other));
    assert_fine(projects_register(&other));
    assert_error(try_collect(&yard), "/nonexistent/project");
    assert_true(has(&yard, litter));
    struct project_ref *refs = NULL;
    size_t count = 0;
    assert_fine(projects_list(&yard.rig.arena, yard.rig.workspace, &refs, &count));
    assert_int_equal(count, 1);
    assert_true(str_is(refs[0].id, "feedfeedfeedfeed"));
}

static struct verify_report verify(struct yard *yard)
{
    struct verify_report report = {0};
    struct pool *pool = pool_open(2);
    assert_fine(verify_run(&yard->rig.arena, yard->rig.workspace, yard->ledger, yard->rig.cas, pool,
                           NULL, &report));
    pool_drop(&pool);
    return report;
}

static void a_damaged_object_is_named_with_its_stages(void **state)
{
    (void)state;
    YARD(yard);
    struct digest digest = put(&yard, "model"), other = put(&yard, "other");
    succeed(&yard, "train", file_artifact("model.pkl", digest), true);
    succeed(&yard, "eval", file_artifact("eval.json", other), true);
    assert_int_equal(verify(&yard).fault_count, 0);
    rig_damage(&yard.rig, rig_object(&yard.rig, digest), true);
    struct verify_report report = verify(&yard);
    assert_int_equal(report.fault_count, 1);
    assert_int_equal(report.objects, 2);
    assert_int_equal(report.results, 2);
    assert_string_equal(report.faults[0].what, "object");
    assert_true(str_is(report.faults[0].stages, "train"));
    assert_false(has(&yard, digest)); /* set aside: never used again */
}

static void missing_objects_are_named_with_all_their_stages(void **state)
{
    (void)state;
    YARD(yard);
    struct digest both = put(&yard, "both"), one = put(&yard, "one");
    succeed(&yard, "a", file_artifact("x", both), true);
    succeed(&yard, "b", file_artifact("y", both), true);
    succeed(&yard, "c", file_artifact("z", one), true);
    assert_int_equal(unlinkat(yard.rig.scratch.fd, rig_object(&yard.rig, both), 0), 0);
    assert_int_equal(unlinkat(yard.rig.scratch.fd, rig_object(&yard.rig, one), 0), 0);
    struct verify_report report = verify(&yard);
    assert_int_equal(report.fault_count, 2);
    for (size_t i = 0; i < report.fault_count; i++) {
        bool is_one = str_equal(report.faults[i].name, digest_hex(&yard.rig.arena, one));
        assert_int_equal(report.faults[i].stages.len, strlen(is_one ? "c" : "a, b"));
    }
}

static void a_damaged_result_is_named(void **state)
{
    (void)state;
    YARD(yard);
    struct digest digest = put(&yard, "model");
    succeed(&yard, "train", file_artifact("model.pkl", digest), true);
    struct str command = str_print(
        &yard.rig.arena, "f=$(find %s/.mlops/cache/res -type f) && chmod u+w $f && printf x >> $f",
        yard.rig.scratch.path);
    assert_int_equal(system(command.at), 0);
    struct verify_report report = verify(&yard);
    assert_int_equal(report.fault_count, 1);
    assert_string_equal(report.faults[0].what, "result");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nothing_needs_is_removed),
        cmocka_unit_test(what_is_young_is_kept),
        cmocka_unit_test(a_tree_keeps_all_that_is_below_it),
        cmocka_unit_test(a_lock_file_in_the_work_tree_keeps_its_outputs),
        cmocka_unit_test(a_damaged_lock_file_of_ours_stops_it),
        cmocka_unit_test(every_branch_tag_and_stash_keeps_its_outputs),
        cmocka_unit_test(a_pin_of_a_living_process_keeps_its_object),
        cmocka_unit_test(what_a_living_process_put_and_has_not_recorded_is_kept),
        cmocka_unit_test(what_a_living_process_restored_and_has_not_recorded_is_kept),
        cmocka_unit_test(results_go_with_their_objects_and_stay_with_them),
        cmocka_unit_test(failed_outputs_beyond_the_last_three_go),
        cmocka_unit_test(logs_of_runs_that_are_not_kept_go),
        cmocka_unit_test(a_project_of_the_cache_that_is_not_there_stops_it),
        cmocka_unit_test(a_damaged_object_is_named_with_its_stages),
        cmocka_unit_test(missing_objects_are_named_with_all_their_stages),
        cmocka_unit_test(a_damaged_result_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
