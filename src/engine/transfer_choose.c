/* Which roots the words of a command line name. */
#include "mlops/base/arena.h"
#include "mlops/codec/glob.h"
#include "mlops/codec/schema.h"
#include "mlops/model/name.h"
#include "mlops/model/pointer.h"

#include "transfer_private.h"

/* A word, and the path that it may be. */
struct target {
    struct str word, path;
    bool is_pattern, is_used;
    bool is_whole; /* names all of something */
};
VEC(target_vec, struct target);

struct choosing {
    struct rooting *rooting;
    struct target_vec targets;
    struct str_vec inputs; /* of chosen stages */
    bool *is_whole;        /* of each candidate: all of it is chosen */
    struct transfer_root_vec *ret;
};

static FALLIBLE make_target(struct rooting *rooting, struct str word, struct target *ret)
{
    const struct workspace *workspace = rooting->workspace;
    *ret = (struct target){.word = word, .is_pattern = glob_is_pattern(word)};
    if (!ret->is_pattern)
        return workspace_path(rooting->arena, workspace, word, &ret->path);
    if (!path_resolve(rooting->arena, workspace->cwd, word, &ret->path))
        return error_new(ERROR_USAGE, "'%.*s' lies outside the project", STR_FMT(word));
    return NULL;
}

/* STAGE, FILE:STAGE, or a foreach or matrix stage: all its instances. */
static bool is_stage(const struct candidate *candidate, struct str word)
{
    struct str name = word;
    ptrdiff_t colon = str_find_last_char(word, ':');
    if (!candidate->stage.len)
        return false;
    if (colon >= 0 && !str_equal(candidate->stage, word)) {
        struct str file = str_slice(word, 0, (size_t)colon);
        name = str_slice(word, (size_t)colon + 1, word.len);
        if (!str_equal(candidate->pipeline, file.len ? file : STR("dvc.yaml")))
            return false;
    }
    bool is_instance = candidate->stage.len > name.len && str_starts(candidate->stage, name) &&
                       candidate->stage.at[name.len] == '@';
    return str_equal(candidate->stage, name) || is_instance;
}

static bool matches_above(struct str pattern, struct str path)
{
    for (struct str at = path; at.len; at = path_directory(at)) {
        if (glob_match(pattern, at))
            return true;
    }
    return false;
}

/* How much of a candidate a target names. */
static enum walk_choice match(const struct candidate *candidate, const struct target *target)
{
    struct str path = candidate->root.artifact.path;
    bool is_tree = candidate->root.artifact.kind == ARTIFACT_TREE;
    if (is_stage(candidate, target->word))
        return WALK_ALL;
    if (target->is_pattern) {
        if (matches_above(target->path, path))
            return WALK_ALL;
        return is_tree && glob_may_match_below(target->path, path) ? WALK_SOME : WALK_NONE;
    }
    bool is_pointer =
        (!candidate->stage.len || candidate->root.dvc) &&
        str_equal(candidate->root.dvc ? candidate->root.dvc->file : candidate->root.named_by,
                  target->path);
    if (path_is_within(path, target->path) || is_pointer ||
        (candidate->pipeline.len && str_equal(candidate->pipeline, target->path)))
        return WALK_ALL;
    return is_tree && path_is_within(target->path, path) ? WALK_SOME : WALK_NONE;
}

static void choose_whole(struct choosing *choosing, size_t index)
{
    struct arena *arena = choosing->rooting->arena;
    const struct candidate *candidate = &choosing->rooting->candidates.at[index];
    if (choosing->is_whole[index])
        return;
    choosing->is_whole[index] = true;
    *vec_push(arena, choosing->ret) = candidate->root;
    for (size_t i = 0; candidate->recipe && i < candidate->recipe->dep_count; i++)
        *vec_push(arena, &choosing->inputs) = candidate->recipe->deps[i].path;
    if (candidate->root.dvc && candidate->root.dvc->deps)
        vec_each (const struct dvc_entry, dep, candidate->root.dvc->deps)
            *vec_push(arena, &choosing->inputs) = dep->path;
}

static void choose_part(struct choosing *choosing, size_t index, const struct target *target)
{
    struct transfer_root root = choosing->rooting->candidates.at[index].root;
    root.below = target->path;
    root.is_pattern = target->is_pattern;
    root.is_all = !target->is_whole;
    root.key = (struct digest){{0}};
    *vec_push(choosing->rooting->arena, choosing->ret) = root;
}

