/* CSV 64 bytes at a time: a bit for each byte that is a delimiter, a line break or a quote; what
 * stands within quotes follows from the parity of quotes before it (Langdale and Lemire, "Parsing
 * Gigabytes of JSON per Second", 2019, section 3.1.1). A quote where none should be is noticed, and
 * left to the state machine. */
#include "table_wide_private.h"

#if defined(__x86_64__)
#include <immintrin.h>

enum { CHUNK_WORDS = 64 }; /* marked, then looked at, while they are in the first cache */

/* What is known of a slot's text up to some word. */
struct scan {
    const char *text;
    size_t len;
    uint64_t *ends, *breaks, *quotes;
    uint64_t inside;                              /* all ones within quotes */
    uint64_t after_end, after_quote, after_close; /* bit 0: of the byte before the word */
    size_t record_count, cell_count, line_count;
    size_t last_word;      /* the last one that has a break */
    bool is_bad, is_other; /* is_other: bytes beyond ASCII; is_bad: a stray quote */
    bool has_nul;
};

/* Sets the bits of `words` words of text: delimiters in `ends`, line breaks, quotes. */
WIDE static void mark_wide(const struct csv_form *form, struct scan *scan, size_t word,
                           size_t words)
{
    const __m256i delimiter = _mm256_set1_epi8(form->delimiter.at[0]);
    const __m256i quote = _mm256_set1_epi8(form->quote), line = _mm256_set1_epi8('\n');
    __m256i all = _mm256_setzero_si256(), least = _mm256_set1_epi8(-1);
    for (size_t i = word; i < word + words; i++) {
        const __m256i *at = (const __m256i *)(const void *)(scan->text + i * WORD_BITS);
        __m256i a = _mm256_loadu_si256(at), b = _mm256_loadu_si256(at + 1);
#define MARK(what)                                                                                 \
    ((uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(a, what)) |                        \
     (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(b, what)) << 32)
        scan->ends[i] = MARK(delimiter);
        scan->breaks[i] = MARK(line);
        scan->quotes[i] = MARK(quote);
#undef MARK
        all = _mm256_or_si256(all, _mm256_or_si256(a, b));
        least = _mm256_min_epu8(least, _mm256_min_epu8(a, b));
    }
    scan->is_other |= _mm256_movemask_epi8(all) != 0;
    scan->has_nul |= _mm256_movemask_epi8(_mm256_cmpeq_epi8(least, _mm256_setzero_si256())) != 0;
}

/* The same with what every x86-64 has. */
static void mark_narrow(const struct csv_form *form, struct scan *scan, size_t word, size_t words)
{
    const __m128i wanted[] = {_mm_set1_epi8(form->delimiter.at[0]), _mm_set1_epi8('\n'),
                              _mm_set1_epi8(form->quote)};
    __m128i all = _mm_setzero_si128(), least = _mm_set1_epi8(-1);
    for (size_t i = word; i < word + words; i++) {
        uint64_t found[COUNT_OF(wanted)] = {0};
        for (unsigned part = 0; part < WORD_BITS; part += 16) {
            const char *at = scan->text + i * WORD_BITS + part;
            __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
            for (size_t k = 0; k < COUNT_OF(wanted); k++)
                found[k] |= (uint64_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, wanted[k])) << part;
            all = _mm_or_si128(all, bytes);
            least = _mm_min_epu8(least, bytes);
        }
        scan->ends[i] = found[0];
        scan->breaks[i] = found[1];
        scan->quotes[i] = found[2];
    }
    scan->is_other |= _mm_movemask_epi8(all) != 0;
    scan->has_nul |= _mm_movemask_epi8(_mm_cmpeq_epi8(least, _mm_setzero_si128())) != 0;
}

/* Bit i: whether an odd number of bits is set up to i. */
INLINE uint64_t parity(uint64_t bits)
{
    for (unsigned shift = 1; shift < WORD_BITS; shift *= 2)
        bits ^= bits << shift;
    return bits;
}

/* Behind a closing quote neither an end nor a quote: fine before "\r\n", or where the text ends. */
static bool is_stray(const struct scan *scan, size_t word, uint64_t bits)
{
    for (; bits; bits &= bits - 1) {
        size_t at = word * WORD_BITS + (size_t)__builtin_ctzll(bits);
        if (at + 1 < scan->len && (scan->text[at] != '\r' || scan->text[at + 1] != '\n'))
            return true;
    }
    return false;
}

/* A word with quotes, or within them. */
INLINE void look_at_quotes(struct scan *scan, size_t word)
{
    uint64_t quotes = scan->quotes[word];
    uint64_t inside = quotes ? parity(quotes) ^ scan->inside : scan->inside;
    uint64_t ends = scan->ends[word] & ~inside, opens = quotes & inside, closes = quotes & ~inside;
    uint64_t before = ends << 1 | scan->after_end | quotes << 1 | scan->after_quote;
    uint64_t behind = (closes << 1 | scan->after_close) & ~(ends | quotes);
    scan->ends[word] = ends;
    scan->breaks[word] &= ~inside;
    scan->is_bad |= (opens & ~before) != 0;
    if (behind)
        scan->is_bad |= is_stray(scan, word, behind);
    scan->inside = (uint64_t)((int64_t)inside >> 63);
    scan->after_quote = quotes >> 63;
    scan->after_close = closes >> 63;
}

