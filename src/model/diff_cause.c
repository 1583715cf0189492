/* Why two sides differ, in words: what was put in, not what came out. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/map.h"

#include "diff_private.h"

enum cause_kind {
    CAUSE_PARAM,
    CAUSE_DATA,
    CAUSE_CODE,
    CAUSE_PACKAGE,
    CAUSE_INTERPRETER,
    CAUSE_TOOL,
    CAUSE_LOCKFILE,
    CAUSE_ENVIRONMENT,
    CAUSE_COMMAND,
    CAUSE_STAGE,
    CAUSE_METRIC,
    CAUSE_COUNT,
};

static const struct cause_words {
    const char *one;        /* "only the ONE NAME changed" */
    const char *many, *few; /* "2 MANY (NAME, NAME)", "FEW NAME and NAME" */
} WORDS[CAUSE_COUNT] = {
    [CAUSE_PARAM] = {"parameter", "params", "params"},
    [CAUSE_DATA] = {"data", "data paths", "data"},
    [CAUSE_CODE] = {"code in", "code files", "code"},
    [CAUSE_PACKAGE] = {"package", "packages", "packages"},
    [CAUSE_INTERPRETER] = {"interpreter", "interpreters", "interpreter"},
    [CAUSE_TOOL] = {"tool", "tools", "tools"},
    [CAUSE_LOCKFILE] = {"lock file", "lock files", "lock files"},
    [CAUSE_ENVIRONMENT] = {"environment of", "environments of stages", "environment of"},
    [CAUSE_COMMAND] = {"definition of", "definitions of stages", "definition of"},
    [CAUSE_STAGE] = {"stage", "stages", "stages"},
    [CAUSE_METRIC] = {"metric", "metrics", "metrics"},
};

enum { NAMES_SHOWN = 3 };

struct causes {
    struct arena *arena;
    struct {
        struct str_vec names;
        struct map seen;
        enum diff_change change; /* of the first */
        size_t added, removed;
    } of[CAUSE_COUNT];
    size_t count;
    bool adds_stages, removes_stages;
};

static void add(struct causes *causes, enum cause_kind kind, struct str name,
                enum diff_change change)
{
    if (map_has(&causes->of[kind].seen, name))
        return;
    map_put(causes->arena, &causes->of[kind].seen, name, causes);
    if (!causes->of[kind].names.len)
        causes->of[kind].change = change;
    causes->of[kind].added += change == DIFF_ADDED;
    causes->of[kind].removed += change == DIFF_REMOVED;
    *vec_push(causes->arena, &causes->of[kind].names) = name;
    causes->count++;
}

/* What came or went together with a stage is told by the stage. */
static bool is_told(const struct causes *causes, enum diff_change change)
{
    return change == DIFF_SAME || (change == DIFF_ADDED && causes->adds_stages) ||
           (change == DIFF_REMOVED && causes->removes_stages);
}

static void add_stages(struct causes *causes, const struct run_diff *diff)
{
    vec_each (const struct diff_stage, stage, &diff->stages) {
        bool is_whole = stage->change == DIFF_ADDED || stage->change == DIFF_REMOVED;
        causes->adds_stages |= stage->change == DIFF_ADDED;
        causes->removes_stages |= stage->change == DIFF_REMOVED;
        if (is_whole)
            add(causes, CAUSE_STAGE, stage->stage, stage->change);
        else if (stage->change == DIFF_CHANGED && diff_is_redefined(stage) && !stage->is_by_params)
            add(causes, CAUSE_COMMAND, stage->stage, stage->change);
    }
}

static void add_inputs(struct causes *causes, const struct run_diff *diff)
{
    vec_each (const struct diff_param, param, &diff->params)
        if (!is_told(causes, param->change))
            add(causes, CAUSE_PARAM, param->key.len ? param->key : param->file, param->change);
    vec_each (const struct diff_data, data, &diff->data)
        if (data->role != DIFF_OUTPUT && !is_told(causes, data->change))
            add(causes, data->role == DIFF_CODE ? CAUSE_CODE : CAUSE_DATA, data->path,
                data->change);
}

/* That a metric came or went is what something else has led to, if there is anything else. */
static void add_metrics(struct causes *causes, const struct run_diff *diff)
{
    vec_each (const struct diff_metric, metric, &diff->metrics)
        if (metric->change != DIFF_CHANGED && !is_told(causes, metric->change))
            add(causes, CAUSE_METRIC, metric->key, metric->change);
}

