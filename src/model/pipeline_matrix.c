/* matrix: the product of its axes; native pipelines leave out (`exclude`) and add (`include`)
 * combinations, by the rules of the same words of GitHub Actions (docs.github.com, "Workflow
 * syntax": jobs.<job_id>.strategy.matrix). */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"

#include "pipeline_private.h"

/* A value of an axis: the fragment of the name that it gives, and itself under the axis' name. */
struct choice {
    struct str fragment;
    struct value *value;
};

VEC(choice_vec, struct choice);

struct axis {
    struct str name;
    const struct doc_node *node;
    struct choice_vec choices;
};

VEC(axis_vec, struct axis);

struct combination {
    struct str name;
    struct value *item;
    bool is_out; /* excluded */
};

VEC(combination_vec, struct combination);

struct matrix {
    struct binding *binding;
    struct definition *definition;
    const struct doc_node *node;
    struct axis_vec axes;
    struct combination_vec combinations;
    struct map names; /* -> struct value *, the item that has it */
    int64_t compared; /* bytes of lists and mappings that rules were held against */
};

static bool is_branch(const struct value *value)
{
    return value->kind == DOC_LIST || value->kind == DOC_MAP;
}

static void add_choice(struct matrix *matrix, struct axis *axis, struct value *value)
{
    struct arena *arena = matrix->binding->binder.arena;
    struct str fragment = is_branch(value)
                              ? str_print(arena, "%.*s%zu", STR_FMT(axis->name), axis->choices.len)
                              : template_text(arena, value->node);
    *vec_push(arena, &axis->choices) =
        (struct choice){fragment, value_renamed(arena, value, axis->name)};
}

static void add_text_choice(struct matrix *matrix, struct axis *axis, struct str text)
{
    struct arena *arena = matrix->binding->binder.arena;
    struct doc_node *node = arena_new(arena, struct doc_node);
    *node = *axis->node;
    node->kind = DOC_STR;
    node->text = text;
    node->next = node->first = NULL;
    add_choice(matrix, axis, value_of_node(arena, node, NULL));
}

static void tell_no_list(struct matrix *matrix, const struct axis *axis, const struct value *value)
{
    binding_error(matrix->binding, axis->node,
                  "'%.*s' of 'matrix' of '%.*s' must be a list, found %s", STR_FMT(axis->name),
                  STR_FMT(matrix->definition->entry->key->text), doc_kind_name(value->kind));
}

/* What Python makes of a text that it is asked to go over. */
static void add_characters(struct matrix *matrix, struct axis *axis, struct str text)
{
    for (size_t at = 0; at < text.len;) {
        uint32_t code;
        size_t used = MAX_OF(utf8_decode(text.at + at, text.len - at, &code), (size_t)1);
        add_text_choice(matrix, axis, str_slice(text, at, at + used));
        at += used;
    }
}

static bool take_doubtful(struct matrix *matrix, struct axis *axis, struct value *value)
{
    struct arena *arena = matrix->binding->binder.arena;
    bool is_dvc = matrix->binding->is_dvc;
    if (!is_dvc || (value->kind != DOC_MAP && value->kind != DOC_STR)) {
        tell_no_list(matrix, axis, value);
        return false;
    }
    binding_warn(matrix->binding, axis->node, "'%.*s' of 'matrix' is no list: DVC goes over the %s",
                 STR_FMT(axis->name), value->kind == DOC_MAP ? "keys" : "characters");
    if (value->kind == DOC_STR) {
        add_characters(matrix, axis, value->node->text);
        return true;
    }
    const struct value_vec *children = value_children(arena, value);
    for (size_t i = 0; i < children->len; i++)
        add_text_choice(matrix, axis, children->at[i]->name);
    return true;
}

static bool add_axis(struct matrix *matrix, struct value *value)
{
    struct arena *arena = matrix->binding->binder.arena;
    struct axis *axis = vec_push(arena, &matrix->axes);
    *axis = (struct axis){.name = value->name, .node = matrix->node};
    const struct doc_node *own = doc_find(matrix->node, value->name);
    if (own)
        axis->node = own;
    if (value->kind != DOC_LIST)
        return take_doubtful(matrix, axis, value);
    const struct value_vec *children = value_children(arena, value);
    for (size_t i = 0; i < children->len; i++)
        add_choice(matrix, axis, children->at[i]);
    return true;
}

