#include "keyset_private.h"

/* Digits of an entry, the most telling first: 16 bytes of the mark, 8 of the row. Sorting moves
 * entries in place, digit by digit (McIlroy, Bostic, McIlroy: "Engineering radix sort"). */

enum { DIGITS = 24, MARK_DIGITS = 16, SMALL = 48 };

static inline size_t digit_of(const struct key_entry *entry, int depth)
{
    return depth < MARK_DIGITS ? entry->mark.at[depth]
                               : (size_t)(entry->row >> (8 * (DIGITS - 1 - depth)) & 0xff);
}

static void sort_small(struct key_entry *entries, size_t len)
{
    for (size_t i = 1; i < len; i++) {
        struct key_entry moved = entries[i];
        size_t to = i;
        for (; to > 0 && key_entry_is_less(&moved, &entries[to - 1]); to--)
            entries[to] = entries[to - 1];
        entries[to] = moved;
    }
}

/* Each entry to the part of its digit; `next` holds where the parts begin. */
static void permute(struct key_entry *entries, int depth, size_t next[256], const size_t end[256])
{
    for (size_t digit = 0; digit < 256; digit++) {
        while (next[digit] < end[digit]) {
            struct key_entry held = entries[next[digit]];
            size_t at = digit_of(&held, depth);
            while (at != digit) {
                struct key_entry other = entries[next[at]];
                entries[next[at]++] = held;
                held = other;
                at = digit_of(&held, depth);
            }
            entries[next[digit]++] = held;
        }
    }
}

static void sort_from(struct key_entry *entries, size_t len, int depth)
{
    size_t next[256], end[256] = {0}, at = 0;
    if (len <= SMALL || depth == DIGITS) {
        sort_small(entries, depth == DIGITS ? 0 : len);
        return;
    }
    for (size_t i = 0; i < len; i++)
        end[digit_of(&entries[i], depth)]++;
    if (end[digit_of(&entries[0], depth)] == len) {
        sort_from(entries, len, depth + 1);
        return;
    }
    for (size_t digit = 0; digit < 256; digit++) {
        next[digit] = at;
        at += end[digit];
        end[digit] = at;
    }
    permute(entries, depth, next, end);
    for (size_t digit = 0, from = 0; digit < 256; from = end[digit++])
        if (end[digit] - from > 1)
            sort_from(entries + from, end[digit] - from, depth + 1);
}

void key_entries_sort(struct key_entry *entries, size_t len)
{
    if (len > 1)
        sort_from(entries, len, 0);
}
