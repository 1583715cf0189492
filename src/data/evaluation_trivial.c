/* What a model that has learned nothing would get: the yardstick of every number. */
#include "mlops/base/arena.h"

#include "evaluation_private.h"

static double weight_of(const struct predictions *predictions, size_t row)
{
    return predictions->weights ? predictions->weights[row] : 1;
}

/* The share of each class in the labels. */
static double *shares_of(struct arena *arena, const struct predictions *predictions)
{
    double *shares = arena_new_array(arena, double, predictions->class_count);
    double total = 0;
    for (size_t i = 0; i < predictions->count; i++) {
        shares[predictions->labels[i]] += weight_of(predictions, i);
        total += weight_of(predictions, i);
    }
    for (size_t i = 0; i < predictions->class_count; i++)
        shares[i] /= total;
    return shares;
}

/* Always the most frequent class, the first of equals; scores are the shares. */
static void fill_classes(struct arena *arena, struct predictions *trivial, struct str *ret_name)
{
    size_t classes = trivial->class_count;
    const double *shares = shares_of(arena, trivial);
    uint32_t best = 0;
    for (uint32_t k = 1; k < classes; k++)
        if (shares[k] > shares[best])
            best = k;
    uint32_t *predicted = arena_new_array(arena, uint32_t, trivial->count);
    double *scores = arena_new_array(arena, double, trivial->count);
    for (size_t i = 0; i < trivial->count; i++) {
        predicted[i] = best;
        scores[i] = trivial->task == TASK_BINARY ? shares[trivial->positive] : 0;
    }
    if (trivial->probabilities) {
        double *all = arena_new_array(arena, double, trivial->count *classes);
        for (size_t i = 0; i < trivial->count * classes; i++)
            all[i] = shares[i % classes];
        trivial->probabilities = all;
    }
    trivial->predicted = predicted;
    trivial->scores = trivial->scores ? scores : NULL;
    trivial->scores_are_probabilities = true;
    *ret_name =
        str_print(arena, "always '%.*s'", STR_FMT(str_slice(trivial->classes[best], 0, 64)));
}

static void fill_mean(struct arena *arena, struct predictions *trivial, struct str *ret_name)
{
    double sum = 0, total = 0;
    double *values = arena_new_array(arena, double, trivial->count);
    for (size_t i = 0; i < trivial->count; i++) {
        sum += weight_of(trivial, i) * trivial->targets[i];
        total += weight_of(trivial, i);
    }
    for (size_t i = 0; i < trivial->count; i++)
        values[i] = sum / total;
    trivial->values = values;
    *ret_name = str_print(arena, "the mean %.6g", sum / total);
}

static const double *copy_values(struct arena *arena, const double *values)
{
    size_t count = 0;
    score_rows(&count);
    return (const double *)(void *)arena_copy(arena, values, count * sizeof *values);
}

const double *evaluation_trivial(struct arena *arena, const struct predictions *predictions,
                                 struct str *ret_name)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct predictions trivial = *predictions;
    struct str name = {0};
    if (trivial.task == TASK_REGRESSION)
        fill_mean(&scratch, &trivial, &name);
    else
        fill_classes(&scratch, &trivial, &name);
    *ret_name = str_copy(arena, name);
    struct scorer *scorer = scorer_make(&scratch, &trivial);
    return copy_values(arena, evaluation_values(&scratch, scorer, NULL));
}
