#!/usr/bin/env python3
"""tidy.py [ROOT]: what no compiler checks. The table of docs/architecture.md against every #include,
and the small rules of the house. Writes TAP; one line a rule, problems below it."""
import os
import re
import subprocess
import sys
from pathlib import Path

FLOORS = "base codec model host store data engine cli".split()
TOP_LEVEL = set(
    "CMakeLists.txt README.md LICENSE src include tests examples docs pipelines"
    " .clang-format .clang-tidy .editorconfig .gitignore .ci".split()
)
# Headers that a row of the table must name; any other system header is libc's or Linux's.
NAMED = re.compile(r"(curl/curl|expat|yaml|zstd|zlib|iconv|immintrin|pcre2|sqlite3|git2|openssl/\w+|pthread|dlfcn|spawn|linux/capability|sys/mount)\.h")
LIBC = set(
    "ctype dirent endian errno fcntl float inttypes langinfo limits link linux/fiemap linux/fs linux/magic linux/openat2 locale math"
    " poll pwd sanitizer/asan_interface sched signal stdarg stdatomic stdbool stddef stdint stdio"
    " stdlib string strings sys/auxv sys/eventfd sys/file sys/ioctl sys/mman sys/prctl sys/random"
    " sys/resource sys/sendfile sys/socket sys/stat sys/statfs sys/statvfs sys/syscall"
    " sys/sysmacros sys/time sys/types sys/utsname sys/vfs sys/wait sys/xattr termios threads time"
    " unistd wchar wctype".split()
)
BANNED = "strcpy strcat strncpy strncat sprintf vsprintf gets strtok system popen fork vfork atoi"
# (file, function): why it is allowed there.
BANNED_BUT = {
    ("src/base/error.c", "strcpy"): "into memory sized for it in the same expression",
    ("src/host/sql.c", "strcpy"): "into memory sized for it in the same expression",
}
LONG_LINES = 500
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


class Tree:
    """The files of the project: what git tracks or would track."""

    def __init__(self, root):
        self.root = Path(root).resolve()
        self.has_git = (self.root / ".git").exists()
        self.files = sorted(f for f in self._list() if (self.root / f).is_file())

    def _list(self):
        if self.has_git:
            return self.git("ls-files", "-co", "--exclude-standard")
        found = []
        for folder, folders, names in os.walk(self.root):
            folders[:] = [f for f in folders if f not in ("build", "__pycache__", ".mlops")]
            found += [str((Path(folder) / n).relative_to(self.root)) for n in names]
        return found

    def git(self, *words):
        out = subprocess.run(
            ["git", "-C", str(self.root), *words, "-z"], check=True, stdout=subprocess.PIPE
        ).stdout
        return [os.fsdecode(name) for name in out.split(b"\0") if name]

    def text(self, name):
        return (self.root / name).read_text(encoding="utf-8", errors="replace")

    def code(self):
        return [f for f in self.files if re.fullmatch(r"(include|src)/.*\.[ch]", f)]

    def prose(self):
        """Files written by hand."""
        return [
            f
            for f in self.files
            if f != "LICENSE"
            and not re.match(r"tests/(fuzz/corpus|tidy)/|examples/\w+/(data|text)/", f)
            and b"\0" not in (self.root / f).read_bytes()[:4096]
        ]


def parse_table(tree):
    """Rows of docs/architecture.md: (floor, module) -> (third party headers, siblings, known
    cycles)."""
    rows = {}
    for line in tree.text("docs/architecture.md").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        place = re.fullmatch(r"(\w+)/([\w*]+)(?: \(private\))?", cells[0])
        if len(cells) == 4 and place and place[1] in FLOORS:
            knots = set(re.findall(r"\((\w+)\)", cells[3]))
            rows[place.groups()] = (set(cells[2].split()), set(re.findall(r"[\w*]+", cells[3])), knots)
    return rows


def module_of(rows, name):
    """The row a file belongs to: the longest module name that its own starts with."""
    parts = Path(name).parts
    floor = parts[-2]
    stem = re.sub(r"_private$", "", Path(name).stem)
    if floor == "cli" and stem.startswith("cmd_"):
        return ("cli", "cmd_*") if ("cli", "cmd_*") in rows else None
    fits = [m for f, m in rows if f == floor and (stem == m or stem.startswith(m + "_"))]
    return (floor, max(fits, key=len)) if fits else None


def includes(tree, name):
    """(is it <...>?, what) of each #include."""
    return [(mark == "<", what) for mark, what in INCLUDE.findall(tree.text(name))]


def resolve(name, what):
    """The project's file that an include in quotes means."""
    if what.startswith("mlops/"):
        return "include/" + what
    return os.path.normpath(os.path.join(os.path.dirname(name), what))


def file_edges(tree, rows, name):
    """(target file, its row) of the project's files that a file includes, and what is wrong."""
    edges, wrong = [], []
    for is_system, what in includes(tree, name):
        if is_system:
            continue
        target = resolve(name, what)
        if target not in tree.files:
            wrong.append(f"{name}: includes {what}, which is not in the project")
        elif not (row := module_of(rows, target)):
            wrong.append(f"{name}: includes {what}, which has no row")
        else:
            edges.append((target, row))
    return edges, wrong


