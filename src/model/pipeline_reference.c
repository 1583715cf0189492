/* What native pipelines add to expressions: `${env.NAME}` and `${stage.NAME.outs[0]}`. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"

#include <stdlib.h>

#include "pipeline_private.h"

static const char *const list_words[] = {"outs", "metrics", "plots"};

enum { REFERENCE_WORDS = 4 }; /* stage, its name (which may hold dots), the list, the index */

bool reference_stage_name(struct arena *arena, const struct template_piece *piece, struct str *ret)
{
    if (!piece->is_expression || piece->word_count < REFERENCE_WORDS ||
        !str_is(piece->words[0], "stage"))
        return false;
    struct buf name = buf_in(arena);
    for (size_t i = 1; i + 2 < piece->word_count; i++) {
        if (i > 1)
            buf_add_char(&name, '.');
        buf_add_str(&name, piece->words[i]);
    }
    *ret = buf_str(&name);
    return true;
}

static struct value *text_value(struct resolution *to, const struct template *template,
                                struct str text)
{
    struct arena *arena = to->binding->binder.arena;
    struct doc_node *node = arena_new(arena, struct doc_node);
    *node = *template->node;
    node->kind = DOC_STR;
    node->text = text;
    node->first = node->next = node->key = NULL;
    return value_of_node(arena, node, NULL);
}

/* The variable of the environment mlops itself runs in. */
static const char *find_variable(const struct binding *binding, struct str name)
{
    const char *const *environment = binding->sources->environment;
    if (!environment)
        return getenv(str_terminate(binding->binder.arena, name));
    for (; *environment; environment++) {
        struct str row = str_of(*environment);
        if (str_starts(row, name) && row.len > name.len && row.at[name.len] == '=')
            return row.at + name.len + 1;
    }
    return NULL;
}

static struct value *env_value(struct resolution *to, const struct template *template,
                               const struct template_piece *piece)
{
    struct arena *arena = to->binding->binder.arena;
    struct str name = piece->words[1];
    bool is_name = piece->word_count == 2 && name.len && str_find_char(name, '\0') < 0 &&
                   str_find_char(name, '=') < 0;
    const char *text = is_name ? find_variable(to->binding, name) : NULL;
    if (!text) {
        resolution_error(to, template, piece, "the environment variable '%.*s' is not set",
                         STR_FMT(name));
        return NULL;
    }
    *vec_push(arena, &to->variables) = (struct used_variable){name, template, piece};
    return text_value(to, template, str_copy(arena, str_of(text)));
}

void pipeline_check_variables(struct resolution *to, const struct stage *stage)
{
    vec_each (struct used_variable, used, &to->variables) {
        vec_each (struct env_var, variable, &stage->env) {
            if (str_equal(variable->from_env, used->name))
                resolution_error(to, used->template, used->piece,
                                 "'%.*s' is passed on by 'from_env': its value is a secret that "
                                 "no text may hold (write \\${%.*s} for the shell's own)",
                                 STR_FMT(used->name), STR_FMT(variable->name));
        }
    }
}

static struct str relative_to(struct arena *arena, struct str from, struct str path)
{
    if (str_starts(path, STR("/")) || from.len == 0)
        return path;
    while (from.len) {
        struct str rest_from = from;
        struct str rest_path = path;
        struct str part_from;
        struct str part_path;
        if (!str_split(&rest_from, '/', &part_from) || !str_split(&rest_path, '/', &part_path) ||
            !str_equal(part_from, part_path) || !rest_path.len)
            break;
        from = rest_from;
        path = rest_path;
    }
    struct buf out = buf_in(arena);
    struct str part;
    while (from.len && str_split(&from, '/', &part))
        buf_add_text(&out, "../");
    buf_add_str(&out, path);
    return buf_str(&out);
}

/* The output with that number among those of its list; negative: from the end. */
static const struct output *find_output(const struct stage *stage, enum out_category category,
                                        struct str index)
{
    int64_t count = 0;
    vec_each (struct output, output, &stage->outs)
        count += output->category == category;
    char text[24] = "";
    char *end;
    memcpy(text, index.at, MIN_OF(index.len, sizeof text - 1));
    int64_t at = strtoll(text, &end, 10);
    if (index.len == 0 || index.len >= sizeof text || *end)
        return NULL;
    at += at < 0 ? count : 0;
    vec_each (struct output, output, &stage->outs) {
        if (output->category == category && at-- == 0)
            return output;
    }
    return NULL;
}

static bool find_category(struct str word, enum out_category *ret)
{
    for (size_t i = 0; i < COUNT_OF(list_words); i++) {
        if (str_is(word, list_words[i])) {
            *ret = (enum out_category)i;
            return true;
        }
    }
    return false;
}

static struct value *stage_value(struct resolution *to, const struct template *template,
                                 const struct template_piece *piece)
{
    struct arena *arena = to->binding->binder.arena;
    struct str name;
    enum out_category category;
    if (!to->instance) {
        resolution_error(to, template, piece,
                         "only values of a stage may name another stage's "
                         "paths");
        return NULL;
    }
    if (!reference_stage_name(arena, piece, &name) ||
        !find_category(piece->words[piece->word_count - 2], &category)) {
        resolution_error(to, template, piece,
                         "a path of a stage is written ${stage.NAME.outs[0]} (or metrics, plots)");
        return NULL;
    }
    const struct instance *instance = map_get(&to->binding->local_names, name);
    if (!instance || instance->state != INSTANCE_DONE) {
        bool is_group = map_has(&to->binding->pipeline->groups, name);
        resolution_error(to, template, piece, "there is no stage '%.*s'%s", STR_FMT(name),
                         is_group ? ": it is a group, name one of its stages" : "");
        return NULL;
    }
    const struct output *output =
        find_output(instance->stage, category, piece->words[piece->word_count - 1]);
    if (!output) {
        resolution_error(to, template, piece, "stage '%.*s' has no '%s[%.*s]'", STR_FMT(name),
                         list_words[category], STR_FMT(piece->words[piece->word_count - 1]));
        return NULL;
    }
    return text_value(to, template, relative_to(arena, to->wdir, output->path));
}

bool pipeline_is_reference(const struct resolution *to, const struct template_piece *piece)
{
    return !to->binding->is_dvc && piece->word_count > 1 &&
           (str_is(piece->words[0], "env") || str_is(piece->words[0], "stage"));
}

struct value *pipeline_find_reference(struct resolution *to, const struct template *template,
                                      const struct template_piece *piece)
{
    return str_is(piece->words[0], "env") ? env_value(to, template, piece)
                                          : stage_value(to, template, piece);
}
