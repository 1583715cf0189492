#include "mlops/base/arena.h"
#include "mlops/data/infer.h"
#include "mlops/host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

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

static FALLIBLE read_start(struct arena *arena, int at_fd, const char *path, struct str *ret)
{
    AUTO(fd_drop) struct fd fd = {0};
    TRY(file_open(at_fd, path, &fd));
    char *bytes = arena_alloc(arena, LOOKED_AT_BYTES + 1);
    ssize_t len = pread(fd_number(fd), bytes, LOOKED_AT_BYTES, 0);
    if (len < 0)
        return error_os(errno, "%s can't be read", path);
    if (len > 0 && len < LOOKED_AT_BYTES && bytes[len - 1] != '\n')
        bytes[len++] = '\n';
    *ret = (struct str){bytes, (size_t)len};
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
    TRY(read_start(arena, at_fd, str_terminate(arena, path), &text));
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
