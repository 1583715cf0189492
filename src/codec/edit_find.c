/* What a value and a key mean, and where that stands. */
#include "doc_private.h"
#include "edit_private.h"

/* ---- Values and names ---- */

static FALLIBLE no_value(struct str text, const char *why)
{
    return error_hint(
        error_new(ERROR_USAGE, "'%.*s' is no value: %s", STR_FMT(str_slice(text, 0, 200)), why),
        "a value is one number, word, [list] or {key: value}, as in YAML; put quotes "
        "around a text that holds , : # or brackets");
}

/* "uniform(0,1)" */
static bool is_call(struct str text)
{
    size_t at = 0;
    while (at < text.len && ((text.at[at] >= 'a' && text.at[at] <= 'z') || text.at[at] == '_'))
        at++;
    return at > 0 && at < text.len && text.at[at] == '(' && text.at[text.len - 1] == ')';
}

static FALLIBLE several_values(struct str text, size_t count)
{
    struct str shown = str_slice(text, 0, 200);
    if (is_call(text))
        return error_hint(
            error_new(ERROR_USAGE, "'%.*s' is a range, not one value", STR_FMT(shown)),
            "a sweep tries it: mlops sweep -S 'KEY=%.*s'; a text with brackets stands in quotes",
            STR_FMT(shown));
    return error_hint(
        error_new(ERROR_USAGE, "'%.*s' is %zu values, not one", STR_FMT(shown), count),
        "a list takes brackets: [%.*s]; values to try one by one are a sweep: "
        "mlops sweep -S 'KEY=%.*s'",
        STR_FMT(shown), STR_FMT(shown));
}

FALLIBLE edit_value(struct arena *arena, struct str text, enum doc_dialect dialect,
                    struct doc_node **ret)
{
    const struct doc_options options = {.dialect = dialect, .refuse_anchors = true};
    struct doc *doc = NULL;
    if (str_find_char(text, '\n') >= 0 || str_find_char(text, '\r') >= 0)
        return no_value(text, "it holds a line break (\"\\n\" in double quotes stands for one)");
    struct str list = str_print(arena, "[%.*s]", STR_FMT(text));
    struct error *error = doc_parse(arena, STR("value"), list, &options, &doc);
    if (error) {
        struct error *told = no_value(text, error->text);
        error_drop(error);
        return told;
    }
    struct doc_node *root = doc->root;
    if (root->kind != DOC_LIST)
        return no_value(text, "it closes a bracket that it did not open");
    if (root->count > 1)
        return several_values(text, root->count);
    if (root->first && root->first->kind == DOC_MAP && str_find_char(text, '{') < 0)
        return no_value(text, "a mapping takes braces");
    TRY(root->first ? NULL : doc_parse(arena, STR("value"), STR("null"), &options, &doc));
    *ret = root->first ? root->first : doc->root;
    (*ret)->next = NULL;
    return NULL;
}

struct nearest {
    struct arena *arena;
    struct str key;
    struct str best;
    int distance;
    int64_t looked_at;
};

static void compare_name(struct nearest *nearest, struct str path)
{
    struct str key = nearest->key;
    ptrdiff_t dot = str_find_last_char(path, '.');
    struct str last = dot < 0 ? path : str_slice(path, (size_t)dot + 1, path.len);
    int distance = str_equal(last, key) ? 1 : 64;
    size_t longer = path.len > key.len ? path.len - key.len : key.len - path.len;
    if (longer < 4)
        distance = MIN_OF(distance, str_distance(path, key));
    if (distance >= nearest->distance)
        return;
    nearest->distance = distance;
    nearest->best = path;
}

/* So many names are compared: a file with more is no list that anyone mistypes. */
enum { NAMES_MOST = 100000 };

/* Recursion is bounded by LIMIT_DOCUMENT_DEPTH. */
static void compare_names(struct nearest *nearest, const struct doc_node *node, struct str above)
{
    if (node->kind != DOC_MAP)
        return;
    for (const struct doc_node *child = node->first; child && nearest->looked_at++ < NAMES_MOST;
         child = child->next) {
        struct str path = str_print(nearest->arena, "%.*s%s%.*s", STR_FMT(above),
                                    above.len ? "." : "", STR_FMT(child->key->text));
        compare_name(nearest, path);
        compare_names(nearest, child, path);
    }
}

