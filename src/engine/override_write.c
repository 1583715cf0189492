/* Overrides into the files of the project itself. */
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/base/map.h"
#include "mlops/engine/override.h"
#include "mlops/host/file.h"
#include "mlops/host/path.h"

#include <sys/stat.h>

struct changed_file {
    struct str path;   /* as the project names it */
    struct str target; /* what it is a link to, else the same */
    uint32_t mode;
    struct str before, after;
};

/* Where a link leads to, relative to the project. */
static FALLIBLE follow_link(struct session *session, struct changed_file *file)
{
    struct str root = session->workspace.root, real = {0};
    TRY(path_real(session->arena, path_join(session->arena, root, file->path), &real));
    file->target = str_starts(real, root) && real.len > root.len && real.at[root.len] == '/'
                       ? str_slice(real, root.len + 1, real.len)
                       : (struct str){0};
    if (!file->target.len)
        return error_hint(error_new(ERROR_PROJECT,
                                    "'%.*s' is a link to '%.*s', outside of the "
                                    "project",
                                    STR_FMT(file->path), STR_FMT(real)),
                          "change that file by hand, or leave --in-place out");
    file->target = str_copy(session->arena, file->target);
    return NULL;
}

static FALLIBLE read_file(struct session *session, struct changed_file *file)
{
    struct file_stat stat = {0};
    bool found = false;
    int root = fd_number(session->workspace.root_fd);
    const char *path = str_terminate(session->arena, file->path);
    file->target = file->path;
    TRY(file_read(session->arena, root, path, LIMIT_JSON_BYTES, &file->before, &found));
    TRY(found ? file_stat_at(root, path, true, &stat, &found) : NULL);
    if (!found)
        return error_new(ERROR_PROJECT, "there is no '%.*s'", STR_FMT(file->path));
    file->mode = stat.mode & 07777;
    if (!(file->mode & (S_IWUSR | S_IWGRP | S_IWOTH)))
        return error_hint(error_new(ERROR_PROJECT, "'%.*s' is read-only", STR_FMT(file->path)),
                          "chmod u+w '%.*s', or leave --in-place out", STR_FMT(file->path));
    return follow_link(session, file);
}

static FALLIBLE change_file(struct session *session, const struct override_vec *overrides,
                            struct changed_file *file)
{
    struct str shown = workspace_show(session->arena, &session->workspace, file->path);
    TRY_WITHIN(read_file(session, file), "changing parameters");
    return override_apply(session->arena, shown, file->before, session->pipeline->dialect,
                          overrides, file->path, &file->after);
}

static bool is_equal(struct arena *arena, const struct doc_node *a, const struct doc_node *b)
{
    struct buf one = buf_in(arena), other = buf_in(arena);
    doc_encode(a, arena, &one);
    doc_encode(b, arena, &other);
    return str_equal(buf_str(&one), buf_str(&other));
}

static FALLIBLE note_change(struct session *session, const struct override *override,
                            struct override_change *change)
{
    const struct doc_node *root = NULL, *before = NULL;
    struct doc_node *after = NULL;
    *change = (struct override_change){
        .file = override->file, .key = override->key, .action = override->action};
    TRY(session_params(session, override->file, &root));
    before = root ? doc_find_path(root, override->key) : NULL;
    change->before = before ? doc_show(session->arena, before) : (struct str){0};
    if (override->action == EDIT_REMOVE)
        return NULL;
    TRY(edit_value(session->arena, override->text, session->pipeline->dialect, &after));
    change->after = doc_show(session->arena, after);
    change->is_same = before && is_equal(session->arena, before, after);
    return NULL;
}

static FALLIBLE publish(struct session *session, struct changed_file *file)
{
    if (str_equal(file->before, file->after))
        return NULL;
    TRY_WITHIN(workspace_publish(&session->workspace, str_terminate(session->arena, file->target),
                                 file->after, file->mode, true),
               "writing '%.*s'", STR_FMT(file->path));
    session_forget_params(session, file->path);
    return NULL;
}

FALLIBLE override_write(struct session *session, const struct override_vec *overrides,
                        struct override_change_vec *ret)
{
    struct map files = {0};
    vec_each (struct override, override, overrides) {
        TRY(note_change(session, override, vec_push(session->arena, ret)));
        if (map_has(&files, override->file))
            continue;
        struct changed_file *file = arena_new(session->arena, struct changed_file);
        file->path = override->file;
        TRY(change_file(session, overrides, file));
        map_put(session->arena, &files, override->file, file);
    }
    map_each (item, &files)
        TRY(publish(session, item->value));
    return NULL;
}
