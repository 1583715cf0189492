#include "mlops/base/buf.h"
#include "mlops/host/relay.h"

#include <stdlib.h>

#include "support/scratch.h"

enum { BLOCK = 64, BLOCKS = 3 };

struct taker {
    struct buf got;
    int fails_after; /* blocks; 0: never */
    int taken;
};

static struct error *take(void *context, const char *at, size_t len)
{
    struct taker *taker = context;
    if (taker->fails_after && taker->taken == taker->fails_after)
        return error_new(ERROR_MACHINE, "no room");
    taker->taken++;
    buf_add(&taker->got, at, len);
    return NULL;
}

static void fill(char *block, int number)
{
    memset(block, 'a' + number % 26, BLOCK);
}

static struct relay *open_relay(struct taker *taker)
{
    struct relay *relay = NULL;
    setenv("MLOPS_POOL", "2", 1);
    relay_open(BLOCK, BLOCKS, take, taker, &relay);
    assert_non_null(relay);
    return relay;
}

static void blocks_are_taken_whole_and_in_order(void **state)
{
    (void)state;
    struct taker taker = {0};
    struct relay *relay = open_relay(&taker);
    for (int i = 0; i < 1000; i++) {
        fill(relay_block(relay), i);
        assert_true(relay_give(relay, i == 999 ? 5 : BLOCK));
    }
    assert_fine(relay_finish(relay));
    assert_int_equal(taker.got.len, 999 * BLOCK + 5);
    for (size_t i = 0; i < taker.got.len; i++)
        assert_int_equal(taker.got.at[i], 'a' + (char)(i / BLOCK % 26));
    relay_drop(&relay);
    assert_null(relay);
    buf_drop(&taker.got);
}

static void what_fails_ends_the_giving_and_is_told_once(void **state)
{
    (void)state;
    struct taker taker = {.fails_after = 4};
    struct relay *relay = open_relay(&taker);
    int given = 0;
    do
        fill(relay_block(relay), given);
    while (relay_give(relay, BLOCK) && ++given < 1000);
    assert_true(given < 4 + BLOCKS + 1);
    struct error *error = relay_finish(relay);
    assert_non_null(error);
    assert_string_equal(error->text, "no room");
    error_drop(error);
    assert_fine(relay_finish(relay));
    assert_int_equal(taker.taken, 4);
    relay_drop(&relay);
    buf_drop(&taker.got);
}

static void dropping_does_not_wait_for_what_was_given(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        struct taker taker = {0};
        struct relay *relay = open_relay(&taker);
        for (int given = 0; given < i % 4; given++) {
            fill(relay_block(relay), given);
            relay_give(relay, BLOCK);
        }
        relay_drop(&relay);
        assert_true(taker.taken <= i % 4);
        buf_drop(&taker.got);
    }
}

static void without_threads_there_is_none(void **state)
{
    (void)state;
    struct taker taker = {0};
    struct relay *relay = NULL;
    setenv("MLOPS_POOL", "0", 1);
    relay_open(BLOCK, BLOCKS, take, &taker, &relay);
    assert_null(relay);
    relay_drop(&relay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_taken_whole_and_in_order),
        cmocka_unit_test(what_fails_ends_the_giving_and_is_told_once),
        cmocka_unit_test(dropping_does_not_wait_for_what_was_given),
        cmocka_unit_test(without_threads_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
