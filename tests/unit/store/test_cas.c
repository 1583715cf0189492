#include "mlops/store/cas.h"

#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "../../../src/store/cas_private.h"
#include "rig.h"

enum { LARGE_BYTES = (40 << 20) + 4321 }; /* hashed by a thread of its own */

static struct digest put_text(struct rig *rig, const char *text)
{
    struct digest digest;
    assert_fine(cas_put_bytes(rig->cas, str_of(text), &digest));
    return digest;
}

static bool has(struct rig *rig, struct digest digest)
{
    bool found = false;
    assert_fine(cas_has(rig->cas, digest, &found));
    return found;
}

static void what_was_put_comes_back(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct str bytes = {0};
    bool found = false;
    struct digest digest = put_text(&rig, "hello");
    assert_true(has(&rig, digest));
    assert_fine(cas_flush(rig.cas));
    assert_true(scratch_has(&rig.scratch, rig_object(&rig, digest)));
    assert_int_equal(scratch_mode(&rig.scratch, rig_object(&rig, digest)) & 07777, 0444);
    assert_fine(cas_get_bytes(rig.cas, &rig.arena, digest, 100, &bytes, &found));
    assert_true(found && str_is(bytes, "hello"));
    rig_drop(&rig);
}

static void nothing_has_a_name_before_the_flush(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct str bytes = {0};
    bool found = false;
    struct digest digest = put_text(&rig, "hello");
    assert_false(scratch_has(&rig.scratch, rig_object(&rig, digest)));
    assert_fine(cas_get_bytes(rig.cas, &rig.arena, digest, 100, &bytes, &found));
    assert_true(found && str_is(bytes, "hello"));
    rig_again(&rig);
    assert_false(has(&rig, digest));
    rig_drop(&rig);
}

static void more_puts_than_descriptors_are_published(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct digest digests[100];
    char text[16];
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "%d", i);
        digests[i] = put_text(&rig, text);
    }
    assert_fine(cas_flush(rig.cas));
    rig_again(&rig);
    for (int i = 0; i < 100; i++)
        assert_true(has(&rig, digests[i]));
    rig_drop(&rig);
}

static void a_large_file_is_stored_as_it_is(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct cas_put put, again;
    struct file_stat stat;
    bool found = false;
    int fd = openat(rig.scratch.fd, "big", O_CREAT | O_RDWR, 0644);
    assert_int_equal(ftruncate(fd, 5000000), 0);
    assert_int_equal(pwrite(fd, "x", 1, 4000000), 1);
    close(fd);
    assert_fine(cas_put_file(rig.cas, rig.scratch.fd, "big", NULL, &put));
    assert_true(put.is_new);
    assert_fine(cas_flush(rig.cas));
    assert_fine(cas_checkout(rig.cas, put.digest, true, rig.scratch.fd, "copy", &stat, &found));
    assert_true(found);
    assert_int_equal(stat.size_bytes, 5000000);
    assert_true(stat.mode & S_IXUSR);
    assert_fine(cas_put_file(rig.cas, rig.scratch.fd, "copy", NULL, &again));
    assert_false(again.is_new);
    assert_true(digest_equal(put.digest, again.digest));
    rig_drop(&rig);
}

/* Blocks of bytes that tell which they are, with a hole of 8 MiB. */
static struct digest write_large(struct rig *rig, const char *name)
{
    AUTO(hasher_drop) struct hasher hasher = {0};
    char *block = malloc(1 << 20);
    int fd = openat(rig->scratch.fd, name, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0644);
    hasher_open(&hasher);
    for (int i = 0; i <= LARGE_BYTES >> 20; i++) {
        bool is_hole = i >= 16 && i < 24;
        size_t len = (size_t)MIN_OF(1 << 20, LARGE_BYTES - (i << 20));
        for (size_t at = 0; at < len; at++)
            block[at] = is_hole ? 0 : (char)((size_t)i * 31 + at * 7 + (at >> 8));
        hasher_add(&hasher, block, len);
        if (!is_hole)
            assert_int_equal(pwrite(fd, block, len, (off_t)i << 20), len);
    }
    close(fd);
    free(block);
    return hasher_finish(&hasher);
}

