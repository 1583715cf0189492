/* One self-contained HTML page, without script: head, style for light and dark and for narrow and
 * wide windows, sections, tables, charts. `data profile --html`, `diff --html` and `report` use it.
 */
#pragma once

#include "mlops/cli/report.h"

struct page {
    struct buf *out;
    struct arena *arena;
    int chart_count; /* numbers the charts' ids */
};

/* <!doctype html> to the title and a line below it. */
struct page page_open(struct arena *arena, struct buf *out, struct str title, struct str subtitle);
void page_close(struct page *page);

/* A heading, with an anchor by its text. */
void page_section(struct page *page, struct str title);
void page_text(struct page *page, struct str text); /* a paragraph; escaped */
/* A verdict in large letters. */
void page_verdict(struct page *page, enum tone tone, struct str text);
/* Scrolls sideways by itself where it is wider than the window. */
void page_table(struct page *page, const struct table *table);
void page_code(struct page *page, struct str text); /* preformatted; escaped */
/* Side by side where there is room. */
void page_charts_open(struct page *page);
void page_chart(struct page *page, struct str title, struct str svg);
void page_image(struct page *page, struct str title, struct str mime, struct str bytes);
void page_charts_close(struct page *page);

/* Text with & < > " ' escaped; bytes that are not UTF-8 become U+FFFD. */
void page_escape(struct buf *out, struct str text);
