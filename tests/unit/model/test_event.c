#include "mlops/model/event.h"

#include "support/unit.h"

static void count_event(void *context, const struct event *event)
{
    *(int *)context += event->count;
}

static void an_observer_is_told(void **state)
{
    (void)state;
    int sum = 0;
    struct observer observer = {.tell = count_event, .context = &sum};
    observer_tell(&observer, &(struct event){.kind = EVENT_NOTICE, .count = 3});
    assert_int_equal(sum, 3);
}

static void nobody_needs_to_listen(void **state)
{
    (void)state;
    struct observer nobody = {0};
    observer_tell(&nobody, &(struct event){.kind = EVENT_NOTICE});
    observer_tell(NULL, &(struct event){.kind = EVENT_NOTICE});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_observer_is_told),
        cmocka_unit_test(nobody_needs_to_listen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
