/* Laws of the values, tried on random ones. The seed is printed when one is broken;
 * MLOPS_SEED=NUMBER repeats it. */
#include "mlops/base/arena.h"
#include "mlops/model/diff.h"
#include "mlops/model/tree.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "support/unit.h"

enum { ROUNDS = 2000, DIFF_ROUNDS = 300 };

static struct arena arena;
static uint64_t seed, random_state;

#define LAW(condition)                                                                             \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("%s does not hold; MLOPS_SEED=%" PRIu64, #condition, seed);                   \
    } while (0)

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t draw(void)
{
    uint64_t z = random_state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static size_t below(size_t count)
{
    return (size_t)(draw() % count);
}

static void start_round(uint64_t round)
{
    const char *given = getenv("MLOPS_SEED");
    seed = given ? strtoull(given, NULL, 10) : round;
    random_state = seed;
    arena_reset(&arena);
}

/* Short texts of bytes that also occur as tags and lengths, so that bad encodings would collide. */
static struct str any_text(void)
{
    static const char alphabet[] = "sl\1\2\0am";
    size_t len = below(4);
    char *at = arena_alloc(&arena, len + 1);
    for (size_t i = 0; i < len; i++)
        at[i] = alphabet[below(sizeof alphabet - 1)];
    return (struct str){at, len};
}

static struct str any_name(void)
{
    return str_print(&arena, "%c%zu", (char)('a' + below(3)), below(4));
}

static struct digest any_digest(void)
{
    unsigned char byte = (unsigned char)below(4);
    return digest_of(&byte, 1);
}

static void add_value(struct buf *out, int depth)
{
    size_t kind = below(depth > 2 ? 6 : 8);
    size_t count = below(3);
    if (kind == 0)
        canon_null(out);
    else if (kind == 1)
        canon_bool(out, below(2));
    else if (kind == 2)
        canon_int(out, (int64_t)below(3));
    else if (kind == 3)
        canon_real(out, (double)below(5) / 2);
    else if (kind == 4)
        canon_bigint(out, below(2) ? STR("99999999999999999999") : STR("-99999999999999999999"));
    else if (kind == 5)
        canon_str(out, any_text());
    else if (kind == 6)
        canon_list(out, count);
    else
        canon_map(out, count);
    for (size_t i = 0; kind >= 6 && i < count; i++) {
        if (kind == 7)
            canon_str(out, str_print(&arena, "%zu", i));
        add_value(out, depth + 1);
    }
}

static struct str any_value(void)
{
    struct buf out = buf_in(&arena);
    add_value(&out, 0);
    return buf_str(&out);
}

static struct recipe_dep any_dep(struct str path)
{
    struct recipe_dep dep = {.path = path, .kind = (enum artifact_kind)below(3)};
    dep.is_executable = dep.kind == ARTIFACT_FILE && below(2);
    if (dep.kind != ARTIFACT_ABSENT)
        dep.digest = any_digest();
    return dep;
}

static struct recipe_param any_param(struct str file, struct str key)
{
    struct recipe_param param = {.file = file, .key = key};
    if (below(5)) {
        param.encoded = any_value();
        param.shown = recipe_show(&arena, param.encoded);
    }
    return param;
}

static struct recipe_env any_env(struct str name)
{
    bool is_secret = below(3) == 0;
    return (struct recipe_env){name, is_secret ? STR("") : any_text(), is_secret};
}

/* Distinct sorted names: a random subset of a1, a2, ... */
static struct str subset_name(size_t i)
{
    return str_print(&arena, "%02zu", i);
}

static void add_command(struct recipe *recipe)
{
    struct command *cmd = &recipe->cmd;
    cmd->is_list = below(2);
    cmd->count = cmd->is_list ? below(3) : below(2);
    cmd->items = arena_new_array(&arena, struct str, 4);
    for (size_t i = 0; i < cmd->count; i++)
        cmd->items[i] = any_text();
}

/* Arrays have room for one more item. */
static struct recipe *any_recipe(void)
{
    struct recipe *recipe = arena_new(&arena, struct recipe);
    add_command(recipe);
    recipe->wdir = any_text();
    recipe->shell = any_text();
    recipe->environment = any_text();
    recipe->deps = arena_new_array(&arena, struct recipe_dep, 6);
    recipe->params = arena_new_array(&arena, struct recipe_param, 6);
    recipe->env = arena_new_array(&arena, struct recipe_env, 6);
    recipe->outs = arena_new_array(&arena, struct str, 6);
    for (size_t i = 0; i < 5; i++) {
        if (below(2))
            recipe->deps[recipe->dep_count++] = any_dep(subset_name(i));
        if (below(2))
            recipe->params[recipe->param_count++] = any_param(subset_name(i / 2), subset_name(i));
        if (below(2))
            recipe->env[recipe->env_count++] = any_env(subset_name(i));
        if (below(2))
            recipe->outs[recipe->out_count++] = subset_name(i);
    }
    return recipe;
}

static struct recipe *copied(const struct recipe *from)
{
    struct recipe *copy = arena_new(&arena, struct recipe);
    *copy = *from;
    copy->cmd.items = arena_new_array(&arena, struct str, 4);
    copy->deps = arena_new_array(&arena, struct recipe_dep, 6);
    copy->params = arena_new_array(&arena, struct recipe_param, 6);
    copy->env = arena_new_array(&arena, struct recipe_env, 6);
    copy->outs = arena_new_array(&arena, struct str, 6);
    memcpy(copy->cmd.items, from->cmd.items, from->cmd.count * sizeof *from->cmd.items);
    memcpy(copy->deps, from->deps, from->dep_count * sizeof *from->deps);
    memcpy(copy->params, from->params, from->param_count * sizeof *from->params);
    memcpy(copy->env, from->env, from->env_count * sizeof *from->env);
    memcpy(copy->outs, from->outs, from->out_count * sizeof *from->outs);
    return copy;
}

static struct str changed(struct str text)
{
    return str_print(&arena, "%.*s%s", STR_FMT(text), "\x7F");
}

static bool mutate_command(struct recipe *recipe, size_t what)
{
    struct command *cmd = &recipe->cmd;
    if (what == 0 && cmd->count == 1)
        cmd->is_list = !cmd->is_list;
    else if (what == 1 && cmd->count)
        cmd->items[0] = changed(cmd->items[0]);
    else if (what == 2 && cmd->is_list)
        cmd->items[cmd->count++] = STR("");
    else
        return false;
    return true;
}

static bool mutate_dep(struct recipe *recipe, size_t what)
{
    struct recipe_dep *last = recipe->dep_count ? &recipe->deps[recipe->dep_count - 1] : NULL;
    if (what == 0)
        recipe->deps[recipe->dep_count++] = any_dep(STR("\x7F"));
    else if (!last)
        return false;
    else if (what == 1)
        recipe->dep_count--;
    else if (what == 2)
        last->path = changed(last->path);
    else if (what == 3 && last->kind == ARTIFACT_FILE)
        last->is_executable = !last->is_executable;
    else if (what == 4 && last->kind != ARTIFACT_ABSENT)
        last->digest.at[below(32)] ^= 1;
    else if (what == 5 && last->kind != ARTIFACT_ABSENT && !last->is_executable)
        last->kind = last->kind == ARTIFACT_FILE ? ARTIFACT_TREE : ARTIFACT_FILE;
    else
        return false;
    return true;
}

static bool mutate_param(struct recipe *recipe, size_t what)
{
    struct recipe_param *last =
        recipe->param_count ? &recipe->params[recipe->param_count - 1] : NULL;
    if (what == 0)
        recipe->params[recipe->param_count++] = any_param(STR("\x7F"), STR(""));
    else if (!last)
        return false;
    else if (what == 1)
        recipe->param_count--;
    else if (what == 2)
        last->key = changed(last->key);
    else if (what == 3 && last->encoded.len)
        last->encoded = (struct str){0};
    else if (what == 4) {
        struct str value = any_value();
        if (str_equal(value, last->encoded))
            return false;
        last->encoded = value;
        last->shown = recipe_show(&arena, value);
    } else
        return false;
    return true;
}

static bool mutate_env(struct recipe *recipe, size_t what)
{
    struct recipe_env *last = recipe->env_count ? &recipe->env[recipe->env_count - 1] : NULL;
    if (what == 0)
        recipe->env[recipe->env_count++] = any_env(STR("\x7F"));
    else if (!last)
        return false;
    else if (what == 1)
        recipe->env_count--;
    else if (what == 2)
        last->name = changed(last->name);
    else if (what == 3)
        last->is_secret = !last->is_secret;
    else if (what == 4 && !last->is_secret)
        last->value = changed(last->value);
    else
        return false;
    return true;
}

static bool mutate_text(struct recipe *recipe, size_t what)
{
    if (what == 0)
        recipe->wdir = changed(recipe->wdir);
    else if (what == 1)
        recipe->shell = changed(recipe->shell);
    else if (what == 2)
        recipe->environment = changed(recipe->environment);
    else if (what == 3)
        recipe->outs[recipe->out_count++] = STR("\x7F");
    else if (what == 4 && recipe->out_count)
        recipe->out_count--;
    else if (what == 5 && recipe->out_count)
        recipe->outs[recipe->out_count - 1] = changed(recipe->outs[recipe->out_count - 1]);
    else
        return false;
    return true;
}

/* Changes one thing that counts. */
static struct recipe *mutated(const struct recipe *from)
{
    static bool (*const mutations[])(struct recipe *, size_t) = {
        mutate_command, mutate_dep, mutate_param, mutate_env, mutate_text,
    };
    struct recipe *copy = copied(from);
    while (!mutations[below(COUNT_OF(mutations))](copy, below(6)))
        continue;
    return copy;
}

static struct str encoded(const struct recipe *recipe)
{
    struct buf out = buf_in(&arena);
    recipe_encode(recipe, &out);
    return buf_str(&out);
}

static struct reason_vec reasons_between(const struct recipe *before, const struct recipe *after)
{
    struct reason_vec reasons = {0};
    recipe_diff(&arena, before, after, &reasons);
    return reasons;
}

static bool is_mirror(const struct reason_vec *one, const struct reason_vec *other)
{
    bool same = one->len == other->len;
    for (size_t i = 0; same && i < one->len; i++) {
        const struct reason *a = &one->at[i], *b = &other->at[i];
        same = a->part == b->part && str_equal(a->what, b->what) &&
               str_equal(a->before, b->after) && str_equal(a->after, b->before);
    }
    return same;
}

static void a_single_change_of_a_recipe_changes_its_bytes_and_has_reasons(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        start_round(round);
        struct recipe *one = any_recipe(), *other = mutated(one);
        LAW(!str_equal(encoded(one), encoded(other)));
        struct reason_vec reasons = reasons_between(one, other);
        LAW(reasons.len > 0); /* a renaming has two, a section one for each key */
        for (size_t i = 0; i < reasons.len; i++)
            LAW(!str_equal(reasons.at[i].before, reasons.at[i].after));
    }
}

