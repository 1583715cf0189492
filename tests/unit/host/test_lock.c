#include "mlops/host/lock.h"
#include "mlops/host/process.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "support/scratch.h"

static bool try_lock(const struct scratch *scratch, enum lock_mode mode, struct lock *lock)
{
    bool is_taken = false;
    assert_fine(lock_take(scratch->fd, "lock", mode, 0, NULL, NULL, lock, &is_taken));
    return is_taken;
}

static void an_exclusive_lock_excludes_and_shared_ones_do_not(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    AUTO(lock_drop) struct lock first = {0};
    AUTO(lock_drop) struct lock second = {0};
    AUTO(lock_drop) struct lock third = {0};
    assert_true(try_lock(&scratch, LOCK_SHARED, &first));
    assert_true(try_lock(&scratch, LOCK_SHARED, &second));
    assert_false(try_lock(&scratch, LOCK_EXCLUSIVE, &third));
    lock_drop(&first);
    lock_drop(&second);
    assert_true(try_lock(&scratch, LOCK_EXCLUSIVE, &third));
    assert_false(try_lock(&scratch, LOCK_SHARED, &first));
}

static void waiting_ends_when_time_is_up(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    AUTO(lock_drop) struct lock first = {0};
    AUTO(lock_drop) struct lock second = {0};
    bool is_taken = true;
    assert_true(try_lock(&scratch, LOCK_EXCLUSIVE, &first));
    assert_fine(
        lock_take(scratch.fd, "lock", LOCK_SHARED, 20000000, NULL, NULL, &second, &is_taken));
    assert_false(is_taken);
}

static void give_back(void *context)
{
    lock_drop(context);
}

/* The notice comes after a second of waiting; here it is what frees the lock. */
static void a_long_wait_is_told_once_and_then_the_lock_is_taken(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    AUTO(lock_drop) struct lock first = {0};
    AUTO(lock_drop) struct lock second = {0};
    bool is_taken = false;
    assert_true(try_lock(&scratch, LOCK_EXCLUSIVE, &first));
    assert_fine(
        lock_take(scratch.fd, "lock", LOCK_EXCLUSIVE, -1, give_back, &first, &second, &is_taken));
    assert_true(is_taken);
    assert_int_equal(fd_number(first.fd), -1);
}

static void a_lock_file_that_was_removed_is_made_again(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    AUTO(lock_drop) struct lock first = {0};
    AUTO(lock_drop) struct lock second = {0};
    assert_true(try_lock(&scratch, LOCK_EXCLUSIVE, &first));
    assert_int_equal(unlinkat(scratch.fd, "lock", 0), 0);
    assert_true(try_lock(&scratch, LOCK_EXCLUSIVE, &second));
    assert_true(scratch_has(&scratch, "lock"));
}

static void a_lock_where_none_can_be_made_is_an_error(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    struct lock lock = {0};
    bool is_taken = false;
    assert_error(lock_take(scratch.fd, "no/lock", LOCK_SHARED, 0, NULL, NULL, &lock, &is_taken),
                 "'no/lock'");
}

struct wish {
    const char *path;
    enum lock_mode mode;
};

static bool take(const struct scratch *scratch, const struct wish *wishes, size_t count,
                 struct claims *ret)
{
    struct claim claims[8];
    bool is_taken = false;
    for (size_t i = 0; i < count; i++)
        claims[i] = (struct claim){str_of(wishes[i].path), wishes[i].mode};
    assert_fine(claims_take(scratch->fd, "claims", claims, count, ret, &is_taken));
    assert_int_equal(is_taken, fd_number(ret->fd) >= 0);
    return is_taken;
}

#define R LOCK_SHARED
#define W LOCK_EXCLUSIVE

