/* `mlops runs --tree`: which run, sweep and trial started from which. */
#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/base/moment.h"
#include "mlops/cli/report_run.h"
#include "mlops/cli/runs.h"
#include "mlops/cli/stages.h"
#include "mlops/cli/sweep.h"
#include "mlops/model/name.h"

enum { TRIALS_SHOWN = 10 };

struct node {
    const struct run *run; /* or */
    const struct sweep_row *sweep;
    struct trial *trials; /* of the sweep; the best first, as many as are shown */
    struct run **runs;    /* theirs; NULL: none */
    size_t trial_count;
    int64_t place; /* the order of runs; of a sweep its newest one's */
    struct node_vec {
        struct node **at;
        size_t len, cap;
    } children;
};

struct runs_tree {
    struct context *context;
    struct ledger *ledger;
    struct map runs;       /* id -> struct node * */
    struct node_vec roots; /* all nodes first */
    struct table table;
    int64_t shown_most; /* trials of a sweep */
};

static struct node *add_node(struct runs_tree *tree, struct node node)
{
    struct arena *arena = tree->context->arena;
    struct node *added = arena_new(arena, struct node);
    *added = node;
    *vec_push(arena, &tree->roots) = added;
    if (node.run)
        map_put(arena, &tree->runs, node.run->id, added);
    return added;
}

/* A base that is older than what is listed is listed, too. One that was removed is not there. */
static FALLIBLE add_base(struct runs_tree *tree, struct str id)
{
    while (id.len && !map_has(&tree->runs, id)) {
        struct run *run = NULL;
        TRY(ledger_run_by_id(tree->ledger, tree->context->arena, id, &run));
        if (!run)
            return NULL;
        add_node(tree, (struct node){.run = run, .place = run->sequence});
        id = run->parent;
    }
    return NULL;
}

static bool fits(const struct sweep_row *row, const struct ledger_filter *filter)
{
    return (!filter->pipeline.len || str_equal(row->sweep.pipeline, filter->pipeline)) &&
           (!filter->branch.len || str_equal(row->code.branch, filter->branch));
}

static FALLIBLE load_trials(struct runs_tree *tree, struct node *node);

static FALLIBLE load(struct runs_tree *tree, const struct ledger_filter *filter)
{
    struct arena *arena = tree->context->arena;
    struct ledger_filter wanted = *filter;
    struct run *runs = NULL;
    struct sweep_row *sweeps = NULL;
    size_t run_count = 0, sweep_count = 0,
           most = filter->limit > 0 ? (size_t)filter->limit : SIZE_MAX;
    wanted.without_trials = true;
    TRY(ledger_list_runs(tree->ledger, arena, &wanted, &runs, &run_count));
    for (size_t i = 0; i < run_count; i++)
        add_node(tree, (struct node){.run = &runs[i], .place = runs[i].sequence});
    TRY(sweeps_list(tree->ledger, arena, false, &sweeps, &sweep_count));
    for (size_t i = 0; i < sweep_count && i < most; i++) {
        if (!fits(&sweeps[i], filter))
            continue;
        struct node *node = add_node(tree, (struct node){.sweep = &sweeps[i]});
        node->place = sweeps[i].last_run ? sweeps[i].last_run : INT64_MAX;
        TRY(load_trials(tree, node));
    }
    for (size_t i = 0, count = tree->roots.len; i < count; i++) {
        const struct node *node = tree->roots.at[i];
        TRY(add_base(tree, node->run ? node->run->parent : node->sweep->parent));
    }
    return NULL;
}

static int compare_nodes(const void *a, const void *b)
{
    const struct node *left = *(struct node *const *)a, *right = *(struct node *const *)b;
    return left->place == right->place ? 0 : left->place > right->place ? -1 : 1;
}

static void sort_nodes(struct node_vec *nodes)
{
    if (nodes->len > 1)
        qsort(nodes->at, nodes->len, sizeof nodes->at[0], compare_nodes);
}

/* Newest first on every level. */
static void hang_up(struct runs_tree *tree)
{
    struct node_vec all = tree->roots;
    tree->roots = (struct node_vec){0};
    sort_nodes(&all);
    for (size_t i = 0; i < all.len; i++) {
        struct node *node = all.at[i];
        struct str id = node->run ? node->run->parent : node->sweep->parent;
        struct node *parent = id.len ? map_get(&tree->runs, id) : NULL;
        bool is_below = parent && parent != node && parent->place < node->place;
        *vec_push(tree->context->arena, is_below ? &parent->children : &tree->roots) = node;
    }
}

/* No more than are shown. */
static FALLIBLE load_trials(struct runs_tree *tree, struct node *node)
{
    struct arena *arena = tree->context->arena;
    TRY(sweeps_best(tree->ledger, arena, node->sweep, tree->shown_most, &node->trials,
                    &node->trial_count));
    node->runs = arena_new_array(arena, struct run *, node->trial_count);
    for (size_t i = 0; i < node->trial_count; i++)
        if (node->trials[i].run.len)
            TRY(ledger_run_by_id(tree->ledger, arena, node->trials[i].run, &node->runs[i]));
    return NULL;
}

