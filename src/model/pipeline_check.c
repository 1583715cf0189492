/* Rules that only show when all stages are there. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/codec/glob.h"
#include "mlops/model/checks.h"

#include "pipeline_private.h"

/* Whether the first output stands behind the second, in order of the files. */
static bool stands_behind(const struct stage *stage, const struct output *output,
                          const struct stage *other_stage, const struct output *other)
{
    if (stage->file != other_stage->file)
        return stage->file->index > other_stage->file->index;
    return output->node->line > other->node->line;
}

static void tell_nested(struct binding *binding, const struct stage *stage,
                        const struct output *outer, const struct maker *maker)
{
    const struct output *inner = &maker->stage->outs.at[maker->index];
    bool is_inner_later = stands_behind(maker->stage, inner, stage, outer);
    const struct output *later = is_inner_later ? inner : outer;
    const struct output *first = is_inner_later ? outer : inner;
    const struct stage *later_stage = is_inner_later ? maker->stage : stage;
    const struct stage *first_stage = is_inner_later ? stage : maker->stage;
    struct str place = place_seen_from(binding->binder.arena, later->node, first->node);
    binding_error(binding, later->node,
                  "output '%.*s' of stage '%.*s' %s output '%.*s' of stage '%.*s' (%.*s)",
                  STR_FMT(later->path), STR_FMT(later_stage->name),
                  is_inner_later ? "lies inside" : "holds", STR_FMT(first->path),
                  STR_FMT(first_stage->name), STR_FMT(place));
}

static void check_nested(struct binding *binding, const struct stage *stage)
{
    vec_each (struct output, output, &stage->outs) {
        const struct maker *inside = map_get(&binding->pipeline->holders, output->path);
        if (inside)
            tell_nested(binding, stage, output, inside);
    }
}

static bool reads(const struct dependency *dep, const struct output *output)
{
    if (dep->is_url)
        return false;
    if (dep->is_glob)
        return glob_match(dep->path, output->path) ||
               path_is_within(glob_prefix(dep->path), output->path);
    return path_is_within(dep->path, output->path) || path_is_within(output->path, dep->path);
}

static void check_own_output(struct binding *binding, const struct stage *stage,
                             const struct output *output)
{
    vec_each (struct dependency, dep, &stage->deps) {
        bool is_part = !dep->is_glob && path_is_within(dep->path, output->path);
        if (reads(dep, output))
            binding_error(binding, dep->node,
                          "stage '%.*s' depends on '%.*s', which it makes itself",
                          STR_FMT(stage->name), STR_FMT(is_part ? dep->path : output->path));
    }
    vec_each (struct param_ref, param, &stage->params) {
        if (path_is_within(param->file, output->path)) {
            binding_error(binding, param->node,
                          "stage '%.*s' takes parameters from '%.*s', which it makes itself",
                          STR_FMT(stage->name), STR_FMT(param->file));
            return; /* one key is enough */
        }
    }
}

/* Above this many pairs the check is left to the plan, which finds the same as a cycle. */
enum { OWN_PAIRS_MOST = 4096 };

static void check_own_outputs(struct binding *binding, const struct stage *stage)
{
    if ((stage->deps.len + stage->params.len) * stage->outs.len > OWN_PAIRS_MOST)
        return;
    vec_each (struct output, output, &stage->outs)
        check_own_output(binding, stage, output);
}

/* Beyond this many names, or errors that are not shown, nobody is served by a guess. */
enum { NAMES_GUESSED_MOST = 10000 };

const char *pipeline_nearest_stage(struct arena *arena, const struct pipeline *pipeline,
                                   struct str name)
{
    size_t count = 0;
    const char **names =
        arena_new_array(arena, const char *, MIN_OF(pipeline->stages.len, NAMES_GUESSED_MOST));
    vec_each (struct stage, stage, &pipeline->stages) {
        bool is_text = str_find_char(stage->name, '\0') < 0;
        if (is_text && count < NAMES_GUESSED_MOST)
            names[count++] = str_terminate(arena, stage->name);
    }
    return schema_suggest(name, names, count);
}

