#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/cli/findings.h"
#include "mlops/codec/json.h"

static void add_str(struct json_writer *json, const char *name, struct str value)
{
    json_name(json, name);
    json_str(json, value);
}

static void add_text(struct json_writer *json, const char *name, struct str text)
{
    json_name(json, name);
    json_open_object(json);
    add_str(json, "text", text);
    json_close_object(json);
}

static bool is_told(const struct ci_finding *finding)
{
    return finding->verdict == CI_FAIL || finding->verdict == CI_WARN;
}

static void add_rules(struct json_writer *json, struct arena *scratch,
                      const struct ci_report *report)
{
    struct map seen = {0};
    json_name(json, "rules");
    json_open_list(json);
    for (size_t i = 0; i < report->count; i++) {
        struct str rule = report->findings[i].rule;
        if (!is_told(&report->findings[i]) || map_put(scratch, &seen, rule, &seen))
            continue;
        json_open_object(json);
        add_str(json, "id", rule);
        json_close_object(json);
    }
    json_close_list(json);
}

/* A path as a URI reference (RFC 3986). */
static struct str uri_of(struct arena *scratch, struct str path)
{
    struct buf out = buf_in(scratch);
    for (size_t i = 0; i < path.len; i++) {
        char c = path.at[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || (c && strchr("/-._~", c));
        if (is_plain)
            buf_add_char(&out, c);
        else
            buf_print(&out, "%%%02X", (unsigned)(unsigned char)c);
    }
    return buf_str(&out);
}

static void add_location(struct json_writer *json, struct arena *scratch,
                         const struct ci_finding *finding, const struct ci_place *place)
{
    json_name(json, "locations");
    json_open_list(json);
    json_open_object(json);
    json_name(json, "physicalLocation");
    json_open_object(json);
    json_name(json, "artifactLocation");
    json_open_object(json);
    add_str(json, "uri", uri_of(scratch, finding->file));
    json_close_object(json);
    if (place && (place->line || place->row)) {
        json_name(json, "region");
        json_open_object(json);
        json_name(json, "startLine");
        json_int(json, (int64_t)(place->line ? place->line : place->row));
        json_close_object(json);
    }
    json_close_object(json);
    json_close_object(json);
    json_close_list(json);
}

static struct str message_of(struct arena *scratch, const struct ci_finding *finding,
                             const struct ci_place *place)
{
    struct buf out = buf_in(scratch);
    buf_add_str(&out, finding->message);
    if (place && place->row)
        buf_print(&out, " (record %llu", (unsigned long long)place->row);
    if (place && place->row && place->has_value)
        buf_print(&out, ": '%.*s'", STR_FMT(place->value));
    if (place && place->row)
        buf_add_char(&out, ')');
    return buf_str(&out);
}

static void add_result(struct json_writer *json, struct arena *scratch,
                       const struct ci_finding *finding, const struct ci_place *place)
{
    json_open_object(json);
    add_str(json, "ruleId", finding->rule);
    json_name(json, "level");
    json_text(json, finding->verdict == CI_FAIL ? "error" : "warning");
    add_text(json, "message", message_of(scratch, finding, place));
    add_location(json, scratch, finding, place);
    json_name(json, "properties");
    json_open_object(json);
    json_name(json, "count");
    json_int(json, (int64_t)finding->count);
    if (finding->column.len)
        add_str(json, "column", finding->column);
    json_close_object(json);
    json_close_object(json);
}

static void add_results(struct json_writer *json, struct arena *scratch,
                        const struct ci_report *report)
{
    json_name(json, "results");
    json_open_list(json);
    for (size_t i = 0; i < report->count; i++) {
        const struct ci_finding *finding = &report->findings[i];
        if (is_told(finding) && !finding->place_count)
            add_result(json, scratch, finding, NULL);
        for (size_t j = 0; is_told(finding) && j < finding->place_count; j++)
            add_result(json, scratch, finding, &finding->places[j]);
    }
    json_close_list(json);
}

static void add_tool(struct json_writer *json, struct arena *scratch,
                     const struct ci_report *report)
{
    json_name(json, "tool");
    json_open_object(json);
    json_name(json, "driver");
    json_open_object(json);
    json_name(json, "name");
    json_text(json, "mlops");
    json_name(json, "version");
    json_text(json, MLOPS_VERSION);
    add_rules(json, scratch, report);
    json_close_object(json);
    json_close_object(json);
}

void findings_sarif(struct buf *out, const struct ci_report *report)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct json_writer json = {.out = out, .indent = true};
    json_open_object(&json);
    json_name(&json, "$schema");
    json_text(&json, "https://json.schemastore.org/sarif-2.1.0.json");
    json_name(&json, "version");
    json_text(&json, "2.1.0");
    json_name(&json, "runs");
    json_open_list(&json);
    json_open_object(&json);
    add_tool(&json, &scratch, report);
    json_name(&json, "columnKind");
    json_text(&json, "unicodeCodePoints");
    add_results(&json, &scratch, report);
    json_close_object(&json);
    json_close_list(&json);
    json_close_object(&json);
    buf_add_char(out, '\n');
}
