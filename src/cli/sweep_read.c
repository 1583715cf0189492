/* What a sweep is to try: of a file and of the command line. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/codec/load.h"
#include "mlops/host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "sweep_private.h"

static FALLIBLE read_file(struct context *context, struct str name, const struct doc_node **ret)
{
    struct str bytes = {0};
    struct doc *doc = NULL;
    bool is_found = false;
    TRY(file_read(context->arena, AT_FDCWD, str_terminate(context->arena, name),
                  LIMIT_DOCUMENT_BYTES, &bytes, &is_found));
    if (!is_found)
        return error_new(ERROR_PROJECT, "there is no file '%.*s'", STR_FMT(name));
    TRY(doc_load(context->arena, name, bytes, DOC_NATIVE, &doc));
    *ret = doc->root;
    return NULL;
}

/* What a file holds under `sweep`, or the file itself. */
static const struct doc_node *sweep_part(const struct doc_node *root)
{
    const struct doc_node *inner = doc_find(root, STR("sweep"));
    return inner ? inner : root;
}

/* What the command line says of a parameter goes before what the file says. */
static void forget(struct sweep *sweep, struct str file, struct str key)
{
    size_t kept = 0;
    for (size_t i = 0; i < sweep->dimensions.len; i++) {
        const struct dimension *dimension = &sweep->dimensions.at[i];
        if (!str_equal(dimension->key, key) || !str_equal(dimension->file, file))
            sweep->dimensions.at[kept++] = *dimension;
    }
    sweep->dimensions.len = kept;
    kept = 0;
    for (size_t i = 0; i < sweep->fixed.len; i++) {
        const struct override *override = &sweep->fixed.at[i];
        if (!str_equal(override->key, key) || !str_equal(override->file, file))
            sweep->fixed.at[kept++] = *override;
    }
    sweep->fixed.len = kept;
}

static FALLIBLE add_words(struct context *context, const struct str_vec *words, struct sweep *sweep)
{
    struct dimension_vec dimensions = {0};
    struct override_vec fixed = {0};
    vec_each (struct str, word, words) {
        struct dimension dimension = {0};
        struct override override = {0};
        bool is_fixed = false;
        TRY(dimension_parse(context->arena, *word, &dimension, &override, &is_fixed));
        if (is_fixed)
            *vec_push(context->arena, &fixed) = override;
        else
            *vec_push(context->arena, &dimensions) = dimension;
        forget(sweep, is_fixed ? override.file : dimension.file,
               is_fixed ? override.key : dimension.key);
    }
    vec_each (struct dimension, dimension, &dimensions)
        *vec_push(context->arena, &sweep->dimensions) = *dimension;
    vec_each (struct override, override, &fixed)
        *vec_push(context->arena, &sweep->fixed) = *override;
    return NULL;
}

/* "metrics.json:f1": a file of values in front of a colon. */
static void take_key(struct str word, struct str *file, struct str *key)
{
    ptrdiff_t colon = str_find_char(word, ':');
    if (!word.len)
        return;
    *file = colon < 0 ? STR("") : str_slice(word, 0, (size_t)colon);
    *key = str_slice(word, (size_t)(colon + 1), word.len);
}

static FALLIBLE take_direction(const struct sweep_wish *wish, struct sweep *sweep)
{
    if (wish->direction.len)
        return error_hint(error_new(ERROR_USAGE, "'mlops sweep' has no --direction"),
                          "say --max or --min");
    if (wish->max && wish->min)
        return error_new(ERROR_USAGE, "--max and --min exclude each other");
    if (wish->max || wish->min)
        sweep->direction = wish->max ? HIGHER_IS_BETTER : LOWER_IS_BETTER;
    return NULL;
}

static bool whole_number(struct arena *arena, struct str text, int64_t *ret)
{
    char *end = NULL;
    const char *at = str_terminate(arena, text);
    errno = 0;
    *ret = strtoll(at, &end, 10);
    return text.len && !*end && !errno;
}

/* "train.epochs=1..27" */
static FALLIBLE take_budget(struct context *context, struct str word, struct sweep *sweep)
{
    struct str rest = word, key = {0};
    if (!word.len)
        return NULL;
    str_split(&rest, '=', &key);
    ptrdiff_t dots = str_find(rest, STR(".."));
    bool is_right =
        key.len && dots > 0 &&
        whole_number(context->arena, str_slice(rest, 0, (size_t)dots), &sweep->budget_least) &&
        whole_number(context->arena, str_slice(rest, (size_t)dots + 2, rest.len),
                     &sweep->budget_most);
    if (!is_right)
        return error_hint(
            error_new(ERROR_USAGE, "--budget: '%.*s' is no KEY=LEAST..MOST", STR_FMT(word)),
            "for example train.epochs=1..27");
    take_key(key, &sweep->budget_file, &sweep->budget_key);
    return NULL;
}

