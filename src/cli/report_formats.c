/* Tables for programs: CSV, Markdown and JSON. */
#include "mlops/cli/report.h"

#include <math.h>

static struct str machine_text(struct arena *arena, const struct cell *cell)
{
    switch (cell->kind) {
    case CELL_NONE:
        return (struct str){0};
    case CELL_TEXT:
        return cell->value.at ? cell->value : cell->text;
    case CELL_INT:
        return str_print(arena, "%lld", (long long)cell->integer);
    case CELL_REAL:
        return isfinite(cell->real) ? report_real(arena, cell->real) : (struct str){0};
    case CELL_BOOL:
        return cell->integer ? STR("true") : STR("false");
    }
    return (struct str){0};
}

/* RFC 4180, with line ends of one character. */
static void add_csv(struct buf *out, struct str text)
{
    bool is_plain = true;
    for (size_t i = 0; i < text.len; i++)
        is_plain = is_plain && !strchr(",\"\n\r", text.at[i]);
    if (is_plain) {
        buf_add_str(out, text);
        return;
    }
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        buf_add_text(out, text.at[i] == '"' ? "\"" : "");
        buf_add_char(out, text.at[i]);
    }
    buf_add_char(out, '"');
}

void report_csv(struct buf *out, const struct table *table)
{
    for (size_t c = 0; c < table->column_count; c++) {
        buf_add_text(out, c ? "," : "");
        add_csv(out, str_of(table->columns[c].name));
    }
    buf_add_char(out, '\n');
    report_csv_rows(out, table);
}

void report_csv_rows(struct buf *out, const struct table *table)
{
    for (size_t i = 0; i < table->row_count * table->column_count; i++) {
        size_t c = i % table->column_count;
        buf_add_text(out, c ? "," : "");
        add_csv(out, machine_text(table->arena, &table->cells[i]));
        if (c + 1 == table->column_count)
            buf_add_char(out, '\n');
    }
}

void report_markdown_text(struct buf *out, struct str text)
{
    AUTO(buf_drop) struct buf safe = {0};
    buf_add_escaped(&safe, text, false);
    for (size_t i = 0; i < safe.len; i++) {
        if (strchr("|\\`*_<[]#~&", safe.at[i]))
            buf_add_char(out, '\\');
        buf_add_char(out, safe.at[i]);
    }
}

void report_markdown(struct buf *out, const struct table *table)
{
    for (int line = 0; line < 2; line++) {
        for (size_t c = 0; c < table->column_count; c++) {
            const struct column *column = &table->columns[c];
            if (!column->title)
                continue;
            buf_add_text(out, line == 0 ? "| " : column->is_right ? "| ---: " : "| --- ");
            if (line == 0)
                report_markdown_text(out, str_of(column->title));
            if (line == 0)
                buf_add_char(out, ' ');
        }
        buf_add_text(out, "|\n");
    }
    report_markdown_rows(out, table);
}

void report_markdown_rows(struct buf *out, const struct table *table)
{
    for (size_t i = 0; i < table->row_count * table->column_count; i++) {
        size_t c = i % table->column_count;
        if (table->columns[c].title) {
            buf_add_text(out, "| ");
            report_markdown_text(out, table->cells[i].text);
            buf_add_char(out, ' ');
        }
        if (c + 1 == table->column_count)
            buf_add_text(out, "|\n");
    }
}

void report_json_cell(struct json_writer *json, const struct cell *cell)
{
    switch (cell->kind) {
    case CELL_NONE:
        json_null(json);
        return;
    case CELL_TEXT:
        json_str(json, cell->value.at ? cell->value : cell->text);
        return;
    case CELL_INT:
        json_int(json, cell->integer);
        return;
    case CELL_REAL:
        json_real(json, cell->real);
        return;
    case CELL_BOOL:
        json_bool(json, cell->integer != 0);
        return;
    }
}

void report_json_rows(struct json_writer *json, const struct table *table)
{
    json_open_list(json);
    report_json_items(json, table);
    json_close_list(json);
}

void report_json_items(struct json_writer *json, const struct table *table)
{
    for (size_t row = 0; row < table->row_count; row++) {
        json_open_object(json);
        for (size_t c = 0; c < table->column_count; c++) {
            json_name(json, table->columns[c].name);
            report_json_cell(json, &table->cells[row * table->column_count + c]);
        }
        json_close_object(json);
    }
}

struct json_writer report_json_open(struct context *context)
{
    struct json_writer json = {.out = &context->out, .indent = true};
    json_open_object(&json);
    json_name(&json, "schema_version");
    json_int(&json, 1);
    return json;
}

struct json_writer report_event_open(struct buf *out, const char *event)
{
    struct json_writer json = {.out = out};
    json_open_object(&json);
    json_name(&json, "schema_version");
    json_int(&json, 1);
    json_name(&json, "event");
    json_text(&json, event);
    return json;
}

void report_json_close(struct json_writer *json)
{
    json_close_object(json);
    buf_add_char(json->out, '\n');
}

void digest_json(struct json_writer *json, const char *name, struct digest digest)
{
    char hex[DIGEST_HEX_LEN + 1];
    json_name(json, name);
    if (digest_is_zero(digest)) {
        json_null(json);
        return;
    }
    AUTO(buf_drop) struct buf text = {0};
    digest_print(digest, hex);
    buf_print(&text, "sha256:%s", hex);
    json_str(json, buf_str(&text));
}
