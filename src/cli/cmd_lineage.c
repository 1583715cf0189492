#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/command.h"
#include "mlops/cli/lineage.h"
#include "mlops/cli/report_run.h"
#include "mlops/cli/view.h"
#include "mlops/model/name.h"
#include "mlops/store/ledger.h"

/* One thing that was asked for, in both directions. */
struct lineage {
    struct lineage_node *origins;
    struct lineage_node *uses;
};

VEC(lineage_vec, struct lineage);

static struct str short_digest(struct arena *arena, struct digest digest)
{
    char hex[DIGEST_HEX_LEN + 1];
    digest_print(digest, hex);
    return str_print(arena, "%.8s", hex);
}

static void add_maker(struct context *context, const struct lineage_node *node)
{
    struct buf *out = &context->out;
    if (node->run.len == 0)
        return;
    buf_add_text(out, node->kind == LINEAGE_STAGE ? "" : "  <- ");
    report_add_toned(context, TONE_STRONG, node->stage);
    buf_print(out, " in run %.*s", STR_FMT(ulid_short(node->run)));
    if (node->commit.len)
        buf_print(out, " at %.*s", STR_FMT(str_slice(node->commit, 0, 7)));
}

static void add_label(struct context *context, const struct lineage_node *node, bool says_maker)
{
    struct buf *out = &context->out;
    switch (node->kind) {
    case LINEAGE_ARTIFACT:
        buf_add_escaped(out, node->artifact.path, false);
        buf_add_char(out, ' ');
        report_add_toned(context, TONE_DIM, short_digest(context->arena, node->artifact.digest));
        if (says_maker && node->name.len)
            report_add_toned(context, TONE_PLAIN,
                             str_print(context->arena, " in %.*s", STR_FMT(node->name)));
        if (says_maker)
            add_maker(context, node);
        break;
    case LINEAGE_PARAM:
        buf_add_escaped(out, node->name, false);
        buf_add_text(out, " = ");
        buf_add_escaped(out, node->value, false);
        break;
    case LINEAGE_STAGE:
        add_maker(context, node);
        if (node->name.len)
            report_add_toned(context, TONE_PLAIN,
                             str_print(context->arena, " (%.*s)", STR_FMT(node->name)));
        break;
    }
    if (node->is_repeated)
        buf_add_text(out, " (see above)");
    if (node->is_cut)
        buf_add_text(out, " ...");
    buf_add_char(out, '\n');
}

/* Recursion is bounded by the depth of the tree, LINEAGE_LEVELS_MOST (twice: stages between). */
static void add_tree(struct context *context, const struct lineage_node *node, struct buf *prefix,
                     bool says_maker)
{
    for (const struct lineage_node *child = node->first; child; child = child->next) {
        size_t len = prefix->len;
        buf_add_str(&context->out, buf_str(prefix));
        buf_add_text(&context->out, child->next ? "├─ " : "└─ ");
        add_label(context, child, says_maker);
        buf_add_text(prefix, child->next ? "│  " : "   ");
        add_tree(context, child, prefix, says_maker);
        prefix->len = len;
        prefix->at[len] = '\0';
    }
}

static void print_direction(struct context *context, const char *title,
                            const struct lineage_node *root, bool says_maker)
{
    AUTO(buf_drop) struct buf prefix = {0};
    report_add_toned(context, TONE_DIM, str_of(title));
    buf_add_char(&context->out, '\n');
    buf_add_text(&prefix, "");
    add_label(context, root, says_maker);
    add_tree(context, root, &prefix, says_maker);
}

static void print_text(struct context *context, const struct lineage_vec *found)
{
    vec_each (const struct lineage, lineage, found) {
        buf_add_text(&context->out, lineage == found->at ? "" : "\n");
        print_direction(context, "made from", lineage->origins, true);
        if (lineage->uses->first)
            print_direction(context, "used for", lineage->uses, false);
    }
}

static void add_text(struct json_writer *json, const char *name, struct str value)
{
    if (value.len == 0)
        return;
    json_name(json, name);
    json_str(json, value);
}

/* Bounded as add_tree. */
static void add_node(struct json_writer *json, const struct lineage_node *node)
{
    static const char *const kinds[] = {
        [LINEAGE_ARTIFACT] = "artifact", [LINEAGE_PARAM] = "param", [LINEAGE_STAGE] = "execution"};
    json_open_object(json);
    json_name(json, "kind");
    json_text(json, kinds[node->kind]);
    if (node->kind == LINEAGE_ARTIFACT) {
        add_text(json, "path", node->artifact.path);
        digest_json(json, "digest", node->artifact.digest);
        add_text(json, "within", node->name);
    } else if (node->kind == LINEAGE_PARAM) {
        add_text(json, "name", node->name);
        json_name(json, "value");
        json_str(json, node->value);
    } else {
        add_text(json, "path", node->name);
    }
    add_text(json, "stage", node->stage);
    add_text(json, "run", node->run);
    add_text(json, "commit", node->commit);
    json_name(json, "is_repeated");
    json_bool(json, node->is_repeated);
    json_name(json, "is_cut");
    json_bool(json, node->is_cut);
    json_name(json, "children");
    json_open_list(json);
    for (const struct lineage_node *child = node->first; child; child = child->next)
        add_node(json, child);
    json_close_list(json);
    json_close_object(json);
}

