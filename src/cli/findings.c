#include "mlops/cli/findings.h"

#include "mlops/base/arena.h"

/* XML 1.0 has no way to write control characters: they become U+FFFD, as do bytes that are no
 * UTF-8. */
static void add_xml(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len;) {
        uint32_t code = 0;
        size_t used = utf8_decode(text.at + i, text.len - i, &code);
        bool is_allowed = used && (code >= 0x20 || code == '\t' || code == '\n') &&
                          code != 0xfffe && code != 0xffff;
        if (!is_allowed)
            buf_add_text(out, "\xef\xbf\xbd");
        else if (code == '&')
            buf_add_text(out, "&amp;");
        else if (code == '<')
            buf_add_text(out, "&lt;");
        else if (code == '>')
            buf_add_text(out, "&gt;");
        else if (code == '"' || code == '\n' || code == '\t')
            buf_print(out, "&#%u;", (unsigned)code);
        else
            buf_add(out, text.at + i, used);
        i += used ? used : 1;
    }
}

static void add_attribute(struct buf *out, const char *name, struct str value)
{
    buf_print(out, " %s=\"", name);
    add_xml(out, value);
    buf_add_char(out, '"');
}

static size_t count_of(const struct ci_report *report, enum ci_verdict verdict)
{
    size_t count = 0;
    for (size_t i = 0; i < report->count; i++)
        count += report->findings[i].verdict == verdict;
    return count;
}

static void add_places(struct buf *out, const struct ci_finding *finding)
{
    for (size_t i = 0; i < finding->place_count; i++) {
        const struct ci_place *place = &finding->places[i];
        add_xml(out, finding->file);
        if (place->line)
            buf_print(out, ":%llu", (unsigned long long)place->line);
        if (place->row)
            buf_print(out, ": record %llu", (unsigned long long)place->row);
        if (finding->column.len) {
            buf_add_text(out, ", ");
            add_xml(out, finding->column);
        }
        if (place->has_value) {
            buf_add_text(out, ": '");
            add_xml(out, place->value);
            buf_add_char(out, '\'');
        }
        buf_add_char(out, '\n');
    }
    if (finding->count > finding->place_count && finding->place_count)
        buf_print(out, "... %llu more\n",
                  (unsigned long long)(finding->count - finding->place_count));
}

static void add_element(struct buf *out, const struct ci_finding *finding, const char *name)
{
    buf_print(out, "      <%s", name);
    add_attribute(out, "type", finding->rule);
    add_attribute(out, "message", finding->message);
    buf_add_char(out, '>');
    add_places(out, finding);
    buf_print(out, "</%s>\n", name);
}

static void add_warning(struct buf *out, const struct ci_finding *finding)
{
    buf_add_text(out, "      <system-out>warning: ");
    add_xml(out, finding->message);
    buf_add_char(out, '\n');
    add_places(out, finding);
    buf_add_text(out, "</system-out>\n");
}

static void add_case(struct buf *out, const struct ci_finding *finding)
{
    buf_add_text(out, "    <testcase");
    add_attribute(out, "classname", finding->file);
    add_attribute(out, "name", finding->name);
    buf_add_text(out, finding->verdict == CI_PASS ? "/>\n" : ">\n");
    if (finding->verdict == CI_PASS)
        return;
    if (finding->verdict == CI_FAIL)
        add_element(out, finding, "failure");
    else if (finding->verdict == CI_WARN)
        add_warning(out, finding);
    else
        add_element(out, finding, "skipped");
    buf_add_text(out, "    </testcase>\n");
}

static void add_counts(struct buf *out, const struct ci_report *report)
{
    add_attribute(out, "name", report->suite);
    buf_print(out, " tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" time=\"%.3f\">\n",
              report->count, count_of(report, CI_FAIL), count_of(report, CI_SKIP),
              report->duration_s);
}

void findings_junit(struct buf *out, const struct ci_report *report)
{
    buf_add_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
    add_counts(out, report);
    buf_add_text(out, "  <testsuite");
    add_counts(out, report);
    for (size_t i = 0; i < report->count; i++)
        add_case(out, &report->findings[i]);
    buf_add_text(out, "  </testsuite>\n</testsuites>\n");
}
