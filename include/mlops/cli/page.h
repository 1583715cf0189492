/* One self-contained HTML page, without script: head, style for light and dark and for narrow and
 * wide windows and paper, sections, tables, charts. `data profile --html`, `diff --html` and
 * `report` use it. A policy in the head forbids everything that is not in the page itself. */
#pragma once

#include "mlops/cli/report.h"

struct page {
    struct buf *out;
    struct arena *arena;
    int chart_count; /* numbers the charts' ids: page_chart_id */
    int section_count;
    bool is_folded;         /* the section can be closed */
    struct str_vec anchors; /* of the sections so far */
};

/* <!doctype html> to the title and a line below it (or ""). */
struct page page_open(struct arena *arena, struct buf *out, struct str title, struct str subtitle);
void page_close(struct page *page);

/* Ends the section before and begins one with a heading, with an anchor by its text. */
void page_section(struct page *page, struct str title);
/* The same with an anchor to link to, and words behind the title that are less loud (or ""). */
void page_section_as(struct page *page, struct str anchor, struct str title, struct str aside);
/* The same, and its heading opens and closes it. Paper has it open. */
void page_section_folded(struct page *page, struct str title, bool is_open);
void page_text(struct page *page, struct str text); /* a paragraph; escaped */
void page_list(struct page *page, const struct str *items, size_t count);
/* A verdict in large letters. */
void page_verdict(struct page *page, enum tone tone, struct str text);
/* Scrolls sideways by itself where it is wider than the window. Columns without a title (NULL) are
 * left out; without any title but "" there is no head. */
void page_table(struct page *page, const struct table *table);
/* The first column links to anchors, one for each row. */
void page_table_linked(struct page *page, const struct table *table, const struct str *anchors);
void page_code(struct page *page, struct str text); /* preformatted; escaped */
/* Side by side where there is room. */
void page_charts_open(struct page *page);
/* An id for chart_svg. */
struct str page_chart_id(struct page *page);
/* `svg` as chart.h makes it (it is not escaped: what others made is page_image). A document, which
 * has its heading in it, gets no second one. */
void page_chart(struct page *page, struct str title, struct str svg);
void page_image(struct page *page, struct str title, struct str mime, struct str bytes);
void page_charts_close(struct page *page);

/* Text with & < > " ' escaped; bytes that are not UTF-8 become U+FFFD, what the eye can't see
 * stands there as in messages. */
void page_escape(struct buf *out, struct str text);
