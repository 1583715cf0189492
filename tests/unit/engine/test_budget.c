#include "mlops/base/arena.h"
#include "mlops/engine/budget.h"
#include "mlops/host/machine.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/scratch.h"

static struct stage needs(int64_t cpus_milli, int64_t memory_bytes, int64_t gpus)
{
    return (struct stage){
        .name = STR("s"),
        .resources = {.cpus_milli = cpus_milli, .memory_bytes = memory_bytes, .gpus = gpus}};
}

struct taker {
    struct arena arena;
    struct budget budget;
};

static struct taker taker_open(int64_t jobs, const char *gpus)
{
    struct taker taker = {0};
    setenv("MLOPS_GPUS", gpus, 1);
    assert_fine(budget_open(&taker.arena, jobs, &taker.budget));
    return taker;
}

static bool takes_as(struct taker *taker, const struct stage *stage, struct attempt *attempt,
                     struct str *ret_gpus)
{
    bool taken = false;
    assert_fine(budget_take(&taker->budget, &taker->arena, stage, attempt, ret_gpus, &taken));
    return taken;
}

static bool takes(struct taker *taker, const struct stage *stage)
{
    struct attempt attempt = {0};
    struct str gpus;
    return takes_as(taker, stage, &attempt, &gpus);
}

static void jobs_bound_what_runs_at_once(void **state)
{
    (void)state;
    struct taker taker = taker_open(2, "");
    struct stage stage = needs(0, 0, 0);
    assert_true(takes(&taker, &stage));
    assert_true(takes(&taker, &stage));
    assert_false(takes(&taker, &stage));
    budget_give(&taker.budget, &stage);
    assert_true(takes(&taker, &stage));
    arena_drop(&taker.arena);
}

static void more_cpus_than_there_are_means_alone(void **state)
{
    (void)state;
    struct taker taker = taker_open(8, "");
    struct stage all = needs(1000000, 0, 0), one = needs(1000, 0, 0);
    assert_true(takes(&taker, &one));
    assert_false(takes(&taker, &all));
    budget_give(&taker.budget, &one);
    assert_true(takes(&taker, &all));
    assert_false(takes(&taker, &one));
    budget_give(&taker.budget, &all);
    assert_int_equal(taker.budget.cpus_milli_free, taker.budget.cpus_milli);
    arena_drop(&taker.arena);
}

static void fractions_of_cpus_add_up(void **state)
{
    (void)state;
    struct taker taker = taker_open(8, "");
    struct stage most = needs(taker.budget.cpus_milli - 500, 0, 0), half = needs(500, 0, 0);
    assert_true(takes(&taker, &most));
    assert_true(takes(&taker, &half));
    assert_false(takes(&taker, &half));
    arena_drop(&taker.arena);
}

static void memory_is_shared_out(void **state)
{
    (void)state;
    struct taker taker = taker_open(8, "");
    int64_t bytes = machine_memory_bytes();
    struct stage big = needs(0, bytes / 4 * 3, 0), small = needs(0, bytes / 5, 0);
    assert_true(takes(&taker, &big));
    assert_false(takes(&taker, &big));
    assert_true(takes(&taker, &small));
    arena_drop(&taker.arena);
}

static void a_gpu_has_one_holder_on_the_whole_host(void **state)
{
    (void)state;
    char gpus[64];
    snprintf(gpus, sizeof gpus, "unit-%ld-a,unit-%ld-b", (long)getpid(), (long)getpid());
    struct taker mine = taker_open(8, gpus), yours = taker_open(8, gpus);
    struct stage one = needs(0, 0, 1), two = needs(0, 0, 2);
    struct attempt first = {0}, second = {0}, third = {0};
    struct str a, b, none;
    assert_true(takes_as(&mine, &one, &first, &a));
    assert_false(takes_as(&yours, &two, &third, &none));
    assert_true(takes_as(&yours, &one, &second, &b));
    assert_false(str_equal(a, b));
    attempt_drop(&first);
    attempt_drop(&second);
    budget_give(&yours.budget, &one);
    assert_true(takes_as(&yours, &two, &third, &b));
    assert_string_equal(str_copy(&mine.arena, b).at, gpus);
    attempt_drop(&third);
    arena_drop(&mine.arena);
    arena_drop(&yours.arena);
}

static void what_declares_nothing_does_not_mix_with_what_declares_gpus(void **state)
{
    (void)state;
    char gpus[64];
    snprintf(gpus, sizeof gpus, "unit-%ld-c,unit-%ld-d", (long)getpid(), (long)getpid());
    struct taker taker = taker_open(8, gpus);
    struct stage gpu = needs(0, 0, 1), undeclared = needs(0, 0, 0), declared = needs(1000, 0, 0);
    struct attempt attempt = {0};
    struct str names;
    assert_true(takes_as(&taker, &gpu, &attempt, &names));
    assert_false(takes(&taker, &undeclared));
    assert_true(takes(&taker, &declared));
    attempt_drop(&attempt);
    budget_give(&taker.budget, &gpu);
    assert_true(takes(&taker, &undeclared));
    assert_false(takes(&taker, &gpu));
    arena_drop(&taker.arena);
}

static void without_gpus_what_declares_nothing_mixes(void **state)
{
    (void)state;
    struct taker taker = taker_open(8, "");
    struct stage undeclared = needs(0, 0, 0), declared = needs(500, 0, 0);
    assert_true(takes(&taker, &undeclared));
    assert_true(takes(&taker, &declared));
    assert_int_equal(taker.budget.gpu_count, 0);
    arena_drop(&taker.arena);
}

