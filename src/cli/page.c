#include "mlops/cli/page.h"

#include "mlops/base/arena.h"
#include "mlops/codec/xml.h"

#include "page_private.h"

static const char style[] =
    ":root{color-scheme:light dark;--back:#fff;--text:#1b1f24;--dim:#57606a;--line:#d5dae0;"
    "--card:#f6f8fa;--good:#1a6b35;--bad:#b3261e;--warn:#7d5a00;--link:#0b62a4}\n"
    "@media(prefers-color-scheme:dark){:root{--back:#14171a;--text:#e6e9ec;--dim:#9aa5b0;"
    "--line:#343b42;--card:#1c2126;--good:#5fd19b;--bad:#ff8a80;--warn:#e3b341;--link:#6cb4ee}}\n"
    "*{box-sizing:border-box}\n"
    "body{background:var(--back);color:var(--text);font:15px/1.5 system-ui,sans-serif;"
    "max-width:80rem;margin:0 auto;padding:1rem clamp(.6rem,2vw,2rem) 3rem}\n"
    "h1,h2,h3,p,li,figcaption,.verdict{overflow-wrap:anywhere}\n"
    "h1{font-size:1.5rem;line-height:1.25;margin:.2rem 0 .3rem}\n"
    "h2{font-size:1.15rem;line-height:1.3;margin:0 0 .6rem}\n"
    "h2 small,.sub{color:var(--dim);font-weight:400}.sub{margin:0 0 1rem}\n"
    "p{margin:.5rem 0}ul{margin:.5rem 0;padding-left:1.3rem}a{color:var(--link)}\n"
    "section{border-top:1px solid var(--line);padding:1rem 0 .4rem;margin-top:1rem}\n"
    ".verdict{font-size:1.25rem;line-height:1.35;font-weight:600;margin:1rem 0;"
    "padding:.6rem .9rem;background:var(--card);border-left:.35rem solid var(--dim)}\n"
    ".verdict.good{border-color:var(--good)}.verdict.bad{border-color:var(--bad)}"
    ".verdict.warn{border-color:var(--warn)}\n"
    ".good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}.dim{color:var(--dim)}"
    ".strong{font-weight:600}\n"
    "summary{cursor:pointer;margin-bottom:.6rem}summary>h2{display:inline}\n"
    ".wide{overflow-x:auto;margin:.6rem 0}\n"
    "table{border-collapse:collapse;font-size:.9rem;max-width:100%}\n"
    "th,td{text-align:left;padding:.3rem .7rem .3rem 0;border-bottom:1px solid var(--line);"
    "vertical-align:top;white-space:nowrap}\n"
    "th{font-weight:600;color:var(--dim)}th.n,td.n{text-align:right;"
    "font-variant-numeric:tabular-nums}\n"
    "tbody th{font-weight:400;color:inherit}\n"
    "td.t,th.t{min-width:12rem;max-width:36rem;overflow-wrap:anywhere;white-space:normal}\n"
    "pre{background:var(--card);border:1px solid var(--line);border-radius:4px;padding:.6rem;"
    "overflow-x:auto;font-size:.85rem;line-height:1.4}\n"
    ".charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));"
    "gap:1rem 1.5rem;margin:.6rem 0}\n"
    "figure{margin:0;min-width:0;max-width:44rem}figcaption{font-weight:600;margin-bottom:.2rem}\n"
    "figure>svg{display:block;width:100%;height:auto}figure>img{display:block;max-width:100%;"
    "height:auto;background:#fff}\n"
    "@media print{:root{--back:#fff;--text:#000;--dim:#444;--line:#bbb;--card:#fff;--good:#1a6b35;"
    "--bad:#b3261e;--warn:#7d5a00;--link:#000}body{max-width:none;padding:0;font-size:11px}"
    ".wide,pre{overflow:visible}pre{white-space:pre-wrap}figure,tr,.verdict{break-inside:avoid}"
    "h2{break-after:avoid}details::details-content{content-visibility:visible;height:auto}}\n";

void page_escape(struct buf *out, struct str text)
{
    xml_add(out, text, false);
}

/* --- head and foot -------------------------------------------------------------------------- */

