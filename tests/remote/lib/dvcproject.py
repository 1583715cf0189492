"""A project of DVC's and its remote, written as DVC 3.x (and 2.x) writes them; kept honest by a
comparison with DVC itself where that is installed (tests/remote/dvc.py)."""
import hashlib
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import project  # noqa: E402
from places import fault  # noqa: E402

PIPELINE = """\
stages:
  gather:
    cmd: mkdir -p out; cat data/raw/*.csv > out/all.csv; echo g >> executed.log
    deps:
    - data/raw
    outs:
    - out
  count:
    cmd: wc -l < out/all.csv > count.txt; echo c >> executed.log
    deps:
    - out/all.csv
    outs:
    - count.txt
"""
BIG = 3 << 20


def md5(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def manifest(files):
    """The bytes of a `.dir` object."""
    rows = [{"md5": md5(files[name]), "relpath": name} for name in sorted(files)]
    return json.dumps(rows, sort_keys=True).encode()


def name_of(hexes, layout=3):
    return f"{'files/md5/' if layout == 3 else ''}{hexes[:2]}/{hexes[2:]}"


def objects(contents, layout=3):
    """{name in the remote: bytes} of files (bytes) and directories ({name: bytes})."""
    found = {}
    for content in contents:
        if isinstance(content, dict):
            listed = manifest(content)
            found[name_of(md5(listed) + ".dir", layout)] = listed
            found.update(objects(content.values(), layout))
        else:
            found[name_of(md5(content), layout)] = content
    return found


def out_lines(path, content, layout=3, indent=""):
    """An entry of `outs` as DVC writes it: of a `.dvc` file, or, with an indent, of dvc.lock."""
    is_directory = isinstance(content, dict)
    hexes = md5(manifest(content)) + ".dir" if is_directory else md5(content)
    size = sum(map(len, content.values())) if is_directory else len(content)
    fields = [("md5", hexes), ("size", size)]
    if is_directory:
        fields.append(("nfiles", len(content)))
    marked = [("hash", "md5")] if layout == 3 else []
    fields = [("path", path), *marked, *fields] if indent else [*fields, *marked, ("path", path)]
    lines = [f"{indent}{'- ' if i == 0 else '  '}{key}: {value}\n"
             for i, (key, value) in enumerate(fields)]
    return "".join(lines)


def raw_files():
    files = {f"{i}.csv": f"{i};{i * i}\n".encode() * (i + 1) for i in range(12)}
    files.update({"sub/deep/ümlaut.txt": "ü\n".encode(), "sub/crlf.txt": b"a\r\nb\r\n",
                  "sub/empty": b"", "name with blanks": b"x" * 70000})
    return files


class DvcProject:
    """data/raw and data/big.bin tracked, two stages recorded as up to date, all committed; the work
    tree holds none of the data. `place`: the remote, with what DVC would have pushed."""

    def __init__(self, place, name="dvc-origin", layout=3, raw=None):
        self.place, self.layout = place, layout
        self.root = os.path.join(fault.scratch(), name)
        self.raw = raw_files() if raw is None else raw
        self.big = bytes(range(256)) * (BIG // 256) + b"end"
        rows = b"".join(self.raw[name] for name in sorted(self.raw) if name.endswith(".csv")
                        and "/" not in name)
        self.out, self.count = {"all.csv": rows}, f"{rows.count(10)}\n".encode()
        fault.remove(self.root)
        self._write()

    def contents(self):
        return [self.raw, self.big, self.out, self.count]

    def files(self):
        """{path: bytes} of all that is tracked."""
        found = {f"data/raw/{name}": content for name, content in self.raw.items()}
        found.update({"data/big.bin": self.big, "out/all.csv": self.out["all.csv"],
                      "count.txt": self.count})
        return found

    def objects(self):
        return objects(self.contents(), self.layout)

    def push(self):
        for name, content in self.objects().items():
            self.place.put(name, content)

    def _write(self):
        fault.write(f"{self.root}/data/raw.dvc", "outs:\n" + out_lines("raw", self.raw, self.layout))
        fault.write(f"{self.root}/data/big.bin.dvc",
                    "outs:\n" + out_lines("big.bin", self.big, self.layout))
        fault.write(f"{self.root}/data/.gitignore", "/raw\n/big.bin\n")
        fault.write(f"{self.root}/.gitignore", "/out\n/count.txt\n/executed.log\n")
        fault.write(f"{self.root}/dvc.yaml", PIPELINE)
        fault.write(f"{self.root}/dvc.lock", self._lock())
        fault.write(f"{self.root}/.dvc/.gitignore", "/config.local\n/tmp\n/cache\n")
        self.configure(self.root)
        project.git(self.root, "init", "-q", "-b", "main")
        project.commit(self.root, "first")

    def _lock(self):
        def entry(path, content):
            return out_lines(path, content, self.layout, "    ")
        command = [line.split("cmd: ")[1] for line in PIPELINE.splitlines() if "cmd: " in line]
        return (f"schema: '2.0'\nstages:\n  count:\n    cmd: {command[1]}\n    deps:\n"
                + entry("out/all.csv", self.out["all.csv"]) + "    outs:\n"
                + entry("count.txt", self.count)
                + f"  gather:\n    cmd: {command[0]}\n    deps:\n" + entry("data/raw", self.raw)
                + "    outs:\n" + entry("out", self.out))

    def configure(self, root, place=None):
        """DVC's settings; what is secret only in config.local."""
        place = place or self.place
        shared, secret = place.dvc(root)
        lines = "".join(f"    {key} = {value}\n" for key, value in shared.items())
        fault.write(f"{root}/.dvc/config", f"[core]\n    remote = store\n['remote \"store\"']\n{lines}")
        lines = "".join(f"    {key} = {value}\n" for key, value in secret.items())
        fault.write(f"{root}/.dvc/config.local", f"['remote \"store\"']\n{lines}" if lines else "")

    def clone(self, name, configured=True):
        target = os.path.join(fault.scratch(), name)
        fault.remove(target)
        project.git(fault.scratch(), "clone", "-q", self.root, target)
        if configured:
            self.configure(target)
        return target
