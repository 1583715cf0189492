#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/host/file.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/vfs.h>

#include "support/scratch.h"

static void what_is_absent_is_no_error(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    struct file_stat stat;
    struct str text;
    bool is_found = true;
    scratch_write(&scratch, "f", "x");
    assert_fine(file_stat_at(scratch.fd, "f/below", true, &stat, &is_found));
    assert_false(is_found);
    is_found = true;
    assert_fine(file_read(&arena, scratch.fd, "absent", 10, &text, &is_found));
    assert_false(is_found);
}

static void a_stat_follows_links_only_when_asked(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    struct file_stat of_link, of_file;
    bool is_found = false;
    scratch_write(&scratch, "f", "12345");
    assert_int_equal(symlinkat("f", scratch.fd, "l"), 0);
    assert_fine(file_stat_at(scratch.fd, "l", true, &of_file, &is_found));
    assert_true(is_found && S_ISREG(of_file.mode));
    assert_int_equal(of_file.size_bytes, 5);
    assert_int_equal(of_file.links, 1);
    assert_fine(file_stat_at(scratch.fd, "l", false, &of_link, &is_found));
    assert_true(S_ISLNK(of_link.mode));
    assert_int_not_equal(of_link.inode, of_file.inode);
}

static void a_file_is_read_whole_with_a_nul_behind_it(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    struct str text = {0};
    bool is_found = false;
    scratch_write(&scratch, "f", "hello");
    scratch_write(&scratch, "empty", "");
    assert_fine(file_read(&arena, scratch.fd, "f", 5, &text, &is_found));
    assert_int_equal(text.len, 5);
    assert_string_equal(text.at, "hello");
    assert_fine(file_read(&arena, scratch.fd, "empty", 5, &text, &is_found));
    assert_true(is_found);
    assert_string_equal(text.at, "");
    /* stat says 0 bytes of it */
    assert_fine(file_read(&arena, AT_FDCWD, "/proc/self/status", 65536, &text, &is_found));
    assert_true(str_find(text, STR("Name:")) >= 0);
}

static void a_file_beyond_the_limit_is_refused(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    struct str text = {0};
    bool is_found = false;
    scratch_write(&scratch, "f", "hello");
    assert_error(file_read(&arena, scratch.fd, "f", 4, &text, &is_found), "the limit is 4");
    assert_error(file_read(&arena, AT_FDCWD, "/proc/self/status", 10, &text, &is_found), "limit");
}

static void only_regular_files_are_opened_and_nothing_blocks(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    AUTO(fd_drop) struct fd fd = {0};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", scratch.path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(mkfifoat(scratch.fd, "fifo", 0600), 0);
    assert_int_equal(symlinkat("fifo", scratch.fd, "link"), 0);
    assert_error(file_open(scratch.fd, "fifo", &fd), "is a FIFO");
    assert_error(file_open(scratch.fd, "link", &fd), "is a FIFO");
    assert_error(file_open(scratch.fd, "socket", &fd), "is a socket");
    assert_error(file_open(scratch.fd, ".", &fd), "is a directory");
    assert_error(file_open(AT_FDCWD, "/dev/null", &fd), "is a device");
    assert_error(file_open(scratch.fd, "absent", &fd), "'absent'");
    assert_int_equal(fd_number(fd), -1);
    close(listener);
}

static void descriptors_are_closed_in_other_programs(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    AUTO(fd_drop) struct fd file = {0};
    AUTO(fd_drop) struct fd directory = {0};
    scratch_write(&scratch, "f", "x");
    assert_fine(file_open(scratch.fd, "f", &file));
    assert_fine(directory_open(scratch.fd, ".", &directory));
    assert_true(fcntl(fd_number(file), F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(fd_number(directory), F_GETFD) & FD_CLOEXEC);
}

static size_t count_entries(const struct scratch *scratch)
{
    char command[128];
    snprintf(command, sizeof command, "ls -A %s | wc -l", scratch->path);
    FILE *pipe = popen(command, "r");
    size_t count = 0;
    assert_int_equal(fscanf(pipe, "%zu", &count), 1);
    pclose(pipe);
    return count;
}

static void publishing_replaces_as_a_whole_with_the_mode_given(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    mode_t before = umask(0077);
    scratch_directory(&scratch, "d");
    assert_fine(file_publish(scratch.fd, "d/f", STR("old"), 0644, true));
    assert_fine(file_publish(scratch.fd, "d/f", STR("new one"), 0444, false));
    umask(before);
    scratch_expect(&scratch, "d/f", "new one");
    assert_int_equal(scratch_mode(&scratch, "d/f") & 07777, 0444);
    assert_fine(path_remove(scratch.fd, "d/f"));
    assert_int_equal(unlinkat(scratch.fd, "d", AT_REMOVEDIR), 0); /* no temporary file is left */
}

static void a_failed_publish_leaves_the_old_file_and_no_litter(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    scratch_write(&scratch, "f", "old");
    scratch_directory(&scratch, "taken");
    struct rlimit before, tiny;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tiny = before;
    tiny.rlim_cur = 2;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tiny), 0);
    struct error *error = file_publish(scratch.fd, "f", STR("longer"), 0644, true);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_error(error, "'f'");
    scratch_expect(&scratch, "f", "old");
    assert_error(file_publish(scratch.fd, "taken", STR("x"), 0644, false), "'taken'");
    assert_int_equal(count_entries(&scratch), 2);
}

