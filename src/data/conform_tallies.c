#include "mlops/base/limits.h"

#include "conform_private.h"

const struct violation_kind_row violation_kinds[KIND_COUNT] = {
    [KIND_UNMATCHED_HEADER] = {"unmatched-header", NULL},
    [KIND_BLANK_LABEL] = {"blank-label", NULL},
    [KIND_DUPLICATE_LABEL] = {"duplicate-label", NULL},
    [KIND_INCORRECT_LABEL] = {"incorrect-label", NULL},
    [KIND_EXTRA_LABEL] = {"extra-label", NULL},
    [KIND_MISSING_LABEL] = {"missing-label", NULL},
    [KIND_TYPE] = {"type-error", NULL},
    [KIND_REQUIRED] = {"constraint-error", "required"},
    [KIND_MIN_LENGTH] = {"constraint-error", "minLength"},
    [KIND_MAX_LENGTH] = {"constraint-error", "maxLength"},
    [KIND_MINIMUM] = {"constraint-error", "minimum"},
    [KIND_MAXIMUM] = {"constraint-error", "maximum"},
    [KIND_EXCLUSIVE_MINIMUM] = {"constraint-error", "exclusiveMinimum"},
    [KIND_EXCLUSIVE_MAXIMUM] = {"constraint-error", "exclusiveMaximum"},
    [KIND_PATTERN] = {"constraint-error", "pattern"},
    [KIND_ENUM] = {"constraint-error", "enum"},
    [KIND_CATEGORIES] = {"constraint-error", "categories"},
    [KIND_JSON_SCHEMA] = {"constraint-error", "jsonSchema"},
    [KIND_UNIQUE] = {"unique-error", NULL},
    [KIND_MISSING_CELL] = {"missing-cell", NULL},
    [KIND_EXTRA_CELL] = {"extra-cell", NULL},
    [KIND_BLANK_ROW] = {"blank-row", NULL},
    [KIND_PRIMARY_KEY] = {"primary-key", NULL},
    [KIND_UNIQUE_KEY] = {"unique-key", NULL},
    [KIND_FOREIGN_KEY] = {"foreign-key", NULL},
    [KIND_STRAY_QUOTE] = {"stray-quote", NULL},
};

uint32_t tally_add(struct conformer *conformer, enum violation_kind kind, uint64_t field,
                   struct str name, struct str expected)
{
    struct tally *tally = vec_push(conformer->arena, &conformer->tallies);
    tally->kind = kind;
    tally->field = field;
    tally->name = name;
    tally->expected = expected;
    return (uint32_t)(conformer->tallies.len - 1);
}

struct violation violation_of(const struct tally *tally, uint64_t row, uint64_t field)
{
    return (struct violation){
        .row = row,
        .field = field,
        .type = violation_kinds[tally->kind].type,
        .constraint = violation_kinds[tally->kind].constraint,
        .name = tally->name,
    };
}

/* Takes over a violation found in order of the file; it is counted elsewhere. */
void tally_tell(struct conformer *conformer, uint32_t at, const struct violation *violation)
{
    struct tally *tally = &conformer->tallies.at[at];
    if (tally->shown.len < CONFORM_SHOWN)
        *vec_push(conformer->arena, &tally->shown) = *violation;
    if (tally->shown.len == CONFORM_SHOWN)
        __atomic_store_n(&tally->is_full, true, __ATOMIC_RELAXED);
    if (!conformer->options.keeps_all || tally->kind == KIND_STRAY_QUOTE)
        return;
    if (conformer->all.len < (size_t)LIMIT_KEPT_VIOLATIONS)
        *vec_push(conformer->arena, &conformer->all) = (struct kept){*violation, at};
    else
        __atomic_store_n(&conformer->is_all_full, true, __ATOMIC_RELAXED);
}