static void recipes_have_equal_bytes_if_and_only_if_nothing_differs(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        start_round(round);
        struct recipe *one = any_recipe();
        struct recipe *other = below(2) ? copied(one) : any_recipe();
        struct reason_vec forth = reasons_between(one, other), back = reasons_between(other, one);
        LAW(str_equal(encoded(one), encoded(other)) == (forth.len == 0));
        LAW(is_mirror(&forth, &back));
        LAW(reasons_between(one, one).len == 0);
    }
}

static void a_recipe_reads_back_to_the_same_bytes(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        start_round(round);
        struct recipe *recipe = any_recipe(), back;
        struct error *error = recipe_decode(&arena, encoded(recipe), &back);
        LAW(!error);
        LAW(str_equal(encoded(recipe), encoded(&back)));
        LAW(reasons_between(recipe, &back).len == 0);
    }
}

static void a_tree_reads_back_as_it_was_written(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        start_round(round);
        struct tree tree = {arena_new_array(&arena, struct tree_entry, 20), below(20)}, back;
        for (size_t i = 0; i < tree.count; i++) {
            enum tree_kind kind = (enum tree_kind)below(4);
            int64_t files = kind == TREE_DIRECTORY ? (int64_t)below(100) : 1;
            tree.entries[i] = (struct tree_entry){str_print(&arena, "%02zu%s", i, "\xFF\n"), kind,
                                                  (int64_t)(draw() >> 1), files, any_digest()};
        }
        struct buf bytes = buf_in(&arena), again = buf_in(&arena);
        tree_encode(&tree, &bytes);
        struct error *error = tree_decode(&arena, buf_str(&bytes), &back);
        LAW(!error);
        tree_encode(&back, &again);
        LAW(str_equal(buf_str(&bytes), buf_str(&again)));
        LAW(back.count == tree.count);
        for (size_t i = 0; i < tree.count; i++)
            LAW(back.entries[i].file_count == tree.entries[i].file_count);
    }
}

