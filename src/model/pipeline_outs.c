/* What a stage makes: outs, metrics and plots with their flags, and the rules on where they lie. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/glob.h"

#include "pipeline_private.h"

static const char *const category_keys[] = {"outs", "metrics", "plots"};

static const char *place_fault(const struct output *output)
{
    const char *fault = path_fault(output->path);
    if (!fault && path_is_within(output->path, STR(".mlops")))
        fault = "lies in .mlops, where mlops keeps its own state";
    if (!fault || output->is_cached || !path_is_outside(output->path))
        return fault;
    struct str rest = path_without_way_out(output->path);
    return rest.len ? path_fault(rest) : "holds the project itself";
}

/* The command would find its own pipeline or folder moved away. */
static const char *own_file_fault(const struct binding *binding, const struct stage *stage,
                                  struct str path)
{
    const char *fault = map_get(&binding->own_files, path);
    if (fault)
        return fault;
    const struct str *held = map_get(&binding->own_dirs, path);
    if (held && path_is_within(binding->file->path, path))
        return "holds the pipeline file";
    if (held)
        return str_print(binding->binder.arena, "holds '%.*s'", STR_FMT(*held)).at;
    return path_is_within(stage->wdir, path) ? "holds the folder the command runs in" : NULL;
}

static bool is_in_place(struct binding *binding, const struct stage *stage,
                        const struct output *output)
{
    const char *fault = place_fault(output);
    if (!fault)
        fault = own_file_fault(binding, stage, output->path);
    if (!fault)
        return true;
    bool leaves = path_is_outside(output->path);
    binding_error(binding, output->node, "output '%.*s' of stage '%.*s' %s%s",
                  STR_FMT(output->written), STR_FMT(stage->name), fault,
                  leaves && output->is_cached ? " (only outputs with 'cache: false' may)" : "");
    return false;
}

static bool resolve_out(struct binding *binding, const struct stage *stage, struct output *output)
{
    if (text_is_url(output->written)) {
        binding_error(binding, output->node,
                      "output '%.*s' is a URL: outputs are files of the project",
                      STR_FMT(output->written));
        return false;
    }
    struct str text = output->written;
    if (!binding->is_dvc && glob_is_pattern(text)) {
        binding_error(binding, output->node,
                      "output '%.*s' is a pattern: outputs are literal paths (name the directory, "
                      "or write \\* for a name that holds a star)",
                      STR_FMT(text));
        return false;
    }
    if (!binding->is_dvc)
        text = text_unescape(binding->binder.arena, text);
    return binding_path(binding, output->node, stage->wdir, text, &output->path);
}

static void check_labels(struct binding *binding, const struct doc_node *labels)
{
    if (!labels || !binding_list(binding, labels, "labels", "texts"))
        return;
    struct str ignored;
    for (const struct doc_node *item = labels->first; item; item = item->next)
        binding_text(binding, item, "labels", &ignored);
}

static void bind_flags(struct binding *binding, const struct doc_node *flags, struct output *output)
{
    const struct schema *schema =
        output->category == OUT_PLOT ? &pipeline_schema_plot : &pipeline_schema_output;
    struct buf where = buf_in(binding->binder.arena);
    buf_add_text(&where, "of '");
    buf_add_str(&where, output->written);
    buf_add_text(&where, "'");
    /* DVC takes several views of a plot. */
    bool is_list = flags->kind == DOC_LIST && output->category == OUT_PLOT;
    for (const struct doc_node *item = is_list ? flags->first : flags; item;
         item = is_list ? item->next : NULL)
        schema_bind(&binding->binder, schema, buf_str(&where), item, output);
    if (output->plot)
        output->plot = flags;
    check_labels(binding, output->labels);
}

static struct output *output_at(const struct maker *maker)
{
    return &maker->stage->outs.at[maker->index];
}

