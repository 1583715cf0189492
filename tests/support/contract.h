/* What every transport must do, whatever carries it: the same checks for a directory and for what
 * servers keep. `contract_check` takes an empty remote and leaves it as it found it but for its
 * root. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/store/transport.h"

#include "support/scratch.h"

enum { CONTRACT_LARGE_BYTES = 5 * 1048576 + 17 };

/* What a sink got. */
struct contract_bytes {
    struct buf bytes;
    size_t fails_after; /* 0: never */
};

static inline struct error *contract_take(void *context, const char *at, size_t len)
{
    struct contract_bytes *bytes = context;
    buf_add(&bytes->bytes, at, len);
    if (bytes->fails_after && bytes->bytes.len >= bytes->fails_after)
        return error_new(ERROR_MACHINE, "the sink has enough");
    return NULL;
}

static inline struct transport_source contract_source(struct str bytes)
{
    return (struct transport_source){.bytes = bytes, .fd = -1};
}

static inline bool contract_write(struct connection *connection, const char *name, struct str bytes,
                                  enum transport_write how)
{
    struct transport_source source = contract_source(bytes);
    bool existed = false;
    assert_fine(connection_write(connection, str_of(name), &source, how, &existed));
    return existed;
}

/* Reads and compares. */
static inline void contract_expect(struct connection *connection, const char *name, int64_t offset,
                                   int64_t len, struct str expected)
{
    struct contract_bytes got = {0};
    struct transport_sink sink = {contract_take, &got};
    bool found = false;
    assert_fine(connection_read(connection, str_of(name), (struct transport_range){offset, len},
                                &sink, &found));
    assert_true(found);
    assert_int_equal(got.bytes.len, expected.len);
    assert_true(str_equal(buf_str(&got.bytes), expected));
    buf_drop(&got.bytes);
}

static inline bool contract_has(struct connection *connection, const char *name, int64_t size)
{
    struct transport_item item;
    bool found = false;
    assert_fine(connection_stat(connection, str_of(name), &item, &found));
    if (found) {
        assert_true(str_is(item.name, name));
        assert_int_equal(item.size_bytes, size);
    }
    return found;
}

/* Bytes that repeat nowhere near. */
static inline struct str contract_large(struct arena *arena)
{
    char *bytes = arena_alloc(arena, CONTRACT_LARGE_BYTES);
    uint64_t state = 88172645463325252u;
    for (size_t i = 0; i < CONTRACT_LARGE_BYTES; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes[i] = (char)state;
    }
    return (struct str){bytes, CONTRACT_LARGE_BYTES};
}

struct contract_names {
    struct arena *arena;
    VEC(contract_name_vec, struct str) names;
};

static inline struct error *contract_visit(void *context, const struct transport_item *item)
{
    struct contract_names *list = context;
    *vec_push(list->arena, &list->names) =
        str_print(list->arena, "%.*s:%lld", STR_FMT(item->name), (long long)item->size_bytes);
    return NULL;
}

/* "name:size name:size", sorted. */
static inline const char *contract_list(struct arena *arena, struct connection *connection,
                                        const char *prefix)
{
    struct contract_names list = {.arena = arena};
    struct buf text = buf_in(arena);
    assert_fine(connection_list(connection, str_of(prefix), contract_visit, &list));
    vec_sort(&list.names, str_compare_items);
    buf_add_text(&text, "");
    vec_each (struct str, name, &list.names)
        buf_print(&text, "%s%.*s", text.len ? " " : "", STR_FMT(*name));
    return text.at ? text.at : "";
}

static inline void contract_absent_is_an_answer(struct connection *connection)
{
    struct contract_bytes got = {0};
    struct transport_sink sink = {contract_take, &got};
    bool found = true;
    assert_false(contract_has(connection, "format", 0));
    assert_false(contract_has(connection, "no/such/place", 0));
    assert_fine(connection_read(connection, STR("no/such/place"), (struct transport_range){0, -1},
                                &sink, &found));
    assert_false(found);
    assert_fine(connection_remove(connection, STR("no/such/place")));
}

