#include "mlops/base/arena.h"

#include "environment_private.h"
#include "join_private.h"

/* The order of a difference. */
static const char *const sections[] = {
    "interpreter", "packages", "tools", "lockfiles", "variables", "machine",
};

struct differing {
    struct arena *arena;
    const struct environment *before, *after;
    struct environment_changes *changes;
};

static void add(struct differing *to, const struct environment_field *field, struct str name,
                struct str before, struct str after)
{
    if (!str_equal(before, after))
        *vec_push(to->arena, to->changes) =
            (struct environment_change){str_of(field->section), name, before, after};
}

static int item_compare(const void *a, const void *b)
{
    const struct environment_item *left = a, *right = b;
    return str_compare(left->name, right->name);
}

static void diff_items(struct differing *to, const struct environment_field *field)
{
    const struct environment_items *before = environment_value(to->before, field);
    const struct environment_items *after = environment_value(to->after, field);
    struct join join = {before->at, after->at,          before->len,
                        after->len, sizeof *before->at, item_compare};
    const void *from = NULL, *now = NULL;
    while (join_next(&join, &from, &now)) {
        const struct environment_item *old = from, *new = now;
        add(to, field, old ? old->name : new->name, old ? old->value : STR(""),
            new ? new->value : STR(""));
    }
}

static struct str text_of(struct arena *arena, const struct environment *environment,
                          const struct environment_field *field)
{
    const void *value = environment_value(environment, field);
    if (field->kind == FIELD_TEXT)
        return *(const struct str *)value;
    int64_t amount = *(const int64_t *)value;
    return amount ? str_print(arena, "%lld", (long long)amount) : STR("");
}

/* What is not known of one machine is no difference of two. */
static void diff_value(struct differing *to, const struct environment_field *field)
{
    struct str before = text_of(to->arena, to->before, field);
    struct str after = text_of(to->arena, to->after, field);
    bool is_machine = strcmp(field->section, "machine") == 0;
    if (!is_machine || (before.len && after.len))
        add(to, field, str_of(field->label), before, after);
}

/* Records of the first format know neither interpreter nor tools (every machine has a cpu). */
static bool is_first(const struct environment *environment)
{
    return environment->cpus == 0;
}

/* Packages are those of an interpreter: without one on either side there is nothing to compare. */
static bool is_comparable(const struct differing *to, const struct environment_field *field)
{
    if (!field->is_in_first && (is_first(to->before) || is_first(to->after)))
        return false;
    return strcmp(field->section, "packages") != 0 ||
           (to->before->interpreter.len && to->after->interpreter.len);
}

static int change_compare(const void *a, const void *b)
{
    const struct environment_change *left = a, *right = b;
    return str_compare(left->name, right->name);
}

void environment_diff(struct arena *arena, const struct environment *before,
                      const struct environment *after, struct environment_changes *ret)
{
    struct differing to = {arena, before, after, ret};
    size_t count = 0;
    const struct environment_field *fields = environment_fields(&count);
    for (size_t s = 0; s < COUNT_OF(sections); s++) {
        size_t first = ret->len;
        for (size_t i = 0; i < count; i++) {
            if (strcmp(fields[i].section, sections[s]) != 0 || !is_comparable(&to, &fields[i]))
                continue;
            if (fields[i].kind == FIELD_ITEMS)
                diff_items(&to, &fields[i]);
            else
                diff_value(&to, &fields[i]);
        }
        if (ret->len - first > 1)
            qsort(ret->at + first, ret->len - first, sizeof *ret->at, change_compare);
    }
}
