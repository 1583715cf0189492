#include "mlops/cli/lineage.h"

#include "mlops/base/arena.h"
#include "mlops/model/name.h"
#include "mlops/store/ledger.h"

struct tracer {
    struct context *context;
    struct arena *arena;
    struct ledger *ledger;
    struct map seen;    /* path + digest, or stage + key -> anything */
    struct map commits; /* run id -> struct str * */
};

static FALLIBLE tracer_open(struct context *context, struct tracer *ret)
{
    *ret = (struct tracer){.context = context, .arena = context->arena};
    return context_ledger(context, &ret->ledger);
}

/* True the first time. */
static bool is_new(struct tracer *tracer, struct str name, struct digest digest)
{
    char hex[DIGEST_HEX_LEN + 1];
    digest_print(digest, hex);
    struct str key = str_print(tracer->arena, "%s %.*s", hex, STR_FMT(name));
    return !map_put(tracer->arena, &tracer->seen, key, tracer);
}

static struct lineage_node *add_child(struct tracer *tracer, struct lineage_node *parent,
                                      enum lineage_kind kind)
{
    struct lineage_node *node = arena_new(tracer->arena, struct lineage_node);
    node->kind = kind;
    if (parent->last)
        parent->last->next = node;
    else
        parent->first = node;
    parent->last = node;
    return node;
}

static FALLIBLE find_commit(struct tracer *tracer, const struct ledger_io *io, struct str *ret)
{
    struct str *known = map_get(&tracer->commits, io->run_id);
    if (!known) {
        struct run *run = NULL;
        known = arena_new(tracer->arena, struct str);
        TRY(ledger_load_run(tracer->ledger, tracer->arena, io->run_sequence, &run));
        *known = run->code.commit;
        map_put(tracer->arena, &tracer->commits, io->run_id, known);
    }
    *ret = *known;
    return NULL;
}

/* Of rows sorted newest first: the earliest execution with the newest maker's result, which is the
 * one that really made it (later rows with the same result restored it). */
static const struct ledger_io *find_maker(const struct ledger_io *rows, size_t count,
                                          int64_t sequence_most)
{
    const struct ledger_io *newest = NULL;
    const struct ledger_io *maker = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!rows[i].is_output || rows[i].run_sequence > sequence_most)
            continue;
        if (!newest)
            newest = &rows[i];
        if (digest_equal(rows[i].result, newest->result))
            maker = &rows[i];
    }
    return maker;
}

/* Where a path is part of a directory that a stage made: the newest version before it was used. */
static FALLIBLE find_directory_maker(struct tracer *tracer, struct str path, int64_t sequence_most,
                                     const struct ledger_io **ret)
{
    *ret = NULL;
    for (struct str dir = path_directory(path); dir.len && !*ret; dir = path_directory(dir)) {
        struct ledger_io *rows = NULL;
        size_t count = 0;
        if (str_is(dir, "/"))
            return NULL;
        TRY(ledger_io(tracer->ledger, tracer->arena, dir, (struct digest){{0}}, &rows, &count));
        bool is_of_dir = count && str_equal(rows[0].artifact.path, dir);
        *ret = is_of_dir ? find_maker(rows, count, sequence_most) : NULL;
    }
    return NULL;
}

static FALLIBLE add_params(struct tracer *tracer, struct lineage_node *node, struct digest key)
{
    struct recipe recipe = {0};
    bool is_found = false;
    TRY(ledger_load_recipe(tracer->ledger, tracer->arena, key, &recipe, &is_found));
    for (size_t i = 0; is_found && i < recipe.param_count; i++) {
        struct lineage_node *child = add_child(tracer, node, LINEAGE_PARAM);
        const struct recipe_param *param = &recipe.params[i];
        child->name = param->key.len ? str_print(tracer->arena, "%.*s:%.*s", STR_FMT(param->file),
                                                 STR_FMT(param->key))
                                     : param->file;
        child->value = param->shown;
    }
    return NULL;
}

static FALLIBLE trace_origin(struct tracer *tracer, struct lineage_node *node,
                             int64_t sequence_most, int level);

