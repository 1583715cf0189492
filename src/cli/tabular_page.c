/* The page of a profile: an overview, then each column with its facts and pictures. */
#include "mlops/base/arena.h"
#include "mlops/base/moment.h"

#include <math.h>

#include "tabular_page_private.h"

/* --- the table of all columns --------------------------------------------------------------- */

static struct str distinct_of(struct arena *arena, const struct column_profile *column)
{
    struct str count = count_print(arena, (int64_t)column->distinct);
    if (column->count && !column->distinct)
        return STR("-"); /* a footer does not tell */
    return column->distinct_is_exact || !column->distinct
               ? count
               : str_print(arena, "about %.*s", STR_FMT(count));
}

static struct str anchor_of(struct arena *arena, size_t column)
{
    return str_print(arena, "c%zu", column);
}

static void add_overview_row(struct table *table, const struct profile *profile,
                             const struct column_profile *column)
{
    struct arena *arena = table->arena;
    const struct distribution *all = &column->distribution;
    double median = all->len ? distribution_quantile(all, 0.5) : (double)NAN;
    const double numbers[] = {column->min, median, column->max};
    struct cell *row = table_add(table);
    row[0] = cell_text(column->name);
    row[1] = cell_text(str_of(field_type_name(column->type)));
    row[2] = cell_text(tabular_share(arena, column->null_count, profile->record_count));
    row[3] = cell_text(distinct_of(arena, column));
    for (size_t i = 0; i < COUNT_OF(numbers) && column->has_numbers; i++)
        row[4 + i] = cell_text(tabular_number(arena, column->type, numbers[i]));
}

static void add_overview(struct page *page, const struct profile *profile)
{
    static const struct column columns[] = {
        {.title = "Column"},
        {.title = "Type"},
        {.title = "Nulls", .is_right = true},
        {.title = "Distinct", .is_right = true},
        {.title = "Min", .is_right = true},
        {.title = "Median", .is_right = true},
        {.title = "Max", .is_right = true},
    };
    struct table table = table_make(page->arena, columns, COUNT_OF(columns));
    struct str *anchors = arena_new_array(page->arena, struct str, profile->column_count);
    for (size_t i = 0; i < profile->column_count; i++) {
        anchors[i] = anchor_of(page->arena, i);
        add_overview_row(&table, profile, &profile->columns[i]);
    }
    page_table_linked(page, &table, anchors);
}

/* --- a column ------------------------------------------------------------------------------- */

static void add_fact(struct table *table, const char *name, struct str value)
{
    struct cell *row = table_add(table);
    row[0] = cell_toned(cell_text(str_of(name)), TONE_DIM);
    row[1] = cell_text(value);
}

static void add_count(struct table *table, const char *name, uint64_t count)
{
    add_fact(table, name, count_print(table->arena, (int64_t)count));
}

static void add_numbers(struct table *table, const struct column_profile *column)
{
    static const struct {
        const char *name;
        double share;
    } rows[] = {{"5 %", .05}, {"25 %", .25}, {"Median", .5}, {"75 %", .75}, {"95 %", .95}};
    enum field_type type = column->type;
    struct arena *arena = table->arena;
    const struct distribution *all = &column->distribution;
    add_fact(table, "Min", tabular_number(arena, type, column->min));
    for (size_t i = 0; i < COUNT_OF(rows) && all->len; i++)
        add_fact(table, rows[i].name,
                 tabular_number(arena, type, distribution_quantile(all, rows[i].share)));
    add_fact(table, "Max", tabular_number(arena, type, column->max));
    if (type == TYPE_NUMBER || type == TYPE_INTEGER) {
        add_fact(table, "Mean", tabular_number(arena, TYPE_NUMBER, column->mean));
        add_fact(table, "Standard deviation", tabular_number(arena, TYPE_NUMBER, column->sd));
        add_count(table, "Zeros", column->zero_count);
        add_count(table, "Negative", column->negative_count);
    }
    if (column->infinite_count + column->nan_count)
        add_count(table, "Not finite", column->infinite_count + column->nan_count);
}

static void add_facts(struct page *page, const struct profile *profile,
                      const struct column_profile *column)
{
    static const struct column columns[] = {{.title = ""}, {.title = "", .is_right = true}};
    struct arena *arena = page->arena;
    struct table table = table_make(arena, columns, COUNT_OF(columns));
    struct str share = tabular_share(arena, column->null_count, profile->record_count);
    struct str nulls = count_print(arena, (int64_t)column->null_count);
    add_count(&table, "Values", column->count);
    add_fact(&table, "Nulls",
             column->null_count ? str_print(arena, "%.*s (%.*s)", STR_FMT(nulls), STR_FMT(share))
                                : nulls);
    if (column->bad_count)
        add_count(&table, "Of another type", column->bad_count);
    add_fact(&table, "Distinct", distinct_of(arena, column));
    if (column->has_numbers)
        add_numbers(&table, column);
    if (column->has_lengths) {
        add_count(&table, "Shortest (characters)", column->length_min);
        add_fact(&table, "Mean length", tabular_number(arena, TYPE_NUMBER, column->length_mean));
        add_count(&table, "Longest (characters)", column->length_max);
    }
    page_table(page, &table);
}

static void add_column(struct page *page, const struct profile *profile, size_t at)
{
    const struct column_profile *column = &profile->columns[at];
    page_section_as(page, anchor_of(page->arena, at), column->name,
                    str_of(field_type_name(column->type)));
    page_charts_open(page);
    add_facts(page, profile, column);
    if (column->has_numbers && column->has_bins)
        tabular_page_histogram(page, column);
    if (!column->has_numbers || column->distinct <= PAGE_BARS)
        tabular_page_bars(page, column);
    page_charts_close(page);
}

/* --- the page ------------------------------------------------------------------------------- */

static struct str subtitle_of(struct arena *arena, const struct profile *profile)
{
    struct buf text = buf_in(arena);
    buf_print(&text, "%s records, %zu columns, %s",
              count_print(arena, (int64_t)profile->record_count).at, profile->column_count,
              bytes_print(arena, (int64_t)profile->byte_count).at);
    if (profile->is_sampled)
        buf_print(&text,
                  ". Quantiles, correlations and shares of frequent values by a sample of %s "
                  "records",
                  count_print(arena, (int64_t)profile->sample_count).at);
    buf_add_char(&text, '.');
    return buf_str(&text);
}

void tabular_page(struct buf *out, struct str name, const struct profile *profile)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct str title = str_print(&arena, "Profile of %.*s", STR_FMT(name));
    struct page page = page_open(&arena, out, title, subtitle_of(&arena, profile));
    struct str_vec notes = {0};
    tabular_profile_notes(&arena, profile, &notes);
    page_list(&page, notes.at, notes.len);
    add_overview(&page, profile);
    for (size_t i = 0; i < profile->column_count; i++)
        add_column(&page, profile, i);
    page_close(&page);
}
