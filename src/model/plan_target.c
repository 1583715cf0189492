/* What the words of a command line name. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/glob.h"
#include "mlops/model/dvc.h"

#include "pipeline_private.h"
#include "plan_private.h"

void plan_select_stage(struct selection *selection, uint32_t stage)
{
    struct plan_stage *selected = &selection->plan->stages[stage];
    if (selected->is_selected)
        return;
    selected->is_selected = true;
    selection->plan->selected_count++;
    selection->queue[selection->len++] = stage;
}

void plan_select_file(struct selection *selection, const struct pipeline_file *file)
{
    for (size_t i = 0; i < file->stage_count; i++)
        plan_select_stage(selection, (uint32_t)(file->stage_first + i));
}

static const struct pipeline_file *find_file(const struct pipeline *pipeline, struct str path)
{
    vec_each (const struct pipeline_file, file, &pipeline->files) {
        if (str_equal(file->path, path))
            return file;
    }
    return NULL;
}

/* Paths that a word may stand for: as the caller would type it, and from the root of the project.
 */
enum { PLACES = 2 };

static void places_of(const struct selection *selection, struct str word,
                      struct str ret[static PLACES])
{
    struct arena *arena = selection->arena;
    struct str cwd = selection->options->cwd;
    (void)path_resolve(arena, cwd, word, &ret[0]);
    (void)path_resolve(arena, STR(""), word, &ret[1]);
}

/* A stage or a group; the stages of the file that was named have no path in front. */
static bool select_name(struct selection *selection, struct str name)
{
    const struct pipeline *pipeline = selection->plan->pipeline;
    const struct stage *stage = map_get(&pipeline->by_name, name);
    const struct stage_group *group = map_get(&pipeline->groups, name);
    if (stage)
        plan_select_stage(selection, (uint32_t)stage->index);
    for (size_t i = 0; !stage && group && i < group->count; i++)
        plan_select_stage(selection, (uint32_t)(group->first + i));
    return stage || group;
}

static bool select_name_in(struct selection *selection, const struct pipeline_file *file,
                           struct str name)
{
    if (file->index == 0)
        return select_name(selection, name);
    return select_name(
        selection, str_print(selection->arena, "%.*s:%.*s", STR_FMT(file->path), STR_FMT(name)));
}

/* The file in front of a colon; what is empty stands for dvc.yaml. */
static const struct pipeline_file *file_before(const struct selection *selection, struct str text)
{
    struct str places[PLACES];
    const struct pipeline_file *found = NULL;
    places_of(selection, text.len ? text : STR("dvc.yaml"), places);
    for (size_t i = 0; i < PLACES && !found; i++)
        found = find_file(selection->plan->pipeline, places[i]);
    return found;
}

/* FILE:NAME; names hold colons, too, so each is tried. */
static bool select_in_file(struct selection *selection, struct str word)
{
    for (size_t i = 0; i < word.len; i++) {
        const struct pipeline_file *file =
            word.at[i] == ':' ? file_before(selection, str_slice(word, 0, i)) : NULL;
        if (file && select_name_in(selection, file, str_slice(word, i + 1, word.len)))
            return true;
    }
    return false;
}

static bool select_below(struct selection *selection, struct str dir)
{
    if (!map_has(&selection->plan->pipeline->holders, dir))
        return false;
    map_each (entry, &selection->plan->pipeline->makers) {
        const struct maker *maker = entry->value;
        if (path_is_within(entry->key, dir))
            plan_select_stage(selection, (uint32_t)maker->stage->index);
    }
    return true;
}

static bool select_path(struct selection *selection, struct str path)
{
    const struct pipeline_file *file = find_file(selection->plan->pipeline, path);
    const struct stage *stage = plan_producer(selection->plan, path);
    if (file)
        plan_select_file(selection, file);
    else if (stage)
        plan_select_stage(selection, (uint32_t)stage->index);
    return file || stage || select_below(selection, path);
}

static bool select_word(struct selection *selection, struct str word)
{
    struct str places[PLACES];
    if (!word.len)
        return false;
    if (select_name(selection, word) || select_in_file(selection, word))
        return true;
    places_of(selection, word, places);
    return select_path(selection, places[0]) || select_path(selection, places[1]);
}

/* Of a pattern a '/' is a character as any other. */
static struct str without_slashes(struct arena *arena, struct str text)
{
    char *copy = arena_copy(arena, text.at, text.len);
    for (size_t i = 0; i < text.len; i++)
        copy[i] = copy[i] == '/' ? '\x01' : copy[i];
    return (struct str){copy, text.len};
}

