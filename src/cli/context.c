#include "mlops/cli/context.h"

#include "mlops/base/arena.h"
#include "mlops/engine/session.h"
#include "mlops/host/file.h"
#include "mlops/host/path.h"
#include "mlops/host/vcs.h"
#include "mlops/model/name.h"
#include "mlops/store/cas.h"
#include "mlops/store/dvcfiles.h"
#include "mlops/store/index.h"
#include "mlops/store/ledger.h"
#include "mlops/store/pipelines.h"
#include "mlops/store/workspace.h"

#include <unistd.h>

struct context_parts {
    struct workspace workspace;
    bool has_workspace;
    bool has_looked_for_vcs;
    struct ledger *ledger;
    struct index *index;
    struct cas *cas;
    struct vcs *vcs;
};

static struct context_parts *parts_of(struct context *context)
{
    if (!context->parts)
        context->parts = arena_new(context->arena, struct context_parts);
    return context->parts;
}

void context_drop(struct context *context)
{
    struct context_parts *parts = context->parts;
    if (parts) {
        cas_drop(&parts->cas);
        index_drop(&parts->index);
        ledger_drop(&parts->ledger);
        vcs_drop(&parts->vcs);
        workspace_drop(&parts->workspace);
    }
    buf_drop(&context->out);
    context->parts = NULL;
}

FALLIBLE context_flush(struct context *context)
{
    if (context->out.len)
        TRY(file_write(STDOUT_FILENO, context->out.at, context->out.len, "standard output"));
    buf_clear(&context->out);
    return NULL;
}

/* Best effort: when stderr is gone there is nobody left to tell. */
static void tell_line(const char *prefix, const char *format, va_list arguments) PRINTF_LIKE(2, 0);

static void tell_line(const char *prefix, const char *format, va_list arguments)
{
    AUTO(buf_drop) struct buf text = {0};
    AUTO(buf_drop) struct buf line = {0};
    buf_print_list(&text, format, arguments);
    buf_add_text(&line, prefix);
    buf_add_escaped(&line, buf_str(&text), false);
    buf_add_char(&line, '\n');
    error_drop(file_write(STDERR_FILENO, line.at, line.len, "standard error"));
}

void context_notice(struct context *context, const char *format, ...)
{
    if (context->common.quiet)
        return;
    va_list arguments;
    va_start(arguments, format);
    tell_line("mlops: ", format, arguments);
    va_end(arguments);
}

void context_warn(struct context *context, const char *format, ...)
{
    (void)context;
    va_list arguments;
    va_start(arguments, format);
    tell_line("mlops: warning: ", format, arguments);
    va_end(arguments);
}

FALLIBLE context_workspace(struct context *context, struct workspace **ret)
{
    struct context_parts *parts = parts_of(context);
    if (!parts->has_workspace) {
        struct str current;
        TRY(path_current(context->arena, &current));
        TRY(workspace_find(context->arena, current, &parts->workspace));
        parts->has_workspace = true;
    }
    *ret = &parts->workspace;
    return NULL;
}

FALLIBLE context_project(struct context *context, struct workspace **ret)
{
    TRY(context_workspace(context, ret));
    if (fd_number((*ret)->state_fd) >= 0)
        return NULL;
    return error_hint(
        error_new(ERROR_PROJECT, "there is no .mlops in '%.*s' or above it", STR_FMT((*ret)->root)),
        "'mlops run' makes one, and so does 'mlops init'");
}

FALLIBLE context_data_project(struct context *context, struct workspace **ret)
{
    struct dvcconfig config = {0};
    struct str root = {0};
    bool is_dvc = false;
    TRY(context_workspace(context, ret));
    TRY(dvcfiles_settings(context->arena, *ret, &config, &root, &is_dvc));
    return is_dvc ? NULL : context_project(context, ret);
}

static FALLIBLE open_ledger(struct context *context, bool read_only, struct ledger **ret)
{
    struct context_parts *parts = parts_of(context);
    if (!parts->ledger) {
        struct workspace *workspace = NULL;
        TRY(context_project(context, &workspace));
        TRY(ledger_open(context->arena, workspace, read_only, &context->observer, &parts->ledger));
    }
    *ret = parts->ledger;
    return NULL;
}

