/* Where records of a JSON list end, 64 bytes at a time: brackets that are not within strings, by
 * the parity of quotes (as in table_csv_fast.c). Whatever is not plain stops it, and is looked at
 * again a byte at a time. */
#include "table_json_private.h"

#if defined(__x86_64__)
#include <immintrin.h>

/* A word's bytes of interest. */
struct marks {
    uint64_t quotes, slashes, opens, closes;
};

struct walk {
    struct table_reader *table;
    struct table_slot *slot;
    size_t records_most;
    uint64_t inside;    /* all ones within a string */
    uint64_t is_behind; /* 1: the byte before the word is a backslash that escapes */
    size_t depth;
    bool is_over;
};

/* '[' and '{' differ in one bit, ']' and '}' in the same one. */
static struct marks mark_word(const char *at)
{
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    const __m128i open = _mm_set1_epi8('{'), close = _mm_set1_epi8('}'), bit = _mm_set1_epi8(' ');
    struct marks marks = {0};
    for (unsigned part = 0; part < WORD_BITS; part += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(at + part));
        __m128i low = _mm_or_si128(bytes, bit);
        marks.quotes |= (uint64_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, quote)) << part;
        marks.slashes |= (uint64_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, slash)) << part;
        marks.opens |= (uint64_t)_mm_movemask_epi8(_mm_cmpeq_epi8(low, open)) << part;
        marks.closes |= (uint64_t)_mm_movemask_epi8(_mm_cmpeq_epi8(low, close)) << part;
    }
    return marks;
}

/* Bytes that a backslash before them escapes. */
static uint64_t escaped(struct walk *walk, uint64_t slashes)
{
    uint64_t bits = walk->is_behind;
    walk->is_behind = 0;
    for (uint64_t left = slashes; left; left &= left - 1) {
        uint64_t one = left & (~left + 1);
        if (bits & one)
            continue;
        bits |= one << 1;
        walk->is_behind = one >> 63;
    }
    return bits;
}

static uint64_t parity(uint64_t bits)
{
    for (unsigned shift = 1; shift < WORD_BITS; shift *= 2)
        bits ^= bits << shift;
    return bits;
}

static size_t skip_space(const struct table_slot *slot, size_t at)
{
    const char *text = slot->text;
    while (at < slot->len &&
           (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t'))
        at++;
    return at;
}

/* Behind a record's last bracket: a comma, or the end of the list. */
static void end_record(struct walk *walk, size_t at)
{
    struct table_slot *slot = walk->slot;
    size_t end = skip_space(slot, at);
    char c = end < slot->len ? slot->text[end] : '\0';
    walk->is_over = c != ',';
    if (c != ',' && c != ']')
        return;
    json_add_record(slot, end);
    walk->table->json_needs_value = c == ',';
    if (c == ']')
        walk->table->json_place = JSON_BEHIND;
    if (slot->cut.record_count == walk->records_most)
        walk->is_over = true;
}

static void pass_bracket(struct walk *walk, size_t at, bool opens)
{
    if (walk->depth == 0 && (!opens || skip_space(walk->slot, walk->slot->cut.bytes) != at)) {
        walk->is_over = true;
        return;
    }
    walk->depth += opens ? 1 : SIZE_MAX;
    if (walk->depth == 0)
        end_record(walk, at + 1);
}

static void pass_word(struct walk *walk, size_t word)
{
    struct marks marks = mark_word(walk->slot->text + word * WORD_BITS);
    if (marks.slashes | walk->is_behind)
        marks.quotes &= ~escaped(walk, marks.slashes);
    uint64_t inside = marks.quotes ? parity(marks.quotes) ^ walk->inside : walk->inside;
    walk->inside = (uint64_t)((int64_t)inside >> 63);
    walk->is_over = (marks.slashes & ~inside) != 0;
    for (uint64_t bits = (marks.opens | marks.closes) & ~inside; bits && !walk->is_over;
         bits &= bits - 1) {
        size_t bit = (size_t)__builtin_ctzll(bits);
        size_t at = word * WORD_BITS + bit;
        pass_bracket(walk, at, marks.opens >> bit & 1);
    }
}

void json_cut_fast(struct table_reader *table, struct table_slot *slot, size_t records_most)
{
    struct walk walk = {.table = table, .slot = slot, .records_most = records_most};
    for (size_t word = 0; word * WORD_BITS < slot->len && !walk.is_over; word++)
        pass_word(&walk, word);
}

#else

void json_cut_fast(struct table_reader *table, struct table_slot *slot, size_t records_most)
{
    (void)table;
    (void)slot;
    (void)records_most;
}
#endif