struct str edit_nearest(struct arena *arena, const struct doc_node *root, struct str key)
{
    int most = MIN_OF(3, MAX_OF(1, (int)(key.len / 3)));
    struct nearest nearest = {.arena = arena, .key = key, .distance = most + 1};
    compare_names(&nearest, root, (struct str){0});
    return nearest.best;
}

/* ---- The place ---- */

static size_t ordinal_of(const struct doc_node *parent, const struct doc_node *child)
{
    size_t ordinal = 0;
    for (const struct doc_node *at = parent->first; at != child; at = at->next)
        ordinal++;
    return ordinal;
}

static bool push(struct edit_path *path, struct doc_node *node, size_t ordinal)
{
    if (path->count == EDIT_STEPS_MOST)
        return false;
    path->nodes[path->count] = node;
    path->ordinals[path->count++] = ordinal;
    return true;
}

bool edit_find_path(struct doc_node *node, struct str dotted, struct edit_path *path)
{
    for (struct str part = dotted;;) {
        int count = path->count;
        struct doc_node *found =
            node->kind == DOC_LIST || node->kind == DOC_MAP ? doc_find_path(node, part) : NULL;
        /* A part is one step: what doc_find_path found by several is tried by shorter parts. */
        if (found && node->kind == DOC_MAP && doc_find(node, part) != found)
            found = NULL;
        if (found && node->kind == DOC_LIST && str_find_char(part, '.') >= 0)
            found = NULL;
        if (found && push(path, found, ordinal_of(node, found))) {
            if (part.len == dotted.len ||
                edit_find_path(found, str_slice(dotted, part.len + 1, dotted.len), path))
                return true;
        }
        path->count = count;
        ptrdiff_t dot = str_find_last_char(part, '.');
        if (dot < 0)
            return false;
        part.len = (size_t)dot;
    }
}

static struct span *find_child(struct edited *edited, struct span *owner,
                               const struct doc_node *node, size_t ordinal)
{
    edit_flow_open(edited, owner);
    struct span *child = owner->first;
    if (owner->style == SPAN_TABLE)
        return edit_table_child(edited, node);
    if (node->key) {
        while (child && (child->line != node->key->line || child->column != node->key->column))
            child = child->next;
        return child;
    }
    while (child && ordinal-- > 0)
        child = child->next;
    return child;
}

FALLIBLE edit_refuse(struct edited *edited, const struct doc_node *node, const char *why)
{
    return error_hint(doc_error(node->key ? node->key : node, "'%.*s' can't be changed here: %s",
                                STR_FMT(edited->edit->key), why),
                      "change the file by hand");
}

/* A key that a mapping has from another one by '<<' may be written into it. */
static bool may_be_own(const struct edited *edited, const struct edit_path *path, int step)
{
    const struct doc_node *key = path->nodes[step]->key;
    return edited->language == LOAD_YAML && edited->edit->action == EDIT_SET && key &&
           step + 1 == path->count && str_find_char(key->text, '.') < 0;
}

FALLIBLE edit_follow(struct edited *edited, const struct edit_path *path, struct span **ret_owner,
                     struct span **ret)
{
    struct span *span = edited->root, *owner = NULL;
    for (int i = 1; i < path->count; i++) {
        struct doc_node *node = path->nodes[i];
        if (span && span->style == SPAN_ALIAS)
            return edit_refuse(edited, node, "an alias stands there for a value of another place");
        owner = span;
        span = span ? find_child(edited, span, node, path->ordinals[i]) : NULL;
        if (!span && !(owner && may_be_own(edited, path, i)))
            return edit_refuse(edited, node,
                               edited->language == LOAD_YAML
                                   ? "its mapping has it from another one by '<<'"
                                   : "it is not written as a plain value");
    }
    *ret_owner = owner;
    *ret = span;
    return NULL;
}
