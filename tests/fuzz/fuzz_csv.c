/* Any bytes in any dialect, which the first eight bytes choose: a table or an error with a place,
 * and the same whether the fast way reads it or the state machine, in one batch or in many. */
#include "mlops/base/check.h"

#include "fuzz_table.h"
#include "replay.h"

enum { CHOICES = 8 };

static struct str choose(const struct str *from, size_t count, uint8_t by)
{
    return from[by % count];
}

static struct dialect dialect_of(const uint8_t *choices)
{
    static const int64_t rows[] = {1, 2, 3, 5};
    static const struct str delimiters[] = {STR_ROW(","), STR_ROW(","),  STR_ROW("\t"),
                                            STR_ROW(";"), STR_ROW("||"), STR_ROW(" ")};
    static const struct str ends[] = {STR_ROW("\r\n"), STR_ROW("\r\n"), STR_ROW("\n"),
                                      STR_ROW("\r"), STR_ROW(";\n")};
    static const struct str quotes[] = {STR_ROW("\""), STR_ROW("\""), STR_ROW("'"), {0}};
    static const struct str escapes[] = {{0}, {0}, STR_ROW("\\"), STR_ROW("x")};
    static const struct str comments[] = {{0}, {0}, STR_ROW("#"), STR_ROW("--")};
    struct dialect dialect = dialect_for(STR("t.csv"));
    uint8_t flags = choices[0], lines = choices[1];
    dialect.has_header = !(flags & 1);
    dialect.double_quote = !(flags & 2);
    dialect.skip_initial_space = flags & 4;
    dialect.has_null_sequence = flags & 8;
    dialect.null_sequence = flags & 16 ? STR("NA") : STR("");
    dialect.header_rows = (struct dialect_rows){rows + lines % 2, 1 + lines / 2 % 2};
    dialect.comment_rows = (struct dialect_rows){rows + 2, lines / 4 % 3};
    dialect.delimiter = choose(delimiters, COUNT_OF(delimiters), choices[2]);
    dialect.line_terminator = choose(ends, COUNT_OF(ends), choices[3]);
    dialect.quote_char = choose(quotes, COUNT_OF(quotes), choices[4]);
    dialect.escape_char = choose(escapes, COUNT_OF(escapes), choices[5]);
    dialect.comment_char = choose(comments, COUNT_OF(comments), choices[6]);
    return dialect;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < CHOICES)
        return 0;
    struct dialect dialect = dialect_of(data);
    fuzz_table(&dialect, "t.csv", (struct str){(const char *)data + CHOICES, size - CHOICES},
               1 + data[CHOICES - 1]);
    return 0;
}
