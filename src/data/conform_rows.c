#include "mlops/base/check.h"
#include "mlops/base/limits.h"

#include <stdlib.h>

#include "conform_private.h"

void slot_add(struct conform_slot *slot, size_t record, size_t column, uint32_t tally,
              size_t repeat)
{
    struct conform_event_vec *events = &slot->events;
    if (events->len == events->cap) {
        events->cap = events->cap ? 2 * events->cap : 256;
        events->at = memory_grow(events->at, events->cap * sizeof *events->at);
    }
    events->at[events->len++] =
        (struct conform_event){(uint32_t)record, (uint32_t)column + 1, tally, (uint32_t)repeat};
}

static void make_room(struct conform_slot *slot, const struct conformer *conformer, size_t count)
{
    if (count <= slot->record_cap)
        return;
    slot->record_cap = (count + 63) & ~(size_t)63;
    slot->blank = memory_grow(slot->blank, slot->record_cap);
    if (conformer->key_column_count)
        slot->states = memory_grow(slot->states, conformer->key_column_count * slot->record_cap);
    for (size_t i = 0; i < conformer->keys.len; i++)
        slot->entries[i] =
            memory_grow(slot->entries[i], slot->record_cap * sizeof *slot->entries[i]);
}

void slot_begin(struct conform_slot *slot, const struct conformer *conformer,
                const struct record_batch *batch)
{
    if (slot->is_begun)
        return;
    make_room(slot, conformer, batch->record_count);
    memset(slot->blank, conformer->mapped_count > 0, batch->record_count);
    slot->events.len = 0;
    slot->is_begun = true;
}

static bool is_empty_cell(const struct raw_cell *cell)
{
    return cell->kind == RAW_MISSING || cell->kind == RAW_NULL ||
           (cell->kind == RAW_TEXT && cell->len == 0);
}

/* By name every column counts, also one that no field describes. */
static bool is_blank(const struct conformer *conformer, const struct record_batch *batch,
                     size_t record)
{
    if (!conformer->is_by_name)
        return true;
    for (size_t i = 0; i < conformer->column_count; i++)
        if (!conformer->columns[i].caster && !is_empty_cell(batch_cell(batch, record, i)))
            return false;
    return true;
}

static void find_blank(const struct conformer *conformer, struct conform_slot *slot,
                       const struct record_batch *batch)
{
    for (size_t i = 0; i < batch->record_count; i++) {
        uint64_t eight = 1;
        if (i % 8 == 0 && i + 8 <= batch->record_count)
            memcpy(&eight, slot->blank + i, sizeof eight);
        if (!eight)
            i += 7;
        else if (slot->blank[i])
            slot->blank[i] = is_blank(conformer, batch, i);
    }
}

static void add_missing(const struct conformer *conformer, struct conform_slot *slot,
                        const struct odd_record *odd)
{
    for (size_t i = odd->cell_count; i < conformer->column_count; i++)
        if (conformer->columns[i].missing_tally != NO_TALLY)
            slot_add(slot, odd->record, i, conformer->columns[i].missing_tally, 1);
}

static void add_odd(const struct conformer *conformer, struct conform_slot *slot,
                    const struct record_batch *batch)
{
    for (size_t i = 0; i < batch->odd_count; i++) {
        const struct odd_record *odd = &batch->odd[i];
        if (odd->cell_count && odd->cell_count < conformer->column_count)
            add_missing(conformer, slot, odd);
        if (odd->cell_count > conformer->column_count)
            slot_add(slot, odd->record, conformer->column_count, conformer->extra_tally,
                     odd->cell_count - conformer->column_count);
        if (odd->has_stray_quote)
            slot_add(slot, odd->record, odd->stray_cell, conformer->quote_tally, 1);
    }
}

/* By position: columns behind the last field, fields behind the last column. */
static void add_unmatched(const struct conformer *conformer, struct conform_slot *slot,
                          const struct record_batch *batch)
{
    for (size_t column = 0; column < conformer->column_count; column++)
        for (size_t i = 0;
             conformer->columns[column].extra_tally != NO_TALLY && i < batch->record_count; i++)
            if (batch_cell(batch, i, column)->kind != RAW_MISSING)
                slot_add(slot, i, column, conformer->columns[column].extra_tally, 1);
    for (size_t field = 0; field < conformer->absent_count; field++) {
        const struct column_plan *plan = &conformer->absent[field];
        for (size_t i = 0; i < batch->record_count; i++) {
            slot_add(slot, i, conformer->column_count + field, plan->missing_tally, 1);
            if (plan->required_tally != NO_TALLY)
                slot_add(slot, i, conformer->column_count + field, plan->required_tally, 1);
        }
    }
}

