#include "mlops/codec/canon.h"
#include "mlops/model/name.h"
#include "mlops/store/exchange.h"

#include <sys/stat.h>
#include <unistd.h>

#include "rig.h"

/* With the directories above it. */
static void put(struct rig *rig, const char *path, const char *text)
{
    struct str above = path_directory(str_of(path));
    int root = fd_number(rig->workspace->root_fd);
    if (above.len)
        assert_fine(directory_make(root, str_terminate(&rig->arena, above), false));
    scratch_write(&rig->scratch, path, text);
}

static struct digest digest_at(struct rig *rig, const char *path)
{
    struct digest digest;
    assert_fine(exchange_digest(rig->workspace, str_of(path), &digest));
    return digest;
}

static void assert_holds(struct rig *rig, const char *path, const char *text)
{
    struct str bytes = {0};
    bool found = false;
    assert_fine(
        file_read(&rig->arena, fd_number(rig->workspace->root_fd), path, 1000, &bytes, &found));
    assert_int_equal(found, text != NULL);
    if (text)
        assert_string_equal(str_terminate(&rig->arena, bytes), text);
}

static int make(struct rig *rig, const struct exchange *exchanges, size_t count)
{
    int displaced = 0;
    assert_fine(exchange_make(rig->workspace, exchanges, count, STR("displaced/x"), &displaced));
    return displaced;
}

static struct exchange write_of(struct rig *rig, const char *path, const char *text)
{
    return (struct exchange){.path = str_of(path),
                             .mode = 0100644,
                             .bytes = str_of(text),
                             .before = digest_at(rig, path)};
}

static void files_come_change_and_go_together(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = rig_open();
    put(&rig, "old", "old");
    put(&rig, "d/gone", "gone");
    struct exchange exchanges[] = {
        write_of(&rig, "old", "new"),
        write_of(&rig, "e/f/made", ""),
        {.path = STR("d/gone"), .before = digest_at(&rig, "d/gone")},
        {.path = STR("link"), .mode = 0120000, .bytes = STR("old")},
        {.path = STR("run"), .mode = 0100755, .bytes = STR("#!")},
    };
    assert_int_equal(make(&rig, exchanges, COUNT_OF(exchanges)), 0);
    assert_holds(&rig, "old", "new");
    assert_holds(&rig, "e/f/made", "");
    assert_holds(&rig, "d/gone", NULL);
    struct file_stat stat = {0};
    bool found = false;
    int root = fd_number(rig.workspace->root_fd);
    assert_fine(file_stat_at(root, "d", false, &stat, &found));
    assert_false(found); /* an empty directory goes, as with git */
    assert_fine(file_stat_at(root, "link", false, &stat, &found));
    assert_true(found && S_ISLNK(stat.mode));
    assert_fine(file_stat_at(root, "run", false, &stat, &found));
    assert_int_equal(stat.mode & 0777, 0755);
}

static void what_was_not_seen_before_is_displaced(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = rig_open();
    put(&rig, "a", "seen");
    struct exchange exchanges[] = {write_of(&rig, "a", "new"),
                                   {.path = STR("d"), .mode = 0100644, .bytes = STR("file now")},
                                   write_of(&rig, "way/in", "below")};
    put(&rig, "way", "a file is in the way");
    put(&rig, "a", "edited meanwhile");
    put(&rig, "d/inner", "a directory is in the way");
    assert_int_equal(make(&rig, exchanges, 3), 3);
    assert_holds(&rig, "way/in", "below");
    assert_holds(&rig, ".mlops/displaced/x/way", "a file is in the way");
    assert_holds(&rig, "a", "new");
    assert_holds(&rig, "d", "file now");
    assert_holds(&rig, ".mlops/displaced/x/a", "edited meanwhile");
    assert_holds(&rig, ".mlops/displaced/x/d/inner", "a directory is in the way");
    exchanges[0].bytes = STR("newer");
    assert_int_equal(make(&rig, exchanges, 1), 1);
    assert_holds(&rig, ".mlops/displaced/x/a~2", "new");
}

/* The journal as a reader of formats.md would write it. */
static void begun(struct rig *rig, const struct exchange *exchanges, size_t count)
{
    struct buf journal = buf_in(&rig->arena);
    canon_str(&journal, STR("mlops.exchange.1"));
    canon_str(&journal, STR("displaced/y"));
    canon_list(&journal, count);
    for (size_t i = 0; i < count; i++) {
        canon_str(&journal, exchanges[i].path);
        canon_int(&journal, exchanges[i].mode);
        canon_digest(&journal, exchanges[i].before);
    }
    assert_fine(directory_make(fd_number(rig->workspace->state_fd), "exchange/now", false));
    assert_fine(file_publish(fd_number(rig->workspace->state_fd), "exchange/now/journal",
                             buf_str(&journal), 0644, false));
}

