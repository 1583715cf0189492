#include "mlops/base/arena.h"
#include "mlops/data/infer.h"

enum { LOOKED_AT_BYTES = 65536, LOOKED_AT_RECORDS = 100, CELLS_MOST = 1024 };

/* How a pair of delimiter and quote cuts the first records. */
struct cut {
    char delimiter, quote;
    size_t cells; /* of the first record */
    size_t alike; /* records of as many */
    size_t records;
    bool has_quotes; /* a cell begins with the quote */
};

/* Behind the quoted cell that begins at `at`. */
static size_t skip_quoted(struct str text, size_t at, char quote)
{
    for (at++; at < text.len; at++) {
        if (text.at[at] != quote)
            continue;
        if (at + 1 >= text.len || text.at[at + 1] != quote)
            return at + 1;
        at++;
    }
    return at;
}

/* One record from *at on; false if it is not complete. */
static bool cut_record(struct str text, struct cut *cut, size_t *at, size_t *ret_cells)
{
    size_t cells = 1, i = *at;
    bool is_start = true;
    while (i < text.len && text.at[i] != '\n') {
        if (is_start && text.at[i] == cut->quote) {
            cut->has_quotes = true;
            i = skip_quoted(text, i, cut->quote);
            is_start = false;
            continue;
        }
        is_start = text.at[i] == cut->delimiter;
        cells += is_start;
        i++;
    }
    if (i >= text.len)
        return false;
    *at = i + 1;
    *ret_cells = cells;
    return true;
}

static struct cut cut_text(struct str text, char delimiter, char quote)
{
    struct cut cut = {.delimiter = delimiter, .quote = quote};
    size_t at = 0, cells = 0;
    while (cut.records < LOOKED_AT_RECORDS && cut_record(text, &cut, &at, &cells)) {
        if (cut.records == 0)
            cut.cells = cells;
        cut.alike += cells == cut.cells;
        cut.records++;
    }
    return cut;
}

/* At least two cells, the same number in nine of ten records. */
static bool is_table(const struct cut *cut)
{
    return cut->records > 0 && cut->cells >= 2 && cut->cells <= CELLS_MOST &&
           cut->alike * 10 >= cut->records * 9;
}

/* More records alike, then a quote that is used, then more cells. */
static bool is_better(const struct cut *a, const struct cut *b)
{
    size_t x = a->alike * b->records, y = b->alike * a->records;
    if (x != y)
        return x > y;
    if (a->has_quotes != b->has_quotes)
        return a->has_quotes;
    return a->cells > b->cells;
}

/* The last record need not have a line break. */
static FALLIBLE read_start(struct arena *arena, int at_fd, struct str path,
                           const struct dialect *dialect, struct str *ret)
{
    const struct table_options options = {.dialect = *dialect};
    TRY(table_peek(arena, at_fd, path, &options, LOOKED_AT_BYTES, ret));
    if (!ret->len || ret->len == LOOKED_AT_BYTES || ret->at[ret->len - 1] == '\n')
        return NULL;
    char *closed = memcpy(arena_alloc(arena, ret->len + 1), ret->at, ret->len);
    closed[ret->len] = '\n';
    *ret = (struct str){closed, ret->len + 1};
    return NULL;
}

static void set_dialect(struct arena *arena, const struct cut *cut, struct dialect *ret)
{
    ret->delimiter = str_copy(arena, (struct str){&cut->delimiter, 1});
    ret->quote_char = str_copy(arena, (struct str){&cut->quote, 1});
}

FALLIBLE infer_dialect(struct arena *arena, int at_fd, struct str path, struct dialect *ret)
{
    static const char delimiters[] = {',', ';', '\t', '|'}, quotes[] = {'"', '\''};
    struct str text;
    struct cut best = {0};
    *ret = dialect_for(path);
    if (ret->format != TABLE_CSV)
        return NULL;
    TRY(read_start(arena, at_fd, path, ret, &text));
    if (str_find_char(text, '\0') >= 0)
        return NULL; /* no text: of another encoding */
    struct cut usual = cut_text(text, ret->delimiter.at[0], ret->quote_char.at[0]);
    if (is_table(&usual) && usual.alike == usual.records)
        return NULL;
    for (size_t i = 0; i < sizeof delimiters * sizeof quotes; i++) {
        struct cut cut = cut_text(text, delimiters[i / 2], quotes[i % 2]);
        if (is_table(&cut) && (!is_table(&best) || is_better(&cut, &best)))
            best = cut;
    }
    if (is_table(&best) && (!is_table(&usual) || is_better(&best, &usual)))
        set_dialect(arena, &best, ret);
    return NULL;
}
