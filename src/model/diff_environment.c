/* Environments of two sides, stage by stage; what several stages share is told once. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/map.h"

#include "diff_private.h"
#include "join_private.h"

bool diff_counts_environment(const struct environment_change *change)
{
    bool is_place = str_is(change->section, "interpreter") &&
                    (str_is(change->name, "path") || str_is(change->name, "manager"));
    return !is_place && !str_is(change->section, "machine") &&
           !str_is(change->section, "variables");
}

/* A pair of environments that was compared, by their places in memory: views share them. */
struct compared {
    const struct environment *before, *after;
    struct environment_changes changes;
    size_t group; /* 1 + its place in the answer; 0: they do not differ */
};

VEC(compared_vec, struct compared);

static bool change_equal(const struct environment_change *a, const struct environment_change *b)
{
    return str_equal(a->section, b->section) && str_equal(a->name, b->name) &&
           str_equal(a->before, b->before) && str_equal(a->after, b->after);
}

static bool changes_equal(const struct environment_changes *a, const struct environment_changes *b)
{
    for (size_t i = 0; a->len == b->len && i < a->len; i++)
        if (!change_equal(&a->at[i], &b->at[i]))
            return false;
    return a->len == b->len;
}

static size_t group_of(struct arena *arena, const struct environment_changes *changes,
                       struct diff_environment_vec *ret)
{
    if (!changes->len)
        return 0;
    for (size_t i = 0; i < ret->len; i++)
        if (changes_equal(&ret->at[i].changes, changes))
            return i + 1;
    vec_push(arena, ret)->changes = *changes;
    return ret->len;
}

static size_t compare(struct arena *arena, const struct environment *before,
                      const struct environment *after, struct arena *scratch,
                      struct compared_vec *seen, struct diff_environment_vec *ret)
{
    vec_each (const struct compared, each, seen)
        if (each->before == before && each->after == after)
            return each->group;
    struct compared *new = vec_push(scratch, seen);
    *new = (struct compared){.before = before, .after = after};
    environment_diff(arena, before, after, &new->changes);
    new->group = group_of(arena, &new->changes, ret);
    return new->group;
}

static struct str key_print(struct arena *arena, const struct recipe *recipe)
{
    enum { SHOWN = 8 };
    char hex[DIGEST_HEX_LEN + 1];
    digest_print(digest_of(recipe->environment.at, recipe->environment.len), hex);
    return str_copy(arena, str_slice(str_of(hex), 0, SHOWN));
}

/* Of environments that are in the key and not known: that they differ. */
static size_t compare_keys(struct arena *arena, const struct run_view_stage *before,
                           const struct run_view_stage *after, struct diff_environment_vec *ret)
{
    const struct recipe *old = before->recipe, *new = after->recipe;
    struct environment_changes changes = {0};
    bool are_keyed = old && new && old->environment.len &&new->environment.len;
    if (!are_keyed || str_equal(old->environment, new->environment))
        return 0;
    *vec_push(arena, &changes) = (struct environment_change){
        STR("recipe"), STR("environment"), key_print(arena, old), key_print(arena, new)};
    return group_of(arena, &changes, ret);
}

void diff_add_environments(struct arena *arena, const struct run_view *before,
                           const struct run_view *after, struct run_diff *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct compared_vec seen = {0};
    struct join join = {before->stages,     after->stages,         before->stage_count,
                        after->stage_count, sizeof *after->stages, diff_compare_stages};
    const void *from = NULL, *to = NULL;
    while (join_next(&join, &from, &to)) {
        const struct run_view_stage *old = from, *new = to;
        if (!old || !new || (old->environment && old->environment == new->environment))
            continue;
        bool is_known = old->environment && new->environment;
        size_t group = is_known ? compare(arena, old->environment, new->environment, &scratch,
                                          &seen, &ret->environments)
                                : compare_keys(arena, old, new, &ret->environments);
        if (group)
            *vec_push(arena, &ret->environments.at[group - 1].stages) = new->stage;
    }
}
