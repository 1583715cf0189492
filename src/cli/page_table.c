/* Tables of a page. */
#include "page_private.h"

enum { LONG_BYTES = 32 }; /* text that may be broken where the window is narrow */

static void add_class(struct buf *out, const char *kind, enum tone tone)
{
    const char *of_tone = page_tone_class(tone);
    if (*kind || *of_tone)
        buf_print(out, " class=\"%s%s%s\"", kind, *kind && *of_tone ? " " : "", of_tone);
}

static bool has_titles(const struct table *table)
{
    for (size_t c = 0; c < table->column_count; c++)
        if (table->columns[c].title && table->columns[c].title[0])
            return true;
    return false;
}

/* The first with a title, which tells rows apart; without a head the first. */
static size_t name_column(const struct table *table)
{
    bool has_head = has_titles(table);
    for (size_t c = 0; c < table->column_count; c++)
        if (table->columns[c].title && (!has_head || table->columns[c].title[0]))
            return c;
    return 0;
}

static void add_head(struct buf *out, const struct table *table)
{
    if (!has_titles(table))
        return;
    buf_add_text(out, "<thead><tr>");
    for (size_t c = 0; c < table->column_count; c++) {
        const struct column *column = &table->columns[c];
        if (!column->title)
            continue;
        buf_print(out, "<th scope=\"col\"%s", column->is_right ? " class=\"n\"" : "");
        if (!column->title[0]) /* for those who hear it */
            buf_print(out, " aria-label=\"%s\"", column->name);
        buf_add_char(out, '>');
        page_escape(out, str_of(column->title));
        buf_add_text(out, "</th>");
    }
    buf_add_text(out, "</tr></thead>\n");
}

/* `is_name`: it says what the rest of its row is. */
static void add_cell(struct buf *out, const struct column *column, const struct cell *cell,
                     const struct str *anchor, bool is_name)
{
    bool is_long = !column->is_right && cell->text.len > LONG_BYTES;
    buf_add_text(out, is_name ? "<th scope=\"row\"" : "<td");
    add_class(out, column->is_right ? "n" : is_long ? "t" : "", cell->tone);
    buf_add_char(out, '>');
    if (anchor) {
        buf_add_text(out, "<a href=\"#");
        page_escape(out, *anchor);
        buf_add_text(out, "\">");
    }
    page_escape(out, cell->text);
    buf_add_text(out, anchor ? "</a>" : "");
    buf_add_text(out, is_name ? "</th>" : "</td>");
}

static void add_row(struct buf *out, const struct table *table, size_t row,
                    const struct str *anchor)
{
    size_t name = name_column(table);
    buf_add_text(out, "<tr>");
    for (size_t c = 0; c < table->column_count; c++) {
        if (!table->columns[c].title)
            continue;
        add_cell(out, &table->columns[c], &table->cells[row * table->column_count + c], anchor,
                 c == name);
        anchor = NULL;
    }
    buf_add_text(out, "</tr>\n");
}

void page_table_linked(struct page *page, const struct table *table, const struct str *anchors)
{
    buf_add_text(page->out, "<div class=\"wide\"><table>\n");
    add_head(page->out, table);
    buf_add_text(page->out, "<tbody>\n");
    for (size_t i = 0; i < table->row_count; i++)
        add_row(page->out, table, i, anchors ? &anchors[i] : NULL);
    buf_add_text(page->out, "</tbody></table></div>\n");
}

void page_table(struct page *page, const struct table *table)
{
    page_table_linked(page, table, NULL);
}
