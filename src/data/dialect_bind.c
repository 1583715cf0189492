/* A dialect out of its descriptor. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/codec/load.h"
#include "mlops/codec/schema.h"
#include "mlops/data/dialect.h"
#include "mlops/host/file.h"

#include <stddef.h>

static void bind_format(struct binder *binder, const struct doc_node *node, void *target)
{
    static const struct {
        struct str name;
        enum table_format format;
        struct str delimiter; /* none: as it is */
    } rows[] = {
        {STR_ROW("csv"), TABLE_CSV, {0}},          {STR_ROW("tsv"), TABLE_CSV, STR_ROW("\t")},
        {STR_ROW("jsonl"), TABLE_JSON_LINES, {0}}, {STR_ROW("ndjson"), TABLE_JSON_LINES, {0}},
        {STR_ROW("json"), TABLE_JSON, {0}},        {STR_ROW("parquet"), TABLE_PARQUET, {0}},
    };
    struct dialect *dialect = target;
    for (size_t i = 0; node->kind == DOC_STR && i < COUNT_OF(rows); i++) {
        if (!str_equal(node->text, rows[i].name))
            continue;
        dialect->format = rows[i].format;
        if (rows[i].delimiter.len)
            dialect->delimiter = rows[i].delimiter;
        return;
    }
    binder_expected(binder, node, "one of csv, tsv, jsonl, ndjson, json, parquet");
}

/* One that the reader's inner loop compares bytes with. */
static void bind_character(struct binder *binder, const struct doc_node *node, void *target)
{
    struct str *character = target;
    bool is_none = node->kind == DOC_NULL || (node->kind == DOC_STR && node->text.len == 0);
    bool is_one = node->kind == DOC_STR && node->text.len == 1 &&
                  (unsigned char)node->text.at[0] < 0x80 && node->text.at[0] != '\n' &&
                  node->text.at[0] != '\r';
    if (is_none)
        *character = (struct str){0};
    else if (is_one)
        *character = node->text;
    else
        binder_expected(binder, node, "one ASCII character");
}

static void bind_text(struct binder *binder, const struct doc_node *node, struct str *text)
{
    if (node->kind == DOC_STR && node->text.len)
        *text = node->text;
    else
        binder_expected(binder, node, "a text of at least one character");
}

static void bind_delimiter(struct binder *binder, const struct doc_node *node, void *target)
{
    bool has_break = node->kind == DOC_STR &&
                     (str_find_char(node->text, '\n') >= 0 || str_find_char(node->text, '\r') >= 0);
    if (has_break)
        binder_error(binder, node, "'delimiter' must hold no line break");
    else
        bind_text(binder, node, target);
}

static void bind_terminator(struct binder *binder, const struct doc_node *node, void *target)
{
    bind_text(binder, node, target);
}

static void bind_comment(struct binder *binder, const struct doc_node *node, void *target)
{
    struct str *comment = target;
    if (node->kind == DOC_NULL)
        *comment = (struct str){0};
    else
        bind_text(binder, node, comment);
}

static void bind_null(struct binder *binder, const struct doc_node *node, void *target)
{
    struct dialect *dialect = target;
    dialect->has_null_sequence = node->kind == DOC_STR;
    if (node->kind == DOC_STR)
        dialect->null_sequence = node->text;
    else if (node->kind != DOC_NULL)
        binder_expected(binder, node, "a text");
}

static void bind_rows(struct binder *binder, const struct doc_node *node, void *target)
{
    struct dialect_rows *rows = target;
    if (node->kind != DOC_LIST) {
        binder_expected(binder, node, "a list of row numbers from 1");
        return;
    }
    int64_t *at = arena_new_array(binder->arena, int64_t, node->count);
    size_t len = 0;
    for (const struct doc_node *item = node->first; item; item = item->next) {
        if (item->kind != DOC_INT || item->integer < 1)
            binder_expected(binder, item, "a row number from 1");
        else if (len && item->integer <= at[len - 1])
            binder_error(binder, item, "row numbers must ascend");
        else
            at[len++] = item->integer;
    }
    *rows = (struct dialect_rows){at, len};
}

static void bind_header_rows(struct binder *binder, const struct doc_node *node, void *target)
{
    if (node->kind == DOC_LIST && node->count == 0)
        binder_error(binder, node, "'headerRows' names no row; set 'header' to false instead");
    else
        bind_rows(binder, node, target);
}