static struct metric any_metric(struct str key)
{
    static const char *const texts[] = {
        "0",   "1",    "0.1", "0.25", "-3",    "1e-3", "9007199254740993",
        "1.0", "1e20", "nan", "inf",  "-0.50", "7"};
    struct str text = str_of(texts[below(COUNT_OF(texts))]);
    bool is_text = below(4) == 0;
    double value = is_text ? (double)NAN : strtod(text.at, NULL);
    return (struct metric){STR("m.yaml"), key, text, value, is_text};
}

static struct artifact any_artifact(struct str path)
{
    struct recipe_dep dep = any_dep(path);
    return (struct artifact){
        .path = path, .kind = dep.kind, .is_executable = dep.is_executable, .digest = dep.digest};
}

static void fill_stage(struct run_view_stage *stage, size_t number)
{
    stage->stage = subset_name(number);
    if (below(5)) {
        stage->recipe = any_recipe();
        stage->key = recipe_key(stage->recipe);
    }
    stage->outs = arena_new_array(&arena, struct artifact, 2);
    stage->out_count = below(3);
    for (size_t i = 0; i < stage->out_count; i++)
        stage->outs[i] = any_artifact(below(2) ? subset_name(number + i) : any_name());
    for (size_t i = 0; i < 4; i++)
        if (below(2))
            *vec_push(&arena, &stage->metrics) = any_metric(subset_name(i));
    stage->duration_ns = (int64_t)below(10);
}

