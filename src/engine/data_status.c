/* Pointers against the work tree. */
#include "mlops/base/arena.h"
#include "mlops/engine/data.h"
#include "mlops/engine/import.h"
#include "mlops/host/signal.h"
#include "mlops/model/event.h"

#include <stdlib.h>

const char *data_state_name(enum data_state state)
{
    static const char *const names[] = {"unchanged", "modified", "deleted", "not_fetched",
                                        "not_stored"};
    return names[state];
}

static void note(struct arena *arena, struct data_changes *changes, char sign, struct str path)
{
    changes->added += sign == '+';
    changes->changed += sign == '~';
    changes->removed += sign == '-';
    if (changes->named.len < DATA_CHANGES_NAMED)
        *vec_push(arena, &changes->named) = (struct data_change){sign, str_copy(arena, path)};
}

static bool is_same(const struct worktree_file *a, const struct worktree_file *b)
{
    return a->kind == b->kind && digest_equal(a->digest, b->digest);
}

static int by_path(const void *a, const void *b)
{
    return str_compare(((const struct worktree_file *)a)->path,
                       ((const struct worktree_file *)b)->path);
}

/* A tree lists "a/b" before "a.b"; as texts they are the other way round. */
static void sort_files(struct worktree_file *files, size_t count)
{
    if (count > 1)
        qsort(files, count, sizeof files[0], by_path);
}

void data_compare_files(struct arena *arena, struct worktree_file *before, size_t before_count,
                        struct worktree_file *after, size_t after_count, struct data_changes *ret)
{
    size_t old = 0, new = 0;
    sort_files(before, before_count);
    sort_files(after, after_count);
    while (old < before_count || new < after_count) {
        int order = old == before_count  ? 1
                    : new == after_count ? -1
                                         : str_compare(before[old].path, after[new].path);
        if (order < 0)
            note(arena, ret, '-', before[old].path);
        else if (order > 0)
            note(arena, ret, '+', after[new].path);
        else if (!is_same(&before[old], &after[new]))
            note(arena, ret, '~', after[new].path);
        old += order <= 0;
        new += order >= 0;
    }
}

struct finding {
    struct arena *arena;
    struct data_changes *changes;
};

static void find_one(void *context, char sign, struct str path)
{
    struct finding *finding = context;
    note(finding->arena, finding->changes, sign, path);
}

static int by_name(const void *a, const void *b)
{
    return str_compare(((const struct data_change *)a)->path,
                       ((const struct data_change *)b)->path);
}

static FALLIBLE find_changes(struct session *session, const struct artifact *recorded,
                             struct data_changes *ret)
{
    struct finding finding = {session->arena, ret};
    struct worktree_visitor visitor = {find_one, &finding};
    bool is_known = false;
    ret->is_unknown = true;
    if (!session->cas)
        return NULL;
    TRY(worktree_compare(session->worktree, recorded, LOOK_OUT, &visitor, &is_known));
    if (!is_known)
        *ret = (struct data_changes){0};
    ret->is_unknown = !is_known;
    vec_sort(&ret->named, by_name);
    return NULL;
}

/* What can't be read is not as recorded; why is told beside the answer. */
static FALLIBLE look(struct session *session, struct data_status *status, bool *ret_readable)
{
    struct error *error =
        worktree_look(session->worktree, status->pointer->artifact.path, LOOK_OUT, &status->now);
    *ret_readable = error == NULL;
    if (!error || error->code >= ERROR_SIGNAL)
        return error;
    struct event event = {.kind = EVENT_WARNING,
                          .text = str_copy(session->arena, str_of(error->text))};
    error_drop(error);
    observer_tell(session->observer, &event);
    return NULL;
}

static FALLIBLE judge(struct session *session, struct data_status *status)
{
    const struct artifact *recorded = &status->pointer->artifact;
    bool is_readable = false, has = false;
    TRY(signal_check());
    TRY(look(session, status, &is_readable));
    status->state = DATA_MODIFIED;
    if (!is_readable)
        return NULL;
    if (status->now.kind == ARTIFACT_ABSENT) {
        if (session->cas)
            TRY(worktree_can_restore(session->worktree, recorded, &has));
        status->state = has ? DATA_DELETED : DATA_NOT_FETCHED;
        return NULL;
    }
    if (!artifact_equal(&status->now, recorded))
        return find_changes(session, recorded, &status->changes);
    /* Of a directory the top stands for all: asking for each file would double the work. */
    if (session->cas)
        TRY(cas_has(session->cas, recorded->digest, &has));
    status->state = has ? DATA_UNCHANGED : DATA_NOT_STORED;
    return NULL;
}

/* --- what DVC tracks --- */

static FALLIBLE judge_dvc(struct session *session, struct data_status *status, bool is_same)
{
    const struct artifact *recorded = &status->pointer->artifact;
    bool is_readable = false, has = false;
    status->state = DATA_UNCHANGED;
    if (is_same)
        return NULL;
    TRY(look(session, status, &is_readable));
    status->state = DATA_MODIFIED;
    if (is_readable && status->now.kind == ARTIFACT_ABSENT) {
        if (session->cas && status->dvc->is_known)
            TRY(worktree_can_restore(session->worktree, recorded, &has));
        status->state = has ? DATA_DELETED : DATA_NOT_FETCHED;
    } else if (is_readable && status->dvc->is_known)
        return find_changes(session, recorded, &status->changes);
    return NULL;
}

static const struct pointer *pointer_like(struct arena *arena, const struct dvc_tracked *tracked)
{
    struct pointer *pointer = arena_new(arena, struct pointer);
    *pointer = (struct pointer){.file = tracked->file, .artifact = tracked->artifact};
    return pointer;
}

FALLIBLE data_status_dvc(struct session *session, const struct dvc_tracked_vec *tracked,
                         struct data_status_vec *ret)
{
    struct arena *arena = session->arena;
    size_t count = 0;
    const struct dvc_tracked **chosen =
        arena_new_array(arena, const struct dvc_tracked *, tracked->len + 1);
    const struct dvc_entry **entries =
        arena_new_array(arena, const struct dvc_entry *, tracked->len + 1);
    bool *same = arena_new_array(arena, bool, tracked->len + 1);
    vec_each (const struct dvc_tracked, one, tracked) {
        if (one->stage.len)
            continue; /* the plan tells of outputs */
        chosen[count] = one;
        entries[count++] = one->entry;
    }
    if (count)
        TRY(import_compare(session, entries, count, same));
    for (size_t i = 0; i < count; i++) {
        struct data_status *status = vec_push(arena, ret);
        *status = (struct data_status){.pointer = pointer_like(arena, chosen[i]), .dvc = chosen[i]};
        TRY(signal_check());
        TRY(judge_dvc(session, status, same[i]));
    }
    return NULL;
}

FALLIBLE data_status(struct session *session, const struct pointer_vec *pointers,
                     struct data_status_vec *ret)
{
    struct worktree_wish *wishes =
        arena_new_array(session->arena, struct worktree_wish, pointers->len);
    for (size_t i = 0; i < pointers->len; i++)
        wishes[i] = (struct worktree_wish){.path = pointers->at[i]->artifact.path,
                                           .role = LOOK_OUT,
                                           .recorded = &pointers->at[i]->artifact};
    TRY(worktree_prefetch(session->worktree, wishes, pointers->len, session->observer));
    for (size_t i = 0; i < pointers->len; i++) {
        struct data_status *status = vec_push(session->arena, ret);
        status->pointer = pointers->at[i];
        TRY(judge(session, status));
    }
    return NULL;
}
