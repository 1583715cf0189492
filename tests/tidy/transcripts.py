#!/usr/bin/env python3
"""transcripts.py FILE.md...: runs the ```console blocks of documents and compares what they print.

In a block, `$ ` starts a command, `> ` continues it, other lines are what it prints (both streams).
`...` as a line stands for any lines, within a line for any text. Run ids, times, digests and dates
are compared by kind only, and runs of blanks count as one. Comments before a block set the scene:
    <!-- session: empty -->                   a new folder, in a git repository of its own
    <!-- session: copy examples/penguins -->  the same, with a copy of that folder, committed
    <!-- session: none -->                    what follows is only shown: it would take too much
    <!-- file: NAME -->                       the next fenced block is written to NAME
$MLOPS names the program. Writes TAP, one line a command."""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PIECE = re.compile(
    r"<!-- (?P<verb>session|file): (?P<what>[^>]*?) -->|```(?P<language>\w*)\n(?P<body>.*?)^```",
    re.M | re.S,
)
VARYING = [
    (r"\b[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}\b", "<moment>"),
    (r"\b[0-9]+(\.[0-9]+)? (ms|s|min|h|µs)\b( [0-9]+ (s|min)\b)?", "<time>"),
    (r"\b[0-9A-HJKMNP-TV-Z]{26}\b", "<id>"),
    (r"\b[0-9A-HJKMNP-TV-Z]{8}\b", "<id>"),
    (r"\b[0-9a-f]{64}\b|\b[0-9a-f]{40}\b|\b[0-9a-f]{7,8}\b\+?", "<digest>"),
    (r" \(saved <time>\)", ""),
    (r"[ \t]+", " "),
]


class Session:
    """A folder and what stays between commands: the working directory and the last status."""

    def __init__(self, place, source):
        self.place, self.cwd, self.status = place, place / "project", 0
        self.cwd.mkdir()
        self.env = dict(
            os.environ,
            HOME=str(place),
            XDG_CONFIG_HOME=str(place / "config"),
            GIT_CONFIG_GLOBAL=str(place / "gitconfig"),
            GIT_CONFIG_NOSYSTEM="1",
            PATH=f"{Path(os.environ['MLOPS']).resolve().parent}:{os.environ['PATH']}",
            TERM="dumb",
            LC_ALL="C.UTF-8",
        )
        (place / "gitconfig").write_text("[user]\nname = you\nemail = you@example.org\n[init]\ndefaultBranch = main\n")
        self.run(f"cp -R '{ROOT / source}/.' ." if source else ":")
        self.run("git init -q . && git add -A && git commit -q --allow-empty -m start")

    def run(self, command):
        note = self.place / "cwd"
        script = f"(exit {self.status})\n{command}\nstatus=$?; pwd -P >'{note}'; exit $status"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.cwd,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.status = done.returncode
        self.cwd = Path(note.read_text().strip())
        return done.stdout.replace(str(self.place / "project"), "/home/you/project")


def commands(body):
    """(command, expected lines) of a block."""
    found = []
    for line in body.splitlines():
        if line.startswith("$ "):
            found.append([line[2:], []])
        elif line.startswith("> ") and found and not found[-1][1]:
            found[-1][0] += "\n" + line[2:]
        elif found:
            found[-1][1].append(line)
    return found


def plain(line):
    for pattern, word in VARYING:
        line = re.sub(pattern, word, line)
    return line.strip()


def agrees(expected, found):
    """Whether lines agree; both are plain. `...` lines match greedily shortest first."""
    pattern = ""
    for line in expected:
        if line == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*".join(re.escape(part) for part in line.split("...")) + r"\n"
    return re.fullmatch(pattern, "".join(line + "\n" for line in found)) is not None


class Document:
    def __init__(self, name, scratch):
        self.name, self.scratch = name, scratch
        self.session, self.next_file, self.sessions, self.is_shown = None, None, 0, False

    def start(self, what):
        self.is_shown = what == "none"
        if self.is_shown:
            return
        place = self.scratch / f"{Path(self.name).stem}-{self.sessions}"
        place.mkdir()
        self.sessions += 1
        self.session = Session(place, what.removeprefix("copy ").strip() if what != "empty" else None)

    def results(self):
        """(command, expected, found) of each command, in order."""
        for piece in PIECE.finditer((ROOT / self.name).read_text(encoding="utf-8")):
            if piece["verb"] == "session":
                self.start(piece["what"])
            elif piece["verb"] == "file":
                self.next_file = piece["what"]
            elif self.next_file:
                target = self.session.cwd / self.next_file
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(piece["body"], encoding="utf-8")
                self.next_file = None
            elif piece["language"] == "console" and not self.is_shown:
                if not self.session:
                    sys.exit(f"{self.name}: no comment says in which session its blocks run")
                for command, expected in commands(piece["body"]):
                    yield command, expected, self.session.run(command).splitlines()


def main():
    number = failures = 0
    with tempfile.TemporaryDirectory() as scratch:
        for name in dict.fromkeys(sys.argv[1:]):
            for command, expected, found in Document(name, Path(scratch).resolve()).results():
                number += 1
                good = agrees([plain(line) for line in expected], [plain(line) for line in found])
                failures += not good
                title = command.splitlines()[0].replace("#", "")
                print(f"{'ok' if good else 'not ok'} {number} {name}: {title}")
                if not good:
                    print("\n".join(["# expected:"] + ["#   " + line for line in expected]))
                    print("\n".join(["# found:"] + ["#   " + line for line in found]))
    print(f"1..{number}")
    return 1 if failures or not number else 0


sys.exit(main())
