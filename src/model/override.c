#include "mlops/model/override.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/base/map.h"
#include "mlops/codec/load.h"

#include <inttypes.h>
#include <strings.h>

static bool is_sign(char c)
{
    return c == '+' || c == '~';
}

static bool has_suffix(struct str name, const char *suffix)
{
    size_t len = strlen(suffix);
    return name.len > len && strncasecmp(name.at + name.len - len, suffix, len) == 0;
}

static bool is_values_file(struct str name)
{
    return load_language(name) != LOAD_YAML || has_suffix(name, ".yaml") ||
           has_suffix(name, ".yml");
}

/* Takes `FILE:` from the front of a key. */
static void split_file(struct str *key, struct str *ret_file)
{
    for (size_t i = 0; i < key->len; i++) {
        struct str file = str_slice(*key, 0, i);
        if (key->at[i] != ':' || !is_values_file(file))
            continue;
        *ret_file = file;
        *key = str_slice(*key, i + 1, key->len);
        return;
    }
}

/* Takes `+` or `~`, which may stand in front of the file or of the key. */
static void take_action(struct str *head, enum edit_action *action)
{
    if (!head->len || !is_sign(head->at[0]) || *action != EDIT_SET)
        return;
    *action = head->at[0] == '+' ? EDIT_ADD : EDIT_REMOVE;
    *head = str_slice(*head, 1, head->len);
}

static FALLIBLE check_key(struct str word, struct str key)
{
    if (key.len && !is_sign(key.at[0]) && (int64_t)key.len <= LIMIT_KEY_BYTES)
        return NULL;
    const char *why = !key.len           ? "names no key"
                      : key.at[0] == '+' ? "has two signs: '+' alone adds a key"
                      : key.at[0] == '~' ? "has two signs: '~' alone removes a key"
                                         : "is longer than a key may be (limit KEY_BYTES)";
    return error_hint(
        error_new(ERROR_USAGE, "'%.*s' %s", STR_FMT(str_slice(word, 0, 200)), why),
        "[FILE:]KEY=VALUE changes a parameter, +KEY=VALUE adds one, ~KEY removes one");
}

/* Between the key and the value, or that there is none. */
static FALLIBLE split_value(struct str word, enum edit_action action, ptrdiff_t equals)
{
    struct str shown = str_slice(word, 0, 200);
    if (action == EDIT_REMOVE && equals >= 0)
        return error_hint(
            error_new(ERROR_USAGE, "'%.*s' removes a key and gives it a value", STR_FMT(shown)),
            "~KEY removes, KEY=VALUE changes");
    if (action != EDIT_REMOVE && equals < 0)
        return error_hint(error_new(ERROR_USAGE, "'%.*s' gives no value", STR_FMT(shown)),
                          "KEY=VALUE changes a parameter, +KEY=VALUE adds one, ~KEY removes one");
    return NULL;
}

/* The end of "[7]" or "[-1]" at `at`, or `at`. */
static size_t behind_index(struct str key, size_t at)
{
    size_t end = at + 1;
    end += end < key.len && key.at[end] == '-';
    size_t digits = end;
    while (end < key.len && key.at[end] >= '0' && key.at[end] <= '9')
        end++;
    return end > digits && end < key.len && key.at[end] == ']' ? end + 1 : at;
}

/* `layers[0].size` as `layers.0.size`. */
static struct str with_dots(struct arena *arena, struct str key)
{
    struct buf out = buf_in(arena);
    for (size_t i = 0; i < key.len; i++) {
        size_t end = key.at[i] == '[' && i > 0 ? behind_index(key, i) : i;
        if (end == i) {
            buf_add_char(&out, key.at[i]);
            continue;
        }
        buf_add_char(&out, '.');
        buf_add_str(&out, str_slice(key, i + 1, end - 1));
        i = end - 1;
    }
    return buf_str(&out);
}

FALLIBLE override_parse(struct arena *arena, struct str word, struct override *ret)
{
    struct override override = {.action = EDIT_SET};
    ptrdiff_t equals = str_find_char(word, '=');
    struct str head = str_trim(equals < 0 ? word : str_slice(word, 0, (size_t)equals));
    take_action(&head, &override.action);
    split_file(&head, &override.file);
    take_action(&head, &override.action);
    override.key = with_dots(arena, str_trim(head));
    TRY(check_key(word, override.key));
    TRY(split_value(word, override.action, equals));
    if (equals >= 0) {
        struct doc_node *value = NULL;
        override.text = str_trim(str_slice(word, (size_t)equals + 1, word.len));
        override.text = override.text.len ? override.text : STR("null");
        TRY(edit_value(arena, override.text, DOC_NATIVE, &value));
    }
    *ret = override;
    return NULL;
}