struct page page_open(struct arena *arena, struct buf *out, struct str title, struct str subtitle)
{
    buf_add_text(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                      "style-src 'unsafe-inline'; img-src data:\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                      "<title>");
    page_escape(out, title);
    buf_print(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n<h1>", style);
    page_escape(out, title);
    buf_add_text(out, "</h1>\n");
    if (subtitle.len) {
        buf_add_text(out, "<p class=\"sub\">");
        page_escape(out, subtitle);
        buf_add_text(out, "</p>\n");
    }
    return (struct page){.out = out, .arena = arena};
}

static void end_section(struct page *page)
{
    if (page->section_count)
        buf_add_text(page->out, page->is_folded ? "</details></section>\n" : "</section>\n");
    page->is_folded = false;
}

void page_close(struct page *page)
{
    end_section(page);
    buf_add_text(page->out, "</main>\n</body>\n</html>\n");
}

/* --- sections ------------------------------------------------------------------------------- */

static bool is_taken(const struct page *page, struct str anchor)
{
    vec_each (struct str, other, &page->anchors)
        if (str_equal(*other, anchor))
            return true;
    return false;
}

/* Letters and digits of ASCII, the rest as single hyphens: "Time and memory" -> time-and-memory. */
static struct str anchor_of(struct page *page, struct str title)
{
    struct buf anchor = buf_in(page->arena);
    for (size_t i = 0; i < title.len && anchor.len < 60; i++) {
        char c = title.at[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            buf_add_char(&anchor, c);
        else if (anchor.len && anchor.at[anchor.len - 1] != '-')
            buf_add_char(&anchor, '-');
    }
    if (anchor.len && anchor.at[anchor.len - 1] == '-')
        anchor.len--;
    if (anchor.len == 0 || is_taken(page, buf_str(&anchor)))
        buf_print(&anchor, "%ssection-%d", anchor.len ? "-" : "", page->section_count + 1);
    return buf_str(&anchor);
}

void page_section_as(struct page *page, struct str anchor, struct str title, struct str aside)
{
    end_section(page);
    page->section_count++;
    *vec_push(page->arena, &page->anchors) = anchor;
    buf_add_text(page->out, "<section id=\"");
    page_escape(page->out, anchor);
    buf_add_text(page->out, "\">\n<h2>");
    page_escape(page->out, title);
    if (aside.len) {
        buf_add_text(page->out, " <small>");
        page_escape(page->out, aside);
        buf_add_text(page->out, "</small>");
    }
    buf_add_text(page->out, "</h2>\n");
}

void page_section(struct page *page, struct str title)
{
    page_section_as(page, anchor_of(page, title), title, STR(""));
}

void page_section_folded(struct page *page, struct str title, bool is_open)
{
    struct str anchor = anchor_of(page, title);
    end_section(page);
    page->section_count++;
    page->is_folded = true;
    *vec_push(page->arena, &page->anchors) = anchor;
    buf_print(page->out, "<section id=\"%.*s\">\n<details%s><summary><h2>", STR_FMT(anchor),
              is_open ? " open" : "");
    page_escape(page->out, title);
    buf_add_text(page->out, "</h2></summary>\n");
}

/* --- text ----------------------------------------------------------------------------------- */

const char *page_tone_class(enum tone tone)
{
    static const char *const classes[] = {
        [TONE_PLAIN] = "",    [TONE_GOOD] = "good", [TONE_BAD] = "bad",
        [TONE_WARN] = "warn", [TONE_DIM] = "dim",   [TONE_STRONG] = "strong",
    };
    return classes[tone];
}

void page_text(struct page *page, struct str text)
{
    buf_add_text(page->out, "<p>");
    page_escape(page->out, text);
    buf_add_text(page->out, "</p>\n");
}

void page_list(struct page *page, const struct str *items, size_t count)
{
    if (count == 0)
        return;
    buf_add_text(page->out, "<ul>\n");
    for (size_t i = 0; i < count; i++) {
        buf_add_text(page->out, "<li>");
        page_escape(page->out, items[i]);
        buf_add_text(page->out, "</li>\n");
    }
    buf_add_text(page->out, "</ul>\n");
}

void page_verdict(struct page *page, enum tone tone, struct str text)
{
    buf_print(page->out, "<p class=\"verdict %s\">", page_tone_class(tone));
    page_escape(page->out, text);
    buf_add_text(page->out, "</p>\n");
}

void page_code(struct page *page, struct str text)
{
    buf_add_text(page->out, "<pre tabindex=\"0\">");
    if (text.len && text.at[0] == '\n') /* the first one is not part of a <pre> */
        buf_add_char(page->out, '\n');
    xml_add(page->out, text, true);
    buf_add_text(page->out, "</pre>\n");
}
