#!/usr/bin/env python3
"""reference.py PROGRAM [--write]: whether the tables of docs/pipeline.md are those that PROGRAM
(tests/support/print_reference.c) prints; --write puts them there."""
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/pipeline.md"
BEGIN, END = "<!-- tables: printed by tests/tidy/reference.py --write -->\n", "<!-- end of tables -->\n"


def main():
    tables = subprocess.run([sys.argv[1]], check=True, stdout=subprocess.PIPE, text=True).stdout
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    fresh = f"{before}{BEGIN}\n{tables}\n{END}{after}"
    if sys.argv[2:] == ["--write"]:
        PAGE.write_text(fresh, encoding="utf-8")
        return 0
    if fresh == page:
        print("ok 1 the tables of docs/pipeline.md are up to date")
        return 0
    print("not ok 1 docs/pipeline.md is behind the field tables: run")
    print("#   tests/tidy/reference.py BUILD/tests/print_reference --write")
    return 1


sys.exit(main())
