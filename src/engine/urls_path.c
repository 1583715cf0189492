/* Where what comes from elsewhere is to be, and the pointer that says so. */
#include "mlops/base/arena.h"
#include "mlops/model/name.h"

#include <sys/stat.h>

#include "urls_private.h"

static FALLIBLE is_directory_here(struct session *session, struct str path, bool *ret)
{
    struct file_stat stat = {0};
    bool found = false;
    const char *name = path.len ? str_terminate(session->arena, path) : ".";
    TRY(file_stat_at(fd_number(session->workspace.root_fd), name, true, &stat, &found));
    *ret = found && S_ISDIR(stat.mode);
    return NULL;
}

FALLIBLE urls_find_path(struct session *session, const struct url_import *wanted,
                        const struct url_origin *origin, struct str *ret)
{
    struct pointer *pointer = NULL;
    bool is_directory = !wanted->path.len;
    *ret = wanted->path;
    if (wanted->path.len) {
        TRY(pointers_find(session->arena, &session->workspace, wanted->path, &pointer));
        TRY(is_directory_here(session, wanted->path, &is_directory));
    }
    if (!is_directory || pointer)
        return NULL;
    if (!origin->last.len || path_text_fault(origin->last) || str_find_char(origin->last, '/') >= 0)
        return error_hint(error_new(ERROR_USAGE, "'%.*s' does not say what it is to be called",
                                    STR_FMT(origin->url)),
                          origin->is_git ? "-o OUT" : "mlops import-url URL PATH");
    *ret = path_join(session->arena, wanted->path, origin->last);
    return NULL;
}

static FALLIBLE refuse_other(const struct pointer *pointer, struct str path)
{
    if (!str_equal(pointer->artifact.path, path))
        return error_hint(error_new(ERROR_PROJECT, "'%.*s' lies in '%.*s', which %.*s tracks",
                                    STR_FMT(path), STR_FMT(pointer->artifact.path),
                                    STR_FMT(pointer->file)),
                          "choose a path outside of it");
    if (!pointer->source.url.len)
        return error_hint(
            error_new(ERROR_PROJECT, "'%.*s' is tracked already, without a URL", STR_FMT(path)),
            "--force: from now on it comes from the URL");
    return error_hint(error_new(ERROR_PROJECT, "'%.*s' comes from '%.*s'", STR_FMT(path),
                                STR_FMT(pointer->source.url)),
                      "--force: from now on it comes from the other URL");
}

static FALLIBLE refuse_occupied(struct session *session, struct str path)
{
    struct file_stat stat = {0};
    bool found = false;
    TRY(file_stat_at(fd_number(session->workspace.root_fd), str_terminate(session->arena, path),
                     false, &stat, &found));
    if (!found)
        return NULL;
    return error_hint(
        error_new(ERROR_PROJECT, "'%.*s' is there already, and nothing tracks it", STR_FMT(path)),
        "choose another path, or --force: it moves to .mlops/displaced");
}

/* The pointer as it will be, but for what is fetched. */
FALLIBLE urls_make_pointer(struct session *session, const struct url_import *wanted,
                           const struct url_origin *origin, struct str path,
                           struct url_outcome *outcome)
{
    struct pointer *before = NULL;
    struct file_stat stat = {0};
    bool is_there = false;
    TRY(file_stat_at(fd_number(session->workspace.root_fd), str_terminate(session->arena, path),
                     false, &stat, &is_there));
    TRY(pointers_find(session->arena, &session->workspace, path, &before));
    bool is_same = before && str_equal(before->artifact.path, path) &&
                   str_equal(before->source.url, origin->url) &&
                   str_equal(before->source.path, origin->path) &&
                   (before->source.commit.len != 0) == origin->is_git;
    bool may_replace = wanted->force && before && str_equal(before->artifact.path, path);
    if (before && !is_same && !may_replace)
        return refuse_other(before, path);
    TRY(data_check_path(session, path, is_there));
    if (pointer_is_name(path_name(path)))
        return error_hint(
            error_new(ERROR_PROJECT, "'%.*s' is the name of a pointer", STR_FMT(path)),
            "choose another name");
    if (!before && !wanted->force)
        TRY(refuse_occupied(session, path));
    struct pointer *pointer = before ? before : arena_new(session->arena, struct pointer);
    outcome->status = is_same ? URL_SAME : URL_ADDED;
    outcome->pointer = pointer;
    pointer->file = pointer_file_of(session->arena, path);
    pointer->artifact.path = path;
    if (!is_same)
        pointer->source = (struct pointer_source){0};
    pointer->source.is_frozen = wanted->is_frozen;
    if (wanted->desc.len)
        pointer->desc = wanted->desc;
    return NULL;
}