/* As a kill leaves it: `next` became `now`, and of two files one is in place. */
static void what_was_begun_is_completed(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = rig_open();
    size_t count = 0;
    put(&rig, "a", "before");
    put(&rig, "b", "before");
    struct exchange exchanges[] = {write_of(&rig, "a", "after"), write_of(&rig, "b", "after")};
    make(&rig, exchanges, 2);
    assert_fine(exchange_recover(rig.workspace, &count));
    assert_int_equal(count, 0);
    exchanges[0].before = exchanges[1].before = digest_at(&rig, "a");
    put(&rig, ".mlops/exchange/now/1", "last");
    begun(&rig, exchanges, 2);
    assert_fine(exchange_recover(rig.workspace, &count));
    assert_int_equal(count, 2);
    assert_holds(&rig, "a", "after");
    assert_holds(&rig, "b", "last");
    assert_holds(&rig, ".mlops/exchange/now/journal", NULL);
}

/* A file became a directory; the kill came when all was in place but the journal still there. */
static void what_was_made_where_a_file_went_stays(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = rig_open();
    size_t count = 0;
    put(&rig, "d", "a file");
    struct exchange exchanges[] = {{.path = STR("d"), .before = digest_at(&rig, "d")},
                                   write_of(&rig, "d/inner", "made")};
    assert_int_equal(make(&rig, exchanges, 2), 0);
    assert_holds(&rig, "d/inner", "made");
    begun(&rig, exchanges, 2);
    assert_fine(exchange_recover(rig.workspace, &count));
    assert_int_equal(count, 2);
    assert_holds(&rig, "d/inner", "made");
}

/* A link is made anew and then its text removed; the kill came between. */
static void what_is_in_place_is_not_displaced(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = rig_open();
    size_t count = 0;
    struct exchange exchange = {.path = STR("link"), .mode = 0120000, .bytes = STR("target")};
    assert_int_equal(make(&rig, &exchange, 1), 0);
    put(&rig, ".mlops/exchange/now/0", "target");
    begun(&rig, &exchange, 1);
    assert_fine(exchange_recover(rig.workspace, &count));
    struct file_stat stat = {0};
    bool found = false;
    assert_fine(
        file_stat_at(fd_number(rig.workspace->state_fd), "displaced/y/link", false, &stat, &found));
    assert_false(found);
    assert_fine(file_stat_at(fd_number(rig.workspace->root_fd), "link", false, &stat, &found));
    assert_true(found && S_ISLNK(stat.mode));
}

static void a_damaged_journal_writes_nowhere_else(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = rig_open();
    const char *const paths[] = {"../out", "/etc/x", ".git/config", "a/.mlops/b", ""};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        size_t count = 0;
        struct buf journal = buf_in(&rig.arena);
        canon_str(&journal, STR("mlops.exchange.1"));
        canon_str(&journal, STR("displaced/y"));
        canon_list(&journal, 1);
        canon_str(&journal, str_of(paths[i]));
        canon_int(&journal, 0100644);
        canon_digest(&journal, (struct digest){{0}});
        put(&rig, ".mlops/exchange/now/0", "bad");
        assert_fine(file_publish(fd_number(rig.workspace->state_fd), "exchange/now/journal",
                                 buf_str(&journal), 0644, false));
        struct error *error = exchange_recover(rig.workspace, &count);
        assert_non_null(error);
        assert_int_equal(error->code, ERROR_STORED);
        error_drop(error);
    }
}

/* Somebody's journal may have come with the project, and links with it. */
static void nothing_is_changed_behind_a_link(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = rig_open();
    int root = fd_number(rig.workspace->root_fd);
    size_t count = 0;
    put(&rig, "elsewhere/gone", "stays");
    put(&rig, "new/file", "not seen");
    put(&rig, ".mlops/displaced/y/sub", "");
    assert_int_equal(symlinkat("elsewhere", root, "link"), 0);
    assert_int_equal(symlinkat("../../../elsewhere", root, ".mlops/displaced/y/new"), 0);
    struct exchange exchanges[] = {{.path = STR("link/gone"), .before = digest_of("stays", 5)},
                                   {.path = STR("link/made"), .mode = 0100644},
                                   {.path = STR("new/file"), .mode = 0100644}};
    put(&rig, ".mlops/exchange/now/1", "made");
    put(&rig, ".mlops/exchange/now/2", "new");
    begun(&rig, exchanges, 3);
    assert_error(exchange_recover(rig.workspace, &count), "'new/file' out of the way");
    assert_holds(&rig, "elsewhere/gone", "stays");
    assert_holds(&rig, "elsewhere/made", NULL);
    assert_holds(&rig, "elsewhere/file", NULL);
    assert_holds(&rig, "link/made", "made");
    assert_holds(&rig, "new/file", "not seen");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_come_change_and_go_together),
        cmocka_unit_test(what_was_not_seen_before_is_displaced),
        cmocka_unit_test(what_was_begun_is_completed),
        cmocka_unit_test(what_was_made_where_a_file_went_stays),
        cmocka_unit_test(what_is_in_place_is_not_displaced),
        cmocka_unit_test(nothing_is_changed_behind_a_link),
        cmocka_unit_test(a_damaged_journal_writes_nowhere_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
