/* A comparison as JSON. */
#include "mlops/codec/json.h"

#include <math.h>
#include <stdio.h>

#include "compare_private.h"

static void add_real(struct json_writer *json, const char *name, double value)
{
    json_name(json, name);
    json_real(json, value);
}

static void add_count(struct json_writer *json, double value)
{
    json_int(json, (int64_t)value);
}

static void write_mcnemar(struct json_writer *json, const struct mcnemar *test)
{
    double rows = test->both_right + test->only_a + test->only_b + test->both_wrong;
    json_name(json, "table_a_right_b_right__a_right_b_wrong__a_wrong_b_right__both_wrong");
    json_open_list(json);
    json_open_list(json);
    add_count(json, test->both_right);
    add_count(json, test->only_a);
    json_close_list(json);
    json_open_list(json);
    add_count(json, test->only_b);
    add_count(json, test->both_wrong);
    json_close_list(json);
    json_close_list(json);
    add_real(json, "accuracy_a", (test->both_right + test->only_a) / rows);
    add_real(json, "accuracy_b", (test->both_right + test->only_b) / rows);
    add_real(json, "mcnemar_exact_p", test->exact_p);
    add_real(json, "mcnemar_chi2_cc", test->chi2_cc);
    add_real(json, "mcnemar_chi2_cc_p", test->chi2_cc_p);
    add_real(json, "mcnemar_chi2", test->chi2);
    add_real(json, "mcnemar_chi2_p", test->chi2_p);
}

static void write_losses(struct json_writer *json, const struct paired_loss *test)
{
    char name[64];
    snprintf(name, sizeof name, "paired_t_on_%s", test->loss);
    add_real(json, name, test->t);
    add_real(json, "paired_t_p", test->t_p);
    add_real(json, "wilcoxon_w", test->w);
    add_real(json, "wilcoxon_p", test->w_p);
}

/* "auc_a_ci95_low" and its like. */
static void write_ends(struct json_writer *json, const char *what, const struct interval *interval)
{
    char name[64];
    snprintf(name, sizeof name, "%s_ci%.6g_low", what, interval->level * 100);
    add_real(json, name, interval->low);
    snprintf(name, sizeof name, "%s_ci%.6g_high", what, interval->level * 100);
    add_real(json, name, interval->high);
}

static void write_delong(struct json_writer *json, const struct delong *test)
{
    add_real(json, "auc_a", test->auc_a);
    add_real(json, "auc_b", test->auc_b);
    json_name(json, "delong_pROC");
    json_open_object(json);
    add_real(json, "z", test->z);
    add_real(json, "p", test->p);
    add_real(json, "var_auc_a", test->var_a);
    add_real(json, "var_auc_b", test->var_b);
    add_real(json, "cov", test->cov);
    write_ends(json, "auc_a", &test->interval_a);
    write_ends(json, "auc_b", &test->interval_b);
    write_ends(json, "difference", &test->difference);
    json_close_object(json);
}

static void write_interval(struct json_writer *json, const struct interval *interval)
{
    json_name(json, "interval");
    if (!interval->method) {
        json_null(json);
        return;
    }
    json_open_object(json);
    add_real(json, "low", interval->low);
    add_real(json, "high", interval->high);
    add_real(json, "level", interval->level);
    json_name(json, "method");
    json_text(json, interval->method);
    json_close_object(json);
}

static void write_metric(struct json_writer *json, const struct compared_metric *metric)
{
    size_t count;
    json_open_object(json);
    json_name(json, "name");
    json_text(json, score_rows(&count)[metric->row].name);
    add_real(json, "a", metric->a);
    add_real(json, "b", metric->b);
    add_real(json, "delta", metric->delta);
    write_interval(json, &metric->interval);
    json_name(json, "test");
    json_text(json, metric->test);
    add_real(json, "p", metric->p);
    add_real(json, "p_holm", metric->p_holm);
    json_close_object(json);
}

void comparison_write_tests(struct json_writer *json, const struct comparison *comparison)
{
    if (comparison->has_mcnemar)
        write_mcnemar(json, &comparison->mcnemar);
    if (comparison->has_losses)
        write_losses(json, &comparison->losses);
    if (comparison->has_delong)
        write_delong(json, &comparison->delong);
}

void comparison_write(struct json_writer *json, const struct comparison *comparison)
{
    json_name(json, "rows");
    json_int(json, (int64_t)comparison->rows);
    if (comparison->has_mcnemar) {
        json_name(json, "fixed");
        json_int(json, (int64_t)comparison->fixed);
        json_name(json, "broke");
        json_int(json, (int64_t)comparison->broke);
    }
    comparison_write_tests(json, comparison);
    json_name(json, "metrics");
    json_open_list(json);
    for (size_t i = 0; i < comparison->metric_count; i++)
        write_metric(json, &comparison->metrics[i]);
    json_close_list(json);
}
