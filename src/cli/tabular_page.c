#include "mlops/base/arena.h"
#include "mlops/base/moment.h"

#include <math.h>

#include "tabular_page_private.h"

static const char style[] =
    ":root{color-scheme:light dark;--back:#fff;--text:#1b1f24;--dim:#5b6570;--line:#d5dae0;"
    "--card:#f6f8fa;--bar:#2f6fb3}\n"
    "@media(prefers-color-scheme:dark){:root{--back:#14171a;--text:#e6e9ec;--dim:#9aa5b0;"
    "--line:#343b42;--card:#1c2126;--bar:#6ba6e0}}\n"
    "body{background:var(--back);color:var(--text);font:15px/1.5 system-ui,sans-serif;"
    "max-width:72rem;margin:0 auto;padding:1.5rem}\n"
    "h1{font-size:1.5rem;margin:0 0 .3rem;overflow-wrap:anywhere}h2{font-size:1.1rem;"
    "margin:0 0 .5rem;overflow-wrap:anywhere}\n"
    "p,li{color:var(--dim);overflow-wrap:anywhere}a{color:inherit}\n"
    ".wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}\n"
    "th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid var(--line);"
    "vertical-align:top;overflow-wrap:anywhere}\n"
    "th{font-weight:600}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;"
    "white-space:nowrap}\n"
    "section{background:var(--card);border:1px solid var(--line);border-radius:6px;"
    "padding:1rem;margin:1rem 0;display:flex;flex-wrap:wrap;gap:1.5rem}\n"
    "section h2{flex-basis:100%}section h2 small{color:var(--dim);font-weight:400}\n"
    "section table{width:auto;flex:1 1 14rem;align-self:flex-start}figure{flex:2 1 24rem;margin:0}"
    "figcaption{color:var(--dim);font-size:.85rem}\n"
    "svg{width:100%;height:auto;display:block}svg rect{fill:var(--bar)}svg text{fill:var(--text);"
    "font:12px system-ui,sans-serif}svg line{stroke:var(--line)}\n";

void profile_text(struct buf *out, struct str text)
{
    AUTO(buf_drop) struct buf safe = {0};
    buf_add_escaped(&safe, text, false);
    for (size_t i = 0; i < safe.len; i++) {
        switch (safe.at[i]) {
        case '&':
            buf_add_text(out, "&amp;");
            break;
        case '<':
            buf_add_text(out, "&lt;");
            break;
        case '>':
            buf_add_text(out, "&gt;");
            break;
        case '"':
            buf_add_text(out, "&quot;");
            break;
        case '\'':
            buf_add_text(out, "&#39;");
            break;
        default:
            buf_add_char(out, safe.at[i]);
        }
    }
}

/* --- the table of all columns --------------------------------------------------------------- */

static void add_number(struct buf *out, struct str text)
{
    buf_add_text(out, "<td class=\"n\">");
    profile_text(out, text);
    buf_add_text(out, "</td>");
}

static struct str distinct_of(struct arena *arena, const struct column_profile *column)
{
    struct str count = count_print(arena, (int64_t)column->distinct);
    if (column->count && !column->distinct)
        return STR("-"); /* a footer does not tell */
    return column->distinct_is_exact || !column->distinct
               ? count
               : str_print(arena, "about %.*s", STR_FMT(count));
}

static void add_overview_row(struct buf *out, struct arena *arena, const struct profile *profile,
                             size_t at)
{
    const struct column_profile *column = &profile->columns[at];
    const struct distribution *all = &column->distribution;
    bool has_numbers = column->has_numbers;
    double median = all->len ? distribution_quantile(all, 0.5) : (double)NAN;
    buf_print(out, "<tr><td><a href=\"#c%zu\">", at);
    profile_text(out, column->name);
    buf_print(out, "</a></td><td>%s</td>", field_type_name(column->type));
    add_number(out, tabular_share(arena, column->null_count, profile->record_count));
    add_number(out, distinct_of(arena, column));
    add_number(out, has_numbers ? tabular_number(arena, column->type, column->min) : STR(""));
    add_number(out, has_numbers ? tabular_number(arena, column->type, median) : STR(""));
    add_number(out, has_numbers ? tabular_number(arena, column->type, column->max) : STR(""));
    buf_add_text(out, "</tr>\n");
}