static void claims_conflict_by_the_rules_of_a_hierarchy(void **state)
{
    (void)state;
    static const struct {
        struct wish held, asked;
        bool is_free;
    } rows[] = {
        {{"d", R}, {"d", R}, true},     {{"d", R}, {"d", W}, false},
        {{"d", W}, {"d", R}, false},    {{"d", W}, {"d", W}, false},
        {{"d", W}, {"d/x", R}, false},  {{"d", W}, {"d/x/y", W}, false},
        {{"d/x", R}, {"d", W}, false},  {{"d/x/y", W}, {"d", W}, false},
        {{"d", R}, {"d/x", R}, true},   {{"d/x", R}, {"d", R}, true},
        {{"d", R}, {"d/x", W}, false},  {{"d/x", W}, {"d", R}, false},
        {{"d/x", W}, {"d/y", W}, true}, {{"d/x", W}, {"d/y", R}, true},
        {{"d/x", W}, {"dx", W}, true},  {{"d/x/y", W}, {"d/x", R}, false},
        {{"", R}, {"d/x", W}, false},   {{"d/x", W}, {"", R}, false},
        {{"", R}, {"d/x", R}, true},    {{"", W}, {"e", R}, false},
    };
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO(claims_drop) struct claims held = {0};
        AUTO(claims_drop) struct claims asked = {0};
        assert_true(take(&scratch, &rows[i].held, 1, &held));
        if (take(&scratch, &rows[i].asked, 1, &asked) != rows[i].is_free)
            fail_msg("row %zu: '%s' against '%s'", i, rows[i].held.path, rows[i].asked.path);
    }
}

static void claims_of_one_call_do_not_conflict_with_each_other(void **state)
{
    (void)state;
    static const struct wish wishes[] = {{"d", LOCK_SHARED},
                                         {"d/out", LOCK_EXCLUSIVE},
                                         {"d/out", LOCK_SHARED},
                                         {"e", LOCK_EXCLUSIVE},
                                         {"e/f", LOCK_SHARED}};
    static const struct wish reader = {"d", LOCK_SHARED}, writer = {"d/other", LOCK_EXCLUSIVE},
                             below = {"d/other", LOCK_SHARED}, shut = {"e/g", LOCK_SHARED};
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    AUTO(claims_drop) struct claims held = {0};
    AUTO(claims_drop) struct claims asked = {0};
    assert_true(take(&scratch, wishes, COUNT_OF(wishes), &held));
    assert_false(take(&scratch, &reader, 1, &asked));
    assert_false(take(&scratch, &writer, 1, &asked));
    assert_false(take(&scratch, &shut, 1, &asked));
    assert_true(take(&scratch, &below, 1, &asked));
}

static void shared_claims_let_readers_in_and_keep_writers_out(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    static const struct wish made[] = {{"out/x", W}, {"in", R}};
    static const struct {
        struct wish wish;
        bool is_free;
    } rows[] = {
        {{"out/x", R}, true},  {{"out", R}, true},  {{"out/x/y", R}, true}, {{"in", R}, true},
        {{"out/x", W}, false}, {{"out", W}, false}, {{"in", W}, false},     {{"out/y", W}, true},
    };
    AUTO(claims_drop) struct claims held = {0};
    assert_true(take(&scratch, made, COUNT_OF(made), &held));
    const struct claim claims[] = {{STR("out/x"), W}, {STR("in"), R}};
    assert_fine(claims_share(&held, claims, COUNT_OF(claims)));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO(claims_drop) struct claims asked = {0};
        if (take(&scratch, &rows[i].wish, 1, &asked) != rows[i].is_free)
            fail_msg("row %zu: '%s'", i, rows[i].wish.path);
    }
}

static void claims_that_are_not_all_free_leave_none_behind(void **state)
{
    (void)state;
    static const struct wish held_wish = {"b", LOCK_EXCLUSIVE};
    static const struct wish wishes[] = {
        {"a", LOCK_EXCLUSIVE}, {"b", LOCK_SHARED}, {"c", LOCK_EXCLUSIVE}};
    static const struct wish others[] = {{"a", LOCK_EXCLUSIVE}, {"c", LOCK_EXCLUSIVE}};
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    AUTO(claims_drop) struct claims held = {0};
    AUTO(claims_drop) struct claims asked = {0};
    assert_true(take(&scratch, &held_wish, 1, &held));
    assert_false(take(&scratch, wishes, COUNT_OF(wishes), &asked));
    assert_true(take(&scratch, others, COUNT_OF(others), &asked));
}

