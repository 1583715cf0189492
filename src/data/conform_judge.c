#include "mlops/base/limits.h"

#include <stdlib.h>

#include "conform_private.h"

static FALLIBLE rows_of(struct conformer *conformer, struct key_plan *key, struct row_list *rows)
{
    if (key->role != KEY_FOREIGN)
        return keyset_repeats(key->set, conformer->arena, rows);
    struct keyset *others = key->others ? key->others : conformer->keys.at[key->target].set;
    return keyset_absent(key->set, others, conformer->arena, rows);
}

static int compare_violations(const void *a, const void *b)
{
    const struct violation *left = a, *right = b;
    return left->row < right->row ? -1 : left->row > right->row;
}

/* The first of those that were told on the way and of these rows. */
static void join_shown(struct conformer *conformer, struct tally *tally,
                       const struct row_list *rows)
{
    for (size_t i = 0; i < rows->len && i < CONFORM_SHOWN; i++)
        *vec_push(conformer->arena, &tally->shown) =
            violation_of(tally, rows->rows[i], tally->field);
    vec_sort(&tally->shown, compare_violations);
    tally->shown.len = MIN_OF(tally->shown.len, (size_t)CONFORM_SHOWN);
}

static FALLIBLE judge(struct conformer *conformer, struct key_plan *key)
{
    struct tally *tally = &conformer->tallies.at[key->tally];
    size_t cap = conformer->options.keeps_all ? (size_t)LIMIT_KEPT_VIOLATIONS : CONFORM_SHOWN;
    uint64_t first[CONFORM_SHOWN];
    struct row_list rows = {.rows = first, .cap = CONFORM_SHOWN};
    if (conformer->options.keeps_all) {
        cap = MIN_OF(cap, (size_t)keyset_count(key->set));
        rows = (struct row_list){arena_new_array(conformer->arena, uint64_t, cap), 0, cap, 0};
    }
    TRY(rows_of(conformer, key, &rows));
    tally->count += rows.count;
    join_shown(conformer, tally, &rows);
    for (size_t i = 0; conformer->options.keeps_all && i < rows.len; i++)
        *vec_push(conformer->arena, &conformer->all) =
            (struct kept){violation_of(tally, rows.rows[i], tally->field), key->tally};
    return NULL;
}

FALLIBLE keys_judge(struct conformer *conformer)
{
    vec_each (struct key_plan, key, &conformer->keys)
        if (key->set)
            TRY(keyset_finish(key->set));
    vec_each (struct key_plan, key, &conformer->keys)
        if (key->set && key->role != KEY_TARGET)
            TRY(judge(conformer, key));
    return NULL;
}