def may_include(rows, mine, theirs):
    if mine == theirs:
        return True
    if FLOORS.index(theirs[0]) != FLOORS.index(mine[0]):
        return FLOORS.index(theirs[0]) < FLOORS.index(mine[0])
    siblings = rows[mine][1]
    return theirs[1] in siblings or ("*" in siblings and theirs[1] != "cmd_*")


def check_modules(tree):
    """every file of src/ and include/ belongs to a row of the table, and every row has files"""
    rows = parse_table(tree)
    wrong = [f"{f}: no row of docs/architecture.md fits" for f in tree.code() if not module_of(rows, f)]
    wrong += [
        f"{f}: not in a floor's folder"
        for f in tree.code()
        if not re.fullmatch(rf"(include/mlops|src)/({'|'.join(FLOORS)})/\w+\.[ch]", f)
    ]
    alive = {module_of(rows, f) for f in tree.code()}
    wrong += [f"docs/architecture.md: {f}/{m} has no files" for f, m in rows if (f, m) not in alive]
    included = {
        resolve(f, what)
        for f in tree.files
        if f.endswith((".c", ".h"))
        for is_system, what in includes(tree, f)
        if not is_system
    }
    wrong += [
        f"{f}: nobody includes it" for f in tree.code() if f.endswith(".h") and f not in included
    ]
    return wrong


def check_includes(tree):
    """each #include goes downwards, or to a module that the table allows"""
    rows = parse_table(tree)
    wrong, used = [], set()
    for name in tree.code():
        mine = module_of(rows, name)
        if not mine:
            continue
        edges, bad = file_edges(tree, rows, name)
        wrong += bad
        for target, theirs in edges:
            used.add((mine, theirs[1]) if mine[0] == theirs[0] else None)
            if not may_include(rows, mine, theirs):
                wrong.append(f"{name}: {'/'.join(mine)} may not include {target}")
            elif mine != theirs and target.startswith("src/") and mine[0] != theirs[0]:
                wrong.append(f"{name}: {target} is private to {theirs[0]}/")
    wrong += [
        f"docs/architecture.md: {mine[0]}/{mine[1]} no longer includes {sibling}"
        for mine, (_, siblings, _) in rows.items()
        for sibling in sorted(siblings - {"*"})
        if (mine, sibling) not in used
    ]
    return wrong


def check_third_party(tree):
    """third-party headers only in the rows that name them"""
    rows = parse_table(tree)
    wrong, used = [], set()
    for name in tree.code():
        mine = module_of(rows, name)
        for is_system, what in includes(tree, name):
            if not is_system or not mine:
                continue
            used.add((mine, what))
            if NAMED.fullmatch(what):
                if what not in rows[mine][0]:
                    wrong.append(f"{name}: {'/'.join(mine)} may not include <{what}>")
            elif what.removesuffix(".h") not in LIBC:
                wrong.append(f"{name}: <{what}> is neither libc's nor named in the table")
    wrong += [
        f"docs/architecture.md: {mine[0]}/{mine[1]} no longer includes <{what}>"
        for mine, (headers, _, _) in rows.items()
        for what in sorted(headers)
        if (mine, what) not in used
    ]
    return wrong


def find_cycle(graph):
    """A list of nodes that goes round, or None."""
    state = {}
    for start in sorted(graph):
        stack = [(start, iter(sorted(graph[start])))] if start not in state else []
        while stack:
            node, rest = stack[-1]
            state[node] = "open"
            step = next(rest, None)
            if step is None:
                state[node] = "done"
                stack.pop()
            elif state.get(step) == "open":
                trail = [n for n, _ in stack]
                return trail[trail.index(step) :] + [step]
            elif step not in state:
                stack.append((step, iter(sorted(graph.get(step, ())))))
    return None


def check_cycles(tree):
    """no cycles: among contracts, and among modules but for those the table puts in brackets"""
    rows = parse_table(tree)
    headers, modules = {}, {}
    for name in tree.code():
        mine = module_of(rows, name)
        if not mine:
            continue
        for target, theirs in file_edges(tree, rows, name)[0]:
            if name.startswith("include/"):
                headers.setdefault(name, set()).add(target)
            if theirs != mine and theirs[1] not in rows[mine][2]:
                modules.setdefault(mine, set()).add(theirs)
    cycles = [find_cycle(headers), find_cycle(modules)]
    return [
        "round in a circle: " + " -> ".join(n if isinstance(n, str) else "/".join(n) for n in c)
        for c in cycles
        if c
    ]


def matches(tree, files, pattern, what):
    return [
        f"{name}:{number}: {what}: {found.group().strip()}"
        for name in files
        for number, line in enumerate(tree.text(name).splitlines(), 1)
        if (found := pattern.search(line))
    ]


def check_words(tree):
    """no words of unfinished work"""
    words = ["TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK", "st" + "ub", "not implemented"]
    return matches(tree, tree.prose(), re.compile(r"\b(" + "|".join(words) + r")\b"), "unfinished")


