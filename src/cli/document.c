#include "mlops/cli/document.h"

#include "mlops/base/arena.h"
#include "mlops/cli/page.h"

struct block *document_add(struct document *document, enum block_kind kind)
{
    struct block *block = vec_push(document->arena, &document->blocks);
    block->kind = kind;
    return block;
}

void document_verdict(struct document *document, enum tone tone, struct str text)
{
    struct block *block = document_add(document, BLOCK_VERDICT);
    block->tone = tone;
    block->title = text;
}

void document_section(struct document *document, const char *title, bool is_folded)
{
    struct block *block = document_add(document, BLOCK_SECTION);
    block->title = str_of(title);
    block->is_folded = is_folded;
}

void document_text(struct document *document, struct str text)
{
    document_add(document, BLOCK_TEXT)->title = text;
}

void document_table(struct document *document, const struct table *table)
{
    document_add(document, BLOCK_TABLE)->table = *table;
}

void document_code(struct document *document, const char *language, struct str text)
{
    struct block *block = document_add(document, BLOCK_CODE);
    block->language = language;
    block->bytes = text;
}

static void html_picture(struct page *page, const struct block *block)
{
    if (block->svg.len)
        page_chart(page, block->title, block->svg);
    else
        page_image(page, block->title, block->mime, block->bytes);
}

/* Pictures that follow each other stand side by side. */
static bool is_pictures(const struct document *document, size_t at)
{
    return at < document->blocks.len && document->blocks.at[at].kind == BLOCK_PICTURE;
}

/* What is short may stand open: its tables have at most so many rows. */
static bool is_short(const struct document *document, size_t at)
{
    enum { ROWS_OPEN = 15 };
    size_t rows = 0;
    for (size_t i = at + 1; i < document->blocks.len; i++) {
        if (document->blocks.at[i].kind == BLOCK_SECTION)
            break;
        rows += document->blocks.at[i].table.row_count;
    }
    return rows <= ROWS_OPEN;
}

static void html_section(struct page *page, const struct document *document, size_t at)
{
    const struct block *block = &document->blocks.at[at];
    if (block->is_folded)
        page_section_folded(page, block->title, is_short(document, at));
    else
        page_section(page, block->title);
}

static void html_block(struct page *page, const struct document *document, size_t at)
{
    const struct block *block = &document->blocks.at[at];
    switch (block->kind) {
    case BLOCK_VERDICT:
        page_verdict(page, block->tone, block->title);
        return;
    case BLOCK_SECTION:
        html_section(page, document, at);
        return;
    case BLOCK_TEXT:
        page_text(page, block->title);
        return;
    case BLOCK_LIST:
        page_list(page, block->items.at, block->items.len);
        return;
    case BLOCK_TABLE:
        page_table(page, &block->table);
        return;
    case BLOCK_CODE:
        page_code(page, block->bytes);
        return;
    case BLOCK_GRAPH:
        buf_add_text(page->out, "<div class=\"wide\">\n");
        buf_add_str(page->out, block->svg);
        buf_add_text(page->out, "\n</div>\n");
        return;
    case BLOCK_PICTURE:
        html_picture(page, block);
        return;
    }
}

void document_html(const struct document *document, struct buf *out)
{
    struct page page = page_open(document->arena, out, document->title, document->subtitle);
    for (size_t i = 0; i < document->blocks.len; i++) {
        bool is_first = is_pictures(document, i) && !(i && is_pictures(document, i - 1));
        if (is_first)
            page_charts_open(&page);
        html_block(&page, document, i);
        if (is_pictures(document, i) && !is_pictures(document, i + 1))
            page_charts_close(&page);
    }
    page_close(&page);
}
