#!/usr/bin/env python3
"""tidy.py finds what it is for: each case breaks one rule in a copy of the project and names the
check that must fail and a word it must say. Writes TAP."""
import re
import shutil
import sys
import tempfile
from pathlib import Path

import tidy

ROOT = Path(__file__).parents[2]


def append(name, text):
    """A change: text at the end of a file, which is made if it is not there."""

    def change(root):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        with open(root / name, "a", encoding="utf-8") as file:
            file.write(text)

    return change


def replace(name, pattern, text):
    def change(root):
        before = (root / name).read_text(encoding="utf-8")
        after = re.sub(pattern, text, before, count=1)
        assert after != before, f"{name} does not hold {pattern}"
        (root / name).write_text(after, encoding="utf-8")

    return change


TABLE = "docs/architecture.md"
CASES = [
    ("an include upwards", append("src/base/str.c", '#include "mlops/store/cas.h"\n'), tidy.check_includes, "base/str may not"),
    ("an include upwards in a header", append("include/mlops/model/name.h", '#include "mlops/cli/view.h"\n'), tidy.check_includes, "model/name may not"),
    ("a sibling that the table does not name", append("src/codec/glob.c", '#include "mlops/codec/json.h"\n'), tidy.check_includes, "codec/glob may not"),
    ("a private header that nobody includes", append("src/cli/cmd_run_private.h", '/* x */\n#pragma once\n'), tidy.check_modules, "nobody includes"),
    ("a permission that nobody needs", replace(TABLE, r"(\| codec/glob \|[^\n]*\|) +\|\n", r"\1 json |\n"), tidy.check_includes, "no longer includes json"),
    ("a third-party header elsewhere", append("src/model/plan.c", "#include <sqlite3.h>\n"), tidy.check_third_party, "sqlite3"),
    ("threads outside their place", append("src/engine/run.c", "#include <pthread.h>\n"), tidy.check_third_party, "pthread"),
    ("a library nobody agreed to", append("src/engine/run.c", "#include <curl/curl.h>\n"), tidy.check_third_party, "curl"),
    ("a file without a row", append("src/base/extra.c", "int extra;\n"), tidy.check_modules, "extra.c"),
    ("a floor nobody agreed to", append("src/misc/extra.c", "int extra;\n"), tidy.check_modules, "misc/extra.c"),
    ("a row without files", replace(TABLE, r"\n\| codec/glob ", "\n| codec/yarn | threads |  |  |\n| codec/glob "), tidy.check_modules, "codec/yarn has no files"),
    ("a header that nobody includes", append("include/mlops/base/str_more.h", "/* x */\n#pragma once\n"), tidy.check_modules, "nobody includes"),
    ("a circle of contracts", append("include/mlops/codec/doc.h", '#include "mlops/codec/json.h"\n'), tidy.check_cycles, "circle"),
    ("a banned function", append("src/base/buf.c", "void f(char *a) { sprintf(a, a); }\n"), tidy.check_banned, "sprintf"),
    ("a word of unfinished work", append("src/base/buf.c", "/* TO" + "DO: later */\n"), tidy.check_words, "buf.c"),
    ("a path of one machine", append("docs/decisions.md", "see /" + "work/main/x\n"), tidy.check_paths, "decisions.md"),
    ("a header without a docstring", replace("include/mlops/base/str.h", r"/\* Borrowed", "\n/* Borrowed"), tidy.check_headers, "str.h"),
    ("a file at the top level", append("notes.txt", "x\n"), tidy.check_top_level, "notes.txt"),
    ("an object file", append("src/base/buf.o", "x\n"), tidy.check_build_output, "buf.o"),
    ("a link to nowhere", append("README.md", "[x](docs/nowhere.md)\n"), tidy.check_links, "nowhere"),
    ("a shell script with a fault", append("tests/extra.sh", "#!/bin/sh\ncd $1\n"), tidy.check_shell, "extra.sh"),
    ("a source that is not formatted", append("src/base/buf.c", "int  f( void );\n"), tidy.check_format, "buf.c"),
]


def found_by(check, change, clean):
    """What a check says of a copy with a change that it does not say of the project itself."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "project"
        shutil.copytree(clean, copy, symlinks=True)
        change(copy)
        return set(check(tidy.Tree(copy))) - set(check(tidy.Tree(clean)))


def main():
    failures = 0
    with tempfile.TemporaryDirectory() as scratch:
        clean = Path(scratch) / "project"
        tree = tidy.Tree(ROOT)
        for name in tree.files:
            if not name.startswith("tests/fuzz/corpus/"):
                (clean / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, clean / name)
        for number, (title, change, check, word) in enumerate(CASES, 1):
            found = found_by(check, change, clean)
            good = any(word in line for line in found)
            failures += not good
            print(f"{'ok' if good else 'not ok'} {number} {title} is found")
            if not good:
                print("\n".join(f"#   {line}" for line in found or ["nothing found"]))
    print(f"1..{len(CASES)}")
    return 1 if failures else 0


sys.exit(main())
