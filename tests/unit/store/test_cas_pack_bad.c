#include "packs.h"

/* Flips a bit of the text in the first pack that holds it. */
static void damage(struct rig *rig, const char *text)
{
    const char *path = NULL;
    struct stat seen;
    assert_int_equal(pack_count(rig, &path), 1);
    assert_int_equal(fchmodat(rig->scratch.fd, path, 0644, 0), 0);
    int fd = openat(rig->scratch.fd, path, O_RDWR | O_CLOEXEC);
    assert_int_equal(fstat(fd, &seen), 0);
    char *bytes = arena_alloc(&rig->arena, (size_t)seen.st_size);
    assert_int_equal(pread(fd, bytes, (size_t)seen.st_size, 0), seen.st_size);
    char *at = memmem(bytes, (size_t)seen.st_size, text, strlen(text));
    assert_non_null(at);
    *at ^= 1;
    assert_int_equal(pwrite(fd, at, 1, at - bytes), 1);
    close(fd);
}

static void a_bad_blob_is_never_used_and_the_others_are(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct digest digests[MANY];
    const struct digest *damaged = NULL;
    int64_t before = 0, after = 0;
    put_many(&rig, 0, MANY, digests);
    assert_fine(cas_damage_stamp(rig.cas, &before));
    damage(&rig, "number 77");
    assert_false(is_number(&rig, digests[77], 77));
    assert_false(has(&rig, digests[77]));
    assert_true(is_number(&rig, digests[78], 78));
    assert_int_equal(cas_damaged(rig.cas, &damaged), 1);
    assert_true(digest_equal(damaged[0], digests[77]));
    assert_fine(cas_damage_stamp(rig.cas, &after));
    assert_true(after > before);
    rig_drop(&rig);
}

static void later_processes_know_of_a_bad_blob_and_put_it_anew(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct digest digests[MANY];
    enum cas_health health;
    put_many(&rig, 0, MANY, digests);
    damage(&rig, "number 77");
    assert_fine(cas_verify(rig.cas, digests[77], &health));
    assert_int_equal(health, CAS_DAMAGED);
    rig_again(&rig);
    assert_false(has(&rig, digests[77]));
    put_many(&rig, 77, 1, &digests[77]);
    assert_true(is_number(&rig, digests[77], 77));
    assert_true(scratch_has(&rig.scratch, rig_object(&rig, digests[77])));
    rig_drop(&rig);
}

/* All of them are put again: the new pack has the old one's name. */
static void a_pack_that_is_bad_all_through_is_replaced_by_the_same_objects(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct digest digests[40];
    put_many(&rig, 0, 40, digests);
    for (int i = 0; i < 40; i++) {
        char text[32];
        snprintf(text, sizeof text, "number %d", i);
        damage(&rig, text);
        assert_false(is_number(&rig, digests[i], i));
    }
    put_many(&rig, 0, 40, digests);
    assert_int_equal(packs_of(&rig), 1);
    rig_again(&rig);
    for (int i = 0; i < 40; i++)
        assert_true(is_number(&rig, digests[i], i));
    rig_drop(&rig);
}

static void a_pack_that_was_cut_short_counts_as_absent(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct digest digests[MANY];
    const char *path = NULL;
    put_many(&rig, 0, MANY, digests);
    pack_count(&rig, &path);
    rig_close(&rig);
    assert_int_equal(fchmodat(rig.scratch.fd, path, 0644, 0), 0);
    int fd = openat(rig.scratch.fd, path, O_RDWR | O_CLOEXEC);
    assert_int_equal(ftruncate(fd, 500), 0);
    close(fd);
    rig_reopen(&rig);
    assert_false(has(&rig, digests[0]));
    assert_int_equal(packs_of(&rig), 0);
    put_many(&rig, 0, MANY, digests);
    assert_true(is_number(&rig, digests[0], 0));
    rig_drop(&rig);
}

static FALLIBLE count_object(void *context, struct digest digest, const struct file_stat *stat)
{
    int *count = context;
    (void)digest;
    assert_true(stat->size_bytes >= (int64_t)strlen("number 0"));
    ++*count;
    return NULL;
}

static int count_of(struct rig *rig)
{
    int count = 0;
    assert_fine(cas_each(rig->cas, count_object, &count));
    return count;
}