static void no_claims_are_always_free(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    AUTO(claims_drop) struct claims held = {0};
    assert_true(take(&scratch, NULL, 0, &held));
}

static bool take_one(const struct scratch *scratch, const char *path, enum lock_mode mode)
{
    struct wish wish = {path, mode};
    AUTO(claims_drop) struct claims asked = {0};
    return take(scratch, &wish, 1, &asked);
}

/* A thousand files of two crowded directories, one elsewhere, and the root many times. */
static void many_claims_are_taken_on_their_directories(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    static struct claim claims[MANY + 1];
    static char paths[MANY][32];
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    AUTO(claims_drop) struct claims held = {0};
    bool is_taken = false;
    for (int i = 0; i < MANY; i++) {
        snprintf(paths[i], sizeof paths[i], i % 2 ? "data/a/%d" : "data/b/%d", i);
        claims[i] = (struct claim){str_of(paths[i]), i % 2 ? LOCK_SHARED : LOCK_EXCLUSIVE};
    }
    claims[MANY] = (struct claim){STR("src/c"), LOCK_EXCLUSIVE};
    assert_fine(claims_take(scratch.fd, "claims", claims, MANY + 1, &held, &is_taken));
    assert_true(is_taken);
    assert_false(take_one(&scratch, "data/a/1", LOCK_EXCLUSIVE));
    assert_false(take_one(&scratch, "data/b/2", LOCK_SHARED));
    assert_true(take_one(&scratch, "data/a/1", LOCK_SHARED));
    assert_true(take_one(&scratch, "data/c", LOCK_EXCLUSIVE));
    assert_true(take_one(&scratch, "src/d", LOCK_EXCLUSIVE));
    assert_false(take_one(&scratch, "src/c", LOCK_SHARED));
    claims_drop(&held);
    for (int i = 0; i < MANY; i++)
        claims[i].path = STR("");
    assert_fine(claims_take(scratch.fd, "claims", claims, MANY, &held, &is_taken));
    assert_true(is_taken);
    assert_false(take_one(&scratch, "x", LOCK_SHARED));
}

static void claims_live_as_long_as_a_child_that_inherited_them(void **state)
{
    (void)state;
    extern char **environ;
    static const struct wish wish = {"model.pkl", LOCK_EXCLUSIVE};
    static const char *const argv[] = {"sleep", "1000", NULL};
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    AUTO(claims_drop) struct claims held = {0};
    AUTO(claims_drop) struct claims asked = {0};
    AUTO(process_drop) struct process child = {0};
    assert_true(take(&scratch, &wish, 1, &held));
    int fd = fd_number(held.fd);
    struct process_spec spec = {.argv = argv,
                                .envp = (const char *const *)environ,
                                .output_fd = -1,
                                .keep_fds = &fd,
                                .keep_count = 1};
    assert_fine(process_start(&spec, &child));
    claims_drop(&held);
    assert_false(take(&scratch, &wish, 1, &asked));
    process_drop(&child);
    assert_true(take(&scratch, &wish, 1, &asked));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exclusive_lock_excludes_and_shared_ones_do_not),
        cmocka_unit_test(waiting_ends_when_time_is_up),
        cmocka_unit_test(a_long_wait_is_told_once_and_then_the_lock_is_taken),
        cmocka_unit_test(a_lock_file_that_was_removed_is_made_again),
        cmocka_unit_test(a_lock_where_none_can_be_made_is_an_error),
        cmocka_unit_test(claims_conflict_by_the_rules_of_a_hierarchy),
        cmocka_unit_test(claims_of_one_call_do_not_conflict_with_each_other),
        cmocka_unit_test(shared_claims_let_readers_in_and_keep_writers_out),
        cmocka_unit_test(claims_that_are_not_all_free_leave_none_behind),
        cmocka_unit_test(no_claims_are_always_free),
        cmocka_unit_test(many_claims_are_taken_on_their_directories),
        cmocka_unit_test(claims_live_as_long_as_a_child_that_inherited_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
