#include "mlops/cli/data.h"

#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/host/signal.h"
#include "mlops/model/name.h"

FALLIBLE data_open(struct context *context, bool is_read_only, struct data_shell *ret)
{
    int signals = -1;
    *ret = (struct data_shell){.progress = {.context = context}};
    ret->observer = progress_observer(&ret->progress);
    struct session_options options = {
        .is_read_only = is_read_only, .threads = -1, .observer = &ret->observer};
    TRY(signal_open(&signals));
    TRY(path_current(context->arena, &options.cwd));
    TRY(session_open_data(context->arena, &options, &ret->session));
    if (ret->session.workspace.is_new)
        context_notice(context, "made .mlops/ in '%.*s'", STR_FMT(ret->session.workspace.root));
    return NULL;
}

void data_close(struct data_shell *shell)
{
    if (shell->progress.context)
        progress_clear(&shell->progress);
    session_drop(&shell->session);
}

FALLIBLE data_word(struct data_shell *shell, struct str word, struct str *ret)
{
    return data_word_in(&shell->session, word, ret);
}

FALLIBLE data_word_in(struct session *session, struct str word, struct str *ret)
{
    struct pointer *pointer = NULL;
    TRY(workspace_path(session->arena, &session->workspace, word, ret));
    if (!pointer_is_name(path_name(*ret)))
        return NULL;
    TRY(pointers_find(session->arena, &session->workspace, *ret, &pointer));
    if (!pointer) /* not a file of this name in a directory that is tracked */
        *ret = str_slice(*ret, 0, ret->len - strlen(POINTER_SUFFIX));
    return NULL;
}

struct str changes_print(struct arena *arena, const struct data_changes *changes)
{
    struct buf out = buf_in(arena);
    const struct {
        char sign;
        int64_t count;
    } parts[] = {{'+', changes->added}, {'~', changes->changed}, {'-', changes->removed}};
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (parts[i].count)
            buf_print(&out, "%s%c%.*s", out.len ? " " : "", parts[i].sign,
                      STR_FMT(count_print(arena, parts[i].count)));
    return buf_str(&out);
}

void changes_json(struct json_writer *json, const struct data_changes *changes)
{
    json_open_object(json);
    json_name(json, "added");
    json_int(json, changes->added);
    json_name(json, "changed");
    json_int(json, changes->changed);
    json_name(json, "removed");
    json_int(json, changes->removed);
    json_name(json, "named");
    json_open_list(json);
    vec_each (const struct data_change, change, &changes->named) {
        char sign[2] = {change->sign, '\0'};
        json_open_object(json);
        json_name(json, "sign");
        json_text(json, sign);
        json_name(json, "path");
        json_str(json, change->path);
        json_close_object(json);
    }
    json_close_list(json);
    json_close_object(json);
}

void touched_json(struct json_writer *json, const struct session *session)
{
    struct worktree_counts counts = worktree_counts(session->worktree);
    const struct {
        const char *name;
        int64_t value;
    } rows[] = {
        {"hashed_files", counts.hashed_files},     {"hashed_bytes", counts.hashed_bytes},
        {"stored_files", counts.stored_files},     {"stored_bytes", counts.stored_bytes},
        {"restored_files", counts.restored_files}, {"restored_bytes", counts.restored_bytes},
    };
    json_name(json, "counts");
    json_open_object(json);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_name(json, rows[i].name);
        json_int(json, rows[i].value);
    }
    json_close_object(json);
}

void data_status_json(struct json_writer *json, const struct data_status_vec *statuses)
{
    json_name(json, "data");
    json_open_list(json);
    vec_each (const struct data_status, status, statuses) {
        const struct artifact *recorded = &status->pointer->artifact;
        json_open_object(json);
        json_name(json, "path");
        json_str(json, recorded->path);
        json_name(json, "pointer");
        json_str(json, status->pointer->file);
        json_name(json, "state");
        json_text(json, data_state_name(status->state));
        json_name(json, "kind");
        json_text(json, artifact_kind_name(recorded->kind));
        if (status->dvc && !status->dvc->is_known) {
            json_name(json, "digest");
            json_null(json);
        } else
            digest_json(json, "digest", recorded->digest);
        json_name(json, "size_bytes");
        json_int(json, recorded->size_bytes);
        json_name(json, "files");
        json_int(json, recorded->file_count);
        json_name(json, "changes");
        changes_json(json, &status->changes);
        json_close_object(json);
    }
    json_close_list(json);
}

int data_status_count(const struct data_status_vec *statuses)
{
    int count = 0;
    vec_each (const struct data_status, status, statuses)
        count += status->state != DATA_UNCHANGED;
    return count;
}

static const char *state_words(enum data_state state)
{
    static const char *const words[] = {"unchanged", "modified", "deleted",
                                        "not fetched ('mlops pull')",
                                        "not in the store ('mlops add' puts it there again)"};
    return words[state];
}

static void print_change(struct context *context, const struct data_change *change, struct str top)
{
    bool is_inside = change->path.len > top.len;
    struct str below =
        is_inside ? str_slice(change->path, top.len + 1, change->path.len) : change->path;
    buf_print(&context->out, "    %c ", change->sign);
    buf_add_escaped(&context->out, below, false);
    buf_add_char(&context->out, '\n');
}

/* Of a directory that was fetched in part only the numbers are known. */
static void print_unknown(struct context *context, const struct data_status *status)
{
    const struct artifact *recorded = &status->pointer->artifact;
    buf_print(&context->out, " (%.*s files here, %.*s recorded, some of which are not fetched)",
              STR_FMT(count_print(context->arena, status->now.file_count)),
              STR_FMT(count_print(context->arena, recorded->file_count)));
}

static void print_status(struct context *context, const struct data_status *status)
{
    struct str changes = changes_print(context->arena, &status->changes);
    const struct data_changes *differ = &status->changes;
    int64_t total = differ->added + differ->changed + differ->removed;
    bool is_tree = status->pointer->artifact.kind == ARTIFACT_TREE;
    report_add_toned(context, TONE_STRONG, status->pointer->artifact.path);
    buf_print(&context->out, ": %s", state_words(status->state));
    if (is_tree && changes.len)
        buf_print(&context->out, " (%.*s)", STR_FMT(changes));
    else if (is_tree && differ->is_unknown)
        print_unknown(context, status);
    buf_add_char(&context->out, '\n');
    if (!is_tree)
        return;
    vec_each (const struct data_change, change, &differ->named)
        print_change(context, change, status->pointer->artifact.path);
    if (total > (int64_t)differ->named.len)
        buf_print(&context->out, "    ... %lld more\n",
                  (long long)(total - (int64_t)differ->named.len));
}

int data_status_print(struct context *context, const struct data_status_vec *statuses, bool all)
{
    vec_each (const struct data_status, status, statuses)
        if ((all || status->state != DATA_UNCHANGED) && !context->common.quiet)
            print_status(context, status);
    return data_status_count(statuses);
}

void data_tell_displaced(struct context *context, const struct data_checkout *report, bool is_dry)
{
    bool is_one = report->displaced == 1;
    struct str what =
        str_print(context->arena, "%lld file%s or director%s that only the work tree",
                  (long long)report->displaced, is_one ? "" : "s", is_one ? "y" : "ies");
    if (report->displaced && is_dry)
        context_notice(context, "%.*s holds would move to .mlops/displaced", STR_FMT(what));
    else if (report->displaced)
        context_notice(context, "%.*s held moved to .mlops/%.*s", STR_FMT(what),
                       STR_FMT(report->displaced_to));
}
