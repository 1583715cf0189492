#include "mlops/cli/report.h"

#include "mlops/base/check.h"
#include "mlops/base/moment.h"
#include "mlops/host/terminal.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CELLS_ROWS_FIRST = 16 };

struct table table_make(struct arena *arena, const struct column *columns, size_t count)
{
    return (struct table){.arena = arena, .columns = columns, .column_count = count};
}

struct cell *table_add(struct table *table)
{
    if (table->row_count == table->row_cap) {
        size_t cap = table->row_cap ? table->row_cap * 2 : CELLS_ROWS_FIRST;
        struct cell *cells = arena_new_array(table->arena, struct cell, cap * table->column_count);
        if (table->row_count)
            memcpy(cells, table->cells, table->row_count * table->column_count * sizeof *cells);
        table->cells = cells;
        table->row_cap = cap;
    }
    return &table->cells[table->row_count++ * table->column_count];
}

struct cell cell_text(struct str text)
{
    return text.len ? (struct cell){.kind = CELL_TEXT, .text = text} : (struct cell){0};
}

struct cell cell_shown(struct str text, struct str value)
{
    return (struct cell){.kind = CELL_TEXT, .text = text, .value = value};
}

struct cell cell_int(struct arena *arena, int64_t value)
{
    return cell_int_shown(count_print(arena, value), value);
}

struct cell cell_int_shown(struct str text, int64_t value)
{
    return (struct cell){.kind = CELL_INT, .text = text, .integer = value};
}

struct cell cell_real(struct arena *arena, double value)
{
    return cell_real_shown(report_real(arena, value), value);
}

struct cell cell_real_shown(struct str text, double value)
{
    return (struct cell){.kind = CELL_REAL, .text = text, .real = value};
}

struct cell cell_bool(bool value)
{
    return (struct cell){
        .kind = CELL_BOOL, .integer = value, .text = value ? STR("yes") : STR("no")};
}

struct cell cell_toned(struct cell cell, enum tone tone)
{
    cell.tone = tone;
    return cell;
}

struct str report_real(struct arena *arena, double value)
{
    char text[40];
    if (!isfinite(value))
        return isnan(value) ? STR("nan") : value > 0 ? STR("inf") : STR("-inf");
    for (int digits = 15; digits <= 17; digits++) { /* up to 15 none is added, zeros are cut */
        snprintf(text, sizeof text, "%.*g", digits, value);
        double again = strtod(text, NULL);
        if (!(again < value) && !(again > value))
            break;
    }
    return str_copy(arena, str_of(text));
}

double report_seconds(int64_t duration_ns)
{
    return (double)(duration_ns / NS_PER_MS) / 1000.0;
}

struct str report_when(struct arena *arena, int64_t moment_ns)
{
    time_t seconds = (time_t)(moment_ns / NS_PER_S);
    struct tm local;
    char text[32];
    if (!localtime_r(&seconds, &local) || !strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local))
        return moment_print(arena, moment_ns);
    return str_copy(arena, str_of(text));
}

static const char *const tone_codes[] = {
    [TONE_PLAIN] = "",        [TONE_GOOD] = "\x1b[32m", [TONE_BAD] = "\x1b[31m",
    [TONE_WARN] = "\x1b[33m", [TONE_DIM] = "\x1b[2m",   [TONE_STRONG] = "\x1b[1m",
};

/* `text` is already safe for a terminal. */
static void add_safe(struct context *context, enum tone tone, struct str text)
{
    bool is_toned = context->has_colour && tone != TONE_PLAIN && text.len;
    if (is_toned)
        buf_add_text(&context->out, tone_codes[tone]);
    buf_add_str(&context->out, text);
    if (is_toned)
        buf_add_text(&context->out, "\x1b[0m");
}

void report_add_toned(struct context *context, enum tone tone, struct str text)
{
    AUTO(buf_drop) struct buf safe = {0};
    buf_add_escaped(&safe, text, false);
    add_safe(context, tone, buf_str(&safe));
}

static bool is_shown(const struct column *column)
{
    return column->title != NULL;
}

enum { COLUMN_GAP = 2, COLUMN_LEAST = 8, COLUMN_LEAST_OF_ALL = 3 };

/* Text of every cell and title made safe, and the width each column needs (-1: it is not shown). */
struct layout {
    struct str *texts, *titles;
    int *widths;
};

static struct str safe_text(struct arena *arena, struct str text)
{
    struct buf safe = buf_in(arena);
    buf_add_escaped(&safe, text, false);
    return buf_str(&safe);
}

static struct layout lay_out(const struct table *table, bool bare)
{
    size_t columns = table->column_count;
    struct arena *arena = table->arena;
    struct layout layout = {arena_new_array(arena, struct str, columns * table->row_count),
                            arena_new_array(arena, struct str, columns),
                            arena_new_array(arena, int, columns)};
    for (size_t c = 0; c < columns; c++) {
        bool has_title = !bare && is_shown(&table->columns[c]);
        if (has_title) /* a metric or a parameter, called as it likes */
            layout.titles[c] = safe_text(arena, str_of(table->columns[c].title));
        layout.widths[c] = is_shown(&table->columns[c]) ? text_columns(layout.titles[c]) : -1;
    }
    for (size_t i = 0; i < columns * table->row_count; i++) {
        if (!is_shown(&table->columns[i % columns]))
            continue;
        layout.texts[i] = safe_text(arena, table->cells[i].text);
        int *width = &layout.widths[i % columns];
        *width = MAX_OF(*width, text_columns(layout.texts[i]));
    }
    return layout;
}

