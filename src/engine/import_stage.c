#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/model/metric.h"
#include "mlops/model/name.h"

#include <stdlib.h>

#include "import_private.h"

const struct output *import_output(const struct stage *stage, struct str path)
{
    vec_each (struct output, output, &stage->outs) {
        if (str_equal(output->path, path))
            return output;
    }
    return NULL;
}

/* --- does the work tree hold what was recorded? --- */

/* What can come (back) is no difference. */
static FALLIBLE match_one(struct importing *importing, const struct dvc_entry *entry,
                          enum look_role role, bool *ret)
{
    struct translated seen = {0};
    TRY(import_translate(importing, entry, role, &seen));
    *ret = seen.is_here;
    if (!seen.may_come)
        return NULL;
    *ret = !seen.why.len;
    if (!*ret && entry->has_hash)
        TRY(import_is_cached(importing, entry, ret));
    importing->is_lacking |= seen.is_absent && !*ret;
    return NULL;
}

static FALLIBLE match_all(struct importing *importing, const struct dvc_entry_vec *entries,
                          enum look_role role, bool *is_matching)
{
    for (size_t i = 0; i < entries->len && *is_matching; i++)
        TRY(match_one(importing, &entries->at[i], role, is_matching));
    return NULL;
}

FALLIBLE import_match(struct importing *importing, struct import_stage *stage)
{
    stage->is_matching = true;
    TRY(match_all(importing, &stage->recorded->outs, LOOK_OUT, &stage->is_matching));
    if (stage->stage->is_frozen)
        return NULL; /* it is cut from what it reads */
    return match_all(importing, &stage->recorded->deps, LOOK_DEP, &stage->is_matching);
}

/* --- the recipe --- */

static int compare_deps(const void *a, const void *b)
{
    const struct recipe_dep *left = a, *right = b;
    return str_compare(left->path, right->path);
}

/* What a frozen stage was made from need not be here any more. No file has this digest, so that the
 * stage runs when it is thawed and its input is another one. */
static struct recipe_dep bygone_dep(const struct dvc_entry *entry)
{
    char text[sizeof "md5 " + MD5_HEX_LEN] = "md5 ";
    md5_print(entry->md5, text + 4);
    return (struct recipe_dep){.path = entry->path,
                               .kind = entry->is_directory ? ARTIFACT_TREE : ARTIFACT_FILE,
                               .is_executable = entry->is_executable && !entry->is_directory,
                               .digest = digest_of(text, strlen(text)),
                               .size_bytes = MAX_OF(entry->size_bytes, (int64_t)0)};
}

static FALLIBLE fill_deps(struct importing *importing, const struct stage *stage,
                          const struct dvc_entry_vec *entries, struct recipe *recipe,
                          struct str *ret_why)
{
    recipe->deps = arena_new_array(importing->arena, struct recipe_dep, entries->len);
    vec_each (const struct dvc_entry, entry, entries) {
        struct translated seen = {0};
        TRY(import_translate(importing, entry, LOOK_DEP, &seen));
        if (seen.why.len && stage->is_frozen) {
            recipe->deps[recipe->dep_count++] = bygone_dep(entry);
            continue;
        }
        if (seen.why.len) {
            *ret_why = str_print(importing->arena, "its dependency '%.*s' %.*s",
                                 STR_FMT(entry->written), STR_FMT(seen.why));
            return NULL;
        }
        recipe->deps[recipe->dep_count++] =
            (struct recipe_dep){.path = entry->path,
                                .kind = seen.artifact.kind,
                                .is_executable = seen.artifact.is_executable,
                                .digest = seen.artifact.digest,
                                .size_bytes = seen.artifact.size_bytes};
    }
    if (recipe->dep_count > 1)
        qsort(recipe->deps, recipe->dep_count, sizeof *recipe->deps, compare_deps);
    size_t kept = 0; /* the same path may be written in two ways */
    for (size_t i = 0; i < recipe->dep_count; i++) {
        if (kept && str_equal(recipe->deps[kept - 1].path, recipe->deps[i].path))
            continue;
        recipe->deps[kept++] = recipe->deps[i];
    }
    recipe->dep_count = kept;
    return NULL;
}

static void fill_param(struct importing *importing, struct str file, struct str key,
                       const struct doc_node *value, struct recipe *recipe)
{
    struct buf encoded = buf_in(importing->arena);
    AUTO(arena_drop) struct arena scratch = {0};
    doc_encode(value, &scratch, &encoded);
    struct str shown = recipe_clip(&scratch, doc_show(&scratch, value));
    recipe->params[recipe->param_count++] =
        (struct recipe_param){.file = file,
                              .key = key,
                              .encoded = buf_str(&encoded),
                              .shown = str_copy(importing->arena, shown)};
}

static bool is_whole_file(const struct stage *stage, struct str file)
{
    vec_each (const struct param_ref, reference, &stage->params) {
        if (str_equal(reference->file, file) && reference->key.len == 0)
            return true;
    }
    return false;
}

