#include "yard.h"

/* Ten bytes each, so that the numbers are easy. */
static struct gc_report shrink(struct yard *yard, bool really, int64_t bytes)
{
    struct gc_report report = {0};
    struct gc_options options = {.really = really, .grace_ns = -NS_PER_S, .cache_bytes = bytes};
    assert_fine(gc_run(&yard->rig.arena, yard->rig.workspace, yard->ledger, yard->rig.cas, &options,
                       &report));
    return report;
}

static void what_is_cheapest_to_make_again_goes_first_when_the_cache_is_too_large(void **state)
{
    (void)state;
    YARD(yard);
    struct digest dear = put(&yard, "0123456789"), cheap = put(&yard, "9876543210");
    struct digest middle = put(&yard, "abcdefghij");
    succeed_in(&yard, "dear", file_artifact("a", dear), true, 100 * NS_PER_S);
    struct digest id = succeed_in(&yard, "cheap", file_artifact("b", cheap), true, NS_PER_S);
    succeed_in(&yard, "middle", file_artifact("c", middle), true, 50 * NS_PER_S);
    assert_int_equal(shrink(&yard, false, 30).removed_items, 0);
    struct gc_report dry = shrink(&yard, false, 20);
    assert_int_equal(dry.removed_items, 1);
    assert_int_equal(dry.evicted_items, 1);
    assert_int_equal(dry.freed_bytes, 10);
    assert_int_equal(dry.kept_bytes, 20);
    assert_true(str_is(dry.items[0].why, "over cache.size: costs 1.0 s to make again"));
    assert_true(str_starts(dry.items[0].label, STR("cheap in run ")));
    assert_true(has(&yard, cheap));
    shrink(&yard, true, 20);
    assert_false(has(&yard, cheap));
    assert_true(has(&yard, dear) && has(&yard, middle));
    struct result result = {0};
    bool found = false;
    assert_fine(ledger_load_result(yard.ledger, &yard.rig.arena, id, &result, &found));
    assert_true(found); /* the history stays */
    assert_fine(results_load(&yard.rig.arena, yard.rig.workspace, result.key, id, &result, &found));
    assert_false(found);
    assert_int_equal(shrink(&yard, true, 20).removed_items, 0);
    shrink(&yard, true, 1);
    assert_false(has(&yard, dear) || has(&yard, middle));
}

static void what_lock_file_tag_or_pin_holds_is_not_evicted_and_told(void **state)
{
    (void)state;
    YARD(yard);
    struct run *runs = NULL;
    size_t count = 0;
    struct digest tagged = put(&yard, "tagged"), locked = put(&yard, "locked");
    struct digest pinned = put(&yard, "pinned");
    succeed(&yard, "a", file_artifact("a", tagged), true);
    assert_fine(
        ledger_list_runs(yard.ledger, &yard.rig.arena, &(struct ledger_filter){0}, &runs, &count));
    assert_fine(ledger_tag(yard.ledger, runs[0].sequence, STR("release")));
    succeed(&yard, "b", file_artifact("b", locked), true);
    write_lock(&yard, "pipeline.lock", locked);
    succeed(&yard, "c", file_artifact("c", pinned), true);
    assert_fine(cas_pin(yard.rig.cas, &pinned, 1));
    struct gc_report report = shrink(&yard, true, 1);
    assert_true(has(&yard, tagged) && has(&yard, locked) && has(&yard, pinned));
    assert_int_equal(report.evicted_items, 0);
    assert_int_equal(report.over_bytes, 17);
    for (int i = 0; i < 3; i++)
        assert_int_equal(report.holders[i].bytes, 6);
    assert_int_equal(report.holders[3].bytes, 0);
}

static void results_of_branches_are_evicted_last(void **state)
{
    (void)state;
    YARD(yard);
    struct digest branch = put(&yard, "0123456789"), other = put(&yard, "9876543210");
    succeed_in(&yard, "branch", file_artifact("x", branch), true, NS_PER_MS);
    succeed_in(&yard, "other", file_artifact("y", other), true, 100 * NS_PER_S);
    git(&yard, "init");
    write_lock(&yard, "pipeline.lock", branch);
    git(&yard, "add pipeline.lock");
    git(&yard, "commit -m one");
    assert_int_equal(unlinkat(yard.rig.scratch.fd, "pipeline.lock", 0), 0);
    shrink(&yard, true, 10);
    assert_true(has(&yard, branch));
    assert_false(has(&yard, other));
    shrink(&yard, true, 1);
    assert_false(has(&yard, branch));
}

