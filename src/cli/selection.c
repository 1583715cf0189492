#include "mlops/cli/selection.h"

#include "mlops/base/arena.h"

#include <stdlib.h>

#include "selection_private.h"

FALLIBLE selection_open(struct context *context, struct selection *ret)
{
    *ret = (struct selection){.context = context};
    return context_ledger(context, &ret->ledger);
}

FALLIBLE selection_filter(struct selection *selection, const char *source, struct str text)
{
    struct arena *arena = selection->context->arena;
    struct filter *filter = &selection->filter;
    TRY(filter_parse(arena, source, text, filter));
    selection->filter_keys = arena_new_array(arena, size_t, filter->keys.len);
    for (size_t i = 0; i < filter->keys.len; i++) {
        struct filter_key *key = &filter->keys.at[i];
        struct selection_name name = {key->name, key->mark, text};
        TRY(selection_resolve(selection, &name, &selection->filter_keys[i]));
        const struct selection_key *column = &selection->keys.at[selection->filter_keys[i]];
        key->type = column->type;
        key->choices = column->want.field == LEDGER_STATUS ? selection_statuses : selection_truths;
    }
    return filter_bind(arena, filter, selection_read_moment);
}

static bool take_end(struct str *name, const char *end)
{
    if (!str_ends(*name, str_of(end)))
        return false;
    *name = str_slice(*name, 0, name->len - strlen(end));
    return true;
}

/* "desc" behind a blank, as MLflow has it. */
static bool take_direction(struct arena *arena, struct str *rest, bool *ret_is_descending)
{
    static const char *const words[] = {"asc", "ASC", "desc", "DESC"};
    struct str ahead = *rest, word;
    if (!filter_take_name(arena, &ahead, &word))
        return true;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (!str_is(word, words[i]))
            continue;
        *ret_is_descending = i >= 2;
        *rest = ahead;
        return true;
    }
    return false;
}

static FALLIBLE wrong_list(const char *option, struct str rest)
{
    return error_hint(
        error_new(ERROR_USAGE, "%s: ',' is expected before '%.*s'", option, STR_FMT(rest)),
        "names with blanks are quoted: metrics.`cross entropy`");
}

/* The next name of a list, or false at its end. */
static FALLIBLE take_item(struct arena *arena, const char *option, struct str *rest,
                          struct str *ret, bool *ret_found)
{
    *rest = str_trim(*rest);
    *ret_found = rest->len > 0;
    if (rest->len && !filter_take_name(arena, rest, ret))
        return error_new(ERROR_USAGE, "%s: a name is expected before '%.*s'", option,
                         STR_FMT(*rest));
    return NULL;
}

static FALLIBLE end_item(const char *option, struct str *rest)
{
    *rest = str_trim(*rest);
    if (rest->len && rest->at[0] != ',')
        return wrong_list(option, *rest);
    *rest = str_slice(*rest, 1, rest->len);
    return NULL;
}

FALLIBLE selection_sort(struct selection *selection, struct str text)
{
    struct arena *arena = selection->context->arena;
    for (;;) {
        struct str name;
        bool found = false;
        struct selection_order order = {0};
        TRY(take_item(arena, "--sort", &text, &name, &found));
        if (!found)
            return NULL;
        order.is_descending = str_starts(name, STR("-"));
        name = str_slice(name, order.is_descending ? 1 : 0, name.len);
        if (take_end(&name, ":desc"))
            order.is_descending = true;
        else if (!take_end(&name, ":asc") && !take_direction(arena, &text, &order.is_descending))
            return wrong_list("--sort", str_trim(text));
        TRY(end_item("--sort", &text));
        TRY(selection_key_of(selection, name, &order.key));
        *vec_push(arena, &selection->orders) = order;
    }
}

/* A column that is there already would be a second member of that name in JSON. */
static void add_once(struct arena *arena, struct column_numbers *columns, size_t key)
{
    for (size_t i = 0; i < columns->len; i++)
        if (columns->at[i] == key)
            return;
    *vec_push(arena, columns) = key;
}

/* All metrics, or all parameters; those whose name is the same in several files with it. */
static FALLIBLE add_all(struct selection *selection, bool is_param, struct column_numbers *ret)
{
    struct arena *arena = selection->context->arena;
    TRY(selection_load_quantities(selection));
    const struct ledger_quantity *all = selection->quantities;
    for (size_t i = 0; i < selection->quantity_count; i++) {
        if (all[i].is_param != is_param)
            continue;
        bool is_like_last =
            i > 0 && all[i - 1].is_param == is_param && str_equal(all[i - 1].key, all[i].key);
        bool is_like_next = i + 1 < selection->quantity_count && all[i + 1].is_param == is_param &&
                            str_equal(all[i + 1].key, all[i].key);
        struct str name = selection_quantity_name(arena, &all[i], is_like_last || is_like_next);
        add_once(arena, ret, selection_add_quantity(selection, &all[i], name));
    }
    return NULL;
}

FALLIBLE selection_columns(struct selection *selection, struct str text, struct column_numbers *ret)
{
    struct arena *arena = selection->context->arena;
    for (;;) {
        struct str name;
        bool found = false;
        size_t key = 0;
        TRY(take_item(arena, "--columns", &text, &name, &found));
        if (!found)
            return NULL;
        TRY(end_item("--columns", &text));
        if (str_is(name, "metrics.*") || str_is(name, "params.*")) {
            TRY(add_all(selection, str_is(name, "params.*"), ret));
            continue;
        }
        TRY(selection_key_of(selection, name, &key));
        add_once(arena, ret, key);
    }
}

/* Rows of the scan are newest first. */
static int compare_rows(const void *a, const void *b, void *context)
{
    const struct selection *selection = context;
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    vec_each (const struct selection_order, order, &selection->orders) {
        const struct filter_value *values = selection->scan.columns[order->key];
        int result = filter_value_compare(&values[left], &values[right], order->is_descending);
        if (result)
            return result;
    }
    return left < right ? -1 : left > right;
}

static void keep_matching(struct selection *selection)
{
    struct arena *arena = selection->context->arena;
    const struct filter *filter = &selection->filter;
    const struct filter_value **columns =
        arena_new_array(arena, const struct filter_value *, filter->keys.len);
    for (size_t i = 0; i < filter->keys.len; i++)
        columns[i] = selection->scan.columns[selection->filter_keys[i]];
    selection->rows = arena_new_array(arena, size_t, selection->scan.count);
    for (size_t row = 0; row < selection->scan.count; row++)
        if (filter_holds(filter, columns, row))
            selection->rows[selection->count++] = row;
    selection->match_count = selection->count;
}

FALLIBLE selection_make(struct selection *selection, const struct ledger_filter *filter,
                        int64_t limit)
{
    struct arena *arena = selection->context->arena;
    struct ledger_want *wants = arena_new_array(arena, struct ledger_want, selection->keys.len);
    struct ledger_filter all = *filter;
    all.limit = 0;
    for (size_t i = 0; i < selection->keys.len; i++)
        wants[i] = selection->keys.at[i].want;
    TRY(ledger_scan_runs(selection->ledger, arena, &all, wants, selection->keys.len,
                         &selection->scan));
    keep_matching(selection);
    if (selection->orders.len && selection->count > 1)
        qsort_r(selection->rows, selection->count, sizeof *selection->rows, compare_rows,
                selection);
    if (limit > 0 && selection->count > (size_t)limit)
        selection->count = (size_t)limit;
    return NULL;
}
