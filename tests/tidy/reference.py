#!/usr/bin/env python3
"""reference.py PROGRAM [--write]: whether the tables of docs/pipeline.md and docs/sweeps.md are those
that PROGRAM (tests/support/print_reference.c) prints; --write puts them there."""
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ["pipeline", "sweeps"]
BEGIN, END = "<!-- tables: printed by tests/tidy/reference.py --write -->\n", "<!-- end of tables -->\n"


def fresh_page(number, name):
    """What the page is to be; says whether it is."""
    words = [sys.argv[1]] + (["sweep"] if name == "sweeps" else [])
    tables = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
    page = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    fresh = f"{before}{BEGIN}\n{tables}\n{END}{after}"
    if sys.argv[2:] == ["--write"]:
        (DOCS / f"{name}.md").write_text(fresh, encoding="utf-8")
        return True
    if fresh == page:
        print(f"ok {number} the tables of docs/{name}.md are up to date")
        return True
    print(f"not ok {number} docs/{name}.md is behind the field tables: run")
    print("#   tests/tidy/reference.py BUILD/tests/print_reference --write")
    return False


def main():
    results = [fresh_page(number, name) for number, name in enumerate(PAGES, 1)]
    return 0 if all(results) else 1


sys.exit(main())