static struct environment *any_environment(void)
{
    static const char *const names[] = {"numpy", "scikit-learn", "torch"};
    static const char *const versions[] = {"1.0", "1.1", "2.0"};
    struct environment *environment = arena_new(&arena, struct environment);
    environment->os = STR("Linux");
    environment->cpus = 4;
    environment->kernel = below(2) ? STR("6.1") : STR("6.2");
    environment->interpreter = STR("python");
    environment->interpreter_version = below(2) ? STR("3.11") : STR("3.12");
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (below(3))
            *vec_push(&arena, &environment->packages) = (struct environment_item){
                str_of(names[i]), str_of(versions[below(COUNT_OF(versions))])};
    return environment;
}

static struct run_view any_view(void)
{
    struct environment *environments[2] = {any_environment(), any_environment()};
    struct run_view view = {.stages = arena_new_array(&arena, struct run_view_stage, 5)};
    for (size_t i = 0; i < 5; i++)
        if (below(3))
            fill_stage(&view.stages[view.stage_count++], i);
    for (size_t i = 0; i < view.stage_count; i++) {
        struct run_view_stage *stage = &view.stages[i];
        stage->environment = below(3) ? environments[below(2)] : NULL;
        stage->usage.attempts = (int)below(2);
        stage->usage.duration_ns = (int64_t)below(3) * INT64_C(2000000000);
        stage->usage.peak_bytes = (int64_t)below(3) << 26;
        stage->status = below(8) ? STATUS_UNCHANGED : STATUS_WOULD_RUN;
    }
    view.code.commit = any_text();
    view.code.is_dirty = (int)below(3) - 1;
    return view;
}