static inline void contract_small(struct arena *arena, struct connection *connection)
{
    assert_string_equal(contract_list(arena, connection, ""), "");
    assert_false(contract_write(connection, "format", STR("mlops remote 1\n"), WRITE_NEW));
    assert_true(contract_write(connection, "format", STR("other"), WRITE_NEW));
    contract_expect(connection, "format", 0, -1, STR("mlops remote 1\n"));
    contract_expect(connection, "format", 6, 6, STR("remote"));
    assert_false(contract_write(connection, "list/packs", STR("a\n"), WRITE_REPLACE));
    contract_write(connection, "list/packs", STR("a\nb\n"), WRITE_REPLACE);
    contract_expect(connection, "list/packs", 0, -1, STR("a\nb\n"));
    assert_false(contract_write(connection, "res/p/ab/key/empty", STR(""), WRITE_NEW));
    contract_expect(connection, "res/p/ab/key/empty", 0, -1, STR(""));
    assert_true(contract_has(connection, "list/packs", 4));
    assert_string_equal(contract_list(arena, connection, ""),
                        "format:15 list/packs:4 res/p/ab/key/empty:0");
    assert_string_equal(contract_list(arena, connection, "res/"), "res/p/ab/key/empty:0");
    assert_string_equal(contract_list(arena, connection, "none/"), "");
}

static inline void contract_fails(struct connection *connection)
{
    struct contract_bytes got = {.fails_after = 3};
    struct transport_sink sink = {contract_take, &got};
    bool found = false;
    assert_error(
        connection_read(connection, STR("format"), (struct transport_range){0, -1}, &sink, &found),
        "the sink has enough");
    buf_clear(&got.bytes);
    got.fails_after = 0;
    assert_error(connection_read(connection, STR("format"), (struct transport_range){10, 100},
                                 &sink, &found),
                 "format");
    assert_error(connection_stat(connection, STR("../x"), &(struct transport_item){0}, &found),
                 "is no name");
    contract_expect(connection, "format", 0, -1, STR("mlops remote 1\n")); /* and goes on */
    buf_drop(&got.bytes);
}

static inline void contract_tell(void *context, int64_t bytes)
{
    *(int64_t *)context += bytes;
}

/* A part of a file, larger than what travels at once. */
static inline void contract_file(struct arena *arena, struct connection *connection)
{
    struct scratch scratch = scratch_open();
    struct str large = contract_large(arena);
    int64_t told = 0;
    bool existed = true;
    int fd = openat(scratch.fd, "large", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, large.at, large.len), large.len);
    struct transport_source source = {.fd = fd,
                                      .offset = 5,
                                      .len = (int64_t)large.len - 7,
                                      .tell = contract_tell,
                                      .context = &told};
    assert_fine(connection_write(connection, STR("pack/large"), &source, WRITE_NEW, &existed));
    assert_false(existed);
    assert_int_equal(told, source.len);
    contract_expect(connection, "pack/large", 0, -1, str_slice(large, 5, large.len - 2));
    contract_expect(connection, "pack/large", 1000000, 3000000, str_slice(large, 1000005, 4000005));
    assert_true(contract_has(connection, "pack/large", source.len));
    close(fd);
    scratch_drop(&scratch);
}

static inline void contract_many(struct arena *arena, struct connection *connection)
{
    size_t lines = 0;
    for (int i = 0; i < 250; i++)
        contract_write(connection, str_print(arena, "roots/%04d", i).at, STR("x"), WRITE_NEW);
    for (const char *at = contract_list(arena, connection, "roots/"); *at; at++)
        lines += *at == ':';
    assert_int_equal(lines, 250);
    for (int i = 0; i < 250; i++)
        assert_fine(connection_remove(connection, str_print(arena, "roots/%04d", i)));
    assert_string_equal(contract_list(arena, connection, "roots/"), "");
}

static inline void contract_check(struct transport *transport)
{
    static const char *const names[] = {"format", "list/packs", "res/p/ab/key/empty", "pack/large"};
    AUTO(arena_drop) struct arena arena = {0};
    struct connection *connection = NULL;
    assert_true(transport_is_writable(transport) && transport_can_list(transport));
    assert_true(transport_connections(transport) > 0);
    assert_fine(transport_connect(transport, &connection));
    contract_absent_is_an_answer(connection);
    contract_small(&arena, connection);
    contract_fails(connection);
    contract_file(&arena, connection);
    contract_many(&arena, connection);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_fine(connection_remove(connection, str_of(names[i])));
    assert_string_equal(contract_list(&arena, connection, ""), "");
    connection_drop(&connection);
}