static void bind_item_type(struct binder *binder, const struct doc_node *node, void *target)
{
    enum dialect_item *item = target;
    if (node->kind == DOC_STR && str_is(node->text, "array"))
        *item = DIALECT_ARRAY;
    else if (node->kind == DOC_STR && str_is(node->text, "object"))
        *item = DIALECT_OBJECT;
    else
        binder_expected(binder, node, "one of array, object");
}

static bool is_in(const struct str *keys, size_t count, struct str key)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(keys[i], key))
            return true;
    return false;
}

static void bind_item_keys(struct binder *binder, const struct doc_node *node, void *target)
{
    struct dialect *dialect = target;
    if (node->kind != DOC_LIST || node->count == 0) {
        binder_expected(binder, node, "a list of keys");
        return;
    }
    struct str *keys = arena_new_array(binder->arena, struct str, node->count);
    size_t len = 0;
    for (const struct doc_node *item = node->first; item; item = item->next) {
        if (item->kind != DOC_STR)
            binder_expected(binder, item, "a key");
        else if (is_in(keys, len, item->text))
            binder_error(binder, item, "'%.*s' stands twice in 'itemKeys'", STR_FMT(item->text));
        else
            keys[len++] = item->text;
    }
    dialect->item_keys = keys;
    dialect->item_key_count = len;
}

static void bind_nothing(struct binder *binder, const struct doc_node *node, void *target)
{
    (void)binder;
    (void)node;
    (void)target;
}

static void refuse_table(struct binder *binder, const struct doc_node *node, void *target)
{
    (void)target;
    binder_error(binder, node,
                 "'%.*s' is of databases, which are not read: export the table as CSV",
                 STR_FMT(node->key->text));
}

static void refuse_sheet(struct binder *binder, const struct doc_node *node, void *target)
{
    (void)target;
    binder_error(binder, node,
                 "'%.*s' is of spreadsheets, which are not read: export the sheet as CSV",
                 STR_FMT(node->key->text));
}

#define ROW(key, member_kind, member)                                                              \
    .name = (key), .kind = (member_kind), .offset = offsetof(struct dialect, member)
#define BIND(key, member, function) ROW(key, FIELD_BIND, member), .bind = (function)
#define WHOLE(key, function) .name = (key), .kind = FIELD_BIND, .bind = (function)

static const struct field fields[] = {
    {BIND("delimiter", delimiter, bind_delimiter), .type = "text", .initial = "`,`",
     .help = "What stands between cells, one character or more."},
    {BIND("lineTerminator", line_terminator, bind_terminator), .type = "text",
     .initial = "`\\r\\n`",
     .help = "What ends a record. `\\r\\n` and `\\n` read both; others are taken as they stand."},
    {BIND("quoteChar", quote_char, bind_character), .type = "one character", .initial = "`\"`",
     .help = "What cells with delimiters or line breaks are enclosed in; empty: nothing is."},
    {ROW("doubleQuote", FIELD_BOOL, double_quote), .type = "true or false", .initial = "`true`",
     .help = "Two quotes inside quotes are one."},
    {BIND("escapeChar", escape_char, bind_character), .type = "one character", .initial = "none",
     .help = "The character behind it stands for itself."},
    {WHOLE("nullSequence", bind_null), .type = "text", .initial = "none",
     .help = "A cell without quotes that is null, such as `\\N`."},
    {ROW("skipInitialSpace", FIELD_BOOL, skip_initial_space), .type = "true or false",
     .initial = "`false`", .help = "Blanks before a cell are no part of it."},
    {ROW("header", FIELD_BOOL, has_header), .type = "true or false", .initial = "`true`",
     .help = "Whether there are records with the names of columns."},
    {BIND("headerRows", header_rows, bind_header_rows), .type = "list of row numbers",
     .initial = "`[1]`", .help = "Which records these are; what lies before the last is no data."},
    {ROW("headerJoin", FIELD_STR, header_join), .type = "text", .initial = "one blank",
     .help = "What labels of several header records are joined by."},
    {BIND("commentRows", comment_rows, bind_rows), .type = "list of row numbers", .initial = "none",
     .help = "Records that are skipped."},
    {BIND("commentChar", comment_char, bind_comment), .type = "text", .initial = "none",
     .help = "Records that begin with it are skipped."},
    {ROW("property", FIELD_STR, property), .type = "key", .initial = "none",
     .help = "JSON: the key, dotted for nested ones, of the list of records."},
    {BIND("itemType", item_type, bind_item_type), .type = "array or object",
     .initial = "as the first record is", .help = "JSON: what a record is."},
    {WHOLE("itemKeys", bind_item_keys), .type = "list of keys", .initial = "all keys",
     .help = "JSON: the keys of objects that are columns, in their order."},
    {WHOLE("format", bind_format), .type = "csv, tsv, jsonl, ndjson, json or parquet",
     .initial = "by the file's name", .help = "What the file is."},
    {ROW("encoding", FIELD_STR, encoding), .type = "name of an encoding", .initial = "`utf-8`",
     .help = "How the text is encoded, by a name that `iconv -l` lists."},
    {WHOLE("$schema", bind_nothing), .type = "URL", .help = "The standard's own; not read."},
    {WHOLE("name", bind_nothing), .type = "text", .help = "For people; not read."},
    {WHOLE("title", bind_nothing), .type = "text", .help = "For people; not read."},
    {WHOLE("description", bind_nothing), .type = "text", .help = "For people; not read."},
    {WHOLE("table", refuse_table), .type = "text", .help = "Of databases: refused."},
    {WHOLE("sheetNumber", refuse_sheet), .type = "number", .help = "Of spreadsheets: refused."},
    {WHOLE("sheetName", refuse_sheet), .type = "text", .help = "Of spreadsheets: refused."},
};