static void a_file_that_a_thread_hashes_is_stored_as_it_is(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    setenv("MLOPS_POOL", "2", 1);
    for (int i = 0; i < 3; i++) {
        struct cas_put put, stored;
        struct stat stat;
        struct digest digest = write_large(&rig, "large");
        char *buffer = malloc(CAS_BUFFER_BYTES);
        assert_fine(cas_put_file(rig.cas, rig.scratch.fd, "large", NULL, &put));
        assert_true(digest_equal(put.digest, digest));
        assert_fine(cas_flush(rig.cas));
        const char *path = rig_object(&rig, digest);
        assert_fine(cas_read_file(rig.scratch.fd, path, buffer, NULL, &stored));
        assert_true(digest_equal(stored.digest, digest));
        assert_int_equal(fstatat(rig.scratch.fd, path, &stat, 0), 0);
        assert_true((int64_t)stat.st_blocks * 512 < LARGE_BYTES - (4 << 20));
        free(buffer);
        assert_int_equal(unlinkat(rig.scratch.fd, path, 0), 0);
        rig_again(&rig);
    }
    rig_drop(&rig);
}

/* How many of the first pages are in memory. */
static int cached_pages(int fd)
{
    unsigned char pages[256];
    int count = 0;
    void *at = mmap(NULL, sizeof pages * 4096, PROT_READ, MAP_SHARED, fd, 0);
    assert_true(at != MAP_FAILED);
    assert_int_equal(mincore(at, sizeof pages * 4096, pages), 0);
    for (size_t i = 0; i < sizeof pages; i++)
        count += pages[i] & 1;
    munmap(at, sizeof pages * 4096);
    return count;
}

/* Data at its start and its end, and a hole between. */
static void a_file_larger_than_memory_should_hold_is_stored_and_not_kept_there(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    setenv("MLOPS_POOL", "2", 1);
    struct cas_put put, stored;
    struct statfs disk;
    char *buffer = malloc(CAS_BUFFER_BYTES);
    write_large(&rig, "huge");
    int fd = openat(rig.scratch.fd, "huge", O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "end", 3, (300 << 20) + 77), 3);
    close(fd);
    assert_fine(cas_read_file(rig.scratch.fd, "huge", buffer, NULL, &stored));
    assert_fine(cas_put_file(rig.cas, rig.scratch.fd, "huge", NULL, &put));
    assert_true(digest_equal(put.digest, stored.digest));
    assert_fine(cas_flush(rig.cas));
    const char *path = rig_object(&rig, put.digest);
    fd = openat(rig.scratch.fd, path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(fstatfs(fd, &disk), 0);
    if (disk.f_type == EXT4_SUPER_MAGIC && !cas_clones(rig.cas)) /* others may keep some */
        assert_in_range(cached_pages(fd), 0, 64);
    close(fd);
    assert_fine(cas_read_file(rig.scratch.fd, path, buffer, NULL, &stored));
    assert_true(digest_equal(put.digest, stored.digest));
    free(buffer);
    rig_drop(&rig);
}

/* The sync at the end would not tell it again. */
static void what_the_disk_did_not_take_is_told_while_a_file_is_written(void **state)
{
    (void)state;
    char *block = calloc(1, CAS_BUFFER_BYTES);
    struct cas_sink sink = {.fd = open("/dev/null", O_WRONLY | O_CLOEXEC),
                            .name = "large",
                            .is_synced = true,
                            .is_left_behind = true};
    struct error *error = NULL;
    block[0] = 'x';
    for (int i = 0; i < 256 && !error; i++)
        error = cas_sink_give(&sink, block, CAS_BUFFER_BYTES);
    assert_non_null(error);
    assert_non_null(strstr(error->text, "cannot write 'large'"));
    error_drop(error);
    close(sink.fd);
    free(block);
}

/* The disk has no room in the middle of the file. */
static void a_large_file_that_cannot_be_written_is_told_and_leaves_nothing(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    setenv("MLOPS_POOL", "2", 1);
    struct digest digest = write_large(&rig, "large");
    struct rlimit before;
    struct cas_put put;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit least = {9 << 20, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &least), 0);
    struct error *error = cas_put_file(rig.cas, rig.scratch.fd, "large", NULL, &put);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_non_null(error);
    assert_non_null(strstr(error->text, "cannot store 'large'"));
    error_drop(error);
    assert_false(has(&rig, digest));
    assert_fine(cas_flush(rig.cas));
    assert_false(scratch_has(&rig.scratch, rig_object(&rig, digest)));
    assert_fine(cas_put_file(rig.cas, rig.scratch.fd, "large", NULL, &put));
    assert_true(digest_equal(put.digest, digest));
    rig_drop(&rig);
}

