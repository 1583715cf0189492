#include "mlops/model/pipeline.h"

#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"

#include "pipeline_private.h"

enum doc_dialect pipeline_dialect(struct str path)
{
    return str_equal(path_name(path), STR("dvc.yaml")) ? DOC_DVC : DOC_NATIVE;
}

static struct str lock_path_of(struct arena *arena, struct str path)
{
    if (str_equal(path_name(path), STR("dvc.yaml"))) {
        struct str lock;
        (void)path_resolve(arena, path_directory(path), STR("dvc.mlops.lock"), &lock);
        return lock;
    }
    size_t len = path.len;
    if (str_ends(path, STR(".yaml")))
        len -= strlen(".yaml");
    else if (str_ends(path, STR(".yml")))
        len -= strlen(".yml");
    return str_print(arena, "%.*s.lock", (int)len, path.at);
}

struct str pipeline_lock_path(struct arena *arena, const struct pipeline *pipeline)
{
    return lock_path_of(arena, pipeline->path);
}

const char *pipeline_phase_name(enum pipeline_phase phase)
{
    static const char *const names[] = {"schema", "vars", "expand", "resolve",
                                        "top",    "load", "graph"};
    return names[phase];
}

void binding_enter(struct binding *binding, const struct part *part)
{
    binding->file = part->file;
    binding->is_dvc = part->is_dvc;
    binding->defaults = part->defaults;
}

/* No expression can be without a '$', in the clear or as an escape of a quoted scalar. */
static bool may_hold_expressions(struct str bytes)
{
    return str_find_char(bytes, '$') >= 0 || str_find_char(bytes, '\\') >= 0;
}

/* A mistake like an empty file is told in words of its own. */
static bool has_content(struct binding *binding, const struct doc *doc)
{
    if (doc->is_empty && binding->is_dvc)
        return false;
    if (doc->is_empty)
        binding_error(binding, doc->root, "the file is empty: a pipeline has 'stages'");
    else if (doc->root->kind != DOC_MAP)
        binding_error(binding, doc->root,
                      "a pipeline must be a mapping that has 'stages', found %s",
                      doc_kind_name(doc->root->kind));
    return doc->root->kind == DOC_MAP;
}

/* The file itself, without its stages. */
static void bind_top(struct binding *binding, struct part *part)
{
    if (!has_content(binding, part->doc))
        return;
    struct draft_top *top = &part->top;
    schema_bind(&binding->binder, &pipeline_schema_top, STR(""), part->doc->root, top);
    if (top->stages && top->stages->kind != DOC_MAP)
        binding_expected(binding, top->stages, "stages", "a mapping of names to stages");
    pipeline_check_lists(binding, top);
    if (top->vars)
        part->is_wrong = !pipeline_check_vars(binding, top->vars);
    if (top->defaults)
        pipeline_bind_defaults(binding, top->defaults, &part->defaults);
}

static void add_part(struct binding *binding, const struct pipeline_part *source)
{
    struct arena *arena = binding->binder.arena;
    struct pipeline_file *file = vec_push(arena, &binding->pipeline->files);
    struct part *part = &binding->parts[binding->pipeline->files.len - 1];
    *file = (struct pipeline_file){
        .path = source->path,
        .dir = path_directory(source->path),
        .lock_path = lock_path_of(arena, source->path),
        .index = binding->pipeline->files.len - 1,
        .doc = source->doc,
    };
    *part = (struct part){
        .file = file,
        .doc = source->doc,
        .is_dvc = source->doc->dialect == DOC_DVC,
        .may_hold_expressions = may_hold_expressions(source->doc->bytes),
    };
    binding_enter(binding, part);
    bind_top(binding, part);
}

static void add_parts(struct binding *binding)
{
    const struct pipeline_sources *sources = binding->sources;
    struct arena *arena = binding->binder.arena;
    struct pipeline_file_vec *files = &binding->pipeline->files;
    files->at = arena_new_array(arena, struct pipeline_file, sources->count);
    files->cap = sources->count; /* they stay where they are */
    binding->parts = arena_new_array(arena, struct part, sources->count);
    for (size_t i = 0; i < sources->count; i++)
        add_part(binding, &sources->parts[i]);
}

/* What the file that was named says of the whole. */
static void take_first(struct binding *binding)
{
    struct pipeline *pipeline = binding->pipeline;
    const struct part *first = &binding->parts[0];
    pipeline->path = first->file->path;
    pipeline->dir = first->file->dir;
    pipeline->dialect = first->doc->dialect;
    pipeline->doc = first->doc;
    pipeline->name = first->top.name;
    pipeline->desc = first->top.desc;
    pipeline->remote = first->top.remote;
}

/* Values, then stages: a file whose values are wrong is asked for no more. */
static void expand_parts(struct binding *binding)
{
    for (size_t i = 0; i < binding->sources->count; i++) {
        struct part *part = &binding->parts[i];
        binding_enter(binding, part);
        if (!part->is_wrong)
            part->is_wrong = !pipeline_load_context(binding, part);
        binding_note_phase(binding, PIPELINE_VARS);
        pipeline_expand(binding, part);
    }
}

static void bind_lists(struct binding *binding)
{
    for (size_t i = 0; i < binding->sources->count; i++) {
        if (binding->parts[i].is_wrong)
            continue;
        binding_enter(binding, &binding->parts[i]);
        pipeline_bind_lists(binding, &binding->parts[i]);
        binding_note_phase(binding, PIPELINE_LOAD);
    }
    const struct pipeline_file *first = &binding->pipeline->files.at[0];
    binding->pipeline->plots = first->plots;
    binding->pipeline->artifacts = first->artifacts;
    binding->pipeline->datasets = first->datasets;
}

struct error *pipeline_bind_sources(struct arena *arena, const struct pipeline_sources *sources,
                                    struct pipeline **ret)
{
    check(sources->count > 0);
    struct binding binding = {
        .binder.arena = arena,
        .pipeline = arena_new(arena, struct pipeline),
        .sources = sources,
    };
    binding.binder.errors = &binding.errors;
    binding.binder.context = &binding;
    add_parts(&binding);
    binding_note_phase(&binding, PIPELINE_SCHEMA);
    take_first(&binding);
    pipeline_add_own_files(&binding);
    pipeline_add_pointers(&binding);
    binding_note_phase(&binding, PIPELINE_GRAPH);
    expand_parts(&binding);
    bind_lists(&binding);
    pipeline_bind_instances(&binding);
    pipeline_check(&binding);
    binding_note_phase(&binding, PIPELINE_GRAPH);
    if (binding.has_failed && sources->failed)
        *sources->failed = binding.failed;
    TRY(error_list_take(&binding.errors));
    if (binding.pipeline->dialect == DOC_DVC)
        pipeline_warn_lines(&binding);
    *ret = binding.pipeline;
    return NULL;
}

struct error *pipeline_bind(struct arena *arena, const struct doc *doc, struct str path,
                            struct pipeline **ret)
{
    struct pipeline_part part = {path, doc};
    return pipeline_bind_sources(arena, &(struct pipeline_sources){.parts = &part, .count = 1},
                                 ret);
}

bool stage_inherits(const struct stage *stage, struct str variable)
{
    static const char *const allowed[] = {"PATH",  "HOME",   "USER", "LOGNAME", "LANG",
                                          "SHELL", "TMPDIR", "TZ",   "TERM"};
    if (stage->env_mode == ENV_INHERIT)
        return true;
    for (size_t i = 0; i < COUNT_OF(allowed); i++) {
        if (str_is(variable, allowed[i]))
            return true;
    }
    return str_starts(variable, STR("LC_"));
}
