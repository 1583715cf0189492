#include "mlops/cli/experiment.h"

#include "mlops/base/arena.h"

FALLIBLE experiment_parse(struct arena *arena, const struct str_vec *words,
                          struct override_vec *ret)
{
    vec_each (struct str, word, words) {
        struct override override = {0};
        TRY(override_parse(arena, *word, &override));
        *vec_push(arena, ret) = override;
    }
    return override_check(ret);
}

static struct str shortened(struct arena *arena, struct str text)
{
    enum { MOST = 60 };
    if (text.len <= MOST)
        return text;
    return str_print(arena, "%.*s...", STR_FMT(str_slice(text, 0, MOST)));
}

static void tell(struct context *context, struct session *session,
                 const struct override_change *change)
{
    struct arena *arena = session->arena;
    struct str file = workspace_show(arena, &session->workspace, change->file);
    struct str before = shortened(arena, change->before), after = shortened(arena, change->after);
    if (change->is_same)
        context_notice(context, "%.*s: '%.*s' is %.*s already", STR_FMT(file), STR_FMT(change->key),
                       STR_FMT(after));
    else if (change->action == EDIT_SET)
        context_notice(context, "%.*s: '%.*s' changed from %.*s to %.*s", STR_FMT(file),
                       STR_FMT(change->key), STR_FMT(before), STR_FMT(after));
    else if (change->action == EDIT_ADD)
        context_notice(context, "%.*s: '%.*s' added: %.*s", STR_FMT(file), STR_FMT(change->key),
                       STR_FMT(after));
    else
        context_notice(context, "%.*s: '%.*s' removed, it was %.*s", STR_FMT(file),
                       STR_FMT(change->key), STR_FMT(before));
}

static FALLIBLE write_all(struct context *context, struct session *session,
                          struct override_vec *overrides, struct override_change_vec *ret)
{
    if (session->workspace.is_new)
        context_notice(context, "made .mlops/ in '%.*s'", STR_FMT(session->workspace.root));
    TRY(override_resolve(session, overrides));
    TRY(override_write(session, overrides, ret));
    vec_each (struct override_change, change, ret)
        tell(context, session, change);
    return NULL;
}

FALLIBLE experiment_write(struct context *context, const struct stage_words *words,
                          struct override_vec *overrides, struct override_change_vec *ret)
{
    struct session session = {0};
    struct error *error = stages_open(context, words, &session);
    if (!error)
        error = write_all(context, &session, overrides, ret);
    session_drop(&session);
    return error;
}

static void text_or_null(struct json_writer *json, const char *name, struct str text)
{
    json_name(json, name);
    text.len ? json_str(json, text) : json_null(json);
}

void experiment_json(struct json_writer *json, const struct override_change_vec *changes)
{
    json_name(json, "parameters");
    json_open_list(json);
    vec_each (struct override_change, change, changes) {
        json_open_object(json);
        text_or_null(json, "file", change->file);
        text_or_null(json, "key", change->key);
        text_or_null(json, "before", change->before);
        text_or_null(json, "after", change->after);
        json_close_object(json);
    }
    json_close_list(json);
}
