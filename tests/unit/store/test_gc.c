#include "mlops/base/moment.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "yard.h"

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

/* They have room for the whole file: one that nobody comes back for would never be found. */
static void parts_of_fetches_that_were_given_up_are_removed(void **state)
{
    (void)state;
    YARD(yard);
    AUTO(lock_drop) struct lock lock = {0};
    bool taken = false;
    scratch_directory(&yard.rig.scratch, ".mlops/cache/tmp/part");
    scratch_write(&yard.rig.scratch, ".mlops/cache/tmp/part/left", "part");
    scratch_write(&yard.rig.scratch, ".mlops/cache/tmp/part/held", "part");
    assert_fine(lock_take(yard.rig.scratch.fd, ".mlops/cache/tmp/part/held", LOCK_EXCLUSIVE, 0,
                          NULL, NULL, &lock, &taken));
    assert_int_equal(collect(&yard, false).removed_items, 2);
    assert_true(scratch_has(&yard.rig.scratch, ".mlops/cache/tmp/part/left"));
    struct gc_report report = collect(&yard, true);
    assert_int_equal(report.removed_items, 1);
    assert_string_equal(report.items[0].what, "part");
    assert_false(scratch_has(&yard.rig.scratch, ".mlops/cache/tmp/part/left"));
    assert_true(scratch_has(&yard.rig.scratch, ".mlops/cache/tmp/part/held"));
}