static void tell_made_twice(struct binding *binding, const struct stage *stage,
                            const struct output *output, const struct maker *maker)
{
    struct str first = place_seen_from(binding->binder.arena, output->node, output_at(maker)->node);
    if (maker->stage == stage)
        binding_error(binding, output->node,
                      "output '%.*s' is listed twice in stage '%.*s' (first in %.*s)",
                      STR_FMT(output->path), STR_FMT(stage->name), STR_FMT(first));
    else
        binding_error(binding, output->node,
                      "output '%.*s' of stage '%.*s' is made by stage '%.*s' too (%.*s)",
                      STR_FMT(output->path), STR_FMT(stage->name), STR_FMT(maker->stage->name),
                      STR_FMT(first));
    binding_note_phase(binding, PIPELINE_GRAPH);
}

/* `place` is that of its path in the map of makers. */
static void add_output(struct binding *binding, struct stage *stage, const struct output *output,
                       void **place)
{
    struct arena *arena = binding->binder.arena;
    struct maker *maker = *place = arena_new(arena, struct maker);
    *maker = (struct maker){stage, stage->outs.len};
    *vec_push(arena, &stage->outs) = *output;
    binding_add_above(binding, &binding->pipeline->holders, output->path, maker);
}

void pipeline_add_measured(struct binding *binding, struct stage *stage, struct str path,
                           enum out_category category, const struct doc_node *node)
{
    const struct output output = {.path = path,
                                  .written = path,
                                  .category = category,
                                  .is_cached = true,
                                  .is_pushed = true,
                                  .desc = STR("what was measured"),
                                  .node = node};
    add_output(binding, stage, &output,
               map_place(binding->binder.arena, &binding->pipeline->makers, path));
}

static void bind_out(struct binding *binding, struct stage *stage, enum out_category category,
                     const struct doc_node *node, const struct doc_node *flags)
{
    struct output output = {
        .category = category, .is_cached = true, .is_pushed = true, .node = node};
    if (!binding_text(binding, node, category_keys[category], &output.written) ||
        !resolve_out(binding, stage, &output))
        return;
    void **place = map_place(binding->binder.arena, &binding->pipeline->makers, output.path);
    const struct maker *earlier = *place;
    bool is_plain_again = earlier && earlier->stage == stage && category == OUT_PLAIN &&
                          output_at(earlier)->category == OUT_PLAIN;
    if (earlier && !is_plain_again) {
        tell_made_twice(binding, stage, &output, earlier);
        return;
    }
    if (is_plain_again)
        output = *output_at(earlier); /* the flags of a repeated path add up */
    if (flags)
        bind_flags(binding, flags, &output);
    if (!is_in_place(binding, stage, &output))
        return;
    if (is_plain_again)
        *output_at(earlier) = output;
    else
        add_output(binding, stage, &output, place);
}

static void bind_list(struct binding *binding, struct stage *stage, enum out_category category,
                      const struct doc_node *list)
{
    if (!list || !binding_list(binding, list, category_keys[category], "paths"))
        return;
    if (list->count > (size_t)LIMIT_STAGE_PATHS) {
        binding_error(binding, list, "'%s' has more than %lld items", category_keys[category],
                      (long long)LIMIT_STAGE_PATHS);
        return;
    }
    for (const struct doc_node *item = list->first; item; item = item->next) {
        if (item->kind != DOC_MAP)
            bind_out(binding, stage, category, item, NULL);
        else if (item->count == 0)
            binding_doubt(binding, item, "'%s': an output without a path", category_keys[category]);
        else
            for (const struct doc_node *entry = item->first; entry; entry = entry->next)
                bind_out(binding, stage, category, entry->key, entry);
    }
}

static size_t count_of(const struct doc_node *list)
{
    return list && list->kind == DOC_LIST ? MIN_OF(list->count, (size_t)LIMIT_STAGE_PATHS) : 0;
}

void pipeline_bind_outs(struct binding *binding, const struct draft *draft)
{
    struct stage *stage = draft->stage;
    stage->outs.cap = count_of(draft->outs) + count_of(draft->metrics) + count_of(draft->plots);
    stage->outs.at = arena_new_array(binding->binder.arena, struct output, stage->outs.cap);
    bind_list(binding, stage, OUT_PLAIN, draft->outs);
    bind_list(binding, stage, OUT_METRICS, draft->metrics);
    bind_list(binding, stage, OUT_PLOT, draft->plots);
}