enum {
    AT_NAME,
    AT_KIND,
    AT_PARENT,
    AT_STARTED,
    AT_STATUS,
    AT_TIME,
    AT_SCORE,
    AT_CHANGES,
    AT_LABELS,
    AT_COUNT,
};

static const struct column columns[] = {
    [AT_NAME] = {.name = "id", .title = "RUN"},
    [AT_KIND] = {.name = "kind", .title = NULL},
    [AT_PARENT] = {.name = "parent", .title = NULL},
    [AT_STARTED] = {.name = "started", .title = "STARTED", .drop = 2},
    [AT_STATUS] = {.name = "status", .title = "STATUS"},
    [AT_TIME] = {.name = "duration_s", .title = "TIME", .is_right = true, .drop = 1},
    [AT_SCORE] = {.name = "score", .title = "SCORE", .is_right = true},
    [AT_CHANGES] = {.name = "changes", .title = "WHAT", .may_shrink = true, .drop = 3},
    [AT_LABELS] = {.name = "labels", .title = "NAME", .may_shrink = true},
};

static struct cell *add_row(struct runs_tree *tree, struct str prefix, struct str shown,
                            struct str id, const char *kind)
{
    struct cell *row = table_add(&tree->table);
    row[AT_NAME] = cell_shown(
        str_print(tree->context->arena, "%.*s%.*s", STR_FMT(prefix), STR_FMT(shown)), id);
    row[AT_KIND] = cell_text(str_of(kind));
    return row;
}

static void set_times(struct runs_tree *tree, struct cell *row, int64_t started_ns,
                      int64_t duration_ns)
{
    struct arena *arena = tree->context->arena;
    if (started_ns)
        row[AT_STARTED] =
            cell_shown(report_when(arena, started_ns), moment_print(arena, started_ns));
    if (duration_ns)
        row[AT_TIME] =
            cell_real_shown(duration_print(arena, duration_ns), report_seconds(duration_ns));
}

static void add_trial(struct runs_tree *tree, const struct node *node, size_t at, struct str prefix)
{
    struct arena *arena = tree->context->arena;
    const struct trial *trial = &node->trials[at];
    const struct run *run = node->runs[at];
    struct str shown = run ? ulid_short(run->id) : STR("-");
    struct cell *row = add_row(tree, prefix, shown, trial->run, "trial");
    row[AT_PARENT] = cell_text(node->sweep->ulid);
    set_times(tree, row, trial->started_ns, trial->duration_ns);
    row[AT_STATUS] = cell_toned(cell_text(str_of(trial_status_name(trial->status))),
                                trial_status_tone(trial->status));
    if (trial->has_score)
        row[AT_SCORE] = cell_real_shown(metric_print(arena, trial->score, 5), trial->score);
    row[AT_CHANGES] = cell_text(sweep_trial_words(arena, &node->sweep->sweep, &trial->overrides));
    row[AT_LABELS] = cell_text(run ? run_labels(arena, run)
                                   : str_print(arena, "trial %lld", (long long)trial->number + 1));
}

static void add_sweep(struct runs_tree *tree, const struct node *node, struct str prefix)
{
    struct arena *arena = tree->context->arena;
    const struct sweep_row *sweep = node->sweep;
    struct str shown = str_print(arena, "sweep %.*s", STR_FMT(ulid_short(sweep->ulid)));
    struct cell *row = add_row(tree, prefix, shown, sweep->ulid, "sweep");
    enum tone tone;
    row[AT_PARENT] = cell_text(sweep->parent);
    set_times(tree, row, sweep->created_ns, sweep->spent_ns);
    row[AT_STATUS] = cell_text(str_of(sweep_status(tree->context, sweep, &tone)));
    row[AT_STATUS] = cell_toned(row[AT_STATUS], tone);
    row[AT_CHANGES] = cell_text(sweep_counts_words(arena, sweep));
    row[AT_LABELS] = cell_text(sweep->sweep.name);
}

static FALLIBLE add_run(struct runs_tree *tree, const struct node *node, struct str prefix)
{
    struct arena *arena = tree->context->arena;
    const struct run *run = node->run;
    struct cell *row = add_row(tree, prefix, ulid_short(run->id), run->id, "run");
    struct sweep_row sweep = {0};
    struct trial trial = {0};
    bool is_trial = false;
    row[AT_PARENT] = cell_text(run->parent);
    set_times(tree, row, run->started_ns, run->duration_ns);
    row[AT_STATUS] =
        cell_toned(cell_text(str_of(run_status_name(run->status))), run_status_tone(run->status));
    row[AT_CHANGES] = cell_text(counts_print(arena, &run->counts, false));
    row[AT_LABELS] = cell_text(run_labels(arena, run));
    if (run->sweep.len)
        TRY(sweeps_of_run(tree->ledger, arena, run->id, &sweep, &trial, &is_trial));
    if (!is_trial)
        return NULL;
    row[AT_CHANGES] = cell_text(sweep_trial_words(arena, &sweep.sweep, &trial.overrides));
    if (trial.has_score)
        row[AT_SCORE] = cell_real_shown(metric_print(arena, trial.score, 5), trial.score);
    return NULL;
}