static FALLIBLE add_inputs(struct tracer *tracer, struct lineage_node *node,
                           const struct ledger_io *maker, int level)
{
    struct ledger_io *rows = NULL;
    size_t count = 0;
    TRY(ledger_stage_io(tracer->ledger, tracer->arena, maker->run_sequence, maker->stage, &rows,
                        &count));
    for (size_t i = 0; i < count; i++) {
        if (rows[i].is_output)
            continue;
        struct lineage_node *child = add_child(tracer, node, LINEAGE_ARTIFACT);
        child->artifact = rows[i].artifact;
        TRY(trace_origin(tracer, child, maker->run_sequence, level + 1));
    }
    return add_params(tracer, node, maker->key);
}

/* Recursion is bounded by LINEAGE_LEVELS_MOST. */
static FALLIBLE trace_origin(struct tracer *tracer, struct lineage_node *node,
                             int64_t sequence_most, int level)
{
    const struct artifact *artifact = &node->artifact;
    struct ledger_io *rows = NULL;
    size_t count = 0;
    TRY(ledger_io(tracer->ledger, tracer->arena, artifact->path, artifact->digest, &rows, &count));
    const struct ledger_io *maker = find_maker(rows, count, sequence_most);
    if (!maker) {
        TRY(find_directory_maker(tracer, artifact->path, sequence_most, &maker));
        node->name = maker ? maker->artifact.path : (struct str){0};
    }
    if (!maker)
        return NULL;
    node->stage = maker->stage;
    node->run = maker->run_id;
    TRY(find_commit(tracer, maker, &node->commit));
    node->is_repeated = !is_new(tracer, maker->stage, maker->result);
    node->is_cut = level >= LINEAGE_LEVELS_MOST;
    /* The outputs of one execution have the same origins: told once. */
    return node->is_repeated || node->is_cut ? NULL : add_inputs(tracer, node, maker, level);
}

FALLIBLE lineage_origins(struct context *context, struct str path, struct digest digest,
                         struct lineage_node **ret, bool *ret_found)
{
    struct tracer tracer;
    struct ledger_io *rows = NULL;
    size_t count = 0;
    TRY(tracer_open(context, &tracer));
    TRY(ledger_io(tracer.ledger, tracer.arena, path, digest, &rows, &count));
    *ret_found = count > 0;
    if (!count)
        return NULL;
    struct lineage_node *root = arena_new(tracer.arena, struct lineage_node);
    const struct ledger_io *maker = find_maker(rows, count, INT64_MAX);
    root->artifact = maker ? maker->artifact : rows[0].artifact;
    TRY(trace_origin(&tracer, root, INT64_MAX, 0));
    *ret = root;
    return NULL;
}

static FALLIBLE trace_uses(struct tracer *tracer, struct lineage_node *node, int level);

static FALLIBLE add_products(struct tracer *tracer, struct lineage_node *use,
                             const struct ledger_io *io, int level)
{
    struct ledger_io *rows = NULL;
    size_t count = 0;
    TRY(ledger_stage_io(tracer->ledger, tracer->arena, io->run_sequence, io->stage, &rows, &count));
    for (size_t i = 0; i < count; i++) {
        if (!rows[i].is_output)
            continue;
        struct lineage_node *child = add_child(tracer, use, LINEAGE_ARTIFACT);
        child->artifact = rows[i].artifact;
        child->stage = io->stage;
        child->run = io->run_id;
        TRY(trace_uses(tracer, child, level + 1));
    }
    return NULL;
}

/* What an artifact was used for: executions are told once by stage and key, the newest of those
 * that were repeated. */
struct uses {
    struct tracer *tracer;
    struct lineage_node *node;
    int level;
    struct map told;
    struct ledger_io *rows; /* of the artifact */
    size_t row_count;
    struct ledger_io *versions; /* of its path, newest first */
    size_t version_count;
};

static FALLIBLE add_use(struct uses *uses, const struct ledger_io *io)
{
    struct tracer *tracer = uses->tracer;
    char hex[DIGEST_HEX_LEN + 1];
    digest_print(io->key, hex);
    struct str user = str_print(tracer->arena, "%s %.*s", hex, STR_FMT(io->stage));
    if (io->is_output || map_put(tracer->arena, &uses->told, user, tracer))
        return NULL;
    struct lineage_node *use = add_child(tracer, uses->node, LINEAGE_STAGE);
    bool is_whole = str_equal(io->artifact.path, uses->node->artifact.path);
    use->name = is_whole ? (struct str){0} : io->artifact.path;
    use->stage = io->stage;
    use->run = io->run_id;
    TRY(find_commit(tracer, io, &use->commit));
    return add_products(tracer, use, io, uses->level);
}