struct changing {
    int fd, told, times; /* how often it still changes */
    bool is_new;         /* a reading begins */
};

static void change(void *context, int64_t bytes)
{
    struct changing *changing = context;
    changing->told++;
    if (bytes == CAS_BUFFER_BYTES && changing->is_new && changing->times-- > 0)
        assert_int_equal(pwrite(changing->fd, "changed", 7, LARGE_BYTES / 2), 7);
    changing->is_new = bytes < CAS_BUFFER_BYTES;
}

static struct error *put_changing(struct rig *rig, int times, struct cas_put *ret)
{
    struct changing changing = {openat(rig->scratch.fd, "large", O_RDWR | O_CLOEXEC), 0, times,
                                true};
    struct cas_progress progress = {.tell = change, .context = &changing};
    struct error *error = cas_put_file(rig->cas, rig->scratch.fd, "large", &progress, ret);
    close(changing.fd);
    return error;
}

static void a_large_file_that_changes_while_it_is_stored_is_read_three_times(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    setenv("MLOPS_POOL", "2", 1);
    struct cas_put put, stored;
    char *buffer = malloc(CAS_BUFFER_BYTES);
    write_large(&rig, "large");
    assert_fine(put_changing(&rig, 2, &put));
    assert_fine(cas_read_file(rig.scratch.fd, "large", buffer, NULL, &stored));
    assert_true(digest_equal(put.digest, stored.digest));
    struct error *error = put_changing(&rig, 100, &put);
    assert_non_null(error);
    assert_non_null(strstr(error->text, "'large' keeps changing while it is stored"));
    error_drop(error);
    free(buffer);
    rig_drop(&rig);
}

/* One has the thread, the others hash for themselves. */
static void several_large_files_are_stored_at_once(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    setenv("MLOPS_POOL", "3", 1);
    struct artifact artifact = {0};
    assert_int_equal(mkdirat(rig.scratch.fd, "data", 0755), 0);
    struct digest digest = write_large(&rig, "data/0");
    for (int i = 1; i < 4; i++) {
        char name[] = "data/0";
        name[5] = (char)('0' + i);
        write_large(&rig, name);
        int fd = openat(rig.scratch.fd, name, O_RDWR | O_CLOEXEC);
        assert_int_equal(pwrite(fd, &i, sizeof i, LARGE_BYTES / 3), sizeof i);
        close(fd);
    }
    assert_fine(worktree_capture(rig.worktree, STR("data"), &artifact));
    assert_fine(cas_flush(rig.cas));
    assert_true(scratch_has(&rig.scratch, rig_object(&rig, digest)));
    rig_drop(&rig);
}

static void a_flipped_bit_is_found_and_never_used(void **state)
{
    (void)state;
    for (int quiet = 0; quiet < 2; quiet++) {
        struct rig rig = rig_open();
        struct file_stat stat;
        const struct digest *damaged = NULL;
        bool found = true;
        struct digest digest = put_text(&rig, "precious");
        assert_fine(cas_flush(rig.cas));
        rig_again(&rig);
        rig_damage(&rig, rig_object(&rig, digest), quiet);
        assert_fine(cas_checkout(rig.cas, digest, false, rig.scratch.fd, "out", &stat, &found));
        assert_false(found);
        assert_false(scratch_has(&rig.scratch, "out"));
        assert_false(scratch_has(&rig.scratch, rig_object(&rig, digest)));
        assert_int_equal(cas_damaged(rig.cas, &damaged), 1);
        assert_true(digest_equal(damaged[0], digest));
        rig_drop(&rig);
    }
}

static void every_bit_of_an_object_counts(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    char text[65];
    memset(text, 'a', 64);
    text[64] = '\0';
    for (int bit = 0; bit < 512; bit++) {
        enum cas_health health = CAS_GOOD;
        struct digest digest = put_text(&rig, text);
        assert_fine(cas_flush(rig.cas));
        const char *path = rig_object(&rig, digest);
        assert_int_equal(fchmodat(rig.scratch.fd, path, 0644, 0), 0);
        int fd = openat(rig.scratch.fd, path, O_RDWR);
        char byte = (char)('a' ^ (1 << bit % 8));
        assert_int_equal(pwrite(fd, &byte, 1, bit / 8), 1);
        close(fd);
        assert_fine(cas_verify(rig.cas, digest, &health));
        assert_int_equal(health, CAS_DAMAGED);
        assert_false(has(&rig, digest));
    }
    rig_drop(&rig);
}

