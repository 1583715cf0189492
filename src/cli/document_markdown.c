/* Markdown as GitHub and GitLab show it. */
#include "mlops/base/arena.h"
#include "mlops/cli/document.h"

void document_fence(struct buf *out, const char *language, struct str text)
{
    size_t most = 2, ticks = 0;
    for (size_t i = 0; i < text.len; i++) {
        ticks = text.at[i] == '`' ? ticks + 1 : 0;
        most = MAX_OF(most, ticks);
    }
    buf_add_repeated(out, '`', most + 1);
    buf_print(out, "%s\n", language ? language : "");
    buf_add_escaped(out, text, true);
    if (text.len && text.at[text.len - 1] != '\n')
        buf_add_char(out, '\n');
    buf_add_repeated(out, '`', most + 1);
    buf_add_text(out, "\n\n");
}

struct writing {
    struct buf *out;
    struct str folder;
    bool is_folded; /* a <details> is open */
    int left_out;   /* pictures of this section */
};

static void end_section(struct writing *writing)
{
    if (writing->left_out)
        buf_print(writing->out,
                  "_%d picture%s: `mlops report --html -o report.html` shows %s._\n\n",
                  writing->left_out, writing->left_out == 1 ? "" : "s",
                  writing->left_out == 1 ? "it" : "them");
    writing->left_out = 0;
    if (writing->is_folded)
        buf_add_text(writing->out, "</details>\n\n");
    writing->is_folded = false;
}

static void add_section(struct writing *writing, const struct block *block)
{
    end_section(writing);
    writing->is_folded = block->is_folded;
    buf_add_text(writing->out, block->is_folded ? "<details><summary>" : "## ");
    report_markdown_text(writing->out, block->title);
    buf_add_text(writing->out, block->is_folded ? "</summary>\n\n" : "\n\n");
}

static void add_list(struct writing *writing, const struct block *block)
{
    vec_each (const struct str, item, &block->items) {
        buf_add_text(writing->out, "- ");
        report_markdown_text(writing->out, *item);
        buf_add_char(writing->out, '\n');
    }
    buf_add_char(writing->out, '\n');
}

/* What a URL can't hold as it is. */
static void add_link(struct buf *out, struct str path)
{
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.at[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || strchr("-._~/", c);
        if (is_plain && c)
            buf_add_char(out, (char)c);
        else
            buf_print(out, "%%%02X", c);
    }
}

static void add_picture(struct writing *writing, const struct block *block)
{
    if (writing->folder.len == 0) {
        writing->left_out++;
        return;
    }
    buf_add_text(writing->out, "![");
    report_markdown_text(writing->out, block->title);
    buf_add_text(writing->out, "](");
    add_link(writing->out, writing->folder);
    buf_add_char(writing->out, '/');
    add_link(writing->out, block->name);
    buf_add_text(writing->out, ")\n\n");
}

static void add_block(struct writing *writing, const struct block *block)
{
    struct buf *out = writing->out;
    switch (block->kind) {
    case BLOCK_VERDICT:
        buf_add_text(out, "**");
        report_markdown_text(out, block->title);
        buf_add_text(out, "**\n\n");
        return;
    case BLOCK_SECTION:
        add_section(writing, block);
        return;
    case BLOCK_TEXT:
        report_markdown_text(out, block->title);
        buf_add_text(out, "\n\n");
        return;
    case BLOCK_LIST:
        add_list(writing, block);
        return;
    case BLOCK_TABLE:
        report_markdown(out, &block->table);
        buf_add_char(out, '\n');
        return;
    case BLOCK_CODE:
        document_fence(out, block->language, block->bytes);
        return;
    case BLOCK_GRAPH:
        document_fence(out, "mermaid", block->bytes);
        return;
    case BLOCK_PICTURE:
        add_picture(writing, block);
        return;
    }
}

void document_markdown_body(const struct document *document, struct str folder, struct buf *out)
{
    struct writing writing = {.out = out, .folder = folder};
    vec_each (const struct block, block, &document->blocks)
        add_block(&writing, block);
    end_section(&writing);
    while (out->len > 1 && out->at[out->len - 1] == '\n' && out->at[out->len - 2] == '\n')
        out->len--;
}

void document_markdown(const struct document *document, struct str folder, struct buf *out)
{
    buf_add_text(out, "# ");
    report_markdown_text(out, document->title);
    buf_add_text(out, "\n\n");
    if (document->subtitle.len) {
        report_markdown_text(out, document->subtitle);
        buf_add_text(out, "\n\n");
    }
    document_markdown_body(document, folder, out);
}
