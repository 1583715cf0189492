/* The work directory of a reproduction, before and after. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/cli/reproduction.h"
#include "mlops/cli/transfer.h"

static FALLIBLE tell_lacks(struct context *context, const struct reproduce_lack_vec *lacks,
                           const char *where)
{
    enum { NAMED_MOST = 10 };
    struct buf text = buf_in(context->arena);
    for (size_t i = 0; i < lacks->len && i < NAMED_MOST; i++)
        buf_print(&text, "%s'%.*s' (%.*s)", i ? ", " : "", STR_FMT(lacks->at[i].artifact.path),
                  STR_FMT(lacks->at[i].named_by));
    if (lacks->len > NAMED_MOST)
        buf_print(&text, " and %zu more", lacks->len - NAMED_MOST);
    return error_hint(
        error_new(ERROR_MACHINE, "data that it was made from are not here%s: %s", where, text.at),
        "'mlops pull' fetches what a remote has; who has them sends them by 'mlops "
        "push'");
}

/* What the store lacks comes from the remote, as in a fresh clone. */
static FALLIBLE fetch(struct context *context, struct data_shell *shell, struct str wanted,
                      const struct reproduce_lack_vec *lacks)
{
    struct transfer_command transfer = {.remote = wanted};
    struct transfer_root_vec roots = {0};
    struct transfer_report report = {0};
    struct remote *remote = NULL;
    struct error *error = remotes_find(context->arena, &shell->session.workspace, wanted, &remote);
    bool has_name = wanted.len > 0;
    if (error && (has_name || error->code >= ERROR_SIGNAL))
        return error;
    bool has_none = error != NULL;
    error_drop(error);
    if (has_none)
        return tell_lacks(context, lacks, ", and there is no remote");
    vec_each (const struct reproduce_lack, lack, lacks)
        *vec_push(context->arena, &roots) =
            (struct transfer_root){.artifact = lack->artifact, .named_by = lack->named_by};
    TRY_WITHIN(transfer_fetch_parts(shell, &transfer, &roots, NULL, &report),
               "fetching %zu path%s that the store lacks, '%.*s' (%.*s) first", lacks->len,
               lacks->len == 1 ? "" : "s", STR_FMT(lacks->at[0].artifact.path),
               STR_FMT(lacks->at[0].named_by));
    return report.missing.len ? tell_lacks(context, lacks, ", nor all of them in the remote")
                              : NULL;
}

/* A run that failed is not the same if only what went well is. */
static void tell_untried(struct context *context, const struct run_view *original)
{
    const struct run *run = original->run;
    int count = run ? run->counts.failed + run->counts.interrupted + run->counts.skipped : 0;
    if (count)
        context_notice(context, "%d stage%s of %.*s came to no result and %s not tried", count,
                       count == 1 ? "" : "s", STR_FMT(original->title), count == 1 ? "is" : "are");
}

static FALLIBLE prepare(struct context *context, struct data_shell *shell, struct str wanted,
                        const struct reproduce_options *options, struct work_dir *ret)
{
    struct reproduce_source source = {0};
    struct reproduce_lack_vec lacks = {0};
    TRY(reproduce_prepare(&shell->session, options, &source, &lacks));
    if (lacks.len)
        TRY(fetch(context, shell, wanted, &lacks));
    progress_clear(&shell->progress);
    if (source.is_work_tree)
        context_notice(context,
                       "outside of git the code of %.*s was not recorded: the files of now "
                       "are taken",
                       STR_FMT(options->original->title));
    tell_untried(context, options->original);
    return reproduce_make(&shell->session, options, &source, ret);
}

FALLIBLE reproduction_make(struct context *context, struct str remote,
                           const struct reproduce_options *options, struct work_dir *ret)
{
    struct data_shell shell = {0};
    struct error *error = data_open(context, false, &shell);
    if (!error)
        error = prepare(context, &shell, remote, options, ret);
    data_close(&shell);
    return error;
}

FALLIBLE reproduction_clear(struct context *context, struct str name, bool keeps)
{
    struct data_shell shell = {0};
    struct work_dir work_dir = {0};
    struct error *error = data_open(context, false, &shell);
    if (!error)
        error = work_dir_find(context->arena, &shell.session, name, &work_dir);
    if (!error && keeps)
        context_notice(context, "the work directory stays: %.*s", STR_FMT(work_dir.path));
    else if (!error)
        error = work_dir_remove(&shell.session, &work_dir);
    data_close(&shell);
    return error;
}
