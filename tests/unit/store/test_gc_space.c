#include "mlops/base/moment.h"

#include <stdio.h>

#include "yard.h"

/* As many objects of 32,000 bytes as make a pack that is not written again for little. */
enum { OBJECT_BYTES = 32000, MANY = 2500 };

static struct digest put_many(struct yard *yard, size_t count, struct digest *ret)
{
    AUTO(cas_drop) struct cas *cas = NULL;
    static char bytes[OBJECT_BYTES];
    assert_fine(cas_open(&yard->rig.arena, yard->rig.workspace, yard->rig.index, &cas));
    for (size_t i = 0; i < count; i++) {
        memset(bytes, 0, sizeof bytes);
        snprintf(bytes, sizeof bytes, "object %zu", i);
        assert_fine(cas_put_bytes(cas, (struct str){bytes, sizeof bytes}, &ret[i]));
    }
    assert_fine(cas_flush(cas));
    return ret[0];
}

/* Of a tree that a run made. */
static void need(struct yard *yard, const struct digest *digests, size_t count)
{
    struct tree_entry *entries = arena_new_array(&yard->rig.arena, struct tree_entry, count);
    struct artifact out = file_artifact("dir", (struct digest){{0}});
    AUTO(buf_drop) struct buf bytes = {0};
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct tree_entry){str_print(&yard->rig.arena, "%06zu", i), TREE_FILE,
                                         OBJECT_BYTES, 1, digests[i]};
    tree_encode(&(struct tree){entries, count}, &bytes);
    out.kind = ARTIFACT_TREE;
    assert_fine(cas_put_bytes(yard->rig.cas, buf_str(&bytes), &out.digest));
    assert_fine(cas_flush(yard->rig.cas));
    succeed(yard, "a", out, true);
}

static bool has_object(struct yard *yard, struct digest digest)
{
    bool found = false;
    assert_fine(cas_has(yard->rig.cas, digest, &found));
    return found;
}

/* It would be listed as removed by every gc, and never be. */
static void what_stays_in_a_pack_that_is_mostly_needed_is_not_called_removed(void **state)
{
    (void)state;
    YARD(yard);
    static struct digest digests[MANY];
    enum { DEAD = MANY / 20 };
    put_many(&yard, MANY, digests);
    need(&yard, digests + DEAD, MANY - DEAD);
    struct gc_report report = collect(&yard, true);
    assert_int_equal(report.removed_items, 0);
    assert_int_equal(report.freed_bytes, 0);
    assert_int_equal(report.left_objects, DEAD);
    assert_int_equal(report.left_bytes, DEAD * OBJECT_BYTES);
    assert_int_equal(report.kept_objects, MANY - DEAD + 1);
}

static void what_is_called_removed_is_not_there_for_the_next_one(void **state)
{
    (void)state;
    YARD(yard);
    static struct digest digests[MANY];
    enum { DEAD = MANY / 4 };
    put_many(&yard, MANY, digests);
    need(&yard, digests + DEAD, MANY - DEAD);
    struct gc_report report = collect(&yard, true);
    assert_int_equal(report.removed_items, DEAD);
    assert_int_equal(report.left_objects, 0);
    rig_again(&yard.rig);
    assert_false(has_object(&yard, digests[0]));
    assert_true(has_object(&yard, digests[DEAD]));
    report = collect(&yard, false);
    assert_int_equal(report.removed_items, 0);
    assert_int_equal(report.left_objects, 0);
}

static void a_damaged_object_is_kept_aside_for_as_long_as_runs_are(void **state)
{
    (void)state;
    YARD(yard);
    scratch_write(&yard.rig.scratch, ".mlops/cache/quarantine/old", "damaged");
    struct gc_report report = collect(&yard, true);
    assert_int_equal(report.removed_items, 0);
    assert_int_equal(report.quarantine_count, 1);
    assert_int_equal(report.quarantine_bytes, 7);
    yard.rig.workspace->config.keep_ns = -NS_PER_S;
    report = collect(&yard, true);
    assert_int_equal(report.removed_items, 1);
    assert_string_equal(report.items[0].what, "damaged file");
    assert_int_equal(report.quarantine_count, 0);
    assert_false(scratch_has(&yard.rig.scratch, ".mlops/cache/quarantine/old"));
}

/* Without it the bad row of a pack would be taken for good. */
static void what_warns_of_a_bad_object_in_a_pack_stays_with_the_pack(void **state)
{
    (void)state;
    YARD(yard);
    static struct digest digests[MANY];
    put_many(&yard, MANY, digests);
    need(&yard, digests, MANY);
    system(str_print(&yard.rig.arena,
                     "cd '%s/.mlops/cache/pack' && chmod u+w *.pack && printf X | dd of=$(ls -S "
                     "*.pack | head -1) bs=1 seek=100 conv=notrunc 2>/dev/null",
                     yard.rig.scratch.path)
               .at);
    rig_again(&yard.rig);
    struct verify_report report = {0};
    assert_fine(verify_run(&yard.rig.arena, yard.rig.workspace, yard.ledger, yard.rig.cas,
                           yard.rig.pool, &(struct verify_wish){0}, NULL, &report));
    assert_int_equal(report.fault_count, 1);
    yard.rig.workspace->config.keep_ns = -NS_PER_S;
    assert_int_equal(collect(&yard, false).quarantine_count, 1);
    rig_again(&yard.rig);
    int64_t seen = 0;
    for (size_t i = 0; i < MANY; i++)
        seen += has_object(&yard, digests[i]);
    assert_int_equal(seen, MANY - 1);
}

static void it_is_told_what_holds_the_bytes_that_stay(void **state)
{
    (void)state;
    YARD(yard);
    struct digest result = put(&yard, "a result"), locked = put(&yard, "locked");
    succeed(&yard, "a", file_artifact("x", result), true);
    write_lock(&yard, "pipeline.lock", locked);
    struct gc_report report = collect(&yard, false);
    assert_string_equal(report.holders[0].what, "runs of the history");
    assert_int_equal(report.holders[0].bytes, 8);
    assert_string_equal(report.holders[1].what, "lock files of the work tree");
    assert_int_equal(report.holders[1].bytes, 6);
    assert_int_equal(report.holders[2].bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stays_in_a_pack_that_is_mostly_needed_is_not_called_removed),
        cmocka_unit_test(what_is_called_removed_is_not_there_for_the_next_one),
        cmocka_unit_test(a_damaged_object_is_kept_aside_for_as_long_as_runs_are),
        cmocka_unit_test(what_warns_of_a_bad_object_in_a_pack_stays_with_the_pack),
        cmocka_unit_test(it_is_told_what_holds_the_bytes_that_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
