/* Exact sets of keys larger than memory: which keys repeat, which are not in another set. Keys of
 * up to 15 bytes stand for themselves; longer ones as 128 bits of SipHash-2-4 under a key drawn at
 * the start of the process (two different keys of 10^9 are taken for equal with a probability below
 * 10^-20, and no data can be made to provoke it). Over the memory limit sorted runs go to unlinked
 * files and are merged. */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/str.h"

struct keyset;

/* A key as sets hold it. All zero is no key. */
struct key_mark {
    unsigned char at[16];
};

struct key_entry {
    struct key_mark mark;
    uint64_t row;
};

struct key_mark key_mark_of(const void *at, size_t len);

struct keyset_options {
    int64_t memory_bytes; /* 0: LIMIT_KEYSET_BYTES */
    struct str directory; /* for runs; empty: TMPDIR, else /var/tmp */
};

FALLIBLE keyset_open(const struct keyset_options *options, struct keyset **ret);
void keyset_drop(struct keyset **set);

/* From one thread at a time; rows of one set in any order. */
FALLIBLE keyset_add(struct keyset *set, const struct key_entry *entries, size_t count);

/* No more is added; asked as often as one likes. */
FALLIBLE keyset_finish(struct keyset *set);
uint64_t keyset_count(const struct keyset *set);             /* entries */
FALLIBLE keyset_distinct(struct keyset *set, uint64_t *ret); /* different keys */

/* Whether a finished set holds a key, at once; only of a set that is in memory. */
bool keyset_is_in_memory(const struct keyset *set);
bool keyset_has(const struct keyset *set, const struct key_mark *mark);

/* Rows, ascending. `rows` holds the first `cap`; `count` all of them. */
struct row_list {
    uint64_t *rows;
    size_t len, cap;
    uint64_t count;
};

/* Rows that repeat a key of an earlier row. `ret->rows` and `cap` are the caller's. A cap of
 * SIZE_MAX with rows NULL: all of them, in the arena. */
struct arena;
FALLIBLE keyset_repeats(struct keyset *set, struct arena *arena, struct row_list *ret);

/* Rows of `set` whose key is not in `other` / is in `other`. */
FALLIBLE keyset_absent(struct keyset *set, struct keyset *other, struct arena *arena,
                       struct row_list *ret);
FALLIBLE keyset_shared(struct keyset *set, struct keyset *other, struct arena *arena,
                       struct row_list *ret);