static void what_two_results_hold_goes_with_both(void **state)
{
    (void)state;
    YARD(yard);
    struct digest shared = put(&yard, "0123456789"), single = put(&yard, "ab");
    succeed_in(&yard, "one", file_artifact("x", shared), true, NS_PER_MS);
    succeed_in(&yard, "two", file_artifact("y", shared), true, NS_PER_MS);
    succeed_in(&yard, "single", file_artifact("z", single), true, 100 * NS_PER_S);
    struct gc_report report = shrink(&yard, true, 10);
    assert_int_equal(report.evicted_items, 1); /* dear, but the only one that frees enough alone */
    assert_true(has(&yard, shared));
    assert_false(has(&yard, single));
    report = shrink(&yard, true, 1);
    assert_int_equal(report.evicted_items, 2);
    assert_int_equal(report.freed_bytes, 10);
    assert_false(has(&yard, shared));
}

static void what_is_evicted_of_a_directory_is_all_below_it_that_nothing_else_holds(void **state)
{
    (void)state;
    YARD(yard);
    struct digest own = put(&yard, "own"), locked = put(&yard, "locked");
    struct tree_entry files[] = {{STR("a"), TREE_FILE, 3, 1, own},
                                 {STR("b"), TREE_FILE, 6, 1, locked}};
    AUTO(buf_drop) struct buf bytes = {0};
    tree_encode(&(struct tree){files, 2}, &bytes);
    struct artifact out = file_artifact("dir", (struct digest){{0}});
    out.kind = ARTIFACT_TREE;
    AUTO(cas_drop) struct cas *cas = NULL;
    assert_fine(cas_open(&yard.rig.arena, yard.rig.workspace, yard.rig.index, &cas));
    assert_fine(cas_put_bytes(cas, buf_str(&bytes), &out.digest));
    assert_fine(cas_flush(cas));
    cas_drop(&cas);
    succeed(&yard, "a", out, true);
    write_lock(&yard, "pipeline.lock", locked);
    shrink(&yard, true, 1);
    assert_false(has(&yard, own) || has(&yard, out.digest));
    assert_true(has(&yard, locked));
}

static FALLIBLE prepare_nothing(void *context, const struct digest *objects, size_t count)
{
    (void)context;
    (void)objects;
    (void)count;
    return NULL;
}

static bool is_that_one(void *context, struct digest object)
{
    return digest_equal(*(const struct digest *)context, object);
}

static void what_pointers_name_goes_only_if_a_remote_has_it_and_then_first(void **state)
{
    (void)state;
    YARD(yard);
    struct digest pushed = put(&yard, "0123456789"), here = put(&yard, "9876543210");
    struct digest cheap = put(&yard, "abcdefghij");
    const char *const names[] = {"pushed", "here"};
    for (int i = 0; i < 2; i++) {
        struct str name = str_print(&yard.rig.arena, "%s.mlops", names[i]);
        struct str text =
            str_print(&yard.rig.arena, "schema: 1\npath: %s\ndigest: sha256:%.*s\nsize: 10\n",
                      names[i], STR_FMT(digest_hex(&yard.rig.arena, i ? here : pushed)));
        scratch_write(&yard.rig.scratch, name.at, text.at);
    }
    succeed_in(&yard, "cheap", file_artifact("x", cheap), true, NS_PER_MS);
    const struct gc_fetchable fetchable = {prepare_nothing, is_that_one, &pushed};
    struct gc_report report = {0};
    struct gc_options options = {
        .really = true, .grace_ns = -NS_PER_S, .cache_bytes = 20, .fetchable = &fetchable};
    assert_fine(
        gc_run(&yard.rig.arena, yard.rig.workspace, yard.ledger, yard.rig.cas, &options, &report));
    assert_false(has(&yard, pushed));
    assert_true(has(&yard, here) && has(&yard, cheap));
    assert_true(str_is(report.items[0].why, "over cache.size: a remote has it"));
    options.cache_bytes = 1;
    assert_fine(
        gc_run(&yard.rig.arena, yard.rig.workspace, yard.ledger, yard.rig.cas, &options, &report));
    assert_true(has(&yard, here));
    assert_false(has(&yard, cheap));
    assert_string_equal(report.holders[0].what, "tracked data that no remote has");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_cheapest_to_make_again_goes_first_when_the_cache_is_too_large),
        cmocka_unit_test(what_lock_file_tag_or_pin_holds_is_not_evicted_and_told),
        cmocka_unit_test(results_of_branches_are_evicted_last),
        cmocka_unit_test(what_two_results_hold_goes_with_both),
        cmocka_unit_test(what_is_evicted_of_a_directory_is_all_below_it_that_nothing_else_holds),
        cmocka_unit_test(what_pointers_name_goes_only_if_a_remote_has_it_and_then_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