static void a_truncated_object_is_absent(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct digest digest = put_text(&rig, "precious");
    assert_fine(cas_flush(rig.cas));
    assert_int_equal(fchmodat(rig.scratch.fd, rig_object(&rig, digest), 0644, 0), 0);
    int fd = openat(rig.scratch.fd, rig_object(&rig, digest), O_RDWR);
    assert_int_equal(ftruncate(fd, 0), 0);
    close(fd);
    assert_false(has(&rig, digest));
    rig_drop(&rig);
}

static void putting_again_replaces_a_damaged_object(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct str bytes = {0};
    bool found = false;
    struct digest digest = put_text(&rig, "precious");
    assert_fine(cas_flush(rig.cas));
    rig_damage(&rig, rig_object(&rig, digest), false);
    put_text(&rig, "precious");
    assert_fine(cas_flush(rig.cas));
    assert_fine(cas_get_bytes(rig.cas, &rig.arena, digest, 100, &bytes, &found));
    assert_true(found && str_is(bytes, "precious"));
    rig_drop(&rig);
}

/* An edit between the put and the flush of somebody who put the same bytes before. */
static void an_object_damaged_before_the_flush_is_published_anew(void **state)
{
    (void)state;
    struct rig rig = rig_open(), other = {.scratch = rig.scratch};
    rig_reopen(&other);
    struct digest digest = put_text(&rig, "same");
    put_text(&other, "same");
    assert_fine(cas_flush(rig.cas));
    rig_damage(&rig, rig_object(&rig, digest), false);
    assert_fine(cas_flush(other.cas));
    assert_true(has(&other, digest));
    rig_close(&other);
    arena_drop(&other.arena);
    rig_drop(&rig);
}

static void a_lost_index_costs_only_hashing(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct digest digest = put_text(&rig, "hello");
    assert_fine(cas_flush(rig.cas));
    rig_close(&rig);
    assert_int_equal(unlinkat(rig.scratch.fd, ".mlops/index.db", 0), 0);
    rig_reopen(&rig);
    assert_true(has(&rig, digest));
    rig_drop(&rig);
}

static void processes_put_the_same_content_at_once(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    pid_t children[4];
    for (int c = 0; c < 4; c++) {
        children[c] = fork();
        if (children[c] == 0) {
            struct rig mine = {.scratch = rig.scratch};
            rig_reopen(&mine);
            char text[16];
            for (int i = 0; i < 60; i++) {
                snprintf(text, sizeof text, "%d", i);
                put_text(&mine, text);
                if (i % 7 == c)
                    assert_fine(cas_flush(mine.cas));
            }
            assert_fine(cas_flush(mine.cas));
            _exit(0);
        }
    }
    for (int c = 0; c < 4; c++) {
        int status = -1;
        waitpid(children[c], &status, 0);
        assert_int_equal(status, 0);
    }
    for (int i = 0; i < 60; i++) {
        char text[16];
        enum cas_health health = CAS_ABSENT;
        snprintf(text, sizeof text, "%d", i);
        assert_fine(cas_verify(rig.cas, digest_of(text, strlen(text)), &health));
        assert_int_equal(health, CAS_GOOD);
    }
    rig_drop(&rig);
}

static void a_fifo_is_refused_at_once(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct cas_put put;
    assert_int_equal(mkfifoat(rig.scratch.fd, "fifo", 0600), 0);
    assert_error(cas_put_file(rig.cas, rig.scratch.fd, "fifo", NULL, &put), "FIFO");
    rig_drop(&rig);
}

static FALLIBLE count_object(void *context, struct digest digest, const struct file_stat *stat)
{
    (void)digest;
    assert_true(stat->size_bytes > 0);
    ++*(int *)context;
    return NULL;
}

static FALLIBLE count_pin(void *context, struct digest digest)
{
    (void)digest;
    ++*(int *)context;
    return NULL;
}

static void trash_takes_objects_out_of_use(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    int count = 0;
    int64_t bytes = 0;
    struct digest digest = put_text(&rig, "one");
    put_text(&rig, "two");
    assert_fine(cas_flush(rig.cas));
    assert_fine(cas_trash(rig.cas, digest));
    assert_false(has(&rig, digest));
    assert_fine(cas_each(rig.cas, count_object, &count));
    assert_int_equal(count, 1);
    assert_fine(cas_empty_trash(rig.cas, &bytes));
    assert_int_equal(bytes, 3);
    rig_drop(&rig);
}