static int compare_params(const void *a, const void *b)
{
    const struct recipe_param *left = a, *right = b;
    int order = str_compare(left->file, right->file);
    return order ? order : str_compare(left->key, right->key);
}

static void fill_params(struct importing *importing, const struct import_stage *stage,
                        struct recipe *recipe)
{
    const struct doc_node *files = stage->recorded->params;
    size_t count = 0;
    for (const struct doc_node *file = files ? files->first : NULL; file; file = file->next)
        count += file->count + 1;
    recipe->params = arena_new_array(importing->arena, struct recipe_param, count);
    for (const struct doc_node *file = files ? files->first : NULL; file; file = file->next) {
        struct str path = {0};
        (void)path_resolve(importing->arena, stage->stage->wdir, file->key->text, &path);
        if (is_whole_file(stage->stage, path)) {
            fill_param(importing, path, STR(""), file, recipe);
            continue;
        }
        for (const struct doc_node *value = file->first; value; value = value->next)
            fill_param(importing, path, value->key->text, value, recipe);
    }
    if (recipe->param_count > 1)
        qsort(recipe->params, recipe->param_count, sizeof *recipe->params, compare_params);
}

/* --- outputs --- */

static int compare_artifacts(const void *a, const void *b)
{
    return str_compare(((const struct artifact *)a)->path, ((const struct artifact *)b)->path);
}

/* As a run stores them: cached ones, and small metrics and plots. */
static bool is_to_be_stored(const struct stage *stage, const struct artifact *out)
{
    const struct output *output = import_output(stage, out->path);
    if (!output || path_fault(out->path))
        return false;
    bool is_small = out->kind == ARTIFACT_FILE && out->size_bytes <= LIMIT_METRIC_BYTES;
    return output->is_cached || (output->category != OUT_PLAIN && is_small);
}

static bool is_damaged(const struct importing *importing, struct str path)
{
    vec_each (const struct import_fault, fault, &importing->report->faults) {
        if (fault->kind == IMPORT_DAMAGED && path_is_within(fault->name, path))
            return true;
    }
    return false;
}

static FALLIBLE take_out(struct importing *importing, const struct stage *stage,
                         const struct dvc_entry *entry, struct artifact *ret, struct str *ret_why)
{
    struct translated seen = {0};
    TRY(import_translate(importing, entry, LOOK_OUT, &seen));
    const struct output *output = import_output(stage, entry->path);
    if (seen.why.len && output && output->is_cached && !is_damaged(importing, entry->path))
        import_fault(importing, IMPORT_MISSING, entry->path, seen.why);
    if (seen.why.len) {
        *ret_why = str_print(importing->arena, "its output '%.*s' %.*s", STR_FMT(entry->written),
                             STR_FMT(seen.why));
        return NULL;
    }
    bool captures = seen.is_here && !importing->is_dry && is_to_be_stored(stage, &seen.artifact);
    if (captures)
        TRY(worktree_capture(importing->session->worktree, entry->path, &seen.artifact));
    seen.artifact.path = entry->path;
    *ret = seen.artifact;
    return NULL;
}

static FALLIBLE fill_outs(struct importing *importing, const struct import_stage *stage,
                          struct result *result, struct str *ret_why)
{
    const struct dvc_entry_vec *entries = &stage->recorded->outs;
    result->outs = arena_new_array(importing->arena, struct artifact, entries->len);
    vec_each (const struct dvc_entry, entry, entries) {
        TRY(take_out(importing, stage->stage, entry, &result->outs[result->out_count], ret_why));
        if (ret_why->len)
            return NULL;
        result->out_count++;
    }
    if (result->out_count > 1)
        qsort(result->outs, result->out_count, sizeof *result->outs, compare_artifacts);
    for (size_t i = 1; i < result->out_count; i++) {
        if (str_equal(result->outs[i - 1].path, result->outs[i].path))
            *ret_why = str_print(importing->arena, "its output '%.*s' is recorded twice",
                                 STR_FMT(result->outs[i].path));
    }
    return NULL;
}

static FALLIBLE read_bytes(struct importing *importing, const struct artifact *out, struct str *ret,
                           bool *ret_found)
{
    struct session *session = importing->session;
    *ret_found = false;
    if (out->is_stored && session->cas)
        return cas_get_bytes(session->cas, importing->arena, out->digest, LIMIT_METRIC_BYTES, ret,
                             ret_found);
    return file_read(importing->arena, fd_number(session->workspace.root_fd),
                     str_terminate(importing->arena, out->path), LIMIT_JSON_BYTES, ret, ret_found);
}

/* A metrics file that is no document has none: DVC would say so when it is asked for them. */
static FALLIBLE fill_metrics(struct importing *importing, const struct stage *stage,
                             struct result *result)
{
    for (size_t i = 0; i < result->out_count; i++) {
        const struct output *output = import_output(stage, result->outs[i].path);
        struct str bytes = {0};
        bool found = false;
        if (!output || output->category != OUT_METRICS || result->outs[i].kind != ARTIFACT_FILE)
            continue;
        TRY(read_bytes(importing, &result->outs[i], &bytes, &found));
        struct metric_vec metrics = result->metrics;
        struct error *error =
            found ? metrics_parse(importing->arena, output->path, bytes, &metrics) : NULL;
        if (!error)
            result->metrics = metrics;
        error_drop(error);
    }
    return NULL;
}