enum { VERY_MANY = 20000 };

/* Of a row of the index of the only pack; the file keeps its time. */
static void damage_row(struct rig *rig, struct digest digest, int64_t at, unsigned char byte)
{
    const char *path = NULL;
    struct stat seen;
    bool found = false;
    AUTO(pack_drop) struct pack *pack = NULL;
    assert_int_equal(pack_count(rig, &path), 1);
    assert_int_equal(fstatat(rig->scratch.fd, path, &seen, 0), 0);
    assert_fine(pack_open(rig->scratch.fd, path, &pack, &found));
    const struct pack_index *index = pack_rows(pack);
    int64_t row = 0;
    while (!digest_equal(pack_index_row(index, (size_t)row).digest, digest))
        row++;
    int64_t rows_at = seen.st_size - PACK_FOOT_BYTES - (int64_t)index->row_count * PACK_ROW_BYTES;
    assert_int_equal(fchmodat(rig->scratch.fd, path, 0644, 0), 0);
    int fd = openat(rig->scratch.fd, path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, &byte, 1, rows_at + row * PACK_ROW_BYTES + at), 1);
    struct timespec times[2] = {seen.st_atim, seen.st_mtim};
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

static void the_index_of_a_large_pack_is_checked_again_once_a_row_is_bad(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct digest *digests = arena_new_array(&rig.arena, struct digest, VERY_MANY);
    const char *ignored = NULL;
    put_many(&rig, 0, VERY_MANY, digests);
    rig_again(&rig);
    assert_true(is_number(&rig, digests[0], 0)); /* now it is known to be good */
    damage_row(&rig, digests[7], 52, 1);
    rig_again(&rig);
    for (int i = VERY_MANY - 100; i < VERY_MANY; i++)
        assert_true(is_number(&rig, digests[i], i));
    assert_int_equal(pack_count(&rig, &ignored), 1); /* nobody has asked for the bad row */
    assert_false(has(&rig, digests[7]));
    assert_int_equal(pack_count(&rig, &ignored), 0);
    put_many(&rig, 0, VERY_MANY, digests);
    assert_true(is_number(&rig, digests[7], 7));
    rig_drop(&rig);
}

static void a_large_pack_that_is_searched_often_is_read_whole(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct digest *digests = arena_new_array(&rig.arena, struct digest, VERY_MANY);
    const char *ignored = NULL;
    put_many(&rig, 0, VERY_MANY, digests);
    rig_again(&rig);
    assert_true(is_number(&rig, digests[0], 0));
    damage_row(&rig, digests[VERY_MANY - 1], 52, 1);
    rig_again(&rig);
    int i = 0;
    while (i < VERY_MANY - 1 && has(&rig, digests[i]))
        i++;
    assert_true(i > 1000 && i < VERY_MANY - 1);
    assert_int_equal(pack_count(&rig, &ignored), 0);
    rig_drop(&rig);
}

static void each_object_is_visited_once(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct digest digests[MANY], single;
    rig.workspace->config.pack_max = 0;
    put_many(&rig, 5, 1, &single); /* loose, too */
    rig.workspace->config.pack_max = 1000;
    put_many(&rig, 0, MANY, digests);
    assert_int_equal(count_of(&rig), MANY);
    rig_drop(&rig);
}

static int64_t trash(struct rig *rig, const struct digest *digests, int count)
{
    int64_t bytes = 0;
    for (int i = 0; i < count; i++)
        assert_fine(cas_trash(rig->cas, digests[i]));
    assert_fine(cas_empty_trash(rig->cas, &bytes));
    return bytes;
}

