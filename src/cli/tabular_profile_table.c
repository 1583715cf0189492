#include "mlops/base/arena.h"
#include "mlops/base/moment.h"

#include <math.h>
#include <stdio.h>

#include "tabular_private.h"

enum { SHAPE_BARS = 10, TOP_SHOWN = 3, TOP_BYTES = 16, NUMBER_BYTES = 40 };

static const struct column columns[] = {
    {.name = "name", .title = "COLUMN", .may_shrink = true},
    {.name = "type", .title = "TYPE"},
    {.name = "count"},
    {.name = "nulls", .title = "NULLS", .is_right = true},
    {.name = "bad"},
    {.name = "distinct", .title = "DISTINCT", .is_right = true},
    {.name = "distinct_is_exact"},
    {.name = "min", .title = "MIN", .is_right = true},
    {.name = "mean"},
    {.name = "sd"},
    {.name = "q25"},
    {.name = "median", .title = "MEDIAN", .is_right = true},
    {.name = "q75"},
    {.name = "max", .title = "MAX", .is_right = true},
    {.name = "length_min"},
    {.name = "length_max"},
    {.name = "top"},
    {.name = "top_count"},
    {.name = "shape", .title = "SHAPE OR VALUES", .may_shrink = true},
};

enum {
    AT_NAME,
    AT_TYPE,
    AT_COUNT,
    AT_NULLS,
    AT_BAD,
    AT_DISTINCT,
    AT_EXACT,
    AT_MIN,
    AT_MEAN,
    AT_SD,
    AT_Q25,
    AT_MEDIAN,
    AT_Q75,
    AT_MAX,
    AT_LENGTH_MIN,
    AT_LENGTH_MAX,
    AT_TOP,
    AT_TOP_COUNT,
    AT_SHAPE,
};

struct str tabular_number(struct arena *arena, enum field_type type, double number)
{
    char text[NUMBER_BYTES];
    bool is_whole = floor(number) >= number && fabs(number) < 1e12;
    if (isnan(number))
        return STR("-");
    if ((type != TYPE_NUMBER && type != TYPE_INTEGER) || is_whole)
        return profile_number_text(arena, type, number);
    snprintf(text, sizeof text, "%.6g", number);
    return str_copy(arena, str_of(text));
}

struct str tabular_share(struct arena *arena, uint64_t part, uint64_t all)
{
    double share = all ? 100 * (double)part / (double)all : 0;
    if (part == 0)
        return STR("0");
    if (share < 0.1)
        return STR("<0.1 %");
    if (share > 99.9 && part < all)
        return STR(">99.9 %");
    return str_print(arena, share < 10 ? "%.1f %%" : "%.0f %%", share);
}

/* The histogram as a line of blocks. */
static struct str bars_of(struct arena *arena, const struct column_profile *column)
{
    static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    uint64_t sums[SHAPE_BARS] = {0}, most = 1;
    struct buf text = buf_in(arena);
    for (size_t i = 0; i < PROFILE_BINS; i++)
        sums[i * SHAPE_BARS / PROFILE_BINS] += column->bins[i];
    for (size_t i = 0; i < SHAPE_BARS; i++)
        most = MAX_OF(most, sums[i]);
    for (size_t i = 0; i < SHAPE_BARS; i++)
        buf_add_text(&text, blocks[(sums[i] * 8 + most - 1) / most]);
    return buf_str(&text);
}

static struct str short_value(struct arena *arena, struct str value)
{
    size_t len = MIN_OF(value.len, (size_t)TOP_BYTES);
    while (len > 0 && len < value.len && ((unsigned char)value.at[len] & 0xc0) == 0x80)
        len--;
    return len < value.len ? str_print(arena, "%.*s…", (int)len, value.at) : value;
}

/* "Adelie 44 %, Gentoo 36 %, Chinstrap 20 %" */
static struct str frequent_of(struct arena *arena, const struct column_profile *column)
{
    struct buf text = buf_in(arena);
    bool has_frequent = column->value_count && column->values[0].count > 1;
    for (size_t i = 0; i < MIN_OF(column->value_count, (size_t)TOP_SHOWN) && has_frequent; i++)
        buf_print(&text, "%s%.*s %s", i ? ", " : "",
                  STR_FMT(short_value(arena, column->values[i].value)),
                  tabular_share(arena, column->values[i].count, column->count).at);
    if (has_frequent || !column->has_lengths)
        return buf_str(&text);
    if (column->length_min == column->length_max)
        return str_print(arena, "%llu %s each", (unsigned long long)column->length_min,
                         column->length_min == 1 ? "character" : "characters");
    return str_print(arena, "%llu to %llu characters", (unsigned long long)column->length_min,
                     (unsigned long long)column->length_max);
}