/* Empty once no more errors are shown: an item may be as large as a file. */
static struct str shown_item(struct matrix *matrix, struct value *item)
{
    struct arena *arena = matrix->binding->binder.arena;
    if (matrix->binding->errors.kept >= LIMIT_ERRORS_TOLD)
        return (struct str){0};
    const struct doc_node *node = value_node(arena, item);
    struct str text = doc_show(arena, node);
    return str_slice(text, 0, (size_t)LIMIT_SHOWN_BYTES);
}

static void add_combination(struct matrix *matrix, struct str name, struct value *item)
{
    struct arena *arena = matrix->binding->binder.arena;
    struct value *other = map_put(arena, &matrix->names, name, item);
    if (other) {
        struct str first = shown_item(matrix, other);
        struct str second = shown_item(matrix, item);
        binding_error(matrix->binding, matrix->node,
                      "two combinations of 'matrix' have the name '%.*s@%.*s': %.*s and %.*s",
                      STR_FMT(matrix->definition->entry->key->text), STR_FMT(name), STR_FMT(first),
                      STR_FMT(second));
        return;
    }
    *vec_push(arena, &matrix->combinations) = (struct combination){.name = name, .item = item};
}

/* The combination with those choices, an index for each axis. False, and told: its name is longer
 * than a stage's may be; those of all others may be as long. */
static bool make_combination(struct matrix *matrix, const size_t *chosen)
{
    struct arena *arena = matrix->binding->binder.arena;
    struct buf name = buf_in(arena);
    buf_add_text(&name, "");
    struct value *item = value_new(arena, DOC_MAP, NULL);
    for (size_t i = 0; i < matrix->axes.len; i++) {
        const struct choice *choice = &matrix->axes.at[i].choices.at[chosen[i]];
        if (i)
            buf_add_char(&name, '-');
        buf_add_str(&name, choice->fragment);
        value_add(arena, item, matrix->axes.at[i].name, choice->value);
        if ((int64_t)name.len <= LIMIT_DVC_NAME_BYTES)
            continue;
        binding_error(matrix->binding, matrix->node,
                      "'matrix' makes a stage name of more than %lld bytes (limit DVC_NAME_BYTES)",
                      (long long)LIMIT_DVC_NAME_BYTES);
        return false;
    }
    add_combination(matrix, buf_str(&name), item);
    return true;
}

/* The next one in order, the last axis fastest; false after the last. */
static bool step(const struct matrix *matrix, size_t *chosen)
{
    for (size_t i = matrix->axes.len; i-- > 0;) {
        if (++chosen[i] < matrix->axes.at[i].choices.len)
            return true;
        chosen[i] = 0;
    }
    return false;
}

/* How many there are; more than LIMIT_STAGES if too many. */
static size_t product(const struct matrix *matrix)
{
    size_t count = matrix->axes.len ? 1 : 0;
    bool is_empty = false;
    vec_each (struct axis, axis, &matrix->axes)
        is_empty |= axis->choices.len == 0;
    if (is_empty)
        return 0;
    vec_each (struct axis, axis, &matrix->axes) {
        if (axis->choices.len > (size_t)LIMIT_STAGES / count)
            return (size_t)LIMIT_STAGES + 1;
        count *= axis->choices.len;
    }
    return count;
}

static bool make_product(struct matrix *matrix)
{
    struct arena *arena = matrix->binding->binder.arena;
    size_t count = product(matrix);
    if (count > (size_t)LIMIT_STAGES) {
        binding_error(matrix->binding, matrix->node, "'matrix' makes more than %lld stages",
                      (long long)LIMIT_STAGES);
        return false;
    }
    size_t *chosen = arena_new_array(arena, size_t, matrix->axes.len);
    bool is_fine = true;
    if ((int64_t)(count * matrix->axes.len) > LIMIT_TEMPLATE_NODES) {
        binding_error(matrix->binding, matrix->node,
                      "'matrix' makes more than %lld values (limit TEMPLATE_NODES)",
                      (long long)LIMIT_TEMPLATE_NODES);
        return false;
    }
    do {
        is_fine = !count || make_combination(matrix, chosen);
    } while (is_fine && count && step(matrix, chosen));
    return is_fine;
}

