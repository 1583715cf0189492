/* Sweep files, and the stored form, which is one of them. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/base/map.h"
#include "mlops/codec/json.h"

#include <inttypes.h>
#include <stdlib.h>

#include "sweep_tables_private.h"

static bool is_scalar(const struct doc_node *node)
{
    return node->kind != DOC_NULL && node->kind != DOC_LIST && node->kind != DOC_MAP;
}

/* `FILE:KEY` if what stands before the colon ends as a file does. */
static struct sweep_key key_split(struct str text)
{
    static const char *const suffixes[] = {".yaml", ".yml", ".json",  ".toml",  ".py",
                                           ".csv",  ".tsv", ".jsonl", ".ndjson"};
    ptrdiff_t colon = str_find_char(text, ':');
    struct str file = str_slice(text, 0, colon < 0 ? 0 : (size_t)colon);
    for (size_t i = 0; i < COUNT_OF(suffixes); i++)
        if (str_ends(file, str_of(suffixes[i])))
            return (struct sweep_key){file, str_slice(text, file.len + 1, text.len)};
    return (struct sweep_key){.key = text};
}

void sweep_bind_key(struct binder *binder, const struct doc_node *node, void *target)
{
    struct sweep_key *key = target;
    int before = binder->errors->kept;
    if (node->kind == DOC_MAP)
        schema_bind(binder, &sweep_schema_key, binder->where, node, key);
    else if (is_scalar(node))
        *key = key_split(node->text);
    else
        binder_expected(binder, node, "KEY or FILE:KEY");
    if (binder->errors->kept == before && (node->kind == DOC_MAP || is_scalar(node)) &&
        !key->key.len)
        binder_error(binder, node, "the key is empty");
}

void sweep_bind_targets(struct binder *binder, const struct doc_node *node, void *target)
{
    if (node->kind != DOC_LIST) {
        binder_expected(binder, node, "a list of texts");
        return;
    }
    for (const struct doc_node *item = node->first; item; item = item->next) {
        if (is_scalar(item))
            *vec_push(binder->arena, (struct str_parts *)target) = item->text;
        else
            binder_error(binder, item, "a target must be a text, found %s",
                         doc_kind_name(item->kind));
    }
}

void sweep_bind_seed(struct binder *binder, const struct doc_node *node, void *target)
{
    char text[24] = "";
    char *end = text;
    uint64_t *seed = target;
    bool is_whole = (node->kind == DOC_INT || node->kind == DOC_BIGINT) &&
                    node->text.len < sizeof text && node->text.len &&
                    str_find_char(node->text, '-') < 0;
    if (node->kind == DOC_INT && node->integer >= 0) {
        *seed = (uint64_t)node->integer;
        return;
    }
    if (is_whole) {
        memcpy(text, node->text.at, node->text.len);
        *seed = strtoull(text, &end, 10);
    }
    struct str again = str_print(binder->arena, "%llu", (unsigned long long)*seed);
    if (!is_whole || !str_equal(again, node->text))
        binder_error(binder, node, "'seed' must be an integer from 0 to 2^64 - 1, found '%.*s'",
                     STR_FMT(str_slice(node->text, 0, 64)));
}

void sweep_bind_steps(struct binder *binder, const struct doc_node *node, void *target)
{
    struct sweep_steps *steps = target;
    if (node->kind == DOC_MAP)
        schema_bind(binder, &sweep_schema_steps, STR("of 'steps'"), node, steps);
    else if (node->kind == DOC_STR && node->text.len)
        steps->file = node->text;
    else
        binder_expected(binder, node, "a path or a mapping");
}

void sweep_bind_budget(struct binder *binder, const struct doc_node *node, void *target)
{
    schema_bind(binder, &sweep_schema_budget, STR("of 'budget'"), node, target);
}

/* An error of a part that was read by itself, told with others. */
static void add_error(struct binder *binder, struct error *error)
{
    if (error)
        error_list_add(binder->errors, error_recode(error, ERROR_PROJECT));
}

/* An error of a word: at its node, with what the word's own reader said. */
static void add_word_error(struct binder *binder, const struct doc_node *node, struct error *error)
{
    struct error *told = doc_error(node, "%s", error->text);
    if (told && error->hint)
        told = error_hint(told, "%s", error->hint);
    error_list_add(binder->errors, told);
    error_drop(error);
}

/* The target of `name`, a key of a mapping: `[+][FILE:]KEY`, or `~KEY` with null. */
static bool take_target(struct binder *binder, const struct doc_node *key, struct override *ret)
{
    bool removes = str_starts(key->text, STR("~"));
    struct str word = str_print(binder->arena, "%.*s%s", STR_FMT(key->text), removes ? "" : "=0");
    struct error *error = override_parse(binder->arena, word, ret);
    if (error)
        add_word_error(binder, key, error);
    return !error;
}

