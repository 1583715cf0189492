/* Pictures of a page. */
#include "mlops/base/arena.h"

#include "page_private.h"

void page_charts_open(struct page *page)
{
    buf_add_text(page->out, "<div class=\"charts\">\n");
}

void page_charts_close(struct page *page)
{
    buf_add_text(page->out, "</div>\n");
}

struct str page_chart_id(struct page *page)
{
    return str_print(page->arena, "chart-%d", ++page->chart_count);
}

static void open_figure(struct page *page, struct str title)
{
    buf_add_text(page->out, "<figure>");
    if (title.len == 0)
        return;
    buf_add_text(page->out, "<figcaption>");
    page_escape(page->out, title);
    buf_add_text(page->out, "</figcaption>\n");
}

void page_chart(struct page *page, struct str title, struct str svg)
{
    bool is_document = str_starts(svg, STR("<?xml"));
    ptrdiff_t end = is_document ? str_find(svg, STR("?>")) : -1;
    open_figure(page, is_document ? STR("") : title);
    buf_add_str(page->out, end < 0 ? svg : str_trim(str_slice(svg, (size_t)end + 2, svg.len)));
    buf_add_text(page->out, "</figure>\n");
}

static void add_base64(struct buf *out, struct str bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = MIN_OF(bytes.len - i, (size_t)3);
        uint32_t word = 0;
        for (size_t k = 0; k < 3; k++)
            word = word << 8 | (k < left ? (unsigned char)bytes.at[i + k] : 0);
        char *to = buf_reserve(out, 4);
        for (size_t k = 0; k < 4; k++)
            to[k] = k <= left ? digits[word >> (18 - 6 * k) & 63] : '=';
        out->len += 4;
    }
}

void page_image(struct page *page, struct str title, struct str mime, struct str bytes)
{
    open_figure(page, title);
    buf_add_text(page->out, "<img alt=\"");
    page_escape(page->out, title);
    buf_add_text(page->out, "\" src=\"data:");
    page_escape(page->out, mime);
    buf_add_text(page->out, ";base64,");
    add_base64(page->out, bytes);
    buf_add_text(page->out, "\"></figure>\n");
}
