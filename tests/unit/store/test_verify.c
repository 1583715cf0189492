#include "yard.h"

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
        cmocka_unit_test(a_damaged_object_is_named_with_its_stages),
        cmocka_unit_test(missing_objects_are_named_with_all_their_stages),
        cmocka_unit_test(a_damaged_result_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