/* --- the result --- */

static bool has_outs(const struct result *a, const struct result *b)
{
    bool is_same = a->out_count == b->out_count;
    for (size_t i = 0; is_same && i < a->out_count; i++)
        is_same = str_equal(a->outs[i].path, b->outs[i].path) &&
                  artifact_equal(&a->outs[i], &b->outs[i]) &&
                  a->outs[i].is_stored >= b->outs[i].is_stored;
    return is_same;
}

static FALLIBLE keep(struct importing *importing, struct result *result)
{
    const struct workspace *workspace = &importing->session->workspace;
    struct result_ref *known = NULL;
    size_t count = 0;
    struct digest id;
    TRY(results_find(importing->arena, workspace, result->key, &known, &count));
    for (size_t i = 0; i < count; i++) {
        if (has_outs(&known[i].value, result)) {
            imported_add_result(importing->arena, &importing->imported, result->key, known[i].id);
            return NULL;
        }
    }
    AUTO(arena_drop) struct arena scratch = {0};
    /* Its objects first: nothing may name what is not on the disk. */
    TRY(cas_flush(importing->session->cas));
    TRY(results_put(&scratch, workspace, result, &id));
    imported_add_result(importing->arena, &importing->imported, result->key, id);
    importing->report->stages_new++;
    return NULL;
}

static bool is_same_command(const struct command *a, const struct command *b)
{
    bool is_same = a->is_list == b->is_list && a->count == b->count;
    for (size_t i = 0; is_same && i < a->count; i++)
        is_same = str_equal(a->items[i], b->items[i]);
    return is_same;
}

/* As if our own lock file had the entry: a dry run's view, and what a frozen stage is. */
static FALLIBLE pass_on(struct importing *importing, const struct stage *stage,
                        const struct result *result, bool *ret_news)
{
    *ret_news = false;
    struct session *session = importing->session;
    const struct lock_entry *known = session_lock_entry(session, stage);
    struct lock_entry *entry = arena_new(importing->arena, struct lock_entry);
    *entry = (struct lock_entry){.stage = stage->local_name,
                                 .key = result->key,
                                 .outs = result->outs,
                                 .out_count = result->out_count,
                                 .metrics = result->metrics,
                                 .is_promised = importing->is_passing,
                                 .is_taken = true};
    TRY(recipe_decode(importing->arena, result->recipe, &entry->recipe));
    bool is_news = !known || (!digest_equal(known->key, entry->key) &&
                              is_same_command(&entry->recipe.cmd, &stage->cmd));
    if (!is_news)
        return NULL;
    map_put(importing->arena, &session_lock(session, stage)->entries, entry->stage, entry);
    *ret_news = true;
    return NULL;
}

static FALLIBLE make(struct importing *importing, const struct import_stage *stage,
                     struct result *result, struct str *ret_why)
{
    struct arena *arena = importing->arena;
    struct recipe recipe = {
        .cmd = stage->recorded->cmd, .wdir = stage->stage->wdir, .shell = stage->stage->shell};
    *result = (struct result){.stage = stage->stage->name, .model = stage->stage->model};
    TRY(fill_outs(importing, stage, result, ret_why));
    if (!ret_why->len)
        TRY(fill_deps(importing, stage->stage, &stage->recorded->deps, &recipe, ret_why));
    if (ret_why->len || (importing->is_dry && !importing->is_passing))
        return NULL;
    fill_params(importing, stage, &recipe);
    recipe.outs = arena_new_array(arena, struct str, result->out_count);
    for (size_t i = 0; i < result->out_count; i++)
        recipe.outs[recipe.out_count++] = result->outs[i].path;
    struct buf bytes = buf_in(arena);
    recipe_encode(&recipe, &bytes);
    result->recipe = buf_str(&bytes);
    result->key = recipe_key(&recipe);
    return fill_metrics(importing, stage->stage, result);
}

FALLIBLE import_stage(struct importing *importing, const struct import_stage *stage)
{
    struct result result = {0};
    struct str why = {0};
    bool is_news = false;
    importing->report->stages++;
    if (stage->stage->is_always_changed)
        return NULL; /* it runs whatever is known */
    TRY_WITHIN(make(importing, stage, &result, &why), "stage '%.*s' of dvc.lock",
               STR_FMT(stage->stage->name));
    if (why.len)
        import_fault(importing, IMPORT_UNUSABLE, stage->stage->name, why);
    else if (!importing->is_dry)
        TRY(keep(importing, &result));
    bool is_frozen_news =
        stage->stage->is_frozen && !session_lock_entry(importing->session, stage->stage);
    if (!why.len && (importing->is_passing || (is_frozen_news && !importing->is_dry)))
        TRY(pass_on(importing, stage->stage, &result, &is_news));
    importing->report->stages_new += is_news && importing->is_passing;
    return NULL;
}
