/* Small files that threads put into chunks of their own. */
#include "mlops/base/check.h"
#include "mlops/host/clock.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "../../../src/store/cas_private.h"
#include "rig.h"

static struct file_stat stat_of(struct rig *rig, const char *path)
{
    struct file_stat stat = {0};
    bool found = false;
    assert_fine(file_stat_at(rig->scratch.fd, path, false, &stat, &found));
    assert_true(found);
    return stat;
}

/* As a scan does, which waits for the clock before anything is read. */
static struct file_stat seen_of(struct rig *rig, const char *path)
{
    struct file_stat seen = stat_of(rig, path);
    int fd = openat(rig->scratch.fd, path, O_RDONLY | O_CLOEXEC);
    while (cas_is_unsettled(fd, &seen, 0))
        usleep(1000);
    close(fd);
    return seen;
}

/* Another content of the same size, a moment later. */
static void save_again(struct rig *rig, const char *path, const char *text)
{
    struct file_stat before = stat_of(rig, path), now = before;
    while (now.mtime_ns == before.mtime_ns) {
        usleep(1000);
        scratch_write(&rig->scratch, path, text);
        now = stat_of(rig, path);
    }
}

static bool put_seen(struct rig *rig, struct cas_lane *lane, const char *path,
                     const struct file_stat *seen, struct cas_put *ret)
{
    bool done = true;
    assert_fine(cas_put_seen(rig->cas, lane, rig->scratch.fd, path, seen, ret, &done));
    return done;
}

static void a_file_as_it_was_seen_is_put_with_one_read(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct cas_lane lane = {0}, other = {0};
    struct cas_put put = {0};
    bool found = false;
    struct str bytes = {0};
    scratch_write(&rig.scratch, "f", "text");
    scratch_write(&rig.scratch, "empty", "");
    assert_fine(cas_begin_put(rig.cas));
    struct file_stat seen = seen_of(&rig, "f"), seen_empty = seen_of(&rig, "empty");
    assert_true(put_seen(&rig, &lane, "f", &seen, &put));
    assert_true(put.is_new && digest_equal(put.digest, digest_of("text", 4)));
    assert_true(put_seen(&rig, &other, "f", &seen, &put));
    assert_false(put.is_new);
    assert_true(put_seen(&rig, &lane, "empty", &seen_empty, &put));
    assert_true(put.is_new && digest_equal(put.digest, digest_of("", 0)));
    for (int flushed = 0; flushed < 2; flushed++) {
        assert_fine(cas_get_bytes(rig.cas, &rig.arena, digest_of("text", 4), 100, &bytes, &found));
        assert_true(found && str_is(bytes, "text"));
        assert_fine(cas_flush(rig.cas));
    }
    scratch_write(&rig.scratch, "next", "in a lane that was flushed");
    seen = seen_of(&rig, "next");
    assert_fine(cas_begin_put(rig.cas));
    assert_true(put_seen(&rig, &lane, "next", &seen, &put));
    assert_fine(cas_flush(rig.cas));
    assert_fine(cas_get_bytes(rig.cas, &rig.arena, put.digest, 100, &bytes, &found));
    assert_true(found && str_is(bytes, "in a lane that was flushed"));
    rig_drop(&rig);
}

static void what_changed_since_it_was_seen_is_left_to_who_looks_twice(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct cas_lane lane = {0};
    struct cas_put put = {0};
    bool found = true;
    scratch_write(&rig.scratch, "f", "text");
    struct file_stat seen = seen_of(&rig, "f");
    assert_fine(cas_begin_put(rig.cas));
    save_again(&rig, "f", "next");
    assert_false(put_seen(&rig, &lane, "f", &seen, &put));
    save_again(&rig, "f", "longer text");
    assert_false(put_seen(&rig, &lane, "f", &seen, &put));
    save_again(&rig, "f", "s");
    assert_false(put_seen(&rig, &lane, "f", &seen, &put));
    assert_int_equal(unlinkat(rig.scratch.fd, "f", 0), 0);
    assert_false(put_seen(&rig, &lane, "f", &seen, &put));
    assert_int_equal(mkfifoat(rig.scratch.fd, "f", 0600), 0);
    assert_false(put_seen(&rig, &lane, "f", &seen, &put));
    assert_int_equal(unlinkat(rig.scratch.fd, "f", 0), 0);
    scratch_directory(&rig.scratch, "f");
    assert_false(put_seen(&rig, &lane, "f", &seen, &put));
    assert_fine(cas_flush(rig.cas));
    static const char *const texts[] = {"text", "next", "long", "longer text", "s"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_fine(cas_has(rig.cas, digest_of(texts[i], strlen(texts[i])), &found));
        assert_false(found);
    }
    rig_drop(&rig);
}

/* A write within the tick of the first look shows in no other look. */
static void what_was_written_this_very_moment_is_read_when_that_is_over(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct cas_lane lane = {0};
    struct cas_put put = {0};
    scratch_write(&rig.scratch, "f", "text");
    int64_t moment = clock_real_ns() + 20 * NS_PER_MS;
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                {.tv_sec = moment / NS_PER_S, .tv_nsec = moment % NS_PER_S}};
    assert_int_equal(utimensat(rig.scratch.fd, "f", times, 0), 0);
    struct file_stat seen = stat_of(&rig, "f");
    assert_fine(cas_begin_put(rig.cas));
    assert_false(put_seen(&rig, &lane, "f", &seen, &put) && clock_real_ns() < moment);
    assert_fine(cas_put_file(rig.cas, rig.scratch.fd, "f", NULL, &put));
    assert_true(clock_real_ns() > moment);
    assert_true(put_seen(&rig, &lane, "f", &seen, &put));
    rig_drop(&rig);
}

