#!/usr/bin/env python3
"""check.py [--charts N] [--shots DIR] FILE...: opens pages (HTML or SVG) in a headless Chromium, at
400 and 1,400 pixels of width, light and dark, and says as TAP whether they can be read there: nothing
on the console, no request but for the page, charts and text large enough, colours that differ from
their ground, no scrolling sideways. N: how many charts each page has at least (default 1; an SVG
file is one). DIR: where screenshots go. Without a Chromium that starts all is skipped."""
import argparse
import os
import pathlib
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from browser import Browser, CannotStart  # noqa: E402

WINDOWS = ((400, 800), (1400, 900))
SCHEMES = ("light", "dark")
TEXT_PX = 11    # of the page
LABEL_PX = 9    # in charts, as they are scaled
CONTRAST = 4.4  # the guidelines want 4.5; colours are rounded

# Everything that is measured, in the page.
MEASURE = r"""(() => {
  const luminance = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const parse = text => { const n = (text.match(/[\d.]+/g) || []).map(Number);
                          return n.length < 3 ? null : {rgb: n.slice(0, 3), a: n.length > 3 ? n[3] : 1}; };
  const ratio = (a, b) => { const [x, y] = [luminance(a), luminance(b)];
                            return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05); };
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const ground = element => {
    for (let e = element; e; e = e.parentElement) {
      const own = e.classList.contains("mlops-chart") && e.querySelector(":scope > rect.mc-ground");
      const colour = parse(own ? getComputedStyle(own).fill : getComputedStyle(e).backgroundColor);
      if (colour && colour.a > 0.5) return colour.rgb;
    }
    return dark ? [18, 18, 18] : [255, 255, 255];
  };
  const shown = e => { const r = e.getBoundingClientRect();
                       return r.width > 0 && r.height > 0 && getComputedStyle(e).visibility === "visible"; };
  const charts = [...document.querySelectorAll("svg[role=img]")];
  const labels = charts.flatMap(svg => {
    const scale = svg.getScreenCTM().a;
    return [...svg.querySelectorAll("text")].map(t => ({
      text: t.firstChild ? t.firstChild.textContent.slice(0, 40) : "",
      px: parseFloat(getComputedStyle(t).fontSize) * scale,
      contrast: ratio(parse(getComputedStyle(t).fill).rgb, ground(t)),
    }));
  });
  const clipped = charts.flatMap(svg => {
    const frame = svg.getBoundingClientRect();
    return [...svg.querySelectorAll("text")].filter(t => {
      const r = t.getBoundingClientRect();
      return r.left < frame.left - 2 || r.right > frame.right + 2
          || r.top < frame.top - 2 || r.bottom > frame.bottom + 2;
    }).map(t => t.textContent.slice(0, 40));
  });
  const words = [];
  if (document.body) {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const parent = walker.currentNode.parentElement;
      if (!walker.currentNode.data.trim() || parent.closest("svg,style,script") || !shown(parent)) continue;
      const style = getComputedStyle(parent);
      words.push({text: walker.currentNode.data.trim().slice(0, 40), px: parseFloat(style.fontSize),
                  contrast: ratio(parse(style.color).rgb, ground(parent))});
    }
  }
  const root = document.documentElement;
  const wide = document.body ? [...document.body.querySelectorAll("*")].filter(e => {
    if (e.closest("svg") && !e.matches("svg")) return false;
    for (let p = e.parentElement; p && p !== document.body; p = p.parentElement)
      if (["auto", "scroll", "hidden"].includes(getComputedStyle(p).overflowX)) return false;
    return e.getBoundingClientRect().right > innerWidth + 1;
  }).map(e => e.tagName.toLowerCase() + (e.className.baseVal || e.className || "")) : [];
  return {
    title: document.title, scripts: document.querySelectorAll("script").length,
    charts: charts.map(svg => { const r = svg.getBoundingClientRect();
      return {width: r.width, height: r.height, marks: svg.querySelectorAll("path,rect").length,
              title: !!svg.querySelector(":scope > title"), role: svg.getAttribute("role")}; }),
    labels, clipped, words, overflow: root.scrollWidth - innerWidth, wide: wide.slice(0, 5),
    headings: [...document.querySelectorAll("h1,h2,h3,h4,h5,h6")].map(h => Number(h.tagName[1])),
    mute: [
      ...[...document.querySelectorAll("svg[role=img]")].filter(s => !s.querySelector(":scope > title")
        || (s.matches(".mlops-chart,.graph") && !s.querySelector(":scope > desc"))).map(() => "an svg without title or desc"),
      ...[...document.querySelectorAll("svg:not([role=img]):not([aria-hidden=true])")]
        .filter(s => !s.closest("svg[role=img]")).map(() => "an svg that is no picture"),
      ...[...document.querySelectorAll("img:not([alt])")].map(() => "an image without words"),
      ...[...document.querySelectorAll("tbody tr")].filter(r => !r.querySelector("th")).map(r => "a row without a name: "
        + r.textContent.slice(0, 40)),
      ...[...document.querySelectorAll("thead th")].filter(h => !h.textContent.trim() && !h.ariaLabel)
        .map(() => "a column without a name"),
    ].slice(0, 5),
    ids: [...document.querySelectorAll("[id]")].map(e => e.id),
    anchors: [...document.querySelectorAll("a[href^='#']")].map(a => a.getAttribute("href").slice(1)),
  };
})()"""


