#include "mlops/data/dialect.h"

#include <strings.h>

static const int64_t first_row[] = {1};

/* DATA.CSV is what Windows and old instruments write. */
static bool take_end(struct str *name, struct str end)
{
    if (name->len < end.len || strncasecmp(name->at + name->len - end.len, end.at, end.len) != 0)
        return false;
    name->len -= end.len;
    return true;
}

struct dialect dialect_for(struct str path)
{
    static const struct {
        struct str end;
        enum table_format format;
        struct str delimiter;
    } endings[] = {
        {STR_ROW(".csv"), TABLE_CSV, STR_ROW(",")},
        {STR_ROW(".tsv"), TABLE_CSV, STR_ROW("\t")},
        {STR_ROW(".tab"), TABLE_CSV, STR_ROW("\t")},
        {STR_ROW(".jsonl"), TABLE_JSON_LINES, STR_ROW(",")},
        {STR_ROW(".ndjson"), TABLE_JSON_LINES, STR_ROW(",")},
        {STR_ROW(".json"), TABLE_JSON, STR_ROW(",")},
        {STR_ROW(".parquet"), TABLE_PARQUET, STR_ROW(",")},
    };
    struct dialect dialect = {
        .has_header = true,
        .header_rows = {first_row, 1},
        .header_join = STR(" "),
        .delimiter = STR(","),
        .line_terminator = STR("\r\n"),
        .quote_char = STR("\""),
        .double_quote = true,
    };
    if (!take_end(&path, STR(".gz")))
        take_end(&path, STR(".zst"));
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        if (!take_end(&path, endings[i].end))
            continue;
        dialect.format = endings[i].format;
        dialect.delimiter = endings[i].delimiter;
        break;
    }
    return dialect;
}
