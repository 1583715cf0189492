#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/store/transport.h"

#include <fcntl.h>
#include <unistd.h>

#include "support/scratch.h"

#define assert_fails(call)                                                                         \
    do {                                                                                           \
        struct error *failed_ = (call);                                                            \
        assert_non_null(failed_);                                                                  \
        error_drop(failed_);                                                                       \
    } while (0)

/* A remote that is a directory of the test's own. */
struct depot_rig {
    struct scratch scratch;
    struct arena arena;
    struct remote *remote;
    struct transport *transport;
    struct connection *connection;
};

static struct depot_rig rig_open(void)
{
    struct depot_rig rig = {.scratch = scratch_open()};
    rig.remote = arena_new(&rig.arena, struct remote);
    rig.remote->name = STR("origin");
    rig.remote->url = str_print(&rig.arena, "%s/remote", rig.scratch.path);
    assert_fine(transport_open(&rig.arena, rig.remote, &rig.transport));
    assert_fine(transport_connect(rig.transport, &rig.connection));
    return rig;
}

static void rig_drop(struct depot_rig *rig)
{
    connection_drop(&rig->connection);
    transport_drop(&rig->transport);
    arena_drop(&rig->arena);
    scratch_drop(&rig->scratch);
}

static FALLIBLE take(void *context, const char *at, size_t len)
{
    buf_add(context, at, len);
    return NULL;
}

static bool put(struct depot_rig *rig, const char *name, const char *text, enum transport_write how)
{
    struct transport_source source = {.bytes = str_of(text), .fd = -1};
    bool existed = false;
    assert_fine(connection_write(rig->connection, str_of(name), &source, how, &existed));
    return !existed;
}

static struct str get(struct depot_rig *rig, const char *name, int64_t offset, int64_t len,
                      bool *ret_found)
{
    struct buf bytes = buf_in(&rig->arena);
    struct transport_sink sink = {take, &bytes};
    buf_add_text(&bytes, "");
    assert_fine(connection_read(rig->connection, str_of(name),
                                (struct transport_range){offset, len}, &sink, ret_found));
    return buf_str(&bytes);
}

static FALLIBLE note(void *context, const struct transport_item *item)
{
    buf_print(context, "%.*s:%lld ", STR_FMT(item->name), (long long)item->size_bytes);
    return NULL;
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    AUTO(rig_drop) struct depot_rig rig = rig_open();
    bool found = false;
    assert_true(put(&rig, "pack/abc", "hello world", WRITE_NEW));
    assert_true(str_is(get(&rig, "pack/abc", 0, -1, &found), "hello world"));
    assert_true(str_is(get(&rig, "pack/abc", 6, 3, &found), "wor"));
    assert_true(found);
}

static void what_is_not_there_is_an_answer(void **state)
{
    (void)state;
    AUTO(rig_drop) struct depot_rig rig = rig_open();
    struct transport_item item;
    bool found = true;
    get(&rig, "pack/abc", 0, -1, &found);
    assert_false(found);
    assert_fine(connection_stat(rig.connection, STR("pack/abc"), &item, &found));
    assert_false(found);
    assert_fine(connection_remove(rig.connection, STR("pack/abc")));
    assert_false(scratch_has(&rig.scratch, "remote"));
}

static void a_new_name_never_replaces_an_old_one(void **state)
{
    (void)state;
    AUTO(rig_drop) struct depot_rig rig = rig_open();
    bool found = false;
    assert_true(put(&rig, "a", "first", WRITE_NEW));
    assert_false(put(&rig, "a", "second", WRITE_NEW));
    assert_true(str_is(get(&rig, "a", 0, -1, &found), "first"));
    assert_true(put(&rig, "a", "third", WRITE_REPLACE));
    assert_true(str_is(get(&rig, "a", 0, -1, &found), "third"));
}

static void a_listing_tells_what_is_below_a_prefix(void **state)
{
    (void)state;
    AUTO(rig_drop) struct depot_rig rig = rig_open();
    AUTO(buf_drop) struct buf seen = {0};
    put(&rig, "pack/a", "1", WRITE_NEW);
    put(&rig, "pack/b", "22", WRITE_NEW);
    put(&rig, "res/x/y/z", "333", WRITE_NEW);
    assert_fine(connection_list(rig.connection, STR("pack/"), note, &seen));
    assert_string_equal(seen.at, "pack/a:1 pack/b:2 ");
    buf_clear(&seen);
    assert_fine(connection_list(rig.connection, STR(""), note, &seen));
    assert_string_equal(seen.at, "pack/a:1 pack/b:2 res/x/y/z:3 ");
    buf_clear(&seen);
    assert_fine(connection_list(rig.connection, STR("gc/"), note, &seen));
    assert_int_equal(seen.len, 0);
}

