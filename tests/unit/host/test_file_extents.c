#include "mlops/host/file.h"

#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "support/scratch.h"

enum { BYTES = 3 << 20 };

static int make(const struct scratch *scratch, const char *name, char byte)
{
    char *block = malloc(BYTES);
    int fd = openat(scratch->fd, name, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0644);
    memset(block, byte, BYTES);
    assert_int_equal(write(fd, block, BYTES), BYTES);
    free(block);
    return fd;
}

static void equal_bytes_are_no_clone(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    int fd = make(&scratch, "a", 'x'), other = make(&scratch, "b", 'x');
    assert_false(file_is_clone(fd, other));
    close(fd);
    close(other);
}

static void what_has_no_place_on_a_disk_is_no_clone(void **state)
{
    (void)state;
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(write(pipes[1], "x", 1), 1);
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    int fd = make(&scratch, "a", 'x');
    assert_false(file_is_clone(fd, pipes[0]));
    assert_false(file_is_clone(fd, -1));
    assert_int_equal(ftruncate(fd, 1), 0);
    assert_false(file_is_clone(fd, fd));
    close(fd);
    close(pipes[0]);
    close(pipes[1]);
}

/* Where the file system makes clones. Times are put back: nothing is known from them. */
static void a_clone_is_one_until_a_byte_of_either_is_written(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    for (int i = 0; i < 4; i++) {
        int fd = make(&scratch, "a", 'x'), other = make(&scratch, "b", 'y');
        assert_int_equal(ftruncate(other, 0), 0);
        bool done = ioctl(other, FICLONE, fd) == 0;
        assert_int_equal(file_is_clone(fd, other), done);
        off_t at = (off_t[]){0, BYTES / 2, BYTES - 1, BYTES}[i];
        struct stat stat;
        assert_int_equal(fstat(fd, &stat), 0);
        assert_int_equal(pwrite(i % 2 ? fd : other, "x", 1, at), 1);
        assert_int_equal(futimens(fd, (struct timespec[]){stat.st_atim, stat.st_mtim}), 0);
        assert_false(file_is_clone(fd, other));
        close(fd);
        close(other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_bytes_are_no_clone),
        cmocka_unit_test(what_has_no_place_on_a_disk_is_no_clone),
        cmocka_unit_test(a_clone_is_one_until_a_byte_of_either_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