static void a_pack_with_holes_is_made_anew(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct digest digests[MANY];
    struct stat before, after;
    const char *path = NULL;
    put_many(&rig, 0, MANY, digests);
    pack_count(&rig, &path);
    fstatat(rig.scratch.fd, path, &before, 0);
    assert_true(trash(&rig, digests, 60) > 0);
    assert_int_equal(pack_count(&rig, &path), 1);
    fstatat(rig.scratch.fd, path, &after, 0);
    assert_true(after.st_size < before.st_size);
    assert_int_equal(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
    for (int again = 0; again < 2; again++) {
        assert_false(has(&rig, digests[59]));
        assert_true(is_number(&rig, digests[60], 60));
        assert_int_equal(count_of(&rig), 40);
        rig_again(&rig);
    }
    rig_drop(&rig);
}

static void a_pack_that_nothing_needs_is_removed(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct digest digests[MANY];
    put_many(&rig, 0, MANY, digests);
    trash(&rig, digests, MANY);
    assert_int_equal(packs_of(&rig), 0);
    assert_int_equal(count_of(&rig), 0);
    rig_drop(&rig);
}

static void what_gc_removed_is_put_again(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct digest digests[MANY];
    struct cas *collector = NULL;
    int64_t bytes = 0;
    put_many(&rig, 0, MANY, digests);
    assert_true(has(&rig, digests[0]));
    assert_fine(cas_open(&rig.arena, rig.workspace, rig.index, &collector));
    for (int i = 0; i < MANY; i++)
        assert_fine(cas_trash(collector, digests[i]));
    assert_fine(cas_empty_trash(collector, &bytes));
    cas_drop(&collector);
    put_many(&rig, 0, MANY, digests);
    rig_again(&rig);
    for (int i = 0; i < MANY; i++)
        assert_true(is_number(&rig, digests[i], i));
    rig_drop(&rig);
}

static void too_many_small_packs_become_one(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct digest digests[25][40];
    for (int pack = 0; pack < 25; pack++)
        put_many(&rig, pack * 40, 40, digests[pack]);
    trash(&rig, NULL, 0);
    assert_int_equal(packs_of(&rig), 1);
    rig_again(&rig);
    for (int pack = 0; pack < 25; pack++)
        for (int i = 0; i < 40; i++)
            assert_true(is_number(&rig, digests[pack][i], pack * 40 + i));
    rig_drop(&rig);
}

struct putting {
    struct rig *rig;
    struct digest *digests;
};

static FALLIBLE put_file(void *context, size_t i)
{
    struct putting *putting = context;
    char name[32];
    struct cas_put put;
    snprintf(name, sizeof name, "f%zu", i);
    TRY(cas_put_file(putting->rig->cas, putting->rig->scratch.fd, name, NULL, &put));
    putting->digests[i] = put.digest;
    return NULL;
}

static void threads_put_and_take_out_at_once(void **state)
{
    (void)state;
    enum { FILES = 400, BYTES = 20000 };
    struct rig rig = rig_open();
    static char bytes[BYTES + 1];
    struct digest digests[FILES];
    struct putting putting = {&rig, digests};
    for (int i = 0; i < FILES; i++) {
        char name[32];
        memset(bytes, 'a' + i % 26, BYTES);
        memcpy(bytes, name, (size_t)snprintf(name, sizeof name, "%d", i));
        snprintf(name, sizeof name, "f%d", i);
        scratch_write(&rig.scratch, name, bytes);
    }
    cas_warm(rig.cas);
    assert_fine(pool_run(rig.pool, FILES, put_file, &putting, NULL));
    assert_fine(cas_flush(rig.cas));
    rig_again(&rig);
    for (int i = 0; i < FILES; i++) {
        struct str read = {0};
        bool found = false;
        assert_fine(cas_get_bytes(rig.cas, &rig.arena, digests[i], 100000, &read, &found));
        assert_true(found && atoi(read.at) == i);
    }
    rig_drop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_blob_is_never_used_and_the_others_are),
        cmocka_unit_test(later_processes_know_of_a_bad_blob_and_put_it_anew),
        cmocka_unit_test(a_pack_that_is_bad_all_through_is_replaced_by_the_same_objects),
        cmocka_unit_test(a_pack_that_was_cut_short_counts_as_absent),
        cmocka_unit_test(the_index_of_a_large_pack_is_checked_again_once_a_row_is_bad),
        cmocka_unit_test(a_large_pack_that_is_searched_often_is_read_whole),
        cmocka_unit_test(each_object_is_visited_once),
        cmocka_unit_test(a_pack_with_holes_is_made_anew),
        cmocka_unit_test(a_pack_that_nothing_needs_is_removed),
        cmocka_unit_test(what_gc_removed_is_put_again),
        cmocka_unit_test(too_many_small_packs_become_one),
        cmocka_unit_test(threads_put_and_take_out_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