/* The values of a list, each once. */
static FALLIBLE take_values(struct arena *arena, const struct doc_node *list, struct dimension *ret)
{
    struct map seen = {0};
    if (!list->count)
        return doc_error(list, "this list is empty: there is nothing to choose from");
    if ((int64_t)list->count > LIMIT_SWEEP_CHOICES)
        return doc_error(list, "these are %zu values, more than %" PRId64, list->count,
                         LIMIT_SWEEP_CHOICES);
    *ret = (struct dimension){.kind = DIMENSION_CHOICE};
    ret->values = arena_new_array(arena, struct str, list->count);
    for (const struct doc_node *item = list->first; item; item = item->next) {
        struct buf encoded = buf_in(arena);
        doc_encode(item, arena, &encoded);
        struct str text = node_flow(arena, item);
        if (map_put(arena, &seen, buf_str(&encoded), (void *)(uintptr_t)text.at))
            return error_hint(wording_fault(&(struct wording){text, item}, text.at,
                                            "the value %.*s stands twice",
                                            STR_FMT(str_slice(text, 0, 64))),
                              "to run each combination several times, say '--repeat N' (in a sweep "
                              "file: 'repeat')");
        ret->values[ret->value_count++] = text;
    }
    return NULL;
}

/* A value that may be a range; a list is one of values, anything else one value. */
static bool take_range(struct binder *binder, const struct doc_node *node, struct dimension *ret,
                       struct str *ret_single, bool *ret_is_single)
{
    struct wording wording = {.word = node->text, .node = node};
    struct error *error = NULL;
    *ret_is_single = node->kind != DOC_LIST;
    if (node->kind == DOC_LIST)
        error = take_values(binder->arena, node, ret);
    else if (node->kind == DOC_STR)
        error = dimension_take(binder->arena, &wording, node->text, ret, ret_is_single);
    *ret_single = node_flow(binder->arena, node);
    add_error(binder, error);
    return !error;
}

static void push_range(struct binder *binder, struct sweep *sweep, const struct override *target,
                       const struct dimension *range, bool is_single)
{
    if (is_single) {
        *vec_push(binder->arena, &sweep->fixed) = *target;
        return;
    }
    struct dimension *new = vec_push(binder->arena, &sweep->dimensions);
    *new = *range;
    new->file = target->file;
    new->key = target->key;
    new->action = target->action;
}

/* `{file, key, text, action}`. */
static bool take_long(struct binder *binder, const struct doc_node *node, struct override *ret)
{
    int before = binder->errors->kept;
    *ret = (struct override){0};
    schema_bind(binder, &sweep_schema_assignment, binder->where, node, ret);
    if (binder->errors->kept == before && !ret->key.len)
        binder_error(binder, node, "the key is empty");
    return binder->errors->kept == before;
}

static void bind_space_item(struct binder *binder, const struct doc_node *item, struct sweep *sweep)
{
    struct override target = {0};
    struct dimension range = {0};
    bool is_single = true;
    struct wording wording = {.word = item->text, .node = item};
    if (item->kind == DOC_MAP) {
        if (!take_long(binder, item, &target))
            return;
        const struct doc_node *text = doc_find(item, STR("text"));
        wording = (struct wording){target.text, text ? text : item};
        struct error *error =
            text ? dimension_take(binder->arena, &wording, target.text, &range, &is_single) : NULL;
        add_error(binder, error);
        if (!error)
            push_range(binder, sweep, &target, &range, is_single);
        return;
    }
    if (item->kind != DOC_STR) {
        binder_error(binder, item, "a parameter must be KEY=RANGE, found %s",
                     doc_kind_name(item->kind));
        return;
    }
    struct error *error = dimension_parse(binder->arena, item->text, &range, &target, &is_single);
    if (error) {
        add_word_error(binder, item, error);
        return;
    }
    if (!is_single)
        target = (struct override){.file = range.file, .key = range.key, .action = range.action};
    push_range(binder, sweep, &target, &range, is_single);
}