/* The widest column that may still give something up, down to `least`. */
static ptrdiff_t widest(const struct table *table, const int *widths, bool any, int least)
{
    ptrdiff_t found = -1;
    for (size_t c = 0; c < table->column_count; c++) {
        bool gives = (any || table->columns[c].may_shrink) && widths[c] > least;
        if (gives && (found < 0 || widths[c] > widths[found]))
            found = (ptrdiff_t)c;
    }
    return found;
}

static int total_width(const struct table *table, const int *widths)
{
    int total = -COLUMN_GAP;
    for (size_t c = 0; c < table->column_count; c++)
        total += widths[c] >= 0 ? widths[c] + COLUMN_GAP : 0;
    return total;
}

static void shrink(const struct table *table, int *widths, int most, bool any, int least)
{
    for (int total = total_width(table, widths); total > most; total--) {
        ptrdiff_t c = widest(table, widths, any, least);
        if (c < 0)
            return;
        widths[c]--;
    }
}

/* Leaves out the column that is missed least; false: there is none. */
static bool drop_one(const struct table *table, int *widths)
{
    ptrdiff_t found = -1;
    for (size_t c = 0; c < table->column_count; c++) {
        bool is_candidate = widths[c] >= 0 && table->columns[c].drop > 0;
        if (is_candidate && (found < 0 || table->columns[c].drop > table->columns[found].drop))
            found = (ptrdiff_t)c;
    }
    if (found >= 0)
        widths[found] = -1;
    return found >= 0;
}

/* Makes the columns fit into the terminal: first those that may shrink, then without some, at last
 * all are cut. */
static void fit(const struct table *table, int *widths, int most)
{
    if (most <= 0)
        return;
    shrink(table, widths, most, false, COLUMN_LEAST);
    while (total_width(table, widths) > most && drop_one(table, widths))
        continue;
    shrink(table, widths, most, true, COLUMN_LEAST_OF_ALL);
}

static void add_padded(struct context *context, const struct column *column, enum tone tone,
                       struct str text, int width)
{
    bool is_cut = text_columns(text) > width;
    struct str kept = is_cut ? text_fit(text, width - 1) : text;
    size_t blanks = (size_t)MAX_OF(width - text_columns(kept) - (is_cut ? 1 : 0), 0);
    if (column->is_right)
        buf_add_repeated(&context->out, ' ', blanks);
    add_safe(context, tone, kept);
    if (is_cut)
        buf_add_text(&context->out, "\xE2\x80\xA6"); /* an ellipsis */
    buf_add_repeated(&context->out, ' ', column->is_right ? COLUMN_GAP : blanks + COLUMN_GAP);
}

static void end_line(struct buf *out)
{
    while (out->len && out->at[out->len - 1] == ' ')
        out->len--;
    buf_add_char(out, '\n');
}

/* Only a terminal makes rows be cut that are wider than the first ones. */
static void set_widths(const struct context *context, const struct table *table, const int *needed,
                       bool is_first, int *widths)
{
    for (size_t c = 0; c < table->column_count; c++)
        if (is_first || (context->columns <= 0 && widths[c] >= 0))
            widths[c] = is_first ? needed[c] : MAX_OF(widths[c], needed[c]);
    if (is_first)
        fit(table, widths, context->columns);
}

void report_text_part(struct context *context, const struct table *table, bool bare, bool is_first,
                      int *widths)
{
    struct layout layout = lay_out(table, bare);
    set_widths(context, table, layout.widths, is_first, widths);
    for (size_t row = bare ? 1 : 0; row <= table->row_count; row++) {
        for (size_t c = 0; c < table->column_count; c++) {
            const struct column *column = &table->columns[c];
            size_t at = (row - 1) * table->column_count + c;
            if (widths[c] >= 0)
                add_padded(context, column, row ? table->cells[at].tone : TONE_DIM,
                           row ? layout.texts[at] : layout.titles[c], widths[c]);
        }
        end_line(&context->out);
    }
}

void report_text(struct context *context, const struct table *table, bool bare)
{
    int *widths = arena_new_array(table->arena, int, table->column_count);
    report_text_part(context, table, bare, true, widths);
}

void report_table(struct context *context, const struct table *table, const char *noun)
{
    switch (context->format) {
    case FORMAT_TABLE:
        if (table->row_count)
            report_text(context, table, false);
        return;
    case FORMAT_CSV:
        report_csv(&context->out, table);
        return;
    case FORMAT_MARKDOWN:
        report_markdown(&context->out, table);
        return;
    case FORMAT_JSON:
    case FORMAT_JUNIT: /* what has findings, too, prints them itself */
    case FORMAT_SARIF:
        break;
    }
    struct json_writer json = report_json_open(context);
    json_name(&json, noun);
    report_json_rows(&json, table);
    report_json_close(&json);
}

void report_line(struct context *context, struct str text, int indent, int at)
{
    report_wrap(&context->out, text, indent, at, context->columns ? context->columns : INT_MAX);
    buf_add_char(&context->out, '\n');
}

void report_wrap(struct buf *out, struct str text, int indent, int at, int width)
{
    struct str word;
    bool is_first = true;
    int column = at;
    while (str_split(&text, ' ', &word)) {
        int columns = text_columns(word);
        if (!is_first && column + 1 + columns > width) {
            buf_add_char(out, '\n');
            buf_add_repeated(out, ' ', (size_t)indent);
            column = indent;
        } else if (!is_first) {
            buf_add_char(out, ' ');
            column++;
        }
        buf_add_str(out, word);
        column += columns;
        is_first = false;
    }
}