static struct cell number_cell(struct arena *arena, enum field_type type, double number)
{
    return isnan(number) ? (struct cell){0}
                         : cell_real_shown(tabular_number(arena, type, number), number);
}

/* Bounds of dates are dates for machines, too. */
static struct cell bound_cell(struct arena *arena, enum field_type type, double number)
{
    if (type == TYPE_NUMBER || type == TYPE_INTEGER || isnan(number))
        return number_cell(arena, type, number);
    return cell_text(tabular_number(arena, type, number));
}

static void fill_numbers(struct arena *arena, const struct column_profile *column, struct cell *row)
{
    const struct distribution *all = &column->distribution;
    enum field_type type = column->type;
    row[AT_MIN] = bound_cell(arena, type, column->min);
    row[AT_MAX] = bound_cell(arena, type, column->max);
    row[AT_MEAN] = number_cell(arena, TYPE_NUMBER, column->mean);
    row[AT_SD] = number_cell(arena, TYPE_NUMBER, column->sd);
    row[AT_Q25] = bound_cell(arena, type, distribution_quantile(all, 0.25));
    row[AT_MEDIAN] = bound_cell(arena, type, distribution_quantile(all, 0.5));
    row[AT_Q75] = bound_cell(arena, type, distribution_quantile(all, 0.75));
}

static void fill_row(struct arena *arena, const struct profile *profile,
                     const struct column_profile *column, struct cell *row)
{
    struct str distinct = count_print(arena, (int64_t)column->distinct);
    if (!column->distinct_is_exact && column->distinct)
        distinct = str_print(arena, "~%.*s", STR_FMT(distinct));
    row[AT_NAME] = cell_text(column->name);
    row[AT_TYPE] = cell_text(str_of(field_type_name(column->type)));
    row[AT_COUNT] = cell_int(arena, (int64_t)column->count);
    row[AT_NULLS] = cell_int_shown(tabular_share(arena, column->null_count, profile->record_count),
                                   (int64_t)column->null_count);
    row[AT_BAD] = cell_int(arena, (int64_t)column->bad_count);
    if (column->distinct || !column->count) { /* a footer does not tell */
        row[AT_DISTINCT] = cell_int_shown(distinct, (int64_t)column->distinct);
        row[AT_EXACT] = cell_bool(column->distinct_is_exact);
    }
    if (column->has_numbers)
        fill_numbers(arena, column, row);
    if (column->has_lengths) {
        row[AT_LENGTH_MIN] = cell_int(arena, (int64_t)column->length_min);
        row[AT_LENGTH_MAX] = cell_int(arena, (int64_t)column->length_max);
    }
    if (column->value_count) {
        row[AT_TOP] = cell_text(column->values[0].value);
        row[AT_TOP_COUNT] = cell_int(arena, (int64_t)column->values[0].count);
    }
    row[AT_SHAPE] = cell_text(column->has_bins && column->has_numbers ? bars_of(arena, column)
                                                                      : frequent_of(arena, column));
}

/* "1.5 … 3 … 9.25 ▁▃█": least, median and largest in front of the bars. */
static void join_bounds(struct arena *arena, struct cell *row)
{
    struct str min = row[AT_MIN].text, median = row[AT_MEDIAN].text, max = row[AT_MAX].text;
    if (row[AT_MIN].kind == CELL_NONE)
        return;
    struct str text = str_print(arena, "%.*s … %.*s … %.*s  %.*s", STR_FMT(min), STR_FMT(median),
                                STR_FMT(max), STR_FMT(row[AT_SHAPE].text));
    row[AT_SHAPE] = cell_shown(text, row[AT_SHAPE].text);
}

static const struct column *narrow_columns(struct arena *arena)
{
    struct column *narrow = arena_new_array(arena, struct column, COUNT_OF(columns));
    memcpy(narrow, columns, sizeof columns);
    narrow[AT_MIN].title = narrow[AT_MEDIAN].title = narrow[AT_MAX].title = NULL;
    narrow[AT_SHAPE].title = "MIN … MEDIAN … MAX, OR VALUES";
    return narrow;
}

struct table tabular_profile_table(struct arena *arena, const struct profile *profile,
                                   bool is_narrow)
{
    struct table table =
        table_make(arena, is_narrow ? narrow_columns(arena) : columns, COUNT_OF(columns));
    for (size_t i = 0; i < profile->column_count; i++) {
        struct cell *row = table_add(&table);
        fill_row(arena, profile, &profile->columns[i], row);
        if (is_narrow)
            join_bounds(arena, row);
    }
    return table;
}
