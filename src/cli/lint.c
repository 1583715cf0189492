#include "mlops/base/arena.h"
#include "mlops/host/pool.h"
#include "mlops/store/worktree.h"

#include "lint_private.h"

void lint_warn(struct linter *linter, const struct stage *stage, const struct doc_node *node,
               const char *rule, struct str text)
{
    *vec_push(linter->arena, linter->warnings) = (struct lint_warning){
        .file = node && node->doc ? node->doc->name : (struct str){0},
        .line = node ? node->line : 0,
        .column = node ? node->column : 0,
        .rule = rule,
        .stage = stage ? stage->name : (struct str){0},
        .text = text,
    };
}

static int compare_places(const void *a, const void *b)
{
    const struct lint_warning *left = a;
    const struct lint_warning *right = b;
    int by_file = str_compare(left->file, right->file);
    if (by_file)
        return by_file;
    if (left->line != right->line)
        return left->line < right->line ? -1 : 1;
    if (left->column != right->column)
        return left->column < right->column ? -1 : 1;
    int by_rule = strcmp(left->rule, right->rule);
    return by_rule ? by_rule : str_compare(left->text, right->text);
}

/* The instances of one foreach say the same of one place. */
static void drop_repeated(struct lint_vec *warnings)
{
    size_t kept = 0;
    for (size_t i = 0; i < warnings->len; i++) {
        if (kept && compare_places(&warnings->at[kept - 1], &warnings->at[i]) == 0)
            continue;
        warnings->at[kept++] = warnings->at[i];
    }
    warnings->len = kept;
}

FALLIBLE lint_pipeline(struct arena *arena, const struct workspace *workspace,
                       const struct plan *plan, struct lint_vec *ret)
{
    AUTO(pool_drop) struct pool *pool = pool_open(0);
    AUTO(worktree_drop) struct worktree *worktree = NULL;
    TRY(worktree_open(arena, workspace, NULL, NULL, pool, &worktree));
    struct linter linter = {.arena = arena,
                            .workspace = workspace,
                            .plan = plan,
                            .worktree = worktree,
                            .warnings = ret};
    vec_each (const struct stage, stage, &plan->pipeline->stages) {
        for (size_t i = 0; i < lint_rule_count; i++)
            TRY(lint_rules[i](&linter, stage));
    }
    vec_each (const struct pipeline_warning, warning, &plan->pipeline->warnings)
        lint_warn(&linter, NULL, warning->node, "language", warning->text);
    vec_sort(ret, compare_places);
    drop_repeated(ret);
    return NULL;
}