static void add_overview(struct buf *out, struct arena *arena, const struct profile *profile)
{
    buf_add_text(out, "<div class=\"wide\"><table>\n<thead><tr><th>Column</th><th>Type</th>"
                      "<th class=\"n\">Nulls</th><th class=\"n\">Distinct</th>"
                      "<th class=\"n\">Min</th><th class=\"n\">Median</th>"
                      "<th class=\"n\">Max</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < profile->column_count; i++)
        add_overview_row(out, arena, profile, i);
    buf_add_text(out, "</tbody></table></div>\n");
}

/* --- a column ------------------------------------------------------------------------------- */

static void add_fact(struct buf *out, const char *name, struct str value)
{
    buf_print(out, "<tr><th>%s</th>", name);
    add_number(out, value);
    buf_add_text(out, "</tr>\n");
}

static void add_count(struct buf *out, struct arena *arena, const char *name, uint64_t count)
{
    add_fact(out, name, count_print(arena, (int64_t)count));
}

static void add_numbers(struct buf *out, struct arena *arena, const struct column_profile *column)
{
    static const struct {
        const char *name;
        double share;
    } rows[] = {{"5 %", .05}, {"25 %", .25}, {"Median", .5}, {"75 %", .75}, {"95 %", .95}};
    enum field_type type = column->type;
    add_fact(out, "Min", tabular_number(arena, type, column->min));
    for (size_t i = 0; i < COUNT_OF(rows) && column->distribution.len; i++)
        add_fact(out, rows[i].name,
                 tabular_number(arena, type,
                                distribution_quantile(&column->distribution, rows[i].share)));
    add_fact(out, "Max", tabular_number(arena, type, column->max));
    if (type == TYPE_NUMBER || type == TYPE_INTEGER) {
        add_fact(out, "Mean", tabular_number(arena, TYPE_NUMBER, column->mean));
        add_fact(out, "Standard deviation", tabular_number(arena, TYPE_NUMBER, column->sd));
        add_count(out, arena, "Zeros", column->zero_count);
        add_count(out, arena, "Negative", column->negative_count);
    }
    if (column->infinite_count + column->nan_count)
        add_count(out, arena, "Not finite", column->infinite_count + column->nan_count);
}

static void add_facts(struct buf *out, struct arena *arena, const struct profile *profile,
                      const struct column_profile *column)
{
    struct str share = tabular_share(arena, column->null_count, profile->record_count);
    struct str nulls = count_print(arena, (int64_t)column->null_count);
    buf_add_text(out, "<table>\n");
    add_count(out, arena, "Values", column->count);
    add_fact(out, "Nulls",
             column->null_count ? str_print(arena, "%.*s (%.*s)", STR_FMT(nulls), STR_FMT(share))
                                : nulls);
    if (column->bad_count)
        add_count(out, arena, "Of another type", column->bad_count);
    add_fact(out, "Distinct", distinct_of(arena, column));
    if (column->has_numbers)
        add_numbers(out, arena, column);
    if (column->has_lengths) {
        add_count(out, arena, "Shortest (characters)", column->length_min);
        add_fact(out, "Mean length", tabular_number(arena, TYPE_NUMBER, column->length_mean));
        add_count(out, arena, "Longest (characters)", column->length_max);
    }
    buf_add_text(out, "</table>\n");
}

static void add_column(struct buf *out, struct arena *arena, const struct profile *profile,
                       size_t at)
{
    const struct column_profile *column = &profile->columns[at];
    buf_print(out, "<section id=\"c%zu\"><h2>", at);
    profile_text(out, column->name);
    buf_print(out, " <small>%s</small></h2>\n", field_type_name(column->type));
    add_facts(out, arena, profile, column);
    if (column->has_numbers && column->has_bins)
        profile_histogram(out, arena, column);
    if (!column->has_numbers || column->distinct <= PAGE_BARS)
        profile_bars(out, arena, column);
    buf_add_text(out, "</section>\n");
}

/* --- the page ------------------------------------------------------------------------------- */

static void add_heading(struct buf *out, struct arena *arena, struct str name,
                        const struct profile *profile)
{
    buf_add_text(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                      "<title>Profile of ");
    profile_text(out, name);
    buf_print(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>", style);
    profile_text(out, name);
    buf_print(out, "</h1>\n<p>%s records, %zu columns, %s",
              count_print(arena, (int64_t)profile->record_count).at, profile->column_count,
              bytes_print(arena, (int64_t)profile->byte_count).at);
    if (profile->is_sampled)
        buf_print(out,
                  ". Quantiles, correlations and shares of frequent values by a sample of %s "
                  "records",
                  count_print(arena, (int64_t)profile->sample_count).at);
    buf_add_text(out, ".</p>\n");
}

static void add_notes(struct buf *out, struct arena *arena, const struct profile *profile)
{
    struct str_vec notes = {0};
    tabular_profile_notes(arena, profile, &notes);
    if (notes.len == 0)
        return;
    buf_add_text(out, "<ul>\n");
    vec_each (struct str, note, &notes) {
        buf_add_text(out, "<li>");
        profile_text(out, *note);
        buf_add_text(out, "</li>\n");
    }
    buf_add_text(out, "</ul>\n");
}

void tabular_page(struct buf *out, struct str name, const struct profile *profile)
{
    AUTO(arena_drop) struct arena arena = {0};
    add_heading(out, &arena, name, profile);
    add_notes(out, &arena, profile);
    add_overview(out, &arena, profile);
    for (size_t i = 0; i < profile->column_count; i++)
        add_column(out, &arena, profile, i);
    buf_add_text(out, "</body>\n</html>\n");
}