static enum diff_change mirrored(enum diff_change change)
{
    if (change == DIFF_ADDED)
        return DIFF_REMOVED;
    return change == DIFF_REMOVED ? DIFF_ADDED : change;
}

static enum diff_judgement mirrored_judgement(enum diff_judgement judgement)
{
    if (judgement == DIFF_BETTER)
        return DIFF_WORSE;
    return judgement == DIFF_WORSE ? DIFF_BETTER : judgement;
}

static enum diff_verdict mirrored_verdict(enum diff_verdict verdict)
{
    if (verdict == DIFF_BETTER_NOW)
        return DIFF_WORSE_NOW;
    return verdict == DIFF_WORSE_NOW ? DIFF_BETTER_NOW : verdict;
}

static bool number_is(double a, double b)
{
    return (isnan(a) && isnan(b)) || a == b;
}

static void check_mirrored_metrics(const struct run_diff *forth, const struct run_diff *back)
{
    LAW(forth->metrics.len == back->metrics.len);
    for (size_t i = 0; i < forth->metrics.len; i++) {
        const struct diff_metric *a = &forth->metrics.at[i], *b = &back->metrics.at[i];
        LAW(a->change == mirrored(b->change));
        LAW(str_equal(a->file, b->file) && str_equal(a->key, b->key));
        LAW(str_equal(a->before, b->after) && str_equal(a->after, b->before));
        LAW(number_is(a->delta, -b->delta));
        LAW(a->delta_text.len == b->delta_text.len);
        LAW(a->direction == b->direction && a->is_main == b->is_main);
        LAW(a->judgement == mirrored_judgement(b->judgement));
    }
}

static void check_mirrored_params(const struct run_diff *forth, const struct run_diff *back)
{
    LAW(forth->params.len == back->params.len);
    for (size_t i = 0; i < forth->params.len; i++) {
        const struct diff_param *a = &forth->params.at[i], *b = &back->params.at[i];
        LAW(a->change == mirrored(b->change));
        LAW(str_equal(a->file, b->file) && str_equal(a->key, b->key));
        LAW(str_equal(a->before, b->after) && str_equal(a->after, b->before));
        LAW((a->change == DIFF_SAME) == str_equal(a->before, a->after));
    }
}

static void check_mirrored_data(const struct run_diff *forth, const struct run_diff *back)
{
    LAW(forth->data.len == back->data.len);
    for (size_t i = 0; i < forth->data.len; i++) {
        const struct diff_data *a = &forth->data.at[i], *b = &back->data.at[i];
        LAW(a->change == mirrored(b->change) && a->role == b->role);
        LAW(str_equal(a->path, b->path));
        LAW(artifact_equal(&a->before, &b->after) && artifact_equal(&a->after, &b->before));
    }
}

static void check_mirrored_stages(const struct run_diff *forth, const struct run_diff *back)
{
    LAW(forth->stages.len == back->stages.len);
    for (size_t i = 0; i < forth->stages.len; i++) {
        const struct diff_stage *a = &forth->stages.at[i], *b = &back->stages.at[i];
        LAW(a->change == mirrored(b->change) && str_equal(a->stage, b->stage));
        LAW(a->before_ns == b->after_ns && a->after_ns == b->before_ns);
        LAW(a->before_peak == b->after_peak && a->after_peak == b->before_peak);
        LAW(a->is_noticeable == b->is_noticeable);
        LAW(is_mirror(&a->reasons, &b->reasons));
    }
}

