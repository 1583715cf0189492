#include "mlops/base/limits.h"

#include <stdlib.h>

#include "conform_private.h"

static FALLIBLE open_workers(struct conformer *conformer)
{
    conformer->worker_count = table_workers(conformer->options.table);
    conformer->workers =
        arena_new_array(conformer->arena, struct conform_worker, conformer->worker_count);
    for (size_t i = 0; i < conformer->worker_count; i++) {
        struct conform_worker *worker = &conformer->workers[i];
        worker->counts = arena_new_array(conformer->arena, uint64_t, conformer->tallies.len);
        worker->memos = arena_new_array(conformer->arena, struct value_memo, conformer->memo_count);
        buf_reserve(&worker->key.out, 1);
        TRY(pattern_room_open(&worker->patterns));
    }
    return NULL;
}

static void open_slots(struct conformer *conformer)
{
    struct arena *arena = conformer->arena;
    conformer->slot_count = table_slots(conformer->options.table);
    conformer->slots = arena_new_array(arena, struct conform_slot, conformer->slot_count);
    for (size_t i = 0; i < conformer->slot_count; i++) {
        struct conform_slot *slot = &conformer->slots[i];
        slot->shown = arena_new_array(arena, uint32_t, conformer->tallies.len);
        slot->entries = arena_new_array(arena, struct key_entry *, conformer->keys.len);
        slot->entry_counts = arena_new_array(arena, size_t, conformer->keys.len);
    }
}

FALLIBLE conformer_open(struct arena *arena, const struct conform_options *options,
                        struct conformer **ret)
{
    AUTO(conformer_drop) struct conformer *conformer = arena_new(arena, struct conformer);
    conformer->arena = arena;
    conformer->options = *options;
    conformer->labels = table_labels(options->table, &conformer->column_count);
    conformer->columns = arena_new_array(arena, struct column_plan, conformer->column_count);
    conformer->column_of = arena_new_array(arena, size_t, options->schema->field_count);
    labels_match(conformer);
    TRY(columns_plan(conformer));
    TRY(keys_plan(conformer));
    TRY(open_workers(conformer));
    open_slots(conformer);
    *ret = conformer;
    conformer = NULL;
    return NULL;
}

static void drop_slot(struct conform_slot *slot, size_t key_count)
{
    free(slot->blank);
    free(slot->states);
    free(slot->events.at);
    for (size_t i = 0; i < key_count; i++)
        free(slot->entries[i]);
    arena_drop(&slot->arena);
}

void conformer_drop(struct conformer **conformer)
{
    if (!*conformer)
        return;
    for (size_t i = 0; i < (*conformer)->worker_count; i++) {
        struct conform_worker *worker = &(*conformer)->workers[i];
        pattern_room_drop(&worker->patterns);
        arena_drop(&worker->scratch);
        buf_drop(&worker->key.out);
    }
    for (size_t i = 0; i < (*conformer)->slot_count; i++)
        drop_slot(&(*conformer)->slots[i], (*conformer)->keys.len);
    keys_drop(*conformer);
    columns_drop(*conformer);
    *conformer = NULL;
}

const struct schema_field *conformer_field(const struct conformer *conformer, size_t column)
{
    return conformer->columns[column].field;
}

const struct caster *conformer_caster(const struct conformer *conformer, size_t column)
{
    return conformer->columns[column].caster;
}

/* Of the header first, then of columns, then of whole rows. */
static int rank_of(const struct tally *tally)
{
    return tally->kind <= KIND_MISSING_LABEL ? 0 : tally->field ? 1 : 2;
}

static int compare_tallies(const void *a, const void *b)
{
    const struct tally *left = *(struct tally *const *)a, *right = *(struct tally *const *)b;
    if (rank_of(left) != rank_of(right))
        return rank_of(left) - rank_of(right);
    if (left->field != right->field)
        return left->field < right->field ? -1 : 1;
    if (left->kind != right->kind)
        return (int)left->kind - (int)right->kind;
    return left < right ? -1 : left > right;
}

static struct violation_group group_of(const struct tally *tally)
{
    return (struct violation_group){
        .field = tally->field,
        .name = tally->name,
        .type = violation_kinds[tally->kind].type,
        .constraint = violation_kinds[tally->kind].constraint,
        .expected = tally->expected,
        .is_warning = tally->kind == KIND_STRAY_QUOTE,
        .count = tally->count,
        .shown = tally->shown.at,
        .shown_count = tally->shown.len,
    };
}

static void make_groups(struct conformer *conformer, struct arena *arena, struct conformity *ret)
{
    size_t count = conformer->tallies.len;
    struct tally **sorted = arena_new_array(arena, struct tally *, count);
    struct violation_group *groups = arena_new_array(arena, struct violation_group, count);
    for (size_t i = 0; i < count; i++)
        sorted[i] = &conformer->tallies.at[i];
    qsort(sorted, count, sizeof *sorted, compare_tallies);
    for (size_t i = 0; i < count; i++) {
        if (!sorted[i]->count)
            continue;
        groups[ret->group_count++] = group_of(sorted[i]);
        if (sorted[i]->kind == KIND_STRAY_QUOTE)
            ret->warning_count += sorted[i]->count;
        else
            ret->count += sorted[i]->count;
    }
    ret->groups = groups;
}

static int compare_kept(const void *a, const void *b)
{
    const struct kept *left = a, *right = b;
    const struct violation *one = &left->violation, *other = &right->violation;
    if (one->row != other->row)
        return one->row < other->row ? -1 : 1;
    if (one->field != other->field)
        return one->field < other->field ? -1 : 1;
    return left->tally < right->tally ? -1 : left->tally > right->tally;
}

static void list_all(struct conformer *conformer, struct arena *arena, struct conformity *ret)
{
    vec_sort(&conformer->all, compare_kept);
    ret->all_count = MIN_OF(conformer->all.len, (size_t)LIMIT_KEPT_VIOLATIONS);
    struct violation *all = arena_new_array(arena, struct violation, ret->all_count);
    for (size_t i = 0; i < ret->all_count; i++)
        all[i] = conformer->all.at[i].violation;
    ret->all = all;
}

FALLIBLE conformer_finish(struct conformer *conformer, struct arena *arena, struct conformity *ret)
{
    *ret = (struct conformity){0};
    for (size_t i = 0; i < conformer->worker_count; i++)
        for (size_t t = 0; t < conformer->tallies.len; t++)
            conformer->tallies.at[t].count += conformer->workers[i].counts[t];
    TRY(keys_judge(conformer));
    TRY(values_read(conformer));
    make_groups(conformer, arena, ret);
    if (conformer->options.keeps_all)
        list_all(conformer, arena, ret);
    return NULL;
}
