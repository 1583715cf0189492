/* Ranges, round numbers and their text. */
#include <math.h>
#include <stdio.h>

#include "chart_private.h"

#define FAR 1e6 /* units: what is farther away is cut off anyhow */
enum { TICKS_WANTED = 5, FIXED_DECIMALS = 6, EXPONENTS = 6 };

static bool is_usable(const struct chart_axis *axis)
{
    return axis->has_range && isfinite(axis->least) && isfinite(axis->most) &&
           axis->least < axis->most && (!axis->is_log || axis->least > 0);
}

/* Where all values are equal, or differ by rounding only, there has to be some width. */
static void widen(struct chart_scale *scale)
{
    long double size = fmaxl(fabsl(scale->least), fabsl(scale->most));
    if (scale->most - scale->least > size * 1e-12L)
        return;
    long double pad = scale->is_log || size == 0 ? 1 : size / 10;
    scale->least -= pad;
    scale->most += pad;
}

static void choose_range(struct chart_scale *scale, const struct chart_axis *axis, double least,
                         double most)
{
    bool is_given = is_usable(axis);
    if (is_given) {
        least = axis->least;
        most = axis->most;
    } else if (!(least <= most)) {
        least = scale->is_log ? 1 : 0;
        most = scale->is_log ? 10 : 1;
    }
    scale->least = scale->is_log ? log10l((long double)least) : (long double)least;
    scale->most = scale->is_log ? log10l((long double)most) : (long double)most;
    widen(scale);
}

/* --- text ----------------------------------------------------------------------------------- */

/* "1.50e+07" -> "1.5e7" */
static void tidy_exponent(char *text, size_t size)
{
    char *e = strchr(text, 'e');
    if (!e)
        return;
    char *end = e, *digits = e + 1;
    if (memchr(text, '.', (size_t)(e - text)))
        while (end[-1] == '0' || end[-1] == '.')
            if (*--end == '.')
                break;
    bool is_negative = *digits == '-';
    digits += *digits == '+' || *digits == '-';
    while (*digits == '0' && digits[1])
        digits++;
    char rest[8];
    snprintf(rest, sizeof rest, "%s", digits);
    snprintf(end, size - (size_t)(end - text), "e%s%s", is_negative ? "-" : "", rest);
}

/* As many digits as tell neighbours that are `step` apart from each other. */
static void print_tick(char *text, size_t size, long double value, long double step,
                       long double largest)
{
    int place = (int)floorl(log10l(step) + 1e-9L);
    if (value == 0) {
        snprintf(text, size, "0");
    } else if (largest < 1e7L && largest >= 1e-3L && -place <= FIXED_DECIMALS) {
        snprintf(text, size, "%.*Lf", place < 0 ? -place : 0, value);
    } else {
        int digits = (int)floorl(log10l(fabsl(value)) + 1e-9L) - place;
        snprintf(text, size, "%.*Le", digits < 0 ? 0 : digits > 12 ? 12 : digits, value);
        tidy_exponent(text, size);
    }
}

/* --- ticks ---------------------------------------------------------------------------------- */

/* 1, 2 or 5 times a power of ten. */
static long double round_step(long double span)
{
    long double raw = span / TICKS_WANTED, base = powl(10, floorl(log10l(raw))), share = raw / base;
    return base * (share <= 1.001L ? 1 : share <= 2.001L ? 2 : share <= 5.001L ? 5 : 10);
}

static void add_tick(struct chart_scale *scale, long double at, long double value, long double step,
                     long double largest)
{
    if (scale->tick_count == CHART_TICKS)
        return;
    struct chart_tick *tick = &scale->ticks[scale->tick_count++];
    tick->at = (double)((at - scale->least) / (scale->most - scale->least));
    print_tick(tick->text, sizeof tick->text, value, step, largest);
}

static void make_linear(struct chart_scale *scale, bool is_nice)
{
    long double step = round_step(scale->most - scale->least), slack = step * 1e-9L;
    if (!(step > 0))
        return;
    if (is_nice) {
        scale->least = floorl((scale->least + slack) / step) * step;
        scale->most = ceill((scale->most - slack) / step) * step;
    }
    long double largest = fmaxl(fabsl(scale->least), fabsl(scale->most));
    long double first = ceill((scale->least - slack) / step);
    for (int i = 0; (first + i) * step <= scale->most + slack && i < CHART_TICKS; i++)
        add_tick(scale, (first + i) * step, (first + i) * step, step, largest);
}

/* Round values, placed by their logarithms: for less than two decades. */
static void make_narrow_log(struct chart_scale *scale)
{
    long double least = powl(10, scale->least), most = powl(10, scale->most);
    long double step = round_step(most - least);
    for (int i = 0; i < CHART_TICKS; i++) {
        long double value = (ceill(least / step - 1e-9L) + i) * step;
        if (value > most * (1 + 1e-9L))
            break;
        if (value > 0)
            add_tick(scale, log10l(value), value, step, most);
    }
}

static void make_log(struct chart_scale *scale, bool is_nice)
{
    if (is_nice && scale->most - scale->least >= 1) {
        scale->least = floorl(scale->least + 1e-9L);
        scale->most = ceill(scale->most - 1e-9L);
    }
    long double first = ceill(scale->least - 1e-9L), last = floorl(scale->most + 1e-9L);
    if (last - first < 1) {
        make_narrow_log(scale);
        return;
    }
    long double step = ceill((last - first) / EXPONENTS);
    for (long double at = first; at <= last; at += step) {
        long double value = powl(10, at);
        add_tick(scale, at, value, value, value);
    }
}

/* --- the scale ------------------------------------------------------------------------------ */

struct chart_scale chart_scale_make(const struct chart_axis *axis, double least, double most,
                                    bool is_nice)
{
    struct chart_scale scale = {.is_log = axis->is_log};
    choose_range(&scale, axis, least, most);
    is_nice = is_nice && !is_usable(axis);
    if (scale.is_log)
        make_log(&scale, is_nice);
    else
        make_linear(&scale, is_nice);
    return scale;
}

void chart_scale_place(struct chart_scale *scale, double from, double to)
{
    scale->from = from;
    scale->to = to;
    for (size_t i = 0; i < scale->tick_count; i++)
        scale->ticks[i].at = from + scale->ticks[i].at * (to - from);
}

double chart_scale_at(const struct chart_scale *scale, double value)
{
    if (!isfinite(value) || (scale->is_log && value <= 0))
        return nan("");
    long double place = scale->is_log ? log10l((long double)value) : (long double)value;
    double share = (double)((place - scale->least) / (scale->most - scale->least));
    return fmax(-FAR, fmin(FAR, scale->from + share * (scale->to - scale->from)));
}

double chart_scale_length(const struct chart_scale *scale, double difference)
{
    long double share = (long double)difference / (scale->most - scale->least);
    return fmin(FAR, fabs((double)share * (scale->to - scale->from)));
}