static void what_is_put_is_pinned_also_if_it_was_there(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    int pins = 0;
    put_text(&rig, "old");
    assert_fine(cas_flush(rig.cas));
    assert_fine(cas_each_pin(rig.cas, count_pin, &pins));
    assert_int_equal(pins, 1);
    pins = 0;
    put_text(&rig, "old");
    assert_fine(cas_flush(rig.cas));
    assert_fine(cas_each_pin(rig.cas, count_pin, &pins));
    assert_int_equal(pins, 2);
    rig_again(&rig);
    pins = 0;
    assert_fine(cas_each_pin(rig.cas, count_pin, &pins));
    assert_int_equal(pins, 0);
    rig_drop(&rig);
}

static void hard_links_share_the_object(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct file_stat stat;
    bool found = false;
    rig.workspace->config.link = LINK_HARDLINK;
    rig.workspace->config.link_force = true;
    struct digest digest = put_text(&rig, "shared");
    assert_fine(cas_flush(rig.cas));
    assert_fine(cas_checkout(rig.cas, digest, false, rig.scratch.fd, "a", &stat, &found));
    assert_int_equal(stat.links, 2);
    assert_fine(cas_checkout(rig.cas, digest, true, rig.scratch.fd, "b", &stat, &found));
    assert_int_equal(stat.links, 1);
    if (geteuid() == 0) {
        rig.workspace->config.link_force = false;
        assert_fine(cas_checkout(rig.cas, digest, false, rig.scratch.fd, "c", &stat, &found));
        assert_int_equal(stat.links, 1);
    }
    rig_drop(&rig);
}

static struct rig linking_rig(void)
{
    struct rig rig = rig_open();
    rig.workspace->config.link = LINK_HARDLINK;
    rig.workspace->config.link_force = true;
    return rig;
}

static bool link_out(struct rig *rig, struct digest digest, const char *name)
{
    struct file_stat stat;
    bool found = false;
    assert_fine(cas_checkout(rig->cas, digest, false, rig->scratch.fd, name, &stat, &found));
    assert_true(!found || stat.links > 1);
    return found;
}

/* Removing a link changes the object's ctime, as a write does whose mtime was set back. */
static void a_write_through_a_link_is_found_once_the_link_is_gone(void **state)
{
    (void)state;
    for (size_t size = 100; size <= (size_t)2 * CAS_BUFFER_BYTES; size += CAS_BUFFER_BYTES) {
        struct rig rig = linking_rig();
        struct str content = {arena_alloc(&rig.arena, size), size};
        struct stat before;
        struct digest digest;
        assert_fine(cas_put_bytes(rig.cas, content, &digest));
        assert_fine(cas_flush(rig.cas));
        assert_true(link_out(&rig, digest, "a"));
        assert_int_equal(fstatat(rig.scratch.fd, "a", &before, 0), 0);
        assert_int_equal(fchmodat(rig.scratch.fd, "a", 0644, 0), 0);
        int fd = openat(rig.scratch.fd, "a", O_WRONLY);
        assert_int_equal(pwrite(fd, "x", 1, (off_t)size - 1), 1);
        assert_int_equal(futimens(fd, (struct timespec[]){before.st_atim, before.st_mtim}), 0);
        close(fd);
        assert_int_equal(fchmodat(rig.scratch.fd, "a", 0444, 0), 0);
        assert_int_equal(unlinkat(rig.scratch.fd, "a", 0), 0);
        assert_false(link_out(&rig, digest, "b"));
        assert_false(scratch_has(&rig.scratch, "b"));
        assert_false(scratch_has(&rig.scratch, rig_object(&rig, digest)));
        rig_drop(&rig);
    }
}

static void links_may_come_and_go(void **state)
{
    (void)state;
    struct rig rig = linking_rig();
    struct digest digest = put_text(&rig, "shared"), empty = put_text(&rig, "");
    assert_fine(cas_flush(rig.cas));
    for (int i = 0; i < 3; i++) {
        assert_true(link_out(&rig, digest, "a") && link_out(&rig, digest, "b"));
        assert_true(link_out(&rig, empty, "c"));
        for (const char *name = "abc"; *name; name++)
            assert_int_equal(unlinkat(rig.scratch.fd, (char[]){*name, '\0'}, 0), 0);
        rig_again(&rig);
        rig.workspace->config.link = LINK_HARDLINK;
        rig.workspace->config.link_force = true;
    }
    rig_drop(&rig);
}

