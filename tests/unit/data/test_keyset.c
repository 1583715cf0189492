#include "mlops/base/arena.h"
#include "mlops/data/keyset.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "../../../src/data/keyset_private.h"
#include "support/unit.h"

enum { MANY = 1000000, SOME = 60000 };

/* A generator with a fixed seed (Steele, Lea, Flood: SplitMix64). */
static uint64_t draw(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static struct key_entry entry_of(uint64_t key, uint64_t row)
{
    char text[64];
    int len = snprintf(text, sizeof text, key % 3 ? "%llu" : "a key of more than 15 bytes, %llu",
                       (unsigned long long)key);
    return (struct key_entry){key_mark_of(text, (size_t)len), row};
}

static struct keyset *set_open(int64_t memory_bytes)
{
    struct keyset_options options = {.memory_bytes = memory_bytes};
    struct keyset *set = NULL;
    assert_null(keyset_open(&options, &set));
    return set;
}

static void add(struct keyset *set, uint64_t key, uint64_t row)
{
    struct key_entry entry = entry_of(key, row);
    assert_null(keyset_add(set, &entry, 1));
}

static uint64_t distinct(struct keyset *set)
{
    uint64_t count = UINT64_MAX;
    assert_null(keyset_distinct(set, &count));
    return count;
}

static void siphash_equals_the_reference(void **state)
{
    (void)state;
    unsigned char key_bytes[16], input[64];
    uint64_t key[2], hash[2];
    for (unsigned i = 0; i < 64; i++)
        input[i] = (unsigned char)i;
    memcpy(key_bytes, input, sizeof key_bytes);
    memcpy(key, key_bytes, sizeof key);
    key_siphash(key, input, 0,
                hash); /* vectors.h of the reference: a3817f04ba25a8e66df67214c7550293 */
    assert_int_equal(hash[0], 0xe6a825ba047f81a3);
    assert_int_equal(hash[1], 0x930255c71472f66d);
    key_siphash(key, input, 1, hash); /* da87c1d86b99af44347659119b22fc45 */
    assert_int_equal(hash[0], 0x44af996bd8c187da);
    assert_int_equal(hash[1], 0x45fc229b11597634);
}

static void different_keys_have_different_marks(void **state)
{
    (void)state;
    static const char zeros[40];
    for (size_t a = 0; a < sizeof zeros; a++) {
        struct key_mark left = key_mark_of(zeros, a), none = {0};
        assert_memory_not_equal(left.at, none.at, sizeof none.at);
        for (size_t b = 0; b < a; b++) {
            struct key_mark right = key_mark_of(zeros, b);
            assert_memory_not_equal(left.at, right.at, sizeof right.at);
        }
    }
    struct key_mark again = key_mark_of("a key of more than 15 bytes", 27);
    struct key_mark once = key_mark_of("a key of more than 15 bytes", 27);
    assert_memory_equal(again.at, once.at, sizeof once.at);
}

static void an_empty_set_answers(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(keyset_drop) struct keyset *set = set_open(0);
    AUTO(keyset_drop) struct keyset *other = set_open(0);
    struct row_list list = {.cap = SIZE_MAX};
    assert_null(keyset_finish(set));
    add(other, 1, 7);
    assert_null(keyset_finish(other));
    assert_int_equal(distinct(set), 0);
    assert_null(keyset_repeats(set, &arena, &list));
    assert_int_equal(list.count, 0);
    assert_null(keyset_absent(set, other, &arena, &list));
    assert_int_equal(list.count, 0);
    assert_null(keyset_absent(other, set, &arena, &list));
    assert_int_equal(list.count, 1);
    assert_int_equal(list.rows[0], 7);
}

static void rows_that_repeat_a_key_are_told_in_order(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(keyset_drop) struct keyset *set = set_open(0);
    uint64_t rows[2];
    struct row_list all = {.cap = SIZE_MAX}, first = {.rows = rows, .cap = 2}, none = {0};
    const uint64_t keys[] = {5, 6, 5, 7, 6, 5, 9};
    for (size_t i = COUNT_OF(keys); i-- > 0;)
        add(set, keys[i], 2 + i);
    assert_null(keyset_finish(set));
    assert_int_equal(keyset_count(set), 7);
    assert_int_equal(distinct(set), 4);
    assert_null(keyset_repeats(set, &arena, &all));
    assert_int_equal(all.len, 3);
    assert_int_equal(all.rows[0], 4);
    assert_int_equal(all.rows[1], 6);
    assert_int_equal(all.rows[2], 7);
    assert_null(keyset_repeats(set, &arena, &first));
    assert_int_equal(first.len, 2);
    assert_int_equal(first.count, 3);
    assert_int_equal(rows[0], 4);
    assert_int_equal(rows[1], 6);
    assert_null(keyset_repeats(set, &arena, &none));
    assert_int_equal(none.count, 3);
}

/* How often a key was drawn, by a table: keys are below `range`. */
struct naive {
    uint32_t *first, *seen;
    uint64_t repeats, distinct;
};

static struct naive naive_make(struct arena *arena, size_t range)
{
    return (struct naive){arena_new_array(arena, uint32_t, range),
                          arena_new_array(arena, uint32_t, range), 0, 0};
}

static void fill(struct keyset *set, struct naive *naive, uint64_t range, size_t count,
                 uint64_t seed)
{
    for (size_t row = 1; row <= count; row++) {
        uint64_t key = draw(&seed) % range;
        add(set, key, row);
        if (naive->seen[key]++)
            naive->repeats++;
        else
            naive->distinct++;
    }
    assert_null(keyset_finish(set));
}

static void compare_sets(int64_t memory_bytes, size_t count, uint64_t range)
{
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(keyset_drop) struct keyset *set = set_open(memory_bytes);
    AUTO(keyset_drop) struct keyset *other = set_open(memory_bytes);
    struct naive ours = naive_make(&arena, range), theirs = naive_make(&arena, range);
    uint64_t seed = 1, absent = 0;
    struct row_list list = {.cap = SIZE_MAX}, shared = {0};
    fill(set, &ours, range, count, 1);
    fill(other, &theirs, range, count / 2, 2);
    assert_int_equal(distinct(set), ours.distinct);
    assert_null(keyset_repeats(set, &arena, &list));
    assert_int_equal(list.count, ours.repeats);
    assert_int_equal(list.len, ours.repeats);
    list = (struct row_list){.cap = SIZE_MAX};
    assert_null(keyset_absent(set, other, &arena, &list));
    for (size_t row = 1, at = 0; row <= count; row++) {
        bool is_absent = !theirs.seen[draw(&seed) % range];
        absent += is_absent;
        if (is_absent)
            assert_int_equal(list.rows[at++], row);
    }
    assert_int_equal(list.count, absent);
    assert_null(keyset_shared(set, other, &arena, &shared));
    assert_int_equal(shared.count, count - absent);
}

static void keys_are_looked_up_in_memory(void **state)
{
    (void)state;
    AUTO(keyset_drop) struct keyset *set = set_open(0);
    AUTO(keyset_drop) struct keyset *large = set_open(2400);
    AUTO(keyset_drop) struct keyset *empty = set_open(0);
    struct key_entry entry = entry_of(2, 0);
    assert_null(keyset_finish(empty));
    assert_false(keyset_has(empty, &entry.mark));
    for (uint64_t key = 0; key < SOME; key += 2)
        for (uint64_t again = 0; again <= key % 3; again++)
            add(set, key, key + again);
    assert_null(keyset_finish(set));
    assert_true(keyset_is_in_memory(set));
    for (uint64_t key = 0; key < SOME; key++) {
        entry = entry_of(key, 0);
        assert_int_equal(keyset_has(set, &entry.mark), key % 2 == 0);
    }
    for (uint64_t key = 0; key < 200; key++)
        add(large, key, key);
    assert_null(keyset_finish(large));
    assert_false(keyset_is_in_memory(large));
}

static void a_million_keys_agree_with_a_table(void **state)
{
    (void)state;
    compare_sets(0, MANY, MANY);
}

static void sets_larger_than_memory_agree_too(void **state)
{
    (void)state;
    compare_sets(1 << 20, MANY, MANY);
}

static void sets_of_very_many_runs_are_merged_in_turns(void **state)
{
    (void)state;
    compare_sets(100 * 24, SOME, SOME); /* 600 runs, 4 read at once */
    compare_sets(1, SOME / 100, SOME / 200);
}

static void one_key_in_every_row_is_no_trouble(void **state)
{
    (void)state;
    compare_sets(0, SOME, 1);
    compare_sets(5000, SOME, 2);
}

static void the_first_rows_are_the_same_whatever_the_memory(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    uint64_t rows[2][20];
    for (int i = 0; i < 2; i++) {
        AUTO(keyset_drop) struct keyset *set = set_open(i ? 3000 : 0);
        struct naive naive = naive_make(&arena, 1000);
        struct row_list list = {.rows = rows[i], .cap = 20};
        fill(set, &naive, 1000, SOME, 3);
        assert_null(keyset_repeats(set, &arena, &list));
        assert_int_equal(list.len, 20);
    }
    assert_memory_equal(rows[0], rows[1], sizeof rows[0]);
}

static void a_directory_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    struct keyset_options options = {.memory_bytes = 2400, .directory = STR("/nowhere/at/all")};
    AUTO(keyset_drop) struct keyset *set = NULL;
    struct error *error = NULL;
    assert_null(keyset_open(&options, &set));
    for (uint64_t row = 1; row < 1000 && !error; row++) {
        struct key_entry entry = entry_of(row, row);
        error = keyset_add(set, &entry, 1);
    }
    assert_non_null(error);
    assert_int_equal(error->code, ERROR_MACHINE);
    assert_non_null(strstr(error->text, "/nowhere/at/all"));
    assert_non_null(error->hint);
    error_drop(error);
}