static bool is_equal(struct matrix *matrix, struct value *one, struct value *other)
{
    if (one->kind == DOC_STR && other->kind == DOC_STR)
        return str_equal(one->node->text, other->node->text);
    const struct doc_node *node = value_node(matrix->binding->binder.arena, one);
    const struct doc_node *other_node = value_node(matrix->binding->binder.arena, other);
    if (node == other_node || node->kind != other_node->kind ||
        matrix->compared > LIMIT_TEMPLATE_BYTES)
        return node == other_node;
    AUTO(buf_drop) struct buf left = {0};
    AUTO(buf_drop) struct buf right = {0};
    AUTO(arena_drop) struct arena scratch = {0};
    doc_encode(node, &scratch, &left);
    doc_encode(other_node, &scratch, &right);
    matrix->compared += (int64_t)left.len + (int64_t)right.len;
    return str_equal(buf_str(&left), buf_str(&right));
}

static bool is_axis(const struct matrix *matrix, struct str name)
{
    vec_each (struct axis, axis, &matrix->axes) {
        if (str_equal(axis->name, name))
            return true;
    }
    return false;
}

/* Whether the combination has all the values of `some`; of names that are axes only, if asked. */
static bool has_values(struct matrix *matrix, struct value *item, struct value *some,
                       bool only_axes)
{
    struct arena *arena = matrix->binding->binder.arena;
    const struct value_vec *wanted = value_children(arena, some);
    for (size_t i = 0; i < wanted->len; i++) {
        struct value *own = value_find(arena, item, wanted->at[i]->name);
        if (only_axes && !is_axis(matrix, wanted->at[i]->name))
            continue;
        if (!own || !is_equal(matrix, own, wanted->at[i]))
            return false;
    }
    return true;
}

/* The list of mappings under `exclude` or `include`. */
static const struct value_vec *find_rules(struct matrix *matrix, struct value *data,
                                          const char *word)
{
    static const struct value_vec none;
    struct arena *arena = matrix->binding->binder.arena;
    struct value *list = value_find(arena, data, str_of(word));
    if (!list)
        return &none;
    const struct value_vec *rules = value_children(arena, list);
    bool is_fine = list->kind == DOC_LIST;
    for (size_t i = 0; is_fine && i < rules->len; i++)
        is_fine = rules->at[i]->kind == DOC_MAP;
    if (is_fine)
        return rules;
    binding_error(matrix->binding, doc_find(matrix->node, str_of(word)),
                  "'%s' of 'matrix' must be a list of mappings", word);
    return &none;
}

static void exclude(struct matrix *matrix, struct value *rule)
{
    bool has_any = false;
    vec_each (struct combination, combination, &matrix->combinations) {
        bool fits = has_values(matrix, combination->item, rule, false);
        if (fits)
            map_put(matrix->binding->binder.arena, &matrix->names, combination->name, NULL);
        combination->is_out |= fits;
        has_any |= fits;
    }
    if (!has_any) {
        struct str shown = shown_item(matrix, rule);
        binding_warn(matrix->binding, matrix->node, "'exclude' %.*s fits no combination",
                     STR_FMT(shown));
    }
}

static void add_values(struct matrix *matrix, struct value *item, struct value *rule)
{
    struct arena *arena = matrix->binding->binder.arena;
    const struct value_vec *added = value_children(arena, rule);
    for (size_t i = 0; i < added->len; i++) {
        struct value *own = value_find(arena, item, added->at[i]->name);
        struct value *value = value_renamed(arena, added->at[i], added->at[i]->name);
        if (!own)
            value_add(arena, item, value->name, value);
        else if (!is_axis(matrix, value->name))
            *own = *value; /* of an earlier rule: an item of this combination alone */
    }
}

/* "value" of a scalar, "axis3" of others. */
static struct str rule_fragment(struct matrix *matrix, struct value *value, size_t number)
{
    struct arena *arena = matrix->binding->binder.arena;
    return is_branch(value) ? str_print(arena, "%.*s%zu", STR_FMT(value->name), number)
                            : template_text(arena, value->node);
}

static void add_fragment(struct buf *name, struct str fragment)
{
    buf_print(name, "%s%.*s", name->len ? "-" : "", STR_FMT(fragment));
}

