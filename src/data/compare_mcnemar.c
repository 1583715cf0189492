/* Q. McNemar 1947; the exact test is the binomial one on the rows where just one model is right. */
#include "mlops/base/check.h"
#include "mlops/data/stats.h"

#include <math.h>

#include "compare_private.h"

#define EXACT_BELOW 25 /* discordant rows: there chi-squared is no good approximation */

static void judge(struct mcnemar *test)
{
    double b = test->only_a, c = test->only_b, distance = fabs(b - c);
    test->exact_p = fmin(1, 2 * stats_coin_cdf((uint64_t)fmin(b, c), (uint64_t)(b + c)));
    test->chi2_cc = test->chi2 = test->chi2_cc_p = test->chi2_p = nan("");
    if (b + c > 0) {
        test->chi2_cc = (distance - 1) * (distance - 1) / (b + c);
        test->chi2 = distance * distance / (b + c);
        test->chi2_cc_p = stats_chi2_sf(test->chi2_cc, 1);
        test->chi2_p = stats_chi2_sf(test->chi2, 1);
    }
    test->p = b + c < EXACT_BELOW ? test->exact_p : test->chi2_cc_p;
}

void compare_mcnemar(const struct predictions *a, const struct predictions *b, struct mcnemar *ret)
{
    struct mcnemar test = {0};
    check(a->count == b->count && a->task != TASK_REGRESSION);
    for (size_t i = 0; i < a->count; i++) {
        bool is_a = compare_is_right(a, i), is_b = compare_is_right(b, i);
        test.both_right += is_a && is_b;
        test.only_a += is_a && !is_b;
        test.only_b += !is_a && is_b;
        test.both_wrong += !is_a && !is_b;
    }
    judge(&test);
    *ret = test;
}
