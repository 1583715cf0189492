/* Whether a command differs by values of parameters alone. What a template was is not recorded, so
 * this goes by the words: those that differ hold the value before and the value after. */
#include "mlops/base/arena.h"

#include "diff_private.h"

/* A value with blanks makes several words. */
static bool is_held(struct str word, struct str value)
{
    return str_find(word, value) >= 0 || (word.len && str_find(value, word) >= 0);
}

static bool is_value(struct str old_word, struct str new_word, const struct run_view_stage *before,
                     const struct run_view_stage *after)
{
    vec_each (const struct recipe_param, value, &before->templates) {
        const struct recipe_param *now = diff_find_param(&after->templates, value);
        bool has_changed = now && !str_equal(now->shown, value->shown);
        if (has_changed && is_held(old_word, value->shown) && is_held(new_word, now->shown))
            return true;
    }
    return false;
}

static bool is_explained(const struct reason *reason, const struct run_view_stage *before,
                         const struct run_view_stage *after)
{
    struct str old_rest = reason->before, new_rest = reason->after, old_word, new_word;
    bool differs = false;
    for (;;) {
        bool has_old = str_split(&old_rest, ' ', &old_word);
        bool has_new = str_split(&new_rest, ' ', &new_word);
        if (!has_old || !has_new)
            return has_old == has_new && differs;
        if (str_equal(old_word, new_word))
            continue;
        if (!is_value(old_word, new_word, before, after))
            return false;
        differs = true;
    }
}

bool diff_is_by_params(const struct run_view_stage *before, const struct run_view_stage *after,
                       const struct reason_vec *reasons)
{
    bool differs = false;
    vec_each (const struct reason, reason, reasons) {
        if (!diff_redefines(reason))
            continue;
        if (!is_explained(reason, before, after))
            return false;
        differs = true;
    }
    return differs;
}