static bool select_pattern(struct selection *selection, struct str word)
{
    const struct pipeline *pipeline = selection->plan->pipeline;
    const struct pipeline_file *file = &pipeline->files.at[0];
    bool any = false;
    for (size_t i = 0; i < word.len; i++) {
        const struct pipeline_file *named =
            word.at[i] == ':' ? file_before(selection, str_slice(word, 0, i)) : NULL;
        if (!named)
            continue;
        file = named;
        word = str_slice(word, i + 1, word.len);
        break;
    }
    struct str pattern = without_slashes(selection->arena, word);
    for (size_t i = 0; i < file->stage_count; i++) {
        struct str name = pipeline->stages.at[file->stage_first + i].local_name;
        if (!glob_match(pattern, without_slashes(selection->arena, name)))
            continue;
        plan_select_stage(selection, (uint32_t)(file->stage_first + i));
        any = true;
    }
    return any;
}

static bool select_directory(struct selection *selection, struct str word)
{
    struct str places[PLACES];
    bool any = false;
    places_of(selection, word, places);
    for (size_t i = 0; i < PLACES && !any; i++) {
        vec_each (const struct pipeline_file, file, &selection->plan->pipeline->files) {
            if (!path_is_within(file->dir, places[i]))
                continue;
            plan_select_file(selection, file);
            any = true;
        }
    }
    return any;
}

/* What a stage, or a foreach or matrix stage, of any file is called in full; NULL: there is none of
 * that name. */
static const char *full_name(struct arena *arena, const struct pipeline *pipeline, struct str word)
{
    vec_each (const struct stage, stage, &pipeline->stages) {
        bool is_group = str_equal(stage->group, word);
        if (str_equal(stage->local_name, word))
            return str_terminate(arena, stage->name);
        if (is_group && stage->file->index == 0)
            return str_terminate(arena, word);
        if (is_group)
            return str_print(arena, "%.*s:%.*s", STR_FMT(stage->file->path), STR_FMT(word)).at;
    }
    return NULL;
}

enum { NAMES_GUESSED_MOST = 10000 };

static void add_guess(struct arena *arena, struct str name, const char **names, size_t *count)
{
    bool is_text = name.len && str_find_char(name, '\0') < 0;
    if (is_text && *count < NAMES_GUESSED_MOST)
        names[(*count)++] = str_terminate(arena, name);
}

/* Names as they stand in their files are what people mistype. */
static const char *nearest_name(struct arena *arena, const struct pipeline *pipeline,
                                struct str word)
{
    const char *full = full_name(arena, pipeline, word);
    const char **names = arena_new_array(arena, const char *, NAMES_GUESSED_MOST);
    struct str last_group = {0};
    size_t count = 0;
    if (full)
        return full;
    vec_each (const struct stage, stage, &pipeline->stages) {
        add_guess(arena, stage->local_name, names, &count);
        if (!str_equal(stage->name, stage->local_name))
            add_guess(arena, stage->name, names, &count);
        if (!str_equal(stage->group, last_group))
            add_guess(arena, stage->group, names, &count);
        last_group = stage->group;
    }
    const char *nearest = schema_suggest(word, names, count);
    full = nearest ? full_name(arena, pipeline, str_of(nearest)) : NULL;
    return full ? full : nearest;
}

static struct error *tell_tracked(const struct selection *selection, struct str word)
{
    const struct pipeline *pipeline = selection->plan->pipeline;
    struct str places[PLACES];
    places_of(selection, word, places);
    for (size_t i = 0; i < pipeline->pointers.len; i++) {
        const struct dvc_pointer *pointer = pipeline->pointers.at[i];
        bool is_it = str_equal(pointer->path, places[0]) || str_equal(pointer->path, places[1]);
        vec_each (const struct dvc_entry, entry, &pointer->outs)
            is_it |= str_equal(entry->path, places[0]) || str_equal(entry->path, places[1]);
        if (is_it)
            return error_new(ERROR_USAGE, "'%.*s': no stage makes what %.*s tracks", STR_FMT(word),
                             STR_FMT(pointer->path));
    }
    return NULL;
}

static struct error *tell_unknown(const struct selection *selection, struct str word)
{
    const struct pipeline *pipeline = selection->plan->pipeline;
    const struct plan_options *options = selection->options;
    if (options->recursive)
        return error_new(ERROR_USAGE, "there is no pipeline of this project in or below '%.*s'",
                         STR_FMT(word));
    if (options->is_pattern)
        return error_new(ERROR_USAGE, "no stage matches '%.*s'", STR_FMT(word));
    TRY(tell_tracked(selection, word));
    const char *nearest = nearest_name(selection->arena, pipeline, word);
    struct error *error = error_new(ERROR_USAGE, "'%.*s' is no stage and no output of %.*s",
                                    STR_FMT(word), STR_FMT(pipeline->path));
    if (str_find_char(word, '=') > 0)
        return error_hint(error, "-S in front changes a parameter: -S %.*s", STR_FMT(word));
    return nearest ? error_hint(error, "did you mean '%s'?", nearest) : error;
}

struct error *plan_select_target(struct selection *selection, struct str word)
{
    const struct plan_options *options = selection->options;
    bool is_found = options->recursive    ? select_directory(selection, word)
                    : options->is_pattern ? select_pattern(selection, word)
                                          : select_word(selection, word);
    return is_found ? NULL : tell_unknown(selection, word);
}