static void print_json(struct context *context, const struct lineage_vec *found)
{
    struct json_writer json = report_json_open(context);
    json_name(&json, "artifacts");
    json_open_list(&json);
    vec_each (const struct lineage, lineage, found) {
        json_open_object(&json);
        json_name(&json, "origins");
        add_node(&json, lineage->origins);
        json_name(&json, "uses");
        add_node(&json, lineage->uses);
        json_close_object(&json);
    }
    json_close_list(&json);
    report_json_close(&json);
}

static FALLIBLE trace(struct context *context, struct str path, struct digest digest,
                      struct lineage_vec *ret, bool *ret_found)
{
    struct lineage lineage = {0};
    TRY(lineage_origins(context, path, digest, &lineage.origins, ret_found));
    if (!*ret_found)
        return NULL;
    TRY(lineage_uses(context, &lineage.origins->artifact, &lineage.uses));
    *vec_push(context->arena, ret) = lineage;
    return NULL;
}

/* A path and all directories above it. */
static void note_used(struct arena *arena, struct map *used, struct str path)
{
    for (; path.len && !map_has(used, path); path = path_directory(path)) {
        map_put(arena, used, path, used);
        if (path.len == 1)
            return;
    }
}

/* Whether the path, a part of it or what holds it was used. */
static bool is_used(const struct map *used, const struct map *whole, struct str path)
{
    bool is_found = map_has(used, path);
    for (struct str at = path_directory(path); at.len > 1 && !is_found; at = path_directory(at))
        is_found = map_has(whole, at);
    return is_found;
}

/* Of a run: what it ended with and no stage of it used. */
static FALLIBLE trace_run(struct context *context, struct str word, struct lineage_vec *ret)
{
    struct run *run = NULL;
    struct run_view view;
    struct map used = {0}, whole = {0};
    bool is_found = false;
    TRY(view_find_run(context, word, &run));
    TRY(view_of_run(context, run, &view));
    for (size_t i = 0; i < view.stage_count; i++) {
        const struct recipe *recipe = view.stages[i].recipe;
        for (size_t d = 0; recipe && d < recipe->dep_count; d++) {
            note_used(context->arena, &used, recipe->deps[d].path);
            map_put(context->arena, &whole, recipe->deps[d].path, run);
        }
    }
    for (size_t i = 0; i < view.stage_count; i++) {
        for (size_t o = 0; o < view.stages[i].out_count; o++) {
            const struct artifact *out = &view.stages[i].outs[o];
            if (!is_used(&used, &whole, out->path))
                TRY(trace(context, out->path, out->digest, ret, &is_found));
        }
    }
    return NULL;
}

/* A digest, else a path that the ledger knows, else a word for a run. */
static FALLIBLE trace_word(struct context *context, struct str word, struct lineage_vec *ret)
{
    struct workspace *workspace = NULL;
    struct digest digest = {{0}};
    struct str path;
    bool is_found = false;
    TRY(context_project(context, &workspace));
    if (digest_parse(word, &digest)) {
        TRY(trace(context, (struct str){0}, digest, ret, &is_found));
        if (!is_found)
            return error_new(ERROR_USAGE, "no run used or made anything with that digest");
        return NULL;
    }
    struct error *outside = workspace_path(context->arena, workspace, word, &path);
    if (!outside && path.len)
        TRY(trace(context, path, digest, ret, &is_found));
    error_drop(outside);
    if (is_found)
        return NULL;
    struct error *error = trace_run(context, word, ret);
    if (error && error->code == ERROR_USAGE) {
        error_drop(error);
        return error_hint(error_new(ERROR_USAGE, "no run used or made '%.*s', and it names no run",
                                    STR_FMT(word)),
                          "give a path of an input or output, a digest, or a run");
    }
    return error;
}

static FALLIBLE run_command(struct context *context, void *options, int argc,
                            const struct str *argv)
{
    struct lineage_vec found = {0};
    (void)options, (void)argc;
    TRY(trace_word(context, argv[0], &found));
    if (context->format == FORMAT_JSON)
        print_json(context, &found);
    else
        print_text(context, &found);
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops lineage model.pkl", "which data, parameters and code made it, and what came of it"},
    {"mlops lineage sha256:...", "by digest, as 'sha256sum' prints it"},
    {"mlops lineage @ --json", "everything the newest run ended with"},
};

const struct cli_command cmd_lineage = {
    .name = "lineage",
    .group = GROUP_LOOK,
    .arguments = "PATH|DIGEST|RUN",
    .summary = "Show where something came from and what came of it",
    .description = "Upwards: the stage, run and commit that made it, and the inputs and "
                   "parameters of that, and so on. Downwards: the executions that used it and "
                   "what they made. Of a path the newest recorded version is told.",
    .words_least = 1,
    .words_most = 1,
    .needs = NEED_PROJECT,
    .completes = COMPLETE_FILES | COMPLETE_RUNS,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "show, diff",
    .run = run_command,
};
