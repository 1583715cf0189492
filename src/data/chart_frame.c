/* The element around a chart, its style, and text. */
#include "mlops/base/limits.h"
#include "mlops/codec/xml.h"

#include <math.h>
#include <stdlib.h>

#include "chart_private.h"

/* Colours have at least 4.5:1 to the ground that they stand on. Attributes in the elements say the
 * same for viewers that know no custom properties. */
static const char style[] =
    "<style>"
    ".mlops-chart{--mc-ground:#fff;--mc-text:#1b1f24;--mc-dim:#57606a;--mc-line:#d5dae0;"
    "--mc-axis:#8b949e;--mc-0:#0b62a4;--mc-1:#b3410e;--mc-2:#1b7445;--mc-3:#8a3f8f;--mc-4:#7d5a00;"
    "--mc-5:#4b5563;--mc-r0:#0b62a4;--mc-r1:#4f87b8;--mc-r2:#858b94;--mc-r3:#c07c4d;--mc-r4:#"
    "a83a0a}"
    "@media(prefers-color-scheme:dark){.mlops-chart{--mc-ground:#14171a;--mc-text:#e6e9ec;"
    "--mc-dim:#9aa5b0;--mc-line:#343b42;--mc-axis:#6e7781;--mc-0:#6cb4ee;--mc-1:#f4935c;"
    "--mc-2:#5fd19b;--mc-3:#d9a3e3;--mc-4:#e3b341;--mc-5:#b3bdc9;--mc-r0:#7cc4ff;--mc-r1:#5a93bd;"
    "--mc-r2:#7d848c;--mc-r3:#ba7a4c;--mc-r4:#ff9a5c}}"
    ".mlops-chart text{font-family:system-ui,sans-serif;fill:var(--mc-text)}"
    ".mlops-chart text.mc-dim{fill:var(--mc-dim)}.mlops-chart .mc-ground{fill:var(--mc-ground)}"
    ".mlops-chart text[data-halo]{stroke:var(--mc-ground)}"
    ".mlops-chart .mc-grid{stroke:var(--mc-line)}.mlops-chart .mc-axis{stroke:var(--mc-axis)}"
    ".mlops-chart .mc-0{color:var(--mc-0)}.mlops-chart .mc-1{color:var(--mc-1)}"
    ".mlops-chart .mc-2{color:var(--mc-2)}.mlops-chart .mc-3{color:var(--mc-3)}"
    ".mlops-chart .mc-4{color:var(--mc-4)}.mlops-chart .mc-5{color:var(--mc-5)}"
    ".mlops-chart .mc-r0{color:var(--mc-r0)}.mlops-chart .mc-r1{color:var(--mc-r1)}"
    ".mlops-chart .mc-r2{color:var(--mc-r2)}.mlops-chart .mc-r3{color:var(--mc-r3)}"
    ".mlops-chart .mc-r4{color:var(--mc-r4)}"
    "</style>\n";

/* --- text ----------------------------------------------------------------------------------- */

/* Of DejaVu Sans, which is wider than most. */
static double character_width(uint32_t code)
{
    if (code >= 0x1100)
        return 1.05;
    if (code > 127)
        return 0.68;
    if (strchr("il.,:;|!'`jtfrI()[]/ ", (int)code))
        return 0.41;
    if (strchr("mwMW@%", (int)code))
        return 0.98;
    return code >= 'A' && code <= 'Z' ? 0.74 : 0.64;
}

/* *ret_width is what those bytes take. */
static size_t fit(struct str text, double size, double room, double *ret_width)
{
    size_t at = 0;
    *ret_width = 0;
    while (at < text.len) {
        uint32_t code = 0xFFFD;
        size_t used = utf8_decode(text.at + at, text.len - at, &code);
        double width = character_width(code) * size;
        if (*ret_width + width > room)
            break;
        *ret_width += width;
        at += used ? used : 1;
    }
    return at;
}

double chart_text_width(struct str text, double size)
{
    double width;
    fit(text, size, HUGE_VAL, &width);
    return width;
}

size_t chart_text_fitting(struct str text, double size, double room)
{
    double width;
    return fit(text, size, room, &width);
}