static FALLIBLE print_node(struct runs_tree *tree, const struct node *node, struct str above,
                           bool is_root, bool is_last);

static int64_t count_trials(const struct sweep_row *sweep)
{
    int64_t count = 0;
    for (int status = TRIAL_WAITING; status < TRIAL_STATUS_COUNT; status++)
        count += sweep->counts[status];
    return count;
}

static void print_trials(struct runs_tree *tree, const struct node *node, struct str above)
{
    struct arena *arena = tree->context->arena;
    int64_t more = MAX_OF(count_trials(node->sweep) - (int64_t)node->trial_count, INT64_C(0));
    for (size_t i = 0; i < node->trial_count; i++) {
        bool is_last = i + 1 == node->trial_count && !more;
        struct str prefix = str_print(arena, "%.*s%s", STR_FMT(above), is_last ? "└─ " : "├─ ");
        add_trial(tree, node, i, prefix);
    }
    if (more)
        add_row(tree, str_print(arena, "%.*s└─ ", STR_FMT(above)),
                str_print(arena, "%lld more", (long long)more), STR(""), "more");
}

/* Recursion is bounded: a child is newer than what it hangs from, and few experiments are based on
 * each other. */
static FALLIBLE print_node(struct runs_tree *tree, const struct node *node, struct str above,
                           bool is_root, bool is_last)
{
    struct arena *arena = tree->context->arena;
    const char *branch = is_root ? "" : is_last ? "└─ " : "├─ ";
    const char *below = is_root ? "" : is_last ? "   " : "│  ";
    struct str prefix = str_print(arena, "%.*s%s", STR_FMT(above), branch);
    struct str inside = str_print(arena, "%.*s%s", STR_FMT(above), below);
    if (node->sweep) {
        add_sweep(tree, node, prefix);
        print_trials(tree, node, inside);
        return NULL;
    }
    TRY(add_run(tree, node, prefix));
    for (size_t i = 0; i < node->children.len; i++)
        TRY(print_node(tree, node->children.at[i], inside, false, i + 1 == node->children.len));
    return NULL;
}

static void json_trials(struct json_writer *json, const struct node *node)
{
    json_name(json, "children");
    json_open_list(json);
    for (size_t i = 0; i < node->trial_count; i++) {
        json_open_object(json);
        json_name(json, "kind");
        json_text(json, "trial");
        sweep_trial_json(json, &node->trials[i]);
        json_close_object(json);
    }
    json_close_list(json);
}

static void print_json_node(struct runs_tree *tree, struct json_writer *json,
                            const struct node *node)
{
    if (node->sweep) {
        runs_sweep_json(tree->context, json, node->sweep);
        json_name(json, "kind");
        json_text(json, "sweep");
        json_trials(json, node);
        json_close_object(json);
        return;
    }
    json_open_object(json);
    run_json(json, tree->context->arena, node->run);
    json_name(json, "kind");
    json_text(json, "run");
    json_name(json, "children");
    json_open_list(json);
    for (size_t i = 0; i < node->children.len; i++)
        print_json_node(tree, json, node->children.at[i]);
    json_close_list(json);
    json_close_object(json);
}

static FALLIBLE print_tree(struct runs_tree *tree)
{
    if (tree->context->format == FORMAT_JSON) {
        struct json_writer json = report_json_open(tree->context);
        json_name(&json, "runs");
        json_open_list(&json);
        for (size_t i = 0; i < tree->roots.len; i++)
            print_json_node(tree, &json, tree->roots.at[i]);
        json_close_list(&json);
        report_json_close(&json);
        return NULL;
    }
    for (size_t i = 0; i < tree->roots.len; i++)
        TRY(print_node(tree, tree->roots.at[i], STR(""), true, false));
    report_table(tree->context, &tree->table, "runs");
    return NULL;
}

struct error *runs_tree(struct context *context, const struct ledger_filter *filter, bool all)
{
    struct runs_tree tree = {.context = context};
    bool is_for_people = context->format == FORMAT_TABLE || context->format == FORMAT_MARKDOWN;
    tree.shown_most = all || !is_for_people ? -1 : TRIALS_SHOWN;
    tree.table = table_make(context->arena, columns, AT_COUNT);
    TRY(context_ledger(context, &tree.ledger));
    TRY(load(&tree, filter));
    hang_up(&tree);
    return print_tree(&tree);
}
