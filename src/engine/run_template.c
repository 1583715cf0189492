/* Values that `${...}` took from files of parameters are not in the key: they change a command, and
 * that runs the stage. To say so they are remembered beside the stat cache: disposable, and where
 * they are lost only the changed command is told. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/canon.h"

#include "run_private.h"

#define TAG STR("mlops.templates.1")

static const struct str kind = {"templates", 9};

struct seen_values {
    struct recipe values; /* only its parameters */
};

static FALLIBLE decode_params(struct arena *arena, struct canon_reader *reader,
                              struct recipe *recipe)
{
    size_t count = 0;
    TRY(canon_read_list(reader, &count));
    recipe->params = arena_new_array(arena, struct recipe_param, count / 3);
    for (recipe->param_count = 0; recipe->param_count < count / 3; recipe->param_count++) {
        struct recipe_param *param = &recipe->params[recipe->param_count];
        TRY(canon_read_str(reader, &param->file));
        TRY(canon_read_str(reader, &param->key));
        TRY(canon_read_str(reader, &param->encoded));
        param->shown = recipe_show(arena, param->encoded);
    }
    return NULL;
}

static FALLIBLE decode(struct arena *arena, struct str bytes, struct map *ret)
{
    struct canon_reader reader = canon_reader_of(bytes);
    size_t count = 0;
    TRY(canon_expect_tag(&reader, TAG));
    TRY(canon_read_list(&reader, &count));
    for (size_t i = 0; i < count / 2; i++) {
        struct str stage;
        struct seen_values *seen = arena_new(arena, struct seen_values);
        TRY(canon_read_str(&reader, &stage));
        TRY(decode_params(arena, &reader, &seen->values));
        map_put(arena, ret, stage, seen);
    }
    return canon_expect_end(&reader);
}

/* What was remembered, read once. */
static const struct map *remembered(struct run_state *state)
{
    struct session *session = state->session;
    if (state->templates_read)
        return &state->templates;
    state->templates_read = true;
    struct str blob = {0};
    struct map found = {0};
    if (index_blob(session->index, session->arena, kind, session->pipeline->path, &blob)) {
        struct error *error = decode(session->arena, blob, &found);
        if (!error)
            state->templates = found;
        error_drop(error);
    }
    return &state->templates;
}

static struct seen_values *values_now(struct arena *arena, const struct stage *stage)
{
    struct seen_values *now = arena_new(arena, struct seen_values);
    const struct recipe_param_vec values = recipe_tracked(arena, stage);
    now->values.params = values.at;
    now->values.param_count = values.len;
    return now;
}

/* A template can change the command, and any path. */
static bool may_be_cause(const struct reason_vec *reasons)
{
    for (size_t i = 0; i < reasons->len; i++) {
        enum reason_part part = reasons->at[i].part;
        if (part == REASON_CMD || part == REASON_DEP || part == REASON_OUT || part == REASON_WDIR)
            return true;
    }
    return false;
}

void run_explain_templates(struct run_state *state, struct step *step)
{
    struct arena *arena = state->session->arena;
    if (!step->stage->tracked.len || !may_be_cause(&step->verdict.reasons))
        return;
    const struct seen_values *before = map_get(remembered(state), step->stage->name);
    if (!before)
        return;
    struct reason_vec reasons = {0};
    recipe_diff(arena, &before->values, &values_now(arena, step->stage)->values, &reasons);
    vec_each (struct reason, reason, &reasons) {
        if (!reason->before.len || !reason->after.len)
            continue; /* the text of the template changed, not a value */
        reason->part = REASON_TEMPLATE;
        *vec_push(arena, &step->verdict.reasons) = *reason;
    }
}

static void encode_stage(struct str name, const struct seen_values *seen, struct buf *out)
{
    canon_str(out, name);
    canon_list(out, seen->values.param_count * 3);
    for (size_t i = 0; i < seen->values.param_count; i++) {
        canon_str(out, seen->values.params[i].file);
        canon_str(out, seen->values.params[i].key);
        canon_str(out, seen->values.params[i].encoded);
    }
}

static bool is_made(enum stage_status status)
{
    return status == STATUS_EXECUTED || status == STATUS_RESTORED || status == STATUS_UNCHANGED;
}

/* Stages that are not new are left as they were, so that a run that does nothing writes nothing. */
static bool note_stage(struct arena *arena, struct map *seen, const struct outcome *outcome)
{
    const struct stage *stage = outcome->stage;
    bool is_known = map_get(seen, stage->name);
    bool is_new = outcome->status != STATUS_UNCHANGED || !is_known;
    if (!stage->tracked.len || !is_made(outcome->status) || !is_new)
        return false;
    map_put(arena, seen, stage->name, values_now(arena, stage));
    return true;
}

void run_note_templates(struct run_state *state)
{
    struct session *session = state->session;
    struct arena *arena = session->arena;
    bool has_changed = false, has_tracked = false;
    vec_each (struct stage, stage, &session->pipeline->stages)
        has_tracked |= stage->tracked.len > 0;
    if (!has_tracked)
        return;
    struct map seen = *remembered(state);
    for (size_t i = 0; i < session->pipeline->stages.len; i++)
        has_changed |= note_stage(arena, &seen, &state->outcomes[i]);
    if (!has_changed)
        return;
    AUTO(buf_drop) struct buf blob = {0};
    canon_str(&blob, TAG);
    size_t count = 0;
    map_each (entry, &seen)
        count += map_has(&session->pipeline->by_name, entry->key);
    canon_list(&blob, count * 2);
    map_each (entry, &seen) {
        if (map_has(&session->pipeline->by_name, entry->key))
            encode_stage(entry->key, entry->value, &blob);
    }
    index_set_blob(session->index, kind, session->pipeline->path, buf_str(&blob));
}