bool override_is_word(struct str word)
{
    ptrdiff_t colon = str_find_char(word, ':');
    bool has_sign = colon >= 0 && (size_t)colon + 1 < word.len && is_sign(word.at[colon + 1]);
    if (!word.len || word.at[0] == '-')
        return false;
    return str_find_char(word, '=') >= 0 || is_sign(word.at[0]) || has_sign;
}

struct str override_print(struct arena *arena, const struct override *override)
{
    static const char *const signs[] = {[EDIT_SET] = "", [EDIT_ADD] = "+", [EDIT_REMOVE] = "~"};
    bool has_file = override->file.len && !str_is(override->file, "params.yaml");
    return str_print(arena, "%s%.*s%s%.*s%s%.*s", signs[override->action],
                     STR_FMT(has_file ? override->file : STR("")), has_file ? ":" : "",
                     STR_FMT(override->key), override->action == EDIT_REMOVE ? "" : "=",
                     STR_FMT(override->text));
}

/* The number that a key ends with, in a list; false: it ends with a name. */
static bool last_index(struct str key, int64_t *ret)
{
    struct str part = str_slice(key, (size_t)(str_find_last_char(key, '.') + 1), key.len);
    bool is_negative = part.len > 1 && part.at[0] == '-';
    *ret = 0;
    for (size_t i = is_negative; i < part.len; i++) {
        if (part.at[i] < '0' || part.at[i] > '9' || *ret > LIMIT_DOCUMENT_NODES)
            return false;
        *ret = *ret * 10 + (part.at[i] - '0');
    }
    *ret = is_negative ? -*ret : *ret;
    return part.len > 0;
}

static int depth_of(struct str key)
{
    int depth = 0;
    for (size_t i = 0; i < key.len; i++)
        depth += key.at[i] == '.';
    return depth;
}

static struct str above(struct str key)
{
    ptrdiff_t dot = str_find_last_char(key, '.');
    return str_slice(key, 0, dot < 0 ? 0 : (size_t)dot);
}

/* What is left of a list moves up when an item goes: so the deepest keys go first, and of a list
 * the last item. */
static int compare_removed(const void *a, const void *b)
{
    const struct override *const *one = a, *const *other = b;
    int64_t at = 0, other_at = 0;
    int deeper = depth_of((*other)->key) - depth_of((*one)->key);
    int apart = str_compare(above((*one)->key), above((*other)->key));
    if (deeper || apart)
        return deeper ? deeper : apart;
    bool is_index = last_index((*one)->key, &at), is_other = last_index((*other)->key, &other_at);
    if (!is_index || !is_other)
        return is_index - is_other;
    int larger_first = (at < other_at) - (at > other_at);
    return at < 0 && other_at < 0 ? -larger_first : larger_first;
}

const struct override **override_order(struct arena *arena, const struct override_vec *overrides)
{
    const struct override **order =
        arena_new_array(arena, const struct override *, overrides->len + 1);
    size_t count = 0;
    vec_each (struct override, change, overrides)
        if (change->action != EDIT_REMOVE)
            order[count++] = change;
    size_t kept = count;
    vec_each (struct override, change, overrides)
        if (change->action == EDIT_REMOVE)
            order[count++] = change;
    if (count > kept + 1)
        qsort(order + kept, count - kept, sizeof order[0], compare_removed);
    return order;
}

FALLIBLE override_check(const struct override_vec *overrides)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct map seen = {0};
    if ((int64_t)overrides->len > LIMIT_OVERRIDES)
        return error_new(ERROR_USAGE,
                         "more than %" PRId64 " parameters are changed (limit OVERRIDES)",
                         LIMIT_OVERRIDES);
    vec_each (struct override, override, overrides) {
        struct str place =
            str_print(&scratch, "%.*s:%.*s", STR_FMT(override->file), STR_FMT(override->key));
        if (map_put(&scratch, &seen, place, override))
            return error_hint(
                error_new(ERROR_USAGE, "'%.*s' is given twice", STR_FMT(override->key)),
                "give each parameter one value; several are a sweep: mlops sweep -S "
                "'%.*s=1,2'",
                STR_FMT(override->key));
    }
    return NULL;
}
