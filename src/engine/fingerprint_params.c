#include "mlops/base/arena.h"

#include "fingerprint_private.h"

struct error *fingerprint_param(struct session *session, const struct stage *stage,
                                const struct param_ref *reference, const struct forecast *forecast,
                                struct recipe_param *ret)
{
    const struct doc_node *root = NULL;
    TRY(session_params(session, reference->file, &root));
    const struct doc_node *value =
        root && reference->key.len ? doc_find_path(root, reference->key) : root;
    if (!value && forecast && forecast->takes_missing) {
        *ret = (struct recipe_param){.file = reference->file, .key = reference->key};
        return NULL;
    }
    if (!root)
        return error_hint(doc_error(reference->node,
                                    "parameter file '%.*s' of stage '%.*s' is not there",
                                    STR_FMT(reference->file), STR_FMT(stage->name)),
                          "create it, or correct 'params'");
    if (!value)
        return error_hint(doc_error(reference->node, "'%.*s' has no parameter '%.*s'",
                                    STR_FMT(reference->file), STR_FMT(reference->key)),
                          "add it to the file, or remove it from 'params' of stage '%.*s'",
                          STR_FMT(stage->name));
    struct arena *arena = session->arena;
    struct buf encoded = buf_in(arena);
    AUTO(arena_drop) struct arena scratch = {0};
    doc_encode(value, &scratch, &encoded);
    struct str shown = doc_show(&scratch, value);
    *ret = (struct recipe_param){
        .file = reference->file,
        .key = reference->key,
        .encoded = buf_str(&encoded),
        .shown = str_copy(arena, recipe_clip(&scratch, shown)),
    };
    return NULL;
}

struct error *fingerprint_params(struct session *session, const struct stage *stage,
                                 const struct forecast *forecast, struct recipe *recipe,
                                 const struct stage **ret_waits)
{
    recipe->params = arena_new_array(session->arena, struct recipe_param, stage->params.len);
    recipe->param_count = stage->params.len;
    for (size_t i = 0; i < stage->params.len; i++) {
        if (forecast) /* a known digest does not tell the values */
            *ret_waits = fingerprint_absent_maker(forecast, stage->params.at[i].file);
        if (*ret_waits)
            return NULL;
        TRY(fingerprint_param(session, stage, &stage->params.at[i], forecast, &recipe->params[i]));
    }
    return NULL;
}

struct error *fingerprint_recheck_params(struct session *session, const struct stage *stage,
                                         const struct fingerprint *seen,
                                         struct str_vec *ret_changed)
{
    for (size_t i = 0; i < stage->params.len; i++)
        session_forget_params(session, stage->params.at[i].file);
    for (size_t i = 0; i < stage->params.len; i++) {
        const struct recipe_param *before = &seen->recipe->params[i];
        struct recipe_param now = {0};
        struct error *error = fingerprint_param(session, stage, &stage->params.at[i], NULL, &now);
        bool is_same = !error && str_equal(now.encoded, before->encoded);
        error_drop(error); /* a parameter file that is broken or gone now has changed */
        if (!is_same)
            *vec_push(session->arena, ret_changed) =
                str_print(session->arena, "%.*s%s%.*s", STR_FMT(before->file),
                          before->key.len ? ":" : "", STR_FMT(before->key));
    }
    return NULL;
}