static void an_assembled_file_is_taken_only_with_the_expected_digest(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    bool is_same = true;
    const char *path = ".mlops/cache/tmp/part";
    struct digest right = digest_of("assembled", 9);
    scratch_write(&rig.scratch, path, "assembled");
    assert_fine(cas_put_assembled(rig.cas, rig.scratch.fd, path, digest_of("other", 5), &is_same));
    assert_false(is_same);
    assert_true(scratch_has(&rig.scratch, path));
    assert_fine(cas_put_assembled(rig.cas, rig.scratch.fd, path, right, &is_same));
    assert_true(is_same);
    assert_false(scratch_has(&rig.scratch, path));
    assert_false(scratch_has(&rig.scratch, rig_object(&rig, right)));
    assert_fine(cas_flush(rig.cas));
    assert_int_equal(scratch_mode(&rig.scratch, rig_object(&rig, right)) & 07777, 0444);
    scratch_write(&rig.scratch, path, "assembled");
    assert_fine(cas_put_assembled(rig.cas, rig.scratch.fd, path, right, &is_same));
    assert_true(is_same);
    assert_false(scratch_has(&rig.scratch, path));
    rig_drop(&rig);
}

static void a_file_that_somebody_writes_to_is_stored_with_a_word_of_that(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct cas_put put = {0};
    scratch_write(&rig.scratch, "file", "first half");
    int writer = openat(rig.scratch.fd, "file", O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(writer >= 0);
    assert_fine(cas_put_file(rig.cas, rig.scratch.fd, "file", NULL, &put));
    assert_true(put.is_held);
    close(writer);
    assert_fine(cas_put_file(rig.cas, rig.scratch.fd, "file", NULL, &put));
    assert_false(put.is_held);
    rig_drop(&rig);
}

static void a_file_that_holds_less_than_its_size_says_is_not_taken_as_stored(void **state)
{
    (void)state;
    static const char *const path = "/sys/devices/system/cpu/online"; /* a page, as it says */
    struct cas_put put = {0};
    if (access(path, R_OK) != 0) {
        print_message("skipped: there is no %s\n", path);
        skip();
    }
    struct rig rig = rig_open();
    assert_error(cas_put_file(rig.cas, rig.scratch.fd, path, NULL, &put), "keeps changing");
    rig_drop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_holds_less_than_its_size_says_is_not_taken_as_stored),
        cmocka_unit_test(a_file_that_somebody_writes_to_is_stored_with_a_word_of_that),
        cmocka_unit_test(an_assembled_file_is_taken_only_with_the_expected_digest),
        cmocka_unit_test(what_was_put_comes_back),
        cmocka_unit_test(nothing_has_a_name_before_the_flush),
        cmocka_unit_test(more_puts_than_descriptors_are_published),
        cmocka_unit_test(a_large_file_is_stored_as_it_is),
        cmocka_unit_test(a_file_that_a_thread_hashes_is_stored_as_it_is),
        cmocka_unit_test(a_file_larger_than_memory_should_hold_is_stored_and_not_kept_there),
        cmocka_unit_test(what_the_disk_did_not_take_is_told_while_a_file_is_written),
        cmocka_unit_test(a_large_file_that_cannot_be_written_is_told_and_leaves_nothing),
        cmocka_unit_test(a_large_file_that_changes_while_it_is_stored_is_read_three_times),
        cmocka_unit_test(several_large_files_are_stored_at_once),
        cmocka_unit_test(a_flipped_bit_is_found_and_never_used),
        cmocka_unit_test(every_bit_of_an_object_counts),
        cmocka_unit_test(a_truncated_object_is_absent),
        cmocka_unit_test(putting_again_replaces_a_damaged_object),
        cmocka_unit_test(an_object_damaged_before_the_flush_is_published_anew),
        cmocka_unit_test(a_lost_index_costs_only_hashing),
        cmocka_unit_test(processes_put_the_same_content_at_once),
        cmocka_unit_test(a_fifo_is_refused_at_once),
        cmocka_unit_test(trash_takes_objects_out_of_use),
        cmocka_unit_test(what_is_put_is_pinned_also_if_it_was_there),
        cmocka_unit_test(hard_links_share_the_object),
        cmocka_unit_test(a_write_through_a_link_is_found_once_the_link_is_gone),
        cmocka_unit_test(links_may_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
