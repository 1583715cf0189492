/* What the work tree names: pointers and lock files. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/file.h"
#include "mlops/model/name.h"
#include "mlops/model/pointer.h"
#include "mlops/store/lockfile.h"
#include "mlops/store/pipelines.h"
#include "mlops/store/search.h"

#include "transfer_private.h"

/* The first line that we print: tells our lock files from those of other tools. */
#define LOCK_MARK STR("# mlops lock file")
enum { LOCK_HEAD_BYTES = 4096 };

/* pipeline.lock stands beside pipeline.yaml, dvc.mlops.lock beside dvc.yaml. */
static struct str pipeline_of(struct arena *arena, struct str lock)
{
    struct str name = path_name(lock), directory = path_directory(lock);
    struct str stem = str_slice(name, 0, name.len - strlen(".lock"));
    if (str_is(stem, "dvc.mlops"))
        stem = STR("dvc");
    struct str file = str_print(arena, "%.*s.yaml", STR_FMT(stem));
    return directory.len ? path_join(arena, directory, file) : file;
}

static bool is_new(struct rooting *rooting, struct str file, struct str bytes)
{
    struct digest digest = digest_of(bytes.at, bytes.len);
    struct str key = str_print(rooting->arena, "%.*s %.*s", STR_FMT(file), DIGEST_HEX_LEN,
                               digest_hex(rooting->arena, digest).at);
    return map_put(rooting->arena, &rooting->documents, key, rooting) == NULL;
}

FALLIBLE roots_add_pointer(struct rooting *rooting, struct str name, struct str file,
                           struct str bytes)
{
    struct pointer pointer = {0};
    if (!is_new(rooting, file, bytes))
        return NULL;
    TRY(pointer_parse(rooting->arena, name, bytes, file, &pointer));
    *vec_push(rooting->arena, &rooting->candidates) = (struct candidate){
        .root = {.artifact = pointer.artifact, .named_by = file, .is_pushed = true}};
    return NULL;
}

static void add_output(struct rooting *rooting, const struct lockfile *lock, struct str pipeline,
                       const struct lock_entry *entry, const struct artifact *out)
{
    struct arena *arena = rooting->arena;
    const struct output *output = map_get(&rooting->outputs, out->path);
    bool is_ours = str_equal(lock->project, rooting->workspace->config.project);
    *vec_push(arena, &rooting->candidates) =
        (struct candidate){.root = {.artifact = *out,
                                    .named_by = str_print(arena, "%.*s: %.*s", STR_FMT(lock->path),
                                                          STR_FMT(entry->stage)),
                                    .key = is_ours ? entry->key : (struct digest){{0}},
                                    .is_pushed = !output || output->is_pushed,
                                    .remote = output ? output->remote : STR("")},
                           .pipeline = pipeline,
                           .stage = entry->stage,
                           .recipe = &entry->recipe};
}

FALLIBLE roots_add_lock(struct rooting *rooting, struct str name, struct str file, struct str bytes)
{
    struct lockfile *lock = arena_new(rooting->arena, struct lockfile);
    if (str_find(str_slice(bytes, 0, LOCK_HEAD_BYTES), LOCK_MARK) < 0 ||
        !is_new(rooting, file, bytes))
        return NULL;
    TRY(lockfile_parse(rooting->arena, name, bytes, lock));
    struct str pipeline = pipeline_of(rooting->arena, file);
    lock->path = file;
    if (!lock->project.len)
        lock->project = rooting->workspace->config.project;
    map_each (item, &lock->entries) {
        const struct lock_entry *entry = item->value;
        for (size_t i = 0; i < entry->out_count; i++) {
            if (entry->outs[i].is_stored && entry->outs[i].kind != ARTIFACT_ABSENT)
                add_output(rooting, lock, pipeline, entry, &entry->outs[i]);
        }
    }
    return NULL;
}

static void note_outputs(struct rooting *rooting, const struct pipeline *pipeline)
{
    vec_each (const struct stage, stage, &pipeline->stages)
        vec_each (struct output, output, &stage->outs) {
            if (!output->remote.len)
                output->remote = pipeline->remote;
            map_put(rooting->arena, &rooting->outputs, output->path, output);
        }
}