void sweep_bind_space(struct binder *binder, const struct doc_node *node, void *target)
{
    struct sweep *sweep = target;
    if (node->kind != DOC_MAP && node->kind != DOC_LIST) {
        binder_expected(binder, node, "a mapping of parameters to ranges");
        return;
    }
    for (const struct doc_node *item = node->first; item; item = item->next) {
        struct override parameter = {0};
        struct dimension range = {0};
        bool is_single = true;
        if (node->kind == DOC_LIST)
            bind_space_item(binder, item, sweep);
        else if (item->kind == DOC_MAP)
            binder_error(binder, item,
                         "'%.*s' must be a range or a list of values, found a mapping (nested keys "
                         "are written with dots: '%.*s.KEY')",
                         STR_FMT(item->key->text), STR_FMT(item->key->text));
        else if (take_target(binder, item->key, &parameter) &&
                 take_range(binder, item, &range, &parameter.text, &is_single)) {
            if (parameter.action == EDIT_REMOVE)
                parameter.text = (struct str){0};
            push_range(binder, sweep, &parameter, &range,
                       is_single || parameter.action == EDIT_REMOVE);
        }
    }
}

static void bind_fixed_item(struct binder *binder, const struct doc_node *item,
                            struct override_vec *ret)
{
    struct override override = {0};
    if (item->kind == DOC_MAP) {
        if (take_long(binder, item, &override))
            *vec_push(binder->arena, ret) = override;
        return;
    }
    if (item->kind != DOC_STR) {
        binder_error(binder, item, "a parameter must be KEY=VALUE, found %s",
                     doc_kind_name(item->kind));
        return;
    }
    struct error *error = override_parse(binder->arena, item->text, &override);
    if (error)
        add_word_error(binder, item, error);
    else
        *vec_push(binder->arena, ret) = override;
}

void sweep_bind_fixed(struct binder *binder, const struct doc_node *node, void *target)
{
    struct override_vec *overrides = target;
    if (node->kind != DOC_MAP && node->kind != DOC_LIST) {
        binder_error(binder, node,
                     "parameters must be a mapping of keys to values or a list of KEY=VALUE, "
                     "found %s",
                     doc_kind_name(node->kind));
        return;
    }
    for (const struct doc_node *item = node->first; item; item = item->next) {
        struct override override = {0};
        if (node->kind == DOC_LIST)
            bind_fixed_item(binder, item, overrides);
        else if (take_target(binder, item->key, &override)) {
            override.text =
                override.action == EDIT_REMOVE ? (struct str){0} : node_flow(binder->arena, item);
            *vec_push(binder->arena, overrides) = override;
        }
    }
}

void sweep_bind_list(struct binder *binder, const struct doc_node *node, void *target)
{
    struct sweep *sweep = target;
    if (node->kind != DOC_LIST) {
        binder_expected(binder, node, "a list of combinations");
        return;
    }
    if (node->count > LIMIT_SWEEP_TRIALS) {
        binder_error(binder, node, "these are %zu combinations, more than %" PRId64, node->count,
                     LIMIT_SWEEP_TRIALS);
        return;
    }
    sweep->listed = arena_new_array(binder->arena, struct override_vec, node->count);
    for (const struct doc_node *item = node->first; item; item = item->next)
        sweep_bind_fixed(binder, item, &sweep->listed[sweep->listed_count++]);
    if (!sweep->listed_count)
        binder_error(binder, node, "the list of combinations is empty");
}

static void finish(struct sweep_draft *draft)
{
    struct sweep *sweep = &draft->sweep;
    sweep->method =
        draft->method < 0 ? sweep_method_default(sweep) : (enum sweep_method)draft->method;
    sweep->targets = draft->targets.at;
    sweep->target_count = draft->targets.len;
    sweep->metric_file = draft->metric.file;
    sweep->metric_key = draft->metric.key;
    sweep->seed_file = draft->repeat_seed.file;
    sweep->seed_key = draft->repeat_seed.key;
    sweep->budget_file = draft->budget.file;
    sweep->budget_key = draft->budget.key;
    if (!sweep->repeat)
        sweep->repeat = 1;
}

static FALLIBLE bind(struct arena *arena, const struct doc_node *node, struct sweep *ret)
{
    struct sweep_draft draft = {.method = -1};
    struct error_list errors = {0};
    struct binder binder = {.arena = arena, .errors = &errors};
    schema_bind(&binder, &sweep_schema, (struct str){0}, node, &draft);
    TRY(error_list_take(&errors));
    finish(&draft);
    *ret = draft.sweep;
    return NULL;
}

FALLIBLE sweep_bind(struct arena *arena, const struct doc_node *node, struct sweep *ret)
{
    const struct doc_node *inner = doc_find(node, STR("sweep"));
    return bind(arena, inner && node->count == 1 ? inner : node, ret);
}

FALLIBLE sweep_parse(struct arena *arena, struct str json, struct sweep *ret)
{
    struct doc *doc = NULL;
    struct error *error = json_parse(arena, STR("sweep"), json, &doc);
    if (!error)
        error = bind(arena, doc->root, ret);
    return error ? error_within(error_recode(error, ERROR_STORED), "a stored sweep is damaged")
                 : NULL;
}
