/* ROC and precision-recall curves: a point per distinct score. */
#include "mlops/base/arena.h"
#include "mlops/base/error.h"

#include <math.h>

#include "score_private.h"

/* From the highest score down: weight of positives and negatives at or above it. */
struct walked {
    double *positives, *negatives, *scores;
    size_t count;
};

static struct walked walk_down(struct arena *arena, const struct scorer *scorer, size_t positive)
{
    const struct predictions *predictions = scorer->prepared->predictions;
    bool is_binary = predictions->task == TASK_BINARY, is_there = false;
    const uint32_t *order = scorer->prepared->by_class[is_binary ? 0 : positive].at;
    size_t count = predictions->count;
    double positives = 0, negatives = 0;
    struct walked walked = {arena_new_array(arena, double, count + 1),
                            arena_new_array(arena, double, count + 1),
                            arena_new_array(arena, double, count + 1), 0};
    for (size_t i = 0; i < count; i++) {
        uint32_t row = order[i] & ORDER_ROW;
        double weight = scorer->weights[row];
        *(predictions->labels[row] == positive ? &positives : &negatives) += weight;
        is_there |= weight > 0;
        if (!(order[i] & ORDER_END) || !is_there)
            continue;
        is_there = false;
        walked.positives[walked.count] = positives;
        walked.negatives[walked.count] = negatives;
        walked.scores[walked.count++] =
            is_binary ? predictions->scores[row]
                      : predictions->probabilities[row * predictions->class_count + positive];
    }
    return walked;
}

static FALLIBLE begin(struct arena *arena, struct scorer *scorer, size_t positive,
                      struct walked *ret)
{
    const char *why = scorer->prepared->no_score;
    scorer_value(scorer, 0, NULL, NULL); /* the predictions' own weights */
    if (why)
        return error_new(ERROR_PROJECT, "%.*s has no such curve: %s",
                         STR_FMT(scorer_predictions(scorer)->name), why);
    *ret = walk_down(arena, scorer, positive);
    return NULL;
}

FALLIBLE scorer_roc(struct arena *arena, struct scorer *scorer, size_t positive,
                    struct curve_points *ret)
{
    struct walked walked;
    TRY(begin(arena, scorer, positive, &walked));
    *ret = (struct curve_points){0};
    double *x = walked.negatives, *y = walked.positives;
    double all_x = walked.count ? x[walked.count - 1] : 0,
           all_y = walked.count ? y[walked.count - 1] : 0;
    if (!(all_x > 0) || !(all_y > 0))
        return NULL;
    for (size_t i = 0; i < walked.count; i++) {
        x[i] /= all_x;
        y[i] /= all_y;
    }
    *ret = (struct curve_points){walked.count, x, y, walked.scores};
    return NULL;
}

/* Backwards: thresholds rise. Without a positive every recall is 1, as in scikit-learn. */
FALLIBLE scorer_pr(struct arena *arena, struct scorer *scorer, size_t positive,
                   struct curve_points *ret)
{
    struct walked walked;
    TRY(begin(arena, scorer, positive, &walked));
    size_t count = walked.count;
    double all = count ? walked.positives[count - 1] : 0;
    double *recall = arena_new_array(arena, double, count + 1);
    double *precision = arena_new_array(arena, double, count + 1);
    double *thresholds = arena_new_array(arena, double, count + 1);
    for (size_t i = 0; i < count; i++) {
        size_t from = count - 1 - i;
        double found = walked.positives[from] + walked.negatives[from];
        recall[i] = all > 0 ? walked.positives[from] / all : 1;
        precision[i] = found > 0 ? walked.positives[from] / found : 0;
        thresholds[i] = walked.scores[from];
    }
    precision[count] = 1;
    thresholds[count] = nan("");
    *ret = (struct curve_points){count + 1, recall, precision, thresholds};
    return NULL;
}