static void what_is_young_is_kept(void **state)
{
    (void)state;
    YARD(yard);
    struct digest litter = put(&yard, "litter");
    struct gc_report report = {0};
    struct gc_options options = {.really = true, .grace_ns = 3600 * NS_PER_S};
    assert_fine(
        gc_run(&yard.rig.arena, yard.rig.workspace, yard.ledger, yard.rig.cas, &options, &report));
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

/* A directory that a pointer names is fetched while gc asks remotes, by a process that ends then.
 */
struct arrival {
    struct yard *yard;
    struct str tree;
};

static struct error *arrive(void *context, const struct digest *objects, size_t count)
{
    (void)objects, (void)count;
    const struct arrival *arrival = context;
    const struct rig *rig = &arrival->yard->rig;
    AUTO(cas_drop) struct cas *cas = NULL;
    struct digest ignored;
    put(arrival->yard, "inside");
    TRY(cas_open(&arrival->yard->rig.arena, rig->workspace, rig->index, &cas));
    TRY(cas_put_bytes(cas, arrival->tree, &ignored));
    return cas_flush(cas);
}

static bool has_none(void *context, struct digest object)
{
    (void)context, (void)object;
    return false;
}

static void what_a_missing_directory_names_is_kept_when_it_comes_meanwhile(void **state)
{
    (void)state;
    YARD(yard);
    struct digest inside = digest_of("inside", 6);
    struct tree_entry entry = {
        .name = STR("f"), .kind = TREE_FILE, .size_bytes = 6, .file_count = 1, .digest = inside};
    struct buf bytes = buf_in(&yard.rig.arena);
    tree_encode(&(struct tree){&entry, 1}, &bytes);
    struct digest top = digest_of(bytes.at, bytes.len);
    struct str hex = digest_hex(&yard.rig.arena, top);
    struct str text = str_print(&yard.rig.arena,
                                "schema: 1\npath: d\ndigest: sha256:%.*s\nkind: tree\nsize: 6\n"
                                "files: 1\n",
                                STR_FMT(hex));
    scratch_write(&yard.rig.scratch, "d.mlops", text.at);
    put(&yard, "litter");
    struct arrival arrival = {&yard, buf_str(&bytes)};
    const struct gc_fetchable fetchable = {arrive, has_none, &arrival};
    struct gc_options options = {
        .really = true, .grace_ns = -NS_PER_S, .cache_bytes = 1, .fetchable = &fetchable};
    struct gc_report report = {0};
    assert_fine(
        gc_run(&yard.rig.arena, yard.rig.workspace, yard.ledger, yard.rig.cas, &options, &report));
    assert_true(has(&yard, inside));
    assert_true(has(&yard, top));
}

/* A process that puts what lies in the store as litter, names it while gc looks for names, and
 * ends.
 */
struct adding {
    struct yard *yard;
    struct cas *cas;
    pthread_t thread;
};

static void *name_and_end(void *context)
{
    struct adding *adding = context;
    const struct rig *rig = &adding->yard->rig;
    const struct timespec pause = {.tv_nsec = 3 * NS_PER_MS}, blink = {.tv_nsec = 100000};
    int lock = openat(fd_number(rig->workspace->cache_fd), "lock", O_RDONLY | O_CLOEXEC);
    while (flock(lock, LOCK_SH | LOCK_NB) == 0) {
        flock(lock, LOCK_UN);
        nanosleep(&blink, NULL);
    }
    close(lock);
    nanosleep(&pause, NULL);
    char text[200], hex[DIGEST_HEX_LEN + 1];
    digest_print(digest_of("reused", 6), hex);
    snprintf(text, sizeof text, "schema: 1\npath: x\ndigest: sha256:%s\nsize: 6\n", hex);
    scratch_write(&rig->scratch, "a/x.mlops", text);
    cas_drop(&adding->cas);
    return NULL;
}

static FALLIBLE put_and_go_on(void *context, const struct digest *objects, size_t count)
{
    (void)objects, (void)count;
    struct adding *adding = context;
    struct rig *rig = &adding->yard->rig;
    struct digest ignored;
    TRY(cas_open(&rig->arena, rig->workspace, rig->index, &adding->cas));
    TRY(cas_put_bytes(adding->cas, STR("reused"), &ignored));
    TRY(cas_flush(adding->cas));
    assert_int_equal(pthread_create(&adding->thread, NULL, name_and_end, adding), 0);
    return NULL;
}

static void what_is_named_and_unpinned_while_names_are_read_is_kept(void **state)
{
    (void)state;
    YARD(yard);
    struct adding adding = {.yard = &yard};
    struct digest reused = put(&yard, "reused");
    scratch_directory(&yard.rig.scratch, "a");
    scratch_directory(&yard.rig.scratch, "z");
    for (int i = 0; i < 3000; i++)
        scratch_directory(&yard.rig.scratch, str_print(&yard.rig.arena, "z/%d", i).at);
    const struct gc_fetchable fetchable = {put_and_go_on, has_none, &adding};
    struct gc_options options = {
        .really = true, .grace_ns = -NS_PER_S, .cache_bytes = 1, .fetchable = &fetchable};
    struct gc_report report = {0};
    assert_fine(
        gc_run(&yard.rig.arena, yard.rig.workspace, yard.ledger, yard.rig.cas, &options, &report));
    pthread_join(adding.thread, NULL);
    assert_true(has(&yard, reused));
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

static void a_displaced_file_is_as_old_as_it_lies_there_not_as_its_folder(void **state)
{
    (void)state;
    YARD(yard);
    const struct scratch *scratch = &yard.rig.scratch;
    const struct timespec pause = {.tv_nsec = 300 * NS_PER_MS};
    yard.rig.workspace->config.keep_failed = 0;
    yard.rig.workspace->config.keep_ns = 250 * NS_PER_MS;
    assert_fine(directory_make(scratch->fd, ".mlops/displaced/inputs/data", false));
    assert_fine(directory_make(scratch->fd, ".mlops/displaced/old", false));
    nanosleep(&pause, NULL);
    scratch_write(scratch, ".mlops/displaced/inputs/data/x", "the only copy");
    struct gc_report report = collect(&yard, true);
    assert_int_equal(report.removed_items, 1);
    assert_false(scratch_has(scratch, ".mlops/displaced/old"));
    assert_true(scratch_has(scratch, ".mlops/displaced/inputs/data/x"));
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

static void a_project_that_is_gone_for_good_can_be_forgotten(void **state)
{
    (void)state;
    YARD(yard);
    struct digest litter = put(&yard, "litter");
    struct workspace other = *yard.rig.workspace;
    size_t count = 0;
    other.root = STR("/nonexistent/project");
    other.config.cache_dir = other.cache;
    other.config.project = STR("feedfeedfeedfeed");
    assert_fine(projects_register(&other));
    assert_fine(
        projects_forget(&yard.rig.arena, yard.rig.workspace, STR("feedfeedfeedfeee"), &count));
    assert_int_equal(count, 0);
    assert_fine(projects_forget(&yard.rig.arena, yard.rig.workspace, other.config.project, &count));
    assert_int_equal(count, 1);
    collect(&yard, true);
    assert_false(has(&yard, litter));
}

static void a_project_that_is_there_is_not_forgotten(void **state)
{
    (void)state;
    YARD(yard);
    AUTO(scratch_drop) struct scratch elsewhere = scratch_open();
    struct workspace there = {0}, seen = *yard.rig.workspace;
    size_t count = 0;
    assert_fine(workspace_find(&yard.rig.arena, str_of(elsewhere.path), &there));
    assert_fine(workspace_init(&yard.rig.arena, &there));
    seen.root = there.root;
    seen.config.cache_dir = seen.cache;
    seen.config.project = there.config.project;
    assert_fine(projects_register(&seen));
    assert_error(projects_forget(&yard.rig.arena, yard.rig.workspace, there.config.project, &count),
                 "still in");
    workspace_drop(&there);
}

static void listed_objects_say_what_they_were(void **state)
{
    (void)state;
    YARD(yard);
    struct digest file = put(&yard, "file of a directory"), plain = put(&yard, "plain");
    struct tree_entry entry = {STR("part.csv"), TREE_FILE, 19, 1, file};
    AUTO(buf_drop) struct buf bytes = {0};
    tree_encode(&(struct tree){&entry, 1}, &bytes);
    struct artifact out = file_artifact("data", (struct digest){{0}});
    out.kind = ARTIFACT_TREE;
    AUTO(cas_drop) struct cas *cas = NULL;
    assert_fine(cas_open(&yard.rig.arena, yard.rig.workspace, yard.rig.index, &cas));
    assert_fine(cas_put_bytes(cas, buf_str(&bytes), &out.digest));
    assert_fine(cas_flush(cas));
    cas_drop(&cas);
    succeed(&yard, "split", out, false);
    succeed(&yard, "fit", file_artifact("model.bin", plain), false);
    struct gc_report report = collect(&yard, false);
    int named = 0;
    for (size_t i = 0; i < report.item_count; i++) {
        named += str_starts(report.items[i].label, STR("data/part.csv of split in run ")) ||
                 str_starts(report.items[i].label, STR("data of split in run ")) ||
                 str_starts(report.items[i].label, STR("model.bin of fit in run "));
    }
    assert_int_equal(named, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nothing_needs_is_removed),
        cmocka_unit_test(parts_of_fetches_that_were_given_up_are_removed),
        cmocka_unit_test(what_is_young_is_kept),
        cmocka_unit_test(a_tree_keeps_all_that_is_below_it),
        cmocka_unit_test(a_lock_file_in_the_work_tree_keeps_its_outputs),
        cmocka_unit_test(a_damaged_lock_file_of_ours_stops_it),
        cmocka_unit_test(every_branch_tag_and_stash_keeps_its_outputs),
        cmocka_unit_test(a_pin_of_a_living_process_keeps_its_object),
        cmocka_unit_test(what_a_living_process_put_and_has_not_recorded_is_kept),
        cmocka_unit_test(what_a_living_process_restored_and_has_not_recorded_is_kept),
        cmocka_unit_test(what_a_missing_directory_names_is_kept_when_it_comes_meanwhile),
        cmocka_unit_test(what_is_named_and_unpinned_while_names_are_read_is_kept),
        cmocka_unit_test(results_go_with_their_objects_and_stay_with_them),
        cmocka_unit_test(failed_outputs_beyond_the_last_three_go),
        cmocka_unit_test(a_displaced_file_is_as_old_as_it_lies_there_not_as_its_folder),
        cmocka_unit_test(logs_of_runs_that_are_not_kept_go),
        cmocka_unit_test(a_project_of_the_cache_that_is_not_there_stops_it),
        cmocka_unit_test(a_project_that_is_gone_for_good_can_be_forgotten),
        cmocka_unit_test(a_project_that_is_there_is_not_forgotten),
        cmocka_unit_test(listed_objects_say_what_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