void chart_add_words(struct buf *out, struct str text)
{
    size_t most = 5 * (size_t)LIMIT_SHOWN_BYTES, len = MIN_OF(text.len, most);
    while (len < text.len && len > 0 && ((unsigned char)text.at[len] & 0xC0) == 0x80)
        len--;
    xml_add(out, str_slice(text, 0, len), false);
    if (len < text.len)
        buf_add_text(out, "…");
}

static void add_fitted(struct buf *out, struct str text, double size, double room)
{
    AUTO(buf_drop) struct buf shown = {0};
    buf_add_escaped(&shown, text, false); /* once more is harmless: nothing is left to escape */
    size_t fits = chart_text_fitting(buf_str(&shown), size, room);
    if (fits == shown.len) {
        xml_add(out, buf_str(&shown), false);
        return;
    }
    fits = chart_text_fitting(buf_str(&shown), size, room - size);
    xml_add(out, str_slice(buf_str(&shown), 0, fits), false);
    buf_add_text(out, "…<title>");
    chart_add_words(out, text);
    buf_add_text(out, "</title>");
}

static void add_text(struct buf *out, const struct chart_label *label, double size, struct str text)
{
    if (text.len == 0)
        return;
    buf_add_text(out, label->is_dim ? "<text class=\"mc-dim\" fill=\"#57606a\"" : "<text");
    buf_add_text(out, " x=\"");
    chart_add_number(out, label->x);
    buf_add_text(out, "\" y=\"");
    chart_add_number(out, label->y);
    buf_print(out, "\" font-size=\"%g\" font-family=\"sans-serif\" text-anchor=\"%s\"%s>", size,
              label->anchor, label->more);
    add_fitted(out, text, size, label->room);
    buf_add_text(out, "</text>\n");
}

void chart_add_label(struct buf *out, const struct chart_label *label, struct str text)
{
    add_text(out, label, label->size > 0 ? label->size : CHART_TEXT, text);
}

void chart_add_number(struct buf *out, double value)
{
    long tenths = lround(value * 10), whole = labs(tenths) / 10, rest = labs(tenths) % 10;
    if (rest)
        buf_print(out, "%s%ld.%ld", tenths < 0 ? "-" : "", whole, rest);
    else
        buf_print(out, "%s%ld", tenths < 0 ? "-" : "", whole);
}

/* --- the element ---------------------------------------------------------------------------- */

double chart_heading_height(bool is_document)
{
    return is_document ? CHART_HEADING + 2 * CHART_GAP : CHART_GAP;
}

static void add_size(struct buf *out, const struct chart_head *head)
{
    buf_print(out, " viewBox=\"0 0 %d %.0f\"", CHART_WIDTH, head->height);
    if (head->is_document) /* where nobody says how large: half as large again */
        buf_print(out, " width=\"%d\" height=\"%.0f\"", CHART_WIDTH * 3 / 2, head->height * 1.5);
}

static void add_heading(struct buf *out, const struct chart_head *head)
{
    const struct chart_label label = {
        .x = CHART_WIDTH / 2.0,
        .y = CHART_HEADING + CHART_GAP,
        .room = CHART_WIDTH - 2 * CHART_GAP,
        .anchor = "middle",
        .more = " font-weight=\"bold\"",
    };
    buf_print(out, "<rect class=\"mc-ground\" width=\"%d\" height=\"%.0f\" fill=\"#fff\"/>\n",
              CHART_WIDTH, head->height);
    add_text(out, &label, CHART_HEADING, head->title);
}

void chart_open(struct buf *out, const struct chart_head *head)
{
    if (head->is_document)
        buf_add_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    buf_add_text(out, "<svg class=\"mlops-chart\" role=\"img\"");
    if (head->is_document)
        buf_add_text(out, " xmlns=\"http://www.w3.org/2000/svg\"");
    if (head->id.len) {
        buf_add_text(out, " id=\"");
        xml_add(out, head->id, false);
        buf_add_char(out, '"');
    }
    add_size(out, head);
    buf_add_text(out, ">\n<title>");
    chart_add_words(out, head->title);
    buf_add_text(out, "</title>\n<desc>");
    chart_add_words(out, head->description);
    buf_print(out, "</desc>\n%s", style);
    if (head->is_document)
        add_heading(out, head);
}

void chart_close(struct buf *out)
{
    buf_add_text(out, "</svg>\n");
}