static void tell_no_stage(struct binding *binding, const struct doc_node *item)
{
    const char *nearest = NULL;
    if (binding->errors.kept < LIMIT_ERRORS_TOLD)
        nearest = pipeline_nearest_stage(binding->binder.arena, binding->pipeline, item->text);
    binding_error(binding, item, "'after': there is no stage '%.*s'%s%s%s", STR_FMT(item->text),
                  nearest ? " (did you mean '" : "", nearest ? nearest : "", nearest ? "'?)" : "");
}

/* Names of groups become those of their stages. */
static void expand_after(struct binding *binding, struct stage *stage)
{
    struct str_vec names = {0};
    struct arena *arena = binding->binder.arena;
    const struct pipeline *pipeline = binding->pipeline;
    vec_each (struct str, name, &stage->after) {
        const struct stage_group *group =
            map_has(&pipeline->by_name, *name) ? NULL : map_get(&pipeline->groups, *name);
        for (size_t i = 0; group && i < group->count; i++)
            *vec_push(arena, &names) = pipeline->stages.at[group->first + i].name;
        if (!group)
            *vec_push(arena, &names) = *name;
    }
    stage->after = names;
}

static void check_after(struct binding *binding, struct stage *stage)
{
    const struct doc_node *item = stage->after.len ? stage->after_node->first : NULL;
    for (; item; item = item->next) {
        bool is_told = item->kind == DOC_NULL || item->kind == DOC_LIST || item->kind == DOC_MAP ||
                       str_find_char(item->text, '\0') >= 0;
        if (!is_told && !map_has(&binding->pipeline->by_name, item->text) &&
            !map_has(&binding->pipeline->groups, item->text))
            tell_no_stage(binding, item);
    }
    if (stage->after.len && binding->pipeline->groups.len)
        expand_after(binding, stage);
}

/* Whether a stage makes the file, something it lies in, or something that would lie in it. */
static const struct stage *maker_around(const struct pipeline *pipeline, struct str path)
{
    const struct maker *maker = map_get(&pipeline->holders, path);
    for (struct str at = path; !maker && at.len; at = path_directory(at)) {
        maker = map_get(&pipeline->makers, at);
        if (str_equal(at, STR("/")))
            break;
    }
    return maker ? maker->stage : NULL;
}

static bool depends_on(const struct stage *stage, struct str path)
{
    vec_each (struct dependency, dep, &stage->deps) {
        if (str_equal(dep->path, path))
            return true;
    }
    return false;
}

/* Nothing else writes where a report goes, and it replaces nothing that its checks read. */
static void check_report_file(struct binding *binding, struct stage *stage, struct str path,
                              struct map *reports)
{
    const struct doc_node *node = doc_find(stage->node, STR("report"));
    const struct stage *maker = maker_around(binding->pipeline, path);
    const struct stage *other = map_put(binding->binder.arena, reports, path, stage);
    if (maker)
        binding_error(binding, node, "report '%.*s' is in the way of what stage '%.*s' makes",
                      STR_FMT(path), STR_FMT(maker->name));
    else if (depends_on(stage, path))
        binding_error(binding, node, "report '%.*s' would replace what stage '%.*s' depends on",
                      STR_FMT(path), STR_FMT(stage->name));
    else if (other)
        binding_error(binding, node, "report '%.*s' is that of stage '%.*s', too", STR_FMT(path),
                      STR_FMT(other->name));
}

static void check_report(struct binding *binding, struct stage *stage, struct map *reports)
{
    static const char *const ends[] = {".json", ".md", ".html"};
    struct str path = stage->validation ? stage->validation->report : (struct str){0};
    int before = binding->errors.kept + binding->errors.dropped;
    for (size_t i = 0; path.len && i < COUNT_OF(ends); i++) {
        struct str file = str_print(binding->binder.arena, "%.*s%s", (int)path.len - 5, path.at,
                                    ends[i]); /* it ends in .json: checked when bound */
        if (binding->errors.kept + binding->errors.dropped == before)
            check_report_file(binding, stage, file, reports);
    }
}

void pipeline_check(struct binding *binding)
{
    struct map reports = {0};
    vec_each (struct stage, stage, &binding->pipeline->stages) {
        check_nested(binding, stage);
        check_own_outputs(binding, stage);
        pipeline_check_pointed(binding, stage);
        check_after(binding, stage);
        check_report(binding, stage, &reports);
    }
}
