/* Questions to a plan, and laws that hold for any pipeline. Graphs, cycles and targets are cases in
 * tests/cases/pipeline. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/model/plan.h"

#include "support/unit.h"

static struct arena arena;

static int give_back(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}

static struct error *make(struct str text, const struct plan_options *options, struct plan *ret)
{
    struct doc *doc;
    struct pipeline *pipeline;
    TRY(doc_parse(&arena, STR("pipeline.yaml"), text, &(struct doc_options){0}, &doc));
    TRY(pipeline_bind(&arena, doc, STR("pipeline.yaml"), &pipeline));
    return plan_make(&arena, pipeline, options, ret);
}

static struct plan planned(struct str text)
{
    struct plan plan;
    struct error *error = make(text, &(struct plan_options){0}, &plan);
    if (error) {
        struct buf shown = buf_in(&arena);
        error_print(error, &shown);
        error_drop(error);
        fail_msg("%s", shown.at);
    }
    return plan;
}

static void a_path_leads_to_what_makes_it_or_what_it_lies_in(void **state)
{
    (void)state;
    struct plan plan = planned(STR("stages:\n"
                                   "  a: {cmd: x, outs: [out/d, {../far: {cache: false}}]}\n"));
    const struct stage *a = &plan.pipeline->stages.at[0];
    assert_ptr_equal(plan_producer(&plan, STR("out/d")), a);
    assert_ptr_equal(plan_producer(&plan, STR("out/d/e/f")), a);
    assert_ptr_equal(plan_producer(&plan, STR("../far/x")), a);
    assert_null(plan_producer(&plan, STR("out")));
    assert_null(plan_producer(&plan, STR("out/d2")));
    assert_null(plan_producer(&plan, STR("")));
    assert_null(plan_producer(&plan, STR("/")));
}

static void outputs_are_touched_from_above_and_below(void **state)
{
    (void)state;
    struct plan plan = planned(STR("stages:\n"
                                   "  a: {cmd: x, outs: [out/d/e]}\n"));
    assert_true(plan_touches_output(&plan, STR("")));
    assert_true(plan_touches_output(&plan, STR("out")));
    assert_true(plan_touches_output(&plan, STR("out/d/e")));
    assert_true(plan_touches_output(&plan, STR("out/d/e/f")));
    assert_false(plan_touches_output(&plan, STR("out/d/f")));
    assert_false(plan_touches_output(&plan, STR("ou")));
    assert_false(plan_touches_output(&plan, STR("/out")));
}

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

/* `count` stages, each reading outputs of stages that are earlier in a hidden order. */
static struct str random_pipeline(size_t count, uint64_t seed)
{
    struct buf text = buf_in(&arena);
    const uint64_t first = seed;
    buf_add_text(&text, "stages:\n");
    for (size_t i = 0; i < count; i++) {
        size_t hidden = (i * 7 + first) % count; /* a permutation: 7 does not divide the count */
        bool checks = hidden == first % count;   /* one: several may wait for each other */
        buf_print(&text, "  s%zu:\n    cmd: x\n%s    outs: [d%zu/out%zu]\n    deps: [src/a.py",
                  hidden, checks ? "    kind: validate\n" : "", hidden % 5, hidden);
        for (size_t j = hidden ? next_random(&seed) % 4 : 0, last = SIZE_MAX; j > 0; j--) {
            size_t other = next_random(&seed) % hidden;
            if (other != last)
                buf_print(&text, ", d%zu/out%zu%s%zu", other % 5, other, j > 1 ? "/" : "/x", j);
            last = other;
        }
        buf_add_text(&text, "]\n");
    }
    return buf_str(&text);
}

static void check_order(const struct plan *plan)
{
    size_t count = plan->pipeline->stages.len;
    bool *is_done = arena_new_array(&arena, bool, count);
    for (size_t i = 0; i < count; i++) {
        const struct plan_stage *stage = &plan->stages[plan->order[i]];
        for (size_t j = 0; j < stage->need_count; j++)
            assert_true(is_done[stage->needs[j].stage]);
        assert_false(is_done[plan->order[i]]);
        is_done[plan->order[i]] = true;
    }
}

static bool has_link(const struct plan_link *links, size_t count, struct plan_link wanted)
{
    for (size_t i = 0; i < count; i++) {
        if (links[i].stage == wanted.stage && links[i].edge == wanted.edge)
            return true;
    }
    return false;
}

static void check_links(const struct plan *plan)
{
    for (uint32_t i = 0; i < plan->pipeline->stages.len; i++) {
        const struct plan_stage *stage = &plan->stages[i];
        for (size_t j = 0; j < stage->need_count; j++) {
            const struct plan_stage *need = &plan->stages[stage->needs[j].stage];
            assert_true(has_link(need->users, need->user_count,
                                 (struct plan_link){i, stage->needs[j].edge}));
            assert_false(has_link(stage->needs, j, stage->needs[j]));
        }
    }
}

static void any_plan_respects_its_edges_and_knows_them_from_both_ends(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct plan plan = planned(random_pipeline(60, seed));
        check_order(&plan);
        check_links(&plan);
        arena_reset(&arena);
    }
}

static void all_that_is_selected_finds_what_it_needs_selected(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct str target = STR("s40");
        struct plan_options options = {.targets = &target, .target_count = 1};
        struct plan plan;
        struct error *error = make(random_pipeline(60, seed), &options, &plan);
        assert_null(error);
        size_t selected = 0;
        for (size_t i = 0; i < plan.pipeline->stages.len; i++) {
            selected += plan.stages[i].is_selected;
            for (size_t j = 0; plan.stages[i].is_selected && j < plan.stages[i].need_count; j++)
                assert_true(plan.stages[plan.stages[i].needs[j].stage].is_selected);
        }
        assert_int_equal(selected, plan.selected_count);
        arena_reset(&arena);
    }
}

static void a_cycle_of_thousands_is_told_in_a_few_lines(void **state)
{
    (void)state;
    struct buf text = buf_in(&arena);
    buf_add_text(&text, "stages:\n");
    for (int i = 0; i < 5000; i++)
        buf_print(&text, "  s%d: {cmd: x, deps: [f%d], outs: [f%d]}\n", i, (i + 1) % 5000, i);
    struct plan plan;
    struct error *error = make(buf_str(&text), &(struct plan_options){0}, &plan);
    assert_non_null(error);
    assert_non_null(strstr(error->text, "(4990 more) -> s0"));
    assert_int_equal(error->mark.line, 2);
    error_drop(error);
}

static void a_target_that_is_unknown_is_a_usage_error(void **state)
{
    (void)state;
    struct str target = STR("trian");
    struct plan_options options = {.targets = &target, .target_count = 1};
    struct plan plan;
    struct error *error = make(STR("stages: {train: {cmd: x}}"), &options, &plan);
    assert_non_null(error);
    assert_int_equal(error->code, ERROR_USAGE);
    assert_string_equal(error->hint, "did you mean 'train'?");
    error_drop(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_leads_to_what_makes_it_or_what_it_lies_in),
        cmocka_unit_test(outputs_are_touched_from_above_and_below),
        cmocka_unit_test(any_plan_respects_its_edges_and_knows_them_from_both_ends),
        cmocka_unit_test(all_that_is_selected_finds_what_it_needs_selected),
        cmocka_unit_test(a_cycle_of_thousands_is_told_in_a_few_lines),
        cmocka_unit_test(a_target_that_is_unknown_is_a_usage_error),
    };
    return cmocka_run_group_tests(tests, NULL, give_back);
}