/* From where the caller stands. */
static FALLIBLE take_steps(struct context *context, const struct session *session, struct str word,
                           struct sweep *sweep)
{
    struct str cwd, file;
    if (!word.len)
        return NULL;
    TRY(path_current(context->arena, &cwd));
    file = path_relative(context->arena, session->workspace.root,
                         path_join(context->arena, cwd, word));
    if (!path_resolve(context->arena, STR(""), file, &sweep->steps.file))
        return error_new(ERROR_USAGE, "--steps: '%.*s' is not in the project", STR_FMT(word));
    return NULL;
}

static FALLIBLE take_options(struct context *context, const struct session *session,
                             const struct sweep_wish *wish, struct sweep *sweep)
{
    if (wish->method)
        sweep->method = (enum sweep_method)(wish->method - 1);
    if (wish->stop)
        sweep->stop = (enum sweep_stop)(wish->stop - 1);
    take_key(wish->metric, &sweep->metric_file, &sweep->metric_key);
    take_key(wish->seed_param, &sweep->seed_file, &sweep->seed_key);
    TRY(take_direction(wish, sweep));
    TRY(take_budget(context, wish->budget, sweep));
    TRY(take_steps(context, session, wish->steps, sweep));
    sweep->trials_most = wish->max_trials ? wish->max_trials : sweep->trials_most;
    sweep->time_most_ns = wish->max_time_ns ? wish->max_time_ns : sweep->time_most_ns;
    sweep->repeat = MAX_OF(wish->repeat ? wish->repeat : sweep->repeat, (int64_t)1);
    sweep->seed = wish->seed >= 0 ? (uint64_t)wish->seed : sweep->seed;
    sweep->name = wish->name.len ? wish->name : sweep->name;
    return NULL;
}

/* What is tried is on the command line: the pipeline's part says how it is judged. */
static void keep_judgement(struct sweep *sweep)
{
    *sweep = (struct sweep){.pipeline = sweep->pipeline,
                            .targets = sweep->targets,
                            .target_count = sweep->target_count,
                            .seed = sweep->seed,
                            .seed_file = sweep->seed_file,
                            .seed_key = sweep->seed_key,
                            .metric_file = sweep->metric_file,
                            .metric_key = sweep->metric_key,
                            .direction = sweep->direction,
                            .steps = sweep->steps};
}

/* Of the file or the pipeline's own part `sweep`, and the words of the command line. */
static FALLIBLE read_space(struct context *context, const struct session *session,
                           const struct sweep_wish *wish, struct sweep *ret)
{
    const struct doc_node *node = doc_find(session->doc->root, STR("sweep"));
    bool is_told = wish->set.len && !wish->file.len;
    if (wish->file.len) {
        TRY(read_file(context, wish->file, &node));
        node = sweep_part(node);
    }
    if (node)
        TRY(sweep_bind(context->arena, node, ret));
    if (is_told)
        keep_judgement(ret);
    TRY(add_words(context, &wish->set, ret));
    if (is_told || !node || !doc_find(node, STR("method")))
        ret->method = sweep_method_default(ret);
    return NULL;
}

FALLIBLE sweep_read(struct context *context, const struct session *session,
                    const struct sweep_wish *wish, int argc, const struct str *argv,
                    struct sweep *ret)
{
    int targets_at = argc > 0 && is_pipeline_word(argv[0]) ? 1 : 0;
    TRY(read_space(context, session, wish, ret));
    TRY(take_options(context, session, wish, ret));
    if (argc - targets_at > 0) {
        ret->target_count = (size_t)(argc - targets_at);
        ret->targets = arena_new_array(context->arena, struct str, ret->target_count);
        for (size_t i = 0; i < ret->target_count; i++)
            ret->targets[i] = argv[(size_t)targets_at + i];
    }
    bool is_empty = !ret->dimensions.len && !ret->listed_count && !ret->fixed.len;
    if (is_empty && ret->repeat < 2)
        return error_hint(error_new(ERROR_USAGE, "nothing is said to be tried"),
                          "mlops sweep -S train.lr=0.1,0.01,0.001");
    return NULL;
}

/* Who names a sweep file like a pipeline is told how it is given. */
static FALLIBLE check_word(struct context *context, struct str word)
{
    const struct doc_node *root = NULL;
    struct error *error = read_file(context, word, &root);
    bool is_bad = error != NULL; /* told as of a pipeline */
    error_drop(error);
    if (is_bad || doc_find(root, STR("stages")))
        return NULL;
    const struct doc_node *part = sweep_part(root), *params = doc_find(part, STR("params"));
    if (part != root || (params && params->kind == DOC_MAP) || doc_find(part, STR("metric")))
        return error_hint(
            error_new(ERROR_USAGE, "'%.*s' is a sweep file and no pipeline", STR_FMT(word)),
            "mlops sweep --file %.*s", STR_FMT(word));
    return NULL;
}

FALLIBLE sweep_read_check(struct context *context, const struct sweep_wish *wish, int argc,
                          const struct str *argv)
{
    struct sweep said = {0};
    if (argc && is_pipeline_word(argv[0]))
        TRY(check_word(context, argv[0]));
    return add_words(context, &wish->set, &said); /* before what they might be mistaken for */
}
