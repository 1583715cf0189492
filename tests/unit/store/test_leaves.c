#include "yard.h"

enum { BIG_BYTES = 41 << 20, LEAVES = 6 };

/* A sparse file whose leaves differ. */
static void write_big(struct rig *rig, const char *name)
{
    int fd = openat(rig->scratch.fd, name, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0644);
    assert_int_equal(ftruncate(fd, BIG_BYTES), 0);
    for (int i = 0; i < LEAVES; i++)
        assert_int_equal(pwrite(fd, &i, sizeof i, (off_t)i * CAS_LEAF_BYTES + 17), sizeof i);
    close(fd);
}

static const struct digest *leaves_of(struct rig *rig, struct digest digest, bool *ret_found)
{
    const struct digest *leaves = NULL;
    assert_fine(cas_leaves(rig->cas, &rig->arena, digest, BIG_BYTES, &leaves, ret_found));
    return leaves;
}

static bool has_leaves(struct rig *rig, struct digest digest)
{
    bool found = false;
    leaves_of(rig, digest, &found);
    return found;
}

static struct digest capture_big(struct rig *rig)
{
    struct artifact artifact = {0};
    write_big(rig, "big");
    assert_fine(worktree_capture(rig->worktree, STR("big"), &artifact));
    assert_fine(cas_flush(rig->cas));
    return artifact.digest;
}

static const char *list_path(struct rig *rig, struct digest digest)
{
    struct str hex = digest_hex(&rig->arena, digest);
    return str_print(&rig->arena, ".mlops/cache/leaf/%.2s/%s", hex.at, hex.at + 2).at;
}

static struct verify_report verify(struct yard *yard)
{
    struct verify_report report = {0};
    struct pool *pool = pool_open(2);
    assert_fine(verify_run(&yard->rig.arena, yard->rig.workspace, yard->ledger, yard->rig.cas, pool,
                           &(struct verify_wish){.afresh = true}, NULL, &report));
    pool_drop(&pool);
    return report;
}

static void capturing_a_large_file_leaves_a_list_of_its_parts(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    char *block = calloc(1, CAS_LEAF_BYTES);
    bool found = false;
    struct digest digest = capture_big(&rig);
    const struct digest *leaves = leaves_of(&rig, digest, &found);
    assert_true(found);
    assert_int_equal(cas_leaf_count(BIG_BYTES), LEAVES);
    for (int i = 0; i < LEAVES; i++) {
        size_t len = i + 1 < LEAVES ? CAS_LEAF_BYTES : BIG_BYTES % CAS_LEAF_BYTES;
        memcpy(block + 17, &i, sizeof i);
        assert_true(digest_equal(leaves[i], digest_of(block, len)));
    }
    free(block);
    rig_drop(&rig);
}

static void small_files_have_no_list(void **state)
{
    (void)state;
    assert_int_equal(cas_leaf_count(CAS_LEAVES_LEAST_BYTES - 1), 0);
    assert_int_equal(cas_leaf_count(CAS_LEAVES_LEAST_BYTES), 4);
    assert_int_equal(cas_leaf_count(CAS_LEAVES_LEAST_BYTES + 1), 5);
}

static void a_list_with_any_byte_changed_is_not_used(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct digest digest = capture_big(&rig);
    const char *path = list_path(&rig, digest);
    assert_int_equal(fchmodat(rig.scratch.fd, path, 0644, 0), 0);
    int fd = openat(rig.scratch.fd, path, O_RDWR | O_CLOEXEC);
    off_t len = lseek(fd, 0, SEEK_END);
    assert_true(len > LEAVES * 32);
    for (off_t at = 0; at < len; at++) {
        unsigned char byte, other;
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        other = byte ^ 0x21;
        assert_int_equal(pwrite(fd, &other, 1, at), 1);
        assert_false(has_leaves(&rig, digest));
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    assert_true(has_leaves(&rig, digest));
    for (off_t shorter = len - 1; shorter >= 0; shorter -= 7) {
        assert_int_equal(ftruncate(fd, shorter), 0);
        assert_false(has_leaves(&rig, digest));
    }
    close(fd);
    rig_drop(&rig);
}

static void verification_by_leaves_finds_a_flipped_byte(void **state)
{
    (void)state;
    for (int leaf = 0; leaf < LEAVES; leaf += LEAVES - 1) {
        YARD(yard);
        struct digest digest = capture_big(&yard.rig);
        assert_int_equal(verify(&yard).fault_count, 0);
        const char *path = rig_object(&yard.rig, digest);
        struct stat seen;
        assert_int_equal(fstatat(yard.rig.scratch.fd, path, &seen, 0), 0);
        assert_int_equal(fchmodat(yard.rig.scratch.fd, path, 0644, 0), 0);
        int fd = openat(yard.rig.scratch.fd, path, O_RDWR | O_CLOEXEC);
        assert_int_equal(pwrite(fd, "!", 1, (off_t)leaf * CAS_LEAF_BYTES + 999), 1);
        assert_int_equal(futimens(fd, (struct timespec[2]){seen.st_atim, seen.st_mtim}), 0);
        close(fd);
        struct verify_report report = verify(&yard);
        assert_int_equal(report.fault_count, 1);
        assert_false(has(&yard, digest));
        assert_false(has_leaves(&yard.rig, digest));
    }
}

/* A wrong list is no reason to throw a good object away. */
static void a_list_of_something_else_is_dropped_and_made_anew(void **state)
{
    (void)state;
    YARD(yard);
    struct digest wrong[LEAVES] = {0};
    struct digest digest = capture_big(&yard.rig);
    assert_fine(cas_set_leaves(yard.rig.cas, digest, BIG_BYTES, wrong));
    assert_int_equal(verify(&yard).fault_count, 0);
    assert_true(has(&yard, digest));
    assert_false(has_leaves(&yard.rig, digest));
    assert_int_equal(verify(&yard).fault_count, 0);
    assert_true(has_leaves(&yard.rig, digest));
    assert_int_equal(verify(&yard).fault_count, 0);
}

static void what_gc_removes_takes_its_list_along(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct digest digest = capture_big(&rig);
    assert_true(scratch_has(&rig.scratch, list_path(&rig, digest)));
    assert_fine(cas_trash(rig.cas, digest));
    assert_false(scratch_has(&rig.scratch, list_path(&rig, digest)));
    rig_drop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capturing_a_large_file_leaves_a_list_of_its_parts),
        cmocka_unit_test(small_files_have_no_list),
        cmocka_unit_test(a_list_with_any_byte_changed_is_not_used),
        cmocka_unit_test(verification_by_leaves_finds_a_flipped_byte),
        cmocka_unit_test(a_list_of_something_else_is_dropped_and_made_anew),
        cmocka_unit_test(what_gc_removes_takes_its_list_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