/* Groups come in the order of their first stage, which is the same both ways. */
static void check_mirrored_environments(const struct run_diff *forth, const struct run_diff *back)
{
    LAW(forth->environments.len == back->environments.len);
    for (size_t i = 0; i < forth->environments.len; i++) {
        const struct diff_environment *a = &forth->environments.at[i];
        const struct diff_environment *b = &back->environments.at[i];
        LAW(a->stages.len == b->stages.len && a->changes.len == b->changes.len);
        for (size_t j = 0; j < a->stages.len; j++)
            LAW(str_equal(a->stages.at[j], b->stages.at[j]));
        for (size_t j = 0; j < a->changes.len; j++) {
            LAW(str_equal(a->changes.at[j].name, b->changes.at[j].name));
            LAW(str_equal(a->changes.at[j].before, b->changes.at[j].after));
            LAW(str_equal(a->changes.at[j].after, b->changes.at[j].before));
        }
    }
}

/* What a test on predictions says of both directions: negated intervals, the same p. */
static void test_metrics(struct run_diff *forth, struct run_diff *back)
{
    for (size_t i = 0; i < forth->metrics.len; i++) {
        struct diff_metric *a = &forth->metrics.at[i], *b = &back->metrics.at[i];
        if (a->change != DIFF_CHANGED || isnan(a->delta) || below(2))
            continue;
        a->test = b->test = "mcnemar";
        a->p = b->p = a->p_holm = b->p_holm = (double)below(3) / 25;
        a->low = a->delta - 1;
        a->high = a->delta + 1;
        b->low = -a->high;
        b->high = -a->low;
        a->level = b->level = 0.95;
    }
}

static void check_mirrored_verdict(struct run_diff *forth, struct run_diff *back)
{
    test_metrics(forth, back);
    diff_conclude(&arena, forth);
    diff_conclude(&arena, back);
    LAW(forth->verdict == mirrored_verdict(back->verdict));
    LAW(forth->verdict_text.len > 0 && back->verdict_text.len > 0);
}

static void a_run_does_not_differ_from_itself(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < DIFF_ROUNDS; round++) {
        start_round(round);
        struct run_view view = any_view();
        struct run_diff diff;
        diff_runs(&arena, &view, &view, &(struct diff_wish){0}, &diff);
        LAW(!diff.metrics.len && !diff.params.len && !diff.data.len && !diff.stages.len);
        LAW(diff_is_empty(&diff) && !diff.environments.len);
        diff_conclude(&arena, &diff);
        LAW(diff.verdict == DIFF_UNCHANGED);
        LAW(str_is(diff.verdict_text, "unchanged: nothing differs"));
    }
}

static void the_difference_backwards_is_the_difference_mirrored(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < DIFF_ROUNDS; round++) {
        start_round(round);
        struct run_view one = any_view(), other = any_view();
        struct run_diff forth, back;
        bool all = below(2);
        diff_runs(&arena, &one, &other, &(struct diff_wish){.all = all}, &forth);
        diff_runs(&arena, &other, &one, &(struct diff_wish){.all = all}, &back);
        check_mirrored_metrics(&forth, &back);
        check_mirrored_params(&forth, &back);
        check_mirrored_data(&forth, &back);
        check_mirrored_stages(&forth, &back);
        LAW(forth.code.differs == back.code.differs);
        LAW(diff_is_empty(&forth) == diff_is_empty(&back));
        check_mirrored_environments(&forth, &back);
        check_mirrored_verdict(&forth, &back);
    }
}

static int drop(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_single_change_of_a_recipe_changes_its_bytes_and_has_reasons),
        cmocka_unit_test(recipes_have_equal_bytes_if_and_only_if_nothing_differs),
        cmocka_unit_test(a_recipe_reads_back_to_the_same_bytes),
        cmocka_unit_test(a_tree_reads_back_as_it_was_written),
        cmocka_unit_test(a_run_does_not_differ_from_itself),
        cmocka_unit_test(the_difference_backwards_is_the_difference_mirrored),
    };
    return cmocka_run_group_tests(tests, NULL, drop);
}
