#include "mlops/base/buf.h"
#include "mlops/host/walk.h"
#include "mlops/store/depot.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rig.h"

/* Two projects and a directory that both use as their remote. */
struct pair {
    struct rig here, there;
    struct scratch place;
    struct arena arena;
    struct remote remote;
    struct observer observer;
    int warnings;
};

static void count_warnings(void *context, const struct event *event)
{
    *(int *)context += event->kind == EVENT_WARNING;
}

static struct pair *pair_open(void)
{
    struct pair *pair = calloc(1, sizeof *pair);
    pair->here = rig_open();
    pair->there = rig_open();
    pair->place = scratch_open();
    pair->remote = (struct remote){.name = STR("origin")};
    pair->remote.url = str_print(&pair->arena, "%s/remote", pair->place.path);
    pair->observer = (struct observer){.tell = count_warnings, .context = &pair->warnings};
    return pair;
}

static void pair_drop(struct pair *pair)
{
    rig_drop(&pair->here);
    rig_drop(&pair->there);
    scratch_drop(&pair->place);
    arena_drop(&pair->arena);
    free(pair);
}

static struct depot *depot_of(struct pair *pair, struct rig *rig, bool wants_write)
{
    struct depot_options options = {.workspace = rig->workspace,
                                    .cas = rig->cas,
                                    .remote = &pair->remote,
                                    .observer = &pair->observer,
                                    .connections = 2,
                                    .wants_write = wants_write};
    struct depot *depot = NULL;
    assert_fine(depot_open(&pair->arena, &options, &depot));
    return depot;
}

static struct depot_want put(struct pair *pair, struct str bytes)
{
    struct depot_want want = {.size_bytes = (int64_t)bytes.len};
    assert_fine(cas_put_bytes(pair->here.cas, bytes, &want.digest));
    assert_fine(cas_flush(pair->here.cas));
    return want;
}

static struct depot_counts push(struct pair *pair, const struct depot_want *wants, size_t count)
{
    AUTO(depot_drop) struct depot *depot = depot_of(pair, &pair->here, true);
    struct depot_want_vec missing = {0};
    assert_fine(depot_push(depot, &pair->arena, wants, count, &missing));
    assert_fine(depot_push_names(depot, &pair->arena, NULL, 0, &missing));
    assert_fine(depot_finish(depot));
    assert_int_equal(missing.len, 0);
    return depot_counts(depot);
}

/* How many are missing after it. */
static size_t fetch(struct pair *pair, const struct depot_want *wants, size_t count,
                    struct depot_counts *ret)
{
    AUTO(depot_drop) struct depot *depot = depot_of(pair, &pair->there, false);
    struct depot_want_vec missing = {0};
    assert_fine(depot_fetch(depot, &pair->arena, wants, count, &missing));
    if (ret)
        *ret = depot_counts(depot);
    return missing.len;
}

static bool there_has(struct pair *pair, struct depot_want want)
{
    enum cas_health health;
    assert_fine(cas_verify(pair->there.cas, want.digest, &health));
    return health == CAS_GOOD;
}

static struct str noise(struct pair *pair, size_t len, uint64_t seed)
{
    char *at = arena_new_array(&pair->arena, char, len + 8);
    for (size_t i = 0; i < len; i += 8) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        memcpy(at + i, &seed, 8);
    }
    return (struct str){at, len};
}

static void small_and_large_objects_come_over(void **state)
{
    (void)state;
    struct pair *pair = pair_open();
    struct depot_want wants[] = {put(pair, STR("hello")), put(pair, STR("")),
                                 put(pair, noise(pair, 9000000, 1)),
                                 put(pair, noise(pair, 2000000, 2))};
    struct depot_counts counts = push(pair, wants, COUNT_OF(wants));
    assert_int_equal(counts.objects, 4);
    assert_int_equal(fetch(pair, wants, COUNT_OF(wants), NULL), 0);
    for (size_t i = 0; i < COUNT_OF(wants); i++)
        assert_true(there_has(pair, wants[i]));
    pair_drop(pair);
}

static void what_is_there_does_not_travel_again(void **state)
{
    (void)state;
    struct pair *pair = pair_open();
    struct depot_want wants[] = {put(pair, STR("hello")), put(pair, noise(pair, 9000000, 1))};
    push(pair, wants, COUNT_OF(wants));
    struct depot_counts counts = push(pair, wants, COUNT_OF(wants));
    assert_int_equal(counts.objects, 0);
    assert_int_equal(counts.sent_bytes, 0);
    assert_int_equal(fetch(pair, wants, COUNT_OF(wants), NULL), 0);
    assert_int_equal(fetch(pair, wants, COUNT_OF(wants), &counts), 0);
    assert_int_equal(counts.received_bytes, 0);
    pair_drop(pair);
}

