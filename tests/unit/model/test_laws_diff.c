#include "laws.h"

static struct str any_name(void)
{
    return str_print(&arena, "%c%zu", (char)('a' + below(3)), below(4));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_does_not_differ_from_itself),
        cmocka_unit_test(the_difference_backwards_is_the_difference_mirrored),
    };
    return cmocka_run_group_tests(tests, NULL, drop);
}