static void a_full_disk_is_told_with_the_path_and_a_hint(void **state)
{
    (void)state;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct error *error = file_write(fd, "x", 1, "data.bin");
    close(fd);
    assert_non_null(error);
    assert_int_equal(error->system_errno, ENOSPC);
    assert_non_null(error->hint);
    assert_error(error, "'data.bin'");
}

static void renaming_does_not_replace(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    bool existed = true;
    scratch_write(&scratch, "a", "a");
    assert_fine(file_rename_new(scratch.fd, "a", scratch.fd, "b", &existed));
    assert_false(existed);
    scratch_write(&scratch, "a", "other");
    assert_fine(file_rename_new(scratch.fd, "a", scratch.fd, "b", &existed));
    assert_true(existed);
    scratch_expect(&scratch, "b", "a");
    scratch_expect(&scratch, "a", "other");
    assert_error(file_rename_new(scratch.fd, "none", scratch.fd, "c", &existed), "'none'");
}

static void a_copy_has_the_same_bytes_and_its_holes(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    const int64_t size = INT64_C(1) << 40;
    int from = openat(scratch.fd, "from", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int to = openat(scratch.fd, "to", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    enum copy_method method = COPY_HARDLINK;
    char text[8] = "";
    struct stat seen;
    assert_int_equal(pwrite(from, "begin", 5, 0), 5);
    assert_int_equal(pwrite(from, "middle", 6, size / 2), 6);
    assert_int_equal(ftruncate(from, size), 0);
    assert_fine(file_copy(from, to, "from", NULL, &method));
    assert_int_not_equal(method, COPY_HARDLINK);
    assert_int_equal(fstat(to, &seen), 0);
    assert_int_equal(seen.st_size, size);
    assert_true(seen.st_blocks < 1024);
    assert_int_equal(pread(to, text, 5, 0), 5);
    assert_string_equal(text, "begin");
    assert_int_equal(pread(to, text, 6, size / 2), 6);
    assert_string_equal(text, "middle");
    close(from);
    close(to);
}

static void a_copy_between_file_systems_has_the_same_bytes(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    static char content[3 << 20], copied[sizeof content];
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (char)(i * 31 >> 3);
    int from = openat(scratch.fd, "from", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int to = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (to < 0) {
        print_message("no /dev/shm\n");
        close(from);
        skip();
    }
    enum copy_method method = COPY_REFLINK;
    assert_fine(file_write(from, content, sizeof content, "from"));
    assert_fine(file_copy(from, to, "from", NULL, &method));
    assert_int_equal(method, COPY_BYTES);
    assert_int_equal(pread(to, copied, sizeof copied, 0), sizeof copied);
    assert_memory_equal(content, copied, sizeof content);
    close(from);
    close(to);
}

static void fill_tree(const struct scratch *scratch)
{
    assert_fine(directory_make(scratch->fd, "t/a/b", false));
    scratch_write(scratch, "t/a/f", "text");
    scratch_write(scratch, "t/a/b/run", "#!/bin/sh\n");
    assert_int_equal(fchmodat(scratch->fd, "t/a/b/run", 0755, 0), 0);
    assert_int_equal(symlinkat("a/f", scratch->fd, "t/link"), 0);
    assert_int_equal(mkfifoat(scratch->fd, "t/fifo", 0600), 0);
    struct timespec times[2] = {{1000000000, 5}, {1000000000, 7}};
    assert_int_equal(utimensat(scratch->fd, "t/a/f", times, 0), 0);
    assert_int_equal(fchmodat(scratch->fd, "t/a", 0750, 0), 0);
}

static void a_move_to_another_file_system_takes_the_whole_tree(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    char other[] = "/dev/shm/mlops-test-XXXXXX";
    struct statfs here, there;
    if (!mkdtemp(other) || fstatfs(scratch.fd, &here) != 0 || statfs(other, &there) != 0 ||
        here.f_type == there.f_type) {
        print_message("no second file system\n");
        skip();
    }
    struct scratch moved = {.fd = open(other, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    snprintf(moved.path, sizeof moved.path, "%s", other);
    fill_tree(&scratch);
    assert_fine(path_move(scratch.fd, "t", moved.fd, "u"));
    assert_false(scratch_has(&scratch, "t"));
    scratch_expect(&moved, "u/a/f", "text");
    scratch_expect(&moved, "u/link", "text");
    assert_true(S_ISLNK(scratch_mode(&moved, "u/link")));
    assert_true(S_ISFIFO(scratch_mode(&moved, "u/fifo")));
    assert_int_equal(scratch_mode(&moved, "u/a/b/run") & 07777, 0755);
    assert_int_equal(scratch_mode(&moved, "u/a") & 07777, 0750);
    struct file_stat stat;
    bool is_found = false;
    assert_fine(file_stat_at(moved.fd, "u/a/f", false, &stat, &is_found));
    assert_int_equal(stat.mtime_ns, INT64_C(1000000000000000007));
    scratch_write(&scratch, "new", "new");
    assert_fine(path_move(scratch.fd, "new", moved.fd, "u/a/f"));
    scratch_expect(&moved, "u/a/f", "new");
    scratch_drop(&moved);
}

static void a_move_that_fails_leaves_the_source(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    fill_tree(&scratch);
    assert_error(path_move(scratch.fd, "t", scratch.fd, "absent/t"), "cannot move 't'");
    scratch_expect(&scratch, "t/a/f", "text");
}

static struct error *stop_at_third(void)
{
    static int asked;
    return ++asked % 3 == 0 ? error_new(ERROR_MACHINE, "enough") : NULL;
}

static void a_copy_asks_whether_to_stop_while_it_goes_on(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    AUTO(fd_drop) struct fd from = fd_of(openat(scratch.fd, "from", O_CREAT | O_RDWR, 0644));
    AUTO(fd_drop) struct fd to = fd_of(openat(scratch.fd, "to", O_CREAT | O_RDWR, 0644));
    enum copy_method method = COPY_BYTES;
    assert_int_equal(posix_fallocate(fd_number(from), 0, 80 << 20), 0);
    for (int i = 0; i < 80; i++) /* each block has data, so that none is skipped */
        assert_int_equal(pwrite(fd_number(from), &i, sizeof i, (off_t)i << 20), sizeof i);
    struct error *error = file_copy(fd_number(from), fd_number(to), "from", stop_at_third, &method);
    if (!error) { /* a clone has no steps */
        assert_int_equal(method, COPY_REFLINK);
        return;
    }
    assert_string_equal(error->text, "enough");
    error_drop(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_absent_is_no_error),
        cmocka_unit_test(a_stat_follows_links_only_when_asked),
        cmocka_unit_test(a_file_is_read_whole_with_a_nul_behind_it),
        cmocka_unit_test(a_file_beyond_the_limit_is_refused),
        cmocka_unit_test(only_regular_files_are_opened_and_nothing_blocks),
        cmocka_unit_test(descriptors_are_closed_in_other_programs),
        cmocka_unit_test(publishing_replaces_as_a_whole_with_the_mode_given),
        cmocka_unit_test(a_failed_publish_leaves_the_old_file_and_no_litter),
        cmocka_unit_test(a_full_disk_is_told_with_the_path_and_a_hint),
        cmocka_unit_test(renaming_does_not_replace),
        cmocka_unit_test(a_copy_has_the_same_bytes_and_its_holes),
        cmocka_unit_test(a_copy_between_file_systems_has_the_same_bytes),
        cmocka_unit_test(a_move_to_another_file_system_takes_the_whole_tree),
        cmocka_unit_test(a_move_that_fails_leaves_the_source),
        cmocka_unit_test(a_copy_asks_whether_to_stop_while_it_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
