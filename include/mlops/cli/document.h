/* A text with headings, tables and pictures, put together once and written as Markdown (as forges
 * show it) or as one HTML page: what `report` tells. Texts are borrowed, nothing is escaped before
 * it is written. */
#pragma once

#include "mlops/cli/report.h"

enum block_kind {
    BLOCK_VERDICT, /* title: one strong line */
    BLOCK_SECTION, /* title; folded: to be opened, in HTML only if it is long */
    BLOCK_TEXT,    /* title: a paragraph */
    BLOCK_LIST,    /* items */
    BLOCK_TABLE,
    BLOCK_CODE,    /* bytes, of a language ("sh", "") */
    BLOCK_GRAPH,   /* bytes: Mermaid; svg: the same picture */
    BLOCK_PICTURE, /* name of a file, its title, mime and bytes; svg: it is a chart of ours */
};

struct block {
    enum block_kind kind;
    enum tone tone;
    bool is_folded;
    struct str title, name, mime, bytes, svg;
    const char *language;
    struct str_vec items;
    struct table table;
};

VEC(block_vec, struct block);

struct document {
    struct arena *arena;
    struct str title, subtitle;
    struct block_vec blocks;
};

void document_verdict(struct document *document, enum tone tone, struct str text);
void document_section(struct document *document, const char *title, bool is_folded);
void document_text(struct document *document, struct str text);
void document_table(struct document *document, const struct table *table);
void document_code(struct document *document, const char *language, struct str text);
struct block *document_add(struct document *document, enum block_kind kind);

/* `folder`: pictures are linked as folder/name (the caller writes them there); empty: there is no
 * place for them, and a line says how many are left out. */
void document_markdown(const struct document *document, struct str folder, struct buf *out);

/* Without the title: for what stands inside another text. */
void document_markdown_body(const struct document *document, struct str folder, struct buf *out);

/* Leaves out sections, folded and large ones first, and says so, until the Markdown without
 * pictures takes `room` bytes at most; false if what stands before the first section is longer. */
bool document_shorten(struct document *document, size_t room);

void document_html(const struct document *document, struct buf *out);

/* "```sh" to "```": nothing inside ends it. */
void document_fence(struct buf *out, const char *language, struct str text);