INLINE void look_at_words(struct scan *scan, size_t from, size_t to)
{
    for (size_t word = from; word < to; word++) {
        scan->line_count += (size_t)__builtin_popcountll(scan->breaks[word]);
        scan->ends[word] |= scan->breaks[word];
        if (scan->quotes[word] | scan->inside | scan->after_close)
            look_at_quotes(scan, word);
        else
            scan->after_quote = 0;
        scan->after_end = scan->ends[word] >> 63;
        scan->cell_count += (size_t)__builtin_popcountll(scan->ends[word]);
        if (!scan->breaks[word])
            continue;
        scan->record_count += (size_t)__builtin_popcountll(scan->breaks[word]);
        scan->last_word = word;
    }
}

/* Bits of the bytes behind the text are none of it. */
INLINE void clip_last(struct scan *scan, size_t words)
{
    uint64_t valid = ~(uint64_t)0 >> (words * WORD_BITS - scan->len);
    scan->ends[words - 1] &= valid;
    scan->breaks[words - 1] &= valid;
    scan->quotes[words - 1] &= valid;
}

INLINE void scan_text(const struct csv_form *form, struct scan *scan, bool is_wide)
{
    size_t words = (scan->len + WORD_BITS - 1) / WORD_BITS;
    for (size_t word = 0, count; word < words; word += count) {
        count = MIN_OF((size_t)CHUNK_WORDS, words - word);
        if (is_wide)
            mark_wide(form, scan, word, count);
        else
            mark_narrow(form, scan, word, count);
        if (!form->has_quote)
            memset(scan->quotes + word, 0, count * sizeof *scan->quotes);
        if (word + count == words)
            clip_last(scan, words);
        look_at_words(scan, word, word + count);
    }
}

WIDE static void scan_wide(const struct csv_form *form, struct scan *scan)
{
    scan_text(form, scan, true);
}

static void scan_narrow(const struct csv_form *form, struct scan *scan)
{
    scan_text(form, scan, false);
}

/* Marks from a byte on. */
static size_t count_from(const uint64_t *marks, size_t at, size_t len)
{
    size_t count = 0, word = at / WORD_BITS;
    uint64_t bits = marks[word] & (~(uint64_t)0 << (at % WORD_BITS));
    for (;;) {
        count += (size_t)__builtin_popcountll(bits);
        if (++word * WORD_BITS >= len)
            return count;
        bits = marks[word];
    }
}

/* Where the record of a number from 1 ends. */
static size_t break_of(const uint64_t *breaks, size_t number)
{
    size_t word = 0;
    for (size_t count; (count = (size_t)__builtin_popcountll(breaks[word])) < number; word++)
        number -= count;
    uint64_t bits = breaks[word];
    while (--number)
        bits &= bits - 1;
    return word * WORD_BITS + (size_t)__builtin_ctzll(bits);
}

/* Behind the last record that is wanted and whole. */
static void set_cut(struct table_slot *slot, const struct scan *scan, size_t records_most)
{
    struct cut *cut = &slot->cut;
    uint64_t last = scan->record_count ? scan->breaks[scan->last_word] : 0;
    *cut = (struct cut){
        .record_count = MIN_OF(scan->record_count, records_most),
        .is_regular = true,
        .is_ascii = !scan->is_other,
        .has_nul = scan->has_nul,
    };
    if (cut->record_count == 0)
        return;
    cut->bytes = cut->record_count == scan->record_count
                     ? scan->last_word * WORD_BITS + WORD_BITS - (size_t)__builtin_clzll(last)
                     : break_of(slot->breaks, cut->record_count) + 1;
    cut->cell_count = scan->cell_count;
    cut->line_count = scan->line_count;
    if (cut->bytes == slot->len)
        return;
    cut->cell_count -= count_from(slot->ends, cut->bytes, slot->len);
    for (const char *at = slot->text + cut->bytes, *end = slot->text + slot->len;
         (at = memchr(at, '\n', (size_t)(end - at))); at++)
        cut->line_count--;
}

bool csv_cut_fast(const struct csv_form *form, struct table_slot *slot, size_t records_most)
{
    struct scan scan = {
        .text = slot->text,
        .len = slot->len,
        .ends = slot->ends,
        .breaks = slot->breaks,
        .quotes = slot->quotes,
        .after_end = 1,
    };
    if (slot->len == 0)
        return false;
    if (form->is_wide)
        scan_wide(form, &scan);
    else
        scan_narrow(form, &scan);
    if (scan.is_bad || (scan.inside && !scan.record_count))
        return false;
    set_cut(slot, &scan, records_most);
    return true;
}

#else

bool csv_cut_fast(const struct csv_form *form, struct table_slot *slot, size_t records_most)
{
    return !form && !slot && !records_most; /* no such machine yet */
}
#endif
