/* Expressions: any text is read or refused at a place inside the file; what is read gives back the
 * text it was read from, and every value has a text of its own. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/codec/template.h"

#include "replay.h"

static void check_pieces(const struct template *template, struct str text)
{
    size_t at = 0;
    for (size_t i = 0; i < template->count; i++) {
        const struct template_piece *piece = &template->pieces[i];
        size_t around = piece->is_expression ? 2 : 0;
        check(piece->text.at == text.at + at + around);
        at += piece->text.len + around + (piece->is_expression ? 1 : 0);
        check(!piece->is_expression || piece->word_count > 0);
    }
    check(at == text.len);
    check(!template->is_whole || template->count == 1);
}

static void check_text(struct arena *arena, const struct doc_node *node)
{
    struct template template;
    AUTO(buf_drop) struct buf plain = {0};
    struct error *error = template_parse(arena, node, &template);
    if (error) {
        check(error->mark.line >= node->line && template_has_expression(node->text));
        error_drop(error);
        return;
    }
    check_pieces(&template, node->text);
    template_add_unescaped(&plain, node->text);
    check(plain.len <= node->text.len);
}

/* Depth is bounded by LIMIT_DOCUMENT_DEPTH. */
static void check_tree(struct arena *arena, const struct doc_node *node)
{
    if (node->key)
        check_text(arena, node->key);
    if (node->kind == DOC_MAP) {
        AUTO(buf_drop) struct buf arguments = {0};
        const struct template_arguments options = {.bool_is_optional = true};
        (void)template_add_arguments(&arguments, node, &options, arena);
    }
    if (node->kind != DOC_LIST && node->kind != DOC_MAP) {
        struct str text = template_text(arena, node);
        check(node->kind == DOC_STR || text.len > 0);
        check_text(arena, node);
        return;
    }
    for (const struct doc_node *child = node->first; child; child = child->next)
        check_tree(arena, child);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct doc *doc = NULL;
    struct str bytes = {(const char *)data, size};
    const struct doc_options options = {.dialect = DOC_DVC, .nodes_most = 20000};
    struct error *errors = doc_parse(&arena, STR("a.yaml"), bytes, &options, &doc);
    if (errors)
        error_drop(errors);
    else
        check_tree(&arena, doc->root);
    return 0;
}
