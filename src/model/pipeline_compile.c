/* Texts of a stage are read once, however many stages are made of it: a tree beside the nodes that
 * says where expressions are. What holds none is shared and not looked at again. */
#include "mlops/base/arena.h"

#include "pipeline_private.h"

static bool is_branch(const struct doc_node *node)
{
    return node->kind == DOC_LIST || node->kind == DOC_MAP;
}

/* NULL if there is nothing to do for the text. False if it is wrong. */
static bool read_text(struct compiler *compiler, const struct doc_node *node, struct template **ret)
{
    struct arena *arena = compiler->binding->binder.arena;
    *ret = NULL;
    if (node->kind != DOC_STR || !template_is_possible(node->text))
        return true;
    struct template *template = arena_new(arena, struct template);
    struct error *error = template_parse(arena, node, template);
    if (error) {
        binding_take_error(compiler->binding, error);
        return false;
    }
    *ret = template;
    for (size_t i = 0; compiler->names && i < template->count; i++) {
        struct str name;
        if (reference_stage_name(arena, &template->pieces[i], &name))
            *vec_push(arena, compiler->names) = name;
    }
    return true;
}

/* Depth is bounded by LIMIT_DOCUMENT_DEPTH. */
bool pipeline_compile(struct compiler *compiler, const struct doc_node *node, struct fragment *ret)
{
    struct arena *arena = compiler->binding->binder.arena;
    *ret = (struct fragment){.node = node};
    bool is_fine = read_text(compiler, node, &ret->text);
    if (node->key)
        is_fine = read_text(compiler, node->key, &ret->key) && is_fine;
    ret->is_live = ret->text || ret->key;
    if (!is_branch(node) || !node->count)
        return is_fine;
    ret->children = arena_new_array(arena, struct fragment, node->count);
    struct fragment *child = ret->children;
    for (const struct doc_node *item = node->first; item; item = item->next, child++) {
        is_fine = pipeline_compile(compiler, item, child) && is_fine;
        ret->is_live |= child->is_live;
    }
    return is_fine;
}
