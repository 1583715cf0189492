#include <math.h>
#include <stdlib.h>

#include "profile_private.h"

enum { HELD_POINTS = 8192 }; /* of a distribution that is an estimate: its error is larger */

/* --- the distribution ----------------------------------------------------------------------- */

static int compare_entries(const void *a, const void *b)
{
    double x = (*(struct value_entry *const *)a)->number;
    double y = (*(struct value_entry *const *)b)->number;
    return (x > y) - (x < y);
}

/* Every number with its count. */
static struct distribution by_values(struct column_finish *finish)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct value_table *table = &finish->sums.values;
    struct value_entry **entries = arena_new_array(&scratch, struct value_entry *, table->len);
    size_t count = 0, len = 0;
    for (size_t i = 0; i < table->len; i++) {
        if (table->entries[i].is_number && isfinite(table->entries[i].number))
            entries[count++] = &table->entries[i];
    }
    qsort(entries, count, sizeof *entries, compare_entries);
    double *values = arena_new_array(finish->arena, double, count);
    double *weights = arena_new_array(finish->arena, double, count);
    for (size_t i = 0; i < count; i++) {
        len += i == 0 || entries[i]->number > values[len - 1];
        values[len - 1] = entries[i]->number + 0.0;
        weights[len - 1] += (double)entries[i]->count;
    }
    return (struct distribution){values, weights, len, (double)finish->sums.number_count, true};
}

static struct distribution by_sample(struct column_finish *finish, bool is_exact)
{
    AUTO(arena_drop) struct arena scratch = {0};
    const struct sample *sample = &finish->profiler->sample;
    const uint64_t *cells = sample->cells[finish->column];
    double *numbers = arena_new_array(&scratch, double, sample->rows.len);
    size_t count = 0;
    for (size_t i = 0; i < sample->rows.len && cells; i++) {
        numbers[count] = sample_number(cells[i]);
        count += isfinite(numbers[count]) != 0;
    }
    double weight = count ? (double)finish->sums.number_count / (double)count : 1;
    if (is_exact)
        return distribution_make(finish->arena, numbers, count, 1, true);
    struct distribution all = distribution_make(&scratch, numbers, count, weight, false);
    struct distribution thin = distribution_thin(finish->arena, &all, HELD_POINTS);
    size_t bytes = thin.len * sizeof(double);
    if (thin.values == all.values) {
        thin.values = memcpy(arena_alloc(finish->arena, bytes), all.values, bytes);
        thin.weights = memcpy(arena_alloc(finish->arena, bytes), all.weights, bytes);
    }
    thin.total = (double)finish->sums.number_count;
    return thin;
}

/* --- the histogram -------------------------------------------------------------------------- */

/* As numpy's linspace; the width may be beyond a double. */
static double edge_of(const struct column_profile *profile, size_t bin)
{
    double width = profile->max - profile->min, part = (double)bin / PROFILE_BINS;
    if (!isfinite(width))
        return profile->min * (1 - part) + profile->max * part;
    return (double)bin * (width / PROFILE_BINS) + profile->min;
}

static void fill_bins(struct column_profile *profile)
{
    double sums[PROFILE_BINS] = {0};
    const struct distribution *all = &profile->distribution;
    size_t bin = 0;
    for (size_t i = 0; i < all->len; i++) {
        while (profile->min < profile->max && bin + 1 < PROFILE_BINS &&
               all->values[i] >= edge_of(profile, bin + 1))
            bin++;
        sums[bin] += all->weights[i];
    }
    for (size_t i = 0; i < PROFILE_BINS; i++)
        profile->bins[i] = (uint64_t)llround(sums[i]);
    profile->has_bins = all->len > 0;
}

void profile_finish_numbers(struct column_finish *finish)
{
    struct profiler *profiler = finish->profiler;
    struct column_profile *profile = finish->profile;
    const struct wide_moments *moments = &profiler->moments[finish->column];
    const struct column_sums *sums = &finish->sums;
    if (!profile->has_numbers)
        return;
    profile->number_count = sums->number_count;
    profile->zero_count = sums->zero_count;
    profile->negative_count = sums->negative_count;
    profile->infinite_count = sums->infinite_count;
    profile->nan_count = sums->nan_count;
    profile->min = sums->min + 0.0;
    profile->max = sums->max + 0.0;
    profile->mean = (double)moments->mean;
    profile->sd =
        moments->count > 1 ? (double)sqrtl(moments->squares / (moments->count - 1)) : (double)NAN;
    bool holds_all = profiler->record_count == profiler->sample.rows.len;
    profile->distribution =
        finish->is_exact && !holds_all ? by_values(finish) : by_sample(finish, holds_all);
    fill_bins(profile);
}