static int compare_events(const void *a, const void *b)
{
    const struct conform_event *left = a, *right = b;
    if (left->record != right->record)
        return left->record < right->record ? -1 : 1;
    if (left->field != right->field)
        return left->field < right->field ? -1 : 1;
    return left->tally < right->tally ? -1 : left->tally > right->tally;
}

static bool is_of_row(enum violation_kind kind)
{
    return kind == KIND_BLANK_ROW || kind == KIND_PRIMARY_KEY || kind == KIND_FOREIGN_KEY;
}

static struct str copy_shown(struct arena *arena, struct str text)
{
    return str_copy(arena, shown_text(text));
}

/* What an event tells, with the cell it is about. */
static struct violation tell(struct conform_slot *slot, const struct tally *tally,
                             const struct conform_event *event, const struct record_batch *batch,
                             uint32_t offset)
{
    size_t column = event->field - 1 + offset;
    struct violation violation = violation_of(tally, batch_row(batch, event->record),
                                              is_of_row(tally->kind) ? 0 : column + 1);
    const struct raw_cell *cell = !is_of_row(tally->kind) && column < batch->column_count
                                      ? batch_cell(batch, event->record, column)
                                      : NULL;
    if (cell && cell->kind != RAW_MISSING) {
        violation.value = copy_shown(&slot->arena, raw_text(batch, cell));
        violation.has_value = true;
    }
    return violation;
}

static void keep(const struct conformer *conformer, struct conform_slot *slot,
                 const struct conform_event *event, const struct record_batch *batch)
{
    const struct tally *tally = &conformer->tallies.at[event->tally];
    bool is_full = __atomic_load_n(&tally->is_full, __ATOMIC_RELAXED);
    bool keeps_all = conformer->options.keeps_all && tally->kind != KIND_STRAY_QUOTE &&
                     !__atomic_load_n(&conformer->is_all_full, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < event->repeat; i++) {
        bool is_shown = !is_full && slot->shown[event->tally] < CONFORM_SHOWN;
        bool is_listed = keeps_all && slot->kept.len < (size_t)LIMIT_KEPT_VIOLATIONS;
        if (!is_shown && !is_listed)
            return;
        struct violation violation = tell(slot, tally, event, batch, i);
        if (is_shown) /* looked for in the batch: not for all */
            violation.line = batch_line(batch, event->record);
        slot->shown[event->tally] += is_shown;
        *vec_push(&slot->arena, &slot->kept) = (struct kept){violation, event->tally};
    }
}

/* Of a blank row nothing else is told, but for a primary key that it lacks. */
static void settle(const struct conformer *conformer, struct conform_worker *worker,
                   struct conform_slot *slot, const struct record_batch *batch)
{
    struct conform_event_vec *events = &slot->events;
    if (conformer->options.keeps_all)
        vec_sort(events, compare_events);
    vec_each (struct conform_event, event, events) {
        enum violation_kind kind = conformer->tallies.at[event->tally].kind;
        if (slot->blank[event->record] && !is_of_row(kind))
            continue;
        worker->counts[event->tally] += event->repeat;
        keep(conformer, slot, event, batch);
    }
    vec_each (const struct conform_event, event, events)
        slot->shown[event->tally] = 0;
}

FALLIBLE conformer_visit_rows(struct conformer *conformer, size_t worker_at, size_t slot_at,
                              const struct record_batch *batch)
{
    struct conform_worker *worker = &conformer->workers[worker_at];
    struct conform_slot *slot = &conformer->slots[slot_at];
    slot_begin(slot, conformer, batch);
    find_blank(conformer, slot, batch);
    for (size_t i = 0; i < batch->record_count; i++)
        if (slot->blank[i])
            slot_add(slot, i, 0, conformer->blank_tally, 1);
    add_odd(conformer, slot, batch);
    add_unmatched(conformer, slot, batch);
    keys_visit(conformer, worker, slot, batch);
    settle(conformer, worker, slot, batch);
    slot->is_begun = false;
    return NULL;
}

FALLIBLE conformer_commit(struct conformer *conformer, size_t slot_at,
                          const struct record_batch *batch)
{
    struct conform_slot *slot = &conformer->slots[slot_at];
    (void)batch;
    vec_each (struct kept, kept, &slot->kept) {
        struct violation violation = kept->violation;
        if (violation.has_value)
            violation.value = str_copy(conformer->arena, violation.value);
        tally_tell(conformer, kept->tally, &violation);
    }
    slot->kept = (struct kept_vec){0};
    arena_reset(&slot->arena);
    return keys_commit(conformer, slot);
}