static void a_part_of_a_file_is_written(void **state)
{
    (void)state;
    AUTO(rig_drop) struct depot_rig rig = rig_open();
    scratch_write(&rig.scratch, "from", "0123456789");
    AUTO(fd_drop) struct fd fd = fd_of(openat(rig.scratch.fd, "from", O_RDONLY | O_CLOEXEC));
    struct transport_source source = {.fd = fd_number(fd), .offset = 3, .len = 4};
    bool found = false;
    assert_fine(connection_write(rig.connection, STR("b"), &source, WRITE_NEW, NULL));
    assert_true(str_is(get(&rig, "b", 0, -1, &found), "3456"));
}

static void a_link_in_a_remote_is_not_followed(void **state)
{
    (void)state;
    AUTO(rig_drop) struct depot_rig rig = rig_open();
    struct transport_source source = {.bytes = STR("x"), .fd = -1};
    struct transport_sink sink = {take, NULL};
    bool flag = false;
    put(&rig, "a", "1", WRITE_NEW);
    scratch_write(&rig.scratch, "secret", "secret");
    scratch_directory(&rig.scratch, "out");
    assert_int_equal(symlinkat("../secret", rig.scratch.fd, "remote/link"), 0);
    assert_int_equal(symlinkat("../out", rig.scratch.fd, "remote/pack"), 0);
    assert_fails(connection_read(rig.connection, STR("link"), (struct transport_range){0, -1},
                                 &sink, &flag));
    error_drop(connection_write(rig.connection, STR("pack/x"), &source, WRITE_NEW, &flag));
    assert_false(scratch_has(&rig.scratch, "out/x"));
}

static void nothing_unfinished_is_listed_or_left(void **state)
{
    (void)state;
    AUTO(rig_drop) struct depot_rig rig = rig_open();
    AUTO(buf_drop) struct buf seen = {0};
    put(&rig, "a", "1", WRITE_NEW);
    scratch_write(&rig.scratch, "remote/.tmp/dead", "half");
    assert_fine(connection_list(rig.connection, STR(""), note, &seen));
    assert_string_equal(seen.at, "a:1 ");
}

static void names_that_are_not_ours_are_refused(void **state)
{
    (void)state;
    AUTO(rig_drop) struct depot_rig rig = rig_open();
    static const char *const names[] = {"",     "/a",     "a/",  "../a", "a/../b",
                                        "a//b", ".tmp/x", "a b", "a\n"};
    struct transport_item item;
    bool found;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_fails(connection_stat(rig.connection, str_of(names[i]), &item, &found));
}

static void names_of_others_are_any_but_paths_out(void **state)
{
    (void)state;
    AUTO(rig_drop) struct depot_rig rig = rig_open();
    AUTO(buf_drop) struct buf seen = {0};
    static const char *const refused[] = {"", "/a", "a/", "../a", "a/../b", "a//b", "./a", "a\n"};
    struct transport_item item;
    bool found = false;
    rig.remote->has_foreign_names = true;
    scratch_directory(&rig.scratch, "remote");
    scratch_directory(&rig.scratch, "remote/.hidden");
    scratch_write(&rig.scratch, "remote/.hidden/a b", "12");
    assert_int_equal(symlinkat("x", rig.scratch.fd, "remote/link"), 0);
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        assert_fails(connection_stat(rig.connection, str_of(refused[i]), &item, &found));
    struct transport *transport = NULL;
    struct connection *connection = NULL;
    assert_fine(transport_open(&rig.arena, rig.remote, &transport));
    assert_fine(transport_connect(transport, &connection));
    assert_fine(connection_stat(connection, STR(".hidden/a b"), &item, &found));
    assert_true(found);
    assert_fine(connection_list(connection, STR(""), note, &seen));
    assert_string_equal(seen.at, ".hidden/a b:2 link:-1 ");
    connection_drop(&connection);
    transport_drop(&transport);
}

static void an_unknown_scheme_names_the_known_ones(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(buf_drop) struct buf text = {0};
    struct remote remote = {.name = STR("o"), .url = STR("gopher://x/y")};
    struct transport *transport = NULL;
    struct error *error = transport_open(&arena, &remote, &transport);
    assert_non_null(error);
    assert_int_equal(error->code, ERROR_PROJECT);
    error_print(error, &text);
    error_drop(error);
    assert_non_null(strstr(text.at, "file://"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(what_is_not_there_is_an_answer),
        cmocka_unit_test(a_new_name_never_replaces_an_old_one),
        cmocka_unit_test(a_listing_tells_what_is_below_a_prefix),
        cmocka_unit_test(a_part_of_a_file_is_written),
        cmocka_unit_test(a_link_in_a_remote_is_not_followed),
        cmocka_unit_test(nothing_unfinished_is_listed_or_left),
        cmocka_unit_test(names_that_are_not_ours_are_refused),
        cmocka_unit_test(names_of_others_are_any_but_paths_out),
        cmocka_unit_test(an_unknown_scheme_names_the_known_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
