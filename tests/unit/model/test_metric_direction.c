#include "mlops/model/metric.h"

#include "support/unit.h"

static void assert_directions(enum metric_direction direction, const char *const *names)
{
    for (; *names; names++) {
        if (metric_direction_of(str_of(*names)) != direction)
            fail_msg("%s", *names);
    }
}

static void scores_are_better_when_higher(void **state)
{
    static const char *const names[] = {"accuracy",
                                        "f1",
                                        "macro.f1",
                                        "slices.country.FR.accuracy",
                                        "val_acc",
                                        "roc_auc",
                                        "roc_auc_ovr_macro",
                                        "roc_auc_max_fpr_0.1",
                                        "Test F1-Score",
                                        "r2",
                                        "r2_score",
                                        "mean_auc",
                                        "top_k.accuracy",
                                        "eval/precision",
                                        "classes.cat.recall",
                                        "metrics.best_map",
                                        "score",
                                        "val.mean_test_score",
                                        NULL};
    (void)state;
    assert_directions(HIGHER_IS_BETTER, names);
}

static void losses_and_errors_are_better_when_lower(void **state)
{
    static const char *const names[] = {
        "log_loss",   "val_loss",  "loss",           "rmse_test",        "mean_squared_error",
        "MAE",        "max_error", "ece_uniform_10", "pinball_0.9",      "test/loss",
        "train.loss", "Brier",     "brier_score",    "mean_error_score", NULL};
    (void)state;
    assert_directions(LOWER_IS_BETTER, names);
}

static void other_names_say_nothing(void **state)
{
    static const char *const names[] = {
        "",           ".",        "rows",     "epoch",
        "n_f1_trees", "duration", "f1.count", "accuracy_threshold",
        "mean",       "0.1",      "lossless", "a_b_c_d_e_f_g_h_i_j_k_l_m_f1",
        NULL};
    (void)state;
    assert_directions(DIRECTION_UNKNOWN, names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_better_when_higher),
        cmocka_unit_test(losses_and_errors_are_better_when_lower),
        cmocka_unit_test(other_names_say_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