class Report:
    """Lines of TAP."""

    def __init__(self):
        self.count = self.failed = 0

    def check(self, name, is_right, found=""):
        self.count += 1
        self.failed += not is_right
        print(f"{'ok' if is_right else 'not ok'} {self.count} - {name}")
        if not is_right:
            print(f"# {found}"[:1000])

    def skip(self, why):
        self.count += 1
        print(f"ok {self.count} - pages # SKIP {' '.join(why.split())}")

    def end(self):
        print(f"1..{self.count}")
        return 1 if self.failed else 0


def worst(items, key, least):
    return [f"{item['text']!r}: {item[key]:.1f}" for item in items if item[key] < least][:5]


def judge(report, name, found, charts, is_svg):
    """Everything that was measured of one page in one window."""
    sizes = found["charts"]
    report.check(f"{name}: {charts} charts or more that can be seen",
                 len(sizes) >= charts and all(c["width"] >= 200 and c["height"] >= 40 and c["marks"]
                                              and c["title"] and c["role"] == "img" for c in sizes), sizes)
    small = worst(found["labels"], "px", LABEL_PX) + worst(found["words"], "px", TEXT_PX)
    report.check(f"{name}: text is large enough", not small, small)
    report.check(f"{name}: text of charts is inside them", not found["clipped"], found["clipped"])
    pale = worst(found["labels"] + found["words"], "contrast", CONTRAST)
    report.check(f"{name}: text differs from its ground", not pale, pale)
    if not is_svg:
        report.check(f"{name}: no scrolling sideways", found["overflow"] <= 0 and not found["wide"],
                     (found["overflow"], found["wide"]))


def judge_document(report, name, found):
    """What is the same in every window."""
    ids = found["ids"]
    report.check(f"{name}: a title, no script, ids of its own, links that lead somewhere",
                 found["title"] and found["scripts"] == 0 and len(ids) == len(set(ids))
                 and set(found["anchors"]) <= set(ids),
                 (found["title"], found["scripts"], sorted({i for i in ids if ids.count(i) > 1}),
                  sorted(set(found["anchors"]) - set(ids))[:5]))


def judge_words(report, name, found):
    """For those who hear it."""
    levels = found["headings"]
    in_order = levels[:1] == [1] and levels.count(1) == 1 and all(b <= a + 1 for a, b in zip(levels, levels[1:]))
    report.check(f"{name}: headings are in order", in_order, levels)
    report.check(f"{name}: tables and pictures have names", not found["mute"], found["mute"])


def check_page(report, browser, path, charts, shots):
    is_svg = path.endswith(".svg")
    base = "-".join(pathlib.Path(path).absolute().parts[-2:])
    for width, height in WINDOWS:
        for scheme in SCHEMES:
            name = f"{base} {width} {scheme}"
            browser.window(width, height, scheme)
            browser.open(pathlib.Path(path).absolute().as_uri())
            found = browser.evaluate(MEASURE)
            report.check(f"{name}: nothing on the console", not browser.complaints(), browser.complaints())
            judge(report, name, found, charts, is_svg)
            if shots:
                os.makedirs(shots, exist_ok=True)
                browser.screenshot(f"{shots}/{base}-{width}-{scheme}.png")
    if not is_svg:
        judge_document(report, base, found)
        judge_words(report, base, found)


def check_pages(pages, shots=None):
    """pages: (path, least number of charts). Returns the exit status."""
    report = Report()
    try:
        with Browser() as browser:
            for path, charts in pages:
                check_page(report, browser, path, charts, shots)
    except CannotStart as error:
        report.skip(str(error))
    return report.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--charts", type=int, default=1)
    parser.add_argument("--shots")
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    return check_pages([(path, options.charts) for path in options.files], options.shots)


if __name__ == "__main__":
    sys.exit(main())