/* The one who sent the packs was killed before he could. */
static void the_list_for_those_who_cannot_list_is_made_good(void **state)
{
    (void)state;
    struct pair *pair = pair_open();
    struct depot_want want = put(pair, STR("hello"));
    struct stat seen;
    push(pair, &want, 1);
    assert_int_equal(unlinkat(pair->place.fd, "remote/list/packs", 0), 0);
    push(pair, &want, 1);
    assert_true(scratch_has(&pair->place, "remote/list/packs"));
    scratch_write(&pair->place, "remote/list/packs", "");
    push(pair, &want, 1);
    assert_int_equal(fstatat(pair->place.fd, "remote/list/packs", &seen, 0), 0);
    assert_int_equal(seen.st_size, 65);
    pair_drop(pair);
}

static void a_changed_large_file_costs_its_changes(void **state)
{
    (void)state;
    struct pair *pair = pair_open();
    struct str bytes = noise(pair, 40000000, 1);
    struct depot_want before = put(pair, bytes);
    push(pair, &before, 1);
    assert_int_equal(fetch(pair, &before, 1, NULL), 0);
    memcpy((char *)(uintptr_t)bytes.at + 20000000, "changed", 7);
    struct depot_want after = put(pair, bytes);
    struct depot_counts counts = push(pair, &after, 1);
    assert_true(counts.sent_bytes < 3 * 2097152);
    assert_true(counts.chunks_shared > 20);
    assert_int_equal(fetch(pair, &after, 1, &counts), 0);
    assert_true(counts.received_bytes < 3 * 2097152);
    assert_true(counts.chunks_shared > 20);
    assert_true(there_has(pair, after));
    pair_drop(pair);
}

/* Of many files only those of about the same length are looked at, and what the store holds of them
 * is hashed: damaged there, it is fetched. */
static void chunks_of_other_files_are_found_and_hashed(void **state)
{
    (void)state;
    struct pair *pair = pair_open();
    struct depot_want many[40], after;
    struct str base = {0};
    char path[128], hex[DIGEST_HEX_LEN + 1];
    struct depot_counts counts;
    for (size_t i = 0; i < COUNT_OF(many); i++) {
        struct str bytes = noise(pair, 3000000 + i * 500000, i + 1);
        many[i] = put(pair, bytes);
        base = i == 30 ? bytes : base;
    }
    push(pair, many, COUNT_OF(many));
    assert_int_equal(fetch(pair, many, COUNT_OF(many), NULL), 0);
    memcpy((char *)(uintptr_t)base.at + 9000000, "changed", 7);
    after = put(pair, base);
    push(pair, &after, 1);
    digest_print(many[30].digest, hex);
    snprintf(path, sizeof path, "obj/%.2s/%s", hex, hex + 2);
    int cache = fd_number(pair->there.workspace->cache_fd);
    assert_int_equal(fchmodat(cache, path, 0644, 0), 0);
    AUTO(fd_drop) struct fd fd = fd_of(openat(cache, path, O_RDWR | O_CLOEXEC));
    assert_int_equal(pwrite(fd_number(fd), "?", 1, 1000), 1);
    assert_int_equal(fetch(pair, &after, 1, &counts), 0);
    assert_true(there_has(pair, after));
    pair_drop(pair);
}

/* A directory of tens of thousands of files: its tree is cut like any large file. */
static void a_large_tree_comes_over(void **state)
{
    (void)state;
    struct pair *pair = pair_open();
    struct depot_want trees[] = {put(pair, noise(pair, 5000000, 4)), put(pair, STR("above it"))};
    struct depot_want_vec missing = {0};
    struct depot *depot = depot_of(pair, &pair->here, true);
    assert_fine(depot_push_names(depot, &pair->arena, trees, COUNT_OF(trees), &missing));
    assert_fine(depot_finish(depot));
    assert_true(depot_has(depot, trees[0].digest));
    depot_drop(&depot);
    assert_int_equal(fetch(pair, trees, COUNT_OF(trees), NULL), 0);
    assert_true(there_has(pair, trees[0]));
    assert_true(there_has(pair, trees[1]));
    pair_drop(pair);
}

static void what_compresses_travels_small(void **state)
{
    (void)state;
    struct pair *pair = pair_open();
    struct buf text = buf_in(&pair->arena);
    for (int i = 0; i < 100000; i++)
        buf_print(&text, "row %d, value %d\n", i, i % 7);
    struct depot_want want = put(pair, buf_str(&text));
    struct depot_counts counts = push(pair, &want, 1);
    assert_true(counts.sent_bytes < (int64_t)text.len / 3);
    assert_int_equal(fetch(pair, &want, 1, NULL), 0);
    assert_true(there_has(pair, want));
    pair_drop(pair);
}

