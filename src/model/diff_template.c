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

static bool is_explained_by_words(struct str old_rest, struct str new_rest,
                                  const struct run_view_stage *before,
                                  const struct run_view_stage *after)
{
    struct str old_word, new_word;
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

/* Two texts on the way to their ends: what is behind `free` is told apart already. */
struct pair_walk {
    struct str old_text, new_text;
    size_t old_at, new_at;
    size_t free; /* equal characters before both places, behind the value before */
};

static bool skip_value(struct pair_walk *walk, struct str old_value, struct str new_value)
{
    size_t longer = MAX_OF(old_value.len, new_value.len);
    size_t most = walk->free < longer ? walk->free : longer;
    for (size_t back = 0; back <= most; back++) {
        size_t old_at = walk->old_at - back, new_at = walk->new_at - back;
        if (!str_starts(str_slice(walk->old_text, old_at, walk->old_text.len), old_value) ||
            !str_starts(str_slice(walk->new_text, new_at, walk->new_text.len), new_value))
            continue;
        walk->old_at = old_at + old_value.len;
        walk->new_at = new_at + new_value.len;
        walk->free = 0;
        return true;
    }
    return false;
}

/* Where the texts part, a value that changed must stand in both of them. */
static bool skip_any_value(struct pair_walk *walk, const struct run_view_stage *before,
                           const struct run_view_stage *after)
{
    vec_each (const struct recipe_param, value, &before->templates) {
        const struct recipe_param *now = diff_find_param(&after->templates, value);
        bool has_changed = now && !str_equal(now->shown, value->shown);
        if (has_changed && skip_value(walk, value->shown, now->shown))
            return true;
    }
    return false;
}

static bool is_explained_by_values(struct str old_text, struct str new_text,
                                   const struct run_view_stage *before,
                                   const struct run_view_stage *after)
{
    struct pair_walk walk = {.old_text = old_text, .new_text = new_text};
    while (walk.old_at < old_text.len || walk.new_at < new_text.len) {
        bool is_same = walk.old_at < old_text.len && walk.new_at < new_text.len &&
                       old_text.at[walk.old_at] == new_text.at[walk.new_at];
        if (!is_same && !skip_any_value(&walk, before, after))
            return false;
        if (!is_same)
            continue;
        walk.old_at++;
        walk.new_at++;
        walk.free++;
    }
    return true;
}

/* Lists come into a command word by word: their text as a value does not stand in it. */
static bool is_explained(const struct reason *reason, const struct run_view_stage *before,
                         const struct run_view_stage *after)
{
    return is_explained_by_values(reason->before, reason->after, before, after) ||
           is_explained_by_words(reason->before, reason->after, before, after);
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