/* What the pipeline beside a lock file says of its outputs; there may be none any more. */
static FALLIBLE read_pipeline(struct rooting *rooting, struct str lock)
{
    const struct workspace *workspace = rooting->workspace;
    struct str path = pipeline_of(rooting->arena, lock);
    struct pipeline *pipeline = NULL;
    struct file_stat stat;
    bool found = false;
    TRY(file_stat_at(fd_number(workspace->root_fd), str_terminate(rooting->arena, path), true,
                     &stat, &found));
    if (!found)
        return NULL;
    bool must = rooting->choice->needs_pipelines;
    struct str cwd = workspace->cwd.len ? path_join(rooting->arena, workspace->root, workspace->cwd)
                                        : workspace->root;
    struct error *error = pipelines_load_alone(rooting->arena, workspace, path, cwd, &pipeline);
    if (error && must)
        return error_within(error, "can't tell which outputs are to be sent");
    if (!error)
        note_outputs(rooting, pipeline);
    error_drop(error); /* perhaps what it reads is what is to be fetched */
    return NULL;
}

static bool is_document(struct str name)
{
    return str_ends(name, STR(".lock")) || pointer_is_name(name);
}

static FALLIBLE visit(void *context, struct str path)
{
    struct rooting *rooting = context;
    struct str bytes = {0};
    bool found = false;
    TRY(file_read(rooting->arena, fd_number(rooting->workspace->root_fd),
                  str_terminate(rooting->arena, path), LIMIT_LOCK_BYTES, &bytes, &found));
    if (!found)
        return NULL;
    struct str shown = workspace_show(rooting->arena, rooting->workspace, path);
    if (pointer_is_name(path_name(path)))
        return roots_add_pointer(rooting, shown, path, bytes);
    bool is_ours = str_find(str_slice(bytes, 0, LOCK_HEAD_BYTES), LOCK_MARK) >= 0;
    if (is_ours)
        TRY(read_pipeline(rooting, path));
    return roots_add_lock(rooting, shown, path, bytes);
}

/* Of commits what the work tree does not name. */
void roots_add_tracked(struct rooting *rooting, const struct dvc_tracked_vec *tracked)
{
    struct arena *arena = rooting->arena;
    vec_each (const struct dvc_tracked, one, tracked) {
        char hex[MD5_HEX_LEN + 1];
        md5_print(one->entry->md5, hex);
        struct str key = str_print(arena, "%.*s md5 %s", STR_FMT(one->entry->path), hex);
        if (map_put(arena, &rooting->documents, key, rooting))
            continue;
        *vec_push(arena, &rooting->candidates) =
            (struct candidate){.root = {.artifact = one->artifact,
                                        .named_by = one->named_by,
                                        .is_pushed = one->is_pushed && !one->is_import,
                                        .dvc = one},
                               .pipeline = one->pipeline,
                               .stage = one->stage};
    }
}

static FALLIBLE add_tracked(struct rooting *rooting)
{
    struct dvc_tracked_vec tracked = {0};
    if (rooting->choice->index)
        TRY(dvcfiles_load(rooting->arena, rooting->workspace, rooting->choice->index,
                          rooting->choice->observer, &tracked));
    roots_add_tracked(rooting, &tracked);
    return NULL;
}

FALLIBLE transfer_roots(struct arena *arena, const struct workspace *workspace,
                        const struct transfer_choice *choice, struct transfer_root_vec *ret)
{
    struct rooting rooting = {.arena = arena, .workspace = workspace, .choice = choice};
    struct search_visitor visitor = {is_document, visit, NULL, &rooting};
    TRY(search_files(arena, workspace, STR(""), &visitor));
    TRY(add_tracked(&rooting));
    if (choice->all_branches || choice->all_tags || choice->all_commits)
        TRY(roots_of_commits(&rooting));
    return roots_choose(&rooting, ret);
}