def check_paths(tree):
    """no paths of one machine"""
    pattern = re.compile(r"(?<![\w./$}-])/(work|farm|root|Users|home/(?!you/)\w+|tmp/b-\w+)/")
    return matches(tree, tree.prose(), pattern, "a path of one machine")


def strip_comments(text):
    keep_lines = lambda found: re.sub(r"[^\n]", " ", found.group())
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(\\.|[^"\\\n])*"', keep_lines, text, flags=re.S)


def check_banned(tree):
    """no functions that overflow, or start a shell or a copy of the process"""
    pattern = re.compile(r"(?<![\w.>])(" + "|".join(BANNED.split()) + r")\s*\(")
    wrong, used = [], set()
    for name in tree.code():
        for number, line in enumerate(strip_comments(tree.text(name)).splitlines(), 1):
            for found in pattern.finditer(line):
                used.add((name, found[1]))
                if (name, found[1]) not in BANNED_BUT:
                    wrong.append(f"{name}:{number}: {found[1]}")
    wrong += [f"tidy.py: {f} no longer uses {w}" for f, w in BANNED_BUT if (f, w) not in used]
    return wrong


def check_headers(tree):
    """each header says at its top what it is for, and is read once"""
    wrong = []
    for name in (f for f in tree.code() if f.endswith(".h")):
        text = tree.text(name)
        if not text.startswith("/* "):
            wrong.append(f"{name}: starts with no docstring")
        if "\n#pragma once\n" not in text:
            wrong.append(f"{name}: no #pragma once")
    return wrong


def check_top_level(tree):
    """the top level holds the agreed names only"""
    return sorted({f"{f.split('/')[0]}: not agreed" for f in tree.files} - {f"{n}: not agreed" for n in TOP_LEVEL})


def check_build_output(tree):
    """git tracks no build output"""
    tracked = tree.git("ls-files") if tree.has_git else tree.files
    pattern = re.compile(r"(^|/)(build(-\w+)?|__pycache__|\.mlops)/|\.(o|a|so|pyc|gcda|gcno)$")
    wrong = [f for f in tracked if pattern.search(f)]
    for name in (f for f in tracked if not f.startswith("tests/fuzz/corpus/")):
        path = tree.root / name
        if path.is_file() and path.open("rb").read(4) == b"\x7fELF":
            wrong.append(f"{name}: a program")
    return wrong


def check_links(tree):
    """links between the project's documents lead somewhere"""
    wrong = []
    for name in (f for f in tree.prose() if f.endswith(".md")):
        text = re.sub(r"```.*?```|`[^`\n]*`", "", tree.text(name), flags=re.S)
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            target = (tree.root / name).parent / link
            if "://" not in link and not target.exists():
                wrong.append(f"{name}: {link} is not there")
    return wrong


def run_tool(tree, words, files):
    """Problems that a tool prints, by lines; a tool that is absent is a problem itself."""
    try:
        done = subprocess.run(
            [*words, *files], cwd=tree.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    except FileNotFoundError:
        return [f"{words[0]} is not installed"]
    return done.stdout.splitlines()[:60] if done.returncode else []


def check_shell(tree):
    """shellcheck finds nothing in shell scripts"""
    scripts = [
        f
        for f in tree.prose()
        if f.endswith((".sh", ".bats", ".bash")) or re.match(r"#!.*\b(ba)?sh\b", tree.text(f)[:40])
    ]
    bats = [f for f in scripts if f.endswith((".bats", ".bash"))]
    # A bats test is a subshell on purpose, and helpers may be called without arguments.
    apart = ["shellcheck", "-f", "gcc", "-S", "warning", "-e", "SC2030,SC2031,SC2119,SC2120"]
    return run_tool(tree, ["shellcheck", "-f", "gcc"], [f for f in scripts if f not in bats]) + (
        run_tool(tree, apart, bats) if bats else []
    )


def check_format(tree):
    """clang-format 14 would change nothing"""
    files = [f for f in tree.files if re.fullmatch(r"(include|src|tests)/.*\.[ch]", f)]
    found = run_tool(tree, ["clang-format-14", "--dry-run", "-Werror"], files)
    return sorted({line for line in found if "error:" in line or "installed" in line}) or found


def long_files(tree):
    for name in tree.prose():
        lines = tree.text(name).count("\n")
        if name.endswith((".c", ".h", ".py", ".sh")) and lines > LONG_LINES:
            print(f"# {name} has {lines} lines; does it want to be two?")


CHECKS = [
    check_modules,
    check_includes,
    check_third_party,
    check_cycles,
    check_headers,
    check_banned,
    check_words,
    check_paths,
    check_top_level,
    check_build_output,
    check_links,
    check_shell,
    check_format,
]


def main():
    tree = Tree(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2])
    failures = 0
    print(f"1..{len(CHECKS)}")
    for number, check in enumerate(CHECKS, 1):
        wrong = check(tree)
        failures += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} {check.__doc__}")
        for line in wrong:
            print(f"#   {line}")
    long_files(tree)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