/* Whoever used what holds the artifact, or what it holds, used the version that was there then. */
static FALLIBLE add_use_of_version(struct uses *uses, const struct ledger_io *io)
{
    const struct ledger_io *maker =
        find_maker(uses->versions, uses->version_count, io->run_sequence);
    bool is_ours = maker && digest_equal(maker->artifact.digest, uses->node->artifact.digest);
    return is_ours ? add_use(uses, io) : NULL;
}

static FALLIBLE add_uses_inside(struct uses *uses)
{
    struct tracer *tracer = uses->tracer;
    struct ledger_io *rows = NULL;
    size_t count = 0;
    TRY(ledger_inputs_inside(tracer->ledger, tracer->arena, uses->node->artifact.path, &rows,
                             &count));
    for (size_t i = 0; i < count; i++)
        TRY(add_use_of_version(uses, &rows[i]));
    return NULL;
}

/* Versions of a directory that the artifact was read from: digests as bytes. */
static struct map holders_of(const struct uses *uses, const struct ledger_io *of_dir, size_t count)
{
    struct map holders = {0};
    for (size_t i = 0; i < uses->row_count; i++) {
        const struct ledger_io *maker = find_maker(of_dir, count, uses->rows[i].run_sequence);
        if (maker)
            map_put(uses->tracer->arena, &holders,
                    (struct str){(const char *)maker->artifact.digest.at, sizeof(struct digest)},
                    uses->tracer);
    }
    return holders;
}

static FALLIBLE add_uses_above(struct uses *uses)
{
    struct tracer *tracer = uses->tracer;
    struct str dir = path_directory(uses->node->artifact.path);
    for (; dir.len && !str_is(dir, "/"); dir = path_directory(dir)) {
        struct ledger_io *rows = NULL;
        size_t count = 0;
        TRY(ledger_io(tracer->ledger, tracer->arena, dir, (struct digest){{0}}, &rows, &count));
        if (!count || !str_equal(rows[0].artifact.path, dir))
            continue;
        struct map holders = holders_of(uses, rows, count);
        for (size_t i = 0; i < count; i++) {
            struct digest digest = rows[i].artifact.digest;
            if (map_has(&holders, (struct str){(const char *)digest.at, sizeof digest}))
                TRY(add_use(uses, &rows[i]));
            else
                TRY(add_use_of_version(uses, &rows[i]));
        }
    }
    return NULL;
}

static FALLIBLE trace_uses(struct tracer *tracer, struct lineage_node *node, int level)
{
    const struct artifact *artifact = &node->artifact;
    struct uses uses = {.tracer = tracer, .node = node, .level = level};
    node->is_cut = level >= LINEAGE_LEVELS_MOST;
    node->is_repeated = !is_new(tracer, artifact->path, artifact->digest);
    if (node->is_cut || node->is_repeated)
        return NULL;
    TRY(ledger_io(tracer->ledger, tracer->arena, artifact->path, artifact->digest, &uses.rows,
                  &uses.row_count));
    for (size_t i = 0; i < uses.row_count; i++)
        TRY(add_use(&uses, &uses.rows[i]));
    TRY(ledger_io(tracer->ledger, tracer->arena, artifact->path, (struct digest){{0}},
                  &uses.versions, &uses.version_count));
    TRY(add_uses_above(&uses));
    return artifact->kind == ARTIFACT_TREE ? add_uses_inside(&uses) : NULL;
}

FALLIBLE lineage_uses(struct context *context, const struct artifact *artifact,
                      struct lineage_node **ret)
{
    struct tracer tracer;
    TRY(tracer_open(context, &tracer));
    struct lineage_node *root = arena_new(tracer.arena, struct lineage_node);
    root->artifact = *artifact;
    TRY(trace_uses(&tracer, root, 0));
    *ret = root;
    return NULL;
}