/* A combination of its own: named by its axes in their order, then by its other values. */
static void add_rule(struct matrix *matrix, struct value *rule, size_t number)
{
    struct arena *arena = matrix->binding->binder.arena;
    struct buf name = buf_in(arena);
    buf_add_text(&name, "");
    vec_each (struct axis, axis, &matrix->axes) {
        struct value *value = value_find(arena, rule, axis->name);
        if (value)
            add_fragment(&name, rule_fragment(matrix, value, axis->choices.len + number));
    }
    const struct value_vec *values = value_children(arena, rule);
    for (size_t i = 0; i < values->len; i++) {
        if (!is_axis(matrix, values->at[i]->name))
            add_fragment(&name, rule_fragment(matrix, values->at[i], number));
    }
    struct value *item = value_new(arena, DOC_MAP, NULL);
    add_values(matrix, item, rule);
    add_combination(matrix, buf_str(&name), item);
}

/* Adds to every combination of the product whose own values it leaves alone, else is one itself. */
static void include(struct matrix *matrix, struct value *rule, size_t number, size_t product_count)
{
    bool has_any = false;
    for (size_t i = 0; i < product_count; i++) {
        struct combination *combination = &matrix->combinations.at[i];
        if (combination->is_out || !has_values(matrix, combination->item, rule, true))
            continue;
        add_values(matrix, combination->item, rule);
        has_any = true;
    }
    if (!has_any)
        add_rule(matrix, rule, number);
}

static bool is_rule(const struct matrix *matrix, struct str name)
{
    return !matrix->binding->is_dvc && (str_is(name, "include") || str_is(name, "exclude"));
}

static bool add_axes(struct matrix *matrix, struct value *data)
{
    const struct value_vec *children = value_children(matrix->binding->binder.arena, data);
    bool is_fine = true;
    for (size_t i = 0; i < children->len; i++) {
        if (!is_rule(matrix, children->at[i]->name))
            is_fine = add_axis(matrix, children->at[i]) && is_fine;
    }
    return is_fine;
}

/* Above this many comparisons of a rule with a combination the file is refused. */
enum { COMPARISONS_MOST = 10000000 };

static bool has_too_many_rules(struct matrix *matrix, const struct value_vec *rules)
{
    if (rules->len <= COMPARISONS_MOST / MAX_OF(matrix->combinations.len, (size_t)1))
        return false;
    binding_error(matrix->binding, matrix->node, "'matrix' has too many rules for %zu combinations",
                  matrix->combinations.len);
    return true;
}

static void apply_rules(struct matrix *matrix, struct value *data)
{
    const struct value_vec *excluded = find_rules(matrix, data, "exclude");
    const struct value_vec *included = find_rules(matrix, data, "include");
    if (has_too_many_rules(matrix, excluded) || has_too_many_rules(matrix, included))
        return;
    for (size_t i = 0; i < excluded->len; i++)
        exclude(matrix, excluded->at[i]);
    size_t product_count = matrix->combinations.len;
    for (size_t i = 0; i < included->len; i++)
        include(matrix, included->at[i], i, product_count);
    if (matrix->compared > LIMIT_TEMPLATE_BYTES)
        binding_error(matrix->binding, matrix->node,
                      "the rules of 'matrix' compare more than %lld bytes (limit TEMPLATE_BYTES)",
                      (long long)LIMIT_TEMPLATE_BYTES);
}

static struct value *name_value(struct matrix *matrix, struct str name)
{
    struct arena *arena = matrix->binding->binder.arena;
    struct doc_node *node = arena_new(arena, struct doc_node);
    *node = *matrix->definition->entry->key;
    node->kind = DOC_STR;
    node->text = name;
    struct value *value = value_of_node(arena, node, NULL);
    value->name = STR("key");
    return value;
}

void pipeline_expand_matrix(struct binding *binding, struct definition *definition,
                            struct value *data)
{
    struct matrix matrix = {.binding = binding,
                            .definition = definition,
                            .node = doc_find(definition->entry, STR("matrix"))};
    if (data->kind != DOC_MAP || !value_children(binding->binder.arena, data)->len) {
        binding_error(binding, matrix.node,
                      "'matrix' of '%.*s' must be a mapping of names to lists",
                      STR_FMT(definition->entry->key->text));
        return;
    }
    int before = error_count(binding);
    if (!add_axes(&matrix, data) || !make_product(&matrix))
        return;
    if (!binding->is_dvc)
        apply_rules(&matrix, data);
    if (error_count(binding) != before)
        return;
    vec_each (struct combination, combination, &matrix.combinations) {
        if (!combination->is_out)
            pipeline_add_instance(
                binding, definition, combination->name,
                value_renamed(binding->binder.arena, combination->item, STR("item")),
                name_value(&matrix, combination->name));
    }
}
