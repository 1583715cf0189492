#include "mlops/engine/data.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "rig.h"

/* What gc takes before it looks for names and sweeps. */
static bool gc_could_begin(const struct rig *rig)
{
    int cache_fd = fd_number(rig->session->workspace.cache_fd);
    AUTO(fd_drop) struct fd lock = fd_of(openat(cache_fd, "lock", O_RDONLY | O_CREAT, 0644));
    return flock(fd_number(lock), LOCK_EX | LOCK_NB) == 0;
}

static void no_gc_looks_for_names_while_pointers_are_written(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = rig_open("stages: {a: {cmd: 'true'}}\n");
    struct data_lock lock = {0};
    assert_true(gc_could_begin(&rig));
    assert_fine(data_lock(rig.session, &lock));
    assert_false(gc_could_begin(&rig));
    data_lock_drop(&lock);
    assert_true(gc_could_begin(&rig));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_gc_looks_for_names_while_pointers_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
