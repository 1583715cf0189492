#include "site.h"

static void a_pack_goes_in_two_steps_a_grace_period_apart(void **state)
{
    (void)state;
    SITE(site);
    struct depot_want litter = put_text(&site, "litter"), needed = put_text(&site, "needed");
    push(&site, &litter, 1);
    push(&site, &needed, 1);
    succeed(&site.yard, "a", file_artifact("x", needed.digest), true);
    assert_int_equal(collect_there(&site, true).condemned_packs, 0); /* young */
    grow_old(&site);
    assert_int_equal(collect_there(&site, false).condemned_packs, 1);
    assert_int_equal(list(&site, "gc").len, 0); /* dry */
    struct gc_remote_report report = collect_there(&site, true);
    assert_int_equal(report.condemned_packs, 1);
    assert_int_equal(report.base.removed_items, 0);
    assert_int_equal(list(&site, "pack").len, 2);
    assert_false(is_there(&site, litter.digest)); /* who pushes sends it again */
    assert_int_equal(collect_there(&site, true).waiting_packs, 1);
    grow_old(&site);
    report = collect_there(&site, true);
    assert_int_equal(report.base.removed_items, 1);
    assert_int_equal(list(&site, "pack").len, 1);
    assert_int_equal(list(&site, "gc").len, 0);
    assert_true(is_there(&site, needed.digest));
}

static void what_is_pushed_again_meanwhile_gets_a_pack_of_another_name(void **state)
{
    (void)state;
    SITE(site);
    struct depot_want back = put_text(&site, "back");
    push(&site, &back, 1);
    grow_old(&site);
    assert_int_equal(collect_there(&site, true).condemned_packs, 1);
    push(&site, &back, 1); /* the same blobs as in the pack that is about to go */
    assert_int_equal(list(&site, "pack").len, 2);
    succeed(&site.yard, "a", file_artifact("x", back.digest), true);
    grow_old(&site);
    assert_int_equal(collect_there(&site, true).base.removed_items, 1);
    assert_int_equal(list(&site, "pack").len, 1);
    assert_true(is_there(&site, back.digest));
}

static void a_push_that_began_before_loses_nothing(void **state)
{
    (void)state;
    SITE(site);
    struct depot_want old = put_text(&site, "old");
    push(&site, &old, 1);
    grow_old(&site);
    AUTO(depot_drop) struct depot *pusher = depot_at(&site); /* has looked: it is there */
    collect_there(&site, true);
    push_by(&site, pusher, &old, 1);
    assert_int_equal(list(&site, "pack").len, 1);
    succeed(&site.yard, "a", file_artifact("x", old.digest), true); /* what the push was for */
    grow_old(&site);
    collect_there(&site, true);
    assert_int_equal(list(&site, "pack").len, 1); /* copied before its pack went */
    assert_true(is_there(&site, old.digest));
}

static void of_a_pack_with_little_that_is_needed_that_is_copied(void **state)
{
    (void)state;
    SITE(site);
    AUTO(buf_drop) struct buf noise = {0};
    char *bytes = buf_reserve(&noise, 100000);
    random_bytes(bytes, 100000);
    struct depot_want wants[] = {{.size_bytes = 100000}, put_text(&site, "needed")};
    assert_fine(cas_put_bytes(site.yard.rig.cas, (struct str){bytes, 100000}, &wants[0].digest));
    assert_fine(cas_flush(site.yard.rig.cas));
    push(&site, wants, 2);
    succeed(&site.yard, "a", file_artifact("x", wants[1].digest), true);
    grow_old(&site);
    struct gc_remote_report report = collect_there(&site, true);
    assert_int_equal(report.condemned_packs, 1);
    assert_true(report.moved_bytes > 0 && report.moved_bytes < 100);
    assert_int_equal(list(&site, "pack").len, 2);
    grow_old(&site);
    assert_int_equal(collect_there(&site, true).base.removed_items, 1);
    assert_true(is_there(&site, wants[1].digest));
    assert_false(is_there(&site, wants[0].digest));
}

static void the_chunks_of_a_large_file_are_needed_with_it(void **state)
{
    (void)state;
    SITE(site);
    AUTO(buf_drop) struct buf noise = {0};
    size_t len = 5000000;
    char *bytes = buf_reserve(&noise, len);
    random_bytes(bytes, len);
    struct depot_want want = {.size_bytes = (int64_t)len};
    struct depot_want_vec missing = {0};
    assert_fine(cas_put_bytes(site.yard.rig.cas, (struct str){bytes, len}, &want.digest));
    assert_fine(cas_flush(site.yard.rig.cas));
    push(&site, &want, 1);
    succeed(&site.yard, "a", file_artifact("x", want.digest), true);
    for (int i = 0; i < 3; i++) {
        grow_old(&site);
        collect_there(&site, true);
    }
    assert_int_equal(unlinkat(site.yard.rig.scratch.fd, rig_object(&site.yard.rig, want.digest), 0),
                     0);
    rig_again(&site.yard.rig);
    AUTO(depot_drop) struct depot *depot = depot_at(&site);
    assert_fine(depot_fetch(depot, &site.yard.rig.arena, &want, 1, &missing));
    assert_int_equal(missing.len, 0);
}

