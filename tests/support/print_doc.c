/* Reads documents, so that tests can compare them with what others read. Standard input: lines of
 * JSON, {"name": "x.toml", "text": "..."} or, of any bytes, "hex" instead of "text". Standard
 * output, a line for each: {"value": V} or {"error": text, "line": N, "column": N}, where V is
 * ["null"],
 * ["bool", b], ["int", digits], ["real", hexadecimal], ["str", text], ["list", [V, ...]] or
 * ["map", [[key, V], ...]]. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/codec/json.h"
#include "mlops/codec/load.h"

#include <stdio.h>

static void print_value(struct arena *arena, struct json_writer *json, const struct doc_node *node);

static void print_children(struct arena *arena, struct json_writer *json,
                           const struct doc_node *node)
{
    json_open_list(json);
    for (const struct doc_node *child = node->first; child; child = child->next) {
        if (node->kind == DOC_LIST) {
            print_value(arena, json, child);
            continue;
        }
        json_open_list(json);
        json_str(json, child->key->text);
        print_value(arena, json, child);
        json_close_list(json);
    }
    json_close_list(json);
}

static void print_payload(struct arena *arena, struct json_writer *json,
                          const struct doc_node *node)
{
    switch (node->kind) {
    case DOC_NULL:
        break;
    case DOC_BOOL:
        json_bool(json, node->truth);
        break;
    case DOC_INT:
        json_str(json, str_print(arena, "%lld", (long long)node->integer));
        break;
    case DOC_REAL:
        json_str(json, str_print(arena, "%a", node->real));
        break;
    case DOC_BIGINT:
    case DOC_STR:
        json_str(json, node->text);
        break;
    case DOC_LIST:
    case DOC_MAP:
        print_children(arena, json, node);
        break;
    }
}

static void print_value(struct arena *arena, struct json_writer *json, const struct doc_node *node)
{
    static const char *const names[] = {
        [DOC_NULL] = "null", [DOC_BOOL] = "bool", [DOC_INT] = "int",   [DOC_BIGINT] = "int",
        [DOC_REAL] = "real", [DOC_STR] = "str",   [DOC_LIST] = "list", [DOC_MAP] = "map",
    };
    json_open_list(json);
    json_text(json, names[node->kind]);
    print_payload(arena, json, node);
    json_close_list(json);
}

static void print_error(struct json_writer *json, const struct error *error)
{
    json_name(json, "error");
    json_text(json, error->text);
    json_name(json, "line");
    json_int(json, error->mark.line);
    json_name(json, "column");
    json_int(json, error->mark.column);
}

static struct str bytes_of(struct arena *arena, const struct doc_node *request)
{
    static const char digits[] = "0123456789abcdef";
    const struct doc_node *text = doc_find(request, STR("text"));
    const struct doc_node *hex = doc_find(request, STR("hex"));
    struct buf bytes = buf_in(arena);
    check(text || hex);
    for (size_t i = 0; !text && i + 1 < hex->text.len; i += 2) {
        const char *high = strchr(digits, hex->text.at[i]);
        const char *low = strchr(digits, hex->text.at[i + 1]);
        check(high && low);
        buf_add_char(&bytes, (char)((high - digits) << 4 | (low - digits)));
    }
    return text ? text->text : bytes.len ? buf_str(&bytes) : STR("");
}

static void answer(struct arena *arena, struct str line)
{
    struct doc *request = NULL, *doc = NULL;
    struct buf out = buf_in(arena);
    struct json_writer json = {.out = &out};
    struct error *error = json_parse(arena, STR("request"), line, &request);
    check(!error);
    struct str bytes = bytes_of(arena, request->root);
    error = doc_load(arena, doc_find(request->root, STR("name"))->text, bytes, DOC_DVC, &doc);
    json_open_object(&json);
    if (error)
        print_error(&json, error);
    else {
        json_name(&json, "value");
        print_value(arena, &json, doc->root);
    }
    json_close_object(&json);
    error_drop(error);
    buf_add_char(&out, '\n');
    check(fwrite(out.at, 1, out.len, stdout) == out.len);
}

int main(void)
{
    AUTO(buf_drop) struct buf input = {0};
    struct str line;
    for (size_t got = 1; got > 0; input.len += got)
        got = fread(buf_reserve(&input, 65536), 1, 65536, stdin);
    struct str rest = buf_str(&input);
    while (str_split(&rest, '\n', &line)) {
        AUTO(arena_drop) struct arena arena = {0};
        if (line.len)
            answer(&arena, line);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