static void add_environments(struct causes *causes, const struct run_diff *diff, struct str section,
                             enum cause_kind kind)
{
    vec_each (const struct diff_environment, environment, &diff->environments) {
        vec_each (const struct environment_change, change, &environment->changes) {
            enum diff_change how = !change->before.len  ? DIFF_ADDED
                                   : !change->after.len ? DIFF_REMOVED
                                                        : DIFF_CHANGED;
            if (str_equal(change->section, section) && diff_counts_environment(change))
                add(causes, kind, change->name, how);
        }
    }
}

static const char *verb_of(enum diff_change change)
{
    return change == DIFF_ADDED ? "was added" : change == DIFF_REMOVED ? "was removed" : "changed";
}

static struct str print_one(const struct causes *causes)
{
    for (int kind = 0; kind < CAUSE_COUNT; kind++)
        if (causes->of[kind].names.len)
            return str_print(causes->arena, "only the %s %.*s %s", WORDS[kind].one,
                             STR_FMT(causes->of[kind].names.at[0]),
                             verb_of(causes->of[kind].change));
    return STR("");
}

static void print_group(const struct causes *causes, int kind, struct buf *out)
{
    const struct str_vec *names = &causes->of[kind].names;
    size_t shown = names->len > NAMES_SHOWN ? NAMES_SHOWN : names->len;
    bool is_long = names->len > 2;
    if (is_long)
        buf_print(out, "%zu %s (", names->len, WORDS[kind].many);
    else
        buf_print(out, "%s ", WORDS[kind].few);
    for (size_t i = 0; i < shown; i++)
        buf_print(out, "%s%.*s", !i ? "" : is_long ? ", " : " and ", STR_FMT(names->at[i]));
    if (is_long)
        buf_add_text(out, names->len > shown ? ", ...)" : ")");
    if (causes->of[kind].added == names->len)
        buf_add_text(out, " (added)");
    else if (causes->of[kind].removed == names->len)
        buf_add_text(out, " (removed)");
}

static struct str print_all(const struct causes *causes)
{
    struct buf out = buf_in(causes->arena);
    buf_add_text(&out, "changed: ");
    size_t start = out.len;
    for (int kind = 0; kind < CAUSE_COUNT; kind++) {
        if (!causes->of[kind].names.len)
            continue;
        buf_add_text(&out, out.len > start ? ", " : "");
        print_group(causes, kind, &out);
    }
    return buf_str(&out);
}

/* Code that no stage depends on explains nothing, but says why the answer is not "nothing". */
static struct str print_other(struct arena *arena, const struct diff_code *code)
{
    if (code->other_count == 1 && code->files.len == 1)
        return str_print(arena, "only %.*s changed, which no stage depends on",
                         STR_FMT(str_slice(code->files.at[0], 2, code->files.at[0].len)));
    if (code->other_count)
        return str_print(arena, "only files that no stage depends on changed (%lld)",
                         (long long)code->other_count);
    if (!str_equal(code->before.commit, code->after.commit))
        return STR("only the commit differs");
    return code->differs ? STR("only uncommitted changes that no stage depends on differ")
                         : STR("");
}

/* Only known to differ. */
static void add_unknown_environments(struct causes *causes, const struct run_diff *diff)
{
    vec_each (const struct diff_environment, environment, &diff->environments)
        vec_each (const struct environment_change, change, &environment->changes)
            vec_each (const struct str, stage, &environment->stages)
                if (str_is(change->section, "recipe"))
                    add(causes, CAUSE_ENVIRONMENT, *stage, DIFF_CHANGED);
}

struct str diff_causes(struct arena *arena, const struct run_diff *diff)
{
    struct causes causes = {.arena = arena};
    add_stages(&causes, diff);
    add_inputs(&causes, diff);
    add_environments(&causes, diff, STR("packages"), CAUSE_PACKAGE);
    add_environments(&causes, diff, STR("interpreter"), CAUSE_INTERPRETER);
    add_environments(&causes, diff, STR("tools"), CAUSE_TOOL);
    bool tells_environment = causes.of[CAUSE_PACKAGE].names.len ||
                             causes.of[CAUSE_INTERPRETER].names.len ||
                             causes.of[CAUSE_TOOL].names.len;
    if (!tells_environment)
        add_environments(&causes, diff, STR("lockfiles"), CAUSE_LOCKFILE);
    add_unknown_environments(&causes, diff);
    if (causes.count == 0)
        add_metrics(&causes, diff);
    if (causes.count == 1)
        return print_one(&causes);
    return causes.count ? print_all(&causes) : print_other(arena, &diff->code);
}
