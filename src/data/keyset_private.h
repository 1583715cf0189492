/* Inside of keyset: sorted runs, in memory or in one unlinked file, and reading them in order. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/vec.h"
#include "mlops/data/keyset.h"
#include "mlops/host/path.h"

/* A sorted stretch of the file. */
struct key_run {
    int64_t at; /* bytes from its start */
    uint64_t count;
};

VEC(key_run_vec, struct key_run);

struct keyset {
    struct arena arena;
    struct key_entry *entries; /* not yet in a run */
    size_t len, cap, most;
    size_t fan_in;        /* runs that are read at once */
    size_t block_entries; /* read at once from each */
    struct str directory;
    struct fd file;
    int64_t file_bytes;
    struct key_run_vec runs;
    uint64_t count;
    bool is_finished;
};

/* 128 bits of SipHash-2-4 as two words of the reference's output. */
void key_siphash(const uint64_t key[2], const unsigned char *at, size_t len, uint64_t ret[2]);

/* By mark, then row. */
void key_entries_sort(struct key_entry *entries, size_t len);

static inline uint64_t key_word(const unsigned char *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

static inline bool key_entry_is_less(const struct key_entry *a, const struct key_entry *b)
{
    uint64_t left = key_word(a->mark.at), right = key_word(b->mark.at);
    if (left != right)
        return left < right;
    left = key_word(a->mark.at + 8);
    right = key_word(b->mark.at + 8);
    return left != right ? left < right : a->row < b->row;
}

/* Sorts what is in memory and appends it to the file as a run. */
FALLIBLE key_runs_add(struct keyset *set);

/* Merges until at most fan_in runs are left. */
FALLIBLE key_runs_reduce(struct keyset *set);

/* One sorted source: the entries in memory, or a run with a block of it. */
struct key_source {
    const struct key_entry *next, *end;
    struct key_run rest; /* not yet read */
    struct key_entry *block;
};

/* All entries of a set in order. */
struct key_cursor {
    struct keyset *set;
    struct key_source *heap; /* the least first */
    size_t len, opened;
};

FALLIBLE key_cursor_open(struct keyset *set, const struct key_run *runs, size_t count,
                         struct key_cursor *ret);
/* Of a finished set. */
FALLIBLE key_cursor_start(struct keyset *set, struct key_cursor *ret);
void key_cursor_drop(struct key_cursor *cursor);

/* The least entry that was not taken yet, or NULL. */
static inline const struct key_entry *key_cursor_peek(const struct key_cursor *cursor)
{
    return cursor->len ? cursor->heap[0].next : NULL;
}

FALLIBLE key_cursor_step(struct key_cursor *cursor);

static inline bool key_marks_equal(const struct key_mark *a, const struct key_mark *b)
{
    return memcmp(a->at, b->at, sizeof a->at) == 0;
}
