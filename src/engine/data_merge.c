/* Pointers that git could not merge. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/model/name.h"

#include "data_merge_private.h"

/* --- what git left --- */

static FALLIBLE parse_side(struct session *session, const struct vcs_conflict *found,
                           const char *side, struct str bytes, struct str file,
                           const struct pointer **ret)
{
    struct arena *arena = session->arena;
    if (!bytes.at)
        return NULL;
    struct pointer *pointer = arena_new(arena, struct pointer);
    struct str name = str_print(arena, "%.*s (%s)", STR_FMT(found->path), side);
    TRY(pointer_parse(arena, name, bytes, file, pointer));
    *ret = pointer;
    return NULL;
}

static FALLIBLE add_conflict(struct session *session, const struct vcs_conflict *found,
                             struct data_conflict_vec *ret)
{
    struct str top = session_vcs_path(session, session->arena, STR(""));
    if (!pointer_is_name(path_name(found->path)) || !str_starts(found->path, top))
        return NULL;
    struct str file = str_slice(found->path, top.len, found->path.len);
    struct data_conflict conflict = {.file = file};
    TRY(parse_side(session, found, "base", found->base, file, &conflict.base));
    TRY(parse_side(session, found, "ours", found->ours, file, &conflict.ours));
    TRY(parse_side(session, found, "theirs", found->theirs, file, &conflict.theirs));
    *vec_push(session->arena, ret) = conflict;
    return NULL;
}

/* Without the library nothing is seen of a repository: that is no answer. */
FALLIBLE data_conflicts(struct session *session, struct data_conflict_vec *ret)
{
    struct vcs *vcs = NULL;
    struct vcs_conflict_vec found = {0};
    TRY(session_vcs(session, &vcs));
    if (!vcs) {
        struct error *error = vcs_check_none(session->workspace.project);
        return error ? error_hint(error, "install libgit2: git's index tells both sides") : NULL;
    }
    TRY(vcs_conflicts(vcs, session->arena, STR(POINTER_SUFFIX), LIMIT_DOCUMENT_BYTES, &found));
    vec_each (const struct vcs_conflict, one, &found)
        TRY(add_conflict(session, one, ret));
    return NULL;
}

FALLIBLE data_conflict_lacks(struct session *session, const struct data_conflict *conflict,
                             struct artifact **ret, size_t *ret_count)
{
    const struct pointer *sides[] = {conflict->base, conflict->ours, conflict->theirs};
    *ret = arena_new_array(session->arena, struct artifact, COUNT_OF(sides));
    *ret_count = 0;
    for (size_t i = 0; i < COUNT_OF(sides); i++) {
        struct version ignored = {0};
        bool is_known = true;
        if (sides[i] && sides[i]->artifact.kind == ARTIFACT_TREE)
            TRY(merge_load(session, sides[i], &ignored, &is_known));
        if (!is_known)
            (*ret)[(*ret_count)++] = sides[i]->artifact;
    }
    return NULL;
}

/* One of two values: what only one side changed, else what the choice says; false: neither. */
static bool choose_side(bool ours_is_base, bool theirs_is_base, bool are_same, enum data_side side,
                        bool *ret_theirs)
{
    *ret_theirs = !are_same && !theirs_is_base && (ours_is_base || side == SIDE_THEIRS);
    return are_same || ours_is_base || theirs_is_base || side != SIDE_NONE;
}

static bool is_same_source(const struct pointer *a, const struct pointer *b)
{
    return a && b && str_equal(a->source.url, b->source.url) &&
           str_equal(a->source.etag, b->source.etag) &&
           str_equal(a->source.modified, b->source.modified) &&
           a->source.is_frozen == b->source.is_frozen;
}

static bool is_same_desc(const struct pointer *a, const struct pointer *b)
{
    return a && b && str_equal(a->desc, b->desc);
}

static void merge_fields(struct merging *merging)
{
    const struct data_conflict *conflict = merging->conflict;
    const struct pointer *base = conflict->base, *ours = conflict->ours;
    const struct pointer *theirs = conflict->theirs;
    struct pointer *merged = &merging->merge->merged;
    bool takes_theirs = false;
    bool is_decided = choose_side(is_same_source(base, ours), is_same_source(base, theirs),
                                  is_same_source(ours, theirs), merging->side, &takes_theirs);
    if (takes_theirs)
        merged->source = theirs->source;
    if (!is_decided)
        merge_undecided(
            merging, str_print(merging->session->arena, "%.*s: source", STR_FMT(conflict->file)));
    is_decided = choose_side(is_same_desc(base, ours), is_same_desc(base, theirs),
                             is_same_desc(ours, theirs), merging->side, &takes_theirs);
    if (takes_theirs)
        merged->desc = theirs->desc;
    if (!is_decided)
        merge_undecided(merging,
                        str_print(merging->session->arena, "%.*s: desc", STR_FMT(conflict->file)));
}

/* A file, or a directory that one side made a file of. */
static void merge_whole(struct merging *merging)
{
    const struct data_conflict *conflict = merging->conflict;
    const struct artifact *base = conflict->base ? &conflict->base->artifact : NULL;
    const struct artifact *ours = &conflict->ours->artifact;
    const struct artifact *theirs = &conflict->theirs->artifact;
    bool takes_theirs = false;
    bool is_decided =
        choose_side(base && artifact_equal(base, ours), base && artifact_equal(base, theirs),
                    artifact_equal(ours, theirs), merging->side, &takes_theirs);
    if (takes_theirs)
        merging->merge->merged.artifact = *theirs;
    merging->merge->from_theirs += takes_theirs;
    merging->merge->from_ours += is_decided && !takes_theirs;
    if (!is_decided)
        merge_undecided(merging, ours->path);
}

static FALLIBLE check_sides(const struct data_conflict *conflict)
{
    if (conflict->ours && conflict->theirs)
        return NULL;
    struct error *error =
        error_new(ERROR_PROJECT, "'%.*s' was removed on %s and changed on the other side",
                  STR_FMT(conflict->file), conflict->ours ? "their side" : "our side");
    return error_hint(error, "keep it with git add '%.*s', or remove it with git rm '%.*s'",
                      STR_FMT(conflict->file), STR_FMT(conflict->file));
}

FALLIBLE data_resolve(struct session *session, const struct data_conflict *conflict,
                      enum data_side side, struct data_merge *ret)
{
    AUTO(data_lock_drop) struct data_lock lock = {0};
    struct merging merging = {.session = session, .conflict = conflict, .side = side, .merge = ret};
    bool changed = false;
    TRY(check_sides(conflict));
    *ret = (struct data_merge){.merged = *conflict->ours};
    TRY(data_lock(session, &lock));
    merge_fields(&merging);
    if (conflict->ours->artifact.kind == ARTIFACT_TREE &&
        conflict->theirs->artifact.kind == ARTIFACT_TREE)
        TRY(merge_trees(&merging));
    else
        merge_whole(&merging);
    if (ret->undecided.len)
        return NULL;
    return pointers_save(&session->workspace, &ret->merged, &changed);
}