static void a_full_disk_is_an_error_that_says_what_to_do(void **state)
{
    (void)state;
    struct rlimit before;
    struct error *error = NULL;
    AUTO(keyset_drop) struct keyset *set = set_open(2400);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, before.rlim_max}), 0);
    for (uint64_t row = 1; row < 1000 && !error; row++) {
        struct key_entry entry = entry_of(row, row);
        error = keyset_add(set, &entry, 1);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_non_null(error);
    assert_non_null(strstr(error->text, "keys that do not fit into memory"));
    assert_non_null(strstr(error->hint, "TMPDIR"));
    error_drop(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash_equals_the_reference),
        cmocka_unit_test(different_keys_have_different_marks),
        cmocka_unit_test(an_empty_set_answers),
        cmocka_unit_test(rows_that_repeat_a_key_are_told_in_order),
        cmocka_unit_test(keys_are_looked_up_in_memory),
        cmocka_unit_test(a_million_keys_agree_with_a_table),
        cmocka_unit_test(sets_larger_than_memory_agree_too),
        cmocka_unit_test(sets_of_very_many_runs_are_merged_in_turns),
        cmocka_unit_test(one_key_in_every_row_is_no_trouble),
        cmocka_unit_test(the_first_rows_are_the_same_whatever_the_memory),
        cmocka_unit_test(a_directory_that_is_not_there_is_an_error),
        cmocka_unit_test(a_full_disk_is_an_error_that_says_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