static const struct schema dialect_schema = {
    .noun = "dialect",
    .fields = fields,
    .count = COUNT_OF(fields),
};

/* Characters with two meanings. */
static void check_clashes(struct binder *binder, const struct doc_node *node,
                          const struct dialect *dialect)
{
    const struct {
        const char *name;
        struct str text;
    } rows[] = {{"delimiter", dialect->delimiter},
                {"lineTerminator", dialect->line_terminator},
                {"quoteChar", dialect->quote_char},
                {"escapeChar", dialect->escape_char},
                {"commentChar", dialect->comment_char}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (size_t j = i + 1; rows[i].text.len && j < COUNT_OF(rows); j++)
            if (str_equal(rows[i].text, rows[j].text))
                binder_error(binder, node, "'%s' and '%s' of the dialect are the same",
                             rows[i].name, rows[j].name);
}

static void check_rows(struct binder *binder, const struct doc_node *node,
                       const struct dialect *dialect)
{
    const struct dialect_rows *header = &dialect->header_rows, *comment = &dialect->comment_rows;
    size_t i = 0, j = 0;
    while (dialect->has_header && i < header->len && j < comment->len) {
        if (header->at[i] == comment->at[j]) {
            binder_error(binder, node, "row %lld is in 'headerRows' and in 'commentRows'",
                         (long long)header->at[i]);
            return;
        }
        if (header->at[i] < comment->at[j])
            i++;
        else
            j++;
    }
}

void dialect_bind(struct binder *binder, const struct doc_node *node, struct dialect *dialect)
{
    const struct doc_node *format = doc_find(node, STR("format"));
    const struct doc_node *delimiter = doc_find(node, STR("delimiter"));
    schema_bind(binder, &dialect_schema, STR("in the dialect"), node, dialect);
    /* "format: tsv" names a delimiter of its own, wherever it stands. */
    if (format && delimiter && delimiter->kind == DOC_STR && delimiter->text.len)
        dialect->delimiter = delimiter->text;
    if (node->kind != DOC_MAP)
        return;
    check_clashes(binder, node, dialect);
    check_rows(binder, node, dialect);
}

FALLIBLE dialect_load(struct arena *arena, int at_fd, struct str path, struct dialect *dialect)
{
    const char *name = str_terminate(arena, path);
    struct error_list errors = {0};
    struct binder binder = {.arena = arena, .errors = &errors};
    struct str bytes;
    struct doc *doc;
    bool is_found;
    TRY(file_read(arena, at_fd, name, LIMIT_DOCUMENT_BYTES, &bytes, &is_found));
    if (!is_found)
        return error_new(ERROR_PROJECT, "the dialect '%s' is not there", name);
    TRY(doc_load(arena, str_of(name), bytes, DOC_NATIVE, &doc));
    dialect_bind(&binder, doc->root, dialect);
    return error_list_take(&errors);
}
