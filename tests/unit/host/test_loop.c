#include "mlops/base/arena.h"
#include "mlops/host/clock.h"
#include "mlops/host/loop.h"

#include "support/scratch.h"

/* A pipe in a loop, and what its callback is to do. */
struct line {
    struct loop *loop;
    int ends[2];
    int calls;
    struct line *forgets; /* another that the callback takes out */
    struct line *adds;
};

static void line_ready(void *context)
{
    struct line *line = context;
    char byte = 0;
    line->calls++;
    if (read(line->ends[0], &byte, 1) <= 0)
        loop_forget(line->loop, line->ends[0]);
    if (line->forgets)
        loop_forget(line->loop, line->forgets->ends[0]);
    if (line->adds)
        loop_watch(line->loop, line->adds->ends[0], line_ready, line->adds);
}

static struct line line_open(struct loop *loop)
{
    struct line line = {.loop = loop};
    assert_int_equal(pipe(line.ends), 0);
    return line;
}

static void line_close(struct line *line)
{
    close(line->ends[0]);
    close(line->ends[1]);
}

static void only_what_is_ready_is_called(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(loop_drop) struct loop *loop = loop_open(&arena);
    AUTO(line_close) struct line first = line_open(loop);
    AUTO(line_close) struct line second = line_open(loop);
    loop_watch(loop, first.ends[0], line_ready, &first);
    loop_watch(loop, second.ends[0], line_ready, &second);
    assert_int_equal(write(second.ends[1], "x", 1), 1);
    assert_fine(loop_turn(loop, -1));
    assert_int_equal(first.calls, 0);
    assert_int_equal(second.calls, 1);
    loop_forget(loop, second.ends[0]);
    assert_int_equal(write(second.ends[1], "x", 1), 1);
    assert_fine(loop_turn(loop, 0));
    assert_int_equal(second.calls, 1);
}

static void a_turn_ends_when_its_time_has_come(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(loop_drop) struct loop *loop = loop_open(&arena);
    int64_t until_ns = clock_monotonic_ns() + 3 * NS_PER_MS;
    assert_fine(loop_turn(loop, until_ns));
    assert_true(clock_monotonic_ns() >= until_ns);
    assert_fine(loop_turn(loop, until_ns)); /* long past */
}

static void a_writer_that_hangs_up_is_told(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(loop_drop) struct loop *loop = loop_open(&arena);
    struct line line = line_open(loop);
    loop_watch(loop, line.ends[0], line_ready, &line);
    close(line.ends[1]);
    assert_fine(loop_turn(loop, -1));
    assert_int_equal(line.calls, 1);
    close(line.ends[0]);
    assert_fine(loop_turn(loop, 0)); /* the callback has forgotten it */
}

static void a_callback_may_add_and_forget(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(loop_drop) struct loop *loop = loop_open(&arena);
    static struct line lines[64];
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        lines[i] = line_open(loop);
        assert_int_equal(write(lines[i].ends[1], "x", 1), 1);
    }
    lines[0].forgets = &lines[1];
    loop_watch(loop, lines[0].ends[0], line_ready, &lines[0]);
    loop_watch(loop, lines[1].ends[0], line_ready, &lines[1]);
    for (size_t i = 2; i < COUNT_OF(lines); i++) { /* each adds the next */
        lines[i].adds = i + 1 < COUNT_OF(lines) ? &lines[i + 1] : NULL;
    }
    loop_watch(loop, lines[2].ends[0], line_ready, &lines[2]);
    for (size_t i = 2; i < COUNT_OF(lines); i++)
        assert_fine(loop_turn(loop, -1));
    assert_int_equal(lines[1].calls, 0);
    for (size_t i = 2; i < COUNT_OF(lines); i++)
        assert_int_equal(lines[i].calls, 1);
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        line_close(&lines[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_ready_is_called),
        cmocka_unit_test(a_turn_ends_when_its_time_has_come),
        cmocka_unit_test(a_writer_that_hangs_up_is_told),
        cmocka_unit_test(a_callback_may_add_and_forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