/* What chosen stages were made from, and what that was made from: the list grows meanwhile. */
static void choose_inputs(struct choosing *choosing)
{
    const struct candidate_vec *candidates = &choosing->rooting->candidates;
    for (size_t i = 0; i < choosing->inputs.len; i++) {
        struct str input = choosing->inputs.at[i];
        for (size_t j = 0; j < candidates->len; j++) {
            struct str path = candidates->at[j].root.artifact.path;
            if (path_is_within(input, path) || path_is_within(path, input))
                choose_whole(choosing, j);
        }
    }
}

/* `git push origin` has the remote as a word. */
static bool is_remote(const struct rooting *rooting, struct str word)
{
    vec_each (const struct config_value, value, &rooting->workspace->config.remotes)
        if (str_equal(value->remote, word))
            return true;
    return false;
}

static FALLIBLE refuse_unused(const struct choosing *choosing)
{
    struct arena *arena = choosing->rooting->arena;
    const struct candidate_vec *candidates = &choosing->rooting->candidates;
    const char **names = arena_new_array(arena, const char *, 2 * candidates->len + 1);
    size_t count = 0;
    vec_each (const struct candidate, candidate, candidates) {
        names[count++] = str_copy(arena, candidate->root.artifact.path).at;
        if (candidate->stage.len)
            names[count++] = str_copy(arena, candidate->stage).at;
    }
    vec_each (const struct target, target, &choosing->targets) {
        if (target->is_used)
            continue;
        if (is_remote(choosing->rooting, target->word))
            return error_hint(error_new(ERROR_USAGE, "'%.*s' is a remote, and words are paths",
                                        STR_FMT(target->word)),
                              "-r %.*s", STR_FMT(target->word));
        const char *near = schema_suggest(target->word, names, count);
        return error_hint(
            error_new(ERROR_USAGE, "'%.*s' names nothing that pointers or lock files record%s%s%s",
                      STR_FMT(target->word), near ? " (did you mean '" : "", near ? near : "",
                      near ? "'?)" : ""),
            "a target is a tracked file or directory, a path or pattern inside one, or a stage");
    }
    return NULL;
}

static void choose(struct choosing *choosing)
{
    const struct candidate_vec *candidates = &choosing->rooting->candidates;
    for (size_t i = 0; i < candidates->len; i++) {
        if (!choosing->targets.len)
            choose_whole(choosing, i);
        vec_each (struct target, target, &choosing->targets) {
            enum walk_choice how = match(&candidates->at[i], target);
            target->is_used |= how != WALK_NONE;
            target->is_whole |= how == WALK_ALL;
            if (how == WALK_ALL)
                choose_whole(choosing, i);
        }
    }
    for (size_t i = 0; i < candidates->len; i++) {
        vec_each (const struct target, target, &choosing->targets) {
            if (!choosing->is_whole[i] && match(&candidates->at[i], target) == WALK_SOME)
                choose_part(choosing, i, target);
        }
    }
}

static int compare_roots(const void *a, const void *b)
{
    const struct transfer_root *left = a, *right = b;
    int order = str_compare(left->artifact.path, right->artifact.path);
    if (!order)
        order = digest_compare(left->artifact.digest, right->artifact.digest);
    if (!order)
        order = str_compare(left->below, right->below);
    return order ? order : digest_compare(left->key, right->key);
}

static void sort_roots(struct transfer_root_vec *roots)
{
    size_t kept = 0;
    vec_sort(roots, compare_roots);
    for (size_t i = 0; i < roots->len; i++) {
        bool is_same = kept && roots->at[kept - 1].dvc == roots->at[i].dvc &&
                       compare_roots(&roots->at[kept - 1], &roots->at[i]) == 0 &&
                       artifact_equal(&roots->at[kept - 1].artifact, &roots->at[i].artifact);
        if (!is_same)
            roots->at[kept++] = roots->at[i];
    }
    roots->len = kept;
}

FALLIBLE roots_choose(struct rooting *rooting, struct transfer_root_vec *ret)
{
    struct arena *arena = rooting->arena;
    const struct transfer_choice *choice = rooting->choice;
    struct transfer_root_vec roots = {0};
    struct choosing choosing = {.rooting = rooting,
                                .is_whole =
                                    arena_new_array(arena, bool, rooting->candidates.len + 1),
                                .ret = &roots};
    for (size_t i = 0; i < choice->target_count; i++)
        TRY(make_target(rooting, choice->targets[i], vec_push(arena, &choosing.targets)));
    choose(&choosing);
    TRY(refuse_unused(&choosing));
    if (choice->with_deps && choice->target_count)
        choose_inputs(&choosing);
    sort_roots(&roots);
    *ret = roots;
    return NULL;
}
