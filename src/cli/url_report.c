#include "mlops/cli/url_report.h"

#include "mlops/base/arena.h"
#include "mlops/base/moment.h"

static void add_int(struct json_writer *json, const char *name, int64_t value)
{
    json_name(json, name);
    json_int(json, value);
}

static void add_outcome(struct json_writer *json, const struct url_outcome *outcome)
{
    const struct pointer *pointer = outcome->pointer;
    json_open_object(json);
    json_name(json, "path");
    json_str(json, pointer->artifact.path);
    json_name(json, "pointer");
    json_str(json, pointer->file);
    json_name(json, "url");
    json_str(json, pointer->source.url);
    json_name(json, "source_path");
    json_str(json, pointer->source.path);
    json_name(json, "rev");
    json_str(json, pointer->source.rev);
    json_name(json, "commit");
    json_str(json, pointer->source.commit);
    json_name(json, "etag");
    json_str(json, pointer->source.etag);
    json_name(json, "modified");
    json_str(json, pointer->source.modified);
    json_name(json, "status");
    json_text(json, url_status_name(outcome->status));
    digest_json(json, "digest", pointer->artifact.digest);
    add_int(json, "size_bytes", pointer->artifact.size_bytes);
    add_int(json, "files", pointer->artifact.file_count);
    add_int(json, "fetched_files", outcome->counts.fetched_files);
    add_int(json, "fetched_bytes", outcome->counts.fetched_bytes);
    add_int(json, "continued_bytes", outcome->counts.continued_bytes);
    add_int(json, "displaced", outcome->displaced);
    json_close_object(json);
}

void url_report_json(struct json_writer *json, const struct url_outcome_vec *outcomes)
{
    json_name(json, "data");
    json_open_list(json);
    vec_each (const struct url_outcome, outcome, outcomes)
        add_outcome(json, outcome);
    json_close_list(json);
}

static bool is_fetched(const struct url_outcome *outcome)
{
    return outcome->status == URL_ADDED || outcome->status == URL_UPDATED;
}

static void print_amount(struct context *context, const struct url_outcome *outcome)
{
    const struct artifact *artifact = &outcome->pointer->artifact;
    struct str size = bytes_print(context->arena, artifact->size_bytes);
    struct str files = count_print(context->arena, artifact->file_count);
    struct str fetched = bytes_print(context->arena, outcome->counts.fetched_bytes);
    if (artifact->kind == ARTIFACT_TREE)
        buf_print(&context->out, "  %.*s file%s,", STR_FMT(files),
                  artifact->file_count == 1 ? "" : "s");
    else
        buf_add_char(&context->out, ' ');
    buf_print(&context->out, " %.*s", STR_FMT(size));
    if (outcome->counts.fetched_bytes != artifact->size_bytes)
        buf_print(&context->out, " (%.*s fetched)", STR_FMT(fetched));
}

/* "  v2 = 1a2b3c4" of what comes from a repository. */
static void print_commit(struct context *context, const struct pointer *pointer)
{
    const struct pointer_source *source = &pointer->source;
    if (!source->commit.len)
        return;
    buf_add_text(&context->out, "  (");
    buf_add_escaped(&context->out, source->rev, false);
    buf_print(&context->out, "%s%.*s)", source->rev.len ? " = " : "",
              STR_FMT(str_slice(source->commit, 0, 7)));
}

static void print_outcome(struct context *context, const struct url_outcome *outcome)
{
    buf_print(&context->out, "%-9s ", url_status_name(outcome->status));
    buf_add_escaped(&context->out, outcome->pointer->artifact.path, false);
    if (is_fetched(outcome))
        print_amount(context, outcome);
    if (outcome->status == URL_OUTDATED || outcome->status == URL_GONE) {
        buf_add_text(&context->out, "  ");
        buf_add_escaped(&context->out, outcome->pointer->source.url, false);
    }
    print_commit(context, outcome->pointer);
    buf_add_char(&context->out, '\n');
    if (outcome->displaced)
        context_warn(context, "%lld file%s of '%.*s' that nothing had stored moved to .mlops/%.*s",
                     (long long)outcome->displaced, outcome->displaced == 1 ? "" : "s",
                     STR_FMT(outcome->pointer->artifact.path), STR_FMT(outcome->displaced_to));
}

void url_report_print(struct context *context, const struct url_outcome_vec *outcomes, bool all)
{
    vec_each (const struct url_outcome, outcome, outcomes)
        if (all || (outcome->status != URL_SAME && outcome->status != URL_FROZEN))
            print_outcome(context, outcome);
}

void url_report_imported(struct context *context, const struct session *session,
                         const struct url_outcome *outcome)
{
    struct url_outcome_vec outcomes = {0};
    *vec_push(context->arena, &outcomes) = *outcome;
    if (context->format == FORMAT_JSON) {
        struct json_writer json = report_json_open(context);
        url_report_json(&json, &outcomes);
        report_json_close(&json);
        return;
    }
    if (context->common.quiet)
        return;
    url_report_print(context, &outcomes, true);
    if (outcome->status != URL_SAME && session->vcs)
        context_notice(context, "to go on: git add the .mlops file and .gitignore, then commit");
}