static void directories_that_only_the_remote_has_are_read_there(void **state)
{
    (void)state;
    SITE(site);
    struct arena *arena = &site.yard.rig.arena;
    struct depot_want leaf = put_text(&site, "leaf"), tree = {0};
    AUTO(buf_drop) struct buf bytes = {0};
    struct tree_entry entry = {STR("f"), TREE_FILE, 4, 1, leaf.digest};
    tree_encode(&(struct tree){&entry, 1}, &bytes);
    assert_fine(cas_put_bytes(site.yard.rig.cas, buf_str(&bytes), &tree.digest));
    assert_fine(cas_flush(site.yard.rig.cas));
    tree.size_bytes = (int64_t)bytes.len;
    struct depot_want_vec missing = {0};
    {
        AUTO(depot_drop) struct depot *depot = depot_at(&site);
        assert_fine(depot_push(depot, arena, &leaf, 1, &missing));
        assert_fine(depot_push_names(depot, arena, &tree, 1, &missing));
    }
    struct artifact out = file_artifact("dir", tree.digest);
    out.kind = ARTIFACT_TREE;
    succeed(&site.yard, "a", out, true);
    assert_int_equal(unlinkat(site.yard.rig.scratch.fd, rig_object(&site.yard.rig, tree.digest), 0),
                     0);
    rig_again(&site.yard.rig);
    grow_old(&site);
    assert_int_equal(collect_there(&site, true).condemned_packs, 0);
    assert_true(is_there(&site, leaf.digest));
}

static void
what_a_push_recorded_is_kept_for_the_grace_period_and_of_other_projects_longer(void **state)
{
    (void)state;
    SITE(site);
    const char *own = site.yard.rig.workspace->config.project.at;
    struct depot_want fresh = put_text(&site, "fresh"), stale = put_text(&site, "stale");
    struct depot_want other = put_text(&site, "other");
    push(&site, &fresh, 1);
    push(&site, &stale, 1);
    push(&site, &other, 1);
    record(&site, own, stale.digest);
    record(&site, "feedfeedfeedfeed", other.digest);
    grow_old(&site);
    record(&site, own, fresh.digest);
    assert_int_equal(collect_there(&site, true).condemned_packs, 1);
    assert_true(is_there(&site, fresh.digest) && is_there(&site, other.digest));
    assert_false(is_there(&site, stale.digest));
    assert_int_equal(list(&site, "roots").len, 3); /* one record of all replaces the old one */
}

static void a_damaged_record_stops_it(void **state)
{
    (void)state;
    SITE(site);
    struct depot_want litter = put_text(&site, "litter");
    struct gc_remote_report report = {0};
    push(&site, &litter, 1);
    grow_old(&site);
    scratch_directory(&site.place, "remote/roots");
    scratch_write(&site.place, "remote/roots/0123456789abcdef", "damaged");
    assert_error(try_collect_there(&site, true, &report), "roots/0123456789abcdef");
    assert_int_equal(list(&site, "gc").len, 0);
}

static void two_collections_at_once_do_no_harm(void **state)
{
    (void)state;
    SITE(site);
    struct depot_want needed = put_text(&site, "needed"), litter = put_text(&site, "litter");
    struct depot_want both[] = {needed, litter};
    push(&site, &litter, 1);
    push(&site, both, 2);
    succeed(&site.yard, "a", file_artifact("x", needed.digest), true);
    grow_old(&site);
    AUTO(depot_drop) struct depot *one = depot_at(&site);
    AUTO(depot_drop) struct depot *two = depot_at(&site);
    struct depot *both_depots[] = {one, two, one, two};
    struct gc_options options = {.really = true, .grace_ns = 1800 * NS_PER_S};
    struct gc_remote_report report;
    for (size_t i = 0; i < COUNT_OF(both_depots); i++)
        assert_fine(gc_remote_run(&site.yard.rig.arena, site.yard.rig.workspace, site.yard.ledger,
                                  site.yard.rig.cas, both_depots[i], &options, &report));
    for (int i = 0; i < 3; i++) {
        grow_old(&site);
        collect_there(&site, true);
    }
    assert_true(is_there(&site, needed.digest));
    assert_int_equal(list(&site, "gc").len, 0);
    assert_int_equal(list(&site, "pack").len, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pack_goes_in_two_steps_a_grace_period_apart),
        cmocka_unit_test(what_is_pushed_again_meanwhile_gets_a_pack_of_another_name),
        cmocka_unit_test(a_push_that_began_before_loses_nothing),
        cmocka_unit_test(of_a_pack_with_little_that_is_needed_that_is_copied),
        cmocka_unit_test(the_chunks_of_a_large_file_are_needed_with_it),
        cmocka_unit_test(directories_that_only_the_remote_has_are_read_there),
        cmocka_unit_test(
            what_a_push_recorded_is_kept_for_the_grace_period_and_of_other_projects_longer),
        cmocka_unit_test(a_damaged_record_stops_it),
        cmocka_unit_test(two_collections_at_once_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