FALLIBLE context_ledger(struct context *context, struct ledger **ret)
{
    return open_ledger(context, true, ret);
}

FALLIBLE context_ledger_for_writing(struct context *context, struct ledger **ret)
{
    return open_ledger(context, false, ret);
}

FALLIBLE context_index(struct context *context, struct index **ret)
{
    struct context_parts *parts = parts_of(context);
    if (!parts->index) {
        struct workspace *workspace = NULL;
        TRY(context_project(context, &workspace));
        struct str path = path_join(context->arena, workspace->index_dir, STR("index.db"));
        TRY(index_open(context->arena, path.at, workspace->is_read_only, &parts->index));
    }
    *ret = parts->index;
    return NULL;
}

FALLIBLE context_cas(struct context *context, struct cas **ret)
{
    struct context_parts *parts = parts_of(context);
    if (!parts->cas) {
        struct workspace *workspace = NULL;
        struct index *index = NULL;
        TRY(context_project(context, &workspace));
        TRY(context_index(context, &index));
        TRY(cas_open(context->arena, workspace, index, &parts->cas));
    }
    *ret = parts->cas;
    return NULL;
}

FALLIBLE context_vcs(struct context *context, struct vcs **ret)
{
    struct context_parts *parts = parts_of(context);
    if (!parts->has_looked_for_vcs) {
        struct workspace *workspace = NULL;
        TRY(context_workspace(context, &workspace));
        TRY(vcs_open(workspace->root, &parts->vcs));
        parts->has_looked_for_vcs = true;
    }
    *ret = parts->vcs;
    return NULL;
}

bool is_pipeline_word(struct str word)
{
    return str_ends(word, STR(".yaml")) || str_ends(word, STR(".yml"));
}

/* Upwards from the current directory; what lies above the project is not of it. */
static FALLIBLE find_default(struct context *context, const struct workspace *workspace,
                             struct str *ret_path, bool *ret_found)
{
    struct str cwd = workspace->root, absolute;
    if (workspace->cwd.len)
        cwd = path_join(context->arena, cwd, workspace->cwd);
    TRY(session_find_pipeline(context->arena, cwd, &absolute, ret_found));
    *ret_found = *ret_found && path_is_within(absolute, workspace->root);
    return *ret_found ? workspace_path(context->arena, workspace, absolute, ret_path) : NULL;
}

FALLIBLE context_find_pipeline(struct context *context, struct str word, struct str *ret_path,
                               bool *ret_found)
{
    struct workspace *workspace = NULL;
    TRY(context_workspace(context, &workspace));
    if (word.len == 0)
        return find_default(context, workspace, ret_path, ret_found);
    struct str path;
    struct file_stat stat;
    TRY(workspace_path(context->arena, workspace, word, &path));
    TRY(file_stat_at(fd_number(workspace->root_fd), str_terminate(context->arena, path), true,
                     &stat, ret_found));
    if (!*ret_found)
        return error_new(ERROR_PROJECT, "there is no pipeline '%.*s'", STR_FMT(word));
    *ret_path = path;
    return NULL;
}

FALLIBLE context_pipeline(struct context *context, struct str word, struct pipeline **ret)
{
    struct workspace *workspace = NULL;
    struct str path;
    bool is_found = false;
    TRY(context_workspace(context, &workspace));
    TRY(context_find_pipeline(context, word, &path, &is_found));
    if (!is_found)
        return error_hint(error_new(ERROR_PROJECT,
                                    "there is no pipeline.yaml or dvc.yaml here or above, up to "
                                    "'%.*s'",
                                    STR_FMT(workspace->root)),
                          "name the file behind the command, as in 'mlops run FILE.yaml'");
    struct str cwd = workspace->root;
    if (workspace->cwd.len)
        cwd = path_join(context->arena, cwd, workspace->cwd);
    return pipelines_load(context->arena, workspace, path, cwd, ret);
}

FALLIBLE context_readable_pipeline(struct context *context, struct pipeline **ret)
{
    struct str path = {0};
    bool is_found = false;
    TRY(context_find_pipeline(context, (struct str){0}, &path, &is_found));
    if (is_found)
        error_drop(context_pipeline(context, (struct str){0}, ret));
    return NULL;
}
