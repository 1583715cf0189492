/* Files of parameters: the run's values come in, whatever else the work tree's file has meanwhile
 * stays, as far as that can be done; else the file becomes the run's. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/load.h"
#include "mlops/host/path.h"
#include "mlops/model/name.h"

#include <sys/stat.h>

#include "apply_private.h"

struct param_work {
    struct applying *applying;
    struct str file;
    struct str place; /* what it is a link to in the work tree, else the same */
    enum doc_dialect dialect;
    struct map keys; /* that the run read or changed; "" stands for the whole file */
    bool has_source;
    /* The file as the newest commit has it, as the run's without and with its overrides, and as it
     * lies in the work tree. */
    struct str head, base, wanted, now;
    const struct doc_node *head_root, *base_root, *wanted_root, *now_root;
    struct buf edited;
    struct buf what;
    bool is_clash; /* a value that was changed here, too, would be lost */
};

/* --- keys --- */

static void note_key(struct param_work *work, struct str key)
{
    map_put(work->applying->session->arena, &work->keys, key, work);
}

static void note_params(struct param_work *work, const struct recipe_param *params, size_t count)
{
    struct recipe_param *flat = NULL;
    size_t flat_count = 0;
    recipe_flatten(work->applying->session->arena, params, count, &flat, &flat_count);
    for (size_t i = 0; i < flat_count; i++) {
        if (str_equal(flat[i].file, work->file))
            note_key(work, flat[i].key);
    }
}

static void note_keys(struct param_work *work)
{
    const struct applying *applying = work->applying;
    for (size_t i = 0; i < applying->state.count; i++) {
        const struct recipe *recipe = applying->recipes[i];
        if (recipe)
            note_params(work, recipe->params, recipe->param_count);
        vec_each (const struct recipe_param, param, &applying->templates[i]) {
            if (str_equal(param->file, work->file))
                note_key(work, param->key);
        }
    }
    vec_each (const struct override, override, &applying->origin.overrides) {
        if (str_equal(override->file, work->file))
            note_key(work, override->key);
    }
}

/* --- values --- */

static bool is_same_value(struct arena *arena, const struct doc_node *a, const struct doc_node *b)
{
    struct buf left = buf_in(arena), right = buf_in(arena);
    if (!a || !b)
        return a == b;
    doc_encode(a, arena, &left);
    doc_encode(b, arena, &right);
    return str_equal(buf_str(&left), buf_str(&right));
}

static void tell_value(struct param_work *work, struct str key, const struct doc_node *now,
                       const struct doc_node *wanted)
{
    struct arena *arena = work->applying->session->arena;
    struct str before = now ? doc_show(arena, now) : STR("(none)");
    struct str after = wanted ? doc_show(arena, wanted) : STR("(none)");
    buf_print(&work->what, "%s%.*s %.*s -> %.*s", work->what.len ? ", " : "", STR_FMT(key),
              STR_FMT(before), STR_FMT(after));
}

/* Every change reads the file anew: of thousands each gives its memory back. */
static FALLIBLE edit_text(struct param_work *work, const struct edit *edit)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str edited = {0};
    TRY(edit_apply(&scratch, work->file, buf_str(&work->edited), work->dialect, edit, &edited));
    buf_clear(&work->edited);
    buf_add_str(&work->edited, edited);
    return NULL;
}

static FALLIBLE edit_key(struct param_work *work, struct str key)
{
    struct arena *arena = work->applying->session->arena;
    const struct doc_node *wanted = doc_find_path(work->wanted_root, key);
    const struct doc_node *now = doc_find_path(work->now_root, key);
    const struct doc_node *base = doc_find_path(work->base_root, key);
    const struct doc_node *head = doc_find_path(work->head_root, key);
    if (is_same_value(arena, now, wanted))
        return NULL;
    work->is_clash |= !is_same_value(arena, now, base) && !is_same_value(arena, now, head);
    tell_value(work, key, now, wanted);
    const struct edit edit = {.action = !wanted ? EDIT_REMOVE
                                        : now   ? EDIT_SET
                                                : EDIT_ADD,
                              .key = key,
                              .node = wanted};
    return edit_text(work, &edit);
}

/* --- a file --- */

static FALLIBLE parse(struct param_work *work, struct str bytes, const struct doc_node **ret)
{
    struct doc *doc = NULL;
    TRY(doc_load(work->applying->session->arena, work->file, bytes, work->dialect, &doc));
    *ret = doc->root;
    return NULL;
}

static FALLIBLE edit_keys(struct param_work *work)
{
    if (work->head.at)
        TRY(parse(work, work->head, &work->head_root));
    TRY(parse(work, work->base, &work->base_root));
    TRY(parse(work, work->wanted, &work->wanted_root));
    TRY(parse(work, work->now, &work->now_root));
    buf_clear(&work->edited);
    buf_add_str(&work->edited, work->now);
    map_each (item, &work->keys)
        TRY(edit_key(work, item->key));
    return NULL;
}

/* *ret_done false: it can't be edited so that the run's values and the other changes both hold. */
static FALLIBLE try_editing(struct param_work *work, bool *ret_done)
{
    *ret_done = false;
    if (!work->now.at || map_has(&work->keys, STR("")))
        return NULL;
    struct error *error = edit_keys(work);
    if (error && error->code >= ERROR_SIGNAL)
        return error;
    *ret_done = error == NULL;
    error_drop(error);
    return NULL;
}

