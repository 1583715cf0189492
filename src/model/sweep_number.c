/* Numbers of a sweep as text. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sweep_private.h"

enum { DIGITS_MOST = 17, REAL_TEXT_BYTES = 40 };

/* "d.ddde-05" with the fewest digits that read back equal. */
static void shortest(double value, char *text)
{
    for (int digits = 0; digits < DIGITS_MOST; digits++) {
        snprintf(text, REAL_TEXT_BYTES, "%.*e", digits, value);
        if (!(strtod(text, NULL) < value) && !(strtod(text, NULL) > value))
            return;
    }
}

/* Digits behind the point that the shortest text needs. */
static int decimals_of(double value)
{
    char text[REAL_TEXT_BYTES];
    shortest(value, text);
    const char *exponent = strchr(text, 'e');
    const char *point = strchr(text, '.');
    int digits = point ? (int)(exponent - point) - 1 : 0;
    int decimals = digits - (int)strtol(exponent + 1, NULL, 10);
    return decimals < 0 ? 0 : decimals;
}

struct str real_text(struct arena *arena, double value)
{
    char text[REAL_TEXT_BYTES];
    shortest(value, text);
    char *exponent = strchr(text, 'e');
    int power = (int)strtol(exponent + 1, NULL, 10);
    int decimals = decimals_of(value);
    if (power >= -4 && power < 16)
        return str_print(arena, "%.*f", decimals < 1 ? 1 : decimals, value);
    bool has_point = memchr(text, '.', (size_t)(exponent - text)) != NULL;
    return str_print(arena, "%.*s%s%s", (int)(exponent - text), text, has_point ? "" : ".0",
                     exponent);
}

struct str whole_text(struct arena *arena, double value)
{
    return str_print(arena, "%.0f", value == 0 ? 0.0 : value);
}

double dimension_count(const struct dimension *dimension)
{
    switch (dimension->kind) {
    case DIMENSION_CHOICE:
        return (double)dimension->value_count;
    case DIMENSION_LOGINT:
        return dimension->high - dimension->low + 1;
    case DIMENSION_INT:
    case DIMENSION_UNIFORM:
        /* A step of 0.1 reaches 0.3: the quotient may lie a little below the whole number. */
        return dimension->step > 0
                   ? floor((dimension->high - dimension->low) / dimension->step * (1 + 1e-12)) + 1
                   : 0;
    case DIMENSION_LOGUNIFORM:
        return 0;
    }
    return 0;
}

/* low + index * step, in as many decimals as these have. */
static double on_lattice(const struct dimension *dimension, double index)
{
    char text[400];
    int decimals = MAX_OF(decimals_of(dimension->low), decimals_of(dimension->step));
    snprintf(text, sizeof text, "%.*f", MIN_OF(decimals, 60),
             dimension->low + index * dimension->step);
    return decimals > 60 ? dimension->low + index * dimension->step : strtod(text, NULL);
}

struct str dimension_value(struct arena *arena, const struct dimension *dimension, double index)
{
    switch (dimension->kind) {
    case DIMENSION_CHOICE:
        return dimension->values[(size_t)index];
    case DIMENSION_LOGINT:
        return whole_text(arena, dimension->low + index);
    case DIMENSION_INT:
        return whole_text(arena, dimension->low + index * dimension->step);
    case DIMENSION_UNIFORM:
    case DIMENSION_LOGUNIFORM:
        break;
    }
    return real_text(arena, on_lattice(dimension, index));
}
