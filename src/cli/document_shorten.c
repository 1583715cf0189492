/* Of a document that is too long for its place: what may be left out, and in which order. */
#include "mlops/base/arena.h"
#include "mlops/cli/document.h"

struct part {
    size_t first, count; /* blocks; the first is the heading */
    size_t bytes;        /* as Markdown */
    bool is_folded, is_left_out;
};

VEC(part_vec, struct part);

static size_t bytes_of(const struct document *document, size_t first, size_t count)
{
    struct buf text = buf_in(document->arena);
    struct document part = {.arena = document->arena};
    part.blocks.at = document->blocks.at + first;
    part.blocks.len = part.blocks.cap = count;
    document_markdown_body(&part, (struct str){0}, &text);
    return text.len + 2;
}

static struct part_vec parts_of(const struct document *document, size_t *ret_head)
{
    struct part_vec parts = {0};
    const struct block_vec *blocks = &document->blocks;
    *ret_head = blocks->len;
    for (size_t i = blocks->len, end = blocks->len; i-- > 0;) {
        if (blocks->at[i].kind != BLOCK_SECTION)
            continue;
        *vec_push(document->arena, &parts) = (struct part){
            i, end - i, bytes_of(document, i, end - i), blocks->at[i].is_folded, false};
        *ret_head = end = i;
    }
    return parts;
}

/* Those that are folded first, of them the largest. NULL: all are left out. */
static struct part *next_of(struct part_vec *parts)
{
    struct part *found = NULL;
    vec_each (struct part, part, parts) {
        if (part->is_left_out)
            continue;
        bool is_sooner = !found || part->is_folded > found->is_folded ||
                         (part->is_folded == found->is_folded && part->bytes > found->bytes);
        if (is_sooner)
            found = part;
    }
    return found;
}

/* The head, a line that names what is left out, and the other sections. */
static struct document without(const struct document *document, const struct part_vec *parts,
                               size_t head)
{
    struct document shorter = *document;
    struct buf names = buf_in(document->arena);
    shorter.blocks = (struct block_vec){0};
    for (size_t i = parts->len; i-- > 0;)
        if (parts->at[i].is_left_out)
            buf_print(&names, "%s%.*s", names.len ? ", " : "",
                      STR_FMT(document->blocks.at[parts->at[i].first].title));
    for (size_t i = 0; i < head; i++)
        *document_add(&shorter, BLOCK_TEXT) = document->blocks.at[i];
    if (names.len)
        document_text(&shorter, str_print(document->arena, "Left out here, for want of room: %.*s.",
                                          STR_FMT(buf_str(&names))));
    for (size_t i = parts->len; i-- > 0;)
        for (size_t k = 0; !parts->at[i].is_left_out && k < parts->at[i].count; k++)
            *document_add(&shorter, BLOCK_TEXT) = document->blocks.at[parts->at[i].first + k];
    return shorter;
}

bool document_shorten(struct document *document, size_t room)
{
    size_t head = 0;
    struct part_vec parts = parts_of(document, &head);
    struct document shorter = *document;
    struct buf text = buf_in(document->arena);
    for (;;) {
        buf_clear(&text);
        document_markdown(&shorter, (struct str){0}, &text);
        if (text.len <= room)
            break;
        struct part *part = next_of(&parts);
        if (!part)
            return false;
        part->is_left_out = true;
        shorter = without(document, &parts, head);
    }
    *document = shorter;
    return true;
}
