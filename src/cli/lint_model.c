#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/model/name.h"

#include "lint_private.h"

void lint_print_named(struct json_writer *json, const char *name, const struct doc_node *node)
{
    if (!node)
        return;
    json_name(json, name);
    lint_print_value(json, node);
}

static void print_text(struct json_writer *json, const char *name, struct str text)
{
    if (!text.len)
        return;
    json_name(json, name);
    json_str(json, text);
}

static void print_flag(struct json_writer *json, const char *name, bool value, bool is_default)
{
    if (value == is_default)
        return;
    json_name(json, name);
    json_bool(json, value);
}

static void print_command(struct json_writer *json, const struct command *cmd)
{
    if (!cmd->count && !cmd->is_list)
        return;
    json_name(json, "cmd");
    if (!cmd->is_list) {
        json_str(json, cmd->items[0]);
        return;
    }
    json_open_list(json);
    for (size_t i = 0; i < cmd->count; i++)
        json_str(json, cmd->items[i]);
    json_close_list(json);
}

static void print_deps(struct json_writer *json, const struct dependency_vec *deps)
{
    if (!deps->len)
        return;
    json_name(json, "deps");
    json_open_list(json);
    vec_each (const struct dependency, dep, deps)
        json_str(json, dep->written);
    json_close_list(json);
}

/* `path` as it is called in the directory `from`; both relative to the project. */
static struct str relative_to(struct arena *arena, struct str from, struct str path)
{
    struct buf out = buf_in(arena);
    struct str base = from;
    while (!path_is_within(path, base)) {
        base = path_directory(base);
        buf_add_text(&out, "../");
    }
    size_t skipped = base.len && base.len < path.len ? base.len + 1 : base.len;
    buf_add_str(&out, str_slice(path, skipped, path.len));
    return buf_str(&out);
}

static struct str params_file(struct arena *arena, const struct stage *stage, struct str file)
{
    bool is_outside = (file.len && file.at[0] == '/') || str_starts(file, STR("..")) ||
                      str_starts(stage->wdir, STR(".."));
    return is_outside ? file : relative_to(arena, stage->wdir, file);
}

static int compare_param_places(const void *a, const void *b)
{
    const struct param_ref *left = a;
    const struct param_ref *right = b;
    int by_file = str_compare(left->file, right->file);
    if (by_file || !left->node || !right->node)
        return by_file;
    if (left->node->line != right->node->line)
        return left->node->line < right->node->line ? -1 : 1;
    if (left->node->column != right->node->column)
        return left->node->column < right->node->column ? -1 : 1;
    return str_compare(left->key, right->key);
}

/* Keys of each file in the order of the pipeline's file; none: the whole file. */
static void print_params(struct arena *arena, struct json_writer *json, const struct stage *stage)
{
    struct param_vec params = {0};
    struct str file = {0};
    if (!stage->params.len)
        return;
    vec_each (const struct param_ref, param, &stage->params)
        *vec_push(arena, &params) = *param;
    vec_sort(&params, compare_param_places);
    json_name(json, "params");
    json_open_object(json);
    vec_each (const struct param_ref, param, &params) {
        bool is_first = param == params.at;
        if (is_first || !str_equal(file, param->file)) {
            if (!is_first)
                json_close_list(json);
            file = param->file;
            json_name_str(json, params_file(arena, stage, file));
            json_open_list(json);
        }
        if (param->key.len)
            json_str(json, param->key);
    }
    json_close_list(json);
    json_close_object(json);
}

static void print_category(struct json_writer *json, const struct output *out)
{
    if (out->category == OUT_METRICS) {
        json_name(json, "metric");
        json_bool(json, true);
    }
    if (out->category != OUT_PLOT)
        return;
    json_name(json, "plot");
    if (out->plot && out->plot->kind == DOC_MAP && out->plot->count)
        lint_print_value(json, out->plot);
    else
        json_bool(json, true);
}

static void print_outs(struct json_writer *json, const struct output_vec *outs)
{
    if (!outs->len)
        return;
    json_name(json, "outs");
    json_open_list(json);
    vec_each (const struct output, out, outs) {
        json_open_object(json);
        json_name(json, "path");
        json_str(json, out->written);
        print_flag(json, "cache", out->is_cached, true);
        print_flag(json, "persist", out->persists, false);
        print_flag(json, "push", out->is_pushed, true);
        print_text(json, "remote", out->remote);
        print_text(json, "desc", out->desc);
        print_text(json, "type", out->type);
        lint_print_named(json, "labels", out->labels);
        lint_print_named(json, "meta", out->meta);
        print_category(json, out);
        json_close_object(json);
    }
    json_close_list(json);
}

void lint_print_model(struct arena *arena, struct json_writer *json, const struct stage *stage)
{
    json_open_object(json);
    print_command(json, &stage->cmd);
    json_name(json, "wdir");
    json_str(json, stage->wdir.len ? stage->wdir : STR("."));
    print_text(json, "desc", stage->desc);
    lint_print_named(json, "meta", stage->meta);
    print_deps(json, &stage->deps);
    print_params(arena, json, stage);
    print_outs(json, &stage->outs);
    print_flag(json, "frozen", stage->is_frozen, false);
    print_flag(json, "always_changed", stage->is_always_changed, false);
    json_close_object(json);
}
