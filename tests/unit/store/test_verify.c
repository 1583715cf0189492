#include "mlops/store/checked.h"

#include "yard.h"

static struct verify_report verify(struct yard *yard)
{
    struct verify_report report = {0};
    struct pool *pool = pool_open(2);
    assert_fine(verify_run(&yard->rig.arena, yard->rig.workspace, yard->ledger, yard->rig.cas, pool,
                           &(struct verify_wish){0}, NULL, &report));
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

static struct verify_report verify_wishing(struct yard *yard, bool afresh)
{
    struct verify_report report = {0};
    struct pool *pool = pool_open(2);
    struct verify_wish wish = {.afresh = afresh};
    assert_fine(verify_run(&yard->rig.arena, yard->rig.workspace, yard->ledger, yard->rig.cas, pool,
                           &wish, NULL, &report));
    pool_drop(&pool);
    return report;
}

/* What an interrupted verification leaves that has read this one object. */
static void leave_checked(struct yard *yard, struct digest digest)
{
    AUTO(checked_drop) struct checked checked = {0};
    assert_fine(checked_open(fd_number(yard->rig.workspace->state_fd), "verified", true, &checked));
    assert_fine(checked_add(&checked, &digest, 1));
    assert_fine(file_write(fd_number(checked.fd), "torn", 4, "verified"));
}

static void an_interrupted_verification_goes_on_where_it_was(void **state)
{
    (void)state;
    YARD(yard);
    struct digest one = put(&yard, "one"), two = put(&yard, "two");
    succeed(&yard, "a", file_artifact("x", one), true);
    succeed(&yard, "b", file_artifact("y", two), true);
    leave_checked(&yard, one);
    rig_damage(&yard.rig, rig_object(&yard.rig, two), true);
    struct verify_report report = verify_wishing(&yard, false);
    assert_int_equal(report.skipped_objects, 1);
    assert_int_equal(report.objects, 2);
    assert_int_equal(report.fault_count, 1);
    assert_true(str_equal(report.faults[0].name, digest_hex(&yard.rig.arena, two)));
    assert_false(scratch_has(&yard.rig.scratch, ".mlops/verified")); /* it came to its end */
    assert_int_equal(verify_wishing(&yard, false).skipped_objects, 0);
}

static void a_full_verification_reads_again_what_an_interrupted_one_has_read(void **state)
{
    (void)state;
    YARD(yard);
    struct digest one = put(&yard, "one");
    succeed(&yard, "a", file_artifact("x", one), true);
    leave_checked(&yard, one);
    rig_damage(&yard.rig, rig_object(&yard.rig, one), true);
    struct verify_report report = verify_wishing(&yard, true);
    assert_int_equal(report.skipped_objects, 0);
    assert_int_equal(report.fault_count, 1);
}

static void what_a_pointer_names_and_was_not_fetched_is_no_damage(void **state)
{
    (void)state;
    YARD(yard);
    struct str text =
        str_print(&yard.rig.arena, "schema: 1\npath: raw\ndigest: sha256:%.*s\nsize: 7\n",
                  STR_FMT(digest_hex(&yard.rig.arena, digest_of("nowhere", 7))));
    scratch_write(&yard.rig.scratch, "raw.mlops", text.at);
    struct verify_report report = verify_wishing(&yard, false);
    assert_int_equal(report.fault_count, 0);
    assert_int_equal(report.pointers, 1);
    assert_int_equal(report.not_fetched_count, 1);
    assert_true(str_is(report.not_fetched[0].file, "raw.mlops"));
    assert_int_equal(report.not_fetched[0].missing_bytes, 7);
}

static void write_pointer(struct yard *yard, const char *path, struct digest digest)
{
    struct str text =
        str_print(&yard->rig.arena, "schema: 1\npath: %s\ndigest: sha256:%.*s\nsize: 5\n", path,
                  STR_FMT(digest_hex(&yard->rig.arena, digest)));
    scratch_write(&yard->rig.scratch, str_print(&yard->rig.arena, "%s.mlops", path).at, text.at);
}

/* "No known result needs it" would be the last that its owner hears. */
static void a_damaged_object_of_tracked_data_is_named_with_its_path(void **state)
{
    (void)state;
    YARD(yard);
    struct digest digest = put(&yard, "model");
    write_pointer(&yard, "raw", digest);
    rig_damage(&yard.rig, rig_object(&yard.rig, digest), true);
    struct verify_report report = verify(&yard);
    assert_int_equal(report.fault_count, 1);
    assert_true(str_is(report.faults[0].path, "raw"));
    assert_true(str_find(report.faults[0].repair, STR("mlops add raw")) >= 0);
    assert_int_equal(report.not_fetched_count, 0);
    report = verify(&yard); /* until it is put right */
    assert_int_equal(report.fault_count, 1);
    assert_true(str_is(report.faults[0].path, "raw"));
}

static void a_pointer_that_cant_be_read_is_a_fault_among_others(void **state)
{
    (void)state;
    YARD(yard);
    struct digest digest = put(&yard, "model");
    write_pointer(&yard, "raw", digest);
    scratch_write(&yard.rig.scratch, "broken.mlops", "schema: 1\n");
    rig_damage(&yard.rig, rig_object(&yard.rig, digest), true);
    struct verify_report report = verify(&yard);
    assert_int_equal(report.fault_count, 2);
    assert_string_equal(report.faults[0].what, "pointer");
    assert_true(str_find(report.faults[0].name, STR("broken.mlops")) >= 0);
    assert_true(str_find(report.faults[0].repair, STR("git checkout")) >= 0);
    assert_true(str_is(report.faults[1].path, "raw"));
}

static void a_pack_whose_index_is_damaged_is_named(void **state)
{
    (void)state;
    YARD(yard);
    struct digest digests[100];
    for (size_t i = 0; i < COUNT_OF(digests); i++)
        assert_fine(
            cas_put_bytes(yard.rig.cas, str_print(&yard.rig.arena, "small %zu", i), &digests[i]));
    assert_fine(cas_flush(yard.rig.cas));
    write_pointer(&yard, "raw", digests[3]);
    struct str command = str_print(&yard.rig.arena,
                                   "f=$(ls %s/.mlops/cache/pack/*) && chmod u+w $f && truncate -s "
                                   "-9 $f",
                                   yard.rig.scratch.path);
    assert_int_equal(system(command.at), 0);
    rig_again(&yard.rig);
    for (int again = 0; again < 2; again++) {
        struct verify_report report = verify(&yard);
        assert_int_equal(report.fault_count, 1);
        assert_string_equal(report.faults[0].what, "pack");
        assert_true(str_find(report.faults[0].name, STR("quarantine/")) >= 0);
        assert_int_equal(report.not_fetched_count, 1);
    }
    assert_fine(cas_put_bytes(yard.rig.cas, STR("small 3"), &digests[3]));
    assert_fine(cas_flush(yard.rig.cas));
    assert_int_equal(verify(&yard).fault_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_object_is_named_with_its_stages),
        cmocka_unit_test(missing_objects_are_named_with_all_their_stages),
        cmocka_unit_test(a_damaged_result_is_named),
        cmocka_unit_test(a_damaged_object_of_tracked_data_is_named_with_its_path),
        cmocka_unit_test(a_pointer_that_cant_be_read_is_a_fault_among_others),
        cmocka_unit_test(a_pack_whose_index_is_damaged_is_named),
        cmocka_unit_test(an_interrupted_verification_goes_on_where_it_was),
        cmocka_unit_test(a_full_verification_reads_again_what_an_interrupted_one_has_read),
        cmocka_unit_test(what_a_pointer_names_and_was_not_fetched_is_no_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