/* Two processes as it were: each budget opens the file for itself. */
struct pair {
    struct scratch scratch;
    struct taker mine, yours;
};

static struct pair pair_open(int64_t jobs, const char *gpus)
{
    struct pair pair = {scratch_open(), taker_open(jobs, gpus), taker_open(jobs, gpus)};
    struct str path = str_print(&pair.mine.arena, "%s/slots", pair.scratch.path);
    assert_fine(budget_share(&pair.mine.budget, path));
    assert_fine(budget_share(&pair.yours.budget, path));
    return pair;
}

static void pair_drop(struct pair *pair)
{
    budget_drop(&pair->mine.budget);
    budget_drop(&pair->yours.budget);
    arena_drop(&pair->mine.arena);
    arena_drop(&pair->yours.arena);
    scratch_drop(&pair->scratch);
}

static void what_one_process_holds_of_a_shared_budget_another_can_not_take(void **state)
{
    (void)state;
    struct pair pair = pair_open(3, "");
    struct stage a = needs(0, 0, 0), b = needs(0, 0, 0), c = needs(0, 0, 0), d = needs(0, 0, 0);
    assert_true(takes(&pair.mine, &a));
    assert_true(takes(&pair.yours, &b));
    assert_true(takes(&pair.mine, &c));
    assert_false(takes(&pair.yours, &d));
    budget_give(&pair.mine.budget, &a);
    assert_true(takes(&pair.yours, &d));
    assert_false(takes(&pair.mine, &a));
    pair_drop(&pair);
}

static void a_refused_stage_holds_nothing_of_a_shared_budget(void **state)
{
    (void)state;
    struct pair pair = pair_open(8, "");
    int64_t bytes = pair.mine.budget.memory_bytes, cpus = pair.mine.budget.cpus_milli;
    struct stage big = needs(0, bytes / 4 * 3, 0), small = needs(0, bytes / 5, 0),
                 wide = needs(cpus - 2000, bytes / 2, 0), rest = needs(cpus - 1000, bytes / 5, 0);
    assert_true(takes(&pair.mine, &big));
    assert_false(takes(&pair.yours, &wide)); /* has the cpus by then, not the memory */
    assert_true(takes(&pair.yours, &rest));
    assert_false(takes(&pair.mine, &small));
    budget_give(&pair.yours.budget, &rest);
    assert_true(takes(&pair.mine, &small));
    pair_drop(&pair);
}

static void gaps_of_a_shared_budget_are_used(void **state)
{
    (void)state;
    struct pair pair = pair_open(8, "");
    int64_t quarter = pair.mine.budget.cpus_milli / 4;
    struct stage a = needs(quarter, 0, 0), b = a, c = a, d = a, two = needs(2 * quarter, 0, 0);
    assert_true(takes(&pair.mine, &a));
    assert_true(takes(&pair.yours, &b));
    assert_true(takes(&pair.mine, &c));
    assert_true(takes(&pair.yours, &d));
    budget_give(&pair.mine.budget, &a);
    assert_false(takes(&pair.yours, &two));
    budget_give(&pair.mine.budget, &c);
    assert_true(takes(&pair.yours, &two));
    pair_drop(&pair);
}

static void what_a_dead_process_held_of_a_shared_budget_is_free(void **state)
{
    (void)state;
    struct pair pair = pair_open(1, "");
    struct stage stage = needs(0, 0, 0);
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(takes(&pair.mine, &stage) ? 0 : 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_true(takes(&pair.yours, &stage));
    pair_drop(&pair);
}

static void gpus_and_undeclared_stages_do_not_mix_among_processes(void **state)
{
    (void)state;
    char gpus[64];
    snprintf(gpus, sizeof gpus, "unit-%ld-e,unit-%ld-f", (long)getpid(), (long)getpid());
    struct pair pair = pair_open(8, gpus);
    struct stage gpu = needs(0, 0, 1), undeclared = needs(0, 0, 0), declared = needs(1000, 0, 0);
    struct attempt attempt = {0};
    struct str names;
    assert_true(takes_as(&pair.mine, &gpu, &attempt, &names));
    assert_false(takes(&pair.yours, &undeclared));
    assert_true(takes(&pair.yours, &declared));
    attempt_drop(&attempt);
    budget_give(&pair.mine.budget, &gpu);
    assert_true(takes(&pair.yours, &undeclared));
    assert_false(takes(&pair.mine, &gpu));
    pair_drop(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_bound_what_runs_at_once),
        cmocka_unit_test(more_cpus_than_there_are_means_alone),
        cmocka_unit_test(fractions_of_cpus_add_up),
        cmocka_unit_test(memory_is_shared_out),
        cmocka_unit_test(a_gpu_has_one_holder_on_the_whole_host),
        cmocka_unit_test(what_declares_nothing_does_not_mix_with_what_declares_gpus),
        cmocka_unit_test(without_gpus_what_declares_nothing_mixes),
        cmocka_unit_test(what_one_process_holds_of_a_shared_budget_another_can_not_take),
        cmocka_unit_test(a_refused_stage_holds_nothing_of_a_shared_budget),
        cmocka_unit_test(gaps_of_a_shared_budget_are_used),
        cmocka_unit_test(what_a_dead_process_held_of_a_shared_budget_is_free),
        cmocka_unit_test(gpus_and_undeclared_stages_do_not_mix_among_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