static void what_somebody_is_writing_to_is_read_when_he_is_done(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct cas_lane lane = {0};
    struct cas_put put = {0};
    scratch_write(&rig.scratch, "f", "text");
    struct file_stat seen = seen_of(&rig, "f");
    int writer = openat(rig.scratch.fd, "f", O_WRONLY | O_CLOEXEC);
    assert_fine(cas_begin_put(rig.cas));
    bool done = put_seen(&rig, &lane, "f", &seen, &put);
    bool is_young = clock_real_ns() - seen.mtime_ns < NS_PER_S / 2;
    assert_false(done && is_young);
    /* Who holds it open for long does not keep others from storing it. */
    assert_fine(cas_put_file(rig.cas, rig.scratch.fd, "f", NULL, &put));
    assert_true(digest_equal(put.digest, digest_of("text", 4)));
    close(writer);
    assert_true(put_seen(&rig, &lane, "f", &seen, &put));
    rig_drop(&rig);
}

/* --- several threads --- */

enum { LANES = 4, OBJECTS = 24, OBJECT_BYTES = 700000 };

struct crowd {
    struct cas *cas;
    struct digest digests[LANES][OBJECTS];
    atomic_int failed;
};

static FALLIBLE put_some(void *context, size_t index)
{
    struct crowd *crowd = context;
    AUTO(arena_drop) struct arena arena = {0};
    struct cas_lane lane = {0};
    for (size_t i = 0; i < OBJECTS; i++) {
        char *room = NULL;
        bool is_new = false, found = false;
        struct str read = {0};
        struct error *error = cas_lane_room(crowd->cas, &lane, OBJECT_BYTES, &room);
        atomic_fetch_add(&crowd->failed, error != NULL);
        TRY(error);
        memset(room, (int)(i + 1), OBJECT_BYTES);
        memcpy(room, &index, sizeof index);
        crowd->digests[index][i] = digest_of(room, OBJECT_BYTES);
        cas_lane_keep(crowd->cas, &lane, OBJECT_BYTES, crowd->digests[index][i], &is_new);
        check(is_new);
        TRY(cas_get_bytes(crowd->cas, &arena, crowd->digests[index][i / 2], OBJECT_BYTES, &read,
                          &found));
        check(found && read.at[sizeof index] == (char)(i / 2 + 1));
        arena_reset(&arena);
    }
    return NULL;
}

static FALLIBLE put_all(struct rig *rig, struct crowd *crowd)
{
    struct pool *pool = pool_open(LANES);
    *crowd = (struct crowd){.cas = rig->cas};
    assert_fine(cas_begin_put(rig->cas));
    struct error *error = pool_run(pool, LANES, put_some, crowd, NULL);
    pool_drop(&pool);
    return error;
}

static size_t count_found(struct rig *rig, const struct crowd *crowd)
{
    size_t count = 0;
    for (size_t lane = 0; lane < LANES; lane++)
        for (size_t i = 0; i < OBJECTS; i++) {
            bool found = false;
            enum cas_health health = CAS_ABSENT;
            assert_fine(cas_has(rig->cas, crowd->digests[lane][i], &found));
            if (found)
                assert_fine(cas_verify(rig->cas, crowd->digests[lane][i], &health));
            count += health == CAS_GOOD;
        }
    return count;
}

static void threads_fill_chunks_while_others_are_written_and_read(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    static struct crowd crowd;
    assert_fine(put_all(&rig, &crowd));
    assert_fine(cas_flush(rig.cas));
    rig_again(&rig);
    assert_int_equal(count_found(&rig, &crowd), LANES * OBJECTS);
    rig_drop(&rig);
}

/* As on a full disk: some chunks are written by then, others wait. */
static void a_chunk_that_cannot_be_written_leaves_nothing_named(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    static struct crowd crowd;
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){8 * CAS_CHUNK_BYTES + 1000000, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_error(put_all(&rig, &crowd), "cannot write a pack");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(atomic_load(&crowd.failed) > 0);
    assert_error(cas_flush(rig.cas), "could not be stored");
    rig_again(&rig);
    assert_int_equal(count_found(&rig, &crowd), 0);
    assert_fine(put_all(&rig, &crowd));
    assert_fine(cas_flush(rig.cas));
    assert_int_equal(count_found(&rig, &crowd), LANES * OBJECTS);
    rig_drop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_as_it_was_seen_is_put_with_one_read),
        cmocka_unit_test(what_changed_since_it_was_seen_is_left_to_who_looks_twice),
        cmocka_unit_test(what_was_written_this_very_moment_is_read_when_that_is_over),
        cmocka_unit_test(what_somebody_is_writing_to_is_read_when_he_is_done),
        cmocka_unit_test(threads_fill_chunks_while_others_are_written_and_read),
        cmocka_unit_test(a_chunk_that_cannot_be_written_leaves_nothing_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
