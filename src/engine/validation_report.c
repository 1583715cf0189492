/* The report of a validate stage: what was judged and what the tables hold, as JSON for programs,
 * Markdown for merge requests, HTML for people. Equal answers give equal bytes. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/json.h"
#include "mlops/model/name.h"

#include "validation_private.h"

static void write_pair(struct json_writer *json, const char *name, struct str value)
{
    json_name(json, name);
    if (value.len)
        json_str(json, value);
    else
        json_null(json);
}

static void write_tables(struct json_writer *json, const struct measurement *measurement)
{
    json_name(json, "tables");
    json_open_list(json);
    for (size_t i = 0; i < measurement->table_count; i++) {
        const struct table_measurement *table = &measurement->tables[i];
        json_open_object(json);
        write_pair(json, "name", table->name);
        write_pair(json, "path", table->path);
        if (table->fault.len) {
            write_pair(json, "fault", table->fault);
        } else {
            json_name(json, "profile");
            profile_write(json, &table->profile, true);
        }
        json_close_object(json);
    }
    json_close_list(json);
}

static void print_json(const struct stage *stage, const struct measurement *measurement,
                       const struct check_results *results, struct buf *out)
{
    struct json_writer json = {.out = out, .indent = true};
    json_open_object(&json);
    json_name(&json, "schema_version");
    json_int(&json, 1);
    write_pair(&json, "stage", stage->name);
    write_pair(&json, "verdict", results->is_rejected ? STR("rejected") : STR("passed"));
    check_results_write(results, &json);
    write_tables(&json, measurement);
    json_close_object(&json);
    buf_add_char(out, '\n');
}

/* Failures first, then warnings, what was not judged, what passed. */
static const char *const order[] = {"fail", "warn", "skip", "pass"};

static void add_cell(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '|' || c == '\\' || c == '[' || c == '<' || c == '`' || c == '*' || c == '_')
            buf_add_char(out, '\\');
        buf_add_char(out, (unsigned char)c < 0x20 ? ' ' : c);
    }
}

static void print_markdown(struct arena *arena, const struct stage *stage,
                           const struct check_results *results, struct buf *out)
{
    buf_add_text(out, "## Checks of `");
    buf_add_str(out, stage->name);
    buf_print(out,
              "`: %s\n\n%.*s.\n\n| | check | table | column | finding | limit |\n"
              "|---|---|---|---|---|---|\n",
              results->is_rejected ? "rejected" : "passed",
              STR_FMT(check_results_print(arena, results)));
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        vec_each (const struct check_result, result, &results->all) {
            const struct str cells[] = {result->judgement, result->check,   result->table,
                                        result->field,     result->message, result->limit};
            if (!str_is(result->judgement, order[i]))
                continue;
            for (size_t c = 0; c < COUNT_OF(cells); c++) {
                buf_add_text(out, "| ");
                add_cell(out, cells[c]);
                buf_add_char(out, ' ');
            }
            buf_add_text(out, "|\n");
        }
    }
}

static void add_html(struct buf *out, struct str text)
{
    AUTO(buf_drop) struct buf safe = {0};
    buf_add_escaped(&safe, text, false);
    for (size_t i = 0; i < safe.len; i++) {
        char c = safe.at[i];
        if (c == '<')
            buf_add_text(out, "&lt;");
        else if (c == '>')
            buf_add_text(out, "&gt;");
        else if (c == '&')
            buf_add_text(out, "&amp;");
        else if (c == '"')
            buf_add_text(out, "&quot;");
        else
            buf_add_char(out, c);
    }
}

static const char page_head[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<style>\n"
    ":root{color-scheme:light dark;--bad:#b00020;--warn:#8a5a00;--good:#1b6e3a;--line:#8884}\n"
    "@media(prefers-color-scheme:dark){:root{--bad:#ff8a8a;--warn:#ffc75f;--good:#7fd99a}}\n"
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}\n"
    "table{border-collapse:collapse;width:100%;margin:1rem 0}\n"
    "th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);"
    "vertical-align:top}\n.n{text-align:right;font-variant-numeric:tabular-nums}\n"
    ".fail{color:var(--bad);font-weight:600}.warn{color:var(--warn);font-weight:600}\n"
    ".pass{color:var(--good)}.skip{opacity:.7}small{opacity:.7}\n</style>\n";

static void add_td(struct buf *out, const char *class, struct str text)
{
    buf_print(out, class ? "<td class=\"%s\">" : "<td>", class);
    add_html(out, text);
    buf_add_text(out, "</td>");
}

static void print_row(struct buf *out, const struct check_result *result, const char *class)
{
    buf_add_text(out, "<tr>");
    add_td(out, class, result->judgement);
    add_td(out, NULL, result->check);
    add_td(out, NULL, result->table);
    add_td(out, NULL, result->field);
    buf_add_text(out, "<td>");
    add_html(out, result->message);
    if (result->formula.len) {
        buf_add_text(out, "<br><small>");
        add_html(out, result->formula);
        buf_add_text(out, "</small>");
    }
    buf_add_text(out, "</td>");
    add_td(out, NULL, result->limit);
    buf_add_text(out, "</tr>\n");
}