/* Flips one byte of every pack that is no larger. */
static void damage_packs(struct pair *pair, off_t size_most, off_t at)
{
    AUTO(fd_drop) struct fd fd = {0};
    struct walk_list list = {0};
    assert_fine(directory_open(pair->place.fd, "remote/pack", &fd));
    assert_fine(walk_list(&pair->arena, fd_number(fd), false, &list));
    assert_true(list.count > 0);
    for (size_t i = 0; i < list.count; i++) {
        assert_int_equal(fchmodat(fd_number(fd), list.entries[i].name.at, 0644, 0), 0);
        AUTO(fd_drop)
        struct fd pack = fd_of(openat(fd_number(fd), list.entries[i].name.at, O_RDWR | O_CLOEXEC));
        char byte;
        struct stat seen;
        assert_int_equal(fstat(fd_number(pack), &seen), 0);
        if (seen.st_size > size_most)
            continue;
        assert_int_equal(pread(fd_number(pack), &byte, 1, at), 1);
        byte ^= 1;
        assert_int_equal(pwrite(fd_number(pack), &byte, 1, at), 1);
    }
}

static void a_damaged_blob_is_never_used(void **state)
{
    (void)state;
    struct pair *pair = pair_open();
    struct depot_want want = put(pair, STR("precious"));
    push(pair, &want, 1);
    damage_packs(pair, 1 << 30, 10);
    assert_int_equal(fetch(pair, &want, 1, NULL), 1);
    assert_false(there_has(pair, want));
    assert_true(pair->warnings > 0);
    pair_drop(pair);
}

/* Broken, or naming chunks that are nowhere: who fetches knows nothing of it beforehand. */
static void of_two_manifests_the_good_one_is_used(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        struct pair *pair = pair_open();
        struct depot_want want = put(pair, noise(pair, 3000000, 3));
        struct depot_verified verified;
        push(pair, &want, 1);
        damage_packs(pair, 100000, i % 2 ? 20 : 90);
        struct depot *depot = depot_of(pair, &pair->here, false);
        assert_fine(depot_verify(depot, &pair->arena, true, &verified));
        assert_int_equal(verified.damage_count, 1);
        depot_drop(&depot);
        push(pair, &want, 1);
        assert_int_equal(fetch(pair, &want, 1, NULL), 0);
        assert_true(there_has(pair, want));
        pair_drop(pair);
    }
}

static void a_part_that_is_there_is_continued_and_never_trusted(void **state)
{
    (void)state;
    struct pair *pair = pair_open();
    struct str bytes = noise(pair, 20000000, 5);
    struct depot_want want = put(pair, bytes);
    struct depot_counts counts;
    char hex[DIGEST_HEX_LEN + 1], path[200];
    push(pair, &want, 1);
    digest_print(want.digest, hex);
    snprintf(path, sizeof path, "%s/.mlops/cache/tmp/part", pair->there.scratch.path);
    assert_int_equal(mkdir(path, 0777), 0);
    snprintf(path, sizeof path, "%s/.mlops/cache/tmp/part/%s", pair->there.scratch.path, hex);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, bytes.at, 15000000), 15000000);
    assert_int_equal(pwrite(fd, "wrong", 5, 1000), 5);
    close(fd);
    assert_int_equal(fetch(pair, &want, 1, &counts), 0);
    assert_true(counts.received_bytes < 12000000);
    assert_true(there_has(pair, want));
    pair_drop(pair);
}

static void nothing_that_is_not_there_is_made_up(void **state)
{
    (void)state;
    struct pair *pair = pair_open();
    struct depot_want want = put(pair, STR("x"));
    struct depot_want other = {.digest = digest_of("never", 5), .size_bytes = 5};
    push(pair, &want, 1);
    assert_int_equal(fetch(pair, &other, 1, NULL), 1);
    pair_drop(pair);
}

static void a_place_that_holds_something_else_is_refused(void **state)
{
    (void)state;
    struct pair *pair = pair_open();
    struct depot_options options = {
        .workspace = pair->here.workspace, .cas = pair->here.cas, .remote = &pair->remote};
    struct depot *depot = NULL;
    struct error *error = depot_open(&pair->arena, &options, &depot);
    assert_non_null(error);
    assert_non_null(strstr(error->text, "holds nothing yet"));
    error_drop(error);
    scratch_directory(&pair->place, "remote");
    scratch_write(&pair->place, "remote/format", "mlops remote 2\n");
    options.wants_write = true;
    error = depot_open(&pair->arena, &options, &depot);
    assert_non_null(error);
    assert_int_equal(error->code, ERROR_STORED);
    error_drop(error);
    pair_drop(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_and_large_objects_come_over),
        cmocka_unit_test(what_is_there_does_not_travel_again),
        cmocka_unit_test(the_list_for_those_who_cannot_list_is_made_good),
        cmocka_unit_test(a_changed_large_file_costs_its_changes),
        cmocka_unit_test(chunks_of_other_files_are_found_and_hashed),
        cmocka_unit_test(a_large_tree_comes_over),
        cmocka_unit_test(what_compresses_travels_small),
        cmocka_unit_test(a_damaged_blob_is_never_used),
        cmocka_unit_test(of_two_manifests_the_good_one_is_used),
        cmocka_unit_test(a_part_that_is_there_is_continued_and_never_trusted),
        cmocka_unit_test(nothing_that_is_not_there_is_made_up),
        cmocka_unit_test(a_place_that_holds_something_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