static FALLIBLE load_head(struct param_work *work)
{
    struct session *session = work->applying->session;
    struct str commit = {0}, branch = {0};
    bool found = false;
    if (!session->vcs)
        return NULL;
    TRY(vcs_head(session->vcs, session->arena, &commit, &branch));
    if (commit.len)
        TRY(vcs_read(session->vcs, session->arena, commit,
                     session_vcs_path(session, session->arena, work->place), LIMIT_EXCHANGE_BYTES,
                     &work->head, &found));
    return NULL;
}

/* What a link of the origin leads to, if that is in it. */
static FALLIBLE read_source(struct origin *origin, struct str path, struct origin_file *ret)
{
    enum { LINKS_MOST = 40 };
    struct arena *arena = origin->session->arena;
    TRY(origin_read(origin, path, ret));
    for (int i = 0; ret->mode == 0120000 && i < LINKS_MOST; i++) {
        if (!path_resolve(arena, path_directory(path), ret->bytes, &path))
            return NULL;
        TRY(origin_read(origin, path, ret));
    }
    return NULL;
}

/* The link stays: what it leads to is changed. */
static FALLIBLE find_place(struct param_work *work)
{
    struct session *session = work->applying->session;
    struct str root = session->workspace.root, real = {0};
    struct file_stat stat = {0};
    bool found = false;
    work->place = work->file;
    TRY(file_stat_at(fd_number(session->workspace.root_fd),
                     str_terminate(session->arena, work->file), false, &stat, &found));
    if (!found || !S_ISLNK(stat.mode) || !work->now.at)
        return NULL;
    TRY(path_real(session->arena, path_join(session->arena, root, work->file), &real));
    if (!path_is_within(real, root))
        return error_hint(error_new(ERROR_PROJECT,
                                    "'%.*s' is a link to '%.*s', outside of the project",
                                    STR_FMT(work->file), STR_FMT(real)),
                          "copy that file to where the link is");
    work->place = str_slice(real, root.len + 1, real.len);
    return NULL;
}

static FALLIBLE load(struct param_work *work)
{
    struct applying *applying = work->applying;
    struct session *session = applying->session;
    struct origin_file file = {0};
    bool found = false;
    TRY(read_source(&applying->origin, work->file, &file));
    work->has_source = file.is_known && file.mode && file.mode != 0120000;
    work->base = file.bytes;
    if (work->has_source)
        TRY_WITHIN(override_apply(session->arena, work->file, work->base, work->dialect,
                                  &applying->origin.overrides, work->file, &work->wanted),
                   "giving '%.*s' the run's parameters", STR_FMT(work->file));
    TRY(file_read(session->arena, fd_number(session->workspace.root_fd),
                  str_terminate(session->arena, work->file), LIMIT_EXCHANGE_BYTES, &work->now,
                  &found));
    if (!found)
        work->now = (struct str){0};
    TRY(find_place(work));
    return load_head(work);
}

/* As it is after `edited`, with the mode that is there. */
static FALLIBLE plan(struct param_work *work, struct str bytes, bool is_edit)
{
    struct session *session = work->applying->session;
    struct file_stat stat = {.mode = 0644};
    bool found = false;
    TRY(file_stat_at(fd_number(session->workspace.root_fd),
                     str_terminate(session->arena, work->place), false, &stat, &found));
    struct apply_content content = {.mode = (stat.mode & 0111) ? 0100755 : 0100644,
                                    .bytes = bytes,
                                    .what = is_edit ? buf_str(&work->what) : (struct str){0},
                                    .is_edit = is_edit && !work->is_clash,
                                    .over = work->now};
    return apply_content(work->applying, work->place, &content);
}

/* What a stage reads as a whole has to be the run's to the byte. */
static bool is_dependency(const struct applying *applying, struct str file)
{
    for (size_t i = 0; i < applying->state.count; i++) {
        const struct recipe *recipe = applying->recipes[i];
        for (size_t k = 0; recipe && k < recipe->dep_count; k++) {
            if (path_is_within(file, recipe->deps[k].path))
                return true;
        }
    }
    return false;
}

static FALLIBLE take_file(struct applying *applying, struct str file)
{
    struct arena *arena = applying->session->arena;
    bool done = false;
    struct param_work work = {.applying = applying,
                              .file = file,
                              .dialect = pipeline_dialect(applying->run->pipeline),
                              .edited = buf_in(arena),
                              .what = buf_in(arena)};
    TRY(load(&work));
    if (!work.has_source || str_equal(work.now, work.wanted))
        return NULL;
    note_keys(&work);
    if (!is_dependency(applying, file))
        TRY(try_editing(&work, &done));
    return done ? plan(&work, buf_str(&work.edited), true) : plan(&work, work.wanted, false);
}

static void note_file(struct applying *applying, struct map *files, struct str file)
{
    if (file.len && !map_has(&applying->made, file) && !path_fault(file))
        map_put(applying->session->arena, files, file, applying);
}

FALLIBLE apply_params(struct applying *applying)
{
    struct map files = {0};
    for (size_t i = 0; i < applying->state.count; i++) {
        const struct recipe *recipe = applying->recipes[i];
        for (size_t k = 0; recipe && k < recipe->param_count; k++)
            note_file(applying, &files, recipe->params[k].file);
        vec_each (const struct recipe_param, param, &applying->templates[i])
            note_file(applying, &files, param->file);
    }
    vec_each (const struct override, override, &applying->origin.overrides)
        note_file(applying, &files, override->file);
    map_each (item, &files)
        TRY(take_file(applying, item->key));
    return NULL;
}