static void print_column(struct arena *arena, struct buf *out, const struct column_profile *column)
{
    const double values[] = {column->min, column->mean, column->max};
    buf_add_text(out, "<tr>");
    add_td(out, NULL, column->name);
    add_td(out, NULL, str_of(field_type_name(column->type)));
    add_td(out, "n", str_print(arena, "%llu", (unsigned long long)column->count));
    add_td(out, "n", str_print(arena, "%llu", (unsigned long long)column->null_count));
    add_td(out, "n",
           str_print(arena, "%s%llu", column->distinct_is_exact ? "" : "about ",
                     (unsigned long long)column->distinct));
    for (size_t i = 0; i < COUNT_OF(values); i++)
        add_td(out, "n",
               column->has_numbers && column->number_count ? str_print(arena, "%.6g", values[i])
                                                           : STR(""));
    buf_add_text(out, "</tr>\n");
}

static void print_table(struct arena *arena, struct buf *out, const struct table_measurement *table)
{
    buf_add_text(out, "<h2>");
    add_html(out, table->name);
    buf_add_text(out, " <small>");
    add_html(out, table->path);
    buf_print(out, ", %llu rows</small></h2>\n", (unsigned long long)table->profile.record_count);
    buf_add_text(out, "<table><tr><th>column<th>type<th class=\"n\">values<th class=\"n\">null"
                      "<th class=\"n\">distinct<th class=\"n\">least<th class=\"n\">mean"
                      "<th class=\"n\">largest</tr>\n");
    for (size_t i = 0; i < table->profile.column_count; i++)
        print_column(arena, out, &table->profile.columns[i]);
    buf_add_text(out, "</table>\n");
}

static void print_html(struct arena *arena, const struct stage *stage,
                       const struct measurement *measurement, const struct check_results *results,
                       struct buf *out)
{
    buf_add_text(out, page_head);
    buf_add_text(out, "<title>Checks of ");
    add_html(out, stage->name);
    buf_add_text(out, "</title></head><body>\n<h1>Checks of ");
    add_html(out, stage->name);
    buf_print(out, ": <span class=\"%s\">%s</span></h1>\n<p>",
              results->is_rejected ? "fail" : "pass", results->is_rejected ? "rejected" : "passed");
    add_html(out, check_results_print(arena, results));
    buf_add_text(out, ".</p>\n<table><tr><th>judgement<th>check<th>table<th>column<th>finding"
                      "<th>limit</tr>\n");
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        vec_each (const struct check_result, result, &results->all) {
            if (str_is(result->judgement, order[i]))
                print_row(out, result, order[i]);
        }
    }
    buf_add_text(out, "</table>\n");
    for (size_t i = 0; i < measurement->table_count; i++)
        print_table(arena, out, &measurement->tables[i]);
    buf_add_text(out, "</body></html>\n");
}

/* A file of the user's is never taken for an earlier report: ours begin like this. */
static FALLIBLE publish(struct session *session, struct str path, struct str beginning,
                        const struct buf *bytes)
{
    struct arena *arena = session->arena;
    struct str now = {0};
    bool found = false;
    TRY(file_read(arena, fd_number(session->workspace.root_fd), str_terminate(arena, path),
                  LIMIT_MEASUREMENT_BYTES, &now, &found));
    if (found && str_equal(now, buf_str(bytes)))
        return NULL;
    if (found && now.len && !str_starts(now, beginning))
        return error_hint(error_new(ERROR_PROJECT, "'%.*s' is in the place of a report and is none",
                                    STR_FMT(path)),
                          "move it away, or name another 'report'");
    if (path_directory(path).len)
        TRY(directory_make(fd_number(session->workspace.root_fd),
                           str_terminate(arena, path_directory(path)), false));
    return workspace_publish(&session->workspace, str_terminate(arena, path), buf_str(bytes), 0644,
                             false);
}

FALLIBLE validation_report(struct session *session, const struct stage *stage,
                           const struct measurement *measurement,
                           const struct check_results *results)
{
    struct arena *arena = session->arena;
    struct str path = stage->validation->report;
    struct str stem = str_slice(path, 0, path.len - 5); /* ends in .json: checked when bound */
    AUTO(buf_drop) struct buf json = {0};
    AUTO(buf_drop) struct buf markdown = {0};
    AUTO(buf_drop) struct buf html = {0};
    print_json(stage, measurement, results, &json);
    print_markdown(arena, stage, results, &markdown);
    print_html(arena, stage, measurement, results, &html);
    TRY(publish(session, path, STR("{\n  \"schema_version\": 1,\n  \"stage\""), &json));
    TRY(publish(session, str_print(arena, "%.*s.md", STR_FMT(stem)), STR("## Checks of `"),
                &markdown));
    return publish(session, str_print(arena, "%.*s.html", STR_FMT(stem)), str_of(page_head), &html);
}
